"""HAProxy asks an agent on each database host: up and down, weights from the lag, drains, and agents that die."""

import re
import time
from contextlib import ExitStack, closing

import psycopg2
import pytest

import agent
import haproxy
import ports
import postgres
import programs
import reaper
import sandbox
import shipped
from test_haproxy import PASSWORD, PATIENT_SECONDS, Writer
from test_lag import commit, conflicting_query, write_wal

LAG_LIMIT = "1MB"  # instead of the shipped 64MB and 16MB, so that a test is past it soon
RECOVER = "256kB"
WRITE, READ = "postgresql_write", "postgresql_read"

# As Patroni's documentation and its own haproxy.cfg have it, with a limit for the read side as its REST API takes it.
PATRONI = """\
global
    maxconn 100
    stats socket {socket} mode 600 level admin

defaults
    mode tcp
    retries 2
    timeout client 30m
    timeout connect 4s
    timeout server 30m
    timeout check 5s

listen postgresql_write
    bind *:5000
    option httpchk OPTIONS /primary
    http-check expect status 200
    default-server inter 3s fall 3 rise 2 on-marked-down shutdown-sessions
SERVERS

listen postgresql_read
    bind *:5001
    option httpchk OPTIONS /replica?lag=1MB
    http-check expect status 200
    default-server inter 3s fall 3 rise 2 on-marked-down shutdown-sessions
SERVERS
"""


class Site:
    """A primary, two standbys, an agent beside each, as agent-minimal.ini has it but patient, two ports of HAProxy."""

    def __init__(self, cluster):
        self.primary = cluster.primary()
        self.primary.sql(f"CREATE ROLE pgha LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor")
        self.primary.hba("host all pgha samenet scram-sha-256\n")
        commit(self.primary)
        self.standbys = {name: cluster.standby(self.primary, name, max_standby_streaming_delay="-1")
                         for name in ("n2", "n3")}
        self.servers = {"n1": self.primary, **self.standbys}
        self.names = {server.port: name for name, server in self.servers.items()}
        passfile = sandbox.make_directory("etc") / "pgpass"
        passfile.write_text(f"*:*:*:pgha:{PASSWORD}\n", encoding="utf-8")
        passfile.chmod(0o600)
        sandbox.give(passfile)
        self.agents = {name: self._agent(name, server, passfile) for name, server in self.servers.items()}
        self.write_port, self.read_port = ports.reserve(), ports.reserve()
        self.haproxy = None
        self._stack = ExitStack()

    @staticmethod
    def _agent(name, server, passfile):
        made = agent.Agent(server, name=name)
        patience = "".join(f"{key} = {value}\n" for key, value in agent.PATIENT.items())
        made.write(f"[agent]\nrun_directory = {made.run_directory}\n{patience}" + shipped.adapted("agent-minimal.ini", {
            r"host=/var/run/postgresql": f"host={server.host} port={server.port}",
            r"passfile=\S+": f"passfile={passfile}",
            r"\[::\]:8009": f"127.0.0.1:{made.http_port}",
            r"\[::\]:8010": f"127.0.0.1:{made.check_port}",
            r"critical = 64MB": f"critical = {LAG_LIMIT}",
            r"recover = 16MB": f"recover = {RECOVER}",
            r"/run/pgha/leader.track": str(made.track_path("leader")),
        }))
        return made

    def shipped(self, **changes):
        """configs/haproxy/haproxy-agent.cfg with this site's addresses; `changes` are more replacements."""
        return shipped.adapted("haproxy/haproxy-agent.cfg", {
            r"/run/haproxy/admin.sock mode 660": "{socket} mode 600",
            r"\*:5000": f"127.0.0.1:{self.write_port}",
            r"\*:5001": f"127.0.0.1:{self.read_port}",
            **{rf"server {name} \S+": f"server {name} {server.host}:{server.port} port {self.agents[name].http_port} "
                                      f"agent-port {self.agents[name].check_port}"
               for name, server in self.servers.items()},
            **changes,
        })

    def patroni(self):
        servers = "\n".join(f"    server {name} {server.host}:{server.port} maxconn 100 check "
                            f"port {self.agents[name].http_port}" for name, server in self.servers.items())
        return PATRONI.replace("SERVERS", servers).replace("*:5000", f"127.0.0.1:{self.write_port}").replace(
            "*:5001", f"127.0.0.1:{self.read_port}")

    def start_haproxy(self, configuration):
        if self.haproxy:
            self.haproxy.__exit__()
        self.haproxy = haproxy.Haproxy(configuration)
        self.haproxy.__enter__()

    def __enter__(self):
        for each in self.agents.values():
            self._stack.enter_context(each)
        return self

    def __exit__(self, *error):
        if self.haproxy:
            self.haproxy.__exit__()
        self._stack.__exit__(*error)
        ports.release(self.write_port)
        ports.release(self.read_port)

    def connect(self, port):
        return psycopg2.connect(host="127.0.0.1", port=port, user="pgha", password=PASSWORD, dbname="postgres",
                                connect_timeout=PATIENT_SECONDS)

    def ask(self, port):
        """(name of the server behind the port, whether it is in recovery), or None when nobody answers."""
        try:
            connection = self.connect(port)
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT current_setting('port')::int, pg_catalog.pg_is_in_recovery()")
                    number, in_recovery = cursor.fetchone()
                    return self.names[number], in_recovery
            finally:
                connection.close()
        except psycopg2.Error:
            return None

    def readers(self, count=12):
        """What so many reads in a row reach: {(name, in recovery)}; None for one that nobody answers."""
        return {self.ask(self.read_port) for _ in range(count)}

    def stopwatch(self, writer):
        """A programs.Stopwatch of all that leads a write to n2."""
        def processes():
            yield from agents()
            yield from self.haproxy.threads()
            yield from reaper.family(self.servers["n2"].process.pid)
            yield f"self/task/{writer.native_id}"
        agents = self.agents["n2"].living
        return programs.Stopwatch(processes)

    def row(self, backend, name):
        return self.haproxy.servers()[backend, name]

    def wait_row(self, backend, name, condition, what, timeout=60):
        return sandbox.wait_for(lambda: condition(self.row(backend, name)), f"{backend}/{name} to be {what}", timeout,
                                detail=lambda: f"{self.row(backend, name)}\n{self.haproxy.summary()}")


