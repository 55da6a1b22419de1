"""A PostgreSQL server (protocol 3.0) that answers as a test wants it to, and a relay that watches a real one.

A script is a list of steps: bytes are sent, a callable is called with the Talk (peers.hold, peers.close_at_once, ...).
What a query is answered with is a list of Answer; the same list is played for the simple and for the extended protocol.
Whatever the client sends is checked against the protocol: a stray printf into the socket is a violation.
"""

import contextlib
import dataclasses
import hashlib
import socket
import struct
import threading
from collections.abc import Callable, Iterable

from peers import Gone, Peer, Talk

SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
TEXT_OID = 25

hold = Talk.hold


def message(kind, body=b""):
    return kind + struct.pack("!I", len(body) + 4) + body


def octets(text):
    return text if isinstance(text, bytes) else str(text).encode()


def authentication(code, body=b""):
    return message(b"R", struct.pack("!I", code) + body)


AUTH_OK = authentication(0)
AUTH_CLEARTEXT = authentication(3)
AUTH_MD5 = authentication(5, b"salt")
AUTH_SCRAM = authentication(10, b"SCRAM-SHA-256\0\0")


def parameter(name, value):
    return message(b"S", octets(name) + b"\0" + octets(value) + b"\0")


def ready(status=b"I"):
    return message(b"Z", status)


def key(pid=4242, secret=77):
    return message(b"K", struct.pack("!II", pid, secret))


def report(kind, sqlstate, text, severity="ERROR", **fields):
    """Body of an ErrorResponse (E) or a NoticeResponse (N); fields by their letter (D detail, H hint)."""
    parts = {"S": severity, "V": severity, "C": sqlstate, "M": text, **fields}
    return message(kind, b"".join(k.encode() + octets(v) + b"\0" for k, v in parts.items()) + b"\0")


def error(sqlstate, text, severity="ERROR", **fields):
    return report(b"E", sqlstate, text, severity, **fields)


def fatal(sqlstate, text, **fields):
    return error(sqlstate, text, "FATAL", **fields)


def notice(text, sqlstate="00000"):
    return report(b"N", sqlstate, text, "NOTICE")


def row_description(columns):
    body = struct.pack("!H", len(columns))
    for name in columns:
        body += octets(name) + b"\0" + struct.pack("!IHIhih", 0, 0, TEXT_OID, -1, -1, 0)
    return message(b"T", body)


def data_row(values):
    body = struct.pack("!H", len(values))
    for value in values:
        body += struct.pack("!i", -1) if value is None else struct.pack("!i", len(octets(value))) + octets(value)
    return message(b"D", body)


def complete(tag="SELECT 1"):
    return message(b"C", octets(tag) + b"\0")


@dataclasses.dataclass
class Answer:
    """One result: a description (or none) and what follows it. One that fails ends the statements after it, too."""
    columns: list | None
    steps: Iterable
    fails: bool = False


def table(columns, *rows, then=()):
    """Rows, then `then` in place of the completion where it is given."""
    return Answer(list(columns), [*(data_row(r) for r in rows), *(then or [complete(f"SELECT {len(rows)}")])])


def failure(sqlstate, text, **fields):
    return Answer(None, [error(sqlstate, text, **fields)], fails=True)


def raw(*steps):
    return Answer(None, steps)


def parameters(version="15.20", in_recovery=False, **more):
    values = {"server_version": version, "server_encoding": "UTF8", "client_encoding": "UTF8", "application_name": "",
              "in_hot_standby": "on" if in_recovery else "off", "default_transaction_read_only": "off",
              "is_superuser": "off", "session_authorization": "postgres", "DateStyle": "ISO, MDY",
              "IntervalStyle": "postgres", "TimeZone": "UTC", "integer_datetimes": "on",
              "standard_conforming_strings": "on", **more}
    return b"".join(parameter(k, v) for k, v in values.items())


def welcome(**kwargs):
    """The steps of a start-up that succeeds without a password."""
    return [AUTH_OK, parameters(**kwargs), key(), ready()]


def read_message(talk, slowly=0.0):
    kind = talk.read(1, slowly)
    (length,) = struct.unpack("!I", talk.read(4, slowly))
    if not 4 <= length <= 1 << 20:
        raise ValueError(f"message {kind!r} of length {length}")
    return kind, talk.read(length - 4, slowly)


def ask_password(request, then, expect=None):
    """Start-up steps that ask for a password; what comes is checked against `expect` and answered by `then`."""
    def take(talk):
        kind, body = read_message(talk)
        if kind != b"p":
            raise ValueError(f"{kind!r} in place of a password")
        if expect is not None and body != expect:
            raise ValueError("not the password that the test gave")
    return [request, take, *then]


def md5_answer(user, password, salt=b"salt"):
    inner = hashlib.md5(octets(password) + octets(user)).hexdigest()
    return b"md5" + hashlib.md5(inner.encode() + salt).hexdigest().encode() + b"\0"


def scram_challenge(iterations):
    """Steps of a SCRAM exchange up to the server's challenge; the count is the work that the client must do."""
    def challenge(talk):
        _, body = read_message(talk)
        nonce = body.split(b"r=", 1)[1].decode()
        first = f"r={nonce}server,s=c2FsdHNhbHRzYWx0c2FsdA==,i={iterations}".encode()
        talk.send(authentication(11, first))
    return [AUTH_SCRAM, challenge, hold]


