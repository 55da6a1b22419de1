"""check_patroni on a real cluster: good, paused, changed; Patroni or PostgreSQL gone; the store away; a standby cluster."""

import datetime
import os
import re
import shutil
import signal
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg2
import pytest

import agent
import certificates
import patroni
import programs
import sandbox
from programs import at
from sandbox import wait_for
from turns import Turns
from until import told, until

PROGRAM = "check_patroni"
AT_LEISURE = ("-t", "15s")  # where the time that an answer takes is not what a test is about

pytestmark = pytest.mark.xdist_group("patroni")


@pytest.fixture
def build():
    """Answers in every shape are read with the sanitizers in tests/scripted, tests/unit and tests/fuzz."""
    return "plain"


@pytest.fixture
def ask(patroni_cluster, check):
    """ask(*options): the check with the URLs of all members."""
    def run(*options, of=None):
        urls = ",".join(member.url for member in of or patroni_cluster.members)
        patience = () if "-t" in options else AT_LEISURE
        return check(PROGRAM, "--url", urls, *patience, *options)
    return run


def metrics(result):
    return {name: metric["value"] for name, metric in result.json()["metrics"].items()}


def found(result):
    """All findings of -f json: {text: state}."""
    return {reason["text"]: reason["state"] for reason in result.json()["reasons"]}


# --- a good cluster --------------------------------------------------------------------------------------------------

def test_good(patroni_cluster, ask):
    leader, replicas = patroni_cluster.leader(), patroni_cluster.replicas()
    told(lambda: ask("--min-members", "3", "--min-replicas", "2", "-v"), "OK",
         f"PATRONI OK - leader {leader.name} on timeline ", ", 2 of 2 replicas are healthy | ",
         f"OK: {leader.name}: leader, running, Patroni 3.")
    # What the leader writes of its own accord is on its way for a moment.
    seen = metrics(until(lambda: ask("-f", "json"), lambda r: all(
        metrics(r).get(f"{member.name}_replay_lag_bytes") == 0 for member in replicas), "no lag"))
    assert (seen["members"], seen["healthy_members"], seen["healthy_replicas"]) == (3, 3, 2)
    for member in patroni_cluster.members:
        assert 0 <= seen[f"{member.name}_dcs_age_seconds"] < patroni.TIMES["ttl"]


def test_no_exception_in_the_log(patroni_cluster, ask):
    """Patroni complains in its log, at length, of whoever leaves before the end of an answer."""
    marks = {member: member.log.stat().st_size for member in patroni_cluster.members}
    for _ in range(5):
        assert ask().state == "OK"
    for member, mark in marks.items():
        assert b"Exception happened during processing of request" not in member.log.read_bytes()[mark:], member


def test_each_member_tells_the_same(patroni_cluster, ask):
    def say():
        return {ask(of=[member]).stdout.partition(" | ")[0] for member in patroni_cluster.members}

    until(say, lambda said: len(said) == 1 and said.pop().startswith("PATRONI OK - leader "), "one and the same")


def test_urls_of_nobody(patroni_cluster, check):
    """The first URL's host is gone, and another one's: any that answers is enough, and the silence is told."""
    member = patroni_cluster.members[0]
    result = check(PROGRAM, "--url", f"http://127.0.0.1:1,{member.url},http://127.0.0.1:2", *AT_LEISURE, "-f", "json")
    assert result.state == "WARNING", result
    assert sum("127.0.0.1:1" in text for text in found(result)) == 1, result
    assert [text for text in found(result) if text.startswith("2 of the URLs do not answer: cannot reach ")], result
    assert metrics(result)["healthy_members"] == 3, result


def test_api_url_may_be_given_as_patroni_writes_it(patroni_cluster, check):
    told(lambda: check(PROGRAM, "--url", patroni_cluster.members[1].url + "/patroni", *AT_LEISURE), "OK")


def test_view_only(ask):
    told(lambda: ask("--view-only", "-v"), "OK", "running, not by its own word\n")


