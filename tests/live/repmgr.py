"""A repmgr cluster of the test's own: a primary and standbys, each with its repmgrd, and a witness server if wanted.

Pure Python, no pytest.

    with repmgr.Cluster() as cluster:
        cluster["n1"].kill()
        cluster.wait_primary(other_than="n1")

A Node is a postgres.Server with a repmgrd.  Everything is on loopback, unprivileged, and goes with the process that
started it.
"""

import shlex
import signal
import subprocess

import installations
import postgres
import programs
import reaper
import sandbox
from sandbox import HarnessError, wait_for

MAJOR = 15  # the one that Debian's repmgr is for
DATABASE = "repmgr"

CONFIGURATION = """\
node_id={number}
node_name='{name}'
conninfo='{conninfo}'
data_directory='{data}'
pg_bindir='{bindir}'
failover=automatic
promote_command='{program} standby promote -f {file}'
follow_command='{program} standby follow -f {file} -W --upstream-node-id=%n'
monitor_interval_secs=1
degraded_monitoring_timeout=-1
reconnect_attempts=4
reconnect_interval=1
primary_notification_timeout=10
election_rerun_interval=2
repmgrd_standby_startup_timeout=10
log_level=INFO
"""


def installation():
    """The PostgreSQL that repmgr is installed for, or None."""
    found = installations.installations().get(MAJOR)
    return found if found and (found.bindir / "repmgrd").exists() else None


def why_missing():
    """The reason for a skip, "" when all is there."""
    return "" if installation() else f"no repmgrd for PostgreSQL {MAJOR} (Debian: postgresql-{MAJOR}-repmgr)"


# Whoever may use the schema may also pause repmgrd, or tell that it is gone, unless that is taken from PUBLIC.
# What is shipped for the role of the checks; and a role that may not see where the nodes are.
GRANTS = (programs.REPOSITORY / "configs/postgresql/monitoring-repmgr.sql").read_text(encoding="utf-8") + """
GRANT USAGE ON SCHEMA repmgr TO narrow;
GRANT EXECUTE ON FUNCTION repmgr.get_local_node_id(), repmgr.repmgrd_is_running(), repmgr.repmgrd_is_paused(),
    repmgr.get_upstream_last_seen() TO narrow;
"""

HBA_OPEN = postgres.HBA_OPEN + """\
local replication repmgr trust
host replication repmgr samenet trust
"""


class Node(postgres.Server):
    """One server with its repmgr.conf and its repmgrd."""

    number = 0
    daemon = None

    @property
    def file(self):
        return self.home / "repmgr.conf"

    @property
    def conninfo(self):
        return f"host={self.host} port={self.port} user=repmgr dbname={DATABASE} connect_timeout=5"

    def write(self, number):
        self.number = number
        self.file.write_text(CONFIGURATION.format(
            number=number, name=self.name, conninfo=self.conninfo, data=self.data, bindir=self.installation.bindir,
            program=self.installation.bindir / "repmgr", file=self.file), encoding="utf-8")
        sandbox.give(self.file)

    def repmgr(self, *arguments, must=True, timeout=120):
        """Runs repmgr as this node; returns what it wrote."""
        argv = [str(self.installation.bindir / "repmgr"), "-f", str(self.file), *map(str, arguments)]
        ended = subprocess.run(sandbox.as_user(argv), cwd="/", capture_output=True, text=True, timeout=timeout,
                               check=False, stdin=subprocess.DEVNULL)
        if must and ended.returncode:
            raise HarnessError(f"{shlex.join(argv)}\nexit code {ended.returncode}\n{ended.stdout}{ended.stderr}")
        return ended.stdout + ended.stderr

    # --- repmgrd -----------------------------------------------------------------------------------------------------

    def start_daemon(self, wait=True):
        self.daemon = sandbox.spawn(
            [str(self.installation.bindir / "repmgrd"), "-f", str(self.file), "--daemonize=false", "--no-pid-file"],
            self.home / "repmgrd.log", name=f"repmgrd of {self.name}")
        if wait:
            self.wait_daemon()

    def is_daemon_running(self):
        return self.daemon is not None and self.daemon.poll() is None

    def wait_daemon(self):
        """Until its shared memory knows it, and a standby's has seen its upstream."""
        wait_for(self._is_daemon_ready, f"repmgrd of {self.name}", 60, 0.1,
                 detail=lambda: sandbox.tail(self.home / "repmgrd.log"))

    def _is_daemon_ready(self):
        if self.daemon.poll() is not None:
            raise HarnessError(f"repmgrd of {self.name} exited with {self.daemon.returncode}\n"
                               + sandbox.tail(self.home / "repmgrd.log"))
        return self.value("SELECT repmgr.repmgrd_is_running() AND repmgr.get_local_node_id() = %s "
                          "AND (NOT pg_catalog.pg_is_in_recovery() OR repmgr.get_upstream_last_seen() >= 0)",
                          (self.number,), dbname=DATABASE)

    def stop_daemon(self):
        if self.is_daemon_running():
            sandbox.terminate(self.daemon)

    def kill_daemon(self):
        if self.is_daemon_running():
            sandbox.kill(self.daemon)

    def freeze_daemon(self):
        self.daemon.send_signal(signal.SIGSTOP)
        wait_for(lambda: reaper.stat_fields(self.daemon.pid)[0] == "T", f"repmgrd of {self.name} to stop")

    def thaw_daemon(self):
        self.daemon.send_signal(signal.SIGCONT)

    def pause(self, is_paused=True):
        """As repmgr service pause does, on this node alone."""
        self.sql(f"SELECT repmgr.repmgrd_pause({is_paused})", dbname=DATABASE)

    def release(self):
        self.kill_daemon()
        super().release()


