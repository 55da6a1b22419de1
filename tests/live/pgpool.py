"""pgpool-II of the test's own in front of some servers, with or without a watchdog.

Pure Python, no pytest. Each has a directory of its own with its configuration, its sockets and its log, and speaks on
loopback only. The PCP user is "pcp" with the password "secret"; `pcp_environment` leads to the file that holds it.
"""

import hashlib
import os
import signal
import subprocess

import psycopg2

import ports
import postgres
import reaper
import sandbox

PCP_USER, PCP_PASSWORD = "pcp", "secret"
PROGRAM = "/usr/sbin/pgpool"

SETTINGS = {
    "backend_clustering_mode": "streaming_replication",
    "listen_addresses": "127.0.0.1",
    "pcp_listen_addresses": "127.0.0.1",
    "num_init_children": 4,
    "reserved_connections": 0,
    "connection_cache": "off",           # a session of a test leaves nothing behind at the servers
    "load_balance_mode": "off",
    "sr_check_period": 1,
    "sr_check_user": "postgres",
    "health_check_period": 1,
    "health_check_timeout": 8,           # a busy machine keeps a server waiting for seconds
    "health_check_user": "postgres",
    "health_check_max_retries": 0,
    "search_primary_node_timeout": 5,
    "log_line_prefix": "%t: %a pid %p: ",
    "wd_lifecheck_method": "heartbeat",
    "wd_interval": 1,
    "wd_heartbeat_keepalive": 1,
    "wd_heartbeat_deadtime": 15,
}


def why_missing():
    """The reason for a skip, "" when it is there."""
    missing = [name for name in (PROGRAM, "/usr/sbin/pcp_watchdog_info") if not os.access(name, os.X_OK)]
    return f"no program {' and no program '.join(missing)} (Debian's pgpool2)" if missing else ""


def _semaphores():
    with open("/proc/sysvipc/sem", encoding="ascii") as file:
        return [line.split()[1] for line in file.readlines()[1:]]


