"""The agent as a service: what it tells systemd, what its unit says, and what is left when it is ended."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

import agent
import postgres
import programs
import reaper
import sandbox
import shipped

UNIT = shipped.CONFIGS / "systemd" / "pgha-agent.service"
EXPOSURE_MAX = "20"  # tenths


def unit_settings():
    """{name: [values]} of the shipped unit."""
    found = {}
    for name, value in re.findall(r"(?m)^(\w+)=(.*)$", UNIT.read_text(encoding="utf-8")):
        found.setdefault(name, []).append(value)
    return found


def exec_stop_post(ended):
    """Runs the unit's ExecStopPost= for an agent.Agent: what subprocess.run() returns."""
    line = unit_settings()["ExecStopPost"][0]
    for installed, here in (("/usr/local/bin/pgha-agent", agent.executable(ended.build)),
                            ("/etc/pgha/agent.ini", str(ended.file)), ("/run/pgha", str(ended.run_directory))):
        assert installed in line
        line = line.replace(installed, here)
    return subprocess.run(sandbox.as_user(shlex.split(line)), capture_output=True, text=True, timeout=30, check=False,
                          cwd="/")  # as systemd starts it; the user may not be let into where the tests are


# --- sd_notify -------------------------------------------------------------------------------------------------------

class Manager(threading.Thread):
    """Systemd's end of the socket: keeps every datagram and when it came."""

    def __init__(self):
        super().__init__(daemon=True)
        directory = sandbox.make_directory("n")
        self.path = str(directory / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self.socket.settimeout(0.1)
        self.messages = []  # (when, {name: value})
        self.pauses = 0  # how often there was nothing to take
        self.over = False

    def run(self):
        while not self.over:
            try:
                lines = self.socket.recv(65536).decode().splitlines()
            except TimeoutError:
                self.pauses += 1
                continue
            self.messages.append((time.monotonic(), dict(line.partition("=")[::2] for line in lines)))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.join()
        self.socket.close()

    def times(self, name, value="1", since=0.0):
        """When a message with that assignment came."""
        return [when for when, message in list(self.messages) if message.get(name) == value and when >= since]

    def settle(self):
        """Until all that was sent so far is taken."""
        before = self.pauses
        sandbox.wait_for(lambda: self.pauses > before + 1, "a pause")  # the first may have begun before

    def wait(self, name, since=0.0, timeout=30):
        return sandbox.wait_for(lambda: self.times(name, since=since), f"{name}=1", timeout,
                                detail=lambda: str(self.messages))[0]


WATCHDOG_S = 1.0


@pytest.fixture(scope="module")
def primary(any_installation):
    """One major, shared by the tests of this module, which only look at it."""
    with postgres.Cluster(any_installation) as cluster:
        made = cluster.primary()
        made.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        yield made


@pytest.fixture
def manager():
    with Manager() as made:
        yield made


def _variables(manager, pid=None):
    return {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6)),
            **({"WATCHDOG_PID": str(pid)} if pid else {})}


@pytest.fixture
def noticed(primary, manager, build):
    """An agent of the primary that tells `manager`."""
    with agent.Agent(primary, tracks=("leader",), env=_variables(manager), build=build,
                     config={"agent": agent.PATIENT}) as made:
        yield made


def test_ready_when_it_has_looked_at_the_server(any_installation, manager, build):
    """Not before: what waits for the unit finds answers."""
    with postgres.Cluster(any_installation) as cluster:
        server = cluster.primary()
        server.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        server.freeze()
        started = time.monotonic()
        try:
            with agent.Agent(server, tracks=("leader",), env=_variables(manager), build=build) as made:
                ready = manager.wait("READY")
                assert "leader: no" in made.log_text(), "the first answer"
                made.wait_track("leader", "0")
                assert ready - started > 0.9, "the look's timeout is 1 s"
        finally:
            server.thaw()


def test_ready_once_and_with_a_status(noticed, manager):
    manager.wait("READY")
    assert noticed.status() == 200
    first = next(message for _, message in manager.messages if "READY" in message)
    assert first["STATUS"] == "leader: yes, replica: no"
    time.sleep(0.5)
    assert len(manager.times("READY")) == 1


def test_watchdog_twice_a_period_and_not_while_it_stands_still(noticed, manager):
    manager.wait("WATCHDOG")
    watch = programs.Stopwatch(lambda: [noticed.process.pid, f"self/task/{manager.native_id}"])
    time.sleep(4 * WATCHDOG_S)
    pings, waited = manager.times("WATCHDOG"), watch.waited()
    gaps = [later - earlier for earlier, later in zip(pings, pings[1:])]
    assert len(pings) >= 7 - waited * 2 / WATCHDOG_S and max(gaps) < 0.75 * WATCHDOG_S + waited, (gaps, waited)
    noticed.freeze()
    manager.settle()
    stopped = time.monotonic()
    time.sleep(2 * WATCHDOG_S)
    assert manager.times("WATCHDOG", since=stopped) == []
    noticed.thaw()
    manager.wait("WATCHDOG", since=stopped)


