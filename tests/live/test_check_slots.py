"""check_pg_slots against real servers: slots that nobody uses, that retain too much, that are lost, and whether the
logical ones survive a failover."""

import pytest

from programs import at
from sandbox import wait_for

SMALL_WAL = {"wal_level": "logical", "wal_keep_size": "0", "max_slot_wal_keep_size": "4MB", "max_wal_size": "64MB",
             "min_wal_size": "2MB"}
FIRST_WITH_FAILOVER_SLOTS = 17


def write_wal(server, megabytes):
    for _ in range(megabytes):
        server.sql("SELECT pg_catalog.pg_logical_emit_message(true, 'test', repeat('x', 1024 * 1024))")


def wal_status(server, slot):
    return server.value("SELECT wal_status FROM pg_catalog.pg_replication_slots WHERE slot_name = %s", (slot,))


def drop(server, slot):
    server.sql("SELECT pg_catalog.pg_drop_replication_slot(%s)", (slot,))


def create_logical(server, slot, failover=False):
    failover = ", failover => true" if failover else ""
    server.sql(f"SELECT pg_catalog.pg_create_logical_replication_slot('{slot}', 'pgoutput'{failover})")


def consume(server, slot):
    """As a subscriber that takes, and confirms, all that is there."""
    server.sql(f"SELECT count(*) FROM pg_catalog.pg_logical_slot_get_binary_changes('{slot}', NULL, NULL, "
               "'proto_version', '1', 'publication_names', 'everything')")


# --- one server ------------------------------------------------------------------------------------------------------

def test_a_slot_that_nobody_uses_until_it_is_lost(own_cluster, check):
    server = own_cluster.primary(settings=SMALL_WAL)
    server.sql("CREATE ROLE plain LOGIN")  # slots are visible to everybody

    def ask(*options):
        return check("check_pg_slots", *at(server, "plain"), *options)

    assert ask().stdout.startswith("PG SLOTS OK - no slots here |"), ask()
    missing = ask("--expect", "n2")
    assert missing.stdout.startswith('PG SLOTS CRITICAL - slot "n2" does not exist |'), missing

    server.sql("SELECT pg_catalog.pg_create_physical_replication_slot('n2', true)")
    create_logical(server, "subscriber")
    unused = ask("--expect", "n*")
    assert unused.stdout.startswith('PG SLOTS WARNING - slot "n2" is not in use'), unused
    assert 'slot "subscriber" is not in use' in unused.stdout, unused
    assert "pg_drop_replication_slot('n2')" in unused.stdout, unused
    accepted = ask("--inactive", "ok")
    assert accepted.state == "OK", accepted
    assert "2 slots, 0 in use" in accepted.stdout, accepted
    assert ask("--inactive", "critical", "--slot", "n2").state == "CRITICAL"
    if server.version >= FIRST_WITH_FAILOVER_SLOTS:  # these know since when
        assert ask("-c", "1h").state == "OK"
        assert "time without use of slot" in ask("-w", "1ms", "-c", "1h").stdout

    write_wal(server, 2)
    assert ask("--inactive", "ok", "-w", "1MB").state == "WARNING"
    grown = ask("--inactive", "ok", "-w", "512kB", "-c", "1MB", "--slot", "n2")
    assert grown.stdout.startswith('PG SLOTS CRITICAL - WAL retained by slot "n2" is 2 MB (critical above 1 MB) |'), grown
    assert ask("--inactive", "ok", "--min-safe", "1kB").state == "OK"
    unsafe = ask("--inactive", "ok", "--min-safe", "64MB", "--slot", "n2")
    assert unsafe.state == "CRITICAL" and 'WAL to come before the loss of slot "n2"' in unsafe.stdout, unsafe

    wait_for(lambda: write_wal(server, 1) or wal_status(server, "n2") != "reserved", "the slot to be in danger")
    if wal_status(server, "n2") == "unreserved":  # a checkpoint of the server's own would lose it at once
        danger = ask("--inactive", "ok")
        assert danger.state == "WARNING" and "about to be lost" in danger.stdout, danger

    write_wal(server, 2)  # its segment is removed whole
    server.sql("CHECKPOINT")
    lost = ask("--inactive", "ok")
    assert lost.state == "CRITICAL", lost
    for slot in ("n2", "subscriber"):
        assert f'slot "{slot}" is lost: WAL' in lost.stdout, lost
        drop(server, slot)
    assert ask().state == "OK"


