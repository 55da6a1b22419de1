"""pgha-agent on a primary and on its standbys: every question, by every door."""

import re
import signal

import pytest

import postgres
import programs
from agent import PATIENT, Agent, conninfo

METHODS = ("GET", "HEAD", "OPTIONS")

# path: (on the primary, on a standby that streams asynchronously)
PATRONI = {
    "/": (200, 503), "/primary": (200, 503), "/master": (200, 503), "/read-write": (200, 503), "/leader": (200, 503),
    "/standby-leader": (503, 503), "/standby_leader": (503, 503),
    "/replica": (503, 200), "/replica?lag=1MB": (503, 200), "/replica?lag=1mb": (503, 200),
    "/replica?lag=0": (503, 200),
    "/replica?lag=1048576&replication_state=streaming": (503, 200), "/replica?tag_zone=a": (503, 503),
    "/read-only": (200, 200), "/read-only?lag=16MB": (200, 200),
    "/async": (503, 200), "/asynchronous": (503, 200), "/async?lag=1MB": (503, 200),
    "/sync": (503, 503), "/synchronous": (503, 503), "/quorum": (503, 503),
    "/read-only-sync": (200, 503), "/read-only-synchronous": (200, 503), "/read-only-quorum": (200, 503),
    "/health": (200, 200), "/liveness": (200, 200), "/patroni": (200, 200),
    "/readiness": (200, 200), "/readiness?lag=1MB&mode=write": (200, 200),
}
OURS = {
    "/check/leader": (200, 503), "/check/replica": (503, 200), "/check/replica?critical=16MB&warning=1MB": (503, 200),
    "/check/replica?accept_primary=yes": (200, 200), "/check/replica?replayed=0/1": (503, 200),
    "/check/replica?replayed=FFFF/0": (503, 503), "/check/primary": (200, 503),
    "/snapshot": (200, 200), "/metrics": (200, 200), "/status": (200, 200),
}
REFUSED = {
    "/replica?lag=10xb": 400, "/replica?lag=": 400, "/replica?lag=-1": 400, "/replica?lag=5s": 400,
    "/primary?lag=1": 400,
    "/replica?replication_state=no": 400, "/replica?nonsense=1": 400, "/check/replica?critical=16XB": 400,
    "/readiness?mode=no": 400, "/primary?wrong_role=maybe": 400, "/status?a=b": 400, "/snapshot?a=b": 400,
    "/replica?" + "&".join(f"tag_a{i}=b" for i in range(40)): 400,
    "/nonsense": 404, "/primary/": 404, "/whateverprimary": 404, "/check/nonsense": 404, "/check/": 404, "/check": 404,
    "/config": 404, "/PRIMARY": 404, "//": 404, "/../primary": 404,
}


@pytest.fixture(scope="module")
def agents(chain):
    """An agent for the primary and one for its standby, each the other's peer."""
    config = {"agent": PATIENT}
    with Agent(chain.primary, name="n1", peers={"n2": chain.standby}, config=config) as first, \
            Agent(chain.standby, name="n2", peers={"n1": chain.primary}, config=config) as second:
        yield first, second


@pytest.mark.share("path")
@pytest.mark.parametrize("path", [*PATRONI, *OURS])
def test_every_path(agents, path):
    for agent, wanted in zip(agents, {**PATRONI, **OURS}[path]):
        if path == "/replica?lag=0":  # the server writes a record by itself now and then
            agent.wait_status(path, wanted)
        answers = {method: agent.get(path, method) for method in METHODS}
        assert {method: answer.status for method, answer in answers.items()} == dict.fromkeys(METHODS, wanted), answers
        assert answers["HEAD"].body == b"" and len(answers["GET"].body) > 0
        if path not in ("/metrics", "/status", "/snapshot"):  # these change with every look
            # Each has the time of its facts and figures of its own, which may differ by some digits.
            lengths = [int(answers[method].headers["Content-Length"]) for method in ("HEAD", "GET")]
            assert abs(lengths[0] - lengths[1]) < 32, lengths


@pytest.mark.share("path")
@pytest.mark.parametrize("path", list(PATRONI))
def test_bodies_are_as_patroni_has_them(agents, chain, path):
    for agent, server, role in zip(agents, chain, ("primary", "replica")):
        answer = agent.get(path)
        body = answer.json()
        assert body["state"] == "running" and body["role"] == role and body["timeline"] == 1, body
        assert body["server_version"] // 10000 == server.version
        identifier = server.value("SELECT system_identifier FROM pg_control_system()")
        assert body["database_system_identifier"] == str(identifier)
        assert body["patroni"]["name"] == agent.name
        xlog = {"location"} if role == "primary" else {"received_location", "replayed_location", "paused"}
        assert xlog <= set(body["xlog"]), body
        if path != "/patroni":
            assert body["pgha"]["answer"] == ("yes" if answer.status == 200 else "no")


@pytest.mark.share("path")
@pytest.mark.parametrize("path", list(REFUSED))
def test_what_is_not_understood(agents, path):
    for agent in agents:
        for method in METHODS:
            answer = agent.get(path, method)
            assert answer.status == REFUSED[path], answer
        assert agent.get(path).body, "a refusal says why"


@pytest.mark.share("method")
@pytest.mark.parametrize("method", ("POST", "PUT", "DELETE", "PATCH", "TRACE", "get", "NONSENSE"))
def test_other_methods(agents, method):
    answer = agents[0].get("/primary", method)
    assert answer.status == 405 and answer.headers["Allow"] == "GET, HEAD, OPTIONS", answer


