"""check_pgbouncer against the real PgBouncer, in the situations that it is for."""

import json
from contextlib import contextmanager

import pytest

import pgbouncer
import postgres
import sandbox
from programs import at
from sandbox import wait_for

PROGRAM = "check_pgbouncer"
USERS = ("postgres", "pgha", "mon", "other")
SETTINGS = "stats_users = mon\nserver_login_retry = 1\ndefault_pool_size = 2\n"


@pytest.fixture(scope="module")
def pair(any_installation):
    """A primary and its standby."""
    reason = pgbouncer.why_missing()
    if reason:
        pytest.skip(reason)
    with postgres.Cluster(any_installation) as cluster:
        primary = cluster.primary()
        for role in USERS[1:]:
            primary.sql(f"CREATE ROLE {role} LOGIN")
        primary.sql("CREATE DATABASE shop")
        yield primary, cluster.standby(primary)


@pytest.fixture(scope="module")
def primary(pair):
    return pair[0]


@contextmanager
def pooling(server, settings="", databases="postgres = {server}\nshop = {server}", **keywords):
    with pgbouncer.Pgbouncer(server, settings=SETTINGS + settings, users=USERS, databases=databases,
                             **keywords) as pooler:
        yield pooler


@pytest.fixture
def pooler(primary):
    with pooling(primary) as pooler:
        yield pooler


def of(pooler, *args, user="mon"):
    return (PROGRAM, *at(pooler, user), *args)


def told_by_1_18(pooler):
    """What stands at the end of the line of a PgBouncer that has no SHOW STATE."""
    version = pooler.console("SHOW VERSION")[0]["version"].split()[1]
    minor = int(version.split(".")[1])
    return f", PgBouncer {version} does not tell whether it is paused as a whole" if minor < 19 else ""


def told(check, pooler, text):
    """The answer, once it says that. Of a client that was never let in PgBouncer counts whole seconds."""
    answers = [None]

    def is_told():
        answers[0] = check(*of(pooler))
        return text in answers[0].stdout

    wait_for(is_told, f"the check to say {text}", interval=0.2, detail=lambda: answers[0])
    return answers[0]


# --- in health --------------------------------------------------------------------------------------------------------

def test_in_health(pooler, check):
    result = check(*of(pooler))
    assert result.state == "OK", result
    line = "PGBOUNCER OK - 0 pools of 2 databases, no client waits, 0 of 100 client connections used"
    assert result.stdout.startswith(line + told_by_1_18(pooler) + " | "), result
    with pooler.clients(2):
        pooler.wait_for_pool(lambda row: row["sv_active"] == 2, "two servers in use")
        result = check(*of(pooler, "-v"))
    assert result.state == "OK" and "1 pool of 2 databases, no client waits, 2 of 100 client" in result.stdout, result
    assert "pool postgres/pgha (session): 2 clients active, 0 waiting; servers: 2 active, 0 ready" in result.stdout
    assert "'postgres/pgha_pool_used_percent'=100%" in result.stdout, result


def test_it_leads_to_the_primary(pooler, primary, check):
    result = check(*of(pooler, "--expect-primary", "shop"))
    assert result.state == "OK", result
    assert f'OK - "shop" leads to the primary at {primary.host}:{primary.port}, ' in result.stdout, result
    assert "does not tell" not in result.stdout, "a query came through"


@pytest.mark.parametrize("pool_mode", ["transaction", "statement"])
def test_it_leads_to_the_primary_in_every_mode(primary, check, pool_mode):
    with pooling(primary, pool_mode=pool_mode) as pooler:
        for _ in range(2):
            assert check(*of(pooler, "--expect-primary", "shop")).state == "OK"


def test_over_a_socket_and_by_conninfo(primary, check):
    with pooling(primary, has_socket=True) as pooler:
        result = check(PROGRAM, "-H", pooler.socket_dir, "-p", pooler.port, "-U", "mon", "--expect-primary", "shop")
        assert result.state == "OK", result
        conninfo = f"host={pooler.host} port={pooler.port} user=mon dbname=shop"
        assert check(PROGRAM, "--conninfo", conninfo).state == "OK"
        assert check(PROGRAM, "-d", conninfo, "--expect-primary", "postgres").state == "OK"
        assert check(PROGRAM, env={"PGHOST": pooler.host, "PGPORT": str(pooler.port), "PGUSER": "mon",
                                   "PGDATABASE": "shop"}).state == "OK"


