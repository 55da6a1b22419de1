"""check_pg_connections: what is left for those who need a connection, and who holds up others, on real servers."""

import contextlib
import threading
from typing import NamedTuple

import psycopg2
import pytest

import postgres
from programs import at
from sandbox import wait_for

PROGRAM = "check_pg_connections"
MAX, RESERVED = 12, 3  # superuser_reserved_connections is 3 by default
ORDINARY = MAX - RESERVED


class Pair(NamedTuple):
    primary: postgres.Server
    standby: postgres.Server


@pytest.fixture(scope="module")
def servers(installation):
    """A primary that has few connections to give, and its standby; the tests leave no session behind."""
    with postgres.Cluster(installation) as cluster:
        primary = cluster.primary(settings={"max_connections": MAX})
        primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        for role in ("plain", "app"):
            primary.sql(f"CREATE ROLE {role} LOGIN")
        primary.sql("CREATE ROLE narrow LOGIN CONNECTION LIMIT 4")
        primary.sql("CREATE DATABASE shop CONNECTION LIMIT 5")
        primary.sql("CREATE TABLE t (a int)")
        primary.sql("GRANT ALL ON t TO PUBLIC")
        yield Pair(primary, cluster.standby(primary))


@pytest.fixture
def primary(servers):
    alone(servers.primary)
    return servers.primary


def alone(server, besides=()):
    """Until no client is left but these sessions: one that was closed, as a check's before, is still there for a
    moment, and counts."""
    held = {connection.info.backend_pid for connection in besides}

    def is_so():
        try:
            return set(server.backends()) == held
        except psycopg2.OperationalError:  # there is no room yet for who asks
            return False

    wait_for(is_so, f"the other sessions of {server.name} to end")


def asker(check, server, *always):
    """ask(*options, besides=()) -> Result, of a server that has these sessions and no other."""
    def ask(*options, besides=()):
        alone(server, besides)
        return check(PROGRAM, *at(server), *always, *options)
    return ask


@contextlib.contextmanager
def sessions(server, count, user="app", dbname="postgres"):
    """That many open sessions, and none of them left afterwards."""
    connections = []
    try:
        for _ in range(count):
            connections.append(server.connect(dbname, user))
        yield connections
    finally:
        for connection in connections:
            connection.close()
        alone(server)


