"""Starts a program as bytes go in and out of it: nothing is decoded, nothing inherited but what is given.

programs.check() is for tests that want text; here the bytes themselves, the peak of memory, the descriptors and the
dispositions of signals are what is tested.
"""

import dataclasses
import json
import os
import select
import signal
import subprocess
import tempfile
import time

import programs

SANITIZED = programs.build_directory().name == "san"  # $PGHA_BUILD may be the build with sanitizers


@dataclasses.dataclass
class Outcome:
    code: int  # negative: died of that signal
    out: bytes
    err: bytes
    elapsed: float
    peak_bytes: int  # never below what the test itself uses: the kernel counts the fork's memory too
    command: str

    def json(self):
        return json.loads(self.out)


def launch(program, *args, env=None, clean_env=None, build="plain", timeout=15, stdin=subprocess.DEVNULL,
           stdout=None, stderr=None, under=(), **popen):
    """Runs it to its end. env adds to the environment, clean_env replaces it; under is a program to run it with.

    What stdout and stderr replace is not read, and empty in the outcome.
    """
    argv = [*under, programs.path(program, build), *(a if isinstance(a, bytes) else str(a) for a in args)]
    variables = clean_env
    if clean_env is None:
        variables = {**programs.environment("san" if SANITIZED else build), **(env or {})}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.monotonic()
        process = subprocess.Popen(argv, stdin=stdin, stdout=out if stdout is None else stdout,
                                   stderr=err if stderr is None else stderr, env=variables, cwd="/", **popen)
        usage, code = _wait(process, timeout)
        elapsed = time.monotonic() - started
        out.seek(0)
        err.seek(0)
        outcome = Outcome(code, out.read(), err.read(), elapsed, usage.ru_maxrss * 1024, " ".join(map(str, argv)))
    assert elapsed < timeout, f"was still running after {timeout} s: {outcome}"
    assert outcome.code != programs.SANITIZER_EXIT, f"a sanitizer speaks: {outcome}"
    return outcome


def _wait(process, timeout):
    """wait4() for the usage, with a limit of time: a program that is still there then is killed."""
    with os.fdopen(os.pidfd_open(process.pid)) as pidfd:
        if not select.select([pidfd], [], [], timeout)[0]:
            process.send_signal(signal.SIGKILL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage, process.returncode
