"""Machines of a test's own: each with its address, its /etc, /run, /usr/local, /var/lib and /var/log, and files of
configs/ in the places that they are meant for, so that programs are started as an administrator starts them.

Pure Python, no pytest.  A machine is a network namespace of netns.Network; its directories are bound over the real
ones in a mount namespace, which nobody else sees.  Both last as long as a program that sleeps there.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import netns
import programs
import sandbox
import shipped

OWN = ("/etc", "/run", "/usr/local", "/var/lib", "/var/log")
# Of the real /etc, what programs cannot do without.
ETC_KEPT = ("alternatives", "group", "hosts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "nsswitch.conf",
            "passwd", "perl", "postgresql-common", "protocols", "services", "ssl")
# As root, in the mount namespace that "ip netns exec" has made; then what keeps it, and no shell any more.
BIND = 'for place in ' + " ".join(OWN) + '; do mount --bind "$1$place" "$place"; done; exec sleep infinity'


def why_missing():
    """The reason for a skip, "" when machines can be made here."""
    return netns.why_missing()


class Machine:
    def __init__(self, name, host):
        self.name = name
        self.host = host
        self.address = host.address
        self.root = sandbox.make_directory(name)
        self.processes = {}
        for place in OWN:
            (self.root / place[1:]).mkdir(parents=True)
        for kept in ETC_KEPT:
            source, target = f"/etc/{kept}", self.root / "etc" / kept
            if os.path.isdir(source):
                shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("private"))
            elif os.path.lexists(source):
                shutil.copy(source, target, follow_symlinks=False)
        self.directory("/usr/local/bin")
        self.directory("/run/postgresql")
        self._sleeper = sandbox.spawn(["sh", "-ec", BIND, "sh", str(self.root)], self.root / "sleep.log",
                                      name=f"mounts of {name}", netns=host.netns, unprivileged=False)
        sandbox.wait_for(lambda: Path(f"/proc/{self._sleeper.pid}/comm").read_text(encoding="ascii") == "sleep\n",
                         f"the mounts of {name}", 60, detail=lambda: sandbox.tail(self.root / "sleep.log"))

    def __repr__(self):
        return f"<{self.name} at {self.address}>"

    # --- files -------------------------------------------------------------------------------------------------------

    def directory(self, path):
        """A directory of the unprivileged user's, with those above it, unless it is there."""
        here = self.root
        for part in path.strip("/").split("/"):
            here = here / part
            if not here.exists():
                here.mkdir()
                here.chmod(0o755)
                sandbox.give(here)
        return here

    def write(self, path, text, mode=0o644, is_roots=False):
        """A file, the unprivileged user's unless root's."""
        self.directory(os.path.dirname(path))
        file = self.root / path[1:]
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)
        if not is_roots:
            sandbox.give(file)
        return file

    def install(self, path, config, replacements=None, mode=0o644, is_roots=False):
        """A file of configs/, with the name and the address in lines marked "this host" made those of this machine."""
        text = shipped.adapted(config, replacements or {})
        lines = [self._mine(line) if "# this host" in line else line for line in text.split("\n")]
        return self.write(path, "\n".join(lines), mode, is_roots)

    def _mine(self, line):
        return re.sub(r"\bn[123]\b", self.name, re.sub(r"10\.0\.0\.1[123]\b", self.address, line))

    def install_programs(self, *names):
        for name in names:
            target = self.directory("/usr/local/bin") / name
            shutil.copyfile(programs.path(name), target)
            target.chmod(0o755)

    def read(self, path):
        return sandbox.tail(self.root / path[1:], 400)

    # --- programs ----------------------------------------------------------------------------------------------------

    def _command(self, argv, is_root):
        argv = list(map(str, argv))
        enter = ["nsenter", "-t", str(self._sleeper.pid), "-m", "-n", "--"]
        return [*enter, *(argv if is_root else sandbox.as_user(argv))]

    def run(self, *argv, is_root=False, timeout=90, env=None, **options):
        """A program to its end: subprocess.CompletedProcess with text."""
        options.setdefault("cwd", "/")  # the user may not be let into where the tests are
        return subprocess.run(self._command(argv, is_root), capture_output=True, text=True, check=False,
                              timeout=timeout, env=_environment(env), **options)

    def start(self, name, *argv, is_root=False, env=None):
        """A daemon in the foreground; its log is where log() finds it."""
        log = self.root / f"{name}.log"
        self.processes[name] = sandbox.spawn(self._command(argv, is_root), log, name=f"{name} on {self.name}",
                                             unprivileged=False, env=_environment(env))
        return self.processes[name]

    def log(self, name, lines=60):
        return f"--- {name} on {self.name}\n{sandbox.tail(self.root / f'{name}.log', lines)}"

    def is_running(self, name):
        return name in self.processes and self.processes[name].poll() is None

    def kill(self, *names):
        """SIGKILL to these and their descendants, or to all."""
        for name in names or tuple(self.processes):
            process = self.processes.pop(name, None)
            if process is not None:
                sandbox.kill(process)

    def release(self):
        self.kill()
        sandbox.kill(self._sleeper)


class Machines(netns.Network):
    """n1, n2, ... at 10.0.0.11, 10.0.0.12, ..., as the samples have them."""

    PREFIX = "10.0.0."  # in namespaces that lead nowhere else

    def __init__(self, count=3):
        names = [f"n{number}" for number in range(1, count + 1)]
        super().__init__(*names)
        self.machines = {name: Machine(name, self.hosts[name]) for name in names}

    def _add_host(self, name, number):
        return super()._add_host(name, number + 10)

    def __getitem__(self, name):
        return self.machines[name]

    def __iter__(self):
        return iter(self.machines.values())

    def release(self):
        for machine in getattr(self, "machines", {}).values():
            machine.release()
        super().release()


def _environment(more):
    return {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8", "HOME": "/var/lib/postgresql",
            **(more or {})}
