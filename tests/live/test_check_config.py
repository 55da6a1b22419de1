"""check_pg_config against real servers: every rule that a server can be made to break is seen to turn, and to turn back."""

import json

import pytest

import installations
import postgres
from programs import at

GOOD = {
    "fsync": "on", "wal_log_hints": "on", "archive_mode": "on", "archive_command": "true",
    "max_slot_wal_keep_size": "10GB", "tcp_keepalives_idle": "60", "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "6", "tcp_user_timeout": "30s",
}


class Trio:
    """A primary with two standbys, well configured, and how the check is asked about them."""

    def __init__(self, cluster):
        self.primary = cluster.primary("n1", settings=GOOD)
        self.primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        self.primary.sql("CREATE ROLE plain LOGIN")
        self.primary.sql("CREATE ROLE app LOGIN")
        for name in ("n2", "n3"):
            self.primary.sql("SELECT pg_catalog.pg_create_physical_replication_slot(%s)", (name,))
        self.n2, self.n3 = (cluster.standby(self.primary, name, primary_slot_name=name) for name in ("n2", "n3"))
        for server in (self.primary, self.n2, self.n3):
            server.configure(synchronous_standby_names="ANY 1 (n1, n2, n3)")

    @property
    def at_primary(self):
        return ("--primary", f"host={self.primary.host} port={self.primary.port} user=pgha")


@pytest.fixture(scope="module")
def trio(installation):
    with postgres.Cluster(installation) as cluster:
        yield Trio(cluster)


def rules(result):
    """{rule: state} of the findings and remarks."""
    return {reason["text"].split(":")[0]: reason["state"] for reason in result.json()["reasons"]}


def assert_good(check, server, *options):
    result = check("check_pg_config", *at(server), *options)
    assert result.state == "OK" and "fit to survive a failover" in result.stdout, result
    return result


def assert_broken(check, server, expected, *options):
    """That just these rules are broken, by their states."""
    result = check("check_pg_config", *at(server), *options, "-f", "json")
    known = {"kept", "not judged here", "left out", "primary", "standby", "primary fit to survive a failover",
             "standby fit to survive a failover"}
    assert {rule: state for rule, state in rules(result).items() if rule not in known} == expected, result
    worst = max(expected.values(), key=["OK", "WARNING", "CRITICAL"].index)
    assert result.state == worst, result
    return result


# --- good ------------------------------------------------------------------------------------------------------------

def test_a_cluster_that_is_well_configured(trio, check):
    assert_good(check, trio.primary, "-c", "0")
    for standby in (trio.n2, trio.n3):
        assert "not compared" not in assert_good(check, standby, *trio.at_primary, "-c", "0").stdout
        assert "not compared with its primary" in assert_good(check, standby).stdout


def test_over_a_unix_socket_keepalives_are_not_judged(trio, check):
    told = check("check_pg_config", "-H", trio.primary.socket_dir, "-p", trio.primary.port, "-U", "pgha", "-v")
    assert told.state == "OK", told
    assert "tcp_user_timeout" in told.stdout.split("not judged here: ")[1], told


def test_a_role_that_may_not_read_primary_conninfo(trio, check):
    refused = check("check_pg_config", *at(trio.primary, "plain"), "-f", "json")
    assert (refused.state, refused.json()["fault"]["class"]) == ("UNKNOWN", "setup"), refused


def test_a_primary_that_cannot_be_asked_is_not_one_that_is_equal(trio, check):
    conninfo = f"host={trio.primary.host} port={trio.primary.port}"
    nobody = check("check_pg_config", *at(trio.n2), "--primary", f"{conninfo} user=nobody_here")
    assert nobody.state == "UNKNOWN" and "not compared with its primary" in nobody.stdout, nobody
    other = check("check_pg_config", *at(trio.n2), "--primary",
                  f"host={trio.n3.host} port={trio.n3.port} user=pgha")
    assert other.state == "UNKNOWN" and "is not a primary of this cluster" in other.stdout, other


# --- rules that a reload breaks --------------------------------------------------------------------------------------

