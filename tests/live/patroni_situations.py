"""What a Patroni cluster goes through in the differential test: each situation made for real, held, and taken back.

Each is a context manager that yields who is what in it, {role: member}. Between two of them the cluster is healthy.
"""

import os
import signal
import threading
from contextlib import contextmanager

import patroni
import sandbox

BEHIND_BYTES = 4 << 20


def wait_for(condition, what, timeout=60, interval=patroni.LOOK, detail=lambda: ""):
    """Most conditions ask programs in Python."""
    sandbox.wait_for(condition, what, timeout, interval, detail)


def roles(cluster):
    """{"leader": ..., "replica": ...}: of two replicas that are alike, one stands for both."""
    return {"leader": cluster.leader(), "replica": cluster.replicas()[0]}


def _settled(member, what, **expected):
    """Waits for members of its /patroni; None: not there."""
    def look():
        try:
            said = member.rest(timeout=3).json()
        except OSError:
            return False
        return all(said.get(key) == value for key, value in expected.items())
    wait_for(look, what, detail=member.log_tail)


@contextmanager
def healthy(cluster):
    yield roles(cluster)


@contextmanager
def tagged(cluster):
    """One replica is not to be read from, the other has a tag of the site's own."""
    silent, gold = cluster.replicas()
    silent.set_tags(noloadbalance=True)
    gold.set_tags(gold=True, zone="a")
    yield {"leader": cluster.leader(), "noloadbalance": silent, "gold": gold}
    for member in (silent, gold):
        member.set_tags()


@contextmanager
def synchronous(cluster):
    cluster.patch_config({"synchronous_mode": True})
    sync = sandbox.wait_for(lambda: _sync_standby(cluster), "a synchronous standby", 60, patroni.LOOK, cluster.overview)
    other = next(member for member in cluster.replicas() if member is not sync)
    yield {"leader": cluster.leader(), "synchronous": sync, "asynchronous": other}
    cluster.patch_config({"synchronous_mode": None})
    wait_for(lambda: not _sync_standby(cluster), "no synchronous standby", detail=cluster.overview)


def _sync_standby(cluster):
    return next((member for member in cluster.members if member.rest().json().get("sync_standby")), None)


