"""A Patroni beside the server that is asked (--patroni): when it is asked, what its word does, and what its silence.

What each answer means for the state is in tests/cases; here it comes over the wire, also from versions that are not
packaged, and from something that is no Patroni.
"""

import json

import pytest

import nodes
import patroni_peers
import peers
import wire
from expect import PATIENT, T
from launch import launch
from patroni_peers import END, response

LEADER, REPLICA = "check_pg_leader", "check_pg_replica"
CLUSTER, OTHER_CLUSTER = "7123456789012345678", "7999999999999999999"
STARTED_MS, STARTED = "1690000000123", "2023-07-22 04:26:40.122600+00:00"  # rounded by SQL, whole in JSON


# -- a Patroni -----------------------------------------------------------------------------------------------------------

def member(name="n1", version="3.0.2", **changes):
    """What GET /patroni and /leader of a primary say."""
    said = {
        "state": "running", "postmaster_start_time": STARTED, "role": "master", "server_version": 150020,
        "xlog": {"location": END}, "timeline": 3, "dcs_last_seen": 1690000100,
        "database_system_identifier": CLUSTER, "patroni": {"version": version, "scope": "demo", "name": name},
        **changes,
    }
    return {key: value for key, value in said.items() if value is not None}


def replica(name="n2", **changes):
    return member(name, **{"role": "replica", "xlog": {"received_location": END, "replayed_location": END,
                                                       "replayed_timestamp": None, "paused": False}, **changes})


def view(leader_url="", *names):
    """What GET /cluster says: n1 leads."""
    rows = [{"name": "n1", "role": "leader", "state": "running", "api_url": leader_url, "host": "127.0.0.1", "port": 5432,
             "timeline": 3}]
    rows += [{"name": name, "role": "replica", "state": "running", "api_url": "http://127.0.0.1:1/patroni",
              "host": "127.0.0.1", "port": 5433, "timeline": 3, "lag": 0} for name in names]
    return {"members": rows}


class Patroni(patroni_peers.Patroni):
    """The same by its paths; to the rest it is silent."""

    otherwise = staticmethod(peers.silent)

    def __init__(self, paths, at_request=lambda: None):
        self.at_request = at_request
        super().__init__(**{path[1:]: answer for path, answer in paths.items()})

    def _answer(self, talk):
        self.at_request()
        super()._answer(talk)


def leads(**changes):
    return Patroni({"/leader": (200, member(**changes))})


def server(node, at_query=lambda: None, **changes):
    known = {"system_identifier": CLUSTER, "started_ms": STARTED_MS, **changes}
    script = nodes.script({**node, **known})
    answer = script.answer

    def asked(sql):
        at_query()
        return answer(sql)

    script.answer = asked
    return wire.PgPeer(script)


@pytest.fixture
def primary():
    with server(nodes.PRIMARY) as peer:
        yield peer


@pytest.fixture
def standby():
    with server(nodes.STANDBY) as peer:
        yield peer


def ask(program, node, patroni, *args, **how):
    url = patroni if isinstance(patroni, str) else patroni.url
    outcome = launch(program, *node.target, "--patroni", url, "-f", "json", *args, **how)
    assert outcome.err == b"", outcome
    return outcome, outcome.json()


def no(outcome, answer, text, state="CRITICAL"):
    assert answer["state"] == state and answer["answer"] == "no", answer
    assert text in answer["summary"], answer
    assert outcome.code == {"CRITICAL": 2, "UNKNOWN": 3}[state], outcome


# -- when it agrees --------------------------------------------------------------------------------------------------------

