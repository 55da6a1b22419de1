"""pgha-ask: what it asks the agent, what it makes of the answer, and what it says where there is none."""

import contextlib
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import termios
import threading
import time
from pathlib import Path

import pytest

import agent_peer
import nodes
import peers
import programs
import reaper
import wire
from agent_peer import Agent, answer, framed, say
from launch import SANITIZED, launch
from test_process import as_nobody, blocking, both, closing, ignoring  # noqa: F401  (as_nobody is a fixture)

ASK, CHECK = "pgha-ask", "check_pg_leader"
FORMATS = ("nagios", "keepalived", "haproxy", "http", "json", "prometheus", "plain")
LINE = b"PG LEADER OK - primary on timeline 3\n"
SHORT = ["-t", "400ms"]  # for what has to be given up
T = ["-t", "10s"]        # for what answers by itself: never waited for, but a peer may want for a processor

each_format = pytest.mark.parametrize("format_", FORMATS)


@pytest.fixture
def place():
    """A directory with a short name: a socket's path has 107 characters."""
    with tempfile.TemporaryDirectory(prefix="ask-") as directory:
        yield directory


def ask(*args, **how):
    return launch(ASK, *([] if "-t" in args else T), *args, **how)


def says_no(outcome, wanted, *words):
    """A clear no in Nagios' format: state, the words, a hint. And the class, in a second answer for machines."""
    text = outcome.out.decode()
    line, hint = text.splitlines()
    assert re.match(r"[A-Z0-9 ]+ UNKNOWN - .", line), outcome
    assert hint.startswith("hint: "), outcome
    for word in words:
        assert word in text, f"{word!r} is not said: {outcome}"
    assert (outcome.code, outcome.err) == (3, b""), outcome
    assert wanted in ("down", "timeout", "setup", "protocol")
    return line


def is_unasked(target, wanted, *words, patience=SHORT, limit=0.9, **how):
    """The agent cannot be asked: said with the socket's name, in time, to people and to machines."""
    path = target[-1]
    outcome = ask(*target, *patience, "leader", **how)
    assert outcome.elapsed < limit, outcome
    says_no(outcome, wanted, path, *words)
    told = ask(*target, *patience, "-f", "json", "leader", **how)
    assert told.code == 3 and told.json()["fault"]["class"] == wanted, told
    assert told.json()["answer"] == "no" and told.json()["state"] == "UNKNOWN"


# --- the question and its answer --------------------------------------------------------------------------------------

@each_format
@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_answer_of_the_agent(format_, code, place):
    """Its bytes and its code, untouched."""
    body = "an answer — of ünusual bytes \\ \" %s\r\n\r\n\x00".encode()
    with Agent(answer(code, body), place) as agent:
        outcome = ask(*agent.target, "-f", format_, "leader")
    assert outcome.code == code
    assert agent.requests == [b"ask %s 0 leader\n" % format_.encode()]
    if format_ == "keepalived":  # prints nothing: a reason goes where the checks' does
        assert (outcome.out, outcome.err) == (b"", body)
    else:
        assert (outcome.out, outcome.err) == (body, b"")


def test_answer_without_bytes(place):
    for code in range(4):
        with Agent(answer(code, b""), place) as agent:
            outcome = ask(*agent.target, "-f", "keepalived", "leader")
        assert (outcome.code, outcome.out, outcome.err) == (code, b"", b"")
        os.unlink(agent.path)


@pytest.mark.parametrize(("args", "request_"), [
    (["leader"], b"ask nagios 0 leader\n"),
    (["-v", "leader"], b"ask nagios 1 leader\n"),
    (["-vv", "leader", "-v"], b"ask nagios 3 leader\n"),
    (["-v"] * 12 + ["leader"], b"ask nagios 9 leader\n"),
    (["-f", "json", "replica", "critical=64MB", "warning=@10:20"], b"ask json 0 replica critical=64MB warning=@10:20\n"),
    (["replica", "a=b=c", "n="], b"ask nagios 0 replica a=b=c n=\n"),
    (["--warning-is-failure", "leader"], b"ask nagios 0 leader warning-is-failure=yes\n"),
    (["--unknown-is-ok", "leader", "a=b"], b"ask nagios 0 leader a=b unknown-is-ok=yes\n"),
    (["-f", "plain", "leader"], b"ask plain 0 leader\n"),  # no terminal, no colours
    (["lé"], "ask nagios 0 lé\n".encode()),
    (["--fallback", "leader", "--", "-H", "a b"], b"ask nagios 0 leader\n"),
    (["--drain"], b"drain\n"),
    (["--drain", "leader"], b"drain leader\n"),
    (["replica", "--undrain", "-f", "json"], b"undrain replica\n"),
    (["--undrain"], b"undrain\n"),
], ids=str)
def test_request(args, request_, place):
    with Agent(answer(0, LINE), place) as agent:
        outcome = ask(*agent.target, *args)
    assert (outcome.code, outcome.out) == (0, LINE)
    assert agent.requests == [request_]


