"""check_pgpool and pgpool-II as its versions answer, and as none should: columns, delays, hangs, PCP's words."""

import os
import re
from pathlib import Path

import pytest

import nodes
import wire
from expect import PATIENT, SHORT, T
from launch import launch

PROGRAM = "check_pgpool"
SINCE = "2026-11-21 16:41:11"
PASSWORD = "Xq7zSecret"

# The columns of SHOW POOL_NODES by version: 4.1 added the state of replication, 4.3 what pgpool sees when it looks.
COLUMNS = {
    "4.0": "node_id hostname port status lb_weight role select_cnt load_balance_node replication_delay "
           "last_status_change",
    "4.1": "node_id hostname port status lb_weight role select_cnt load_balance_node replication_delay "
           "replication_state replication_sync_state last_status_change",
    "4.3": "node_id hostname port status pg_status lb_weight role pg_role select_cnt load_balance_node "
           "replication_delay replication_state replication_sync_state last_status_change",
}
CHECKS = ("node_id hostname port status role last_status_change total_count success_count fail_count skip_count "
          "retry_count average_retry_count max_retry_count max_duration min_duration average_duration "
          "last_health_check last_successful_health_check last_skip_health_check last_failed_health_check").split()


def columns_of(version):
    return COLUMNS[max(since for since in COLUMNS if since <= version)].split()


def backend(number, role, peer, **more):
    """What pgpool tells of one backend, in every version's columns."""
    return {"node_id": number, "hostname": peer.host, "port": peer.port, "status": "up", "pg_status": "up",
            "lb_weight": "0.500000", "role": role, "pg_role": role, "select_cnt": "0", "load_balance_node": "false",
            "replication_delay": "0", "replication_state": "" if role == "primary" else "streaming",
            "replication_sync_state": "" if role == "primary" else "async", "last_status_change": SINCE,
            "total_count": "9", "success_count": "9", "fail_count": "0", "skip_count": "0", "retry_count": "0",
            "average_retry_count": "-nan", "max_retry_count": "0", "max_duration": "7", "min_duration": "7",
            "average_duration": "7.000000", "last_health_check": "2026-11-21 17:00:00",
            "last_successful_health_check": "2026-11-21 17:00:00", "last_skip_health_check": "",
            "last_failed_health_check": "", **more}


def rows(names, backends):
    return wire.table(names, *[[b[name] for name in names] for b in backends])


def unknown(sql):
    """What pgpool passes on to PostgreSQL, which does not know it."""
    name = sql.split()[-1].lower()
    return wire.failure("42704", f'unrecognized configuration parameter "{name}"')


def pool(backends, version="4.7", settings=None, **changes):
    """A Script of pgpool-II; `changes` replace the answer to a statement: nodes, checks, status or own_version."""
    settings = {"sr_check_period": "10", "use_watchdog": "0", **(settings or {})}

    def answer(sql):
        what = {"SHOW POOL_NODES": "nodes", "SHOW POOL_HEALTH_CHECK_STATS": "checks", "SHOW POOL_STATUS": "status",
                "SHOW POOL_VERSION": "own_version"}[sql]
        if what in changes:
            return changes[what](sql) if callable(changes[what]) else changes[what]
        if what == "nodes":
            return [rows(columns_of(version), backends)]
        if what == "checks":
            return [rows(CHECKS, backends) if version >= "4.2" else unknown(sql)]
        if what == "status":
            return [wire.table(["item", "value", "description"],
                               *[[item, value, "words"] for item, value in settings.items()])]
        return [wire.table(["pool_version"], [f"{version}.1 (tamahomeboshi)"])]

    return wire.Script(answer=answer)


def ask(peer, *args, **how):
    outcome = launch(PROGRAM, *peer.target, "-f", "json", *args, **how)
    assert outcome.err == b"", outcome
    return outcome, outcome.json()


def state_of(script, *args, **how):
    """The answer of pgpool that plays this script, alone."""
    with wire.PgPeer(script) as peer:
        return ask(peer, *args, **how)


def figures(answer, name):
    """The values of a figure that each of several backends has."""
    return [figure["value"] for key, figure in answer["metrics"].items() if key.endswith("_" + name)]


CLUSTER, OTHER_CLUSTER = "7123456789012345678", "7999999999999999999"


def server(node, started_ms, cluster=CLUSTER, unix_dir=None, **changes):
    """A PostgreSQL of its own, by its identity."""
    known = {**node, "system_identifier": cluster, "started_ms": str(started_ms), **changes}
    return wire.PgPeer(nodes.script(known), unix_dir=unix_dir)


@pytest.fixture
def servers():
    """A primary and a standby."""
    with server(nodes.PRIMARY, 1690000000001) as primary, server(nodes.STANDBY, 1690000000002) as standby:
        yield primary, standby


