"""The replication checks in pgha-agent: each by every door, turning with what happens and back, asked for only where it
is configured, and with a source of its own where it asks no server."""

import html
import json
import os
import re
import signal
import subprocess
import time
from typing import NamedTuple

import pytest

import basebackup
import installations
import postgres
import programs
import sandbox
from agent import Agent

PROMTOOL = programs.REPOSITORY / "build" / "tools" / "usr" / "bin" / "promtool"
GRACE = 0.3
# A server, or an agent, that has no processor for a while is no no.
PATIENT = {"timeout": "15s", "max_age": "1min"}
# "sync" is Patroni's question of the standbys.
NAMES = ("lag", "pg_sync", "slots", "subscription", "connections", "archive", "config", "backup")
WITH_SUBJECTS = {"lag": "n2", "slots": "n2", "subscription": "feed", "connections": None}
FAILOVER_SLOTS_MAJOR = 17
TURN_SECONDS = 30  # longer than any facet's period

SETTINGS = {"wal_level": "logical", "archive_mode": "on", "archive_command": "true # kept elsewhere", "fsync": "on",
            "wal_log_hints": "on", "max_slot_wal_keep_size": "1GB"}


class Site(NamedTuple):
    n1: postgres.Server       # the primary
    n2: postgres.Server       # its synchronous standby
    reports: postgres.Server  # a subscriber
    backups: os.PathLike      # a directory with a backup of n1 in it

    def config(self):
        """A section for each check, with limits that a test can reach."""
        return {
            "agent": PATIENT,
            "check lag": {"critical": "1MB"},
            "check pg_sync": {},
            "check slots": {"inactive": "critical", "expect": "n2"},
            "check subscription": {},
            "check connections": {"critical": "50%"},
            "check archive": {},
            "check config": {"ignore": "sync_spare"},
            "check backup": {"directory": self.backups, "interval": "200ms", "timeout": "10s"},
        }

    def agent(self, **keywords):
        return Agent(self.n1, name="n1", peers={"n2": self.n2}, tracks=NAMES, config=self.config(), **keywords)


def make_primary(cluster, name="n1", **settings):
    server = cluster.primary(name, settings={**SETTINGS, **settings})
    server.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor; CREATE ROLE app LOGIN")
    return server


@pytest.fixture(scope="module")
def site(any_installation):
    with postgres.Cluster(any_installation) as cluster:
        archive = sandbox.make_directory("wal")
        n1 = make_primary(cluster, archive_command=f"cp %p {archive}/%f")
        n1.sql("CREATE TABLE orders (id int)")
        n1.sql("CREATE PUBLICATION feed FOR TABLE orders")
        n1.sql("SELECT pg_catalog.pg_create_physical_replication_slot('n2')")
        n2 = cluster.standby(n1, "n2", primary_slot_name="n2")
        n1.configure(synchronous_standby_names="n2")
        reports = cluster.primary("reports")
        reports.sql("CREATE TABLE orders (id int)")
        reports.sql(f"CREATE SUBSCRIPTION feed CONNECTION 'host={n1.socket_dir} port={n1.port} user=postgres "
                    "dbname=postgres' PUBLICATION feed")
        reports.wait_until("SELECT pg_catalog.bool_and(srsubstate = 'r') FROM pg_catalog.pg_subscription_rel")
        backups = sandbox.make_directory("backups")
        basebackup.take(n1, backups / "base")
        n1.sql("SELECT pg_catalog.pg_switch_wal()")
        n1.wait_until("SELECT last_archived_wal IS NOT NULL FROM pg_catalog.pg_stat_archiver")
        yield Site(n1, n2, reports, backups)


def answer_of(agent, name):
    """The JSON of /check/NAME, whatever its status."""
    return agent.get(f"/check/{name}").json()


def say_all(agent):
    return "\n".join(f"{name}: {answer_of(agent, name)}" for name in NAMES)


# --- doors -----------------------------------------------------------------------------------------------------------

