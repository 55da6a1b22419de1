"""check_pgbouncer against scripted admin consoles: every version's columns, and consoles that misbehave.

The columns of each version are those of its own source (src/admin.c of the release's tag). The real 1.18 is in
tests/live/test_check_pgbouncer.py.
"""

import json

import pytest

import nodes
import peers
import wire
from expect import PATIENT, STATES, clean_line
from launch import SANITIZED, launch

PROGRAM = "check_pgbouncer"

DATABASES_OLD = ["name", "host", "port", "database", "force_user", "pool_size", "min_pool_size", "reserve_pool",
                 "pool_mode", "max_connections", "current_connections", "paused", "disabled"]
DATABASES_123 = [*DATABASES_OLD[:8], "server_lifetime", *DATABASES_OLD[8:]]
DATABASES_124 = ["name", "host", "port", "database", "force_user", "pool_size", "min_pool_size", "reserve_pool_size",
                 "server_lifetime", "pool_mode", "load_balance_hosts", "max_connections", "current_connections",
                 "max_client_connections", "current_client_connections", "paused", "disabled"]
POOLS_117 = ["database", "user", "cl_active", "cl_waiting", "cl_cancel_req", "sv_active", "sv_idle", "sv_used",
             "sv_tested", "sv_login", "maxwait", "maxwait_us", "pool_mode"]
POOLS_118 = ["database", "user", "cl_active", "cl_waiting", "cl_active_cancel_req", "cl_waiting_cancel_req",
             "sv_active", "sv_active_cancel", "sv_being_canceled", "sv_idle", "sv_used", "sv_tested", "sv_login",
             "maxwait", "maxwait_us", "pool_mode"]
POOLS_124 = [*POOLS_118, "load_balance_hosts"]
USERS_OLD = ["name", "pool_mode"]
USERS_123 = ["name", "pool_size", "pool_mode", "max_user_connections", "current_connections"]
USERS_124 = ["name", "pool_size", "reserve_pool_size", "pool_mode", "max_user_connections", "current_connections",
             "max_user_client_connections", "current_client_connections"]
VERSIONS = {  # version: SHOW DATABASES, SHOW POOLS, SHOW USERS, whether SHOW STATE is there
    "1.17.0": (DATABASES_OLD, POOLS_117, USERS_OLD, False),
    "1.18.0": (DATABASES_OLD, POOLS_118, USERS_OLD, False),
    "1.19.1": (DATABASES_OLD, POOLS_118, USERS_OLD, True),
    "1.23.1": (DATABASES_123, POOLS_118, USERS_123, True),
    "1.24.1": (DATABASES_124, POOLS_124, USERS_124, True),
    "1.25.2": (DATABASES_124, POOLS_124, USERS_124, True),
}
each_version = pytest.mark.parametrize("version", VERSIONS)

TEXTS = ("name", "host", "database", "user", "force_user", "pool_mode", "load_balance_hosts", "pool_size_of_user")
DATABASE = {"name": "shop", "host": "10.0.0.11", "port": "5432", "database": "shop", "pool_size": "20"}
POOL = {"database": "shop", "user": "app", "cl_active": "30", "sv_active": "10", "sv_idle": "2", "pool_mode": "session"}
OWN_DATABASE = {"name": "pgbouncer", "port": "6432", "database": "pgbouncer", "force_user": "pgbouncer",
                "pool_size": "2", "pool_mode": "statement"}
OWN_POOL = {"database": "pgbouncer", "user": "pgbouncer", "cl_active": "1", "pool_mode": "statement"}


def rows(columns, values, nothing="0"):
    """A row for each dict, with what it does not say as PgBouncer says nothing: 0, or NULL for a text."""
    return [[row.get(c, None if c in TEXTS else nothing) for c in columns] for row in values]


