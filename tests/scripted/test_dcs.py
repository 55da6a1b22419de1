"""check_dcs and stores that are not in Debian, newer, older, or hostile."""

import base64
import contextlib
import json
import re
import socket

import pytest

import dcs_peers as stores
import peers
from expect import PATIENT, SHORT, T, clean_line
from launch import launch

PROGRAM = "check_dcs"
MEMORY_MAX = 64 << 20


@contextlib.contextmanager
def playing(*tables):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(stores.Store(answers)) for answers in tables]


def ask(peers_or_urls, *args, **how):
    urls = [getattr(peer, "url", peer) for peer in peers_or_urls]
    return launch(PROGRAM, "--endpoints", ",".join(urls), *(args or T), **how)


def says(outcome, state, *texts):
    summary, _ = clean_line(outcome)
    assert summary.startswith(f"DCS {state} - "), outcome
    for text in texts:
        assert text in summary, outcome


# --- etcd, by version ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("version, prefix", [("3.2.26", "/v3alpha"), ("3.3.27", "/v3beta"), ("3.4.0", "/v3"),
                                             ("3.5.12", "/v3"), ("3.6.1", "/v3"), ("4.0.0", "/v3")])
def test_etcd_by_version(version, prefix):
    with playing(stores.etcd(version, key=("n1", "77", 24))) as [peer]:
        outcome = ask([peer], *T, "--scope", "demo")
        says(outcome, "OK", f"etcd {version}: e2 leads, 1 of 1 endpoint has a quorum",
             'n1 holds the leader lock of "demo"')
        assert b"leader_ttl_seconds=24s" in outcome.out
        [status] = peer.asked(f"{prefix}/maintenance/status")
        assert status.method == "POST" and json.loads(status.body) == {}
        [read] = peer.asked(f"{prefix}/kv/range")
        assert json.loads(read.body) == {"key": stores.encoded("/service/demo/leader")}, "linearizable, as by default"
        [lease] = peer.asked(f"{prefix}/kv/lease/timetolive")
        assert json.loads(lease.body) == {"ID": "77"}
        # The metrics are long: they are asked for only where nothing else tells the quota.
        assert len(peer.asked("/metrics")) == (version[:3] in ("3.4", "3.5"))
        assert len(peer.asked("/health")) == (version[:3] in ("3.2", "3.3"))


def test_etcd_quota_in_metrics():
    metrics = b"# HELP etcd_server_quota_backend_bytes Current\n# TYPE x gauge\netcd_server_quota_backend_bytes 3e+04\n"
    answers = {**stores.etcd("3.5.12"), "/metrics": (200, metrics)}
    with playing(answers) as [peer]:
        says(ask([peer]), "WARNING", "database size against its quota of e1 is 81.9% (warning above 80%)")
        assert ask([peer], *T, "--max-size", "1MB").code == 0
        assert len(peer.asked("/metrics")) == 1, "without a limit on it nobody asks"


def test_etcd_quota_in_the_status():
    with playing(stores.etcd("3.6.1", dbSizeQuota="30000")) as [peer]:
        says(ask([peer]), "WARNING", "database size against its quota of e1 is 81.9%")


def test_etcd_alarm_before_3_4():
    with playing({**stores.etcd("3.3.27"), "/health": (503, {"health": "false"})}) as [peer]:
        says(ask([peer]), "WARNING", "e1 says that it is not well: its /health says no")


def test_etcd_of_several_versions():
    """An upgrade under way: each is asked as it understands."""
    with playing(stores.etcd("3.3.27"), stores.etcd("3.4.23")) as both:
        says(ask(both), "OK", "2 of 2 endpoints have a quorum")


def test_etcd_learner():
    answers = {**stores.etcd(isLearner=True), "/v3/kv/range": (503, {
        "error": "etcdserver: rpc not supported for learner", "code": 14, "message": "x"})}
    with playing(answers, stores.etcd()) as both:
        says(ask(both), "OK", "1 of 2 endpoints has a quorum")


def test_etcd_numbers_that_are_numbers():
    """Another gateway may write them so; ids are text in all of them."""
    with playing(stores.etcd(dbSize=24576, raftIndex=13, raftTerm=2)) as [peer]:
        says(ask([peer]), "OK")