def test_every_check_by_every_door(site, build):
    if programs.why_missing(build, "pgha-agent"):
        pytest.skip(programs.why_missing(build, "pgha-agent"))
    with site.agent(build=build) as agent:
        for name in NAMES:
            agent.wait_status(f"/check/{name}", 200)
            answer = agent.get(f"/check/{name}")
            assert answer.headers["Content-Type"].startswith("application/json"), answer
            assert answer.json()["check"] == name and answer.json()["answer"] == "yes", answer
            assert answer.json()["state"] == "OK" and answer.json()["summary"], answer
            assert agent.get(f"/check/{name}", "HEAD").body == b""
            assert agent.agent_check(f"{name}\n") == "up ready 100%\n"
            asked = agent.ask(name)
            assert asked.code == 0 and answer.json()["summary"].split()[0] in asked.stdout, asked
            agent.wait_track(name, "1")
        page = agent.get("/status").text
        assert [name for name in NAMES if f"<b><bdi>{name}</bdi></b>" not in page] == []
        assert agent.stop() == 0, agent.log_tail()
        assert [agent.track(name) for name in NAMES] == ["0\n"] * len(NAMES)


def test_metrics(site):
    """A series for each check, and one for each of its things, with the label `subject`."""
    with site.agent() as agent:
        for name in NAMES:
            agent.wait_status(f"/check/{name}", 200)
        text, metrics = agent.get("/metrics").text, agent.metrics()
        target = f"{site.n1.host}:{site.n1.port}"
        for name in NAMES:
            labels = f'check="{name}",target="{site.backups if name == "backup" else target}"'
            assert metrics[f"pgha_check_yes{{{labels}}}"] == 1, text
            assert metrics[f'pgha_check_state{{{labels},state="ok"}}'] == 1, text
        for name, subject in WITH_SUBJECTS.items():
            figures = re.findall(rf'^pgha_\w+{{check="{name}",target="[^"]*"(?:,subject="([^"]*)")?}} ', text, re.M)
            assert figures and (subject is None or subject in figures), (name, figures)
        samples = [line.rpartition(" ")[0] for line in text.splitlines() if line and line[0] != "#"]
        assert len(samples) == len(set(samples)), "a sample is there twice"
        assert len(text) < 64 * 1024
        if not PROMTOOL.exists():
            pytest.skip(f"{PROMTOOL} is not there: make check unpacks it with apt-get download, which failed")
        said = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True, text=True, timeout=30,
                              check=False)
        complaints = [line for line in (said.stdout + said.stderr).splitlines()
                      if not line.startswith("pg_replication_")]  # names that dashboards had before us
        assert complaints == []


# --- turning ---------------------------------------------------------------------------------------------------------

# What each says while all of it is wrong, each for a reason of its own.
WRONG = {
    "lag": r"n2 .*(MB|behind)|n2 is \d.* MB",
    "pg_sync": r"commits block: .*nobody",
    "slots": r"spare",
    "subscription": r"feed",
    "connections": r"1\d of 17 connections|critical above 50",
    "archive": r"(fail|archiv)",
    "config": r"fsync: off",
    "backup": r"no good backup",
}


class Trouble:
    """with Trouble(site): everything goes wrong at once; taken back in the end."""

    def __init__(self, site):
        self.site = site
        self.sessions = []

    def __enter__(self):
        n1, n2, reports, backups = self.site
        self.sessions = [n1.connect(user="app") for _ in range(10)]
        n2.sql("SELECT pg_catalog.pg_wal_replay_pause()")
        n1.sql("SELECT pg_catalog.pg_logical_emit_message(false, 'x', pg_catalog.repeat('x', 3000000))")
        n1.sql("SELECT pg_catalog.pg_create_physical_replication_slot('spare', true)")
        reports.sql("ALTER SUBSCRIPTION feed DISABLE")
        (backups / "base").rename(backups.with_name(backups.name + "-away"))
        n1.configure(synchronous_standby_names="nobody", archive_command="false", fsync="off")
        n1.sql("SELECT pg_catalog.pg_switch_wal()")
        return self

    def __exit__(self, *_):
        n1, n2, reports, backups = self.site
        for session in self.sessions:
            session.close()
        n1.configure(synchronous_standby_names="n2", archive_command=SETTINGS["archive_command"], fsync="on")
        n2.sql("SELECT pg_catalog.pg_wal_replay_resume()")
        n1.sql("SELECT pg_catalog.pg_drop_replication_slot('spare')")
        reports.sql("ALTER SUBSCRIPTION feed ENABLE")
        backups.with_name(backups.name + "-away").rename(backups / "base")


