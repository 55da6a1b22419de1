"""check_patroni: who is asked, by URLs and by hosts, and who we are: passwords, TLS, client certificates."""

import base64
import json
import socket
import ssl
import struct

import pytest

import certificates
import peers
from expect import T
from launch import launch
from patroni_peers import CONFIG, GOOD, PROGRAM, Patroni, ask, member, response, word


# -- who is asked, and who we are ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("url, text", (
    ("http://u:secret@127.0.0.1:1", "a URL of Patroni holds a user or password"),
    ("http://127.0.0.1:1,http://127.0.0.1:2", "none of 2 URLs answers: cannot reach "),
    ("http://127.0.0.1:1,ftp://127.0.0.1", '"ftp://127.0.0.1" is not a URL that can be asked'),
    ("ftp://127.0.0.1", "is not a URL that can be asked"),
    ("127.0.0.1:8008", '"127.0.0.1:8008" is not a URL that can be asked'),
    ("http://[::1:8008", '"http://[::1:8008" is not a URL that can be asked'),
    ("http://127.0.0.1:99999", '"http://127.0.0.1:99999" is not a URL that can be asked'),
    ("http://", '"http://" is not a URL that can be asked'),
    ("http:///patroni", '"http:///patroni" is not a URL that can be asked'),
    ("http://:8008", '"http://:8008" is not a URL that can be asked'),
    ("http://?x", '"http://?x" is not a URL that can be asked'),
    ("http://127.0.0.1:1/?x", '"http://127.0.0.1:1/?x" is not a URL that can be asked'),
    ("http://127.0.0.1:1#x", '"http://127.0.0.1:1#x" is not a URL that can be asked'),
    ("HTTP://", '"HTTP://" is not a URL that can be asked'),
    ("http://" + "x" * 300, "a URL of Patroni has more than 239 characters"),
    (",".join(f"http://127.0.0.1:{port}" for port in range(1, 18)), "more than 16 URLs of Patroni are given"),
))
def test_what_cannot_be_asked(url, text):
    answer = ask(url)
    assert text in answer["summary"] and "secret" not in json.dumps(answer), answer
    assert answer["state"] == ("CRITICAL" if "none of" in text else "UNKNOWN"), answer


# -- the hosts of the command line ------------------------------------------------------------------------------------------

def host_of(*args):
    return launch(PROGRAM, *args, *T, "-f", "json").json()


def test_host_and_port(three):
    answer = host_of("-H", "127.0.0.1", "-p", three.members[0].port)
    assert (answer["summary"], answer["target"]) == (GOOD, three.url), answer
    answer = host_of("-H", "127.0.0.1")
    assert answer["target"] == "http://127.0.0.1:8008", answer


def test_hosts_and_ports(three):
    """As several URLs: each of them is asked."""
    ports = ",".join(str(peer.port) for peer in three.members)
    answer = host_of("-H", "127.0.0.1,127.0.0.1,127.0.0.1", "-p", ports)
    assert (answer["summary"], answer["target"]) == (GOOD, three.urls), answer


def test_urls_come_before_hosts(three):
    assert host_of("--url", three.url, "-H", "127.0.0.2", "-p", "1")["summary"] == GOOD


def test_operands_of_haproxy(three):
    assert launch(PROGRAM, *T, "10.0.0.1", "5000", "127.0.0.1", three.members[0].port).code == 0
    assert launch(PROGRAM, *T, "10.0.0.1", "5000", "127.0.0.1", "1").code == 1


@pytest.mark.parametrize("args, said", (
    (("-H", "/run/postgresql"), "option --host: it is empty, a socket directory, or has a port or a URL in it"),
    (("-H", "10.0.0.1:8008"), "option --host: "),
    (("-H", "http://u:Xq7zSecret@10.0.0.1"), "option --host: "),
    (("-H", "10.0.0.1,10.0.0.2,10.0.0.3", "-p", "1,2"), "2 ports are named for 3 hosts"),
    (("-p", "8008"), "no Patroni is named"),
))
def test_hosts_that_make_no_sense(args, said):
    answer = host_of(*args)
    assert answer["state"] == "UNKNOWN" and said in answer["summary"], answer
    assert "Xq7zSecret" not in json.dumps(answer), answer


def test_nobody_is_named():
    said = launch(PROGRAM, "-f", "json").json()
    assert said["state"] == "UNKNOWN" and "no Patroni is named" in said["summary"], said
    assert "option --url is empty" in launch(PROGRAM, "--url", "").out.decode()


@pytest.fixture
def auth_file(tmp_path):
    path = tmp_path / "auth"
    path.write_text("patroni:top secret\n")
    path.chmod(0o600)
    return path


def test_the_password_goes_to_given_urls_alone(three, auth_file):
    answer = ask(three.url, "--auth-file", auth_file)
    assert answer["summary"] == GOOD
    sent = "authorization: basic " + base64.b64encode(b"patroni:top secret").decode().lower()
    assert all(sent in headers for headers in three.members[0].headers), three.members[0].headers
    assert not any("authorization" in headers for peer in three.members[1:] for headers in peer.headers)
    ask(three.urls, "--auth-file", auth_file)
    assert all(sent in three.members[1].headers[-1] for peer in three.members[1:])


