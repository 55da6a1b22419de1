"""check_pg_leader as keepalived's vrrp_script: the virtual IP is where the primary is, and nowhere else."""

import os
import signal
import subprocess
import time
from contextlib import ExitStack

import pytest

import keepalived
import netns
import postgres
import programs
import reaper
import sandbox
import shipped
from test_ways import silent_listener

VIP = "192.0.2.100"

SHIPPED = "keepalived/keepalived.conf"
CHECK_S = 3


def _site_configuration(server, user):
    """The shipped file with this site's addresses.  Adverts every 200 ms, so that an election takes half a second."""
    return shipped.adapted(SHIPPED, {
        r"/usr/local/bin": str(shipped.installed("check_pg_leader")),
        r"-H /var/run/postgresql": f"-H 127.0.0.1 -p {server.port}",
        r"10\.0\.0\.10/24": f"{VIP}/24",
        r"(?m)^( *)advert_int 1$": r"\1version 3\n\1advert_int 0.2",
        r"script_user nobody": f"script_user {user}",
        # On a busy machine the check needs more than its 900 ms, and keepalived waits longer for it.
        r"-t 900ms": f"-t {CHECK_S}s",
        r"(?m)^( *)timeout 2$": rf"\1timeout {CHECK_S + 3}",
    })


@pytest.fixture
def network():
    reason = netns.why_missing() or keepalived.why_missing()
    if reason:
        pytest.skip(reason)
    with netns.Network("one", "two", "client") as made:
        yield made


class Site:
    """A primary on host one, its standby on host two, keepalived on both; the third host is a client."""

    def __init__(self, network, cluster):
        self.network = network
        options = {"listen_addresses": "*"}  # the virtual IP comes and goes
        self.primary = cluster.primary(netns=network["one"].netns, address=network["one"].address, settings=options)
        self.primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        # The same port on both, so that a client of the address asks the same question before and after.
        self.standby = cluster.standby(self.primary, port=self.primary.port, netns=network["two"].netns,
                                       address=network["two"].address)
        self.nodes = {"one": self.primary, "two": self.standby}
        self.daemons = [keepalived.Keepalived(network[name], _site_configuration(server, sandbox.user().pw_name), name)
                        for name, server in self.nodes.items()]
        self.both = 0.0  # seconds in which both hosts had the address
        self._both_since = None

    def holders(self):
        """The hosts that have the virtual IP now."""
        names = {name for name in self.nodes if self.network[name].has(VIP)}
        now = time.monotonic()
        # A single look is no time: the hosts are asked one after the other, and the address moves meanwhile.
        if len(names) > 1 and self._both_since:
            self.both += now - self._both_since
        self._both_since = now if len(names) > 1 else None
        return names

    def stopwatch(self):
        """A programs.Stopwatch of all that moves the address."""
        def processes():
            for each in (*self.nodes.values(), *self.daemons):
                yield from reaper.family(each.process.pid)
        return programs.Stopwatch(processes)

    def wait_holders(self, *names, timeout=60):
        """Waits; returns the seconds that it took all that has a part in it (see Stopwatch)."""
        watch = self.stopwatch()
        sandbox.wait_for(lambda: self.holders() == set(names), f"the virtual IP on {names or 'no host'}", timeout,
                         detail=lambda: "".join(f"--- {d.name}\n{sandbox.tail(d.log)}\n" for d in self.daemons))
        return watch.seconds()

    def assert_stays_on(self, *names, seconds=3):
        """Over some rounds of the script."""
        stop = time.monotonic() + seconds
        while time.monotonic() < stop:
            assert self.holders() == set(names)
            time.sleep(0.05)

    def ask_through_vip(self):
        command = (programs.path("check_pg_leader"), "-H", VIP, "-p", str(self.primary.port), "-U", "pgha", "-t", "9s")
        return self.network["client"].run(*command, env=programs.environment(), timeout=30)


@pytest.fixture
def site(network, any_installation):
    with postgres.Cluster(any_installation) as cluster, ExitStack() as stack:
        made = Site(network, cluster)
        for daemon in made.daemons:
            stack.enter_context(daemon)
        made.wait_holders("one")
        yield made


def test_the_address_follows_the_primary(site, record_property):
    assert site.ask_through_vip().returncode == 0
    site.assert_stays_on("one")

    site.primary.kill()
    record_property("address_given_up_seconds", round(site.wait_holders(), 3))
    refused = site.ask_through_vip()
    assert refused.returncode == 2, refused.stdout

    promoted = time.monotonic()
    site.standby.promote()
    site.wait_holders("two")
    record_property("promotion_to_address_seconds", round(time.monotonic() - promoted, 3))
    sandbox.wait_for(lambda: site.ask_through_vip().returncode == 0, "the new primary behind the address",
                     detail=lambda: site.ask_through_vip().stdout)
    site.assert_stays_on("two")
    record_property("address_on_both_seconds", round(site.both, 3))
    assert site.both < 1.0, "longer than the protocol needs to settle"