# role, and what each version adds: 1.6 to 2.0 tell no name and no start that can be read, 4 says "primary".
VERSIONS = {
    "1.6.5": {"role": "master", "postmaster_start_time": "2023-07-22 04:26:40.122 UTC", "dcs_last_seen": None,
              "patroni": {"version": "1.6.5", "scope": "demo"}},
    "2.1.4": {"role": "master", "patroni": {"version": "2.1.4", "scope": "demo"}},
    "3.0.2": {"role": "master"},
    "3.3.0": {"role": "master", "replication": [{"usename": "replicator", "application_name": "n2", "client_addr": "10.0.0.12",
                                                  "state": "streaming", "sync_state": "async", "sync_priority": 0}]},
    "4.0.4": {"role": "primary", "tags": {"gold": True, "datacenter": "a"}},
    "4.1.4": {"role": "primary", "pending_restart": True, "pending_restart_reason": {"max_connections": {"old_value": "1",
                                                                                                  "new_value": "2"}}},
}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_primary_that_holds_the_lock(primary, version):
    changes = VERSIONS[version]
    with Patroni({"/leader": (200, member(version=version, **changes))}) as patroni:
        outcome, answer = ask(LEADER, primary, patroni, *T)
        assert outcome.code == 0 and answer["state"] == "OK" and answer["answer"] == "yes", answer
        name = ' of "demo"' if "patroni" in changes else ' as "n1"'
        assert answer["summary"] == f"primary on timeline 3, holds Patroni's leader lock{name}", answer
        assert patroni.asked == ["/leader"], "nothing else needs to be known"


def test_a_slash_at_the_end_of_the_url(primary):
    with leads() as patroni:
        assert ask(LEADER, primary, patroni.url + "/", *T)[0].code == 0
        assert patroni.asked == ["/leader"]


def test_the_server_is_asked_first():
    order = []
    with server(nodes.PRIMARY, at_query=lambda: order.append("server")) as primary, \
            Patroni({"/leader": (200, member())}, at_request=lambda: order.append("patroni")) as patroni:
        assert ask(LEADER, primary, patroni, *T)[0].code == 0
    assert "server" in order and order == sorted(order, reverse=True), order


@pytest.mark.parametrize("program, node", [(LEADER, nodes.PRIMARY), (REPLICA, nodes.STANDBY)])
def test_without_a_witness_nothing_is_asked_for_it(program, node):
    """Neither the identity of the server, nor is libcurl loaded."""
    with server(node) as peer:
        outcome = launch(program, *peer.target, *T, env={"LD_DEBUG": "files"})
        assert outcome.code == 0 and b"libpq" in outcome.err and b"libcurl" not in outcome.err, outcome
        assert not any("pg_control_system" in sql for sql in peer.sql), peer.sql
        with Patroni({"/leader": (200 if program == LEADER else 503, member() if program == LEADER else replica()),
                      "/cluster": (200, view())}) as patroni:
            outcome = launch(program, *peer.target, *T, "--patroni", patroni.url, env={"LD_DEBUG": "files"})
        assert outcome.code == 0 and b"libcurl" in outcome.err, outcome.out
        assert any("pg_control_system" in sql for sql in peer.sql), peer.sql
        assert len(peer.talks) == 2, "one connection each"


def test_the_proxy_of_the_environment_is_not_asked(primary):
    with leads() as patroni, peers.Peer(peers.silent) as proxy:
        url = f"http://{proxy.host}:{proxy.port}"
        assert ask(LEADER, primary, patroni, *T, env={"http_proxy": url, "ALL_PROXY": url})[0].code == 0
        assert not proxy.talks


# -- when it does not agree ----------------------------------------------------------------------------------------------

def test_a_primary_without_the_lock_tells_who_holds_it(primary):
    with Patroni({"/leader": (503, member("n2")), "/cluster": (200, view("http://127.0.0.1:1/patroni", "n2"))}) as patroni:
        for format_ in ("nagios", "keepalived", "haproxy", "http", "plain"):
            outcome = launch(LEADER, *primary.target, "--patroni", patroni.url, "-f", format_, *T)
            assert outcome.code == (1 if format_ == "keepalived" else 2), outcome
            if format_ == "haproxy":
                assert outcome.out.startswith(b"down"), outcome
        no(*ask(LEADER, primary, patroni, *T), 'split brain suspected: primary without Patroni\'s leader lock, which "n1" holds')


def test_a_primary_without_the_lock_and_no_store_to_ask(primary):
    """/cluster reads the store: without one it hangs, or the connection ends. The answer is no later for it."""
    for cluster in (peers.silent, peers.close_at_once):
        with Patroni({"/leader": (503, member("n2", cluster_unlocked=True)), "/cluster": cluster}) as patroni:
            outcome, answer = ask(LEADER, primary, patroni, *T)
            no(outcome, answer, "split brain suspected: primary without Patroni's leader lock, which nobody is seen to hold")
            assert outcome.elapsed < 5, outcome


