"""check_repmgr and check_pg_auto_failover against servers whose tables lie, stall and never end.

Tables of another shape on a real server, and the real managers, are in tests/live.
"""

import dataclasses

import pytest

import nodes
import peers
import wire
from expect import PATIENT, STATES, T, clean_line
from launch import launch

IDENTITY = {"system_identifier": "7123456789012345678", "started_ms": "1690000000001"}


@dataclasses.dataclass
class Manager:
    """What a server tells, of itself as the primary n1 and of n2 beside it; a test changes what it wants to."""
    program: str
    own: dict
    other: dict
    places: list
    option: str

    def script(self, peer, places=(), metadata=None):
        """`places` is an answer, or what is told beside where n1 is; `metadata` makes an answer of its columns."""
        node = {**nodes.PRIMARY, **self.own, **IDENTITY}

        def answer(sql):
            if "LIMIT 1000" in sql:
                own = self.place("1", peer.host, peer.port)
                return [places if isinstance(places, wire.Answer) else wire.table(self.places, own, *places)]
            if "AS total" in sql:
                return [(metadata or self.rows)(nodes.columns(sql))]
            return nodes.answers(node)(sql)

        return wire.Script(answer=answer)

    def place(self, number, host, port):
        if self.program == "check_repmgr":
            return [number, f"host='{host}' port={port}"]
        return [number, host, str(port), "postgres"]

    def rows(self, columns, **changes):
        """Of the metadata; `changes` are of n2."""
        known = [self.own, {**self.own, **self.other, **changes}]
        return wire.table(columns, *[[{**row, "total": "2"}[column] for column in columns] for row in known])

    def ask(self, *args, places=(), metadata=None, **how):
        with wire.PgPeer() as peer:
            peer.script = self.script(peer, places, metadata)
            outcome = launch(self.program, *peer.target, self.option, "0", *args, **how)
            return STATES[outcome.code], clean_line(outcome)[0], outcome


REPMGR = Manager("check_repmgr", {
    "total": "1", "version": "5.3", "system_identifier": None,
    "own_id": "1", "is_own_asked": "f", "has_library": "t", "is_daemon_running": "t",
    "is_daemon_paused": "f", "upstream_seen_s": None, "id": "1", "name": "n1", "type": "primary", "is_active": "t",
    "is_own": "f", "upstream_id": None, "location": "default", "priority": "100", "place": None, "own_role": None,
    "own_timeline": None, "own_receiver": None, "own_upstream_id": None, "own_started_ms": None, "primary_id": None, "daemon": None,
    "fault": None, "fault_class": None},
    {"id": "2", "name": "n2", "type": "standby", "upstream_id": "1"}, ["node_id", "conninfo"], "--min-standbys")
MONITOR = Manager("check_pg_auto_failover", {
    "total": "1", "version": "2.0", "id": "1", "group": "0", "formation": "default", "name": "n1",
    "host": "127.0.0.1", "port": "5432",
    "reported_state": "single", "goal_state": "single", "health": "1", "health_age_ms": "1000", "is_running": "t",
    "is_own": "f", "is_detached": "f", "timeline": "3", "lsn": "0/5000060",
    "report_age_ms": "300", "change_age_ms": "1000",
    "is_in_quorum": "t", "priority": "50", "sync_standbys": "0", "own_role": None, "own_timeline": None, "fault": None,
    "fault_class": None, **IDENTITY},
    {"id": "2", "name": "n2", "reported_state": "secondary", "goal_state": "secondary"},
    ["nodeid", "nodehost", "nodeport", "dbname"], "--min-secondaries")
each = pytest.mark.parametrize("manager", [REPMGR, MONITOR], ids=lambda manager: manager.program)


def endless(value):
    def steps(talk):
        while True:
            talk.send(value)
    return steps


@each
def test_it_is_well(manager):
    def metadata(columns):
        return wire.table(columns, [manager.own[column] for column in columns])
    state, summary, outcome = manager.ask(*T, metadata=metadata)
    assert state == "OK" and "n1 is the primary" in summary, outcome


@each
def test_one_that_is_not_told_of(manager):
    """Who is not asked, because nobody says where it is, is not taken for well."""
    state, summary, outcome = manager.ask(*T)
    assert state == "WARNING" and "cannot be asked" in summary and "it is not known where it is" in summary, outcome


@each
def test_places_without_end(manager):
    rows = wire.data_row(manager.place("2", "h" * 20000, 5432)) * 8
    state, summary, outcome = manager.ask(*T, places=wire.Answer(manager.places, [endless(rows)]), is_measured=True)
    assert state != "OK" and "cannot be asked" in summary and "the answer to a query is too long" in summary, outcome
    assert outcome.elapsed < 6 and outcome.peak_bytes < 64 << 20, outcome


