"""What happens to pgha-agent when PostgreSQL, or one of its own processes, dies, hangs or comes back."""

import os
import re
import signal
import time

import pytest

import pgbouncer
import postgres
import programs
import reaper
import sandbox
from agent import LIMIT, PATIENT, Agent

GRACE = 0.3
QUICK = {"agent": {"interval": "100ms", "timeout": "400ms", "max_age": "1s"}}  # where something stands still
QUICK_PATIENT = {"agent": {**PATIENT, "interval": "100ms"}}  # where it ends


@pytest.fixture(scope="module")
def cluster(any_installation):
    with postgres.Cluster(any_installation) as cluster:
        server = cluster.primary()
        server.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        yield cluster


@pytest.fixture
def primary(cluster):
    """One server for all, which a test may leave in any state; whoever asked it before is gone."""
    server = cluster.servers[0]
    server.thaw()
    if not server.is_running():
        server.start()
    server.wait_until("SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'pgha'")
    return server


def ask_until(agent, status, path="/primary", pids=()):
    """Asks again and again until that comes: (seconds until then, the slowest answer's), see programs.Stopwatch, of
    the agent and these processes."""
    watch, slowest, started = programs.Stopwatch(lambda: [*agent.living(), *pids]), 0.0, time.monotonic()
    while True:
        answer = agent.get(path)
        slowest = max(slowest, answer.elapsed)
        if answer.status == status:
            return watch.seconds(), slowest
        assert time.monotonic() - started < LIMIT, f"not {status}: {answer}\n{agent.log_tail()}"
        time.sleep(0.002)


def assert_stays(agent, status, looks=3):
    """While it looks at its server so many times more."""
    for _ in range(looks):
        assert agent.status("/primary") == status, agent.log_tail()
        agent.wait_looks()
    assert agent.status("/primary") == status, agent.log_tail()


# --- the server ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("end", ("kill", "postmaster", "immediate", "fast"))
def test_server_ends(primary, end, record_property):
    """Seen when it happens, not at the next look; and taken back when the server is."""
    with Agent(primary, tracks=("leader",), config={"agent": {**PATIENT, "interval": "2s"}}) as agent:
        agent.wait_track("leader", "1")
        pids = primary.processes()
        if end == "kill":
            primary.kill()
        elif end == "postmaster":
            os.kill(primary.process.pid, signal.SIGKILL)
        else:
            primary.stop(end)
        elapsed, slowest = ask_until(agent, 503, pids=pids)
        record_property(f"no_after_{end}_ms", round(elapsed * 1000, 1))
        if end == "postmaster":  # its backends end when they notice
            primary.process.wait()
            primary.kill()
            assert reaper.wait_gone(pids, LIMIT)
        assert elapsed < GRACE and slowest < GRACE, (elapsed, slowest)
        assert agent.wait_track("leader", "0") < GRACE
        assert agent.agent_check("leader\n").startswith("down #")
        assert agent.ask("leader").code == 2
        primary.start()
        agent.wait_status("/primary", 200)
        assert agent.wait_track("leader", "1") < GRACE


def test_restart_in_a_row(primary):
    with Agent(primary, config=QUICK_PATIENT) as agent:
        for _ in range(5):
            primary.restart()
            agent.wait_status("/primary", 200)
        assert len(agent.log_text().splitlines()) < 40, "a line for each change, not more"


@pytest.mark.parametrize("who", ("all", "postmaster"))
def test_server_stands_still(primary, who, record_property):
    """Frozen: the answers stay quick, and become no by timeout; with the postmaster alone the session still answers."""
    config = QUICK_PATIENT if who == "postmaster" else QUICK
    with Agent(primary, config=config, tracks=("leader",)) as agent:
        agent.wait_track("leader", "1")
        if who == "postmaster":
            primary.freeze_postmaster()
            assert_stays(agent, 200, looks=10)
            primary.thaw()
            return
        primary.freeze()
        elapsed, slowest = ask_until(agent, 503)
        assert elapsed < 0.1 + 0.4 + GRACE and slowest < GRACE
        record_property("no_after_sigstop_ms", round(elapsed * 1000))
        assert agent.wait_track("leader", "0") < GRACE
        answer = agent.get("/check/leader").json()
        assert answer["fault"]["class"] == "timeout", answer
        elapsed = sorted(agent.get("/primary").elapsed for _ in range(300))
        record_property("p99_ms_while_stopped", round(elapsed[296] * 1000, 2))
        assert elapsed[296] < 0.05
        primary.thaw()
        agent.wait_status("/primary", 200)