class Console:
    """What the admin console of a version answers; a test changes what it wants to."""

    def __init__(self, version="1.24.1", databases=(DATABASE,), pools=(POOL,), users=(), clients=32, clients_max=100,
                 state=("yes", "no", "no")):
        self.version = version
        database_columns, pool_columns, user_columns, has_state = VERSIONS[version]
        self.answers = {
            "SHOW LISTS": wire.table(["list", "items"], ["databases", "2"], ["free_clients", "19"],
                                     ["used_clients", str(clients)], ["login_clients", "0"]),
            "SHOW STATE": wire.table(["key", "value"], *zip(("active", "paused", "suspended"), state)),
            "SHOW CONFIG": wire.table(["key", "value", "default", "changeable"], ["listen_port", "6432", "6432", "no"],
                                      ["max_client_conn", str(clients_max), "100", "yes"]),
            "SHOW DATABASES": wire.table(database_columns, *rows(database_columns, [OWN_DATABASE, *databases])),
            "SHOW POOLS": wire.table(pool_columns, *rows(pool_columns, [OWN_POOL, *pools])),
            "SHOW USERS": wire.table(user_columns, *rows(user_columns, users, nothing="")),
        }
        if not has_state:
            del self.answers["SHOW STATE"]

    def answer(self, sql):
        refusal = wire.failure("08P01", f"invalid command '{sql}', use SHOW HELP;")
        return [self.answers.get(sql, refusal)]

    def script(self, node=None):
        """Of the console, and of a server behind the pooler if there is a node."""
        def answer(sql):
            return nodes.answers(node)(sql) if node and not sql.startswith("SHOW") else self.answer(sql)
        return wire.Script(startup=wire.welcome(version=f"{self.version}/bouncer"), answer=answer)

    def welcome_to(self, database, node, refusal):
        """The version is the console's own, or that of the server that a database leads to."""
        if refusal and database != b"pgbouncer":
            return [wire.fatal("08P01", refusal)]
        version = f"{self.version}/bouncer" if database == b"pgbouncer" else "15.8"
        return wire.welcome(version=version, in_recovery=bool(node) and node["in_recovery"] == "t")

    def ask(self, *args, state="OK", node=None, refusal=None, **how):
        """The summary line, checked; `asked` are the peer's own records. `refusal`: what databases tell who comes."""
        script = self.script(node)
        with wire.PgPeer(script) as peer:
            script.startup = lambda: self.welcome_to(peer.startups[-1][b"database"], node, refusal)
            outcome = launch(PROGRAM, *peer.target, "-U", "mon", *args, **how)
            assert STATES[outcome.code] == state, outcome
            summary, _ = clean_line(outcome)
            assert summary.startswith(f"PGBOUNCER {state} - "), outcome
            told = launch(PROGRAM, *peer.target, "-U", "mon", *args, "-f", "json", **how)
            self.json = told.json()
            self.asked = peer
            assert self.json["state"] == state
        return summary


def refused(console, wanted="protocol", *args):
    summary = console.ask(*args, state="UNKNOWN")
    assert console.json["fault"]["class"] == wanted, console.json
    return summary


def figure(console, name):
    return console.json["metrics"][name]["value"]


# --- every version ----------------------------------------------------------------------------------------------------

@each_version
def test_healthy(version):
    console = Console(version)
    summary = console.ask()
    assert "1 pool of 1 database, no client waits, 31 of 100 client connections used" in summary
    assert ("does not tell whether it is paused" in summary) == (version < "1.19")
    startup = console.asked.startups[0]
    assert startup[b"database"] == b"pgbouncer"
    assert b"options" not in startup, "consoles before 1.20 refuse it"
    assert all(sql.startswith("SHOW ") for sql in console.asked.sql)
    assert ("SHOW STATE" in console.asked.sql) == (version >= "1.19"), "it would log an error each time"


