"""A second node beside the one that is asked (--primary): when it is asked, and what its silence does to the answer."""

import json

import pytest

import nodes
import peers
import wire
from expect import PATIENT, SHORT, T
from launch import launch
from test_secrets import BROKEN, FORMATS, ONE, TWO

LAG = "check_pg_lag"
CLUSTER, OTHER_CLUSTER = "7123456789012345678", "7999999999999999999"
PRIMARY, STANDBY = nodes.PRIMARY, nodes.STANDBY
# 32 MiB beyond what the standby has: it does not know of them itself.
AHEAD = {"wal_lsn": "0/7000060", "wal_file": "000000030000000000000007"}


def script(node, cluster=CLUSTER, at_query=lambda: None, **changes):
    """A Script of a node that has no list of anything, and says so; `changes` are values of columns."""
    known = {**node, "system_identifier": cluster, "started_ms": "1690000000000", **changes}

    def answer(sql):
        at_query()
        made = []
        for statement in nodes.statements(sql):
            if not statement.upper().startswith("SELECT"):
                made.append(wire.raw(wire.complete(statement.split()[0].upper())))
                continue
            names = nodes.columns(statement)
            rows = [] if "total" in names else [[known[name] for name in names]]
            made.append(wire.table(names, *rows))
        return made

    return wire.Script(startup=wire.welcome(in_recovery=known["in_recovery"] == "t"), answer=answer)


def conninfo(peer, **more):
    return " ".join(f"{key}={value}" for key, value in {"host": peer.host, "port": peer.port, **more}.items())


def where(target):
    """-H HOST -p PORT as a connection string."""
    return f"host={target[1]} port={target[3]}"


def ask(standby, second, *args, program=LAG, **how):
    outcome = launch(program, *standby.target, "--primary", second, "-f", "json", *args, **how)
    assert outcome.err == b"", outcome
    return outcome, outcome.json()


def lag_of(answer):
    return answer["metrics"]["replay_lag_bytes"]["value"]


def judged_alone(answer, why):
    """By what the standby knows, and says so."""
    assert answer["state"] == "WARNING" and "fault" not in answer, answer
    assert lag_of(answer) == 0, answer
    assert why in answer["summary"] and "behind the primary" not in answer["summary"], answer


@pytest.fixture
def standby():
    with wire.PgPeer(script(STANDBY)) as peer:
        yield peer


# -- when it answers ----------------------------------------------------------------------------

@pytest.mark.parametrize("form", ["host={0.host} port={0.port}", "postgresql://{0.host}:{0.port}", "postgres://somebody@{0.host}:{0.port}/any"])
def test_the_lag_is_measured_against_the_primary(standby, form):
    alone = launch(LAG, *standby.target, "-f", "json").json()
    assert lag_of(alone) == 0 and "could not be asked" not in alone["summary"], alone
    with wire.PgPeer(script(PRIMARY, **AHEAD)) as primary:
        outcome, answer = ask(standby, form.format(primary), *T)
        assert outcome.code == 0 and lag_of(answer) == 32 << 20, answer
        assert "32 MB behind the primary" in answer["summary"], answer
        # The limits are held against that lag.
        outcome, answer = ask(standby, form.format(primary), *T, "-w", "16MB", "-c", "64MB")
        assert outcome.code == 1 and answer["state"] == "WARNING", answer
        outcome, answer = ask(standby, form.format(primary), *T, "-c", "16MB")
        assert outcome.code == 2 and answer["state"] == "CRITICAL", answer


def test_the_node_is_asked_first():
    """A position of the primary that is older than the standby's would make a standby that is ahead of it."""
    order = []
    with (wire.PgPeer(script(STANDBY, at_query=lambda: order.append("standby"))) as standby,
          wire.PgPeer(script(PRIMARY, at_query=lambda: order.append("primary"))) as primary):
        assert ask(standby, conninfo(primary), *T)[0].code == 0
    assert set(order) == {"standby", "primary"}
    assert order == sorted(order, reverse=True), order


