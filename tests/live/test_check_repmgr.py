"""check_repmgr: real repmgr 5.3 with its daemons: healthy, paused, stopped, frozen, failed over, two primaries."""

import json
import socket
from contextlib import contextmanager

import psycopg2
import pytest

import agent
import postgres
import programs
import repmgr
from sandbox import wait_for

PROGRAM = "check_repmgr"


@pytest.fixture(scope="module")
def cluster(any_installation):  # which no node is of: so that one worker has all tests, and makes it once
    """n1, n2, n3 and a witness server; tests leave it as they found it."""
    if repmgr.why_missing():
        pytest.skip(repmgr.why_missing())
    with repmgr.Cluster() as made:
        made.add_witness()
        yield made


def ask(check, node, *args, user="pgha", **keywords):
    return check(PROGRAM, *programs.at(node, user), "-d", repmgr.DATABASE, *args, **keywords)


def wait_answer(node, words, *args, check=programs.check):
    """The first answer that has those words."""
    answers = []

    def look():
        answers[:] = [ask(check, node, *args)]
        return words in answers[0].stdout

    wait_for(look, f'{node.name} to say "{words}"', 60, 0.3, detail=lambda: answers[0])
    return answers[0]


# --- as it is to be --------------------------------------------------------------------------------------------------

def test_healthy(cluster, check):
    for node in cluster.nodes:
        result = ask(check, node)
        assert result.state == "OK", result
        assert result.stdout.startswith("REPMGR OK - n1 is the primary, 2 standbys: "), result
        assert f"repmgrd runs on {node.name} " in result.stdout, result


def test_figures(cluster, check):
    metrics = ask(check, cluster["n2"], "-f", "json").json()["metrics"]
    assert metrics["standbys"]["value"] == 2 and metrics["nodes"]["value"] == 4
    assert 0 <= metrics["upstream_seen_seconds"]["value"] < 10
    assert "upstream_seen_seconds" not in ask(check, cluster["n1"], "-f", "json").json()["metrics"]


def test_what_was_seen(cluster, check):
    """What each node says itself stands beside the metadata of it."""
    recorded = json.loads(ask(check, cluster["n3"], "--record", "-").stdout.partition("\n}\n")[0] + "\n}")
    part = recorded["snapshots"][0]["parts"]["repmgr"]
    rows = {row["name"]: row for row in part["rows"]}
    assert part["own_id"] == 3 and part["total"] == 4 and part["version"] == "5.3"
    assert [name for name, row in rows.items() if row["is_own"]] == ["n3"]
    assert {name: row["own_role"] for name, row in rows.items()} == {
        "n1": "primary", "n2": "standby", "n3": "standby", "witness": "witness"}
    assert {row["primary_id"] for row in rows.values()} == {1}
    assert {row["daemon"] for row in rows.values()} == {"running"}
    assert {name: row["own_receiver"] for name, row in rows.items()} == {
        "n1": None, "n2": "streaming", "n3": "streaming", "witness": None}
    assert rows["n1"]["own_timeline"] == 1
    assert rows["n2"]["place"] == f"127.0.0.1:{cluster['n2'].port}"


def test_min_standbys(cluster, check):
    result = ask(check, cluster["n1"], "--min-standbys", 2)
    assert result.state == "OK", result
    result = ask(check, cluster["n1"], "--min-standbys", 3)
    assert result.state == "CRITICAL" and "2 standbys are active, answer and replicate, at least 3 must" in result.stdout, result


def test_by_conninfo(cluster, check):
    node = cluster["n2"]
    result = check(PROGRAM, "--conninfo", f"host={node.host} port={node.port} user=pgha dbname=repmgr")
    assert result.state == "OK" and "repmgrd runs on n2" in result.stdout, result


def test_by_socket(cluster, check):
    node = cluster["n2"]
    result = check(PROGRAM, "-H", node.socket_dir, "-p", node.port, "-U", "pgha", "-d", "repmgr")
    assert result.state == "OK" and "repmgrd runs on n2" in result.stdout, result