def test_a_patroni_of_another_cluster(primary):
    with leads(database_system_identifier=OTHER_CLUSTER) as patroni:
        no(*ask(LEADER, primary, patroni, *T), "Patroni speaks of another cluster", "UNKNOWN")


def test_a_patroni_of_another_node(primary):
    with leads(name="n2", postmaster_start_time="2023-07-22 04:26:41+00:00") as patroni:
        no(*ask(LEADER, primary, patroni, *T), 'Patroni speaks of another server (its member "n2")', "UNKNOWN")


def test_the_zone_of_a_start_is_no_difference(primary):
    with leads(postmaster_start_time="2023-07-22 09:56:40.122600+05:30") as patroni:
        assert ask(LEADER, primary, patroni, *T)[0].code == 0


# -- when it cannot be asked ---------------------------------------------------------------------------------------------

POLICIES = {"critical": (2, "CRITICAL", "no"), "unknown": (3, "UNKNOWN", "no"), "warning": (1, "WARNING", "yes"), "ok": (0, "OK", "yes")}


@pytest.mark.parametrize("policy", POLICIES)
def test_a_patroni_that_is_down(primary, policy):
    code, state, word = POLICIES[policy]
    with peers.refusing() as target:
        outcome, answer = ask(LEADER, primary, f"http://{target[1]}:{target[3]}", *T, "--patroni-unreachable", policy)
    assert (outcome.code, answer["state"], answer["answer"]) == (code, state, word), answer
    assert "Patroni could not be asked" in answer["summary"], answer
    assert ("PostgreSQL alone is trusted" in answer["summary"]) == (word == "yes"), answer
    if word == "no":
        assert answer["fault"]["class"] == "down", answer


@pytest.mark.parametrize("policy", POLICIES)
def test_a_primary_in_a_read_pool_whose_patroni_is_down(primary, policy):
    code, state, word = POLICIES[policy]
    options = ("--accept-primary", "--patroni-unreachable", "ok", "--unconfirmed-primary", policy)
    with peers.refusing() as target:
        outcome, answer = ask(REPLICA, primary, f"http://{target[1]}:{target[3]}", *T, *options)
    assert (outcome.code, answer["state"], answer["answer"]) == (code, state, word), answer
    assert "Patroni could not be asked" in answer["summary"], answer
    if word == "no":
        assert answer["fault"]["class"] == "down", answer


def test_down_is_a_no_unless_told_otherwise(primary):
    with peers.refusing() as target:
        no(*ask(LEADER, primary, f"http://{target[1]}:{target[3]}", *T), "Patroni could not be asked (")


@pytest.mark.parametrize("seconds", [1.5, 3])
def test_a_patroni_that_is_frozen(primary, seconds):
    """SIGSTOP: the kernel takes the connection, and nobody ever answers."""
    with Patroni({}) as patroni:
        outcome, answer = ask(LEADER, primary, patroni, "-t", f"{seconds}s")
        no(outcome, answer, "Patroni could not be asked (")
        assert answer["fault"]["class"] == "timeout" and "held up" not in answer["summary"], answer
        assert outcome.elapsed < seconds + 0.4, outcome
        outcome, answer = ask(LEADER, primary, patroni, "-t", f"{seconds}s", "--patroni-unreachable", "ok")
        assert outcome.code == 0 and "PostgreSQL alone is trusted" in answer["summary"], answer


