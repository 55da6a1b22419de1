"""Answers over HTTP that no manager gives, and a way to measure what a program needs to survive them."""

import gzip
import json

import peers
from dcs_peers import framed, read_request

MB = 1 << 20
HUGE = 100 * MB
PIECE = b" " * 65536


class Hostile(peers.Peer):
    """Reads each request, whatever it asks for, and then plays; `requests` holds what was asked."""

    def __init__(self, play):
        self.play = play
        self.requests = []
        super().__init__(self._answer)

    @property
    def url(self):
        return f"http://{self.host}:{self.port}"

    def _answer(self, talk):
        self.requests.append(read_request(talk))
        self.play(talk)
        raise peers.Gone


def say(data):
    return lambda talk: talk.send(data)


def body(data, status=200, more=b"Content-Type: application/json\r\n"):
    """A whole answer."""
    return say(framed(status, data if isinstance(data, bytes) else json.dumps(data).encode(), more))


def head(*lines):
    return b"HTTP/1.1 200 OK\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def flood(start, piece=PIECE, total=None):
    """`start`, then `piece` again and again: `total` bytes, or for ever."""
    def play(talk):
        talk.send(start)
        sent = 0
        while total is None or sent < total:
            talk.send(piece)
            sent += len(piece)
    return play


def drip(start, piece=b" ", seconds=0.02):
    """A little, for ever: never too slow for a limit on each single read."""
    def play(talk):
        talk.send(start)
        while True:
            talk.send(piece)
            talk.pause(seconds)
    return play


def dribble(data, seconds):
    """All of it, byte by byte."""
    def play(talk):
        for i in range(len(data)):
            talk.send(data[i:i + 1])
            talk.pause(seconds)
        talk.hold()
    return play


def hold_after(start):
    def play(talk):
        talk.send(start)
        talk.hold()
    return play


def redirect(status, location):
    return say(b"HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
               % (status, location.encode()))


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


CHUNKED = head(b"Transfer-Encoding: chunked")

