"""The checks as HAProxy's external-check: writes reach the primary only, reads reach standbys that are not behind."""

import os
import subprocess
import threading
import time

import psycopg2
import pytest

import haproxy
import ports
import postgres
import programs
import sandbox
import shipped
from test_lag import conflicting_query, commit, write_wal

needs_haproxy = pytest.mark.skipif(bool(haproxy.why_missing()), reason=haproxy.why_missing() or "it is there")

LAG_LIMIT = "1MB"  # instead of the shipped 64MB, so that a test is past it soon
PASSWORD = "a secret"
PATIENT_SECONDS = 30  # of a session that is to come about


# --- the calling convention ------------------------------------------------------------------------------------------

def _operands(server):
    return ("NOT_USED", "NOT_USED", server.host, server.port)


def test_four_operands_are_the_proxy_and_the_server(chain, check):
    for program, server, state in chain.answers():
        result = check(program, "-U", "pgha", *_operands(server))
        assert (result.code, result.stdout, result.stderr) == (0 if state == "OK" else 1, "", ""), result


def test_a_unix_socket_server_has_no_port(chain, check):
    """HAProxy passes the socket's path as address and NOT_USED as port."""
    path = f"{chain.primary.socket_dir}/.s.PGSQL.{chain.primary.port}"
    result = check("check_pg_leader", "-U", "pgha", "127.0.0.1", "1", path, "NOT_USED")
    assert result.code == 0, result


def test_neither_a_yes_nor_a_no_is_a_no(chain, check):
    refusing = ports.reserve()
    down = check("check_pg_leader", "-U", "pgha", "NOT_USED", "NOT_USED", "127.0.0.1", refusing)
    ports.release(refusing)
    assert down.code == 1, down
    unknown = check("check_pg_replica", "-U", "plain", *_operands(chain.standby))
    assert unknown.code == 1, unknown
    no_role = check("check_pg_leader", "-U", "nobody_of_this_name", *_operands(chain.primary))
    assert no_role.code == 1, no_role


@pytest.mark.share("closed")
@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (0, 1, 2)], ids=lambda fds: "-".join(map(str, fds)))
def test_with_standard_descriptors_closed(chain, check, closed):
    """Else the connection to the server would become standard output, and the first message part of the protocol."""
    def close():
        for fd in closed:
            os.close(fd)

    for server, code in ((chain.primary, 0), (chain.standby, 1)):
        for arguments in (("-U", "pgha", *_operands(server)), (*programs.at(server), "-v", "-f", "keepalived")):
            assert check("check_pg_leader", *arguments, preexec_fn=close).code == code
    assert check("check_pg_leader", *programs.at(chain.standby), "-v", preexec_fn=close).code == 2


def test_with_the_few_variables_that_haproxy_gives(chain, check):
    """No HOME, no LANG, an empty PATH."""
    path = programs.path("check_pg_leader", "plain")
    names = "PROXY_NAME PROXY_ID PROXY_ADDR PROXY_PORT SERVER_NAME SERVER_ID SERVER_MAXCONN SERVER_CURCONN".split()
    variables = {"PATH": "", **{f"HAPROXY_{name}": "" for name in names},
                 "HAPROXY_SERVER_ADDR": chain.primary.host, "HAPROXY_SERVER_PORT": str(chain.primary.port),
                 "HAPROXY_SERVER_SSL": "0", "HAPROXY_SERVER_PROTO": "tcp"}
    pid = os.posix_spawn(path, [path, "-U", "pgha", *map(str, _operands(chain.primary))], variables)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


# --- HAProxy itself --------------------------------------------------------------------------------------------------

class Site:
    """A primary, two standbys, and HAProxy with a write port and a read port in front of them."""

    def __init__(self, cluster):
        self.primary = cluster.primary()
        self.primary.sql(f"CREATE ROLE pgha LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor")
        self.primary.hba("host all pgha samenet scram-sha-256\n")
        commit(self.primary)
        self.standbys = {name: cluster.standby(self.primary, name, max_standby_streaming_delay="-1")
                         for name in ("n2", "n3")}
        self.servers = {"n1": self.primary, **self.standbys}
        self.names = {server.port: name for name, server in self.servers.items()}
        self.write_port, self.read_port = ports.reserve(), ports.reserve()
        self.haproxy = haproxy.Haproxy(self._configuration(sandbox.make_directory("etc")))

    def _configuration(self, etc):
        """configs/haproxy/ with this site's addresses, in a directory of its own instead of /etc/haproxy."""
        programs_here = shipped.installed("check_pg_leader", "check_pg_replica")
        passfile = etc / "pgha.pgpass"
        passfile.write_text(f"*:*:*:pgha:{PASSWORD}\n", encoding="utf-8")
        passfile.chmod(0o600)
        sandbox.give(passfile)
        places = {"/usr/local/bin": str(programs_here), "/etc/haproxy": str(etc)}
        # On a busy machine a check needs more than its 900 ms, and HAProxy waits as much longer for it.
        places[r"-t 900ms"] = "-t 2900ms"
        for name, limit in (("pgha-leader", {}), ("pgha-replica", {"-c 64MB": f"-c {LAG_LIMIT}"})):
            script = etc / name
            script.write_text(shipped.adapted(f"haproxy/{name}", {**places, **limit}), encoding="utf-8")
            script.chmod(0o755)
        return shipped.adapted("haproxy/haproxy.cfg", {
            r"(?m)^global$": r"global\n    stats socket {socket} mode 600 level admin",
            r"/etc/haproxy": str(etc),
            r"inter 1s": "inter 4s",
            r"\*:5000": f"127.0.0.1:{self.write_port}",
            r"\*:5001": f"127.0.0.1:{self.read_port}",
            **{rf"server {name} \S+": f"server {name} {server.host}:{server.port}"
               for name, server in self.servers.items()},
        })

    def __enter__(self):
        self.haproxy.__enter__()
        self.haproxy.wait_up("postgresql_write", {"n1"})
        self.haproxy.wait_up("postgresql_read", self.standbys)
        sandbox.wait_for(lambda: all(row["check_status"].endswith(("PROCOK", "PROCERR"))
                                     for row in self.haproxy.servers().values()), "the first checks of all servers",
                         detail=self.haproxy.summary)
        return self

    def __exit__(self, *error):
        self.haproxy.__exit__(*error)
        ports.release(self.write_port)
        ports.release(self.read_port)

    def ask(self, port):
        """(name of the server behind the port, whether it is in recovery), or None when nobody answers."""
        try:
            connection = psycopg2.connect(host="127.0.0.1", port=port, user="pgha", password=PASSWORD,
                                          dbname="postgres", connect_timeout=PATIENT_SECONDS)
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
        """The servers that so many reads in a row reach."""
        return {answer[0] for answer in (self.ask(self.read_port) for _ in range(count)) if answer}


