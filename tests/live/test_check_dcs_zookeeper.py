"""check_dcs against ZooKeeper 3.8, by its admin servers."""

import pytest

import zookeeper

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


@pytest.fixture
def ask(check):
    def run(endpoints, *args):
        urls = getattr(endpoints, "endpoints", endpoints)
        return check(PROGRAM, "--endpoints", ",".join(urls), *PATIENT, *args)

    return run


def place(member):
    """How a server without a name is called."""
    return member.url.removeprefix("http://")


def test_well(ensemble, ask):
    leader = ensemble.leader()
    result = ask(ensemble, "-v")
    assert result.state == "OK", result
    assert f"zookeeper 3.8.0: {place(leader)} leads, 4 of 4 endpoints have a quorum" in result.stdout, result
    observer = ensemble.members[-1]
    assert f"{observer.url} is a member, observer, 3.8.0" in result.stdout, result
    assert f"'{place(leader)}_size_bytes'=" in result.stdout, result


def test_a_follower_alone_tells(ensemble, ask):
    follower = next(member for member in ensemble.followers() if member is not ensemble.members[-1])
    result = ask([follower.url], "--kind", "zookeeper")
    assert result.state == "OK" and f"{ensemble.leader().number} leads, 1 of 1 endpoint has a quorum" in result.stdout


def test_what_clients_store_is_not_shown(ensemble, ask):
    result = ask(ensemble, "--scope", "demo")
    assert result.state == "UNKNOWN", result
    assert 'cannot tell who holds the leader lock of "demo": ZooKeeper\'s admin server does not show' in result.stdout


def test_the_port_of_clients(ensemble, ask):
    result = ask([ensemble.hosts[0]])
    assert result.state == "CRITICAL" and "closed the connection without an answer" in result.stdout, result


def test_a_follower_is_killed(ensemble, ask):
    killed = next(member for member in ensemble.followers() if member is not ensemble.members[-1])
    killed.kill()
    ensemble.wait_followers(1)
    result = ask(ensemble)
    assert result.state == "WARNING", result
    assert f"1 of 4 endpoints does not answer, one more and the quorum is lost: cannot reach {killed.url}" \
        in result.stdout, result
    # The leader alone misses it as well.
    alone = ask([ensemble.leader().url])
    assert alone.state == "WARNING" and "2 of 3 members of zookeeper are there" in alone.stdout, alone


@only_plain
def test_a_member_is_frozen(ensemble, ask):
    frozen = ensemble.leader()
    frozen.freeze()
    ensemble.leader(other_than=frozen)
    result = ask(ensemble, "-t", "2s")
    assert result.state == "WARNING" and f"no answer from {frozen.url} in time" in result.stdout, result
    assert result.elapsed < 2.3, result


def test_quorum_is_lost(ensemble, ask):
    left, *others, observer = ensemble.members
    for member in others:
        member.kill()
    left.wait_idle()
    result = ask(ensemble)
    assert result.state == "CRITICAL" and "zookeeper has no quorum, 2 of 4 endpoints do not answer" in result.stdout
    alone = ask([left.url])
    assert alone.state == "CRITICAL", alone
    assert "zookeeper has no quorum: This ZooKeeper instance is not currently serving requests" in alone.stdout, alone
    observer.wait_idle()
    watching = ask([observer.url])
    assert watching.state == "CRITICAL", watching


@only_plain
def test_standalone(ask):
    with zookeeper.Ensemble(1) as single:
        result = ask(single)
        assert result.state == "OK" and "zookeeper serves, without a leader to name" in result.stdout, result
