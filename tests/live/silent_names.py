"""A host whose name server never answers, or takes its time: network and mount namespaces in which one is configured that
only listens, or finds every name at 127.0.0.1.
"""

import ctypes
import os
import subprocess
import sys

NAMESPACES = ("net", "mnt")
PLAY = """
import socket, struct, subprocess, sys, threading, time
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
subprocess.run(["mount", "--bind", sys.argv[1], "/etc/resolv.conf"], check=True)
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
print("ready", flush=True)
A, IN, FOUND = 1, 1, 0x8180

def answer(query, place):
    time.sleep(float(sys.argv[2]))
    end = query.index(b"\\0", 12) + 5  # behind the name, its type and class
    is_asked = query[end - 4:end] == struct.pack(">HH", A, IN)
    record = b"\\xc0\\x0c" + struct.pack(">HHIH4B", A, IN, 0, 4, 127, 0, 0, 1) if is_asked else b""
    server.sendto(query[:2] + struct.pack(">5H", FOUND, 1, is_asked, 0, 0) + query[12:end] + record, place)

def serve():
    while True:
        threading.Thread(target=answer, args=server.recvfrom(512), daemon=True).start()

if sys.argv[2]:
    threading.Thread(target=serve, daemon=True).start()
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
    """`delay` seconds after a question it answers; None: never.

    A context manager; enter() moves the calling process in there, for use as preexec_fn.

    The namespaces live as long as the process that made them, and that one as long as the pipe to it: nothing to clean
    up, however the tests end.
    """

    def __init__(self, directory, delay=None):
        resolv_conf = directory / "resolv.conf"
        resolv_conf.write_text("nameserver 127.0.0.1\n", encoding="ascii")
        self.holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--propagation", "private", sys.executable, "-c", PLAY, str(resolv_conf),
             "" if delay is None else str(delay)],
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