@pytest.fixture
def bare_site(any_installation):
    """Without HAProxy."""
    if haproxy.why_missing():
        pytest.skip(haproxy.why_missing())
    with postgres.Cluster(any_installation) as cluster, Site(cluster) as made:
        yield made


@pytest.fixture
def site(bare_site):
    """HAProxy as it is shipped, but that it waits longer for an answer that it gets."""
    return started(bare_site, **{"timeout check 1s": "timeout check 5s"})


def started(bare_site, **changes):
    bare_site.start_haproxy(bare_site.shipped(**changes))
    bare_site.haproxy.wait_up(WRITE, {"n1"})
    bare_site.haproxy.wait_up(READ, {"n2", "n3"})
    return bare_site


# --- failover --------------------------------------------------------------------------------------------------------

def test_writes_follow_the_promotion_and_reads_the_replicas(site, record_property):
    assert site.readers() == {("n2", True), ("n3", True)}
    with Writer(site) as writer:
        sandbox.wait_for(lambda: len(writer.answers) > 20, "writes")
        assert {name for _, name, _ in writer.answers} == {"n1"}
        killed = time.monotonic()
        site.primary.kill()
        site.haproxy.wait_up(WRITE, set())
        record_property("crash_to_down_seconds", round(time.monotonic() - killed, 3))
        promoted, watch = time.monotonic(), site.stopwatch(writer)
        site.standbys["n2"].promote()
        sandbox.wait_for(lambda: writer.reached("n2"), "a write that reaches the new primary", 60,
                         detail=site.haproxy.summary)
        waited = watch.waited()
        first = next(when for when, name, _ in writer.answers if name == "n2")
        record_property("write_outage_seconds", round(first - killed, 3))
        record_property("promotion_to_write_seconds", round(first - promoted, 3))
        assert first - promoted - waited < 3, "the agent's interval, HAProxy's own, and a promotion"
    assert [answer for answer in writer.answers if answer[2]] == [], "a server in recovery got a write"
    site.haproxy.wait_up(READ, set())  # n3 has lost its sender, n2 is the leader
    assert site.readers(4) == {None}
    site.standbys["n3"].follow(site.standbys["n2"])
    site.haproxy.wait_up(READ, {"n3"})
    assert site.readers() == {("n3", True)}
    assert site.haproxy.up(WRITE) == {"n2"}