def test_with_a_password(primary, check, scratch):
    with pooling(primary, "auth_type = scram-sha-256\n") as pooler:
        pooler.set_users(postgres="", mon="open sesame")
        pooler.process.send_signal(1)
        good = scratch / "pgpass"
        good.write_text(f"{pooler.host}:{pooler.port}:pgbouncer:mon:open sesame\n", encoding="utf-8")
        good.chmod(0o600)
        wait_for(lambda: check(*of(pooler), env={"PGPASSFILE": str(good)}).state == "OK", "the new password to work",
                 interval=0.2)
        wrong = check(*of(pooler), env={"PGPASSWORD": "abracadabra"})
        assert wrong.state == "UNKNOWN" and "admin console: " in wrong.stdout, wrong
        assert "abracadabra" not in wrong.stdout + wrong.stderr


def test_what_was_seen_is_recorded_and_replayed(pooler, check, scratch):
    seen = check(*of(pooler, "--expect-primary", "shop", "--record", scratch / "seen.json"))
    assert seen.state == "OK", seen
    part = json.loads((scratch / "seen.json").read_text(encoding="utf-8"))["snapshots"][0]["parts"]["pgbouncer"]
    assert part["databases"] == 2 and part["expected_role"] == "primary"
    assert check(PROGRAM, "--replay", scratch / "seen.json").stdout == seen.stdout


# --- paused, disabled, suspended, going -------------------------------------------------------------------------------

@pytest.mark.parametrize("command", ["PAUSE shop", "KILL shop"])
def test_a_paused_database(pooler, check, command):
    with pooler.pausing(command):
        result = check(*of(pooler))
        assert result.state == "CRITICAL", result
        assert 'PGBOUNCER CRITICAL - database "shop" is paused: its clients wait | ' in result.stdout, result
        assert "hint: on the admin console: RESUME shop" in result.stdout, result
        assert check(*of(pooler, "--paused", "ok")).state == "OK"
        assert check(*of(pooler, "--exclude", "shop")).state == "OK"
        assert check(*of(pooler, "--expect-primary", "postgres", "--paused", "ok")).state == "OK"
        through = check(*of(pooler, "--expect-primary", "shop", "--paused", "ok", "-t", "3s"))
        assert through.state == "CRITICAL", through
        assert 'no way through to database "shop": it is paused' in through.stdout, through
        assert through.elapsed < 1.5, "it was not tried: PgBouncer would keep it among its clients"
    again = check(*of(pooler, "--expect-primary", "shop"))
    assert again.state == "OK", again


def test_a_disabled_database(pooler, check):
    pooler.console("DISABLE shop")
    result = check(*of(pooler))
    assert result.state == "CRITICAL", result
    assert 'database "shop" is disabled: it refuses clients' in result.stdout, result
    through = check(*of(pooler, "--disabled", "ok", "--expect-primary", "shop"))
    assert 'no way through to database "shop": database "shop" is disabled' in through.stdout, through
    pooler.console("ENABLE shop")
    assert check(*of(pooler)).state == "OK"


@pytest.mark.parametrize("before", [False, True], ids=["unused", "used"])
def test_paused_as_a_whole(pooler, check, before):
    """1.18 tells it nowhere, and says so; a client of it that was there before is let in, and waits then."""
    if before:
        assert check(*of(pooler, "--expect-primary", "shop")).state == "OK"
    with pooler.pausing("PAUSE"):
        result = check(*of(pooler))
        if told_by_1_18(pooler):
            assert result.state == "OK" and "does not tell whether it is paused as a whole" in result.stdout, result
        else:
            assert result.state == "CRITICAL" and "PgBouncer is paused as a whole" in result.stdout, result
        through = check(*of(pooler, "--expect-primary", "shop", "-t", "2s", "--paused", "ok"))
        assert through.state == "CRITICAL" and 'no way through to database "shop": ' in through.stdout, through
        for _ in range(4):
            assert check(*of(pooler, "--expect-primary", "shop", "-t", "2s")).state == "CRITICAL"
        waiting = pooler.pool("shop", "mon").get("cl_waiting", 0)
        assert waiting <= 2, "those that gave up stay in PgBouncer's queue, so one or two try, and no more"
    wait_for(lambda: check(*of(pooler, "--expect-primary", "shop")).state == "OK", "it to lead there again",
             interval=0.2)


def test_suspended(pooler, check):
    console = pooler.connect("pgbouncer", "postgres")
    console.autocommit = True
    console.cursor().execute("SUSPEND")
    result = check(*of(pooler, "-t", "1s", "-f", "json"))
    assert result.state == "CRITICAL" and result.json()["fault"]["class"] == "timeout", result
    console.cursor().execute("RESUME")
    console.close()
    assert check(*of(pooler)).state == "OK"


