"""The other doors of pgha-agent: TLS, client certificates, and sockets that systemd hands over."""

import os
import shutil
import socket
import ssl
import subprocess

import pytest

import ports
import postgres
import sandbox
from agent import PATIENT, Agent
from certificates import Authority


@pytest.fixture(scope="module")
def primary(any_installation):
    with postgres.Cluster(any_installation) as cluster:
        server = cluster.primary()
        server.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        yield server


# --- TLS -------------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def authority():
    if not shutil.which("openssl"):
        pytest.skip("no program openssl")
    return Authority()


def test_tls(primary, authority):
    certificate, key = authority.server
    listen = {"tls_certificate": certificate, "tls_key": key, "request_timeout": "30s"}
    with Agent(primary, tls=authority.context(), config={"agent": PATIENT, "listen": listen}) as agent:
        for method in ("GET", "HEAD", "OPTIONS"):
            assert agent.get("/primary", method).status == 200
        assert agent.get("/replica").status == 503
        kept = agent.connect_http()
        for _ in range(3):
            kept.request("GET", "/primary")
            assert kept.getresponse().read()
        kept.close()
        assert b"200" not in agent.raw("GET /primary HTTP/1.0\r\n\r\n"), "nothing is said in clear"
        assert agent.agent_check("leader\n") == "up ready 100%\n", "agent-check knows no TLS"
        agent.tls = ssl.create_default_context()
        with pytest.raises(ssl.SSLCertVerificationError):
            agent.get("/primary")
        agent.tls = authority.context()
        silent = [agent.connect() for _ in range(20)]  # in the middle of a handshake they hold nothing up
        for connection in silent:
            connection.sendall(b"\x16\x03\x01")
        assert agent.get("/primary").status == 200
        for connection in silent:
            connection.close()


def test_client_certificates(primary, authority):
    """Only those of the authority are let in, whatever is asked."""
    certificate, key = authority.server
    listen = {"tls_certificate": certificate, "tls_key": key, "tls_client_ca": authority.certificate}
    stranger = Authority()
    with Agent(primary, tls=authority.context(authority.client), config={"agent": PATIENT, "listen": listen}) as agent:
        for path in ("/primary", "/status", "/metrics", "/snapshot"):
            assert agent.get(path).status == 200
        for shown in (None, stranger.client):
            agent.tls = authority.context(shown)
            for path in ("/primary", "/status", "/metrics", "/snapshot", "/nonsense"):
                for method in ("GET", "OPTIONS"):
                    try:
                        answer = agent.get(path, method)
                    except (ssl.SSLError, ConnectionError):
                        continue
                    assert answer.status == 403 and b"timeline" not in answer.body, answer


def test_certificates_are_read_anew(primary, authority):
    """At a reload, as after a renewal; one that is not a pair is refused, and the former stays."""
    certificate, key = authority.sign("server", "before")
    listen = {"tls_certificate": certificate, "tls_key": key}
    with Agent(primary, tls=authority.context(), config={"agent": PATIENT, "listen": listen}) as agent:
        before = serial(agent)
        renewed = authority.sign("server", "after")
        shutil.copy(renewed.certificate, certificate)
        assert "stays" in agent.reload(is_good=False)
        assert serial(agent) == before
        shutil.copy(renewed.key, key)
        agent.reload()
        assert serial(agent) != before and agent.get("/primary").status == 200
        agent.configure("listen", tls_certificate=None, tls_key=None)
        agent.reload()
        agent.tls = None
        assert agent.get("/primary").status == 200


def serial(agent):
    connection = agent.connect_http()
    try:
        return connection.sock.getpeercert()["serialNumber"]
    finally:
        connection.close()


# --- sockets from systemd --------------------------------------------------------------------------------------------

# Starts the program behind "--" with the sockets that it inherits as descriptors 3 and so on.
HAND_OVER = """\
import os, sys
names, argv = sys.argv[1], sys.argv[2:]
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(names.split(":"))), LISTEN_FDNAMES=names)
os.execv(argv[0], argv)
"""


def handed_over(agent, sockets):
    """Starts the agent with {name: socket}, as systemd would."""
    names = ":".join(name for name, _ in sockets)
    numbers = [sock.fileno() for _, sock in sockets]
    # Descriptors 3.. are what the shell's redirections make of them.
    redirections = " ".join(f"{3 + i}<&{number}" for i, number in enumerate(numbers))
    agent.argv = ("bash", "-c", f'exec "$@" {redirections}', "bash", "/usr/bin/python3", "-c", HAND_OVER, names)
    return numbers


def listening(port):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(100)
    return listener


def start_with(agent, sockets, monkeypatch):
    numbers = handed_over(agent, sockets)
    spawn = sandbox.spawn
    monkeypatch.setattr(sandbox, "spawn", lambda *args, **keywords: spawn(*args, pass_fds=numbers, **keywords))
    agent.start()
    monkeypatch.undo()


def test_socket_activation(primary, monkeypatch, tmp_path):
    """What systemd has opened is served under its name, is not removed, and outlives the agent."""
    http, check, own = ports.reserve(), ports.reserve(), ports.reserve()
    path = sandbox.make_directory("s") / "ask"
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(path))
    unix.listen(100)
    sandbox.give(path)
    sockets = [("http", listening(http)), ("agent", listening(check)), ("leader", listening(own)), ("socket", unix)]
    agent = Agent(primary, config={"agent": PATIENT})
    configured = agent.http_port
    agent.http_port, agent.check_port, agent.socket = http, check, str(path)
    try:
        start_with(agent, sockets, monkeypatch)
        assert agent.get("/primary").status == 200
        assert agent.agent_check("leader\n") == "up ready 100%\n"
        assert agent.agent_check("", own) == "up ready 100%\n"
        assert agent.ask("leader").code == 0
        with pytest.raises(ConnectionRefusedError):
            agent.connect(configured)
        agent.reload()
        assert agent.get("/primary").status == 200 and agent.agent_check("", own) == "up ready 100%\n"
        workers = [pid for pid, name in agent.processes().items() if name != "pgha-agent"]
        for pid in workers:
            opened = subprocess.run(["ls", "-l", f"/proc/{pid}/fd"], capture_output=True, text=True, check=True).stdout
            inodes = {f"socket:[{listener_inode(sock)}]" for _, sock in sockets}
            assert not any(inode in opened for inode in inodes), "a worker holds a listener"
        assert agent.stop() == 0
        assert path.exists(), "systemd's socket is not the agent's to remove"
        with agent.connect(http) as waiting:  # nobody answers, but systemd's socket holds the connection
            waiting.sendall(b"GET /primary HTTP/1.0\r\n\r\n")
            start_with(agent, sockets, monkeypatch)
            assert waiting.recv(100).split()[1] in (b"200", b"503"), "503: nothing is known yet"
    finally:
        agent.release()
        for _, listener in sockets:
            listener.close()
        for port in (http, check, own):
            ports.release(port)


def listener_inode(sock):

    return os.fstat(sock.fileno()).st_ino


def test_systemd_socket_activate(primary):
    """The same by systemd's own program, which starts the agent when somebody connects."""
    program = shutil.which("systemd-socket-activate")
    if not program:
        pytest.skip("no program systemd-socket-activate")
    agent = Agent(primary, config={"agent": PATIENT})
    port = agent.reserve_port()
    agent.http_port = port
    agent.argv = (program, "-l", f"127.0.0.1:{port}", "--fdname=http")
    with agent:
        assert agent.get("/primary").status == 200
        assert agent.stop() == 0