def test_it_is_asked_as_it_is_told_and_not_as_the_node():
    with wire.PgPeer(script(STANDBY)) as standby, wire.PgPeer(script(PRIMARY)) as primary:
        ask(standby, conninfo(primary, user="second"), *T, "-U", "first", "-d", "shop")
        ask(standby, conninfo(primary, user="second", dbname="news", application_name="mine"), *T, "-U", "first")
    assert [(s[b"user"], s[b"database"]) for s in standby.startups] == [(b"first", b"shop"), (b"first", b"postgres")]
    assert [(s[b"user"], s[b"database"]) for s in primary.startups] == [(b"second", b"postgres"), (b"second", b"news")]
    assert [s[b"application_name"] for s in primary.startups] == [LAG.encode(), b"mine"]


def test_both_are_recorded_and_replayed(standby, tmp_path):
    recorded = tmp_path / "recorded"
    with wire.PgPeer(script(PRIMARY, **AHEAD)) as primary:
        _, answer = ask(standby, conninfo(primary, password=ONE), *T, "--record", recorded)
    text = recorded.read_text()
    assert len(json.loads(text)["snapshots"]) == 2 and ONE not in text
    replayed = launch(LAG, "--replay", recorded, "-f", "json", "--primary", "host=nowhere.invalid")
    assert replayed.json() == answer


# -- when it does not ---------------------------------------------------------------------------

def test_a_primary_that_never_speaks_does_not_hold_up_the_answer(standby):
    with peers.Peer(peers.silent) as silent:
        outcome, answer = ask(standby, conninfo(silent), *PATIENT)
        assert outcome.elapsed < 2.5, outcome
        assert silent.talks, "it was asked"
    judged_alone(answer, "the primary could not be asked (")
    assert outcome.code == 1 and "held up" not in answer["summary"], "the last resort answered"


@pytest.mark.parametrize("timeout", ["1500ms", "2s", "3s"])
def test_the_answer_comes_in_time(standby, timeout):
    with peers.Peer(peers.silent) as silent:
        outcome, answer = ask(standby, conninfo(silent), "-t", timeout)
    limit = int(timeout[:-2]) / 1000 if timeout.endswith("ms") else int(timeout[:-1])
    assert outcome.elapsed < limit + 0.3, outcome
    judged_alone(answer, "the primary could not be asked (")


@pytest.mark.parametrize("serve", [peers.close_at_once, peers.reset_after_hello, peers.http_400, peers.dribble(b"R\0\0\0\x08\0\0\0\0")])
def test_a_primary_that_is_no_server(standby, serve):
    with peers.Peer(serve) as peer:
        outcome, answer = ask(standby, conninfo(peer), *PATIENT)
    judged_alone(answer, "the primary could not be asked (")
    assert outcome.code == 1


def test_a_closed_port(standby):
    with peers.refusing() as target:
        outcome, answer = ask(standby, where(target), *T)
    judged_alone(answer, "the primary could not be asked (")
    assert "refused" in answer["summary"] and outcome.elapsed < 4


def test_a_backlog_that_is_full(standby):
    with peers.full_backlog() as target:
        judged_alone(ask(standby, where(target), *PATIENT)[1], "the primary could not be asked (")


@pytest.mark.parametrize("sqlstate,text", [("53300", "sorry, too many clients already"), ("57P03", "the database system is starting up"),
                                           ("28P01", "password authentication failed"), ("28000", "no pg_hba.conf entry")])
def test_a_primary_that_refuses_the_connection(standby, sqlstate, text):
    with wire.PgPeer(wire.Script(startup=[wire.fatal(sqlstate, text)])) as primary:
        judged_alone(ask(standby, conninfo(primary), *T)[1], "the primary could not be asked (")


def test_what_is_not_its_primary_is_not_believed(standby):
    with wire.PgPeer(script(STANDBY)) as other:
        _, answer = ask(standby, conninfo(other), *T)
        judged_alone(answer, f"{other.host}:{other.port} is not the primary")
    with wire.PgPeer(script(PRIMARY, cluster=OTHER_CLUSTER, **AHEAD)) as other:
        _, answer = ask(standby, conninfo(other), *T)
        judged_alone(answer, f"{other.host}:{other.port} is not known to be of this cluster")


