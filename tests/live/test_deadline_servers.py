"""-t bounds everything, continued: real servers that are frozen, refuse, start, stop or speak TLS.

No server process may be left behind: whatever a check started on a server ends with it.
"""

import contextlib
import subprocess

import psycopg2
import pytest

import postgres
import sandbox
from deadline import keeps
from programs import at, why_missing

import peers  # these two are in tests/scripted; deadline.py opens the way
import wire

LEADER, REPLICA = "check_pg_leader", "check_pg_replica"
HBA = """\
host all with_password samenet scram-sha-256
host all all           samenet trust
local all all          trust
"""
# The servers are few and shared, and some tests stop them: one worker for all.
pytestmark = pytest.mark.xdist_group("deadline-servers")


@pytest.fixture(autouse=True, scope="module")
def the_programs():
    assert not why_missing("plain"), why_missing("plain")


@pytest.fixture(scope="module")
def cluster(any_installation):
    with postgres.Cluster(any_installation) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def primary(cluster):
    server = cluster.primary()
    server.hba(HBA)
    server.sql("CREATE ROLE with_password LOGIN PASSWORD 'right'")
    server.sql("CREATE ROLE plain LOGIN")
    server.sql("CREATE DATABASE closed")
    server.sql("REVOKE CONNECT ON DATABASE closed FROM PUBLIC")
    return server


@pytest.fixture(scope="module")
def standby(cluster, primary):
    return cluster.standby(primary)


@contextlib.contextmanager
def nothing_left(server):
    """What the check made the server start is gone soon after it."""
    before = set(server.processes())
    yield
    sandbox.wait_for(lambda: set(server.processes()) <= before, f"{server.name} to be left alone", timeout=60,
                     detail=lambda: f"still there: {set(server.processes()) - before}\n{server.log_tail()}")


def plain(server):
    return at(server, user="plain")


# --- frozen -----------------------------------------------------------------------------------------------------------

@pytest.fixture
def thawed(primary):
    yield primary
    primary.thaw()


@pytest.mark.parametrize("program", [LEADER, REPLICA])
def test_frozen_postmaster(build, program, thawed):
    """The kernel goes on accepting connections for it. Once it runs again it finds them closed."""
    with nothing_left(thawed):
        thawed.freeze_postmaster()
        keeps(build, program, plain(thawed), "timeout")
        thawed.thaw()


def test_frozen_server(build, thawed):
    with nothing_left(thawed):
        thawed.freeze()
        keeps(build, LEADER, plain(thawed), "timeout")
        thawed.thaw()


@pytest.mark.parametrize("program", [LEADER, REPLICA])
def test_frozen_backend(build, program, primary):
    """Frozen after the connection is made and before the query is read."""
    frozen = []

    def freeze(pid):
        frozen.append(pid)
        sandbox.reaper.signal_each([pid], sandbox.signal.SIGSTOP)

    with nothing_left(primary), wire.Relay((primary.host, primary.port), freeze) as relay:
        try:
            keeps(build, program, [*relay.target, "-d", "user=plain sslmode=disable"], "timeout")
        finally:
            sandbox.reaper.signal_each(frozen, sandbox.signal.SIGCONT)
        assert frozen, "it was never asked"


def test_backend_that_waits_for_a_lock(build, primary):
    """Before a session has begun neither statement_timeout nor a closed connection can end it."""
    with contextlib.closing(primary.connect()) as holder, nothing_left(primary):
        with holder.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE pg_catalog.pg_db_role_setting IN ACCESS EXCLUSIVE MODE")
            keeps(build, LEADER, plain(primary), "timeout")
            cursor.execute("ROLLBACK")


# --- refusals ---------------------------------------------------------------------------------------------------------

def test_wrong_password(build, primary):
    target = at(primary, user="with_password")
    with nothing_left(primary):
        keeps(build, LEADER, target, "setup", env={"PGPASSWORD": "wrong"})
        keeps(build, LEADER, target, "setup", env={"PGPASSFILE": "/nonexistent/passfile"})
        keeps(build, LEADER, target, None, env={"PGPASSWORD": "right"})


def test_role_that_does_not_exist(build, primary):
    with nothing_left(primary):
        keeps(build, LEADER, at(primary, user="nobody_of_that_name"), "setup")


def test_role_that_may_not_connect(build, primary):
    with nothing_left(primary):
        keeps(build, LEADER, [*plain(primary), "-d", "closed"], "setup")
        keeps(build, LEADER, [*plain(primary), "-d", "no_such_database"], "setup")


def test_role_that_may_not_see_the_receiver(build, primary, standby):
    """Without pg_monitor the receiver's row has no state: that is not the same as a receiver that does not stream."""
    with nothing_left(standby):
        keeps(build, REPLICA, plain(standby), "setup")
        keeps(build, REPLICA, at(standby, user="postgres"), None)


def test_role_that_is_not_in_pg_hba(build, standby):
    standby.hba("host all plain samenet reject\n")
    try:
        with nothing_left(standby):
            keeps(build, REPLICA, plain(standby), "setup")
    finally:
        standby.hba(HBA)


