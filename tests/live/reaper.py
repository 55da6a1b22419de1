"""Cleans up behind a process that may die without a chance to do it itself.

Started by sandbox.py with a pipe as standard input.  Each line announces something to remove ("announce process PID",
"... netns NAME", "... directory PATH", "... lock FILE") or takes that back ("forget ...").  The pipe ends when the
owner ends, however it ends (return, exception, Ctrl-C, SIGTERM, SIGKILL): what is still announced then is removed,
processes first.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time


def stat_fields(pid):
    """The fields of /proc/PID/stat from the third on (state, parent, ...), or None when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def start_time(pid):
    """Together with the pid it names one process for good: pids are used again."""
    fields = stat_fields(pid)
    return fields[19] if fields else None


def is_alive(pid):
    """A zombie counts as gone: it holds no file, no port and no memory."""
    fields = stat_fields(pid)
    return bool(fields) and fields[0] not in "ZX"


def tree(root):
    """The process and all its descendants, parents first."""
    children = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        fields = stat_fields(name)
        if fields:
            children.setdefault(int(fields[1]), []).append(int(name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def family(root):
    """As tree(), by the kernel's own lists: at a hundredth of the cost, to ask often.  In the moment in which a child
    ends its next sibling may be missed."""
    if not os.path.exists("/proc/thread-self/children"):  # a matter of the kernel's configuration
        return tree(root)
    found = [root]
    for pid in found:
        try:
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                found.extend(map(int, file.read().split()))
        except (FileNotFoundError, ProcessLookupError):
            pass  # it is gone
    return found


def signal_each(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def kill_tree(root):
    """SIGKILL to a process and its descendants; the root is stopped first so that it cannot fork meanwhile."""
    signal_each([root], signal.SIGSTOP)
    pids = tree(root)
    files = memory_files(pids)
    signal_each(pids, signal.SIGKILL)
    remove_files(files)
    return pids


def memory_files(pids):
    """The files by which PostgreSQL shares memory where it is not told to use its data directory: SIGKILL leaves them."""
    found = set()
    for pid in pids:
        try:
            with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps:
                found.update(line.split()[-1] for line in maps if " /dev/shm/PostgreSQL." in line)
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def remove_files(paths):
    for path in paths:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass  # the server itself has removed it, or (" (deleted)") did before


def wait_gone(pids, seconds):
    """Whether all are gone within that time."""
    deadline = time.monotonic() + seconds
    while any(map(is_alive, pids)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def free_shared_memory(pids):
    """After SIGKILL the segment by which PostgreSQL locks its data directory is left: 56 bytes of nobody."""
    with open("/proc/sysvipc/shm", encoding="ascii") as file:
        for _, identifier, _, _, creator, _, attached, *_ in map(str.split, file.readlines()[1:]):
            if int(creator) in pids and attached == "0":
                subprocess.run(["ipcrm", "-m", identifier], check=False, stderr=subprocess.DEVNULL)


def end_tree(root):
    """As kill_tree, but gently first: PostgreSQL frees its memory files at SIGQUIT, and everybody else ends of it."""
    pids = {pid: start_time(pid) for pid in tree(root)}
    files = memory_files(pids)
    signal_each([root], signal.SIGQUIT)
    signal_each(pids, signal.SIGCONT)
    if not wait_gone(pids, 1):
        signal_each([pid for pid, started in pids.items() if start_time(pid) == started], signal.SIGKILL)
        wait_gone(pids, 1)
    remove_files(files)
    free_shared_memory(pids)


def remove_directory(path):
    # Another process of the same session (a test worker) may be writing there until its own reaper is done.
    for _ in range(100):
        shutil.rmtree(path, ignore_errors=True)
        if not os.path.lexists(path):
            return
        time.sleep(0.1)


def remove_lock(path):
    """A port's lock file, unless somebody else has taken it over meanwhile."""
    try:
        with open(path, encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)
        os.rmdir(os.path.dirname(path))
    except OSError:
        pass


def main():
    os.setsid()  # Ctrl-C at the terminal is for the owner
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.chdir("/")
    announced = {}
    print("ready", flush=True)
    for line in sys.stdin:
        verb, _, subject = line.rstrip("\n").partition(" ")
        if verb == "forget":
            announced.pop(subject, None)
        else:
            kind, _, name = subject.partition(" ")
            announced[subject] = (kind, name, start_time(name) if kind == "process" else None)
    for kind, name, started in reversed(list(announced.values())):
        if kind == "process" and started and start_time(name) == started:
            end_tree(int(name))
    for kind, name, _ in announced.values():
        if kind == "netns":
            subprocess.run(["ip", "netns", "delete", name], check=False, stderr=subprocess.DEVNULL)
    for kind, name, _ in announced.values():
        if kind == "directory":
            remove_directory(name)
        elif kind == "lock":
            remove_lock(name)


if __name__ == "__main__":
    main()