def test_an_auth_file_that_others_may_read(three, auth_file):
    auth_file.chmod(0o640)
    answer = ask(three.url, "--auth-file", auth_file)
    assert answer["fault"]["class"] == "setup" and "only its owner may read" in answer["summary"], answer
    assert three.members[0].asked == []


class Tls(Patroni):
    """The same with TLS; with `authority` clients must show a certificate of it."""

    def __init__(self, pair, authority=None, **paths):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*pair)
        if authority:
            self.context.load_verify_locations(authority.certificate)
            self.context.verify_mode = ssl.CERT_REQUIRED
        super().__init__(**paths)

    @property
    def url(self):
        return f"https://{self.host}:{self.port}"

    def _answer(self, talk):
        try:
            talk.sock = self.context.wrap_socket(talk.sock, server_side=True)
            super()._answer(talk)
        except (ssl.SSLError, OSError) as e:  # it did not like our certificate, or we not its
            raise peers.Gone from e


@pytest.fixture(scope="module")
def authority():
    return certificates.Authority()


def test_tls(authority):
    with Tls(authority.server, leader=(200, word("n1", "primary")), config=(200, CONFIG)) as peer:
        peer.paths["/cluster"] = (200, {"members": [member("n1", "leader", peer.url)]})
        options = ("--min-replicas", "0", *T)
        answer = ask(peer.url, "--ca-file", authority.certificate, *options)
        assert answer["summary"] == "leader n1 on timeline 3, no replicas", answer
        answer = ask(peer.url, *options)
        assert answer["fault"]["class"] == "setup" and "TLS with " in answer["summary"], answer
        assert "/leader" in peer.asked
        answer = ask(peer.url, "--ca-file", "/nonexistent", *options)
        assert answer["fault"]["class"] == "setup", answer
        answer = host_of("-H", peer.host, "-p", peer.port, "--ca-file", authority.certificate, "--min-replicas", "0")
        assert answer["summary"] == "leader n1 on timeline 3, no replicas", "who says whom to trust means https"


def test_client_certificate(authority):
    """It is shown to members as well as to the given URLs."""
    with Tls(authority.server, authority, leader=(200, word("n1", "primary")), config=(200, CONFIG)) as peer, \
            Tls(authority.server, authority, leader=(503, word("n2", "replica"))) as other:
        peer.paths["/cluster"] = (200, {"members": [member("n1", "leader", peer.url), member("n2", "replica", other.url)]})
        trust = ("--ca-file", authority.certificate)
        answer = ask(peer.url, *trust, "--cert-file", authority.client.certificate, "--key-file", authority.client.key, *T)
        assert answer["summary"] == "leader n1 on timeline 3, 1 of 1 replica is healthy", answer
        answer = ask(peer.url, *trust, *T)
        assert answer["answer"] == "no" and "fault" in answer, answer


class Resetting(Tls):
    """It wanted a certificate, and its alert was lost: in TLS 1.3 that comes after the handshake, and the reset behind it
    may overtake it."""

    def _answer(self, talk):
        talk.sock = self.context.wrap_socket(talk.sock, server_side=True)
        talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        talk.sock.close()
        raise peers.Gone


def test_a_client_certificate_that_is_missed_without_a_word(authority):
    trust = ("--ca-file", authority.certificate)
    ours = ("--cert-file", authority.client.certificate, "--key-file", authority.client.key)
    with Resetting(authority.server) as peer:
        answer = ask(peer.url, *trust, *T)
        assert answer["fault"]["class"] == "setup" and "client certificate" in answer["hint"], answer
        answer = ask(peer.url, *trust, *ours, *T)
        assert answer["fault"]["class"] == "down", f"with one it may as well have died: {answer}"


def reset(talk):
    talk.read(1)
    talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    talk.sock.close()
    raise peers.Gone


def plain(talk):
    talk.read(1)
    talk.send(response(400, {}))


def test_the_wrong_scheme():
    """Who speaks TLS closes or resets what is none; who does not answers in plain."""
    for close in (reset, peers.close_at_once):
        with peers.Peer(close) as peer:
            answer = ask(f"http://{peer.host}:{peer.port}", *T)
            assert answer["fault"]["class"] == "down" and "https" in answer["hint"], answer
    with peers.Peer(plain) as peer:
        answer = ask(f"https://{peer.host}:{peer.port}", *T)
        assert answer["fault"]["class"] == "setup" and "http://" in answer["hint"], answer


def test_a_client_certificate_without_its_key(authority):
    with Tls(authority.server, authority) as peer:
        answer = ask(peer.url, "--ca-file", authority.certificate, "--cert-file", authority.client.certificate, *T)
        assert answer["fault"]["class"] == "setup" and "key-file" in answer["hint"], answer
