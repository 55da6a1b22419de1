"""check_pg_backup: real backups by pgBackRest and Barman; good, old, failed, out of sight; tools that do not answer."""

import functools
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

import backups
import postgres
import programs
import sandbox
from backups import older_than_a_second, skip_without
from sandbox import wait_for

PROGRAM = "check_pg_backup"


def metric(result, name):
    return result.json()["metrics"][name]["value"]


# --- pgBackRest ------------------------------------------------------------------------------------------------------

@pytest.fixture
def build():
    """The tools are slow: what is read of them is tried with the sanitizers without them, in tests/unit and tests/fuzz."""
    return "plain"


PATIENT = ("-t", "2min")  # a check starts a tool, Barman three or four times, which may take seconds each time


@pytest.fixture
def check(build):
    return functools.partial(programs.check, build=build, timeout=150)


@pytest.fixture(scope="module")
def archived(any_installation):
    """(server, its pgBackRest) with a full and an incremental backup."""
    skip_without("pgbackrest", any_installation)
    with postgres.Cluster(any_installation) as cluster:
        tool = backups.PgBackRest()
        server = cluster.primary(settings=tool.settings)
        tool.attach(server)
        tool.backup("full")
        tool.backup("incr")
        yield server, tool


@pytest.fixture
def pgbackrest(archived):
    _, tool = archived
    return ("--tool", "pgbackrest", "--stanza", "demo", "--command", tool.command, *PATIENT)


def test_pgbackrest_good(pgbackrest, check):
    result = check(PROGRAM, *pgbackrest)
    assert result.state == "OK", result
    assert result.stdout.startswith("PG BACKUP OK - newest backup 20"), result
    assert 'I of stanza "demo" (incr) is ' in result.stdout, result
    result = check(PROGRAM, *pgbackrest, "-f", "json", "--max-full-age", "1h", "--min-count", "2")
    assert result.state == "OK", result
    assert metric(result, "backups") == 2
    assert 0 <= metric(result, "backup_age_seconds") <= metric(result, "full_backup_age_seconds") < 3600


def test_pgbackrest_the_only_stanza_need_not_be_named(archived, check):
    result = check(PROGRAM, "--tool", "pgbackrest", "--command", archived[1].command, *PATIENT)
    assert result.state == "OK" and 'stanza "demo"' in result.stdout, result


def test_pgbackrest_too_old(pgbackrest, check):
    result = older_than_a_second(check, *pgbackrest)
    assert 'PG BACKUP CRITICAL - age of the newest backup ' in result.stdout
    assert 'of stanza "demo" is ' in result.stdout and "(critical above 1 s)" in result.stdout
    full = check(PROGRAM, *pgbackrest, "--max-full-age", "1s")
    assert full.state == "CRITICAL" and "age of the newest full backup is " in full.stdout, full


def test_pgbackrest_too_few(pgbackrest, check):
    result = check(PROGRAM, *pgbackrest, "--min-count", "3")
    assert result.state == "CRITICAL" and "2 good backups, at least 3 must be kept" in result.stdout, result


def test_pgbackrest_wal_is_missing(archived, pgbackrest, check):
    archive = archived[1].repository / "archive" / "demo"
    (wal,) = [path for path in archive.iterdir() if path.is_dir()]
    wal.rename(archive / "elsewhere")
    try:
        result = check(PROGRAM, *pgbackrest)
        assert result.state == "CRITICAL", result
        assert "lacks WAL: it needs WAL from " in result.stdout and "none is archived" in result.stdout, result
    finally:
        (archive / "elsewhere").rename(wal)
    assert check(PROGRAM, *pgbackrest).state == "OK"


def test_pgbackrest_repository_cannot_be_read(archived, pgbackrest, check):
    where = archived[1].repository / "backup"
    mode = where.stat().st_mode
    where.chmod(0)
    try:
        result = check(PROGRAM, *pgbackrest)
        assert result.state == "UNKNOWN", result
        assert "pgBackRest cannot read its repository: [PathOpenError]" in result.stdout, result
        assert "Permission denied" in result.stdout, result
    finally:
        where.chmod(mode)
    assert check(PROGRAM, *pgbackrest).state == "OK"


def test_pgbackrest_repository_is_not_mounted(archived, pgbackrest, check):
    repository = archived[1].repository
    repository.rename(repository.with_suffix(".away"))
    try:
        repository.mkdir()
        result = check(PROGRAM, *pgbackrest)
        assert result.state == "CRITICAL", result
        assert 'pgbackrest says: missing stanza path, there is no good backup of stanza "demo"' in result.stdout
        repository.rmdir()
    finally:
        repository.with_suffix(".away").rename(repository)
    assert check(PROGRAM, *pgbackrest).state == "OK"


