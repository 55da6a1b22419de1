"""What every live test stands on: one scratch directory, one unprivileged user, and clean-up that cannot be skipped.

Pure Python, no pytest: a demo or a benchmark uses it as well.
"""

import atexit
import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from functools import lru_cache
from pathlib import Path

import reaper

logs = {}  # path -> name of the log of each daemon that was started; a failing test shows what was added to them


class HarnessError(AssertionError):
    """A server of the harness did not do what it should have done in time."""


class Never(AssertionError):
    """What may not happen however busy the machine is: the test gets no second attempt (tests/run.py)."""

    may_be_load = False


class Reaper:
    """Our end of the pipe to reaper.py."""

    def __init__(self):
        self.owner = os.getpid()
        self.process = subprocess.Popen([sys.executable, reaper.__file__], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()  # from here on it survives Ctrl-C
        atexit.register(self.finish)

    def tell(self, line):
        if os.getpid() == self.owner:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()

    def finish(self):
        if os.getpid() == self.owner:
            self.process.stdin.close()
            self.process.wait()


@lru_cache(maxsize=None)
def _reaper():
    return Reaper()


def announce(kind, name):
    """From now on `name` is removed when this process ends, however it ends.  Kinds: see reaper.py."""
    _reaper().tell(f"announce {kind} {name}")


def forget(kind, name):
    _reaper().tell(f"forget {kind} {name}")


# --- the scratch directory -------------------------------------------------------------------------------------------

# A socket's path may have 107 bytes, and the tail below the scratch directory takes up to 60 of them.
BASE_LENGTH_MAX = 40
IN_MEMORY = "/dev/shm"
IN_MEMORY_BYTES_MIN = 2 << 30  # some dozens of servers of 30 MB


def _base():
    """Where $TMPDIR says, else in memory: clusters come and go, and a disk with discard is several times slower."""
    if "TMPDIR" not in os.environ and os.access(IN_MEMORY, os.W_OK):
        room = os.statvfs(IN_MEMORY)
        if room.f_bavail * room.f_frsize >= IN_MEMORY_BYTES_MIN and not room.f_flag & os.ST_NOEXEC:
            return IN_MEMORY
    return tempfile.gettempdir() if len(tempfile.gettempdir()) <= BASE_LENGTH_MAX else "/tmp"


def _new_directory():
    path = Path(tempfile.mkdtemp(prefix="pgha-", dir=_base()))
    announce("directory", path)
    path.chmod(0o711)  # the unprivileged user passes through
    return path


@lru_cache(maxsize=None)
def directory():
    """The scratch directory of the session.  The first process makes it; those it starts inherit it by environment."""
    inherited = os.environ.get("PGHA_LIVE_DIR")
    if inherited and os.path.isdir(inherited):
        return Path(inherited)
    path = _new_directory()
    os.environ["PGHA_LIVE_DIR"] = str(path)
    return path


def make_directory(prefix="t"):
    """A new directory of its own in the scratch directory, owned by the unprivileged user."""
    path = Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir=directory()))
    path.chmod(0o755)
    give(path)
    return path


@contextlib.contextmanager
def lock(name):
    """Only one process of the session is in here at a time."""
    with open(directory() / f"{name}.lock", "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


# --- the unprivileged user -------------------------------------------------------------------------------------------

@lru_cache(maxsize=None)
def user():
    """The passwd entry that servers run under, or None when this process is unprivileged itself."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            pass
    raise HarnessError("neither a user postgres nor a user nobody exists")


def as_user(argv):
    """The command line that runs argv as the unprivileged user; execs all the way, so the pid is the program's own."""
    if user() is None:
        return list(argv)
    return ["setpriv", f"--reuid={user().pw_uid}", f"--regid={user().pw_gid}", "--clear-groups", "--", *argv]


def give(path):
    if user():
        os.chown(path, user().pw_uid, user().pw_gid, follow_symlinks=False)


def copy_tree(source, target, skip=lambda relative: False):
    """Copies a directory for the unprivileged user.  A file that vanishes meanwhile (a live server) is left out."""
    source, target = Path(source), Path(target)
    for here, directories, files in os.walk(source):
        relative = Path(here).relative_to(source)
        (target / relative).mkdir(mode=0o700)
        give(target / relative)
        directories[:] = [d for d in directories if not skip(str(relative / d))]
        for name in files:
            if skip(str(relative / name)):
                continue
            with contextlib.suppress(FileNotFoundError):
                _copy(os.path.join(here, name), os.path.join(target, relative, name))


def _copy(source, target):
    shutil.copyfile(source, target, follow_symlinks=False)
    shutil.copymode(source, target, follow_symlinks=False)
    give(target)


# --- processes -------------------------------------------------------------------------------------------------------

def spawn(argv, log, name=None, netns=None, unprivileged=True, env=None, cwd="/", **popen):
    """Starts a daemon in the foreground, out of reach of the terminal's Ctrl-C, with its output appended to `log`."""
    argv = as_user(argv) if unprivileged else list(argv)
    if netns:
        argv = ["ip", "netns", "exec", netns, *argv]  # execs, too
    with open(log, "ab") as output:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=cwd, env=env,
                                   start_new_session=True, **popen)
    announce("process", process.pid)
    logs[Path(log)] = name or Path(argv[0]).name
    return process


def ended(process):
    """Bookkeeping after a spawned process has been waited for.  Its log stays known: the failing test may need it."""
    forget("process", process.pid)


def terminate(process, timeout=10):
    """SIGTERM, then SIGKILL to the whole tree; returns when it is gone."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            kill(process)
    ended(process)


def kill(process):
    """SIGKILL to the process and its descendants; returns when all are gone."""
    if process.poll() is None:
        pids = reaper.kill_tree(process.pid)
        process.wait()
        if not reaper.wait_gone(pids, 60):
            raise HarnessError(f"of {pids} some are still there after SIGKILL")
        reaper.free_shared_memory(pids)
    ended(process)


LONGEST_PAUSE = 0.2


def wait_for(condition, what, timeout=30, interval=0.02, detail=lambda: "", longest_pause=LONGEST_PAUSE):
    """Polls until condition() is true and returns what it returned; `detail` adds to the message of a failure.

    A look that takes long (a session, a program) is taken less often: who waits leaves the processor to what it waits
    for.  Who measures how long it takes says longest_pause=0.
    """
    deadline = time.monotonic() + timeout
    while True:
        began = time.monotonic()
        value = condition()
        if value:
            return value
        now = time.monotonic()
        if now > deadline:
            raise HarnessError(f"waited {timeout} s for {what}\n{detail()}")
        time.sleep(max(interval, min(2 * (now - began), longest_pause)))


def tail(path, lines=40):
    try:
        return "\n".join(Path(path).read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return "(no log)"
