"""check_pg_archive: an archiver that works, fails, hangs or is not there, on real servers."""

import contextlib
from pathlib import Path

import pytest

import postgres
import sandbox
from programs import at
from sandbox import wait_for

PROGRAM = "check_pg_archive"


class Archive:
    """A directory that WAL is copied to, by a command that waits while a file "hold" is there."""

    def __init__(self):
        self.directory = Path(sandbox.make_directory("archive"))
        hold = self.directory / "hold"
        self.command = f"while test -e {hold}; do sleep 0.05; done; cp %p {self.directory}/%f"

    @contextlib.contextmanager
    def held(self):
        """The command does not end."""
        (self.directory / "hold").touch()
        try:
            yield
        finally:
            (self.directory / "hold").unlink()

    def has(self, segment):
        return (self.directory / segment).exists()


@pytest.fixture(scope="module")
def archived(installation):
    """(server, its archive), shared by tests that leave it archiving."""
    with postgres.Cluster(installation) as cluster:
        archive = Archive()
        server = cluster.primary(settings={"archive_mode": "on", "archive_command": archive.command})
        create_roles(server)
        yield server, archive


def create_roles(server):
    server.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
    server.sql("CREATE ROLE plain LOGIN")


def finish_segment(server):
    """Makes one WAL file ready for the archive, and tells its name."""
    segment = server.value("SELECT pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn())")
    server.sql("SELECT pg_catalog.pg_logical_emit_message(true, 'test', 'x')")
    server.sql("SELECT pg_catalog.pg_switch_wal()")
    return segment


def wait_archived(server):
    """Until nothing waits, and the statistics say so too."""
    server.wait_until("SELECT count(*) = 0 FROM pg_catalog.pg_ls_archive_statusdir() WHERE name LIKE '%.ready'")
    server.wait_until("SELECT last_failed_time IS NULL OR last_archived_time > last_failed_time "
                      "FROM pg_catalog.pg_stat_archiver")


def wait_for_archiver(server, is_there):
    server.wait_until(f"SELECT EXISTS (SELECT FROM pg_catalog.pg_stat_activity WHERE backend_type = 'archiver') = "
                      f"{is_there}")


def metric(result, name):
    return result.json()["metrics"][name]["value"]


# --- working ---------------------------------------------------------------------------------------------------------

def test_an_archiver_that_works(archived, check):
    server, archive = archived
    segment = finish_segment(server)
    wait_archived(server)
    server.wait_until(f"SELECT last_archived_wal >= '{segment}' FROM pg_catalog.pg_stat_archiver")
    good = check(PROGRAM, *at(server))
    assert (good.state, f"archived {segment} " in good.stdout) == ("OK", True), good
    assert archive.has(segment)
    figures = check(PROGRAM, *at(server), "-f", "json")
    assert metric(figures, "archive_successes") >= 1, figures
    assert (metric(figures, "archive_waiting_files"), metric(figures, "archive_waiting_seconds")) == (0, 0), figures


def test_an_idle_server_archives_nothing_and_is_fine(archived, check):
    server, _ = archived
    finish_segment(server)
    wait_archived(server)
    server.wait_until("SELECT clock_timestamp() - last_archived_time > '0.5 s' FROM pg_catalog.pg_stat_archiver")
    idle = check(PROGRAM, *at(server), "-w", "100ms", "-c", "200ms", "--stuck", "300ms")
    assert idle.state == "OK", idle


# --- failing ---------------------------------------------------------------------------------------------------------

def test_a_command_that_fails_and_is_mended(archived, check):
    server, archive = archived
    server.configure(archive_command="exit 1")
    try:
        segment = finish_segment(server)
        server.wait_until("SELECT last_failed_time > COALESCE(last_archived_time, '-infinity') "
                          "FROM pg_catalog.pg_stat_archiver")
        failing = check(PROGRAM, *at(server))
        assert (failing.state, f"archiving fails: {segment}" in failing.stdout) == ("CRITICAL", True), failing
        # Nor does any limit make it fine.
        assert check(PROGRAM, *at(server), "-w", "1000", "-c", "1000", "--off", "ok").state == "CRITICAL"
    finally:
        server.configure(archive_command=archive.command)
    finish_segment(server)  # wakes the archiver, which otherwise waits for a minute
    wait_archived(server)
    mended = check(PROGRAM, *at(server))
    assert mended.state == "OK", mended
    assert archive.has(segment)


