"""check_dcs against etcd 3.4, in every state that one can bring a cluster into; ZooKeeper is in
test_check_dcs_zookeeper.py, Consul a scripted peer."""

import json
import shutil

import pytest

import certificates
import etcd
import netns
import programs
import sandbox
from agent import Agent
from sandbox import wait_for
from until import told

PROGRAM = "check_dcs"
pytestmark = [pytest.mark.xdist_group("etcd"),
              pytest.mark.skipif(bool(etcd.why_missing()), reason=etcd.why_missing() or "-")]

MARGIN = "one more and the quorum is lost"
TOO_LONG = "30s"  # nothing here takes longer, on any machine
PATIENT = ("-w", TOO_LONG, "-c", TOO_LONG)  # response times are not what most tests are about
AT_LEISURE = ("-t", "20s")
AT_ONCE = 10  # seconds, of those: nothing has waited until the end


def is_no(result):
    """What may be said without a quorum, whoever is late."""
    return result.state in ("CRITICAL", "UNKNOWN")


# The sanitizers have seen all that the check does in these by the other tests, and they take long.
only_plain = pytest.mark.parametrize("build", ["plain"], indirect=True)


@pytest.fixture(scope="module")
def shared():
    with etcd.Cluster(extra=["--enable-v2", "--quota-backend-bytes=20000000"]) as cluster:
        yield cluster


@pytest.fixture
def cluster(shared):
    """Three members that are well; what a test does to them is mended after it."""
    yield shared
    shared.mend()
    shared.leader()


def asker(check):
    def run(endpoints, *args, **keywords):
        urls = getattr(endpoints, "endpoints", endpoints)
        patience = () if "-t" in args else AT_LEISURE
        return check(PROGRAM, "--endpoints", ",".join(urls), *PATIENT, *patience, *args, **keywords)

    return run


@pytest.fixture
def ask(check):
    """ask(cluster or URLs, *args) -> Result of the check."""
    return asker(check)


@pytest.fixture
def asks(checks):
    """One with each build, where it takes its time to make a situation and to mend it."""
    return [asker(check) for check in checks]


def metric(result, name, member=None):
    return result.json()["metrics"][f"{member}_{name}" if member else name]["value"]


# --- all is well -----------------------------------------------------------------------------------------------------

def test_well(cluster, ask):
    result = ask(cluster)
    assert result.state == "OK", result
    leader = cluster.leader()
    told(lambda: ask(cluster), "OK", f"DCS OK - etcd 3.4.23: {leader.name} leads, 3 of 3 endpoints have a quorum |",
         within=AT_ONCE)
    seen = ask(cluster, "-f", "json")
    assert metric(seen, "endpoints_with_quorum") == 3
    for member in cluster.members:
        status = member.status()
        assert metric(seen, "size_bytes", member.name) == int(status["dbSize"])
        assert metric(seen, "size_percent", member.name) == pytest.approx(int(status["dbSize"]) / 200000, abs=0.1)
        assert 0 <= metric(seen, "raft_distance", member.name) < 10
        assert 0 < metric(seen, "response_seconds", member.name) < seen.lasted


def test_each_member_is_named(cluster, ask):
    leader = cluster.leader()
    roles = {member: "leader" if member is leader else "follower" for member in cluster.members}
    told(lambda: ask(cluster, "-v"), "OK",
         *(f"{member.url} is {member.name}, {role}, 3.4.23" for member, role in roles.items()))


def test_one_endpoint_is_enough_to_tell(cluster, ask):
    follower = cluster.followers()[0]
    result = ask([follower.url.removeprefix("http://") + "/"], "--kind", "etcd")
    assert result.state == "OK" and "1 of 1 endpoint has a quorum" in result.stdout, result


