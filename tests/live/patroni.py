"""A Patroni cluster of the test's own, on an etcd of its own: kill and freeze each process, switch over, pause.

Pure Python, no pytest.

    with patroni.Cluster() as cluster:
        cluster.leader().kill_patroni()
        cluster.wait_leader(other_than="n1")

Everything is on loopback, in one scratch directory, unprivileged, and goes with the process that started it. A Member
is a postgres.Server as far as asking it goes (host, port, sql(), value(), wait_until()); its life is Patroni's.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from functools import lru_cache

import psycopg2

import etcd
import installations
import ports
import postgres
import reaper
import sandbox
from sandbox import HarnessError, wait_for

SCOPE = "demo"
MAJOR = 15  # Patroni 3.0 knows no newer one

# Short, so that a test sees a lock expire. Patroni 3.0 takes any; by its rule loop_wait + 2 * retry_timeout <= ttl,
# and of retry_timeout each of three etcd endpoints gets a third, at least a second. Not shorter: a leader whose etcd is
# late for retry_timeout steps down, and on a busy machine it would do so where no test is about it.
TIMES = {"ttl": 10, "loop_wait": 1, "retry_timeout": 4}
LOOK = 0.2  # seconds between two looks at it: each is some requests to three programs in Python

HBA = ("local all all trust", "host all all samenet trust", "local replication all trust",
       "host replication all samenet trust")

# In the place of "postgres" among the programs: a start takes for as long as a file is there, as recovery after a crash
# may take.
HELD = """\
#!/bin/sh
while [ -e "{file}" ]; do sleep 0.05; done
exec "{program}" "$@"
"""

# Patroni starts PostgreSQL as pg_ctl does, as nobody's child. This adopts it, so that it is found and ended with
# Patroni, or after it; it ends when the last of both has. Which of them is Patroni stands in a file: the numbers of
# processes begin anew after 32768, so that Patroni need not be the first of its children.
KEEPER = """\
import ctypes, os, subprocess, sys
PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
file, *command = sys.argv[1:]
with open(file, "w") as output:
    print(subprocess.Popen(command).pid, file=output)
try:
    while True:
        os.wait()
except ChildProcessError:
    pass
