"""check_pg_leader with --repmgr and --monitor: who else has a say, and disagrees for real."""

import pytest

import auto_failover
import repmgr
from programs import at
from sandbox import wait_for

LEADER = "check_pg_leader"


@pytest.fixture
def build():
    """The sanitizers watch the same code in tests/unit and tests/cases; here the clusters take the time."""
    return "plain"


def says(result, state, text):
    assert result.state == state and text in result.stdout, result


# --- repmgr ----------------------------------------------------------------------------------------------------------

@pytest.fixture
def repmgr_cluster():
    if reason := repmgr.why_missing():
        pytest.skip(reason)
    with repmgr.Cluster(size=3, daemons=False) as cluster:
        yield cluster


def repmgrs(node):
    return f"host={node.host} port={node.port} user=pgha dbname={repmgr.DATABASE}"


def test_repmgr(repmgr_cluster, check):
    """One cluster after the other: agreeing, a second primary, metadata out of reach, the old primary after a failover."""
    n1, n2, n3 = repmgr_cluster.nodes

    def ask(node, by, *options):
        return check(LEADER, *at(node), "--repmgr", repmgrs(by), *options)

    for by in (n1, n2, n3):
        says(ask(n1, by), "OK", "PG LEADER OK - primary on timeline 1, repmgr's primary \"n1\"")
    says(ask(n2, n1), "CRITICAL", "PG LEADER CRITICAL - standby, not the leader")

    n3.sql("SELECT pg_catalog.pg_promote()")  # behind repmgr's back: the metadata stay as they are
    says(ask(n1, n2), "CRITICAL", 'PG LEADER CRITICAL - stale primary: "n3" is primary on the newer timeline 2')
    says(ask(n3, n1), "CRITICAL", "split brain suspected: primary, but to repmgr its node \"n3\" is a standby, and the primary is \"n1\"")
    says(ask(n3, n3), "CRITICAL", "split brain suspected: primary, but to repmgr its node \"n3\" is a standby")
    n3.stop()
    says(ask(n1, n2), "OK", "repmgr's primary \"n1\"")

    n2.freeze()
    result = ask(n1, n2, "-t", "3s")
    says(result, "CRITICAL", "PG LEADER CRITICAL - repmgr could not be asked (")
    assert result.elapsed < 3.5, result
    says(ask(n1, n2, "-t", "3s", "--repmgr-unreachable", "ok"), "OK", "PostgreSQL alone is trusted")
    n2.thaw()

    n1.stop("immediate")
    n2.repmgr("standby", "promote")
    n1.start()
    # Each is the primary to its own metadata; that of the stale one know no better, but its peers do.
    says(ask(n2, n2), "OK", 'repmgr\'s primary "n2", "n1" is a stale primary on timeline 1')
    for by in (n1, n2):
        says(ask(n1, by), "CRITICAL", 'stale primary: "n2" is primary on the newer timeline 2')
    says(ask(n1, n2), "CRITICAL", "its node \"n1\" is no longer active")


# --- pg_auto_failover ------------------------------------------------------------------------------------------------

@pytest.fixture
def formation():
    if reason := auto_failover.why_missing():
        pytest.skip(reason)
    with auto_failover.Cluster(size=2) as cluster:
        yield cluster


def test_the_monitor(formation, check):
    """One formation: agreeing, the keeper of the primary frozen while the other is promoted, the monitor gone."""
    old = formation.primary()
    other = formation.secondaries()[0]
    monitor = f"host={formation.monitor.host} port={formation.monitor.port} user=pgha dbname={auto_failover.DATABASE}"

    def ask(node, *options):
        return check(LEADER, *at(node), "--monitor", monitor, "--node-conninfo", "dbname=postgres user=pgha", *options)

    says(ask(old), "OK", f"PG LEADER OK - primary on timeline 1, the monitor's \"{old.name}\" (primary)")
    says(ask(old, "--node", old.name), "OK", f"the monitor's \"{old.name}\" (primary)")
    says(ask(other), "CRITICAL", "PG LEADER CRITICAL - standby, not the leader")
    says(ask(old, "--node", other.name), "UNKNOWN", f'the server asked is the monitor\'s node "{old.name}", not "{other.name}"')

    old.freeze_keeper()  # nobody stops its PostgreSQL when another one is to lead
    other.freeze_keeper()  # nor promotes that one before the first question
    formation.monitor.sql("SELECT pgautofailover.perform_failover('default', 0)", dbname=auto_failover.DATABASE)
    result = ask(old)  # "draining", and "demote_timeout" later
    says(result, "CRITICAL", 'PG LEADER CRITICAL - primary, but the monitor wants it "d')
    assert '(it reported "primary")' in result.stdout, result
    other.thaw()
    wait_for(lambda: ask(other).state == "OK", "the other one to lead", 90, 0.4, detail=formation.overview)
    says(ask(other), "OK", f"\"{old.name}\" is a stale primary on timeline 1")
    result = ask(old)
    says(result, "CRITICAL", f'stale primary: "{other.name}" is primary on the newer timeline 2')
    assert "split brain suspected: primary, but the monitor wants it \"demote" in result.stdout, result
    old.thaw()
    formation.wait_settled()
    says(ask(other), "OK", f"the monitor's \"{other.name}\" (primary)")
    says(ask(old), "CRITICAL", "standby, not the leader")

    old.freeze_keeper()  # whoever promotes it does so behind the monitor's back, and clients go on with the other
    old.sql("SELECT pg_catalog.pg_promote()")
    result = ask(other, "-v")
    says(result, "CRITICAL", f'split brain: "{old.name}" is primary on the newer timeline 3, but this one is wanted')
    assert "stop the other one" in result.stdout and "stop this server" not in result.stdout, result
    result = ask(old, "-v")
    says(result, "CRITICAL", f'split brain: "{other.name}" is primary on the older timeline 2, but this one is not wanted')
    assert "let nobody write here" in result.stdout and "stop that server" not in result.stdout, result

    formation.monitor.freeze_postmaster()
    result = ask(other, "-t", "3s")
    says(result, "CRITICAL", "PG LEADER CRITICAL - the monitor could not be asked (")
    assert result.elapsed < 3.5, result
    says(ask(other, "-t", "3s", "--monitor-unreachable", "warning"), "WARNING", "PostgreSQL alone is trusted")
