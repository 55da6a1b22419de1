"""The demo's second half: an agent beside each node, HAProxy that asks them, and clients that see a failover."""

import threading
import time
from contextlib import ExitStack
from pathlib import Path

import psycopg2

import haproxy
import ports
import reaper
import sandbox
import shipped
from agent import Agent

ROLE = "pgha"     # asks; it may read pg_stat_* and nothing else
CLIENT = "app"    # what the client is; it may use the table orders
WRITE, READ = "postgresql_write", "postgresql_read"  # as the shipped haproxy-agent.cfg calls them
LAG_LIMIT = "16MB"
BACK_SECONDS = 15  # longer than writes or reads may be away
YES, NO = 200, 503


def say(text=""):
    print(text, flush=True)


def make_slot(server, name):
    server.sql("SELECT pg_catalog.pg_create_physical_replication_slot(%s)", (name,))


# --- agents and HAProxy ----------------------------------------------------------------------------------------------

class Site:
    """An agent beside each server, and HAProxy with the shipped configuration in front of them."""

    def __init__(self, servers):
        self.servers = {server.name: server for server in servers}
        self.agents = {name: self._agent(name) for name in self.servers}
        self.write_port, self.read_port = ports.reserve(), ports.reserve()
        self.haproxy = haproxy.Haproxy(self._configuration())
        self._stack = ExitStack()

    def __enter__(self):
        with ExitStack() as stack:
            for agent in self.agents.values():
                stack.enter_context(agent)
            stack.enter_context(self.haproxy)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def _agent(self, name):
        others = {other: server for other, server in self.servers.items() if other != name}
        return Agent(self.servers[name], name=name, peers=others, config={"check replica": {"critical": LAG_LIMIT}})

    def _configuration(self):
        """The sample has servers called n1, n2 and n3, on hosts of their own."""
        lines = {}
        for sample, (name, server) in zip(("n1", "n2", "n3"), self.servers.items()):
            agent = self.agents[name]
            lines[rf"server {sample} 10\.\S+"] = (f"server {name} {server.host}:{server.port} port {agent.http_port} "
                                                 f"agent-port {agent.check_port}")
        return shipped.adapted("haproxy/haproxy-agent.cfg", {
            r"/run/haproxy/admin.sock mode 660": "{socket} mode 600",
            r"\*:5000": f"127.0.0.1:{self.write_port}",
            r"\*:5001": f"127.0.0.1:{self.read_port}",
            **lines,
        })

    def status_page(self, name):
        return f"http://{self.agents[name].address}:{self.agents[name].http_port}/status"

    def keep(self):
        """Takes all of it out of the hands of those who clean up; the processes, as {pid: what it is}."""
        self._stack.pop_all()
        processes = {self.haproxy.pid: "HAProxy"}
        for name, agent in self.agents.items():
            processes.update({pid: f"{name}'s agent ({comm})" for pid, comm in agent.processes().items()})
        for pid in processes:
            sandbox.forget("process", pid)
        return processes


def write_processes(path, processes):
    """For stop_processes(), which another process calls."""
    lines = [f"{pid} {reaper.start_time(pid)} {what}\n" for pid, what in processes.items()]
    Path(path).write_text("".join(lines), encoding="utf-8")


def stop_processes(path):
    """Those that write_processes() noted, unless the pid is somebody else's by now."""
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        pid, started, what = line.split(" ", 2)
        if reaper.is_alive(int(pid)) and reaper.start_time(int(pid)) == started:
            say(f"stopping {what} (process {pid})")
            reaper.end_tree(int(pid))


# --- what is seen ----------------------------------------------------------------------------------------------------

def show_answers(answers, site, expected):
    """Asks every agent for both roles; expected: {name: (status of /primary, of /replica)}."""
    for name, statuses in expected.items():
        for path, status in zip(("/primary", "/replica"), statuses):
            answer = site.agents[name].get(path)
            words = answer.json()["pgha"]
            say(f"  {name} {path}  {answer.status}, {words['answer']:<3} {answer.elapsed * 1000:4.1f} ms  "
                f"{words['summary'][:47]}")
            answers.judge(f"{path} of {name}'s agent", status, answer.status, "status")


def show_balancer(site):
    rows = site.haproxy.servers()
    for title, backend in (("writes", WRITE), ("reads", READ)):
        up = [f"{name} (weight {rows[backend, name]['weight']})" for name in sorted(site.haproxy.up(backend))]
        say(f"  HAProxy, {title:<6} -> {', '.join(up) or 'nobody'}")