def test_another_node_is_asked(cluster, check):
    result = ask(check, cluster["n2"], "--node", "n3")
    assert result.state == "UNKNOWN" and 'the server asked is node "n2" of repmgr, not "n3"' in result.stdout, result
    assert "hint: --node is the name of the node that is asked" in result.stdout, result
    result = ask(check, cluster["n2"], "--node", "n9")
    assert result.state == "UNKNOWN" and 'repmgr\'s metadata have no node "n9"' in result.stdout, result
    assert "hint: repmgr cluster show lists their names" in result.stdout, result
    result = ask(check, cluster["n2"], "--node", "n2")
    assert result.state == "OK", result
    result = ask(check, cluster["n2"], "--node", "2")
    assert result.state == "OK", result


# --- who may see it --------------------------------------------------------------------------------------------------

def test_another_database(cluster, check):
    result = check(PROGRAM, *programs.at(cluster["n2"]))
    assert result.state == "UNKNOWN" and 'schema "repmgr" does not exist' in result.stdout, result
    assert "hint: name repmgr's database (-d, or dbname=)" in result.stdout, result


def test_not_permitted(cluster, check):
    result = ask(check, cluster["n2"], user="plain")
    assert result.state == "UNKNOWN" and "permission denied for schema repmgr" in result.stdout, result
    assert "see monitoring-repmgr.sql" in result.stdout, result


def test_its_role_may_only_look(cluster):
    """The role that every test here asks as, with the grants of the harness."""
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cluster["n1"].sql("SELECT repmgr.repmgrd_pause(true)", dbname="repmgr", user="pgha")


def test_where_the_nodes_are_may_not_be_seen(cluster, check):
    result = ask(check, cluster["n2"], user="narrow")
    assert result.state == "UNKNOWN", result
    assert "the primary n1 cannot be asked: permission denied for table nodes" in result.stdout, result
    assert "hint: n1 is asked as the same user" in result.stdout and "--trust-metadata" in result.stdout, result
    result = ask(check, cluster["n2"], "--trust-metadata", user="narrow")
    assert result.state == "OK" and "2 standbys: n2, n3" in result.stdout, result


@contextmanager
def other_addresses(cluster, *updates):
    """(conninfo, condition) of rows of repmgr.nodes, for a while in which no repmgrd runs: it would take a node that
    it cannot reach for gone."""
    primary = cluster["n1"]
    for node in cluster.nodes:
        node.freeze_daemon()
    try:
        for conninfo, where in updates:
            primary.sql(f"UPDATE repmgr.nodes SET conninfo = {conninfo} WHERE {where}", dbname="repmgr")
        yield
    finally:
        for node in cluster.nodes:
            primary.sql("UPDATE repmgr.nodes SET conninfo = %s WHERE node_id = %s", (node.conninfo, node.number),
                        dbname="repmgr")
        for name in ("n2", "n3"):
            cluster[name].wait_replayed(primary.lsn())
        for node in cluster.nodes:
            node.thaw_daemon()


def test_a_password_in_the_metadata_goes_no_further(cluster, check):
    with other_addresses(cluster, ("conninfo || ' password=geheim'", "true")):
        cluster["n2"].wait_replayed(cluster["n1"].lsn())
        for args in (("-v", "-v"), ("--record", "-"), ("-f", "json")):
            result = ask(check, cluster["n2"], *args)
            assert result.state == "OK" and "geheim" not in result.stdout + result.stderr, result
    with other_addresses(cluster, ("'password=geheim'", "node_id = 3")):
        cluster["n2"].wait_replayed(cluster["n1"].lsn())
        result = ask(check, cluster["n2"], "-v", "--record", "-")
        assert result.state == "WARNING" and "geheim" not in result.stdout + result.stderr, result
        assert "the standby n3 cannot be asked: its conninfo names no host" in result.stdout + result.stderr, result


def test_an_address_that_leads_to_the_next_node(cluster, check):
    """repmgrd has told its server which node it is: only the row of that number has it, though another comes before."""
    with other_addresses(cluster, (f"'{cluster['n3'].conninfo}'", "node_id = 2")):
        result = ask(check, cluster["n1"], "-v")
        assert result.state == "WARNING" and "OK: 1 standby: n3" in result.stdout, result
        assert "the standby n2 cannot be asked: repmgr's node 3 answers there" in result.stdout, result
        assert "at the place that repmgr.nodes has: is that right" in result.stdout, result