def test_pgbackrest_configuration_is_not_there(archived, pgbackrest, check):
    configuration = archived[1].configuration
    configuration.rename(configuration.with_suffix(".away"))
    try:
        result = check(PROGRAM, *pgbackrest)
        assert result.state == "UNKNOWN", result
        assert "failed with exit code 55: ERROR: [055]: unable to open missing file" in result.stdout, result
    finally:
        configuration.with_suffix(".away").rename(configuration)


def test_pgbackrest_backup_is_being_taken_and_then_killed(archived, pgbackrest, check):
    server, tool = archived
    tool.hold.touch()  # a backup waits at its beginning for a WAL file to be archived
    process = sandbox.spawn([*tool.own, "--stanza=demo", "--type=full", "--archive-timeout=60", "backup"],
                            tool.directory / "backup.log", "pgbackrest backup")
    try:
        answers = [None]

        def is_told():
            answers[0] = check(PROGRAM, *pgbackrest)
            return "a backup is being taken now" in answers[0].stdout

        wait_for(is_told, "the lock of the backup", 120, interval=0.1, detail=lambda: answers[0])
        assert answers[0].state == "OK", answers[0]
    finally:
        sandbox.kill(process)
        tool.hold.unlink()
    # It leaves no trace that `info` would tell of: that it is missing is told by the age.
    result = check(PROGRAM, *pgbackrest)
    assert result.state == "OK" and "being taken" not in result.stdout, result
    assert older_than_a_second(check, *pgbackrest).state == "CRITICAL"
    server.wait_until("SELECT true")


def age_of(check, args, repository):
    return metric(check(PROGRAM, *args, "--repo", repository, "-f", "json"), "backup_age_seconds")


def test_pgbackrest_second_repository_is_empty(any_installation, check):
    skip_without("pgbackrest", any_installation)
    with postgres.Cluster(any_installation) as cluster:
        tool = backups.PgBackRest()
        tool.attach(cluster.primary(settings=tool.settings), repositories=2)
        args = ("--tool", "pgbackrest", "--stanza", "demo", "--command", tool.command, *PATIENT)
        none = check(PROGRAM, *args)
        assert none.state == "CRITICAL" and 'there is no good backup of stanza "demo"' in none.stdout, none
        tool.backup()
        result = check(PROGRAM, *args)
        assert result.state == "CRITICAL", result
        assert "pgbackrest says: repo2: no valid backups" in result.stdout, result
        assert check(PROGRAM, *args, "--repo", "1").state == "OK"
        second = check(PROGRAM, *args, "--repo", "2")
        assert second.state == "CRITICAL" and 'there is no good backup of stanza "demo"' in second.stdout, second
        tool.backup(repository=2)
        for repository in ((), ("--repo", "1"), ("--repo", "2")):
            assert check(PROGRAM, *args, *repository).state == "OK"
        # The second falls behind: its newest is past the limit, the first one's is not.
        wait_for(lambda: age_of(check, args, 2) > 8, "the backup to be 8 s old", 60, interval=0.5)
        tool.backup()
        between = sum(age_of(check, args, number) for number in (1, 2)) / 2
        result = check(PROGRAM, *args, "-w", f"{between:.0f}s")
        assert result.state == "WARNING" and "newest backup in repo2 is " in result.stdout, result


def test_pgbackrest_finds_damaged_pages(any_installation, check):
    skip_without("pgbackrest", any_installation)
    with postgres.Cluster(any_installation) as cluster:
        tool = backups.PgBackRest()
        server = cluster.primary(settings=tool.settings)
        server.stop()
        backups.run([any_installation.bindir / "pg_checksums", "--enable", "--no-sync", "-D", server.data])
        server.start()
        tool.attach(server)
        tool.backup()
        server.sql("CREATE TABLE t AS SELECT pg_catalog.generate_series(1, 5000) AS i")
        path = server.data / server.value("SELECT pg_catalog.pg_relation_filepath('t')")
        server.sql("CHECKPOINT")
        with open(path, "r+b") as file:
            file.seek(9000)
            file.write(b"x" * 8)
        tool.backup("incr")
        result = check(PROGRAM, "--tool", "pgbackrest", "--command", tool.command, *PATIENT)
        assert result.state == "CRITICAL", result
        assert "has pages with wrong checksums: the database is damaged" in result.stdout, result
        assert "backups=1" in result.stdout, "the one before is good"


