"""/metrics of pgha-agent: valid for Prometheus, complete, and bounded whatever the server holds."""

import re
import subprocess

import psycopg2.extras
import pytest

import postgres
import programs
import sandbox
from agent import PATIENT, Agent

PROMTOOL = programs.REPOSITORY / "build" / "tools" / "usr" / "bin" / "promtool"
DASHBOARDS = ("pg_replication_lag_bytes", "pg_replication_lag_seconds", "pg_replication_sync_state")
OURS = ("pgha_up", "pgha_check_yes", "pgha_check_state", "pgha_probe_age_seconds", "pgha_probe_duration_seconds",
        "pgha_scrape_duration_seconds", "pgha_worker_restarts_total", "pgha_probes_total", "pgha_http_connections",
        "pgha_agent_info", "pgha_agent_uptime_seconds", "pgha_in_recovery")
BYTES_MAX = 64 * 1024


@pytest.fixture(scope="module")
def pair(any_installation):
    with postgres.Cluster(any_installation) as cluster:
        primary = cluster.primary()
        primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        yield primary, cluster.standby(primary)


def judge(text):
    """What promtool says of it; nothing is good."""
    if not PROMTOOL.exists():
        pytest.skip(f"{PROMTOOL} is not there: make check unpacks it with apt-get download, which failed")
    run = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True, text=True, timeout=30,
                         check=False)
    return [line for line in (run.stdout + run.stderr).splitlines() if not line.startswith(DASHBOARDS)], run.returncode


def names(text):
    return {re.match(r"[a-z_]+", line)[0] for line in text.splitlines() if line and line[0] != "#"}


@pytest.mark.parametrize("number", (0, 1), ids=("primary", "standby"))
def test_promtool_takes_it(pair, number):
    with Agent(pair[number], peers={"other": pair[1 - number]}, config={"agent": PATIENT}) as agent:
        answer = agent.get("/metrics")
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"), answer.headers
        said, _ = judge(answer.text)
        assert said == []
        assert set(OURS) <= names(answer.text), set(OURS) - names(answer.text)
        wanted = DASHBOARDS if number == 0 else DASHBOARDS[1:2]
        assert set(wanted) <= names(answer.text)
        for name in names(answer.text):
            assert f"# HELP {name} " in answer.text and f"# TYPE {name} " in answer.text
        samples = [line.rpartition(" ")[0] for line in answer.text.splitlines() if line and line[0] != "#"]
        assert len(samples) == len(set(samples)), "a sample is there twice"


def test_figures_are_right(pair):
    primary, standby = pair
    config = {"agent": PATIENT}
    with Agent(primary, name="n1", peers={"n2": standby}, config=config) as agent, \
            Agent(standby, name="n2", config=config) as other:
        metrics = agent.metrics()
        assert metrics['pgha_up{target="postgres"}'] == metrics['pgha_up{target="n2"}'] == 1
        assert metrics['pgha_in_recovery{target="postgres"}'] == 0 and metrics['pgha_in_recovery{target="n2"}'] == 1
        assert metrics['pgha_standbys{target="postgres"}'] == 1
        yes = [number for name, number in metrics.items() if re.match(r'pgha_check_yes\{.*check="leader"', name)]
        assert yes == [1]
        states = {name: n for name, n in metrics.items() if name.startswith("pg_replication_sync_state{")}
        assert [n for name, n in states.items() if 'sync_state="async"' in name] == [1], states
        age = 'pgha_probe_age_seconds{target="postgres"}'
        assert metrics[age] >= 0
        sandbox.wait_for(lambda: agent.metrics()[age] < 2, "a look of just now")
        standby.sql("SELECT pg_wal_replay_pause()")
        try:
            primary.sql("SELECT pg_logical_emit_message(false, 'x', repeat('x', 3000000))")
            primary.sql("SELECT pg_switch_wal()")

            def lag():
                return max(n for name, n in agent.metrics().items() if name.startswith("pg_replication_lag_bytes{"))

            sandbox.wait_for(lambda: lag() > 1000000, "the lag to be seen", detail=lambda: str(lag()))
            other.wait_status("/replica", 503)
        finally:
            standby.sql("SELECT pg_wal_replay_resume()")


def test_valid_when_nothing_is_known(pair):
    """A server that is away, and names that are not: still valid, and said to be down."""
    with Agent("host=127.0.0.1 port=1 user=pgha", peers={"n2": pair[0]}, config={"agent": PATIENT}) as agent:
        text = agent.get("/metrics").text
        assert judge(text)[0] == []
        assert agent.metrics()['pgha_up{target="postgres"}'] == 0 and agent.metrics()['pgha_up{target="n2"}'] == 1
        assert [n for name, n in agent.metrics().items() if name.startswith("pgha_check_yes")] == [0, 0]


def test_names_of_strangers_do_not_break_it(pair):
    """An application_name may hold anything that a standby's administrator types."""
    primary = pair[0]
    names = ['quote " back \\ slash', "a\nline", "brace } { =", "x" * 100]
    connections = []
    with Agent(primary, config={"agent": PATIENT}) as agent:
        try:
            for name in names:
                connections.append(psycopg2.connect(host=primary.socket_dir, port=primary.port, user="postgres",
                                                    application_name=name, dbname="postgres",
                                                    connection_factory=psycopg2.extras.PhysicalReplicationConnection))
                connections[-1].cursor().start_replication(start_lsn=primary.lsn())
            sandbox.wait_for(lambda: agent.metrics()['pgha_standbys{target="postgres"}'] == 1 + len(names),
                             "the senders", detail=lambda: agent.get("/metrics").text)
            text = agent.get("/metrics").text
            assert judge(text)[0] == [] and len(text) < BYTES_MAX
            assert agent.get("/patroni").json()["replication"] and agent.get("/status").status == 200
        finally:
            for connection in connections:
                connection.close()


def test_bounded_with_many_standbys(any_installation):
    """A hundred senders are counted, and shown up to a limit."""
    with postgres.Cluster(any_installation) as cluster:
        primary = cluster.primary(settings={"max_wal_senders": "110", "max_connections": "20"})
        primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        connections = []
        try:
            for number in range(100):
                connections.append(psycopg2.connect(host=primary.socket_dir, port=primary.port, user="postgres",
                                                    application_name=f"standby {number} " + "x" * 40, dbname="postgres",
                                                    connection_factory=psycopg2.extras.PhysicalReplicationConnection))
                connections[-1].cursor().start_replication(start_lsn=primary.lsn())
            with Agent(primary, config={"agent": PATIENT}) as agent:
                answer = agent.get("/metrics")
                assert agent.metrics()['pgha_standbys{target="postgres"}'] == 100
                assert len(answer.body) < BYTES_MAX and judge(answer.text)[0] == []
                for path in ("/patroni", "/snapshot", "/check/leader"):
                    assert agent.get(path).json()
                    assert len(agent.get(path).body) < 192 * 1024
                assert agent.status("/primary") == 200 and agent.status("/status") == 200
        finally:
            for connection in connections:
                connection.close()