@contextmanager
def behind(cluster):
    """Replay on one replica waits for a query there. Were it only paused, Patroni would resume it."""
    leader, replica = roles(cluster).values()
    leader.sql("CREATE TABLE IF NOT EXISTS filler (content text)")
    replica.wait_replayed(leader.lsn())
    reader = replica.connect()
    with reader.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT count(*) FROM filler")
    leader.sql("TRUNCATE filler")  # what replay waits with
    leader.sql("INSERT INTO filler SELECT pg_catalog.repeat('x', 1000) FROM generate_series(1, %s)",
               [BEHIND_BYTES // 1000])
    # Patroni compares with the position in the store, where the leader puts it once in loop_wait.
    wait_for(lambda: replica.status("/replica?lag=3MB") == 503, f"Patroni of {replica.name} to see the lag")
    yield {"leader": leader, "replica": replica}
    reader.close()
    replica.wait_replayed(leader.lsn())


@contextmanager
def paused(cluster):
    cluster.pause()
    yield roles(cluster)
    cluster.resume()


@contextmanager
def promotion(cluster):
    """A switchover whose new leader has the lock already, and is still in recovery."""
    old = cluster.leader()
    new = cluster.replicas()[0]
    startup = new.startup_process()
    os.kill(startup, signal.SIGSTOP)
    switchover = threading.Thread(target=cluster.switchover, args=(new,))
    switchover.start()
    wait_for(lambda: new.status("/leader") == 200 and old.status("/health") == 200, f"{new.name} to take the lock",
             detail=cluster.overview)
    yield {"new leader": new, "old leader": old}
    os.kill(startup, signal.SIGCONT)
    switchover.join()
    cluster.wait_healthy()


@contextmanager
def no_postgres(cluster):
    """In pause Patroni leaves alone what it finds: the server of a replica is gone."""
    replica = cluster.replicas()[0]
    cluster.pause()
    replica.kill_postgres()
    wait_for(lambda: replica.status("/health") == 503, f"Patroni of {replica.name} to miss its PostgreSQL")
    yield {"replica": replica}
    cluster.resume()
    cluster.wait_healthy()


@contextmanager
def no_primary(cluster):
    """And the server of the leader: Patroni gives the lock back, and the replicas have nobody to follow."""
    leader, replica = roles(cluster).values()
    cluster.pause()
    leader.kill_postgres()
    wait_for(lambda: leader.status("/leader") == 503, f"Patroni of {leader.name} to give the lock back")
    yield {"old leader": leader, "replica": replica}
    cluster.resume()
    cluster.wait_healthy()


@contextmanager
def crash(cluster):
    """The server of the leader has crashed, and comes back slowly: Patroni keeps the lock meanwhile."""
    leader, replica = roles(cluster).values()
    leader.hold_postgres()
    leader.kill_postgres()
    wait_for(lambda: leader.status("/health") == 503, f"Patroni of {leader.name} to miss its PostgreSQL")
    yield {"leader": leader, "replica": replica}
    leader.let_postgres()
    cluster.wait_healthy()


@contextmanager
def frozen_postgres_of_replica(cluster):
    replica = cluster.replicas()[0]
    replica.freeze_postgres()
    yield {"replica": replica}
    replica.thaw()
    cluster.wait_healthy()


@contextmanager
def frozen_postgres_of_leader(cluster):
    """Patroni's loop hangs in a query, and the lock expires."""
    old = cluster.leader()
    old.freeze_postgres()
    new = cluster.wait_leader(other_than=old)
    yield {"old leader": old, "leader": new}
    old.thaw()
    cluster.wait_healthy()


@contextmanager
def frozen_patroni_of_replica(cluster):
    """Connections to its REST API are taken, and nobody answers; PostgreSQL goes on."""
    replica = cluster.replicas()[0]
    replica.freeze_patroni()
    yield {"replica": replica}
    replica.thaw()
    cluster.wait_healthy()


@contextmanager
def killed_patroni_of_leader(cluster):
    """Its PostgreSQL goes on as a primary beside the new one."""
    old = cluster.leader()
    old.kill_patroni()
    new = cluster.wait_leader(other_than=old)
    yield {"old leader": old, "leader": new}
    old.start()
    cluster.wait_healthy()


@contextmanager
def killed_leader(cluster):
    old = cluster.leader()
    old.kill()
    new = cluster.wait_leader(other_than=old)
    other = next(member for member in cluster.members if member not in (old, new))
    wait_for(lambda: patroni.sees(other, new), f"{other.name} to follow {new.name}", detail=cluster.overview)
    yield {"old leader": old, "leader": new, "replica": other}
    old.start()
    cluster.wait_healthy()


@contextmanager
def frozen_etcd(cluster):
    """Without the store the leader gives up before its lock expires."""
    leader, replica = roles(cluster).values()
    for member in cluster.etcd.members:
        member.freeze()
    wait_for(lambda: leader.status("/leader") == 503 and leader.is_running() and _is_standby(leader),
             f"{leader.name} to step down", detail=cluster.overview)
    _settled(replica, f"{replica.name} to see no leader", cluster_unlocked=True, state="running")
    yield {"old leader": leader, "replica": replica}
    cluster.etcd.mend()
    cluster.wait_healthy()


@contextmanager
def frozen_etcd_in_pause(cluster):
    """Then it does not, and goes by what its PostgreSQL is."""
    leader, replica = roles(cluster).values()
    cluster.pause()
    for member in cluster.etcd.members:
        member.freeze()
    for member in (leader, replica):
        _settled(member, f"{member.name} to miss the store", cluster_unlocked=True)
    yield {"leader": leader, "replica": replica}
    cluster.etcd.mend()
    cluster.resume()
    cluster.wait_healthy()


@contextmanager
def lost_quorum(cluster):
    """What is left of the store still answers who is in the cluster, but takes no lock."""
    leader, replica = roles(cluster).values()
    for member in cluster.etcd.members[1:]:
        member.kill()
    wait_for(lambda: leader.status("/leader") == 503 and leader.is_running() and _is_standby(leader),
             f"{leader.name} to step down", detail=cluster.overview)
    yield {"old leader": leader, "replica": replica}
    cluster.etcd.mend()
    cluster.wait_healthy()


@contextmanager
def failsafe(cluster):
    """The store is away, but all members agree that the leader may go on."""
    cluster.patch_config({"failsafe_mode": True})
    wait_for(lambda: _is_failsafe(cluster), "all to know whom the leader asks without a store", detail=cluster.overview)
    leader, replica = roles(cluster).values()
    for member in cluster.etcd.members:
        member.freeze()
    for member in (leader, replica):
        _settled(member, f"failsafe mode of {member.name}", failsafe_mode_is_active=True,
                 cluster_unlocked=True)
    yield {"leader": leader, "replica": replica}
    cluster.etcd.mend()
    cluster.patch_config({"failsafe_mode": None})
    cluster.wait_healthy()


def _is_failsafe(cluster):
    """Each member has the list of all of them."""
    answers = [member.rest("GET", "/failsafe") for member in cluster.members]
    return all(answer.status == 200 and len(answer.json()) == len(cluster.members) for answer in answers)


def _is_standby(member):
    try:
        return member.rest(timeout=3).json()["role"] == "replica"
    except (OSError, KeyError):
        return False


# Two halves, which take about the same time.
SITUATIONS = (
    {
        "healthy": healthy,
        "tags": tagged,
        "synchronous mode": synchronous,
        "replay stands still, 4 MB behind": behind,
        "pause": paused,
        "promotion under way": promotion,
        "after the switchover": healthy,
        "PostgreSQL of a replica killed in pause": no_postgres,
        "PostgreSQL of the leader killed in pause": no_primary,
        "PostgreSQL of the leader crashed": crash,
        "PostgreSQL of a replica frozen": frozen_postgres_of_replica,
        "PostgreSQL of the leader frozen": frozen_postgres_of_leader,
        "Patroni of a replica frozen": frozen_patroni_of_replica,
    },
    {
        "Patroni of the leader killed": killed_patroni_of_leader,
        "leader killed": killed_leader,
        "etcd frozen": frozen_etcd,
        "etcd frozen, failsafe mode": failsafe,
        "etcd frozen, pause": frozen_etcd_in_pause,
        "etcd without quorum": lost_quorum,
    },
)