def test_etcd_lost_lease():
    with playing(stores.etcd(key=("n1", "77", -1))) as [peer]:
        says(ask([peer], *T, "--scope", "demo"), "WARNING", "which n1 holds, is 0 s (warning below 5 s)")


def test_etcd_lease_that_is_not_told():
    answers = {**stores.etcd(key=("n1", "77", 20)), "/v3/kv/lease/timetolive": (
        503, {"error": "etcdserver: no leader", "message": "etcdserver: no leader", "code": 14})}
    with playing(answers) as [peer]:
        says(ask([peer], *T, "--scope", "demo"), "UNKNOWN",
             'n1 holds the leader lock of "demo", cannot tell whether it still renews it: the lease: etcdserver: no')


def test_etcd_one_of_two_is_slow_to_tell_its_lease():
    silent = {**stores.etcd(key=("n1", "77", 20)), "/v3/kv/lease/timetolive": lambda talk, request: talk.hold()}
    with playing(silent, stores.etcd(key=("n1", "77", 20))) as both:
        outcome = ask(both, *T, "--scope", "demo")
        says(outcome, "OK", "n1 holds the leader lock")
        assert outcome.elapsed < 4, "one that tells is enough"


def test_etcd_login():
    seen = []

    def login(talk, request):
        seen.append(json.loads(request.body))
        return 200, {"header": stores.HEADER, "token": "tOkEn.9"}

    guarded = {**stores.etcd(), "/v3/auth/authenticate": login}
    with playing(guarded, guarded) as both:
        assert ask(both, *T, "--auth-file", secret('o"n\\e:pa:ss')).code == 0
        assert seen == [{"name": 'o"n\\e', "password": "pa:ss"}], "one login is enough"
        for peer in both:
            assert {r.headers.get("authorization") for r in peer.asked("/v3/kv/range")} == {"tOkEn.9"}


@pytest.fixture(autouse=True)
def secrets_directory(tmp_path):
    secret.directory = tmp_path


def secret(text):
    path = secret.directory / "secret"
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("answer, state, said", [
    ((400, {"error": "etcdserver: authentication failed, invalid user ID or password", "code": 3}), "UNKNOWN",
     "authentication failed, invalid user ID or password"),
    ((412, {"error": "etcdserver: authentication is not enabled", "code": 9}), "OK", "a quorum"),
    ((200, {"token": "a\r\nX-Injected: 1"}), "OK", "a quorum"),
    ((200, {"token": 5}), "OK", "a quorum"),
    ((200, {}), "OK", "a quorum"),
    ((500, b"<html>"), "OK", "a quorum"),
])
def test_etcd_login_that_fails(answer, state, said):
    """What is no token is none, and what can be seen without one is told."""
    with playing({**stores.etcd(), "/v3/auth/authenticate": answer}) as [peer]:
        outcome = ask([peer], *T, "--auth-file", secret("pgha:Xq7zSecret"))
        says(outcome, state, said)
        assert b"Xq7zSecret" not in outcome.out
        assert all("x-injected" not in request.headers for request in peer.requests)


def test_etcd_login_is_tried_elsewhere():
    held = {**stores.etcd(), "/v3/auth/authenticate": lambda talk, request: talk.hold()}
    with playing(held, {**stores.etcd(), "/v3/auth/authenticate": (200, {"token": "t"})}) as both:
        assert ask(both, *T, "--auth-file", secret("a:b")).code == 0
        assert both[0].asked("/v3/kv/range")[0].headers["authorization"] == "t"


# --- Consul ----------------------------------------------------------------------------------------------------------

def test_consul():
    with playing(stores.consul(key="n1")) as [peer]:
        says(ask([peer], *T, "--scope", "demo"), "OK",
             "consul 1.17.1: 10.1.10.12:8300 leads, 1 of 1 endpoint has a quorum", 'n1 holds the leader lock of "demo"')
        [read] = peer.asked("/v1/kv/service/demo/leader")
        assert read.query == "consistent"


def test_consul_names_its_leader():
    with playing(stores.consul("Leader")) as [peer]:
        says(ask([peer]), "OK", "c1 leads")


def test_consul_without_a_leader():
    """The answer has status 200: it is the empty text that tells."""
    none = stores.consul("Candidate", **{"/v1/status/leader": (200, ""),
                                         "/v1/kv/service/": (500, b"No cluster leader")})
    with playing(none) as [peer]:
        for args in ((), ("--kind", "consul")):
            says(ask([peer], *T, *args), "CRITICAL", "consul has no quorum: HTTP status 500: No cluster leader")


