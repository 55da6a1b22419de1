"""check_pg_auto_failover: a real monitor and three nodes of 2.0: healthy, silent, stuck, failed over, two primaries.

The tests share one formation, and leave it settled, but for the last ones: to make a new one takes a while.
"""

import json
import socket

import pytest

import agent
import auto_failover
import postgres
import programs
from sandbox import wait_for

PROGRAM = "check_pg_auto_failover"


@pytest.fixture(scope="module")
def formation(any_installation):  # which no node is of: so that one worker has all tests, and makes it once
    if auto_failover.why_missing():
        pytest.skip(auto_failover.why_missing())
    with auto_failover.Cluster() as made:
        yield made


@pytest.fixture
def cluster(formation):
    """It, settled: a primary, two secondaries."""
    return formation.wait_settled()


def ask(cluster, *args, check=programs.check, user="pgha"):
    return check(PROGRAM, *programs.at(cluster.monitor, user), "-d", auto_failover.DATABASE, *args)


def wait_answer(cluster, state, words, *args):
    """The first answer with that state and those words."""
    answers = []

    def look():
        answers[:] = [ask(cluster, *args)]
        return answers[0].state == state and words in answers[0].stdout

    wait_for(look, f'the check to say {state} and "{words}"', 90, 0.4,
             detail=lambda: f"{answers[0]}\n{cluster.overview()}")
    return answers[0]


# --- as it is to be --------------------------------------------------------------------------------------------------

def test_healthy(cluster, check):
    result = ask(cluster, check=check)
    assert result.state == "OK", result
    name = cluster.primary().name
    assert result.stdout.startswith(f"PG AUTO FAILOVER OK - {name} is the primary, 2 healthy secondaries | "), result
    metrics = ask(cluster, "-f", "json", check=check).json()["metrics"]
    assert metrics["nodes"]["value"] == 3, metrics
    assert "report_age_seconds" in json.dumps(metrics)


def test_what_was_seen(cluster, check):
    """What each node says itself stands beside what the monitor says of it."""
    said = ask(cluster, "--node", "n2", "--record", "-", check=check)
    recorded = json.loads(said.stdout.partition("\n}\n")[0] + "\n}")
    rows = {row["name"]: row for row in recorded["snapshots"][0]["parts"]["auto_failover"]["rows"]}
    primary = cluster.primary().name
    assert {name: row["own_role"] for name, row in rows.items()} == {
        name: "primary" if name == primary else "standby" for name in ("n1", "n2", "n3")}
    assert [name for name, row in rows.items() if row["is_own"]] == ["n2"]
    assert rows[primary]["own_timeline"] == rows[primary]["timeline"] >= 1
    assert {row["health"] for row in rows.values()} == {1} and {row["sync_standbys"] for row in rows.values()} == {1}


def test_how_it_is_asked(cluster, check):
    monitor = cluster.monitor
    by_conninfo = ("--conninfo", f"host={monitor.host} port={monitor.port} user=pgha dbname=pg_auto_failover")
    assert check(PROGRAM, *by_conninfo).state == "OK"
    assert ask(cluster, "--node", f"127.0.0.1:{cluster['n3'].port}", check=check).state == "OK"
    result = ask(cluster, "--node", "n9", check=check)
    assert result.state == "UNKNOWN" and 'the monitor has no node "n9"' in result.stdout, result
    assert "hint: pg_autoctl show state lists their names" in result.stdout, result
    result = ask(cluster, "--formation", "other", check=check)
    assert result.state == "CRITICAL" and 'the monitor has no nodes of the formation "other"' in result.stdout, result
    assert "hint: is that its name?" in result.stdout, result
    assert ask(cluster, "--min-secondaries", 3, check=check).state == "CRITICAL"