class Pgpool:
    """One pgpool-II in front of `servers`, which are its backends 0, 1, ... in this order."""

    def __init__(self, servers, node=0, passwords=None, machine=None, **settings):
        """`machine`: the netns.Host that it runs on, with its backends by their sockets."""
        self.servers = list(servers)
        self.passwords = passwords or {}
        self.node = node
        self.machine = machine
        self.host = machine.address if machine else "127.0.0.1"
        self.port, self.pcp_port = ports.reserve(), ports.reserve()
        self.wd_port, self.heartbeat_port = ports.reserve(), ports.reserve()
        self.directory = sandbox.make_directory("pp")
        self.log = self.directory / "log"
        self.settings = {**SETTINGS, "enable_pool_hba": "on" if self.passwords else "off", **settings}
        self.process = None
        self.pcp_environment = {"PCPPASSFILE": str(self._write("pcppass", self._pcp_line(), mode=0o600))}

    def __repr__(self):
        return f"<pgpool {self.node} on {self.host}:{self.port}>"

    def __enter__(self):
        return self if self.process else self.start()

    def __exit__(self, *_):
        self.release()

    def _pcp_line(self):
        return f"*:*:{PCP_USER}:{PCP_PASSWORD}\n"

    def _write(self, name, text, mode=0o644):
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        sandbox.give(path)
        return path

    def _write_configuration(self, group=()):
        """`group`: the pgpools of the watchdog's cluster, this one among them; none: there is no watchdog."""
        settings = {"port": self.port, "pcp_port": self.pcp_port, "socket_dir": self.directory,
                    "pcp_socket_dir": self.directory, "wd_ipc_socket_dir": self.directory, "logdir": self.directory,
                    "pid_file_name": self.directory / "pid", **self.settings}
        if self.machine:
            settings["listen_addresses"] = self.host
        for number, server in enumerate(self.servers):
            host = server.socket_dir if self.machine else server.host
            settings.update({f"backend_hostname{number}": host, f"backend_port{number}": server.port,
                             f"backend_data_directory{number}": server.data,
                             f"backend_application_name{number}": server.name, f"backend_weight{number}": 1})
        if group:
            settings["use_watchdog"] = "on"
        for number, member in enumerate(group):
            settings.update({f"hostname{number}": member.host, f"wd_port{number}": member.wd_port,
                             f"pgpool_port{number}": member.port, f"heartbeat_hostname{number}": member.host,
                             f"heartbeat_port{number}": member.heartbeat_port})
        self._write("pgpool.conf", "".join(f"{name} = '{value}'\n" for name, value in settings.items()))
        self._write("pcp.conf", f"{PCP_USER}:{hashlib.md5(PCP_PASSWORD.encode()).hexdigest()}\n")
        self._write("pgpool_node_id", f"{self.node}\n")
        # Both count only with enable_pool_hba: whoever has a password here is asked for it.
        self._write("pool_hba.conf", "".join(f"host all {user} 127.0.0.1/32 md5\n" for user in self.passwords)
                    + "host all all 127.0.0.1/32 trust\n")
        self._write("pool_passwd", "".join(f"{user}:md5{hashlib.md5((password + user).encode()).hexdigest()}\n"
                                           for user, password in self.passwords.items()))

    # --- life --------------------------------------------------------------------------------------------------------

    def start(self, group=(), wait=True):
        self._write_configuration(group)
        # -D: what an earlier run knew of the backends is forgotten
        self.process = sandbox.spawn([PROGRAM, "-n", "-D", "-f", str(self.directory / "pgpool.conf"),
                                      "-F", str(self.directory / "pcp.conf"),
                                      "-a", str(self.directory / "pool_hba.conf")], self.log, name=f"pgpool {self.node}",
                                     netns=self.machine and self.machine.netns)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=60):
        """Until it serves, and knows which of its backends is the primary."""
        sandbox.wait_for(self._is_ready, f"{self} to serve", timeout, interval=0.1,
                         detail=lambda: sandbox.tail(self.log))

    def _is_ready(self):
        if self.process.poll() is not None:
            raise sandbox.HarnessError(f"{self} exited with {self.process.returncode}\n{sandbox.tail(self.log)}")
        try:
            return any(node["role"] == "primary" for node in self.nodes())
        except psycopg2.Error:
            return False

    def stop(self, timeout=15):
        """At once (SIGINT), whoever is connected."""
        if self.process is None:
            return
        self.thaw()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                return
        sandbox.ended(self.process)

    def kill(self):
        """SIGKILL to every process. Its semaphores would stay for good."""
        pids = {str(pid) for pid in self.processes()}
        sandbox.kill(self.process)
        for number in _semaphores():
            listed = subprocess.run(["ipcs", "-s", "-i", number], capture_output=True, text=True, check=False).stdout
            last_users = {words[4] for words in map(str.split, listed.splitlines()) if len(words) == 5}
            if last_users & pids:
                subprocess.run(["ipcrm", "-s", number], check=False, stderr=subprocess.DEVNULL)

    def release(self):
        self.stop()
        for port in (self.port, self.pcp_port, self.wd_port, self.heartbeat_port):
            ports.release(port)

    def processes(self):
        return reaper.tree(self.process.pid) if self.process and self.process.poll() is None else []

    def freeze(self):
        """SIGSTOP to every process: the kernel takes connections, and nobody ever answers."""
        self.process.send_signal(signal.SIGSTOP)
        sandbox.wait_for(lambda: reaper.stat_fields(self.process.pid)[0] == "T", f"{self} to stop")
        reaper.signal_each(self.processes(), signal.SIGSTOP)

    def thaw(self):
        reaper.signal_each(self.processes(), signal.SIGCONT)

    # --- talking to it -----------------------------------------------------------------------------------------------

    def show(self, what, user="postgres"):
        """The rows of a SHOW command, each as {column: text}."""
        connection = psycopg2.connect(host=self.host, port=self.port, dbname="postgres", user=user, connect_timeout=30)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(f"SHOW {what}")
                names = [column.name for column in cursor.description]
                return [dict(zip(names, row)) for row in cursor.fetchall()]
        finally:
            connection.close()

    def nodes(self):
        return self.show("POOL_NODES")

    def wait_node(self, number, timeout=60, **columns):
        """Until SHOW POOL_NODES has these values for a backend."""
        seen = [None]

        def is_so():
            try:
                seen[0] = self.nodes()
            except psycopg2.Error as error:
                seen[0] = error
                return False
            return all(seen[0][number][name] == value for name, value in columns.items())

        sandbox.wait_for(is_so, f"backend {number} of {self} to be {columns}", timeout, interval=0.1,
                         detail=lambda: f"last answer: {seen[0]}\n{sandbox.tail(self.log)}")

    def pcp(self, command, *arguments):
        """Runs pcp_COMMAND here and returns what it writes."""
        argv = [f"/usr/sbin/pcp_{command}", "-h", self.host, "-p", str(self.pcp_port), "-U", PCP_USER, "-w",
                *map(str, arguments)]
        run = subprocess.run(argv, env={**os.environ, **self.pcp_environment}, capture_output=True, text=True,
                             timeout=60, check=False)
        if run.returncode != 0:
            raise sandbox.HarnessError(f"{' '.join(argv)}: {run.stdout}{run.stderr}")
        return run.stdout

    def detach(self, number):
        self._order("detach_node", number)
        self.wait_node(number, status="down")

    def attach(self, number):
        self._order("attach_node", number)
        self.wait_node(number, status="up")

    def _order(self, command, number):
        """Again, while nobody is there: the process that listens for PCP is made anew after each change."""
        refused = [None]

        def is_taken():
            try:
                self.pcp(command, "-n", number)
            except sandbox.HarnessError as error:
                refused[0] = error
                return False
            return True

        sandbox.wait_for(is_taken, f"{self} to take pcp_{command}", interval=0.2, detail=lambda: refused[0])


class Watchdog:
    """Several pgpools in front of the same servers that watch each other."""

    def __init__(self, servers, count=3, **settings):
        self.pools = [Pgpool(servers, node, **settings) for node in range(count)]

    def __iter__(self):
        return iter(self.pools)

    def __enter__(self):
        try:
            for pool in self.pools:
                pool.start(self.pools, wait=False)
            for pool in self.pools:
                pool.wait_ready(60)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for pool in self.pools:
            pool.release()

    def leader(self):
        """The pgpool that they have elected, once all of them know it."""
        def known():
            return [line.split()[0] for pool in self.pools for line in pool.pcp("watchdog_info").splitlines()
                    if " LEADER " in line]

        sandbox.wait_for(lambda: len(known()) == len(self.pools) and len(set(known())) == 1, "one leader", 60,
                         interval=0.5, detail=known)
        return next(pool for pool in self.pools if known()[0] == f"{pool.host}:{pool.port}")


class Setting:
    """A primary and standbys for pgpool, with the role of the check."""

    def __init__(self, installation, count=3, fresh=False):
        """`fresh`: with a system identifier of its own."""
        self.cluster = postgres.Cluster(installation)
        try:
            self.primary = self.cluster.primary("n1", fresh=fresh)
            self.primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
            self.primary.sql("CREATE ROLE locked LOGIN PASSWORD 'right'")
            self.servers = [self.primary, *(self.cluster.standby(self.primary, f"n{n}") for n in range(2, count + 1))]
        except BaseException:
            self.cluster.release()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cluster.release()

    def name(self, number):
        return f"backend {number} ({self.servers[number].host}:{self.servers[number].port})"
