"""The configuration of pgha-agent: what it refuses, how it says so, and what it shows of what it took."""

import os
import re
import socket

import pytest

import netns
import ports
import programs
from agent import Agent

NOBODY = "host=127.0.0.1 port=1 user=pgha"  # nobody listens there


def check_config(text, tmp_path, build="plain"):
    path = tmp_path / "agent.ini"
    path.write_text(text, encoding="utf-8")
    return programs.check("pgha-agent", "-c", path, "--check-config", build=build)


# file: (line, what the message has in that order)
REFUSED = {
    "[agent]\nintervall = 1s\n": (2, 'intervall', 'interval'),
    "[agnet]\n": (1, '"[agnet]"', '"[agent]"'),
    "[nonsense]\n": (1, '"[nonsense]"', 'sections are'),
    "[agent]\ninterval = soon\n": (2, 'interval', 'soon'),
    "[agent]\ninterval = 16MB\n": (2, 'interval', '16MB'),
    "[agent]\ninterval =\n": (2, 'interval'),
    "[agent]\ninterval = -1s\n": (2, 'interval'),
    "[agent]\ninterval = 0\n": (2, 'interval'),
    "[agent]\n\n\ntimeout = 1s\ntimeout = 2s\n": (5, 'timeout'),
    "[agent]\nlog = loud\n": (2, 'log', 'loud'),
    "[agent]\nlog = warnin\n": (2, 'log', 'warnin'),
    "[agent]\nname = a b\n": (None, '"a b"', 'name'),
    "[agent]\nrun_directory = here\n": (None, 'run_directory', 'absolute'),
    "[agent]\nmax_age = 1s\ntimeout = 1s\n": (None, 'max_age', 'interval and timeout'),
    "[agent]\n[agent]\n": (2, '[agent]', 'twice', 'line 1'),
    "[check leader]\n[check replica]\n[check leader]\n": (3, 'check leader', 'twice', 'line 1'),
    "[agent name]\n": (1, '[agent]', 'no name'),
    "[peer]\nconninfo = host=x\n": (1, '[peer]', 'needs a name', '[peer NAME]'),
    "[peer a/b]\nconninfo = host=x\n": (1, '"a/b"', 'names have'),
    "[check leader]\nwarn = 1s\n": (2, 'warn', 'warning'),
    "[check leader]\nwarning = 16MB\n": (2, 'warning', '16MB'),
    "[check leader]\nlag = 16MB\n": (2, 'lag'),
    "[check leader]\ncheck = pg_replica\n": (2, 'leader', 'pg_leader', 'another name'),
    "[check reporting]\ncritical = 1GB\n": (2, 'reporting', 'which check', 'check = pg_replica'),
    "[check reporting]\n": (None, 'reporting', 'which check'),
    "[check reporting]\ncheck = pg_replicas\n": (2, 'pg_replicas', 'pg_replica'),
    "[check primary]\ncheck = pg_leader\n": (1, '"primary"', 'already'),
    "[check replica]\ncritical = 16MB\nrecover = 1GB\n": (None, 'check replica', 'recover', 'critical'),
    "[check replica]\nrecover = 1MB\n": (None, 'check replica', 'recover'),
    "[check replica]\nrise = 0\n": (2, 'rise'),
    "[check replica]\nfall = many\n": (2, 'fall', 'many'),
    "[check replica]\non_down = fine\n": (2, 'on_down', 'fine'),
    "[track_file other]\n": (None, 'track_file other', '[check other]'),
    "[track_file leader]\nfile = here\n": (None, 'track_file leader', '"here"', 'absolute'),
    "[track_file leader]\nfile = /x\n[track_file b]\ncheck = leader\nfile = /x\n": (None, 'track_file', 'one file'),
    "[listen]\ntls_certificate = /x\n": (None, '[listen]', 'tls_key'),
    "[listen]\nmax_connections = 0\n": (2, 'max_connections'),
    "[listen]\nhttps = 127.0.0.1:1\n": (2, 'https', 'http'),
    "[postgres]\nhost = x\n": (2, 'host'),
    "[postgres]\nconninfo = bogus=1\n": (None, '[postgres]', 'connection string'),
    "[peer n2]\nconninfo = bogus=1\n": (None, '[peer n2]', 'connection string'),
    "no section\n": (1, ''),
    "key = value\n": (1, 'before any section', '[agent]'),
    "[agent\n": (1, ''),
    "[agent]\nnothing\n": (2, 'neither a section nor a setting'),
    "[agent]\nname = " + "a" * 100 + "\n": (2, 'name'),
    "[agent]\nrun_directory = /" + "a" * 100 + "\n": (None, 'run_directory'),
    "[agent]\nname = " + "a" * 10000 + "\n": (2, 'characters'),
    "[agent]\nname = " + "a" * 100000 + "\n": (None, 'larger than'),
    "".join(f"[peer n{i}]\nconninfo = host=x\n" for i in range(9)): (15, 'peers'),
    "".join(f"[check c{i}]\ncheck = pg_leader\n" for i in range(30)): (45, 'checks'),
}


