"""--state FILE: what is new since the last look, kept in a file that may be missing, old, another's, or no such file at all."""

import json
import os
import stat

import pytest

import nodes
import peers
import wire
from expect import SHORT, T
from launch import launch

SUBSCRIPTION = "check_pg_subscription"
COUNTERS = ("apply_errors", "sync_errors", "conflicts")
# One that runs, and has heard from its publisher just now.
HEALTHY = {
    "total": "1", "receiver_timeout_ms": "60000", "name": "orders", "database": "shop", "is_enabled": "t", "slot": "orders",
    "worker_pid": "4711", "received_lsn": "0/5000060", "latest_end_lsn": "0/5000060", "message_age_ms": "250", "tables": "3",
    "tables_not_ready": "0", "apply_errors": "0", "sync_errors": "0", "conflicts": "0", "new_errors": None, "new_conflicts": None,
}
# What comes with a list that is empty.
NO_ROW = {"total": "0", "syncs": "f", "gives_feedback": "f"}


class Subscriber(wire.PgPeer):
    """A server with one subscription, or several; `counters` may change between two looks."""

    def __init__(self, **counters):
        self.rows = [{**HEALTHY, **counters}]
        super().__init__(wire.Script(answer=self._answer))

    def _answer(self, sql):
        made = []
        for statement in nodes.statements(sql):
            if not statement.upper().startswith("SELECT"):
                made.append(wire.raw(wire.complete(statement.split()[0].upper())))
                continue
            names = nodes.columns(statement)
            made.append(wire.table(names, *([row.get(name) for name in names] for row in self._rows(names))))
        return made

    def _rows(self, names):
        if "apply_errors" in names:
            return [{**row, "total": len(self.rows)} for row in self.rows]
        if "total" in names:
            return [NO_ROW] if "syncs" in names else []
        return [{**nodes.PRIMARY, "system_identifier": "7123456789012345678", "started_ms": "1690000000000"}]

    def count(self, **counters):
        """The counters as they are from now on."""
        self.rows[0].update(counters)


def look(server, state, *args, **how):
    """What one look says, as (state, summary); nothing on standard error."""
    outcome = launch(SUBSCRIPTION, *server.target, "--state", state, "-f", "json", *(args or T), **how)
    assert outcome.err == b"", outcome
    answer = outcome.json()
    assert "fault" not in answer, outcome
    return answer["state"], answer["summary"]


def nothing_new(said):
    assert said[0] == "OK" and "new" not in said[1], said


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"


# -- from one look to the next ------------------------------------------------------------------

def test_what_came_since_the_last_look_is_told_once(state):
    with Subscriber(apply_errors="5", sync_errors="2", conflicts="1") as server:
        nothing_new(look(server, state))  # the first one knows of none before
        nothing_new(look(server, state))
        server.count(apply_errors="6")
        assert look(server, state) == ("WARNING", '1 new error of subscription "orders" since the last look')
        nothing_new(look(server, state))
        server.count(apply_errors="8", sync_errors="3", conflicts="5")
        said = look(server, state)
        assert said[0] == "WARNING" and "3 new errors of" in said[1] and "4 new conflicts of" in said[1], said
        nothing_new(look(server, state))


def test_without_the_option_nothing_is_compared():
    with Subscriber() as server:
        for errors in ("1", "2"):
            server.count(apply_errors=errors)
            outcome = launch(SUBSCRIPTION, *server.target, *T, "-f", "json")
            assert outcome.code == 0 and "new" not in outcome.json()["summary"], outcome


@pytest.mark.parametrize("name, typed", [("orders", "orders"), ("my-orders", '"my-orders"'), ("Orders", '"Orders"')])
def test_the_hints_command_names_it_as_sql_does(state, name, typed):
    with Subscriber(name=name, apply_errors="1") as server:
        nothing_new(look(server, state))
        server.count(apply_errors="2")
        told = launch(SUBSCRIPTION, *server.target, "--state", state, "-f", "json", *T).json()
        assert f"ALTER SUBSCRIPTION {typed} SKIP" in told["hint"], told
    with Subscriber(name=name, is_enabled="f") as server:
        told = launch(SUBSCRIPTION, *server.target, "-f", "json", *T).json()
        assert told["hint"].endswith(f"ALTER SUBSCRIPTION {typed} ENABLE"), told


def test_counters_that_were_reset_count_from_zero(state):
    with Subscriber(apply_errors="100", conflicts="100") as server:
        nothing_new(look(server, state))
        server.count(apply_errors="2", conflicts="0")
        assert look(server, state) == ("WARNING", '2 new errors of subscription "orders" since the last look')