def test_the_watchdog_of_another_process_is_not_fed(primary, manager):
    """systemd names the process that it watches."""
    with agent.Agent(primary, env=_variables(manager, pid=1)):
        manager.wait("READY")
        time.sleep(2 * WATCHDOG_S)
        assert manager.times("WATCHDOG") == []


@pytest.mark.parametrize("is_good", [True, False], ids=["good", "bad"])
def test_reloading_and_ready_again(noticed, manager, is_good):
    """Also when the file is bad: it serves on, and systemctl reload must not wait for ever."""
    manager.wait("READY")
    noticed.write(None if is_good else "[agnt]\n")
    started = time.monotonic()
    noticed.reload(is_good)
    reloading = manager.wait("RELOADING", since=started)
    ready = manager.wait("READY", since=started)
    assert reloading <= ready
    usec = next(int(message["MONOTONIC_USEC"]) for when, message in manager.messages if "RELOADING" in message)
    assert started * 1e6 - 1e4 <= usec <= ready * 1e6
    assert noticed.status() == 200


def test_stopping(noticed, manager):
    manager.wait("READY")
    assert noticed.stop() == 0
    manager.wait("STOPPING")
    assert noticed.track("leader") == "0\n"


def test_every_process_gets_sigterm(noticed):
    """As with KillMode=control-group: the writer of the track files stays until they say no."""
    noticed.wait_pid_of("track")  # its name says that it is beyond its own start
    reaper.signal_each(noticed.processes(), signal.SIGTERM)
    noticed.process.wait(30)
    noticed.wait_processes_gone()
    assert noticed.track("leader") == "0\n" and noticed.process.returncode == 0
    assert "restart" not in noticed.log_text() and "starting another" not in noticed.log_text()


def test_a_missing_manager_does_not_matter(primary):
    with agent.Agent(primary, env={"NOTIFY_SOCKET": "/nonexistent/notify"},
                     config={"agent": agent.PATIENT}) as made:
        assert made.status() == 200


def test_a_drain_survives_a_restart(primary, build):
    """The operator took the node out; that the agent was started anew changes nothing."""
    with agent.Agent(primary, tracks=("leader",), build=build, config={"agent": agent.PATIENT}) as made:
        assert made.ask("--drain").code == 0
        made.wait_track("leader", "0")
        made.stop()
        made.start()
        made.wait_track("leader", "0")
        assert made.status() == 503
        assert made.agent_check("leader\n").startswith("up drain #")
        assert made.ask("--undrain").code == 0
        made.wait_track("leader", "1")


# --- ExecStopPost= ---------------------------------------------------------------------------------------------------

def test_write_no_beside_the_writer_that_lives(primary):
    """systemd runs ExecStopPost= when the serving process is gone, its writer perhaps not yet."""
    for _ in range(10):
        with agent.Agent(primary, tracks=("leader", "replica"), config={"agent": agent.PATIENT}) as made:
            made.wait_track("leader", "1")
            made.kill()
            ended = exec_stop_post(made)
            assert (ended.returncode, ended.stderr) == (0, ""), ended.stderr
            made.wait_processes_gone()
            assert (made.track("leader"), made.track("replica")) == ("0\n", "0\n")
            assert "cannot write" not in made.log_text(), made.log_text()
            assert sorted(path.name for path in made.run_directory.glob("*.new")) == []


# --- the unit --------------------------------------------------------------------------------------------------------

def _analyze(*arguments):
    program = shutil.which("systemd-analyze")
    if not program:
        pytest.skip("no program systemd-analyze")
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_exposure():
    """It exits with 1 above the threshold."""
    ended = _analyze("security", "--offline=true", f"--threshold={EXPOSURE_MAX}", "--no-pager", str(UNIT))
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr
    assert re.search(r"Overall exposure level for pgha-agent.service: [012]\.\d", ended.stdout), ended.stdout[-500:]


def test_systemd_understands_every_line(scratch):
    """Its programs and its user are the installation's; everything else is put to systemd as it is."""
    text = UNIT.read_text(encoding="utf-8").replace("/usr/local/bin/pgha-agent", "/bin/true")
    (scratch / UNIT.name).write_text(text, encoding="utf-8")
    ended = _analyze("verify", "--man=no", "--recursive-errors=no", str(scratch / UNIT.name))
    assert (ended.returncode, ended.stdout + ended.stderr) == (0, "")
    (scratch / UNIT.name).write_text(text.replace("PrivateTmp=yes", "PrivatTmp=yes"), encoding="utf-8")
    assert "PrivatTmp" in _analyze("verify", "--man=no", str(scratch / UNIT.name)).stderr, "it would have told"