@pytest.mark.parametrize(("env", "options"), [({}, b"1c"), ({"NO_COLOR": "1"}, b"1")], ids=str)
def test_colours_at_a_terminal(env, options, place):
    master, slave = pty.openpty()
    with os.fdopen(master, "rb", 0), os.fdopen(slave, "wb", 0) as terminal:
        environment = {k: v for k, v in programs.environment().items() if k != "NO_COLOR"} | env
        with Agent(answer(2, LINE), place) as agent:
            assert ask(*agent.target, "-v", "-f", "plain", "leader", stdout=terminal, clean_env=environment).code == 2
            assert ask(*agent.target, "-v", "-f", "json", "leader", stdout=terminal, clean_env=environment).code == 2
    assert agent.requests == [b"ask plain %s leader\n" % options, b"ask json 1 leader\n"]


def test_longest_request(place):
    """1000 bytes with the newline; what is longer is not cut but refused, and not sent."""
    head = "ask nagios 0 leader a="
    with Agent(answer(0, LINE), place) as agent:
        assert ask(*agent.target, "leader", "a=" + "x" * (999 - len(head))).code == 0
        assert len(agent.requests[0]) == 1000
        for more in (1, 2, 100_000):
            outcome = ask(*agent.target, "leader", "a=" + "x" * (999 - len(head) + more))
            assert outcome.code == 3 and b"longer than" in outcome.out
        assert len(agent.talks) == 1


@pytest.mark.parametrize("length", [1, 4095, 4096, 4097, 65535, 65536])
def test_long_answer(length, place):
    with Agent(answer(1, b"x" * length), place) as agent:
        outcome = ask(*agent.target, "leader")
    assert (outcome.code, len(outcome.out)) == (1, length)


def test_answer_in_pieces(place):
    """Wherever it is cut; and the agent need not close for it to be taken."""
    with Agent(agent_peer.slowly(framed(2, LINE), 0.002), place) as agent:
        outcome = ask(*agent.target, "leader")
    assert (outcome.code, outcome.out) == (2, LINE)
    os.unlink(agent.path)
    with Agent(answer(2, LINE, then=peers.Talk.hold), place) as agent:
        outcome = ask(*agent.target, "leader")
    assert (outcome.code, outcome.out) == (2, LINE) and outcome.elapsed < 5


@pytest.mark.parametrize("how", ["slow", "full queue"])
def test_answer_that_takes_its_time(how, place):
    """Within -t it is waited for, also where the connection waits in a full queue at first."""
    if how == "slow":
        def late(talk):
            agent_peer.read_request(talk)
            talk.pause(0.3)
            talk.send(framed(0, LINE))
        with Agent(late, place) as agent:
            outcome = ask(*agent.target, "leader")
    else:
        with agent_peer.full_backlog(place) as (target, listener):
            def drain_the_queue():
                time.sleep(0.3)
                listener.settimeout(30)
                while True:  # those of the fixture say nothing and are let go; ours asks
                    accepted, _ = listener.accept()
                    with accepted:
                        accepted.settimeout(1)
                        try:
                            if accepted.recv(1000):
                                accepted.sendall(framed(0, LINE))
                                return
                        except TimeoutError:
                            pass
            thread = threading.Thread(target=drain_the_queue)
            thread.start()
            outcome = ask(*target, "leader", "-t", "30s")
            thread.join(30)
    assert (outcome.code, outcome.out) == (0, LINE), outcome
    assert outcome.lasted > 0.25


# --- no answer --------------------------------------------------------------------------------------------------------

def test_no_socket(place):
    is_unasked(["-s", os.path.join(place, "none.sock")], "down", "No such file", "is pgha-agent running?")
    is_unasked(["-s", os.path.join(place, "none", "none.sock")], "down", "No such file", "is pgha-agent running?")


def test_default_socket():
    """Where there is no agent on this machine: the message names the documented path."""
    if os.path.exists("/run/pgha/agent.sock"):
        pytest.skip("an agent has its socket at /run/pgha/agent.sock")
    says_no(ask("leader"), "down", '"/run/pgha/agent.sock"')


def test_socket_that_is_left_behind(place):
    with agent_peer.nobody(place) as target:
        is_unasked(target, "down", "refused", "is pgha-agent running?")


def test_no_socket_at_all(place):
    file = Path(place, "file")
    file.write_bytes(b"")
    is_unasked(["-s", str(file)], "down", "is pgha-agent running?")
    is_unasked(["-s", place], "down", "is pgha-agent running?")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(os.path.join(place, "dgram"))
        is_unasked(["-s", os.path.join(place, "dgram")], "down")