"""


def pid_kept(file, detail):
    """The pid that a keeper writes; the file must not be there before it begins."""
    wait_for(lambda: file.exists() and file.read_text(encoding="ascii").endswith("\n"), f"{file}", 60, 0.05, detail)
    return int(file.read_text(encoding="ascii"))


def program():
    return shutil.which("patroni")


@lru_cache(maxsize=None)
def version():
    """Of Patroni: "3.0.2"; "" when there is none."""
    if not program():
        return ""
    return subprocess.run([program(), "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]


def installation():
    """The PostgreSQL that runs below it: one with pg_basebackup and pg_rewind, or None."""
    found = installations.installations().get(MAJOR)
    return found if found and (found.bindir / "pg_basebackup").exists() else None


def why_missing():
    """The reason for a skip, "" when all is there."""
    if not program():
        return "no program patroni (Debian: patroni)"
    if not installation():
        return f"no PostgreSQL {MAJOR} with pg_basebackup (Debian: postgresql-{MAJOR})"
    return etcd.why_missing()


class Answer:
    """What a REST API said."""

    def __init__(self, status, text):
        self.status = status
        self.text = text

    def json(self):
        return json.loads(self.text)

    def __repr__(self):
        return f"{self.status} {self.text[:600]}"


class Member(postgres.Server):
    """One Patroni with its PostgreSQL."""

    def __init__(self, cluster, name):
        super().__init__(cluster.installation, cluster.directory, name)
        self.cluster = cluster
        self.api_port = ports.reserve()
        self.url = f"{'https' if cluster.tls else 'http'}://{self.host}:{self.api_port}"
        self.file = self.home / "patroni.yml"
        self.patroni_pid = self._patroni_began = None
        self.tags = {}
        self._hold = self.home / "hold"
        self._make_programs()
        self._keepers = []  # the newest last; an older one may still hold the PostgreSQL that it began with
        self.write()

    def __repr__(self):
        return f"<Patroni member {self.name} at {self.url}, PostgreSQL on {self.host}:{self.port}>"

    # --- configuration -----------------------------------------------------------------------------------------------

    def configuration(self):
        address = f"{self.host}:{self.port}"
        users = {"superuser": "postgres", "replication": "replicator", "rewind": "rewinder"}
        return {
            "scope": self.cluster.scope,
            "namespace": "/service/",
            "name": self.name,
            "restapi": {"listen": f"{self.host}:{self.api_port}", "connect_address": f"{self.host}:{self.api_port}",
                        **self.cluster.access()},
            "etcd3": {"hosts": self.cluster.etcd.hosts},
            "bootstrap": {
                "dcs": self.cluster.dynamic,
                "initdb": [{"auth": "trust"}, {"encoding": "UTF8"}, "no-locale", "no-sync", {"wal-segsize": "1"}],
            },
            "postgresql": {
                "listen": address,
                "connect_address": address,
                "data_dir": str(self.data),
                "bin_dir": str(self.home / "bin"),
                "pgpass": str(self.home / "pgpass"),
                "authentication": {kind: {"username": name, "password": "unused"} for kind, name in users.items()},
                "parameters": {"unix_socket_directories": str(self.home)},
                "pg_hba": list(HBA),
                "basebackup": [{"checkpoint": "fast"}, "no-sync"],
            },
            "tags": self.tags,
        }

    def _make_programs(self):
        """The installation's, but for postgres, which can be held back."""
        programs = self.home / "bin"
        programs.mkdir(mode=0o755)
        for path in self.installation.bindir.iterdir():
            (programs / path.name).symlink_to(path)
        held = programs / "postgres"
        held.unlink()
        held.write_text(HELD.format(file=self._hold, program=self.installation.bindir / "postgres"), encoding="utf-8")
        held.chmod(0o755)

    def write(self):
        self.file.write_text(json.dumps(self.configuration(), indent=1), encoding="utf-8")  # which is YAML, too
        sandbox.give(self.file)

    def set_tags(self, **tags):
        """The member's tags from now on: noloadbalance=True, nofailover=True, any of one's own; none: no tags."""
        self.tags = tags
        self.write()
        self.rest("POST", "/reload")
        wait_for(lambda: self.rest().json().get("tags", {}) == tags, f"the tags of {self.name}", 60, LOOK,
                 detail=self.log_tail)

    # --- life --------------------------------------------------------------------------------------------------------

    def start(self, wait=True):
        """Patroni, which starts PostgreSQL, or finds it running."""
        pid_file = self.home / "patroni.pid"
        pid_file.unlink(missing_ok=True)
        keeper = sandbox.spawn([sys.executable, "-c", KEEPER, str(pid_file), program(), str(self.file)], self.log,
                               name=self.name)
        self._keepers.append(keeper)
        self.patroni_pid = pid_kept(pid_file, self.log_tail)
        self._patroni_began = reaper.start_time(self.patroni_pid)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=60):
        """Until Patroni says that its PostgreSQL runs."""
        wait_for(lambda: self.status("/health") == 200, f"PostgreSQL of {self.name} to run", timeout, LOOK,
                 detail=self.log_tail)

    def is_patroni_running(self):
        return self.patroni_pid is not None and reaper.is_alive(self.patroni_pid) \
            and reaper.start_time(self.patroni_pid) == self._patroni_began

    def postmaster(self):
        """Its pid, or None. What a crash left in the file may be another's by now, which is at home elsewhere."""
        lines = self._pid_file()
        pid = int(lines[0]) if lines else 0
        try:
            is_here = pid > 0 and reaper.is_alive(pid) and os.path.samefile(f"/proc/{pid}/cwd", self.data)
        except OSError:
            return None
        return pid if is_here else None

    def is_running(self):
        return self.postmaster() is not None

    def processes(self):
        pid = self.postmaster()
        return reaper.tree(pid) if pid else []

    def kill_patroni(self):
        """SIGKILL: PostgreSQL goes on as what it was."""
        self._signal_patroni(signal.SIGKILL)
        wait_for(lambda: not self.is_patroni_running(), f"the end of {self.name}'s Patroni")

    def _signal_patroni(self, number):
        if self.is_patroni_running():
            reaper.signal_each([self.patroni_pid], number)

    def kill_postgres(self):
        """SIGKILL to the postmaster and all its children: a crash. Patroni will start it again, or fail over."""
        pid = self.postmaster()
        if pid:
            pids = reaper.kill_tree(pid)
            if not reaper.wait_gone(pids, 20):
                raise HarnessError(f"of {pids} some are still there after SIGKILL")
            reaper.free_shared_memory(pids)

    def hold_postgres(self):
        """From now on a start of PostgreSQL lasts until let_postgres()."""
        self._hold.touch()

    def let_postgres(self):
        self._hold.unlink(missing_ok=True)

    def startup_process(self):
        """The pid of what replays WAL."""
        return self.value("SELECT pid FROM pg_catalog.pg_stat_activity WHERE backend_type = 'startup'")

    def kill(self):
        """Both, as a crash of the machine."""
        self.kill_patroni()
        self.kill_postgres()

    def promote(self, timeout=60):
        """Behind Patroni's back, in a pause, and for good: a Patroni that is still about to start its server anew makes
        it a standby once more."""
        for _ in range(2):
            wait_for(self._is_promoted, f"{self.name} to be a primary", timeout, 0.1, detail=self.log_tail)
            time.sleep(2.5 * TIMES["loop_wait"])
        wait_for(self._is_promoted, f"{self.name} to be a primary still", timeout, 0.1, detail=self.log_tail)

    def _is_promoted(self):
        try:
            if not self.value("SELECT pg_catalog.pg_is_in_recovery()"):
                return True
            self.sql("SELECT pg_catalog.pg_promote()")
        except psycopg2.Error:
            pass
        return False

    def stop(self, mode="fast", timeout=60):
        """SIGTERM to Patroni, which stops PostgreSQL and gives the lock back."""
        self._signal_patroni(signal.SIGTERM)
        wait_for(lambda: not self.is_patroni_running() and not self.is_running(), f"{self.name} to stop", timeout, 0.1,
                 detail=self.log_tail)

    def restart(self, mode="fast"):
        self.stop(mode)
        return self.start()

    def release(self):
        self.thaw()
        for keeper in self._keepers:
            sandbox.kill(keeper)
        self._keepers.clear()
        shutil.rmtree(self.data, ignore_errors=True)
        ports.release(self.port)
        ports.release(self.api_port)

    # --- standing still ----------------------------------------------------------------------------------------------

    def freeze_patroni(self):
        """SIGSTOP: connections to the REST API are taken by the kernel, and nobody ever answers; the lock expires."""
        _stop(self.patroni_pid, f"Patroni of {self.name}")

    def freeze_postgres(self):
        """SIGSTOP to the postmaster and its children."""
        _stop(self.postmaster(), f"PostgreSQL of {self.name}")  # from now on it forks no more
        for pid in self.processes()[1:]:
            reaper.signal_each([pid], signal.SIGSTOP)

    def freeze(self):
        self.freeze_patroni()
        self.freeze_postgres()

    def thaw(self):
        self._signal_patroni(signal.SIGCONT)
        reaper.signal_each(self.processes(), signal.SIGCONT)

    # --- the REST API ------------------------------------------------------------------------------------------------

    def rest(self, method="GET", path="/patroni", body=None, timeout=10):
        """An Answer, whatever its status. OSError when none comes."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout, context=self.cluster.context()) as answer:
                return Answer(answer.status, answer.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read().decode())
        except urllib.error.URLError as error:
            raise OSError(f"{self.url}{path}: {error.reason}") from None

    def status(self, path="/leader", timeout=3):
        """The code of a path, or 0 when no answer comes."""
        try:
            return self.rest("GET", path, timeout=timeout).status
        except OSError:
            return 0

    def log_tail(self, lines=40):
        return super().log_tail(lines) + "\n" + self.cluster.overview()


class Cluster:
    """`size` members, all healthy after start().

    dynamic      what differs from the harness' dynamic configuration, as for patch_config()
    etcd         an etcd.Cluster to share with another cluster, of another scope; else three members of its own
    standby_of   a server with host and port: this is then a standby cluster that follows it
    tls          a certificates.Authority: the REST API then lets nobody in but with a certificate of it; for one member,
                 since the members have none for each other
    """

    # pylint: disable-next=redefined-outer-name
    def __init__(self, size=3, scope=SCOPE, dynamic=None, etcd=None, standby_of=None, tls=None):
        self.installation = installation()
        self.directory = sandbox.make_directory("p")
        self.scope = scope
        self.tls = tls
        self.dynamic = {**TIMES, "maximum_lag_on_failover": 1048576,
                        "postgresql": {"use_pg_rewind": True, "parameters": _parameters()}, **(dynamic or {})}
        if standby_of:
            self.dynamic["standby_cluster"] = {"host": standby_of.host, "port": standby_of.port}
        self._is_own_etcd = etcd is None
        self.etcd = etcd or _new_etcd()
        self.members = [Member(self, f"n{number + 1}") for number in range(size)]

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.release()

    def start(self):
        if self._is_own_etcd:
            self.etcd.start()
        for member in self.members:
            member.start(wait=False)
        self.wait_healthy()
        if not self.is_standby_cluster():
            self.leader().sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        return self

    def release(self):
        for member in self.members:
            member.release()
        if self._is_own_etcd:
            self.etcd.release()
        else:  # or the next cluster of this name would wait for the leader of this one
            self.etcd.delete(f"/service/{self.scope}/", is_prefix=True)

    def mend(self):
        """As after start(), whatever was done to it; the leader may be another one."""
        self.etcd.mend()
        for member in self.members:
            member.thaw()
            member.let_postgres()
            if member.tags:
                member.tags = {}
                member.write()
            if not member.is_patroni_running():
                member.start(wait=False)
        wait_for(self._restore_config, "the cluster's configuration to be the first one", 60, LOOK,
                 detail=self.overview)
        self.wait_healthy()

    def _restore_config(self):
        """By every member, since one that was just started does not answer yet; and each takes its own file again."""
        try:
            answers = [member.rest("POST", "/reload") for member in self.members]
            return self.ask("PUT", "/config", self.dynamic).status == 200 and all(a.status == 202 for a in answers)
        except OSError:
            return False

    def access(self):
        """What restapi has of TLS."""
        if self.tls is None:
            return {}
        return {"certfile": self.tls.server.certificate, "keyfile": self.tls.server.key, "cafile": self.tls.certificate,
                "verify_client": "required"}

    def context(self):
        return self.tls and self.tls.context(self.tls.client)

    # --- who is who --------------------------------------------------------------------------------------------------

    def __getitem__(self, name):
        return next(member for member in self.members if member.name == name)

    def is_standby_cluster(self):
        return "standby_cluster" in self.dynamic

    def leaders(self):
        """Those that say that they hold the lock."""
        return [member for member in self.members if member.is_patroni_running() and member.status("/leader") == 200]

    def leader(self, timeout=60):
        """The member that holds the lock, once there is one."""
        return self.wait_leader(timeout=timeout)

    def wait_leader(self, other_than=None, timeout=60):
        """Until one member (not that one, nor that name) holds the lock, and its PostgreSQL takes writes unless this
        is a standby cluster."""
        found = []

        def look():
            found[:] = [member for member in self.leaders() if other_than not in (member, member.name)]
            return len(found) == 1 and (self.is_standby_cluster() or _is_primary(found[0]))

        wait_for(look, f"a leader of {self.scope} other than {other_than}", timeout, LOOK, detail=self.overview)
        return found[0]

    def replicas(self):
        """The other members, in order."""
        leader = self.leader()
        return [member for member in self.members if member is not leader]

    def wait_healthy(self, timeout=180):
        """A leader, everybody else streams from it, each Patroni sees all of it, nothing is paused."""
        wait_for(self._is_healthy, f"{self.scope} to be healthy", timeout, LOOK, detail=self.overview)
        return self

    def _is_healthy(self):
        leaders = self.leaders()
        if len(leaders) != 1:
            return False
        try:
            said = {member: member.rest().json() for member in self.members}
            leader = said.pop(leaders[0])
            if not _is_up_to_date(leader) or not self.is_standby_cluster() and leader["role"] not in PRIMARY:
                return False  # it holds the lock, and the others will have to follow it to its new timeline
            streaming = [row["application_name"] for row in leader.get("replication", ())
                         if row["state"] == "streaming"]
            return all(_is_up_to_date(replica) and replica["timeline"] == leader["timeline"]
                       and member.name in streaming for member, replica in said.items())
        except (OSError, ValueError, KeyError):
            return False

    def view(self):
        """GET /cluster of the first that answers."""
        return self.ask("GET", "/cluster").json()

    def overview(self):
        """A few lines for the report of a failure."""
        lines = []
        for member in self.members:
            try:
                said = member.rest(timeout=1)
            except OSError as error:
                said = error
            lines.append(f"{member.name}: patroni {member.patroni_pid} {member.is_patroni_running()}, postmaster "
                         f"{member.postmaster()}, /leader {member.status('/leader', 1)}, {said}")
        return "\n".join(lines)

    # --- what an administrator does ----------------------------------------------------------------------------------

    def ask(self, method, path, body=None, timeout=30):
        """By the first member whose Patroni answers."""
        trouble = OSError("no Patroni runs")
        for member in self.members:
            if not member.is_patroni_running():
                continue
            try:
                return member.rest(method, path, body, timeout)
            except OSError as error:
                trouble = error
        raise trouble

    def patch_config(self, change):
        """Changes the dynamic configuration (None removes a key)."""
        answer = self.ask("PATCH", "/config", change)
        assert answer.status == 200, answer
        return answer.json()

    def pause(self):
        self._set_pause(True)

    def resume(self):
        self._set_pause(None)

    def _set_pause(self, value):
        self.patch_config({"pause": value})
        wait_for(lambda: all(member.rest().json().get("pause", False) is bool(value) for member in self.members
                             if member.is_patroni_running()), f"pause to be {bool(value)}", 60, LOOK, self.overview)

    def switchover(self, to=None):
        """Until `to` (a member, or any) leads; returns it."""
        old = self.leader()
        body = {"leader": old.name, **({"candidate": to.name} if to else {})}
        wait_for(lambda: self._is_switching(old, body), f"a switchover from {old.name}", 60, 1, detail=self.overview)
        return self.wait_leader(other_than=old)

    def _is_switching(self, old, body):
        """Whether it is under way, asked for once more if need be: to Patroni a candidate that is late for an answer is
        none, and one that is late for the lock has failed."""
        if self.leaders() != [old]:
            return True
        answer = old.rest("POST", "/switchover", body, timeout=60)
        assert answer.status in (200, 412, 503), answer
        return answer.status == 200

    def schedule_switchover(self, at, to=None):
        """`at` is an aware datetime; DELETE /switchover by cancel_switchover()."""
        leader = self.leader()
        body = {"leader": leader.name, "scheduled_at": at.isoformat(), **({"candidate": to.name} if to else {})}
        answer = leader.rest("POST", "/switchover", body)
        assert answer.status == 202, answer

    def cancel_switchover(self):
        return self.leader().rest("DELETE", "/switchover")


def _new_etcd():
    return etcd.Cluster(size=3)


def _parameters():
    """As every server of the harness, but for what Patroni decides itself and what must be a number for it."""
    own = ("hot_standby", "wal_level", "max_wal_senders", "max_replication_slots")
    return {**{name: value for name, value in postgres.SETTINGS.items() if name not in own}, "max_wal_senders": 10,
            "max_replication_slots": 10, "max_connections": 40,
            "max_standby_streaming_delay": "-1"}  # a query may hold replay back for as long as a test wants


PRIMARY = ("master", "primary")


def _is_primary(member):
    try:
        return member.rest().json()["role"] in PRIMARY
    except (OSError, ValueError, KeyError):
        return False


def _is_up_to_date(said):
    """Of what a member says: no pause, PostgreSQL runs, and a leader is known to it."""
    return said["state"] == "running" and not said.get("pause") and not said.get("cluster_unlocked")


def sees(member, leader):
    """Whether its Patroni knows of that leader, and its PostgreSQL follows."""
    try:
        said = member.rest().json()
        return _is_up_to_date(said) and said["timeline"] == leader.rest().json()["timeline"]
    except (OSError, ValueError, KeyError):
        return False


def _stop(pid, what):
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: reaper.stat_fields(pid)[0] == "T", f"{what} to stop at SIGSTOP")
