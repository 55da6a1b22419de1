"""Every way to a server: TCP, socket, conninfo, URI, environment, service, several hosts, and through PgBouncer."""

import socket
from contextlib import contextmanager

import pytest

import pgbouncer
import ports
import postgres
from programs import at


# --- one server ------------------------------------------------------------------------------------------------------

def tcp(server, _):
    return at(server), {}


def socket_directory(server, _):
    return ("-H", server.socket_dir, "-p", server.port, "-U", "pgha"), {}


def conninfo(server, _):
    return ("-d", f"host={server.host} port={server.port} user=pgha dbname=postgres"), {}


def uri(server, _):
    return ("-d", f"postgresql://pgha@{server.host}:{server.port}/postgres?application_name=a%20name"), {}


def uri_of_a_socket(server, _):
    return ("-d", f"postgresql://pgha@{server.socket_dir.replace('/', '%2F')}:{server.port}/"), {}


def environment(server, _):
    return (), {"PGHOST": server.host, "PGPORT": str(server.port), "PGUSER": "pgha"}


def options_before_environment(server, _):
    return at(server), {"PGHOST": "192.0.2.1", "PGPORT": "1", "PGUSER": "nobody", "PGDATABASE": "postgres"}


def service_in_the_environment(server, scratch):
    return (), {"PGSERVICEFILE": _service_file(server, scratch), "PGSERVICE": "node"}


def service_in_a_conninfo(server, scratch):
    return ("-d", "service=node"), {"PGSERVICEFILE": _service_file(server, scratch)}


def hostaddr(server, _):
    """The name is for TLS and the password file; it must not be looked up."""
    return ("-d", f"host=node.invalid hostaddr={server.host} port={server.port} user=pgha"), {}


def _service_file(server, scratch):
    path = scratch / "services"
    path.write_text(f"[node]\nhost={server.host}\nport={server.port}\nuser=pgha\ndbname=postgres\n", encoding="utf-8")
    return str(path)


WAYS = (tcp, socket_directory, conninfo, uri, uri_of_a_socket, environment, options_before_environment,
        service_in_the_environment, service_in_a_conninfo, hostaddr)


@pytest.mark.share("way")
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_the_truth_by_every_way(chain, check, scratch, way):
    for program, server, state in chain.answers():
        options, env = way(server, scratch)
        result = check(program, *options, env=env)
        assert result.state == state, result
        if state == "CRITICAL":
            assert "standby" in result.stdout or "primary" in result.stdout, "critical for its role: it was reached"


def test_the_database_is_postgres_and_not_the_one_of_the_user(chain, check):
    """libpq's default is the user's name; there is no database pgha."""
    result = check("check_pg_leader", *at(chain.primary))
    assert result.state == "OK", result
    other = check("check_pg_leader", *at(chain.primary), "-d", "pgha", "-f", "json")
    assert other.state == "UNKNOWN", other
    assert other.json()["fault"]["class"] == "setup", other


# --- several hosts ---------------------------------------------------------------------------------------------------

@contextmanager
def silent_listener(address="127.0.0.1", port=None):
    """Takes connections (the kernel does) and never says a word."""
    reserved = None if port else ports.reserve()
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port or reserved))
        listener.listen(16)
        try:
            yield port or reserved
        finally:
            if reserved:
                ports.release(reserved)


@pytest.fixture(scope="module")
def primary(any_installation):
    """On the major hangs nothing here."""
    with postgres.Cluster(any_installation) as cluster:
        server = cluster.primary()
        server.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        yield server


def reaches(ask):
    """The good host answers in its share of the time: always, or the next time if it had no processor in that."""
    for _ in range(5):
        result = ask()
        assert result.elapsed < 2, result
        if result.state == "OK":
            return
        assert result.state == "CRITICAL" and "in time" in result.stdout, result
    raise AssertionError(f"never within its share of the time: {result}")


