"""check_patroni over the wire: answers of versions that are not packaged, and of several members.

What each answer means for the state is in tests/cases, what is read of JSON in tests/unit.
"""

import time

import pytest

import peers
from expect import T
from launch import launch
from patroni_peers import END, GOOD, MB, NAMELESS, PROGRAM, Patroni, ask, member, texts, word


# -- versions --------------------------------------------------------------------------------------------------------------

def test_as_4_1_answers(three):
    answer = ask(three.url, "--min-members", "3")
    assert (answer["state"], answer["summary"]) == ("OK", GOOD), answer
    assert sorted(three.members[0].asked) == ["/cluster", "/config", "/leader"]
    assert three.members[1].asked == three.members[2].asked == ["/leader"]


# What each version says otherwise, of a member and of the cluster: (its own word, in /cluster).
VERSIONS = {
    "1.6.5": ({"replication_state": None, "postmaster_start_time": "2023-07-22 04:26:40.122 UTC",
               "patroni": {"version": "1.6.5", "scope": "demo"}}, {"state": "running"}),
    "2.1.4": ({"replication_state": None, "patroni": {"version": "2.1.4", "scope": "demo"}}, {"state": "running"}),
    "3.0.2": ({"replication_state": None, "dcs_last_seen": "now",
               "patroni": {"version": "3.0.2", "scope": "demo"}}, {"state": "running"}),
    "3.3.0": ({"patroni": {"version": "3.3.0", "scope": "demo", "name": "n2"}}, {}),
    "4.0.4": ({"patroni": {"version": "4.0.4", "scope": "demo", "name": "n2"}, "sync_standby": True},
              {"role": "sync_standby", "lsn": "0/5000060", "replay_lag": None}),
    "4.1.4": ({"patroni": {"version": "4.1.4", "scope": "demo", "name": "n2"}, "quorum_standby": True,
               "pending_restart": True, "pending_restart_reason": {"a": {"old_value": "1", "new_value": "2"}}},
              {"role": "quorum_standby", "pending_restart": True, "lag": "unknown", "replay_lag": "unknown"}),
}


@pytest.mark.parametrize("version", VERSIONS)
def test_versions(three, version):
    said, listed = VERSIONS[version]
    if "dcs_last_seen" in said:
        said = {**said, "dcs_last_seen": int(time.time())}
    leader = {"role": "master"} if version[0] < "4" else {}
    replication = [{"application_name": name, "state": "streaming", "sync_state": "async"} for name in ("n2", "n3")]
    three.members[0].paths["/leader"] = (200, {**word("n1", "primary", replication=replication), **leader})
    three.members[1].paths["/leader"] = (503, word("n2", "replica", **said))
    named = {"name": "n3"} if "name" in said["patroni"] else {}
    three.members[2].paths["/leader"] = (503, word("n3", "replica", **{**said, "patroni": {**said["patroni"], **named}}))
    three.set_view(n2=listed, n3={**listed, "role": "replica"})
    answer = ask(three.url)
    assert "leader n1 on timeline 3, 2 of 2 replicas are healthy" in " ".join(texts(answer)), answer
    assert f"n2: {listed.get('role', 'replica')}, {listed.get('state', 'streaming')}, Patroni {version}" in texts(answer)
    assert answer["state"] == ("WARNING" if version == "4.1.4" else "OK"), answer  # a restart is pending
    assert answer["metrics"]["n2_replay_lag_bytes"]["value"] == 0, "by the members' own positions"


def test_lag_of_the_view_where_members_are_not_asked(three):
    three.set_view(n2={"lag": 5, "replay_lag": 7 * MB}, n3={"lag": "unknown", "replay_lag": None})
    answer = ask(three.url, "--view-only", "-w", "1MB")
    assert answer["summary"] == "replay lag of n2 is 7 MB (warning above 1 MB), the lag of n3 is unknown", answer
    assert three.members[1].asked == [] and "/leader" in three.members[0].asked


# -- several members ---------------------------------------------------------------------------------------------------------