def test_every_check_turns_and_turns_back(site):
    """Within its facet's period, by every door; the others that are right meanwhile stay so."""
    with site.agent() as agent:
        for name in NAMES:
            agent.wait_status(f"/check/{name}", 200)
        with Trouble(site):
            for name in NAMES:
                agent.wait_status(f"/check/{name}", 503, timeout=TURN_SECONDS)
            for name in NAMES:
                answer = answer_of(agent, name)
                assert re.search(WRONG[name], answer["summary"]), (name, answer)
                assert answer["state"] == "CRITICAL" and answer["answer"] == "no", (name, answer)
                # What to do stands beside it; pg_config has it behind each finding.
                assert answer.get("hint") or "write fsync = on" in answer["summary"], (name, answer)
                assert agent.agent_check(f"{name}\n").startswith("down #"), name
                assert agent.ask(name).code == 2, name
                agent.wait_track(name, "0")
            yes = {re.search(r'check="([^"]*)"', line)[1]: number for line, number in agent.metrics().items()
                   if line.startswith("pgha_check_yes{")}
            assert yes == {**dict.fromkeys(NAMES, 0), "leader": 1, "replica": 0}
            page = agent.get("/status").text
            assert "fsync: off" in page and "no good backup" in page
            assert agent.status("/primary") == 200
            assert agent.status("/check/lag?critical=1GB") == 200 and agent.status("/check/lag?critical=1kB") == 503
        for name in NAMES:
            agent.wait_status(f"/check/{name}", 200, timeout=TURN_SECONDS)
            agent.wait_track(name, "1")
        for name in NAMES:
            agent.wait_log(rf"\b{name}: yes -> no")
            agent.wait_log(rf"\b{name}: no -> yes")


# --- parameters ------------------------------------------------------------------------------------------------------

def test_limits_of_the_one_who_asks(site):
    """They are for this one answer; what is configured stays."""
    with site.agent() as agent:
        for name in NAMES:
            agent.wait_status(f"/check/{name}", 200)
        for question, status in {
            "connections?critical=0": 503, "connections?critical=100": 200, "connections?critical=90%25": 200,
            "connections?min_free=1000": 503,
            "backup?critical=1ms": 503, "backup?critical=1d": 200, "backup?min_count=2": 503,
            "slots?expect=absent": 503, "slots?slot=n2&expect=n2": 200,
            "lag?standby=n2": 200, "lag?standby=n*": 200, "lag?standby=n7": 503, "lag?min_standbys=2": 503,
            "lag?critical=1kB": 200, "pg_sync?critical=1:": 503, "pg_sync?critical=0:": 200,
            "config?ignore=*": 200, "archive?off=ok": 200, "subscription?critical=1GB": 200,
        }.items():
            answer = agent.get(f"/check/{question}")
            assert answer.status == status, f"{question}: {answer}"
        for question in ("lag?critical=soon", "slots?inactive=perhaps", "connections?min_free=-1", "archive?nonsense=1",
                         "pg_sync?critical=1MB", "backup?min_count=x"):
            answer = agent.get(f"/check/{question}")
            assert answer.status == 400 and question.partition("?")[2].partition("=")[0] in answer.text, answer
        assert agent.agent_check("connections critical=0\n").startswith("down #")
        assert agent.agent_check("connections\n") == "up ready 100%\n"
        assert agent.ask("backup", "critical=1ms").code == 2 and agent.ask("backup").code == 0


@pytest.mark.parametrize("question", (
    "backup?directory=/etc", "backup?file=/etc/passwd", "backup?tool=barman", "backup?command=/bin/true",
    "backup?stanza=other", "backup?server=other", "backup?has_archive=yes", "backup?barman_check=yes",
    "config?file=/etc/passwd",
))
def test_where_to_look_is_not_for_who_asks(site, question):
    """By no door: the agent reads and runs what its configuration names, and nothing else."""
    name, _, parameter = question.partition("?")
    with Agent(site.n1, config={section: site.config()[section] for section in ("agent", f"check {name}")}) as agent:
        agent.wait_status(f"/check/{name}", 200)
        before = answer_of(agent, name)["summary"]
        answer = agent.get(f"/check/{question}")
        assert answer.status == 400 and "for the configuration alone" in answer.text, answer
        assert agent.agent_check(f"{name} {parameter}\n").startswith("down #"), question
        asked = agent.ask(name, parameter)
        assert asked.code == 3 and "for the configuration alone" in asked.stdout, asked
        assert answer_of(agent, name)["summary"].split()[:3] == before.split()[:3]


