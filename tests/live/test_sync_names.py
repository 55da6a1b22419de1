"""synchronous_standby_names: the module's grammar against that of every server.

What it takes and refuses, and where it says the error is; what number of standbys it requires; which standby has
which priority.  Who is a candidate and whether commits wait is for the check that uses it.
"""

import ctypes
import random
import re
import shutil
import subprocess

import psycopg2
import psycopg2.errors
import psycopg2.extras
import pytest

import installations
import postgres
import sandbox
from programs import REPOSITORY
from sandbox import wait_for

# The module in flat words, so that no structure has to be described twice.
DOOR = """
#include "lib/evaluate/sync_names.h"

#include <stdio.h>

int
door_parse(const char *value, int *method, int *required, char *text, size_t size)
{
	struct sync_names names;
	struct err err;

	if (sync_names_parse(value, &names, &err) != 0) {
		snprintf(text, size, "%s", err.text);
		return -1;
	}
	*method = names.method;
	*required = names.required;
	return 0;
}

int
door_priority(const char *value, const char *application)
{
	struct sync_names names;
	struct err err;

	return sync_names_parse(value, &names, &err) != 0 ? -1 : sync_names_priority(&names, application);
}
"""
PRIORITY, QUORUM = 1, 2  # enum sync_names_method


class Module:
    def __init__(self):
        directory = sandbox.make_directory("names")
        source, library = directory / "door.c", directory / "door.so"
        source.write_text(DOOR, encoding="ascii")
        compiler = next(filter(shutil.which, ("gcc", "clang", "cc")), None)
        if compiler is None:
            pytest.skip("no C compiler for a shared object of the module")
        parts = ("evaluate/sync_advice", "evaluate/sync_grammar", "evaluate/sync_names", "base/err", "base/text")
        sources = [source, *(REPOSITORY / "lib" / f"{part}.c" for part in parts)]
        subprocess.run([compiler, "-std=gnu11", "-shared", "-fPIC", "-O1", "-I", REPOSITORY, "-o", library, *sources],
                       check=True, cwd=directory)
        self.library = ctypes.CDLL(str(library))

    def parse(self, value):
        """(method, required, None), or (None, None, why it is refused)"""
        method, required, text = ctypes.c_int(), ctypes.c_int(), ctypes.create_string_buffer(512)
        status = self.library.door_parse(_bytes(value), ctypes.byref(method), ctypes.byref(required), text,
                                         ctypes.c_size_t(len(text)))
        return (None, None, text.value.decode()) if status else (method.value, required.value, None)

    def priority(self, value, application):
        return self.library.door_priority(_bytes(value), _bytes(application))


def _bytes(value):
    return value if isinstance(value, bytes) else value.encode()


@pytest.fixture(scope="module")
def module():
    return Module()


@pytest.fixture(scope="module")
def primary(installation):
    with postgres.Cluster(installation) as cluster:
        yield cluster.primary(settings={"max_connections": 60, "max_wal_senders": 40})


# --- what is taken, what is refused ----------------------------------------------------------------------------------

