"""What every answer of a check must look like, whatever was done to it."""

import re
import unicodedata

import pytest

import wire
from launch import launch

CHECKS = ("check_pg_leader", "check_pg_replica")
STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")  # by exit code
STATE_OF = {"down": "CRITICAL", "timeout": "CRITICAL", "full": "CRITICAL", "setup": "UNKNOWN", "protocol": "UNKNOWN"}
T = ["-t", "10s"]        # for what answers by itself: never waited for, but a peer may want for a processor
SHORT = ["-t", "400ms"]  # for what has to be given up
PATIENT = ["-t", "2s"]   # for what has to be given up while others answer
PERFDATA = re.compile(r"('[^'=|]+'|[^ '=|]+)=(U|-?[0-9]+(\.[0-9]+)?)(s|us|ms|%|B|KB|MB|TB|c)?(;[-0-9.@:~]*){0,4}")

each_check = pytest.mark.parametrize("program", CHECKS)


def clean_line(outcome):
    """The summary line of the Nagios format, taken apart into (text, perfdata). A hint may stand in a line below it."""
    text = outcome.out.decode("utf-8")  # strictly
    assert len(outcome.out) < 4096
    assert text.endswith("\n"), text
    line, *more = text[:-1].split("\n")
    assert len(more) <= 1 and all(re.match("hint: .", other) for other in more), f"more than a line: {text!r}"
    bad = [c for c in text.replace("\n", "") if unicodedata.category(c) == "Cc"]
    assert not bad, f"control characters {bad} in {text!r}"
    assert "|" not in "".join(more), "Icinga takes what follows for performance data"
    summary, separator, perfdata = line.partition("|")
    assert "|" not in perfdata
    assert summary.strip(), "no summary"
    if separator:
        items = perfdata.split()
        assert items and all(PERFDATA.fullmatch(item) for item in items), perfdata
    assert outcome.err == b"", outcome
    return summary.rstrip(), perfdata.strip()


def word_of(outcome):
    """The state word of a clean line that agrees with the exit code."""
    summary, _ = clean_line(outcome)
    match = re.match(r"PG (LEADER|REPLICA) (OK|WARNING|CRITICAL|UNKNOWN) - .", summary)
    assert match, summary
    assert STATES.index(match[2]) == outcome.code, outcome
    return match[2]


def fault_is(program, target, wanted, *args, **how):
    """Asks once for people and once for machines: state, exit code and class of the fault agree with each other."""
    asked = launch(program, *target, *args, **how)
    assert word_of(asked) == STATE_OF[wanted], asked
    told = launch(program, *target, *args, "-f", "json", **how)
    answer = told.json()
    assert answer.get("fault", {}).get("class") == wanted, told
    assert answer["state"] == STATE_OF[wanted] and told.code == asked.code, told
    assert answer["answer"] == "no", told
    assert answer["fault"]["text"], told
    assert told.err == b"", told
    return asked, answer


def ask(program, script, wanted, *args, **how):
    """fault_is() of a server that plays this script."""
    with wire.PgPeer(script) as peer:
        return fault_is(program, peer.target, wanted, *args, **how)