def test_consul_lock_that_nobody_holds():
    with playing(stores.consul()) as [peer]:
        says(ask([peer], *T, "--scope", "demo"), "CRITICAL", 'nobody holds the leader lock of "demo" in consul')


@pytest.mark.parametrize("answers", [
    stores.consul(key="n1", session=False),
    stores.consul(key="n1", **{f"/v1/session/info/{stores.SESSION}": (200, [])}),
])
def test_consul_lock_without_a_session(answers):
    with playing(answers) as [peer]:
        says(ask([peer], *T, "--scope", "demo"), "CRITICAL",
             'the leader lock of "demo" is not held any more: the session of n1 is gone')


def test_consul_session_that_may_not_be_read():
    answers = stores.consul(key="n1", **{f"/v1/session/info/{stores.SESSION}": (403, b"Permission denied")})
    with playing(answers) as [peer]:
        outcome = ask([peer], *T, "--scope", "demo")
        says(outcome, "UNKNOWN",
             'n1 holds the leader lock of "demo", cannot tell whether it still renews it: the lease: its session')
        assert b"--token-file" in outcome.out, "what to do about it"


def test_consul_servers_that_are_not_well():
    with playing(stores.consul(voters=(True, True, False))) as [peer]:
        says(ask([peer]), "WARNING", "2 of 3 members of consul are there, one more and the quorum is lost")


def test_consul_that_shows_little():
    """Without a token most is refused; the leader and the key of a permitted prefix are not."""
    denied = (403, b"Permission denied: token with AccessorID '' lacks permission 'agent:read'")
    answers = stores.consul(key="n1", **{"/v1/agent/self": denied, "/v1/operator/autopilot/health": denied})
    with playing(answers) as [peer]:
        says(ask([peer], *T, "--scope", "demo"), "OK", "consul: 10.1.10.12:8300 leads, 1 of 1 endpoint has a quorum")


def test_consul_that_shows_nothing():
    answers = stores.consul(**{"/v1/kv/service/": (403, b"Permission denied")})
    with playing(answers) as [peer]:
        says(ask([peer]), "UNKNOWN", "cannot tell whether consul has a quorum: HTTP status 403: Permission denied")


def test_consul_client():
    """The agent beside PostgreSQL is no server, and has no vote."""
    answers = stores.consul(key="n1")
    answers["/v1/agent/self"][1]["Config"]["Server"] = False
    with playing(answers) as [peer]:
        says(ask([peer], *T, "--scope", "demo"), "OK", "consul 1.17.1: 10.1.10.12:8300 leads")


def test_consul_token():
    with playing(stores.consul()) as [peer]:
        assert ask([peer], *T, "--kind", "consul", "--token-file", secret("t0ken")).code == 0
        assert {request.headers.get("x-consul-token") for request in peer.requests} == {"t0ken"}
        says(ask([peer], *T, "--token-file", secret("t0ken")), "UNKNOWN", "--token-file is for Consul alone")


def test_consul_key_with_strange_characters():
    path = "/v1/kv/db%20of%20ours/a%3Fb%23c/leader"
    with playing({**stores.consul(), path: (404, b"")}) as [peer]:
        outcome = ask([peer], *T, "--namespace", "db of ours", "--scope", "a?b#c")
        says(outcome, "CRITICAL", "nobody holds the leader lock of")
        assert peer.asked(path)


# --- ZooKeeper -------------------------------------------------------------------------------------------------------

def test_zookeeper_newer():
    with playing(stores.zookeeper("leader", synced_followers=2, synced_non_voting_followers=0)) as [peer]:
        says(ask([peer]), "OK", f"zookeeper 3.9.2: {peer.host}:{peer.port} leads")


def test_zookeeper_newer_does_not_serve():
    error = "This ZooKeeper instance is not currently serving requests"
    with playing(stores.zookeeper(error=error)) as [peer]:
        says(ask([peer]), "CRITICAL", f"zookeeper has no quorum: {error}")


def test_zookeeper_read_only():
    with playing(stores.zookeeper("read-only")) as [peer]:
        says(ask([peer]), "CRITICAL", "zookeeper has no quorum: it is cut off, and serves reads alone")


