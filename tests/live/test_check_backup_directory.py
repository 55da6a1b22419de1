"""check_pg_backup: base backups in a directory, by pg_basebackup and, on every major, over the replication protocol."""

import os
import re
import shutil
import subprocess
import time

import pytest

import backups
import basebackup
import postgres
import programs
import sandbox
from backups import older_than_a_second, skip_without
from sandbox import wait_for

PROGRAM = "check_pg_backup"


def take(server, target, *options):
    backups.run([server.installation.bindir / "pg_basebackup", "-h", server.socket_dir, "-p", server.port, "-U",
                 "postgres", "-c", "fast", "--no-sync", "-D", target, *options])
    return target


def quieten(directory, seconds):
    """Nothing in it has changed for so long."""
    instant = time.time() - seconds
    for path in (directory, *directory.rglob("*")):
        os.utime(path, (instant, instant), follow_symlinks=False)


@pytest.fixture(scope="module")
def server(any_installation):
    skip_without("true", any_installation)
    with postgres.Cluster(any_installation) as cluster:
        yield cluster.primary()


@pytest.mark.parametrize("options", [(), ("-Ft",), ("-Ft", "-z"), ("-Ft", "-X", "fetch"), ("-X", "fetch")],
                         ids=lambda options: " ".join(options) or "plain")
def test_basebackup_good(server, check, scratch, options):
    take(server, scratch / "monday", *options)
    result = check(PROGRAM, "--directory", scratch)
    assert result.state == "OK", result
    assert result.stdout.startswith(f"PG BACKUP OK - newest backup monday in {scratch} (full) is "), result
    assert check(PROGRAM, "--directory", scratch / "monday").state == "OK"
    assert older_than_a_second(check, "--directory", scratch).state == "CRITICAL"


@pytest.mark.parametrize("options", [("-X", "none"), ("-Ft", "-X", "none")], ids=" ".join)
def test_basebackup_without_wal(server, check, scratch, options):
    take(server, scratch / "monday", *options)
    result = check(PROGRAM, "--directory", scratch)
    assert result.state == "CRITICAL" and "lacks WAL: it has no WAL of its own" in result.stdout, result
    assert check(PROGRAM, "--directory", scratch, "--has-archive").state == "OK"


@pytest.mark.parametrize("options", [(), ("-Ft",)], ids=["plain", "tar"])
def test_basebackup_with_wal_that_was_lost(server, check, scratch, options):
    backup = take(server, scratch / "monday", *options)
    if options:
        (backup / "pg_wal.tar").unlink()
    else:
        for path in (backup / "pg_wal").glob("0*"):
            path.rename(path.with_name("000000010000000000000001"))
    result = check(PROGRAM, "--directory", scratch)
    assert result.state == "CRITICAL" and "backup monday lacks WAL: " in result.stdout, result


def test_basebackup_being_taken_then_killed(server, check, scratch):
    take(server, scratch / "monday")
    tuesday = scratch / "tuesday"
    process = sandbox.spawn([server.installation.bindir / "pg_basebackup", "-h", server.socket_dir, "-p",
                             str(server.port), "-U", "postgres", "-c", "fast", "--max-rate=1M", "-D", str(tuesday)],
                            scratch / "log", "pg_basebackup")
    try:
        wait_for((tuesday / "base").exists, "the backup to begin")
        result = check(PROGRAM, "--directory", scratch)
        assert result.state == "OK", result
        assert "newest backup monday" in result.stdout and "backup tuesday is not finished yet" in result.stdout, result
    finally:
        sandbox.kill(process)  # no time to clean up
    quieten(tuesday, 86400)
    assert check(PROGRAM, "--directory", scratch).state == "OK", "it is older than the good one"
    shutil.rmtree(scratch / "monday")
    result = check(PROGRAM, "--directory", scratch)
    assert result.state == "CRITICAL", result
    assert "backup tuesday is no good: it has no backup_manifest: cut off" in result.stdout, result


def test_basebackup_copied_in_part(server, check, scratch):
    take(server, scratch / "monday")
    take(server, scratch / "tuesday", "-Ft")
    assert "newest backup tuesday" in check(PROGRAM, "--directory", scratch).stdout
    manifest = scratch / "tuesday" / "backup_manifest"
    os.truncate(manifest, manifest.stat().st_size // 2)
    assert "newest backup monday" in check(PROGRAM, "--directory", scratch).stdout
    assert "backup tuesday is not finished yet" in check(PROGRAM, "--directory", scratch).stdout
    quieten(scratch / "tuesday", 15 * 60)
    # It counts as long as the good one is older.
    manifest = scratch / "monday" / "backup_manifest"
    manifest.write_text(re.sub(r'": "20\d\d-', '": "2020-', manifest.read_text(encoding="utf-8")), encoding="utf-8")
    result = check(PROGRAM, "--directory", scratch, "-w", "10000d", "-c", "20000d")
    assert result.state == "WARNING", result
    assert "backup tuesday is no good: backup_manifest is cut off" in result.stdout, result


def test_basebackup_of_every_major(installation, check, scratch):
    with postgres.Cluster(installation) as cluster:
        settings = {"summarize_wal": "on"} if installation.major >= 17 else {}
        primary = cluster.primary(settings=settings)
        basebackup.take(primary, scratch / "monday")
        result = check(PROGRAM, "--directory", scratch, "--max-full-age", "1h")
        assert result.state == "OK" and "newest backup monday" in result.stdout and "(full)" in result.stdout, result
        if installation.major >= 17:
            primary.sql("CREATE TABLE t AS SELECT 1 AS i")
            basebackup.take(primary, scratch / "tuesday", incremental_from=scratch / "monday")
            result = check(PROGRAM, "--directory", scratch, "--max-full-age", "1h", "--min-count", "2")
            assert result.state == "OK" and "newest backup tuesday" in result.stdout, result
            assert "(incr)" in result.stdout, result
            shutil.rmtree(scratch / "monday")
            result = check(PROGRAM, "--directory", scratch)
            assert result.state == "CRITICAL" and "there is no good backup" in result.stdout, result
            assert "backup tuesday is no good: it is incremental, and the backup that it builds on" in result.stdout
            basebackup.take(primary, scratch / "wednesday")
            result = check(PROGRAM, "--directory", scratch)
            assert result.state == "OK" and "newest backup wednesday" in result.stdout, "the full one is newer"
        none = cluster.directory / "none"
        basebackup.take(primary, none, wal=False)
        assert "no WAL of its own" in check(PROGRAM, "--directory", none).stdout


def test_a_directory_that_may_not_be_read(scratch):
    if not sandbox.user():
        pytest.skip("needs root, to make what another may not read")
    closed = scratch / "closed"
    closed.mkdir(mode=0o700)
    program = scratch / PROGRAM
    shutil.copyfile(programs.path(PROGRAM), program)
    program.chmod(0o755)
    ended = subprocess.run(sandbox.as_user([str(program), "--directory", str(closed)]), cwd="/", capture_output=True,
                           text=True, timeout=20)
    assert ended.returncode == 3 and f'cannot read "{closed}": Permission denied' in ended.stdout, ended
    ended = subprocess.run(sandbox.as_user([str(program), "--directory", str(scratch)]), cwd="/", capture_output=True,
                           text=True, timeout=20)
    assert ended.returncode == 3 and 'cannot read "closed": Permission denied' in ended.stdout, ended