@pytest.mark.share("question")
@pytest.mark.parametrize("question, on_primary, on_standby", [
    ("leader", r"up ready 100%", r"down #standby.*"),
    ("primary", r"up ready 100%", r"down #standby.*"),
    ("replica", r"down #primary, not a replica.*", r"up ready \d+%"),
    ("replica lag=16MB", r"down #primary, not a replica.*", r"up ready \d+%"),
    ("replica critical=16MB warning=1MB", r"down #.*", r"up ready \d+%"),
    ("read-only", r"up ready.*", r"up ready.*"),
    ("async", r"down #.*", r"up ready.*"),
    ("sync", r"down #.*", r"down #.*"),
    ("nonsense", r"(down|fail) #.*nonsense.*", r"(down|fail) #.*nonsense.*"),
    ("replica lag=10xb", r"(down|fail) #.*", r"(down|fail) #.*"),
    ("", r"(down|fail) #.*", r"(down|fail) #.*"),
])
def test_agent_check_that_is_told_the_question(agents, question, on_primary, on_standby):
    for agent, wanted in zip(agents, (on_primary, on_standby)):
        for end in ("\n", "\r\n"):
            line = agent.agent_check(question + end)
            assert re.fullmatch(wanted + r"\n", line), line
            assert len(line.partition("#")[2]) <= 128


def test_agent_send_without_a_newline(agents):
    """HAProxy adds none: what comes within a moment is the question."""
    assert agents[0].agent_check("leader") == "up ready 100%\n"


def test_pgha_ask(agents, chain):
    first, second = agents
    for agent, leader, replica in ((first, 0, 2), (second, 2, 0)):
        for question, code in (("leader", leader), ("replica", replica), ("primary", leader)):
            assert agent.ask(question).code == code
            assert agent.ask("-f", "keepalived", question).code == (0 if code == 0 else 1)
            assert agent.ask("-f", "haproxy", question).stdout.startswith("up ready" if code == 0 else "down #")
            assert agent.ask("-f", "json", question).json()["answer"] == ("yes" if code == 0 else "no")
    assert first.ask("replica", "accept_primary=yes").code == 0
    assert second.ask("replica", "critical=16MB").code == 0
    assert second.ask("replica", "critical=16XB").code == 3
    assert first.ask("nonsense").code == 3
    assert str(chain.primary.port) in first.ask("-f", "plain", "leader").stdout


@pytest.mark.parametrize("program, question", [("check_pg_leader", "leader"), ("check_pg_replica", "replica")])
def test_the_agent_says_what_the_one_shot_says(agents, chain, check, program, question):
    for agent, server in zip(agents, chain):
        own = check(program, *programs.at(server), "-f", "json").json()
        answer = agent.get(f"/check/{question}").json()
        assert (answer["state"], answer["answer"]) == (own["state"], own["answer"])
        assert answer["summary"] == own["summary"]


def test_snapshot_is_a_recording(agents, check):
    """What the agent saw, answered from by the one-shot check: the same verdict, and no secret in it."""
    for agent in agents:
        answer = agent.get("/snapshot")
        assert len(answer.json()["snapshots"]) == 2
        for program, question in (("check_pg_leader", "leader"), ("check_pg_replica", "replica")):
            replayed = check(program, "--replay", "-", "-f", "json", stdin=answer.text).json()
            asked = agent.get(f"/check/{question}").json()
            assert (replayed["state"], replayed["summary"]) == (asked["state"], asked["summary"])


def test_cascade(chain):
    """A standby of a standby is a replica like any other."""
    with Agent(chain.cascade, config={"agent": PATIENT}) as agent:
        answers = {path: agent.status(path) for path in ("/replica", "/primary", "/health", "/readiness")}
        assert answers == {"/replica": 200, "/primary": 503, "/health": 200, "/readiness": 200}
        assert agent.get("/async").status == 503, "without peers nobody knows"


def test_a_role_that_may_not_see(chain):
    """Without pg_monitor a leader can still be told; what cannot be told is a no that says so."""
    with Agent(chain.primary, user="plain", config={"agent": PATIENT}) as agent:
        assert agent.status("/primary") == 200
        assert agent.status("/replica") == 503
    with Agent(chain.standby, user="plain", config={"agent": PATIENT}) as agent:
        assert agent.status("/primary") == 503
        answer = agent.get("/check/replica").json()
        assert (answer["state"], answer["answer"]) == ("UNKNOWN", "no"), answer


def test_log_lines_are_changes_only(agents):
    """Thousands of answers and many looks later the log has one line for each check."""
    for agent in agents:
        lines = [line for line in agent.log_text().splitlines() if re.search(r": (leader|replica): ", line)]
        assert len(lines) == 2, agent.log_text()


def test_nothing_secret_anywhere(any_installation):
    """A password in a conninfo is in no answer, no log, and not in --check-config."""
    with postgres.Cluster(any_installation) as cluster:
        primary = cluster.primary()
        primary.sql("CREATE ROLE pgha LOGIN PASSWORD 'hunter2' IN ROLE pg_monitor")
        standby = cluster.standby(primary)
        for server in (primary, standby):
            server.hba("host all all samenet scram-sha-256\n")
        first, second = (conninfo(server) + " password=hunter2" for server in (primary, standby))
        with Agent(first, peers={"n2": second}, config={"agent": PATIENT}) as agent:
            assert agent.status("/primary") == 200 and agent.metrics()['pgha_up{target="n2"}'] == 1
            agent.process.send_signal(signal.SIGUSR1)
            agent.wait_log("state: check leader")
            shown = programs.check("pgha-agent", "-c", agent.file, "--check-config")
            assert shown.code == 0 and "host=" in shown.stdout
            texts = {"the log": agent.log_text(), "--check-config": str(shown)}
            for path in ("/snapshot", "/metrics", "/status", "/patroni", "/check/leader"):
                texts[path] = agent.get(path).text
            assert not [name for name, text in texts.items() if "hunter2" in text]