# --- which of them it is ---------------------------------------------------------------------------------------------

def test_something_else():
    with playing({"/version": (200, {"version": "1.29"}), "/v1/status/leader": (200, {"a": 1})}) as [peer]:
        says(ask([peer]), "UNKNOWN", f"{peer.url} answers, and is neither etcd, Consul nor ZooKeeper's admin server")


def test_the_first_that_tells_decides():
    with peers.Peer(peers.silent) as silent, playing(stores.etcd()) as [peer]:
        outcome = ask([f"http://{silent.host}:{silent.port}", peer], *PATIENT)
        says(outcome, "WARNING", "1 of 2 endpoints does not answer: no answer from")
        assert outcome.elapsed < 2.3


def hear_and_close(talk):
    """As a server that was asked without TLS."""
    while b"\r\n\r\n" not in talk.received:
        talk.read(1)


def test_endpoints_that_speak_https():
    """All look dead, and it is the command line that is wrong: nobody is told that the store has no majority."""
    with contextlib.ExitStack() as stack:
        closing = [stack.enter_context(peers.Peer(hear_and_close)) for _ in range(3)]
        outcome = ask([f"http://{peer.host}:{peer.port}" for peer in closing], *T)
    says(outcome, "CRITICAL", "none of 3 endpoints answers: ", "closed the connection without an answer")
    assert b"hint: does it run there, and is it http that it speaks, not https?" in outcome.out, outcome


@pytest.mark.parametrize("args", [(), ("--kind", "etcd"), ("--kind", "etcd2"), ("--kind", "consul"),
                                  ("--kind", "zookeeper")])
def test_no_endpoint_is_there(args):
    """It is worse than two of three, and says so."""
    with free_ports(3) as ports:
        outcome = ask([f"http://127.0.0.1:{port}" for port in ports], *T, *args)
        says(outcome, "CRITICAL", f"none of 3 endpoints answers: cannot reach http://127.0.0.1:{ports[0]}: ")
        assert b"Patroni demotes its primary within the ttl" in outcome.out
        alone = ask([f"http://127.0.0.1:{ports[0]}"], *T, *args)
        says(alone, "CRITICAL", f"DCS CRITICAL - cannot reach http://127.0.0.1:{ports[0]}: ")
        assert b"hint: does it run there" in alone.out, "the others may well have a quorum"


@pytest.mark.parametrize("args", [(), ("--kind", "etcd")])
def test_no_endpoint_answers(args):
    with peers.Peer(peers.silent) as one, peers.Peer(peers.silent) as other:
        outcome = ask([f"http://{peer.host}:{peer.port}" for peer in (one, other)], "-t", "1s", *args)
        says(outcome, "CRITICAL", f"none of 2 endpoints answers: no answer from http://{one.host}:{one.port} in time")
        assert b"Patroni demotes its primary within the ttl" in outcome.out
        alone = ask([f"http://{one.host}:{one.port}"], *SHORT, *args)
        says(alone, "CRITICAL", f"DCS CRITICAL - no answer from http://{one.host}:{one.port} in time")
        assert b"name all members" in alone.out


def test_no_endpoint_can_be_read():
    """Somebody is there: that no lock can be renewed is not known."""
    with playing({"/version": (200, b"<html>")}, {}) as both:
        outcome = ask(both, *T, "--kind", "etcd")
        says(outcome, "UNKNOWN", f"none of 2 endpoints can be read: {both[0].url}: ")
        assert b"demotes" not in outcome.out


