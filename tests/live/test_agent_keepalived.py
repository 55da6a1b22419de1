"""keepalived follows the agents' track files: the virtual IP is where the primary is, whoever dies."""

import os
import signal
import time
from contextlib import ExitStack

import pytest

import agent
import keepalived
import netns
import postgres
import programs
import reaper
import sandbox
import shipped
from test_agent_service import exec_stop_post

VIP = "192.0.2.100"
SHIPPED = "keepalived/keepalived-agent.conf"
MAX_AGE_S = 3  # the agent's default
SHIPPED_TIMES = {}

BOTH_MAX_S = 0.5  # adverts come every 100 ms; three that are missing make a new master


@pytest.fixture
def network():
    reason = netns.why_missing() or keepalived.why_missing()
    if reason:
        pytest.skip(reason)
    with netns.Network("one", "two") as made:
        yield made


def _configuration(track_path):
    return shipped.adapted(SHIPPED, {r"(?<=file \")/run/pgha/leader.track": str(track_path),
                                     r"10\.0\.0\.10/24": f"{VIP}/24"})


class Site:
    """A primary on host one, its standby on host two, an agent and a keepalived on both.

    `times` are those of the agent on host one; the other is patient.
    """

    def __init__(self, network, cluster, times):
        self.network = network
        options = {"listen_addresses": "*"}  # the virtual IP comes and goes
        self.primary = cluster.primary(netns=network["one"].netns, address=network["one"].address, settings=options)
        self.primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        self.standby = cluster.standby(self.primary, port=self.primary.port, netns=network["two"].netns,
                                       address=network["two"].address)
        self.servers = {"one": self.primary, "two": self.standby}
        self.agents = {name: agent.Agent(server, name=name, netns=server.netns, tracks=("leader",),
                                         config={"agent": times if name == "one" else agent.PATIENT})
                       for name, server in self.servers.items()}
        self.daemons = [keepalived.Keepalived(network[name], _configuration(each.track_path("leader")), name)
                        for name, each in self.agents.items()]
        self.both = 0.0  # seconds in which both hosts had the address
        self._both_since = None

    def holders(self):
        """The hosts that have the virtual IP now."""
        names = {name for name in self.servers if self.network[name].has(VIP)}
        now = time.monotonic()
        # A single look is no time: the hosts are asked one after the other, and the address moves meanwhile.
        if len(names) > 1 and self._both_since:
            self.both += now - self._both_since
        self._both_since = now if len(names) > 1 else None
        return names

    def stopwatch(self):
        """A programs.Stopwatch of all that moves the address."""
        def processes():
            for each in (*self.servers.values(), *self.daemons):
                yield from reaper.family(each.process.pid)
            for each in self.agents.values():
                yield from each.living()
        return programs.Stopwatch(processes)

    def wait_holders(self, *names, timeout=60):
        """Waits; returns the seconds that it took all that has a part in it (see Stopwatch)."""
        watch = self.stopwatch()
        sandbox.wait_for(lambda: self.holders() == set(names), f"the virtual IP on {names or 'no host'}", timeout,
                         0.02, detail=self._state, longest_pause=0)
        return watch.seconds()

    def _state(self):
        return "".join(f"--- {d.name}: its track file says {self.agents[d.name].track('leader')!r}\n"
                       f"{sandbox.tail(d.log, 15)}\n" for d in self.daemons)

    def assert_stays_on(self, *names, seconds=1.5):
        stop = time.monotonic() + seconds
        while time.monotonic() < stop:
            assert self.holders() == set(names), self._state()
            time.sleep(0.02)

    def assert_settled(self, record_property):
        record_property("address_on_both_seconds", round(self.both, 3))
        assert self.both < BOTH_MAX_S, "longer than the protocol needs to settle"


@pytest.fixture
def site(network, any_installation, request):
    """Both agents are patient, unless a test of silence says @SILENCE."""
    with postgres.Cluster(any_installation) as cluster, ExitStack() as stack:
        made = Site(network, cluster, getattr(request, "param", agent.PATIENT))
        # In the order of the unit: the agent is Before=keepalived.service.
        for each in (*made.agents.values(), *made.daemons):
            stack.enter_context(each)
        made.wait_holders("one")
        yield made