def test_a_standby_and_its_slot(own_cluster, check):
    primary = own_cluster.primary()
    primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
    primary.sql("SELECT pg_catalog.pg_create_physical_replication_slot('n2')")
    never = check("check_pg_slots", *at(primary))
    assert never.state == "WARNING" and "never used" in never.stdout, never

    standby = own_cluster.standby(primary, "n2", primary_slot_name="n2")
    limits = ("-w", "64MB", "-c", "128MB", "--expect", "n2")
    used = check("check_pg_slots", *at(primary), *limits)
    assert used.stdout.startswith("PG SLOTS OK - 1 slot, 1 in use, at most "), used
    assert check("check_pg_slots", *at(standby)).stdout.startswith("PG SLOTS OK - no slots here"), standby

    standby.stop()
    primary.wait_until("SELECT NOT active FROM pg_catalog.pg_replication_slots")
    gone = check("check_pg_slots", *at(primary), *limits)
    assert gone.stdout.startswith('PG SLOTS WARNING - slot "n2" is not in use'), gone
    standby.start()
    standby.wait_streaming()
    back = check("check_pg_slots", *at(primary), *limits)
    assert back.state == "OK", back


# --- a failover ------------------------------------------------------------------------------------------------------

def conninfo(server):
    return f"host={server.host} port={server.port} user=pgha"


@pytest.fixture
def failover_pair(own_cluster):
    """A primary with one failover slot and one without, and a standby that copies them when it is told to."""
    if own_cluster.installation.major < FIRST_WITH_FAILOVER_SLOTS:
        pytest.skip("slots are copied to standbys from PostgreSQL 17 on")
    primary = own_cluster.primary("n1", settings={"wal_level": "logical"})
    primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor; CREATE PUBLICATION everything FOR ALL TABLES;"
                "CREATE TABLE thing (id int PRIMARY KEY)")
    primary.sql("SELECT pg_catalog.pg_create_physical_replication_slot('n2')")
    create_logical(primary, "orders", failover=True)
    create_logical(primary, "report")
    standby = primary.standby("n2", start=False, primary_slot_name="n2", hot_standby_feedback="on")
    own_cluster.servers.append(standby)
    standby.configure(primary_conninfo=f"{standby.settings['primary_conninfo']} dbname=postgres")
    standby.start()
    standby.wait_streaming()
    return primary, standby


def synchronize(primary, standby):
    """Until the copy is complete, which it is when the primary's slot has moved past where the copy began."""
    def is_complete():
        primary.sql("INSERT INTO thing SELECT coalesce(max(id), 0) + 1 FROM thing; "
                    "SELECT pg_catalog.pg_log_standby_snapshot()")
        consume(primary, "orders")
        return standby.value("SELECT count(*) > 0 FROM pg_catalog.pg_replication_slots "
                             "WHERE slot_name = 'orders' AND synced AND NOT temporary")

    standby.configure(sync_replication_slots="on")
    # The worker looks after 0.2 s, and after up to 30 s where there was nothing new for it.
    wait_for(is_complete, "the copy of the slot to be complete", 120, interval=0.1, detail=standby.log_tail)


def reached(ask):
    """The answer once it is OK: what a subscriber has confirmed may be on its way to the standby."""
    looks = [None]

    def is_ok():
        looks[0] = ask()
        return looks[0].state == "OK"

    wait_for(is_ok, "the standby to have what the subscriber has", 60, interval=0.1, detail=lambda: looks[0])
    return looks[0]


