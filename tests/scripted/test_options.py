"""Options that are wrong are refused before anything is asked, and named; help and version are there."""

import re

import pytest

import peers
from expect import CHECKS, STATES, each_check, word_of
from launch import launch

LEADER, REPLICA = CHECKS

# What is wrong: the arguments, and what the message must name.
BAD = {
    "unknown long option": (["--nonsense"], ["--nonsense"]),
    "unknown long option with a value": (["--nonsense=5"], ["--nonsense"]),
    "unknown short option": (["-y"], ["-y"]),
    "value missing": (["-H"], ["host"]),
    "value missing, long": (["--timeout"], ["--timeout"]),
    "value for a flag": (["--unknown-is-ok=yes"], ["--unknown-is-ok"]),
    "duration: a word": (["-t", "soon"], ["timeout", "soon"]),
    "duration: no unit that is one": (["-t", "5 parsecs"], ["timeout", "5 parsecs"]),
    "duration: a size": (["-t", "5MB"], ["timeout", "5MB"]),
    "duration: junk after it": (["-t", "5s1"], ["timeout", "5s1"]),
    "duration: zero": (["-t", "0"], ["timeout", "0"]),
    "duration: negative": (["-t", "-5s"], ["timeout", "-5s"]),
    "duration: too long": (["-t", "99999999999999999999s"], ["timeout", "99999999999999999999s"]),
    "duration: empty": (["-t", ""], ["timeout"]),
    "duration: hexadecimal": (["-t", "0x10"], ["timeout", "0x10"]),
    "duration: not a number": (["-t", "nan"], ["timeout", "nan"]),
    "range: a word": (["-w", "low"], ["warning", "low"]),
    "range: upside down": (["-w", "20:10"], ["warning", "20:10"]),
    "range: junk after it": (["-c", "10:20x"], ["critical", "10:20x"]),
    "range: tilde without a colon": (["-c", "~"], ["critical", "~"]),
    "range: tilde at the end": (["-c", "10:~"], ["critical", "10:~"]),
    "range: two colons": (["-c", "1:2:3"], ["critical", "1:2:3"]),
    "range: empty": (["-c", ""], ["critical"]),
    "range: only at": (["-c", "@"], ["critical", "@"]),
    "port: a word": (["-p", "postgres"], ["port", "postgres"]),
    "port: zero": (["-p", "0"], ["port", "0"]),
    "port: too large": (["-p", "65536"], ["port", "65536"]),
    "port: negative": (["-p", "-1"], ["port", "-1"]),
    "port: junk after it": (["-p", "5432x"], ["port", "5432x"]),
    "state": (["--on-down", "bad"], ["on-down", "bad"]),
    "state: empty": (["--wrong-role="], ["wrong-role"]),
    "format": (["-f", "xml"], ["format", "xml"]),
    "format: abbreviated": (["-f", "nag"], ["format", "nag"]),
    "given twice": (["-H", "one", "-H", "two"], ["host"]),
    "given twice, short and long": (["-t", "1s", "--timeout", "2s"], ["timeout"]),
    "limit given twice": (["-w", "1s", "-w", "2s"], ["warning", "2s"]),
    "operand": (["extra"], ["extra"]),
    "three operands": (["one", "two", "three"], ["one"]),
    "five operands": (["one", "two", "three", "4", "five"], ["one"]),
    "operand after --": (["--", "-H"], ["-H"]),
}
BAD_FOR_ONE = {
    "warning looser than critical": (LEADER, ["-w", "2s", "-c", "1s"], ["warning", "critical"]),
    "warning looser, bytes": (REPLICA, ["-w", "64MB", "-c", "16MB"], ["warning", "critical"]),
    "warning looser, second unit": (REPLICA, ["-c", "64MB", "-w", "30s", "-c", "10s"], ["warning", "critical"]),
    "a unit that is not measured": (LEADER, ["-w", "16MB"], ["warning", "16MB"]),
    "units in conflict within a range": (REPLICA, ["-c", "16MB:30s"], ["critical", "16MB:30s"]),
    "same unit twice": (REPLICA, ["-c", "16MB", "-c", "1GB"], ["critical", "1GB"]),
    "position": (REPLICA, ["--replayed", "0-5000060"], ["replayed", "0-5000060"]),
    "position: junk after it": (REPLICA, ["--replayed", "0/5000060x"], ["replayed", "0/5000060x"]),
    "position: too large": (REPLICA, ["--replayed", "1FFFFFFFF/0"], ["replayed", "1FFFFFFFF/0"]),
    "weight": (REPLICA, ["--weight-min", "101"], ["weight-min", "101"]),
    "weight: no number": (REPLICA, ["--weight-min", "1.5"], ["weight-min", "1.5"]),
    "an option of the other check": (LEADER, ["--accept-primary"], ["--accept-primary"]),
}