@contextlib.contextmanager
def free_ports(count):
    """Ports of ours where nobody listens."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        yield [each.getsockname()[1] for each in sockets]


# --- the hosts of the command line -----------------------------------------------------------------------------------

def host_of(*args):
    return launch(PROGRAM, *args)


def test_host_and_port():
    with playing(stores.etcd()) as [peer]:
        outcome = host_of("-H", peer.host, "-p", peer.port, *T)
        says(outcome, "OK", "1 of 1 endpoint has a quorum")
        told = json.loads(host_of("-H", peer.host, "-p", peer.port, *T, "-f", "json").out)
        assert told["target"] == peer.url


def test_hosts_and_ports():
    with playing(stores.etcd(), stores.etcd()) as both:
        outcome = host_of("-H", ",".join(peer.host for peer in both), "-p", ",".join(str(peer.port) for peer in both),
                          *T)
        says(outcome, "OK", "2 of 2 endpoints have a quorum")


def test_endpoints_come_before_hosts():
    with playing(stores.etcd()) as [peer]:
        says(ask([peer], *T, "-H", "127.0.0.1", "-p", "1"), "OK", "1 of 1 endpoint has a quorum")


def test_operands_of_haproxy():
    with playing(stores.etcd()) as [peer]:
        outcome = host_of(*T, "10.0.0.1", "5000", peer.host, peer.port)
        assert outcome.code == 0 and len(peer.asked("/v3/kv/range")) == 1, outcome
        assert host_of(*T, "10.0.0.1", "5000", peer.host, "1").code == 1


@pytest.mark.parametrize("args, said", [
    (("-H", "/run/postgresql"), "option --host: it is empty, a socket directory, or has a port or a URL in it"),
    (("-H", "10.0.0.1:2379"), "option --host: "),
    (("-H", "http://u:Xq7zSecret@10.0.0.1"), "option --host: "),
    (("-H", "10.0.0.1,,10.0.0.2"), "option --host: "),
    (("-H", "10.0.0.1,10.0.0.2,10.0.0.3", "-p", "1,2"), "2 ports are named for 3 hosts"),
    (("-H", ",".join(f"10.0.0.{n}" for n in range(10))), "10 endpoints are named, there may be 9"),
    (("-p", "2379"), "no endpoints are named"),
])
def test_hosts_that_make_no_sense(args, said):
    outcome = host_of(*args, *T)
    says(outcome, "UNKNOWN", said)
    assert b"Xq7zSecret" not in outcome.out


def test_a_store_that_is_slow_to_tell():
    """Slower than its share of the time, and fast enough for all of it."""
    def slow(talk, request):
        talk.pause(1.4)
        return 200, {"etcdserver": "3.6.1"}

    with playing({**stores.etcd(), "/version": slow}) as [peer]:
        says(ask([peer], "-t", "4s"), "OK")


@pytest.mark.parametrize("endpoints, said", [
    ("", "no endpoints are named"),
    ("http://a:1,", "a name between commas is empty"),
    (",".join(f"http://10.0.0.{n}:2379" for n in range(10)), "10 endpoints are named, there may be 9"),
    ("http://h:1,h:1/", "endpoint http://h:1 is named twice"),
    ("http://user:Xq7zSecret@h:1", "an endpoint has a user in it (not shown)"),
    ("http://" + "h" * 100, "has more than 95 characters"),
    ("ftp://10.0.0.1:21", "is not a URL that can be asked"),
])
def test_endpoints_that_make_no_sense(endpoints, said):
    outcome = launch(PROGRAM, *(["--endpoints", endpoints] if endpoints else []), *T)
    says(outcome, "UNKNOWN", said)
    assert b"Xq7zSecret" not in outcome.out


def test_a_scope_that_is_too_long():
    with playing(stores.etcd()) as [peer]:
        says(ask([peer], *T, "--scope", "ü" * 31), "UNKNOWN", "--namespace and --scope are too long together")


# --- hostile ---------------------------------------------------------------------------------------------------------

DEEP = b'{"a":' * 100_000
HOSTILE = {
    "nothing": b"",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "truncated": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{",
    "empty": stores.framed(200, b""),
    "a list": stores.framed(200, b"[]"),
    "null": stores.framed(200, b"null"),
    "text": stores.framed(200, b'"x"'),
    "an empty object": stores.framed(200, b"{}"),
    "deep": stores.framed(200, DEEP),
    "twice": stores.framed(200, b'{"header":{},"header":{"member_id":"1"}}'),
    "not UTF-8": stores.framed(200, b'{"version":"\xff\xfe"}'),
    "another encoding": stores.framed(200, '{"version":"3.5"}'.encode("utf-16")),
    "zero bytes": stores.framed(200, b'{"version":"a\\u0000b"}'),
    "a redirect": stores.framed(302, b"", b"Location: http://127.0.0.1:1/\r\n"),
    "wrong types": stores.framed(200, json.dumps({
        "header": 5, "etcdserver": "3.5.1", "leader": [], "members": {"a": 1}, "kvs": "x", "version": {}, "errors": 1,
        "dbSize": [], "command": "leader", "error": 7, "leader_id": "x", "is_leader": 3}).encode()),
    "numbers out of bounds": stores.framed(200, json.dumps({
        "header": {"member_id": "99999999999999999999999999", "cluster_id": "-1"}, "etcdserver": "3.5.1",
        "dbSize": "-5", "leader": "x" * 500, "raftIndex": "9" * 40, "command": "leader", "leader_id": 1e300,
             "error": None}).encode()),
    "control characters": stores.framed(200, json.dumps({
        "header": {"member_id": "1"}, "etcdserver": "3.5\n|1", "version": "3|5\n", "leader": "1",
        "errors": ["|\n\x07" * 99], "command": "leader", "error": "|\n" * 999}).encode()),
}


@pytest.mark.parametrize("kind", ["auto", "etcd", "etcd2", "consul", "zookeeper"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name, kind):
    with stores.Store(dict.fromkeys(ALL_PATHS, HOSTILE[name])) as peer:
        outcome = ask([peer], *T, "--kind", kind, "--scope", "demo", is_measured=True)
        summary, _ = clean_line(outcome)
        assert re.match("DCS (CRITICAL|UNKNOWN) - .", summary), outcome
        assert outcome.peak_bytes < MEMORY_MAX and outcome.elapsed < 6, outcome


ALL_PATHS = [*stores.etcd("3.5.1", key=("n", "7", 5)), *stores.consul(), *stores.zookeeper(), "/metrics",
             "/v2/stats/self", "/v2/members", "/v2/keys/service/demo/leader", "/v3/auth/authenticate"]


@pytest.mark.parametrize("path", ["/v3/maintenance/status", "/v3/cluster/member/list", "/v3/kv/range", "/metrics",
                                  "/v3/kv/lease/timetolive", "/version"])
@pytest.mark.parametrize("name", HOSTILE)
def test_one_answer_of_etcd_is_hostile(name, path):
    """Never an OK from what could not be read, but for what an answer is not needed for."""
    with playing({**stores.etcd("3.5.12", key=("n1", "77", 20)), path: HOSTILE[name]}) as [peer]:
        outcome = ask([peer], *T, "--scope", "demo")
        summary, _ = clean_line(outcome)
        spared = path in ("/v3/cluster/member/list", "/metrics")
        is_right = path == "/version" and name in ("wrong types", "numbers out of bounds", "control characters") \
            or path == "/v3/maintenance/status" and name == "control characters"
        if not (spared or is_right):
            assert not summary.startswith("DCS OK"), outcome


@pytest.mark.parametrize("name", [name for name in HOSTILE if name not in ("nothing", "control characters", "a redirect")])
def test_a_read_of_etcd_that_tells_nothing(name):
    """Whether there is a quorum a read tells: neither a good one nor a lost one is seen in what is no answer to it."""
    with playing({**stores.etcd("3.5.12"), "/v3/kv/range": HOSTILE[name]}) as [peer]:
        outcome = ask([peer], *T)
        summary, _ = clean_line(outcome)
        assert re.match("DCS (UNKNOWN|CRITICAL) - (?!etcd has no quorum)", summary), outcome


@pytest.mark.parametrize("answer", [{"header": stores.HEADER}, {"header": stores.HEADER, "ID": "77", "TTL": {}}])
def test_a_lease_that_tells_no_time(answer):
    with playing({**stores.etcd("3.5.12", key=("n1", "77", 20)), "/v3/kv/lease/timetolive": (200, answer)}) as [peer]:
        says(ask([peer], *T, "--scope", "demo"), "UNKNOWN", "the lease: ")


@pytest.mark.parametrize("answer", [[1, 2], [[[]]], [{}], [{"ID": 7, "TTL": "15s"}], [{"ID": "another", "TTL": "15s"}]])
def test_a_session_of_consul_that_is_none(answer):
    with playing({**stores.consul(key="n1"), f"/v1/session/info/{stores.SESSION}": (200, answer)}) as [peer]:
        says(ask([peer], *T, "--kind", "consul", "--scope", "demo"), "UNKNOWN", "its session is not the one that was asked for")


def repeating(status, make):
    """Says what it was sent, as a proxy's page of what went wrong may."""
    def answer(talk, request):
        told = " ".join([request.headers.get("authorization", ""), request.headers.get("x-consul-token", ""), request.body.decode()])
        talk.send(stores.framed(status, make(told)))
    return answer


