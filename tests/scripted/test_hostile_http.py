"""Whatever answers in place of a manager: an end in time, in bounded memory, with the right class, and never a yes."""

import pytest

import nodes
import peers
import wire
from hostile_http import BROKEN, LARGE, SLOW, Hostile, body, redirect
from launch import SANITIZED, launch
from sandbox import wait_for

PEAK_BYTES = 64 << 20
SECONDS = 1.0           # for what may be given up before it has come
SECONDS_PATIENT = 10.0  # for what answers by itself, which is not waited for, but a peer may want for a processor
SECONDS_SLOW = 0.5      # for what has to be given up

IDENTITY = {"system_identifier": "7123456789012345678", "started_ms": "1690000000123"}


@pytest.fixture(scope="module")
def primary():
    with wire.PgPeer(nodes.script({**nodes.PRIMARY, **IDENTITY})) as peer:
        yield peer


# Each asks one URL.
ASKING = {
    "check_patroni": lambda url, _: ["--url", url],
    "check_dcs etcd": lambda url, _: ["--endpoints", url, "--kind", "etcd", "--scope", "demo"],
    "check_dcs etcd2": lambda url, _: ["--endpoints", url, "--kind", "etcd2", "--scope", "demo"],
    "check_dcs consul": lambda url, _: ["--endpoints", url, "--kind", "consul", "--scope", "demo"],
    "check_dcs zookeeper": lambda url, _: ["--endpoints", url, "--kind", "zookeeper"],
    "check_dcs": lambda url, _: ["--endpoints", url],
    "check_pg_leader": lambda url, server: [*server.target, "--patroni", url],
}
each_asker = pytest.mark.parametrize("asker", ASKING)


def timeout(seconds):
    return ["-t", f"{seconds * 1000:.0f}ms"]


def ask(asker, peer, primary, seconds=SECONDS, **how):
    program = asker.split()[0]
    outcome = launch(program, *ASKING[asker](peer.url, primary), *timeout(seconds), "-f", "json", **how, is_measured=True)
    wait_for(lambda: peer.requests, "somebody to ask")  # who may have gone before the peer had a processor to read
    assert outcome.err == b"", outcome
    assert outcome.elapsed < seconds + (2 if SANITIZED else 0.5), outcome
    assert SANITIZED or outcome.peak_bytes < PEAK_BYTES, f"{outcome.peak_bytes >> 20} MB: {outcome}"
    answer = outcome.json()
    assert answer["answer"] == "no", answer
    assert {"CRITICAL": 2, "UNKNOWN": 3}[answer["state"]] == outcome.code, outcome
    return outcome, answer


def class_of(answer):
    return answer.get("fault", {}).get("class")


# What is an answer of this store after all: Consul's leader is a text.
ANSWERS = {("check_dcs consul", "a text"), ("check_dcs", "a text")}


@each_asker
@pytest.mark.parametrize("name", BROKEN)
def test_broken(asker, name, primary):
    play, classes = BROKEN[name]
    with Hostile(play) as peer:
        _, answer = ask(asker, peer, primary, SECONDS if "timeout" in classes else SECONDS_PATIENT)
    if (asker, name) in ANSWERS:
        assert answer["state"] == "CRITICAL", answer
    else:
        assert class_of(answer) in classes, answer


@each_asker
@pytest.mark.parametrize("name", LARGE)
def test_large(asker, name, primary):
    with Hostile(LARGE[name]) as peer:
        _, answer = ask(asker, peer, primary)
    assert class_of(answer) in ("protocol", "timeout"), answer


@each_asker
@pytest.mark.parametrize("name", SLOW)
def test_slow(asker, name, primary):
    with Hostile(SLOW[name]) as peer:
        outcome, answer = ask(asker, peer, primary, SECONDS_SLOW)
    assert class_of(answer) == "timeout", answer
    assert outcome.lasted > SECONDS_SLOW * 0.6, "it was given up before its time"


@each_asker
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirected(asker, status, primary):
    with Hostile(body({"role": "primary"})) as second, Hostile(redirect(status, second.url + "/leader")) as peer:
        _, answer = ask(asker, peer, primary, SECONDS_PATIENT)
        assert not second.talks, "the second server must never be asked"
    assert class_of(answer) == "protocol", answer


@each_asker
@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/_x", "//127.0.0.1:1/"])
def test_redirected_to_another_protocol(asker, location, primary):
    with Hostile(redirect(302, location)) as peer:
        outcome, answer = ask(asker, peer, primary, SECONDS_PATIENT)
    assert class_of(answer) == "protocol" and b"root:" not in outcome.out, answer


@each_asker
def test_the_proxies_of_the_environment_are_not_asked(asker, primary):
    with Hostile(body({"role": "primary"})) as proxy, Hostile(body(b"no JSON")) as peer:
        names = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
        _, answer = ask(asker, peer, primary, SECONDS_PATIENT,
                        env={**dict.fromkeys(names, proxy.url), "no_proxy": "", "NO_PROXY": ""})
        assert not proxy.talks, "the proxy must never be asked"
    assert class_of(answer) == "protocol", answer


@each_asker
def test_the_netrc_is_not_read(asker, primary, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login alice password secret-word\ndefault login a password b\n")
    (tmp_path / ".netrc").chmod(0o600)
    with Hostile(body(b"no JSON", status=401, more=b"WWW-Authenticate: Basic realm=x\r\n")) as peer:
        ask(asker, peer, primary, SECONDS_PATIENT, env={"HOME": str(tmp_path), "NETRC": str(tmp_path / ".netrc")})
        assert all("authorization" not in request.headers for request in peer.requests), peer.requests


@each_asker
def test_only_http_is_spoken(asker, primary, tmp_path):
    """Neither a file nor another protocol is a manager."""
    (tmp_path / "leader").write_text('{"role": "primary"}')
    for url in (f"file://{tmp_path}/leader", "ftp://127.0.0.1:1/", "dict://127.0.0.1:1/", "scp://127.0.0.1:1/"):
        outcome = launch(asker.split()[0], *ASKING[asker](url, primary), *timeout(SECONDS), "-f", "json", is_measured=True)
        assert outcome.code == 3 and outcome.json()["fault"]["class"] == "usage", outcome
        assert b"cannot be asked" in outcome.out or b"not a URL" in outcome.out, outcome


@pytest.mark.parametrize("play", [peers.silent, LARGE["a body without end"]], ids=["silent", "endless"])
def test_several_at_once_end_as_early_as_one(play, primary):
    """All of them under one deadline."""
    with Hostile(play) as first, Hostile(play) as second, Hostile(play) as third:
        urls = ",".join(peer.url for peer in (first, second, third))
        for program, option in (("check_patroni", "--url"), ("check_dcs", "--endpoints")):
            outcome = launch(program, option, urls, *timeout(SECONDS), "-f", "json", is_measured=True)
            assert outcome.json()["answer"] == "no", outcome
            assert outcome.elapsed < SECONDS + (2 if SANITIZED else 0.5), outcome
            assert SANITIZED or outcome.peak_bytes < PEAK_BYTES, outcome