@pytest.mark.parametrize("text", list(REFUSED), ids=lambda text: text[:40].replace("\n", "|"))
def test_what_is_refused(text, tmp_path, build):
    if programs.why_missing(build, "pgha-agent"):
        pytest.skip(programs.why_missing(build, "pgha-agent"))
    line, *words = REFUSED[text]
    result = check_config(text, tmp_path, build)
    said = result.stderr
    assert result.code == 3 and result.stdout == "", result
    assert said.startswith(f"pgha-agent: {tmp_path}/agent.ini:{line if line else ''}"), said
    rest, place = said[said.index("agent.ini") + len("agent.ini"):], 0
    for word in words:
        assert word in rest[place:], f"{word!r} is not in {rest[place:]!r} of {said!r}"
        place += rest[place:].index(word)


@pytest.mark.parametrize("text", [
    "[agent]\nintervall = 1s\n", "[listen]\nhttp = localhost:80\n", "[listen]\nhttp = 127.0.0.1\n",
    "[listen]\nhttp = 127.0.0.1:99999\n", "[listen]\nhttp = 1.2.3.4.5:80\n", "[listen]\nagent = 127.0.0.1:0\n",
])
def test_it_does_not_start(text, tmp_path):
    """With a bad file: the exit code says so, nothing is left behind, and standard error has the reason."""
    path = tmp_path / "agent.ini"
    path.write_text(text if "[agent]" in text else f"[agent]\nrun_directory = {tmp_path}\n{text}", encoding="utf-8")
    result = programs.check("pgha-agent", "-c", path)
    assert result.code not in (0, None) and result.code > 0, result
    assert result.stderr.startswith("pgha-agent: ") and result.stdout == "", result
    if "[listen]" in text:
        address = text.split("= ")[1].strip()
        assert f'"{address}"' in result.stderr, result
    assert not (tmp_path / "agent.sock").exists()


def test_addresses_are_checked_before_a_reload(tmp_path):
    """--check-config is what one runs before SIGHUP: what can be seen without the network is seen."""
    result = check_config("[listen]\nhttp = localhost:80\n", tmp_path)
    assert result.code == 3 and "localhost:80" in result.stderr, result


def test_shown_config_reads_as_itself(tmp_path):
    """What --check-config shows is a file that says the same."""
    text = ("[agent]\nname = n1\ninterval = 500ms\n[postgres]\nconninfo = host=a password=hunter2\n"
            "[peer n2]\nconninfo = host=b\n[check reporting]\ncheck = pg_replica\ncritical = 1GB\ncritical = 30s\n"
            "recover = 16MB\nweight_min = 5\n[track_file leader]\n[listen]\nhttp =\n")
    first = check_config(text, tmp_path)
    assert first.code == 0 and "hunter2" not in first.stdout and "interval = 500ms" in first.stdout, first
    second = check_config(first.stdout, tmp_path)
    assert second.code == 0 and second.stdout == first.stdout, second


def test_sample_config_is_the_default(tmp_path):
    sample = programs.check("pgha-agent", "--sample-config")
    empty = check_config("", tmp_path)
    assert sample.code == empty.code == 0
    assert check_config(sample.stdout, tmp_path).stdout == empty.stdout
    settings = [line for line in sample.stdout.splitlines() if re.match(r";?[a-z_]+ =", line)]
    assert len(settings) > 50


@pytest.mark.parametrize("args, code, words", [
    (("--help",), 3, "Usage: pgha-agent"), (("--version",), 3, "pgha-agent"), (("--nonsense",), 3, "--nonsense"),
    (("extra",), 3, '"extra"'), (("-c",), 3, "-c"), (("-c", "/nowhere/agent.ini"), 1, "/nowhere/agent.ini"),
    (("-c", "/nowhere/agent.ini", "--check-config"), 3, "/nowhere/agent.ini"), (("-c", "/"), 1, "directory"),
])
def test_options(args, code, words):
    result = programs.check("pgha-agent", *args)
    assert words in result.stdout + result.stderr, result
    assert result.code == code or (code == 3 and args[0] in ("--help", "--version") and result.code == 0), result


# --- two agents, and what is in the way ------------------------------------------------------------------------------