def test_a_hanging_primary_loses_the_address(site):
    """Its check must answer before keepalived gives it up: a check that keepalived has to kill costs seconds more."""
    site.primary.freeze()
    given_up = site.wait_holders()
    assert given_up < 1 + CHECK_S + 1, "an interval, the check's time, and an election"
    assert "timed_out" not in site.daemons[0].log_text()
    site.primary.thaw()
    site.wait_holders("one")


def test_a_returned_standby_does_not_get_the_address(site):
    site.primary.kill()
    site.standby.promote()
    site.wait_holders("two")
    site.primary.follow(site.standby)
    site.primary.start()
    site.primary.wait_until("SELECT pg_catalog.pg_is_in_recovery()")
    site.assert_stays_on("two")


# --- the calling convention ------------------------------------------------------------------------------------------

def test_sigterm_is_never_a_yes(check, build):
    """keepalived ends a check that overruns with SIGTERM to its group; exit code 0 after that would be a success."""
    with silent_listener() as port:
        command = [programs.path("check_pg_leader", build), "-H", "127.0.0.1", "-p", str(port), "-t", "30s"]
        process = subprocess.Popen([*command, "-f", "keepalived"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, start_new_session=True, env=programs.environment(build))
        try:
            sandbox.wait_for(lambda: _is_connected(process.pid), "the check to be connected")
            os.killpg(process.pid, signal.SIGTERM)
            assert process.wait(30) == -signal.SIGTERM
        finally:
            process.kill()
            process.wait()


def _is_connected(pid):
    """Whether the process has a socket among its descriptors."""
    links = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            links.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except FileNotFoundError:
            pass
    return any(link.startswith("socket:") for link in links)


@pytest.mark.share("environment")
@pytest.mark.parametrize("environment", [
    {"LC_ALL": "de_DE.UTF-8", "LANG": "tr_TR.UTF-8", "TZ": "Pacific/Chatham"},
    {"HOME": "/nonexistent", "PATH": "", "IFS": "x", "TMPDIR": "/nonexistent"},
    {"PGAPPNAME": "keepalived", "PGCONNECT_TIMEOUT": "1", "PGCLIENTENCODING": "SJIS", "PGDATESTYLE": "German",
     "PGTZ": "Asia/Shanghai"},
], ids=["locale", "bare", "libpq"])
def test_a_foreign_environment_does_not_matter(chain, check, environment):
    for server, code in ((chain.primary, 0), (chain.standby, 1)):
        assert check("check_pg_leader", *programs.at(server), "-f", "keepalived", env=environment).code == code


def test_descriptors_above_2_do_not_matter(chain, check):
    """keepalived 2.2 leaves some of its own open."""
    opened = [os.open("/dev/null", os.O_RDWR) for _ in range(20)]
    try:
        assert check("check_pg_leader", *programs.at(chain.primary), "-f", "keepalived", pass_fds=opened).code == 0
    finally:
        for fd in opened:
            os.close(fd)


def test_a_program_that_cannot_be_loaded_is_a_no(scratch):
    """The loader's own exit code is 127; keepalived takes only 0 for a yes.  This pins what the design relies on."""
    broken = scratch / "check"
    broken.write_bytes(open(programs.path("check_pg_leader"), "rb").read())
    broken.chmod(0o755)
    run = subprocess.run([str(broken), "--version"], env={"LD_BIND_NOW": "1", "LD_LIBRARY_PATH": str(scratch)},
                         capture_output=True, check=False)
    assert run.returncode == 3, "it loads as it is"
    (scratch / "libpq.so.5").write_bytes(b"not a library")
    run = subprocess.run([str(broken), "--version"], env={"LD_LIBRARY_PATH": str(scratch)}, capture_output=True,
                         check=False)
    assert run.returncode not in (0, 3)


# --- the shipped files -----------------------------------------------------------------------------------------------

# The file that goes with the agent runs no script: tests/live/test_agent_keepalived.py has it.
FILES = [path for path in sorted((shipped.CONFIGS / "keepalived").glob("*.conf")) if "vrrp_script" in path.read_text()]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_keepalived_loads_the_shipped_configuration(network, path):
    # keepalived 2.2.7 ends its own -t with SIGTERM when scripts run as another user than its own (its issue 2587).
    text = shipped.adapted(path.relative_to(shipped.CONFIGS), {
        r"script_user \S+": "script_user root",
        r"/usr/local/bin/check_\w+": "/bin/true",  # for root it wants a place where only root writes
    })
    assert keepalived.Keepalived(network["one"], text, "one").test() == (0, "")
