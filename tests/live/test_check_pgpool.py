"""check_pgpool against a real pgpool-II: backends good, detached, dead, frozen, behind, promoted behind its back.

Its watchdog is in test_check_pgpool_watchdog.py."""

import re

import pytest

import netns
import pgpool
import programs
from agent import Agent
from sandbox import wait_for

PROGRAM = "check_pgpool"
pytestmark = pytest.mark.xdist_group("check_pgpool")  # they share servers
QUIET = ("--failed-within", "1ms")  # what an earlier test did to a backend is not told


@pytest.fixture
def build():
    """pgpool is slow to follow: what is read of it is tried with the sanitizers in tests/unit and tests/scripted."""
    return "plain"


@pytest.fixture(scope="module")
def with_pgpool(any_installation):
    if pgpool.why_missing():
        pytest.skip(pgpool.why_missing())
    return any_installation


@pytest.fixture(scope="module")
def setting(with_pgpool):
    with pgpool.Setting(with_pgpool) as made:
        yield made


@pytest.fixture(scope="module")
def pool(setting):
    """For tests that leave it, and its backends, as they found them."""
    with pgpool.Pgpool(setting.servers) as made:
        yield made


@pytest.fixture
def ask(check):
    def run(pool, *options, recent=QUIET, **more):
        return check(PROGRAM, *programs.at(pool), *recent, *options, **more)
    return run


def until(state, words, ask, *arguments, timeout=60, within=5, **more):
    """The first answer with this state and words that took no longer: pgpool notices what happens when it looks next."""
    seen = [None]

    def is_so():
        seen[0] = ask(*arguments, **more)
        return seen[0].state == state and words in seen[0].stdout and seen[0].elapsed < within

    wait_for(is_so, f"{state}: {words}", timeout, interval=0.3, detail=lambda: seen[0])
    return seen[0]


def figures(result, name):
    return {key.removesuffix(f"_{name}"): figure["value"] for key, figure in result.json()["metrics"].items()
            if key.endswith(f"_{name}")}


# --- good ------------------------------------------------------------------------------------------------------------

def test_all_is_well(setting, pool, ask):
    version = pool.show("POOL_VERSION")[-1]["pool_version"].split()[0]
    line = f"PGPOOL OK - pgpool-II {version} has 3 of 3 backends up, primary is {setting.name(0)}"
    until("OK", line, ask, pool, within=2)
    result = ask(pool, "-v")
    assert f"{setting.name(0)} is up, primary, seen by pgpool as up primary, primary by itself, weight 33%" \
        in result.stdout, result
    assert f"{setting.name(2)} is up, standby, seen by pgpool as up standby, standby by itself, streaming async, " \
        "weight 33%" in result.stdout, result
    result = ask(pool, "-f", "json", "--min-up", "3")
    assert result.state == "OK" and result.json()["metrics"]["backends_up"]["value"] == 3, result
    assert set(figures(result, "replication_delay_bytes")) == {f"{s.host}:{s.port}" for s in setting.servers[1:]}, result
    assert len(figures(result, "health_checks_failed")) == 3, result


def test_without_asking_the_backends(setting, pool, ask):
    result = ask(pool, "--no-backends", "-v")
    assert result.state == "OK" and "by itself" not in result.stdout, result


def test_by_connection_string_and_socket(pool, check):
    result = check(PROGRAM, "--conninfo", f"host={pool.directory} port={pool.port} user=pgha", *QUIET)
    assert result.state == "OK" and f"{pool.directory}:{pool.port}" not in result.stderr, result


def test_a_delay_by_pgpools_measure(setting, pool, ask):
    standby = setting.servers[1]
    standby.sql("SELECT pg_catalog.pg_wal_replay_pause()")
    try:
        setting.primary.sql("CREATE TABLE written AS SELECT pg_catalog.repeat('x', 100) FROM "
                            "pg_catalog.generate_series(1, 10000)")
        assert ask(pool, "-c", "100kB").state == "CRITICAL", "the backends tell it at once"
        setting.servers[2].wait_replayed(setting.primary.lsn())
        result = until("CRITICAL", "(critical above 100 kB) |", ask, pool, "-c", "100kB", "--no-backends")
        assert f"replication delay of {setting.name(1)} is " in result.stdout, "the one reason, once pgpool has measured"
        delays = figures(ask(pool, "-f", "json"), "replication_delay_bytes")
        assert delays[f"{standby.host}:{standby.port}"] > 1000000, delays
    finally:
        standby.sql("SELECT pg_catalog.pg_wal_replay_resume()")
        setting.primary.sql("DROP TABLE written")
    until("OK", "3 of 3 backends up", ask, pool, "-c", "100kB")
    result = ask(pool, "-c", "30s")
    assert result.state == "UNKNOWN" and "in bytes, the limits are not" in result.stdout, result


