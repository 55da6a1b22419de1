"""pgha-ask before a real pgha-agent: its time, its formats, and what it says when there is no answer to be had."""

import os
import re
import socket
import statistics
import subprocess
import threading
import time

import pytest

import postgres
import programs
import sandbox
from agent import PATIENT, Agent, conninfo

GRACE = 0.15


@pytest.fixture(scope="module")
def pair(any_installation):
    with postgres.Cluster(any_installation) as cluster:
        primary = cluster.primary()
        primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        yield primary, cluster.standby(primary)


@pytest.fixture(scope="module")
def agent(pair):
    with Agent(pair[0], peers={"n2": pair[1]}, config={"agent": PATIENT}) as agent:
        yield agent


FORMATS = {
    "nagios": r"PG LEADER OK - primary on timeline 1 \|.*\n", "keepalived": r"", "haproxy": r"up ready 100%\n",
    "plain": r"OK +leader on .*: primary on timeline 1.*", "http": r"HTTP/1\.[01] 200 OK\n([^\n]+\n)+\n\{.*\}\s*",
    "json": r"\{.*\"answer\": ?\"yes\".*\}\s*", "prometheus": r"(# (HELP|TYPE) .*\n|pgha_.*\n)+",
}


@pytest.mark.parametrize("format", list(FORMATS))
def test_formats(agent, format, build):
    """Byte for byte what the one-shot would print, but for the times in it; and its exit codes."""
    patient = ("-s", agent.socket, "-t", "20s")
    agent_ask = programs.check("pgha-ask", *patient, "-f", format, "leader", build=build)
    assert agent_ask.code == 0 and re.fullmatch(FORMATS[format], agent_ask.stdout, re.DOTALL | re.MULTILINE), agent_ask
    no = programs.check("pgha-ask", *patient, "-f", format, "replica", build=build)
    assert no.code == (1 if format == "keepalived" else 2), no


def test_as_the_one_shot(agent, pair):
    for question, program in (("leader", "check_pg_leader"), ("replica", "check_pg_replica")):
        for format in ("plain", "haproxy"):
            asked = agent.ask("-f", format, question)
            own = programs.check(program, *programs.at(pair[0]), "-f", format)
            assert (asked.code, asked.stdout.split(" on ")[-1]) == (own.code, own.stdout.split(" on ")[-1])


def test_verbose_says_why(agent):
    assert agent.ask("-f", "keepalived", "replica").stderr == ""
    assert "primary, not a replica" in agent.ask("-v", "-f", "keepalived", "replica").stderr
    assert len(agent.ask("-v", "leader").stdout.splitlines()) > len(agent.ask("leader").stdout.splitlines())


def test_policy(any_installation):
    """A WARNING is a yes or not, as it is asked; an UNKNOWN of the agent likewise."""
    with postgres.Cluster(any_installation) as cluster:
        primary = cluster.primary()
        primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        with Agent(primary, config={"agent": PATIENT, "check leader": {"warning": "0"}}) as agent:
            assert agent.ask("leader").code == 1
            assert agent.ask("-f", "keepalived", "leader").code == 0
            assert agent.ask("-f", "keepalived", "--warning-is-failure", "leader").code == 1
            assert agent.status("/primary") == 200
            assert agent.status("/check/leader?warning_is_failure=yes") == 503
            primary.hba("host all pgha samenet reject\n")
            primary.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'pgha'")
            sandbox.wait_for(lambda: agent.ask("leader").code == 3, "an UNKNOWN")
            assert agent.ask("-f", "keepalived", "leader").code == 1
            assert agent.ask("-f", "keepalived", "--unknown-is-ok", "leader").code == 0


# --- no answer -------------------------------------------------------------------------------------------------------

def test_no_agent():
    result = programs.check("pgha-ask", "-s", "/nowhere/agent.sock", "leader")
    assert result.code == 3 and "/nowhere/agent.sock" in result.stdout and result.elapsed < 1, result
    for policy in ((), ("--unknown-is-ok",), ("--warning-is-failure",)):
        assert programs.check("pgha-ask", "-s", "/nowhere/agent.sock", *policy, "-f", "keepalived", "leader").code == 1
    line = programs.check("pgha-ask", "-s", "/nowhere/agent.sock", "-f", "haproxy", "leader").stdout
    assert line.startswith(("down #", "fail #")), line


def test_an_agent_that_stands_still(pair):
    """-t is kept: the connection is taken by the kernel, and nobody answers."""
    with Agent(pair[0], config={"agent": PATIENT}) as agent:
        agent.freeze()
        try:
            result = agent.ask("-t", "300ms", "leader")
            assert result.code == 3 and 0.25 < result.lasted and result.elapsed < 0.3 + GRACE, result
            assert agent.ask("-t", "300ms", "-f", "keepalived", "leader").code == 1
        finally:
            agent.thaw()
        assert agent.ask("leader").code == 0