NESTED = b'{"a":' * 20000 + b"1" + b"}" * 20000
WHOLE = json.dumps(member()).encode()
HOSTILE = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "nothing": b"",
    "an empty body": response(200, b""),
    "cut short": response(200, WHOLE[:-20]),
    "cut short by its length": response(200, WHOLE[:-1], headers=b"Content-Length: %d\r\n" % len(WHOLE)),
    "something behind it": response(200, WHOLE + b"{}"),
    "a list": response(200, b"[]"),
    "a number": response(200, b"200"),
    "not JSON": response(200, b"<html>It works!</html>"),
    "nested": response(200, NESTED),
    "the role twice": response(200, WHOLE[:-1] + b',"role":"master"}'),
    "no role": response(200, member(role=None)),
    "a role that is a number": response(200, member(role=1)),
    "a timeline that is text": response(200, member(timeline="3")),
    "an identifier that is a number": response(200, member(database_system_identifier=7123456789012345678)),
    "bytes that are not UTF-8": response(200, WHOLE.replace(b'"n1"', b'"n\xff"')),
    "a redirect": response(301, member(), b"Location: http://127.0.0.1:1/\r\n"),
    "not found": response(404, member()),
    "unauthorized": response(401, member()),
    "an error": response(500, member()),
    "created": response(201, member()),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_answer_of_patroni_is_a_no(primary, name):
    with Patroni({"/leader": HOSTILE[name]}) as patroni:
        outcome, answer = ask(LEADER, primary, patroni, *T)
        no(outcome, answer, "Patroni could not be asked (")
        assert answer["fault"]["class"] in ("protocol", "setup", "down"), answer
        assert outcome.elapsed < 6, outcome


def flood(talk):
    talk.send(b"HTTP/1.0 200 OK\r\n\r\n{\"role\": \"")
    while True:
        talk.send(b"x" * 65536)


@pytest.mark.parametrize("play, classes", [(flood, ("protocol",)), (peers.dribble(response(200, WHOLE), 0.2), ("timeout",))],
                         ids=["endless", "slow"])
def test_an_answer_without_end(primary, play, classes):
    with Patroni({"/leader": play}) as patroni:
        outcome, answer = ask(LEADER, primary, patroni, *PATIENT, is_measured=True)
        no(outcome, answer, "Patroni could not be asked (")
        assert answer["fault"]["class"] in classes, answer
        assert outcome.peak_bytes < 256 << 20, outcome.peak_bytes


def test_a_text_of_patroni_stays_in_its_place(primary):
    """Names come from whoever wrote Patroni's configuration; a line of Nagios has one separator."""
    evil = 'n2|load=1\nPG LEADER OK - "yes'
    with Patroni({"/leader": (503, member(evil)), "/cluster": (200, view("http://127.0.0.1:1/", evil))}) as patroni:
        outcome = launch(LEADER, *primary.target, "--patroni", patroni.url, *T)
    assert outcome.code == 2 and outcome.out.startswith(b"PG LEADER CRITICAL - split brain suspected"), outcome
    assert outcome.out.split(b"\n")[0].count(b"|") == 1 and b"\nPG LEADER OK" not in outcome.out, outcome


@pytest.mark.parametrize("url", ["127.0.0.1", "ftp://127.0.0.1/", "file:///etc/passwd", "http://", "http://a,http://b",
                                 "http://u:geheim@127.0.0.1:1"])
@pytest.mark.parametrize("program, node", [(LEADER, nodes.PRIMARY), (REPLICA, nodes.STANDBY)])
def test_a_url_that_is_none(program, node, url):
    with server(node) as peer:
        outcome = launch(program, *peer.target, "--patroni", url, "-f", "json", *T, "--patroni-unreachable", "ok")
    answer = outcome.json()
    assert outcome.code == 3 and answer["fault"]["class"] == "usage" and "--patroni" in answer["summary"], outcome
    assert b"geheim" not in outcome.out + outcome.err


def test_a_server_that_is_down_is_no_leader_whatever_patroni_says():
    with peers.refusing() as target, leads() as patroni:
        outcome = launch(LEADER, *target, "--patroni", patroni.url, "-f", "json", "--patroni-unreachable", "ok", *T)
        assert outcome.code == 2 and outcome.json()["fault"]["class"] == "down", outcome
        assert not patroni.talks, "it would only take time"


# -- secrets, and recordings ---------------------------------------------------------------------------------------------

