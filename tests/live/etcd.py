"""An etcd cluster of the test's own: start, kill, freeze and thaw each member.

Pure Python, no pytest.  All members are on loopback, with their data and log in one scratch directory, unprivileged,
and go with the process that started them.  The harness speaks the gateway's JSON, over a client certificate if
there is `tls`.
"""

import base64
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

# An election takes one to two of its time-outs. A leader that gets no processor for that long is not one any more, and
# all that a test has just seen is another's: so not less, and first in the queue for a processor where that is allowed.
TIMES = ("--heartbeat-interval=150", "--election-timeout=1500")


def program():
    return shutil.which("etcd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def why_missing():
    """The reason for a skip, "" when it is there."""
    return "" if program() else "no program etcd (Debian: etcd-server)"


def first_in_queue(argv):
    """The command line that runs argv as the unprivileged user, before others when processors are short; execs, too."""
    nice = ["nice", "-n", "-10"] if os.geteuid() == 0 else []
    return [*nice, *sandbox.as_user(argv)]


def encoded(text):
    """Keys and values go as base64."""
    return base64.b64encode(text.encode()).decode()


class Member:
    """One etcd.  kill() and start() keep its data."""

    def __init__(self, cluster, number, client_port, peer_port):
        self.cluster = cluster
        self.name = f"e{number + 1}"
        self.host = "127.0.0.1"
        self.port = client_port
        self.url = f"{cluster.scheme}://{self.host}:{client_port}"
        self.peer_port = peer_port
        self.peer_url = f"http://127.0.0.1:{peer_port}"
        self.data = cluster.directory / self.name
        self.log = cluster.directory / f"{self.name}.log"
        self.process = None

    def __repr__(self):
        return f"<etcd {self.name} at {self.url}>"

    def _command(self):
        return [program(), f"--name={self.name}", f"--data-dir={self.data}",
                f"--listen-client-urls={self.url}", f"--advertise-client-urls={self.url}",
                f"--listen-peer-urls={self.peer_url}", f"--initial-advertise-peer-urls={self.peer_url}",
                f"--initial-cluster={self.cluster.initial()}", f"--initial-cluster-token={self.cluster.directory.name}",
                "--logger=zap", "--log-outputs=stderr", "--log-level=warn", *TIMES, *self.cluster.options()]

    def start(self, wait=True):
        self.process = sandbox.spawn(first_in_queue(self._command()), self.log, name=f"etcd {self.name}",
                                     unprivileged=False)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=60):
        """Until it serves a read that needs a quorum."""
        wait_for(self._is_ready, f"etcd {self.name} to serve", timeout, 0.05, detail=self.log_tail)

    def _is_ready(self):
        if self.process.poll() is not None:
            raise HarnessError(f"etcd {self.name} exited with {self.process.returncode}\n{self.log_tail()}")
        try:
            return "true" in self.get("/health", timeout=1)
        except OSError:
            return False

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """SIGKILL: as a crash of the machine."""
        if self.process is not None:
            sandbox.kill(self.process)

    def freeze(self):
        """SIGSTOP: the kernel takes connections, and nobody ever answers."""
        self.process.send_signal(signal.SIGSTOP)
        wait_for(lambda: reaper.stat_fields(self.process.pid)[0] == "T", f"etcd {self.name} to stop at SIGSTOP")

    def thaw(self):
        if self.is_running():
            self.process.send_signal(signal.SIGCONT)

    def get(self, path, timeout=5):
        with urllib.request.urlopen(self.url + path, timeout=timeout, context=self.cluster.context()) as answer:
            return answer.read().decode()

    def ask(self, path, timeout=5, token=None, **body):
        """POST of a JSON object to the gateway; what it answers.  OSError when there is no good answer."""
        headers = {"Content-Type": "application/json", **({"Authorization": token} if token else {})}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=timeout, context=self.cluster.context()) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise OSError(f"{self.url}{path}: {error.code} {error.read().decode(errors='replace')}") from None

    def send(self, path, form, timeout=5):
        """PUT of a form, for the API v2."""
        request = urllib.request.Request(self.url + path, form.encode(), method="PUT")
        with urllib.request.urlopen(request, timeout=timeout, context=self.cluster.context()) as answer:
            return json.load(answer)

    def status(self):
        return self.ask("/v3/maintenance/status")

    def is_leader(self):
        status = self.status()
        return status.get("leader", "0") == status["header"]["member_id"]

    def log_tail(self, lines=40):
        return f"--- {self.log}\n{sandbox.tail(self.log, lines)}"


