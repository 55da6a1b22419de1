"""check_pg_leader and check_pg_replica tell the roles apart, on every major, in whatever session they are given."""

import pytest

from programs import at


# --- the answers -----------------------------------------------------------------------------------------------------

def test_only_the_primary_is_the_leader(chain, check):
    leader = check("check_pg_leader", *at(chain.primary))
    assert leader.state == "OK", leader
    assert leader.stdout.startswith("PG LEADER OK - primary on timeline 1")
    for standby in (chain.standby, chain.cascade):
        other = check("check_pg_leader", *at(standby))
        assert other.state == "CRITICAL", other
        assert "standby" in other.stdout


def test_only_standbys_are_replicas(chain, check):
    for standby in (chain.standby, chain.cascade):
        replica = check("check_pg_replica", *at(standby), "-w", "1MB", "-c", "16MB")
        assert replica.state == "OK", replica
        assert "streaming" in replica.stdout
    primary = check("check_pg_replica", *at(chain.primary))
    assert primary.state == "CRITICAL", primary
    assert "primary" in primary.stdout


def test_a_read_pool_may_include_the_primary(chain, check):
    accepted = check("check_pg_replica", *at(chain.primary), "--accept-primary", "-c", "16MB")
    assert accepted.state == "OK", accepted
    replica = check("check_pg_replica", *at(chain.standby), "--accept-primary", "-c", "16MB")
    assert replica.state == "OK", replica


@pytest.mark.parametrize("state, code", [("ok", 0), ("warning", 1), ("critical", 2), ("unknown", 3)])
def test_the_wrong_role_is_what_the_site_says(chain, check, state, code):
    """But only to people: keepalived must never hear yes of it."""
    for program, server in (("check_pg_leader", chain.standby), ("check_pg_replica", chain.primary)):
        told = check(program, *at(server), "--wrong-role", state)
        assert told.code == code, told
        to_keepalived = check(program, *at(server), "--wrong-role", state, "-f", "keepalived")
        assert to_keepalived.code == 1, to_keepalived


def test_json_says_the_same(chain, check):
    answer = check("check_pg_leader", *at(chain.primary), "-f", "json").json()
    assert (answer["check"], answer["state"], answer["answer"]) == ("pg_leader", "OK", "yes"), answer
    answer = check("check_pg_replica", *at(chain.standby), "-f", "json").json()
    assert (answer["check"], answer["state"], answer["answer"]) == ("pg_replica", "OK", "yes"), answer
    answer = check("check_pg_leader", *at(chain.standby), "-f", "json").json()
    assert (answer["state"], answer["answer"]) == ("CRITICAL", "no"), answer
    assert "standby" in answer["summary"]
    assert not answer.get("fault"), "everything was seen"


def test_keepalived_hears_nothing_but_the_exit_code(chain, check):
    for program, server, state in chain.answers():
        result = check(program, *at(server), "-f", "keepalived")
        assert (result.code, result.stdout, result.stderr) == (0 if state == "OK" else 1, "", ""), result


# --- a primary that takes no writes ----------------------------------------------------------------------------------

def test_a_read_only_primary_is_no_leader(chain, check):
    chain.primary.configure(default_transaction_read_only="on")
    try:
        refused = check("check_pg_leader", *at(chain.primary))
        assert refused.state == "CRITICAL", refused
        assert "read-only" in refused.stdout
        allowed = check("check_pg_leader", *at(chain.primary), "--allow-read-only")
        assert allowed.state == "OK", allowed
        # Allowing it must not make a standby a leader.
        standby = check("check_pg_leader", *at(chain.standby), "--allow-read-only")
        assert standby.state == "CRITICAL", standby
    finally:
        chain.primary.configure(default_transaction_read_only=None)
    assert check("check_pg_leader", *at(chain.primary)).state == "OK"


# --- a session that is not as it should be ---------------------------------------------------------------------------

HOSTILE_SCHEMA = """
CREATE SCHEMA evil;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
CREATE FUNCTION evil.pg_is_in_recovery() RETURNS bool LANGUAGE sql AS 'SELECT NOT pg_catalog.pg_is_in_recovery()';
CREATE FUNCTION evil.current_setting(text) RETURNS text LANGUAGE sql AS $$SELECT 'on'$$;
CREATE FUNCTION evil.backwards(pg_lsn, pg_lsn) RETURNS numeric LANGUAGE sql AS 'SELECT -1::numeric';
CREATE OPERATOR evil.- (LEFTARG = pg_lsn, RIGHTARG = pg_lsn, FUNCTION = evil.backwards);
CREATE VIEW evil.pg_stat_wal_receiver AS SELECT 'stopped'::text AS status;
"""

SESSIONS = {
    "search_path": "evil, pg_catalog",
    "default_transaction_isolation": "serializable",
    "statement_timeout": "1ms",
    "DateStyle": "German, DMY",
    "IntervalStyle": "iso_8601",
    "default_transaction_read_only": "on",
    "lc_numeric": "C",
    "bytea_output": "escape",
    "client_encoding": "LATIN1",
    "standard_conforming_strings": "off",
    "extra_float_digits": "-15",
}