@pytest.fixture
def backends(servers):
    return [backend(0, "primary", servers[0]), backend(1, "standby", servers[1])]


# -- versions -----------------------------------------------------------------------------------

@pytest.mark.parametrize("version", ["4.0", "4.1", "4.2", "4.3", "4.5", "4.7"])
def test_each_version_is_read(version, backends, servers):
    backends[1]["replication_delay"] = "4096"
    _, answer = state_of(pool(backends, version), *T, "--no-backends")
    assert figures(answer, "replication_delay_bytes") == [4096], answer
    with wire.PgPeer(pool(backends, version)) as peer:
        outcome, answer = ask(peer, *T)
        place = f"{servers[0].host}:{servers[0].port}"
        assert answer["state"] == "OK" and outcome.code == 0, answer
        assert answer["summary"] == f"pgpool-II {version}.1 has 2 of 2 backends up, primary is backend 0 ({place})"
        assert figures(answer, "replication_delay_bytes") == [0], answer
        assert peer.sql == ["SHOW POOL_VERSION", "SHOW POOL_STATUS", "SHOW POOL_HEALTH_CHECK_STATS", "SHOW POOL_NODES"]
        assert not {b"options", b"statement_timeout"} & set(peer.startups[0]), peer.startups
    assert [len(server.startups) for server in servers] == [1, 1], "each backend is asked itself"


def test_backends_are_left_alone_if_told_so(backends, servers):
    outcome, answer = state_of(pool(backends), *T, "--no-backends")
    assert answer["state"] == "OK" and outcome.code == 0, answer
    assert [len(server.startups) for server in servers] == [0, 0]


@pytest.mark.parametrize("text, limit, state", [
    ("0.250000 second", "200ms", "CRITICAL"),
    ("0.250000 second", "250ms", "OK"),
    ("12.000000 seconds", "10s", "CRITICAL"),
    ("12.000000 seconds", "12s", "OK"),
    ("12.000000 seconds", "1MB", "UNKNOWN"),
    ("1048577", "1MB", "CRITICAL"),
    ("1048576", "1MB", "OK"),
    ("0", "10s", "UNKNOWN"),
])
def test_the_delay_in_bytes_or_in_time(backends, text, limit, state):
    backends[1]["replication_delay"] = text
    _, answer = state_of(pool(backends), *T, "-c", limit, "--no-backends")
    assert answer["state"] == state, answer


def test_a_delay_that_is_not_measured_is_no_zero(backends):
    script = pool(backends, settings={"sr_check_period": "0"})
    _, answer = state_of(script, *T, "--no-backends")
    assert answer["state"] == "OK" and not figures(answer, "replication_delay_bytes"), answer
    _, answer = state_of(script, *T, "--no-backends", "-c", "16MB")
    assert answer["state"] == "UNKNOWN" and "is not known" in answer["summary"], answer
    _, answer = state_of(script, *T, "-c", "16MB")
    assert answer["state"] == "OK" and figures(answer, "replication_delay_bytes") == [0], "the backends tell it"


@pytest.mark.parametrize("primary, standby, delay", [
    ("0/5000060", "0/5000060", 0), ("0/5001060", "0/5000060", 4096), ("1/0", "0/FFFFFFFF", 1), ("0/5000060", "0/5001060", 0),
    ("FFFFFFFF/FFFFFFFF", "0/1", 1 << 60), ("0/5000060", None, 12),
])
def test_the_delay_by_the_backends_themselves(primary, standby, delay):
    """What pgpool has measured is as old as sr_check_period, or older; it stands in where a standby tells nothing."""
    with server(nodes.PRIMARY, 1690000000001, wal_lsn=primary) as first, \
            server(nodes.STANDBY, 1690000000002, replay_lsn=standby) as second:
        both = [backend(0, "primary", first), backend(1, "standby", second, replication_delay="12")]
        _, answer = state_of(pool(both), *T)
    assert figures(answer, "replication_delay_bytes") == pytest.approx([delay]), answer


@pytest.mark.parametrize("changes, words", [
    ({"receiver_pid": None, "receiver_status": None}, "does not stream: no WAL receiver runs there"),
    ({"receiver_status": "waiting"}, 'does not stream from the primary: "waiting"'),
    ({"receiver_status": None}, None),
])
def test_a_standby_that_does_not_stream(servers, changes, words):
    with server(nodes.STANDBY, 1690000000002, **changes) as second:
        both = [backend(0, "primary", servers[0]), backend(1, "standby", second)]
        _, answer = state_of(pool(both), *T)
    assert answer["state"] == ("WARNING" if words else "OK") and (words or "up") in answer["summary"], answer


def test_a_delay_without_a_primary_is_no_zero(backends):
    backends[0]["role"] = "standby"
    _, answer = state_of(pool(backends), *T, "--no-backends")
    assert answer["state"] == "CRITICAL" and not figures(answer, "replication_delay_bytes"), answer