@each_version
def test_waiting(version):
    pool = {**POOL, "cl_waiting": "3", "maxwait": "2", "maxwait_us": "500000"}
    console = Console(version, pools=[{**POOL, "user": "other"}, pool])
    summary = console.ask(state="WARNING")
    assert "wait of 3 clients for a server connection in pool shop/app is 2.5 s (warning above 2 s)" in summary
    assert figure(console, "longest_wait_seconds") == 2.5


CLIENTS = ["type", "user", "database", "state", "addr", "port", "local_addr", "local_port", "connect_time", "request_time",
           "wait", "wait_us", "close_needed", "ptr", "link", "remote_pid", "tls"]
CLIENTS_123 = [*CLIENTS[:3], "replication", *CLIENTS[3:], "application_name", "prepared_statements", "id"]
NEVER_LET_IN = {**POOL, "cl_active": "0", "cl_waiting": "3", "sv_active": "0", "sv_idle": "0"}


def client(user, database, state, request_time):
    return {"type": "C", "user": user, "database": database, "state": state, "request_time": f"2026-11-21 {request_time} CET"}


def with_clients(version="1.24.1", **changes):
    """A console whose pool has clients that wait to be let in: maxwait is 0 as long as they do."""
    console = Console(version, pools=[{**NEVER_LET_IN, **changes}])
    columns = CLIENTS_123 if version >= "1.23" else CLIENTS
    console.answers["SHOW CLIENTS"] = wire.table(columns, *rows(columns, [
        client("mon", "pgbouncer", "active", "16:42:54"), client("app", "shop", "waiting", "16:42:30"),
        client("app", "shop", "waiting", "16:41:50"), client("app", "shop", "waiting", "16:42:54")]))
    return console


@each_version
def test_clients_that_were_never_let_in(version):
    console = with_clients(version)
    summary = console.ask(state="CRITICAL")
    assert "3 clients wait in pool shop/app, which has no connection to its server at 10.0.0.11:5432" in summary
    assert "wait of 3 clients for a server connection in pool shop/app is 64 s (critical above 10 s)" in summary
    assert figure(console, "longest_wait_seconds") == 64
    healthy = Console(version)
    healthy.ask()
    assert "SHOW CLIENTS" not in healthy.asked.sql, "it may be long"


@pytest.mark.parametrize("answer", [wire.failure("08P01", "no"), wire.table(["one"], ["1"]),
                                    wire.table(CLIENTS, ["x"] * len(CLIENTS))], ids=["refused", "other", "senseless"])
def test_a_wait_that_is_not_told(answer):
    console = with_clients()
    console.answers["SHOW CLIENTS"] = answer
    assert "it is not told how long 3 clients of pool shop/app wait" in refused(console)


def test_nobody_is_sent_where_others_wait_in_vain():
    """PgBouncer would keep who gave up in its queue."""
    for console in (with_clients(), with_clients(maxwait="1", sv_login="1")):
        summary = console.ask("--expect-primary", "shop", state="CRITICAL")
        assert 'no way through to database "shop": no server connection is open, and 3 already wait for one' in summary
        assert all(startup[b"database"] == b"pgbouncer" for startup in console.asked.startups)
    paused = Console(databases=[{**DATABASE, "paused": "1"}])
    assert 'no way through to database "shop": it is paused' in paused.ask("--expect-primary", "shop", state="CRITICAL")
    assert len(paused.asked.startups) == 2, "once for people, once for machines"
    assert paused.json["hint"].startswith("on the admin console: RESUME shop"), paused.json


@each_version
def test_what_is_to_be_typed_on_the_console(version):
    """It takes letters, digits and "_" as they are, and all else in double quotes."""
    for name, typed in (("shop", "shop"), ("my-app", '"my-app"'), ('sh"op', '"sh""op"')):
        for state, command in (("paused", "RESUME"), ("disabled", "ENABLE")):
            console = Console(version, databases=[{**DATABASE, "name": name, state: "1"}])
            for options in ((), ("--expect-primary", name)):
                console.ask(*options, state="CRITICAL", refusal=f'database "{name}" is disabled')
                assert console.json["hint"].startswith(f"on the admin console: {command} {typed}"), console.json


