"""The operator's switch and the track files of pgha-agent."""

import os
import re
import signal
import time

import pytest

import postgres
import sandbox
from agent import LIMIT, PATIENT, Agent

GRACE = 0.3
INTERVAL = 0.25


@pytest.fixture(scope="module")
def pair(any_installation):
    with postgres.Cluster(any_installation) as cluster:
        primary = cluster.primary()
        primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        yield primary, cluster.standby(primary)


@pytest.fixture
def agent(pair):
    with Agent(pair[0], tracks=("leader",), config={"agent": PATIENT}) as agent:
        agent.wait_track("leader", "1")
        yield agent


# --- the switch ------------------------------------------------------------------------------------------------------

def assert_drained(agent, question="leader", path="/primary"):
    assert agent.status(path) == 503
    answer = agent.get(f"/check/{question}").json()
    assert answer["answer"] == "no" and "drained by the operator" in answer["summary"], answer
    assert re.match(r"(up )?drain\b", agent.agent_check(f"{question}\n")), agent.agent_check(f"{question}\n")
    assert "down" not in agent.agent_check(f"{question}\n").partition("#")[0], "running sessions must not be ended"
    assert agent.ask("-f", "keepalived", question).code == 1
    assert agent.ask(question).code == 1
    assert agent.ask("-f", "haproxy", question).stdout == agent.agent_check(f"{question}\n")
    assert agent.get("/status").status == 200 and "drain" in agent.get("/status").text


def assert_back(agent, question="leader", path="/primary"):
    assert agent.status(path) == 200
    assert agent.agent_check(f"{question}\n").startswith("up ready "), "takes back what drain has set"
    assert agent.ask(question).code == 0 and agent.ask("-f", "keepalived", question).code == 0


def test_drain_by_pgha_ask(agent):
    """At once and on every door, until it is taken back; the file is what says so."""
    switch = agent.run_directory / "leader.drain"
    for _ in range(2):
        drained = agent.ask("--drain")
        assert drained.code == 0 and "leader: drained" in drained.stdout, drained
        assert_drained(agent)
        assert agent.wait_track("leader", "0") < GRACE
        assert switch.exists()
        undrained = agent.ask("--undrain")
        assert undrained.code == 0, undrained
        assert_back(agent)
        assert agent.wait_track("leader", "1") < GRACE
        assert not switch.exists()


def test_drain_of_one_check(pair):
    with Agent(pair[1], config={"agent": PATIENT, "check other": {"check": "pg_replica"}}) as agent:
        assert agent.ask("--drain", "replica").code == 0
        assert_drained(agent, "replica", "/replica")
        assert agent.status("/replica?lag=1GB") == 503, "limits of one's own do not go round the switch"
        assert agent.status("/read-only") == 503 and agent.status("/async") == 503
        assert agent.status("/check/other") == 200 and agent.status("/health") == 200
        assert agent.ask("--undrain", "replica").code == 0
        assert_back(agent, "replica", "/replica")
        assert agent.ask("--drain", "nonsense").code == 3


def test_drain_of_a_node_that_is_down(any_installation):
    """A no stays one, and is not made a mere drain; after the return it is drained still."""
    with postgres.Cluster(any_installation) as cluster:
        primary = cluster.primary()
        primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        with Agent(primary, config={"agent": PATIENT}) as agent:
            agent.ask("--drain")
            primary.kill()
            agent.wait_status("/health", 503)
            assert agent.ask("leader").code == 2
            assert agent.agent_check("leader\n").startswith(("down", "drain"))
            primary.start()
            agent.wait_status("/health", 200)
            assert_drained(agent)


def test_drain_by_a_file(agent):
    """Made by hand or by a configuration management: seen within the interval."""
    switch = agent.run_directory / "leader.drain"
    switch.touch()
    assert agent.wait_track("leader", "0") < INTERVAL + GRACE
    assert_drained(agent)
    switch.unlink()
    assert agent.wait_track("leader", "1") < INTERVAL + GRACE
    assert_back(agent)


def test_maintenance_file_of_ones_own(pair):
    directory = sandbox.make_directory("m")
    switch = directory / "maintenance"
    config = {"agent": PATIENT, "check leader": {"maintenance": switch}, "check replica": {"maintenance": switch}}
    with Agent(pair[0], config=config) as agent:
        switch.touch()
        assert agent.wait_status("/primary", 503) < INTERVAL + GRACE
        assert_drained(agent)
        assert agent.ask("--undrain").code == 0
        assert not switch.exists()
        assert_back(agent)


def test_drain_outlives_a_restart_and_a_reload(agent):
    agent.ask("--drain")
    agent.reload()
    assert_drained(agent)
    assert agent.stop() == 0
    agent.start()
    assert_drained(agent)
    agent.wait_track("leader", "0")
    agent.ask("--undrain")
    assert_back(agent)


def test_drain_is_logged_once(agent):
    start = len(agent.log_text())
    agent.ask("--drain", "leader")
    agent.wait_looks(4)
    agent.ask("--undrain", "leader")
    agent.wait_looks(2)
    lines = [line for line in agent.log_text()[start:].splitlines() if "leader" in line]
    assert len(lines) == 2 and "drained by the operator" in lines[0] and "yes -> no" in lines[0], lines
    assert "no -> yes" in lines[1], lines


