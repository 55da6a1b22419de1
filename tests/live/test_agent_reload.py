"""What pgha-agent reads anew while it serves: SIGHUP with good and with bad files, and nobody sees it blink."""

import itertools
import os
import re
import signal
import socket
import threading
import time

import pytest

import postgres
import programs
from agent import LIMIT, PATIENT, Agent, conninfo
from sandbox import wait_for


@pytest.fixture(scope="module")
def pair(any_installation):
    with postgres.Cluster(any_installation) as cluster:
        primary = cluster.primary()
        primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        yield primary, cluster.standby(primary)


class Askers:
    """Clients that ask without a pause by every door, and note whatever is not the right answer."""

    def __init__(self, agent):
        self.agent = agent
        self.wrong = []
        self._is_over = threading.Event()
        doors = (self._http, self._http, self._kept_alive, self._agent_check, self._socket, self._track)
        self._counts = [0] * len(doors)
        self._threads = [threading.Thread(target=self._ask, args=(number, door)) for number, door in enumerate(doors)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def wait_asked(self, times):
        """Until each of them has asked so often from here on."""
        before = list(self._counts)
        wait_for(lambda: all(now - then >= times for now, then in zip(self._counts, before)),
                 f"{times} questions at every door", detail=lambda: f"{before}, now {self._counts}")

    def _ask(self, number, door):
        while not self._is_over.is_set():
            try:
                wrong = door()
            except Exception as error:  # noqa: BLE001  whatever it is, it goes into the test's report
                wrong = f"{door.__name__}: {error!r}"
            self._counts[number] += 1
            if wrong:
                self.wrong.append(wrong)

    def _http(self):
        answer = self.agent.get("/primary")
        return None if answer.status == 200 else str(answer)

    def _kept_alive(self):
        """One request is enough for a connection that may be closed between two; a pause lets a reload come."""
        with self.agent.connect() as connection:
            time.sleep(0.002)  # connected, and silent for a moment
            connection.sendall(b"GET /primary HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = connection.recv(4096)
        return None if b" 200 OK" in answer else f"after a moment of silence: {answer!r}"

    def _agent_check(self):
        line = self.agent.agent_check("leader\n")
        return None if line == "up ready 100%\n" else f"agent-check: {line!r}"

    def _socket(self):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(LIMIT)
            connection.connect(self.agent.socket)
            connection.sendall(b"ask keepalived 0 leader\n")
            answer = connection.recv(100)
        return None if answer.startswith(b"0 ") else f"socket: {answer!r}"

    def _track(self):
        time.sleep(0.001)
        content = self.agent.track("leader")
        return None if content == "1\n" else f"track file: {content!r}"


RELOADS = {
    "the same": [{}],
    "another interval": [{"agent": {"interval": "200ms"}}, {"agent": {"interval": "250ms"}}],
    "another timeout": [{"agent": {"timeout": "25s"}}, {"agent": {"timeout": "30s"}}],
    "another max_age": [{"agent": {"max_age": "1min"}}, {"agent": {"max_age": "2min"}}],
    "other limits": [{"check leader": {"warning": "20s"}}, {"check leader": {"warning": "30s"}}],
    "other damping": [{"check leader": {"rise": "2", "fall": "2"}}, {"check leader": {"rise": "1", "fall": "3"}}],
    "other bounds": [{"listen": {"max_connections": "900"}}, {"listen": {"max_connections": "800"}}],
    "a check more": [{"check other": {"check": "pg_replica"}}, {"check other": {"check": "pg_leader"}}],
    "a track file more": [{"track_file replica": {"file": "/dev/null/x"}}, {}],
}


@pytest.mark.parametrize("name", list(RELOADS))
def test_nobody_sees_a_reload(pair, name):
    """By no door and in no track file is there a no, or no answer, while the configuration is swapped."""
    primary, _ = pair
    with Agent(primary, tracks=("leader",), config={"agent": PATIENT}) as agent:
        if name == "a track file more":
            RELOADS[name][0]["track_file replica"]["file"] = agent.track_path("replica")
        agent.wait_track("leader", "1")
        inode = agent.track_path("leader").stat().st_ino
        base = {section: dict(settings) for section, settings in agent.config.items()}
        with Askers(agent) as askers:
            for changes in itertools.islice(itertools.cycle(RELOADS[name]), 10):
                agent.config = {section: dict(settings) for section, settings in base.items()}
                for section, settings in changes.items():
                    agent.config.setdefault(section, {}).update(settings)
                agent.write()
                agent.reload()
                askers.wait_asked(5)
        assert not askers.wrong, (len(askers.wrong), askers.wrong[:3])
        assert agent.track("leader") == "1\n"
        assert agent.track_path("leader").stat().st_ino == inode, "written though nothing changed"


def test_a_request_under_way_survives(pair):
    """Half of a request before the reload, the other half after it."""
    config = {"agent": PATIENT, "listen": {"request_timeout": "1min"}}
    with Agent(pair[0], config=config) as agent, agent.connect() as connection, \
            agent.connect(agent.check_port) as checker:
        connection.sendall(b"GET /primary HTTP/1.1\r\nHost: x\r\n")
        time.sleep(0.1)
        agent.reload()
        connection.sendall(b"Connection: close\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK")
        checker.sendall(b"leader\n")
        assert checker.recv(4096) == b"up ready 100%\n"


def test_ports_move(pair):
    """New addresses are served, the old ones refused, and a check's own port comes and goes."""
    with Agent(pair[0], config={"agent": PATIENT}) as agent:
        old, new, own = agent.http_port, agent.reserve_port(), agent.reserve_port()
        agent.configure("listen", http=f"127.0.0.1:{new}")
        agent.configure("check leader", agent=f"127.0.0.1:{own}")
        agent.reload()
        assert agent.get("/primary", port=new).status == 200
        with pytest.raises(ConnectionRefusedError):
            agent.connect(old)
        assert agent.agent_check("", own) == "up ready 100%\n"
        agent.configure("listen", http=f"127.0.0.1:{old}, 127.0.0.1:{new}")
        agent.configure("check leader", agent=None)
        agent.reload()
        assert [agent.get("/primary", port=port).status for port in (old, new)] == [200, 200]
        with pytest.raises(ConnectionRefusedError):
            agent.connect(own)


def test_checks_and_targets_change(pair):
    primary, standby = pair
    with Agent(primary, tracks=("leader",), config={"agent": PATIENT}) as agent:
        assert agent.status("/check/reporting") == 404 and agent.status("/primary") == 200
        agent.configure("check reporting", check="pg_replica", accept_primary="yes")
        agent.reload()
        agent.wait_status("/check/reporting", 200)
        agent.configure("postgres", conninfo=conninfo(standby))
        agent.configure("peer n1", conninfo=conninfo(primary))
        agent.configure("track_file replica", file=agent.track_path("replica"))
        agent.reload()
        agent.wait_status("/replica", 200)
        assert agent.status("/primary") == 503
        agent.wait_track("replica", "1")
        agent.wait_track("leader", "0")
        del agent.config["track_file replica"], agent.config["check reporting"], agent.config["peer n1"]
        agent.write()
        agent.reload()
        assert agent.status("/check/reporting") == 404
        agent.wait_track("replica", "0")  # nobody writes it any more, so it must not say yes for ever
        wait_for(lambda: sorted(agent.processes().values()) == ["pgha postgres", "pgha track", "pgha-agent"],
                 "these processes alone", detail=agent.processes)


def test_a_worker_whose_task_stays_goes_on(pair):
    with Agent(pair[0], peers={"n2": pair[1]}, config={"agent": PATIENT}) as agent:
        own, peer = agent.pid_of("postgres"), agent.pid_of("n2")
        agent.configure("check leader", warning="10s")
        agent.reload()
        assert (agent.pid_of("postgres"), agent.pid_of("n2")) == (own, peer)
        agent.configure("peer n2", conninfo=conninfo(pair[1]) + " connect_timeout=5")
        agent.reload()
        assert agent.pid_of("postgres") == own and agent.wait_pid_of("n2", peer) != peer


# What the file then is, {good} being what it was, and what the log has to say of it.
BAD = {
    "unknown key": ("{good}[check leader]\nwarnings = 1s\n", r'agent\.ini:\d+: .*"warnings".*warning'),
    "no file": (None, r"agent\.ini.*No such file"),
    "a port in use": ("{good}[check leader]\nagent = 127.0.0.1:{used}\n", r"cannot listen on .*{used}.*in use"),
    "no certificate": ("{good}", r"/nowhere.*No such file"),
    "bad conninfo": ("[postgres]\nconninfo = host=x bogus=1\n", r"\[postgres\]: bad connection string"),
    "bad peer": ("{good}[peer n2]\nconninfo = host=x bogus=1\n", r"\[peer n2\]: bad connection string"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_a_bad_file_changes_nothing(pair, name):
    """The former configuration stays, with its ports, workers and answers; the log says why."""
    text, wanted = BAD[name]
    with Agent(pair[0], tracks=("leader",), config={"agent": PATIENT}) as agent, socket.socket() as used:
        used.bind(("127.0.0.1", 0))
        used.listen()
        port = used.getsockname()[1]
        agent.wait_track("leader", "1")
        processes, descriptors = agent.processes(), len(agent.descriptors())
        if text is None:
            agent.file.unlink()
        else:
            if name == "no certificate":
                agent.configure("listen", tls_certificate="/nowhere", tls_key="/nowhere")
            agent.write(text.replace("{good}", agent.text()).replace("{used}", str(port)))
        with Askers(agent) as askers:
            for _ in range(5):
                said = agent.reload(is_good=False)
                askers.wait_asked(2)
                assert "the former one stays" in said and "is taken" not in said
        assert re.search(wanted.replace("{used}", str(port)), said), said
        assert not askers.wrong, askers.wrong[:3]
        assert agent.processes() == processes
        # The last who asked may not have been let go of yet.
        wait_for(lambda: abs(len(agent.descriptors()) - descriptors) <= 1, "the descriptors of before",
                 detail=agent.descriptors)
        agent.configure("listen", tls_certificate=None, tls_key=None)
        agent.reload()
        assert agent.status("/primary") == 200


def test_many_reloads_leave_nothing(pair):
    with Agent(pair[0], tracks=("leader",), peers={"n2": pair[1]}, config={"agent": PATIENT}) as agent:
        agent.reload()
        agent.wait_pid_of("track")
        processes, descriptors = sorted(agent.processes().values()), len(agent.descriptors())
        memory = resident(agent)
        for number in range(60):
            agent.configure("check leader", warning=f"{number + 1}s")
            agent.reload()
        wait_for(lambda: sorted(agent.processes().values()) == processes, "the processes of before",
                 detail=agent.processes)
        wait_for(lambda: len(agent.descriptors()) <= descriptors + 1, "the descriptors of before",
                 detail=agent.descriptors)
        assert resident(agent) < memory + 2 * 1024 * 1024


def resident(agent):
    with open(f"/proc/{agent.process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_reload_with_sanitizers(pair, build):
    if programs.why_missing(build, "pgha-agent"):
        pytest.skip(programs.why_missing(build, "pgha-agent"))
    with Agent(pair[0], build=build, tracks=("leader",), peers={"n2": pair[1]}, config={"agent": PATIENT}) as agent:
        for number in range(5):
            agent.configure("check leader", warning=f"{number + 1}s")
            agent.configure("peer n2", conninfo=conninfo(pair[1]) + f" connect_timeout={number + 5}")
            agent.reload()
            agent.write("[agent]\nnonsense = 1\n")
            agent.reload(is_good=False)
            agent.process.send_signal(signal.SIGUSR1)
            agent.wait_status("/primary", 200)
        assert agent.stop() == 0, agent.log_tail()
