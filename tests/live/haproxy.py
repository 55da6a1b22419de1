"""An HAProxy of the test's own, as a daemon: so it starts its checks with descriptors 0 to 2 closed."""

import csv
import os
import shutil
import signal
import socket
import subprocess

import reaper
import sandbox


def program():
    return shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def why_missing():
    """The reason for a skip, "" when it is there."""
    return "" if program() else "no program haproxy"


class Haproxy:
    """`configuration` is the text of haproxy.cfg; {socket} in it becomes the path of the stats socket."""

    def __init__(self, configuration):
        self.directory = sandbox.make_directory("h")
        self.socket = str(self.directory / "stats")
        self.configuration = self.directory / "haproxy.cfg"
        self.configuration.write_text(configuration.replace("{socket}", self.socket), encoding="utf-8")
        self.pid = None

    def __enter__(self):
        pid_file = self.directory / "pid"
        run = subprocess.run(sandbox.as_user([program(), "-D", "-f", str(self.configuration), "-p", str(pid_file)]),
                             cwd="/", capture_output=True, text=True, check=False, timeout=20)
        if run.returncode:
            raise sandbox.HarnessError(f"haproxy: {run.stderr}")
        self.pid = int(pid_file.read_text(encoding="ascii"))
        sandbox.announce("process", self.pid)
        sandbox.wait_for(self._answers, "HAProxy's stats socket")
        return self

    def __exit__(self, *_):
        pids = reaper.tree(self.pid)
        reaper.signal_each([self.pid], signal.SIGTERM)
        sandbox.wait_for(lambda: not reaper.is_alive(self.pid), "the end of HAProxy")
        reaper.signal_each([pid for pid in pids if reaper.is_alive(pid)], signal.SIGKILL)
        sandbox.forget("process", self.pid)

    def command(self, text):
        """One command to the stats socket."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(self.socket)
            connection.sendall(text.encode() + b"\n")
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
        return answer.decode()

    def _answers(self):
        try:
            return self.command("show info")
        except OSError:
            return False

    def servers(self):
        """{(backend, server): {"status": "UP", "check_status": "PROCOK", ...}} from "show stat"."""
        lines = self.command("show stat -1 4 -1").lstrip("# ").splitlines()
        return {(row["pxname"], row["svname"]): row for row in csv.DictReader(lines) if row["svname"]}

    def up(self, backend):
        """The names of the servers that get sessions; "UP 1/2", on its way down, is one."""
        return {name for (proxy, name), row in self.servers().items()
                if proxy == backend and row["status"].startswith("UP")}

    def wait_up(self, backend, names, timeout=60):
        names = set(names)
        sandbox.wait_for(lambda: self.up(backend) == names, f"HAProxy to have {sorted(names)} in {backend}", timeout,
                         detail=self.summary)

    def children(self):
        """The pids of checks that run or were not waited for."""
        return reaper.family(self.pid)[1:]

    def threads(self):
        """As programs.Stopwatch takes them."""
        return [f"{self.pid}/task/{thread}" for thread in os.listdir(f"/proc/{self.pid}/task")]

    def summary(self):
        return "\n".join(f"{proxy}/{name}: {row['status']} {row['check_status']} {row['check_code']} {row['last_chk']}"
                         for (proxy, name), row in self.servers().items())