SILENCE = pytest.mark.parametrize("site", [SHIPPED_TIMES], ids=["shipped-times"], indirect=True)


# --- the servers -----------------------------------------------------------------------------------------------------

def test_the_address_follows_a_crash_and_a_promotion(site, record_property):
    site.assert_stays_on("one")
    site.primary.kill()
    record_property("crash_to_address_given_up_seconds", round(site.wait_holders(), 3))
    site.assert_stays_on()

    started = time.monotonic()
    site.standby.promote()
    record_property("promotion_itself_seconds", round(time.monotonic() - started, 3))
    site.wait_holders("two")
    record_property("promotion_to_address_seconds", round(time.monotonic() - started, 3))

    site.primary.follow(site.standby)
    site.primary.start()
    site.primary.wait_until("SELECT pg_catalog.pg_is_in_recovery()")
    site.assert_stays_on("two", seconds=3)
    site.assert_settled(record_property)


def test_the_address_follows_switchovers(site, record_property):
    site.primary.stop()
    site.wait_holders()
    site.standby.promote()
    site.wait_holders("two")
    site.primary.follow(site.standby)
    site.primary.start()
    site.primary.wait_streaming()
    site.standby.stop()
    started = time.monotonic()
    site.primary.promote()
    site.wait_holders("one")
    record_property("switchover_to_address_seconds", round(time.monotonic() - started, 3))
    site.assert_settled(record_property)


@SILENCE
def test_a_hanging_primary_loses_the_address(site, record_property):
    site.primary.freeze()
    given_up = site.wait_holders()
    record_property("hang_to_address_given_up_seconds", round(given_up, 3))
    assert given_up < 2, "the agent's interval, its timeout of 1 s, and keepalived"
    site.primary.thaw()
    site.wait_holders("one")


def test_a_drain_takes_the_address_away_until_it_is_taken_back(site):
    one = site.agents["one"]
    assert one.ask("--drain", "leader").code == 0
    assert site.wait_holders() < 1
    site.assert_stays_on()
    assert one.ask("--undrain", "leader").code == 0
    assert site.wait_holders("one") < 2


# --- the agents ------------------------------------------------------------------------------------------------------

def test_the_serving_process_is_killed(site, record_property):
    """Nobody runs ExecStopPost= here: the writer of the track files alone must see to it."""
    one = site.agents["one"]
    one.kill()
    given_up = site.wait_holders()
    record_property("agent_killed_to_address_given_up_seconds", round(given_up, 3))
    assert given_up < 1
    one.wait_processes_gone()
    site.assert_stays_on()
    one.start()
    assert site.wait_holders("one") < 2


def _kill_at_once(killed):
    """All processes of an agent, none of which gets to see that another one has gone."""
    os.kill(killed.pid_of("track"), signal.SIGSTOP)
    killed.kill_all()


def test_all_processes_are_killed_at_once(site):
    """As by systemd's last SIGKILL, or for want of memory: what is left is the unit's ExecStopPost=."""
    one = site.agents["one"]
    _kill_at_once(one)
    assert one.track("leader") == "1\n", "then nobody needs ExecStopPost= any more"
    assert exec_stop_post(one).returncode == 0
    assert site.wait_holders() < 1
    one.start()
    assert site.wait_holders("one") < 2


def test_all_processes_are_killed_and_the_configuration_is_broken(site):
    """ExecStopPost= cannot know the names of the files then; it removes what is there."""
    one = site.agents["one"]
    drain = one.run_directory / "replica.drain"
    drain.touch()
    one.write("[agnt]\n")
    _kill_at_once(one)
    assert exec_stop_post(one).returncode == 0
    assert site.wait_holders() < 1
    assert drain.exists() and one.track("leader") is None
    one.write()
    one.start()
    assert site.wait_holders("one") < 2


@SILENCE
def test_the_serving_process_is_stopped(site, record_property):
    one = site.agents["one"]
    one.freeze()
    given_up = site.wait_holders()
    record_property("agent_stopped_to_address_given_up_seconds", round(given_up, 3))
    assert given_up < MAX_AGE_S + 1
    one.thaw()
    assert site.wait_holders("one") < 2


@SILENCE
def test_the_writer_of_the_track_files_is_stopped(site):
    """It must not keep a yes alive by standing still."""
    one = site.agents["one"]
    os.kill(one.pid_of("track"), signal.SIGSTOP)
    site.primary.kill()
    assert site.wait_holders() < MAX_AGE_S + 2