@pytest.mark.parametrize("section", ("[check backup]\n", "[check backup]\ncritical = 1d\nstanza = demo\n",
                                     "[check mine]\ncheck = pg_backup\nserver = main\n"))
def test_a_check_must_say_where_to_look(tmp_path, build, section):
    if programs.why_missing(build, "pgha-agent"):
        pytest.skip(programs.why_missing(build, "pgha-agent"))
    path = tmp_path / "agent.ini"
    path.write_text(section, encoding="utf-8")
    for options in (("--check-config",), ()):
        result = programs.check("pgha-agent", "-c", path, *options, build=build)
        assert result.code in (1, 3) and result.stdout == "", result
        assert "does not say where to look" in result.stderr and "check_pg_backup --help" in result.stderr, result


# --- what is asked ---------------------------------------------------------------------------------------------------

# What only the facet of that check has in its SQL.
TELLTALES = {
    "pg_sync": "AS is_commit_own", "slots": "AS safe_bytes", "subscription": "pg_subscription",
    "connections": "AS idle_in_transaction", "archive": "pg_ls_archive_statusdir", "config": "AS wal_log_hints",
}

ALSO_ASKED = {"subscription": ["slots"]}  # those of a publisher


def asked_since(server, start):
    """Those of the telltales that the server was asked, after the first `start` characters of its log."""
    heard = server.log.read_text(encoding="utf-8", errors="replace")[start:]
    statements = "".join(part for part in re.split(r"(?m)^(?=\d{4}-\d\d-\d\d )", heard) if " pgha-agent LOG:" in part)
    return {name for name, telltale in TELLTALES.items() if telltale in statements}


@pytest.fixture
def talking(any_installation):
    """A server that logs every statement."""
    with postgres.Cluster(any_installation) as cluster:
        yield make_primary(cluster, archive_command="false", log_statement="all")


LOOKS = 'pgha_probes_total{target="postgres"}'


def test_only_what_is_configured_is_asked(talking):
    """A reload that adds a check has its facets asked by a new worker, and nobody sees a no; one that takes it away
    ends that."""
    def size():
        return talking.log.stat().st_size

    with Agent(talking, config={"agent": {**PATIENT, "interval": "100ms"}}) as agent:
        agent.wait_looks(3)
        assert asked_since(talking, 0) == set()
        for name in TELLTALES:
            worker, start = agent.pid_of("postgres"), size()
            agent.configure(f"check {name}")
            agent.reload()
            for _ in range(20):
                assert agent.status("/primary") == 200, agent.log_tail()
            assert agent.wait_pid_of("postgres", worker) != worker
            sandbox.wait_for(lambda: answer_of(agent, name)["summary"], f"an answer of {name}")
            agent.wait_looks(3)
            assert asked_since(talking, start) == {name, *ALSO_ASKED.get(name, ())}, name
            del agent.config[f"check {name}"]
            agent.write()
            agent.reload()
            assert agent.status(f"/check/{name}") == 404
            agent.wait_looks(3)
            start = size()
            agent.wait_looks(3)
            assert asked_since(talking, start) == set(), name


def test_slow_facets_are_asked_seldom(talking):
    """Ten looks a second, or as many as the machine has time for, of which most recall what changes slowly."""
    config = {f"check {name}": {} for name in TELLTALES}
    with Agent(talking, config={"agent": {**PATIENT, "interval": "100ms"}, **config}) as agent:
        agent.wait_looks(3)
        start, began = talking.log.stat().st_size, time.monotonic()
        agent.wait_looks(25)
        heard = talking.log.read_text(encoding="utf-8", errors="replace")[start:]
        seconds = time.monotonic() - began
        count = {name: heard.count(telltale) for name, telltale in TELLTALES.items()}
        assert count["pg_sync"] >= 20, "what a leader needs is asked each time"
        assert 1 <= count["slots"] <= seconds + 2 and 1 <= count["connections"] <= seconds + 2, (seconds, count)
        assert count["archive"] <= seconds / 5 + 1 and count["config"] <= seconds / 10 + 1, (seconds, count)