def test_a_session_on_the_old_primary_is_ended(site):
    """The kernel of a host that hangs keeps connections open; without on-marked-down clients wait for ever."""
    n1 = site.agents["n1"]
    n1.write(re.sub(r"(?m)^(timeout|max_age) = .*\n", "", n1.file.read_text(encoding="utf-8")))
    n1.reload()  # with the times that it has by default it sees a hang soon
    site.haproxy.wait_up(WRITE, {"n1"})
    with closing(site.connect(site.write_port)) as session:
        session.cursor().execute("SELECT 1")
        site.primary.freeze()
        try:
            site.haproxy.wait_up(WRITE, set())
            with pytest.raises(psycopg2.OperationalError):
                session.cursor().execute("SELECT 1")
        finally:
            site.primary.thaw()
    site.haproxy.wait_up(WRITE, {"n1"})


# --- lag -------------------------------------------------------------------------------------------------------------

def test_weights_fall_with_the_lag(site):
    site.wait_row(READ, "n2", lambda row: row["weight"] == "100", "at its full weight")
    with conflicting_query(site.primary, site.standbys["n2"]):
        site.primary.sql("SELECT pg_catalog.pg_logical_emit_message(true, 'test', repeat('x', 512 * 1024))")
        site.wait_row(READ, "n2", lambda row: 25 <= int(row["weight"]) <= 75, "at about half of its weight")
        assert site.row(READ, "n2")["status"] == "UP"
        site.wait_row(READ, "n3", lambda row: row["weight"] == "100", "at its full weight, when it has replayed that")
        write_wal(site.primary, 2)
        site.haproxy.wait_up(READ, {"n3"})
        assert "lag" in site.row(READ, "n2")["agent_desc"] + site.row(READ, "n2")["last_agt"]
        assert site.readers() == {("n3", True)} and site.haproxy.up(WRITE) == {"n1"}
    site.haproxy.wait_up(READ, {"n2", "n3"})
    site.wait_row(READ, "n2", lambda row: row["weight"] == "100", "at its full weight again")
    assert site.readers() == {("n2", True), ("n3", True)}


# --- the operator's switch -------------------------------------------------------------------------------------------

def test_a_drain_keeps_sessions_and_is_taken_back(site):
    with closing(site.connect(site.write_port)) as session:
        session.cursor().execute("SELECT 1")
        assert site.agents["n1"].ask("--drain", "leader").code == 0
        site.wait_row(WRITE, "n1", lambda row: row["status"] == "DRAIN (agent)", "drained")
        stop = time.monotonic() + 3  # several health checks, each of which must not take it for down
        while time.monotonic() < stop:
            assert site.row(WRITE, "n1")["status"] == "DRAIN (agent)", site.haproxy.summary()
            time.sleep(0.05)
        session.cursor().execute("SELECT 1")
        assert site.ask(site.write_port) is None, "no new session"
        assert site.agents["n1"].ask("--undrain", "leader").code == 0
        site.wait_row(WRITE, "n1", lambda row: row["status"] == "UP", "up again")
        assert site.ask(site.write_port) == ("n1", False)
        session.cursor().execute("SELECT 1")