@pytest.mark.parametrize("serve", [agent_peer.silent, agent_peer.slowly(framed(0, LINE), 1.0),
                                   agent_peer.slowly(framed(0, LINE), 0.05), say(b"0 37\n", then=peers.Talk.hold),
                                   say(framed(0, LINE)[:-1], then=peers.Talk.hold)],
                         ids=["silence", "a byte a second", "20 bytes a second", "only a head", "all but a byte"])
def test_no_answer_in_time(serve, place):
    with Agent(serve, place) as agent:
        is_unasked(agent.target, "timeout", "in time", "systemctl")


def test_agent_that_does_not_accept(place):
    """Its queue is full: connect() must neither block for good nor spin."""
    with agent_peer.full_backlog(place) as (target, _):
        before = time.process_time(), os.times().children_user + os.times().children_system
        is_unasked(target, "timeout", "in time", "queue")
        used = os.times().children_user + os.times().children_system - before[1]
    assert SANITIZED or used < 0.1, f"{used} s of processor time to wait"


CLOSING_EARLY = {
    "at once": (peers.close_at_once, "down"),
    "after the request": (say(b""), "down"),
    "in the head": (say(b"0 3"), "protocol"),
    "after the head": (say(b"0 37\n"), "protocol"),
    "a byte early": (say(framed(0, LINE)[:-1]), "protocol"),
}


@pytest.mark.parametrize("name", CLOSING_EARLY)
def test_agent_closes_early(name, place):
    serve, wanted = CLOSING_EARLY[name]
    with Agent(serve, place) as agent:
        is_unasked(agent.target, wanted, "agent", patience=T, limit=5)


def test_agent_that_refuses_before_it_reads(place):
    """What it said before it closed is read all the same."""
    with Agent(agent_peer.refuse(framed(3, b"too many connections\n")), place) as agent:
        for _ in range(20):
            outcome = ask(*agent.target, "leader")
            assert (outcome.code, outcome.out) == (3, b"too many connections\n")


