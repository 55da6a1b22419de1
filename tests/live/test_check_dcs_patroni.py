"""check_dcs and the leader lock that a real Patroni keeps in etcd."""

import re

import pytest

import patroni
from until import told, until

PROGRAM = "check_dcs"


@pytest.fixture
def build():
    """The sanitizers watch the same code in test_check_dcs.py; here the cluster takes the time."""
    return "plain"


def test_the_lock_of_a_cluster(patroni_cluster, check):
    def ask(*args):
        return check(PROGRAM, "--endpoints", ",".join(patroni_cluster.etcd.endpoints), "--scope", patroni_cluster.scope,
                     "-w", "30s", "-c", "30s", "-t", "20s", *args)

    leader, ttl = patroni_cluster.leader(), patroni.TIMES["ttl"]
    holds = f'{leader.name} holds the leader lock of "{patroni_cluster.scope}"'

    def left(result):
        return int(re.search(r"leader_ttl_seconds=(\d+)s", result.stdout)[1])

    # The harness has it renewed each second.
    until(ask, lambda result: result.state == "OK" and holds in result.stdout and ttl - 3 <= left(result) <= ttl,
          "a lock that is fresh")
    leader.freeze_patroni()
    try:
        told(lambda: ask("--min-ttl", f"{ttl - 3}s"), "WARNING",
             f'of "{patroni_cluster.scope}", which {leader.name} holds, is',
             f"hint: Patroni on {leader.name} does not renew it")
    finally:
        leader.thaw()
    told(ask, "OK")  # somebody holds it again