def test_limits(cluster, ask, check):
    endpoints = ("--endpoints", ",".join(cluster.endpoints), *AT_LEISURE)
    assert "response time of e1 is" in check(PROGRAM, *endpoints, "-w", "1us", "-c", TOO_LONG).stdout
    slow = check(PROGRAM, *endpoints, "-c", "1us")
    assert slow.state == "CRITICAL" and "(critical above" in slow.stdout, slow
    large = ask(cluster, "--max-size", "1kB")
    assert large.state == "WARNING" and "database size of e1 is" in large.stdout, large
    full = ask(cluster, "--max-size", "0.01%")
    assert full.state == "WARNING" and "database size against its quota of e1 is" in full.stdout, full


def test_what_was_seen_is_recorded_and_replayed(cluster, ask, check, scratch):
    recording = scratch / "seen.json"
    seen = ask(cluster, "--record", recording)
    assert seen.state == "OK", seen
    part = json.loads(recording.read_text(encoding="utf-8"))["snapshots"][0]["parts"]["dcs"]
    assert part["kind"] == "etcd" and part["members"] == 3
    assert check(PROGRAM, "--replay", recording, *PATIENT).stdout == seen.stdout
    assert check(PROGRAM, "--replay", recording, "-c", "1us").state == "CRITICAL", "judged anew"


# --- the leader lock -------------------------------------------------------------------------------------------------

def test_lock(cluster, ask):
    nobody = ask(cluster, "--scope", "held")
    assert nobody.state == "CRITICAL", nobody
    assert 'nobody holds the leader lock of "held" in etcd' in nobody.stdout, nobody
    lease = cluster.put("/service/held/leader", "n1", ttl=60)
    held = ask(cluster, "--scope", "held", "-f", "json")
    assert held.state == "OK" and "n1 holds the leader lock of" in held.stdout, held
    assert 50 < metric(held, "leader_ttl_seconds") <= 60
    late = ask(cluster, "--scope", "held", "--min-ttl", "61s")
    assert late.state == "WARNING", late
    assert 'time left of the leader lock of "held", which n1 holds, is' in late.stdout, late
    cluster.members[0].ask("/v3/lease/revoke", ID=lease)
    assert ask(cluster, "--scope", "held").state == "CRITICAL"


def test_lock_in_a_namespace(cluster, ask):
    cluster.put("/db/of ours/leader", "n2", ttl=60)
    for namespace in ("db", "/db/"):
        result = ask(cluster, "--scope", "of ours", "--namespace", namespace)
        assert result.state == "OK" and 'n2 holds the leader lock of "of ours"' in result.stdout, result


def test_lock_without_a_lease(cluster, ask):
    cluster.put("/service/forever/leader", "n1")
    result = ask(cluster, "--scope", "forever")
    assert result.state == "WARNING", result
    assert 'the leader key of "forever" has no TTL: it stays when n1 fails' in result.stdout, result


# --- members that fail -----------------------------------------------------------------------------------------------

def test_a_member_is_killed(cluster, asks):
    killed = cluster.followers()[0]
    killed.kill()
    for ask in asks:
        told(lambda ask=ask: ask(cluster), "WARNING",
             f"1 of 3 endpoints does not answer, {MARGIN}: cannot reach {killed.url}: ",
             within=AT_ONCE)  # who refuses costs no time


@only_plain
def test_the_leader_is_killed(cluster, ask):
    killed = cluster.leader()
    killed.kill()
    cluster.leader()
    told(lambda: ask(cluster, "-v"), "WARNING", f"cannot reach {killed.url}: ", "leads, 2 of 3 endpoints have a quorum")


def test_a_member_is_frozen(cluster, asks):
    cluster.put("/service/frozen/leader", "n1", ttl=60)
    frozen = cluster.followers()[0]
    frozen.freeze()
    # The others are told, and what is asked last has its share of the time.
    for ask in asks:
        told(lambda ask=ask: ask(cluster, "--scope", "frozen", "-t", "2s", "-v"), "WARNING",
             f"1 of 3 endpoints does not answer, {MARGIN}: no answer from {frozen.url} in time",
             'n1 holds the leader lock of "frozen"', "leader_ttl_seconds=", within=2.3)


