"""pgha-agent between hosts: a network that takes packets and delivers none."""

import time

import pytest

import netns
import postgres
import sandbox
from agent import Agent

TIMES = {"interval": "200ms", "timeout": "500ms", "max_age": "1500ms"}
SLOW_TIMES = {"interval": "200ms", "timeout": "4s", "max_age": "30s"}  # a server that answers, does so in time
GRACE = 0.4


@pytest.fixture
def hosts(any_installation):
    """(network, primary on host a, standby on host b)"""
    if netns.why_missing():
        pytest.skip(netns.why_missing())
    with netns.Network("a", "b") as network, postgres.Cluster(any_installation) as cluster:
        a, b = network["a"], network["b"]
        primary = cluster.primary(netns=a.netns, address=a.address)
        primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        yield network, primary, cluster.standby(primary, netns=b.netns, address=b.address)


def test_partition(hosts):
    """The local server is asked on; the other side of the partition is not known, and is no reason for anything."""
    network, primary, standby = hosts
    config = {"agent": SLOW_TIMES, "check replica": {"critical": "1GB"}}
    with Agent(primary, name="a", peers={"b": standby}, netns=network["a"].netns, config=config) as first, \
            Agent(standby, name="b", peers={"a": primary}, netns=network["b"].netns, config=config) as second:
        assert (first.status("/primary"), second.status("/replica"), second.status("/async")) == (200, 200, 200)
        network["b"].unplug()
        sandbox.wait_for(lambda: first.metrics()['pgha_up{target="b"}'] == 0, "the peer to be missed")
        sandbox.wait_for(lambda: second.metrics()['pgha_up{target="a"}'] == 0, "the peer to be missed")
        for _ in range(20):
            time.sleep(0.05)
            for agent, path in ((first, "/primary"), (second, "/health")):
                answer = agent.get(path)
                assert answer.status == 200 and answer.elapsed < GRACE, answer
        assert second.status("/async") == 503, "only the primary knows who is synchronous"
        network["b"].plug()
        sandbox.wait_for(lambda: first.metrics()['pgha_up{target="b"}'] == 1, "the peer to be back")
        second.wait_status("/async", 200)
        assert first.log_text().count("leader: ") == 1, first.log_text()


def test_target_behind_a_partition(hosts):
    """An agent that watches a server on another host: no in time, answers as quick as ever, and yes again."""
    network, primary, _ = hosts
    with Agent(primary, netns=network["b"].netns, tracks=("leader",), config={"agent": TIMES}) as agent:
        agent.wait_track("leader", "1")
        network["a"].unplug()
        elapsed = agent.wait_status("/primary", 503)
        assert elapsed < 0.2 + 0.5 + GRACE, elapsed
        assert agent.wait_track("leader", "0") < GRACE
        for _ in range(50):
            answer = agent.get("/primary")
            assert answer.status == 503 and answer.elapsed < GRACE
            time.sleep(0.02)
        network["a"].plug()
        assert agent.wait_status("/primary", 200, primary) < 5
        sandbox.wait_for(lambda: primary.value("SELECT count(*) FROM pg_stat_activity WHERE usename = 'pgha'") <= 2,
                         "no more than one session, and the one that was cut off")