class Watch(threading.Thread):
    """Asks one agent one thing all the time, and keeps when its answer changed."""

    def __init__(self, agent, path):
        super().__init__(daemon=True)
        self.agent, self.path = agent, path
        self.changes = []  # (instant, status)
        self.failure = None
        self.ended = threading.Event()
        self.start()

    def run(self):
        try:
            connection = self.agent.connect_http()
            while not self.ended.wait(0.002):
                connection.request("GET", self.path)
                response = connection.getresponse()
                response.read()
                if not self.changes or self.changes[-1][1] != response.status:
                    self.changes.append((time.monotonic(), response.status))
        except OSError as error:
            self.failure = error

    def status(self):
        return self.changes[-1][1] if self.changes else None

    def finish(self):
        self.ended.set()
        self.join()


class Client(threading.Thread):
    """One that does the same small thing over and over through one port, in one session until that fails, or in a new
    one each time."""

    def __init__(self, port, query, is_session_kept):
        super().__init__(daemon=True)
        self.port, self.query, self.is_session_kept = port, query, is_session_kept
        self.number = 0
        self.done = []     # (instant, number, the port of the server that did it)
        self.failures, self.failure = 0, None
        self.ended = threading.Event()
        self.start()

    def run(self):
        while not self.ended.is_set():
            try:
                self._work()
            except psycopg2.Error as error:
                self.failures, self.failure = self.failures + 1, error
                self.ended.wait(0.02)

    def _work(self):
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user=CLIENT, dbname="postgres",
                                      connect_timeout=2, options="-c statement_timeout=1000",
                                      sslmode="disable", gssencmode="disable")
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                while not self.ended.wait(0.002):
                    self.number += 1
                    cursor.execute(self.query, {"number": self.number})
                    self.done.append((time.monotonic(), self.number, cursor.fetchone()[0]))
                    if not self.is_session_kept:
                        return
        finally:
            connection.close()

    def wait_back(self, instant, what, detail):
        """Until it has done some more things after `instant`."""
        sandbox.wait_for(lambda: sum(at > instant for at, *_ in self.done) > 20, f"{what} to be back", BACK_SECONDS,
                         detail=lambda: f"{len(self.done)} were done, {self.failures} failed, the last one with: "
                                        f"{self.failure}\n{detail()}")

    def away(self):
        """The longest time from one success to the next: (seconds, its beginning, its end)."""
        instants = [at for at, *_ in self.done]
        return max((after - before, before, after) for before, after in zip(instants, instants[1:]))

    def finish(self):
        self.ended.set()
        self.join()


# --- the story -------------------------------------------------------------------------------------------------------

def replace_lost(cluster, n2, n3):
    """n4 takes the place of the lost n1, and one of n3 and n4 has whatever was acknowledged."""
    make_slot(n2, "n4")
    n4 = cluster.standby(n2, "n4", primary_slot_name="n4")
    n2.configure(synchronous_standby_names="ANY 1 (n3, n4)")
    n2.wait_until("SELECT count(*) = 2 FROM pg_catalog.pg_stat_replication WHERE sync_state = 'quorum'")
    return n4


def most_advanced(standbys):
    """The standbys, the one that received most first.  Only that one has all that was acknowledged, and the others can
    follow no other: a server does not go back to where another one left the common path."""
    received = "SELECT pg_catalog.pg_last_wal_receive_lsn() - '0/0'::pg_lsn"
    return sorted(standbys, key=lambda server: server.value(received), reverse=True)


def fail_over(watches, n2, standbys):
    """The demo is the failover manager: it acts as soon as the agents have seen what happened.
    ([(instant, event)], the new primary, its standby)"""
    events = [(time.monotonic(), "n2: SIGKILL to all its processes")]
    n2.kill()
    seen = [watches["n2", "/primary"], *(watches[server.name, "/replica"] for server in standbys)]
    sandbox.wait_for(lambda: all(watch.status() == NO for watch in seen), "the agents to see the loss", 10, 0.002)
    new, other = most_advanced(standbys)
    events.append((time.monotonic(), f"{new.name}: promotion begins"))
    new.promote()
    events.append((time.monotonic(), f"{new.name}: out of recovery; {other.name} is pointed to it"))
    make_slot(new, other.name)
    other.follow(new)
    return events, new, other


def show_changes(answers, watches, events, expected):
    """What was done and every change of an answer; each watch must have heard just what is expected of it."""
    changes = [(at, f"    {name}'s agent, {path}: {'yes' if status == YES else 'no'} ({status})")
               for (name, path), watch in watches.items() for at, status in watch.changes[1:]]
    for at, words in sorted(events + changes):
        say(f"  {(at - events[0][0]) * 1000:5.0f} ms  {words}")
    for key, statuses in expected.items():
        heard = [status for _, status in watches[key].changes]
        if heard != statuses or watches[key].failure:
            answers.wrong.append(f"{key[1]} of {key[0]}'s agent was {heard} instead of {statuses} "
                                 f"{watches[key].failure or ''}".rstrip())


