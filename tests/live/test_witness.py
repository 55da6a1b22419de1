"""check_pg_leader and check_pg_replica with --patroni: a real cluster, in which PostgreSQL and Patroni disagree for real."""

import signal
import threading
import time
from contextlib import contextmanager

import pytest

import patroni
import postgres
import reaper
from programs import at
from sandbox import wait_for
from until import told, until

LEADER, REPLICA = "check_pg_leader", "check_pg_replica"
MEGABYTE = 1 << 20
AT_LEISURE = ("-t", "15s")  # where the time that an answer takes is not what a test is about


@pytest.fixture
def build():
    """The sanitizers watch the same code in tests/scripted; here the cluster takes the time."""
    return "plain"


@pytest.fixture
def ask(check):
    """ask(program, member, *options, url=) -> Result: the member's PostgreSQL, and its own Patroni unless told."""
    def run(program, member, *options, url=None):
        patience = () if "-t" in options else AT_LEISURE
        return check(program, *at(member), "--patroni", url or member.url, *patience, *options)
    return run


def holds_lock(member):
    """Patroni tells the member's name from 3.2 on."""
    said = member.rest().json()["patroni"]
    return f"holds Patroni's leader lock as \"{said['name']}\"" if "name" in said else f"holds Patroni's leader lock of \"{said['scope']}\""


