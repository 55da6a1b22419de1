"""TCP ports that no other test of this machine uses.

A port belongs to the process that holds the flock() on its file.  The range lies below the ephemeral ports (32768 to
60999), so that no outgoing connection takes one by chance.
"""

import atexit
import errno
import fcntl
import os
import random
import socket
import tempfile

import sandbox

RANGE = range(20000, 30000)
_held = {}  # port -> file descriptor


def _lock_directory():
    path = os.path.join(tempfile.gettempdir(), "pgha-ports")
    try:
        os.mkdir(path)
        os.chmod(path, 0o1777)  # any user's tests share it
    except FileExistsError:
        pass
    return path


def _path(port):
    return os.path.join(_lock_directory(), str(port))


def _lock(port):
    """Takes the port's file; returns a descriptor, or None when somebody else has it."""
    path = _path(port)
    try:
        fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
    except (FileNotFoundError, PermissionError):
        return None  # the directory was removed under us, or the file is another user's
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(fd).st_ino == os.stat(path).st_ino:  # else its holder removed it before we got the lock
            return fd
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(fd)
    return None


def _is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def reserve():
    """A port of this process's own until release() or the end of the process."""
    for port in random.sample(RANGE, len(RANGE)):
        if port in _held:
            continue
        fd = _lock(port)
        if fd is None:
            continue
        sandbox.announce("lock", _path(port))
        if not _held:
            atexit.register(release_all)  # after the first announcement, hence run before the reaper is let go
        _held[port] = fd
        if _is_free(port):
            return port
        release(port)
    raise RuntimeError(f"no free port in {RANGE.start}..{RANGE.stop - 1}")


def release(port):
    fd = _held.pop(port, None)
    if fd is None:
        return
    os.unlink(_path(port))
    os.close(fd)
    sandbox.forget("lock", _path(port))
    try:
        os.rmdir(_lock_directory())
    except OSError:
        pass  # others are in use


def release_all():
    for port in list(_held):
        release(port)