DROP_IN = shipped.CONFIGS / "systemd" / "keepalived.service.d" / "pgha-agent.conf"


def test_keepalived_does_not_start_without_the_directory(scratch):
    """The drop-in: systemd understands it, and its assertion holds where the directory is, and nowhere else."""
    (scratch / "keepalived.service").write_text("[Service]\nExecStart=/bin/true\n", encoding="utf-8")
    (scratch / "keepalived.service.d").mkdir()
    (scratch / "keepalived.service.d" / DROP_IN.name).write_bytes(DROP_IN.read_bytes())
    ended = _analyze("verify", "--man=no", "--recursive-errors=no", str(scratch / "keepalived.service"))
    assert (ended.returncode, ended.stdout + ended.stderr) == (0, "")
    assertion = re.search(r"(?m)^AssertPathIsDirectory=/run/pgha$", DROP_IN.read_text(encoding="utf-8"))[0]
    assert _analyze("condition", assertion.replace("/run/pgha", str(scratch))).returncode == 0
    assert _analyze("condition", assertion.replace("/run/pgha", str(scratch / "gone"))).returncode != 0


def _calls_of(*names):
    """The system calls of systemd's sets, and of the sets within."""
    found = set()
    for name in names:
        if not name.startswith("@"):
            found.add(name)
            continue
        lines = _analyze("syscall-filter", name).stdout.splitlines()[1:]
        found |= _calls_of(*(line.strip() for line in lines if line.strip() and not line.strip().startswith("#")))
    return found


def _traced(primary, directory):
    """An agent's life under strace, with a peer that is reached by name and all its doors: the trace."""
    trace = directory / "trace"
    peer = f"host=localhost port={primary.port} user=pgha"
    with agent.Agent(primary, tracks=("leader",), peers={"n2": peer, "gone": "host=no.such.name.invalid"},
                     config={"agent": agent.PATIENT}, argv=("strace", "-D", "-f", "-qq", "-o", str(trace))) as made:
        for path in ("/primary", "/status", "/metrics", "/snapshot"):
            made.get(path)
        assert made.agent_check("leader\n") == "up ready 100%\n" and made.ask("--drain").code == 0
        made.reload()
        made.process.send_signal(signal.SIGUSR1)
        os.kill(made.pid_of("postgres"), signal.SIGKILL)
        made.wait_log("the worker of postgres was ended")
        made.stop()

    def text():
        return trace.read_text(encoding="utf-8", errors="replace")

    # strace is nobody's child, and writes its last lines when it has time.
    sandbox.wait_for(lambda: re.search(rf"(?m)^{made.process.pid} +exit_group\(", text()), "the end of the trace")
    return text()


def test_its_system_calls_are_allowed(primary, scratch):
    """What the unit forbids is nothing that it uses, so far as strace sees: no systemd runs it here."""
    if not shutil.which("strace"):
        pytest.skip("no program strace")
    trace = _traced(primary, scratch)
    unit = unit_settings()
    allowed, forbidden = unit["SystemCallFilter"]
    allowed = _calls_of(*allowed.split()) - _calls_of(*forbidden.lstrip("~").split())
    used = set(re.findall(r"(?m)^\d+ +(\w+)\(", trace))
    assert {"socket", "rename", "clone"} & used and len(used) > 30, used
    assert used <= allowed, used - allowed
    families = set(re.findall(r"\bsocket\((AF_\w+)", trace))
    assert {"AF_INET", "AF_UNIX"} <= families
    assert families <= set(unit["RestrictAddressFamilies"][0].split()), families
    assert re.findall(r"m(?:map|protect)\(.*PROT_WRITE\|PROT_EXEC.*", trace) == [], "MemoryDenyWriteExecute="


def test_the_unit_says_what_the_agent_needs():
    """What tests/live relies on, so that it cannot be edited away."""
    unit = unit_settings()
    wanted = {"Type": "notify", "Restart": "always", "StartLimitIntervalSec": "0", "KillMode": "control-group",
              "User": "pgha", "RuntimeDirectory": "pgha", "RuntimeDirectoryMode": "0755",
              "RuntimeDirectoryPreserve": "yes", "ExecReload": "/bin/kill -HUP $MAINPID",
              "ExecStart": "/usr/local/bin/pgha-agent -c /etc/pgha/agent.ini"}
    assert {name: unit[name] for name in wanted} == {name: [value] for name, value in wanted.items()}
    max_age = re.search(r"(?m)^max_age = (\d+)s$", (shipped.CONFIGS / "agent.ini").read_text(encoding="utf-8"))
    assert int(unit["WatchdogSec"][0].rstrip("s")) > int(max_age[1]) + 1, "the track files say no before systemd kills"
    assert "mixed" not in unit["KillMode"]