@each_version
def test_an_expected_database_that_is_not_there(version):
    console = Console(version)
    console.ask("--expect-primary", "stock", state="CRITICAL", refusal="no such database: stock")
    assert console.json["hint"].startswith("is it in [databases], and was that reloaded?"), console.json


@each_version
def test_paused_and_disabled_databases(version):
    console = Console(version, databases=[DATABASE, {**DATABASE, "name": "stock", "paused": "1"},
                                          {**DATABASE, "name": "app", "disabled": "1"}])
    summary = console.ask(state="CRITICAL")
    assert 'database "stock" is paused: its clients wait, database "app" is disabled: it refuses clients' in summary


@pytest.mark.parametrize("version", [v for v in VERSIONS if v >= "1.19"])
def test_paused_and_suspended_as_a_whole(version):
    assert "PgBouncer is paused as a whole" in Console(version, state=("no", "yes", "no")).ask(state="CRITICAL")
    assert "PgBouncer is suspended" in Console(version, state=("no", "no", "yes")).ask(state="CRITICAL")


@each_version
def test_full_pools(version):
    console = Console(version, pools=[{**POOL, "sv_active": "19"}])
    assert "use of the 20 server connections of pool shop/app is 95% (warning above 90%)" in console.ask(
        "-w", "90%", state="WARNING")


@pytest.mark.parametrize("version", ["1.23.1", "1.24.1", "1.25.2"])
def test_a_users_own_size_of_the_pool(version):
    pool = {**POOL, "sv_active": "4"}
    console = Console(version, pools=[pool], users=[{"name": "app", "pool_size": "4"}, {"name": "other"}])
    assert "use of the 4 server connections of pool shop/app is 100%" in console.ask("-c", "90%", state="CRITICAL")


@pytest.mark.parametrize("version", ["1.24.1", "1.25.2"])
def test_clients_of_a_database(version):
    console = Console(version, databases=[{**DATABASE, "max_client_connections": "30",
                                           "current_client_connections": "30"}])
    assert 'use of the 30 client connections of database "shop" is 100%' in console.ask("-c", "90%", state="CRITICAL")


def test_clients_of_all():
    assert "use of the 100 client connections is 90%" in Console(clients=91).ask(state="WARNING")
    full = Console(clients=102).ask(state="CRITICAL")
    assert "no client connection is free: 101 in use, and max_client_conn is 100" in full


def test_a_version_that_nobody_knows_with_columns_of_its_own():
    console = Console("1.25.2")
    console.version = "2.0.0beta1"
    for command in ("SHOW DATABASES", "SHOW POOLS"):
        answer = console.answers[command]
        answer.columns.reverse()
        values = [step for step in answer.steps[:-1]]
        table = {"SHOW DATABASES": [OWN_DATABASE, DATABASE], "SHOW POOLS": [OWN_POOL, POOL]}[command]
        columns = ["new", *answer.columns, "newer"]
        console.answers[command] = wire.table(columns, *rows(columns, table))
        assert len(values) == len(table)
    assert "1 pool of 1 database" in console.ask()


def test_which_databases():
    many = [{**DATABASE, "name": n} for n in ("shop", "app1", "app2")]
    pools = [{**POOL, "database": n, "cl_waiting": "1", "maxwait": "60"} for n in ("shop", "app1", "app2")]
    console = Console(databases=many, pools=pools)
    assert "shop/app" in console.ask("--exclude", "app*", state="CRITICAL")
    assert "app1" not in json.dumps(console.json)
    assert "app2/app" in console.ask("--database", "app*", "--exclude", "app1", state="CRITICAL")
    assert "shop" not in json.dumps(console.json["reasons"]) and "app1" not in json.dumps(console.json)
    assert 'database "stock" is not there' in console.ask("--database", "stock", state="CRITICAL")
    assert "0 pools of 0 databases" in console.ask("--exclude", "*")