def test_who_asks_the_nodes(cluster, check):
    """The monitor's user need not be known on the nodes."""
    result = ask(cluster, "--node-conninfo", "user=nobody-there", check=check)
    assert result.state == "UNKNOWN", result
    assert "cannot be asked itself: " in result.stdout and 'role "nobody-there" does not exist' in result.stdout, result
    result = ask(cluster, "--node-conninfo", "user=nobody-there", "--trust-monitor", check=check)
    assert result.state == "UNKNOWN" and "--node-conninfo has no effect with --trust-monitor" in result.stdout, result
    result = ask(cluster, "--node-conninfo", "user=postgres dbname=template1", user="autoctl_node", check=check)
    assert result.state == "OK", result


def test_another_database_and_user(cluster, check):
    result = check(PROGRAM, *programs.at(cluster.monitor))
    assert result.state == "UNKNOWN" and "does not exist" in result.stdout, result
    assert "hint: name the monitor's database (-d, or dbname=pg_auto_failover)" in result.stdout, result
    result = ask(cluster, user="plain", check=check)
    assert result.state == "UNKNOWN" and "permission denied for schema pgautofailover" in result.stdout, result
    assert "GRANT autoctl_node TO" in result.stdout, result


def test_in_the_agent(cluster):
    monitor = cluster.monitor
    section = {"conninfo": f"host={monitor.host} port={monitor.port} user=pgha dbname=pg_auto_failover", "node": "n1"}
    with agent.Agent(cluster["n1"], config={"pg_auto_failover": section}) as running:
        def is_known():
            answer = running.get("/check/pg_auto_failover").json()
            return answer["state"] == "OK" and "2 healthy secondaries" in answer["summary"]

        wait_for(is_known, "the agent to know pg_auto_failover", 60, 0.1,
                 detail=lambda: running.get("/check/pg_auto_failover"))


# --- a node in trouble -----------------------------------------------------------------------------------------------

def test_maintenance(cluster):
    node = cluster.secondaries()[0]
    node.autoctl("enable", "maintenance")
    try:
        result = wait_answer(cluster, "OK", f"{node.name} is in maintenance (maintenance)")
        assert "1 healthy secondary" in result.stdout, result
    finally:
        node.autoctl("disable", "maintenance")


def test_a_keeper_that_stands_still(cluster):
    """Its PostgreSQL goes on, and the monitor finds it healthy."""
    node = cluster.secondaries()[0]
    node.freeze_keeper()
    try:
        result = wait_answer(cluster, "WARNING", f"time since the keeper of {node.name} last reported is ", "-w", "6s")
        assert "(warning above 6 s)" in result.stdout, result
        assert result.stdout.count("last reported") == 1, result
    finally:
        node.thaw()


def test_a_frozen_standby(cluster):
    """Silent itself, then failing the monitor's health check, then stuck on its way to another state."""
    node = cluster.secondaries()[0]
    node.freeze()
    try:
        result = ask(cluster, "-t", "3s")
        assert result.state == "WARNING" and result.elapsed < 3, result
        assert f"{node.name} (secondary) cannot be asked itself: no answer from 127.0.0.1:{node.port}" in result.stdout
        assert f"hint: does PostgreSQL run on {node.name}?" in result.stdout, result
        wait_answer(cluster, "WARNING", f"{node.name} (secondary) fails the monitor's health check", "-t", "2s")
        result = wait_answer(cluster, "WARNING", f"{node.name} is stuck: it is to be catchingup, and reports secondary for ",
                             "-t", "2s", "--max-transition", "500ms")
        assert "(--max-transition 500 ms)" in result.stdout, result
        assert "1 healthy secondary" in ask(cluster, "-v", "-t", "3s").stdout
    finally:
        node.thaw()


# --- failover --------------------------------------------------------------------------------------------------------