@pytest.mark.parametrize("weight", ["-nan", "nan", "", "1e9", "inf", "-1"])
def test_a_weight_that_is_none(backends, weight):
    for each in backends:
        each["lb_weight"] = weight
    _, answer = state_of(pool(backends), *T)
    assert answer["state"] == "OK", answer
    assert "weight" not in str(answer["reasons"]), answer


def test_columns_are_described_twice(backends):
    """4.3 does that to SHOW POOL_VERSION: psql shows an empty answer, then the real one."""
    twice = [wire.table(["pool_version"], then=[wire.row_description(["pool_version"]),
                                                wire.data_row(["4.3.5 (tamahomeboshi)"]), wire.complete()])]
    _, answer = state_of(pool(backends, "4.3", own_version=twice), *T)
    assert answer["state"] == "OK" and answer["summary"].startswith("pgpool-II 4.3.5 has"), answer


def test_checks_that_failed(backends):
    backends[1].update(fail_count="3", last_failed_health_check="2026-11-21 16:58:00")
    _, answer = state_of(pool(backends), *T)
    assert answer["state"] == "WARNING" and "failed 2 min ago" in answer["summary"], answer
    _, answer = state_of(pool(backends), *T, "--failed-within", "119s")
    assert answer["state"] == "OK", answer
    backends[1].update(last_successful_health_check="2026-11-21 16:57:00")
    _, answer = state_of(pool(backends), *T, "--failed-within", "119s")
    assert answer["state"] == "WARNING" and "is not failed over" in answer["summary"], answer


def test_native_replication(servers):
    with server(nodes.PRIMARY, 1690000000009, OTHER_CLUSTER) as second:
        both = [backend(0, "main", servers[0]), backend(1, "replica", second)]
        _, answer = state_of(pool(both), *T)
        assert answer["state"] == "OK" and answer["summary"].endswith("2 of 2 backends up"), answer
        both[1]["port"] = servers[0].port
        _, answer = state_of(pool(both), *T)
        assert answer["state"] == "WARNING" and "lead to one server" in answer["summary"], "it gets each write twice"


# -- what backends say themselves ---------------------------------------------------------------

def test_two_primaries(servers):
    with server(nodes.PRIMARY, 1690000000002, wal_file="000000040000000000000005") as second:
        both = [backend(0, "primary", servers[0]), backend(1, "standby", second)]
        outcome, answer = state_of(pool(both), *T)
    assert answer["state"] == "CRITICAL" and outcome.code == 2, answer
    assert answer["summary"].startswith("split brain suspected: backend 0 ("), answer
    assert "timeline 3)" in answer["summary"] and "timeline 4)" in answer["summary"], answer


def test_a_primary_that_is_read_only(servers):
    """Asked who made it so, as one whose role alone is read-only is as good as any."""
    for source, state in (("configuration file", "CRITICAL"), ("user", "OK"), (None, "CRITICAL")):
        with server(nodes.PRIMARY, 1690000000001, is_read_only="t", source=source) as primary:
            _, answer = state_of(pool([backend(0, "primary", primary), backend(1, "standby", servers[1])]), *T)
        assert answer["state"] == state, answer
        assert state == "OK" or "writes through pgpool fail" in answer["summary"], answer


def test_a_backend_on_a_socket(servers, tmp_path):
    with server(nodes.STANDBY, 1690000000002, unix_dir=tmp_path) as local:
        _, answer = state_of(pool([backend(0, "primary", servers[0]), backend(1, "standby", local)]), *T)
        assert answer["state"] == "OK" and len(local.startups) == 1, answer


def test_a_silent_backend_costs_the_others_nothing(servers):
    silent = wire.Script(startup=[wire.hold])
    with wire.PgPeer(silent) as second:
        both = [backend(0, "primary", servers[0]), backend(1, "standby", second)]
        outcome, answer = state_of(pool(both), *PATIENT)
    assert answer["state"] == "CRITICAL" and outcome.elapsed < 2.3, outcome
    assert "is up to pgpool, and does not answer here: no answer from " in answer["summary"], answer
    assert "primary by itself" in str(answer["reasons"]), answer


@pytest.mark.parametrize("host, why", [
    ("", "pgpool names no host"),
    ("127.0.0.1,127.0.0.1", "pgpool names no host"),
    ("nowhere.invalid", "nowhere.invalid"),
])
def test_a_backend_without_a_place(backends, host, why):
    backends[1]["hostname"] = host
    _, answer = state_of(pool(backends), *T)
    assert answer["state"] in ("UNKNOWN", "CRITICAL") and why in answer["summary"], answer


