"""check_pg_lag: how far behind the standbys are, by their primary, and how far a standby is, with and without it."""

import os
import subprocess
from contextlib import contextmanager

import psycopg2.extras
import pytest

import postgres
import programs
import sandbox
from programs import at
from sandbox import wait_for

MEGABYTE = 1 << 20
CONNECTED = "SELECT count(*) = {} FROM pg_catalog.pg_stat_replication WHERE state = 'streaming'"


def write_wal(server, megabytes):
    """That much WAL in one record per megabyte, in no table; committed, so that it is flushed and sent at once."""
    for _ in range(megabytes):
        server.sql("SELECT pg_catalog.pg_logical_emit_message(true, 'test', repeat('x', 1024 * 1024))")


def conninfo(server, user="pgha"):
    return f"host={server.host} port={server.port} user={user}"


@contextmanager
def paused(standby):
    """It goes on receiving, and replays nothing."""
    standby.sql("SELECT pg_catalog.pg_wal_replay_pause()")
    try:
        yield
    finally:
        standby.sql("SELECT pg_catalog.pg_wal_replay_resume()")
        standby.wait_replayed(standby.upstream.lsn())


@contextmanager
def frozen(server):
    server.freeze()
    try:
        yield
    finally:
        server.thaw()


@pytest.fixture
def ask(check):
    """ask(server, *options) -> Result"""
    return lambda server, *options, user="pgha": check("check_pg_lag", *at(server, user), *options)


def metric(result, name):
    return result.json()["metrics"][name]["value"]


# --- good ------------------------------------------------------------------------------------------------------------

def test_all_is_well(chain, ask):
    for server in (chain.standby, chain.cascade):
        server.wait_replayed(chain.primary.lsn())
    for server, options, text in ((chain.primary, (), "standby streams, 0 B behind"),
                                  (chain.primary, ("--standby", "stand*"), "standby streams, 0 B behind"),
                                  (chain.standby, (), f":{chain.primary.port}, 0 B behind"),
                                  (chain.cascade, (), f":{chain.standby.port}, 0 B behind"),
                                  (chain.standby, ("--cascade", "--standby", "cascade"), "cascade streams, 0 B behind"),
                                  (chain.cascade, ("--primary", conninfo(chain.primary)), "0 B behind the primary")):
        answers = [None]

        def says(server=server, options=options, text=text):
            answers[0] = ask(server, "-w", "64kB", "-c", "1MB", *options)
            return answers[0].state == "OK" and text in answers[0].stdout

        # The server writes WAL of its own now and then, and a standby's word of it has to come.
        wait_for(says, f"{server.name} to be no byte behind", detail=lambda: answers[0])


def test_every_figure_of_a_standby_that_the_server_knows(chain, ask):
    write_wal(chain.primary, 1)
    chain.standby.wait_replayed(chain.primary.lsn())
    found = ask(chain.primary, "-f", "json")
    for name in ("sent_lag_bytes", "write_lag_bytes", "flush_lag_bytes", "replay_lag_bytes", "write_lag_seconds",
                 "flush_lag_seconds", "replay_lag_seconds"):
        assert found.json()["metrics"][f"standby_{name}"]["subject"] == "standby", found
    wait_for(lambda: metric(ask(chain.primary, "-f", "json"), "standby_replay_lag_seconds") == 0, "no lag in time")


# --- behind ----------------------------------------------------------------------------------------------------------

def test_replay_stands_still_until_a_limit_is_passed_and_goes_on(chain, ask):
    with paused(chain.standby):
        write_wal(chain.primary, 4)
        chain.standby.wait_until(f"SELECT pg_catalog.pg_last_wal_receive_lsn() >= '{chain.primary.lsn()}'::pg_lsn")
        wait_for(lambda: metric(ask(chain.primary, "-f", "json"), "standby_flush_lag_bytes") == 0, "the flushing")
        behind = ask(chain.primary, "-w", "1MB", "-c", "2MB")
        assert behind.state == "CRITICAL", behind
        assert "replay lag of standby is 4" in behind.stdout and "(critical above 2 MB)" in behind.stdout, behind
        assert ask(chain.primary, "-w", "1MB", "-c", "64MB").state == "WARNING"
        assert ask(chain.primary).state == "OK"
        # The standby says why; its cascade, which gets the same WAL, replays it.
        itself = ask(chain.standby, "-w", "1MB", "-c", "2MB")
        assert itself.state == "CRITICAL" and "replay is paused" in itself.stdout, itself
        assert "replay lag is 4" in itself.stdout, itself
        chain.cascade.wait_replayed(chain.primary.lsn())
        cascade = ask(chain.cascade, "-c", "1MB", "--primary", conninfo(chain.primary))
        assert cascade.state == "OK", cascade
    # What the standby still has to tell its primary comes at once, since it has replayed a commit.
    wait_for(lambda: ask(chain.primary, "-w", "1MB", "-c", "2MB").state == "OK", "the primary to know")
    assert ask(chain.standby, "-w", "1MB", "-c", "2MB").state == "OK"