# --- repmgrd ---------------------------------------------------------------------------------------------------------

def test_paused(cluster, check):
    node = cluster["n2"]
    node.pause()
    try:
        result = ask(check, node)
        assert result.state == "WARNING" and "repmgrd is paused on n2: there is no failover" in result.stdout, result
        result = ask(check, node, "--repmgrd-paused", "ok")
        assert result.state == "OK", result
        result = ask(check, cluster["n1"])
        assert result.state == "WARNING" and " - repmgrd is paused on n2 " in result.stdout, result
    finally:
        node.pause(False)


def test_stopped(cluster, check):
    node = cluster["n3"]
    node.stop_daemon()
    try:
        result = ask(check, node)
        assert result.state == "CRITICAL", result
        assert "repmgrd does not run on n3: nobody there starts a failover" in result.stdout, result
        result = ask(check, node, "--repmgrd-absent", "ok")
        assert result.state == "OK", result
        result = ask(check, cluster["n1"])
        assert result.state == "WARNING" and " - repmgrd is absent on n3 " in result.stdout, result
    finally:
        node.start_daemon()
    result = ask(check, node)
    assert result.state == "OK", result


def test_frozen_daemon(cluster):
    """PostgreSQL sees a process of that number; only the age of what it saw tells."""
    node = cluster["n3"]
    node.freeze_daemon()
    try:
        result = wait_answer(node, "time since repmgrd last saw its upstream is ", "-w", "1s")
        assert result.state == "WARNING" and "(warning above 1 s)" in result.stdout, result
        assert "repmgrd runs on n3" in ask(programs.check, node, "-v", "-w", "1s").stdout
    finally:
        node.thaw_daemon()
    wait_answer(node, "REPMGR OK", "-w", "1s")


# --- nodes -----------------------------------------------------------------------------------------------------------

def test_a_frozen_standby(cluster):
    node = cluster["n3"]
    node.freeze()
    try:
        result = ask(programs.check, cluster["n2"], "-t", "4s")
        assert result.state == "WARNING" and result.elapsed < 4, result
        assert f"the standby n3 cannot be asked: no answer from 127.0.0.1:{node.port} in time" in result.stdout, result
        assert "hint: does PostgreSQL run on n3?" in result.stdout, result
        result = ask(programs.check, node, "-t", "1s")
        assert result.state == "CRITICAL" and "in time" in result.stdout and result.elapsed < 1.5, result
    finally:
        node.thaw()
    result = ask(programs.check, cluster["n2"])
    assert result.state == "OK", result


@contextmanager
def led(node, conninfo):
    """Whom a standby replicates from is changed behind repmgr's back."""
    def lead(where):
        node.sql("ALTER SYSTEM SET primary_conninfo = %s", (where,))
        node.sql("SELECT pg_reload_conf()")

    before = node.value("SHOW primary_conninfo")
    lead(conninfo)
    try:
        yield
    finally:
        lead(before)


def test_a_standby_that_replicates_from_nobody(cluster):
    """It answers, is a standby, and its upstream is well: only its receiver tells."""
    with led(cluster["n3"], "host=127.0.0.1 port=1"):
        for asked in cluster.nodes:
            result = wait_answer(asked, "n3 has no WAL receiver: it replicates from nobody, its upstream is n1 ")
            assert result.state == "WARNING" and "hint: see primary_conninfo" in result.stdout, result
        result = ask(programs.check, cluster["n1"], "--min-standbys", 2)
        assert result.state == "CRITICAL", result
        assert "1 standby is active, answers and replicates, at least 2 must" in result.stdout, result
    for asked in cluster.nodes:
        wait_answer(asked, "REPMGR OK")


def test_a_standby_that_streams_from_another_node(cluster):
    """All is well to repmgr, whose repmgrd watches the wrong node."""
    n2 = cluster["n2"]
    with led(cluster["n3"], f"host={n2.host} port={n2.port} user=repmgr application_name=n3"):
        for asked in cluster.nodes:
            result = wait_answer(asked, "n3 streams from n2, and its upstream by repmgr's metadata is n1 ")
            assert result.state == "WARNING" and "repmgr standby follow --upstream-node-id=1" in result.stdout, result
    for asked in cluster.nodes:
        wait_answer(asked, "REPMGR OK")


