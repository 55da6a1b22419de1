"""Starts a program as bytes go in and out of it: nothing is decoded, nothing inherited but what is given.

programs.check() is for tests that want text; here the bytes themselves, the peak of memory, the descriptors and the
dispositions of signals are what is tested.
"""

import contextlib
import dataclasses
import json
import subprocess
import sys
import tempfile

import programs

SANITIZED = programs.build_directory().name == "san"  # $PGHA_BUILD may be the build with sanitizers


# Between the test and a program whose memory is measured: a process of a few MB. Whatever the process that forks
# uses, the kernel counts for the program as well, and a test with all its modules uses hundreds of MB.
# The time of the program is taken there, too: nobody else sees how long it waited for a processor (programs.Timed).
MEASURE = """
import os, sys, time

def waited(process):
    try:
        with open(f"/proc/{process}/schedstat") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0

started, before = time.monotonic(), waited("thread-self")
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
waits = waited(pid) + waited("thread-self") - before
lasted = time.monotonic() - started
_, status, usage = os.wait4(pid, 0)
with open(sys.argv[1], "w") as file:
    file.write(f"{usage.ru_maxrss * 1024} {lasted} {lasted - waits}")
os._exit(os.waitstatus_to_exitcode(status) & 255)
"""


@dataclasses.dataclass
class Outcome:
    code: int  # negative: died of that signal
    out: bytes
    err: bytes
    elapsed: float  # see programs.Timed
    lasted: float
    peak_bytes: int | None  # of its memory, where that was to be measured
    command: str

    @property
    def was_held_up(self):
        return b"itself was held up" in self.out

    def json(self):
        return json.loads(self.out)


def launch(program, *args, env=None, clean_env=None, build="plain", timeout=40, stdin=subprocess.DEVNULL,
           stdout=None, stderr=None, under=(), is_measured=False, **popen):
    """Runs it to its end. env adds to the environment, clean_env replaces it; under is a program to run it with.

    What stdout and stderr replace is not read, and empty in the outcome.
    """
    argv = [*under, programs.path(program, build), *(a if isinstance(a, bytes) else str(a) for a in args)]
    return programs.patiently(lambda: _measured(argv, is_measured, env, clean_env, build, timeout, stdin, stdout, stderr, **popen))


def _measured(argv, is_measured, *how, **popen):
    with tempfile.NamedTemporaryFile() if is_measured else contextlib.nullcontext() as peak:
        if is_measured:
            argv = [sys.executable, "-I", "-S", "-c", MEASURE, peak.name, *argv]
        outcome = _launch(argv, *how, **popen)
        if is_measured:
            peak_bytes, lasted, elapsed = peak.read().split()
            outcome.peak_bytes, outcome.lasted, outcome.elapsed = int(peak_bytes), float(lasted), float(elapsed)
    return outcome


def _launch(argv, env, clean_env, build, timeout, stdin, stdout, stderr, **popen):
    variables = clean_env
    if clean_env is None:
        variables = {**programs.environment("san" if SANITIZED else build), **(env or {})}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = programs.Timed(argv, stdin=stdin, stdout=out if stdout is None else stdout,
                                 stderr=err if stderr is None else stderr, env=variables, cwd="/", **popen)
        try:
            code, is_late = process.wait(timeout), False
        except subprocess.TimeoutExpired:
            process.kill()
            code, is_late = process.wait(), True
        out.seek(0)
        err.seek(0)
        outcome = Outcome(code, out.read(), err.read(), process.elapsed, process.lasted, None, " ".join(map(str, argv)))
    if is_late:
        raise programs.Never(f"was still running after {timeout} s: {outcome}")
    if outcome.code == programs.SANITIZER_EXIT:
        raise programs.Never(f"a sanitizer speaks: {outcome}")
    return outcome
