"""check_pg_replica and lag: what is behind is said, idle is not behind, and what cannot be known is not called zero."""

import threading
from contextlib import closing, contextmanager

import pytest

import installations
import programs
from programs import at
from sandbox import Never, wait_for

MEGABYTE = 1 << 20


def write_wal(server, megabytes):
    """That much WAL in one record per megabyte, in no table; committed, so that it is flushed and sent at once."""
    for _ in range(megabytes):
        server.sql("SELECT pg_catalog.pg_logical_emit_message(true, 'test', repeat('x', 1024 * 1024))")


def commit(server):
    """One transaction with a commit record, which carries a time (a message does not)."""
    server.sql("CREATE TABLE IF NOT EXISTS mark (at timestamptz); INSERT INTO mark VALUES (now())")


@pytest.fixture(scope="module")
def chain(installation, chain):  # pytest sees the parameter of the fixture that this one replaces only so
    """Without the table that commit() makes, when all is done."""
    yield chain
    chain.primary.sql("DROP TABLE IF EXISTS mark")


@contextmanager
def conflicting_query(primary, standby):
    """A query on the standby that replay has to wait for (max_standby_streaming_delay = -1)."""
    reader = standby.connect()
    try:
        with reader.cursor() as cursor:
            cursor.execute("BEGIN; SELECT count(*) FROM mark")
        primary.sql("TRUNCATE mark")  # its exclusive lock is replayed, too
        yield
    finally:
        reader.close()


DELAY_IS_MEANT = ("-c", "1d")  # a limit in time with room for it


@contextmanager
def apply_delay(primary, standby):
    """A delayed standby: commits are replayed an hour later, and what follows them with them."""
    standby.configure(recovery_min_apply_delay="1h")
    try:
        commit(primary)
        yield
    finally:
        standby.configure(recovery_min_apply_delay=None)


@pytest.fixture(params=[conflicting_query, apply_delay], ids=lambda how: how.__name__)
def held_back(request, chain):
    """A context in which the standby receives WAL and does not replay it."""
    @contextmanager
    def hold():
        commit(chain.primary)
        chain.standby.wait_replayed(chain.primary.lsn())
        with request.param(chain.primary, chain.standby):
            yield
        chain.standby.wait_replayed(chain.primary.lsn())
        chain.cascade.wait_replayed(chain.primary.lsn())
    return hold


def _received_all(chain):
    chain.standby.wait_until(f"SELECT pg_catalog.pg_last_wal_receive_lsn() >= '{chain.primary.lsn()}'::pg_lsn")


def _until_no_lag(ask):
    """Until it is OK and no time behind.  The server writes WAL of its own now and then, and what of it is not replayed
    at that moment is as old as the last transaction."""
    answers = [None]

    def is_so():
        answers[0] = ask()
        return answers[0].state == "OK" and _metric(answers[0], "replay_lag_seconds") == 0

    wait_for(is_so, "no lag in time", detail=lambda: answers[0])


def _metric(result, name):
    """A metric's value in the JSON answer, None when it is not known."""
    return result.json()["metrics"][name]["value"]


# --- busy ------------------------------------------------------------------------------------------------------------

def test_a_standby_is_never_ahead_of_its_sender_while_rows_are_written(chain, installation):
    """What is replayed has to be read before where the sender is, or the one overtakes the other now and then."""
    def write():
        with closing(chain.primary.connect()) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            while not stop.is_set():
                cursor.execute("INSERT INTO mark VALUES (now())")

    commit(chain.primary)
    stop = threading.Event()
    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        looks = [programs.check("check_pg_replica", *at(chain.standby)).stdout
                 for _ in installations.share(range(30), installation)]
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    if ahead := [look for look in looks if "ahead" in look]:
        raise Never(ahead)


# --- idle ------------------------------------------------------------------------------------------------------------