def test_a_standby_that_has_lost_its_primary(setting, pool, ask):
    standby = setting.servers[1]
    follows = standby.settings["primary_conninfo"]
    standby.configure(primary_conninfo="host=127.0.0.1 port=1")
    try:
        until("WARNING", f"{setting.name(1)} does not stream: no WAL receiver runs there", ask, pool)
    finally:
        standby.configure(primary_conninfo=follows)
        standby.wait_streaming()
    until("OK", "3 of 3 backends up", ask, pool)


# --- a backend that is not there ---------------------------------------------------------------------------------------

def test_a_primary_that_is_read_only(setting, pool, ask):
    setting.primary.sql("ALTER SYSTEM SET default_transaction_read_only = on")
    try:
        setting.primary.sql("SELECT pg_catalog.pg_reload_conf()")
        result = until("CRITICAL", f"{setting.name(0)} is the primary, and read-only", ask, pool)
        assert "set by: configuration file): writes through pgpool fail" in result.stdout, result
    finally:
        setting.primary.sql("ALTER SYSTEM RESET default_transaction_read_only")
        setting.primary.sql("SELECT pg_catalog.pg_reload_conf()")
    until("OK", "3 of 3 backends up", ask, pool)


def test_detached(setting, pool, ask):
    pool.detach(2)
    try:
        result = until("WARNING", f"PGPOOL WARNING - {setting.name(2)} is detached from pgpool, and PostgreSQL runs there",
                       ask, pool)
        assert "hint: if it follows the primary, put it back: pcp_attach_node -n 2" in result.stdout, result
        result = ask(pool, "--min-up", "3")
        assert result.state == "CRITICAL" and "2 of 3 backends up, at least 3 must be (--min-up)" in result.stdout, result
    finally:
        pool.attach(2)
    until("OK", "3 of 3 backends up", ask, pool)


def test_killed(setting, pool, ask):
    standby = setting.servers[2]
    standby.kill()
    try:
        result = until("WARNING", f"{setting.name(2)} is down: cannot connect to ", ask, pool)
        assert "then pcp_attach_node -n 2" in result.stdout, result
        until("WARNING", f"{setting.name(2)} is down", ask, pool, "--no-backends")
    finally:
        standby.start()
        standby.wait_streaming()
        pool.attach(2)
    until("OK", "3 of 3 backends up", ask, pool)


def test_frozen_backend(setting, pool, ask):
    """pgpool hangs until it notices, and SHOW POOL_NODES for as long as the backend is frozen."""
    standby = setting.servers[2]
    standby.freeze()
    try:
        first = ask(pool, "-t", "1s")
        assert first.state == "CRITICAL" and first.elapsed < 1.5, first
        assert "no answer from " in first.stdout and "is one frozen" in first.stdout, first
        result = until("WARNING", f"{setting.name(2)} is down: no answer from ", ask, pool, "-t", "2s")
        assert result.elapsed < 2.5 and "setting" not in result.stderr, result
        result = until("WARNING", "SHOW POOL_NODES waits for a backend", ask, pool, "-t", "2s", "-v", "--no-backends")
        assert result.elapsed < 2.5, result
    finally:
        standby.thaw()
        standby.wait_streaming()
        pool.attach(2)
    until("OK", "3 of 3 backends up", ask, pool)


# --- pgpool itself ------------------------------------------------------------------------------------------------------

def test_frozen_pgpool(pool, ask):
    pool.freeze()
    try:
        result = ask(pool, "-t", "700ms")
        assert result.state == "CRITICAL" and result.elapsed < 1.2, result
        assert "no answer from " in result.stdout, result
        assert ask(pool, "-t", "700ms", "--on-timeout", "warning").state == "WARNING"
    finally:
        pool.thaw()
    until("OK", "3 of 3 backends up", ask, pool)


def test_nobody_listens(pool, check):
    result = check(PROGRAM, "-H", "127.0.0.1", "-p", pool.wd_port, "-U", "pgha")  # reserved, and not used by this one
    assert result.state == "CRITICAL" and "Connection refused" in result.stdout, result
    assert "does pgpool run there?" in result.stdout, result


def test_postgresql_itself(setting, ask):
    result = ask(setting.primary)
    assert result.state == "UNKNOWN" and 'unrecognized configuration parameter "pool_nodes"' in result.stdout, result
    assert "is this the port of pgpool-II" in result.stdout, result