def test_a_secondary_that_replicates_from_nobody(cluster):
    """The monitor goes by whether it can be connected to: it finds all well while commits wait."""
    primary = cluster.primary()
    primary.sql("ALTER ROLE pgautofailover_replicator NOLOGIN")
    try:
        primary.sql("SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_replication")
        wait_answer(cluster, "CRITICAL", "0 healthy secondaries")
        cluster.wait_settled()  # to the monitor
        result = ask(cluster, "--min-secondaries", 0, "-v")
        for node in cluster.secondaries():
            words = f"WARNING: {node.name} (secondary) has no WAL receiver: it replicates from nobody"
            assert words in result.stdout, result
    finally:  # no standby is there to confirm it
        primary.sql("SET synchronous_commit = local; ALTER ROLE pgautofailover_replicator LOGIN")
    wait_answer(cluster, "OK", "2 healthy secondaries")


def test_failover_that_is_stuck(cluster):
    """The primary dies, and the keepers of those that could take over stand still before they do: the monitor waits
    for what each of them has of the WAL."""
    primary, others = cluster.primary(), cluster.secondaries()
    for node in others:
        node.freeze_keeper()
    primary.kill()
    try:
        result = ask(cluster)
        assert result.state == "CRITICAL", result
        assert f"the primary {primary.name} cannot be asked itself: cannot connect to " in result.stdout, result
        assert f"hint: does PostgreSQL run on {primary.name}?" in result.stdout, result
        others[0].thaw()
        wait_for(lambda: all(cluster.states()[node.name][1] != "secondary" for node in others), "the monitor to act",
                 60, 0.2, detail=cluster.overview)
        result = wait_answer(cluster, "CRITICAL", f"{others[1].name} is stuck: it is to be ", "-v", "--max-transition",
                             "1s")
        assert f"the monitor has no primary: {primary.name} " in result.stdout, result
        assert "0 healthy secondaries, at least 1 must be there" in result.stdout, result
        assert "split brain" not in result.stdout, result
    finally:
        for node in others:
            node.thaw()
        promoted = cluster.primary()
        assert promoted in others
        wait_for(lambda: f"{promoted.name} is the primary" in ask(cluster, "-v", "--min-secondaries", 0).stdout,
                 f"{promoted.name} to be the primary", 60, 0.4, detail=cluster.overview)
        primary.start(wait=False)  # and it comes back as a secondary


# --- what ends the formation -----------------------------------------------------------------------------------------

def test_promoted_behind_its_back(cluster):
    """The monitor goes on believing that it is a secondary, and finds all healthy."""
    primary, node = cluster.primary(), cluster.secondaries()[0]
    node.sql("SELECT pg_catalog.pg_promote(false)")
    result = wait_answer(cluster, "CRITICAL", "split brain: 2 nodes are primaries by their own word: ")
    assert f"{primary.name} on timeline " in result.stdout and " (primary by the monitor)" in result.stdout, result
    assert f"{node.name} on timeline " in result.stdout and " (secondary by the monitor)" in result.stdout, result
    assert ask(cluster, "--trust-monitor").state == "OK"


def test_without_the_monitor(formation):
    formation.monitor.freeze_postmaster()
    result = ask(formation, "-t", "1s")
    assert result.state == "CRITICAL" and "in time" in result.stdout, result
    assert ask(formation, "-t", "1s", "--on-timeout", "warning").state == "WARNING"
    formation.monitor.kill()
    result = ask(formation)
    assert result.state == "CRITICAL" and "cannot connect to 127.0.0.1:" in result.stdout, result


# --- monitors that nobody has in life, older and newer ones: a schema made by hand -----------------------------------

# The columns of 1.4; 1.6 added reportedtli, 2.3 region and more.
SCHEMA = """
CREATE SCHEMA pgautofailover;
CREATE TABLE pgautofailover.formation (formationid text, kind text, dbname name, opt_secondary bool,
                                       number_sync_standbys int);
CREATE TABLE pgautofailover.node (
    formationid text, nodeid bigint, groupid int, nodename text, nodehost text, nodeport int, sysidentifier bigint,
    goalstate text, reportedstate text, reportedpgisrunning bool, reportedrepstate text, reporttime timestamptz,
    reportedlsn pg_lsn, walreporttime timestamptz, health int, healthchecktime timestamptz,
    statechangetime timestamptz, candidatepriority int, replicationquorum bool, nodecluster text);
INSERT INTO pgautofailover.formation VALUES ('default', 'pgsql', 'postgres', true, 0);
GRANT USAGE ON SCHEMA pgautofailover TO pgha;
GRANT SELECT ON ALL TABLES IN SCHEMA pgautofailover TO pgha;
"""

