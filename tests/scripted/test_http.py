"""--format http as inetd, socat and systemd (Accept=yes) start it: the connection is descriptors 0 and 1.

HAProxy's httpchk, curl and browsers are the readers, so a response is complete, of the length it says, and is not taken
back by a reset.
"""

import contextlib
import json
import re
import socket
import threading
import time

import pytest

import nodes
import peers
import wire
from expect import CHECKS, each_check
from launch import launch

LEADER = CHECKS[0]
GET = b"GET /anything?x=1 HTTP/1.1\r\nHost: db1\r\nUser-Agent: test\r\n\r\n"


@contextlib.contextmanager
def connection(over_tcp=True):
    """(ours, theirs): over TCP, where unread data at close means RST, or as a pair of UNIX sockets."""
    if over_tcp:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            ours = socket.create_connection(listener.getsockname())
            theirs, _ = listener.accept()
    else:
        ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(30)
        yield ours, theirs


def serve(program, target, send, *args, over_tcp=True):
    """Lets `send(socket)` play the client; returns (what it received until the end, how the program ended)."""
    with connection(over_tcp) as (ours, theirs):
        received = []

        def client():
            with contextlib.suppress(BrokenPipeError):
                send(ours)
            while piece := ours.recv(65536):  # ConnectionResetError is the failure we look for
                received.append(piece)

        failures = []

        def guarded():
            try:
                client()
            except OSError as e:
                failures.append(e)

        thread = threading.Thread(target=guarded)
        thread.start()
        outcome = launch(program, *target, "-f", "http", *args, stdin=theirs, stdout=theirs)
        theirs.close()
        thread.join(30)
        assert not thread.is_alive()
        assert not failures, f"the client saw {failures} after {b''.join(received)!r}"
    assert outcome.err == b""
    return b"".join(received), outcome


def parse(response, head=False):
    """(status, body) of a response, strictly."""
    top, separator, body = response.partition(b"\r\n\r\n")
    assert separator, response
    status, *lines = top.decode("ascii").split("\r\n")
    match = re.fullmatch(r"HTTP/1\.1 (\d{3}) [A-Za-z ]+", status)
    assert match, status
    headers = {}
    for line in lines:
        name, colon, value = line.partition(": ")
        assert colon and re.fullmatch(r"[A-Za-z-]+", name) and value == value.strip() and value, line
        assert name.lower() not in headers, f"{name} twice"
        headers[name.lower()] = value
    assert headers["connection"] == "close"
    assert headers["content-type"].split(";")[0] == "application/json"
    assert "no-store" in headers["cache-control"], "an answer of a moment ago is no answer"
    if head:
        assert body == b"" and int(headers["content-length"]) > 0
        return int(match[1]), None
    assert int(headers["content-length"]) == len(body)
    return int(match[1]), json.loads(body)


@pytest.fixture
def primary():
    with wire.PgPeer(nodes.script(nodes.PRIMARY)) as peer:
        yield peer


@each_check
@pytest.mark.parametrize("over_tcp", [True, False], ids=["tcp", "socketpair"])
def test_get(program, over_tcp):
    with wire.PgPeer(nodes.script(nodes.HEALTHY[program])) as peer:
        response, outcome = serve(program, peer.target, lambda s: s.sendall(GET), over_tcp=over_tcp)
    status, body = parse(response)
    assert (status, body["state"], body["answer"], outcome.code) == (200, "OK", "yes", 0)


def test_no():
    with peers.refusing() as target:
        response, outcome = serve(LEADER, target, lambda s: s.sendall(GET))
        status, body = parse(response)
        assert (status, body["state"], body["fault"]["class"], outcome.code) == (503, "CRITICAL", "down", 2)
        status, body = parse(serve(LEADER, target, lambda s: s.sendall(GET), "--on-down=warning")[0])
        assert (status, body["answer"]) == (200, "yes")


def test_bad_option():
    """Also what an administrator wrote wrong into inetd.conf must reach the client as a no."""
    response, outcome = serve(LEADER, [], lambda s: s.sendall(GET), "-t", "soon")
    status, body = parse(response)
    assert (status, body["fault"]["class"], outcome.code) == (503, "usage", 3)