def test_an_idle_primary_makes_no_lag(chain, check):
    commit(chain.primary)
    chain.standby.wait_replayed(chain.primary.lsn())
    # now() - pg_last_xact_replay_timestamp(), the usual measure, is past the limit by then.
    chain.standby.wait_until("SELECT clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp() > '2.2 s'")
    for standby in (chain.standby, chain.cascade):
        limits = (*at(standby), "-w", "500ms", "-c", "1s")
        _until_no_lag(lambda limits=limits: check("check_pg_replica", *limits, "-f", "json"))


def test_a_standby_restarted_under_an_idle_primary(chain, check):
    """Its new receiver has had no message: latest_end_lsn is NULL until the next write or keepalive, 30 s away."""
    chain.cascade.restart()
    chain.cascade.wait_until("SELECT status = 'streaming' FROM pg_catalog.pg_stat_wal_receiver")
    limits = (*at(chain.cascade), "-w", "1MB", "-c", "16MB")
    wait_for(lambda: check("check_pg_replica", *limits).state == "OK", "the standby to be a replica again", 15)


# --- replay held back ------------------------------------------------------------------------------------------------

def test_lag_in_bytes_past_a_limit_and_back(chain, check, held_back):
    def ask(*limits):
        return check("check_pg_replica", *at(chain.standby), *DELAY_IS_MEANT, *limits, "-f", "json")

    with held_back():
        write_wal(chain.primary, 4)
        _received_all(chain)
        behind = ask("-c", "64MB")
        assert behind.state == "OK", behind
        assert 4 * MEGABYTE <= _metric(behind, "replay_lag_bytes") < 16 * MEGABYTE, behind
        assert ask("-w", "1MB", "-c", "64MB").state == "WARNING"
        assert ask("-w", "1MB", "-c", "2MB").state == "CRITICAL"
        assert ask("-w", "1MB", "-c", "64MB", "--warning-is-failure").json()["answer"] == "no"
        # HAProxy sends it fewer sessions the nearer it comes to the limit.
        weight = check("check_pg_replica", *at(chain.standby), *DELAY_IS_MEANT, "-c", "64MB", "-f", "haproxy").stdout
        assert weight.startswith("up ready ") and 80 < int(weight.split()[2].rstrip("%")) < 95, weight
        down = check("check_pg_replica", *at(chain.standby), "-c", "2MB", "-f", "haproxy")
        assert down.stdout.startswith("down "), down
    again = ask("-w", "1MB", "-c", "2MB")
    assert again.state == "OK", again


def test_lag_in_time_past_a_limit_and_back(chain, check, held_back):
    def ask(*limits):
        return check("check_pg_replica", *at(chain.standby), *limits, "-f", "json")

    with held_back():
        write_wal(chain.primary, 1)
        _received_all(chain)
        chain.standby.wait_until("SELECT clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp() > '0.5 s'")
        behind = ask("-c", "1h")
        assert behind.state == "OK", behind
        assert _metric(behind, "replay_lag_seconds") >= 0.5, behind
        assert ask("-w", "400ms", "-c", "1h").state == "WARNING"
        assert ask("-w", "200ms", "-c", "400ms").state == "CRITICAL"
        # Of two limits the one that is passed decides, whichever comes first.
        assert ask("-c", "64MB", "-c", "400ms").state == "CRITICAL"
        assert ask("-c", "1kB", "-c", "1h").state == "CRITICAL"
    _until_no_lag(lambda: ask("-w", "200ms", "-c", "400ms"))


def test_a_delay_on_purpose_is_not_fit_for_reads_unless_it_is_meant(chain, check):
    """It holds back commits alone, so that a single row that nobody can read is but a few bytes of lag."""
    with apply_delay(chain.primary, chain.standby):
        _received_all(chain)
        delayed = check("check_pg_replica", *at(chain.standby), "-c", "64MB")
        assert (delayed.state, "recovery_min_apply_delay" in delayed.stdout) == ("CRITICAL", True), delayed
        assert check("check_pg_replica", *at(chain.standby), "-c", "64MB", "-c", "59min").state == "CRITICAL"
        assert check("check_pg_replica", *at(chain.standby), "-c", "64MB", "-c", "1h").state == "OK"
    chain.standby.wait_replayed(chain.primary.lsn())
    assert check("check_pg_replica", *at(chain.standby), "-c", "64MB").state == "OK"