# --- what another program wrote --------------------------------------------------------------------------------------

def test_a_file_of_cron(archived, check, scratch):
    _, tool = archived
    file = scratch / "backups.json"
    file.write_text(tool.info(), encoding="utf-8")
    result = check(PROGRAM, "--file", file)
    assert result.state == "OK" and 'stanza "demo" (incr)' in result.stdout, result
    assert "told by a file that is " in result.stdout, result
    two_days_ago = time.time() - 2 * 86400
    os.utime(file, (two_days_ago, two_days_ago))
    assert "told by a file that is 2 d old" in check(PROGRAM, "--file", file).stdout
    assert older_than_a_second(check, "--file", file).state == "CRITICAL"


@pytest.mark.parametrize("text, said", [("", "it is empty"), ("no JSON", "not JSON: line 1"), ("[" * 5000, "not JSON"),
                                        ("[1]", "stanza 1 is not an object"), ("{}", "it has no server")])
def test_a_file_of_another_shape(check, scratch, text, said):
    file = scratch / "backups.json"
    file.write_text(text, encoding="utf-8")
    result = check(PROGRAM, "--file", file)
    assert result.state == "UNKNOWN" and said in result.stdout, result


def test_what_was_seen_is_recorded_and_replayed(pgbackrest, check, scratch):
    recording = scratch / "seen.json"
    seen = check(PROGRAM, *pgbackrest, "--record", recording)
    assert seen.state == "OK", seen
    part = json.loads(recording.read_text(encoding="utf-8"))["snapshots"][0]["parts"]["backup"]
    assert part["name"] == "demo" and part["count"] == 2
    again = check(PROGRAM, "--replay", recording)
    assert again.stdout == seen.stdout
    strict = check(PROGRAM, "--replay", recording, "-c", "1ms")
    assert strict.state == "CRITICAL", strict


# --- Barman ----------------------------------------------------------------------------------------------------------

BARMANS = {"wal_sender_timeout": "1h"}  # its receiver may be frozen for minutes, where each start of Barman takes long


@pytest.fixture(scope="module")
def barman(any_installation):
    """Barman with one good backup."""
    skip_without("barman", any_installation)
    with postgres.Cluster(any_installation) as cluster:
        tool = backups.Barman(cluster.primary(settings=BARMANS))
        try:
            tool.archive()
            tool.backup()
            tool.settle()
            yield tool
        finally:
            tool.release()


def of_barman(tool):
    return ("--tool", "barman", "--server", "main", "--command", tool.command, *PATIENT)


def test_barman_good(barman, check):
    result = check(PROGRAM, *of_barman(barman))
    assert result.state == "OK", result
    assert result.stdout.startswith("PG BACKUP OK - newest backup 20"), result
    assert 'of server "main" (full) is ' in result.stdout, result
    assert older_than_a_second(check, *of_barman(barman)).state == "CRITICAL"


def test_barman_check(barman, check):
    result = check(PROGRAM, *of_barman(barman), "--barman-check")
    assert result.state == "OK", result
    barman.release()
    try:
        result = check(PROGRAM, *of_barman(barman), "--barman-check")
        assert result.state == "CRITICAL", result
        assert "barman says: receive_wal_running failed (" in result.stdout, result
        assert check(PROGRAM, *of_barman(barman)).state == "OK", "its backups are as good as before"
    finally:
        barman.receive()


def test_barman_server_that_it_does_not_know(barman, check):
    result = check(PROGRAM, "--tool", "barman", "--server", "nope", "--command", barman.command, *PATIENT)
    assert result.state == "UNKNOWN" and "Barman says: Unknown server 'nope'" in result.stdout, result


def test_barman_wal_is_missing(barman, check):
    catalog = barman.home / "main" / "wals" / "xlog.db"
    catalog.rename(catalog.with_suffix(".away"))
    try:
        result = check(PROGRAM, *of_barman(barman))
        assert result.state == "CRITICAL" and "lacks WAL: it needs WAL from " in result.stdout, result
    finally:
        catalog.with_suffix(".away").rename(catalog)
    assert check(PROGRAM, *of_barman(barman)).state == "OK"