def test_a_witness_that_is_silent(cluster):
    cluster.witness.freeze_postmaster()
    try:
        result = ask(programs.check, cluster["n1"], "-t", "4s")
        assert result.state == "WARNING" and "the witness witness cannot be asked: no answer" in result.stdout, result
    finally:
        cluster.witness.thaw()


# --- in the agent, and beside a server -------------------------------------------------------------------------------

def test_in_the_agent(cluster):
    node = cluster["n2"]
    section = {"conninfo": f"host={node.host} port={node.port} user=pgha dbname=repmgr"}
    with agent.Agent(node, config={"repmgr": section}) as running:
        def says(state, words):
            answer = running.get("/check/repmgr").json()
            return answer["state"] == state and words in answer["summary"]

        wait_for(lambda: says("OK", "n1 is the primary"), "the agent to know repmgr", 60, 0.1,
                 detail=lambda: running.get("/check/repmgr"))
        node.pause()
        try:
            wait_for(lambda: says("WARNING", "repmgrd is paused on n2"), "it to see the pause", 60, 0.1,
                     detail=lambda: running.get("/check/repmgr"))
        finally:
            node.pause(False)


# --- clusters of their own -------------------------------------------------------------------------------------------

@pytest.fixture
def own(request):
    """A cluster that a test breaks."""
    if repmgr.why_missing():
        pytest.skip(repmgr.why_missing())
    with repmgr.Cluster(**getattr(request, "param", {})) as made:
        yield made


def test_failover(own):
    """The primary dies, one standby takes over, the other follows late, and the old one comes back as it was."""
    n1, n2, n3 = own.nodes
    n3.hba(postgres.HBA_OPEN)  # without the line by which repmgr makes it follow another
    for node in (n2, n3):
        node.wait_replayed(n1.lsn())  # who has more would be the one to take over
        node.freeze_daemon()
    n1.kill()
    result = ask(programs.check, n2)  # before anybody takes over
    assert result.state == "CRITICAL", result
    assert f"the primary n1 cannot be asked: cannot connect to 127.0.0.1:{n1.port}: " in result.stdout, result
    assert "hint: does PostgreSQL run on n1?" in result.stdout, result

    for node in (n2, n3):
        node.thaw_daemon()
    assert own.wait_primary(other_than="n1") is n2
    result = wait_answer(n2, "primary n1 is not active in repmgr's metadata")
    assert result.state == "WARNING" and "n3 has n1 as its upstream, which is not active" in result.stdout, result
    assert "by the copy of the metadata on n3 the primary is n1, not n2" in result.stdout, result
    result = ask(programs.check, n3)  # its metadata are from before
    assert result.state == "CRITICAL", result
    assert "n2 is a standby by repmgr's metadata, and a primary by its own word" in result.stdout, result

    n3.hba(repmgr.HBA_OPEN)
    result = wait_answer(n3, " - primary n1 is not active in repmgr's metadata |")
    assert result.state == "WARNING", result
    assert "n2 is the primary" in ask(programs.check, n3, "-v").stdout

    n1.start()
    for node in own.nodes:
        result = ask(programs.check, node)
        assert result.state == "CRITICAL", result
        assert "split brain: 2 nodes are primaries by their own word: " in result.stdout, result
        assert "n1 on timeline 1" in result.stdout and "n2 on timeline 2" in result.stdout, result

    n3.stop_daemon()  # which would be the next to promote
    n2.kill()
    result = ask(programs.check, n3, "--repmgrd-absent", "ok", "--on-down", "warning", "-v")
    assert result.state == "CRITICAL", result
    assert "n1 is not active in repmgr's metadata, and runs as a primary on timeline 1: it takes writes" \
        in result.stdout, result
    assert "the primary n2 cannot be asked" in result.stdout and "hint: stop n1 at once" in result.stdout, result