CAUSES = {
    "not found": {"archive_command": "/no/such/command %p"},
    "killed": {"archive_command": "kill -9 $$"},
    "no such library": {"archive_command": "", "archive_library": "no_such_library"},
    "both are set": {"archive_command": "true", "archive_library": "no_such_library"},
}


@pytest.mark.parametrize("cause", CAUSES)
def test_an_archiver_that_ends_whenever_it_is_started(archived, check, cause):
    """The server counts no failure of it: pg_stat_archiver looks as it did before."""
    server, archive = archived
    if "library" in cause and server.version < 15 or cause == "both are set" and server.version < 16:
        pytest.skip(f"PostgreSQL {server.version} knows no such trouble")
    finish_segment(server)
    wait_archived(server)
    failed = server.value("SELECT failed_count FROM pg_catalog.pg_stat_archiver")
    server.configure(**CAUSES[cause])
    try:
        finish_segment(server)
        looks = [None]

        def is_told():  # of what is there for a moment every 10 s
            wait_for_archiver(server, False)
            looks[0] = check(PROGRAM, *at(server))
            return (looks[0].state, "the archiver does not run" in looks[0].stdout) == ("CRITICAL", True)

        wait_for(is_told, "an archiver that does not run", interval=0.1, detail=lambda: looks[0])
        assert server.value("SELECT failed_count FROM pg_catalog.pg_stat_archiver") == failed
    finally:
        server.configure(archive_command=archive.command, archive_library=None)
        server.restart()  # it would be started again in 10 s, too
    wait_archived(server)
    mended = check(PROGRAM, *at(server))
    assert mended.state == "OK", mended


# --- behind ----------------------------------------------------------------------------------------------------------

def test_files_pile_up_and_the_command_hangs_and_goes_on(archived, check):
    server, archive = archived
    finish_segment(server)
    wait_archived(server)

    def ask(*options):
        return check(PROGRAM, *at(server), *options)

    with archive.held():
        for _ in range(5):
            finish_segment(server)
        waiting = ask("-f", "json")
        assert waiting.state == "OK", waiting
        assert metric(waiting, "archive_waiting_files") == 5, waiting
        assert ask("-w", 5, "-c", 6).state == "OK"
        many = ask("-w", 4, "-c", 5)
        assert many.state == "WARNING", many
        assert "number of files that wait is 5 (warning above 4)" in many.stdout
        assert ask("-w", 3, "-c", 4).state == "CRITICAL"
        # A file's time is in whole seconds there: it looks older than it is.
        server.wait_until("SELECT clock_timestamp() - min(modification) > '1.5 s' "
                          "FROM pg_catalog.pg_ls_archive_statusdir() WHERE name LIKE '%.ready'")
        assert ask("-w", "100ms", "-c", "1h").state == "WARNING"
        old = ask("-w", "100ms", "-c", "200ms")
        assert (old.state, "age of the oldest file that waits is" in old.stdout) == ("CRITICAL", True), old
        stuck = ask("--stuck", "400ms")
        assert (stuck.state, "the archiver is stuck" in stuck.stdout) == ("CRITICAL", True), stuck
    wait_archived(server)
    again = ask("-w", 3, "-c", 4, "-c", "1h", "--stuck", "400ms")
    assert again.state == "OK", again


# --- archiving nothing -----------------------------------------------------------------------------------------------

