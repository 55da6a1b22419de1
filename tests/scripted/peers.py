"""Servers that misbehave, played by threads of the test's own process.

A peer listens on a port (or a UNIX socket) of its own and hands every connection to a function that plays the other
side. Ports come from the kernel: a listener that is bound already cannot lose its port to somebody else. Whatever a
peer is doing, close() ends it: its sockets are shut down, which wakes every thread that waits on one of them.

The PostgreSQL side is in wire.py.
"""

import contextlib
import os
import socket
import struct
import threading
import time

LOOPBACK = "127.0.0.1"


class Gone(Exception):
    """The other side left, or the test is over: the conversation has nobody to play for."""


class Talk:
    """One accepted connection: what was said to us, and the ways to answer or not to."""

    def __init__(self, sock):
        self.sock = sock
        self.received = bytearray()
        self.over = threading.Event()

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError as e:
            raise Gone from e

    def read(self, count, slowly=0.0):
        """Exactly that many bytes; with slowly, one at a time with that many seconds between them."""
        got = bytearray()
        while len(got) < count:
            if slowly:
                self.pause(slowly)
            try:
                piece = self.sock.recv(1 if slowly else count - len(got))
            except OSError as e:
                raise Gone from e
            if not piece:
                raise Gone
            got += piece
            self.received += piece
        return bytes(got)

    def pause(self, seconds):
        if self.over.wait(seconds):
            raise Gone

    def hold(self):
        """Say nothing, keep what comes, until the other side leaves."""
        while True:
            self.read(1)

    def reset(self):
        """End the connection with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Gone

    def end(self):
        self.over.set()
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)


class Peer:
    """Listens, and plays `serve(talk)` on each connection. A context manager."""

    def __init__(self, serve, unix_dir=None, receive_buffer=None):
        self.serve = serve
        self.talks = []
        self.failures = []
        self.threads = []
        self.lock = threading.Lock()
        if unix_dir is None:
            self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            if receive_buffer:
                self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            self.listener.bind((LOOPBACK, 0))
            self.host, self.port = LOOPBACK, self.listener.getsockname()[1]
        else:
            # The name that libpq builds from a directory and a port.
            self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.host, self.port = str(unix_dir), 5432
            self.listener.bind(self.path)
        self.listener.listen(64)
        self._start(self._accept)

    @property
    def path(self):
        return os.path.join(self.host, f".s.PGSQL.{self.port}")

    @property
    def target(self):
        return ["-H", self.host, "-p", str(self.port)]

    def _start(self, work, *args):
        thread = threading.Thread(target=work, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            if sock.family == socket.AF_INET:  # else what is said in two pieces waits for a delayed ACK
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            talk = Talk(sock)
            with self.lock:
                self.talks.append(talk)
            self._start(self._play, talk)

    def _play(self, talk):
        try:
            self.serve(talk)
        except Gone:
            pass
        except Exception as e:  # a bug of the peer must fail the test, not look like a server that hung up
            self.failures.append(e)
        finally:
            talk.over.set()
            talk.sock.close()

    def wait_for_talk(self, seconds=30.0):
        """The first connection, once there is one."""
        end = time.monotonic() + seconds
        while not self.talks:
            assert time.monotonic() < end, "nobody connected"
            time.sleep(0.002)
        return self.talks[0]

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            talks = list(self.talks)
        for talk in talks:
            talk.end()
        for thread in self.threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in self.threads), "a peer does not end"
        assert not self.failures, f"the peer itself failed: {self.failures!r}"

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


# The simplest ways to be no PostgreSQL server. Each is a `serve` function or makes one.

def silent(talk):
    talk.hold()


def close_at_once(talk):
    raise Gone


def reset_at_once(talk):
    talk.reset()


def reset_after_hello(talk):
    """RST in answer to the first packet: the client has sent something and waits."""
    talk.read(8)
    talk.reset()


def dribble(data, seconds=1.0):
    """One byte of it at a time; a client that restarts its patience with every byte never gives up."""
    def serve(talk):
        for i in range(len(data)):
            talk.send(data[i:i + 1])
            talk.pause(seconds)
        talk.hold()
    return serve


def say(data, then=Talk.hold):
    """Answer the first packet with these bytes."""
    def serve(talk):
        talk.read(8)
        talk.send(data)
        then(talk)
    return serve


def blurt(data, then=Talk.hold):
    """Speak first, as SSH and SMTP servers do."""
    def serve(talk):
        talk.send(data)
        then(talk)
    return serve


http_400 = say(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", then=close_at_once)


def endless(data):
    """These bytes for ever, as fast as they are taken."""
    chunk = data * max(1, 65536 // len(data))

    def serve(talk):
        talk.read(8)
        while True:
            talk.send(chunk)
    return serve


@contextlib.contextmanager
def full_backlog():
    """The target of a listener whose queue is full: SYNs are dropped, so connect() neither succeeds nor fails."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((LOOPBACK, 0))
        listener.listen(0)
        hanging = 0
        # Linux takes backlog + 1 connections; two that hang prove that the queue is full and stays so.
        while hanging < 2:
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0.2)
            try:
                filler.connect(listener.getsockname())
            except socket.timeout:
                hanging += 1
        yield ["-H", LOOPBACK, "-p", str(listener.getsockname()[1])]


@contextlib.contextmanager
def refusing():
    """The target of a port where nobody listens; it stays bound, so nobody can start to."""
    with socket.socket() as sock:
        sock.bind((LOOPBACK, 0))
        yield ["-H", LOOPBACK, "-p", str(sock.getsockname()[1])]
