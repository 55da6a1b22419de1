"""[pgbouncer] in the agent: a worker of its own, whose looks neither hold up the others nor fill PgBouncer's queue."""

import time

import pytest

import pgbouncer
import postgres
from agent import Agent
from sandbox import wait_for

PATIENCE = 30  # seconds, of which a machine that is not busy takes none
SETTINGS = "stats_users = pgha\nserver_login_retry = 1\nmax_client_conn = 20\n"


@pytest.fixture(scope="module")
def primary(any_installation):
    reason = pgbouncer.why_missing()
    if reason:
        pytest.skip(reason)
    with postgres.Cluster(any_installation) as cluster:
        server = cluster.primary()
        server.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        yield server


@pytest.fixture
def pooler(primary):
    with pgbouncer.Pgbouncer(primary, settings=SETTINGS, databases="postgres = {server}") as pooler:
        yield pooler


def section(pooler, timeout="1s", **settings):
    return {"conninfo": f"host={pooler.host} port={pooler.port} user=pgha", "interval": "200ms", "timeout": timeout,
            "expect_primary": "postgres", **settings}


@pytest.fixture
def agent(primary, pooler, build):
    with Agent(primary, config={"pgbouncer": section(pooler, "4s")}, build=build) as agent:
        says(agent, 200, '"postgres" leads to the primary at ')
        yield agent


def says(agent, status, text, check="pgbouncer"):
    """Waits until the check says that; returns the answer."""
    answers = [None]

    def is_said():
        answers[0] = agent.get(f"/check/{check}")
        return answers[0].status == status and text in answers[0].json()["summary"]

    wait_for(is_said, f"{status} and {text}", interval=0.05, detail=lambda: answers[0].text)
    return answers[0].json()


def wait_looks(agent, count):
    """Until it has looked at the pooler so many times more."""
    seen = set()

    def are_seen():
        seen.add(agent.get("/check/pgbouncer").json()["time"])
        return len(seen) > count

    wait_for(are_seen, f"{count} looks", 60, 0.05, detail=agent.log_tail)


def test_it_is_watched_on_every_way(agent, pooler):
    assert agent.agent_check("pgbouncer\n").startswith("up")
    metrics = agent.get("/metrics").text
    assert 'pgha_check_state{check="pgbouncer"' in metrics, metrics
    assert "clients_used_percent" in metrics and "longest_wait_seconds" in metrics, metrics
    assert "pgbouncer" in agent.get("/status").text
    pooler.console("DISABLE postgres")
    says(agent, 503, 'database "postgres" is disabled: it refuses clients')
    assert agent.agent_check("pgbouncer\n").startswith("down")
    agent.wait_status("/primary", 200, timeout=PATIENCE)  # the node itself is as good as before
    pooler.console("ENABLE postgres")
    says(agent, 200, "leads to the primary")


def test_limits_are_asked_for_and_sources_are_not(agent):
    assert agent.get("/check/pgbouncer?clients_critical=10:90%25").status == 503
    assert agent.get("/check/pgbouncer?clients_critical=90%25").status == 200
    for setting in ("conninfo=x", "expect_primary=x", "database=x", "exclude=x"):
        assert agent.get(f"/check/pgbouncer?{setting}").status == 400, setting


def test_a_pause_leaves_no_clients_behind(agent, pooler):
    """PgBouncer does not see that a client who waits has left; five looks a second would fill max_client_conn."""
    with pooler.pausing("PAUSE"):
        says(agent, 503, 'no way through to database "postgres": ')
        wait_looks(agent, 8)
        row = pooler.pool("postgres")
        assert row["cl_active"] + row["cl_waiting"] <= 3, row
        agent.wait_status("/primary", 200, timeout=PATIENCE)
    says(agent, 200, "leads to the primary")


def test_nor_where_the_database_is_not_looked_at_otherwise(primary, pooler, build):
    with Agent(primary, config={"pgbouncer": section(pooler, database="stock")}, build=build) as agent, \
            pooler.pausing("PAUSE postgres"):
        says(agent, 503, 'no way through to database "postgres": it is paused')
        wait_looks(agent, 6)
        assert pooler.pool("postgres").get("cl_waiting", 0) <= 1, pooler.pool("postgres")


def test_a_full_pool_gets_no_queue_of_our_own(primary, build):
    """Whoever gave up would be counted among those who wait, and soon be the one that has waited longest."""
    settings = SETTINGS + "default_pool_size = 1\n"
    with pgbouncer.Pgbouncer(primary, settings=settings, databases="postgres = {server}") as pooler:
        with Agent(primary, config={"pgbouncer": section(pooler)}, build=build) as agent:
            says(agent, 200, "leads to the primary")
            with pooler.clients(1):
                says(agent, 503, "in its pool already")
                wait_looks(agent, 8)
                assert pooler.pool("postgres")["cl_waiting"] <= 3, pooler.pool("postgres")
                answer = says(agent, 503, "in its pool already")
                assert "all of its pool's server connections are in use" in answer["hint"], answer
            says(agent, 200, "leads to the primary")


def test_a_frozen_pooler_holds_up_nothing_else(agent, pooler):
    pooler.freeze()
    try:
        answer = says(agent, 503, "no answer")
        assert answer["fault"]["class"] == "timeout", answer
        agent.wait_status("/primary", 200, timeout=PATIENCE)
        # Whoever waited for the pooler would wait for up to 2 s, nearly always.
        for _ in range(5):
            for path, status in (("/primary", 200), ("/check/pgbouncer", 503)):
                answer = agent.get(path, timeout=PATIENCE)
                assert answer.status == status and answer.elapsed < 0.5, answer
            time.sleep(0.1)
    finally:
        pooler.thaw()
    says(agent, 200, "leads to the primary")


def test_two_of_them(primary, pooler, build):
    with pgbouncer.Pgbouncer(primary, settings=SETTINGS, databases="shop = {server} dbname=postgres") as other:
        sections = {f"pgbouncer {name}": {"conninfo": f"host={at.host} port={at.port} user=pgha", "database": database,
                                          "interval": "200ms", "timeout": "4s"}
                    for name, at, database in (("writes", pooler, "postgres"), ("reads", other, "stock"))}
        with Agent(primary, config=sections, build=build) as agent:
            says(agent, 200, "1 database", "writes")
            says(agent, 503, 'database "stock" is not there', "reads")