def test_drain_that_cannot_be_kept(pair):
    """A switch whose file cannot be made is not said to be thrown."""
    with Agent(pair[0], config={"agent": PATIENT, "check leader": {"maintenance": "/nowhere/drain"}}) as agent:
        result = agent.ask("--drain", "leader")
        assert result.code == 3 and "/nowhere/drain" in result.stdout + result.stderr, result
        assert_back(agent)


# --- track files -----------------------------------------------------------------------------------------------------

def identity(path):
    status = os.stat(path)
    return status.st_ino, status.st_mtime_ns


def test_written_on_change_only(agent):
    path = agent.track_path("leader")
    before = identity(path)
    assert oct(path.stat().st_mode & 0o777) == "0o644", "keepalived reads it as another user"
    agent.wait_looks(6)
    agent.reload()
    assert identity(path) == before
    agent.ask("--drain")
    agent.wait_track("leader", "0")
    assert identity(path)[0] != before[0], "renamed into place, not written in place"
    before = identity(path)
    agent.wait_looks(4)
    assert identity(path) == before
    assert sorted(p.name for p in agent.run_directory.iterdir()) == ["agent.sock", "leader.drain", "leader.track",
                                                                     "replica.drain"]


def test_never_anything_else_in_it(agent):
    """Whoever reads it at whatever moment reads a whole answer."""
    seen = set()
    for number in range(40):
        wanted = f"{number % 2}\n"
        agent.ask("--undrain" if number % 2 else "--drain")
        until = time.monotonic() + LIMIT
        while agent.track("leader") != wanted and time.monotonic() < until:
            seen.add(agent.track("leader"))
        seen.add(agent.track("leader"))
    assert seen == {"0\n", "1\n"}


def test_no_before_anything_is_known(pair):
    """Also when a former agent left a yes."""
    agent = Agent("host=192.0.2.1 user=pgha", tracks=("leader",))  # never answers
    agent.track_path("leader").write_text("1\n", encoding="ascii")
    sandbox.give(agent.track_path("leader"))
    with agent:
        agent.wait_track("leader", "0")
        agent.wait_looks()
        assert agent.track("leader") == "0\n"


def test_no_after_a_stop(agent):
    assert agent.stop() == 0
    assert agent.track("leader") == "0\n"


def test_no_after_a_kill(agent, record_property):
    """SIGKILL of the serving process: its writer outlives it for as long as this takes."""
    agent.kill()
    record_property("no_after_sigkill_ms", round(agent.wait_track("leader", "0") * 1000, 1))
    agent.wait_processes_gone()
    agent.start()
    agent.wait_track("leader", "1")


def test_no_while_it_stands_still(pair):
    """SIGSTOP: past max_age nothing is known, and the file says so; when it goes on, so does the file."""
    with Agent(pair[0], tracks=("leader",), config={"agent": {"max_age": "1s", "timeout": "500ms"}}) as agent:
        agent.wait_track("leader", "1")
        agent.freeze()
        elapsed = agent.wait_track("leader", "0")
        assert elapsed < 1 + GRACE, elapsed
        agent.thaw()
        assert agent.wait_track("leader", "1", pair[0]) < INTERVAL + 0.5 + GRACE


def test_yes_is_held_by_beats_only(pair):
    """A slow interval does not let the file fall while the agent is well."""
    config = {"agent": {"interval": "2s", "timeout": "4s", "max_age": "6s"}}
    with Agent(pair[0], tracks=("leader",), config=config) as agent:
        agent.wait_track("leader", "1")
        before = identity(agent.track_path("leader"))
        time.sleep(7)
        assert identity(agent.track_path("leader")) == before


def test_a_directory_that_cannot_be_written(pair):
    """Told, tried again, and no other file suffers."""
    directory = sandbox.make_directory("w")
    config = {"track_file b": {"check": "leader", "file": directory / "gone" / "leader"}}
    with Agent(pair[0], tracks=("leader",), config={"agent": PATIENT, **config}) as agent:
        agent.wait_log(r"\[track_file b\]: cannot write")
        agent.wait_track("leader", "1")
        (directory / "gone").mkdir()
        sandbox.give(directory / "gone")
        sandbox.wait_for(lambda: (directory / "gone" / "leader").exists(), "the file in a directory that came late")
        assert (directory / "gone" / "leader").read_text() == "1\n"
        told = agent.log_text().count("[track_file b]: cannot write")
        assert told < 10, f"told {told} times"


def test_foreign_hand(agent):
    """A symbolic link in the way of the temporary name is not followed."""
    victim = sandbox.make_directory("v") / "victim"
    victim.write_text("precious")
    sandbox.give(victim)
    os.symlink(victim, str(agent.track_path("leader")) + ".new")
    agent.ask("--drain")
    agent.wait_track("leader", "0")
    assert victim.read_text() == "precious"


def test_usr1(agent):
    """The state in the log, and nothing else happens."""
    before = identity(agent.track_path("leader"))
    agent.process.send_signal(signal.SIGUSR1)
    agent.wait_log(r"state: check leader: yes, OK for \d+ ms: primary on timeline 1")
    agent.wait_log(r"state: postgres at .*: seen \d+ ms ago")
    assert identity(agent.track_path("leader")) == before and agent.status("/primary") == 200
