"""A host whose name server never answers: network and mount namespaces in which one is configured that only listens."""

import ctypes
import os
import subprocess
import sys

NAMESPACES = ("net", "mnt")
PLAY = """
import socket, subprocess, sys
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
subprocess.run(["mount", "--bind", sys.argv[1], "/etc/resolv.conf"], check=True)
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
print("ready", flush=True)
sys.stdin.read()
"""


def why_missing():
    """The reason for a skip, "" when namespaces can be made here."""
    if os.geteuid() != 0:
        return "namespaces need root"
    try:
        run = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "no program unshare (util-linux)"
    return run.stderr.strip() and f"unshare: {run.stderr.strip()}"


class SilentNames:
    """A context manager; enter() moves the calling process in there, for use as preexec_fn.

    The namespaces live as long as the process that made them, and that one as long as the pipe to it: nothing to clean
    up, however the tests end.
    """

    def __init__(self, directory):
        resolv_conf = directory / "resolv.conf"
        resolv_conf.write_text("nameserver 127.0.0.1\n", encoding="ascii")
        self.holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--propagation", "private", sys.executable, "-c", PLAY, str(resolv_conf)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "ready\n"
        self._setns = ctypes.CDLL(None, use_errno=True).setns
        self._fds = [os.open(f"/proc/{self.holder.pid}/ns/{name}", os.O_RDONLY) for name in NAMESPACES]

    def enter(self):
        for fd in self._fds:
            if self._setns(fd, 0) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for fd in self._fds:
            os.close(fd)
        self.holder.stdin.close()
        self.holder.stdout.close()
        self.holder.wait()
