"""A scripted agent: the UNIX socket that pgha-ask asks, and the ways in which it answers or does not.

The protocol is in lib/run/ask_options.h (the request) and lib/run/ask_agent.h (the answer).
"""

import contextlib
import os
import socket

import peers


class Agent(peers.Peer):
    """Listens at directory/agent.sock and plays `serve(talk)` on each connection."""

    def __init__(self, serve, directory):
        super().__init__(serve, unix_dir=directory)

    @property
    def path(self):
        return os.path.join(self.host, "agent.sock")

    @property
    def target(self):
        return ["-s", self.path]

    @property
    def requests(self):
        """What each connection has said, in bytes."""
        return [bytes(talk.received) for talk in self.talks]


def read_request(talk):
    while not talk.received.endswith(b"\n"):
        talk.read(1)
    return bytes(talk.received)


def framed(code, body):
    return b"%d %d\n" % (code, len(body)) + body


def say(data, then=peers.close_at_once):
    """Answer a request with these bytes, whatever they are. `then` is what follows; peers.Talk.hold keeps it open."""
    def serve(talk):
        read_request(talk)
        talk.send(data)
        then(talk)
    return serve


def answer(code, body, then=peers.close_at_once):
    return say(framed(code, body), then)


def slowly(data, seconds):
    """One byte at a time, with that many seconds before each."""
    def serve(talk):
        read_request(talk)
        for i in range(len(data)):
            talk.pause(seconds)
            talk.send(data[i:i + 1])
    return serve


def silent(talk):
    """Takes the request and says nothing."""
    talk.hold()


def endless(talk):
    """An answer that says its length and does not keep to it, as fast as it is taken."""
    read_request(talk)
    talk.send(b"0 65536\n")
    while True:
        talk.send(b"x" * 65536)


def refuse(data):
    """Answer before the request is read, and close, as an agent with too many connections does."""
    def serve(talk):
        talk.send(data)
        raise peers.Gone
    return serve


@contextlib.contextmanager
def nobody(directory):
    """A socket file that an agent left behind when it was killed."""
    path = os.path.join(directory, "left.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(path)
    yield ["-s", path]


@contextlib.contextmanager
def full_backlog(directory):
    """An agent that is stopped: connections queue up until there is room for none."""
    path = os.path.join(directory, "full.sock")
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        listener.bind(path)
        listener.listen(0)
        while True:
            waiting = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            waiting.setblocking(False)
            try:
                waiting.connect(path)
            except BlockingIOError:
                break
        yield ["-s", path], listener