def test_a_silent_host_does_not_eat_the_time_of_the_next(primary, check):
    good = primary
    with silent_listener() as silent:
        for options in (("-d", f"host=127.0.0.1,127.0.0.1 port={silent},{good.port} user=pgha"),
                        ("-d", f"postgresql://pgha@127.0.0.1:{silent},127.0.0.1:{good.port}/postgres"),
                        ("-H", "127.0.0.1,127.0.0.1", "-p", f"{silent},{good.port}", "-U", "pgha")):
            reaches(lambda options=options: check("check_pg_leader", *options, "-t", "2s"))
    # One port for two addresses.
    with silent_listener("127.0.0.2", good.port):
        hosts = ("-H", "127.0.0.2,127.0.0.1", "-p", good.port, "-U", "pgha")
        reaches(lambda: check("check_pg_leader", *hosts, "-t", "2s"))


def test_a_host_that_refuses_is_passed_over_at_once(primary, check):
    refusing = ports.reserve()
    result = check("check_pg_leader", "-H", "127.0.0.1,127.0.0.1", "-p", f"{refusing},{primary.port}",
                   "-U", "pgha", "-t", "20s")
    ports.release(refusing)
    assert result.state == "OK", result
    assert result.elapsed < 5, "not half of the time"


def test_only_silent_hosts_are_a_timeout_in_time(check):
    with silent_listener() as one, silent_listener() as other:
        result = check("check_pg_leader", "-H", "127.0.0.1,127.0.0.1", "-p", f"{one},{other}", "-U", "pgha", "-t", "1s",
                       "-f", "json")
    assert result.state == "CRITICAL", result
    assert result.json()["fault"]["class"] == "timeout", result
    assert result.elapsed < 1.5, result


# --- PgBouncer -------------------------------------------------------------------------------------------------------

@pytest.fixture
def pooled():
    reason = pgbouncer.why_missing()
    if reason:
        pytest.skip(reason)
    return pgbouncer.Pgbouncer


@pytest.mark.parametrize("pool_mode", ["session", "transaction", "statement"])
def test_through_pgbouncer(chain, check, pooled, pool_mode):
    with pooled(chain.primary, pool_mode) as primary, pooled(chain.standby, pool_mode) as standby:
        poolers = {chain.primary: primary, chain.standby: standby}
        for _ in range(3):  # the first opens the server connection, the others are given a used one
            for program, server, state in chain.answers():
                result = check(program, *at(poolers[server]), "-f", "json")
                assert result.state == state, result
                assert not result.json().get("fault"), result


@pytest.mark.parametrize("pool_mode", ["session", "transaction"])
def test_a_check_leaves_nothing_behind_in_a_pooled_session(chain, check, pooled, pool_mode):
    """The next client of that server connection is an application."""
    # application_name PgBouncer keeps per client by itself; transaction_... are of the transaction, not the session.
    settings = ("SELECT name, setting FROM pg_catalog.pg_settings WHERE source = 'session' "
                "AND name <> 'application_name' AND name NOT LIKE 'transaction_%' ORDER BY 1")
    with pooled(chain.primary, pool_mode, "default_pool_size = 1\nserver_reset_query =\n") as pooler:
        def ask():
            connection = pooler.connect()
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(settings)
                rows = cursor.fetchall()
                cursor.execute("SELECT count(*) FROM pg_catalog.pg_prepared_statements")
                prepared = cursor.fetchone()
            connection.close()
            return rows, prepared
        before = ask()
        assert check("check_pg_leader", *at(pooler)).state == "OK"
        assert check("check_pg_replica", *at(pooler), "--accept-primary").state == "OK"
        assert ask() == before


@pytest.mark.parametrize("pool_mode", ["session", "transaction"])
def test_right_after_a_promotion_behind_pgbouncer(own_cluster, check, pooled, pool_mode):
    primary = own_cluster.primary()
    primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
    standby = own_cluster.standby(primary)

    def in_hot_standby():
        connection = pooler.connect()
        value = connection.info.parameter_status("in_hot_standby")
        connection.close()
        return value

    with pooled(standby, pool_mode) as pooler:
        assert check("check_pg_leader", *at(pooler)).state == "CRITICAL"
        assert check("check_pg_replica", *at(pooler)).state == "OK"
        standby.promote()
        assert in_hot_standby() == "on", "PgBouncer no longer lies, so this test proves nothing: rewrite it"
        leader = check("check_pg_leader", *at(pooler))
        assert leader.state == "OK", leader
        replica = check("check_pg_replica", *at(pooler))
        assert replica.state == "CRITICAL", replica