RELOADS = {
    "fsync": ({"fsync": "off"}, {"fsync": "CRITICAL"}),
    "full page writes": ({"full_page_writes": "off"}, {"full_page_writes": "WARNING"}),
    "slots without a bound": ({"max_slot_wal_keep_size": "-1"}, {"max_slot_wal_keep_size": "WARNING"}),
    "receiver never": ({"wal_receiver_timeout": "0"}, {"wal_receiver_timeout": "WARNING"}),
    "receiver late": ({"wal_receiver_timeout": "301s"}, {"wal_receiver_timeout": "WARNING"}),
    "sender never": ({"wal_sender_timeout": "0"}, {"wal_sender_timeout": "WARNING"}),
    "sender late": ({"wal_sender_timeout": "1h"}, {"wal_sender_timeout": "WARNING"}),
    "local": ({"synchronous_commit": "local"}, {"synchronous_commit": "CRITICAL"}),
    "off": ({"synchronous_commit": "off"}, {"synchronous_commit": "CRITICAL"}),
    "written": ({"synchronous_commit": "remote_write"}, {"synchronous_commit": "OK"}),
    "asynchronous": ({"synchronous_standby_names": "", "synchronous_commit": "off"}, {"synchronous_commit": "OK"}),
    "nobody": ({"synchronous_standby_names": "a, b"}, {"sync_candidates": "CRITICAL"}),
    "too many": ({"synchronous_standby_names": "FIRST 3 (n2, n3)"}, {"sync_candidates": "CRITICAL"}),
    "no spare": ({"synchronous_standby_names": "2 (n2, n3)"}, {"sync_spare": "WARNING"}),
    "one alone": ({"synchronous_standby_names": "n3"}, {"sync_spare": "WARNING"}),
    "keepalives": ({"tcp_keepalives_idle": "0"}, {"tcp_keepalives": "OK"}),
    "user timeout": ({"tcp_user_timeout": "0"}, {"tcp_user_timeout": "OK"}),
}


@pytest.mark.share("case")
@pytest.mark.parametrize("case", RELOADS)
def test_a_rule_on_the_primary(trio, check, case):
    settings, expected = RELOADS[case]
    before = {name: trio.primary.settings.get(name) for name in settings}
    trio.primary.configure(**settings)
    try:
        assert_broken(check, trio.primary, expected)
    finally:
        trio.primary.configure(**before)
    assert_good(check, trio.primary)


STANDBY_RELOADS = {
    "nameless": ({"primary_conninfo": lambda conninfo: conninfo.split(" application_name")[0],
                  "synchronous_standby_names": ""}, {"application_name": "WARNING",
                                                     "sync_after_failover": "WARNING"}),
    "no primary": ({"primary_conninfo": None}, {"primary_conninfo": "WARNING"}),
    "names itself": ({"synchronous_standby_names": "n2"}, {"sync_after_failover": "WARNING"}),
    "names nobody": ({"synchronous_standby_names": ""}, {"sync_after_failover": "WARNING"}),
}


@pytest.mark.parametrize("case", STANDBY_RELOADS)
def test_a_rule_on_a_standby(trio, check, case):
    settings, expected = STANDBY_RELOADS[case]
    before = {name: trio.n2.settings[name] for name in settings}
    trio.n2.configure(**{name: value(before[name]) if callable(value) else value for name, value in settings.items()})
    try:
        if "application_name" in expected:
            trio.primary.wait_until("SELECT true FROM pg_catalog.pg_stat_replication "
                                    "WHERE application_name = 'walreceiver' AND state = 'streaming'")
        assert_broken(check, trio.n2, expected, *trio.at_primary)
    finally:
        trio.n2.configure(**before)
        trio.primary.wait_until("SELECT count(*) = 2 FROM pg_catalog.pg_stat_replication "
                                "WHERE application_name IN ('n2', 'n3') AND state = 'streaming'")
        trio.n2.wait_streaming()
    assert_good(check, trio.n2, *trio.at_primary)


@pytest.mark.parametrize("statement, told", [
    ("ALTER ROLE app {} synchronous_commit", "role app has"),
    ("ALTER ROLE app IN DATABASE template1 {} synchronous_commit", "role app in database template1 has"),
    ("ALTER DATABASE template1 {} synchronous_commit", "database template1 has"),
])
def test_roles_whose_commits_do_not_wait(trio, check, statement, told):
    trio.primary.sql(statement.format("SET") + " = 'LOCAL'")
    try:
        assert told in assert_broken(check, trio.primary, {"weak_commit_roles": "WARNING"}).json()["summary"]
    finally:
        trio.primary.sql(statement.format("RESET"))
    trio.primary.sql(statement.format("SET") + " = remote_apply")
    assert_good(check, trio.primary)
    trio.primary.sql(statement.format("RESET"))


