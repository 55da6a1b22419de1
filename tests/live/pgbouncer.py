"""A PgBouncer of the test's own in front of one server."""

import shutil

import psycopg2

import ports
import sandbox

CONFIGURATION = """\
[databases]
* = host={host} port={port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = trust
auth_file = {directory}/users
admin_users = postgres
pool_mode = {pool_mode}
"""


def why_missing():
    """The reason for a skip, "" when it is there."""
    return "" if shutil.which("pgbouncer") else "no program pgbouncer"


class Pgbouncer:
    def __init__(self, server, pool_mode="session", settings="", users=("postgres", "pgha", "plain")):
        self.host = "127.0.0.1"
        self.port = ports.reserve()
        self.directory = sandbox.make_directory("b")
        self.configuration = self.directory / "pgbouncer.ini"
        self.configuration.write_text(settings_text(self, server, pool_mode) + settings, encoding="utf-8")
        (self.directory / "users").write_text("".join(f'"{user}" ""\n' for user in users), encoding="utf-8")
        self.log = self.directory / "log"
        self.process = None

    def __enter__(self):
        self.process = sandbox.spawn([shutil.which("pgbouncer"), str(self.configuration)], self.log, name="pgbouncer")
        sandbox.wait_for(self._answers, "PgBouncer to answer", detail=lambda: sandbox.tail(self.log))
        return self

    def __exit__(self, *_):
        sandbox.terminate(self.process)
        ports.release(self.port)

    def _answers(self):
        if self.process.poll() is not None:
            raise sandbox.HarnessError(f"PgBouncer exited with {self.process.returncode}\n{sandbox.tail(self.log)}")
        try:
            self.connect("pgbouncer", "postgres").close()
        except psycopg2.OperationalError:
            return False
        return True

    def connect(self, dbname="postgres", user="pgha"):
        return psycopg2.connect(host=self.host, port=self.port, dbname=dbname, user=user, connect_timeout=5)


def settings_text(pooler, server, pool_mode):
    return CONFIGURATION.format(host=server.host, port=server.port, listen_port=pooler.port,
                                directory=pooler.directory, pool_mode=pool_mode)