# --- a source of its own ---------------------------------------------------------------------------------------------

TOOL = """\
#!/bin/sh
echo $$ >>{directory}/pids
[ -e {directory}/hang ] && exec sleep 600
[ -e {directory}/slow ] && sleep 2
cat {directory}/info.json
"""


class Tool:
    """Plays pgbackrest: says what is in info.json, or hangs as long as there is a file "hang"."""

    def __init__(self):
        self.directory = sandbox.make_directory("tool")
        self.command = self.directory / "pgbackrest"
        self.command.write_text(TOOL.format(directory=self.directory), encoding="ascii")
        self.command.chmod(0o755)
        now = int(time.time())
        wal = "000000010000000000000002"
        (self.directory / "info.json").write_text(json.dumps([{
            "name": "demo", "status": {"code": 0, "message": "ok"}, "db": [{"id": 1, "repo-key": 1}],
            "archive": [{"database": {"id": 1, "repo-key": 1}, "min": wal, "max": wal}],
            "backup": [{"label": "20260101-000000F", "type": "full", "error": False,
                        "database": {"id": 1, "repo-key": 1}, "archive": {"start": wal, "stop": wal},
                        "timestamp": {"start": now - 120, "stop": now - 60}}],
        }]), encoding="ascii")

    def config(self, **settings):
        """With a timeout in which a shell gets a processor."""
        return {"agent": PATIENT, "check backup": {"tool": "pgbackrest", "stanza": "demo", "command": self.command,
                                                   "interval": "300ms", "timeout": "3s", **settings}}

    def hang(self):
        (self.directory / "hang").touch()

    def go_on(self):
        (self.directory / "hang").unlink()

    def running(self):
        """The pids of those that were started and are still there."""
        pids = (self.directory / "pids").read_text(encoding="ascii").split()
        return [pid for pid in pids if os.path.exists(f"/proc/{pid}")]


@pytest.fixture
def tool():
    return Tool()


def watch_leader(agent, looks):
    """/primary is a yes at once, from facts that are fresh, while the server is looked at so many times."""
    seen = agent.metrics()[LOOKS]
    while agent.metrics()[LOOKS] < seen + looks:
        answer = agent.get("/primary")
        assert answer.status == 200 and answer.elapsed < GRACE, answer
        time.sleep(0.05)


def test_a_tool_that_hangs(site, tool):
    """It is ended by its own timeout, and is what is wrong; what is true else stays so."""
    with Agent(site.n1, tracks=("leader", "backup"), config=tool.config()) as agent:
        agent.wait_status("/check/backup", 200)
        agent.wait_track("backup", "1")
        inode = agent.track_path("leader").stat().st_ino
        tool.hang()
        agent.wait_status("/check/backup", 503, timeout=20)  # the tool would go on for 600 s
        answer = answer_of(agent, "backup")
        assert answer["fault"]["class"] == "timeout" and answer["state"] == "CRITICAL", answer
        assert "pgbackrest" in answer["summary"], answer
        assert answer_of(agent, "backup?on_timeout=unknown")["state"] == "UNKNOWN"
        assert agent.agent_check("backup\n").startswith("down #") and agent.ask("backup").code == 2
        agent.wait_track("backup", "0")
        page = agent.get("/status").text
        assert html.escape(answer["summary"]).replace("&quot;", "&#34;") in page, (answer["summary"], page[-9000:])
        yes = [number for name, number in agent.metrics().items() if name.startswith('pgha_check_yes{check="backup"')]
        assert yes == [0]
        given_up = set(tool.running())
        sandbox.wait_for(lambda: given_up.isdisjoint(tool.running()), "one that is given up to be ended")
        tool.go_on()
        agent.wait_status("/check/backup", 200)
        agent.wait_track("backup", "1")
        assert agent.track_path("leader").stat().st_ino == inode
        sandbox.wait_for(lambda: not tool.running(), "the last one's end")