def test_two_that_hold_the_lock(three):
    three.members[2].paths["/leader"] = (200, word("n3", "primary", timeline=4))
    answer = ask(three.url)
    assert answer["state"] == "CRITICAL", answer
    assert answer["summary"].startswith("split brain suspected: n1 and n3 each say that they hold the leader lock"), answer


def test_a_primary_without_the_lock(three):
    three.members[2].paths["/leader"] = (503, word("n3", "primary"))
    answer = ask(three.url)
    assert answer["state"] == "CRITICAL", answer
    assert answer["summary"].startswith("split brain suspected: n3 is a primary without the leader lock"), answer


def test_one_that_the_store_does_not_list(three):
    with Patroni("n4", leader=(503, word("n4", "primary"))) as other:
        answer = ask(f"{three.url},{other.url}")
        assert answer["summary"] == "split brain suspected: n4 is a primary without the leader lock", answer
        assert f"the Patroni at {other.url} is no member by the cluster's store" in texts(answer), answer


def test_a_member_at_another_url_is_no_other_member(three):
    """127.0.0.1 here, an address of the network in the store: by its name, or, before 3.2, by when it was started."""
    with Patroni("n2", **{path[1:]: answer for path, answer in three.members[1].paths.items()}) as again:
        assert ask(f"{three.url},{again.url}")["summary"] == GOOD
        nameless = word("n2", "replica", patroni={"version": "3.1.0", "scope": "demo"})
        again.paths["/leader"] = three.members[1].paths["/leader"] = (503, nameless)
        assert ask(f"{three.url},{again.url}")["summary"] == GOOD
        assert ask(f"{again.url},{three.url}")["summary"] == GOOD


# -- what the cluster is in -----------------------------------------------------------------------------------------------------

def test_two_leaders_in_one_view(three):
    three.set_view(n2={"role": "leader", "state": "running"})
    answer = ask(three.url, "--view-only")
    assert answer["state"] == "CRITICAL" and "hint" in answer, answer
    assert answer["summary"].startswith("the cluster's store names more than one leader: n1 and n2"), answer


def test_the_view_is_older_than_the_leader(three):
    """As etcd's v3 API may have it for seconds: the new leader is the leader, and no replica that does not stream."""
    three.members[0].paths["/leader"] = peers.close_at_once
    three.members[1].paths["/leader"] = (200, word("n2", "primary", timeline=4))
    three.members[2].paths["/leader"] = (503, word("n3", "replica", timeline=4))
    answer = ask(three.members[2].url)
    assert answer["state"] == "WARNING", answer
    assert answer["summary"].startswith("n2 holds the lock, and the cluster's store still names n1, Patroni of n1 does not"), answer
    assert "leader n2 on timeline 4, 1 of 2 replicas are healthy" in texts(answer), answer
    three.members[0].paths["/leader"] = (503, word("n1", "replica", timeline=4))
    answer = ask(three.members[2].url)
    assert answer["summary"] == "n2 holds the lock, and the cluster's store still names n1", answer
    assert "leader n2 on timeline 4, 2 of 2 replicas are healthy" in texts(answer), answer
    three.members[0].paths["/leader"] = (503, word("n1", "demoted", state="stopping", xlog=None))
    answer = ask(three.members[2].url)
    assert answer["summary"].endswith('the state of n1 is "stopping"'), answer


def test_a_leader_that_steps_down(three):
    three.members[0].paths["/leader"] = (200, word("n1", "demoted"))
    for paths in ({}, {"/cluster": peers.close_at_once}):
        for peer in three.members:
            peer.paths.update(paths)
        answer = ask(three.urls)
        assert answer["state"] == "CRITICAL", answer
        assert answer["summary"].startswith('the role of the leader n1 is "demoted"'), answer


