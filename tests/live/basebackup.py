"""BASE_BACKUP over the replication protocol, for majors whose pg_basebackup is not here.

Leaves what `pg_basebackup -Ft` leaves: base.tar and backup_manifest, which gets its name last.  Speaks just enough of
the protocol for a server that trusts a superuser on its socket.
"""

import socket
import struct
from pathlib import Path


class Replication:
    """A replication connection."""

    def __init__(self, server):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(f"{server.socket_dir}/.s.PGSQL.{server.port}")
        self.stream = self.socket.makefile("rb")
        parameters = b"user\0postgres\0replication\0true\0\0"
        self.socket.sendall(struct.pack("!II", len(parameters) + 8, 196608) + parameters)
        self.until(b"Z")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.socket.close()

    def send(self, kind, payload):
        self.socket.sendall(kind + struct.pack("!I", len(payload) + 4) + payload)

    def messages(self):
        while True:
            kind, length = struct.unpack("!cI", self.stream.read(5))
            payload = self.stream.read(length - 4)
            if kind == b"E":
                raise RuntimeError(payload.decode(errors="replace").replace("\0", " "))
            yield kind, payload

    def until(self, wanted):
        """Takes messages up to the first of that kind."""
        for kind, payload in self.messages():
            if kind == wanted:
                return payload

    def query(self, text):
        self.send(b"Q", text.encode() + b"\0")


def take(server, target, *, wal=True, incremental_from=None):
    """A base backup of `server` in the new directory `target`; `incremental_from`: the directory of an earlier one."""
    target = Path(target)
    target.mkdir()
    with Replication(server) as connection:
        if incremental_from:
            connection.query("UPLOAD_MANIFEST")
            connection.until(b"G")
            connection.send(b"d", (Path(incremental_from) / "backup_manifest").read_bytes())
            connection.send(b"c", b"")
            connection.until(b"Z")
        if server.version < 15:
            connection.query(f"BASE_BACKUP LABEL 'test' FAST {'WAL' if wal else ''} MANIFEST 'yes'")
            _receive_old(connection, target)
        else:
            options = ["LABEL 'test'", "CHECKPOINT 'fast'", "MANIFEST 'yes'", f"WAL {str(wal).lower()}",
                       *(["INCREMENTAL"] if incremental_from else [])]
            connection.query(f"BASE_BACKUP ({', '.join(options)})")
            _receive(connection, target)
    (target / "backup_manifest.tmp").rename(target / "backup_manifest")
    return target


def _receive(connection, target):
    """One stream of copy data whose messages say what they are: a new archive, the manifest, data, progress."""
    file = None
    for kind, payload in connection.messages():
        if kind == b"Z":
            break
        if kind != b"d":
            continue
        if payload[:1] == b"n":
            file = open(target / payload[1:].split(b"\0", 1)[0].decode(), "wb")
        elif payload[:1] == b"m":
            file = open(target / "backup_manifest.tmp", "wb")
        elif payload[:1] == b"d":
            file.write(payload[1:])
            file.flush()


def _receive_old(connection, target):
    """A stream for each tablespace (here there is one), and one for the manifest."""
    files = iter((target / "base.tar", target / "backup_manifest.tmp"))
    file = None
    for kind, payload in connection.messages():
        if kind == b"Z":
            break
        if kind == b"H":
            file = open(next(files), "wb")
        elif kind == b"d":
            file.write(payload)
            file.flush()