def test_a_second_agent_is_refused():
    """On one socket, or on one port: the second says so and ends, the first goes on."""
    with Agent(NOBODY) as first:
        twin = Agent(NOBODY, config={"agent": {"run_directory": first.run_directory}})
        process = twin.start(wait=False).process
        assert process.wait(30) == 1
        assert f'an agent already listens on "{first.socket}"' in twin.log_text()
        twin.release()
        other = Agent(NOBODY, config={"listen": {"http": f"127.0.0.1:{first.http_port}"}})
        assert other.start(wait=False).process.wait(30) == 1
        assert re.search(rf'cannot listen on "127.0.0.1:{first.http_port}": Address already in use', other.log_text())
        assert not os.path.exists(other.socket)
        other.release()
        assert first.ask("leader").code == 2 and first.status("/liveness") == 200


def test_a_socket_left_behind_is_taken():
    with Agent(NOBODY) as agent:
        agent.kill_all()
        assert os.path.exists(agent.socket)
        agent.start()
        assert agent.ask("leader").code == 2


def test_what_is_no_socket_is_not_removed():
    agent = Agent(NOBODY)
    with open(agent.socket, "w", encoding="ascii") as file:
        file.write("precious")
    assert agent.start(wait=False).process.wait(30) == 1
    with open(agent.socket, encoding="ascii") as file:
        assert file.read() == "precious"
    agent.release()


def test_run_directory_that_is_missing():
    agent = Agent(NOBODY, config={"agent": {"run_directory": "/nowhere"}})
    assert agent.start(wait=False).process.wait(30) == 1
    assert '"/nowhere/agent.sock": No such file or directory' in agent.log_text()
    agent.release()


# --- addresses -------------------------------------------------------------------------------------------------------

def test_several_addresses_and_ipv6():
    ours = [ports.reserve() for _ in range(4)]
    try:
        listen = {"http": f"127.0.0.1:{ours[0]}, [::1]:{ours[1]},0.0.0.0:{ours[2]}", "agent": f"[::]:{ours[3]}"}
        agent = Agent(NOBODY, config={"listen": listen})
        agent.http_port, agent.check_port = ours[0], ours[3]
        with agent:
            for address, port in (("127.0.0.1", ours[0]), ("::1", ours[1]), ("127.0.0.1", ours[2]),
                                  ("127.0.0.2", ours[2])):
                assert agent.get("/liveness", port=port, address=address).status == 200
            for address in ("::1", "127.0.0.1"):
                with agent.connect(ours[3], address=address) as connection:
                    connection.sendall(b"leader\n")
                    assert connection.recv(200).startswith(b"down #")
            for address, port in (("::1", ours[0]), ("127.0.0.1", ours[1]), ("127.0.0.2", ours[0])):
                with pytest.raises(ConnectionRefusedError):
                    agent.connect(port, address=address)
    finally:
        for port in ours:
            ports.release(port)


def test_nothing_but_the_socket():
    with Agent(NOBODY, config={"listen": {"http": "", "agent": ""}}) as agent:
        assert agent.ask("leader").code == 2
        with pytest.raises(ConnectionRefusedError):
            agent.connect()
    with Agent(NOBODY, config={"listen": {"socket": "none"}}) as agent:
        assert not os.path.exists(agent.socket) and agent.status("/liveness") == 200
        assert agent.ask("leader").code == 3


def test_the_socket_is_not_for_everybody():
    with Agent(NOBODY) as agent:
        assert os.stat(agent.socket).st_mode & 0o777 == 0o660


def test_it_listens_on_loopback_by_default(tmp_path):
    shown = check_config("", tmp_path).stdout
    assert "http = 127.0.0.1:8009" in shown and "agent = 127.0.0.1:8010" in shown


def test_in_a_namespace():

    if netns.why_missing():
        pytest.skip(netns.why_missing())
    with netns.Network("a") as network:
        with Agent(NOBODY, netns=network["a"].netns, address=network["a"].address) as agent:
            assert agent.status("/liveness") == 200 and agent.agent_check("leader\n").startswith("down #")
            with pytest.raises(OSError):
                socket.create_connection((agent.address, agent.http_port), 0.2)


def test_write_no(tmp_path):
    """What ExecStopPost= runs: every file says no, whatever stood there; and it says when it could not."""
    agent = Agent(NOBODY, tracks=("leader", "replica"))
    agent.track_path("leader").write_text("1\n", encoding="ascii")
    result = programs.check("pgha-agent", "-c", agent.file, "--write-no")
    assert result.code == 0 and (agent.track("leader"), agent.track("replica")) == ("0\n", "0\n"), result
    agent.configure("track_file leader", file="/nowhere/leader")
    result = programs.check("pgha-agent", "-c", agent.file, "--write-no")
    assert result.code == 1 and "/nowhere/leader" in result.stderr, result
    agent.release()
