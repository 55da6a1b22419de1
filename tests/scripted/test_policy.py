"""What a fault means is the site's decision: every --on-CLASS option changes the state, and nothing else does."""

import contextlib

import pytest

import nodes
import peers
import wire
from expect import CHECKS, STATE_OF, STATES, T, each_check, word_of
from launch import launch

CLASSES = {
    "down": peers.refusing,
    "timeout": lambda: scripted([wire.AUTH_OK, wire.hold]),
    "full": lambda: scripted([wire.fatal("53300", "sorry, too many clients already")]),
    "setup": lambda: scripted([wire.fatal("28P01", "password authentication failed")]),
    "protocol": lambda: playing(peers.http_400),
}
TIME = {"timeout": ["-t", "300ms"]}  # the others answer of their own accord


@contextlib.contextmanager
def scripted(startup):
    with wire.PgPeer(wire.Script(startup=startup)) as peer:
        yield peer.target


@contextlib.contextmanager
def playing(serve):
    with peers.Peer(serve) as peer:
        yield peer.target


@pytest.mark.parametrize("class_", CLASSES)
def test_state_of_a_class(class_):
    time = TIME.get(class_, T)
    with CLASSES[class_]() as target:
        assert word_of(launch("check_pg_leader", *target, *time)) == STATE_OF[class_]
        for state in STATES:
            assert word_of(launch("check_pg_leader", *target, *time, f"--on-{class_}", state.lower())) == state


@pytest.mark.parametrize("class_", CLASSES)
def test_options_of_the_other_classes_change_nothing(class_):
    others = [f"--on-{other}=ok" for other in CLASSES if other != class_]
    with CLASSES[class_]() as target:
        assert word_of(launch("check_pg_replica", *target, *TIME.get(class_, T), *others)) == STATE_OF[class_]


@each_check
def test_yes_and_no_of_a_class(program):
    """A warning is a yes and unknown is a no, unless the site says otherwise."""
    with peers.refusing() as target:
        def keepalived(*options):
            return launch(program, *target, *T, "-f", "keepalived", *options).code
        assert keepalived() == 1
        assert keepalived("--on-down=unknown") == 1
        assert keepalived("--on-down=unknown", "--unknown-is-ok") == 0
        assert keepalived("--on-down=warning") == 0
        assert keepalived("--on-down=warning", "--warning-is-failure") == 1


def test_wrong_role():
    """A state for people; to keepalived and HAProxy a node of the wrong role is a no whatever it is called."""
    for program, other in zip(CHECKS, (nodes.STANDBY, nodes.PRIMARY)):
        with wire.PgPeer(nodes.script(other)) as peer:
            assert word_of(launch(program, *peer.target)) == "CRITICAL"
            for state in STATES:
                option = f"--wrong-role={state.lower()}"
                assert word_of(launch(program, *peer.target, option)) == state
                assert launch(program, *peer.target, option, "-f", "keepalived").code == 1
                assert launch(program, *peer.target, option, "-f", "json").json()["answer"] == "no"
