"""A password never appears: not on standard output, not on standard error, not in a recorded snapshot.

libpq's own messages about a connection string that it cannot read quote parts of the string.
"""

import json

import pytest

import nodes
import peers
import wire
from expect import CHECKS, each_check
from launch import launch

# Two halves: where a separator stands within a password, libpq takes what follows it for something else and names it.
ONE, TWO = "Zq8wNtR", "Xk7vMbL"

GOOD = {
    "conninfo": "host={host} port={port} password={one}-{two}",
    "conninfo, quoted": "host={host} port={port} password='{one} {two}'",
    "URI": "postgresql://pgha:{one}-{two}@{host}:{port}/postgres",
    "URI, parameter": "postgresql://{host}:{port}/postgres?password={one}-{two}",
    "URI, question mark": "postgresql://pgha:{one}?{two}@{host}:{port}/postgres",
    "URI, blank": "postgresql://pgha:{one} {two}@{host}:{port}/postgres",
    "sslpassword": "host={host} port={port} sslpassword={one} password={two}",
}
BROKEN = {
    "unbalanced quote": "host={host} port={port} password='{one}{two}",
    "unbalanced quote before": "host='{host} port={port} password={one}{two}",
    "stray word": "host={host} port={port} password={one} {two}",
    "blanks in the password": "host={host} password = {one} {two} = x",
    "value without a keyword": "{one} {two}=x host={host}",
    "unknown keyword": "host={host} port={port} passwrod={one} {two}=x",
    "keyword is the password": "host={host} {one}{two}=password",
    "URI, at sign": "postgresql://pgha:{one}@{two}@{host}:{port}/postgres",
    "URI, slash": "postgresql://pgha:{one}/{two}@{host}:{port}/postgres",
    "URI, colon": "postgresql://pgha:{one}:{two}@{host}:{port}/x y?z",
    "URI, percent": "postgresql://pgha:{one}%zz{two}@{host}:{port}/postgres",
    "URI, percent nul": "postgresql://pgha:{one}%00{two}@{host}:{port}/postgres",
    "URI, bracket": "postgresql://pgha:{one}{two}@[::1:{port}/postgres",
    "URI, no host": "postgresql://pgha:{one}{two}",
    "URI, parameter twice assigned": "postgresql://{host}:{port}/postgres?password={one}={two}",
    "URI, unknown parameter": "postgresql://{host}:{port}/postgres?passwrod={one}&{two}=x",
    "URI, parameter without a value": "postgresql://{host}:{port}/postgres?password&{one}{two}",
    "semicolons behind the host": "host={host};password={one}{two};user=x",
    "semicolons behind the user": "host={host} port={port} user=pgha;password={one}{two}",
    "semicolons behind the database": "host={host} port={port} dbname=postgres;password={one}{two}",
    "URI, capital letter": "Postgresql://pgha:{one}{two}@{host}:{port}/postgres",
    "URI, JDBC": "jdbc:postgresql://pgha:{one}{two}@{host}:{port}/postgres",
    "URI, one slash": "postgres:/pgha:{one}{two}@{host}/postgres",
    "URI, number and slash": "postgres://pgha:2024/{one}{two}@{host}:{port}/postgres",
    "bad port": "host={host} port=none password={one}{two}",
    "bad number": "host={host} port={port} keepalives=maybe password={one} sslpassword={two}",
    "bad sslmode": "host={host} port={port} sslmode=maybe password={one}{two}",
}
FORMATS = ["nagios", "json", "http", "prometheus", "plain", "haproxy", "keepalived"]


def said(outcome, recorded):
    text = outcome.out + outcome.err
    if recorded.exists():
        text += recorded.read_bytes()
        recorded.unlink()
    return text


def holds_no_secret(program, target, recorded, env=None):
    for format_ in FORMATS:
        outcome = launch(program, "-t", "2s", "-v", "-v", "-f", format_, "--record", recorded, *target, env=env)
        text = said(outcome, recorded)
        assert ONE.encode() not in text and TWO.encode() not in text, text
        yield outcome


def servers(program):
    """One that lets us in without, one that asks for the password and refuses it, one that is not there."""
    yield wire.PgPeer(nodes.script(nodes.HEALTHY[program]))
    yield wire.PgPeer(wire.Script(startup=wire.ask_password(
        wire.AUTH_CLEARTEXT, [wire.fatal("28P01", 'password authentication failed for user "pgha"')])))
    yield peers.Peer(peers.close_at_once)


@each_check
@pytest.mark.parametrize("name", GOOD)
def test_password_in_a_connection_string(program, name, tmp_path):
    for server in servers(program):
        with server:
            text = GOOD[name].format(host=server.host, port=server.port, one=ONE, two=TWO)
            for outcome in holds_no_secret(program, ["-d", text], tmp_path / "snapshot"):
                assert outcome.code in (0, 1, 2, 3)


@each_check
def test_password_in_the_environment(program, tmp_path):
    for server in servers(program):
        with server:
            list(holds_no_secret(program, server.target, tmp_path / "snapshot", {"PGPASSWORD": f"{ONE} {TWO}"}))


@each_check
@pytest.mark.parametrize("name", BROKEN)
def test_password_in_a_broken_connection_string(program, name, tmp_path):
    with wire.PgPeer(nodes.script(nodes.HEALTHY[program])) as peer:
        text = BROKEN[name].format(host=peer.host, port=peer.port, one=ONE, two=TWO)
        for outcome in holds_no_secret(program, ["-d", text], tmp_path / "snapshot"):
            assert outcome.code != 0, "not what was meant, so not a yes"


@pytest.mark.parametrize("text", ["host=h password={one} {two}", "postgresql://pgha:{one}@{two}@h/"])
def test_connection_string_as_another_option(text, tmp_path):
    """Put where it does not belong, it is named as what it is there: still not a place to repeat it."""
    text = text.format(one=ONE, two=TWO)
    for target in ([text], ["--dbname=" + text], ["-d", text, "extra"], ["-d", text, "-d", text], ["-d", text, "--nonsense"]):
        list(holds_no_secret(CHECKS[0], target, tmp_path / "snapshot"))


def test_snapshot_is_recorded_at_all(tmp_path):
    """Else the tests above look into nothing."""
    with wire.PgPeer(nodes.script(nodes.PRIMARY)) as peer:
        recorded = tmp_path / "snapshot"
        assert launch("check_pg_leader", *peer.target, "--record", recorded).code == 0
        assert json.loads(recorded.read_text()), "no snapshot"
