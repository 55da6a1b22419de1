"""PostgreSQL servers for tests, the demo and the benchmark: start, clone, promote, freeze, kill.

Pure Python, no pytest.  Every server has a directory of its own with its data, its log and its socket; all run on
loopback (or in a network namespace), as an unprivileged user, and go with the process that started them.

Servers are copies of one initdb per major, so they share a system identifier as members of one cluster do; a server
that must be a stranger is made with fresh=True.  The harness speaks as superuser `postgres` over the socket.
"""

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg2

import ports
import reaper
import sandbox
from installations import Installation, installations, why_missing  # noqa: F401 (this module is the harness's door)
from sandbox import HarnessError, wait_for

SETTINGS = {
    "fsync": "off",
    "max_connections": "20",
    "shared_buffers": "8MB",
    "wal_level": "replica",
    "max_wal_senders": "10",
    "max_replication_slots": "10",
    "hot_standby": "on",
    "wal_keep_size": "256MB",
    "wal_retrieve_retry_interval": "200ms",  # the default of 5 s is what a standby waits before it connects again
    "autovacuum": "off",                     # an idle server stays idle
    "jit": "off",
    "dynamic_shared_memory_type": "mmap",    # below the data directory, so that SIGKILL leaves nothing in /dev/shm
    "log_line_prefix": "%m [%p] %q%a ",
}

# The harness's own doors stay open whatever a test writes below them.
HBA_OWN = """\
local all         postgres          trust
local replication postgres          trust
host  replication postgres samenet  trust
"""
HBA_OPEN = """\
local all all          trust
host  all all samenet  trust
"""

# A receiver that has just connected has heard nothing yet: both times are those of its start.
STREAMS = """
SELECT status = 'streaming' AND (last_msg_send_time <> last_msg_receipt_time
                                 OR clock_timestamp() - last_msg_receipt_time > '1.1 s')
FROM pg_catalog.pg_stat_wal_receiver
"""

# Contents that a server makes anew; pg_control is copied last because it must not be older than the rest.
LEFT_OUT_OF_COPIES = {"pg_wal", "pg_replslot", "pg_dynshmem", "pg_stat_tmp", "pg_notify", "pg_serial", "pg_snapshots",
                      "pg_subtrans"}
CONTROL_FILE = "global/pg_control"