def test_a_failover_slot_survives_and_is_said_to(failover_pair, check):
    primary, standby = failover_pair

    def ask(*options):
        return check("check_pg_slots", *at(standby), "--primary", conninfo(primary), *options)

    absent = ask()
    assert absent.stdout.startswith('PG SLOTS CRITICAL - slot "orders" would not survive promoting this standby: '
                                    "there is no copy of it here |"), absent
    assert "set sync_replication_slots = on" in absent.stdout, absent
    assert ask("--not-ready", "warning").state == "WARNING"
    assert ask("--slot", "report").state == "OK"

    synchronize(primary, standby)
    ready = reached(lambda: ask("--slot", "orders"))
    assert ready.stdout.startswith("PG SLOTS OK - 1 of 1 failover slots would survive promoting this standby, 1 slot, "
                                   "0 in use, 1 kept in step with the primary's"), ready
    assert 'for want of the failover option: "report"' in ask().stdout, ask()
    assert check("check_pg_slots", *at(standby)).state == "OK", "a copy is not meant to be used"

    primary.stop()
    away = ask()
    assert away.state == "UNKNOWN" and "not known which slots would survive a promotion" in away.stdout, away
    standby.promote()
    survived = check("check_pg_slots", *at(standby), "--expect", "orders", "--inactive", "ok")
    assert survived.state == "OK", survived
    consume(standby, "orders")  # and it is of use
    assert standby.value("SELECT synced FROM pg_catalog.pg_replication_slots"), "it keeps the mark of a copy"
    assert check("check_pg_slots", *at(standby)).state == "WARNING", "but waits for nothing now"


def test_a_subscriber_ahead_of_the_standby(failover_pair, check):
    """What it has and the new primary would not have, it would never hear of again."""
    primary, standby = failover_pair

    def ask():
        return check("check_pg_slots", *at(standby), "--primary", conninfo(primary), "--slot", "orders")

    synchronize(primary, standby)
    streaming_from = standby.settings["primary_conninfo"]
    standby.configure(primary_conninfo=f"host={primary.host} port=1")
    standby.wait_until("SELECT count(*) = 0 FROM pg_catalog.pg_stat_wal_receiver")
    write_wal(primary, 1)
    consume(primary, "orders")
    ahead = ask()
    assert ahead.state == "CRITICAL", ahead
    assert 'slot "orders" would not survive promoting this standby: its subscriber has confirmed ' in ahead.stdout, ahead
    assert " 1 MB past what this standby has received |" in ahead.stdout, ahead
    assert "add n2 to synchronized_standby_slots on the primary" in ahead.stdout, ahead
    standby.configure(primary_conninfo=streaming_from)
    standby.wait_streaming()
    reached(ask)


def test_a_copy_that_is_not_complete(failover_pair, check):
    """The primary's slot begins before what the standby can hold for it: the copy stays temporary until it moves on."""
    primary, standby = failover_pair
    primary.sql("INSERT INTO thing VALUES (1); SELECT pg_catalog.pg_log_standby_snapshot()")
    standby.wait_replayed(primary.lsn())
    standby.configure(sync_replication_slots="on")
    standby.wait_until("SELECT temporary FROM pg_catalog.pg_replication_slots WHERE slot_name = 'orders'", 60)
    incomplete = check("check_pg_slots", *at(standby), "--primary", conninfo(primary), "--slot", "orders")
    assert incomplete.state == "CRITICAL", incomplete
    assert "promoting this standby: its copy here is not complete yet |" in incomplete.stdout, incomplete


def test_before_17_logical_slots_stay_behind(own_cluster, check):
    if own_cluster.installation.major >= FIRST_WITH_FAILOVER_SLOTS:
        pytest.skip("slots are copied to standbys from PostgreSQL 17 on")
    primary = own_cluster.primary(settings={"wal_level": "logical"})
    primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
    create_logical(primary, "report")
    standby = own_cluster.standby(primary)
    told = check("check_pg_slots", *at(standby), "--primary", conninfo(primary))
    assert told.stdout.startswith("PG SLOTS OK - logical slots without a copy here, for want of PostgreSQL 17: "
                                  '"report", no slots here |'), told