@each
def test_metadata_without_end(manager):
    def metadata(columns):
        return wire.Answer(columns, [endless(wire.data_row(["x" * 4000] * len(columns)))])
    state, summary, outcome = manager.ask(*T, metadata=metadata, is_measured=True)
    assert state == "UNKNOWN" and "the answer to a query is too long" in summary, outcome
    assert outcome.elapsed < 6 and outcome.peak_bytes < 64 << 20, outcome


@each
@pytest.mark.parametrize("answer", [
    wire.raw(wire.hold), wire.raw(peers.close_at_once), wire.table(["one"], ["1"]),
    wire.table(["a", "b", "c", "d", "e"], ["1"] * 5), wire.failure("42501", "no"), wire.raw(wire.complete("SELECT 0")),
    wire.raw(wire.message(b"H", b"\0\0\0"), wire.hold)],
    ids=["held", "closed", "narrow", "wide", "refused", "nothing", "copy"])
def test_other_places(manager, answer):
    state, summary, outcome = manager.ask(*PATIENT, places=answer)
    assert state != "OK" and "cannot be asked" in summary, outcome
    assert outcome.elapsed < 2.5, outcome


@each
@pytest.mark.parametrize("number, host, port", [
    ("2", "", 5432), ("2", "127.0.0.1", 0), ("2", "127.0.0.1", 65536), ("2", "127.0.0.1", "x"), ("2", "x" * 5000, 5432),
    ("two", "127.0.0.1", 5432), ("-2", "127.0.0.1", 5432), ("99999999999999999999", "127.0.0.1", 5432)],
    ids=["no host", "port 0", "large port", "no port", "long host", "no number", "negative", "large number"])
def test_senseless_places(manager, number, host, port):
    state, summary, outcome = manager.ask(*T, places=[manager.place(number, host, port)])
    assert state != "OK" and "n2" in summary and "cannot be asked" in summary, outcome


@each
def test_names_that_are_no_text(manager):
    state, summary, outcome = manager.ask(
        *T, metadata=lambda columns: manager.rows(columns, name=b"\xff\xfe|n2'"))
    assert state == "WARNING" and "cannot be asked" in summary, outcome


@each
@pytest.mark.parametrize("column, value", [("id", "x"), ("name", "n" * 64), ("fault_class", "f" * 64)],
                         ids=["no number", "long name", "long class"])
def test_values_that_cannot_be(manager, column, value):
    state, summary, outcome = manager.ask(*T, metadata=lambda columns: manager.rows(columns, **{column: value}))
    assert state == "UNKNOWN" and f'"{column}"' in summary, outcome


# --- whom a standby streams from ------------------------------------------------------------------------------------

def three(columns, own_id):
    """n1 is the primary, and to the metadata the upstream of n2 and n3."""
    known = {**REPMGR.own, "total": "3", "own_id": own_id}
    rows = [{**known, "id": number, "name": f"n{number}", **standby} for number, standby in (
        ("1", {}), ("2", {"type": "standby", "upstream_id": "1"}), ("3", {"type": "standby", "upstream_id": "1"}))]
    return wire.table(columns, *[[row[column] for column in columns] for row in rows])


def member(number, sender, places):
    """What that node answers, which streams from `sender`, (host, port)."""
    node = nodes.PRIMARY if number == "1" else {**nodes.STANDBY, "sender_host": sender[0], "sender_port": sender[1]}
    itself = nodes.answers({**node, **IDENTITY, "started_ms": f"169000000000{number}"})

    def answer(sql):
        if "LIMIT 1000" in sql:
            return [wire.table(["node_id", "conninfo"], *places)]
        return [three(nodes.columns(sql), number)] if "AS total" in sql else itself(sql)

    return wire.Script(answer=answer)


@pytest.mark.parametrize("sender, said", [
    ("n1", None), ("n2", "n3 streams from n2, and its upstream by repmgr's metadata is n1"), ("nobody", None), ("hidden", None)])
def test_a_standby_of_another_upstream(sender, said):
    """Told only where the sender's place is one node's: a name or address that the metadata do not have may be anybody's."""
    with wire.PgPeer() as n1, wire.PgPeer() as n2, wire.PgPeer() as n3:
        members = {"1": n1, "2": n2, "3": n3}
        places = [[number, f"host={peer.host} port={peer.port}"] for number, peer in members.items()]
        senders = {"n1": (n1.host, str(n1.port)), "n2": (n2.host, str(n2.port)), "nobody": ("db.example", "5432"),
                   "hidden": (None, None)}
        for number, peer in members.items():
            peer.script = member(number, senders[sender if number == "3" else "n1"], places)
        outcome = launch("check_repmgr", *n1.target, *T)
    state, summary = STATES[outcome.code], clean_line(outcome)[0]
    if said:
        assert state == "WARNING" and summary == f"REPMGR WARNING - {said}", outcome
        assert b"there: repmgr node status; repmgr standby follow --upstream-node-id=1, or" in outcome.out, outcome
    else:
        assert state == "OK" and "2 standbys: n2, n3" in summary, outcome