@pytest.mark.parametrize("scope, typed", [("demo", "demo"), ("my demo", "CLUSTER"), ("-x", "CLUSTER"), ("$(id)", "CLUSTER")])
def test_the_hints_command_is_whole(three, scope, typed):
    """patronictl restart and reinit ask for the cluster's name; nothing of it that a shell would not take as it is."""
    said = {"version": "4.1.4", "scope": scope}
    for peer in three.members:
        role, status = ("primary", 200) if peer.name == "n1" else ("replica", 503)
        peer.paths["/leader"] = (status, word(peer.name, role, pending_restart=True, patroni={**said, "name": peer.name}))
    three.set_view(scope=scope)
    assert ask(three.url)["hint"].endswith(f'"patronictl restart {typed} --pending"')
    three.members[2].paths["/leader"] = (503, word("n3", "replica", replication_state=None, patroni={**said, "name": "n3"}))
    three.set_view(scope=scope, n3={"state": "stopped"})
    assert f'"patronictl reinit {typed} n3" copies it anew' in ask(three.url)["hint"]


def test_replay_is_paused(three):
    xlog = {"received_location": END, "replayed_location": END, "replayed_timestamp": None, "paused": True}
    three.members[1].paths["/leader"] = (503, word("n2", "replica", xlog=xlog))
    answer = ask(three.url)
    assert (answer["state"], answer["summary"]) == ("WARNING", "replay is paused on n2"), answer
    assert "pg_wal_replay_resume" in answer["hint"], answer


def test_a_standby_cluster_that_receives_nothing(three):
    three.set_view(n1={"role": "standby_leader", "state": "running"})
    for version, state, text in (("4.1.4", "WARNING", "the standby cluster's leader n1 runs and does not stream"),
                                 ("3.0.3", "OK", f"a standby cluster's {GOOD}")):
        about = {"version": version, "scope": "demo"}
        three.members[0].paths["/leader"] = (200, word("n1", "standby_leader", patroni=about))
        answer = ask(three.url)
        assert (answer["state"], answer["summary"]) == (state, text), answer
    three.members[0].paths["/leader"] = (200, word("n1", "standby_leader", replication_state="streaming"))
    assert ask(three.url)["summary"] == f"a standby cluster's {GOOD}"


def test_the_first_that_has_a_view_is_enough(three):
    three.members[0].paths["/cluster"] = peers.silent
    answer = ask(three.urls, "-t", "5s")
    assert (answer["state"], answer["summary"]) == ("OK", GOOD), answer


def test_members_of_the_last_look_are_asked_when_the_first_is_gone(three, tmp_path):
    state = tmp_path / "state"
    assert ask(three.url, "--state", state)["state"] == "OK"
    three.members[0].close()
    three.set_view()
    answer = ask(three.url, "--state", state)
    assert answer["summary"].startswith("Patroni of the leader n1 does not answer: cannot reach "), answer
    assert not any("cannot be read" in text for text in texts(answer)), answer
    assert three.members[1].asked.count("/cluster") + three.members[2].asked.count("/cluster") >= 1
    assert ask(three.url)["state"] == "CRITICAL", "without a memory there is nobody else to ask"


def test_the_store_cannot_be_read(three):
    """Patroni then closes the connection without an answer; each member is asked all the same."""
    for peer in three.members:
        peer.paths["/cluster"] = peer.paths["/config"] = peers.close_at_once
    answer = ask(three.urls)
    assert answer["state"] == "WARNING", answer
    assert answer["summary"].startswith("the cluster's store cannot be read: "), answer
    assert GOOD in texts(answer), "by their own words"
    three.members[0].paths["/leader"] = (503, word("n1", "replica"))
    answer = ask(three.urls)
    assert answer["state"] == "CRITICAL", answer
    assert answer["summary"].startswith("nobody says that it holds the leader lock, the cluster's store cannot be read: ")