@pytest.mark.parametrize("port", ["0", "70000", "-1"])
def test_a_backend_without_a_port(backends, port):
    backends[1]["port"] = port
    _, answer = state_of(pool(backends), *T)
    assert answer["state"] == "UNKNOWN" and "is up to pgpool, and does not answer here" in answer["summary"], answer


# -- pgpool that waits for a frozen backend ----------------------------------------------------------

def test_nodes_that_hang_are_told_by_the_statistics(backends):
    def hang(_):
        return [wire.raw(wire.hold)]
    outcome, answer = state_of(pool(backends, nodes=hang), "-t", "3s")
    assert answer["state"] == "CRITICAL" and outcome.elapsed < 3.3, outcome
    assert answer["summary"] == "SHOW POOL_NODES: no answer to a query in time", answer
    assert "primary by itself" in str(answer["reasons"]), answer
    backends[1]["status"] = "down"
    _, answer = state_of(pool(backends, nodes=hang), "-t", "3s")
    assert answer["state"] == "WARNING" and "is detached from pgpool" in answer["summary"], answer


def test_before_the_statistics_there_is_nothing_to_fall_back_on(backends):
    outcome, answer = state_of(pool(backends, "4.1", nodes=lambda _: [wire.raw(wire.hold)]), *PATIENT)
    assert answer["state"] == "CRITICAL" and answer["fault"]["class"] == "timeout", answer
    assert "is one frozen" in answer["hint"], answer


def test_a_pgpool_that_says_nothing():
    outcome, answer = state_of(wire.Script(startup=[wire.hold]), *SHORT)
    assert answer["state"] == "CRITICAL" and answer["fault"]["class"] == "timeout" and outcome.elapsed < 0.6, outcome


def test_one_that_pgpool_itself_does_not_reach(backends):
    """It answers here; a primary without which nobody writes, whoever else can reach it."""
    backends[0].update(pg_status="down", pg_role="unknown")
    for options in ((), ("--no-backends",)):
        outcome, answer = state_of(pool(backends), *T, *options)
        assert answer["state"] == "CRITICAL" and outcome.code == 2, answer
        assert "pgpool itself cannot reach it: nobody can write through it" in answer["summary"], answer


def test_backends_that_nobody_looks_at(backends):
    """As with health_check_period = 0: any of them may be dead."""
    for each in backends:
        each.update(pg_status="unknown", pg_role="unknown", total_count="0", success_count="0")
    _, answer = state_of(pool(backends), *T, "--no-backends")
    assert answer["state"] == "WARNING" and "nobody has looked" in answer["summary"], answer
    assert answer["hint"].startswith("set health_check_period"), answer
    _, answer = state_of(pool(backends), *T)
    assert answer["state"] == "OK", answer


# -- which servers answer -----------------------------------------------------------------------------

def name(number, peer):
    return f"backend {number} ({peer.host}:{peer.port})"


def test_two_rows_that_lead_to_one_primary(servers):
    """As the ports of a proxy do: no second primary."""
    primary, _ = servers
    both = [backend(0, "primary", primary), backend(1, "standby", primary, pg_role="primary")]
    _, answer = state_of(pool(both), *T)
    assert answer["state"] == "WARNING", answer
    assert answer["summary"] == f"{name(0, primary)} and {name(1, primary)} lead to one server", answer
    assert "--no-backends" in answer["hint"] and figures(answer, "replication_delay_bytes") == [], answer


def test_two_rows_that_lead_to_one_standby(servers):
    primary, standby = servers
    three = [backend(0, "primary", primary), backend(1, "standby", standby), backend(2, "standby", standby)]
    _, answer = state_of(pool(three), *T)
    assert answer["state"] == "WARNING" and "lead to one server" in answer["summary"], answer


def test_two_primaries_are_two(servers):
    primary, _ = servers
    with server(nodes.PRIMARY, 1690000000009) as other:
        both = [backend(0, "primary", primary), backend(1, "standby", other)]
        _, answer = state_of(pool(both), *T)
        assert answer["state"] == "CRITICAL" and answer["summary"].startswith("split brain suspected: "), answer
        assert answer["hint"].startswith("stop the one that is not to be the primary"), answer
        both[1]["pg_role"] = "primary"
        _, answer = state_of(pool(both), *T, "--no-backends")
        assert answer["state"] == "CRITICAL" and answer["hint"].startswith("make sure that they are not one"), answer
        assert answer["summary"].startswith("split brain suspected, or one server behind a proxy: "), answer


@pytest.mark.parametrize("node", [nodes.PRIMARY, nodes.STANDBY], ids=["primary", "standby"])
def test_a_server_of_another_cluster(servers, node):
    """Neither a split brain nor a delay: its positions are of another WAL."""
    primary, _ = servers
    with server(node, 1690000000002, OTHER_CLUSTER) as other:
        both = [backend(0, "primary", primary), backend(1, "standby", other, replication_delay="")]
        outcome, answer = state_of(pool(both, settings={"sr_check_period": "0"}), *T)
        assert answer["state"] == "CRITICAL" and outcome.code == 2, answer
        assert answer["summary"].startswith(f"{name(1, other)} is of another cluster than {name(0, primary)}"), answer
        assert "split brain" not in str(answer) and figures(answer, "replication_delay_bytes") == [], answer