def test_a_primary_that_stops_after_its_first_answer(standby):
    """The role came, the rest did not: without its identity nobody knows whose primary it is."""
    def answer(sql):
        if "system_identifier" in sql:
            return [wire.Answer(nodes.columns(sql), [wire.hold])]
        return script(PRIMARY, **AHEAD).answer(sql)

    with wire.PgPeer(wire.Script(answer=answer)) as primary:
        outcome, answer = ask(standby, conninfo(primary), *PATIENT)
    assert lag_of(answer) == 0 and answer["state"] == "WARNING" and outcome.code == 1, answer
    assert "behind the primary" not in answer["summary"], answer


def test_where_the_node_itself_cannot_be_seen_nobody_else_is_asked():
    with wire.PgPeer(script(PRIMARY)) as primary:
        with peers.refusing() as target:
            outcome = launch(LAG, *target, "--primary", conninfo(primary), *T, "-f", "json")
        assert outcome.code == 2 and outcome.json()["fault"]["class"] == "down", outcome
        with peers.Peer(peers.silent) as silent:
            outcome = launch(LAG, *silent.target, "--primary", conninfo(primary), *SHORT, "-f", "json")
        assert outcome.code == 2 and outcome.json()["fault"]["class"] == "timeout", outcome
        assert not primary.talks


# -- a connection string that is none -----------------------------------------------------------

def refused(outcome):
    answer = outcome.json()
    assert outcome.code == 3 and answer["state"] == "UNKNOWN", outcome
    assert answer["fault"]["class"] == "usage" and "--primary" in answer["fault"]["text"], outcome


@pytest.mark.parametrize("text", ["n1", "10.0.0.11", "10.0.0.11:5432", "/run/postgresql", "host", "host=a port=none", "host=a port=0",
                                  "host=a prot=5432", "host='a", "postgresql://[::1", "host=127.0.0.1 sslmode=maybe", "jdbc:postgresql://a/", "=", " "])
def test_what_is_no_connection_string_is_refused(standby, text):
    """A bare word would be the name of a database, of the server that libpq asks by default: the wrong one, silently."""
    refused(ask(standby, text, *T)[0])


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_connection_string_is_refused_and_its_password_not_repeated(standby, name, tmp_path):
    with wire.PgPeer(script(PRIMARY)) as primary:
        text = BROKEN[name].format(host=primary.host, port=primary.port, one=ONE, two=TWO)
        for format_ in FORMATS:
            outcome = launch(LAG, *standby.target, "--primary", text, "-t", "2s", "-v", "-v", "-f", format_,
                             "--record", tmp_path / "recorded")
            said = outcome.out + outcome.err
            if (tmp_path / "recorded").exists():
                said += (tmp_path / "recorded").read_bytes()
                (tmp_path / "recorded").unlink()
            assert ONE.encode() not in said and TWO.encode() not in said, said
            assert outcome.code == 3 or name == "bad number", outcome  # which libpq reads when it uses it
            if format_ == "json" and name != "bad number":
                refused(outcome)


def test_a_password_that_is_asked_for_and_wrong_is_not_repeated(standby, tmp_path):
    startup = wire.ask_password(wire.AUTH_CLEARTEXT, [wire.fatal("28P01", 'password authentication failed for user "pgha"')])
    with wire.PgPeer(wire.Script(startup=startup)) as primary:
        outcome, answer = ask(standby, conninfo(primary, user="pgha", password=f"{ONE}{TWO}"), *T, "--record", tmp_path / "recorded")
    judged_alone(answer, "the primary could not be asked (")
    assert ONE.encode() not in outcome.out and ONE not in (tmp_path / "recorded").read_text()


def test_the_option_is_there_where_it_is_of_use_alone(standby):
    with wire.PgPeer(script(PRIMARY)) as primary:
        for program in ("check_pg_leader", "check_pg_replica"):
            outcome = launch(program, *standby.target, "--primary", conninfo(primary))
            assert outcome.code == 3 and b"--primary" in outcome.out, outcome
            assert b"--primary" not in launch(program, "--help").out
        assert not primary.talks and not standby.talks
    outcome = launch(LAG, "--primary", "host=a", "--primary", "host=b")
    assert outcome.code == 3 and b"--primary" in outcome.out and b"twice" in outcome.out, outcome
    assert b"--primary CONNINFO" in launch(LAG, "--help").out
