"""check_patroni, where somebody else answers at the URL of a member, or one URL leads to all of them."""

import json

import pytest

from patroni_peers import GOOD, NAMELESS, Patroni, ask, texts, word

OTHER = {"database_system_identifier": "7999999999999999999", "patroni": {"version": "4.1.4", "scope": "other", "name": "x1"}}


def by_its_states(answer):
    return {reason["text"]: reason["state"] for reason in answer["reasons"]}


@pytest.mark.parametrize("asked, told", ((0, "name"), (1, "name"), (0, "nothing")))
def test_one_url_for_all(three, asked, told):
    """restapi.connect_address of a file that was copied: whoever is asked, it leads to that one."""
    url = three.members[asked].url
    if told == "nothing":
        three.members[0].paths["/leader"] = (200, word("n1", "primary", patroni=NAMELESS))
    three.set_view(**{name: {"api_url": f"{url}/patroni"} for name in ("n1", "n2", "n3")})
    answer = ask(url, "--min-replicas", "0")
    assert answer["state"] == "WARNING" and "restapi.connect_address" in answer["hint"], answer
    assert not any("split brain" in text or "does not hold" in text for text in texts(answer)), answer
    for name in {"n1", "n2", "n3"} - {f"n{asked + 1}"}:
        assert any(text.startswith(f"{name} could not be asked itself: ") for text in texts(answer)), answer
    assert not any(text.startswith(f"n{asked + 1} could not") for text in texts(answer)), answer
    healthy = 0 if asked == 0 else 1
    assert f"leader n1 on timeline 3, {healthy} of 2 replicas are healthy" in texts(answer), answer
    answer = ask(url)
    assert answer["state"] == ("CRITICAL" if healthy == 0 else "WARNING"), "by default one replica must be seen to be there"
    assert "restapi.connect_address" in answer["hint"], answer


def test_one_url_for_all_before_names_on_a_replica(three):
    """Which of them answers there nobody can tell: none of their words counts, and none is missed as a leader's."""
    three.members[1].paths["/leader"] = (503, word("n2", "replica", patroni=NAMELESS))
    three.set_view(**{name: {"api_url": three.members[1].url} for name in ("n1", "n2", "n3")})
    answer = ask(three.members[1].url, "--min-replicas", "0")
    assert answer["state"] == "WARNING", answer
    assert "leader n1 on timeline 3, 0 of 2 replicas are healthy" in texts(answer), answer


def test_two_urls_of_one_server_before_names(three):
    """Another spelling of the same address: by when the server was started."""
    three.members[0].paths["/leader"] = (200, word("n1", "primary", patroni=NAMELESS))
    with Patroni("n1", leader=three.members[0].paths["/leader"]) as again:
        three.set_view(n3={"api_url": again.url})
        answer = ask(three.url)
        assert answer["state"] == "WARNING", answer
        assert answer["summary"].startswith("n3 could not be asked itself: "), answer
        assert "leader n1 on timeline 3, 1 of 2 replicas are healthy" in texts(answer), answer


@pytest.mark.parametrize("role, status", (("primary", 200), ("primary", 503), ("replica", 503)))
@pytest.mark.parametrize("who", ({}, {"patroni": {**OTHER["patroni"], "name": "n3"}},
                                 {"patroni": {"version": "3.1.0", "scope": "other"}},
                                 {"patroni": {"version": "4.1.4", "scope": "demo", "name": "n3"}},
                                 {"database_system_identifier": None}))