@dataclasses.dataclass
class Script:
    """What a PgPeer plays. None in place of the answer to a TLS or GSS request means silence.

    Steps that can be taken only once (an iterator) stand behind a function without arguments.
    """
    startup: Iterable | Callable[[], Iterable] = dataclasses.field(default_factory=welcome)
    answer: Callable[[str], list] = lambda sql: [failure("42601", "no answer in the script")]
    tls: bytes | None = b"N"
    gss: bytes | None = b"N"
    slowly: float = 0.0


class PgPeer(Peer):
    """A Peer that speaks the server's side; `sql` holds what was asked, `violations` what was no protocol."""

    def __init__(self, script=None, **kwargs):
        self.script = script or Script()
        self.sql = []
        self.startups = []
        self.violations = []
        super().__init__(self._converse, **kwargs)

    def close(self):
        super().close()
        assert not self.violations, f"the client did not speak the protocol: {self.violations!r}"

    def _converse(self, talk):
        try:
            if self._greet(talk):
                startup = self.script.startup
                run(talk, startup() if callable(startup) else startup)
                self._serve(talk)
        except ValueError as e:
            self.violations.append((str(e), bytes(talk.received[-200:])))

    def _greet(self, talk):
        """Up to the StartupMessage; False for a cancel request."""
        while True:
            (length,) = struct.unpack("!I", talk.read(4))
            if not 8 <= length <= 10000:
                raise ValueError(f"start-up packet of length {length}")
            body = talk.read(length - 4)
            (code,) = struct.unpack("!I", body[:4])
            if code in (SSL_REQUEST, GSS_REQUEST):
                answer = self.script.tls if code == SSL_REQUEST else self.script.gss
                if answer is None:
                    talk.hold()
                talk.send(answer)
                if answer in (b"S", b"G"):
                    talk.hold()  # the handshake is what comes next, and this peer has no part in it
            elif code == CANCEL_REQUEST:
                return False
            elif code >> 16 == 3:
                words = body[4:].split(b"\0")
                self.startups.append(dict(zip(words[0::2], words[1::2])))
                return True
            else:
                raise ValueError(f"start-up packet with code {code}")

    def _serve(self, talk):
        prepared, skipping = "", False
        while True:
            kind, body = read_message(talk, self.script.slowly)
            if kind == b"X":
                return
            if kind == b"S":
                skipping = False
                talk.send(ready())
            elif skipping or kind == b"H":
                continue
            elif kind == b"Q":
                self._simple(talk, body[:-1].decode())
            elif kind == b"P":
                prepared = body.split(b"\0")[1].decode()
                self.sql.append(prepared)
                talk.send(message(b"1"))
            elif kind == b"B":
                talk.send(message(b"2"))
            elif kind in (b"D", b"E"):
                skipping = self._extended(talk, kind, self.script.answer(prepared)[0])
            elif kind == b"C":
                talk.send(message(b"3"))
            else:
                raise ValueError(f"message of type {kind!r}")

    def _simple(self, talk, sql):
        self.sql.append(sql)
        for answer in self.script.answer(sql):
            if answer.columns is not None:
                talk.send(row_description(answer.columns))
            run(talk, answer.steps)
            if answer.fails:
                break
        talk.send(ready())

    @staticmethod
    def _extended(talk, kind, answer):
        if kind == b"E":
            run(talk, answer.steps)
            return answer.fails
        if answer.fails and answer.columns is None:
            return False  # the error comes with Execute; a description before it would promise rows
        talk.send(row_description(answer.columns) if answer.columns is not None else message(b"n"))
        return False


def run(talk, steps):
    for step in steps:
        if callable(step):
            step(talk)
        else:
            talk.send(step)


class Relay(Peer):
    """Stands between a check and a real server, and calls `at_query(pid)` before the first query is passed on.

    The backend's pid is in the server's own BackendKeyData, so a test can stop exactly the backend that serves this
    connection, at the one instant between connection and query. The client must not use TLS.
    """

    def __init__(self, address, at_query):
        self.address, self.at_query = address, at_query
        super().__init__(self._relay)

    def _relay(self, talk):
        with socket.create_connection(self.address) as server:
            upstream = Talk(server)
            pids = []  # of this connection's backend, once it has told
            back = threading.Thread(target=self._back, args=(upstream, talk, pids), daemon=True)
            back.start()
            try:
                self._forth(talk, upstream, pids)
            finally:
                upstream.end()
                back.join()

    def _forth(self, talk, upstream, pids):
        while True:
            (length,) = struct.unpack("!I", head := talk.read(4))
            body = talk.read(length - 4)
            upstream.send(head + body)
            if struct.unpack("!I", body[:4])[0] >> 16 == 3:
                break
        asked = False
        while True:
            kind, body = read_message(talk)
            if kind in (b"Q", b"P") and not asked:
                asked = True
                self.at_query(pids[0])
            upstream.send(message(kind, body))

    def _back(self, upstream, talk, pids):
        """The server's bytes, passed on as they come; the key is picked out on the way."""
        seen = bytearray()
        with contextlib.suppress(Gone, OSError):
            while True:
                piece = upstream.sock.recv(65536)
                if not piece:
                    talk.end()
                    return
                if not pids:
                    seen += piece
                    self._find_key(seen, pids)
                talk.send(piece)

    def _find_key(self, seen, pids):
        at = 0
        while len(seen) - at >= 5:
            if seen[at:at + 1] == b"N" and seen[at + 1:at + 2] in (b"R", b"N"):
                at += 1  # the one-byte "no" to a TLS or GSS request, not a notice
                continue
            (length,) = struct.unpack("!I", seen[at + 1:at + 5])
            if seen[at:at + 1] == b"K" and len(seen) - at >= 9:
                pids += struct.unpack("!I", seen[at + 5:at + 9])
                return
            at += 1 + length