@only_plain
def test_quorum_is_lost(cluster, ask):
    cluster.put("/service/lost/leader", "n1", ttl=600)
    left, *others = cluster.members
    for member in others:
        member.kill()

    def is_careful(result):
        """What one member remembers is no word of the store."""
        return is_no(result) and "holds the leader lock" not in result.stdout

    for args in ((), ("--scope", "lost"), ("--kind", "etcd2", "--scope", "lost")):
        kind = "etcd2" if "etcd2" in args else "etcd"
        told(lambda args=args: ask(cluster, "-t", "1s", *args), "CRITICAL",
             f"{kind} has no quorum, 2 of 3 endpoints do not answer: {others[0].url}, {others[1].url}",
             always=is_careful, within=1.5)
    told(lambda: ask([left.url], "-t", "1s"), "CRITICAL", "etcd has no quorum: no answer from", always=is_careful,
         within=1.5)


@only_plain
def test_two_frozen_members(cluster, ask):
    for member in cluster.members[1:]:
        member.freeze()
    told(lambda: ask(cluster, "-t", "1s"), "CRITICAL", "etcd has no quorum, 2 of 3 endpoints do not answer",
         always=is_no, within=1.5)


def test_nobody_is_there(cluster, asks):
    for member in cluster.members:
        member.kill()
    for ask in asks:
        result = ask(cluster)
        assert result.state == "CRITICAL", result
        assert f"none of 3 endpoints answers: cannot reach {cluster.members[0].url}: " in result.stdout, result
        assert "hint: if they are silent everywhere no lock can be renewed" in result.stdout, result
        assert ask(cluster, "--on-down", "unknown").state == "UNKNOWN"
        for kind in ("etcd", "etcd2", "consul", "zookeeper"):
            assert ask(cluster, "--kind", kind).state == "CRITICAL"


@only_plain
def test_nobody_answers(cluster, ask):
    for member in cluster.members:
        member.freeze()
    told(lambda: ask(cluster, "-t", "1s"), "CRITICAL",
         f"none of 3 endpoints answers: no answer from {cluster.members[0].url} in time",
         "hint: if they are silent everywhere no lock can be renewed", always=is_no, within=1.5)


@only_plain
def test_a_member_that_nobody_names_is_dead(cluster, ask):
    """Two of three are named, or three of which two are one: what is not asked is told."""
    dead, *others = cluster.members
    dead.kill()
    cluster.leader()
    urls = [member.url for member in others]
    told(lambda: ask(urls), "OK", "leads, 2 of 2 endpoints have a quorum, 1 of 3 members is not asked |")
    again = urls[1].replace("127.0.0.1", "localhost")
    told(lambda: ask([*urls, again]), "WARNING",
         f"1 of 3 members of etcd is not asked: {urls[1]} and {again} lead to one member, {others[1].name} |")


def test_hosts_of_the_command_line(cluster, check):
    ports = ",".join(url.rpartition(":")[2] for url in cluster.endpoints)
    result = check(PROGRAM, "-H", "127.0.0.1,localhost,127.0.0.1", "-p", ports, *PATIENT, *AT_LEISURE)
    assert result.state == "OK" and "3 of 3 endpoints have a quorum" in result.stdout, result


# --- alarms ----------------------------------------------------------------------------------------------------------

def test_alarms(cluster, ask):
    member = cluster.members[1]
    for alarm, said in (("NOSPACE", "alarm NOSPACE of e2: etcd is full and refuses all writes"),
                        ("CORRUPT", "alarm CORRUPT of e2")):
        body = {"alarm": alarm, "memberID": member.status()["header"]["member_id"]}
        cluster.members[0].ask("/v3/maintenance/alarm", action="ACTIVATE", **body)
        try:
            told(lambda said=said: ask(cluster), "CRITICAL", said)
        finally:
            cluster.members[0].ask("/v3/maintenance/alarm", action="DEACTIVATE", **body)
    told(lambda: ask(cluster), "OK")