@pytest.mark.parametrize("request_line", [b"HEAD / HTTP/1.1", b"HEAD / HTTP/1.0", b"HEAD /x HTTP/1.1\r\nA: b"])
def test_head(primary, request_line):
    response, _ = serve(LEADER, primary.target, lambda s: s.sendall(request_line + b"\r\n\r\n"))
    assert parse(response, head=True)[0] == 200


@pytest.mark.parametrize("request_line", [b"OPTIONS / HTTP/1.0", b"OPTIONS * HTTP/1.1", b"GET / HTTP/1.0",
                                          b"POST / HTTP/1.1", b"GET /HEAD HTTP/1.1", b"HEADER / HTTP/1.1", b"nonsense"])
def test_other_methods(primary, request_line):
    """OPTIONS without a Host is what HAProxy's httpchk sends by default."""
    response, _ = serve(LEADER, primary.target, lambda s: s.sendall(request_line + b"\r\n\r\n"))
    assert parse(response)[0] == 200


def test_line_feeds_alone(primary):
    assert parse(serve(LEADER, primary.target, lambda s: s.sendall(b"HEAD / HTTP/1.0\n\n"))[0], head=True)[0] == 200


def test_slow_request(primary):
    def slowly(sock):
        for i in range(0, len(GET), 8):
            sock.sendall(GET[i:i + 8])
            time.sleep(0.02)
    response, outcome = serve(LEADER, primary.target, slowly)
    assert parse(response)[0] == 200
    assert outcome.elapsed < 4, "the end of the request is where the answer begins"


@pytest.mark.parametrize("size", [5_000, 70_000, 3_000_000])
def test_large_request_is_no_reset(primary, size):
    """More than is looked at: what is left unread when a socket closes turns the close into a reset."""
    request = b"GET / HTTP/1.1\r\nCookie: " + b"c" * size + b"\r\n\r\n"
    assert parse(serve(LEADER, primary.target, lambda s: s.sendall(request))[0])[0] == 200


def test_request_with_a_body(primary):
    def send(sock):
        sock.sendall(b"POST / HTTP/1.1\r\nContent-Length: 20000\r\n\r\n")
        time.sleep(0.05)
        sock.sendall(b"b" * 20000)
    assert parse(serve(LEADER, primary.target, send)[0])[0] == 200


def test_no_request_at_all(primary):
    """The client says nothing: the answer comes anyway, before the deadline."""
    response, outcome = serve(LEADER, primary.target, lambda s: None, "-t", "2s")
    assert outcome.elapsed < 2.5, outcome
    assert parse(response)[0] == 200 and outcome.code == 0


def test_client_that_closes_its_side(primary):
    """As `echo | nc -N` does: half-closed is not gone."""
    def send(sock):
        sock.sendall(b"GET /")
        sock.shutdown(socket.SHUT_WR)
    assert parse(serve(LEADER, primary.target, send)[0])[0] == 200


def test_silent_server_and_silent_client():
    with peers.Peer(peers.silent) as peer:
        response, outcome = serve(LEADER, peer.target, lambda s: None, "-t", "500ms")
    status, body = parse(response)
    assert (status, body["fault"]["class"], outcome.code) == (503, "timeout", 2)
    assert outcome.elapsed < 1


def test_work_that_cannot_be_interrupted():
    """The last-resort timer's answer is a response as well. (It cannot know of a HEAD, and sends the body too.)"""
    with wire.PgPeer(wire.Script(startup=wire.scram_challenge(2_000_000_000))) as peer:
        conninfo = ["-d", f"host={peer.host} port={peer.port} password=x", "-t", "500ms"]
        response, outcome = serve(LEADER, conninfo, lambda s: s.sendall(GET))
        status, body = parse(response)
        assert (status, body["fault"]["class"], outcome.code) == (503, "timeout", 2)


def test_client_that_leaves(primary):
    """Nobody reads the answer; the exit code, for who started it, is the same."""
    with connection() as (ours, theirs):
        ours.sendall(GET)
        ours.close()
        assert launch(LEADER, *primary.target, "-f", "http", stdin=theirs, stdout=theirs).code in (0, 3)


def test_without_a_connection(primary):
    """At a terminal or in a pipe there is no request to wait for."""
    outcome = launch(LEADER, *primary.target, "-f", "http")
    assert parse(outcome.out)[0] == 200 and outcome.elapsed < 4