def test_a_drained_replica_gets_no_reads(site):
    assert site.agents["n2"].ask("--drain").code == 0
    site.haproxy.wait_up(READ, {"n3"})
    assert site.readers() == {("n3", True)}
    assert site.agents["n2"].ask("--undrain").code == 0
    site.haproxy.wait_up(READ, {"n2", "n3"})
    assert site.readers() == {("n2", True), ("n3", True)}


def test_a_drained_server_that_dies_is_down(site):
    """The health check's exception for drains is for those that would be up else."""
    assert site.agents["n1"].ask("--drain", "leader").code == 0
    site.wait_row(WRITE, "n1", lambda row: row["status"] == "DRAIN (agent)", "drained")
    site.primary.kill()
    site.wait_row(WRITE, "n1", lambda row: row["status"].startswith("DOWN"), "down")


# --- agents that are gone --------------------------------------------------------------------------------------------

def test_a_killed_agent_takes_its_server_out(site, record_property):
    killed = time.monotonic()
    site.agents["n1"].kill()
    site.haproxy.wait_up(WRITE, set())
    record_property("agent_killed_to_down_seconds", round(time.monotonic() - killed, 3))
    assert site.row(WRITE, "n1")["check_status"] == "L4CON"
    site.agents["n1"].start()
    site.haproxy.wait_up(WRITE, {"n1"})


def test_a_stopped_agent_takes_its_server_out(bare_site, record_property):
    """The kernel goes on accepting for it."""
    site = started(bare_site)
    stopped = time.monotonic()
    site.agents["n2"].freeze()
    site.haproxy.wait_up(READ, {"n3"})
    record_property("agent_stopped_to_down_seconds", round(time.monotonic() - stopped, 3))
    site.agents["n2"].thaw()
    site.haproxy.wait_up(READ, {"n2", "n3"})


def test_a_standby_without_agent_gets_no_writes(bare_site):
    """HAProxy takes a server that it has not heard of for up, until its health check fails."""
    bare_site.agents["n2"].stop()
    bare_site.start_haproxy(bare_site.shipped())
    bare_site.haproxy.wait_up(WRITE, {"n1"})
    bare_site.haproxy.wait_up(READ, {"n3"})


def test_agent_check_alone_would_not_do(bare_site):
    """What the shipped file's comment says of HAProxy: it is the reason for the health check."""
    bare_site.start_haproxy(bare_site.shipped(**{r"default-server check port 8009 ": "default-server "}))
    bare_site.wait_row(WRITE, "n2", lambda row: row["status"] == "DOWN (agent)", "down")
    bare_site.agents["n1"].kill()
    bare_site.wait_row(WRITE, "n1", lambda row: row["agent_status"].endswith("L4CON"), "without an agent")
    stop = time.monotonic() + 3
    while time.monotonic() < stop:
        assert bare_site.ask(bare_site.write_port) == ("n1", False), "HAProxy knows better now: tell the configuration"
        time.sleep(0.05)


# --- a configuration written for Patroni -----------------------------------------------------------------------------

def test_a_configuration_for_patroni_works_unchanged(bare_site, record_property):
    bare_site.start_haproxy(bare_site.patroni())
    bare_site.haproxy.wait_up(WRITE, {"n1"})
    bare_site.haproxy.wait_up(READ, {"n2", "n3"})
    assert bare_site.ask(bare_site.write_port) == ("n1", False)
    assert bare_site.readers() == {("n2", True), ("n3", True)}
    with conflicting_query(bare_site.primary, bare_site.standbys["n3"]):
        write_wal(bare_site.primary, 2)
        bare_site.haproxy.wait_up(READ, {"n2"})
        assert bare_site.row(READ, "n3")["check_code"] == "503"
    bare_site.haproxy.wait_up(READ, {"n2", "n3"})
    killed = time.monotonic()
    bare_site.primary.kill()
    bare_site.standbys["n2"].promote()
    bare_site.haproxy.wait_up(WRITE, {"n2"})
    record_property("patroni_configuration_failover_seconds", round(time.monotonic() - killed, 3))
    assert bare_site.ask(bare_site.write_port) == ("n2", False)
    bare_site.haproxy.wait_up(READ, set())