# --- many of them -----------------------------------------------------------------------------------------------------

def test_the_worst_of_many_pools():
    names = [f"database_{i:04d}" for i in range(3000)]
    pools = [{**POOL, "database": n} for n in names]
    pools[1234].update(cl_waiting="7", maxwait="30")
    console = Console(databases=[{**DATABASE, "name": n} for n in names], pools=pools)
    summary = console.ask("-t", "25s", state="CRITICAL")
    assert "wait of 7 clients for a server connection in pool database_1234/app is 30 s" in summary
    assert figure(console, "pools") == 3000


def test_an_answer_without_end():
    def without_end(talk):
        while True:
            talk.send(wire.data_row(["shop", "app", *["1"] * 13, "session", None]) * 100)
    console = Console()
    console.answers["SHOW POOLS"] = wire.table(
        VERSIONS["1.24.1"][1], then=[without_end])
    assert "the answer to a query is too long" in refused(console)


def test_more_users_than_an_answer_may_hold():
    """The rest of what was told is as good as before; only limits on the use of a pool cannot be held."""
    users = [{"name": f"user_{i:06d}"} for i in range(30000)]
    console = Console(users=users)
    console.ask("-t", "25s")
    assert "the size of a pool is not known, so its use is not" in refused(console, "protocol", "-w", "90%", "-t", "25s")


# --- through the pooler -----------------------------------------------------------------------------------------------

BEHIND = {**nodes.PRIMARY, "host": "10.0.0.11", "port": "5432"}


def test_where_a_database_leads():
    console = Console()
    assert '"shop" leads to the primary at 10.0.0.11:5432' in console.ask("--expect-primary", "shop", node=BEHIND)
    assert console.asked.startups[1][b"database"] == b"shop"
    standby = {**nodes.STANDBY, "host": "fd00::12", "port": "5432"}
    assert 'database "shop" leads to a standby at [fd00::12]:5432: its clients cannot write' in console.ask(
        "--expect-primary", "shop", node=standby, state="CRITICAL")
    read_only = {**BEHIND, "is_read_only": "t", "host": None, "port": None}
    assert 'database "shop" leads to a server that is read-only: its clients cannot write' in console.ask(
        "--expect-primary", "shop", node=read_only, state="CRITICAL")


SERVERS = ["type", "user", "database", "state", "addr", "port", "close_needed", "wait"]


@pytest.mark.parametrize("answer, state", [
    (wire.table(SERVERS, ["S", "app", "shop", "active", "10.0.0.12", "5432", "1", "0"],
                ["S", "app", "shop", "active", "10.0.0.11", "5432", "0", "0"],
                ["S", "app", "shop", "idle", "10.0.0.12", "5432", "1", "0"],
                ["S", "app", "stock", "active", "10.0.0.12", "5432", "1", "0"]), "WARNING"),
    (wire.table(SERVERS), "OK"),
    (wire.table(SERVERS, ["S", "app", "shop", "active", "10.0.0.12", "5432", "maybe", "0"]), "OK"),
    (wire.table(["one"], ["1"]), "OK"),
    (wire.failure("08P01", "no"), "OK")], ids=["outdated", "none", "senseless", "other", "refused"])
def test_clients_with_the_server_from_before(answer, state):
    """What SHOW SERVERS does not tell is left out: that a new client is led to the primary is known all the same."""
    console = Console()
    console.answers["SHOW SERVERS"] = answer
    summary = console.ask("--expect-primary", "shop", node=BEHIND, state=state)
    assert ("1 client of database \"shop\" is still with the server from before its last change" in summary) \
        == (state == "WARNING"), summary
    assert console.asked.sql.count("SHOW SERVERS") == 2, "once for people, once for machines"


