"""The tests written in C: each line of TAP that they wrote is a test here ("make tap" runs them)."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
LINE = re.compile(r"^(not )?ok (\d+)(?: - )?(.*)$")


def read_log(tap):
    return tap.with_suffix(".log").read_text(errors="replace")


def results(tap):
    """(title, what is wrong or None) of each test of a program; a broken plan or exit is one more."""
    lines = tap.read_text(errors="replace").splitlines()
    plans = [int(line[3:].split()[0]) for line in lines if re.match(r"^1\.\.\d+", line)]
    count = 0
    for number, line in enumerate(lines):
        match = LINE.match(line)
        if not match:
            continue
        count += 1
        if match[1]:
            said = [l for l in lines[number + 1 : number + 8] if l.startswith("#")]
            yield match[3], "\n".join(said) + "\n" + read_log(tap)[-4000:]
        elif "# SKIP" in match[3]:
            yield match[3], pytest.skip.Exception(match[3].split("# SKIP", 1)[1].strip())
        else:
            yield match[3], None
    status = read_log(tap).splitlines()[-1]
    if plans != [count] or status not in ("exit 0", "exit 1") or any(l.startswith("Bail out!") for l in lines):
        yield "the program as a whole", "\n".join(
            [f"planned {plans}, ran {count}, {status}"] + [l for l in lines if l.startswith("Bail")] + [read_log(tap)[-4000:]]
        )


def cases():
    for directory in ("build/tap", "build/san/tap"):
        build = "san" if "san" in directory else "plain"
        for tap in sorted((REPOSITORY / directory).glob("*.tap")):
            for title, wrong in results(tap):
                yield pytest.param(wrong, id=f"{build}-{tap.stem}-{title}".replace("::", ":"))


def test_there_are_results_of_both_builds():
    """Without them every test below would be missing, and nobody would notice."""
    for directory in ("build/tap", "build/san/tap"):
        assert list((REPOSITORY / directory).glob("*.tap")), f"no results in {directory}: run make check"


@pytest.mark.parametrize("wrong", cases())
def test_program(wrong):
    if isinstance(wrong, BaseException):
        raise wrong
    assert wrong is None, wrong