def test_a_tool_that_hangs_from_the_start(site, tool):
    """The agent starts, and the leader is one, before the tool has said anything; nothing else has to wait for it, nor
    who stops the agent."""
    tool.hang()
    with Agent(site.n1, tracks=("leader",), config=tool.config(interval="1min", timeout="1min")) as agent:
        agent.wait_track("leader", "1")
        assert agent.status("/primary") == 200
        (started,) = sandbox.wait_for(tool.running, "the tool to be started")
        watch_leader(agent, 8)
        answer = agent.get("/check/backup")
        assert answer.status == 503 and "the first look has not ended" in answer.text, answer
        assert tool.running() == [started], "all the time"
        began = time.monotonic()
        assert agent.stop() == 0
        assert time.monotonic() - began < 10
        sandbox.wait_for(lambda: not tool.running(), "the tool's end")


def test_a_source_whose_worker_stands_still(site, tool):
    """It is replaced before what it saw last is too old to be believed."""
    with Agent(site.n1, config=tool.config()) as agent:
        agent.wait_status("/check/backup", 200)
        worker, postgres_worker = agent.pid_of("backup"), agent.pid_of("postgres")
        os.kill(worker, signal.SIGSTOP)
        watch_leader(agent, 2)
        agent.wait_pid_of("backup", worker)
        agent.wait_log(r"the worker of backup has been silent for .* ms: killed")
        until = time.monotonic() + 3 * (0.3 + 3)  # longer than what the first one saw would be good for
        while time.monotonic() < until:
            assert agent.status("/check/backup") == 200, agent.log_tail()
            time.sleep(0.05)
        assert agent.pid_of("postgres") == postgres_worker


def test_reload_with_another_limit(site, tool):
    """What was seen stays seen: nobody has to wait for another look, which may take its time."""
    with Agent(site.n1, tracks=("backup",), config=tool.config(timeout="1min")) as agent:
        agent.wait_status("/check/backup", 200)
        agent.wait_track("backup", "1")
        (tool.directory / "slow").touch()
        agent.configure("check backup", critical="60h")
        agent.reload()
        until = time.monotonic() + 2
        while time.monotonic() < until:
            answer = agent.get("/check/backup")
            assert answer.status == 200 and agent.track("backup") == "1\n", answer
            time.sleep(0.02)
        agent.configure("check backup", critical="1ms", warning="1ms")
        agent.reload()
        agent.wait_status("/check/backup", 503)


def test_reload_with_another_source(site):
    """From then on nothing is said from the former one."""
    with Agent(site.n1, config={"agent": PATIENT, "check backup": site.config()["check backup"]}) as agent:
        agent.wait_status("/check/backup", 200)
        agent.configure("check backup", directory=sandbox.make_directory("none"))
        agent.reload()
        for _ in range(100):
            assert agent.status("/check/backup") == 503
            time.sleep(0.01)
        sandbox.wait_for(lambda: "no good backup" in answer_of(agent, "backup")["summary"], "the first look to end",
                         detail=lambda: answer_of(agent, "backup"))
        agent.configure("check backup", directory=site.backups)
        agent.reload()
        agent.wait_status("/check/backup", 200)


def test_two_of_a_kind(site, tool):
    """Each has its own section, worker and answer; and there is a bound."""
    own = {"check": "pg_backup", "interval": "300ms", "timeout": "3s"}
    config = {"agent": PATIENT,
              "check nightly": {**own, "directory": site.backups},
              "check weekly": {**own, "tool": "pgbackrest", "stanza": "demo", "command": tool.command}}
    with Agent(site.n1, tracks=("nightly", "weekly"), config=config) as agent:
        for name in ("nightly", "weekly"):
            agent.wait_status(f"/check/{name}", 200)
            agent.wait_track(name, "1")
            assert agent.pid_of(name)
        assert "demo" in answer_of(agent, "weekly")["summary"] and "demo" not in answer_of(agent, "nightly")["summary"]
        tool.hang()
        agent.wait_status("/check/weekly", 503, timeout=20)
        for _ in range(20):
            assert agent.status("/check/nightly") == 200
        for number in range(11):
            agent.configure(f"check more{number}", **config["check nightly"])
        assert "more than 12 checks of managers, poolers, tools and files" in agent.reload(is_good=False)


