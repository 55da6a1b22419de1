"""How the agent looks at a Patroni cluster: its own member often, the others seldom, and soon where something moves."""

import time

import pytest

import agent
import peers
import sandbox
from patroni_peers import GOOD, response, texts, word


def later(seconds, *answer):
    """It answers so much later."""
    def serve(talk):
        talk.pause(seconds)
        talk.send(response(*answer))
    return serve


def watched(url, **settings):
    """An agent that asks Patroni every tenth of a second, and the cluster every half."""
    patroni = {"url": url, "interval": "100ms", "cluster-interval": "500ms", "timeout": "1s", **settings}
    return agent.Agent(config={"agent": {"max_age": "30s"}, "patroni": patroni})


def count(peer, path):
    return peer.asked.count(path)


def test_agent_asks_the_cluster_less_often(three):
    def counts():
        return [count(peer, path) for peer in three.members for path in ("/leader", "/cluster", "/config")]

    with watched(three.members[1].url) as running:
        sandbox.wait_for(lambda: running.get("/check/patroni").json()["summary"] == GOOD, "a good cluster")
        started, before = time.monotonic(), counts()
        # Its own word at every look, and the leader's position; a busy machine has fewer looks.
        sandbox.wait_for(lambda: min(counts()[number] - before[number] for number in (0, 3)) > 15, "some looks")
        asked = [after - earlier for earlier, after in zip(before, counts())]
        most = (time.monotonic() - started) / 0.5 + 2
    assert 1 <= asked[4] <= most and 1 <= asked[5] <= most, f"{asked}: /cluster and /config of the one that is named"
    assert asked[1] == asked[2] == asked[7] == asked[8] == 0, f"{asked}: nobody else is asked for the cluster"
    assert 1 <= asked[6] <= most, f"{asked}: the others with the cluster"


def test_agent_leaves_members_most_of_the_time(three):
    """A member that takes long (its PostgreSQL is busy) is not silent, whatever else is asked at that look."""
    three.members[0].paths["/leader"] = later(2, 200, word("n1", "primary"))
    with watched(three.url, timeout="4s") as running:
        time.sleep(8)  # some looks
        answer = running.get("/check/patroni").json()
        log = running.log_text()
    assert "no answer from" not in log and not any("in time" in text for text in texts(answer)), (answer, log)
    assert any(text.startswith("leader n1 ") for text in texts(answer)), answer


def test_agent_hears_of_the_others_while_its_own_is_silent(three):
    with watched(three.members[1].url) as running:
        def summary():
            return running.get("/check/patroni").json()["summary"]
        sandbox.wait_for(lambda: summary() == GOOD, "a good cluster")
        for path in three.members[1].paths:
            three.members[1].paths[path] = peers.silent
        three.members[2].paths["/leader"] = (503, word("n3", "replica", replication_state="in archive recovery"))
        sandbox.wait_for(lambda: {"n3 restores from the archive and does not stream",
                                  f"Patroni of n2 does not answer: no answer from {three.members[1].url} in time"}
                         < set(texts(running.get("/check/patroni").json())), "both", detail=summary)


def test_agent_finds_the_new_leader_before_the_clusters_time(three):
    with watched(three.members[1].url, **{"cluster-interval": "60s"}) as running:
        sandbox.wait_for(lambda: running.get("/check/patroni").json()["summary"] == GOOD, "a good cluster")
        three.members[0].paths["/leader"] = (503, word("n1", "replica", timeline=4))
        three.members[2].paths["/leader"] = (200, word("n3", "primary", timeline=4))
        three.members[1].paths["/leader"] = (503, word("n2", "replica", timeline=4))
        three.set_view(n1={"role": "replica", "state": "streaming"}, n3={"role": "leader", "state": "running", "timeline": 4})
        sandbox.wait_for(lambda: running.get("/check/patroni").json()["summary"].startswith("leader n3 on timeline 4"),
                         "the new leader", detail=lambda: running.get("/check/patroni").text)