NODE = """
INSERT INTO pgautofailover.node
SELECT 'default', id, 0, name, host, port, (SELECT system_identifier FROM pg_catalog.pg_control_system()), goal, reported,
       true, 'sync', pg_catalog.now(), '0/3000060', pg_catalog.now(), 1, pg_catalog.now(), pg_catalog.now(), 50, true,
       'default'
  FROM (VALUES {}) row (id, name, host, port, goal, reported)
"""


def insert_nodes(server, *rows):
    server.sql(NODE.format(", ".join(["%s"] * len(rows))), rows)


@pytest.fixture(scope="module")
def made_by_hand(any_installation):
    with postgres.Cluster(any_installation) as cluster:
        server = cluster.primary()
        server.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        yield server


@pytest.fixture
def fake(made_by_hand):
    """fake(rows...) is a server with tables like a monitor's, and at the same time its only node, n1."""
    def fill(*rows):
        made_by_hand.sql(SCHEMA)
        insert_nodes(made_by_hand, (1, "n1", made_by_hand.host, made_by_hand.port, "single", "single"), *rows)
        return made_by_hand

    yield fill
    made_by_hand.sql("DROP SCHEMA IF EXISTS pgautofailover CASCADE")


def ask_fake(check, server, *args):
    return check(PROGRAM, *programs.at(server), "--min-secondaries", 0, *args)


@pytest.mark.parametrize("columns", [
    "",
    "ADD reportedtli int NOT NULL DEFAULT 1",
    "ADD reportedtli int NOT NULL DEFAULT 1, ADD region text NOT NULL DEFAULT 'default', ADD pg_versionnum int, "
    "ADD replication_stall_since timestamptz"], ids=["1.4", "2.0", "2.3"])
def test_versions_of_the_monitor(fake, check, columns):
    server = fake()
    if columns:
        server.sql(f"ALTER TABLE pgautofailover.node {columns}")
    result = ask_fake(check, server)
    assert result.state == "OK" and "n1 is the primary" in result.stdout, result


def test_hostile_texts(fake, check):
    name = "n2|x=1\n\x1b[31m'" + "\u00e9" * 200
    result = ask_fake(check, fake((2, name, "h" * 5000, 5432, "secondary\n|", ""),
                                  (-3, "", "", 99999, "secondary", "x" * 20),
                                  (4, "n4", "127.0.0.1,127.0.0.1", 1, "demoted", "demoted")), "-v")
    assert result.state == "WARNING", result
    assert "n2/x=1 " in result.stdout and "is in a state that is not known here" in result.stdout, result
    assert result.stdout.splitlines()[0].count("|") == 1 and "\x1b" not in result.stdout, result


def test_more_nodes_than_there_is_room_for(fake, check):
    """All silent: they are asked at once, and cost half of the time."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        port = silent.getsockname()[1]
        server = fake(*((number, f"n{number}", "127.0.0.1", port, "secondary", "secondary") for number in range(2, 60)))
        result = ask_fake(check, server, "-t", "4s", "-v")
    assert result.state == "WARNING" and result.elapsed < 3, result
    assert "only 16 of 59 nodes are looked at" in result.stdout, result
    assert result.stdout.count("(secondary) cannot be asked itself: no answer") >= 15, result


def test_addresses_that_lead_to_one_server(fake, check):
    """By a virtual address, or PGHOSTADDR, one primary would look like two."""
    server = fake()
    insert_nodes(server, (2, "n2", server.host, server.port, "secondary", "secondary"))
    result = ask_fake(check, server)
    assert result.state == "WARNING" and "split brain" not in result.stdout, result
    assert "n2 (secondary) cannot be asked itself: the server of n1 answers there" in result.stdout, result


def with_another_row(fake, goal="secondary"):
    """Of a lower number, and leading to the same server by another name."""
    server = fake()
    insert_nodes(server, (0, "n0", "localhost", server.port, goal, goal))
    return server


def test_the_row_that_is_to_be_the_primary_has_the_server(fake, check):
    """Not the one that happens to have the lower number."""
    server = with_another_row(fake)
    result = ask_fake(check, server, "-v")
    assert result.state == "WARNING" and "OK: n1 is the primary" in result.stdout, result
    assert "n0 (secondary) cannot be asked itself: the server of n1 answers there" in result.stdout, result
    assert "hint: n0 is asked at the place that the monitor has: is that right" in result.stdout, result


def test_another_row_of_a_server_is_told_also_where_it_may_be_down(fake, check):
    """An address that has stayed with the old primary would make that one the new one's voice."""
    result = ask_fake(check, with_another_row(fake, "demoted"))
    assert result.state == "WARNING", result
    assert "n0 (demoted) cannot be asked itself: the server of n1 answers there" in result.stdout, result


