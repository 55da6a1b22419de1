"""A pgha-agent of the test's own, with its configuration, its run directory and its ports.

Pure Python, no pytest.

    with Agent(server, tracks=("leader",)) as agent:
        assert agent.get("/primary").status == 200
        assert agent.agent_check("replica lag=16MB\\n").startswith("down")
        assert agent.track("leader") == "1\\n"

Runs as the unprivileged user, also within a network namespace.  Its descendants are the workers, one for each target,
and, where there are track files, their writer, which outlives it for a moment.
"""

import functools
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import NamedTuple

import ports
import programs
import reaper
import sandbox
from netns import inside

PROGRAM = "pgha-agent"
# [agent] of a test in which nothing is silent: what a busy machine holds up is no no, and what was seen is not too old.
PATIENT = {"timeout": "30s", "max_age": "2min"}
LIMIT = 30  # seconds; only a failure takes them


@functools.lru_cache(maxsize=None)
def executable(build):
    """A copy that the unprivileged user can execute, wherever the repository is; one for all agents, as in life."""
    copy = sandbox.make_directory("bin") / PROGRAM
    shutil.copyfile(programs.path(PROGRAM, build), copy)
    copy.chmod(0o755)
    return str(copy)


class Answer(NamedTuple):
    """What came over HTTP."""
    status: int
    headers: http.client.HTTPMessage
    body: bytes
    elapsed: float  # seconds, connecting included; as Stopwatch has them, of the agent and who asks

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)

    def __str__(self):
        return f"{self.status} after {self.elapsed:.3f} s\n{self.headers}{self.text[:600]}"

    __repr__ = __str__  # what an assertion shows


def conninfo(target, user="pgha"):
    """How an agent reaches a postgres.Server; a string is one already."""
    return target if isinstance(target, str) else f"host={target.host} port={target.port} user={user}"