# What is no answer at all, or not a whole one. The classes that may become of it.
BROKEN = {
    "closes at once": (lambda talk: None, {"down", "protocol"}),
    "resets": (lambda talk: talk.reset(), {"down", "protocol"}),
    "half a status line": (say(b"HTTP/1.1 20"), {"down", "protocol"}),
    "half a head": (say(b"HTTP/1.1 200 OK\r\nContent-Ty"), {"down", "protocol"}),
    "a head and no body": (say(head(b"Content-Length: 100")), {"protocol"}),
    "half a body": (say(head(b"Content-Length: 100") + b'{"role": "pri'), {"protocol"}),
    "half a chunk": (say(CHUNKED + b'100\r\n{"role"'), {"protocol"}),
    "a chunk without an end": (say(CHUNKED + chunk(b"{}")), {"protocol"}),
    "a chunk of no length": (say(CHUNKED + b"xyz\r\n{}\r\n0\r\n\r\n"), {"protocol"}),
    "a chunk of a length below zero": (say(CHUNKED + b"-5\r\n{}\r\n0\r\n\r\n"), {"protocol"}),
    "a chunk of more than there can be": (say(CHUNKED + b"fffffffffffffffff\r\n{}\r\n"), {"protocol"}),
    "a length below zero": (say(head(b"Content-Length: -1") + b"{}"), {"protocol"}),
    "two lengths": (say(head(b"Content-Length: 2", b"Content-Length: 40") + b"{}"), {"protocol"}),
    "another protocol": (say(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), {"protocol"}),
    "HTTP/0.9": (say(b'{"role": "primary"}'), {"protocol"}),
    "HTTP/2": (say(b"\0\0\x12\x04\0\0\0\0\0" + bytes(18)), {"protocol"}),
    "PostgreSQL": (say(b"E\0\0\0\x20SFATAL\0C08P01\0Mno HTTP\0\0"), {"protocol"}),
    "TLS": (say(b"\x15\x03\x03\0\x02\x02\x28"), {"protocol"}),
    "a status of four digits": (say(b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n{}"), {"protocol"}),
    "zero bytes in the head": (say(head(b"X: \0\0\0", b"Content-Length: 2") + b"{}"), {"protocol"}),
    "no content": (say(b"HTTP/1.1 204 No Content\r\n\r\n"), {"protocol"}),
    "not modified": (say(b"HTTP/1.1 304 Not Modified\r\n\r\n"), {"protocol"}),
    "another protocol from here on": (say(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n"
                                          b"Connection: Upgrade\r\n\r\n"), {"protocol", "down"}),
}

# What comes whole, and is not what was asked for.
BODIES = {
    "nothing": b"",
    "blanks": b" " * 1000,
    "HTML": b"<html><body>It works!</body></html>",
    "half of JSON": b'{"members": [{"name": "n1", "role":',
    "JSON and something behind it": b'{} {"more": 1}',
    "JSON with a comma too many": b'{"a": 1,}',
    "a key twice": b'{"role": "primary", "role": "replica", "members": [], "members": [], "header": {}, "header": {}}',
    "a text": b'"primary"',
    "a number": b"42",
    "true": b"true",
    "null": b"null",
    "a list in a list": b"[[[[]]]]",
    "a list of numbers": b"[1, 2, 3]",
    "members that are a text": b'{"members": "n1", "header": "e1", "Config": "c", "state": 1, "role": 2, "version": []}',
    "members that are numbers": b'{"members": [1, 2], "header": 7, "Config": 7, "state": {}, "role": {}, "version": 7}',
    "members that are empty": b'{"members": [{}, {}], "header": {}, "Config": {}, "state": null, "role": null}',
    "deep lists": b"[" * 500000,
    "deep lists that end": b"[" * 200000 + b"]" * 200000,
    "deep objects": b'{"a":' * 150000 + b"1" + b"}" * 150000,
    "numbers too large": b'{"timeline": 1e999, "raftIndex": ' + b"9" * 400 + b"}",
    "a member of a long name": b'{"' + b"x" * 900000 + b'": 1}',
    "a long text": b'{"role": "' + b"x" * 900000 + b'"}',
    "many members": b'{"members": [' + b"{}," * 200000 + b"{}]}",
    "many keys": b"{" + b",".join(b'"%d":0' % i for i in range(40000)) + b"}",
    "a mark of the byte order": b'\xef\xbb\xbf{"role": "primary"}',
    "UTF-16": '{"role": "primary"}'.encode("utf-16"),
    "UTF-32": '{"role": "primary"}'.encode("utf-32-be"),
    "Latin-1": '{"role": "primär"}'.encode("latin-1"),
    "overlong UTF-8": b'{"role": "\xc0\xaf\xe0\x80\xaf"}',
    "half a surrogate": b'{"role": "\\ud800"}',
    "a zero byte": b'{"role": "pri\0mary"}',
    "an escaped zero byte": b'{"role": "pri\\u0000mary"}',
    "compressed": gzip.compress(b'{"role": "primary"}'),
    "bytes of every kind": bytes(range(256)) * 100,
}
BROKEN.update({name: (body(data), {"protocol"}) for name, data in BODIES.items()})
BROKEN["compressed, and it says so"] = (body(gzip.compress(b" " * HUGE), more=b"Content-Encoding: gzip\r\n"), {"protocol"})
BROKEN["a status without a body that means anything"] = (body(b"oops", status=500), {"protocol", "down", "setup"})

# What is larger than anything can be. Most of it must not even be taken.
LARGE = {
    "100 MB with a length": flood(head(b"Content-Length: %d" % HUGE) + b"[", total=HUGE),
    "100 MB without": flood(head(b"Connection: close") + b"[", total=HUGE),
    "100 MB in chunks": flood(CHUNKED, piece=chunk(PIECE), total=HUGE),
    "100 MB in small chunks": flood(CHUNKED, piece=chunk(b" ") * 10000, total=HUGE),
    "one chunk of 100 MB": flood(CHUNKED + b"%x\r\n" % HUGE, total=HUGE),
    "a chunk's extension of 100 MB": flood(CHUNKED + b"2;", piece=b"x" * 65536, total=HUGE),
    "a header of 100 MB": flood(b"HTTP/1.1 200 OK\r\nX: ", piece=b"x" * 65536, total=HUGE),
    "100 MB of headers": flood(b"HTTP/1.1 200 OK\r\n", piece=b"X-Header: value\r\n" * 4000, total=HUGE),
    "a status line of 100 MB": flood(b"HTTP/1.1 200 ", piece=b"x" * 65536, total=HUGE),
    "100 MB of trailers": flood(CHUNKED + b"0\r\n", piece=b"X-Trailer: value\r\n" * 4000, total=HUGE),
    "a body without end": flood(head(b"Connection: close")),
    "interim answers without end": flood(b"", piece=b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" * 1000),
    "headers without end": flood(b"HTTP/1.1 200 OK\r\n", piece=b"Set-Cookie: %s=1\r\n" % (b"a" * 30) * 1000),
}

# What comes too late, in one way or another.
SLOW = {
    "silent": peers.silent,
    "silent after the status line": hold_after(b"HTTP/1.1 200 OK\r\n"),
    "silent after the head": hold_after(head(b"Content-Length: 100")),
    "silent after half a body": hold_after(head(b"Content-Length: 100") + b'{"role":'),
    "a head that drips": drip(b"HTTP/1.1 200 OK\r\nX: ", piece=b"x"),
    "headers that drip": drip(b"HTTP/1.1 200 OK\r\n", piece=b"X: y\r\n"),
    "a body that drips": drip(head(b"Connection: close") + b"{"),
    "chunks that drip": drip(CHUNKED, piece=chunk(b" ")),
    "interim answers that drip": drip(b"", piece=b"HTTP/1.1 100 Continue\r\n\r\n"),
    "an answer byte by byte": dribble(framed(200, b'{"role": "primary"}'), 0.05),
}