def test_another_row_of_a_server_is_no_rival(fake, check):
    server = with_another_row(fake)
    monitor = f"host={server.host} port={server.port} user=pgha"
    result = check("check_pg_leader", *programs.at(server), "--monitor", monitor)
    assert result.state == "OK" and "the monitor's \"n1\" (single)" in result.stdout, result
    by_socket = ("-H", server.socket_dir, "-p", server.port, "-U", "pgha", "--monitor", monitor)
    result = check("check_pg_leader", *by_socket)
    assert result.state == "UNKNOWN" and "has no node that is known to be this one" in result.stdout, result
    assert check("check_pg_leader", *by_socket, "--node", "n1").state == "OK"
    with agent.Agent(server, config={"pg_auto_failover": {"conninfo": monitor}}) as asked:
        wait_for(lambda: asked.get("/primary").status == 200, "the leader", 60,
                 0.1, detail=lambda: asked.get("/check/leader").text)


@pytest.mark.parametrize("change, state, words", [
    ("ALTER TABLE pgautofailover.node ALTER health TYPE text USING 'good'", "UNKNOWN", "text <> integer"),
    ("ALTER TABLE pgautofailover.node ALTER nodeid TYPE numeric USING 1e30", "UNKNOWN", '"id"'),
    ("ALTER TABLE pgautofailover.node DROP statechangetime", "UNKNOWN", "statechangetime"),
    ("ALTER TABLE pgautofailover.node ADD reportedtli text DEFAULT 'newest'", "UNKNOWN", '"newest"'),
    ("UPDATE pgautofailover.node SET goalstate = repeat('x', 100)", "UNKNOWN", '"goal_state"'),
    ("UPDATE pgautofailover.node SET replicationquorum = NULL", "UNKNOWN", '"is_in_quorum"'),
    ("UPDATE pgautofailover.node SET reporttime = 'infinity'", "UNKNOWN", "infini"),
    ("UPDATE pgautofailover.node SET reporttime = '0001-01-01'", "WARNING", "the keeper of n1 last reported is "),
    ("UPDATE pgautofailover.node SET reporttime = NULL", "WARNING", "it is not known when the keeper of n1"),
    ("UPDATE pgautofailover.node SET sysidentifier = 7", "UNKNOWN", "a server of another cluster answers there"),
    ("UPDATE pgautofailover.node SET sysidentifier = NULL", "OK", "n1 is the primary"),
    ("DELETE FROM pgautofailover.node", "CRITICAL", "the monitor has no nodes"),
    ("DELETE FROM pgautofailover.formation", "CRITICAL", "the monitor has no nodes"),
    ("INSERT INTO pgautofailover.node SELECT * FROM pgautofailover.node", "CRITICAL", "2 primaries: n1, n1"),
])
def test_tables_of_another_shape(fake, check, change, state, words):
    server = fake()
    server.sql(change)
    result = ask_fake(check, server)
    assert result.state == state and words in result.stdout, result
