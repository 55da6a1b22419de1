#!/usr/bin/python3
"""A throwaway cluster of three nodes, failovers, and what the checks, the agents and HAProxy answer meanwhile.

    tests/demo.py                 shows it and leaves nothing behind          (make demo)
    KEEP=1 tests/demo.py          keeps the cluster for trying the checks     (make demo KEEP=1)
    tests/demo.py stop DIRECTORY  ends what KEEP=1 has kept

Exit code 0 only if every answer was what it must be.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "live"))
try:
    import psycopg2

    import demo_agent
    import demo_checks
    import demo_managers
    import haproxy
    import installations
    import postgres
    import programs
    import reaper
    import sandbox
except ImportError as error:
    sys.exit(f"demo: {error}: apt-get install python3-psycopg2 (make deps-demo)")

from demo_agent import CLIENT, ROLE, make_slot, say  # noqa: E402 (only where the above is found)
from demo_checks import LEADER, NO, REPLICA, TURN_SECONDS, YES, Answers, ask, command  # noqa: E402

MARK = "pgha-demo"  # a file in the directory, with what else runs: stop removes no other directory


class Failure(Exception):
    """Why the demo cannot go on, in one line."""


# --- turning ---------------------------------------------------------------------------------------------------------

class Turn(threading.Thread):
    """Asks one question over and over until its answer is another one."""

    def __init__(self, program, server, before, after):
        super().__init__(daemon=True)
        self.program, self.server, self.before, self.after = program, server, before, after
        self.asked = threading.Event()
        self.code = self.at = None
        self.start()

    def run(self):
        deadline = time.monotonic() + TURN_SECONDS
        while time.monotonic() < deadline:
            self.code, _ = ask(self.program, self.server)
            self.at = time.monotonic()
            self.asked.set()
            if self.code != self.before:
                return


class Turns:
    """with Turns(answers, ...): the event.  Prints how long after it each answer turned."""

    def __init__(self, answers, *turns):
        self.answers = answers
        self.turns = [Turn(*turn) for turn in turns]
        for turn in self.turns:
            turn.asked.wait(TURN_SECONDS)  # the loops run before the event happens

    def __enter__(self):
        self.event = time.monotonic()

    def __exit__(self, kind, *_):
        if kind:
            return
        for turn in self.turns:
            turn.join()
            words = {YES: "yes", NO: "no"}
            label = f"{turn.program} on {turn.server.name}"
            before, after = words[turn.before], words.get(turn.code, f"exit code {turn.code}")
            elapsed_ms = (turn.at - self.event) * 1000
            say(f"  {label:<23}  {before:>3} -> {after:<3}  after {elapsed_ms:5.0f} ms")
            self.answers.judge(f"{label}, {elapsed_ms:.0f} ms after the event", turn.after, turn.code)


# --- the story -------------------------------------------------------------------------------------------------------

def newest_installation():
    found = installations.installations().values()
    if not found:
        raise Failure("no PostgreSQL server here: apt-get install postgresql (make deps-demo)")
    return max(found, key=lambda it: (it.source == "distribution", it.major))


def start_cluster(cluster):
    """n1 and its standbys n2 (synchronous) and n3."""
    # Only roles that can do little are let in, and the superuser through a socket that is ours: a kept cluster is a
    # guest on somebody's machine.
    n1 = cluster.primary("n1", settings={"unix_socket_permissions": "0700", **demo_checks.settings()})
    n1.hba(f"host all {ROLE},{CLIENT} samenet trust\n")
    n1.sql(f"CREATE ROLE {ROLE} LOGIN IN ROLE pg_monitor")
    n1.sql("CREATE TABLE orders (id int)")
    n1.sql(f"CREATE ROLE {CLIENT} LOGIN; GRANT SELECT, INSERT ON orders TO {CLIENT}")
    for name in ("n2", "n3"):
        make_slot(n1, name)
    n2, n3 = (cluster.standby(n1, name, primary_slot_name=name) for name in ("n2", "n3"))
    for server in (n2, n1):
        server.configure(synchronous_standby_names="FIRST 1 (n2)")
    n1.wait_until("SELECT sync_state = 'sync' FROM pg_catalog.pg_stat_replication WHERE application_name = 'n2'")
    n1.sql("INSERT INTO orders VALUES (1)")
    n3.wait_replayed(n1.lsn())
    return n1, n2, n3


def lose_primary(answers, n1, n2, n3):
    say("""