def test_what_to_do_about_too_many_clients():
    script = Console(clients=101).script()
    with wire.PgPeer(script) as peer:
        script.startup = lambda: wire.welcome(version="1.24.1/bouncer") \
            if peer.startups[-1][b"database"] == b"pgbouncer" \
            else [wire.fatal("08P01", "no more connections allowed (max_client_conn)")]
        answer = launch(PROGRAM, *peer.target, "--expect-primary", "shop", "-f", "json").json()
    assert answer["state"] == "CRITICAL" and answer["hint"].startswith("SHOW CLIENTS on the admin console"), answer


@each_version
def test_one_of_several_hosts(version):
    """PgBouncer takes them in turn: the next client may be led elsewhere."""
    console = Console(version, databases=[{**DATABASE, "host": "n1,n2"}])
    assert '"shop" leads to the primary at 10.0.0.11:5432, by one of its hosts alone' in console.ask(
        "--expect-primary", "shop", node=BEHIND)


@each_version
def test_a_login_that_the_pooler_refuses(version):
    cases = {"pooler is shutting down": "PgBouncer is shutting down: it refuses new clients",
             "server login has been failing, try again later (server_login_retry)": "no way through to database",
             'database "shop" is disabled': "no way through to database"}
    for text, told in cases.items():
        script = Console(version).script()
        welcome = script.startup
        with wire.PgPeer(script) as peer:
            script.startup = lambda: welcome if peer.startups[-1][b"database"] == b"pgbouncer" else [
                wire.fatal("08P01", text)]
            outcome = launch(PROGRAM, *peer.target, "--expect-primary", "shop")
        assert STATES[outcome.code] == "CRITICAL", outcome
        assert told in clean_line(outcome)[0], outcome


def test_a_login_that_is_kept_waiting():
    script = Console().script()
    welcome = script.startup
    with wire.PgPeer(script) as peer:
        script.startup = lambda: welcome if peer.startups[-1][b"database"] == b"pgbouncer" else [
            wire.AUTH_OK, wire.hold]
        outcome = launch(PROGRAM, *peer.target, "--expect-primary", "shop", *PATIENT, "-f", "json")
    assert outcome.json()["state"] == "CRITICAL", outcome
    assert 'no way through to database "shop": no answer from ' in outcome.json()["summary"]
    assert outcome.json()["fault"]["class"] == "timeout"
    assert 1.5 < outcome.lasted and outcome.elapsed < 2.3, outcome


def test_no_time_for_the_passage_is_lost_at_the_console():
    """A console that is frozen is told as that, before all the time is gone."""
    with peers.Peer(peers.silent) as peer:
        outcome = launch(PROGRAM, *peer.target, "--expect-primary", "shop", *PATIENT, "-f", "json")
    assert outcome.json()["fault"]["class"] == "timeout", outcome
    assert outcome.elapsed < 1.75, outcome


# --- who is no console ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("text", ["not allowed", "no such user", '"trust" authentication failed',
                                  "password authentication failed"])
def test_a_role_that_is_not_let_in(text):
    with wire.PgPeer(wire.Script(startup=[wire.fatal("08P01", text)])) as peer:
        outcome = launch(PROGRAM, *peer.target, "-f", "json")
        answer = outcome.json()
    assert (answer["state"], answer["fault"]["class"]) == ("UNKNOWN", "setup"), outcome
    assert text in answer["summary"] and "stats_users" in answer["hint"], outcome
    assert len(peer.startups) == 1, "asking again without the options is for databases"


@pytest.mark.parametrize("startup, words", [
    ([wire.AUTH_CLEARTEXT, wire.hold], "put it into the password file"),
    ([wire.fatal("08P01", "SASL authentication failed")], "its password (passfile, PGPASSWORD), and PgBouncer's auth_file"),
    ([wire.fatal("3D000", 'database "pgbouncer" does not exist')], "is it PgBouncer's port"),
    ([wire.fatal("08P01", "not allowed")], "the role one of its stats_users")], ids=["none", "wrong", "PostgreSQL", "no console"])