def test_the_role_of_the_check_may_do_as_it_likes(trio, check):
    """What it has for itself is neither a finding nor taken for what others have."""
    trio.primary.sql("ALTER ROLE pgha SET synchronous_commit = off")
    try:
        told = check("check_pg_config", *at(trio.primary), "-v")
        assert told.state == "OK" and "synchronous_commit" in told.stdout.split("not judged here: ")[1], told
    finally:
        trio.primary.sql("ALTER ROLE pgha RESET synchronous_commit")


def test_standbys_that_leave(trio, check):
    def connected(count):
        trio.primary.wait_until(f"SELECT count(*) = {count} FROM pg_catalog.pg_stat_replication WHERE state = 'streaming'")

    try:
        trio.n3.stop()
        connected(1)
        assert_broken(check, trio.primary, {"sync_spare": "WARNING"})
        trio.n2.stop()
        connected(0)
        gone = assert_broken(check, trio.primary, {"sync_candidates": "CRITICAL"})
        assert "commits block: needs 1 of (n1, n2, n3), 0 connected" in gone.json()["summary"], gone
    finally:
        for standby in (trio.n2, trio.n3):
            if not standby.is_running():
                standby.start()
        connected(2)
    assert_good(check, trio.primary)


# --- rules that take a restart ---------------------------------------------------------------------------------------

def test_rules_that_take_a_restart(own_cluster, check):
    server = own_cluster.primary(settings=GOOD)
    server.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
    assert_good(check, server)
    bad = {"max_wal_senders": "1", "max_replication_slots": "0", "hot_standby": "off", "archive_mode": "off",
           "recovery_target_timeline": "current", "wal_log_hints": "off"}
    server.configure(**bad)
    server.restart()
    expected = dict.fromkeys(bad, "WARNING")
    if server.value("SELECT current_setting('data_checksums')") == "on":  # initdb's default from 18 on
        del expected["wal_log_hints"]
    assert_broken(check, server, expected)
    server.configure(wal_level="minimal", max_wal_senders="0")
    server.restart()
    assert_broken(check, server, {**expected, "wal_level": "CRITICAL", "max_wal_senders": "CRITICAL"})
    server.configure(**{"wal_level": "replica", "max_wal_senders": "10", **{
        "max_replication_slots": "10", "hot_standby": "on", "archive_mode": "on", "recovery_target_timeline": None,
        "wal_log_hints": "on"}})
    server.restart()
    assert_good(check, server)


def test_room_for_walsenders_and_slots(own_cluster, check):
    primary = own_cluster.primary(settings={**GOOD, "max_wal_senders": "4", "max_replication_slots": "2"})
    primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
    primary.sql("SELECT pg_catalog.pg_create_physical_replication_slot('a')")
    for name in ("n2", "n3"):
        own_cluster.standby(primary, name)
    assert_good(check, primary)
    primary.sql("SELECT pg_catalog.pg_create_physical_replication_slot('b')")
    assert_broken(check, primary, {"max_replication_slots": "WARNING"})
    primary.sql("SELECT pg_catalog.pg_drop_replication_slot(name) FROM pg_catalog.unnest('{a,b}'::name[]) name")
    # Now nothing keeps WAL for them but wal_keep_size, and an archive makes of that a remark.
    primary.configure(wal_keep_size="0")
    assert_broken(check, primary, {"wal_keep_size": "OK"})
    primary.configure(wal_keep_size="256MB")
    n4 = own_cluster.standby(primary, "n4")
    assert_broken(check, primary, {"max_wal_senders": "WARNING"})
    own_cluster.standby(primary, "n5")
    assert_broken(check, primary, {"max_wal_senders": "CRITICAL"})
    n4.stop()
    primary.wait_until("SELECT count(*) = 3 FROM pg_catalog.pg_stat_replication")
    assert_broken(check, primary, {"max_wal_senders": "WARNING"})


def test_a_standby_with_less_room_than_its_primary(own_cluster, check):
    """The primary is given more connections; the standby then pauses replay, as a promise that nobody sees."""
    primary = own_cluster.primary(settings=GOOD)
    primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
    standby = own_cluster.standby(primary)
    to_primary = ("--primary", f"host={primary.host} port={primary.port} user=pgha")
    assert_good(check, standby, *to_primary)
    primary.configure(max_connections="40", max_locks_per_transaction="128")
    primary.restart()
    standby.wait_until("SELECT pg_catalog.pg_get_wal_replay_pause_state() = 'paused'")
    lower = assert_broken(check, standby, {"lower_than_primary": "CRITICAL"}, *to_primary)
    assert "max_connections 20 < 40, max_locks_per_transaction 64 < 128: replay pauses" in lower.json()["summary"], lower
    standby.configure(max_connections="40", max_locks_per_transaction="128")
    standby.restart()
    standby.wait_streaming()
    assert_good(check, standby, *to_primary)