def refused(program, args, names):
    outcome = launch(program, *args)
    assert outcome.code == 3, outcome
    message = (outcome.out + outcome.err).decode()
    for name in names:
        assert name in message, f"{name!r} is not named: {outcome}"
    assert len(message.splitlines()) <= 23, "a short message, not the whole help"
    return message


@each_check
@pytest.mark.parametrize("name", BAD)
def test_bad_option(program, name):
    refused(program, *BAD[name])


@pytest.mark.parametrize("name", BAD_FOR_ONE)
def test_bad_option_of_one_check(name):
    refused(*BAD_FOR_ONE[name])


def test_bad_option_is_seen_by_whoever_called():
    """Nagios shows standard output only; keepalived throws both away, and 3 is its usage error too."""
    assert launch(LEADER, "--nonsense").out.startswith(b"PG LEADER UNKNOWN - ")
    assert launch(LEADER, "--nonsense", "-f", "keepalived").code == 3
    answer = launch(LEADER, "-f", "json", "-t", "soon").json()
    assert answer["fault"]["class"] == "usage" and answer["state"] == "UNKNOWN" and answer["answer"] == "no"


@pytest.mark.parametrize("args", [["-t", "soon"], ["--nonsense"], ["-c", "1s", "-w", "2s"], ["extra"]])
def test_nobody_is_asked_with_a_bad_option(args):
    with peers.Peer(peers.close_at_once) as peer:
        assert launch(LEADER, *peer.target, *args).code == 3
        assert not peer.talks


def test_bad_option_cannot_break_the_line():
    outcome = launch(LEADER, "-t", b"a\x1b[31m|b\nhint: c\xff")
    assert word_of(outcome) == "UNKNOWN"
    assert b"|" not in outcome.out


# What an option does nothing without: the check, the options, what the message must say, and its hint.
PATRONI, DCS = "check_patroni", "check_dcs"
HOST = ["-H", "127.0.0.1", "-p", "1"]
VAIN = {
    "namespace": (DCS, ["--namespace", "db"], "--namespace has no effect without --scope", "--scope SCOPE"),
    "namespace, its default": (DCS, ["--namespace", "service"], "--namespace has no effect without --scope", "--scope"),
    "min-ttl": (DCS, ["--min-ttl", "3s"], "--min-ttl has no effect without --scope", "--scope SCOPE"),
    "key-file": (DCS, ["--key-file", "/x"], "--key-file has no effect without --cert-file", "--cert-file FILE"),
    "key-file of Patroni": (PATRONI, ["--key-file", "/x"], "--key-file has no effect without --cert-file", "--cert-file"),
    "max-pause": (PATRONI, ["--max-pause", "1h"], "--max-pause has no effect without --state", "--state FILE"),
    "pcp-host": ("check_pgpool", ["--pcp-host", "h"], "--pcp-host has no effect without --pcp-user", "--pcp-user USER"),
    "pcp-port": ("check_pgpool", ["--pcp-port", "9898"], "--pcp-port has no effect without --pcp-user", "--pcp-user"),
    "pcp-command": ("check_pgpool", ["--pcp-command", "x"], "--pcp-command has no effect without --pcp-user", "--pcp-user"),
    "node": (LEADER, ["--node", "n1"], "--node has no effect without --monitor", "--monitor CONNINFO"),
    "node-conninfo": (LEADER, ["--node-conninfo", "user=x"], "--node-conninfo has no effect without --monitor", "--monitor"),
    "repmgr-node": (LEADER, ["--repmgr-node", "n1"], "--repmgr-node has no effect without --repmgr", "--repmgr CONNINFO"),
    "ca-file of a witness": (LEADER, ["--patroni-ca-file", "/x"], "--patroni-ca-file has no effect without --patroni", "--patroni URL"),
    "auth-file of a witness": (REPLICA, ["--patroni-auth-file", "/x"], "--patroni-auth-file has no effect without --patroni", "URL"),
    "key-file of a witness": (REPLICA, ["--patroni", "http://127.0.0.1:1", "--patroni-key-file", "/x"],
                              "--patroni-key-file has no effect without --patroni-cert-file", "--patroni-cert-file FILE"),
    "patroni-unreachable": (LEADER, ["--patroni-unreachable", "ok"], "--patroni-unreachable has no effect without --patroni", "URL"),
    "repmgr-unreachable": (LEADER, ["--repmgr-unreachable", "ok", "--patroni", "http://127.0.0.1:1"],
                           "--repmgr-unreachable has no effect without --repmgr", "--repmgr CONNINFO"),
    "monitor-unreachable": (LEADER, ["--monitor-unreachable", "ok"], "--monitor-unreachable has no effect without --monitor", "--monitor"),
    "standby-leader": (LEADER, ["--standby-leader"], "--standby-leader has no effect without --patroni", "--patroni URL"),
    "noloadbalance": (REPLICA, ["--ignore-noloadbalance"], "--ignore-noloadbalance has no effect without --patroni", "URL"),
    "unconfirmed-primary": (REPLICA, ["--accept-primary", "--unconfirmed-primary", "ok"],
                            "--unconfirmed-primary has no effect without --patroni", "--patroni URL"),
}