def test_another_cluster_at_the_url_of_a_member(three, role, status, who):
    """An address that was given to another host. A name alone proves nothing: many clusters have an "n3"."""
    senders = [{"application_name": "n2", "state": "catchup"}]
    said = word("n3", role, **{**OTHER, **who}, replication=senders, xlog={"location": 10**12}, watchdog_failed=True)
    three.members[2].paths["/leader"] = (status, said)
    three.members[1].paths["/leader"] = (503, word("n2", "replica", replication_state=None))  # "running": its sender would tell
    three.members[0].paths["/leader"] = (200, word("n1", "primary", replication=[
        {"application_name": name, "state": "streaming"} for name in ("n2", "n3")]))
    answer = ask(three.url)
    assert answer["state"] == "WARNING", answer
    assert answer["summary"].startswith("n3 could not be asked itself: at its api_url answers "), answer
    assert "leader n1 on timeline 3, 1 of 2 replicas are healthy" in texts(answer), answer
    assert answer["metrics"]["n3_replay_lag_bytes"]["value"] is None, answer
    assert answer["metrics"]["n2_replay_lag_bytes"]["value"] == 0, "not by the stranger's position"
    assert not any("watchdog" in text or "split brain" in text for text in texts(answer)), answer


@pytest.mark.parametrize("role, status", (("primary", 200), ("primary", 503), ("replica", 503)))
@pytest.mark.parametrize("name", ("x1", "n2"))
def test_another_cluster_at_a_given_url(three, role, status, name):
    said = word("n4", role, **{**OTHER, "patroni": {**OTHER["patroni"], "name": name}})
    with Patroni("n4", leader=(status, said)) as other:
        answer = ask(f"{three.url},{other.url}")
        assert answer["state"] == "WARNING", answer
        assert answer["summary"] == (f'the Patroni at {other.url} belongs to another cluster: '
                                     f'there answers "{name}" of scope "other", not "demo"'), answer
        assert GOOD in texts(answer) and "--url" in answer["hint"], answer


def test_the_leader_is_somebody_else(three, tmp_path):
    """Its url leads to another cluster: nothing is known of it but what the store says."""
    three.members[0].paths["/leader"] = (200, word("n1", "primary", **OTHER))
    answer = ask(three.members[1].url)
    assert answer["state"] == "WARNING", answer
    assert answer["summary"].startswith("n1 could not be asked itself: at its api_url answers "), answer
    assert GOOD in texts(answer), answer
    # And the leader's position is not that one's.
    record = tmp_path / "record.json"
    ask(three.members[1].url, "--record", record)
    assert json.loads(record.read_text())["snapshots"][0]["parts"]["patroni"]["leader_lsn"] is None, record.read_text()


def test_a_leader_without_a_url(three):
    for url in (None, "http://u:secret@10.0.0.11:8008", "http://10.0.0.11:8008/" + "x" * 96, "ftp://10.0.0.11", "http://10.0.0.11:99999"):
        three.set_view(n1={"api_url": url})
        answer = ask(three.members[1].url)
        assert answer["state"] == "WARNING" and "secret" not in json.dumps(answer), answer
        assert answer["summary"].startswith("n1 could not be asked itself: "), answer
        assert "restapi.connect_address" in answer["hint"] and "--view-only" in answer["hint"], answer
        assert GOOD in texts(answer), answer


def test_a_member_that_does_not_let_us_in(three):
    for status in (401, 403):
        three.members[0].paths["/leader"] = (status, {})
        answer = ask(three.members[1].url)
        assert answer["summary"].startswith(f"n1 could not be asked itself: {three.url} "), answer
        assert answer["state"] == "WARNING" and GOOD in texts(answer), answer


@pytest.mark.parametrize("own", (True, False))
def test_one_url_for_all_and_each_of_the_given(three, own):
    """Each tells its own word at its given URL; the URL in the store is told all the same: the others need it, too."""
    three.set_view(**{name: {"api_url": f"{three.members[0].url}/patroni" if own else None} for name in ("n1", "n2", "n3")})
    answer = ask(three.urls, "--min-replicas", "2", "--min-members", "3")
    assert answer["state"] == "WARNING", answer
    assert answer["summary"].startswith("n2 could not be asked where the store says: " if own else
                                        "n1 could not be asked where the store says: "), answer
    assert GOOD in texts(answer), answer
    assert answer["metrics"]["n3_replay_lag_bytes"]["value"] == 0, answer