def test_agent_asks_the_cluster_at_once_when_its_own_member_says_something_else(three):
    with watched(three.url, **{"cluster-interval": "60s"}) as running:
        sandbox.wait_for(lambda: running.get("/check/patroni").json()["summary"] == GOOD, "a good cluster")
        for peer in three.members:
            status, said = peer.paths["/leader"]
            peer.paths["/leader"] = (status, {**said, "pause": True})
        three.set_view(pause=True)
        sandbox.wait_for(lambda: "the cluster is paused" in running.get("/check/patroni").json()["summary"],
                         "the pause", detail=lambda: running.get("/check/patroni").text)
        three.members[0].close()
        sandbox.wait_for(lambda: running.get("/check/patroni").json()["summary"].startswith(
            "Patroni of the leader n1 does not answer: "), "its silence", detail=lambda: running.get("/check/patroni").text)
        asked = count(three.members[1], "/cluster")
        time.sleep(2.5)
        assert count(three.members[1], "/cluster") <= asked + 1, "and not again and again"


@pytest.mark.parametrize("missing", (("n2", "n3"), ("n1",)))
def test_agent_looks_again_soon_where_members_are_missing(three, missing):
    """The store was away for so long that the members' keys have run out: each is back with its own next turn."""
    with watched(three.url, **{"cluster-interval": "60s"}) as running:
        def said():
            return running.get("/check/patroni").json()

        sandbox.wait_for(lambda: said()["summary"] == GOOD, "a good cluster")
        rows = three.members[0].paths["/cluster"][1]["members"]
        few = (200, {"members": [row for row in rows if row["name"] not in missing], "scope": "demo"})
        for peer in three.members:
            peer.paths["/cluster"] = few
        status, word_before = three.members[0].paths["/leader"]
        three.members[0].paths["/leader"] = (status, {**word_before, "failsafe_mode_is_active": True})
        sandbox.wait_for(lambda: said()["metrics"]["healthy_members"]["value"] < 3, "a view without them",
                         detail=lambda: str(said()))
        three.members[0].paths["/leader"] = (status, word_before)
        time.sleep(1.5)  # that the word has changed back is no reason to ask any more
        three.set_view()
        sandbox.wait_for(lambda: said()["summary"] == GOOD, "the members to be back", detail=lambda: str(said()))


def test_agent_looks_again_soon_where_the_cluster_is_in_motion(three):
    """Without a leader, with one that is none any more, or with a member that is not listed (yet)."""
    def summary(running):
        return running.get("/check/patroni").json()["summary"]
    changes = {"the cluster has no leader": {"n1": {"role": "replica", "state": "streaming"}},
               "n1 holds the lock, and the cluster's store still names n3": {
                   "n1": {"role": "replica", "state": "streaming"}, "n3": {"role": "leader", "state": "running"}}}
    for told, view in changes.items():
        status = 503 if "no leader" in told else 200
        three.members[0].paths["/leader"] = (status, word("n1", "replica" if status == 503 else "primary"))
        three.set_view(**view)
        with watched(three.members[1].url, **{"cluster-interval": "60s"}) as running:
            sandbox.wait_for(lambda: summary(running).startswith(told), told, detail=lambda: summary(running))
            three.members[0].paths["/leader"] = (200, word("n1", "primary"))
            three.set_view()
            sandbox.wait_for(lambda: summary(running) == GOOD, "the leader", detail=lambda: summary(running))
            asked = count(three.members[1], "/cluster")
            time.sleep(2.5)
            assert count(three.members[1], "/cluster") == asked, "and then not any more"


def test_agent_looks_again_soon_for_a_member_that_is_not_listed(three):
    """As when a host comes back: its own agent may ask before it is in the store again."""
    rows = three.members[0].paths["/cluster"][1]["members"]
    three.members[1].paths["/cluster"] = (200, {"scope": "demo", "members": [rows[0], rows[2]]})
    with watched(three.members[1].url, **{"cluster-interval": "60s"}) as running:
        def summary():
            return running.get("/check/patroni").json()["summary"]
        told = f"the Patroni at {three.members[1].url} is no member by the cluster's store"
        sandbox.wait_for(lambda: summary() == told, "a member that is not listed", detail=summary)
        three.set_view()
        sandbox.wait_for(lambda: summary() == GOOD, "all of them", detail=summary)