class Cluster:
    """`size` members; `extra` are more options for each; `tls` is a certificates.Authority for the clients' side."""

    def __init__(self, size=3, extra=(), tls=None):
        self.directory = sandbox.make_directory("e")
        self.extra = list(extra)
        self.tls = tls
        self.scheme = "https" if tls else "http"
        self.members = [Member(self, number, ports.reserve(), ports.reserve()) for number in range(size)]

    @property
    def endpoints(self):
        """["http://127.0.0.1:20001", ...]"""
        return [member.url for member in self.members]

    @property
    def hosts(self):
        """["127.0.0.1:20001", ...]: what Patroni's etcd3.hosts takes."""
        return [f"{member.host}:{member.port}" for member in self.members]

    def initial(self):
        return ",".join(f"{member.name}={member.peer_url}" for member in self.members)

    def options(self):
        if self.tls is None:
            return self.extra
        return [*self.extra, f"--cert-file={self.tls.server.certificate}", f"--key-file={self.tls.server.key}",
                f"--trusted-ca-file={self.tls.certificate}", "--client-cert-auth"]

    def context(self):
        return self.tls and self.tls.context(self.tls.client)

    def start(self):
        for member in self.members:
            member.start(wait=False)  # the first is not ready before the second is there
        for member in self.members:
            member.wait_ready()
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.release()

    def release(self):
        """Gone, with its ports and data; the logs go with the scratch directory."""
        for member in self.members:
            member.kill()
            shutil.rmtree(member.data, ignore_errors=True)
            ports.release(member.port)
            ports.release(member.peer_port)

    def mend(self):
        """Every member runs and serves, whatever was done to them."""
        for member in self.members:
            member.thaw()
            if not member.is_running():
                member.start(wait=False)
        for member in self.members:
            member.wait_ready()

    def running(self):
        return [member for member in self.members if member.is_running()]

    def leader(self):
        """The member that leads, once there is one."""
        found = [None]

        def look():
            for member in self.running():
                try:
                    if member.is_leader():
                        found[0] = member
                        return True
                except OSError:
                    pass  # frozen, or it has just been started
            return False

        wait_for(look, "etcd to have a leader", 60, 0.05)
        return found[0]

    def followers(self):
        leader = self.leader()
        return [member for member in self.members if member is not leader]

    # --- contents ----------------------------------------------------------------------------------------------------

    def put(self, key, value, ttl=None, token=None):
        """Returns the lease that the key is on, or None without `ttl` (in seconds)."""
        member = self.running()[0]
        lease = member.ask("/v3/lease/grant", TTL=ttl, token=token)["ID"] if ttl else None
        on_lease = {"lease": lease} if lease else {}
        member.ask("/v3/kv/put", key=encoded(key), value=encoded(value), token=token, **on_lease)
        return lease

    def get(self, key):
        """The value of a key, or None."""
        found = self.running()[0].ask("/v3/kv/range", key=encoded(key)).get("kvs")
        return base64.b64decode(found[0].get("value", "")).decode() if found else None

    def delete(self, key, is_prefix=False):
        end = {"range_end": encoded(key[:-1] + chr(ord(key[-1]) + 1))} if is_prefix else {}
        self.running()[0].ask("/v3/kv/deleterange", key=encoded(key), **end)