class Cluster:
    """n1, a primary, and standbys n2, n3, ... of it; all registered, each with a repmgrd."""

    def __init__(self, size=3, daemons=True):
        self.installation = installation()
        self.directory = sandbox.make_directory("r")
        self.size = size
        self.daemons = daemons
        self.nodes = []
        self.witness = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.release()

    def __getitem__(self, name):
        return next(node for node in self.nodes if node.name == name)

    def start(self):
        primary = self._node("n1")
        primary.start()
        primary.hba(HBA_OPEN)
        primary.sql("CREATE ROLE repmgr LOGIN SUPERUSER")
        primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        primary.sql("CREATE ROLE plain LOGIN")
        primary.sql("CREATE ROLE narrow LOGIN")
        primary.sql(f"CREATE DATABASE {DATABASE} OWNER repmgr")
        primary.repmgr("primary", "register")
        primary.sql(GRANTS, dbname=DATABASE)
        primary.sql("GRANT SELECT (node_id, node_name, type, active, upstream_node_id, location, priority) "
                    "ON repmgr.nodes TO narrow", dbname=DATABASE)  # all but conninfo
        for number in range(2, self.size + 1):
            self._standby(primary, number)
        for node in self.nodes[1:]:
            node.wait_replayed(primary.lsn())
        if self.daemons:
            for node in self.nodes:
                node.start_daemon(wait=False)
            for node in self.nodes:
                node.wait_daemon()
        return self

    def _node(self, name, **keywords):
        node = Node(self.installation, self.directory, name,
                    settings={"shared_preload_libraries": "repmgr", **keywords.pop("settings", {})}, **keywords)
        node.write(len(self.nodes) + 1)
        self.nodes.append(node)
        return node

    def _standby(self, primary, number):
        clone = primary.standby(f"n{number}", start=False)
        clone.__class__ = Node  # what a clone is made of is a Server's
        clone.write(number)
        self.nodes.append(clone)
        clone.start()
        clone.wait_streaming()
        clone.repmgr("standby", "register", "--upstream-node-id=1")

    def add_witness(self):
        """A server of its own with a copy of the metadata, and a vote."""
        primary = self.primary()
        node = self.witness = self._node("witness", fresh=True)
        node.start()
        node.sql("CREATE ROLE repmgr LOGIN SUPERUSER")
        node.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor; CREATE ROLE narrow LOGIN")
        node.sql(f"CREATE DATABASE {DATABASE} OWNER repmgr")
        node.repmgr("witness", "register", "-h", primary.host, "-p", primary.port, "-U", "repmgr", "-d", DATABASE)
        node.sql(GRANTS, dbname=DATABASE)
        node.start_daemon()
        return node

    def primary(self):
        """The node that is out of recovery."""
        return self.wait_primary()

    def wait_primary(self, other_than=None, timeout=60):
        """Until a node (not that one, nor that name) takes writes and repmgr's metadata have it so."""
        found = []

        def look():
            found[:] = [node for node in self.nodes if other_than not in (node, node.name) and node is not self.witness
                        and node.is_running() and not node.is_in_recovery()
                        and node.value("SELECT pg_catalog.count(*) = 1 FROM repmgr.nodes WHERE node_id = %s "
                                       "AND type = 'primary' AND active", (node.number,), dbname=DATABASE)]
            return len(found) == 1

        wait_for(look, f"a primary other than {other_than}", timeout, 0.1, detail=self.overview)
        return found[0]

    def overview(self):
        """A few lines for the report of a failure."""
        logs = "".join(f"--- repmgrd of {node.name}\n{sandbox.tail(node.home / 'repmgrd.log', 15)}\n"
                       for node in self.nodes)
        shown = next((node.repmgr("cluster", "show", must=False) for node in self.nodes if node.is_running()), "")
        return shown + logs

    def release(self):
        for node in self.nodes:
            node.kill_daemon()
        for node in reversed(self.nodes):
            node.release()
