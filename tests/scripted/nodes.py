"""What a healthy primary and a healthy standby answer, whatever the statement looks like.

The columns of an answer are read from the statement itself, so that a collector that asks for one more column needs one
more value here and nothing else.
"""

import re

import wire

PRIMARY = {
    "in_recovery": "f", "is_read_only": "f",
    "wal_file": "000000030000000000000005", "wal_lsn": "0/5000060",
    "replay_lsn": None, "receive_lsn": None, "replay_pause": None, "replay_age_ms": None, "receiver_pid": None,
    "receiver_status": None, "written_lsn": None, "latest_end_lsn": None, "received_timeline": None,
    "has_heard": "f", "receipt_age_ms": None, "apply_delay_ms": "0", "receiver_timeout_ms": "60000", "sender_host": None, "sender_port": None,
    "application": None,
}
STANDBY = {
    "in_recovery": "t", "is_read_only": "f", "wal_file": None, "wal_lsn": None,
    "replay_lsn": "0/5000060", "receive_lsn": "0/5000060", "replay_pause": "not paused", "replay_age_ms": "1200",
    "receiver_pid": "4711", "receiver_status": "streaming", "written_lsn": "0/5000060",
    "latest_end_lsn": "0/5000060", "received_timeline": "3", "has_heard": "t", "receipt_age_ms": "250", "apply_delay_ms": "0",
    "receiver_timeout_ms": "60000",
    "sender_host": "10.0.0.11", "sender_port": "5432", "application": "n2",
}
HEALTHY = {"check_pg_leader": PRIMARY, "check_pg_replica": STANDBY}


def _top_level(text, separator):
    """Pieces of a statement between separators that stand outside of brackets and quotes."""
    pieces, depth, quoted, start, at = [], 0, False, 0, 0
    while at < len(text):
        char = text[at]
        if char == "'":
            quoted = not quoted
        elif not quoted:
            depth += (char == "(") - (char == ")")
            if depth == 0 and (found := separator.match(text, at)):
                pieces.append(text[start:at])
                start = at = found.end()
                continue
        at += 1
    return [*pieces, text[start:]]


def columns(statement):
    """The names of its result columns: AS name, or the last word of the expression."""
    selected = _top_level(statement, re.compile(r"\bFROM\b", re.I))[0]
    return [re.search(r'(\w+)"?\s*$', item).group(1) for item in _top_level(selected, re.compile(","))]


def statements(sql):
    return [s for s in (s.strip() for s in _top_level(sql, re.compile(";"))) if s]


def rows_of(sql, node):
    """(columns, values) of each SELECT in it."""
    found = []
    for statement in statements(sql):
        if statement.upper().startswith("SELECT"):
            names = columns(statement)
            found.append((names, [node[name] for name in names]))
    return found


def answers(node, change=lambda names, values: wire.table(names, values)):
    """An `answer` for a Script: this node, with each result made by `change`."""
    def answer(sql):
        made = []
        for statement in statements(sql):
            if statement.upper().startswith("SELECT"):
                made += [change(names, values) for names, values in rows_of(statement, node)]
            else:
                made.append(wire.raw(wire.complete(statement.split()[0].upper())))
        return made
    return answer


def script(node, **changes):
    """A Script of this node in health; `changes` are values of columns."""
    startup = wire.welcome(in_recovery=node["in_recovery"] == "t")
    return wire.Script(startup=startup, answer=answers({**node, **changes}))