class Agent:
    """One agent.  Not started before start() or `with`.

    target     what [postgres] leads to: a postgres.Server, something else with host and port, or a conninfo; None: no
               such line
    peers      {name: target} for [peer NAME]
    tracks     the checks that get a track file, which is then track_path(check)
    config     {section: {key: value}} of what else the file has; a value of None leaves a line out that the harness
               would write.  Addresses of [listen] are ports of its own unless they are given.
    """

    def __init__(self, target=None, *, name="agent", peers=None, tracks=(), config=None, netns=None,
                 address="127.0.0.1", build="plain", user="pgha", tls=None, env=None, argv=()):
        self.name = name
        self.build = build
        self.netns = netns
        self.address = address
        self.tls = tls  # an ssl.SSLContext for get() and connect_http(), when [listen] has a certificate
        self.env = env or {}
        self.argv = argv  # what runs the agent, such as systemd-socket-activate and its options
        self.directory = sandbox.make_directory("a")
        self.run_directory = self.directory / "run"
        self.run_directory.mkdir(mode=0o755)
        sandbox.give(self.run_directory)
        self.socket = str(self.run_directory / "agent.sock")
        self.file = self.directory / "agent.ini"
        self.log = self.directory / "log"
        self._own_ports = [ports.reserve(), ports.reserve()]
        self.http_port, self.check_port = self._own_ports
        self.config = {
            "agent": {"name": name, "run_directory": self.run_directory},
            "postgres": {"conninfo": None if target is None else conninfo(target, user)},
            "listen": {"http": f"{_bracketed(address)}:{self.http_port}",
                       "agent": f"{_bracketed(address)}:{self.check_port}"},
            **{f"peer {peer}": {"conninfo": conninfo(at, user)} for peer, at in (peers or {}).items()},
            **{f"track_file {check}": {"file": self.track_path(check)} for check in tracks},
        }
        for section, settings in (config or {}).items():
            self.config.setdefault(section, {}).update(settings)
        self.process = None
        self._known = {}  # pid -> (name, start time) of all processes that were seen
        self.write()

    def __repr__(self):
        return f"<{self.name}: http://{self.address}:{self.http_port}>"

    def __enter__(self):
        return self if self.process else self.start()

    def __exit__(self, *_):
        self.release()

    # --- configuration -----------------------------------------------------------------------------------------------

    def text(self):
        lines = []
        for section, settings in self.config.items():
            lines.append(f"[{section}]")
            lines.extend(f"{key} = {value}" for key, value in settings.items() if value is not None)
        return "\n".join(lines) + "\n"

    def write(self, text=None):
        """The file anew, from self.config or as it is given."""
        self.file.write_text(self.text() if text is None else text, encoding="utf-8")
        sandbox.give(self.file)

    def configure(self, section, **settings):
        """Changes settings of a section (None takes one back) and writes the file; reload() makes them true."""
        self.config.setdefault(section, {}).update(settings)
        self.write()

    def reserve_port(self):
        """One more port, released with the agent."""
        self._own_ports.append(ports.reserve())
        return self._own_ports[-1]

    def reload(self, is_good=True, timeout=LIMIT):
        """SIGHUP; returns when the agent has taken the file, or, with is_good=False, has refused it: what it logged."""
        start = len(self.log_text())
        self.process.send_signal(signal.SIGHUP)
        wanted = r"the configuration .* is taken\n" if is_good else r"the configuration is not taken.*\n"
        self.wait_log(wanted, timeout, start)
        return self.log_text()[start:]

    # --- life --------------------------------------------------------------------------------------------------------

    def start(self, wait=True):
        command = [*self.argv, executable(self.build), "-c", str(self.file)]
        self.process = sandbox.spawn(command, self.log, name=self.name, netns=self.netns,
                                     env=programs.environment(self.build, **self.env))
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=LIMIT):
        """Until it answers over HTTP (where there is any) and has looked at each target once."""
        sandbox.wait_for(self._is_ready, f"{self.name} to answer", timeout, detail=self.log_tail)
        self.processes()

    def _is_ready(self):
        if self.process.poll() is not None:
            raise sandbox.HarnessError(f"{self.name} exited with {self.process.returncode}\n{self.log_tail()}")
        if not self.config["listen"]["http"]:
            return re.search(r": leader: (yes|no)", self.log_text())
        try:
            looks = [number for name, number in self.metrics().items() if name.startswith("pgha_probes_total")]
        except OSError:
            return False
        return bool(looks) and min(looks) > 0

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, timeout=LIMIT):
        """SIGTERM; returns the exit code when it and all its processes are gone."""
        self.processes()
        self.process.send_signal(signal.SIGTERM)
        self.thaw()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise sandbox.HarnessError(f"{self.name} did not stop in {timeout} s\n{self.log_tail()}") from None
        self.wait_processes_gone()
        sandbox.ended(self.process)
        return self.process.returncode

    def kill(self, number=signal.SIGKILL):
        """A signal that ends the serving process, and nobody else: how a crash ends it."""
        self.processes()
        self.process.send_signal(number)
        self.process.wait(LIMIT)
        sandbox.ended(self.process)

    def kill_all(self):
        """SIGKILL to all of its processes at once, as systemd does in the end."""
        for pid in self.processes():
            reaper.signal_each([pid], signal.SIGKILL)
        self.process.wait(LIMIT)
        self.wait_processes_gone()
        sandbox.ended(self.process)

    def freeze(self):
        """SIGSTOP to the serving process alone."""
        self.processes()
        self.process.send_signal(signal.SIGSTOP)
        sandbox.wait_for(lambda: reaper.stat_fields(self.process.pid)[0] == "T", f"{self.name} to stop at SIGSTOP")

    def thaw(self):
        reaper.signal_each(self.living(), signal.SIGCONT)

    def release(self):
        """Gone, with all its processes and its ports."""
        if self.process is not None:
            self.processes()
            if self.is_running():
                self.process.send_signal(signal.SIGTERM)
                self.thaw()
                try:
                    self.process.wait(5)
                except subprocess.TimeoutExpired:
                    sandbox.kill(self.process)
            self.thaw()
            if not reaper.wait_gone(self.living(), 3):
                reaper.signal_each(self.living(), signal.SIGKILL)
            sandbox.ended(self.process)
        for port in self._own_ports:
            ports.release(port)
        self._own_ports.clear()
        code = getattr(self.process, "returncode", 0)
        if code == programs.SANITIZER_EXIT or code in programs.CRASHES:
            raise sandbox.Never(f"it crashed, or a sanitizer speaks (exit code {code})\n{self.log_tail(200)}")

    # --- processes ---------------------------------------------------------------------------------------------------

    def processes(self):
        """{pid: name} of the serving process (first) and its descendants, zombies included."""
        found = {pid: _comm(pid) for pid in reaper.family(self.process.pid)} if self.is_running() else {}
        for pid, name in found.items():
            if pid not in self._known:
                self._known[pid] = (name, reaper.start_time(pid))
                sandbox.announce("process", pid)  # a writer of track files is nobody's child when the agent is gone
        return found

    def pid_of(self, name):
        """The pid of "postgres" (the worker of this node), of "n2" (that of a peer), of "track"."""
        return self.wait_pid_of(name)

    def wait_pid_of(self, name, other_than=None, timeout=LIMIT):
        """The same, of another process than that one.  It has its name a moment after it was made."""
        def find():
            found = [pid for pid, comm in self.processes().items() if comm == f"pgha {name}"[:15]
                     and reaper.is_alive(pid)]
            return found if len(found) == 1 and found[0] != other_than else None
        return sandbox.wait_for(find, f"one process \"pgha {name}\"", timeout,
                                detail=lambda: f"{self.processes()}\n{self.log_tail()}")[0]

    def descriptors(self):
        """What the serving process has open, as {number: what}."""
        found = {}
        for fd in os.listdir(f"/proc/{self.process.pid}/fd"):
            try:
                found[int(fd)] = os.readlink(f"/proc/{self.process.pid}/fd/{fd}")
            except FileNotFoundError:
                pass
        return found

    def wait_processes_gone(self, timeout=LIMIT):
        """Of all that were ever seen; a zombie of the serving process counts as one that was left."""
        sandbox.wait_for(lambda: not self.living(), f"the end of all processes of {self.name}", timeout,
                         detail=lambda: f"{[(pid, self._known[pid]) for pid in self.living()]}\n{self.log_tail()}")
        for pid in self._known:
            sandbox.forget("process", pid)

    def living(self):
        """Its processes of now, and those of before that are left."""
        return [pid for pid, (_, started) in self._known.items()
                if reaper.is_alive(pid) and reaper.start_time(pid) == started]

    def stopwatch(self, *servers):
        """A programs.Stopwatch of the agent, with what these servers, which have a `process`, do for it."""
        def pids():
            yield from self.living()
            for server in servers:
                yield from reaper.family(server.process.pid)
        self.processes()
        return programs.Stopwatch(pids)

    # --- asking ------------------------------------------------------------------------------------------------------

    def connect(self, port=None, timeout=LIMIT, address=None):
        """A TCP connection, to its HTTP port unless another is named."""
        address = address or self.address
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        connection = inside(self.netns, lambda: socket.socket(family, socket.SOCK_STREAM))
        connection.settimeout(timeout)
        try:
            connection.connect((address, port or self.http_port))
        except OSError:
            connection.close()
            raise
        return connection

    def connect_http(self, port=None, timeout=LIMIT, address=None):
        """An http.client.HTTPConnection, for several requests over one connection."""
        wrapper = http.client.HTTPConnection(address or self.address, port or self.http_port, timeout=timeout)
        raw = self.connect(port, timeout, address)
        wrapper.sock = self.tls.wrap_socket(raw, server_hostname=self.address) if self.tls else raw
        return wrapper

    def get(self, path, method="GET", headers=None, body=None, port=None, timeout=LIMIT, address=None):
        """One request on a connection of its own."""
        watch = programs.Stopwatch(lambda: [self.process.pid])
        connection = self.connect_http(port, timeout, address)
        try:
            connection.request(method, path, body=body, headers={"Connection": "close", **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read(), watch.seconds())
        except http.client.HTTPException as error:
            raise ConnectionError(f"no HTTP came: {error!r}") from error
        finally:
            connection.close()

    def raw(self, data, port=None, timeout=LIMIT):
        """Everything that comes until the agent closes, after these bytes."""
        with self.connect(port, timeout) as connection:
            connection.sendall(data.encode() if isinstance(data, str) else data)
            return receive_all(connection)

    def agent_check(self, text="leader\n", port=None, timeout=LIMIT):
        """What HAProxy would hear: text is its agent-send; "" for a port that answers unasked."""
        return self.raw(text, port or self.check_port, timeout).decode()

    def ask(self, *args, timeout=LIMIT):
        """Runs pgha-ask, with more than its second unless the test has a -t: a programs.Result."""
        patience = () if "-t" in args else ("-t", f"{timeout // 2}s")
        return programs.check("pgha-ask", "-s", self.socket, *patience, *args, build=self.build, timeout=timeout)

    def status(self, path="/primary"):
        return self.get(path).status

    def wait_status(self, path, status, *servers, timeout=LIMIT):
        """Until that path is answered so; the seconds that it took the agent, and these servers (see Stopwatch)."""
        watch = self.stopwatch(*servers)
        sandbox.wait_for(lambda: self.status(path) == status, f"{path} of {self.name} to be {status}", timeout, 0.01,
                         detail=lambda: f"{self.get(path)}\n{self.log_tail()}", longest_pause=0)
        return watch.seconds()

    def wait_looks(self, count=1, target="postgres"):
        """Until it has looked at a target so many times more."""
        name = f'pgha_probes_total{{target="{target}"}}'
        before = self.metrics()[name]
        # Of a worker that a reload has just started nothing is told yet.
        sandbox.wait_for(lambda: self.metrics().get(name, 0) >= before + count, f"{count} more looks at {target}", 60, 0.05,
                         detail=self.log_tail)

    def metrics(self):
        """{"name{label="value"}": number} of /metrics."""
        lines = self.get("/metrics").text.splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line and line[0] != "#"}

    # --- files -------------------------------------------------------------------------------------------------------

    def track_path(self, name):
        return self.run_directory / f"{name}.track"

    def track(self, name):
        """The content of a track file, None if there is none."""
        try:
            return self.track_path(name).read_text(encoding="ascii")
        except FileNotFoundError:
            return None

    def wait_track(self, name, content, *servers, timeout=LIMIT):
        """Until the file says that ("1" or "0"); the seconds that it took, as wait_status() has them."""
        watch = self.stopwatch(*servers)
        sandbox.wait_for(lambda: (self.track(name) or "").strip() == content,
                         f"the track file of {name} to say {content}", timeout, 0.005,
                         detail=lambda: f"it says {self.track(name)!r}\n{self.log_tail()}", longest_pause=0)
        return watch.seconds()

    def log_text(self):
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def log_tail(self, lines=40):
        return f"--- {self.log}\n{sandbox.tail(self.log, lines)}\n--- {self.file}\n{self.file.read_text()}"

    def wait_log(self, pattern, timeout=LIMIT, start=0):
        """Until the log has it, after its first `start` characters: the match."""
        return sandbox.wait_for(lambda: re.search(pattern, self.log_text()[start:]),
                                f"{pattern!r} in the log of {self.name}", timeout, detail=self.log_tail)


def receive_all(connection):
    """Until the other side closes; a reset is an end too, when something came before it."""
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except ConnectionResetError:
        if not received:
            raise
    return received


def _bracketed(address):
    return f"[{address}]" if ":" in address else address


def _comm(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="ascii", errors="replace").rstrip("\n")
    except (FileNotFoundError, ProcessLookupError):
        return ""