def test_barman_waits_fails_and_is_good_again(any_installation, check):
    skip_without("barman", any_installation)
    with postgres.Cluster(any_installation) as cluster:
        tool = backups.Barman(cluster.primary(settings=BARMANS))
        try:
            result = check(PROGRAM, *of_barman(tool))
            assert result.state == "CRITICAL" and 'there is no good backup of server "main"' in result.stdout, result
            tool.archive()
            tool.backup()
            tool.settle()
            assert check(PROGRAM, *of_barman(tool)).state == "OK"
            tool.broken.touch()
            time.sleep(1)  # ids of backups have seconds
            tool.backup(must=False)
            result = check(PROGRAM, *of_barman(tool))
            assert result.state == "WARNING", result
            assert "is no good: failure copying files" in result.stdout, result
            assert older_than_a_second(check, *of_barman(tool)).state == "CRITICAL"
            tool.broken.unlink()
            time.sleep(1)
            with tool.frozen():
                tool.backup()
                waiting = check(PROGRAM, *of_barman(tool), "-v")
                assert "(WAITING_FOR_WALS) is not finished yet" in waiting.stdout, waiting
                assert waiting.state == "WARNING", "the one before failed, and nothing newer is good yet"
            tool.settle()
            result = check(PROGRAM, *of_barman(tool), "--min-count", "2")
            assert result.state == "OK" and "no good" not in result.stdout, result
        finally:
            tool.release()


# --- tools that do not answer ----------------------------------------------------------------------------------------

def test_no_such_tool(check):
    result = check(PROGRAM, "--tool", "barman", "--server", "main", env={"PATH": "/nowhere"})
    assert result.state == "UNKNOWN" and 'there is no program "barman"' in result.stdout, result
    assert "PATH is /nowhere" in result.stdout, result


def test_a_tool_that_hangs(check, scratch):
    pid_file = scratch / "pid"
    command = backups.script(scratch / "tool", f"sleep 100 & echo $! >{pid_file}; wait\n")
    result = check(PROGRAM, "--tool", "pgbackrest", "--command", command, "-t", "3s")
    assert result.state == "CRITICAL" and "has not ended in time" in result.stdout, result
    assert 2.8 < result.lasted and result.elapsed < 3.5, result
    _wait_gone(pid_file)
    told = check(PROGRAM, "--tool", "pgbackrest", "--command", command, "-t", "1s", "--on-timeout", "unknown")
    assert told.state == "UNKNOWN", told


def test_a_tool_goes_with_the_check(build, scratch):
    """Whoever started the check may kill it at any time."""
    pid_file = scratch / "pid"
    command = backups.script(scratch / "tool",
                             f"echo $$ >{pid_file}.new; mv {pid_file}.new {pid_file}; exec sleep 100\n")
    argv = [programs.path(PROGRAM, build), "--tool", "pgbackrest", "--command", command, "-t", "60s"]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, env=programs.environment(build))
    try:
        wait_for(pid_file.exists, "the tool to start")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    _wait_gone(pid_file)


def _wait_gone(pid_file):
    pid = int(pid_file.read_text())

    def is_gone():
        try:
            return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
        except FileNotFoundError:
            return True

    wait_for(is_gone, f"process {pid} to end")


@pytest.mark.parametrize("line, said", [
    ("cat /dev/zero", "writes more than 4096 kB"),
    ("echo broken; exit 0", "not JSON: line 1"),
    ("echo 'sudo: a password is required' >&2; exit 1", "failed with exit code 1: sudo: a password is required"),
    ("kill -SEGV $$", "died of signal 11"),
])
def test_a_tool_that_errs(check, scratch, line, said):
    command = backups.script(scratch / "tool", line + "\n")
    result = check(PROGRAM, "--tool", "pgbackrest", "--command", command, *PATIENT)
    assert result.state == "UNKNOWN" and said in result.stdout, result


def test_a_long_answer_is_read(check, scratch):
    """Within the memory that a check may have."""
    backup = {"label": "x" * 30, "type": "full", "timestamp": {"start": 1, "stop": int(time.time())},
              "archive": {"start": None, "stop": None}, "database": {"id": 1, "repo-key": 1}, "error": False,
              "backrest": {"format": 5, "version": "2.45"}, "info": {"delta": 1, "repository": {"delta": 1}, "size": 1},
              "lsn": {"start": "0/0", "stop": "0/0"}, "prior": None, "reference": None}
    stanza = {"name": "demo", "status": {"code": 0, "message": "ok"}, "backup": [backup] * 7500}
    text = json.dumps([stanza], separators=(",", ":"))
    assert 2_500_000 < len(text) < 4 * 1024 * 1024
    (scratch / "long.json").write_text(text, encoding="utf-8")
    result = check(PROGRAM, "--file", scratch / "long.json")
    assert result.state == "OK" and "backups=7500" in result.stdout, result