def test_the_end_of_a_cascade_is_behind(chain, ask):
    with paused(chain.cascade):
        write_wal(chain.primary, 4)
        chain.cascade.wait_until(f"SELECT pg_catalog.pg_last_wal_receive_lsn() >= '{chain.primary.lsn()}'::pg_lsn")
        chain.standby.wait_replayed(chain.primary.lsn())
        behind = ask(chain.standby, "--cascade", "-c", "2MB")
        assert behind.state == "CRITICAL" and "replay lag of cascade is 4" in behind.stdout, behind
        assert ask(chain.standby, "-c", "2MB").state == "OK", "its own lag is another question"
        wait_for(lambda: ask(chain.primary, "-c", "2MB").state == "OK", "the standby's word: nor is it the primary's")
    wait_for(lambda: ask(chain.standby, "--cascade", "-c", "2MB").state == "OK", "the standby to know")


def test_what_does_not_reach_a_standby_is_seen_with_its_primary_alone(chain, ask):
    """Its sender is frozen: for half a minute the cascade believes that it has all there is."""
    with frozen(chain.standby):
        write_wal(chain.primary, 4)
        alone = ask(chain.cascade, "-c", "2MB")
        assert alone.state == "OK", alone
        both = ask(chain.cascade, "-c", "2MB", "--primary", conninfo(chain.primary))
        assert both.state == "CRITICAL" and "replay lag is 4" in both.stdout, both
        # And the primary sees its own standby fall behind.
        behind = ask(chain.primary, "-c", "2MB")
        assert behind.state == "CRITICAL" and "replay lag of standby is 4" in behind.stdout, behind
    chain.cascade.wait_replayed(chain.primary.lsn())
    both = ask(chain.cascade, "-c", "2MB", "--primary", conninfo(chain.primary))
    assert both.state == "OK", both
    wait_for(lambda: ask(chain.primary, "-c", "2MB").state == "OK", "the primary to know")


def test_a_primary_that_cannot_be_asked(chain, ask):
    nobody = ask(chain.standby, "--primary", "host=127.0.0.1 port=1 user=pgha")
    assert nobody.state == "WARNING" and "the primary could not be asked" in nobody.stdout, nobody
    other = ask(chain.standby, "--primary", conninfo(chain.cascade))
    assert other.state == "WARNING" and f":{chain.cascade.port} is not the primary" in other.stdout, other
    itself = ask(chain.standby, "--standby", "cascade")
    assert itself.state == "UNKNOWN" and "the standbys named are the primary's" in itself.stdout, itself


# --- gone ------------------------------------------------------------------------------------------------------------

def test_a_standby_dies_and_comes_back(chain, ask):
    chain.standby.kill()
    try:
        chain.primary.wait_until("SELECT count(*) = 0 FROM pg_catalog.pg_stat_replication")
        named = ask(chain.primary, "--standby", "standby")
        assert named.state == "CRITICAL" and 'standby "standby" is not connected' in named.stdout, named
        counted = ask(chain.primary)
        assert counted.state == "CRITICAL" and "no standby is connected, 1 required" in counted.stdout, counted
        accepted = ask(chain.primary, "--min-standbys", "0")
        assert accepted.state == "OK" and "no standby is connected" in accepted.stdout, accepted
        chain.cascade.wait_until("SELECT count(*) = 0 FROM pg_catalog.pg_stat_wal_receiver")
        orphan = ask(chain.cascade, "--primary", conninfo(chain.primary))
        assert orphan.state == "CRITICAL" and "not streaming" in orphan.stdout, orphan
        assert metric(ask(chain.cascade, "-f", "json"), "replay_lag_bytes") is None
        known = metric(ask(chain.cascade, "-f", "json", "--primary", conninfo(chain.primary)), "replay_lag_bytes")
        assert 0 <= known < MEGABYTE, "what the primary writes of its own"
    finally:
        chain.standby.start()
        chain.standby.wait_streaming()
        chain.cascade.wait_streaming()
    wait_for(lambda: ask(chain.primary, "--standby", "standby").state == "OK", "the standby's first word")
    assert ask(chain.primary, "--min-standbys", "2").state == "CRITICAL"