@pytest.mark.parametrize("own", [{"size": 2, "daemons": False}], indirect=True)
def test_promoted_behind_its_back(own):
    n1, n2 = own.nodes
    by_hand = ("--repmgrd-absent", "ok")
    result = ask(programs.check, n2, *by_hand)  # nobody has told it its number: its place does
    assert result.state == "OK" and "repmgrd does not run on n2" in result.stdout, result
    result = ask(programs.check, n2)
    assert result.state == "CRITICAL", result

    n2.promote()
    for node in own.nodes:
        result = ask(programs.check, node, *by_hand)
        assert result.state == "CRITICAL" and "split brain: 2 nodes are primaries" in result.stdout, result
    n1.stop()
    result = ask(programs.check, n2, *by_hand)
    assert result.state == "CRITICAL", result
    assert "the primary n1 cannot be asked" in result.stdout, result
    assert "n2 is a standby by repmgr's metadata, and a primary by its own word" in result.stdout, result
    n2.repmgr("primary", "register", "-F")
    result = ask(programs.check, n2, *by_hand, "--min-standbys", 0, "-v")
    assert result.state == "WARNING" and "OK: n2 is the primary" in result.stdout, result
    assert "primary n1 is not active in repmgr's metadata" in result.stdout, result


@pytest.mark.parametrize("own", [{"size": 2, "daemons": False}], indirect=True)
def test_which_node_it_is(own):
    """By its socket, before any repmgrd has told its number: by what the nodes themselves say."""
    node = own["n2"]
    by_socket = ("-H", node.socket_dir, "-p", node.port, "-U", "pgha", "-d", "repmgr", "--repmgrd-absent", "ok")
    result = programs.check(PROGRAM, *by_socket)
    assert result.state == "OK" and "repmgrd does not run on n2" in result.stdout, result
    result = programs.check(PROGRAM, *by_socket, "--trust-metadata")
    assert result.state == "WARNING" and "it is not known which node was asked" in result.stdout, result
    assert programs.check(PROGRAM, *by_socket, "--trust-metadata", "--node", "n2").state == "OK"


def test_without_its_library():
    """shared_preload_libraries without repmgr: no repmgrd can run there."""
    if repmgr.why_missing():
        pytest.skip(repmgr.why_missing())
    with repmgr.Cluster(size=1, daemons=False) as made:
        node = made["n1"]
        node.configure(shared_preload_libraries=None)
        node.restart()
        result = ask(programs.check, node, "--min-standbys", 0)
        assert result.state == "CRITICAL", result
        assert "repmgrd cannot run on n1: repmgr is not in its shared_preload_libraries" in result.stdout, result


# --- metadata that nobody has in life: a schema made by hand ---------------------------------------------------------

SCHEMA = """
CREATE SCHEMA repmgr;
CREATE TABLE repmgr.nodes (node_id int, upstream_node_id int, active bool, node_name text, type text, location text,
                           priority int, conninfo text);
CREATE FUNCTION repmgr.get_local_node_id() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION repmgr.repmgrd_is_running() RETURNS bool LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION repmgr.repmgrd_is_paused() RETURNS bool LANGUAGE sql AS 'SELECT false';
CREATE FUNCTION repmgr.get_upstream_last_seen() RETURNS int LANGUAGE sql AS 'SELECT -1';
"""


@pytest.fixture(scope="module")
def made_by_hand(any_installation):
    with postgres.Cluster(any_installation) as cluster:
        server = cluster.primary()
        server.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        yield server


@pytest.fixture
def fake(made_by_hand):
    """fake(node=..., ...) fills the metadata of a server with no extension; it is node 1, "n1", the primary."""
    def fill(*rows):
        own = (1, None, True, "n1", "primary", "default", 100, f"host={made_by_hand.host} port={made_by_hand.port}")
        made_by_hand.sql(SCHEMA + "GRANT USAGE ON SCHEMA repmgr TO pgha; GRANT SELECT ON repmgr.nodes TO pgha; "
                         f"INSERT INTO repmgr.nodes VALUES {', '.join(['%s'] * (1 + len(rows)))}", (own, *rows))
        return made_by_hand

    yield fill
    made_by_hand.sql("DROP SCHEMA IF EXISTS repmgr CASCADE")


def ask_fake(check, server, *args):
    return check(PROGRAM, *programs.at(server), "--min-standbys", 0, *args)


def test_fake(fake, check):
    result = ask_fake(check, fake())
    assert result.state == "OK" and "n1 is the primary" in result.stdout, result


