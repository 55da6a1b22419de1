"""check_dcs against ZooKeeper 3.8, by its admin servers."""

import pytest

import zookeeper
from until import told

PROGRAM = "check_dcs"
pytestmark = [pytest.mark.xdist_group("zookeeper"),
              pytest.mark.skipif(bool(zookeeper.why_missing()), reason=zookeeper.why_missing() or "-")]

only_plain = pytest.mark.parametrize("build", ["plain"], indirect=True)
PATIENT = ("-w", "30s", "-c", "30s")  # a virtual machine that has just been started is slow


@pytest.fixture(scope="module")
def shared():
    with zookeeper.Ensemble(4, observers=1) as ensemble:
        yield ensemble


@pytest.fixture
def ensemble(shared):
    """Three members that vote and an observer; what a test does to them is mended after it."""
    yield shared
    shared.mend()
    shared.leader()


def asker(check):
    def run(endpoints, *args):
        urls = getattr(endpoints, "endpoints", endpoints)
        patience = () if "-t" in args else ("-t", "20s")
        return check(PROGRAM, "--endpoints", ",".join(urls), *PATIENT, *patience, *args)

    return run


@pytest.fixture
def ask(check):
    """ask(ensemble or URLs, *args) -> Result of the check."""
    return asker(check)


@pytest.fixture
def asks(checks):
    """One with each build, where a situation takes the start of virtual machines."""
    return [asker(check) for check in checks]


def place(member):
    """How a server without a name is called."""
    return member.url.removeprefix("http://")


def test_well(ensemble, ask):
    leader, observer = ensemble.leader(), ensemble.members[-1]
    told(lambda: ask(ensemble, "-v"), "OK", f"zookeeper 3.8.0: {place(leader)} leads, 4 of 4 endpoints have a quorum",
         f"{observer.url} is a member, observer, 3.8.0", f"'{place(leader)}_size_bytes'=")


def test_a_follower_alone_tells(ensemble, ask):
    follower = next(member for member in ensemble.followers() if member is not ensemble.members[-1])
    told(lambda: ask([follower.url], "--kind", "zookeeper"), "OK",
         f"{ensemble.leader().number} leads, 1 of 1 endpoint has a quorum")


def test_what_clients_store_is_not_shown(ensemble, ask):
    told(lambda: ask(ensemble, "--scope", "demo"), "UNKNOWN",
         'cannot tell who holds the leader lock of "demo": ZooKeeper\'s admin server does not show')


def test_the_port_of_clients(ensemble, ask):
    result = ask([ensemble.hosts[0]])
    assert result.state == "CRITICAL" and "closed the connection without an answer" in result.stdout, result


def test_a_follower_is_killed(ensemble, asks):
    killed = next(member for member in ensemble.followers() if member is not ensemble.members[-1])
    killed.kill()
    ensemble.wait_followers(1)
    for ask in asks:
        told(lambda ask=ask: ask(ensemble), "WARNING",
             f"1 of 4 endpoints does not answer, one more and the quorum is lost: cannot reach {killed.url}")
        # The leader alone misses it as well.
        told(lambda ask=ask: ask([ensemble.leader().url]), "WARNING", "2 of 3 members of zookeeper are there")


@only_plain
def test_a_member_is_frozen(ensemble, ask):
    frozen = ensemble.leader()
    frozen.freeze()
    ensemble.leader(other_than=frozen)
    told(lambda: ask(ensemble, "-t", "2s"), "WARNING", f"no answer from {frozen.url} in time",
         within=2.3)


def test_quorum_is_lost(ensemble, asks):
    left, *others, observer = ensemble.members
    for member in others:
        member.kill()
    left.wait_idle()
    observer.wait_idle()
    for ask in asks:
        told(lambda ask=ask: ask(ensemble), "CRITICAL", "zookeeper has no quorum, 2 of 4 endpoints do not answer")
        told(lambda ask=ask: ask([left.url]), "CRITICAL",
             "zookeeper has no quorum: This ZooKeeper instance is not currently serving requests")
        told(lambda ask=ask: ask([observer.url]), "CRITICAL")


@only_plain
def test_standalone(ask):
    with zookeeper.Ensemble(1) as single:
        result = ask(single)
        assert result.state == "OK" and "zookeeper serves, without a leader to name" in result.stdout, result