def test_what_to_do_about_a_login_that_is_refused(startup, words):
    with wire.PgPeer(wire.Script(startup=startup)) as peer:
        answer = launch(PROGRAM, *peer.target, "-f", "json").json()
    assert answer["state"] == "UNKNOWN" and words in answer["hint"], answer


@pytest.mark.parametrize("version, named", [("15.8", "PostgreSQL 15.8"), ("", "something else")])
def test_a_server_that_is_no_console(version, named):
    with wire.PgPeer(wire.Script(startup=wire.welcome(version=version))) as peer:
        outcome = launch(PROGRAM, *peer.target, "-f", "json")
    assert outcome.json()["fault"]["class"] == "setup", outcome
    assert f"not PgBouncer's admin console, but {named}" in outcome.json()["summary"], outcome
    assert not peer.sql, "nothing is asked of a stranger"


def test_nobody_there():
    with peers.refusing() as target:
        outcome = launch(PROGRAM, *target, "-f", "json")
    assert (outcome.json()["state"], outcome.json()["fault"]["class"]) == ("CRITICAL", "down"), outcome


def test_the_database_is_not_named_with_d():
    with wire.PgPeer(Console().script()) as peer:
        outcome = launch(PROGRAM, *peer.target, "-d", "shop", "-f", "json")
        assert outcome.json()["fault"]["class"] == "usage", outcome
        assert not peer.startups
        for dbname in ("pgbouncer", f"host={peer.host} dbname=shop", f"postgresql://{peer.host}:{peer.port}/shop"):
            outcome = launch(PROGRAM, *peer.target, "-d", dbname)
            assert STATES[outcome.code] == "OK", outcome
            assert peer.startups[-1][b"database"] == b"pgbouncer"


@pytest.mark.parametrize("args, env, port", [
    ((), {}, 6432),
    (("-d", "connect_timeout=3"), {}, 6432),  # as README names the password file
    (("-d", "postgresql://127.0.0.9/"), {}, 6432),
    (("--conninfo", "host=127.0.0.9 user=mon"), {}, 6432),
    (("-p", "6433"), {}, 6433),
    (("-d", "connect_timeout=3 port=6433"), {}, 6433),
    (("-d", "postgresql://127.0.0.9:6433/"), {}, 6433),
    (("--conninfo", "host=127.0.0.9 port=6433"), {}, 6433),
    ((), {"PGPORT": "6433"}, 6433),
])
def test_its_own_port_unless_another_is_named(args, env, port):
    outcome = launch(PROGRAM, "-H", "127.0.0.9", *args, "-f", "json", env=env)
    assert outcome.json()["target"] == f"127.0.0.9:{port}", outcome


def test_the_setting_of_the_agent_leads_there_too():
    with wire.PgPeer(Console().script()) as peer:
        outcome = launch(PROGRAM, "--conninfo", f"host={peer.host} port={peer.port} user=mon password=secret-word",
                         "-v")
        assert STATES[outcome.code] == "OK" and peer.startups[0][b"user"] == b"mon", outcome
        assert b"secret-word" not in outcome.out


# --- consoles that misbehave ------------------------------------------------------------------------------------------

COMMANDS = ("SHOW LISTS", "SHOW STATE", "SHOW CONFIG", "SHOW DATABASES", "SHOW POOLS")
each_command = pytest.mark.parametrize("command", COMMANDS)


@each_command
def test_a_command_that_is_refused(command):
    console = Console()
    del console.answers[command]
    assert f"{command} is refused: invalid command '{command}'" in refused(console, "setup")


@each_command
def test_other_columns(command):
    console = Console()
    console.answers[command] = wire.table(["one", "two"], ["1", "2"])
    assert f"unexpected answer to {command}: there is no column" in refused(console)


