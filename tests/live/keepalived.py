"""A keepalived of the test's own on a host of netns.Network."""

import os
import shutil

import sandbox


def program():
    return shutil.which("keepalived", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def why_missing():
    """The reason for a skip, "" when it is there."""
    return "" if program() else "no program keepalived"


class Keepalived:
    """Runs in the foreground and logs to a file.  `configuration` is the text of keepalived.conf."""

    def __init__(self, host, configuration, name):
        self.host = host
        self.name = name
        self.directory = sandbox.make_directory("k")
        self.configuration = self.directory / "keepalived.conf"
        self.configuration.write_text(configuration, encoding="utf-8")
        self.log = self.directory / "log"
        self.process = None

    def _command(self, *options):
        # Without files of its own it would take another keepalived of this machine for itself.
        pids = [f"--{kind}={self.directory / kind}" for kind in ("pid", "vrrp_pid", "checkers_pid")]
        return [program(), "--use-file", str(self.configuration), *pids, *options]

    def test(self):
        """keepalived -t: (exit code, what it says)."""
        run = self.host.run(*self._command("--config-test"))
        return run.returncode, run.stdout + run.stderr

    def __enter__(self):
        command = self._command("--dont-fork", "--log-console", "--log-detail", "--vrrp")
        self.process = sandbox.spawn(command, self.log, name=f"keepalived on {self.name}", netns=self.host.netns,
                                     unprivileged=False)
        return self

    def __exit__(self, *_):
        sandbox.kill(self.process)  # its addresses go with the namespace, and a farewell takes it 2 s

    def log_text(self):
        return self.log.read_text(encoding="utf-8", errors="replace")