def test_too_many_clients(build, primary):
    sessions = []
    try:
        with pytest.raises(psycopg2.OperationalError, match="slots|clients"):
            for _ in range(100):
                sessions.append(primary.connect(user="plain"))
        with nothing_left(primary):
            keeps(build, LEADER, plain(primary), "full")
    finally:
        for session in sessions:
            session.close()
        sandbox.wait_for(lambda: is_empty(primary), "the sessions to end")


def is_empty(server):
    try:
        return not server.backends()
    except psycopg2.OperationalError:  # there is no room yet for who asks
        return False


def test_tls_demanded_and_not_offered(build, primary):
    with nothing_left(primary):
        for mode in ("require", "verify-full"):
            keeps(build, LEADER, ["-d", f"host={primary.host} port={primary.port} user=plain sslmode={mode} "
                                        "sslrootcert=/etc/hostname"], "setup")


# --- starting and stopping --------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def starting(cluster, standby):
    """A standby whose restore_command never comes back, so that it never reaches a consistent state."""
    # It ends with the startup process: an immediate shutdown would leave a plain sleep behind.
    waiting_command = "while kill -0 $PPID 2>/dev/null; do sleep 0.5; done; false"
    server = cluster.standby(standby, "starting", wait=False, restore_command=waiting_command)

    def answers():
        with pytest.raises(psycopg2.OperationalError) as refused:
            server.connect().close()
        return "starting up" in str(refused.value)
    sandbox.wait_for(answers, "the server to say that it is starting up", detail=server.log_tail)
    return server


@pytest.mark.parametrize("program", [LEADER, REPLICA])
def test_starting_up(build, program, starting):
    sandbox.wait_for(lambda: len(starting.processes()) > 1, "the startup process")
    keeps(build, program, plain(starting), "down")


@pytest.mark.parametrize("program", [LEADER, REPLICA])
def test_shutting_down(build, program, encrypted):
    """A smart shutdown waits for the last session and lets nobody in."""
    session = encrypted.connect()
    try:
        encrypted.process.terminate()

        def is_closing():
            try:
                encrypted.connect().close()
            except psycopg2.OperationalError as e:
                return "shutting down" in str(e)
            return False
        sandbox.wait_for(is_closing, "the smart shutdown to begin", detail=encrypted.log_tail)
        keeps(build, program, plain(encrypted), "down")
        assert encrypted.is_running(), "the session is still there"
    finally:
        session.close()
        encrypted.process.wait(60)
        encrypted.start()


def test_stopped(build, encrypted):
    encrypted.stop("fast")
    try:
        keeps(build, LEADER, plain(encrypted), "down")
        keeps(build, LEADER, ["-H", encrypted.socket_dir, "-p", encrypted.port], "down")
    finally:
        encrypted.start()


# --- TLS --------------------------------------------------------------------------------------------------------------

def certificate(directory, name):
    """A self-signed certificate for the loopback address: (certificate, key)."""
    crt, key = directory / f"{name}.crt", directory / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=IP:{peers.LOOPBACK}",
                    "-keyout", key, "-out", crt], check=True, capture_output=True)
    return crt, key


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    directory = tmp_path_factory.mktemp("certificates")
    try:
        return {name: certificate(directory, name) for name in ("server", "stranger")}
    except FileNotFoundError:
        pytest.skip("no program openssl")


@pytest.fixture(scope="module")
def encrypted(cluster, certificates):
    server = cluster.primary("encrypted")
    server.hba(HBA)
    server.sql("CREATE ROLE plain LOGIN")
    for path, name in zip(certificates["server"], ("server.crt", "server.key")):
        copy = server.data / name
        copy.write_bytes(path.read_bytes())
        copy.chmod(0o600)
        sandbox.give(copy)
    server.configure(ssl="on")
    return server


def verifying(server, certificates, whose, more=""):
    return ["-d", f"host={server.host} port={server.port} user=plain sslmode=verify-full "
                  f"sslrootcert={certificates[whose][0]} {more}"]


def test_certificate_that_cannot_be_verified(build, encrypted, certificates):
    with nothing_left(encrypted):
        keeps(build, LEADER, verifying(encrypted, certificates, "stranger"), "setup")
        keeps(build, LEADER, verifying(encrypted, certificates, "server"), None)


def test_certificate_of_another_host(build, encrypted, certificates):
    with nothing_left(encrypted):
        target = verifying(encrypted, certificates, "server", f"hostaddr={encrypted.host}")
        target[1] = target[1].replace(f"host={encrypted.host} ", "host=db1.example.org ")
        keeps(build, LEADER, target, "setup")


def test_certificate_that_is_not_there(build, encrypted, certificates, tmp_path):
    with nothing_left(encrypted):
        missing = {"server": [tmp_path / "nothing"]}
        keeps(build, LEADER, verifying(encrypted, missing, "server"), "setup")


def test_frozen_postmaster_with_tls(build, encrypted, certificates):
    with nothing_left(encrypted):
        encrypted.freeze_postmaster()
        try:
            keeps(build, LEADER, verifying(encrypted, certificates, "server"), "timeout")
        finally:
            encrypted.thaw()