3. The primary is lost: SIGKILL to all of n1's processes. It leads no more;
   and a replica that no longer hears from a primary cannot know how far behind
   it is, so it says no, too.
""")
    with Turns(answers, (LEADER, n1, YES, NO), (REPLICA, n2, YES, NO), (REPLICA, n3, YES, NO)):
        n1.kill()
    say()
    answers.show((n1, "dead", NO, NO), (n2, "standby of a dead primary", NO, NO),
                 (n3, "standby of a dead primary", NO, NO))


def promote(answers, n2, n3):
    say("""
4. n2 is promoted, the one that has all that was acknowledged, and n3 is pointed
   to it (a slot, primary_conninfo, reload).
""")
    with Turns(answers, (LEADER, n2, NO, YES), (REPLICA, n3, NO, YES)):
        n2.promote()
        make_slot(n2, "n3")
        n3.follow(n2)


def insert(server):
    try:
        server.sql("INSERT INTO orders VALUES (2)")
    except psycopg2.Error:
        pass  # the row is counted later, and is not there


def reset_sync(answers, n2):
    say("""
   n2 still has synchronous_standby_names = 'FIRST 1 (n2)', of which
   check_pg_config warned. As a primary it waits for itself, and so does every
   commit.
""")
    commit = threading.Thread(target=insert, args=(n2,), daemon=True)
    started = time.monotonic()
    commit.start()
    n2.wait_until("SELECT count(*) = 1 FROM pg_catalog.pg_stat_activity WHERE wait_event = 'SyncRep'")
    say(f"  INSERT on n2: waits (wait_event SyncRep), {(time.monotonic() - started) * 1000:.0f} ms so far")
    n2.configure(synchronous_standby_names="")
    say("  synchronous_standby_names = '' on n2, reload")
    commit.join(TURN_SECONDS)
    rows = n2.value("SELECT count(*) FROM orders")
    say(f"  INSERT on n2: {'still waits' if commit.is_alive() else 'done'}; rows written before and after the "
        f"failover: {rows} of 2\n")
    if commit.is_alive() or rows != 2:
        answers.wrong.append("the INSERT on n2 after synchronous_standby_names was reset")


def tell_story(answers, cluster):
    say(f"""A throwaway cluster of PostgreSQL {cluster.installation.major} in {sandbox.directory()}: a primary n1,
a synchronous standby n2 (synchronous_standby_names = 'FIRST 1 (n2)')
and an asynchronous one, n3.
""")
    n1, n2, n3 = start_cluster(cluster)
    say("""1. All is well: one leader, for writes, and two replicas, for reads.
   OK is a yes (exit code 0), CRITICAL a no (2).
