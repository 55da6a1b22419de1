"""The tests written in C, a program at a time ("make tap" runs them): conftest.py counts each line of TAP as a test."""

import re
import warnings
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
LINE = re.compile(r"^(not )?ok \d+")


def read_log(tap):
    return tap.with_suffix(".log").read_text(errors="replace")


def results(tap):
    """(line, what is wrong, "" if nothing) of each test of a program; a broken plan or exit is one more."""
    lines = tap.read_text(errors="replace").splitlines()
    plans = [int(line[3:].split()[0]) for line in lines if re.match(r"^1\.\.\d+", line)]
    numbers = [number for number, line in enumerate(lines) if LINE.match(line)]
    for number in numbers:
        said = [line for line in lines[number + 1 : number + 8] if line.startswith("#")]
        yield lines[number], "\n".join([lines[number], *said]) if lines[number].startswith("not ") else ""
    status = read_log(tap).splitlines()[-1]
    bailed = [line for line in lines if line.startswith("Bail out!")]
    if plans != [len(numbers)] or status not in ("exit 0", "exit 1") or bailed:
        yield "the program as a whole", "\n".join([f"planned {plans}, ran {len(numbers)}, {status}", *bailed])


def programs():
    for directory in ("build/tap", "build/san/tap"):
        build = "san" if "san" in directory else "plain"
        for tap in sorted((REPOSITORY / directory).glob("*.tap")):
            yield pytest.param(tap, id=f"{build}-{tap.stem}")


def test_there_are_results_of_both_builds():
    """Without them every test below would be missing, and nobody would notice."""
    for directory in ("build/tap", "build/san/tap"):
        assert list((REPOSITORY / directory).glob("*.tap")), f"no results in {directory}: run make check"


@pytest.mark.parametrize("tap", programs())
def test_program(tap, record_property):
    found = list(results(tap))
    skipped = [line for line, _ in found if "# SKIP" in line]
    wrong = [why for _, why in found if why]
    record_property("lines", {"passed": len(found) - len(skipped) - len(wrong), "failed": len(wrong), "skipped": len(skipped)})
    if skipped:
        warnings.warn("\n".join(skipped))
    assert not wrong, "\n\n".join([*wrong, read_log(tap)[-4000:]])
