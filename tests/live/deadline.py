"""The promise of -t, as an assertion: the right class, and no later than -t + 100 ms."""

import os
import sys
from pathlib import Path

# The peers that play a server without being one are at home with the tests that need no server at all.
sys.path.append(str(Path(__file__).resolve().parents[1] / "scripted"))

from launch import launch  # noqa: E402

GRACE = {"plain": 0.1, "san": 1.5}
ATTEMPTS = 3


def in_time(build, program, args, judge, t=0.6, **how):
    """Asks with -t and lets judge(outcome) look at what came.

    The machine may be busy, so of several attempts one must be in time; what comes must be right in each.
    """
    limit = t + GRACE[build]
    elapsed = []
    for _ in range(ATTEMPTS):
        outcome = launch(program, *args, "-t", f"{round(t * 1000)}ms", build=build, timeout=t + 30, **how)
        judge(outcome)
        elapsed.append(outcome.elapsed)
        if outcome.elapsed <= limit:
            return outcome
    raise AssertionError(f"not within {limit} s in any of {elapsed}: {outcome}")


def keeps(build, program, args, wanted, t=None, **how):
    """in_time() with an answer of that class of fault, or without a fault for None: of its own accord, unless it is
    "timeout", so that patience costs nothing."""
    t = t or (0.6 if wanted == "timeout" else 10)

    def judge(outcome):
        answer = outcome.json()
        assert answer.get("fault", {}).get("class") == wanted, outcome
        assert (outcome.code == 0) == (answer["answer"] == "yes") == (wanted is None), outcome
    return in_time(build, program, [*args, "-f", "json"], judge, t, **how)


def full_pipe():
    """(read, write) of a pipe that takes no byte more, because nobody reads it."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    for size in (65536, 1):
        try:
            while True:
                os.write(write, b"x" * size)
        except BlockingIOError:
            pass
    os.set_blocking(write, True)
    return read, write