def test_the_writer_of_the_track_files_is_killed(site):
    """Another takes its place, and the address stays where it is."""
    one = site.agents["one"]
    for _ in range(3):
        writer = one.pid_of("track")
        os.kill(writer, signal.SIGKILL)
        one.wait_pid_of("track", other_than=writer)
        site.assert_stays_on("one", seconds=0.5)
    site.primary.kill()
    assert site.wait_holders() < 1


def _version(path):
    """Of a file that is written by renaming: a yes of a millisecond leaves another one behind."""
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


@SILENCE
def test_an_agent_that_comes_back_does_not_say_what_it_knew(site):
    """Its server has died while it stood still, and the other one was promoted."""
    one = site.agents["one"]
    one.freeze()
    one.wait_track("leader", "0")
    site.primary.kill()
    site.standby.promote()
    site.wait_holders("two")
    before, start = _version(one.track_path("leader")), len(one.log_text())
    one.thaw()
    one.wait_log("leader: yes -> no", start=start)
    site.assert_stays_on("two")
    assert _version(one.track_path("leader")) == before, one.log_text()


@SILENCE
def test_an_agent_that_comes_back_without_news_does_not_say_what_it_knew(site):
    """As above; its worker stands still too, and then its server: all that it has is too old."""
    one = site.agents["one"]
    worker = one.pid_of("postgres")
    one.freeze()
    os.kill(worker, signal.SIGSTOP)
    one.wait_track("leader", "0")
    site.primary.freeze()
    try:
        time.sleep(MAX_AGE_S)  # since the worker's last look
        before, start = _version(one.track_path("leader")), len(one.log_text())
        one.process.send_signal(signal.SIGCONT)
        one.wait_log("leader: yes -> no", start=start)
        site.assert_stays_on()
        assert _version(one.track_path("leader")) == before, one.log_text()
    finally:
        site.primary.thaw()
        one.thaw()
    site.wait_holders("one")


def test_the_agent_is_restarted(site):
    one = site.agents["one"]
    assert one.stop() == 0
    assert one.track("leader") == "0\n"
    site.wait_holders()
    assert exec_stop_post(one).returncode == 0
    one.start()
    assert site.wait_holders("one") < 2


# --- the shipped file ------------------------------------------------------------------------------------------------

def test_keepalived_loads_the_shipped_configuration(network):
    """-t says nothing of a directory that is not there."""
    text = (shipped.CONFIGS / SHIPPED).read_text(encoding="utf-8")
    assert keepalived.Keepalived(network["one"], text, "one").test() == (0, "")


def test_without_the_directory_keepalived_tracks_nothing(network, scratch):
    """And so takes the address, yes or no: why the drop-in for keepalived.service asserts that it is there."""
    track = scratch / "later" / "leader.track"
    with keepalived.Keepalived(network["one"], _configuration(track), "one") as daemon:
        # If it does not come, keepalived has become better: tell its configuration and the drop-in.
        sandbox.wait_for(lambda: network["one"].has(VIP), "the virtual IP", detail=daemon.log_text)
        track.parent.mkdir()
        track.write_text("0\n", encoding="ascii")
        time.sleep(1)
        assert network["one"].has(VIP), "a directory that comes later is not seen"


def test_no_file_is_a_no(network, scratch):
    """What "reverse" is for; the agent relies on it where it cannot write."""
    track = scratch / "leader.track"
    with keepalived.Keepalived(network["one"], _configuration(track), "one"):
        def has_address():
            return network["one"].has(VIP)

        def write(text):
            unfinished = track.with_suffix(".new")
            unfinished.write_text(text, encoding="ascii")
            unfinished.rename(track)

        time.sleep(1)
        assert not has_address(), "before there was any file"
        for text in ("", "0\n"):
            write("1\n")
            sandbox.wait_for(has_address, "the virtual IP")
            write(text)
            sandbox.wait_for(lambda: not has_address(), f"no virtual IP after {text!r}")
        write("1\n")
        sandbox.wait_for(has_address, "the virtual IP")
        track.unlink()
        sandbox.wait_for(lambda: not has_address(), "no virtual IP without a file")