def test_a_frozen_standby_of_an_idle_primary_is_not_caught_up(any_installation):
    """Every byte is replayed there, and nothing would tell that the next one is not, but for its silence."""
    def ask(*options):
        return programs.check("check_pg_lag", *at(primary, "postgres"), *options)

    with postgres.Cluster(any_installation) as cluster:
        # The sender asks for a word after 9 s, and would end at 18 s; from 14 s on nobody who lives is silent.
        primary = cluster.primary(settings={"wal_sender_timeout": "18s"})
        standby = cluster.standby(primary, "n2")
        wait_for(lambda: ask().state == "OK", "the standby to be counted")
        with frozen(standby):
            looks = [None]

            def is_noticed():
                looks[0] = ask("-f", "json")
                return looks[0].state != "OK"

            wait_for(is_noticed, "somebody to notice", 60, interval=0.25)
            silent = looks[0]
            assert silent.state == "CRITICAL" and "nothing heard from n2 for 1" in silent.stdout, silent
            assert metric(silent, "n2_replay_lag_bytes") is None, silent
            primary.wait_until(CONNECTED.format(0))
            assert "no standby is connected" in ask().stdout
        wait_for(lambda: ask().state == "OK", "the standby to be back")


# --- not permitted ---------------------------------------------------------------------------------------------------

def test_a_plain_role_learns_that_it_may_not_see(chain, ask):
    for server, options, text in ((chain.primary, (), "not permitted to see how far the standbys are"),
                                  (chain.standby, (), "not permitted to see the WAL receiver"),
                                  (chain.standby, ("--cascade",), "not permitted to see how far the standbys are")):
        found = ask(server, "-f", "json", *options, user="plain")
        assert (found.state, found.json()["fault"]["class"]) == ("UNKNOWN", "setup"), found
        assert text in found.stdout, found
    # Who is there, it may see.
    absent = ask(chain.primary, "--standby", "n7", user="plain")
    assert absent.state == "CRITICAL" and 'standby "n7" is not connected' in absent.stdout, absent
    chain.cascade.wait_until("SELECT count(*) = 1 FROM pg_catalog.pg_stat_wal_receiver")
    unasked = ("--min-standbys", "0", "--primary", conninfo(chain.primary, "plain"))
    # A receiver that has just connected has heard nothing yet; its position is no secret.
    wait_for(lambda: "behind the primary" in ask(chain.cascade, *unasked).stdout, "the receiver to be heard of")
    assert ask(chain.cascade, *unasked).state == "OK"


# --- senders that are no standbys ------------------------------------------------------------------------------------

def test_a_subscriber_is_no_standby(installation, check):
    with postgres.Cluster(installation) as cluster:
        primary = cluster.primary(settings={"wal_level": "logical"})
        primary.sql("CREATE PUBLICATION p FOR ALL TABLES")
        connection = psycopg2.connect(conninfo(primary, "postgres") + " dbname=postgres application_name=n2",
                                      connection_factory=psycopg2.extras.LogicalReplicationConnection)
        try:
            cursor = connection.cursor()
            cursor.create_replication_slot("s", output_plugin="pgoutput")
            cursor.start_replication(slot_name="s", options={"proto_version": "1", "publication_names": "p"})
            primary.wait_until("SELECT count(*) = 1 FROM pg_catalog.pg_stat_replication WHERE state = 'streaming'")
            for options in ((), ("--standby", "n2")):
                found = check("check_pg_lag", *at(primary, "postgres"), *options)
                assert (found.state, "connected" in found.stdout) == ("CRITICAL", True), found
            accepted = check("check_pg_lag", *at(primary, "postgres"), "--min-standbys", "0")
            assert accepted.state == "OK", accepted
        finally:
            connection.close()