@pytest.fixture(scope="module")
def hostile_schema(chain):
    chain.primary.sql(HOSTILE_SCHEMA)
    yield
    chain.primary.sql("DROP SCHEMA evil CASCADE")


def _assert_right_answers(chain, check, env=None):
    for program, server, state in chain.answers():
        result = check(program, *at(server), "-f", "json", env=env)
        assert result.state == state, result
        assert not result.json().get("fault"), result


@pytest.mark.share("name")
@pytest.mark.parametrize("name", SESSIONS)
def test_settings_of_the_role_do_not_change_the_answer(chain, check, hostile_schema, name):
    value = SESSIONS[name] if "," in SESSIONS[name] else f"'{SESSIONS[name]}'"  # a list is not quoted as a whole
    chain.primary.sql(f"ALTER ROLE pgha SET {name} = {value}")
    try:
        chain.standby.wait_replayed(chain.primary.lsn())
        _assert_right_answers(chain, check)
    finally:
        chain.primary.sql("ALTER ROLE pgha RESET ALL")
        chain.standby.wait_replayed(chain.primary.lsn())


@pytest.mark.share("name")
@pytest.mark.parametrize("name", SESSIONS)
def test_pgoptions_do_not_change_the_answer(chain, check, hostile_schema, name):
    value = SESSIONS[name].replace(" ", "")
    _assert_right_answers(chain, check, env={"PGOPTIONS": f"-c {name}={value}"})


def test_a_role_that_is_called_like_a_keyword(chain, check):
    """Names are quoted: this one breaks a query that pastes it, or folds it to lower case."""
    name = 'Select "x" \'; --'
    chain.primary.sql('CREATE ROLE "Select ""x"" \'; --" LOGIN IN ROLE pg_monitor')
    try:
        chain.standby.wait_replayed(chain.primary.lsn())
        assert check("check_pg_leader", *at(chain.primary, name)).state == "OK"
        assert check("check_pg_replica", *at(chain.standby, name)).state == "OK"
    finally:
        chain.primary.sql('DROP ROLE "Select ""x"" \'; --"')


# --- privileges ------------------------------------------------------------------------------------------------------

def test_the_leader_check_needs_no_privilege(chain, check):
    leader = check("check_pg_leader", *at(chain.primary, "plain"))
    assert leader.state == "OK", leader
    standby = check("check_pg_leader", *at(chain.standby, "plain"))
    assert standby.state == "CRITICAL", standby


def test_without_pg_monitor_a_replica_is_unknown_and_not_broken(chain, check):
    replica = check("check_pg_replica", *at(chain.standby, "plain"), "-f", "json")
    assert replica.state == "UNKNOWN", replica
    assert replica.json()["fault"]["class"] == "setup", replica
    assert replica.json()["answer"] == "no", replica
    people = check("check_pg_replica", *at(chain.standby, "plain"), "-v")
    assert "not permitted" in people.stdout, people
    assert "pg_monitor" in people.stdout, people


# --- record and replay -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("program, role", [("check_pg_leader", "primary"), ("check_pg_leader", "standby"),
                                           ("check_pg_replica", "standby"), ("check_pg_replica", "cascade"),
                                           ("check_pg_replica", "primary")])
@pytest.mark.share("form")
@pytest.mark.parametrize("form", ["nagios", "json", "haproxy", "prometheus"])
def test_a_recorded_snapshot_gives_the_same_answer(chain, check, scratch, program, role, form):
    record = scratch / "snapshot.json"
    limits = ("-w", "1MB", "-c", "16MB") if program == "check_pg_replica" else ("-w", "10s", "-c", "20s")
    live = check(program, *at(getattr(chain, role)), *limits, "-f", form, "--record", record)
    replayed = check(program, *limits, "-f", form, "--replay", record)
    assert (replayed.code, replayed.stdout) == (live.code, live.stdout), (live, replayed)
    if live.state == "OK":  # and the answer comes from the file
        missing = check(program, *limits, "-f", form, "--replay", scratch / "none.json")
        assert missing.state != "OK", missing


# --- promotion -------------------------------------------------------------------------------------------------------

def test_promotion_turns_both_answers(own_cluster, check):
    primary = own_cluster.primary()
    primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
    standby = own_cluster.standby(primary)
    cascade = own_cluster.standby(standby, "cascade")
    assert check("check_pg_leader", *at(standby)).state == "CRITICAL"
    assert check("check_pg_replica", *at(standby)).state == "OK"

    primary.kill()
    down = check("check_pg_leader", *at(primary), "-f", "json")
    assert down.state == "CRITICAL", down
    assert down.json()["fault"]["class"] == "down", down

    standby.promote()
    leader = check("check_pg_leader", *at(standby))
    assert leader.state == "OK", leader
    assert "timeline 2" in leader.stdout, "pg_control still says 1 until the next checkpoint"
    replica = check("check_pg_replica", *at(standby))
    assert replica.state == "CRITICAL", replica
    cascade.wait_streaming()
    followed = check("check_pg_replica", *at(cascade))
    assert followed.state == "OK", followed
