"""Hosts in network namespaces of the test's own, on one switch: nothing is added to the machine's own network."""

import ctypes
import os
import socket
import subprocess
import threading

import sandbox

CLONE_NEWNET = 0x40000000


def why_missing():
    """The reason for a skip, "" when namespaces can be made here."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    name = f"pgha-{os.getpid()}-try"
    try:
        run = _ip("netns", "add", name, check=False)
    except FileNotFoundError:
        return "no program ip (iproute2)"
    if run.returncode:
        return f"ip netns add: {run.stderr.strip()}"
    _ip("netns", "delete", name)
    return ""


def _ip(*arguments, check=True):
    run = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if check and run.returncode:
        raise sandbox.HarnessError(f"ip {' '.join(arguments)}: {run.stderr.strip()}")
    return run


def inside(netns, work):
    """work() by a thread that is in the namespace (None: where this process is); a socket stays in the one that it
    was made in."""
    if netns is None:
        return work()
    made = []

    def enter_and_work():
        try:
            with open(f"/run/netns/{netns}", "rb") as file:
                if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), f"cannot enter {netns}")
            made.append(work())
        except Exception as error:  # pylint: disable=broad-except
            made.append(error)

    thread = threading.Thread(target=enter_and_work)
    thread.start()
    thread.join()
    if isinstance(made[0], Exception):
        raise made[0]
    return made[0]


class Host:
    """One namespace with lo and eth0."""

    def __init__(self, netns, address, switch, port):
        self.netns = netns
        self.address = address
        self._port = ["-n", switch, "link", "set", port]

    def has(self, address):
        """Whether that is an address of this host: only then can a socket be bound to it. Asked without a process, so
        that it may be asked all the time."""
        with inside(self.netns, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
            try:
                probe.bind((address, 0))
            except OSError:
                return False
            return True

    def connect(self, port, address="127.0.0.1", timeout=1):
        """A TCP connection from inside."""
        connection = inside(self.netns, socket.socket)
        connection.settimeout(timeout)
        try:
            connection.connect((address, port))
        except OSError:
            connection.close()
            raise
        return connection

    def run(self, *argv, timeout=30, **options):
        """Runs a program to its end inside, as the user of this process."""
        return subprocess.run(["ip", "netns", "exec", self.netns, *argv], capture_output=True, text=True, check=False,
                              timeout=timeout, **options)

    def unplug(self):
        """A partition: packets go nowhere, while the host itself sees its link up."""
        _ip(*self._port, "nomaster")

    def plug(self):
        _ip(*self._port, "master", "bridge")


class Network:
    """`hosts` names, each a Host with address 192.0.2.1, .2, ... on one bridge in one more namespace."""

    PREFIX = "192.0.2."  # TEST-NET-1: never a network that the machine is on

    def __init__(self, *hosts):
        self._switch = f"pgha-{os.getpid()}-{id(self) & 0xffff:x}-switch"
        self._names = []
        self.hosts = {}
        self._add_namespace(self._switch)
        # No querier runs here: with snooping on, VRRP's multicast would depend on the bridge's guesses.
        _ip("-n", self._switch, "link", "add", "bridge", "type", "bridge", "mcast_snooping", "0")
        _ip("-n", self._switch, "link", "set", "bridge", "up")
        for number, name in enumerate(hosts, start=1):
            self.hosts[name] = self._add_host(name, number)

    def __getitem__(self, name):
        return self.hosts[name]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()

    def _add_namespace(self, netns):
        sandbox.announce("netns", netns)
        _ip("netns", "add", netns)
        self._names.append(netns)
        _ip("-n", netns, "link", "set", "lo", "up")

    def _add_host(self, name, number):
        netns = self._switch.replace("switch", name)
        address = f"{self.PREFIX}{number}"
        self._add_namespace(netns)
        port = f"port{number}"
        _ip("link", "add", "eth0", "netns", netns, "type", "veth", "peer", "name", port, "netns", self._switch)
        _ip("-n", self._switch, "link", "set", port, "master", "bridge", "up")
        _ip("-n", netns, "address", "add", f"{address}/24", "dev", "eth0")
        _ip("-n", netns, "link", "set", "eth0", "up")
        return Host(netns, address, self._switch, port)

    def release(self):
        for netns in self._names:
            _ip("netns", "delete", netns, check=False)
            sandbox.forget("netns", netns)
        self._names.clear()
