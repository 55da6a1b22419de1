"""Ten thousand clients that say nothing, and one that asks: it is answered as if it were alone."""

import errno
import resource
import statistics

import pytest

import postgres
from agent import PATIENT, Agent

SILENT = 10000
DESCRIPTORS = SILENT + 500  # for the sockets, and what else this process has open


@pytest.fixture
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < DESCRIPTORS:
        pytest.skip(f"only {hard} descriptors are allowed here (ulimit -Hn), {DESCRIPTORS} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, DESCRIPTORS), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def primary(any_installation):
    with postgres.Cluster(any_installation) as cluster:
        server = cluster.primary()
        server.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        yield server


def elapsed(agent, count=200):
    """How long answers take, in seconds, sorted."""
    answers = [agent.get("/primary") for _ in range(count)]
    assert {answer.status for answer in answers} == {200}
    return sorted(answer.elapsed for answer in answers)


@pytest.mark.parametrize("door", ("http", "agent-check"))
def test_silent_clients(primary, many_descriptors, record_property, door):
    silent = []
    with Agent(primary, config={"agent": PATIENT, "listen": {"request_timeout": "5min"}}) as agent:
        alone = elapsed(agent)
        try:
            for _ in range(SILENT):
                silent.append(agent.connect(agent.http_port if door == "http" else agent.check_port))
            among = elapsed(agent)
            assert agent.agent_check("leader\n") == "up ready 100%\n"
            assert agent.ask("leader").code == 0
            record_property("median_ms_alone", round(statistics.median(alone) * 1000, 3))
            record_property("median_ms_among_silent", round(statistics.median(among) * 1000, 3))
            assert statistics.median(among) < 3 * statistics.median(alone) + 0.001
            assert among[int(len(among) * 0.99)] < 0.1
        finally:
            for connection in silent:
                connection.close()
        assert elapsed(agent, 20)
        assert agent.stop() == 0


def test_no_descriptors_left(primary):
    """An agent that is allowed few descriptors says so, and silent clients still do not shut it."""
    config = {"agent": PATIENT, "listen": {"max_connections": 20}}
    with Agent(primary, argv=("prlimit", "--nofile=256"), config=config) as agent:
        silent = []
        try:
            for _ in range(1000):
                try:
                    silent.append(agent.connect())
                except OSError as error:
                    assert error.errno != errno.EMFILE, "this process has too few itself"
                    break
            assert len(silent) == 1000
            assert elapsed(agent, 50)
            assert agent.agent_check("leader\n") == "up ready 100%\n"
        finally:
            for connection in silent:
                connection.close()
        assert len(agent.descriptors()) <= 256


def test_too_few_descriptors_are_told(primary):
    with Agent(primary, argv=("prlimit", "--nofile=256"), config={"agent": PATIENT}) as agent:
        agent.wait_log(r"only 256 descriptors .*; raise LimitNOFILE")
        assert agent.status("/primary") == 200
