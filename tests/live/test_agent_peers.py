"""pgha-agent with peers: who is synchronous, who is a stale primary, and two primaries at once."""

import pytest

import postgres
import sandbox
from agent import PATIENT, Agent

QUICK = {"agent": {**PATIENT, "interval": "100ms"}}


@pytest.fixture
def cluster(any_installation):
    with postgres.Cluster(any_installation) as cluster:
        yield cluster


def with_role(server):
    server.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
    return server


def wait_said(agent, words):
    """Until the answer of its leader check has these words."""
    sandbox.wait_for(lambda: words in agent.get("/check/leader").text, f"{agent.name} to say {words!r}",
                     detail=lambda: agent.get("/check/leader").text + agent.log_tail())


# --- synchronous standbys --------------------------------------------------------------------------------------------

PATHS = ("/sync", "/synchronous", "/read-only-sync", "/quorum", "/read-only-quorum", "/async", "/asynchronous",
         "/replica", "/read-only")
# synchronous_standby_names: the yes of the standbys a and b
SYNC = {
    "": ({"/async", "/asynchronous"}, {"/async", "/asynchronous"}),
    "FIRST 1 (a, b)": ({"/sync", "/synchronous", "/read-only-sync"}, {"/async", "/asynchronous"}),
    "FIRST 2 (a, b)": ({"/sync", "/synchronous", "/read-only-sync"}, {"/sync", "/synchronous", "/read-only-sync"}),
    "ANY 1 (a, b)": ({"/quorum", "/read-only-quorum"}, {"/quorum", "/read-only-quorum"}),
    "ANY 1 (b)": ({"/async", "/asynchronous"}, {"/quorum", "/read-only-quorum"}),
}


def test_synchronous_standbys(cluster):
    """The primary's word, followed as its setting changes."""
    primary = with_role(cluster.primary())
    a, b = cluster.standby(primary, "a"), cluster.standby(primary, "b")
    nodes = {"p": primary, "a": a, "b": b}

    def agent_of(name):
        others = {other: at for other, at in nodes.items() if other != name}
        return Agent(nodes[name], name=name, peers=others, config=QUICK)

    with agent_of("p") as p, agent_of("a") as first, agent_of("b") as second:
        for names, wanted in SYNC.items():
            primary.configure(synchronous_standby_names=names)
            for agent, yes in zip((first, second), wanted):
                yes = yes | {"/replica", "/read-only"}

                def answers(agent=agent):
                    return {path for path in PATHS if agent.status(path) == 200}

                sandbox.wait_for(lambda: answers() == yes, f"{agent.name} to be right for {names!r}",
                                 detail=lambda: f"yes to {sorted(answers())}, not {sorted(yes)}\n{agent.log_tail()}")
            yes = {path for path in PATHS if p.status(path) == 200}
            assert yes == {"/read-only", "/read-only-sync", "/read-only-quorum"}


def test_nobody_to_ask_who_is_synchronous(cluster):
    """Without the primary's word there is no yes to any of them; the role alone is still known."""
    primary = with_role(cluster.primary())
    standby = cluster.standby(primary)
    with Agent(standby, peers={"p": primary}, config=QUICK) as agent:
        agent.wait_status("/async", 200)
        primary.kill()
        for path in ("/async", "/sync", "/quorum", "/read-only-sync"):
            agent.wait_status(path, 503)
        assert "ask" in agent.get("/async").text or agent.status("/replica") == 503


# --- more than one primary -------------------------------------------------------------------------------------------