def test_the_password_goes_to_patroni_alone_and_nowhere_else(primary, tmp_path):
    secret = tmp_path / "auth"
    secret.write_text("pgha:geheim\n")
    secret.chmod(0o600)
    recorded = tmp_path / "recorded"
    with Patroni({"/leader": (503, replica("n2")), "/cluster": (200, view("http://127.0.0.1:1/patroni", "n2"))}) as patroni:
        outcome = launch(LEADER, *primary.target, "--patroni", patroni.url, "--patroni-auth-file", secret, "--record", recorded, "-v", "-v", *T)
        assert all("authorization: basic" in headers for headers in patroni.headers), patroni.headers
    assert b"geheim" not in outcome.out + outcome.err and "geheim" not in recorded.read_text()
    assert b"cGdoYTpnZWhlaW0=" not in outcome.out + outcome.err and "cGdoYTpnZWhlaW0=" not in recorded.read_text()


def test_the_password_does_not_go_to_the_leader(standby, tmp_path):
    secret = tmp_path / "auth"
    secret.write_text("pgha:geheim\n")
    secret.chmod(0o600)
    with leads() as leader, Patroni({"/leader": (503, replica()), "/cluster": (200, view(leader.url + "/patroni", "n2"))}) as own:
        outcome, answer = ask(REPLICA, standby, own, "--patroni-auth-file", secret, *T)
        assert outcome.code == 0 and "behind the leader" in answer["summary"], answer
        assert all("authorization" in headers for headers in own.headers) and own.headers
        assert leader.headers and not any("authorization" in headers for headers in leader.headers), leader.headers


@pytest.mark.parametrize("paths", [{"/leader": (200, member())}, {"/leader": (503, member()), "/cluster": (200, view())}, {"/leader": b""}],
                         ids=["agrees", "denies", "no answer"])
def test_what_was_seen_is_recorded_and_replayed(primary, tmp_path, paths):
    recorded = tmp_path / "recorded"
    with Patroni(paths) as patroni:
        _, answer = ask(LEADER, primary, patroni, *T, "--record", recorded)
    replayed = launch(LEADER, "--replay", recorded, "-f", "json", *T)
    assert replayed.json() == answer, replayed


# -- replicas --------------------------------------------------------------------------------------------------------------

def lag_of(answer):
    return answer["metrics"]["replay_lag_bytes"]["value"]


class Cluster:
    """The leader's Patroni and the standby's own."""

    def __init__(self, leader=None, **own):
        self.leader = Patroni({"/leader": (200, member(**(leader or {})))})
        self.own = Patroni({"/leader": (503, replica(**own)), "/cluster": (200, view(self.leader.url + "/patroni", "n2"))})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.own.close()
        self.leader.close()


def test_the_lag_is_measured_against_the_leader(standby):
    with Cluster({"xlog": {"location": END + (32 << 20)}}) as cluster:
        outcome, answer = ask(REPLICA, standby, cluster.own, *T)
        assert outcome.code == 0 and lag_of(answer) == 32 << 20, answer
        assert "32 MB behind the leader" in answer["summary"], answer
        assert ask(REPLICA, standby, cluster.own, *T, "-w", "16MB", "-c", "64MB")[0].code == 1
        no(*ask(REPLICA, standby, cluster.own, *T, "-c", "16MB"), "replay lag is 32 MB (critical above 16 MB)")
    assert lag_of(launch(REPLICA, *standby.target, "-f", "json", *T).json()) == 0, "it does not know by itself"


@pytest.mark.parametrize("sender, tags, is_yes", [
    ("127.0.0.1", None, True),  # the leader's: 15 MB may be on their way
    ("127.0.0.1", {"replicatefrom": "n3"}, False),
    ("10.0.0.11", None, False),
])
def test_a_lag_in_time_by_the_leader(sender, tags, is_yes):
    """The sender in between was cut off two hours ago, and tells that there is no more."""
    old = {**nodes.STANDBY, "sender_host": sender, "replay_age_ms": "7200000"}
    with server(old) as peer, Cluster({"xlog": {"location": END + (15 << 20)}}, tags=tags) as cluster:
        outcome, answer = ask(REPLICA, peer, cluster.own, *T, "-c", "64MB", "-c", "30s")
    if is_yes:
        assert outcome.code == 0 and answer["metrics"]["replay_lag_seconds"]["value"] == 0, answer
    else:
        no(outcome, answer, "time since the last replayed commit is 2 h (critical above 30 s)")


