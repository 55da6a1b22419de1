"""rise, fall, recover and the weight of pgha-agent, over a standby that really lags."""

import os
import re
import signal
import time

import pytest

import postgres
import sandbox
from agent import PATIENT, Agent

QUICK = {**PATIENT, "interval": "100ms"}
LIMIT = 1 << 20  # 1MB


@pytest.fixture(scope="module")
def pair(any_installation):
    with postgres.Cluster(any_installation) as cluster:
        primary = cluster.primary()
        primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        primary.sql("CREATE TABLE held0 AS SELECT 1 AS number; CREATE TABLE held1 AS SELECT 1 AS number")
        yield primary, cluster.standby(primary, max_standby_streaming_delay="-1")


class Lag:
    """Replay that stands still though nobody paused it: a query on the standby holds back a record of DDL."""

    def __init__(self, primary, standby):
        self.primary, self.standby = primary, standby
        self.holders = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        while self.holders:
            self.let_go()
        self.standby.wait_replayed(self.primary.lsn())

    def hold(self, size=3 * LIMIT):
        """From here on nothing is replayed, and there are `size` bytes more to replay.  Again: from there on."""
        table = f"held{len(self.holders)}"
        self.holders.append(self.standby.connect())
        self.holders[-1].cursor().execute(f"BEGIN; SELECT * FROM {table}")  # its lock stays to the transaction's end
        self.primary.sql(f"ALTER TABLE {table} ALTER number DROP NOT NULL")
        self.write(size)

    def write(self, size):
        self.primary.sql(f"SELECT pg_logical_emit_message(false, 'x', repeat('x', {size}))")
        self.primary.sql("SELECT pg_switch_wal()")

    def let_go(self):
        """Replay goes on, to where the next hold() stops it."""
        self.holders.pop(0).close()


@pytest.fixture
def lag(pair):
    with Lag(*pair) as lag:
        yield lag


def agent_for(pair, **check):
    return Agent(pair[1], tracks=("replica",), config={"agent": QUICK, "check replica": {"critical": "1MB", **check}})


def weight(agent):
    """From agent-check; None when it is not up."""
    found = re.match(r"up ready (\d+)%", agent.agent_check("replica\n"))
    return int(found[1]) if found else None


def test_without_damping_the_limit_decides(pair, lag):
    with agent_for(pair) as agent:
        assert agent.status("/replica") == 200
        lag.hold()
        assert agent.wait_status("/replica", 503, lag.standby) < 1
        assert "behind" in agent.get("/check/replica").text or "lag" in agent.get("/check/replica").text
        assert agent.wait_track("replica", "0") < 0.3
        assert agent.status("/replica?lag=100MB") == 200, "a question with limits of its own has its own answer"
        lag.let_go()
        assert agent.wait_status("/replica", 200, lag.standby) < 1
        assert agent.wait_track("replica", "1") < 0.3


def test_stuck_replay_falls_at_once(pair, lag):
    """fall holds a burst, not a standby that replays nothing: that is no longer than a second in rotation."""
    with agent_for(pair, fall="100") as agent:
        lag.hold()
        elapsed = agent.wait_status("/replica", 503, lag.standby)
        assert elapsed < 1 + 0.2 + 0.5, elapsed


def test_rise_has_a_yes_wait(pair, lag):
    with agent_for(pair, rise="20") as agent:
        agent.wait_status("/replica", 200)
        lag.hold()
        agent.wait_status("/replica", 503)
        before, watch, said = looks(agent), agent.stopwatch(lag.standby), set()
        lag.let_go()
        while agent.status("/replica") == 503:
            said.add(re.sub(r"\d+", "N", agent.get("/check/replica").json()["summary"])[:40])
            assert watch.seconds() < 4
            time.sleep(0.02)
        assert looks(agent) - before >= 20, "what it saw before was no good probe"
        assert any("not back yet: N of N good probes" in summary for summary in said), said
        assert agent.wait_track("replica", "1") < 0.3


def test_rise_at_the_start(pair):
    with agent_for(pair, rise="20") as agent:
        assert agent.status("/replica") == 503
        agent.wait_track("replica", "0")
        assert agent.wait_status("/replica", 200, pair[1]) < 4
        assert looks(agent) >= 20


def test_recover_is_tighter_than_critical(pair, lag):
    """Out above 8 MB, back below 2 MB: in between the answer is what it was."""
    with agent_for(pair, critical="8MB", recover="2MB") as agent:
        lag.hold(4 * LIMIT)
        sandbox.wait_for(lambda: behind(agent) > 2 * LIMIT, "a lag", detail=lambda: str(behind(agent)))
        agent.wait_looks(3)
        assert agent.status("/replica") == 200, "within critical"
        lag.let_go()
        lag.standby.wait_replayed(lag.primary.lsn())
        lag.hold(8 * LIMIT)
        lag.hold(4 * LIMIT)
        agent.wait_status("/replica", 503)
        lag.let_go()
        sandbox.wait_for(lambda: 2 * LIMIT < behind(agent) < 8 * LIMIT, "a lag between the two limits",
                         detail=lambda: str(behind(agent)))
        for _ in range(7):
            assert agent.status("/replica") == 503, "within critical, but not within recover"
            agent.wait_looks()
        lag.let_go()
        assert agent.wait_status("/replica", 200, lag.standby) < 4


def looks(agent):
    return agent.metrics()['pgha_probes_total{target="postgres"}']


def behind(agent):
    """The lag in bytes that its newest facts tell."""
    xlog = agent.get("/patroni").json()["xlog"]
    return xlog["received_location"] - xlog["replayed_location"]


