"""Runs the checks as their callers do: directly, without a shell, under a hard limit of time."""

import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from sandbox import Never

REPOSITORY = Path(__file__).resolve().parents[2]
HELD_UP = 0.03  # seconds without a processor that make a program miss its deadline, of which it keeps back 0.05
SANITIZER_EXIT = 99  # no check exits so by itself
CRASHES = {-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGFPE, -signal.SIGILL}
SANITIZER_ENV = {
    "ASAN_OPTIONS": f"detect_leaks=1:exitcode={SANITIZER_EXIT}",
    "UBSAN_OPTIONS": f"halt_on_error=1:print_stacktrace=1:exitcode={SANITIZER_EXIT}",
}


def build_directory(build="plain"):
    """Where the programs of a build are: "plain" ($PGHA_BUILD, else build/) or "san" (make SAN=address,undefined)."""
    if build == "san":
        return REPOSITORY / "build" / "san"
    return Path(os.environ.get("PGHA_BUILD") or REPOSITORY / "build").resolve()


def why_missing(build, program="check_pg_leader"):
    """The reason for a skip, "" when that build is there."""
    path = build_directory(build) / program
    if os.access(path, os.X_OK):
        return ""
    return f"no {path} (make{' SAN=address,undefined' if build == 'san' else ''} all)"


def path(program, build="plain"):
    found = build_directory(build) / program
    assert os.access(found, os.X_OK), why_missing(build, program)
    return str(found)


def environment(build="plain", **variables):
    """This process's environment without its own PostgreSQL settings, which would change what a check is asked."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**inherited, **(SANITIZER_ENV if build == "san" else {}), **variables}


def processor_wait(process="thread-self"):
    """Seconds that a process, or this thread, was ready to run and had no processor: 0 where the kernel does not tell."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


class Stopwatch:
    """How long something takes that several processes do for this thread: less what all of them waited for a processor
    meanwhile, which is the machine's time, not theirs.  On a busy machine that is the most of it.

    `pids` is called for those that live; they may come and go.
    """

    def __init__(self, pids=lambda: ()):
        self._pids = pids
        self._before = self._waits()
        self._started = time.monotonic()

    def _waits(self):
        return {process: processor_wait(process) for process in ("thread-self", *self._pids())}

    def waited(self):
        return sum(max(0, now - self._before.get(process, 0))  # of who is gone nothing is known any more
                   for process, now in self._waits().items())

    def seconds(self):
        """No more than this was theirs.  It may be less than nothing, when they waited at the same time."""
        return time.monotonic() - self._started - self.waited()


class Timed(subprocess.Popen):
    """A process that tells when it has ended how long it `lasted`, and the time that `elapsed`: less what it and this
    thread waited for a processor. That is the machine's time, not the program's, and on a busy machine most of it.
    """

    def __init__(self, *args, **popen):
        self._started, self._waited = time.monotonic(), processor_wait()
        self.lasted = self.elapsed = None
        super().__init__(*args, **popen)

    def wait(self, timeout=None):
        if self.elapsed is None:
            with os.fdopen(os.pidfd_open(self.pid)) as pidfd:
                ended = select.poll()  # a test may have more descriptors open than select() can name
                ended.register(pidfd, select.POLLIN)
                if not ended.poll(timeout and timeout * 1000):
                    raise subprocess.TimeoutExpired(self.args, timeout)
            # While it is a zombie the kernel still tells what it did.
            waited = processor_wait(self.pid) + processor_wait() - self._waited
            self.lasted = time.monotonic() - self._started
            self.elapsed = self.lasted - waited
        return super().wait()


class Result(NamedTuple):
    code: int  # negative: died of that signal
    stdout: str
    stderr: str
    elapsed: float  # no more than this was the program's
    lasted: float  # see Timed
    command: str

    @property
    def state(self):
        """In Nagios' words, for every format but keepalived's."""
        return {0: "OK", 1: "WARNING", 2: "CRITICAL", 3: "UNKNOWN"}.get(self.code, f"exit code {self.code}")

    @property
    def was_held_up(self):
        return "itself was held up" in self.stdout

    def json(self):
        return json.loads(self.stdout)

    def __str__(self):
        return f"{self.command}\nexit code {self.code} after {self.lasted:.3f} s\n{self.stdout}{self.stderr}"

    __repr__ = __str__  # what an assertion shows


def at(server, user="pgha"):
    """The options that lead to a postgres.Server."""
    return ("-H", server.host, "-p", server.port, "-U", user)


def patiently(run):
    """run() -> Result or Outcome; again, up to seven times, where the program says that it was held up, and it was
    because it had no processor when its time was over: of three tries on a machine busy with thirty, all may be."""
    for _ in range(8):
        result = run()
        if not result.was_held_up or result.lasted - result.elapsed < HELD_UP:
            break
    return result


def check(program, *args, env=None, build="plain", stdin=None, timeout=30, **popen):
    """Runs one program.  `timeout` is not the program's own -t: a program that is still there then fails the test."""
    return patiently(lambda: _check(program, *args, env=env, build=build, stdin=stdin, timeout=timeout, **popen))


def _check(program, *args, env, build, stdin, timeout, **popen):
    argv = [path(program, build), *map(str, args)]
    command = " ".join(argv)
    process = Timed(argv, stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE, env=environment(build, **(env or {})), cwd="/", text=True, **popen)
    try:
        stdout, stderr = process.communicate(stdin, timeout)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        stdout, stderr = process.communicate()
        raise Never(f"{command}\nwas still running after {timeout} s\n{stdout}{stderr}") from None
    result = Result(process.returncode, stdout, stderr, process.elapsed, process.lasted, command)
    if result.code == SANITIZER_EXIT and build == "san":
        raise Never(f"a sanitizer speaks\n{result}")
    if result.code in CRASHES:
        raise Never(f"it has crashed\n{result}")
    return result