@only_plain
def test_a_full_database(ask, single):
    """Its quota is passed by one write more than it takes; what it has not committed yet does not count."""
    member = single.members[0]
    warned = False
    for number in range(200):
        try:
            member.ask("/v3/kv/put", key=etcd.encoded(f"k{number}"), value=etcd.encoded("x" * 100_000), timeout=20)
        except OSError as error:
            assert "space exceeded" in str(error)
            break
        warned = warned or "quota of e1 is" in ask(single, "--max-size", "30%").stdout
    else:
        pytest.fail("it has room without end")
    assert warned, "before that there is a warning"
    result = ask(single)
    assert result.state == "CRITICAL" and "alarm NOSPACE of e1" in result.stdout, result


# --- one member without the API v2 -----------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def single():
    with etcd.Cluster(1, extra=["--quota-backend-bytes=1000000"]) as cluster:
        yield cluster


def test_two_clusters(cluster, single, ask):
    result = ask([cluster.members[0].url, single.members[0].url])
    assert result.state == "CRITICAL", result
    assert f"e1 and {single.members[0].url.removeprefix('http://')} are of two different clusters (" in result.stdout, result


def test_no_api_v2(single, ask):
    result = ask(single, "--kind", "etcd2")
    assert result.state == "UNKNOWN", result
    assert "it answers with HTTP status 404, not as etcd's API v2 does" in result.stdout, result


@pytest.mark.parametrize("kind, said", [("consul", "not as Consul does"),
                                        ("zookeeper", "not as ZooKeeper's admin server does")])
def test_it_is_another_kind(single, ask, kind, said):
    result = ask(single, "--kind", kind)
    assert result.state == "UNKNOWN" and said in result.stdout, result


def test_api_v2(cluster, ask, build):
    scope = f"old-{build}"
    assert ask(cluster, "--kind", "etcd2").state == "OK"
    nobody = ask(cluster, "--kind", "etcd2", "--scope", scope)
    assert nobody.state == "CRITICAL" and f'nobody holds the leader lock of "{scope}" in etcd2' in nobody.stdout, nobody
    put_v2(cluster, f"/service/{scope}/leader", "n3", 60)
    held = told(lambda: ask(cluster, "--kind", "etcd2", "--scope", scope, "-f", "json"), "OK",
                "n3 holds the leader lock of")
    assert 50 < metric(held, "leader_ttl_seconds") <= 60
    # The API v3 does not know it, and says what to try.
    other = ask(cluster, "--scope", scope)
    assert other.state == "CRITICAL" and "--kind etcd2" in other.stdout, other


def put_v2(cluster, key, value, ttl):
    cluster.members[0].send("/v2/keys" + key, f"value={value}&ttl={ttl}")


# --- TLS and users ---------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def tls():
    if not shutil.which("openssl"):
        pytest.skip("no program openssl")
    return certificates.Authority()


@pytest.fixture(scope="module")
def secured(tls):
    with etcd.Cluster(1, tls=tls) as cluster:
        yield cluster


def test_tls(secured, ask, tls):
    trust = ("--ca-file", tls.certificate)
    ours = ("--cert-file", tls.client.certificate, "--key-file", tls.client.key)
    result = ask(secured, *trust, *ours)
    assert result.state == "OK" and "1 of 1 endpoint has a quorum" in result.stdout, result
    stranger = ask(secured, *ours)
    assert stranger.state == "UNKNOWN" and f"TLS with {secured.members[0].url}" in stranger.stdout, stranger
    nobody = ask(secured, *trust)
    assert nobody.state == "UNKNOWN" and secured.members[0].url in nobody.stdout, nobody
    missing = ask(secured, *trust, "--cert-file", "/nonexistent.pem")
    assert missing.state == "UNKNOWN", missing
    plain = ask([secured.members[0].url.replace("https", "http")])
    assert plain.state == "CRITICAL" and "closed the connection without an answer" in plain.stdout, plain