def test_a_server_that_does_not_tell_its_identity(servers):
    """It may be of another cluster: its position is held against no other."""
    primary, _ = servers
    role_only = nodes.answers(nodes.STANDBY)

    def answer(sql):
        return [wire.failure("42501", "permission denied")] if "pg_control_system" in sql else role_only(sql)

    with wire.PgPeer(wire.Script(answer=answer)) as standby:
        both = [backend(0, "primary", primary), backend(1, "standby", standby)]
        _, said = state_of(pool(both, settings={"sr_check_period": "0"}), *T)
        assert said["state"] == "OK" and figures(said, "replication_delay_bytes") == [], said
        assert "the replication delay of 1 of 1 standbys is not known" in said["summary"], said


def test_an_address_of_this_host_alone(backends):
    """pgpool was reached here, so they are the same servers to both."""
    with wire.PgPeer(pool(backends)) as peer:
        for host in ("127.0.0.1", "localhost"):
            outcome = launch(PROGRAM, "-H", host, "-p", peer.port, "-U", "pgha", *T, "-f", "json")
            assert outcome.json()["state"] == "OK", outcome


def test_a_delay_that_nobody_measures_is_told(backends):
    _, answer = state_of(pool(backends, settings={"sr_check_period": "0"}), *T, "--no-backends")
    assert answer["state"] == "OK" and "the replication delay of 1 of 1 standbys is not known" in answer["summary"], answer


# -- the configuration that we give ---------------------------------------------------------------------

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def test_our_pgpool_is_not_asked_for_its_own_addresses_by_nagios():
    """Its backends are HAProxy on its own host: from the monitoring host these addresses lead elsewhere."""
    hosts = re.findall(r"(?m)^backend_hostname\d+ = '(.*)'", (CONFIGS / "pgpool/pgpool.conf").read_text("utf-8"))
    services = re.findall(r"(?m)^ *check_command +check_pgpool!(.*)", (CONFIGS / "nagios/pgha.cfg").read_text("utf-8"))
    assert set(hosts) == {"127.0.0.1"} and len(services) == 1, (hosts, services)
    assert "--no-backends" in services[0].split(), services


# -- sessions that pgpool closes ----------------------------------------------------------------------

def closing_script(script, count):
    """Closes the first `count` sessions, as pgpool does when its backends change."""
    left = [count]

    def startup():
        if left[0] > 0:
            left[0] -= 1
            return [wire.Talk.reset]
        return wire.welcome()

    script.startup = startup
    return script


@pytest.mark.parametrize("count", [1, 2])
def test_a_session_that_is_closed_is_opened_anew(backends, count):
    _, answer = state_of(closing_script(pool(backends), count), *T)
    assert answer["state"] == "OK", answer


def test_a_session_that_is_closed_in_the_middle(backends):
    """By a failover: what was told until then is no answer."""
    left = [1]

    def nodes_once(_):
        if left[0] > 0:
            left[0] -= 1
            return [wire.raw(wire.Talk.reset)]
        return [rows(columns_of("4.7"), backends)]

    with wire.PgPeer(pool(backends, nodes=nodes_once)) as peer:
        _, answer = ask(peer, *T)
        assert answer["state"] == "OK" and len(peer.startups) == 2, answer


def test_sessions_that_are_always_closed(backends):
    outcome, answer = state_of(closing_script(pool(backends), 100), *T)
    assert answer["state"] == "CRITICAL" and answer["fault"]["class"] == "down" and outcome.elapsed < 5, outcome
    assert "it closes every session" in answer["hint"], answer


def test_no_session_is_left():
    script = wire.Script(startup=[wire.fatal("53300", "Sorry, too many clients already")])
    _, answer = state_of(script, *T)
    assert answer["state"] == "CRITICAL" and answer["fault"]["class"] == "full", answer


@pytest.mark.parametrize("text", [
    "md5 authentication failed", "authentication failed", "failed to authenticate with backend using SCRAM",
    'password authentication failed for user "pgha"',
])
def test_pgpool_has_one_sqlstate_for_all_that_it_says(text):
    _, answer = state_of(wire.Script(startup=[wire.fatal("XX000", text, D="password does not match")]), *T)
    assert answer["state"] == "UNKNOWN" and answer["fault"]["class"] == "setup", answer
    assert "pool_passwd" in answer["hint"], answer