def test_wrong_password(setting, check, scratch):
    for name, password in (("right", "right"), ("wrong", "wrong")):
        (scratch / name).write_text(f"*:*:*:locked:{password}\n", encoding="utf-8")
        (scratch / name).chmod(0o600)
    with pgpool.Pgpool(setting.servers, passwords={"locked": "right"}) as pool:
        def ask(passfile):
            return check(PROGRAM, *programs.at(pool, "locked"), env={"PGPASSFILE": str(scratch / passfile)})
        result = ask("right")
        assert result.state == "OK", result
        result = ask("wrong")
        assert result.state == "UNKNOWN" and "authentication failed" in result.stdout, result
        result = ask("none")
        assert result.state == "UNKNOWN" and "asks for a password and none was found" in result.stdout, result


def test_delay_is_not_measured(setting, ask):
    with pgpool.Pgpool(setting.servers, sr_check_period=0) as pool:
        words = "the replication delay of 2 of 2 standbys is not known"
        result = until("OK", words, ask, pool, "-f", "json", "--no-backends")  # after its first health checks
        assert figures(result, "replication_delay_bytes") == {} and words in result.json()["summary"], result
        result = ask(pool, "-c", "16MB", "--no-backends")
        assert result.state == "UNKNOWN" and "hint: pgpool does not measure it: set sr_check_period" in result.stdout, result
        result = ask(pool, "-f", "json", "-c", "16MB")  # the backends tell it themselves
        assert result.state == "OK" and len(figures(result, "replication_delay_bytes")) == 2, result


def test_nobody_looks(setting, ask):
    """Without health checks pgpool does not look at its backends: one of them may be dead."""
    with pgpool.Pgpool(setting.servers, health_check_period=0) as pool:
        result = ask(pool, "--no-backends")
        assert result.state == "WARNING", result
        assert "nobody has looked whether PostgreSQL answers at 3 of the 3 backends" in result.stdout, result
        assert "hint: set health_check_period" in result.stdout, result
        assert ask(pool).state == "OK"


def test_a_backend_that_is_never_failed_over(setting, pool, ask):
    """pgpool goes on using it, with and without its clients noticing."""
    standby = setting.servers[2]
    with pgpool.Pgpool(setting.servers, backend_flag2="DISALLOW_TO_FAILOVER", failover_on_backend_error="off") as keeping:
        standby.stop()
        try:
            until("CRITICAL", f"{setting.name(2)} is up to pgpool, and does not answer here: ", ask, keeping)
            until("CRITICAL", f"{setting.name(2)} is up to pgpool, and pgpool itself cannot reach it", ask, keeping,
                  "--no-backends")
            result = until("CRITICAL", "fails, and it is not failed over", ask, keeping, "-v")
            assert f"pgpool's health check of {setting.name(2)} fails" in result.stdout, result
            pool.wait_node(2, status="down")  # the other one, which may fail it over, does
        finally:
            standby.start()
            standby.wait_streaming()
        until("WARNING", f"pgpool's health check of {setting.name(2)} failed ", ask, keeping, recent=("--failed-within", "1h"))
        until("OK", "3 of 3 backends up", ask, keeping)
    pool.attach(2)
    until("OK", "3 of 3 backends up", ask, pool)


def test_there_is_no_watchdog(pool, ask):
    result = ask(pool, "--pcp-user", pgpool.PCP_USER, "--pcp-port", pool.pcp_port, env=pool.pcp_environment)
    assert result.state == "UNKNOWN" and "cannot see the watchdog: there is none: use_watchdog is off" in result.stdout, \
        result


# --- which servers the addresses lead to ----------------------------------------------------------------------------------

def test_two_addresses_of_one_server(setting, ask):
    """As the two ports of a proxy lead to the primary both, where no standby is left."""
    servers = [setting.primary, setting.primary, setting.servers[1]]
    with pgpool.Pgpool(servers) as pool:
        result = until("WARNING", f"{setting.name(0)} and backend 1 ({setting.primary.host}:{setting.primary.port}) "
                                  "lead to one server", ask, pool)
        assert "split brain" not in result.stdout and "a primary in truth" not in result.stdout, result


def test_a_server_of_another_cluster(with_pgpool, setting, ask):
    with pgpool.Setting(with_pgpool, 1, fresh=True) as other, pgpool.Pgpool([setting.primary, other.primary]) as pool:
        stranger = f"backend 1 ({other.primary.host}:{other.primary.port})"
        result = until("CRITICAL", f"{stranger} is of another cluster than {setting.name(0)} (system identifiers ", ask, pool)
        assert "split brain" not in result.stdout and "see backend_hostname" in result.stdout, result


