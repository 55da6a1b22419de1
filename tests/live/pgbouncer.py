"""A PgBouncer of the test's own in front of one server."""

import shutil
import signal
import socket
import struct
import threading
from contextlib import contextmanager

import psycopg2

import ports
import reaper
import sandbox

CONFIGURATION = """\
[databases]
{databases}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir = {socket_dir}
auth_type = trust
auth_file = {directory}/users
admin_users = postgres
pool_mode = {pool_mode}
"""


def why_missing():
    """The reason for a skip, "" when it is there."""
    return "" if shutil.which("pgbouncer") else "no program pgbouncer"


class Pgbouncer:
    """`databases` are lines of [databases] in which {server} stands for host and port; a line later in `settings` wins
    over one before it."""

    def __init__(self, server, pool_mode="session", settings="", users=("postgres", "pgha", "plain"),
                 databases="* = {server}", has_socket=False):
        self.host = "127.0.0.1"
        self.port = ports.reserve()
        self.directory = sandbox.make_directory("b")
        self.socket_dir = str(self.directory) if has_socket else ""
        self.configuration = self.directory / "pgbouncer.ini"
        self.configuration.write_text(settings_text(self, server, pool_mode, databases) + settings, encoding="utf-8")
        self.set_users(**{user: "" for user in users})
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
        except psycopg2.OperationalError as error:
            return "password" in str(error)
        return True

    def set_users(self, **passwords):
        """Who may connect; it takes effect at the start, or with RELOAD."""
        lines = "".join(f'"{user}" "{password}"\n' for user, password in passwords.items())
        (self.directory / "users").write_text(lines, encoding="utf-8")

    def connect(self, dbname="postgres", user="pgha", **keywords):
        return psycopg2.connect(**{"host": self.host, "port": self.port, "dbname": dbname, "user": user,
                                   "connect_timeout": 30, **keywords})

    # --- the admin console -------------------------------------------------------------------------------------------

    def console(self, command):
        """What a command of the console returns: a list of dicts."""
        connection = self.connect("pgbouncer", "postgres")
        connection.autocommit = True  # BEGIN is no command of the console
        try:
            with connection.cursor() as cursor:
                cursor.execute(command)
                names = [column.name for column in cursor.description or ()]
                return [dict(zip(names, row)) for row in (cursor.fetchall() if names else ())]
        finally:
            connection.close()

    def pool(self, database, user="pgha"):
        """The row of a pool; {} before its first client."""
        found = [row for row in self.console("SHOW POOLS") if (row["database"], row["user"]) == (database, user)]
        return found[0] if found else {}

    def wait_for_pool(self, condition, what, database="postgres", user="pgha"):
        sandbox.wait_for(lambda: (row := self.pool(database, user)) and condition(row), f"the pool to have {what}",
                         detail=lambda: self.pool(database, user))

    @contextmanager
    def pausing(self, command="PAUSE"):
        """PAUSE and SUSPEND return when all is at rest, which may be never: meanwhile they are in force."""
        is_issued = self.log_watch(f"{command.split()[0]} ")
        thread = threading.Thread(target=_quietly, args=(self.console, command), daemon=True)
        thread.start()
        sandbox.wait_for(is_issued, f"{command} to be issued", detail=lambda: sandbox.tail(self.log))
        try:
            yield
        finally:
            _quietly(self.console, command.replace("PAUSE", "RESUME").replace("KILL", "RESUME"))
            thread.join(10)

    def log_watch(self, words):
        """A function that tells whether these words came into its log after now."""
        start = self.log.stat().st_size

        def is_there():
            with open(self.log, "rb") as log:
                log.seek(start)
                return words.encode() in log.read()

        return is_there

    # --- the process -------------------------------------------------------------------------------------------------

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)
        sandbox.wait_for(lambda: reaper.stat_fields(self.process.pid)[0] == "T", "PgBouncer to stop at SIGSTOP")

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    # --- clients -----------------------------------------------------------------------------------------------------

    @contextmanager
    def clients(self, count, database="postgres", user="pgha"):
        """So many clients that have asked something; in session mode each of them that was served has a server."""
        clients = [_Client(self, database, user) for _ in range(count)]
        try:
            for client in clients:
                client.start()
            yield
        finally:
            for client in clients:
                client.over.set()
            for client in clients:
                client.join(10)


class _Client(threading.Thread):
    """Comes until it is let in.  Speaks to the socket itself: one that waits in libpq could not be ended."""

    def __init__(self, pooler, database, user):
        super().__init__(daemon=True)
        self.address, self.database, self.user = (pooler.host, pooler.port), database, user
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(0.05):
            try:
                with socket.create_connection(self.address) as talk:
                    self._stay(talk)
            except ConnectionError:
                pass  # it listens no more, or not yet

    def _stay(self, talk):
        """Until the end, or until it is sent away; then it comes again."""
        body = f"\0\3\0\0user\0{self.user}\0database\0{self.database}\0\0".encode()
        talk.sendall(struct.pack("!I", len(body) + 4) + body)
        talk.settimeout(0.05)
        heard, is_let_in = b"", False
        while not self.over.is_set():
            try:
                piece = talk.recv(65536)
            except TimeoutError:
                continue
            if not piece:
                return
            heard = heard if is_let_in else heard + piece
            if not is_let_in and heard.endswith(b"Z\0\0\0\5I") and b"K\0\0\0\x0c" in heard:
                is_let_in = True
                talk.sendall(b"Q\0\0\0\x0dSELECT 1\0")


def _quietly(call, *args):
    try:
        call(*args)
    except psycopg2.Error:
        pass


def settings_text(pooler, server, pool_mode, databases="* = {server}"):
    return CONFIGURATION.format(databases=databases.format(server=f"host={server.host} port={server.port}"),
                                listen_port=pooler.port, directory=pooler.directory, pool_mode=pool_mode,
                                socket_dir=pooler.socket_dir)