def test_what_is_replayed_meanwhile_is_no_lag(standby):
    """Under writes the leader's position is younger than the standby's own; the same look tells what it has by then."""
    ahead = END + (32 << 20)
    with Cluster({"xlog": {"location": ahead}}, xlog={"received_location": ahead, "replayed_location": ahead - 100}) as cluster:
        _, answer = ask(REPLICA, standby, cluster.own, *T, "-c", "1kB")
        assert answer["state"] == "OK" and lag_of(answer) == 100, answer


def test_a_leader_that_is_none_any_more_tells_no_position(standby):
    with Cluster({"xlog": {"location": END + (32 << 20)}}) as cluster:
        cluster.leader.paths["/leader"] = (503, member())
        outcome, answer = ask(REPLICA, standby, cluster.own, *T, "-c", "16MB")
        assert outcome.code == 0 and lag_of(answer) == 0 and "behind the leader" not in answer["summary"], answer


@pytest.mark.parametrize("where", ["the store", "the leader"])
def test_a_leader_that_cannot_be_asked_costs_little_time(standby, where):
    with Cluster() as cluster:
        if where == "the store":
            cluster.own.paths["/cluster"] = peers.silent
        else:
            cluster.leader.paths["/leader"] = peers.silent
        outcome, answer = ask(REPLICA, standby, cluster.own, *T)
        assert outcome.code == 0 and lag_of(answer) == 0 and outcome.elapsed < 5, outcome
        outcome, answer = ask(REPLICA, standby, cluster.own, *PATIENT)
        assert outcome.code == 0 and outcome.elapsed < 2.5, outcome


def test_a_replica_that_follows_an_old_leader(standby):
    with Cluster({"timeline": 4}) as cluster:
        no(*ask(REPLICA, standby, cluster.own, *T), 'receives timeline 3, and Patroni\'s leader "n1" is on timeline 4')


def test_the_tag_noloadbalance_takes_a_replica_out(standby):
    with Cluster(tags={"noloadbalance": True}) as cluster:
        no(*ask(REPLICA, standby, cluster.own, *T), "taken out by its tag noloadbalance")
        assert ask(REPLICA, standby, cluster.own, *T, "--ignore-noloadbalance")[0].code == 0
    with Cluster(tags={"noloadbalance": False, "nofailover": True}) as cluster:
        outcome = launch(REPLICA, *standby.target, "--patroni", cluster.own.url, "-v", *T)
        assert outcome.code == 0 and b"its tag nofailover keeps Patroni from promoting it" in outcome.out, outcome
        outcome = launch(REPLICA, *standby.target, "--patroni", cluster.own.url, *T)
        assert b"nofailover" not in outcome.out, outcome


def test_without_its_patroni_a_replica_goes_on_with_a_warning(standby):
    with peers.refusing() as target:
        url = f"http://{target[1]}:{target[3]}"
        outcome, answer = ask(REPLICA, standby, url, *T, "-c", "1MB")
        assert outcome.code == 1 and answer["answer"] == "yes", answer
        assert "Patroni could not be asked, PostgreSQL alone is trusted (" in answer["summary"] and lag_of(answer) == 0, answer
        no(*ask(REPLICA, standby, url, *T, "--patroni-unreachable", "critical"), "Patroni could not be asked (")


def test_the_leader_of_a_standby_cluster(standby):
    said = replica(role="standby_leader")
    with Patroni({"/leader": (200, said)}) as patroni:
        no(*ask(REPLICA, standby, patroni, *T), "leader of a standby cluster, not a replica")
        no(*ask(LEADER, standby, patroni, *T), "standby, not the leader of a primary cluster, but of a standby cluster")
        outcome, answer = ask(LEADER, standby, patroni, *T, "--standby-leader")
        assert outcome.code == 0 and answer["summary"].startswith("leader of a standby cluster, holds Patroni's leader lock"), answer
    with Patroni({"/leader": (503, said), "/cluster": (200, view())}) as patroni:
        no(*ask(LEADER, standby, patroni, *T, "--standby-leader"), 'standby, not the leader, which is "n1"')
