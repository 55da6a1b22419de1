"""A pg_auto_failover formation of the test's own: a monitor and nodes, each under its pg_autoctl.

Pure Python, no pytest.

    with auto_failover.Cluster() as cluster:
        cluster.primary().kill()
        cluster.wait_settled()

The monitor and the nodes are postgres.Servers as far as asking them goes; their life is pg_autoctl's.  Everything is on
loopback, unprivileged, and goes with the process that started it.
"""

import json
import os
import shutil
import signal
import subprocess

import psycopg2

import installations
import ports
import postgres
import reaper
import sandbox
from sandbox import HarnessError, wait_for

MAJOR = 15  # the one that Debian's extension is for
DATABASE = "pg_auto_failover"

# Short, so that a test sees a failover, but no busy machine makes one.  The defaults are 5, 5, 2, 20, 30 and 10 s.
TIMES = {
    "health_check_period": "1s",
    "health_check_timeout": "2s",
    "health_check_retry_delay": "500ms",
    "node_considered_unhealthy_timeout": "6s",
    "primary_demote_timeout": "2s",
    "startup_grace_period": "1s",
}

MAY_WRITE = ("single", "primary", "wait_primary", "join_primary", "apply_settings")


def installation():
    """The PostgreSQL that the extension is installed for, or None."""
    found = installations.installations().get(MAJOR)
    return found if found and (found.bindir.parent / "lib" / "pgautofailover.so").exists() else None


def why_missing():
    """The reason for a skip, "" when all is there."""
    if not shutil.which("pg_autoctl"):
        return "no program pg_autoctl (Debian: pg-auto-failover-cli)"
    if not installation():
        return f"no pgautofailover for PostgreSQL {MAJOR} (Debian: postgresql-{MAJOR}-auto-failover)"
    return ""


class Managed(postgres.Server):
    """A server whose life is a pg_autoctl's."""

    def __init__(self, cluster, name):
        super().__init__(cluster.installation, cluster.directory, name)
        self.cluster = cluster
        self.socket_dir = self.host  # it has no other door
        self.autoctl_log = self.home / "autoctl.log"

    # --- pg_autoctl --------------------------------------------------------------------------------------------------

    def environment(self):
        """All its files are below its home; sockets too, whose paths are short enough there."""
        home = str(self.home)
        return {"PATH": os.environ["PATH"], "HOME": home, "XDG_CONFIG_HOME": f"{home}/config",
                "XDG_DATA_HOME": f"{home}/share", "XDG_RUNTIME_DIR": home, "PG_REGRESS_SOCK_DIR": home,
                "PGHOST": home, "LC_ALL": "C"}

    def autoctl(self, *arguments, must=True, timeout=120):
        """Runs pg_autoctl as this node; returns what it wrote."""
        argv = [shutil.which("pg_autoctl"), *map(str, arguments), "--pgdata", str(self.data)]
        ended = subprocess.run(sandbox.as_user(argv), cwd=self.home, env=self.environment(), capture_output=True,
                               text=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL)
        if must and ended.returncode:
            raise HarnessError(f"{argv}\nexit code {ended.returncode}\n{ended.stdout}{ended.stderr}")
        return ended.stdout + ended.stderr

    def create(self, kind, *arguments):
        """`pg_autoctl create ... --run`, which goes on as its service."""
        self._spawn("create", kind, "--pgctl", self.installation.bindir / "pg_ctl", "--pgport", self.port, "--hostname",
                    self.host, "--skip-pg-hba", "--no-ssl", *arguments, "--run")

    def start(self, wait=True):
        """`pg_autoctl run`, on what is there."""
        self._spawn("run")
        if wait:
            self.wait_ready()
        return self

    def _spawn(self, *arguments):
        argv = [shutil.which("pg_autoctl"), *map(str, arguments), "--pgdata", str(self.data)]
        self.process = sandbox.spawn(argv, self.autoctl_log, name=f"pg_autoctl of {self.name}",
                                     env=self.environment(), cwd=self.home)

    def wait_ready(self, timeout=90):
        """Until PostgreSQL answers."""
        wait_for(self.answers, f"{self.name} to accept connections", timeout, 0.2, detail=self.log_tail)

    def answers(self, user="postgres"):
        if self.process.poll() is not None:
            raise HarnessError(f"pg_autoctl of {self.name} exited with {self.process.returncode}\n{self.log_tail()}")
        try:
            self.sql("SELECT 1", user=user, timeout=2)
        except psycopg2.Error:
            return False
        return True

    def stop(self, mode="fast", timeout=60):
        """SIGTERM: pg_autoctl stops PostgreSQL, and itself."""
        self.thaw()
        sandbox.terminate(self.process, timeout)

    def release(self):
        if self.is_running():
            self.kill()
        shutil.rmtree(self.data, ignore_errors=True)
        ports.release(self.port)

    # --- its processes -----------------------------------------------------------------------------------------------

    def postmaster(self):
        """Its pid, or None."""
        lines = self._pid_file()
        pid = int(lines[0]) if lines else 0
        return pid if pid > 0 and reaper.is_alive(pid) else None

    def _keeper(self):
        """The process that follows the monitor's orders."""
        for pid in reaper.tree(self.process.pid):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    if b"node active" in file.read().replace(b"\0", b" "):
                        return pid
            except FileNotFoundError:
                pass
        raise HarnessError(f"{self.name} has no process \"node active\"\n{self.log_tail()}")

    def freeze_keeper(self):
        """SIGSTOP to pg_autoctl, but not to PostgreSQL: it goes on as what it is, and nobody orders it about."""
        pids = [self.process.pid, self._keeper()]
        reaper.signal_each(pids, signal.SIGSTOP)
        for pid in pids:
            wait_for(lambda pid=pid: reaper.stat_fields(pid)[0] == "T", f"pg_autoctl of {self.name} to stop")

    def freeze_postmaster(self):
        pid = self.postmaster()
        reaper.signal_each([pid], signal.SIGSTOP)
        wait_for(lambda: reaper.stat_fields(pid)[0] == "T", f"PostgreSQL of {self.name} to stop")

    def freeze(self):
        """SIGSTOP to all: the machine hangs."""
        self.freeze_keeper()
        self.freeze_postmaster()
        reaper.signal_each(self.processes(), signal.SIGSTOP)

    def log_tail(self, lines=40):
        return f"--- {self.autoctl_log}\n{sandbox.tail(self.autoctl_log, lines)}"

    def adopt(self):
        """The harness' own door and role: initdb made the operating system's user the superuser."""
        owner = sandbox.user().pw_name if sandbox.user() else subprocess.getoutput("id -un")
        wait_for(lambda: self.answers(owner), f"{self.name} to accept connections", 120, 0.2, detail=self.log_tail)
        if owner != "postgres":
            self.sql("CREATE ROLE postgres LOGIN SUPERUSER", user=owner)

    def hurry(self):
        """As servers of the harness are; a base backup waits for a checkpoint, which takes its time by default."""
        for setting in ("fsync = off", "checkpoint_completion_target = 0"):
            self.sql(f"ALTER SYSTEM SET {setting}")
        self.sql("SELECT pg_catalog.pg_reload_conf()")