def test_lag(patroni_cluster, ask):
    """By the members' own positions, not by those in the store, which are up to loop_wait old."""
    replica = patroni_cluster.replicas()[0]
    # Not by pg_wal_replay_pause(): Patroni resumes.
    startup = int(replica.value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'startup'", user="postgres"))
    os.kill(startup, signal.SIGSTOP)
    try:
        patroni_cluster.leader().sql("SELECT pg_logical_emit_message(true, 'test', repeat('x', 3000000))", user="postgres")
        # Of that one alone.
        line = fr"PATRONI WARNING - replay lag of {replica.name} is (2\.9|3(\.\d)?) MB \(warning above 1 MB\) \| "
        until(lambda: ask("-w", "1MB", "-c", "16MB"), lambda r: re.match(line, r.stdout), "a lag of 3 million bytes")
        told(lambda: ask("-w", "1MB", "-c", "2MB"), "CRITICAL")
        told(ask, "OK")
    finally:
        os.kill(startup, signal.SIGCONT)


# --- what the cluster is in ------------------------------------------------------------------------------------------

def test_pause(patroni_cluster, ask, scratch):
    state = scratch / "state"
    told(lambda: ask("--state", state, "--max-pause", "1s"), "OK")
    patroni_cluster.pause()
    result = ask("--state", state, "--max-pause", "1s")
    assert result.state == "WARNING", result
    assert "the cluster is paused, nobody takes over when the leader fails" in result.stdout, result
    result = told(lambda: ask("--state", state, "--max-pause", "1s"), "CRITICAL")
    assert re.match(r"PATRONI CRITICAL - the cluster is paused for at least [1-9]", result.stdout), result
    assert ask().state == "WARNING", "without a memory nobody knows since when"
    patroni_cluster.resume()
    told(lambda: ask("--state", state, "--max-pause", "1s"), "OK")
    patroni_cluster.pause()
    result = ask("--state", state, "--max-pause", "1s")
    assert result.state == "WARNING", f"another pause is another one\n{result}"


def test_scheduled_switchover(patroni_cluster, ask):
    leader, candidate = patroni_cluster.leader(), patroni_cluster.replicas()[0]
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    patroni_cluster.schedule_switchover(at, candidate)
    try:
        told(ask, "OK",
             f"healthy, a switchover is scheduled at {at.isoformat()} from {leader.name} to {candidate.name} | ")
    finally:
        patroni_cluster.cancel_switchover()


def config_hash(result):
    texts = [text for text in found(result) if text.startswith("the configuration's hash is ")]
    assert len(texts) == 1, result
    return texts[0].split()[-1]


def test_configuration_and_pending_restart(patroni_cluster, ask):
    known = config_hash(ask("-f", "json"))
    told(lambda: ask("--config-hash", known), "OK")
    patroni_cluster.pause()
    assert config_hash(ask("-f", "json")) == known, "a pause is no change of the configuration"
    patroni_cluster.resume()
    patroni_cluster.patch_config({"postgresql": {"parameters": {"max_connections": 41}}})
    run = lambda: ask("--config-hash", known, "-f", "json")  # noqa: E731
    result = until(run, lambda r: "a restart is pending on n1, n2, n3" in found(r), "a restart to be pending")
    assert result.state == "WARNING", result
    changed = config_hash(result)
    assert changed != known
    assert f"the configuration was changed: its hash is {changed}, not {known}" in found(result), result
    # Patroni 3.0 writes no file when a value is what PostgreSQL runs with, and at its next reload the one there pends once
    # more: with another parameter it does.
    patroni_cluster.patch_config({"postgresql": {"parameters": {"max_connections": 40, "work_mem": "5MB"}}})
    written = "SELECT setting FROM pg_catalog.pg_file_settings WHERE name = 'max_connections' ORDER BY seqno DESC"
    until(lambda: {member.value(written) for member in patroni_cluster.members}, lambda values: values == {"40"},
          "40 in all files")
    patroni_cluster.patch_config({"postgresql": {"parameters": {"work_mem": None}}})
    told(lambda: ask("--config-hash", known), "OK")


def test_synchronous_mode_and_tags(patroni_cluster, ask):
    patroni_cluster.patch_config({"synchronous_mode": True})
    until(lambda: ask("--min-sync", "1", "-f", "json"), lambda r: any(
        text.endswith("2 of 2 replicas are healthy, 1 of them synchronous") for text in found(r)), "a synchronous standby")
    told(lambda: ask("--min-sync", "2"), "CRITICAL",
         "PATRONI CRITICAL - 1 healthy synchronous standby, at least 2 must be there (--min-sync) | ")
    replica = patroni_cluster.replicas()[0]
    replica.set_tags(noloadbalance=True)
    tagged = f"OK: {replica.name}: .*, noloadbalance, Patroni 3\\."
    until(lambda: ask("-v"), lambda r: re.search(tagged, r.stdout), "the tag")


# --- something has failed ---------------------------------------------------------------------------------------------

def test_replica_without_patroni(patroni_cluster, ask):
    """The store still lists it, until its key expires; its PostgreSQL is well."""
    replica = patroni_cluster.replicas()[0]
    replica.kill_patroni()
    result = until(lambda: ask("-f", "json"), lambda r: r.json()["summary"].startswith(
        f"Patroni of {replica.name} does not answer: cannot reach "), "its silence")
    assert result.state == "WARNING" and replica.is_running(), result
    assert metrics(result)[f"{replica.name}_replay_lag_bytes"] is None, "what is not known is not zero"
    result = ask("--min-members", "3")
    assert result.state == "CRITICAL", result
    assert f"2 healthy members, at least 3 must be there (--min-members): Patroni of {replica.name} does not" in result.stdout


def test_replica_does_not_stream(patroni_cluster, ask):
    """Patroni 3.0 calls it "running" as any other: that nobody sends to it tells."""
    replica = patroni_cluster.replicas()[0]
    nowhere = "host=127.0.0.1 port=1"

    def ask_when_lost():
        """A Patroni that was just started writes its own once more, and takes this out."""
        try:
            if replica.value("SHOW primary_conninfo") != nowhere:
                replica.sql(f"ALTER SYSTEM SET primary_conninfo = '{nowhere}'")
                replica.sql("SELECT pg_reload_conf()")
        except psycopg2.Error:
            pass  # it is just started
        return ask()

    try:
        told(ask_when_lost, "WARNING", f"PATRONI WARNING - {replica.name} runs and does not stream")
        assert replica.rest().json()["state"] == "running"
    finally:
        replica.sql("ALTER SYSTEM RESET primary_conninfo", user="postgres")
        replica.sql("SELECT pg_reload_conf()", user="postgres")


def test_leader_without_patroni(patroni_cluster, ask):
    """Until its lock expires there is no other; then its PostgreSQL goes on as a second primary."""
    old = patroni_cluster.leader()
    old.kill_patroni()
    result = ask()
    assert result.stdout.startswith(f"PATRONI CRITICAL - Patroni of the leader {old.name} does not answer: cannot reach "), result
    assert "hint: another is promoted when its lock expires" in result.stdout, result
    new = patroni_cluster.wait_leader(other_than=old)
    result = until(lambda: ask("-f", "json"), lambda r: r.state == "WARNING" and any(
        text.startswith(f"leader {new.name} on timeline ") for text in found(r)), "the others to follow")
    assert any(old.url in text for text in found(result)), f"its silence is not forgotten\n{result}"
    assert old.value("SELECT pg_is_in_recovery()") is False, "the situation is not the one that is meant"
    told(lambda: ask("--min-members", "3"), "CRITICAL")


def test_leader_whose_postgres_has_crashed(patroni_cluster, ask):
    leader = patroni_cluster.leader()
    leader.hold_postgres()  # or it might be there again before it is missed
    leader.kill_postgres()
    told(ask, "CRITICAL", f'PATRONI CRITICAL - the state of the leader {leader.name} is "')
    leader.let_postgres()
    told(ask, "OK")


def test_leader_frozen(patroni_cluster, ask):
    """It takes connections and never answers: the others tell, within the time that was given."""
    leader = patroni_cluster.leader()
    leader.freeze_patroni()
    # Of 3 s the others have enough, and its lock has not yet expired.
    told(lambda: ask("-t", "3s"), "CRITICAL",
         f"Patroni of the leader {leader.name} does not answer: no answer from {leader.url} in time", within=3.3)
    told(lambda: ask("-t", "1s", of=[leader]), "CRITICAL", f"PATRONI CRITICAL - no answer from {leader.url} in time",
         within=1.3)


def test_store_away_without_failsafe(patroni_cluster, ask):
    wait_for(lambda: all(member.rest("GET", "/failsafe").status != 200 for member in patroni_cluster.members),
             "no failsafe mode to be left", 60, patroni.LOOK)
    for member in patroni_cluster.etcd.members:
        member.kill()
    told(lambda: ask("-t", "3s"), "CRITICAL", "nobody says that it holds the leader lock",
         ", the cluster's store cannot be read: ", "hint: Patroni answers, and cannot read its store: see check_dcs")


def test_store_away(patroni_cluster, ask, scratch):
    """With failsafe mode the leader stays, and the members of the last look are asked; without it there is none."""
    state = scratch / "state"
    patroni_cluster.patch_config({"failsafe_mode": True})
    wait_for(lambda: all(member.rest("GET", "/failsafe").status == 200 for member in patroni_cluster.members),
             "failsafe mode to be known to all", 60, patroni.LOOK)
    leader = patroni_cluster.leader()
    told(lambda: ask("--state", state, "-v"), "OK")
    for member in patroni_cluster.etcd.members:
        member.kill()
    run = lambda *options, of=None: ask("-t", "2s", "-f", "json", *options, of=of)  # noqa: E731

    def tells(result, *texts):
        return all(any(text in line for line in found(result)) for text in texts)

    until(lambda: run("--state", state), lambda r: tells(r, "the cluster's store cannot be read: "),
          "the store to be missed", within=2.3)
    until(lambda: run("--state", state), lambda r: tells(r, "failsafe mode is active on ") and r.state == "WARNING"
          and metrics(r).get("healthy_members") == 3, "failsafe mode", within=2.3)
    # Without a memory, nor names.
    until(run, lambda r: r.state == "WARNING" and metrics(r).get("healthy_replicas") == 2, "the same without a memory")
    until(lambda: run(of=[leader]), lambda r: tells(r, "the cluster's store cannot be read: ",
                                                    " known, at least 1 must be there "), "the leader alone")


def test_a_store_that_comes_back(patroni_cluster, ask, scratch):
    """After longer than the ttl it has forgotten all, until each Patroni has put its own there again; in failsafe mode the
    leader has led all the time."""
    state, replica = scratch / "state", patroni_cluster.replicas()[0]
    patroni_cluster.patch_config({"failsafe_mode": True})
    wait_for(lambda: all(member.rest("GET", "/failsafe").status == 200 for member in patroni_cluster.members),
             "failsafe mode to be known to all", 60, patroni.LOOK)
    run = lambda timeout: ask("--state", state, "-t", timeout, "-f", "json")  # noqa: E731
    told(lambda: run("15s"), "OK")
    with agent.Agent(replica, config={"patroni": {"url": replica.url, "cluster-interval": "60s"}}) as running:
        for member in patroni_cluster.etcd.members:
            member.freeze()
        until(lambda: run("2s"), lambda r: sum(" reached the store is " in text for text in found(r)) == 3,
              "the lock to expire")
        for member in patroni_cluster.etcd.members:
            member.thaw()
        seen = []
        until(lambda: seen.append(run("6s")) or seen[-1], lambda r: r.state == "OK", "the store to know all again")
        assert not any("0 healthy members" in result.stdout for result in seen), seen
        # Its own member says something else when it has forgotten failsafe mode, a ttl later.
        wait_for(lambda: running.get("/check/patroni").json()["state"] == "OK", "the agent to see it", 60, 0.1,
                 detail=lambda: running.get("/check/patroni").text)


# --- two primaries ----------------------------------------------------------------------------------------------------

@contextmanager
def agents_of(cluster):
    """{member's name: an agent beside it}, each with the other members as peers."""
    with ExitStack() as stack:
        yield {member.name: stack.enter_context(agent.Agent(
            member, name=member.name, peers={other.name: other for other in cluster.members if other is not member},
            config={"patroni": {"url": member.url}})) for member in cluster.members}


def leads(one):
    return one.status("/primary") == 200


def test_a_leader_that_was_frozen_for_longer_than_its_lock(patroni_cluster, ask, check):
    """Its PostgreSQL has lived on as a primary beside the new one, until Patroni wakes up."""
    old = patroni_cluster.leader()

    def leader(member):
        return check("check_pg_leader", *programs.at(member), "--patroni", member.url, "-t", "1s")
    with agents_of(patroni_cluster) as agents, Turns(agents.values(), leads) as turns:
        turns.wait(old.name)
        old.freeze_patroni()
        new = patroni_cluster.wait_leader(other_than=old)
        turns.wait(new.name)
        until(lambda: ask("-t", "1s"), lambda r: r.stdout.startswith("PATRONI WARNING - 1 of the URLs does not answer"), "a leader")
        assert old.value("SELECT pg_is_in_recovery()") is False, "there are two primaries"
        told(lambda: leader(old), "CRITICAL", "Patroni could not be asked (")
        told(lambda: leader(new), "OK")
        old.thaw()
        patroni_cluster.wait_healthy()
        # Before 3.0.3 Patroni overwrites the lock of another if it wakes up where it renews its own (its pull request 2689):
        # then both say that they hold it until the other one looks, and the old one stays.
        last = patroni_cluster.leader()
        told(ask, "OK", f"leader {last.name} on timeline ")
        until(lambda: [leader(member).state for member in patroni_cluster.members].count("OK"),
              lambda count: count == 1, "one leader", always=lambda count: count < 2)
        turns.wait(last.name)
    turns.check(*([old.name, new.name] if last is new else [old.name, new.name, old.name]))


def test_two_primaries_in_a_pause(patroni_cluster, ask):
    """A replica is promoted behind Patroni's back: one of both has the lock; and without the store both say so."""
    old, (promoted, third) = patroni_cluster.leader(), patroni_cluster.replicas()
    with agents_of(patroni_cluster) as agents, Turns(agents.values(), leads) as turns:
        turns.wait(old.name)
        patroni_cluster.pause()
        promoted.promote()
        for members in ([old], [promoted], [third], None):
            until(lambda members=members: ask(of=members), lambda r: r.stdout.startswith(
                f"PATRONI CRITICAL - split brain suspected: {promoted.name} is a primary without the leader lock"), "both")
        until(lambda: agents[old.name].get("/check/leader").json()["summary"],
              lambda said: said.startswith("split brain: ") and said.endswith("but this one is wanted"),
              "a primary on a newer timeline to be seen")
        for member in patroni_cluster.etcd.members:
            member.kill()
        # What is not known before Patroni 3.2 are their names, and who they are by the store is not known either.
        both = re.compile(r"PATRONI CRITICAL - split brain suspected: \S+ and \S+ each say that they hold the leader lock[,| ]")
        until(lambda: ask("-t", "2s"), lambda r: both.match(r.stdout), "both to say that they hold the lock")
        until(lambda: [member.status("/leader") for member in (old, promoted, third)],
              lambda said: said == [200, 200, 503], "Patroni of both to say so")
        turns.wait(promoted.name)
    turns.check(old.name, promoted.name)


def test_a_leader_whose_postgres_is_stopped_in_a_pause(patroni_cluster, ask):
    """Patroni gives the lock back, and still calls it the primary: but there is none."""
    leader = patroni_cluster.leader()
    patroni_cluster.pause()
    os.kill(leader.postmaster(), signal.SIGINT)
    none = "PATRONI CRITICAL - the cluster has no leader, 0 healthy members, "
    result = told(ask, "CRITICAL", none)
    assert leader.rest().json()["role"] in ("master", "primary") and "split brain" not in result.stdout, result
    told(lambda: ask(of=[leader]), "CRITICAL", none)


# --- others ----------------------------------------------------------------------------------------------------------

def test_standby_cluster(patroni_cluster, check):
    leader = patroni_cluster.leader()
    with patroni.Cluster(1, scope="dr", etcd=patroni_cluster.etcd, standby_of=leader) as other:
        url = other.members[0].url
        told(lambda: check(PROGRAM, "--url", url, "--min-replicas", "0", *AT_LEISURE), "OK",
             "PATRONI OK - a standby cluster's leader n1 on timeline ")
        assert check(PROGRAM, "--url", url, *AT_LEISURE).state == "CRITICAL", "it has no replicas"


def test_client_certificates(patroni_cluster, check):
    """verify_client: required. TLS 1.3 tells that one is missed after the handshake, or not at all; it is the same each time."""
    if not shutil.which("openssl"):
        pytest.skip("no program openssl")
    tls = certificates.Authority()
    sandbox.give(Path(tls.certificate))
    with patroni.Cluster(1, scope="tls", etcd=patroni_cluster.etcd, tls=tls) as secured:
        member = secured.leader()
        trust = {"ca-file": tls.certificate}
        ours = {**trust, "cert-file": tls.client.certificate, "key-file": tls.client.key}

        def options(prefix, files):
            return [*AT_LEISURE, *(word for name, file in files.items() for word in (f"--{prefix}{name}", file))]

        def leads(files):
            return check("check_pg_leader", *at(member), "--patroni", member.url, *options("patroni-", files), "-f", "json")

        told(lambda: check(PROGRAM, "--url", member.url, *options("", ours), "--min-replicas", "0"), "OK")
        until(lambda: leads(ours), lambda r: r.json()["summary"].endswith("holds Patroni's leader lock of \"tls\""),
              "the lock")
        for _ in range(5):
            for result in (check(PROGRAM, "--url", member.url, *options("", trust), "-f", "json"), leads(trust)):
                assert result.json()["fault"]["class"] == "setup", result
        plain = member.url.replace("https:", "http:")
        result = check(PROGRAM, "--url", plain, *AT_LEISURE)
        assert result.state == "CRITICAL" and "not https" in result.stdout, result


def test_what_is_no_patroni(patroni_cluster, check):
    result = check(PROGRAM, "--url", patroni_cluster.etcd.endpoints[0], *AT_LEISURE)
    assert result.state == "UNKNOWN" and "answers with status 404" in result.stdout, result
    member = patroni_cluster.members[0]
    result = check(PROGRAM, "--url", f"http://{member.host}:{member.port}", *AT_LEISURE)
    assert result.state == "CRITICAL" and "closed the connection without an answer" in result.stdout, result


def test_in_the_agent(patroni_cluster):
    """The node's own Patroni is asked twice a second, the cluster less often."""
    replica, leader = patroni_cluster.replicas()[0], patroni_cluster.leader()
    config = {"agent": {"max_age": "10s"},
              "patroni": {"url": replica.url, "cluster-interval": "1s", "interval": "200ms", "timeout": "5s"}}
    with agent.Agent(replica, config=config) as running:
        def until_said(state, text):
            until(lambda: running.get("/check/patroni").json(), lambda said: said["state"] == state and any(
                reason["text"].startswith(text) for reason in said["reasons"]), text)

        until_said("OK", f"leader {leader.name} on timeline ")
        patroni_cluster.pause()
        until_said("WARNING", "the cluster is paused")
        patroni_cluster.resume()
        until_said("OK", f"leader {leader.name} on timeline ")
        replica.kill_patroni()
        # The others still tell.
        until_said("WARNING", f"Patroni of {replica.name} does not answer: cannot reach ")