VAIN["node-conninfo, and nodes that are not asked"] = (
    "check_pg_auto_failover", ["--node-conninfo", "user=x", "--trust-monitor"], "--node-conninfo has no effect with --trust-monitor",
    "leave one of them out")


@pytest.mark.parametrize("name", VAIN)
def test_an_option_that_would_do_nothing_is_refused(name):
    """Who gives it believes that it does: that Patroni was asked, or since when there is a pause."""
    program, args, text, hint = VAIN[name]
    outcome = launch(program, *HOST, *args)
    line, _, rest = outcome.out.decode().partition("\nhint: ")
    assert outcome.code == 3 and line.endswith(f"UNKNOWN - option {text}") and hint in rest, outcome


@pytest.mark.parametrize("program, args", [
    (DCS, ["--namespace", "db", "--min-ttl", "3s", "--scope", "demo"]), (LEADER, ["--patroni-unreachable", "ok", "--replay", "/none"]),
    (PATRONI, ["--max-pause", "1h", "--replay", "/none"]), (DCS, ["--min-ttl", "3s", "--replay", "/none"]),
])
def test_an_option_that_does_something_is_not(program, args):
    """A recording has what somebody else asked for."""
    assert b"no effect" not in launch(program, *HOST, *args).out


@pytest.mark.parametrize("args, said", [
    (["--endpoints", "http://127.0.0.1:1,http://127.0.0.1:2", "--ca-file", "/x"], "option --ca-file has no effect: no endpoint is "),
    (["--endpoints", "http://127.0.0.1:1", "--cert-file", "/x"], "option --cert-file has no effect: no endpoint is asked by https"),
    (["--endpoints", "http://127.0.0.1:1,https://127.0.0.1:2", "--ca-file", "/x"], "none of 2 endpoints answers"),
    (["--endpoints", "127.0.0.1:1", "--ca-file", "/x"], "cannot reach https://127.0.0.1:1"),
])
def test_tls_for_endpoints_that_have_none(args, said):
    outcome = launch(DCS, *args)
    assert outcome.code == (3 if "no effect" in said else 2) and said in outcome.out.decode(), outcome


@pytest.mark.parametrize("args", [
    ["-t", "5"], ["-t5s"], ["--timeout=5s"], ["-t", "5000ms"], ["-t", "0.5min"], ["-t", "1h"], ["-w", "1", "-c", "2"],
    ["-w", "~:1s"], ["-c", "@10:20"], ["-w", "200ms", "-c", "1s"], ["-w", "0:1", "-c", "0:2"], ["-vv"], ["--"],
])
def test_good_options(args):
    """The grammar above refuses no more than it should: these get as far as the network."""
    with peers.refusing() as target:
        assert STATES[launch(LEADER, *target, *args).code] == "CRITICAL"


# --- help and version -------------------------------------------------------------------------------------------------

@each_check
def test_help(program):
    long, short = launch(program, "--help"), launch(program, "-h")
    assert (long.code, long.err) == (3, b"")
    assert long.out == short.out
    text = long.out.decode()
    assert max(map(len, text.splitlines())) <= 80
    assert not re.search(r"[ \t]$", text, re.M), "blanks at the end of a line"
    for option in ("host", "port", "username", "dbname", "warning", "critical", "timeout", "format", "record", "replay",
                   "on-down", "on-timeout", "on-full", "on-setup", "on-protocol", "wrong-role", "warning-is-failure",
                   "unknown-is-ok", "version", "help"):
        assert re.search(rf"--{option}\b", text), option
    assert text.startswith(program) or "Usage: " + program in text


@pytest.mark.parametrize("program", ["check_patroni", "check_dcs"])
def test_help_of_what_asks_over_http(program):
    """-H and -p lead to no server of PostgreSQL, and psql's ways to a password do not either."""
    text = " ".join(launch(program, "--help").out.decode().split())
    for phrase in ("socket directory", "are tried in turn", "role to connect as", "as in psql"):
        assert phrase not in text, phrase
    assert "Passwords come from --auth-file" in text


@each_check
def test_every_option_of_the_help_exists(program):
    """Given without its value, or with one it does not take, an option is never called unknown."""
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", launch(program, "--help").out.decode()))
    assert len(options) > 15
    unknown = (launch(program, "--nonsense").out.decode()).replace("--nonsense", "{}")
    for option in options - {"--help", "--version"}:
        outcome = launch(program, option, "--help=no", "-t", "1ms")
        assert unknown.format(option) not in outcome.out.decode(), option


@each_check
def test_version(program):
    long, short = launch(program, "--version"), launch(program, "-V")
    assert (long.code, long.err) == (3, b"")
    assert long.out == short.out
    assert re.fullmatch(rf"{program} \(?.*\d+\.\d+.*\n", long.out.decode())


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_needs_no_server_and_no_environment(option):
    assert launch(LEADER, option, clean_env={}).code == 3