def test_shutting_down(pooler, check):
    """SIGINT: it ends when its servers are released, and serves nobody anew."""
    with pooler.clients(1):
        pooler.wait_for_pool(lambda row: row["sv_active"] == 1, "a server in use")
        has_noticed = pooler.log_watch("got SIGINT")
        pooler.process.send_signal(2)
        wait_for(has_noticed, "PgBouncer to notice")
        result = check(*of(pooler, "--expect-primary", "shop", "-t", "1s"))
        assert result.state == "CRITICAL", result
    pooler.process.wait(30)
    gone = check(*of(pooler, "-f", "json"))
    assert gone.state == "CRITICAL" and gone.json()["fault"]["class"] == "down", gone
    assert "does PgBouncer run there" in gone.json()["hint"], gone


# --- waiting ----------------------------------------------------------------------------------------------------------

def test_a_pool_that_is_exhausted(pooler, check):
    with pooler.clients(5):
        # All of them wait at first.
        pooler.wait_for_pool(lambda row: (row["sv_active"], row["cl_waiting"]) == (2, 3), "three clients that wait")
        result = check(*of(pooler, "-w", "2", "-c", "60s"))
        assert result.state == "WARNING", result
        assert "WARNING - number of waiting clients in pool postgres/pgha is 3 (warning above 2) | " in result.stdout
        full = check(*of(pooler, "-w", "80%", "-c", "90%", "-c", "60s"))
        assert "use of the 2 server connections of pool postgres/pgha is 100% (critical above 90%)" in full.stdout, full
        pooler.wait_for_pool(lambda row: row["maxwait"] >= 1, "a client that has waited for a second")
        long = check(*of(pooler, "-w", "100ms", "-c", "1s"))
        assert long.state == "CRITICAL", long
        assert "wait of 3 clients for a server connection in pool postgres/pgha is " in long.stdout, long
        assert "no connection to its server" not in long.stdout, "it has two, and they are in use"
        assert check(*of(pooler, "-c", "1s", "--database", "shop")).state == "OK"


def test_max_client_conn(primary, check):
    with pooling(primary, "max_client_conn = 5\n") as pooler, pooler.clients(3):
        pooler.wait_for_pool(lambda row: (row["sv_active"], row["cl_waiting"]) == (2, 1), "three clients")
        result = check(*of(pooler))
        assert result.state == "OK" and "3 of 5 client connections used" in result.stdout, result
        with pooler.clients(4):
            wait_for(lambda: "no more connections allowed" in sandbox.tail(pooler.log), "one to be refused")
            result = told(check, pooler, "no client connection is free: 5 in use, and max_client_conn is 5")
        assert result.state == "CRITICAL", "the console is let in all the same"


def test_other_pools_have_all_connections_of_a_database(primary, check):
    with pooling(primary, "max_db_connections = 1\n") as pooler, pooler.clients(1):
        pooler.wait_for_pool(lambda row: row["sv_active"] == 1, "the only connection")
        with pooler.clients(1, user="other"):
            result = told(check, pooler, "waits in pool postgres/other")
    assert result.state == "CRITICAL", result
    assert ("1 client waits in pool postgres/other, which has none of the 1 server connections of its database"
            in result.stdout), result


# --- the server behind it ---------------------------------------------------------------------------------------------

def test_the_server_is_down(any_installation, check):
    with postgres.Cluster(any_installation) as cluster:
        server = cluster.primary()
        server.sql("CREATE ROLE mon LOGIN")
        with pooling(server) as pooler:
            assert check(*of(pooler, "--expect-primary", "postgres")).state == "OK"
            server.stop("immediate")
            # Nobody has asked for it since: the console sees nothing.
            assert check(*of(pooler)).state == "OK"
            through = check(*of(pooler, "--expect-primary", "postgres", "-t", "2s"))
            assert through.state == "CRITICAL" and 'no way through to database "postgres": ' in through.stdout, through
            for _ in range(3):
                check(*of(pooler, "--expect-primary", "postgres", "-t", "2s"))
            assert pooler.pool("postgres", "mon")["cl_waiting"] <= 2, "see test_paused_as_a_whole"
            with pooler.clients(2, user="mon"):
                pooler.wait_for_pool(lambda row: row["maxwait"] >= 1, "clients that have waited", user="mon")
                result = check(*of(pooler))
            place = f"{server.host}:{server.port}"
            assert result.state == "CRITICAL", result
            assert "clients wait in pool postgres/mon" in result.stdout or "client waits" in result.stdout, result
            assert f", which has no connection to its server at {place}" in result.stdout, result
            server.start()
            wait_for(lambda: check(*of(pooler, "--expect-primary", "postgres")).state == "OK", "the pooler to be back",
                     interval=0.2)