TAKEN = (
    "", "a", "a,b", "a , b", "\ta\v,\fb ", "ALL", "all", "on", "off", "NONE", "a,a", "a,A", "_a$1", "a$", "Z9_",
    "anyone", "any1", "any_", "any$", "firsts", "é", "a\u00a0b", "\u0661", "*", "a,*", "*,*", "1", "0", "1,2", "00",
    "99999999999999999999", '""', '"","a"', '"*"', '"a""b"', '""""', '"s-1"', '"host.example", b', '"any"',
    '"FIRST", a', '" a "', '"a,b"', '"(a)"', '"é"', "\"it's\"", '"a\\b"', '"a|b"', "2 (1,2)", "2(a,b)", "2(a)",
    "01 (a)", "FIRST 1 (a)", "FIRST 1(a)", "first 5 (a)", "FiRsT 2 (a,b)", "FIRST 1 (a,a)", "FIRST 2 (*)", "ANY 1 (a)",
    "aNy 2(a,b,c)", 'ANY 1 ("any")', "ANY 5 (5)", "ANY 1 (*, \"*\")", "2147483647 (a)", "FIRST 4294967297 (a)",
    "ANY 99999999999 (a)", "FIRST 0000000000000000000000000000000002 (a)", "a" * 63, "a" * 64, "a" * 200,
    '"' + "a" * 200 + '"', ",".join(["a"] * 512),
)
REFUSED = (
    " ", "\t", "\v", "\f ", "ALL (a)", "ALL (a, b)", "all(a,b)", "ALL 2 (a, b)", "QUORUM 1 (a)", "FIRST (a)",
    "ANY (a)", "ANY (a, b)", "first", "any", "FIRST a", "ANY a, b", "any, a", "a, first", "ANY 1", "ANY 1 a",
    "FIRST1(a)", "FIRST1 (a)", "any1 (a)", "ANY 1 (any)", "1 (first)", 'FIRST "1" (a)', '"FIRST" 1 (a)', "0 (a)",
    "00 (a)", "FIRST 0 (a)", "ANY 0 (a)", "ANY 0 (a", "-1 (a)", "+1 (a)", "1.5 (a)", "50% (a)", "ANY 2147483648 (a)",
    "2147483648 (a)", "FIRST 2147483649 (a)", "ANY 4294967296 (a)", "9223372036854775807 (a)",
    "9223372036854775808 (a)", "ANY 18446744073709551617 (a)", "99999999999999999999 (a)", "s-1", "a, s-1",
    "host.example", "n1:5432", "1a", "1_", "1any", "$a", "**", "*a", "a*", "2*", "2 *", "a b", "2 a", 'a"b"', '"a"b',
    '"a" "b"', '1 "a"', "a,", ",", ",a", "a,,b", "2 (a,)", "2 (,a)", "2 (a b)", "()", "(a)", "(a, b)", "1 ()", "1 (",
    "1 (a", "1 a)", "a)", "1 (a))", "1 ((a))", "1 (2 (a))", "1,2 (a)", "FIRST 1 (a,b),", "FIRST 1 (a) b",
    "FIRST 1 (a), b", "FIRST 1 (a) ANY 1 (b)", '"', '"a', '"""', 'a, "b', '"a""', "'a'", "''", "a'b", "a;b", "a|b",
    "a\\b", "a #c", "a--c", "a/*c*/", "a\x01", "\x7f", "\x01a", "[a]", "{a,b}", "a=1",
)
# ALTER SYSTEM takes no newline, and a connection no bytes that are not of its encoding.
TAKEN_AT_START = ("a,\nb", "\r\nFIRST 1\n(\na\n)\n", '"a\nb"', b"\x80", b"a\xff,\xc3", b'"\xe9"')
REFUSED_AT_START = ("\n", "\r\n", "\na\nb", "FIRST 1 (a)\n,", '"a\n', b"\x80-", b"1\xe9", b"(\xff)")


def servers_refusal(cursor, value):
    """In the server's words, None when it takes the value."""
    try:
        cursor.execute("ALTER SYSTEM SET synchronous_standby_names = %s", (value,))
        return None
    except (psycopg2.errors.SyntaxError, psycopg2.errors.InvalidParameterValue) as error:
        said, detail = error.diag.message_primary, error.diag.message_detail
        return detail if said.startswith('invalid value for parameter "synchronous_standby_names"') else said


def in_our_words(refusal):
    """How our text of the same refusal begins."""
    if refusal == "syntax error at end of input":
        return "syntax error at the end"
    if refusal == "unterminated quoted identifier at end of input":
        return "unterminated quoted name"
    near = re.fullmatch('syntax error at or near "(.+)"', refusal, re.DOTALL)
    if not near:
        return refusal  # that of a number below one, in the same words
    if near[1] < " " or near[1] == "\x7f":
        return f"syntax error at byte {ord(near[1]):#04x}"
    # Of a quoted name the server shows the last quote only, and we show all; no message of ours has a "|".
    token = "" if near[1] == '"' else near[1].replace("|", "/")
    return f'syntax error at "{token}'