@pytest.mark.parametrize("script", [
    wire.Script(startup=[wire.fatal("53300", "Sorry, too many clients already")]),
    wire.Script(tls=wire.fatal("53300", "Sorry, too many clients already"))], ids=["told", "before it listens"])
def test_too_many_clients(script):
    """With reserved_connections pgpool says so in place of an answer to the question for TLS."""
    outcome, answer = state_of(script, *T)
    assert answer["state"] == "CRITICAL" and answer["fault"]["class"] == "full", answer
    assert "too many clients" in answer["summary"] and "num_init_children" in answer["hint"], answer
    assert ("is it the port of PCP?" in answer["hint"]) == ("at once" in answer["summary"]), answer
    assert outcome.elapsed < 4, outcome


def test_a_backend_that_pgpool_cannot_reach():
    said = wire.fatal("XX000", "failed to create a backend connection", D="executing failover on backend")
    _, answer = state_of(wire.Script(startup=[said]), *T)
    assert answer["state"] == "CRITICAL" and answer["fault"]["class"] == "down", answer
    assert answer["summary"] == "failed to create a backend connection (executing failover on backend)", answer


# -- who is no pgpool ------------------------------------------------------------------------------

def test_postgresql_itself():
    _, answer = state_of(wire.Script(answer=lambda sql: [unknown(sql)]), *T)
    assert answer["state"] == "UNKNOWN" and answer["fault"]["class"] == "protocol", answer
    assert "is this the port of pgpool-II" in answer["hint"], answer


def test_the_console_of_pgbouncer():
    script = wire.Script(startup=wire.welcome(version="1.18.0/bouncer"),
                         answer=lambda _: [wire.failure("08P01", "invalid command")])
    _, answer = state_of(script, *T)
    assert answer["state"] == "UNKNOWN" and "PgBouncer's admin console" in answer["summary"], answer


# -- answers of another shape ----------------------------------------------------------------------

def changed(**values):
    def change(backends):
        backends[1].update(values)
    return change


@pytest.mark.parametrize("change", [
    changed(node_id="one"), changed(node_id="-1"), changed(node_id="128"), changed(node_id=None),
    changed(node_id="99999999999999999999"), changed(port="many"), changed(status=""), changed(status=None),
    changed(role=None), changed(replication_delay="a while"), changed(replication_delay="-1"),
    changed(replication_delay="5 parsecs"), changed(replication_delay="99999999999999999999"),
    changed(replication_delay="1e400 seconds"),
])
def test_a_value_of_another_shape(backends, change):
    change(backends)
    stats = [unknown("SHOW POOL_HEALTH_CHECK_STATS")]
    _, answer = state_of(pool(backends, checks=stats), *T)
    assert answer["state"] == "UNKNOWN" and answer["fault"]["class"] == "protocol", answer
    assert "unexpected answer to SHOW POOL_NODES" in answer["summary"], answer


@pytest.mark.parametrize("what, sql", [("checks", "SHOW POOL_HEALTH_CHECK_STATS"), ("status", "SHOW POOL_STATUS")])
def test_another_answer_of_another_shape(backends, what, sql):
    broken = {"checks": [rows(CHECKS, [{**backends[0], "total_count": "many"}])],
              "status": [wire.table(["item", "value"], ["sr_check_period", "soon"])]}[what]
    _, answer = state_of(pool(backends, **{what: broken}), *T)
    assert answer["state"] == "UNKNOWN" and f"unexpected answer to {sql}" in answer["summary"], answer


@pytest.mark.parametrize("nothing", [[wire.table(["node_id"])], [wire.table(["something"], ["else"])], [wire.table([])],
                                     [wire.raw(wire.complete("SHOW"))]])
def test_no_nodes(backends, nothing):
    _, answer = state_of(pool(backends, "4.1", nodes=nothing), *T)
    assert answer["state"] == "UNKNOWN" and answer["fault"]["class"] == "protocol", answer


def test_control_characters_and_long_texts(backends):
    backends[1].update(hostname="n2\n\x1b[31m|" + "x" * 5000, status="do|wn\r\n" * 50, role="\xff\xfe standby")
    outcome, answer = state_of(pool(backends), *T, "--no-backends")
    assert answer["state"] != "OK", answer
    with wire.PgPeer(pool(backends)) as peer:
        plain = launch(PROGRAM, *peer.target, *T, "--no-backends")
    text = plain.out.decode("utf-8")
    assert len(plain.out) < 4096 and "\x1b" not in text and text.count("|") <= 1, text


@pytest.mark.parametrize("count", [17, 128])
def test_many_backends(servers, count):
    """The one that is down is not among the first, and is not left out."""
    many = [backend(n, "primary" if n == 0 else "standby", servers[n > 0]) for n in range(count)]
    many[-1]["status"] = "down"
    outcome, answer = state_of(pool(many), *T)
    assert answer["state"] == "WARNING" and outcome.code == 1, answer
    assert f"backend {count - 1} (" in answer["summary"] and f"of {count} backends only 16" in answer["summary"], answer