@pytest.mark.parametrize("said, is_closed", [
    (b"", False), (b"", True), (b"0 ", True), (b"0 100\nshort", True), (b"0 100\nshort", False), (b"0 -1\n", True),
    (b"nonsense\n", True), (b"x" * 5000, True), (b"0 99999999999999999999\n", True), (b"256 0\n", True),
    (b"\0\0\0\n", True),
], ids=range(11))
def test_broken_answers(said, is_closed):
    """Whatever plays the agent: never a yes that was not whole, and never later than -t."""
    path = str(sandbox.make_directory("f") / "agent.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def play():
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(said)
                if not is_closed:
                    time.sleep(0.6)

        thread = threading.Thread(target=play)
        thread.start()
        result = programs.check("pgha-ask", "-s", path, "-t", "300ms", "-f", "keepalived", "leader")
        assert result.code == 1 and result.elapsed < 0.3 + GRACE, result
        thread.join()


def test_fallback(pair, agent):
    """Where the agent cannot be asked the check is run itself, in the time that is left."""
    at = ("--", "-d", conninfo(pair[0]))
    gone = ("-s", "/nowhere/agent.sock", "-t", "20s", "--fallback")
    assert programs.check("pgha-ask", *gone, "leader", *at).code == 0
    assert programs.check("pgha-ask", *gone, "replica", *at).code == 2
    assert programs.check("pgha-ask", *gone, "-f", "keepalived", "leader", *at).code == 0
    assert programs.check("pgha-ask", *gone, "-f", "keepalived", "replica", *at).code == 1
    assert programs.check("pgha-ask", *gone, "replica", "accept_primary=yes", *at).code == 0
    silent = programs.check("pgha-ask", *gone[:2], "--fallback", "-t", "400ms", "leader", "--", "-d", "host=192.0.2.1")
    assert silent.code != 0 and silent.elapsed < 0.4 + GRACE, silent
    with Agent(pair[0]) as still:
        still.freeze()
        result = still.ask("-t", "4s", "--fallback", "leader", *at)  # half of it for the agent, half for the check
        still.thaw()
        assert result.code == 0 and result.elapsed < 4 + GRACE, result
    assert agent.ask("--fallback", "leader", "--", "-d", "host=192.0.2.1").code == 0, "not needed, not run"


# --- what it costs ---------------------------------------------------------------------------------------------------

def test_nothing_but_libc():
    run = subprocess.run(["ldd", programs.path("pgha-ask")], capture_output=True, text=True, check=True)
    names = {line.split()[0].rpartition("/")[2] for line in run.stdout.splitlines()}
    assert all(name.startswith(("libc.so", "ld-", "linux-vdso", "libm.so")) for name in names), names


def test_many_at_once(agent):
    """Two hundred keepaliveds of one host."""
    command = [programs.path("pgha-ask"), "-s", agent.socket, "-t", "30s", "-f", "keepalived", "leader"]
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(200)]
    assert {process.wait(60) for process in running} == {0}


def test_memory_stays(agent):
    """Thousands of different questions by every door leave nothing in the serving process."""
    def resident():
        with open(f"/proc/{agent.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def ask(count, seed):
        for first in range(0, count, 10):  # ten at once: else each waits for a processor twice
            paths = []
            for number in range(first, first + 10):
                others = ("/metrics", "/status", "/snapshot", f"/nonsense{number}", "/primary")
                paths += [f"/replica?lag={seed}{number}", others[number % len(others)]]
            requests = [f"GET {path} HTTP/1.1\r\nHost: x\r\n" for path in paths]
            answers = agent.raw("\r\n".join(requests) + "Connection: close\r\n\r\n")
            assert answers.count(b"HTTP/1.1 ") >= len(paths), answers[-2000:]
            agent.agent_check(f"replica lag={seed}{first}\n")

    ask(500, 1)
    before = resident()
    ask(4000, 2)
    assert resident() < before + 1024 * 1024, f"{(resident() - before) / 4000} bytes a question"


def test_it_is_quick(agent):
    """A whole process, against one that does nothing: the rest is bench's to measure."""
    def elapsed(*command):
        held_up = programs.processor_wait(agent.process.pid)
        process = programs.Timed(command, stdout=subprocess.DEVNULL)
        assert process.wait() == 0
        return process.elapsed - (programs.processor_wait(agent.process.pid) - held_up)

    ask = statistics.median(elapsed(programs.path("pgha-ask"), "-s", agent.socket, "-t", "20s", "leader")
                            for _ in range(50))
    nothing = statistics.median(elapsed("/bin/true") for _ in range(50))
    assert ask < 3 * nothing + 0.002