@each_command
def test_no_answer_to_a_command(command):
    console = Console()
    console.answers[command] = wire.raw(wire.hold)
    with wire.PgPeer(console.script()) as peer:
        outcome = launch(PROGRAM, *peer.target, "-t", "1s", "-f", "json")
    assert outcome.json()["fault"]["class"] == "timeout", outcome
    assert outcome.elapsed < 1.3, outcome


@each_command
def test_hung_up_in_the_middle(command):
    console = Console()
    console.answers[command] = wire.table(["list", "items"], ["databases", "1"], then=[peers.close_at_once])
    with wire.PgPeer(console.script()) as peer:
        outcome = launch(PROGRAM, *peer.target, "-f", "json")
    assert outcome.json()["fault"]["class"] == "down", outcome
    assert outcome.json()["state"] == "CRITICAL", outcome


@each_command
def test_a_copy_instead_of_rows(command):
    console = Console()
    console.answers[command] = wire.raw(wire.message(b"H", b"\0\0\0"), wire.hold)
    refused(console, "protocol", "-t", "2s")


@pytest.mark.parametrize("column, value", [("cl_waiting", "-1"), ("cl_waiting", None), ("cl_waiting", "many"),
                                           ("cl_waiting", "1e3"), ("maxwait", str(2 ** 62)), ("maxwait", "-5"),
                                           ("maxwait_us", "0x10"), ("sv_active", str(2 ** 31)), ("sv_login", "")])
def test_wrong_values(column, value):
    console = Console()
    columns = VERSIONS["1.24.1"][1]
    row = rows(columns, [POOL])[0]
    row[columns.index(column)] = value
    console.answers["SHOW POOLS"] = wire.table(columns, row)
    assert 'unexpected answer to SHOW POOLS: pool "shop" of "app"' in refused(console)


def test_hostile_names():
    """What a console says stands in one line, without what would break it."""
    name = b'a|b\n\x1b[31m"\xff\xfe' + "ä".encode() * 60
    pool = {**POOL, "database": name, "user": name, "cl_waiting": "5", "maxwait": "99"}
    database = {**DATABASE, "name": name, "host": name, "paused": "1"}
    with wire.PgPeer(Console(databases=[database], pools=[pool, {**pool, "database": "shop"}]).script()) as peer:
        outcome = launch(PROGRAM, *peer.target)
        line, hint, rest = outcome.out.decode().split("\n")
        assert outcome.code == 2 and "is paused" in line and hint.startswith("hint: ") and not rest, outcome
        assert "wait of 5 clients for a server connection in pool shop/a/b [31m" in line, outcome
        assert "\x1b" not in line and line.count("|") == 1, outcome
        launch(PROGRAM, *peer.target, "-f", "json").json()


def test_a_column_twice_is_read_once():
    console = Console()
    columns = [*VERSIONS["1.24.1"][1], "cl_waiting"]
    row = [*rows(columns[:-1], [POOL])[0], "9"]
    console.answers["SHOW POOLS"] = wire.table(columns, row)
    assert "no client waits" in console.ask()


@pytest.mark.parametrize("lines", [[["active", "yes"], ["paused", "yes"]], [["paused", "no"]], [["active", "2"]], []])
def test_a_state_that_makes_no_sense(lines):
    console = Console()
    console.answers["SHOW STATE"] = wire.table(["key", "value"], *lines)
    assert "unexpected answer to SHOW STATE" in refused(console)


def test_bounded_memory():
    names = [f"database_{i:04d}" for i in range(5000)]
    console = Console(databases=[{**DATABASE, "name": n} for n in names],
                      pools=[{**POOL, "database": n} for n in names])
    with wire.PgPeer(console.script()) as peer:
        outcome = launch(PROGRAM, *peer.target, "-t", "25s", is_measured=True)
    assert STATES[outcome.code] == "OK", outcome
    assert SANITIZED or outcome.peak_bytes < 64 << 20, outcome