def test_more_backends_than_there_can_be(servers):
    many = [backend(n, "standby", servers[1]) for n in range(1000)]
    _, answer = state_of(pool(many), *T)
    assert answer["state"] == "UNKNOWN" and answer["fault"]["class"] == "protocol", answer


def test_an_endless_answer(backends):
    def endless(talk):
        while True:
            talk.send(wire.data_row(["x" * 4000] * 14))
    script = pool(backends, nodes=lambda _: [wire.Answer(columns_of("4.7"), [endless])],
                  checks=[unknown("SHOW POOL_HEALTH_CHECK_STATS")])
    outcome, answer = state_of(script, *T, is_measured=True)
    assert answer["state"] == "UNKNOWN" and answer["fault"]["class"] == "protocol", answer
    assert outcome.elapsed < 7 and outcome.peak_bytes < 128 << 20, outcome


# -- PCP -------------------------------------------------------------------------------------------

def watchdog(leader="pool1:9999 Linux pool1", quorum="QUORUM EXIST", states=("STANDBY", "LEADER", "STANDBY"),
             version="4.7", membership=None):
    """What pcp_watchdog_info -v writes."""
    word = "Leader" if version >= "4.2" else "Master"
    text = f"Watchdog Cluster Information \nTotal Nodes : {len(states)}\nQuorum state : {quorum}\n" \
           f"{word} Node Name : {leader}\n{word} Host Name : pool1\n\nWatchdog Node Information \n"
    for number, state in enumerate(states):
        text += f"Node Name         : pool{number}:9999 Linux pool{number}\nHost Name : pool{number}\nStatus : 7\n" \
                f"Status Name       : {state}\n"
        if version >= "4.3":
            text += f"Membership Status : {(membership or {}).get(number, 'MEMBER')}\n"
        text += "\n"
    return text


@pytest.fixture
def tool(tmp_path):
    """tool(text, code=, stderr=, then=) -> the path of a program that writes this, and its arguments into a file."""
    def make(text="", code=0, stderr="", then=""):
        (tmp_path / "out").write_text(text, encoding="utf-8")
        (tmp_path / "err").write_text(stderr, encoding="utf-8")
        path = tmp_path / "pcp"
        path.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/arguments\ncat {tmp_path}/out\n'
                        f"cat {tmp_path}/err >&2\n{then}\nexit {code}\n", encoding="utf-8")
        path.chmod(0o755)
        return path
    make.arguments = lambda: (tmp_path / "arguments").read_text(encoding="utf-8").split("\n")[:-1]
    return make


WITH_WATCHDOG = {"use_watchdog": "1"}


@pytest.mark.parametrize("answer_of_pcp, state, words", [
    (watchdog(), "OK", "watchdog leader is pool1:9999 Linux pool1"),
    (watchdog(version="4.0", states=("MASTER", "STANDBY")), "OK", "watchdog leader is pool1:9999 Linux pool1"),
    (watchdog(states=("STANDBY", "LEADER", "LOST")), "WARNING", "has lost 1 of 3 pgpools (pool2:9999 Linux pool2)"),
    (watchdog(states=("STANDBY", "LEADER", "SHUTDOWN"), membership={2: "REVOKED-SHUTDOWN"}), "OK", "watchdog leader"),
    (watchdog(leader="Not Set", quorum="NO LEADER NODE", states=("LEADER", "LOST", "LOST")), "CRITICAL",
     "the watchdog has no leader (1 of 3 pgpools alive)"),
    (watchdog(leader="Not_Set", quorum="QUORUM ABSENT", states=("JOINING", "LOST", "LOST")), "CRITICAL",
     "the watchdog has no quorum (1 of 3 pgpools alive)"),
    (watchdog(quorum="QUORUM IS ON THE EDGE", states=("LEADER", "STANDBY")), "WARNING", "quorum is on the edge"),
    (watchdog(quorum="PURPLE"), "UNKNOWN", 'quorum is "PURPLE"'),
    (watchdog(states=("NETWORK ISOLATION", "LEADER", "STANDBY")), "CRITICAL", "NETWORK ISOLATION"),
    ("", "UNKNOWN", "does not say why"),
    ("3 3 YES pool1:9999 Linux pool1\n", "UNKNOWN", "is not what pcp_watchdog_info -v writes"),
    ("Quorum state : QUORUM EXIST\n", "UNKNOWN", "is not what pcp_watchdog_info -v writes"),
    ("x" * 100000, "UNKNOWN", "writes more than 64 kB"),
    (":\n" * 5000, "UNKNOWN", "is not what pcp_watchdog_info -v writes"),
])
def test_the_watchdog(backends, tool, answer_of_pcp, state, words):
    _, answer = state_of(pool(backends, settings=WITH_WATCHDOG), *T, "--pcp-user", "pgha", "--pcp-command",
                         tool(answer_of_pcp))
    assert answer["state"] == state and words in answer["summary"], answer