def test_the_server_is_frozen(any_installation, check):
    """A login that is never answered: PgBouncer waits for server_connect_timeout, 15 s."""
    with postgres.Cluster(any_installation) as cluster:
        server = cluster.primary()
        server.sql("CREATE ROLE pgha LOGIN")
        with pooling(server) as pooler:
            server.freeze()
            try:
                with pooler.clients(1):
                    result = told(check, pooler, "waits in pool postgres/pgha")
                    pooler.wait_for_pool(lambda row: row["sv_login"] == 1 and row["maxwait"] == 0, "a login, and no wait")
                    through = check(*of(pooler, "--expect-primary", "shop", "-t", "1s", "-f", "json"))
            finally:
                server.thaw()
    assert result.state == "CRITICAL", result
    assert "1 client waits in pool postgres/pgha, which has no connection to its server at " in result.stdout, result
    assert through.state == "CRITICAL" and through.json()["fault"]["class"] == "timeout", through
    assert through.elapsed < 1.5, through


def test_it_leads_to_a_standby(pair, check):
    _, standby = pair
    with pooling(standby) as pooler:
        result = check(*of(pooler, "--expect-primary", "shop"))
        assert result.state == "CRITICAL", result
        place = f"{standby.host}:{standby.port}"
        assert f'database "shop" leads to a standby at {place}: its clients cannot write' in result.stdout, result
        assert check(*of(pooler)).state == "OK"


def test_who_came_before_a_change_is_still_with_the_old_server(pair, check):
    """In session mode for as long as they stay; whoever comes now is led to the new one."""
    primary, standby = pair
    with pooling(standby, databases="shop = {server} dbname=postgres") as pooler:
        with pooler.clients(1, "shop"):
            pooler.wait_for_pool(lambda row: row["sv_active"] == 1, "a client with a server", "shop")
            old, new = (f"host={server.host} port={server.port}" for server in (standby, primary))
            pooler.configuration.write_text(pooler.configuration.read_text().replace(old, new))
            pooler.console("RELOAD")
            result = check(*of(pooler, "--expect-primary", "shop"))
            assert result.state == "WARNING", result
            words = '1 client of database "shop" is still with the server from before its last change'
            assert words in result.stdout, result
        result = check(*of(pooler, "--expect-primary", "shop"))
        assert result.state == "OK" and '"shop" leads to the primary' in result.stdout, result


def test_it_leads_to_a_server_that_is_read_only(pooler, primary, check):
    primary.sql("ALTER ROLE mon SET default_transaction_read_only = on")
    try:
        result = check(*of(pooler, "--expect-primary", "shop"))
    finally:
        primary.sql("ALTER ROLE mon RESET default_transaction_read_only")
    assert result.state == "CRITICAL" and '"shop" leads to a server that is read-only' in result.stdout, result


def test_it_leads_nowhere(pooler, check):
    result = check(*of(pooler, "--expect-primary", "nope"))
    assert result.state == "CRITICAL", result
    assert 'no way through to database "nope": no such database: nope' in result.stdout, result
    missing = check(*of(pooler, "--database", "nope"))
    assert missing.state == "CRITICAL" and 'database "nope" is not there' in missing.stdout, missing


# --- who is no console, and consoles that do not answer ---------------------------------------------------------------

def test_a_role_that_is_not_let_in(pooler, check):
    for user, said in (("pgha", "not allowed"), ("nobody", "authentication failed")):
        result = check(*of(pooler, "-f", "json", user=user))
        assert result.state == "UNKNOWN" and result.json()["fault"]["class"] == "setup", result
        assert said in result.stdout and "stats_users" in result.json()["hint"], result


def test_a_postgresql_is_no_pooler(primary, check):
    result = check(*of(primary))
    assert result.state == "UNKNOWN", result
    assert 'admin console: database "pgbouncer" does not exist' in result.stdout, result
    primary.sql("CREATE DATABASE pgbouncer")
    try:
        result = check(*of(primary))
    finally:
        primary.sql("DROP DATABASE pgbouncer WITH (FORCE)")  # the session of the check may not have ended
    assert result.state == "UNKNOWN" and "not PgBouncer's admin console, but PostgreSQL 1" in result.stdout, result


def test_a_pooler_that_is_frozen(pooler, check):
    pooler.freeze()
    try:
        result = check(*of(pooler, "-t", "1s", "-f", "json"))
        early = check(*of(pooler, "-t", "1s", "--expect-primary", "shop", "-f", "json"))
    finally:
        pooler.thaw()
    assert result.state == "CRITICAL" and result.json()["fault"]["class"] == "timeout", result
    assert 0.8 < result.lasted and result.elapsed < 1.5, result
    assert early.json()["fault"]["class"] == "timeout" and early.elapsed < 1, early
    assert check(*of(pooler)).state == "OK"


def test_a_pooler_that_is_gone(primary, check):
    with pooling(primary) as pooler:
        sandbox.kill(pooler.process)
        result = check(*of(pooler, "-f", "json"))
    assert result.state == "CRITICAL" and result.json()["fault"]["class"] == "down", result