PLAIN, REFUSED = str.encode, lambda told: json.dumps({"message": told, "code": 7}).encode()
STORES = {"etcd": {**stores.etcd("3.5.12", key=("n1", "77", 20)), "/v3/auth/authenticate": (200, {"token": "Tk9Secret.7"})},
          "etcd2": {"/version": (200, {"etcdserver": "3.3.1"}), "/v2/stats/self": (200, {})}, "consul": stores.consul(key="n1"),
          "zookeeper": stores.zookeeper()}


@pytest.mark.parametrize("make", [PLAIN, REFUSED], ids=["plain", "refusal"])
@pytest.mark.parametrize("status", [400, 403, 503])
@pytest.mark.parametrize("kind", STORES)
def test_what_was_sent_is_not_shown(kind, status, make, tmp_path):
    """Neither the password nor a token, wherever the store says it."""
    password, recorded = "Xq7zSecret", tmp_path / "recorded"
    file = ("--token-file", secret(password)) if kind == "consul" else ("--auth-file", secret(f"root:{password}"))
    hidden = [password, "Tk9Secret.7", base64.b64encode(f"root:{password}".encode()).decode()]
    for path in STORES[kind]:
        with playing({**STORES[kind], path: repeating(status, make)}) as [peer]:
            outcome = ask([peer], *T, "--kind", kind, "--scope", "demo", *file, "-v", "-v", "--record", recorded)
        said = (outcome.out + outcome.err + recorded.read_bytes()).decode()
        assert not [word for word in hidden if word in said], (path, outcome)


