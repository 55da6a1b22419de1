"""Both checks against a server that says nonsense, says what would break the line, or says too much.

Each case names the class that a user must see; the state and the exit code follow from it.
"""

import itertools
import struct

import pytest

import nodes
import peers
import wire
from expect import PATIENT, SHORT, STATE_OF, STATES, T, ask, clean_line, each_check, fault_is
from launch import SANITIZED, launch

MEGABYTE = 1 << 20


# --- answers of another shape -----------------------------------------------------------------------------------------

def with_rows(make):
    return lambda node: nodes.answers(node, lambda names, values: wire.table(names, *make(values)))


def with_table(make):
    return lambda node: nodes.answers(node, lambda names, values: wire.table(*make(names, values)))


def with_steps(*steps):
    return lambda node: lambda sql: [wire.raw(*steps)]


def replacing(**changes):
    return lambda node: nodes.answers({**node, **changes})


def cut_row(after):
    """A part of the answer, then `after`."""
    def change(names, values):
        whole = wire.data_row(values)
        return wire.table(names, then=[whole[:len(whole) // 2], after])
    return lambda node: nodes.answers(node, change)


SHAPES = {
    "a column too few": (with_table(lambda n, v: (n[:-1], v[:-1])), "protocol"),
    "a column too many": (with_table(lambda n, v: ([*n, "more"], [*v, "1"])), "protocol"),
    "other names": (with_table(lambda n, v: ([f"x{i}" for i in range(len(n))], v)), "protocol"),
    "the same name throughout": (with_table(lambda n, v: ([n[0]] * len(n), [v[0]] * len(v))), "protocol"),
    "no columns": (with_table(lambda n, v: ([], ())), "protocol"),
    "1600 columns": (with_table(lambda n, v: (n + ["c"] * 1600, v + [None] * 1600)), "protocol"),
    "fewer values than columns": (with_table(lambda n, v: (n, v[:-1])), "protocol"),
    "no row": (with_rows(lambda v: []), "protocol"),
    "two rows": (with_rows(lambda v: [v, v]), "protocol"),
    "all NULL": (with_rows(lambda v: [[None] * len(v)]), "protocol"),
    "in_recovery NULL": (replacing(in_recovery=None), "protocol"),
    "in_recovery no bool": (replacing(in_recovery="maybe"), "protocol"),
    "in_recovery empty": (replacing(in_recovery=""), "protocol"),
    "positions no positions": (replacing(wal_lsn="0-5000060", replay_lsn="0/XYZ"), "protocol"),
    "positions too large": (replacing(wal_lsn="1FFFFFFFF/0", replay_lsn="1FFFFFFFF/0"), "protocol"),
    "a cell of 10 MB": (replacing(wal_file="7" * 10 * MEGABYTE, sender_host="h" * 10 * MEGABYTE), "protocol"),
    "nothing but the end": (with_steps(wire.complete()), "protocol"),
    "an empty query": (with_steps(wire.message(b"I")), "protocol"),
    "COPY out": (with_steps(wire.message(b"H", b"\0\0\0"), wire.message(b"d", b"t\n"), wire.message(b"c"),
                            wire.complete("COPY 1")), "protocol"),
    "COPY in": (with_steps(wire.message(b"G", b"\0\0\0"), wire.hold), "protocol"),
    "an unknown message": (with_steps(wire.message(b"y", b"what"), wire.hold), "protocol"),
    "garbage": (with_steps(bytes(range(256)) * 8, wire.hold), "protocol"),
    "http": (with_steps(b"HTTP/1.1 400 Bad Request\r\n\r\n", wire.hold), "protocol"),
    "closes before the answer": (with_steps(peers.close_at_once), "down"),
    "resets before the answer": (with_steps(peers.Talk.reset), "down"),
    "closes in the answer": (cut_row(peers.close_at_once), "down"),
    "resets in the answer": (cut_row(peers.Talk.reset), "down"),
    "silent in the answer": (cut_row(wire.hold), "timeout"),
    "silent after the question": (with_steps(wire.hold), "timeout"),
}


@each_check
@pytest.mark.parametrize("name", SHAPES)
def test_answer_of_another_shape(program, name):
    play, wanted = SHAPES[name]
    # After a message that it does not know libpq goes on reading, and tells of it at the end.
    time = SHORT if wanted == "timeout" else PATIENT if name == "an unknown message" else T
    ask(program, wire.Script(answer=play(nodes.HEALTHY[program])), wanted, *time)


@pytest.mark.parametrize("number", ["three", "1e3", "", " 5", "0x10", "9" * 30, "1200\n"])
def test_number_that_is_none(number):
    ask("check_pg_replica", nodes.script(nodes.STANDBY, replay_age_ms=number), "protocol", *T)


@pytest.mark.parametrize("wal_file", [None, "", "3", "0" * 24, "0" * 23 + "x", "000000030000000000000005.partial"])
def test_primary_of_no_timeline(wal_file):
    """A primary always writes to a WAL file, named by its timeline, and timelines are counted from 1."""
    ask("check_pg_leader", nodes.script(nodes.PRIMARY, wal_file=wal_file), "protocol", *T)


def test_role_seen_but_not_how_the_standby_gets_on():
    """Half an answer is no answer: the second part of a replica's is refused."""
    def change(names, values):
        return wire.table(names, values) if "in_recovery" in names else wire.failure("42501", "permission denied")
    ask("check_pg_replica", wire.Script(answer=nodes.answers(nodes.STANDBY, change)), "setup", *T)


# --- what a server says must not break the line -----------------------------------------------------------------------

MESSAGES = {
    "control characters": b"a\x01b\x1b[31mc\x7fd\te\x08",
    "C1 control characters": "a\u0085b\u009b31mc".encode(),
    "newlines": b"first\nsecond\r\nthird\rfourth\n\n",
    "separators": b"a|b=1;2;3|c",
    "invalid UTF-8": b"bad \xff\xfe \xc3( \xe2\x82 \xf5\x80\x80\x80 \xed\xa0\x80 \xc0\xaf",
    "ends within a character": b"x" * 290 + "\u20ac".encode()[:2],
    "long": b"m" * 10240,
    "long, of wide characters": "\u20ac".encode() * 3400,
    "long, of blanks": b" " * 10240 + b"x",
    "format": b"%s%n%d%s%s%s %99999d",
    "empty": b"",
    "markup": b'</td>"}\\n{"state": "OK"}',
}


@each_check
@pytest.mark.parametrize("name", MESSAGES)
def test_message_is_made_clean(program, name):
    text = MESSAGES[name]
    ask(program, wire.Script(startup=[wire.fatal("28000", text, D=text, H=text)]), "setup", *T)
    ask(program, wire.Script(answer=lambda sql: [wire.failure("42501", text, D=text, H=text)]), "setup", *T)


@pytest.mark.parametrize("name", MESSAGES)
def test_value_is_made_clean(name):
    """A standby's sender_host is text that somebody else wrote; it is shown in the summary."""
    host = MESSAGES[name].replace(b"\0", b"")
    with wire.PgPeer(nodes.script(nodes.STANDBY, sender_host=host)) as peer:
        outcome = launch("check_pg_replica", *peer.target)
        clean_line(outcome)
        assert STATES[outcome.code] in ("OK", "UNKNOWN"), "fit for reads, or an answer of another shape"


# --- too much ---------------------------------------------------------------------------------------------------------

def for_ever(chunk):
    return itertools.repeat(chunk * max(1, 65536 // len(chunk)))


def endless_rows(node):
    return nodes.answers(node, lambda names, values: wire.Answer(names, for_ever(wire.data_row(values))))


def endless_cell(node):
    """One row that promises a cell of nearly 2 GB and goes on delivering it."""
    def change(names, values):
        start = b"D" + struct.pack("!IHi", 2_000_000_000, len(names), 1_900_000_000)
        return wire.Answer(names, itertools.chain([start], for_ever(b"7")))
    return nodes.answers(node, change)


def in_answer(steps):
    return wire.Script(answer=lambda sql: [wire.Answer(None, steps)])


def at_start(steps):
    return wire.Script(startup=lambda: itertools.chain([wire.AUTH_OK], steps))


RESULT = wire.row_description(["a"]) + wire.data_row(["1"]) + wire.complete()
NOTICE, NOTIFICATION = wire.notice("again"), wire.message(b"A", struct.pack("!I", 1) + b"channel\0payload\0")
ENDLESS = {
    "rows": lambda node: wire.Script(answer=endless_rows(node)),
    "one cell": lambda node: wire.Script(answer=endless_cell(node)),
    "notices in the answer": lambda node: in_answer(for_ever(NOTICE)),
    "notifications in the answer": lambda node: in_answer(for_ever(NOTIFICATION)),
    "results": lambda node: in_answer(for_ever(RESULT)),
    "notices at the start": lambda node: at_start(for_ever(NOTICE)),
    "one parameter at the start": lambda node: at_start(for_ever(wire.parameter("TimeZone", "UTC"))),
    "new parameters at the start": lambda node: at_start(
        wire.parameter(f"p{i}", "x" * 20000) for i in itertools.count()),
    "garbage at the start": lambda node: at_start(for_ever(b"x")),
}


@each_check
@pytest.mark.parametrize("name", ENDLESS)
def test_endless(program, name):
    """Bounded in time and in memory; whether it is given up for its length or at the deadline is not the point."""
    with wire.PgPeer(ENDLESS[name](nodes.HEALTHY[program])) as peer:
        outcome = launch(program, *peer.target, "-t", "1s", "-f", "json", is_measured=True)
    answer = outcome.json()
    assert answer["fault"]["class"] in ("protocol", "timeout"), outcome
    assert answer["state"] == STATE_OF[answer["fault"]["class"]]
    assert outcome.elapsed < 1.5, outcome
    assert outcome.peak_bytes < (500 if SANITIZED else 160) * MEGABYTE, outcome


def test_endless_work():
    """SCRAM lets the server choose how much the client must compute, and libpq computes it in one go."""
    with wire.PgPeer(wire.Script(startup=wire.scram_challenge(2_000_000_000))) as peer:
        asked, _ = fault_is("check_pg_leader", peer.target, "timeout", "-t", "1s", env={"PGPASSWORD": "secret"})
        assert asked.elapsed < 1.5, asked