def client(program, server, directory, *options):
    """A client program of the distribution's PostgreSQL, as the unprivileged user."""
    path = server.installation.bindir / program
    if not path.exists():
        pytest.skip(f"no {path}")
    return subprocess.Popen(sandbox.as_user([str(path), "-d", conninfo(server, "postgres"), "-D", str(directory), *options]),
                            cwd="/", env={**os.environ, "PGAPPNAME": program}, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def test_what_only_stores_wal_is_judged_and_does_not_count(any_installation, check, scratch):
    def ask(*options):
        return check("check_pg_lag", *at(primary, "postgres"), *options)

    with postgres.Cluster(any_installation) as cluster:
        primary = cluster.primary()
        receiver = client("pg_receivewal", primary, scratch, "--no-loop", "--status-interval=1")
        try:
            primary.wait_until(CONNECTED.format(1))
            wait_for(lambda: "1 receiver of WAL, 1 required" in ask().stdout, "its first word", interval=0.1)
            assert ask().state == "CRITICAL"
            # Its times grow while nothing happens, as it flushes a file when that is full; they are none of its lag.
            accepted = ask("--min-standbys", "0", "-w", "1ms", "-c", "1MB")
            assert accepted.state == "OK", accepted
            receiver.send_signal(19)  # SIGSTOP
            write_wal(primary, 3)
            behind = ask("--min-standbys", "0", "-c", "2MB")
            assert behind.state == "CRITICAL" and "lag of pg_receivewal is 3" in behind.stdout, behind
            receiver.send_signal(18)  # SIGCONT
            wait_for(lambda: ask("--min-standbys", "0", "-c", "2MB").state == "OK", "the receiver to catch up")
        finally:
            receiver.kill()
            receiver.wait()


def test_a_base_backup_is_no_standby(any_installation, check, scratch):
    with postgres.Cluster(any_installation) as cluster:
        primary = cluster.primary()
        backup = client("pg_basebackup", primary, scratch / "backup", "-X", "none", "--max-rate=32k",
                        "--checkpoint=fast")
        try:
            primary.wait_until("SELECT count(*) = 1 FROM pg_catalog.pg_stat_replication WHERE state = 'backup'")
            for options in ((), ("--standby", "pg_basebackup")):
                found = check("check_pg_lag", *at(primary, "postgres"), *options)
                assert (found.state, "connected" in found.stdout) == ("CRITICAL", True), found
        finally:
            backup.terminate()
            backup.wait()


# --- two of one name -------------------------------------------------------------------------------------------------

def test_two_standbys_of_one_name_are_both_judged(any_installation, check):
    def ask(*options):
        return check("check_pg_lag", *at(primary, "postgres"), *options)

    with postgres.Cluster(any_installation) as cluster:
        primary = cluster.primary()
        standbys = [cluster.standby(primary, name) for name in ("n2", "n3")]
        for standby in standbys:
            standby.configure(primary_conninfo=conninfo(primary, "postgres") + " application_name=twin")
        primary.wait_until("SELECT count(*) = 2 FROM pg_catalog.pg_stat_replication "
                           "WHERE state = 'streaming' AND application_name = 'twin' AND replay_lsn IS NOT NULL")
        wait_for(lambda: ask("--standby", "twin", "--min-standbys", "2").state == "OK", "both twins")
        pids = [row[0] for row in primary.sql("SELECT pid FROM pg_catalog.pg_stat_replication")]
        with paused(standbys[1]):
            write_wal(primary, 4)
            standbys[0].wait_replayed(primary.lsn())
            looks = [None]

            def is_one_behind():
                looks[0] = ask("-c", "2MB", "-f", "json")
                return looks[0].json()["summary"].count("replay lag of twin[") == 1

            wait_for(is_one_behind, "one of them to be behind", detail=lambda: looks[0])
            behind = looks[0]
            assert behind.state == "CRITICAL", behind
            lags = sorted(metric(behind, f"twin[{pid}]_replay_lag_bytes") for pid in pids)
            assert lags[0] < MEGABYTE < 4 * MEGABYTE <= lags[1], behind