def test_archiving_nothing_is_said(own_cluster, check):
    archive = Archive()
    server = own_cluster.primary(settings={"archive_mode": "off", "archive_command": archive.command})
    create_roles(server)

    def ask(*options):
        return check(PROGRAM, *at(server), *options)

    off = ask()
    assert (off.state, "archiving is off" in off.stdout) == ("CRITICAL", True), off
    assert ask("--off", "ok").state == "OK"

    server.settings.update(archive_mode="on", archive_command="")
    server.restart()
    finish_segment(server)
    nothing = ask("--off", "ok")
    assert (nothing.state, "neither archive_command nor archive_library" in nothing.stdout) == ("CRITICAL", True)
    assert "1 file waits" in nothing.stdout

    for command in ("/bin/true", ":", " exit 0 "):
        server.configure(archive_command=command)
        pretended = ask()
        assert (pretended.state, "only says yes" in pretended.stdout) == ("CRITICAL", True), pretended
        assert ask("--off", "warning").state == "WARNING"

    server.configure(archive_command=archive.command)
    finish_segment(server)
    wait_archived(server)
    assert ask().state == "OK"


# --- standbys --------------------------------------------------------------------------------------------------------

def test_a_standby_archives_only_where_it_always_does(own_cluster, check):
    archives = Archive(), Archive()
    primary = own_cluster.primary(settings={"archive_mode": "on", "archive_command": archives[0].command})
    create_roles(primary)
    quiet = own_cluster.standby(primary, "quiet")
    other = check(PROGRAM, *at(quiet))
    assert (other.state, "standby, which archives nothing" in other.stdout) == ("UNKNOWN", True), other
    assert check(PROGRAM, *at(quiet), "--wrong-role", "ok").state == "OK"

    always = own_cluster.standby(primary, "always", archive_mode="always", archive_command=archives[1].command)
    segment = finish_segment(primary)
    always.wait_replayed(primary.lsn())
    always.wait_until(f"SELECT last_archived_wal >= '{segment}' FROM pg_catalog.pg_stat_archiver")
    good = check(PROGRAM, *at(always))
    assert (good.state, "archived " in good.stdout) == ("OK", True), good
    assert archives[1].has(segment)

    always.configure(archive_command="exit 1")
    segment = finish_segment(primary)
    always.wait_until("SELECT last_failed_time > last_archived_time FROM pg_catalog.pg_stat_archiver")
    failing = check(PROGRAM, *at(always))
    assert (failing.state, f"archiving fails: {segment}" in failing.stdout) == ("CRITICAL", True), failing
    wait_archived(primary)
    assert check(PROGRAM, *at(primary)).state == "OK", "the primary's own archiver is another"

    quiet.promote()
    finish_segment(quiet)
    wait_archived(quiet)
    promoted = check(PROGRAM, *at(quiet))
    assert promoted.state == "OK", promoted


# --- privileges and cost ---------------------------------------------------------------------------------------------

def test_a_plain_role_is_not_permitted(archived, check):
    server, _ = archived
    plain = check(PROGRAM, *at(server, "plain"), "-f", "json")
    assert (plain.state, plain.json()["fault"]["class"]) == ("UNKNOWN", "setup"), plain
    assert "permission denied for function pg_ls_archive_statusdir" in plain.json()["summary"], plain


def test_a_directory_with_very_many_files_is_bounded(any_installation, check):
    """All are counted, or it is said that they could not be, in time."""
    count = 50000
    with postgres.Cluster(any_installation) as cluster:
        archive = Archive()
        server = cluster.primary(settings={"archive_mode": "on", "archive_command": archive.command})
        create_roles(server)
        status = server.data / "pg_wal" / "archive_status"
        with archive.held():
            finish_segment(server)
            wait_for(lambda: len(list(status.iterdir())) == 1, "the first file to wait")
            for number in range(1, count):
                (status / f"0000000100000001{number:08X}.ready").touch()
            counted = check(PROGRAM, *at(server), "-t", "25s", "-f", "json")
            assert counted.state == "CRITICAL", counted
            assert metric(counted, "archive_waiting_files") == count, counted
            hasty = check(PROGRAM, *at(server), "-t", "50ms", "-f", "json")
            assert hasty.elapsed < 1, hasty
            answer = hasty.json()
            assert answer["state"] == "CRITICAL", answer
            if answer.get("fault"):  # a fast machine counts them all even so
                assert answer["fault"]["class"] == "timeout", answer
            else:
                assert "files that wait" in answer["summary"], answer
            server.kill()  # an archiver that goes through all of them would not end for long