def test_pgpool_on_another_host(setting):
    """Its backends are at addresses that mean another host here: whoever answers there is not asked."""
    if netns.why_missing():
        pytest.skip(netns.why_missing())
    with netns.Network("pool", "monitor") as network, \
            pgpool.Pgpool(setting.servers, machine=network["pool"]).start(wait=False) as pool:
        def told(host, code, words, *options):
            """The first answer with this exit code and words."""
            seen = [None]

            def is_so():
                seen[0] = network[host].run(programs.path(PROGRAM, "plain"), *map(str, programs.at(pool)), *QUIET,
                                            *options, timeout=30)
                return seen[0].returncode == code and words in seen[0].stdout

            wait_for(is_so, f"{host} to be told: {words}", 60, interval=0.3, detail=lambda: seen[0])
            return seen[0].stdout

        told("pool", 0, "standby by itself", "-v")
        where = f"backend 0 ({setting.primary.socket_dir}:{setting.primary.port})"
        text = told("monitor", 3, f"{where} is up to pgpool, and does not answer here: this address leads to this host, "
                                  "not to pgpool's, and was not asked", "-v")
        assert "by itself" not in text and "hint: --no-backends leaves that out" in text, text
        told("monitor", 0, "3 of 3 backends up", "--no-backends")


# --- roles ----------------------------------------------------------------------------------------------------------------

def test_promoted_behind_its_back(with_pgpool, ask):
    with pgpool.Setting(with_pgpool, 2) as setting, pgpool.Pgpool(setting.servers) as pool:
        old, new = setting.servers
        until("OK", "2 of 2 backends up", ask, pool)
        new.promote()
        result = ask(pool)
        assert result.state == "CRITICAL", result
        assert f"split brain suspected: backend 0 ({old.host}:{old.port}, timeline 1) and backend 1 " \
            f"({new.host}:{new.port}, timeline 2) are primaries" in result.stdout, result
        assert f"{setting.name(1)} is a standby to pgpool and a primary in truth" in result.stdout, result
        assert "attach none meanwhile" in result.stdout, result
        result = ask(pool, "--no-backends")
        assert result.state == "CRITICAL" and "split brain suspected, or one server behind a proxy: " in result.stdout, result

        # The old one dies, and pgpool takes the other for the primary. So far, so good.
        old.kill()
        result = until("WARNING", f"{setting.name(0)} is down", ask, pool)
        until("WARNING", f"primary is {setting.name(1)}", ask, pool, "-v")

        # It comes back, as a primary. pgpool does not use it, but whoever reaches it by itself may write there.
        old.start()
        result = until("CRITICAL", "split brain suspected", ask, pool)
        assert f"{setting.name(0)} is a standby to pgpool, which does not use it, and a primary in truth" \
            in result.stdout, result
        assert "pcp_attach_node" not in result.stdout, result

        # Nobody is left: pgpool closes every session, once it has said why it fails over.
        old.kill()
        new.kill()
        result = until("CRITICAL", "cannot connect to ", ask, pool)
        assert "it closes every session" in result.stdout, result


def test_no_primary(with_pgpool, ask):
    with pgpool.Setting(with_pgpool, 2) as setting, pgpool.Pgpool(setting.servers) as pool:
        setting.primary.kill()
        result = until("CRITICAL", "pgpool knows no primary: nobody can write through it", ask, pool)
        assert "hint: promote a standby" in result.stdout, result


# --- in the agent -----------------------------------------------------------------------------------------------------------

def test_in_the_agent(setting, pool):
    where = f"host={pool.host} port={pool.port} user=pgha"
    config = {"pgpool": {"conninfo": where, "interval": "500ms", "timeout": "10s", "failed-within": "1ms"}}
    with Agent(setting.primary, config=config) as agent:
        def says(state, words):
            answer = agent.get("/check/pgpool").json()
            return answer["state"] == state and words in answer["summary"]

        wait_for(lambda: says("OK", "3 of 3 backends up"), "the agent to see pgpool", 60, 0.2,
                 detail=lambda: agent.get("/check/pgpool"))
        pool.detach(2)
        try:
            wait_for(lambda: says("WARNING", f"{setting.name(2)} is detached"), "the agent to see it", 60, 0.2,
                     detail=lambda: agent.get("/check/pgpool"))
        finally:
            pool.attach(2)
        wait_for(lambda: says("OK", "3 of 3 backends up"), "the agent to see it again", 60, 0.2,
                 detail=lambda: agent.get("/check/pgpool"))
        metrics = agent.get("/metrics").text
        assert re.search(r'^pgha_\w*backends_up\S* 3$', metrics, re.M), metrics
