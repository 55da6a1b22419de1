"""A ZooKeeper ensemble of the test's own, with its admin server: start, kill, freeze and thaw each member.

Pure Python, no pytest.  One member is a standalone server; more are an ensemble.  On loopback, unprivileged, in one
scratch directory, as tests/live/etcd.py.
"""

import json
import os
import shutil
import signal
import urllib.error
import urllib.request

import ports
import reaper
import sandbox
from sandbox import HarnessError, wait_for

# Debian's jar names those that it needs, but the one without which its admin server stays away (bug of 3.8.0-11).
LIBRARIES = ("/usr/share/java/zookeeper.jar", "/usr/share/java/servlet-api.jar", "/usr/share/java/slf4j-simple.jar")
# A virtual machine for some seconds of life: no compiler that takes longer than it spares, little memory, and classes
# of Debian's that nobody need verify (a fifth of its start).
JAVA_OPTIONS = ("-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xshare:auto",
                "-XX:+UnlockDiagnosticVMOptions", "-XX:-BytecodeVerificationRemote")

# Whom the others have not heard of for syncLimit ticks is no longer one of them: a virtual machine that gets no
# processor for a second or two is to stay.
CONFIGURATION = """\
tickTime=200
initLimit=100
syncLimit=20
dataDir={data}
clientPortAddress=127.0.0.1
clientPort={client_port}
admin.serverAddress=127.0.0.1
admin.serverPort={port}
4lw.commands.whitelist=srvr
standaloneEnabled=true
forceSync=no
"""


def why_missing():
    """The reason for a skip, "" when it is there."""
    if not shutil.which("java"):
        return "no program java"
    missing = [library for library in LIBRARIES if not os.access(library, os.R_OK)]
    return f"no {missing[0]} (Debian: zookeeper)" if missing else ""


class Member:
    """One server.  `url` is its admin server.  kill() and start() keep its data."""

    def __init__(self, ensemble, number):
        self.ensemble = ensemble
        self.number = number
        self.name = f"z{number}"
        self.port, self.client_port, self.peer_port, self.election_port = (ports.reserve() for _ in range(4))
        self.url = f"http://127.0.0.1:{self.port}"
        self.data = ensemble.directory / self.name
        self.log = ensemble.directory / f"{self.name}.log"
        self.configuration = ensemble.directory / f"{self.name}.cfg"
        self.process = None

    def __repr__(self):
        return f"<ZooKeeper {self.name} at {self.url}>"

    def prepare(self):
        self.data.mkdir(mode=0o755)
        (self.data / "myid").write_text(f"{self.number}\n", encoding="ascii")
        for path in (self.data, self.data / "myid"):
            sandbox.give(path)
        servers = "".join(f"server.{other.number}=127.0.0.1:{other.peer_port}:{other.election_port}{other.kind()}\n"
                          for other in self.ensemble.members) if len(self.ensemble.members) > 1 else ""
        self.configuration.write_text(CONFIGURATION.format(data=self.data, client_port=self.client_port,
                                                           port=self.port) + servers, encoding="utf-8")

    def kind(self):
        return ":observer" if self.number > len(self.ensemble.members) - self.ensemble.observers else ""

    def start(self, wait=True):
        command = [shutil.which("java"), *JAVA_OPTIONS, "-Dzookeeper.admin.enableServer=true", "-cp",
                   ":".join(LIBRARIES), "org.apache.zookeeper.server.quorum.QuorumPeerMain", str(self.configuration)]
        self.process = sandbox.spawn(command, self.log, name=f"zookeeper {self.name}")
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=90):
        """Until it serves, alone or in a quorum."""
        wait_for(self._is_ready, f"ZooKeeper {self.name} to serve", timeout, 0.1, detail=self.log_tail)

    def _is_ready(self):
        if self.process.poll() is not None:
            raise HarnessError(f"ZooKeeper {self.name} exited with {self.process.returncode}\n{self.log_tail()}")
        try:
            return "server_state" in self.ask("monitor")
        except OSError:
            return False

    def ask(self, command, timeout=5):
        """What the admin server answers to a command."""
        try:
            with urllib.request.urlopen(f"{self.url}/commands/{command}", timeout=timeout) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise OSError(f"{self.url}: {error.code}") from None

    def state(self):
        """"leader", "follower", ...; "" while it does not serve, or does not answer."""
        try:
            return self.ask("monitor", timeout=2).get("server_state", "")
        except OSError:
            return ""

    def wait_idle(self):
        """Until it has seen that there is no quorum, and serves nobody any more."""
        wait_for(self._is_idle, f"ZooKeeper {self.name} to serve no more", 60, 0.1, detail=self.log_tail)

    def _is_idle(self):
        try:
            return "not currently serving" in str(self.ask("leader").get("error"))
        except OSError:
            return False

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        if self.process is not None:
            sandbox.kill(self.process)

    def freeze(self):
        """SIGSTOP: the kernel takes connections, and nobody ever answers."""
        self.process.send_signal(signal.SIGSTOP)
        wait_for(lambda: reaper.stat_fields(self.process.pid)[0] == "T", f"ZooKeeper {self.name} to stop at SIGSTOP")

    def thaw(self):
        if self.is_running():
            self.process.send_signal(signal.SIGCONT)

    def log_tail(self, lines=40):
        return f"--- {self.log}\n{sandbox.tail(self.log, lines)}"


class Ensemble:
    """`size` members, of which the last `observers` do not vote."""

    def __init__(self, size=3, observers=0):
        self.directory = sandbox.make_directory("z")
        self.observers = observers
        self.members = []
        self.members.extend(Member(self, number + 1) for number in range(size))

    @property
    def endpoints(self):
        """The admin servers: ["http://127.0.0.1:20001", ...]"""
        return [member.url for member in self.members]

    @property
    def hosts(self):
        """["127.0.0.1:20002", ...]: what clients such as Patroni connect to."""
        return [f"127.0.0.1:{member.client_port}" for member in self.members]

    def __enter__(self):
        for member in self.members:
            member.prepare()
            member.start(wait=False)
        self.wait_ready()
        return self

    def __exit__(self, *_):
        self.release()

    def wait_ready(self):
        for member in self.members:
            member.wait_ready()

    def release(self):
        """Gone, with its ports and data; the logs go with the scratch directory."""
        for member in self.members:
            member.kill()
            shutil.rmtree(member.data, ignore_errors=True)
            for port in (member.port, member.client_port, member.peer_port, member.election_port):
                ports.release(port)

    def mend(self):
        """Every member runs and serves, whatever was done to them."""
        for member in self.members:
            member.thaw()
            if not member.is_running():
                member.start(wait=False)
        self.wait_ready()

    def leader(self, other_than=None):
        """The member that leads, once there is one."""
        found = [None]

        def look():
            found[0] = next((member for member in self.members if member is not other_than and member.is_running()
                             and member.state() == "leader"), None)
            return found[0] is not None

        wait_for(look, "ZooKeeper to have a leader", 90, 0.1)
        return found[0]

    def wait_followers(self, count):
        """Until the leader knows of so many followers that vote."""
        def is_so():
            try:
                return self.leader().ask("monitor").get("synced_followers") == count
            except OSError:
                return False

        wait_for(is_so, f"{count} followers", 60, 0.1)

    def followers(self):
        leader = self.leader()
        return [member for member in self.members if member is not leader]