def test_reading_ones_own_writes(chain, check, held_back):
    def has_replayed(lsn, server=chain.standby):
        return check("check_pg_replica", *at(server), *DELAY_IS_MEANT, "--replayed", lsn)

    before = chain.primary.lsn()
    with held_back():
        write_wal(chain.primary, 1)
        written = chain.primary.lsn()
        _received_all(chain)
        behind = has_replayed(written)
        assert behind.state == "CRITICAL", behind
        assert "not replayed" in behind.stdout
        assert has_replayed(before).state == "OK"
    assert has_replayed(written).state == "OK"
    assert has_replayed("FFFFFFFF/0").state == "CRITICAL"
    accepted = check("check_pg_replica", *at(chain.primary), "--replayed", written, "--accept-primary")
    assert accepted.state == "OK", accepted


# --- replay paused ---------------------------------------------------------------------------------------------------

def test_paused_replay_is_critical_although_nothing_is_missing_yet(chain, check):
    chain.standby.sql("SELECT pg_catalog.pg_wal_replay_pause()")
    try:
        commit(chain.primary)  # the pause takes effect at the next record
        chain.standby.wait_until("SELECT pg_catalog.pg_get_wal_replay_pause_state() = 'paused'")
        paused = check("check_pg_replica", *at(chain.standby), "-c", "1GB")
        assert paused.state == "CRITICAL", paused
        assert "paused" in paused.stdout
    finally:
        chain.standby.sql("SELECT pg_catalog.pg_wal_replay_resume()")
    chain.standby.wait_replayed(chain.primary.lsn())
    resumed = check("check_pg_replica", *at(chain.standby), "-c", "16MB")
    assert resumed.state == "OK", resumed


# --- the sender is gone ----------------------------------------------------------------------------------------------

def test_without_a_receiver_the_lag_is_unknown_not_zero(chain, check):
    chain.primary.stop()
    try:
        chain.standby.wait_until("SELECT count(*) = 0 FROM pg_catalog.pg_stat_wal_receiver")
        # What most checks go by says all is well: everything received is replayed.
        chain.standby.wait_until("SELECT pg_catalog.pg_last_wal_receive_lsn() = pg_catalog.pg_last_wal_replay_lsn()")
        alone = check("check_pg_replica", *at(chain.standby), "-c", "16MB", "-c", "30s")
        assert alone.state == "CRITICAL", alone
        assert "lag unknown" in alone.stdout
        figures = check("check_pg_replica", *at(chain.standby), "-f", "json")
        assert _metric(figures, "replay_lag_bytes") is None, figures
        # The age of the last transaction is a bound on how old the data are, so it may be told; zero may not.
        assert _metric(figures, "replay_lag_seconds") is None or _metric(figures, "replay_lag_seconds") > 0, figures
        archive = check("check_pg_replica", *at(chain.standby), "--allow-archive-recovery")
        assert archive.state == "OK", archive
        limited = check("check_pg_replica", *at(chain.standby), "--allow-archive-recovery", "-c", "16MB")
        assert limited.state != "OK", "a limit that nothing can be held against is not kept"
        # The cascade's own sender is there and has no more than it has.
        cascade = check("check_pg_replica", *at(chain.cascade), "-c", "16MB")
        assert cascade.state == "OK", cascade
    finally:
        chain.primary.start()
        chain.standby.wait_streaming()
    limits = (*at(chain.standby), "-c", "16MB")
    wait_for(lambda: check("check_pg_replica", *limits).state == "OK", "the replica to be back")