def test_hostile_texts(fake, check):
    name = "n2|x=1\n\x1b[31m'" + "\u00e9" * 200
    result = ask_fake(check, fake((2, 1, True, name, "standby", "l" * 500, 2147483647, "host='\\"),
                                  (3, -7, True, "", "standby\n|", "", -2147483648, "x" * 5000),
                                  (-4, 9, True, "n4", "witness", "", 0, "host=127.0.0.1 port=99999")), "-v")
    assert result.state == "WARNING", result
    assert "n2/x=1 " in result.stdout and "is no connection string" in result.stdout, result
    assert result.stdout.splitlines()[0].count("|") == 1 and "\x1b" not in result.stdout, result
    assert "the witness n4 cannot be asked" in result.stdout, result


def test_more_nodes_than_there_is_room_for(fake, check):
    """All silent: they are asked at once, and cost half of the time."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        conninfo = f"host=127.0.0.1 port={silent.getsockname()[1]} password=geheim"
        server = fake(*((number, 1, True, f"n{number}", "standby", "", 100, conninfo) for number in range(2, 101)))
        result = ask_fake(check, server, "-t", "4s", "-v")
    assert result.state == "WARNING" and result.elapsed < 3, result
    assert "only 16 of 100 nodes are looked at" in result.stdout, result
    lines = [line for line in result.stdout.splitlines() if line.startswith("WARNING: the standby n")]
    assert len(lines) == 15 and all("cannot be asked: no answer from " in line for line in lines), result
    assert "geheim" not in result.stdout + result.stderr, result


def test_addresses_that_lead_to_one_server(fake, check):
    """By a virtual address, or PGHOSTADDR, one primary would look like three."""
    server = fake()
    for number in (2, 3):
        server.sql("INSERT INTO repmgr.nodes SELECT %s, 1, true, 'n' || %s, 'standby', location, priority, conninfo "
                   "FROM repmgr.nodes WHERE node_id = 1", (number, number))
    result = ask_fake(check, server)
    assert result.state == "WARNING" and "split brain" not in result.stdout, result
    assert "the standby n2 cannot be asked: the server of n1 answers there" in result.stdout, result
    assert "the standby n3 cannot be asked: the server of n1 answers there" in result.stdout, result


def test_it_does_not_answer(fake, check):
    server = fake()
    server.sql("CREATE OR REPLACE FUNCTION repmgr.get_local_node_id() RETURNS int LANGUAGE sql AS "
               "'SELECT 1 FROM pg_catalog.pg_sleep(30)'")
    result = ask_fake(check, server, "-t", "1s", "-f", "json")  # in vain, or the server ends it a moment before
    assert result.json()["fault"]["class"] == "timeout" and result.elapsed < 1.5, result


@pytest.mark.parametrize("change, state, words", [
    ("ALTER TABLE repmgr.nodes ALTER type TYPE int USING 1", "UNKNOWN", "type integer"),
    ("ALTER TABLE repmgr.nodes ALTER priority TYPE text USING 'high'", "UNKNOWN", '"priority"'),
    ("ALTER TABLE repmgr.nodes ALTER node_id TYPE numeric USING 1e30", "UNKNOWN", '"id"'),
    ("ALTER TABLE repmgr.nodes DROP location", "UNKNOWN", "location"),
    ("DROP FUNCTION repmgr.repmgrd_is_paused()", "UNKNOWN", "repmgrd_is_paused() does not exist"),
    ("UPDATE repmgr.nodes SET active = NULL", "UNKNOWN", '"is_active"'),
    ("DELETE FROM repmgr.nodes", "CRITICAL", "repmgr's metadata have no nodes"),
    ("INSERT INTO repmgr.nodes SELECT * FROM repmgr.nodes", "CRITICAL", "2 active primaries: n1, n1"),
    ("INSERT INTO repmgr.nodes SELECT 2, 1, true, 'n2', 'standby', '', 1, NULL", "WARNING",
     "the standby n2 cannot be asked: it is not known where it is"),
])
def test_tables_of_another_shape(fake, check, change, state, words):
    server = fake()
    server.sql(change)
    result = ask_fake(check, server)
    assert result.state == state and words in result.stdout, result