@only_plain
def test_users_and_certificates(ask, scratch, tls):
    """While etcd 3.4 has users, its gateway refuses certificates that could be taken for one."""
    with etcd.Cluster(1, tls=tls) as cluster:
        add_users(cluster)
        secret = write_secret(scratch / "secret", SECRET)

        def ask_with(pair):
            return ask(cluster, "--scope", "demo", "--auth-file", secret, "--ca-file", tls.certificate, "--cert-file",
                       pair.certificate, "--key-file", pair.key)

        named = ask_with(tls.client)
        assert named.state == "UNKNOWN", named
        assert "it refuses with HTTP status 400: CommonName of client sending a request against gateway" in named.stdout
        assert "takes no client certificate with a common name here: use one without" in named.stdout, named
        nameless = ask_with(tls.nameless)
        assert nameless.state == "OK" and 'n1 holds the leader lock of "demo"' in nameless.stdout, nameless


SECRET = "pgha:pgha's \"secret\""


def add_users(cluster):
    """root, and pgha, who may read what is under /service/; then nobody else is let in."""
    ask_etcd = cluster.members[0].ask
    for user in ("root", "pgha"):
        ask_etcd("/v3/auth/user/add", name=user, password=f"{user}'s \"secret\"")
        ask_etcd("/v3/auth/role/add", name=user)
        ask_etcd("/v3/auth/user/grant", user=user, role=user)
    ask_etcd("/v3/auth/role/grant", name="pgha", perm={
        "permType": "READ", "key": etcd.encoded("/service/"), "range_end": etcd.encoded("/service0")})
    cluster.put("/service/demo/leader", "n1", ttl=600)
    ask_etcd("/v3/auth/enable")


@pytest.fixture(scope="module")
def guarded():
    """Two members that let nobody in but their users."""
    with etcd.Cluster(2) as cluster:
        add_users(cluster)
        yield cluster


def write_secret(path, text, mode=0o600):
    path.write_text(text + "\n", encoding="utf-8")
    path.chmod(mode)
    return path


def test_users(guarded, ask, scratch):
    told(lambda: ask(guarded), "OK")  # the quorum is seen without any right
    told(lambda: ask(guarded, "--scope", "demo"), "UNKNOWN", "user name is empty", "hint: ", "--auth-file")
    right = write_secret(scratch / "right", SECRET)
    told(lambda: ask(guarded, "--scope", "demo", "--auth-file", right), "OK", 'n1 holds the leader lock of "demo"')
    elsewhere = ask(guarded, "--scope", "demo", "--namespace", "other", "--auth-file", right)
    assert elsewhere.state == "UNKNOWN" and "permission denied" in elsewhere.stdout, elsewhere
    wrong = ask(guarded, "--auth-file", write_secret(scratch / "wrong", "pgha:guessed"))
    assert wrong.state == "UNKNOWN" and "authentication failed, invalid user ID or password" in wrong.stdout, wrong
    assert "guessed" not in wrong.stdout + wrong.stderr
    loose = ask(guarded, "--auth-file", write_secret(scratch / "loose", "pgha:guessed", 0o644))
    assert loose.state == "UNKNOWN" and "only its owner may read" in loose.stdout, loose


def test_users_where_there_are_none(cluster, ask, scratch):
    """A login that is not needed harms nobody."""
    result = ask(cluster, "--auth-file", write_secret(scratch / "file", "pgha:x"))
    assert result.state == "OK", result


@only_plain
def test_users_and_no_quorum(guarded, ask, scratch):
    """A refusal would prove a quorum, so it must not come before that is asked for."""
    guarded.members[1].kill()
    try:
        secret = write_secret(scratch / "right", SECRET)
        for args in ((), ("--scope", "demo"), ("--scope", "demo", "--auth-file", secret)):
            told(lambda args=args: ask(guarded, "-t", "1s", *args), "CRITICAL", "etcd has no quorum, 1 of 2",
                 always=is_no, within=1.5)
    finally:
        guarded.mend()


# --- in the agent ----------------------------------------------------------------------------------------------------

