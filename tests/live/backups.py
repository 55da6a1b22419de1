"""Real backup tools on real servers: pgBackRest and Barman, each with all it needs in one directory.

They run as the unprivileged user, as the servers do.  The check is given a wrapper that becomes that user, as sites do
with sudo.
"""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

import reaper
import sandbox
from sandbox import HarnessError, wait_for


def why_missing(program):
    """The reason for a skip, "" when it is there."""
    return "" if shutil.which(program) else f"no {program} here"


def skip_without(program, installation):
    """Skips a test that needs that program and a pg_basebackup."""
    reason = why_missing(program)
    if not reason and not (installation.bindir / "pg_basebackup").exists():
        reason = f"no pg_basebackup in {installation.bindir}"
    if reason:
        pytest.skip(reason)


def older_than_a_second(check, *args):
    """The answer once the newest backup is more than a second old, with a limit of that."""
    answers = []

    def ask():
        answers.append(check("check_pg_backup", *args, "-w", "500ms", "-c", "1s"))
        return answers[-1].state == "CRITICAL"

    wait_for(ask, "the backup to be older than a second", 120, interval=0.2, detail=lambda: answers[-1])
    return answers[-1]


def run(argv, timeout=300, must=True):
    """Runs a program as the unprivileged user; returns what it wrote."""
    ended = subprocess.run(sandbox.as_user([str(a) for a in argv]), cwd="/", capture_output=True, text=True,
                           timeout=timeout, check=False)
    if must and ended.returncode:
        raise HarnessError(f"{argv}: exit code {ended.returncode}\n{ended.stdout}{ended.stderr}")
    return ended.stdout


def script(path, lines):
    """A program, for --command."""
    path.write_text("#!/bin/sh\n" + lines, encoding="utf-8")
    path.chmod(0o755)
    return path


class PgBackRest:
    """The stanza "demo" of one server; archiving waits while a file "hold" is there."""

    def __init__(self):
        self.directory = Path(sandbox.make_directory("pgbackrest"))
        self.configuration = self.directory / "pgbackrest.conf"
        self.repository = self.directory / "repository"
        self.hold = self.directory / "hold"
        self.own = ["pgbackrest", f"--config={self.configuration}"]
        self.command = script(self.directory / "wrapper", f'exec {shlex.join(sandbox.as_user(self.own))} "$@"\n')
        push = shlex.join([*self.own, "--stanza=demo", "archive-push"])
        self.settings = {"archive_mode": "on",
                         "archive_command": f"while test -e {self.hold}; do sleep 0.05; done; {push} %p"}

    def attach(self, server, repositories=1):
        for name in ("repository", "repository2", "log", "lock", "spool"):
            (self.directory / name).mkdir()
            sandbox.give(self.directory / name)
        second = f"repo2-path={self.directory}/repository2\nrepo2-retention-full=9\n" if repositories > 1 else ""
        self.configuration.write_text(
            f"[global]\nrepo1-path={self.repository}\nrepo1-retention-full=9\n{second}log-path={self.directory}/log\n"
            f"lock-path={self.directory}/lock\nspool-path={self.directory}/spool\nstart-fast=y\n"
            f"log-level-console=warn\n[demo]\npg1-path={server.data}\npg1-port={server.port}\n"
            f"pg1-socket-path={server.socket_dir}\npg1-user=postgres\n", encoding="utf-8")
        run([*self.own, "--stanza=demo", "stanza-create"])

    def backup(self, kind="full", repository=1):
        run([*self.own, "--stanza=demo", f"--type={kind}", f"--repo={repository}", "backup"])

    def info(self):
        return run([*self.own, "--stanza=demo", "info", "--output=json"])


class Barman:
    """The server "main", whose WAL is streamed.  Its pg_basebackup fails while a file "broken" is there."""

    def __init__(self, server):
        self.directory = Path(sandbox.make_directory("barman"))
        self.home = self.directory / "home"
        self.home.mkdir()
        sandbox.give(self.home)
        self.broken = self.directory / "broken"
        self.receiver = None
        self._wrap_programs(server.installation.bindir)
        configuration = self.directory / "barman.conf"
        place = f"host={server.socket_dir} port={server.port} user=postgres"
        user = sandbox.user().pw_name if sandbox.user() else os.environ["USER"]
        configuration.write_text(
            f"[barman]\nbarman_home = {self.home}\nbarman_lock_directory = {self.home}\nbarman_user = {user}\n"
            f"log_file = {self.home}/log\n[main]\ndescription = main\nconninfo = {place} dbname=postgres\n"
            f"streaming_conninfo = {place}\nbackup_method = postgres\nstreaming_archiver = on\nslot_name = barman\n"
            f"path_prefix = {self.directory}/bin\n", encoding="utf-8")
        self.own = ["barman", "-c", str(configuration)]
        self.command = script(self.directory / "wrapper", f'exec {shlex.join(sandbox.as_user(self.own))} "$@"\n')
        self.server = server
        run([*self.own, "receive-wal", "--create-slot", "main"])
        self.receive()

    def _wrap_programs(self, bindir):
        programs = self.directory / "bin"
        programs.mkdir()
        for name in os.listdir(bindir):
            (programs / name).symlink_to(bindir / name)
        (programs / "pg_basebackup").unlink()
        # Barman asks it for its version first.
        script(programs / "pg_basebackup",
               f'case "$*" in *ersion*|*-V*) ;; *) test ! -e {self.broken} || '
               '{ echo "could not write: No space left on device" >&2; exit 1; };; esac\n'
               f'exec {bindir}/pg_basebackup "$@"\n')

    def receive(self):
        """Starts the receiver of WAL."""
        self.receiver = sandbox.spawn([*self.own, "receive-wal", "main"], self.directory / "receive.log", "receive-wal")
        self.server.wait_until("SELECT active FROM pg_catalog.pg_replication_slots WHERE slot_name = 'barman'")

    def release(self):
        if self.receiver:
            sandbox.kill(self.receiver)
            self.receiver = None

    @contextlib.contextmanager
    def frozen(self):
        """No WAL comes in, and Barman sees a receiver that runs."""
        pids = reaper.tree(self.receiver.pid)
        reaper.signal_each(pids, signal.SIGSTOP)
        try:
            yield
        finally:
            reaper.signal_each(pids, signal.SIGCONT)

    def archive(self):
        """Finishes two WAL files and takes the first into the archive: Barman leaves the newest to its receiver."""
        for _ in range(2):
            name = self.server.value("SELECT pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn())")
            self.server.sql("SELECT pg_catalog.pg_logical_emit_message(true, 'test', 'x')")
            self.server.sql("SELECT pg_catalog.pg_switch_wal()")
            wait_for((self.home / "main" / "streaming" / name).exists, f"{name} to be received", 120)
        run([*self.own, "archive-wal", "main"])

    def backup(self, must=True):
        run([*self.own, "backup", "main"], must=must)

    def settle(self):
        """What cron does of every minute: the WAL of the newest backup, then the backup itself."""
        self.archive()
        run([*self.own, "check-backup", "main", "latest"])