def test_a_source_without_a_server(tool):
    """It is looked at where no server answers, too."""
    with Agent("host=127.0.0.1 port=1 user=pgha", config=tool.config()) as agent:
        agent.wait_status("/check/backup", 200)
        assert agent.status("/primary") == 503 and agent.status("/check/leader") == 503


# --- on a standby ----------------------------------------------------------------------------------------------------

def test_sync_on_a_standby(site):
    """By the word of the primary, a peer; without one it is not known."""
    sections = {"agent": PATIENT, "check pg_sync": {}, "check lag": {}}
    with Agent(site.n2, name="n2", peers={"n1": site.n1}, config=sections) as agent, \
            Agent(site.n2, name="alone", config=sections) as alone:
        agent.wait_status("/check/pg_sync", 200)
        assert "sync" in answer_of(agent, "pg_sync")["summary"]
        answer = answer_of(alone, "pg_sync")
        assert answer["state"] == "UNKNOWN" and answer["answer"] == "no" and "primary" in str(answer), answer
        for one in (alone, agent):
            one.wait_status("/check/lag", 200)
        site.n1.configure(synchronous_standby_names="nobody")
        try:
            agent.wait_status("/check/pg_sync", 503)
            assert "commits block" in answer_of(agent, "pg_sync")["summary"]
        finally:
            site.n1.configure(synchronous_standby_names="n2")
        agent.wait_status("/check/pg_sync", 200)


@pytest.mark.parametrize("major", [major for major in installations.MAJORS if major >= FAILOVER_SLOTS_MAJOR])
def test_failover_slots_on_a_standby(major):
    """Whether the primary's would survive promoting this node."""
    if installations.why_missing(major):
        pytest.skip(installations.why_missing(major))
    with postgres.Cluster(installations.installations()[major]) as cluster:
        n1 = make_primary(cluster)
        n1.sql("CREATE TABLE thing (id int); CREATE PUBLICATION everything FOR ALL TABLES")
        n1.sql("SELECT pg_catalog.pg_create_physical_replication_slot('n2')")
        n1.sql("SELECT pg_catalog.pg_create_logical_replication_slot('orders', 'pgoutput', failover => true)")
        n2 = n1.standby("n2", start=False, primary_slot_name="n2", hot_standby_feedback="on")
        cluster.servers.append(n2)
        n2.configure(primary_conninfo=f"{n2.settings['primary_conninfo']} dbname=postgres")
        n2.start()
        n2.wait_streaming()
        with Agent(n2, name="n2", peers={"n1": n1}, config={"agent": PATIENT, "check slots": {}}) as agent:
            agent.wait_status("/check/slots", 503)
            assert "orders" in answer_of(agent, "slots")["summary"], answer_of(agent, "slots")
            assert agent.status("/check/slots?not_ready=ok") == 200
            n2.configure(sync_replication_slots="on")

            def is_complete():
                """When the primary's slot has moved past where the copy began."""
                n1.sql("INSERT INTO thing VALUES (1); SELECT pg_catalog.pg_log_standby_snapshot()")
                n1.sql("SELECT pg_catalog.count(*) FROM pg_catalog.pg_logical_slot_get_binary_changes('orders', NULL, "
                       "NULL, 'proto_version', '1', 'publication_names', 'everything')")
                return n2.value("SELECT pg_catalog.count(*) FROM pg_catalog.pg_replication_slots "
                                "WHERE synced AND NOT temporary")

            sandbox.wait_for(is_complete, "the copy of the slot", 60, 0.2, detail=n2.log_tail)
            agent.wait_status("/check/slots", 200, timeout=TURN_SECONDS)
            n1.sql("SELECT pg_catalog.pg_drop_replication_slot('orders')")
            n2.configure(sync_replication_slots="off")
            n1.sql("SELECT pg_catalog.pg_create_logical_replication_slot('later', 'pgoutput', failover => true)")
            agent.wait_status("/check/slots", 503, timeout=TURN_SECONDS)
            assert "later" in answer_of(agent, "slots")["summary"], answer_of(agent, "slots")