@contextmanager
def stopped(pids):
    reaper.signal_each(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        reaper.signal_each(pids, signal.SIGCONT)


# --- good ------------------------------------------------------------------------------------------------------------

def test_each_member_of_a_healthy_cluster(patroni_cluster, ask):
    leader = patroni_cluster.leader()
    told(lambda: ask(LEADER, leader), "OK",
         f"PG LEADER OK - primary on timeline {leader.rest().json()['timeline']}, {holds_lock(leader)}")
    told(lambda: ask(REPLICA, leader), "CRITICAL", "primary, not a replica")
    told(lambda: ask(REPLICA, leader, "--accept-primary"), "OK", "accepted for reads, holds Patroni's leader lock")
    for replica in patroni_cluster.replicas():
        told(lambda: ask(LEADER, replica), "CRITICAL",
             f'PG LEADER CRITICAL - standby, not the leader, which is "{leader.name}"')
        told(lambda: ask(REPLICA, replica, "-c", "1MB"), "OK", "behind the leader")


def test_the_url_of_another_member(patroni_cluster, ask):
    """Of a replica it would say that the leader is none, of the leader that a stale primary is one."""
    leader = patroni_cluster.leader()
    for replica in patroni_cluster.replicas():
        told(lambda: ask(LEADER, leader, url=replica.url), "UNKNOWN",
             "PG LEADER UNKNOWN - Patroni speaks of another server")
        told(lambda: ask(REPLICA, replica, url=leader.url), "UNKNOWN",
             "PG REPLICA UNKNOWN - Patroni speaks of another server")


def test_the_url_of_another_cluster(patroni_cluster, ask, scratch):
    with postgres.Server(patroni_cluster.installation, scratch, "stranger", fresh=True) as stranger:
        stranger.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        told(lambda: ask(LEADER, stranger, url=patroni_cluster.leader().url), "UNKNOWN",
             "Patroni speaks of another cluster")


# --- replicas --------------------------------------------------------------------------------------------------------

def test_a_replica_that_hears_nothing_of_what_the_leader_writes(patroni_cluster, ask, check):
    """Its receiver is stopped: by its own word it has all there is, for as long as a sender may be silent."""
    leader, (replica, *_) = patroni_cluster.leader(), patroni_cluster.replicas()
    receiver = int(replica.value("SELECT pid FROM pg_catalog.pg_stat_wal_receiver"))
    with stopped([receiver]):
        for _ in range(8):
            leader.sql("SELECT pg_catalog.pg_logical_emit_message(true, 'test', repeat('x', 1024 * 1024))")
        told(lambda: check(REPLICA, *at(replica), *AT_LEISURE, "-c", "4MB"), "OK", "0 B behind")
        told(lambda: ask(REPLICA, replica, "-c", "4MB"), "CRITICAL", "replay lag is ")
        told(lambda: ask(REPLICA, replica, "-c", "1GB"), "OK", "MB behind the leader")
        lag = ask(REPLICA, replica, "-f", "json").json()["metrics"]["replay_lag_bytes"]["value"]
        assert 8 * MEGABYTE <= lag < 10 * MEGABYTE, lag
    told(lambda: ask(REPLICA, replica, "-c", "1MB"), "OK")  # it catches up


def test_under_writes_there_is_no_lag_that_is_none(patroni_cluster, ask):
    """The leader writes while one after the other is asked: what comes in between must not count."""
    leader, (replica, *_) = patroni_cluster.leader(), patroni_cluster.replicas()
    over = threading.Event()

    def write():
        with leader.connect() as connection, connection.cursor() as cursor:
            while not over.is_set():
                cursor.execute("SELECT pg_catalog.pg_logical_emit_message(true, 'test', repeat('x', 10000))")
                connection.commit()

    writer = threading.Thread(target=write)
    writer.start()

    def lags():
        seen = (ask(REPLICA, replica, "-f", "json").json()["metrics"] for _ in range(10))
        known = (metrics.get("replay_lag_bytes", {}).get("value") for metrics in seen)
        return sorted(lag for lag in known if lag is not None)

    try:
        # A replica that is late for a processor has a lag; half of the time it has none.
        until(lags, lambda seen: len(seen) == 10 and seen[5] < 2 * MEGABYTE, "no lag")
    finally:
        over.set()
        writer.join()


def test_tags(patroni_cluster, ask):
    replica = patroni_cluster.replicas()[0]
    replica.set_tags(noloadbalance=True, nofailover=True)
    told(lambda: ask(REPLICA, replica), "CRITICAL", "PG REPLICA CRITICAL - taken out by its tag noloadbalance")
    told(lambda: ask(REPLICA, replica, "--ignore-noloadbalance", "-v"), "OK", "behind the leader",
         "its tag nofailover keeps Patroni from promoting it")
    replica.set_tags()
    told(lambda: ask(REPLICA, replica), "OK", "behind the leader")


# --- Patroni is gone -------------------------------------------------------------------------------------------------

def test_a_replica_whose_patroni_was_killed(patroni_cluster, ask):
    replica = patroni_cluster.replicas()[0]
    replica.kill_patroni()
    told(lambda: ask(REPLICA, replica), "WARNING",
         "PG REPLICA WARNING - Patroni could not be asked, PostgreSQL alone is trusted (")
    told(lambda: ask(REPLICA, replica, "--patroni-unreachable", "critical"), "CRITICAL", "Patroni could not be asked (")


def test_a_leader_whose_patroni_is_frozen_until_another_leads(patroni_cluster, ask):
    """PostgreSQL goes on as a primary: from the moment that another one leads there are two, and one yes."""
    old = patroni_cluster.leader()
    old.freeze_patroni()
    for timeout in (0.4, 1):
        told(lambda timeout=timeout: ask(LEADER, old, "-t", f"{timeout}s"), "CRITICAL",
             "PG LEADER CRITICAL - Patroni could not be asked (", always=lambda result: result.state != "OK",
             within=timeout + 0.5)
    told(lambda: ask(LEADER, old, "-t", "1s", "--patroni-unreachable", "ok"), "OK", "PostgreSQL alone is trusted")
    new = patroni_cluster.wait_leader(other_than=old)
    told(lambda: ask(LEADER, new), "OK", holds_lock(new))
    assert old.value("SELECT pg_catalog.pg_is_in_recovery()") is False, "the old one is a primary still"
    told(lambda: ask(LEADER, old, "-t", "1s"), "CRITICAL", "Patroni could not be asked (")
    told(lambda: ask(REPLICA, old, "-t", "1s", "--accept-primary"), "CRITICAL",
         "PG REPLICA CRITICAL - Patroni could not be asked (")
    old.thaw()
    patroni_cluster.wait_healthy()
    # Before 3.0.3 Patroni may overwrite the lock of another when it wakes up (its pull request 2689).
    last = patroni_cluster.leader()
    told(lambda: ask(LEADER, last), "OK", holds_lock(last))
    told(lambda: ask(LEADER, new if last is old else old), "CRITICAL", "standby, not the leader")


# --- they disagree ---------------------------------------------------------------------------------------------------

def test_a_replica_that_was_promoted_behind_patronis_back(patroni_cluster, ask):
    """In a pause Patroni leaves it alone: two primaries, and one of them holds the lock."""
    leader, (promoted, *_) = patroni_cluster.leader(), patroni_cluster.replicas()
    patroni_cluster.pause()
    promoted.promote()
    # Until Patroni sees a primary it is "to Patroni a replica without the leader lock".
    told(lambda: ask(LEADER, promoted), "CRITICAL", "split brain suspected: primary without",
         always=lambda result: result.state == "CRITICAL" and result.stdout.startswith("PG LEADER CRITICAL - "))
    lenient = ("--patroni-unreachable", "ok", "--unknown-is-ok", "--wrong-role", "ok")
    told(lambda: ask(LEADER, promoted, *lenient), "CRITICAL",
         f"split brain suspected: primary without Patroni's leader lock, which \"{leader.name}\" holds")
    told(lambda: ask(REPLICA, promoted, "--accept-primary"), "CRITICAL", "split brain suspected")
    told(lambda: ask(LEADER, leader), "OK", "holds Patroni's leader lock")


def test_a_pause_without_the_store(patroni_cluster, ask):
    """Patroni lets the primary go on, and says what PostgreSQL's role is: there is no lock behind that."""
    leader = patroni_cluster.leader()
    patroni_cluster.pause()
    for member in patroni_cluster.etcd.members:
        member.kill()
    told(lambda: ask(LEADER, leader), "WARNING",
         "Patroni is paused, sees no leader lock, and goes by PostgreSQL's role alone")
    replica = patroni_cluster.members[0] if patroni_cluster.members[0] is not leader else patroni_cluster.members[1]
    told(lambda: ask(REPLICA, replica, "-t", "5s"), "OK", "PG REPLICA OK - streaming from ",
         within=5.3)


def test_a_switchover_never_has_two_leaders(patroni_cluster, ask):
    """Asked all the time: whoever says yes before and after another was asked, that other said no."""
    old = patroni_cluster.leader()
    over, trouble, seen = threading.Event(), [], set()

    def watch():
        while not over.is_set():
            rounds = [(member, ask(LEADER, member, "-t", "1s").state) for member in (*patroni_cluster.members, *patroni_cluster.members)]
            size = len(patroni_cluster.members)
            steady = [rounds[i][0] for i in range(size) if rounds[i][1] == "OK" == rounds[i + size][1]]
            seen.update(member.name for member, state in rounds if state == "OK")
            if len(steady) > 1:
                trouble.append(rounds)
            time.sleep(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        wait_for(lambda: old.name in seen, "the old leader to be seen", 60, 0.1)
        new = patroni_cluster.switchover()
        wait_for(lambda: new.name in seen, "the new leader to be seen", 60, 0.1)
    finally:
        over.set()
        watcher.join()
    assert not trouble, trouble
    assert seen == {old.name, new.name}, seen


# --- a standby cluster -----------------------------------------------------------------------------------------------

def test_the_leader_of_a_standby_cluster(patroni_cluster, ask):
    with patroni.Cluster(1, scope="dr", etcd=patroni_cluster.etcd, standby_of=patroni_cluster.leader()) as far:
        member = far.leader()
        told(lambda: ask(LEADER, member, "--standby-leader"), "OK",
             f"PG LEADER OK - leader of a standby cluster, {holds_lock(member)}")
        told(lambda: ask(LEADER, member), "CRITICAL",
             "standby, not the leader of a primary cluster, but of a standby cluster")
        told(lambda: ask(REPLICA, member), "CRITICAL", "leader of a standby cluster, not a replica")
        told(lambda: ask(REPLICA, member, "--accept-primary"), "OK", "leader of a standby cluster, accepted for reads")
        for replica in patroni_cluster.replicas():
            told(lambda: ask(LEADER, replica, "--standby-leader"), "CRITICAL", "standby, not the leader, which is ")
        # A copy of the other cluster: only when it was started tells them apart.
        told(lambda: ask(LEADER, patroni_cluster.leader(), url=member.url), "UNKNOWN",
             "Patroni speaks of another server")