# what happens to the standby, and how it is made good
CERTAIN = {
    "paused": (lambda primary, standby: standby.sql("SELECT pg_wal_replay_pause()"),
               lambda primary, standby: standby.sql("SELECT pg_wal_replay_resume()")),
    "receiver": (lambda primary, standby: standby.configure(primary_conninfo="host=127.0.0.1 port=1"),
                 lambda primary, standby: standby.follow(primary)),
    "killed": (lambda primary, standby: standby.kill(), lambda primary, standby: standby.start()),
}


def assert_not_damped(agent, standby):
    assert agent.wait_status("/replica", 503, standby) < 0.1 + 0.6
    assert agent.wait_track("replica", "0") < 0.3


@pytest.mark.parametrize("fault", list(CERTAIN))
def test_what_is_certain_is_not_damped(pair, fault):
    """fall = 1000 holds none of these for a moment longer."""
    happen, mend = CERTAIN[fault]
    with agent_for(pair, fall="1000") as agent:
        agent.wait_track("replica", "1")
        happen(*pair)
        try:
            assert_not_damped(agent, pair[1])
        finally:
            mend(*pair)
            pair[1].wait_streaming()


def test_a_drain_is_not_damped(pair):
    with agent_for(pair, fall="1000") as agent:
        agent.wait_track("replica", "1")
        assert agent.ask("--drain", "replica").code == 0
        assert_not_damped(agent, pair[1])


def test_a_promotion_is_not_damped(any_installation):
    with postgres.Cluster(any_installation) as cluster:
        primary = cluster.primary()
        primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        standby = cluster.standby(primary)
        with agent_for((primary, standby), fall="1000") as agent:
            agent.wait_track("replica", "1")
            standby.promote()
            assert_not_damped(agent, standby)


def test_late_answers_are_damped_and_too_old_ones_are_not(any_installation):
    """fall = 3 forgives two probes that were not answered in time; max_age forgives nothing."""
    with postgres.Cluster(any_installation) as cluster:
        primary = cluster.primary()
        primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        config = {"agent": {"interval": "100ms", "timeout": "600ms", "max_age": "6s"}, "check leader": {"fall": "3"}}
        with Agent(primary, config=config) as agent:
            agent.wait_status("/primary", 200)
            started = time.monotonic()
            primary.freeze()
            assert agent.wait_status("/primary", 503) < 4
            assert time.monotonic() - started > 0.9, "two answers that did not come were forgiven"
            primary.thaw()
            agent.wait_status("/primary", 200)
        config = {"agent": {**QUICK, "timeout": "900ms", "max_age": "1s"}, "check leader": {"fall": "1000"}}
        with Agent(primary, config=config) as agent:
            agent.wait_status("/primary", 200)
            start = len(agent.log_text())
            os.kill(agent.pid_of("postgres"), signal.SIGSTOP)  # it is replaced after a second more
            agent.wait_log(r"leader: yes -> no, .* old", start=start)


def test_leadership_that_is_lost_is_not_damped(any_installation):
    """The one thing that must never be held back, whatever fall says."""
    with postgres.Cluster(any_installation) as cluster:
        primary = cluster.primary()
        primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        with Agent(primary, tracks=("leader",), config={"agent": QUICK, "check leader": {"fall": "1000"}}) as agent:
            agent.wait_track("leader", "1")
            primary.configure(default_transaction_read_only="on")
            assert agent.wait_status("/primary", 503, primary) < 1
            primary.configure(default_transaction_read_only=None)
            agent.wait_status("/primary", 200)
            primary.stop("fast")
            assert agent.wait_status("/primary", 503) < 0.5
            assert agent.wait_track("leader", "0") < 0.3


def test_weight_falls_with_the_lag(pair, lag):
    with agent_for(pair, critical="10MB", weight_min="5") as agent:
        assert weight(agent) == 100
        lag.hold(5 << 20)
        sandbox.wait_for(lambda: weight(agent) is not None and weight(agent) < 70, "a lower weight",
                         detail=lambda: agent.agent_check("replica\n"))
        assert 30 < weight(agent) < 70
        lag.let_go()
        sandbox.wait_for(lambda: weight(agent) == 100, "the full weight")


def test_weight_climbs_after_a_return(pair, lag):
    with agent_for(pair, weight_ramp="4s") as agent:
        assert weight(agent) == 100, "an agent that starts takes no load off"
        lag.hold()
        sandbox.wait_for(lambda: weight(agent) is None, "a no")
        lag.let_go()
        agent.wait_status("/replica", 200)
        seen, started, watch = [], time.monotonic(), agent.stopwatch()
        while (now := weight(agent)) != 100:
            seen.append(now)
            assert watch.seconds() < 6
            time.sleep(0.04)
        assert seen[0] < 60 and seen == sorted(seen) and len(set(seen)) > 10, seen
        assert time.monotonic() - started > 1


def test_one_line_for_each_change(pair, lag):
    with agent_for(pair) as agent:
        start = len(agent.log_text())
        for _ in range(2):
            lag.hold()
            agent.wait_status("/replica", 503)
            agent.wait_looks(5)
            lag.let_go()
            agent.wait_status("/replica", 200)
            agent.wait_looks(3)
        lines = [line for line in agent.log_text()[start:].splitlines() if ": replica: " in line]
        changes = [re.search(r"replica: (\w+ -> \w+),", line)[1] for line in lines]
        assert changes == ["yes -> no", "no -> yes"] * 2, lines
        assert all(re.search(r"\(before, for \d+\.\d s: ", line) for line in lines)