@pytest.mark.parametrize("said, code, state, words", [
    ('FATAL:  authentication failed for user "pgha"\nDETAIL:  username and/or password does not match\n', 1, "UNKNOWN",
     'cannot see the watchdog: authentication failed for user "pgha"'),
    ('ERROR: connection to host "127.0.0.1" failed with error "Connection refused"\n', 1, "CRITICAL",
     "cannot see the watchdog: connection to host"),
    ("ERROR:  PCP: informing watchdog info failed\nDETAIL:  watchdog is not enabled\n", 0, "UNKNOWN",
     "cannot see the watchdog: PCP: informing watchdog info failed"),
    ("", 1, "UNKNOWN", "pcp_watchdog_info does not say why"),
])
def test_pcp_refuses(backends, tool, said, code, state, words):
    _, answer = state_of(pool(backends, settings=WITH_WATCHDOG), *T, "--pcp-user", "pgha", "--pcp-command",
                         tool(stderr=said, code=code))
    assert answer["state"] == state and words in answer["summary"], answer


def test_pcp_hangs(backends, tool):
    outcome, answer = state_of(pool(backends, settings=WITH_WATCHDOG), *PATIENT, "--pcp-user", "pgha", "--pcp-command",
                               tool(watchdog(), then="exec sleep 60"))
    assert answer["state"] == "CRITICAL" and "has not ended in time" in answer["summary"], answer
    assert outcome.elapsed < 2.3 and "standby by itself" in str(answer["reasons"]), outcome


def test_what_pcp_is_asked(backends, tool):
    path = tool(watchdog())
    with wire.PgPeer(pool(backends, settings=WITH_WATCHDOG)) as peer:
        ask(peer, *T, "--pcp-user", "pgha", "--pcp-command", path)
        assert tool.arguments() == ["-h", peer.host, "-p", "9898", "-U", "pgha", "-w", "-v"]
        ask(peer, *T, "--pcp-user", "pgha", "--pcp-host", "other", "--pcp-port", "9897", "--pcp-command", path)
        assert tool.arguments() == ["-h", "other", "-p", "9897", "-U", "pgha", "-w", "-v"]


def test_there_is_no_watchdog(backends, tool):
    path = tool(watchdog())
    _, answer = state_of(pool(backends), *T, "--pcp-user", "pgha", "--pcp-command", path)
    assert answer["state"] == "UNKNOWN" and "use_watchdog is off" in answer["summary"], answer
    assert answer["hint"].startswith("leave --pcp-user out"), answer
    assert not os.path.exists(path.parent / "arguments"), "nobody is to be asked"


def test_no_such_program(backends):
    _, answer = state_of(pool(backends, settings=WITH_WATCHDOG), *T, "--pcp-user", "pgha", "--pcp-command", "/no/such")
    assert answer["state"] == "UNKNOWN" and 'there is no program "/no/such"' in answer["summary"], answer


# -- connection strings ------------------------------------------------------------------------------

def test_by_connection_string_and_no_password_is_shown(backends):
    with wire.PgPeer(pool(backends)) as peer:
        where = f"host={peer.host} port={peer.port} user=pgha password={PASSWORD}"
        for option in ("--conninfo", "-d"):
            outcome = launch(PROGRAM, option, where, *T, "-v", "-v", "-f", "json")
            assert outcome.json()["state"] == "OK" and PASSWORD.encode() not in outcome.out + outcome.err, outcome
    for option in ("--conninfo", "-d"):
        outcome = launch(PROGRAM, option, where + " nonsense", *T, "-v", "-f", "json")
        answer = outcome.json()
        assert answer["state"] == "UNKNOWN" and answer["fault"]["class"] == "usage", outcome
        assert PASSWORD.encode() not in outcome.out + outcome.err, outcome


def test_a_hostaddr_would_lead_every_question_to_one_place(backends):
    with wire.PgPeer(pool(backends)) as peer:
        outcome = launch(PROGRAM, "--conninfo", f"hostaddr={peer.host} port={peer.port} user=pgha", *T, "-f", "json")
        answer = outcome.json()
        assert answer["state"] == "UNKNOWN" and "names a hostaddr" in answer["summary"], outcome


def test_what_was_recorded_is_answered_the_same(backends, tmp_path):
    with wire.PgPeer(pool(backends)) as peer:
        first = launch(PROGRAM, *peer.target, *T, "--record", tmp_path / "seen")
    again = launch(PROGRAM, "--replay", tmp_path / "seen")
    assert first.out == again.out and first.code == again.code == 0, again