def show_outage(site, title, client, lost):
    seconds, before, after = client.away()
    names = {server.port: name for name, server in site.servers.items()}
    served = [{names[port] for at, _, port in client.done if (at > before) is late} for late in (False, True)]
    say(f"  {title:<6} away for {seconds * 1000:5.0f} ms, from {(before - lost) * 1000:.0f} to "
        f"{(after - lost) * 1000:.0f} ms; before by {', '.join(sorted(served[0]))}, after by "
        f"{', '.join(sorted(served[1]))}")


def audit(answers, primary, writer):
    """Every acknowledged row must be there."""
    written = {row[0] for row in primary.sql("SELECT id FROM orders WHERE id > 1000000")}
    acknowledged = {1000000 + number for _, number, _ in writer.done}
    missing = acknowledged - written
    say(f"  {len(acknowledged)} rows acknowledged, {len(missing)} of them missing on {primary.name}")
    if missing:
        answers.wrong.append(f"{len(missing)} acknowledged rows are missing")


def live_through(answers, site, n2, standbys):
    """(the new primary, its standby)"""
    writer = Client(site.write_port, "INSERT INTO orders VALUES (1000000 + %(number)s) RETURNING inet_server_port()",
                    is_session_kept=True)
    reader = Client(site.read_port, "SELECT inet_server_port(), count(*) FROM orders WHERE id = %(number)s",
                    is_session_kept=False)
    watches = {(name, path): Watch(agent, path) for name, agent in site.agents.items()
               for path in ("/primary", "/replica")}
    for client, what in ((writer, "writes"), (reader, "reads")):
        client.wait_back(0, what, site.haproxy.summary)
    sandbox.wait_for(lambda: all(watch.changes for watch in watches.values()), "the first answers", 5)
    events, new, other = fail_over(watches, n2, standbys)
    turned = (watches[new.name, "/primary"], watches[other.name, "/replica"])
    sandbox.wait_for(lambda: all(watch.status() == YES for watch in turned),
                     "the agents to see the new primary and its standby", BACK_SECONDS)
    ready = time.monotonic()
    writer.wait_back(ready, "writes", site.haproxy.summary)
    reader.wait_back(ready, "reads", site.haproxy.summary)
    for thread in (writer, reader, *watches.values()):
        thread.finish()
    show_changes(answers, watches, events, {
        ("n2", "/primary"): [YES, NO], ("n2", "/replica"): [NO],
        (new.name, "/primary"): [NO, YES], (new.name, "/replica"): [YES, NO],
        (other.name, "/primary"): [NO], (other.name, "/replica"): [YES, NO, YES],
    })
    say()
    show_outage(site, "writes", writer, events[0][0])
    show_outage(site, "reads", reader, events[0][0])
    audit(answers, new, writer)
    return new, other


def show_page(answers, site, name, is_kept):
    answer = site.agents[name].get("/status")
    answers.judge(f"/status of {name}'s agent", YES, answer.status, "status")
    say(f"\nEach agent has a page for people{'' if is_kept else ' (KEEP=1 keeps it)'}: {site.status_page(name)}")


def tell_story(answers, site, n2, standbys, is_kept):
    """(the new primary, its standby)"""
    say(f"""
5. n4, a clone of n2, takes the place of n1, and a commit waits for one of n3
   and n4. Beside each of the three an agent asks its server every 250 ms and
   answers from memory. HAProxy asks the agents: its port {site.write_port} is for
   writes, {site.read_port} for reads.
""")
    site.haproxy.wait_up(WRITE, {"n2"})
    site.haproxy.wait_up(READ, {"n3", "n4"})
    show_answers(answers, site, {"n2": (YES, NO), "n3": (NO, YES), "n4": (NO, YES)})
    show_balancer(site)
    say("""
6. A client writes and another reads, all the time, and n2 is lost. The demo is
   the failover manager: when the agents have seen it, the standby that received
   most is promoted.
""")
    new, other = live_through(answers, site, n2, standbys)
    say()
    site.haproxy.wait_up(WRITE, {new.name})
    site.haproxy.wait_up(READ, {other.name})
    show_answers(answers, site, {"n2": (NO, NO), new.name: (YES, NO), other.name: (NO, YES)})
    show_balancer(site)
    show_page(answers, site, new.name, is_kept)
    return new, other