BROKEN = {
    "code 4": b"4 1\nx", "code 9": b"9 1\nx", "code 10": b"10 1\nx", "code 00": b"00 1\nx", "negative code": b"-1 1\nx",
    "signed code": b"+0 1\nx", "no code": b" 1\nx", "a blank first": b" 0 1\nx", "an empty line first": b"\n0 1\nx",
    "no length": b"0\n", "an empty length": b"0 \n", "negative length": b"0 -1\nx", "two blanks": b"0  1\nx", "tab": b"0\t1\nx",
    "zero first": b"0 01\nx", "zeros": b"0 00\n", "CRLF": b"0 1\r\nx", "hexadecimal": b"0 0x1\nx", "more words": b"0 1 1\nx",
    "huge length": b"0 99999999999999999999\nx", "length too large": b"0 65537\n" + b"x" * 65537, "length 99999": b"0 99999\nx",
    "overflow": b"0 18446744073709551617\nx", "a byte too many": framed(0, LINE) + b"x", "an answer twice": framed(0, LINE) * 2,
    "empty and a byte": b"0 0\nx", "HTTP": b"HTTP/1.1 400 Bad Request\r\n\r\n", "text": b"up ready\n", "NUL": b"\0" * 100,
    "NUL in the head": b"0\x001\nx", "binary": bytes(range(128, 256)), "no newline": b"0 1", "escape": b"\x1b[31m0 1\nx",
    "no end of the head": b"0 1111111111111111",
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_answer(name, place):
    """Told at once where it can be, never a yes, and nothing of it reaches the output as it is."""
    with Agent(say(BROKEN[name]), place) as agent:
        outcome = ask(*agent.target, "leader")
        assert outcome.elapsed < 5, outcome
        line = says_no(outcome, "protocol", "broken answer", agent.path)
        assert all(c >= " " for c in line)
        told = ask(*agent.target, "leader", "-f", "json")
        assert told.json()["fault"]["class"] == "protocol"
        assert ask(*agent.target, "leader", "-f", "keepalived").code == 1


def test_broken_answer_is_not_waited_for(place):
    """The connection stays open, but what came can never become an answer."""
    with Agent(say(b"HTTP/1.1 400 Bad Request", then=peers.Talk.hold), place) as agent:
        outcome = ask(*agent.target, "leader")
    assert outcome.code == 3 and outcome.elapsed < 5


def test_endless_answer(place):
    with Agent(agent_peer.endless, place) as agent:
        outcome = ask(*agent.target, "leader")
        assert outcome.elapsed < 5
        # What comes behind a whole answer is seen only when it is there already.
        assert outcome.code == 3 or (outcome.code, outcome.out) == (0, b"x" * 65536), outcome


def test_permission_denied(place, as_nobody):
    """The message says which group may: the socket's, or that of its directory."""
    copy, become = as_nobody
    path = copy(ASK)
    os.chmod(path, 0o755)
    with Agent(answer(0, LINE), place) as agent:
        os.chmod(place, 0o755)
        for directory, socket_, words in ((0o755, 0o660, ['group "root"']), (0o755, 0o600, ["only its owner", "uid 0"]),
                                          (0o750, 0o666, ['group "root"']), (0o700, 0o666, ["only its owner"])):
            os.chmod(agent.path, socket_)
            os.chmod(place, directory)
            outcome = launch(path, *agent.target, "leader", preexec_fn=become, clean_env={"ASAN_OPTIONS": "detect_leaks=0"})
            says_no(outcome, "setup", "permission denied", agent.path, *words)
        os.chmod(place, 0o755)
        os.chown(agent.path, 0, 60_000)  # a group that has no name
        os.chmod(agent.path, 0o660)
        outcome = launch(path, *agent.target, "leader", preexec_fn=become, clean_env={"ASAN_OPTIONS": "detect_leaks=0"})
        says_no(outcome, "setup", "permission denied", "group 60000")
        assert not agent.talks


@each_format
@pytest.mark.parametrize("options", [[], ["--unknown-is-ok"], ["--warning-is-failure"], ["-v"]], ids=str)
def test_no_agent_in_every_format(format_, options, place):
    """A no, whatever the options: --unknown-is-ok is about what the agent could not see, and here nobody looked."""
    outcome = ask("-s", os.path.join(place, "none"), "-f", format_, *options, "replica")
    assert outcome.code == (1 if format_ == "keepalived" else 3), outcome
    if format_ != "keepalived":
        assert outcome.err == b""
    text = outcome.out.decode()
    if format_ == "nagios":
        assert text.startswith('REPLICA UNKNOWN - no agent at "')
    elif format_ == "keepalived":
        assert text == ""
        assert (b"UNKNOWN: no agent at" in outcome.err) == (options == ["-v"]) == bool(outcome.err)
    elif format_ == "haproxy":
        assert re.fullmatch('down #no agent at ".*": No such file or directory\n', text)
    elif format_ == "plain":
        assert text.startswith('UNKNOWN  replica: no agent at "')
    elif format_ == "prometheus":
        assert 'pgha_check_state{check="replica",target="",state="unknown"} 1\n' in text
        assert 'pgha_check_yes{check="replica",target=""} 0\n' in text
    else:
        if format_ == "http":
            head, _, text = text.partition("\r\n\r\n")
            assert head.startswith("HTTP/1.1 503 Service Unavailable\r\n")
            assert f"Content-Length: {len(text.encode())}\r\n" in head + "\r\n"
        told = json.loads(text)
        assert {"check": "replica", "state": "UNKNOWN", "answer": "no", "metrics": {}}.items() <= told.items()
        assert told["summary"] == told["fault"]["text"] == told["reasons"][0]["text"]


# What is wrong with a command line of both, so that both say the same about it.
WRONG = [["-t", "soon"], ["-v", "-t", 'a"b\\c'], ["-f", "xml"], ["--nonsense"], ["-t", "sö|o\x1b\tn\"\\" * 40], ["-t", b"\xff\xfe"]]


@each_format
@pytest.mark.parametrize("args", WRONG, ids=str)
def test_writes_as_the_checks_do(format_, args):
    """The formats are written here without lib/render's table; for one fault, to the byte what a check writes."""
    check, own = launch(CHECK, "-f", format_, *args), ask("-f", format_, *args)
    if args[0] == "-f":
        check, own = launch(CHECK, *args), ask(*args)
    expected = [stream.replace(b"check_pg_leader", b"pgha-ask").replace(b"pg_leader", b"pgha-ask")
                .replace(b"PG LEADER", b"PGHA ASK") for stream in (check.out, check.err)]
    got = [own.out, own.err]
    if format_ == "http":
        for streams in (expected, got):
            streams[0] = re.sub(rb"Content-Length: \d+", b"Content-Length: N", streams[0])
        length = int(re.search(rb"Content-Length: (\d+)", own.out)[1]) if b"HTTP/" in own.out else 0
        assert length == len(own.out.partition(b"\r\n\r\n")[2])
    assert got == expected
    assert own.code == check.code == 3


@pytest.mark.parametrize("question", ['a"b\\c', "ü", "x" * 200, "a|b", b"\xff", "../../etc/passwd", "%s%n"])
def test_question_of_any_name(question, place):
    """It stands in answers as the name of a check, and breaks none of them."""
    target = ["-s", os.path.join(place, "none")]
    for format_ in ("json", "http"):
        told = json.loads(ask(*target, "-f", format_, question).out.decode().rpartition("\r\n\r\n")[2])
        assert told["check"] and len(told["check"]) < 48
    assert ask(*target, question).out.count(b"|") == 0
    series = ask(*target, "-f", "prometheus", question).out.decode().splitlines()
    label = r'"(?:[^"\\]|\\.)*"'
    for line in series:
        assert line.startswith("# ") or re.fullmatch(rf"pgha_\w+{{check={label},target={label}(,state={label})?}} [01]", line), line


# --- wrong command lines ----------------------------------------------------------------------------------------------

BAD = {
    "no question": ([], ["no question"]),
    "a parameter for a question": (["lag=16MB"], ["no question", "lag="]),
    "two questions": (["leader", "replica"], ["replica", "NAME=VALUE"]),
    "no name": (["leader", "=secret"], ["unexpected argument"]),
    "a blank in the question": (["lea der"], ["lea der", "blank"]),
    "a blank in a parameter": (["leader", "a=b c"], ['"a"', "blank"]),
    "a newline": (["leader", "a=b\ndrain"], ['"a"', "control"]),
    "a newline in the question": (["leader\ndrain"], ["control"]),
    "a tab": (["leader", "a=\tb"], ['"a"', "blank"]),
    "DEL": (["leader", "a=\x7f"], ['"a"', "control"]),
    "an empty question": ([""], ["empty"]),
    "an empty parameter": (["leader", ""], ["empty"]),
    "unknown option": (["--nonsense", "leader"], ["--nonsense"]),
    "an option of the check's": (["leader", "-H", "host"], ["-H"]),
    "format": (["-f", "xml", "leader"], ["format", "xml"]),
    "timeout": (["-t", "0", "leader"], ["timeout", "0"]),
    "given twice": (["-s", "a", "-s", "b", "leader"], ["socket", "twice"]),
    "empty socket": (["-s", "", "leader"], ["socket", "empty"]),
    "long socket": (["-s", "x" * 108, "leader"], ["socket", "107"]),
    "drain and undrain": (["--drain", "--undrain"], ["--drain", "--undrain"]),
    "drain with a parameter": (["--drain", "leader", "a=b"], ["unexpected argument"]),
    "drain with fallback": (["--drain", "--fallback"], ["--fallback"]),
    "check options without fallback": (["leader", "--", "-H", "host"], ["--fallback"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_command_line(name, place):
    args, words = BAD[name]
    with Agent(answer(0, LINE), place) as agent:
        target = [] if "-s" in args else agent.target
        for format_ in ([], ["-f", "keepalived"]):
            if format_ and "-f" in args:
                continue
            outcome = ask(*target, *format_, *args)
            message = (outcome.out + outcome.err).decode()
            assert outcome.code == 3, outcome
            assert all(word in message for word in words), outcome
            assert "secret" not in message and len(message.splitlines()) <= 2
        assert not agent.talks, "nobody is asked"


@pytest.mark.parametrize("options", [["--help"], ["-h"], ["--help", "--", "x"], ["leader", "-h"]], ids=str)
def test_help(options):
    outcome = ask(*options, clean_env={})
    assert (outcome.code, outcome.err) == (3, b"")
    text = outcome.out.decode()
    assert text.startswith("pgha-ask: ") and "Usage: pgha-ask " in text
    assert max(map(len, text.splitlines())) <= 80
    assert not re.search(r"[ \t]$", text, re.M)
    assert text.endswith("exit 3 always.\n"), "cut"
    for option in ("socket", "timeout", "format", "warning-is-failure", "unknown-is-ok", "fallback", "drain", "undrain",
                   "verbose", "version", "help"):
        assert f"--{option}" in text


def test_examples_of_help_are_accepted(place):
    text = ask("--help").out.decode()
    examples = re.findall(r"^  pgha-ask (.*)$", text, re.M)
    assert len(examples) > 3
    with Agent(answer(0, LINE), place) as agent:
        for example in examples:
            assert ask(*agent.target, *example.split()).code == 0, example
    assert len(agent.requests) == len(examples)


def test_version():
    outcome = ask("-V")
    assert outcome.code == 3 and re.fullmatch(rb"pgha-ask \(pgha-checks\) \d+\.\d+.*\n", outcome.out)


# --- the environment --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)], ids=str)
def test_started_with_closed_descriptors(closed, place):
    """The socket must not become descriptor 1 or 2: the agent would read the answer as a second request."""
    with Agent(answer(0, LINE, then=peers.Talk.hold), place) as agent:
        for args in (["leader"], ["-v", "leader"], ["-f", "keepalived", "-v", "leader"], ["-f", "http", "leader"]):
            assert ask(*agent.target, *args, preexec_fn=closing(*closed)).code == 0
    assert all(request.count(b"\n") == 1 for request in agent.requests), agent.requests
    assert len(agent.requests) == 4
    assert ask("-s", os.path.join(place, "none"), "leader", preexec_fn=closing(*closed)).code == 3
    assert ask("--help", preexec_fn=closing(*closed)).code == 3


@each_format
def test_disk_full(format_, place):
    """Nobody can read the answer, so it cannot be a yes; where the exit code is the whole answer, it still is."""
    with Agent(answer(0, b"" if format_ == "keepalived" else LINE), place) as agent, open("/dev/full", "wb") as full:
        outcome = ask(*agent.target, "-f", format_, "leader", stdout=full)
    assert outcome.code == (0 if format_ == "keepalived" else 3), outcome


@contextlib.contextmanager
def full_pipe():
    """The writing end of a pipe that has no room and whose reader does not read."""
    read, write = os.pipe()
    with os.fdopen(read), os.fdopen(write, "wb") as pipe:
        os.set_blocking(write, False)
        with pytest.raises(BlockingIOError):
            while True:
                os.write(write, b"x" * 65536)
        os.set_blocking(write, True)
        yield pipe


def test_output_that_takes_nothing(place):
    with full_pipe() as pipe, Agent(answer(0, LINE), place) as agent:
        outcome = ask(*agent.target, *SHORT, "leader", stdout=pipe)
    assert outcome.code == 3 and outcome.elapsed < 0.9, outcome


def test_standard_error_that_takes_nothing(place):
    """What is said there is of no matter to the answer: the time ends that, and the code stays."""
    with full_pipe() as pipe:
        for args, code in ((["-f", "keepalived", "-v"], 1), (["-f", "keepalived", "--nonsense"], 3), (["--fallback", "-v"], 3)):
            outcome = ask("-s", os.path.join(place, "none"), *SHORT, *args, "leader", stderr=pipe)
            assert outcome.code == code and outcome.elapsed < 1.4, outcome
        with Agent(answer(0, LINE), place) as agent:
            outcome = ask(*agent.target, "-t", "2s", "-f", "keepalived", "-v", "leader", stderr=pipe)
        assert outcome.code == 0 and outcome.elapsed < 2.5, outcome


def stopped(process):
    """Stops it; whether it was still there to be stopped, and not a moment too late."""
    process.send_signal(signal.SIGSTOP)
    while (state := reaper.stat_fields(process.pid)[0]) not in "TZ":
        time.sleep(0.01)
    return state == "T"


@pytest.mark.parametrize("format_", FORMATS)
def test_held_up_itself(format_, place):
    """Stopped until its time is over, as a machine without a free processor does it: still a no in its format."""
    command = [programs.path(ASK), "-s", os.path.join(place, "agent.sock"), *SHORT, "-f", format_, "leader"]
    environment = programs.environment("san" if SANITIZED else "plain")
    for _ in range(20):
        with Agent(agent_peer.silent, place) as agent:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
            agent.wait_for_talk()
            was_stopped = stopped(process)
            time.sleep(0.6 if was_stopped else 0)
            process.send_signal(signal.SIGCONT)
            out, _ = process.communicate(timeout=30)
        os.unlink(agent.path)
        if was_stopped:
            break
    assert was_stopped, "it has always ended before it could be stopped"
    assert process.returncode == (1 if format_ == "keepalived" else 3), out
    assert bool(out) == (format_ != "keepalived"), out
    assert (b"held up" in out) == (format_ not in ("keepalived", "prometheus")), out


def test_terminal_that_was_stopped(place):
    """Its flow is stopped (Ctrl-S) and nobody goes on: the time ends that as well."""
    master, slave = pty.openpty()
    with os.fdopen(master, "rb", 0), os.fdopen(slave, "wb", 0) as terminal, Agent(answer(2, b"x" * 65536), place) as agent:
        termios.tcflow(terminal.fileno(), termios.TCOOFF)
        outcome = ask(*agent.target, *SHORT, "leader", stdout=terminal)
        termios.tcflow(terminal.fileno(), termios.TCOON)
    assert outcome.code in (2, 3) and outcome.elapsed < 0.9, outcome


@pytest.mark.parametrize("ignored", [False, True], ids=["SIGPIPE default", "SIGPIPE ignored"])
def test_agent_that_is_gone_when_spoken_to(ignored, place):
    with Agent(peers.close_at_once, place) as agent:
        for _ in range(20):
            assert ask(*agent.target, "leader", restore_signals=not ignored).code == 3


@pytest.mark.parametrize("inherited", [blocking, ignoring, both])
def test_deadline_whatever_signals_are_inherited(inherited, place):
    with Agent(agent_peer.silent, place) as agent:
        outcome = ask(*agent.target, *SHORT, "leader", preexec_fn=inherited)
    assert outcome.code == 3 and 0.2 < outcome.lasted and outcome.elapsed < 0.9, outcome


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_http_client_on_standard_input(method, place):
    """Under inetd: the request is read, a HEAD gets no body, and the response is not reset away."""
    response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    for serve, code in ((answer(0, response), 0), (peers.close_at_once, 3)):
        ours, theirs = socket.socketpair()
        with ours, theirs, Agent(serve, place) as agent:
            ours.settimeout(30)
            ours.sendall(method + b" / HTTP/1.1\r\nHost: x\r\n\r\n")
            ours.shutdown(socket.SHUT_WR)
            assert ask(*agent.target, "-f", "http", "leader", stdin=theirs, stdout=theirs).code == code
            theirs.close()
            got = b"".join(iter(lambda: ours.recv(4096), b""))
        os.unlink(agent.path)
        head, _, body = got.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200" if code == 0 else b"HTTP/1.1 503")
        assert bool(body) == (method == b"GET")


# --- the check instead ------------------------------------------------------------------------------------------------

@pytest.fixture
def bin_(place):
    """A copy of pgha-ask among programs that a test puts beside it; each says how it was called, and exits 2."""
    directory = Path(place, "bin")
    directory.mkdir()
    shutil.copy(programs.path(ASK), directory)

    def put(name, code=2):
        program = directory / name
        program.write_text(f'#!/bin/sh\necho {name}\nfor word; do echo "<$word>"; done\nexit {code}\n')
        program.chmod(0o755)
    put.directory, put.ask = directory, directory / ASK
    return put


def called(outcome):
    """The name and the arguments that a program of bin_ says it was given, without the time."""
    name, *words = outcome.out.decode().splitlines()
    words = [word[1:-1] for word in words]
    at = words.index("-t")
    return name, words[:at] + words[at + 2:], int(words[at + 1].removesuffix("ms"))


NO_AGENT = ["-s", "/nonexistent/agent.sock", "--fallback"]


def test_fallback_arguments(bin_):
    bin_("check_pg_replica")
    outcome = launch(bin_.ask, *NO_AGENT, "-f", "haproxy", "-t", "30s", "--warning-is-failure", "--unknown-is-ok",
                     "replica", "critical=64MB", "accept_primary=yes", "allow-archive-recovery=no", "a=b=_c", "--",
                     "-H", "a host", "-d", "passfile=x", "", "--", "-t")
    name, words, timeout_ms = called(outcome)
    assert (name, outcome.code, outcome.err) == ("check_pg_replica", 2, b"")
    assert words == ["-f", "haproxy", "--warning-is-failure", "--unknown-is-ok", "--critical=64MB", "--accept-primary",
                     "--a=b=_c", "-H", "a host", "-d", "passfile=x", "", "--", "-t"]
    assert 20_000 < timeout_ms < 30_000


def test_fallback_is_told_when_verbose(bin_):
    bin_("check_leader", code=0)
    outcome = launch(bin_.ask, *NO_AGENT, "-vv", "leader")
    name, words, _ = called(outcome)
    assert (name, words, outcome.code) == ("check_leader", ["-f", "nagios", "-v", "-v"], 0)
    assert outcome.err.startswith(b'pgha-ask: no agent at "/nonexistent/agent.sock": ') and outcome.err.count(b"\n") == 1


def test_fallback_prefers_the_name_as_it_is(bin_):
    bin_("check_pg_vip")
    bin_("check_vip")
    assert called(launch(bin_.ask, *NO_AGENT, "vip"))[0] == "check_vip"
    assert called(launch(bin_.ask, *NO_AGENT, "pg_vip"))[0] == "check_pg_vip"


def test_fallback_finds_its_own_directory(bin_, place):
    """By a link, from elsewhere, and with a PATH that leads to other programs."""
    bin_("check_pg_leader")
    link = Path(place, "link")
    link.symlink_to(bin_.ask)
    for program in (link, bin_.ask):
        assert called(launch(program, *NO_AGENT, "leader", clean_env={"PATH": "/usr/bin"}))[0] == "check_pg_leader"


@pytest.mark.parametrize("serve, is_waited_for", [
    (agent_peer.silent, True), (peers.close_at_once, False), (say(b"nonsense"), False),
    (say(framed(0, LINE)[:-1]), False), (agent_peer.slowly(framed(0, LINE), 0.5), True)],
    ids=["silent", "closes", "garbage", "not whole", "slow"])
def test_fallback_when_the_agent_cannot_be_asked(serve, is_waited_for, place, bin_):
    """The agent has half of the time at most, and the check what is left of it all."""
    bin_("check_pg_leader")
    with Agent(serve, place) as agent:
        outcome = launch(bin_.ask, *agent.target, "--fallback", "-t", "4s", "leader")
    name, _, timeout_ms = called(outcome)
    assert (name, outcome.code) == ("check_pg_leader", 2)
    assert timeout_ms + outcome.elapsed * 1000 < 4500, "more than the time that there was"
    assert 0 < timeout_ms <= 2000 if is_waited_for else 2000 < timeout_ms < 4000


def test_fallback_of_a_full_queue(place, bin_):
    bin_("check_pg_leader")
    with agent_peer.full_backlog(place) as (target, _):
        outcome = launch(bin_.ask, *target, "--fallback", "-t", "3s", "leader")
    name, _, timeout_ms = called(outcome)
    assert name == "check_pg_leader" and 0 < timeout_ms <= 1500


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_no_fallback_when_the_agent_answers(code, place, bin_):
    bin_("check_pg_leader", code=0)
    with Agent(answer(code, LINE), place) as agent:
        outcome = launch(bin_.ask, *agent.target, "--fallback", "leader", "--", "-H", "x")
    assert (outcome.code, outcome.out) == (code, LINE)


@each_format
@pytest.mark.parametrize("question", ["leader", "d/../check_pg_replica", "x" * 300, "%s"])
def test_fallback_without_a_check(format_, question, bin_):
    bin_("check_pg_replica", code=0)
    (bin_.directory / "check_d").mkdir()  # a way to another name than the question's
    outcome = launch(bin_.ask, *NO_AGENT, "-v", "-f", format_, question)
    assert outcome.code == (1 if format_ == "keepalived" else 3), outcome
    if format_ in ("nagios", "json", "plain") and len(question) < 20:
        assert b"no agent at" in outcome.out and b"there is no check" in outcome.out, outcome
        assert str(bin_.directory).encode() in outcome.out
        assert b"is pgha-agent running?" in outcome.out, "the remedy is lost"


def test_fallback_to_what_cannot_be_run(bin_):
    (bin_.directory / "check_pg_leader").write_text("no program")
    outcome = launch(bin_.ask, *NO_AGENT, "leader")
    assert outcome.code == 3 and b"cannot be run instead: Permission denied" in outcome.out, outcome
    (bin_.directory / "check_pg_leader").chmod(0o755)
    outcome = launch(bin_.ask, *NO_AGENT, "leader")
    assert outcome.code == 3 and b"cannot be run instead: Exec format error" in outcome.out, outcome


def test_fallback_to_a_check_of_ours(place):
    """The real one, beside it: its answer, its code, its refusals; also with nothing open."""
    with wire.PgPeer(nodes.script(nodes.PRIMARY)) as peer:
        for args, how in ((["leader"], {}), (["pg_leader"], {}), (["leader", "critical=4s"], {}),
                          (["leader", "allow_read_only=yes"], {}), (["-f", "keepalived", "leader"], {}),
                          (["leader"], {"preexec_fn": closing(0, 1, 2)})):
            outcome = ask(*NO_AGENT, *T, *args, "--", *peer.target, **how)
            assert outcome.code == 0, outcome
            if not how and "keepalived" not in args:
                assert outcome.out.startswith(b"PG LEADER OK - "), outcome
        refused = ask(*NO_AGENT, "leader", "nonsense=1", "--", *peer.target)
        assert refused.code == 3 and b"nonsense" in refused.out
    with peers.Peer(peers.silent) as peer, Agent(agent_peer.silent, place) as agent:
        outcome = ask(*agent.target, "--fallback", "-t", "800ms", "leader", "--", *peer.target)
        assert outcome.code == 2 and b"in time" in outcome.out, outcome
        assert 0.4 < outcome.lasted and outcome.elapsed < (3 if SANITIZED else 1.1), outcome


def test_fallback_under_inetd():
    """The request is left for the check to read: a HEAD stays one."""
    with wire.PgPeer(nodes.script(nodes.PRIMARY)) as peer:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.settimeout(30)
            ours.sendall(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
            ours.shutdown(socket.SHUT_WR)
            assert ask(*NO_AGENT, *T, "-f", "http", "leader", "--", *peer.target, stdin=theirs, stdout=theirs).code == 0
            theirs.close()
            got = b"".join(iter(lambda: ours.recv(4096), b""))
    assert got.startswith(b"HTTP/1.1 200") and got.endswith(b"\r\n\r\n")


# --- what it costs ----------------------------------------------------------------------------------------------------

def test_needs_libc_only():
    if SANITIZED:
        pytest.skip("a sanitizer has libraries of its own")
    listed = subprocess.run(["readelf", "-d", programs.path(ASK)], capture_output=True, text=True, check=True).stdout
    assert re.findall(r"\(NEEDED\).*\[(.*)\]", listed) == ["libc.so.6"]


def run_ms(argv):
    started = time.perf_counter()
    process = os.posix_spawn(argv[0], argv, {}, file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    return (time.perf_counter() - started) * 1000


def test_takes_little_more_than_an_empty_program(place):
    """The whole process, question and answer included; the best of many, because other tests run beside this one."""
    if SANITIZED:
        pytest.skip("a sanitizer is slow to start")
    def serve(talk):
        talk.sock.recv(1000)
        talk.send(framed(0, LINE))
    with Agent(serve, place) as agent:
        own = [programs.path(ASK), *agent.target, "leader"]
        best = empty = float("inf")
        for number in range(2000):
            best, empty = min(best, run_ms(own)), min(empty, run_ms(["/bin/true"]))
            if number >= 100 and best < empty + 1:
                break
    assert best < empty + 1, f"{best:.2f} ms, where an empty program takes {empty:.2f} ms"


def test_sigterm_ends_it(place):
    with Agent(agent_peer.silent, place) as agent:
        process = subprocess.Popen([programs.path(ASK), *agent.target, "-t", "60s", "leader"], stdout=subprocess.DEVNULL)
        agent.wait_for_talk()
        process.terminate()
        assert process.wait(30) == -signal.SIGTERM