def test_agent(cluster):
    """The section [dcs]: its own worker, its answers, its figures; PostgreSQL itself is not there."""
    cluster.put("/service/agent/leader", "n1", ttl=600)
    section = {"endpoints": ",".join(cluster.endpoints), "scope": "agent", "interval": "300ms", "timeout": "1s",
               "warning": TOO_LONG, "critical": TOO_LONG}
    with Agent(f"host=127.0.0.1 port={cluster.members[0].peer_port}", config={"dcs": section}) as agent:
        seen = [None]

        def answers(state, text):
            seen[0] = agent.get("/check/dcs").json()
            return seen[0]["state"] == state and text in seen[0]["summary"]

        def wait(state, text):
            wait_for(lambda: answers(state, text), f"{state}: {text}", 60, 0.1, detail=lambda: seen[0])

        wait("OK", "3 of 3 endpoints have a quorum")
        metrics = agent.get("/metrics").text
        assert "leader_ttl_seconds" in metrics and "size_bytes" in metrics, metrics
        cluster.members[2].kill()
        wait("WARNING", f"1 of 3 endpoints does not answer, {MARGIN}")
        cluster.members[1].freeze()
        wait("CRITICAL", "etcd has no quorum")
        fastest = min(agent.get("/leader").elapsed for _ in range(5))
        assert fastest < 0.5, "whatever a store does, others are answered at once"
        cluster.mend()
        wait("OK", "3 of 3 endpoints have a quorum")


# --- a member that is cut off ----------------------------------------------------------------------------------------

@pytest.mark.skipif(bool(netns.why_missing()), reason=netns.why_missing() or "-")
def test_a_member_is_cut_off():
    """Three hosts, and a fourth that reaches them all when they do not reach each other."""
    directory = sandbox.make_directory("e")
    with netns.Network("e1", "e2", "e3", "watch") as network:
        hosts = [network[name] for name in ("e1", "e2", "e3")]
        processes = [spawn_at(host, name, hosts, directory) for name, host in zip(("e1", "e2", "e3"), hosts)]
        try:
            watch_partition(network, hosts)
        finally:
            for process in processes:
                sandbox.kill(process)


def spawn_at(host, name, hosts, directory):
    initial = ",".join(f"e{number}=http://{other.address}:2380" for number, other in enumerate(hosts, start=1))
    command = [etcd.program(), f"--name={name}", f"--data-dir={directory / name}", "--log-level=warn", *etcd.TIMES,
               "--logger=zap", "--log-outputs=stderr", f"--initial-cluster={initial}",
               f"--listen-client-urls=http://{host.address}:2379",
               f"--advertise-client-urls=http://{host.address}:2379",
               f"--listen-peer-urls=http://{host.address}:2380",
               f"--initial-advertise-peer-urls=http://{host.address}:2380"]
    return sandbox.spawn(etcd.first_in_queue(command), directory / f"{name}.log", name=f"etcd {name}", netns=host.netns,
                         unprivileged=False)


def watch_partition(network, hosts):
    urls = ",".join(f"http://{host.address}:2379" for host in hosts)

    def look():
        run = network["watch"].run(programs.path(PROGRAM), "--endpoints", urls, "-t", "2s", *PATIENT, timeout=30)
        return run.returncode, run.stdout

    def wait(code, *said):
        seen = [None]

        def is_so():
            seen[0] = look()
            return seen[0][0] == code and all(text in seen[0][1] for text in said)

        wait_for(is_so, f"exit code {code} and {said}", 60, 0.2, detail=lambda: seen[0])

    wait(0, "3 of 3 endpoints have a quorum")
    for other in hosts[:2]:
        hosts[2].run("ip", "route", "add", "blackhole", f"{other.address}/32")
    wait(1, "e3 answers, but has not the quorum of the others")
    hosts[1].run("ip", "route", "add", "blackhole", f"{hosts[0].address}/32")
    wait(2, "etcd has no quorum")
    for host in hosts[1:]:
        for other in hosts:
            host.run("ip", "route", "delete", "blackhole", f"{other.address}/32")
    wait(0, "3 of 3 endpoints have a quorum")