def test_promotion_while_the_old_primary_is_away(cluster):
    """It comes back as a primary on the old timeline: its agent finds it out, and the new leader stays one."""
    old = with_role(cluster.primary("old"))
    new = cluster.standby(old, "new")
    config = {**QUICK}
    with Agent(old, name="old", peers={"new": new}, tracks=("leader",), config=config) as old_agent, \
            Agent(new, name="new", peers={"old": old}, tracks=("leader",), config=config) as new_agent:
        assert (old_agent.status("/primary"), new_agent.status("/primary")) == (200, 503)
        old.kill()
        old_agent.wait_status("/primary", 503)
        new.promote()
        new_agent.wait_status("/primary", 200)
        new_agent.wait_track("leader", "1")
        old.start()
        wait_said(old_agent, "stale primary")
        old_agent.wait_track("leader", "0")
        assert old_agent.status("/primary") == 503
        assert old_agent.agent_check("leader\n").startswith("down #")
        assert "timeline 2" in old_agent.get("/check/leader").text
        for _ in range(5):
            new_agent.wait_looks()
            new_agent.wait_looks(target="old")
            assert new_agent.status("/primary") == 200, new_agent.get("/check/leader").text
        assert ": yes" not in old_agent.log_text().split("leader: yes -> no")[1], "not for a moment"


def test_split_brain(cluster):
    """A copy of the data directory that is started as a second primary, on the same timeline: neither is undisputed."""
    first = with_role(cluster.primary("first"))
    first.stop()
    second = first.standby("second", start=False)
    (second.data / "standby.signal").unlink()
    second.configure(primary_conninfo=None)
    cluster.servers.append(second)
    first.start()
    with Agent(first, peers={"second": second}, tracks=("leader",), config=QUICK) as agent, \
            Agent(second, name="second", peers={"first": first}, tracks=("leader",), config=QUICK) as other:
        agent.wait_status("/primary", 200)
        second.start()
        for who in (agent, other):
            wait_said(who, "split brain")
            assert who.status("/primary") == 503 and who.agent_check("leader\n").startswith("down #")
            who.wait_track("leader", "0")
        second.stop()
        agent.wait_status("/primary", 200)
        agent.wait_track("leader", "1")


def test_a_stranger_is_no_rival(cluster, any_installation):
    """A primary of another cluster among the peers, by mistake: it has no say."""
    primary = with_role(cluster.primary())
    with postgres.Cluster(any_installation) as other:
        stranger = with_role(other.primary("stranger", fresh=True))
        with Agent(primary, peers={"stranger": stranger}, config=QUICK) as agent:
            agent.wait_status("/primary", 200)
            assert agent.metrics()['pgha_up{target="stranger"}'] == 1
            for _ in range(5):
                agent.wait_looks()
                agent.wait_looks(target="stranger")
                assert agent.status("/primary") == 200


def test_the_node_itself_among_its_peers(cluster):
    """One file for all nodes lists all of them: a node is not its own rival."""
    primary = with_role(cluster.primary())
    standby = cluster.standby(primary)
    everybody = {"n1": primary, "n2": standby}
    with Agent(primary, name="n1", peers=everybody, config=QUICK) as agent, \
            Agent(standby, name="n2", peers=everybody, config=QUICK) as other:
        agent.wait_status("/primary", 200)
        assert other.status("/replica") == 200 and other.status("/async") == 200
        primary.kill()
        agent.wait_status("/primary", 503)
        standby.promote()
        other.wait_status("/primary", 200)
        primary.start()
        wait_said(agent, "stale primary")
        assert other.status("/primary") == 200


def test_peers_that_do_not_answer_have_no_say(cluster):
    """Down, frozen, refusing: the leader is one without them, and is asked as quickly as before."""
    primary = with_role(cluster.primary())
    standby = cluster.standby(primary)
    config = {"agent": {"interval": "100ms", "timeout": "4s", "max_age": "30s"}}
    with Agent(primary, peers={"n2": standby, "n3": "host=127.0.0.1 port=1 user=pgha"}, config=config) as agent:
        assert agent.status("/primary") == 200
        standby.freeze()
        try:
            sandbox.wait_for(lambda: agent.metrics()['pgha_up{target="n2"}'] == 0, "the peer to be missed")
            for _ in range(50):
                answer = agent.get("/primary")
                assert answer.status == 200 and answer.elapsed < 0.3
        finally:
            standby.thaw()
        sandbox.wait_for(lambda: agent.metrics()['pgha_up{target="n2"}'] == 1, "the peer to be back")