def differences(primary, module, values):
    """Where the server and the module are not of one mind."""
    connection = primary.connect()
    try:
        with connection.cursor() as cursor:
            for value in values:
                refusal, (_, _, text) = servers_refusal(cursor, value), module.parse(value)
                if (refusal is None) != (text is None):
                    yield f"{value!r}: the server says {refusal!r}, the module {text!r}"
                elif refusal and not text.startswith(in_our_words(refusal)):
                    yield f"{value!r}: refused by the server for {refusal!r}, by the module for {text!r}"
    finally:
        connection.close()


@pytest.mark.parametrize("values, is_taken", ((TAKEN, True), (REFUSED, False)), ids=("taken", "refused"))
def test_the_server_and_the_module_agree(primary, module, values, is_taken):
    assert not list(differences(primary, module, values))
    for value in values:  # and nobody has put a value into the wrong table
        assert (module.parse(value)[2] is None) == is_taken, value


@pytest.mark.parametrize("values, is_taken", ((TAKEN_AT_START, True), (REFUSED_AT_START, False)),
                         ids=("taken", "refused"))
def test_they_agree_on_what_only_a_file_can_hold(primary, module, installation, values, is_taken):
    for value in installations.share(values, installation):
        command = sandbox.as_user([str(primary.installation.bindir / "postgres"), "-D", str(primary.data), "-C",
                                   "synchronous_standby_names", "-c"])
        run = subprocess.run([*command, b"synchronous_standby_names=" + _bytes(value)], capture_output=True,
                             check=False, cwd="/", timeout=120)
        if is_taken:
            assert run.returncode == 0 and run.stdout == _bytes(value) + b"\n", (value, run)
        else:
            assert run.returncode == 1, (value, run)
            assert b'invalid value for parameter "synchronous_standby_names"' in run.stderr, (value, run)
        assert (module.parse(value)[2] is None) == is_taken, value


PIECES = (
    "a", "b", "Any", "FIRST", "all", "1", "2", "0", "4294967296", "4294967297", "(", ")", ",", ",", "*", '"c d"', '""',
    '"', "-", ".", "$", "é", "_1", "'", ";",
)
BLANKS = ("", "", "", " ", " ", "\t", "\v\f")


def some_values(count, seed):
    """Values of the grammar, and what becomes of them when pieces get lost, come in or are exchanged."""
    rng = random.Random(seed)
    for _ in range(count):
        names = [rng.choice(("a", "B", "1", "*", '"c d"', '"x""y"', "é", "n_2$")) for _ in range(rng.randint(1, 4))]
        pieces = [piece for name in names for piece in (name, ",")][:-1]
        head = rng.choice(([], ["2"], ["ANY", "1"], ["first", "3"], ["FIRST", "4294967297"]))
        pieces = [*head, "(", *pieces, ")"] if head else pieces
        for _ in range(rng.choice((0, 1, 1, 2, 3))):
            place = rng.randint(0, len(pieces))
            pieces[place:place + rng.randint(0, 1)] = rng.choice(([], [rng.choice(PIECES)]))
        yield "".join(rng.choice(BLANKS) + piece for piece in pieces) + rng.choice(BLANKS)


def test_they_agree_on_values_that_nobody_thought_of(primary, module, installation):
    values = list(some_values(2000, seed=4))
    taken = sum(module.parse(value)[2] is None for value in values)
    assert 400 < taken < 1600, f"{taken} of them are taken: a test of one kind only"
    assert not list(differences(primary, module, installations.share(values, installation)))


# --- priorities, and how many are required ---------------------------------------------------------------------------