def execute(connection, statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


def metric(result, name):
    return result.json()["metrics"][name]["value"]


# --- how many --------------------------------------------------------------------------------------------------------

def test_a_server_with_room(servers, check):
    for server in servers:
        good = asker(check, server)()
        assert good.state == "OK", good
        assert f"1 of {ORDINARY} connections used (11.1%), {ORDINARY - 1} free" in good.stdout, "its own session counts"
    figures = check(PROGRAM, *at(servers.primary), "-f", "json")
    assert (metric(figures, "connections_max"), metric(figures, "connections_reserved")) == (MAX, RESERVED), figures


def test_the_share_past_each_limit_and_back(primary, check):
    ask = asker(check, primary)

    with sessions(primary, 6) as held:  # and the check's own: 77.8%
        assert ask(besides=held).state == "OK"
        assert ask("--min-free", 2, besides=held).state == "OK"
        few = ask("--min-free", 3, besides=held)
        assert few.state == "CRITICAL", few
        assert "number of free connections is 2 (critical below 3)" in few.stdout
        assert ask("-w", 6, "-c", 7, besides=held).state == "WARNING"
        assert ask("-w", 5, "-c", 6, besides=held).state == "CRITICAL"
    with sessions(primary, 7) as held:
        warned = ask(besides=held)
        assert warned.state == "WARNING", warned
        assert f"use of the {ORDINARY} connections is 88.89% (warning above 80%)" in warned.stdout
    with sessions(primary, 8) as held:  # the check takes the last one
        last = ask("-w", "200%", "-c", "200%", besides=held)
        assert (last.state, "no connection is free" in last.stdout) == ("CRITICAL", True), last
    assert ask().state == "OK"


def test_no_connection_for_the_check_itself_and_back(primary, check):
    with sessions(primary, ORDINARY) as held:
        full = check(PROGRAM, *at(primary), "-f", "json")
        assert (full.state, full.json()["fault"]["class"]) == ("CRITICAL", "full"), full
        assert check(PROGRAM, *at(primary), "--on-full", "warning").state == "WARNING"
        # A superuser gets in, and says the same of it.
        alone(primary, held)
        inside = check(PROGRAM, *at(primary, "postgres"))
        assert (inside.state, "no connection is free: 10 in use" in inside.stdout) == ("CRITICAL", True), inside
        alone(primary, held)
        with contextlib.ExitStack() as last:
            for _ in range(RESERVED):
                last.enter_context(contextlib.closing(primary.connect()))
            full = check(PROGRAM, *at(primary, "postgres"), "-f", "json")
            assert (full.state, full.json()["fault"]["class"]) == ("CRITICAL", "full"), full
            assert "too many clients" in full.json()["summary"]
    assert asker(check, primary)().state == "OK"


def test_connections_that_are_reserved_for_the_check(own_cluster, check):
    if own_cluster.installation.major < 16:
        pytest.skip("reserved_connections is of PostgreSQL 16 and later")
    primary = own_cluster.primary(settings={"max_connections": MAX, "reserved_connections": 2})
    primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor, pg_use_reserved_connections")
    primary.sql("CREATE ROLE app LOGIN")
    ask = asker(check, primary)
    assert f"1 of {ORDINARY - 2} connections used" in ask().stdout
    with sessions(primary, ORDINARY - 2) as held:
        with pytest.raises(psycopg2.OperationalError):
            primary.connect(user="app")
        inside = ask(besides=held)
        assert (inside.state, "no connection is free: 8 in use" in inside.stdout) == ("CRITICAL", True), inside
    assert ask().state == "OK"


# --- by database and role --------------------------------------------------------------------------------------------

def test_a_role_fills_its_own_limit_and_back(primary, check):
    ask = asker(check, primary, "-w", "75%")

    with sessions(primary, 3, "narrow") as held:
        at_limit = ask("--by", "role", besides=held)
        assert (at_limit.state, 'fullest: role "narrow" with 3 of its 4' in at_limit.stdout) == ("OK", True), at_limit
    with sessions(primary, 4, "narrow") as held:
        with pytest.raises(psycopg2.OperationalError, match="too many connections for role"):
            primary.connect(user="narrow")
        full = ask("--by", "role", "-f", "json", besides=held)
        assert full.state == "CRITICAL", full
        assert full.json()["summary"] == 'use of the 4 connections of role "narrow" is 100% (critical above 90%)'
        assert metric(full, "narrow_role_connections_used_percent") == 100, full
        assert (metric(full, "narrow_role_connections_used"), metric(full, "pgha_role_connections_used")) == (4, 1)
        assert ask(besides=held).state == "OK"
        assert ask("--by", "database", besides=held).state == "OK"
    assert ask("--by", "role").state == "OK"


def test_a_database_fills_its_own_limit_and_back(primary, check):
    ask = asker(check, primary)

    with sessions(primary, 5, "app", "shop") as held:
        with pytest.raises(psycopg2.OperationalError, match="too many connections for database"):
            primary.connect("shop", "app")
        full = ask("--by", "database", besides=held)
        assert full.state == "CRITICAL", full
        assert 'use of the 5 connections of database "shop" is 100% (critical above 90%)' in full.stdout
        assert ask("--by", "role", besides=held).state == "OK"
        # A number is for each, and not for all six.
        assert ask("--by", "database", "-w", 5, "-c", 5, besides=held).state == "OK"
        assert ask("--by", "database", "-w", 4, "-c", 4, besides=held).state == "CRITICAL"
    again = ask("--by", "database")
    assert (again.state, 'most: database "postgres" with 1' in again.stdout) == ("OK", True), again


def test_more_roles_than_the_snapshot_holds(any_installation, check):
    """The one that is full is kept, although it has the fewest sessions and the last of the names."""
    with postgres.Cluster(any_installation) as cluster:
        primary = cluster.primary(settings={"max_connections": 100})
        primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        primary.sql("CREATE ROLE zz LOGIN CONNECTION LIMIT 1")
        with contextlib.ExitStack() as stack:
            for number in range(30):
                primary.sql(f"CREATE ROLE r{number:02} LOGIN")
                stack.enter_context(contextlib.closing(primary.connect(user=f"r{number:02}")))
                stack.enter_context(contextlib.closing(primary.connect(user=f"r{number:02}")))
            stack.enter_context(contextlib.closing(primary.connect(user="zz")))
            full = check(PROGRAM, *at(primary), "--by", "role")
            assert (full.state, 'of role "zz" is 100%' in full.stdout) == ("CRITICAL", True), full
            for _ in range(8):
                stack.enter_context(contextlib.closing(primary.connect(user="r29")))
            largest = check(PROGRAM, *at(primary), "--by", "role", "-c", 9)
            assert (largest.state, 'of role "r29" is 10' in largest.stdout) == ("CRITICAL", True), largest


# --- sessions that hold up others ------------------------------------------------------------------------------------

def test_idle_in_transaction_and_back(primary, check):
    def ask(*options):
        return check(PROGRAM, *at(primary), "--idle-in-transaction", *options)

    with sessions(primary, 2) as (idle, aborted):
        execute(idle, "BEGIN")
        execute(aborted, "BEGIN")
        with pytest.raises(psycopg2.Error):
            execute(aborted, "SELECT 1/0")
        primary.wait_until("SELECT count(*) = 2 AND min(clock_timestamp() - state_change) > '0.3 s' "
                           "FROM pg_catalog.pg_stat_activity WHERE state LIKE 'idle in transaction%'")
        long = ask("200ms")
        assert (long.state, "longest of 2 idle in transaction is " in long.stdout) == ("WARNING", True), long
        assert ask("1h").state == "OK"
        assert check(PROGRAM, *at(primary)).state == "OK"
        execute(idle, "ROLLBACK")
        execute(aborted, "ROLLBACK")
        assert ask("200ms").state == "OK"


def test_an_old_transaction_and_its_snapshot_and_back(primary, check):
    def ask(*options):
        return check(PROGRAM, *at(primary), *options, "-f", "json")

    before = metric(ask(), "snapshot_age_transactions")
    with sessions(primary, 1) as (reader,):
        execute(reader, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM t")
        with contextlib.closing(primary.connect()) as writer:
            for _ in range(20):
                execute(writer, "INSERT INTO t VALUES (1)")
        primary.wait_until("SELECT clock_timestamp() - min(xact_start) > '0.3 s' FROM pg_catalog.pg_stat_activity "
                           "WHERE usename = 'app'")
        old = ask("--transaction", "200ms")
        assert (old.state, "age of the oldest transaction is" in old.stdout) == ("WARNING", True), old
        assert metric(old, "snapshot_age_transactions") >= 20 > before, old
        assert ask("--transaction", "1h").state == "OK"
        execute(reader, "COMMIT")
        done = ask("--transaction", "200ms")
        assert (done.state, metric(done, "snapshot_age_transactions")) == ("OK", 0), done


def test_waiting_for_a_lock_and_back(primary, check):
    def ask(*options):
        return check(PROGRAM, *at(primary), *options)

    with sessions(primary, 2) as (holder, waiter):
        execute(holder, "BEGIN; LOCK TABLE t")
        thread = threading.Thread(target=execute, args=(waiter, "SELECT count(*) FROM t"))
        thread.start()
        try:
            primary.wait_until("SELECT clock_timestamp() - query_start > '0.3 s' FROM pg_catalog.pg_stat_activity "
                               "WHERE wait_event_type = 'Lock'")
            waiting = ask("--waiting", "200ms")
            assert (waiting.state, "longest of 1 waiting for a lock is" in waiting.stdout) == ("WARNING", True), waiting
            assert ask("--waiting", "1h").state == "OK"
        finally:
            execute(holder, "ROLLBACK")
            thread.join(30)
        assert not thread.is_alive()
        assert ask("--waiting", "200ms").state == "OK"


# --- privileges ------------------------------------------------------------------------------------------------------

def test_what_a_plain_role_may_not_see_is_not_called_free(primary, check):
    with sessions(primary, 2):
        plain = check(PROGRAM, *at(primary, "plain"), "-f", "json")
        assert (plain.state, plain.json()["fault"]["class"]) == ("UNKNOWN", "setup"), plain
        assert plain.json()["summary"] == "not permitted to see 2 sessions", plain
        assert "connections_used" not in plain.json()["metrics"], plain
        assert check(PROGRAM, *at(primary)).state == "OK"