def test_terminated_probe_is_no_no(primary):
    """pg_terminate_backend on the probe's session: connected anew at once, and nobody hears of it."""
    def probes():
        return [pid for pid, in primary.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'pgha-agent'")]

    with Agent(primary, config=QUICK_PATIENT, tracks=("leader",)) as agent:
        agent.wait_track("leader", "1")
        inode = agent.track_path("leader").stat().st_ino
        for _ in range(10):
            before = probes()
            assert len(before) == 1 and primary.value(f"SELECT pg_terminate_backend({before[0]})")
            assert_stays(agent, 200, looks=1)
            sandbox.wait_for(lambda: len(probes()) == 1 and probes() != before, "the probe to be back")
        assert agent.track_path("leader").stat().st_ino == inode
        assert ": no" not in agent.log_text().replace("replica: no", "")


def test_terminated_again_and_again(primary):
    """A server that ends every session at once is not asked at every moment."""
    with Agent(primary, config={"agent": {**PATIENT, "interval": "200ms"}}) as agent:
        before, started = agent.metrics()['pgha_probes_total{target="postgres"}'], time.monotonic()
        while time.monotonic() < started + 2:
            primary.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgha-agent'")
        after, lasted = agent.metrics()['pgha_probes_total{target="postgres"}'], time.monotonic() - started
        assert after - before < 2 * lasted / 0.2 + 5, "at most twice as often as it looks anyway"


def test_full_server(primary):
    """max_connections reached: the session that is open answers, and the leader stays one."""
    with Agent(primary, config=QUICK_PATIENT) as agent:
        taken = []
        try:
            for _ in range(40):
                try:
                    taken.append(primary.connect(user="pgha"))
                except Exception as error:  # noqa: BLE001  psycopg2.OperationalError, whatever its words
                    assert "connection" in str(error)
                    break
            assert len(taken) < 40
            assert_stays(agent, 200, looks=8)
        finally:
            for connection in taken:
                connection.close()


def test_pgbouncer_in_between(primary):
    """Transaction pooling, PgBouncer's restart, and a server that restarts behind it."""
    if pgbouncer.why_missing():
        pytest.skip(pgbouncer.why_missing())
    with pgbouncer.Pgbouncer(primary, "transaction", "server_login_retry = 1\n") as pooler:
        # A pooler whose server is away lets its clients wait.
        config = {"agent": {"interval": "100ms", "timeout": "4s", "max_age": "30s"}}
        with Agent(pooler, config=config) as agent:
            assert agent.status("/primary") == 200
            primary.stop("immediate")
            agent.wait_status("/primary", 503)
            primary.start()
            agent.wait_status("/primary", 200)
            sandbox.terminate(pooler.process)
            agent.wait_status("/primary", 503)
            pooler.__enter__()
            agent.wait_status("/primary", 200)
            assert_stays(agent, 200, looks=10)


def test_unknown_name(primary):
    """A target whose name cannot be resolved, or takes long, is that target's trouble alone."""
    peers = {"n2": "host=no.such.name.invalid user=pgha", "n3": "host=192.0.2.1 user=pgha"}
    config = {"agent": {"interval": "100ms", "timeout": "4s", "max_age": "30s"}}
    with Agent(primary, peers=peers, config=config) as agent:
        for _ in range(20):
            agent.wait_looks()
            answer = agent.get("/primary")
            assert answer.status == 200 and answer.elapsed < GRACE, answer
        assert agent.metrics()['pgha_up{target="n2"}'] == 0
        assert agent.metrics()['pgha_up{target="n3"}'] == 0
    with Agent("host=no.such.name.invalid user=pgha", config=QUICK) as agent:
        answer = agent.get("/primary")
        assert answer.status == 503 and answer.elapsed < GRACE and "no.such.name" in answer.text, answer


def test_started_before_its_server(primary):
    primary.stop()
    with Agent(primary, tracks=("leader",), config=QUICK_PATIENT) as agent:
        assert agent.status("/primary") == 503 and agent.status("/health") == 503
        agent.wait_track("leader", "0")
        assert agent.status("/liveness") == 200, "the agent itself gets on"
        primary.start()
        agent.wait_status("/primary", 200)
        agent.wait_track("leader", "1")


# --- its own processes -----------------------------------------------------------------------------------------------

REPLACED = r"the worker of postgres has been silent for .* ms: killed"


def said_meanwhile(agent, start):
    """What it says at every door while its worker stands still; None if that was replaced before all was heard."""
    said = {"checks": [agent.get("/check/leader").json() for _ in range(5)],
            "agent-check": agent.agent_check("leader\n"),
            "ask": agent.ask("-f", "keepalived", "leader").code,
            "liveness": agent.status("/liveness"),
            "age": agent.metrics()['pgha_probe_age_seconds{target="postgres"}']}
    watch = agent.stopwatch()
    while not re.search(REPLACED, agent.log_text()[start:]):
        if agent.track("leader") == "0\n":
            return {**said, "track": watch.seconds()}
        time.sleep(0.005)
    return None


def test_worker_stands_still(primary):
    """What it saw last is believed for max_age and no longer; then it is replaced."""
    config = {"agent": {"interval": "100ms", "timeout": "1800ms", "max_age": "2s"}}
    with Agent(primary, config=config, tracks=("leader",)) as agent:
        said = None
        for _ in range(5):  # the time until it is replaced is too short for a test that is held up
            agent.wait_status("/primary", 200)
            worker, start = agent.pid_of("postgres"), len(agent.log_text())
            agent.wait_looks()
            started = time.monotonic()
            os.kill(worker, signal.SIGSTOP)
            elapsed, slowest = ask_until(agent, 503)
            assert time.monotonic() - started > 1 and elapsed < 2 + GRACE and slowest < GRACE, (elapsed, slowest)
            said = said or said_meanwhile(agent, start)
            agent.wait_log(REPLACED, start=start)
            agent.wait_status("/primary", 200)
            assert agent.pid_of("postgres") != worker
            if said:
                break
        assert {answer["answer"] for answer in said["checks"]} == {"no"}, said
        assert all("old" in answer["summary"] for answer in said["checks"]), said
        assert said["agent-check"].startswith("down #") and said["ask"] == 1 and said["liveness"] == 503
        assert said["age"] > 1 and said["track"] < GRACE


def test_worker_killed(primary):
    """Restarted; the facts are still fresh, so that nobody hears of it."""
    with Agent(primary, peers={"n2": "host=127.0.0.1 port=1 user=pgha"}, tracks=("leader",),
               config={"agent": PATIENT}) as agent:
        agent.wait_track("leader", "1")
        inode = agent.track_path("leader").stat().st_ino
        for _ in range(3):
            worker = agent.pid_of("postgres")
            os.kill(worker, signal.SIGKILL)
            assert agent.status("/primary") == 200, agent.log_tail()
            agent.wait_pid_of("postgres", worker)
            assert_stays(agent, 200, looks=2)
        assert agent.track_path("leader").stat().st_ino == inode
        assert agent.metrics()['pgha_worker_restarts_total{target="postgres"}'] == 3
        assert agent.metrics()['pgha_worker_restarts_total{target="n2"}'] == 0
        agent.wait_log("the worker of postgres was ended by signal 9")


def test_nothing_is_left_of_workers(primary):
    """Descriptors, children and zombies after many deaths are as many as before."""
    with Agent(primary, peers={"n2": "host=127.0.0.1 port=1 user=pgha"}, tracks=("leader",),
               config=QUICK_PATIENT) as agent:
        agent.wait_pid_of("track")
        agent.wait_looks(2)
        processes = sorted(agent.processes().values())
        descriptors = min(len(agent.descriptors()) for _ in range(10))  # who asked last is let go of in a moment
        for name in ("postgres", "n2", "track") * 3:
            pid = agent.wait_pid_of(name)
            os.kill(pid, signal.SIGKILL)
            agent.wait_pid_of(name, pid)
        sandbox.wait_for(lambda: sorted(agent.processes().values()) == processes, "the same processes as before",
                         detail=lambda: str(agent.processes()))
        sandbox.wait_for(lambda: len(agent.descriptors()) <= descriptors, "no more descriptors than before",
                         detail=lambda: str(agent.descriptors()))
        assert not [pid for pid in agent.processes() if reaper.stat_fields(pid)[0] == "Z"]


def test_track_writer_killed(primary):
    """Another one takes over, and its file is right."""
    with Agent(primary, tracks=("leader",), config=QUICK_PATIENT) as agent:
        agent.wait_track("leader", "1")
        writer = agent.pid_of("track")
        os.kill(writer, signal.SIGKILL)
        agent.wait_pid_of("track", writer)
        primary.kill()
        agent.wait_track("leader", "0")
        primary.start()
        agent.wait_track("leader", "1")


@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGINT))
def test_stops_cleanly(primary, build, number):
    if programs.why_missing(build, "pgha-agent"):
        pytest.skip(programs.why_missing(build, "pgha-agent"))
    agent = Agent(primary, build=build, tracks=("leader", "replica"), peers={"n2": "host=127.0.0.1 port=1 user=pgha"},
                  config={"agent": PATIENT})
    with agent:
        agent.wait_track("leader", "1")
        connection = agent.connect_http()  # one that is kept alive holds nothing up
        connection.request("GET", "/primary")
        connection.getresponse().read()
        started = time.monotonic()
        if number == signal.SIGTERM:
            assert agent.stop() == 0
        else:
            agent.kill(number)
            assert agent.process.returncode == 0
            agent.wait_processes_gone()
        assert time.monotonic() - started < 15, "such a connection may be silent for 75 s"
        assert agent.track("leader") == "0\n" and agent.track("replica") == "0\n"
        assert not os.path.exists(agent.socket)
        assert "told to stop" in agent.log_text()
        connection.close()


def test_sessions_are_few_and_named(primary, cluster):
    """One session for each target, that says who it is."""
    standby = cluster.standby(primary)
    with Agent(primary, peers={"n2": standby}, config={"agent": PATIENT}):
        for server in (primary, standby):
            sessions = server.sql("SELECT application_name, usename FROM pg_stat_activity WHERE usename = 'pgha'")
            assert sessions == [("pgha-agent", "pgha")]
    for server in (primary, standby):
        server.wait_until("SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'pgha'")