def test_the_store_cannot_be_read_and_nobody_tells_a_name(three):
    """Before Patroni 3.0.4 the leader's WAL senders tell who streams, by name; and before 3.2 a member does not tell its own."""
    said = {**NAMELESS, "version": "3.0.2"}
    streaming = [{"application_name": name, "state": "streaming"} for name in ("n2", "n3")]
    for peer in three.members:
        peer.paths["/cluster"] = peer.paths["/config"] = peers.close_at_once
        peer.paths["/leader"] = (503, word(peer.name, "replica", patroni=said, replication_state=None))
    three.members[0].paths["/leader"] = (200, word("n1", "primary", patroni=said, replication=streaming))
    answer = ask(three.urls)
    assert not any("does not stream" in text for text in texts(answer)), answer
    assert answer["state"] == "WARNING" and "patronictl reinit" not in answer["hint"], answer
    assert answer["metrics"]["healthy_replicas"]["value"] == 2, answer


@pytest.mark.parametrize("options", ((), ("--min-members", "2", "--min-replicas", "0")))
def test_the_store_cannot_be_read_and_one_is_named(three, options):
    """Who the others are is in the store: that they are not known does not mean that they are not there."""
    for peer in three.members:
        peer.paths["/cluster"] = peers.close_at_once
    answer = ask(three.url, *options, *T)
    assert answer["state"] == "UNKNOWN" and "--url" in answer["hint"], answer
    assert answer["summary"].startswith(("0 healthy replicas are known", "1 healthy member is known")), answer
    assert any(text.startswith("the cluster's store cannot be read: ") for text in texts(answer)), answer
    three.members[1].paths["/leader"] = (503, word("n2", "replica", state="crashed", replication_state=None))
    answer = ask(f"{three.url},{three.members[1].url}", *options, *T)
    assert answer["state"] == "CRITICAL" and 'the state of n2 is "crashed"' in answer["summary"], answer


def test_a_recording_says_the_same(three, tmp_path):
    record = tmp_path / "record.json"
    three.members[1].paths["/leader"] = peers.close_at_once
    answer = ask(three.url, "--record", record)
    assert answer["state"] == "WARNING", answer
    again = launch(PROGRAM, "--replay", record, "-f", "json").json()
    assert {**again, "time": 0} == {**answer, "time": 0}


def test_a_store_that_has_forgotten_all(three, tmp_path):
    """Back after longer than the ttl it has no keys, until each Patroni has put its own there again; in failsafe mode the
    leader has led all the time."""
    state = tmp_path / "state"
    assert ask(three.url, "--state", state)["state"] == "OK"
    for peer in three.members:
        peer.paths["/leader"][1]["failsafe_mode_is_active"] = True
        peer.paths["/cluster"] = peers.close_at_once
    assert ask(three.url, "--state", state)["state"] == "WARNING"
    for members, told in ([], "no members"), ([member("n2", "replica", three.members[1].url)], "1 of 3 members"):
        for peer in three.members:
            peer.paths["/cluster"] = (200, {"members": members, "scope": "demo"})
        answer = ask(three.url, "--state", state)
        assert (answer["state"], answer["metrics"]["healthy_members"]["value"]) == ("WARNING", 3), answer
        assert answer["summary"].startswith(
            f"the cluster's store cannot be read: {three.url} finds {told} in it"), answer
        assert GOOD in texts(answer), answer
    answer = ask(three.urls)
    assert f"the Patroni at {three.url} is no member by the cluster's store" in texts(answer), "without a memory it is believed"
    three.set_view()
    assert ask(three.urls, "--state", state)["summary"].startswith("failsafe mode is active on n1, n2, n3"), answer
    three.set_view(n1={"role": "replica", "state": "streaming"})
    rows = three.members[0].paths["/cluster"][1]["members"]
    for peer in three.members:
        peer.paths["/cluster"] = (200, {"members": rows[:2], "scope": "demo"})
    answer = ask(three.urls, "--state", state)
    assert not any("finds" in text for text in texts(answer)), f"where the store was not away, it is believed\n{answer}"


def test_a_store_without_members_and_nobody_remembers_any(three):
    """The members at the given URLs tell of themselves."""
    for peer in three.members:
        peer.paths["/cluster"] = (200, {"members": [], "scope": "demo"})
    answer = ask(three.urls)
    assert answer["state"] == "WARNING" and GOOD in texts(answer), answer
    assert answer["summary"].startswith(f"the cluster's store cannot be read: {three.url} finds no members in it"), answer