@pytest.fixture
def site(any_installation):
    if haproxy.why_missing():
        pytest.skip(haproxy.why_missing())
    with postgres.Cluster(any_installation) as cluster, Site(cluster) as made:
        yield made


class Writer(threading.Thread):
    """Keeps connecting to the write port and notes who answers."""

    def __init__(self, site):
        super().__init__(daemon=True)
        self.site = site
        self.answers = []  # (when, name, in recovery)
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(0.02):
            answer = self.site.ask(self.site.write_port)
            if answer:
                self.answers.append((time.monotonic(), *answer))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()

    def reached(self, name):
        return any(answer[1] == name for answer in self.answers)


def test_writes_reach_the_primary_before_and_after_a_promotion(site, record_property):
    with Writer(site) as writer:
        sandbox.wait_for(lambda: len(writer.answers) > 20, "writes")
        assert {name for _, name, _ in writer.answers} == {"n1"}
        killed = time.monotonic()
        site.primary.kill()
        site.haproxy.wait_up("postgresql_write", set())
        # Without a leader there is nobody to write to: a standby must not stand in.
        promoted = time.monotonic()
        site.standbys["n2"].promote()
        site.haproxy.wait_up("postgresql_write", {"n2"})
        sandbox.wait_for(lambda: writer.reached("n2"), "a write that reaches the new primary")
        record_property("write_outage_seconds", round(writer.answers[-1][0] - killed, 3))
        record_property("promotion_to_write_seconds", round(writer.answers[-1][0] - promoted, 3))
    assert [answer for answer in writer.answers if answer[2]] == [], "a server in recovery got a write"
    assert {name for _, name, _ in writer.answers} == {"n1", "n2"}
    site.haproxy.wait_up("postgresql_read", set())  # n3 has lost its sender, n2 is the leader
    site.standbys["n3"].follow(site.standbys["n2"])
    site.haproxy.wait_up("postgresql_read", {"n3"})


def test_a_standby_that_falls_behind_leaves_the_read_pool_and_comes_back(site):
    assert site.readers() == {"n2", "n3"}
    with conflicting_query(site.primary, site.standbys["n2"]):
        write_wal(site.primary, 2)
        site.haproxy.wait_up("postgresql_read", {"n3"})
        assert site.readers() == {"n3"}
        assert site.haproxy.up("postgresql_write") == {"n1"}
    site.haproxy.wait_up("postgresql_read", {"n2", "n3"})
    assert site.readers() == {"n2", "n3"}


def test_a_hanging_primary_is_taken_out(site):
    """Connections to a stopped server are accepted by the kernel: only the check's own deadline tells."""
    site.primary.freeze()
    try:
        site.haproxy.wait_up("postgresql_write", set())
        row = site.haproxy.servers()["postgresql_write", "n1"]
        assert row["check_status"] == "PROCERR", "the check answered; HAProxy did not have to give it up (PROCTOUT)"
    finally:
        site.primary.thaw()
    site.haproxy.wait_up("postgresql_write", {"n1"})


def test_checks_are_reaped(site):
    """One that changes its process group is never waited for: it always times out, and stays as a zombie."""
    seen = set()
    stop = time.monotonic() + 9  # a dozen of checks
    while time.monotonic() < stop:
        seen.update((key, row["status"].split()[0], row["check_status"].lstrip("* "))
                    for key, row in site.haproxy.servers().items())
        time.sleep(0.2)
    assert {(status, state) for _, state, status in seen} == {("PROCOK", "UP"), ("PROCERR", "DOWN")}, \
        site.haproxy.summary()
    sandbox.wait_for(lambda: not site.haproxy.children(), "a moment without children of HAProxy", timeout=60,
                     interval=0.005, detail=lambda: str(site.haproxy.children()))


# --- the shipped files -----------------------------------------------------------------------------------------------

FILES = sorted((shipped.CONFIGS / "haproxy").glob("*.cfg"))


@needs_haproxy
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_haproxy_loads_the_shipped_configuration(path):
    run = subprocess.run([haproxy.program(), "-c", "-dW", "-f", str(path)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