def test_slots_that_do_or_do_not_survive(own_cluster, check):
    """17 and later copy logical slots to standbys; before, none survives, and that is a remark."""
    settings = {**GOOD, "wal_level": "logical"}
    primary = own_cluster.primary(settings=settings)
    primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
    primary.sql("SELECT pg_catalog.pg_create_physical_replication_slot('standby')")
    standby = own_cluster.standby(primary, primary_slot_name="standby")
    to_primary = ("--primary", f"host={primary.host} port={primary.port} user=pgha")
    primary.sql("SELECT pg_catalog.pg_create_logical_replication_slot('plain', 'pgoutput')")
    assert_broken(check, primary, {"logical_slots": "OK"})
    if primary.version < 17:
        return
    primary.sql("SELECT pg_catalog.pg_drop_replication_slot('plain')")
    primary.sql("SELECT pg_catalog.pg_create_logical_replication_slot('kept', 'pgoutput', failover => true)")
    assert_broken(check, primary, {"synchronized_standby_slots": "WARNING"})
    primary.configure(synchronized_standby_slots="standby")
    assert_good(check, primary)
    assert_broken(check, standby, {"sync_replication_slots": "WARNING"}, *to_primary)
    standby.configure(sync_replication_slots="on")
    on = assert_broken(check, standby, {"sync_replication_slots": "WARNING"}, *to_primary)
    assert "it needs hot_standby_feedback = on, dbname in primary_conninfo" in on.json()["summary"], on
    standby.configure(hot_standby_feedback="on",
                      primary_conninfo=standby.settings["primary_conninfo"] + " dbname=postgres")
    assert_good(check, standby, *to_primary)
    # What the check calls fit does work.
    standby.wait_until("SELECT synced FROM pg_catalog.pg_replication_slots WHERE slot_name = 'kept'", 120)


# --- primary_conninfo never leaves the server ------------------------------------------------------------------------

CONNINFOS = {
    "": (False, False),
    "host=a": (False, False),
    "host=a application_name=n2": (True, False),
    "host=a  application_name = n2 dbname= x": (True, True),
    "application_name='n 2'": (True, False),
    "application_name=''": (False, False),
    "application_name= ": (False, False),
    "host=a fallback_application_name=n2": (False, False),
    r"password='it\'s application_name=x' host=a": (False, False),
    "password=it's application_name=n2": (True, False),
    r"password=a\ application_name=x": (False, False),
    "options='-c application_name=x -c dbname=y' dbname='z'": (False, True),
    "postgresql://u:p@a:5432/": (False, False),
    "postgresql://a/db": (False, True),
    "postgres://a?application_name=n2": (True, False),
    "postgresql://a/db?sslmode=disable&application_name=n2&connect_timeout=3": (True, True),
    "postgresql://a/?application_name=&dbname=x": (False, True),
    "postgresql://a/?fallback_application_name=n2": (False, False),
}


def config_of(result):
    return json.loads(result.stdout)["snapshots"][0]["parts"]["config"]


def test_what_primary_conninfo_names(trio, check, installation, scratch):
    """By SQL on the server, by our own reader in a file, and both as libpq would."""
    conf = scratch / "postgresql.conf"
    try:
        for conninfo, expected in installations.share(CONNINFOS.items(), installation):
            trio.primary.configure(primary_conninfo=conninfo.replace("\\", "\\\\"))
            assert trio.primary.value("SELECT current_setting('primary_conninfo')") == conninfo
            asked = config_of(check("check_pg_config", *at(trio.primary), "--record", "-"))
            conf.write_text("primary_conninfo = '{}'\n".format(conninfo.replace("\\", "\\\\").replace("'", "''")))
            read = config_of(check("check_pg_config", "--file", conf, "--record", "-"))
            for config in (asked, read):
                assert (config["has_application_name"], config["has_dbname"]) == expected, (conninfo, config)
                assert config["has_primary_conninfo"] == (conninfo != "")
                said = json.dumps({**config, "file": ""})  # whose random name may hold anything
                assert "n2" not in said.replace("(n1, n2, n3)", ""), "it was repeated"
    finally:
        trio.primary.configure(primary_conninfo=None)