def test_what_the_server_does_not_count_is_not_new(state):
    with Subscriber(apply_errors=None, sync_errors=None, conflicts=None) as server:
        nothing_new(look(server, state))
        nothing_new(look(server, state))
        server.count(apply_errors="7", sync_errors="0", conflicts="7")  # after an upgrade
        nothing_new(look(server, state))
        server.count(apply_errors="8")
        assert look(server, state)[0] == "WARNING"


def test_a_subscription_that_was_not_there_before_has_nothing_new(state):
    with Subscriber() as server:
        nothing_new(look(server, state))
        server.rows.append({**HEALTHY, "name": "stock", "apply_errors": "9"})
        nothing_new(look(server, state))
        server.rows[1]["apply_errors"] = "11"
        assert look(server, state) == ("WARNING", '2 new errors of subscription "stock" since the last look')
        # The same name in another database is another one.
        server.rows[1] = {**server.rows[1], "database": "news", "apply_errors": "15"}
        nothing_new(look(server, state))


def test_every_format_compares_and_keeps(state):
    with Subscriber() as server:
        look(server, state)
        for number, format_ in enumerate(("nagios", "plain", "haproxy", "http", "prometheus", "keepalived"), 1):
            server.count(apply_errors=str(number))
            launch(SUBSCRIPTION, *server.target, "--state", state, *T, "-f", format_)
        nothing_new(look(server, state))


# -- the file -----------------------------------------------------------------------------------

def test_the_file_is_private_and_replaced_whole(state):
    with Subscriber() as server:
        look(server, state)
        first = state.stat()
        assert stat.S_IMODE(first.st_mode) == 0o600
        look(server, state)
        assert state.stat().st_ino != first.st_ino, "it was written in place: who is interrupted leaves half of it"
        assert os.listdir(state.parent) == ["state"]
        assert len(json.loads(state.read_text())["snapshots"]) == 1


