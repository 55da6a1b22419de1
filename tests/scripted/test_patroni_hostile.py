"""check_patroni, where no answer of Patroni comes: truncated, huge, nested, slow, of other types, redirecting."""

import gzip
import json

import pytest

import peers
from expect import T
from launch import launch
from patroni_peers import GOOD, MB, PROGRAM, Patroni, ask, member, response, texts, word


def body(data, status=200):
    return response(status, data)


def endless(head, data):
    """That for ever, as fast as it is taken."""
    def serve(talk):
        talk.send(head)
        while True:
            talk.send(data * (65536 // len(data)))
    return serve


REDIRECT = b"Location: http://127.0.0.1:1/\r\n"
DEEP = b"[" * 100000
# Of everything that is asked; the class of the fault, and some of its text.
HOSTILE = {
    "not JSON": (body(b"<html>503</html>"), "protocol", "not JSON"),
    "empty": (body(b""), "protocol", "it is empty"),
    "truncated": (body(b'{"state": "running", "role": "mas'), "protocol", "not JSON"),
    "a list": (body(b"[]"), "protocol", "it is not an object"),
    "other members": (body(b'{"status": "ok"}'), "protocol", 'it has no "role" and "state"'),
    "wrong types": (body(b'{"state": 1, "role": {}, "members": {}}'), "protocol", "is not text"),
    "deep": (body(b'{"state":' + DEEP), "protocol", "not JSON"),
    "deep and whole": (body(b'{"state":' + b"[" * 1500 + b"]" * 1500 + b"}"), "protocol", "is not text"),
    "twice": (body(b'{"state":"running","state":"running","role":"primary"}'), "protocol", "duplicate object key"),
    "Latin-1": (body(b'{"state":"running","role":"prim\xe4r"}'), "protocol", "not JSON"),
    "zero bytes": (body(b'{"state":"running","role":"primary\x00"}'), "protocol", "not JSON"),
    "zero bytes, escaped": (body(b'{"state":"running","role":"primary\\u0000"}'), "protocol", "not JSON"),
    "UTF-16": (body('{"state":"running","role":"primary"}'.encode("utf-16")), "protocol", "not JSON"),
    "two documents": (body(b'{"state":"running","role":"primary"}{}'), "protocol", "something behind it"),
    "2 MB": (body(b'{"state":"' + b"x" * (2 * MB) + b'"}'), "protocol", "is longer than 1024 KB"),
    "endless": (endless(b"HTTP/1.0 200 -\r\n\r\n[", b"[1],"), "protocol", "is longer than 1024 KB"),
    "endless headers": (endless(b"HTTP/1.0 200 -\r\n", b"X-A: b\r\n"), "protocol", ""),
    "a redirect": (response(302, b"", REDIRECT), "protocol", "answers with status 302"),
    "a redirect for ever": (response(307, b"", REDIRECT), "protocol", "answers with status 307"),
    "404": (body(b"{}", 404), "protocol", "answers with status 404"),
    "500": (body(b"{}", 500), "protocol", "answers with status 500"),
    "401": (body(b"no", 401), "setup", "wants a user and password (status 401)"),
    "403": (body(b"no", 403), "setup", "refuses us (status 403)"),
    "not HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", "protocol", "does not answer as HTTP should"),
    "HTTP/0.9": (b'{"state":"running","role":"primary"}', "protocol", "does not answer as HTTP should"),
    "closed": (peers.close_at_once, "down", "closed the connection without an answer"),
    "silent": (peers.silent, "timeout", "no answer from "),
    "a byte a second": (peers.dribble(body(b"{}")), "timeout", "no answer from "),
}
SLOW = ("silent", "a byte a second")


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile(what):
    """As the only one to be asked: a fault of its class, in bounded time and memory."""
    answer, fault, text = HOSTILE[what]
    with Patroni(leader=answer, cluster=answer, config=answer) as peer:
        outcome = launch(PROGRAM, "--url", peer.url, "-f", "json", "-t", "1s" if what in SLOW else "10s")
    said = outcome.json()
    assert said["fault"]["class"] == fault and text in said["fault"]["text"], said
    assert said["state"] == {"down": "CRITICAL", "timeout": "CRITICAL"}.get(fault, "UNKNOWN"), said
    assert said["answer"] == "no" and outcome.err == b"", outcome
    assert outcome.elapsed < (1.5 if what in SLOW else 6), outcome


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_member(three, what):
    """One that the others vouch for: it is told, and hides nothing of the rest."""
    answer, fault, text = HOSTILE[what]
    begin = "n2 could not be asked itself: " if fault == "setup" else "Patroni of n2 does not answer: "
    three.members[1].paths["/leader"] = answer
    said = ask(three.url, "-t", "2s" if what in SLOW else "10s")
    assert said["state"] == "WARNING" and "fault" not in said, said
    assert said["summary"].startswith(begin), said
    assert text in said["summary"] or len(said["summary"]) > 120, said  # or it is cut short of it
    assert "leader n1 on timeline 3, 1 of 2 replicas are healthy" in texts(said), said
    assert said["metrics"]["n2_replay_lag_bytes"]["value"] is None, said


@pytest.mark.parametrize("what", ("truncated", "wrong types", "endless", "a redirect", "500", "closed"))
def test_hostile_view(three, what):
    """One that has no view to give is no reason not to ask the next, which has."""
    three.members[0].paths["/cluster"] = HOSTILE[what][0]
    assert ask(three.urls)["summary"] == GOOD


def test_huge_answers_of_all_are_held_in_bounded_memory(three):
    for peer in three.members:
        peer.paths["/leader"] = peer.paths["/config"] = HOSTILE["2 MB"][0]
    small = launch(PROGRAM, "--url", "http://127.0.0.1:1", "-f", "json", is_measured=True)
    outcome = launch(PROGRAM, "--url", three.urls, "-f", "json", *T, is_measured=True)
    assert outcome.json()["state"] == "CRITICAL", outcome
    assert outcome.peak_bytes < small.peak_bytes + 32 * MB, (outcome.peak_bytes, small.peak_bytes)


def test_names_stay_in_their_line(three):
    name = "n2\n|' OK - \x07\u202e" + "x" * 200
    three.set_view(n2={"name": name, "state": "stop\nped|"}, scheduled_switchover={"at": "\n\n|", "from": name})
    three.members[1].paths["/leader"] = peers.close_at_once
    outcome = launch(PROGRAM, "--url", three.url, *T)
    lines = outcome.out.decode().splitlines()
    assert lines[0].startswith("PATRONI WARNING - Patroni of n2 /' OK - "), outcome
    assert lines[0].count("|") == 1 and "\x07" not in lines[0] and len(lines) == 2, outcome


def test_many_members(three):
    others = [member(f"m{number:02}", "replica", "http://127.0.0.1:1") for number in range(40)]
    rows = three.members[0].paths["/cluster"][1]["members"]
    three.members[0].paths["/cluster"] = (200, {"members": others + rows})
    answer = ask(three.url)
    assert "there are 43 members, of which 16 were looked at" in texts(answer), answer


@pytest.mark.parametrize("url", ("file:///etc/passwd", "ftp://127.0.0.1/x", "http://u:secret@127.0.0.1:1", "gopher://x", "x",
                                 "http://", "http://:8008", "//127.0.0.1:1", "http://127.0.0.1:99999999"))
def test_a_member_at_something_else_than_a_url(three, url):
    three.set_view(n2={"api_url": url})
    answer = ask(three.url)
    assert answer["state"] == "WARNING", answer
    assert answer["summary"].startswith("n2 could not be asked itself: "), answer
    assert "secret" not in json.dumps(answer), answer


@pytest.mark.parametrize("encoding", (b"gzip", b"gzip, gzip", b"deflate", b"gzip, chunked"))
def test_a_transfer_encoding_that_nobody_asked_for(three, encoding):
    """To unpack it takes as long as whoever packed it likes: a thousand times over for each layer."""
    packed = gzip.compress(json.dumps(word("n1", "primary")).encode())
    three.members[0].paths["/leader"] = response(200, packed, b"Transfer-Encoding: %s\r\n" % encoding)
    answer = ask(three.url)
    assert "in an encoding that nobody asked for" in answer["summary"], answer
    assert answer["answer"] == "no", answer


@pytest.mark.parametrize("name", (b"Transfer-Encoding: chunked", b"transfer-encoding:\t CHUNKED "))
def test_chunks(three, name):
    data = json.dumps(word("n1", "primary")).encode()
    three.members[0].paths["/leader"] = b"HTTP/1.1 200 OK\r\n%s\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (name, len(data), data)
    assert ask(three.url)["summary"] == GOOD


def test_a_redirect_is_not_followed(three):
    with Patroni(leader=(200, word("n1", "primary"))) as elsewhere:
        there = b"Location: %s/leader\r\n" % elsewhere.url.encode()
        three.members[1].paths["/leader"] = response(302, b"", there)
        assert ask(three.url)["state"] == "WARNING"
        assert elsewhere.asked == []


def test_no_proxy_is_used(three):
    with Patroni() as proxy:
        where = {name: proxy.url for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")}
        assert ask(three.url, env=where)["summary"] == GOOD
        assert proxy.asked == []