class Cluster:
    """A monitor and nodes n1, n2, ... of the formation "default", all settled after start()."""

    def __init__(self, size=3):
        self.installation = installation()
        self.directory = sandbox.make_directory("f")
        self.monitor = Managed(self, "monitor")
        self.nodes = [Managed(self, f"n{number + 1}") for number in range(size)]

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.release()

    def __getitem__(self, name):
        return next(node for node in self.nodes if node.name == name)

    # --- life --------------------------------------------------------------------------------------------------------

    def start(self):
        self.monitor.create("monitor")
        self.monitor.adopt()
        self.monitor.wait_until("SELECT true FROM pgautofailover.formation", dbname=DATABASE)
        for name, value in TIMES.items():
            self.monitor.sql(f"ALTER SYSTEM SET pgautofailover.{name} = '{value}'")
        self.monitor.hurry()
        self.monitor.sql("CREATE ROLE pgha LOGIN IN ROLE autoctl_node, pg_monitor")
        self.monitor.sql("CREATE ROLE plain LOGIN")
        for node in self.nodes:
            self._create(node)
            if node is self.nodes[0]:
                node.adopt()
                node.hurry()
                node.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        return self.wait_settled()

    def _create(self, node):
        node.create("postgres", "--name", node.name, "--listen", node.host, "--dbname", "postgres", "--monitor",
                    f"postgres://autoctl_node@{self.monitor.host}:{self.monitor.port}/{DATABASE}?sslmode=disable")

    def release(self):
        for node in self.nodes:
            node.release()
        self.monitor.release()

    # --- who is who --------------------------------------------------------------------------------------------------

    def _rows(self):
        """(name, reported, goal, health) of each node, by the monitor."""
        return self.monitor.sql("SELECT nodename, reportedstate::text, goalstate::text, health "
                                "FROM pgautofailover.node", dbname=DATABASE)

    def states(self):
        """{name: (reported, goal)}, by the monitor."""
        return {name: (reported, goal) for name, reported, goal, _ in self._rows()}

    def wait_settled(self, timeout=120):
        """Until one node is the primary, all others are secondaries, and the monitor finds all healthy."""
        wait_for(self._is_settled, "the formation to settle", timeout, 0.2, detail=self.overview)
        return self

    def _is_settled(self):
        rows = self._rows()
        goals = sorted(goal for _, reported, goal, health in rows if reported == goal and health == 1)
        return goals == ["primary"] + ["secondary"] * (len(self.nodes) - 1)

    def primary(self, timeout=120):
        """The one node that is to take writes, and does."""
        found = []

        def look():
            found[:] = [name for name, (reported, goal) in self.states().items()
                        if goal in MAY_WRITE and reported in MAY_WRITE]
            return len(found) == 1

        wait_for(look, "a primary", timeout, 0.2, detail=self.overview)
        return self[found[0]]

    def secondaries(self):
        primary = self.primary()
        return [node for node in self.nodes if node is not primary]

    def overview(self):
        """A few lines for the report of a failure."""
        try:
            shown = json.dumps(self.states())
        except psycopg2.Error as error:
            shown = str(error)
        return shown + "\n" + "\n".join(node.log_tail(15) for node in (self.monitor, *self.nodes))