""")
    answers.show((n1, "primary", YES, NO), (n2, "synchronous standby", NO, YES),
                 (n3, "asynchronous standby", NO, YES), commands=True)
    demo_checks.tell_story(answers, cluster, n1, n2, (*demo_managers.PROGRAMS, *demo_managers.NOT_SHOWN))
    lose_primary(answers, n1, n2, n3)
    promote(answers, n2, n3)
    reset_sync(answers, n2)
    answers.show((n1, "dead", NO, NO), (n2, "primary now", YES, NO), (n3, "standby of n2", NO, YES))
    return n2, n3


def tell_second_story(answers, cluster, n2, n3):
    """As the first, with agents and HAProxy; they outlive this when they are kept."""
    n4 = demo_agent.replace_lost(cluster, n2, n3)
    with demo_agent.Site((n2, n3, n4)) as site:
        new, other = demo_agent.tell_story(answers, site, n2, (n3, n4), is_kept())
        if is_kept():
            keep(cluster, site, new, other)
            cluster.servers.clear()


# --- keeping the cluster, and ending it later ------------------------------------------------------------------------

def is_kept():
    return os.environ.get("KEEP", "") not in ("", "0")


def keep(cluster, site, primary, standby):
    """Takes all of it out of the hands of those who clean up behind this process."""
    standing = (primary, standby)
    for server in cluster.servers:
        if server not in standing:
            server.release()  # frees what SIGKILL left of it
    demo_agent.write_processes(sandbox.directory() / MARK, site.keep())
    for server in standing:
        sandbox.forget("process", server.process.pid)
    sandbox.forget("directory", sandbox.directory())
    say(f"\nAll of it stays up: {primary.name} is the primary, {standby.name} its standby, n1 and n2 are down.\n"
        f"Try the checks (-f json, http, haproxy ... for other formats), here:\n\n  cd {programs.REPOSITORY}")
    for server in standing:
        for program in (LEADER, REPLICA):
            say("  " + " ".join(command(program, server)))
    say("  (and the other build/check_pg_*, which take the same options)")
    say("\nAsk the agents, over HTTP (each has /status, /metrics, /snapshot, and Patroni's paths) and over a socket:\n")
    for name, agent in site.agents.items():
        say(f"  curl http://{agent.address}:{agent.http_port}/primary   # {name}")
    build = os.path.relpath(programs.build_directory(), programs.REPOSITORY)
    say(f"  {build}/pgha-ask -s {site.agents[primary.name].socket} leader")
    say("\nA client's session through HAProxy (writes; reads), and a superuser's on the primary:\n")
    for port in (site.write_port, site.read_port):
        say(f"  psql -h 127.0.0.1 -p {port} -U {CLIENT} postgres")
    say(f"  psql -h {primary.socket_dir} -p {primary.port} -U postgres")
    say(f"\nEnd it, from any shell:\n\n  {Path(__file__).resolve()} stop {sandbox.directory()}")


def postmaster(data):
    """The pid of the server that runs in this data directory, or None.  The number in postmaster.pid may be another
    process's by now; a server's working directory tells."""
    try:
        pid = int((data / "postmaster.pid").read_text(encoding="ascii").split()[0])
        return pid if Path(f"/proc/{pid}/cwd").resolve(strict=True) == data.resolve() else None
    except (FileNotFoundError, ProcessLookupError, IndexError, ValueError):
        return None


def stop(directory):
    directory = Path(directory)
    if not (directory / MARK).exists():
        raise Failure(f"{directory} is not the directory of a demo that was kept")
    demo_agent.stop_processes(directory / MARK)
    for data in sorted(directory.glob("c-*/*/data")):
        pid = postmaster(data)
        if pid:
            say(f"stopping {data.parent.name} (process {pid})")
            os.kill(pid, signal.SIGINT)
            try:
                sandbox.wait_for(lambda pid=pid: not reaper.is_alive(pid), "a fast shutdown", timeout=10)
            except sandbox.HarnessError:
                reaper.end_tree(pid)
    shutil.rmtree(directory)
    say(f"removed {directory}")


# --- all of it -------------------------------------------------------------------------------------------------------

def verify_programs():
    if haproxy.why_missing():
        raise Failure(f"{haproxy.why_missing()}: apt-get install haproxy (make deps-demo)")
    if demo_managers.why_missing():
        raise Failure(f"{demo_managers.why_missing()} (make deps-demo)")
    for program in (*demo_checks.QUESTIONS, *demo_managers.PROGRAMS, "pgha-agent", "pgha-ask"):
        if programs.why_missing("plain", program):
            raise Failure(f"{programs.build_directory() / program} is not there: make")


def show_demo():
    verify_programs()
    os.environ.pop("PGHA_LIVE_DIR", None)  # the directory is to be ours alone
    answers, started = Answers(), time.monotonic()
    with postgres.Cluster(newest_installation()) as cluster:
        tell_second_story(answers, cluster, *tell_story(answers, cluster))
    demo_managers.tell_story(answers)
    say(f"\n{time.monotonic() - started:.0f} s. " + ("Every answer was as it must be." if not answers.wrong else
                                                    "Not as it must be:"))
    for wrong in answers.wrong:
        say(f"  {wrong}")
    return 1 if answers.wrong else 0


def main(arguments):
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        if len(arguments) == 2 and arguments[0] == "stop":
            return stop(arguments[1])
        if arguments:
            raise Failure("usage: tests/demo.py [stop DIRECTORY]")
        return show_demo()
    except Failure as failure:
        return f"demo: {failure}"
    except (sandbox.HarnessError, psycopg2.Error, subprocess.SubprocessError, OSError) as error:
        return f"demo: {error}"
    except KeyboardInterrupt:
        return "\ndemo: interrupted; nothing is left of the cluster"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