APPLICATIONS = (
    "a", "A", "b", "c d", 'x"y', "s-1", "1", "01", "*", "", "any", "all", "é", "n" * 63, "n" * 70,
)
VALUES = (
    "", "a", "b, a", "A, b", "*", "a, *", "*, a", '"*"', '"c d", b', '"C D"', '"x""y"', '"S-1"', "1, 01", "01",
    "1 (1)", '""', 'b, ""', '"any", ALL', '"*x", "**"', "é", r'"\xc3\xa9"', '"??"', "n" * 62, "N" * 63, "n" * 64,
    "n" * 70, "b, b, a, a", "1 (nobody)", "2 (a, b)", "FIRST 2 (b, *)", "FIRST 3 (*)", "FIRST 50 (*)",
    "FIRST 4294967298 (*)", "ANY 1 (a, b)", "ANY 2 (b, *)", "ANY 4294967297 (b, A)", "ANY 99999999999 (*)",
    '"a\t", "a "', "\va\v,\fb",
)
SENDERS = """
    SELECT pid, application_name, sync_priority, sync_state FROM pg_catalog.pg_stat_replication
    WHERE pid = ANY (%s) AND state = 'streaming' AND flush_lsn IS NOT NULL
"""


class Standbys:
    """Receivers that stream nothing but say that they have flushed: all that the server asks of a candidate."""

    def __init__(self, primary):
        self.primary = primary
        self.connections = []

    def __enter__(self):
        lsn = self.primary.lsn()
        high, low = (int(half, 16) for half in lsn.split("/"))
        for name in APPLICATIONS:
            connection = psycopg2.connect(host=self.primary.socket_dir, port=self.primary.port, user="postgres",
                                          application_name=name,
                                          connection_factory=psycopg2.extras.PhysicalReplicationConnection)
            self.connections.append(connection)
            cursor = connection.cursor()
            cursor.start_replication(start_lsn=lsn)
            cursor.send_feedback(flush_lsn=high << 32 | low, force=True)
        return self

    def __exit__(self, *_):
        for connection in self.connections:
            connection.close()
        # Those that are still ending count among max_wal_senders.
        self.primary.wait_until("SELECT count(*) = 0 FROM pg_catalog.pg_stat_replication")

    def rows(self):
        pids = [connection.get_backend_pid() for connection in self.connections]
        ready = []

        def are_ready():
            ready[:] = self.primary.sql(SENDERS, (pids,))
            return len(ready) == len(pids)

        wait_for(are_ready, "all standbys to stream", detail=lambda: f"ready: {ready}")
        return ready


def take(primary, value):
    """Sets it and waits until the server starts sessions with it."""
    primary.sql("ALTER SYSTEM SET synchronous_standby_names = %s", (value,))
    primary.reload()
    assert primary.value("SHOW synchronous_standby_names") == value


def test_the_server_gives_the_same_priorities_and_requires_as_many(primary, module, installation):
    seen, values = set(), installations.share(VALUES, installation)
    for value in values:
        take(primary, value)
        with Standbys(primary) as standbys:  # new ones, which cannot know the value before
            rows = standbys.rows()
        method, required, _ = module.parse(value)
        wrong = [(row, module.priority(value, row[1])) for row in rows if module.priority(value, row[1]) != row[2]]
        assert not wrong, f"{value!r}: {wrong}"
        candidates = [state for _, _, priority, state in rows if priority > 0]
        expected = {"quorum": len(candidates) if method == QUORUM else 0,
                    "sync": min(required, len(candidates)) if method == PRIORITY else 0}
        assert {state: candidates.count(state) for state in expected} == expected, f"{value!r}: {rows}"
        seen.update((method, row[2]) for row in rows)
    if len(values) == len(VALUES):
        assert {(PRIORITY, 0), (PRIORITY, 1), (PRIORITY, 2), (PRIORITY, 3), (QUORUM, 0), (QUORUM, 1)} <= seen