class Server:
    """One PostgreSQL server.  start() makes its data directory when there is none yet."""

    def __init__(self, installation, directory, name, port=None, *, settings=None, netns=None, address=None,
                 fresh=False, upstream=None):
        self.installation = installation
        self.version = installation.major
        self.name = name
        self.home = Path(directory) / name
        self.data = self.home / "data"
        self.log = self.home / "log"
        self.socket_dir = str(self.home)
        self.host = address or "127.0.0.1"
        self.port = port or ports.reserve()
        self.netns = netns
        self.upstream = upstream
        self.fresh = fresh
        self.settings = {**SETTINGS, **(settings or {})}
        self.process = None
        self._hba = HBA_OPEN
        self._downstreams = 0
        self.home.mkdir(mode=0o755)
        self.home.chmod(0o755)
        sandbox.give(self.home)

    def __repr__(self):
        return f"<{self.name}: PostgreSQL {self.version} on {self.host}:{self.port}>"

    def __enter__(self):
        return self if self.process else self.start()

    def __exit__(self, *_):
        self.release()

    # --- life --------------------------------------------------------------------------------------------------------

    def start(self, wait=True):
        if not self.data.exists():
            self._initdb(self.data) if self.fresh else self._copy_template()
        self._write_configuration()
        self.process = sandbox.spawn([str(self.installation.bindir / "postgres"), "-D", str(self.data)], self.log,
                                     name=self.name, netns=self.netns)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=60):
        """Until it takes connections (as pg_ctl does, from postmaster.pid, which leaves no trace in the log)."""
        wait_for(self._is_ready, f"{self.name} to accept connections", timeout, detail=self.log_tail)

    def _is_ready(self):
        if self.process.poll() is not None:
            raise HarnessError(f"{self.name} exited with {self.process.returncode}\n{self.log_tail()}")
        lines = self._pid_file()
        return len(lines) > 7 and lines[0] == str(self.process.pid) and lines[7].strip() in ("ready", "standby")

    def _pid_file(self):
        try:
            return (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []

    def stop(self, mode="fast", timeout=60):
        """mode: smart, fast or immediate, in pg_ctl's words."""
        number = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}[mode]
        self.thaw()
        self.process.send_signal(number)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise HarnessError(f"{self.name} did not stop ({mode}) in {timeout} s\n{self.log_tail()}") from None
        sandbox.ended(self.process)

    def restart(self, mode="fast"):
        self.stop(mode)
        return self.start()

    def kill(self):
        """SIGKILL to the postmaster and all its children, as a crash of the machine would end them."""
        sandbox.kill(self.process)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def release(self):
        """Gone, with its port and its data; the log goes with the scratch directory."""
        if self.is_running():
            try:
                self.stop("immediate", timeout=5)
            except HarnessError:
                self.kill()
        shutil.rmtree(self.data, ignore_errors=True)
        ports.release(self.port)

    # --- processes ---------------------------------------------------------------------------------------------------

    def processes(self):
        """The pids of the postmaster (first) and its children."""
        return reaper.tree(self.process.pid) if self.is_running() else []

    def backends(self):
        """The pids of client backends, except the one that is asked, which has ended then and is counted by nobody."""
        connection = self.connect()
        asked = connection.info.backend_pid
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pid FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend'")
                return [pid for pid, in cursor.fetchall() if pid != asked]
        finally:
            connection.close()
            wait_for(lambda: not reaper.is_alive(asked), f"the session that asked {self.name} to end")

    def freeze(self):
        """SIGSTOP to every process: connections are accepted by the kernel, and nobody ever answers."""
        self.freeze_postmaster()
        reaper.signal_each(self.processes(), signal.SIGSTOP)
        wait_for(lambda: all((reaper.stat_fields(pid) or "Z")[0] in "TZ" for pid in self.processes()),
                 f"all of {self.name} to stop")

    def freeze_postmaster(self):
        """Sessions go on, new connections hang."""
        self.process.send_signal(signal.SIGSTOP)
        # Until it really stands still it could fork a child that the list of processes does not have yet.
        wait_for(lambda: reaper.stat_fields(self.process.pid)[0] == "T", f"{self.name} to stop at SIGSTOP")

    def thaw(self):
        reaper.signal_each(self.processes(), signal.SIGCONT)

    # --- talking to it -----------------------------------------------------------------------------------------------

    def connect(self, dbname="postgres", user="postgres", timeout=30, **keywords):
        """A psycopg2 connection in autocommit, over the socket (which also leads into a network namespace)."""
        keywords = {"host": self.socket_dir, "port": self.port, "dbname": dbname, "user": user,
                    "connect_timeout": timeout, "application_name": "harness", **keywords}
        connection = psycopg2.connect(**keywords)
        connection.autocommit = True
        return connection

    def sql(self, query, arguments=None, dbname="postgres", user="postgres", timeout=30):
        """The rows of one query on a connection of its own ([] when it returns none)."""
        connection = self.connect(dbname, user, timeout)
        try:
            with connection.cursor() as cursor:
                cursor.execute(query, arguments)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def value(self, query, arguments=None, **keywords):
        """The first column of the first row."""
        return self.sql(query, arguments, **keywords)[0][0]

    def wait_until(self, query, timeout=30, **keywords):
        """Until the query's first value is true.  One session asks (a new one costs some ms), and the next if that ends."""
        session = seen = None

        def ask():
            nonlocal session, seen
            try:
                session = session or self.connect(**keywords)
                with session.cursor() as cursor:
                    cursor.execute(query)
                    seen = cursor.fetchall()
            except psycopg2.Error as error:
                seen = error
                if session:
                    session.close()
                session = None
                return False
            return bool(seen and seen[0][0])

        try:
            wait_for(ask, f"{self.name}: {query}", timeout, detail=lambda: f"last answer: {seen}\n{self.log_tail()}")
        finally:
            if session:
                session.close()

    def log_tail(self, lines=40):
        return f"--- {self.log}\n{sandbox.tail(self.log, lines)}"

    # --- configuration -----------------------------------------------------------------------------------------------

    def configure(self, **settings):
        """Changes settings (None takes one back) and, when it runs, reloads.  Those that need it wait for restart()."""
        for name, value in settings.items():
            self.settings[name] = value
        self._write_configuration()
        if self.is_running():
            self.reload()

    def hba(self, text=HBA_OPEN):
        """Replaces pg_hba.conf (but for the harness's own lines) and reloads."""
        self._hba = text
        self._write_configuration()
        if self.is_running():
            self.reload()

    def reload(self):
        """Until new sessions go by the files: the postmaster has read them before it tells a session that is there."""
        with contextlib.closing(self.connect()) as session, session.cursor() as cursor:
            def loaded():
                cursor.execute("SELECT pg_catalog.pg_conf_load_time()")
                return cursor.fetchone()[0]

            before = loaded()
            self.process.send_signal(signal.SIGHUP)
            wait_for(lambda: loaded() > before, f"{self.name} to reload", detail=self.log_tail)

    def _write_configuration(self):
        addresses = "127.0.0.1" if self.host == "127.0.0.1" else f"127.0.0.1,{self.host}"
        settings = {"listen_addresses": addresses, "port": self.port, "unix_socket_directories": self.socket_dir,
                    **self.settings}
        lines = [f"{name} = '{_quoted(value)}'\n" for name, value in settings.items() if value is not None]
        self._write("postgresql.conf", "".join(lines))
        self._write("pg_hba.conf", HBA_OWN + self._hba)

    def _write(self, name, text):
        path = self.data / name
        unfinished = path.with_suffix(".new")
        unfinished.write_text(text, encoding="utf-8")
        sandbox.give(unfinished)
        unfinished.rename(path)  # the server may read it at any time

    # --- replication -------------------------------------------------------------------------------------------------

    def standby(self, name, *, start=True, wait=True, port=None, netns=None, address=None, **settings):
        """Clones this server (primary or standby, running or stopped) into a standby that streams from it."""
        settings = {**self.settings, **{"primary_conninfo": None}, **settings}
        clone = Server(self.installation, self.home.parent, name, port, settings=settings, netns=netns, address=address,
                       upstream=self)
        self._copy_running_to(clone) if self.is_running() else self._copy_stopped_to(clone)
        clone._hba = self._hba
        clone.follow(self)
        if start:
            clone.start(wait)
            if wait and self.is_running():
                clone.wait_streaming()
        return clone

    def follow(self, upstream):
        """Makes this server a standby of `upstream` (from the next start, or now if it is one already)."""
        self.upstream = upstream
        self._write("standby.signal", "")
        self.configure(primary_conninfo=f"host={upstream.host} port={upstream.port} user=postgres "
                                        f"application_name={self.name}")

    def _copy_stopped_to(self, clone):
        sandbox.copy_tree(self.data, clone.data, skip=lambda path: path.startswith("postmaster."))

    def _copy_running_to(self, clone):
        """A base backup by the low-level functions, since pg_basebackup is not in every installation.  No WAL is
        copied: the standby streams it from the start of the backup on, which wal_keep_size holds."""
        start, stop = (("pg_start_backup('clone', true, false)", "pg_stop_backup(false, false)") if self.version < 15
                       else ("pg_backup_start('clone', true)", "pg_backup_stop(false)"))
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT pg_catalog.{start}")
                sandbox.copy_tree(self.data, clone.data, skip=_left_out)
                _copy_file(self.data / CONTROL_FILE, clone.data / CONTROL_FILE)
                cursor.execute(f"SELECT labelfile FROM pg_catalog.{stop}")
                clone._write("backup_label", cursor.fetchone()[0])
        finally:
            connection.close()
        (clone.data / "pg_wal" / "archive_status").mkdir(mode=0o700)
        sandbox.give(clone.data / "pg_wal" / "archive_status")

    def is_in_recovery(self):
        return self.value("SELECT pg_catalog.pg_is_in_recovery()")

    def promote(self, timeout=60):
        """Returns when it is out of recovery."""
        self.sql("SELECT pg_catalog.pg_promote(false)")
        self.wait_until("SELECT NOT pg_catalog.pg_is_in_recovery()", timeout)

    def wait_streaming(self, timeout=30):
        """Until its WAL receiver streams, is no newcomer to the checks, and it has replayed what its upstream has now."""
        self.wait_until(STREAMS, timeout)
        if self.upstream and self.upstream.is_running():
            self.wait_replayed(self.upstream.lsn(), timeout)

    def wait_replayed(self, lsn, timeout=30):
        self.wait_until(f"SELECT pg_catalog.pg_last_wal_replay_lsn() >= '{lsn}'::pg_lsn", timeout)

    def lsn(self):
        """Its newest position: written on a primary, replayed on a standby."""
        return self.value("SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() "
                          "ELSE pg_catalog.pg_current_wal_lsn() END::text")

    # --- the data directory ------------------------------------------------------------------------------------------

    def _template(self):
        """One initdb per major and session; every server is a copy of it."""
        template = sandbox.directory() / f"template-{self.version}"
        with sandbox.lock(template.name):
            if not template.exists():
                unfinished = sandbox.make_directory("initdb") / "data"
                self._initdb(unfinished)
                unfinished.rename(template)
        return template

    def _copy_template(self):
        """By a program, which takes half the time that Python does for its thousand files."""
        subprocess.run(sandbox.as_user(["cp", "-a", str(self._template()), str(self.data)]), cwd="/", check=True)

    def _initdb(self, target):
        command = [str(self.installation.bindir / "initdb"), "-D", str(target), "-U", "postgres", "-A", "trust",
                   "-E", "UTF8", "--no-locale", "--no-sync", "--wal-segsize=1"]
        log = self.home / "initdb.log"
        process = sandbox.spawn(command, log)  # as a daemon: cut off in the middle it would leave shared memory behind
        if process.wait(120):
            raise HarnessError(f"initdb of PostgreSQL {self.version} failed\n{sandbox.tail(log)}")
        sandbox.ended(process)


class Cluster:
    """Servers in one directory that are released together."""

    def __init__(self, installation):
        self.installation = installation
        self.directory = sandbox.make_directory("c")
        self.servers = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()

    def primary(self, name="primary", **keywords):
        """A running server; keywords as for Server()."""
        server = Server(self.installation, self.directory, name, **keywords)
        self.servers.append(server)
        return server.start()

    def standby(self, upstream, name="standby", **keywords):
        """A running standby that streams; keywords as for Server.standby()."""
        server = upstream.standby(name, **keywords)
        self.servers.append(server)
        return server

    def release(self):
        for server in reversed(self.servers):
            server.release()


def _quoted(value):
    return str(value).replace("'", "''")


def _left_out(path):
    top, _, rest = path.partition(os.sep)
    return (top in LEFT_OUT_OF_COPIES and rest != "") or top.startswith("postmaster.") or path == CONTROL_FILE \
        or top in ("standby.signal", "backup_label", "backup_label.old")


def _copy_file(source, target):
    target.write_bytes(source.read_bytes())
    target.chmod(0o600)
    sandbox.give(target)
