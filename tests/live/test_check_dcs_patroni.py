"""check_dcs and the leader lock that a real Patroni keeps in etcd."""

import re

from sandbox import wait_for

PROGRAM = "check_dcs"


def test_the_lock_of_a_cluster(patroni_cluster, check):
    def ask(*args):
        return check(PROGRAM, "--endpoints", ",".join(patroni_cluster.etcd.endpoints), "--scope", patroni_cluster.scope,
                     "-w", "30s", "-c", "30s", *args)

    leader = patroni_cluster.leader()
    well = ask()
    assert well.state == "OK", well
    assert f'{leader.name} holds the leader lock of "{patroni_cluster.scope}"' in well.stdout, well
    left = int(re.search(r"leader_ttl_seconds=(\d+)s", well.stdout)[1])
    assert 5 <= left <= 8, "the harness has a ttl of 8 s, renewed each second"
    seen = [None]

    def is_late():
        seen[0] = ask("--min-ttl", "5s")
        return seen[0].state == "WARNING"

    leader.freeze_patroni()
    try:
        wait_for(is_late, "the lock to run out", 10, detail=lambda: seen[0])
        assert f'of "{patroni_cluster.scope}", which {leader.name} holds, is' in seen[0].stdout, seen[0]
        assert f"hint: Patroni on {leader.name} does not renew it" in seen[0].stdout, seen[0]
    finally:
        leader.thaw()
    wait_for(lambda: ask().state == "OK", "somebody to hold it again", 30, detail=ask)