def test_a_link_is_followed(state, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    state.symlink_to(tmp_path / "elsewhere" / "file")
    with Subscriber() as server:
        look(server, state)
        server.count(apply_errors="1")
        if (tmp_path / "elsewhere" / "file").exists():  # a link that leads nowhere may be replaced
            assert state.is_symlink()
        assert look(server, state)[0] == "WARNING"


def test_a_look_that_saw_nothing_leaves_the_one_before(state):
    with Subscriber() as server:
        look(server, state)
        before = state.read_bytes()
        with peers.refusing() as target:
            assert launch(SUBSCRIPTION, *target, "--state", state, *T).code == 2
        with peers.Peer(peers.silent) as silent:
            assert launch(SUBSCRIPTION, *silent.target, "--state", state, *SHORT).code == 2
        assert state.read_bytes() == before
        server.count(apply_errors="1")
        assert look(server, state)[0] == "WARNING"


def test_a_look_that_did_not_see_the_subscriptions_leaves_the_one_before(state):
    """The role came and the subscriptions did not: what is kept then would make a first look of the next one."""
    with Subscriber() as server:
        look(server, state)
        before = state.read_bytes()
        healthy = server.script.answer
        server.script.answer = lambda sql: ([wire.failure("42501", "permission denied")] if "apply_errors" in sql else healthy(sql))
        assert launch(SUBSCRIPTION, *server.target, "--state", state, *T).code == 3
        assert state.read_bytes() == before
        server.script.answer = healthy
        server.count(apply_errors="1")
        assert look(server, state)[0] == "WARNING"


def test_the_look_of_another_server_is_not_compared(state):
    with Subscriber(apply_errors="1") as one, Subscriber(apply_errors="50") as other:
        nothing_new(look(one, state))
        nothing_new(look(other, state))
        other.count(apply_errors="51")
        assert look(other, state)[0] == "WARNING"
        nothing_new(look(one, state))


NOT_OURS = {
    "text": b"precious\n",
    "binary": bytes(range(256)),
    "other JSON": b'{"precious": true}\n',
    "many numbers": b"[" + b"0," * 2_000_000 + b"0]",
    "too large": b" " * (4 * 1024 * 1024 + 1),
}


@pytest.mark.parametrize("name", NOT_OURS)
def test_a_file_that_is_not_ours_is_refused_and_left_alone(state, name):
    state.write_bytes(NOT_OURS[name])
    with Subscriber() as server:
        outcome = launch(SUBSCRIPTION, *server.target, "--state", state, *T, "-f", "json")
    fault = outcome.json()["fault"]
    assert outcome.code == 3 and fault["class"] == "usage", outcome
    assert "--state" in fault["text"] and str(state) in fault["text"], fault
    assert state.read_bytes() == NOT_OURS[name]


OURS_ONCE = {
    "empty": b"",
    "cut": b'{"form": 1, "snapshots": [{"target": "127.0.0.1:5432", "parts": {"role"',
    "of another form": b'{"form": 2, "snapshots": [{"parts": {}}]}\n',
    "of another version": b'{"form": 1, "snapshots": [{"target": "t", "parts": {"role": {"is_new": true}}}]}',
}


@pytest.mark.parametrize("name", OURS_ONCE)
def test_a_look_that_cannot_be_read_hides_no_answer_and_is_replaced(state, name):
    state.write_bytes(OURS_ONCE[name])
    with Subscriber() as server:
        outcome = launch(SUBSCRIPTION, *server.target, "--state", state, *T, "-f", "json")
        assert outcome.json()["state"] == "OK" and b"the look before is lost" in outcome.err, outcome
        assert json.loads(state.read_text())["form"] == 1
        outcome = launch(SUBSCRIPTION, *server.target, "--state", state, *T, "-f", "json")
        assert outcome.json()["state"] == "OK" and outcome.err == b"", outcome


def test_what_is_no_file_is_refused_and_left_alone(state, tmp_path):
    with Subscriber() as server:
        for path in (tmp_path, "-"):
            outcome = launch(SUBSCRIPTION, *server.target, "--state", path, *T, "-f", "json")
            assert outcome.code == 3 and outcome.json()["fault"]["class"] == "usage", outcome
            assert "--state" in outcome.json()["fault"]["text"], outcome
        os.mkfifo(state)  # nobody will ever write into it
        outcome = launch(SUBSCRIPTION, *server.target, "--state", state, *SHORT, "-f", "json")
        assert outcome.elapsed < 2 and outcome.code in (2, 3), outcome
        assert stat.S_ISFIFO(state.stat().st_mode)
    assert not (tmp_path / "-").exists()


def test_a_place_that_cannot_be_written_is_told_and_does_not_change_the_answer(tmp_path):
    with Subscriber() as server:
        for path in (tmp_path / "none" / "state", "/proc/state"):
            outcome = launch(SUBSCRIPTION, *server.target, "--state", path, *T, "-f", "json")
            assert outcome.code == 0 and outcome.json()["state"] == "OK", outcome
            assert b"--state" in outcome.err and str(path).encode() in outcome.err, outcome


@pytest.mark.parametrize("numbers", [("9223372036854775807", "9223372036854775807"), ("-1", "-9223372036854775807"), ("0", "9223372036854775807")])
def test_numbers_that_no_server_says(state, numbers):
    """They come from the file, which somebody may have edited."""
    with Subscriber(apply_errors="3", sync_errors="0", conflicts="3") as server:
        look(server, state)
        kept = json.loads(state.read_text())
        row = kept["snapshots"][0]["parts"]["subscriptions"]["rows"][0]
        row.update(zip(("apply_errors", "sync_errors"), map(int, numbers)), conflicts=int(numbers[1]))
        state.write_text(json.dumps(kept))
        outcome = launch(SUBSCRIPTION, *server.target, "--state", state, *T, "-f", "json")
        assert outcome.json()["state"] == "OK" and b"the look before is lost" in outcome.err, outcome
        nothing_new(look(server, state))


def test_the_option_is_there_where_it_is_of_use_alone(state):
    for program in ("check_pg_leader", "check_pg_lag"):
        outcome = launch(program, "--state", state)
        assert outcome.code == 3 and b"--state" in outcome.out, outcome
        assert b"--state" not in launch(program, "--help").out
    assert b"--state FILE" in launch(SUBSCRIPTION, "--help").out


def test_a_replay_neither_compares_nor_keeps(state, tmp_path):
    recorded = tmp_path / "recorded"
    with Subscriber() as server:
        look(server, state, *T, "--record", recorded)
        before = state.read_bytes()
        server.count(apply_errors="5")
        said = look(server, state, *T, "--record", recorded)
        assert said[0] == "WARNING"
        after = state.read_bytes()
        assert after != before
    replayed = launch(SUBSCRIPTION, "--replay", recorded, "--state", state, "-f", "json")
    assert (replayed.json()["state"], replayed.json()["summary"]) == said, "what was new then is new in the recording"
    assert state.read_bytes() == after
