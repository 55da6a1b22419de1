"""check_patroni over the wire: answers of versions that are not packaged, of several members, and of what is no Patroni.

What each answer means for the state is in tests/cases, what is read of JSON in tests/unit.
"""

import base64
import gzip
import json
import socket
import ssl
import struct
import time

import pytest

import agent
import certificates
import peers
import sandbox
from expect import STATES, T
from launch import launch

PROGRAM = "check_patroni"
END = 0x5000060
MB = 1024 * 1024


# -- a Patroni -----------------------------------------------------------------------------------------------------------

def response(status, body, headers=b""):
    """As Patroni writes it: HTTP/1.0, no length, closed at the end."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return b"HTTP/1.0 %d -\r\nContent-Type: application/json\r\n%s\r\n%s" % (status, headers, data)


class Patroni(peers.Peer):
    """`paths` are the answers: (status, body), bytes as they are, or a function that plays; others get a 404."""

    def __init__(self, name="n1", **paths):
        self.name = name
        self.paths = {f"/{path}": answer for path, answer in paths.items()}
        self.asked, self.headers = [], []
        super().__init__(self._answer)

    @property
    def url(self):
        return f"http://{self.host}:{self.port}"

    def _answer(self, talk):
        while not talk.received.endswith(b"\r\n\r\n"):
            talk.read(1)
        request = talk.received.decode()
        with self.lock:
            self.asked.append(request.split()[1])
            self.headers.append(request.lower())
        answer = self.paths.get(request.split()[1], (404, {}))
        if callable(answer):
            answer(talk)
        else:
            talk.send(answer if isinstance(answer, bytes) else response(*answer))
        raise peers.Gone


def word(name, role, /, **changes):
    """What a member of Patroni 4.1 says of itself."""
    xlog = {"location": END} if role == "primary" else {"received_location": END, "replayed_location": END,
                                                        "replayed_timestamp": None, "paused": False}
    said = {"state": "running", "postmaster_start_time": f"2026-01-0{name[-1]} 04:26:40.122600+00:00", "role": role,
            "server_version": 180001, "xlog": xlog, "timeline": 3, "database_system_identifier": "7123456789012345678",
            "patroni": {"version": "4.1.4", "scope": "demo", "name": name}, **changes}
    if role == "replica":
        said.setdefault("replication_state", "streaming")
    return {key: value for key, value in said.items() if value is not None}


def member(name, role="replica", url="", /, **changes):
    """What /cluster says of it."""
    said = {"name": name, "role": role, "state": "running" if role == "leader" else "streaming", "api_url": f"{url}/patroni",
            "host": "127.0.0.1", "port": 5432, "timeline": 3}
    if role != "leader":
        said.update({"lag": 0, "lsn": "0/5000060", "receive_lag": 0, "receive_lsn": "0/5000060", "replay_lag": 0,
                     "replay_lsn": "0/5000060"})
    return {key: value for key, value in {**said, **changes}.items() if value is not None}


CONFIG = {"ttl": 30, "loop_wait": 10, "retry_timeout": 10, "maximum_lag_on_failover": MB}


class Three:
    """n1 leads, n2 and n3 follow; each answers everything. A context manager; change `.paths` of a member before asking."""

    def __enter__(self):
        self.members = [Patroni(f"n{number}") for number in (1, 2, 3)]
        for peer in self.members:
            role, status = ("primary", 200) if peer.name == "n1" else ("replica", 503)
            peer.paths["/leader"] = (status, word(peer.name, role))
            peer.paths["/config"] = (200, CONFIG)
        self.set_view()
        return self

    def set_view(self, **changes):
        """What all say at /cluster; n2={...} changes a member, the rest the whole."""
        rows = [member(peer.name, "leader" if peer.name == "n1" else "replica", peer.url, **changes.pop(peer.name, {}))
                for peer in self.members]
        for peer in self.members:
            peer.paths["/cluster"] = (200, {"members": rows, "scope": "demo", **changes})

    def __exit__(self, *_):
        for peer in self.members:
            peer.close()

    @property
    def url(self):
        return self.members[0].url

    @property
    def urls(self):
        return ",".join(peer.url for peer in self.members)


@pytest.fixture
def three():
    with Three() as cluster:
        yield cluster


def ask(url, *args, **how):
    outcome = launch(PROGRAM, "--url", url, "-f", "json", *(args or T), **how)
    assert outcome.err == b"", outcome
    answer = outcome.json()
    assert STATES.index(answer["state"]) == outcome.code, outcome
    return answer


def texts(answer):
    return [reason["text"] for reason in answer["reasons"]]


GOOD = "leader n1 on timeline 3, 2 of 2 replicas are healthy"


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


# -- somebody else at a member's URL -----------------------------------------------------------------------------------------

OTHER = {"database_system_identifier": "7999999999999999999", "patroni": {"version": "4.1.4", "scope": "other", "name": "x1"}}
# Before 3.2 nobody tells a name; all of a version tell the scope.
NAMELESS = {"version": "3.1.0", "scope": "demo"}


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


def test_the_first_that_has_a_view_is_enough(three):
    three.members[0].paths["/cluster"] = peers.silent
    answer = ask(three.urls, "-t", "2s")
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


# -- what is no answer ---------------------------------------------------------------------------------------------------------

def body(data, status=200):
    return response(status, data)


def endless(head, data):
    """That for ever, as fast as it is taken."""
    def serve(talk):
        talk.send(head)
        while True:
            talk.send(data * (65536 // len(data)))
    return serve


REDIRECT = b"Location: http://127.0.0.1:1/\r\n"
DEEP = b"[" * 100000
# Of everything that is asked; the class of the fault, and some of its text.
HOSTILE = {
    "not JSON": (body(b"<html>503</html>"), "protocol", "not JSON"),
    "empty": (body(b""), "protocol", "it is empty"),
    "truncated": (body(b'{"state": "running", "role": "mas'), "protocol", "not JSON"),
    "a list": (body(b"[]"), "protocol", "it is not an object"),
    "other members": (body(b'{"status": "ok"}'), "protocol", 'it has no "role" and "state"'),
    "wrong types": (body(b'{"state": 1, "role": {}, "members": {}}'), "protocol", "is not text"),
    "deep": (body(b'{"state":' + DEEP), "protocol", "not JSON"),
    "deep and whole": (body(b'{"state":' + b"[" * 1500 + b"]" * 1500 + b"}"), "protocol", "is not text"),
    "twice": (body(b'{"state":"running","state":"running","role":"primary"}'), "protocol", "duplicate object key"),
    "Latin-1": (body(b'{"state":"running","role":"prim\xe4r"}'), "protocol", "not JSON"),
    "zero bytes": (body(b'{"state":"running","role":"primary\x00"}'), "protocol", "not JSON"),
    "zero bytes, escaped": (body(b'{"state":"running","role":"primary\\u0000"}'), "protocol", "not JSON"),
    "UTF-16": (body('{"state":"running","role":"primary"}'.encode("utf-16")), "protocol", "not JSON"),
    "two documents": (body(b'{"state":"running","role":"primary"}{}'), "protocol", "something behind it"),
    "2 MB": (body(b'{"state":"' + b"x" * (2 * MB) + b'"}'), "protocol", "is longer than 1024 KB"),
    "endless": (endless(b"HTTP/1.0 200 -\r\n\r\n[", b"[1],"), "protocol", "is longer than 1024 KB"),
    "endless headers": (endless(b"HTTP/1.0 200 -\r\n", b"X-A: b\r\n"), "protocol", ""),
    "a redirect": (response(302, b"", REDIRECT), "protocol", "answers with status 302"),
    "a redirect for ever": (response(307, b"", REDIRECT), "protocol", "answers with status 307"),
    "404": (body(b"{}", 404), "protocol", "answers with status 404"),
    "500": (body(b"{}", 500), "protocol", "answers with status 500"),
    "401": (body(b"no", 401), "setup", "wants a user and password (status 401)"),
    "403": (body(b"no", 403), "setup", "refuses us (status 403)"),
    "not HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", "protocol", "does not answer as HTTP should"),
    "HTTP/0.9": (b'{"state":"running","role":"primary"}', "protocol", "does not answer as HTTP should"),
    "closed": (peers.close_at_once, "down", "closed the connection without an answer"),
    "silent": (peers.silent, "timeout", "no answer from "),
    "a byte a second": (peers.dribble(body(b"{}")), "timeout", "no answer from "),
}
SLOW = ("silent", "a byte a second")


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile(what):
    """As the only one to be asked: a fault of its class, in bounded time and memory."""
    answer, fault, text = HOSTILE[what]
    with Patroni(leader=answer, cluster=answer, config=answer) as peer:
        outcome = launch(PROGRAM, "--url", peer.url, "-f", "json", "-t", "1s" if what in SLOW else "5s")
    said = outcome.json()
    assert said["fault"]["class"] == fault and text in said["fault"]["text"], said
    assert said["state"] == {"down": "CRITICAL", "timeout": "CRITICAL"}.get(fault, "UNKNOWN"), said
    assert said["answer"] == "no" and outcome.err == b"", outcome
    assert outcome.elapsed < (1.5 if what in SLOW else 3), outcome


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_member(three, what):
    """One that the others vouch for: it is told, and hides nothing of the rest."""
    answer, fault, text = HOSTILE[what]
    begin = "n2 could not be asked itself: " if fault == "setup" else "Patroni of n2 does not answer: "
    three.members[1].paths["/leader"] = answer
    said = ask(three.url, "-t", "1s" if what in SLOW else "5s")
    assert said["state"] == "WARNING" and "fault" not in said, said
    assert said["summary"].startswith(begin), said
    assert text in said["summary"] or len(said["summary"]) > 120, said  # or it is cut short of it
    assert "leader n1 on timeline 3, 1 of 2 replicas are healthy" in texts(said), said
    assert said["metrics"]["n2_replay_lag_bytes"]["value"] is None, said


@pytest.mark.parametrize("what", ("truncated", "wrong types", "endless", "a redirect", "500", "closed"))
def test_hostile_view(three, what):
    """One that has no view to give is no reason not to ask the next, which has."""
    three.members[0].paths["/cluster"] = HOSTILE[what][0]
    assert ask(three.urls)["summary"] == GOOD


def test_huge_answers_of_all_are_held_in_bounded_memory(three):
    for peer in three.members:
        peer.paths["/leader"] = peer.paths["/config"] = HOSTILE["2 MB"][0]
    small = launch(PROGRAM, "--url", "http://127.0.0.1:1", "-f", "json", is_measured=True)
    outcome = launch(PROGRAM, "--url", three.urls, "-f", "json", is_measured=True)
    assert outcome.json()["state"] == "CRITICAL", outcome
    assert outcome.peak_bytes < small.peak_bytes + 32 * MB, (outcome.peak_bytes, small.peak_bytes)


def test_names_stay_in_their_line(three):
    name = "n2\n|' OK - \x07\u202e" + "x" * 200
    three.set_view(n2={"name": name, "state": "stop\nped|"}, scheduled_switchover={"at": "\n\n|", "from": name})
    three.members[1].paths["/leader"] = peers.close_at_once
    outcome = launch(PROGRAM, "--url", three.url, *T)
    lines = outcome.out.decode().splitlines()
    assert lines[0].startswith("PATRONI WARNING - Patroni of n2 /' OK - "), outcome
    assert lines[0].count("|") == 1 and "\x07" not in lines[0] and len(lines) == 2, outcome


def test_many_members(three):
    others = [member(f"m{number:02}", "replica", "http://127.0.0.1:1") for number in range(40)]
    rows = three.members[0].paths["/cluster"][1]["members"]
    three.members[0].paths["/cluster"] = (200, {"members": others + rows})
    answer = ask(three.url)
    assert "there are 43 members, of which 16 were looked at" in texts(answer), answer


@pytest.mark.parametrize("url", ("file:///etc/passwd", "ftp://127.0.0.1/x", "http://u:secret@127.0.0.1:1", "gopher://x", "x",
                                 "http://", "http://:8008", "//127.0.0.1:1", "http://127.0.0.1:99999999"))
def test_a_member_at_something_else_than_a_url(three, url):
    three.set_view(n2={"api_url": url})
    answer = ask(three.url)
    assert answer["state"] == "WARNING", answer
    assert answer["summary"].startswith("n2 could not be asked itself: "), answer
    assert "secret" not in json.dumps(answer), answer


@pytest.mark.parametrize("encoding", (b"gzip", b"gzip, gzip", b"deflate", b"gzip, chunked"))
def test_a_transfer_encoding_that_nobody_asked_for(three, encoding):
    """To unpack it takes as long as whoever packed it likes: a thousand times over for each layer."""
    packed = gzip.compress(json.dumps(word("n1", "primary")).encode())
    three.members[0].paths["/leader"] = response(200, packed, b"Transfer-Encoding: %s\r\n" % encoding)
    answer = ask(three.url)
    assert "in an encoding that nobody asked for" in answer["summary"], answer
    assert answer["answer"] == "no", answer


@pytest.mark.parametrize("name", (b"Transfer-Encoding: chunked", b"transfer-encoding:\t CHUNKED "))
def test_chunks(three, name):
    data = json.dumps(word("n1", "primary")).encode()
    three.members[0].paths["/leader"] = b"HTTP/1.1 200 OK\r\n%s\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (name, len(data), data)
    assert ask(three.url)["summary"] == GOOD


def test_a_redirect_is_not_followed(three):
    with Patroni(leader=(200, word("n1", "primary"))) as elsewhere:
        there = b"Location: %s/leader\r\n" % elsewhere.url.encode()
        three.members[1].paths["/leader"] = response(302, b"", there)
        assert ask(three.url)["state"] == "WARNING"
        assert elsewhere.asked == []


def test_no_proxy_is_used(three):
    with Patroni() as proxy:
        where = {name: proxy.url for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")}
        assert ask(three.url, env=where)["summary"] == GOOD
        assert proxy.asked == []


# -- who is asked, and who we are ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("url, text", (
    ("http://u:secret@127.0.0.1:1", "a URL of Patroni holds a user or password"),
    ("http://127.0.0.1:1,http://127.0.0.1:2", "none of 2 URLs answers: cannot reach "),
    ("http://127.0.0.1:1,ftp://127.0.0.1", '"ftp://127.0.0.1" is not a URL that can be asked'),
    ("ftp://127.0.0.1", "is not a URL that can be asked"),
    ("127.0.0.1:8008", '"127.0.0.1:8008" is not a URL that can be asked'),
    ("http://", '"http://" is not a URL that can be asked'),
    ("http:///patroni", '"http:///patroni" is not a URL that can be asked'),
    ("http://:8008", '"http://:8008" is not a URL that can be asked'),
    ("http://?x", '"http://?x" is not a URL that can be asked'),
    ("http://127.0.0.1:1/?x", '"http://127.0.0.1:1/?x" is not a URL that can be asked'),
    ("http://127.0.0.1:1#x", '"http://127.0.0.1:1#x" is not a URL that can be asked'),
    ("HTTP://", '"HTTP://" is not a URL that can be asked'),
    ("http://" + "x" * 300, "a URL of Patroni has more than 239 characters"),
    (",".join(f"http://127.0.0.1:{port}" for port in range(1, 18)), "more than 16 URLs of Patroni are given"),
))
def test_what_cannot_be_asked(url, text):
    answer = ask(url)
    assert text in answer["summary"] and "secret" not in json.dumps(answer), answer
    assert answer["state"] == ("CRITICAL" if "none of" in text else "UNKNOWN"), answer


# -- the hosts of the command line ------------------------------------------------------------------------------------------

def host_of(*args):
    return launch(PROGRAM, *args, *T, "-f", "json").json()


def test_host_and_port(three):
    answer = host_of("-H", "127.0.0.1", "-p", three.members[0].port)
    assert (answer["summary"], answer["target"]) == (GOOD, three.url), answer
    answer = host_of("-H", "127.0.0.1")
    assert answer["target"] == "http://127.0.0.1:8008", answer


def test_hosts_and_ports(three):
    """As several URLs: each of them is asked."""
    ports = ",".join(str(peer.port) for peer in three.members)
    answer = host_of("-H", "127.0.0.1,127.0.0.1,127.0.0.1", "-p", ports)
    assert (answer["summary"], answer["target"]) == (GOOD, three.urls), answer


def test_urls_come_before_hosts(three):
    assert host_of("--url", three.url, "-H", "127.0.0.2", "-p", "1")["summary"] == GOOD


def test_operands_of_haproxy(three):
    assert launch(PROGRAM, *T, "10.0.0.1", "5000", "127.0.0.1", three.members[0].port).code == 0
    assert launch(PROGRAM, *T, "10.0.0.1", "5000", "127.0.0.1", "1").code == 1


@pytest.mark.parametrize("args, said", (
    (("-H", "/run/postgresql"), "option --host: it is empty, a socket directory, or has a port or a URL in it"),
    (("-H", "10.0.0.1:8008"), "option --host: "),
    (("-H", "http://u:Xq7zSecret@10.0.0.1"), "option --host: "),
    (("-H", "10.0.0.1,10.0.0.2,10.0.0.3", "-p", "1,2"), "2 ports are named for 3 hosts"),
    (("-p", "8008"), "no Patroni is named"),
))
def test_hosts_that_make_no_sense(args, said):
    answer = host_of(*args)
    assert answer["state"] == "UNKNOWN" and said in answer["summary"], answer
    assert "Xq7zSecret" not in json.dumps(answer), answer


def test_nobody_is_named():
    said = launch(PROGRAM, "-f", "json").json()
    assert said["state"] == "UNKNOWN" and "no Patroni is named" in said["summary"], said
    assert "option --url is empty" in launch(PROGRAM, "--url", "").out.decode()


@pytest.fixture
def auth_file(tmp_path):
    path = tmp_path / "auth"
    path.write_text("patroni:top secret\n")
    path.chmod(0o600)
    return path


def test_the_password_goes_to_given_urls_alone(three, auth_file):
    answer = ask(three.url, "--auth-file", auth_file)
    assert answer["summary"] == GOOD
    sent = "authorization: basic " + base64.b64encode(b"patroni:top secret").decode().lower()
    assert all(sent in headers for headers in three.members[0].headers), three.members[0].headers
    assert not any("authorization" in headers for peer in three.members[1:] for headers in peer.headers)
    ask(three.urls, "--auth-file", auth_file)
    assert all(sent in three.members[1].headers[-1] for peer in three.members[1:])


def test_an_auth_file_that_others_may_read(three, auth_file):
    auth_file.chmod(0o640)
    answer = ask(three.url, "--auth-file", auth_file)
    assert answer["fault"]["class"] == "setup" and "only its owner may read" in answer["summary"], answer
    assert three.members[0].asked == []


class Tls(Patroni):
    """The same with TLS; with `authority` clients must show a certificate of it."""

    def __init__(self, pair, authority=None, **paths):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*pair)
        if authority:
            self.context.load_verify_locations(authority.certificate)
            self.context.verify_mode = ssl.CERT_REQUIRED
        super().__init__(**paths)

    @property
    def url(self):
        return f"https://{self.host}:{self.port}"

    def _answer(self, talk):
        try:
            talk.sock = self.context.wrap_socket(talk.sock, server_side=True)
            super()._answer(talk)
        except (ssl.SSLError, OSError) as e:  # it did not like our certificate, or we not its
            raise peers.Gone from e


@pytest.fixture(scope="module")
def authority():
    return certificates.Authority()


def test_tls(authority):
    with Tls(authority.server, leader=(200, word("n1", "primary")), config=(200, CONFIG)) as peer:
        peer.paths["/cluster"] = (200, {"members": [member("n1", "leader", peer.url)]})
        options = ("--min-replicas", "0", *T)
        answer = ask(peer.url, "--ca-file", authority.certificate, *options)
        assert answer["summary"] == "leader n1 on timeline 3, no replicas", answer
        answer = ask(peer.url, *options)
        assert answer["fault"]["class"] == "setup" and "TLS with " in answer["summary"], answer
        assert "/leader" in peer.asked
        answer = ask(peer.url, "--ca-file", "/nonexistent", *options)
        assert answer["fault"]["class"] == "setup", answer
        answer = host_of("-H", peer.host, "-p", peer.port, "--ca-file", authority.certificate, "--min-replicas", "0")
        assert answer["summary"] == "leader n1 on timeline 3, no replicas", "who says whom to trust means https"


def test_client_certificate(authority):
    """It is shown to members as well as to the given URLs."""
    with Tls(authority.server, authority, leader=(200, word("n1", "primary")), config=(200, CONFIG)) as peer, \
            Tls(authority.server, authority, leader=(503, word("n2", "replica"))) as other:
        peer.paths["/cluster"] = (200, {"members": [member("n1", "leader", peer.url), member("n2", "replica", other.url)]})
        trust = ("--ca-file", authority.certificate)
        answer = ask(peer.url, *trust, "--cert-file", authority.client.certificate, "--key-file", authority.client.key, *T)
        assert answer["summary"] == "leader n1 on timeline 3, 1 of 1 replica is healthy", answer
        answer = ask(peer.url, *trust, *T)
        assert answer["answer"] == "no" and "fault" in answer, answer


class Resetting(Tls):
    """It wanted a certificate, and its alert was lost: in TLS 1.3 that comes after the handshake, and the reset behind it
    may overtake it."""

    def _answer(self, talk):
        talk.sock = self.context.wrap_socket(talk.sock, server_side=True)
        talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        talk.sock.close()
        raise peers.Gone


def test_a_client_certificate_that_is_missed_without_a_word(authority):
    trust = ("--ca-file", authority.certificate)
    ours = ("--cert-file", authority.client.certificate, "--key-file", authority.client.key)
    with Resetting(authority.server) as peer:
        answer = ask(peer.url, *trust, *T)
        assert answer["fault"]["class"] == "setup" and "client certificate" in answer["hint"], answer
        answer = ask(peer.url, *trust, *ours, *T)
        assert answer["fault"]["class"] == "down", f"with one it may as well have died: {answer}"


def reset(talk):
    talk.read(1)
    talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    talk.sock.close()
    raise peers.Gone


def plain(talk):
    talk.read(1)
    talk.send(response(400, {}))


def test_the_wrong_scheme():
    """Who speaks TLS closes or resets what is none; who does not answers in plain."""
    for close in (reset, peers.close_at_once):
        with peers.Peer(close) as peer:
            answer = ask(f"http://{peer.host}:{peer.port}", *T)
            assert answer["fault"]["class"] == "down" and "https" in answer["hint"], answer
    with peers.Peer(plain) as peer:
        answer = ask(f"https://{peer.host}:{peer.port}", *T)
        assert answer["fault"]["class"] == "setup" and "http://" in answer["hint"], answer


def test_a_client_certificate_without_its_key(authority):
    with Tls(authority.server, authority) as peer:
        answer = ask(peer.url, "--ca-file", authority.certificate, "--cert-file", authority.client.certificate, *T)
        assert answer["fault"]["class"] == "setup" and "key-file" in answer["hint"], answer


# -- as the agent looks --------------------------------------------------------------------------------------------------------

def later(seconds, *answer):
    """It answers so much later."""
    def serve(talk):
        talk.pause(seconds)
        talk.send(response(*answer))
    return serve


def watched(url, **settings):
    """An agent that asks Patroni every tenth of a second, and the cluster every half."""
    patroni = {"url": url, "interval": "100ms", "cluster-interval": "500ms", "timeout": "1s", **settings}
    return agent.Agent(config={"patroni": patroni})


def count(peer, path):
    return peer.asked.count(path)


def test_agent_asks_the_cluster_less_often(three):
    with watched(three.members[1].url) as running:
        start = [count(peer, path) for peer in three.members for path in ("/leader", "/cluster", "/config")]
        time.sleep(2.2)
        end = [count(peer, path) for peer in three.members for path in ("/leader", "/cluster", "/config")]
        assert running.get("/check/patroni").json()["summary"] == GOOD
    asked = [after - before for before, after in zip(start, end)]
    # A busy machine has fewer looks.
    assert asked[4] in range(2, 6) and asked[5] in range(2, 6), f"{asked}: /cluster and /config of the one that is named"
    assert asked[1] == asked[2] == asked[7] == asked[8] == 0, f"{asked}: nobody else is asked for the cluster"
    assert asked[3] > 12, f"{asked}: its own word at every look"
    assert asked[0] > 12, f"{asked}: and the leader's position"
    assert asked[6] in range(2, 6), f"{asked}: the others with the cluster"


def test_agent_leaves_members_most_of_the_time(three):
    """A member that takes long (its PostgreSQL is busy) is not silent, whatever else is asked at that look."""
    three.members[0].paths["/leader"] = later(0.6, 200, word("n1", "primary"))
    with watched(three.url) as running:
        time.sleep(3)
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
                         < set(texts(running.get("/check/patroni").json())), "both", 10, detail=summary)


def test_agent_finds_the_new_leader_before_the_clusters_time(three):
    with watched(three.members[1].url, **{"cluster-interval": "60s"}) as running:
        sandbox.wait_for(lambda: running.get("/check/patroni").json()["summary"] == GOOD, "a good cluster")
        three.members[0].paths["/leader"] = (503, word("n1", "replica", timeline=4))
        three.members[2].paths["/leader"] = (200, word("n3", "primary", timeline=4))
        three.members[1].paths["/leader"] = (503, word("n2", "replica", timeline=4))
        three.set_view(n1={"role": "replica", "state": "streaming"}, n3={"role": "leader", "state": "running", "timeline": 4})
        sandbox.wait_for(lambda: running.get("/check/patroni").json()["summary"].startswith("leader n3 on timeline 4"),
                         "the new leader", 10, detail=lambda: running.get("/check/patroni").text)


def test_agent_asks_the_cluster_at_once_when_its_own_member_says_something_else(three):
    with watched(three.url, **{"cluster-interval": "60s"}) as running:
        sandbox.wait_for(lambda: running.get("/check/patroni").json()["summary"] == GOOD, "a good cluster")
        for peer in three.members:
            status, said = peer.paths["/leader"]
            peer.paths["/leader"] = (status, {**said, "pause": True})
        three.set_view(pause=True)
        sandbox.wait_for(lambda: "the cluster is paused" in running.get("/check/patroni").json()["summary"],
                         "the pause", 5, detail=lambda: running.get("/check/patroni").text)
        three.members[0].close()
        sandbox.wait_for(lambda: running.get("/check/patroni").json()["summary"].startswith(
            "Patroni of the leader n1 does not answer: "), "its silence", 5, detail=lambda: running.get("/check/patroni").text)
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
        sandbox.wait_for(lambda: said()["metrics"]["healthy_members"]["value"] < 3, "a view without them", 5,
                         detail=lambda: str(said()))
        three.members[0].paths["/leader"] = (status, word_before)
        time.sleep(1.5)  # that the word has changed back is no reason to ask any more
        three.set_view()
        sandbox.wait_for(lambda: said()["summary"] == GOOD, "the members to be back", 5, detail=lambda: str(said()))


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
            sandbox.wait_for(lambda: summary(running).startswith(told), told, 5, detail=lambda: summary(running))
            three.members[0].paths["/leader"] = (200, word("n1", "primary"))
            three.set_view()
            sandbox.wait_for(lambda: summary(running) == GOOD, "the leader", 5, detail=lambda: summary(running))
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
        sandbox.wait_for(lambda: summary() == told, "a member that is not listed", 5, detail=summary)
        three.set_view()
        sandbox.wait_for(lambda: summary() == GOOD, "all of them", 5, detail=summary)


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
