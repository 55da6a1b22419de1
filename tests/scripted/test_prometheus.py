"""--format prometheus is read by node_exporter's textfile collector, which drops the whole file for one bad line.

The parser below knows text format 0.0.4 and nothing that is not in it.
"""

import math
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import nodes
import peers
import wire
from expect import CHECKS, STATES, each_check
from launch import launch

UNPACKED = Path(__file__).resolve().parents[2] / "build" / "tools" / "usr" / "bin"  # by make check
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
VALUE = r"[+-]?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|Inf)|NaN"


def parse(data):
    """{(name, labels): value}; asserts everything that the format and its readers demand."""
    text = data.decode("utf-8")
    assert text.endswith("\n") and "\r" not in text
    samples, helped, typed, order = {}, set(), {}, []
    for line in text[:-1].split("\n"):
        assert line == line.strip() and line, f"blanks: {line!r}"
        if line.startswith("#"):
            match = re.fullmatch(rf"# (HELP|TYPE) ({NAME}) (.+)", line)
            assert match, line
            kind, name, rest = match.groups()
            assert name not in order, f"{kind} after a sample of {name}"
            if kind == "HELP":
                assert name not in helped, f"HELP of {name} twice"
                assert not re.search(r"\\[^\\n]", rest), line
                helped.add(name)
            else:
                assert name not in typed, f"TYPE of {name} twice"
                assert rest in ("gauge", "counter"), line
                assert (rest == "counter") == name.endswith("_total"), line
                typed[name] = rest
            continue
        match = re.fullmatch(rf"({NAME})(?:\{{((?:{LABEL},?)*)\}})? ({VALUE})", line)  # a timestamp does not fit here
        assert match, line
        name, labels = match[1], tuple(re.findall(LABEL, match[2] or ""))
        assert name in typed and name in helped, f"{name} without HELP or TYPE"
        assert name not in order[:-1] or order[-1] == name, f"{name} is not in one piece"
        assert len(dict(labels)) == len(labels), f"a label twice: {line}"
        assert (name, labels) not in samples, f"twice: {line}"
        samples[name, labels] = float(match[5])
        if not order or order[-1] != name:
            assert name not in order, f"{name} is not in one piece"
            order.append(name)
    assert set(order) == helped == set(typed), "HELP or TYPE without samples"
    return samples


def values(samples, name):
    return {labels: value for (found, labels), value in samples.items() if found == name}


def states_of(samples):
    """Those that are 1."""
    return [dict(labels)["state"] for labels, value in values(samples, "pgha_check_state").items() if value]


def ask(program, target, *args):
    outcome = launch(program, *target, "-f", "prometheus", *args)
    assert outcome.err == b""
    return parse(outcome.out), outcome


@each_check
def test_healthy(program):
    with wire.PgPeer(nodes.script(nodes.HEALTHY[program])) as peer:
        samples, outcome = ask(program, peer.target, "-w", "1h", "-c", "2h")
    assert outcome.code == 0
    states = {dict(labels)["state"]: value for labels, value in values(samples, "pgha_check_state").items()}
    assert states == {state.lower(): float(state == "OK") for state in STATES}
    for name, labels in samples:
        assert name.startswith("pgha_"), name
        assert dict(labels)["check"] == program.removeprefix("check_")
    (stamp,) = values(samples, "pgha_check_timestamp_seconds").values()
    assert 1.7e9 < stamp < 1e11, "seconds since 1970"


@each_check
@pytest.mark.parametrize("state", STATES)
def test_every_state(program, state):
    with peers.refusing() as target:
        samples, outcome = ask(program, target, f"--on-down={state.lower()}")
    assert STATES[outcome.code] == state
    assert states_of(samples) == [state.lower()]
    (yes,) = values(samples, "pgha_check_yes").values()
    assert yes == (state in ("OK", "WARNING"))


def test_lag_in_base_units():
    node = {"latest_end_lsn": "1/0", "written_lsn": "1/0", "receive_lsn": "1/0", "replay_lsn": "0/FF000000"}
    with wire.PgPeer(nodes.script(nodes.STANDBY, **node)) as peer:
        samples, _ = ask("check_pg_replica", peer.target)
    (lag,) = values(samples, "pgha_replay_lag_bytes").values()
    assert lag == 16 * 1024 * 1024, "across the 4 GiB boundary of the position"


def test_unknown_figure_is_not_a_zero():
    node = {"latest_end_lsn": None, "written_lsn": None, "receive_lsn": None, "replay_lsn": None, "replay_age_ms": None}
    with wire.PgPeer(nodes.script(nodes.STANDBY, **node)) as peer:
        samples, _ = ask("check_pg_replica", peer.target)
    assert all(map(math.isnan, values(samples, "pgha_replay_lag_bytes").values()))


@pytest.mark.parametrize("host", ['"', "\\", "new\nline", "\u20ac", "bad\udcff", "x" * 500, '{a="b"} 1'])
def test_label_values_are_escaped(host):
    outcome = launch(CHECKS[0], "-H", "/nowhere/" + host, "-f", "prometheus")
    assert outcome.code in (2, 3)
    parse(outcome.out)


@each_check
def test_bad_option(program):
    samples, outcome = ask(program, [], "-t", "soon")
    assert outcome.code == 3
    assert states_of(samples) == ["unknown"]


@each_check
def test_promtool(program):
    """Prometheus's own opinion, names and units included."""
    promtool = shutil.which("promtool", path=f"{UNPACKED}:{os.environ.get('PATH', '')}")
    if not promtool:
        pytest.skip("no promtool: make check unpacks it with apt-get download, which failed")
    with wire.PgPeer(nodes.script(nodes.HEALTHY[program])) as peer:
        outcome = launch(program, *peer.target, "-f", "prometheus")
    checked = subprocess.run([promtool, "check", "metrics"], input=outcome.out, capture_output=True, check=False)
    assert checked.returncode == 0 and not checked.stdout + checked.stderr, checked


@pytest.mark.parametrize("text", [
    b"a 1", b"# TYPE a gauge\na 1\n", b"# HELP a x\n# TYPE a gauge\na 1 1700000000\n",
    b"# HELP a x\n# TYPE a gauge\na 1,5\n", b'# HELP a x\n# TYPE a gauge\na{b="\n"} 1\n',
    b'# HELP a x\n# TYPE a gauge\na{b="c"} 1\na{b="c"} 2\n', b"# HELP a x\n# HELP a x\n# TYPE a gauge\na 1\n",
    b"# HELP a x\n# TYPE a gauge\n", b"# HELP a x\n# TYPE a gauge\na nan(0x1)\n",
])
def test_the_parser_is_strict(text):
    with pytest.raises(AssertionError):
        parse(text)