def test_a_status_without_a_version():
    """That zeroes are left out makes an object of anything an answer: a version is none."""
    answers = stores.etcd("3.5.12")
    answers["/v3/maintenance/status"] = (200, {"header": stores.HEADER, "leader": "12"})
    with playing(answers) as [peer]:
        says(ask([peer], *T), "UNKNOWN", 'it has no "version"')


@pytest.mark.parametrize("path", ["/v1/status/leader", "/v1/status/peers", "/v1/agent/self",
                                  "/v1/kv/service/demo/leader", "/v1/operator/autopilot/health",
                                  f"/v1/session/info/{stores.SESSION}"])
@pytest.mark.parametrize("name", HOSTILE)
def test_one_answer_of_consul_is_hostile(name, path):
    with playing({**stores.consul(key="n1"), path: HOSTILE[name]}) as [peer]:
        outcome = ask([peer], *T, "--kind", "consul", "--scope", "demo")
        summary, _ = clean_line(outcome)
        if path.startswith(("/v1/kv", "/v1/session")):
            assert not summary.startswith("DCS OK"), outcome


def endless(talk, request):
    talk.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        talk.send(b" " * 65536)


def huge(talk, request):
    talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
    for _ in range(100_000_000 // 65536):
        talk.send(b"x" * 65536)


def dribbling(talk, request):
    for byte in stores.framed(200, b'{"etcdserver":"3.5.1"}'):
        talk.send(bytes([byte]))
        talk.pause(0.05)


@pytest.mark.parametrize("script, word, limit", [(endless, "longer than", 6), (huge, "longer than", 6),
                                                 (dribbling, "in time", 0.7),
                                                 (lambda talk, request: talk.hold(), "in time", 0.7)])
@pytest.mark.parametrize("kind", ["auto", "etcd", "consul", "zookeeper"])
def test_without_end(kind, script, word, limit):
    args = T if limit > 1 else SHORT
    with stores.Store(dict.fromkeys(ALL_PATHS, script)) as peer:
        outcome = ask([peer], *args, "--kind", kind, is_measured=True)
        assert outcome.code in (2, 3) and word.encode() in outcome.out, outcome
        assert outcome.peak_bytes < MEMORY_MAX and outcome.elapsed < limit, outcome


def test_no_proxy_and_no_netrc():
    """Whatever the environment says: the store is asked, and nobody else."""
    with playing(stores.etcd()) as [peer], peers.Peer(peers.silent) as proxy:
        where = f"http://{proxy.host}:{proxy.port}"
        outcome = ask([peer], env={"http_proxy": where, "HTTP_PROXY": where, "all_proxy": where, "ALL_PROXY": where})
        says(outcome, "OK")
        assert not proxy.talks
