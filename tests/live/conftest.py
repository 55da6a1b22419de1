"""Fixtures for tests against real servers.

In parallel: pytest -n N --dist loadgroup tests/live.  Without loadgroup it works too, but every worker then starts the
servers that the tests of a module share.
"""

import functools
from collections import Counter

import pytest

import installations
import patroni
import postgres
import programs
import sandbox


def pytest_configure(config):
    config.addinivalue_line("markers", "xdist_group(name): tests of one group run in one worker")
    config.addinivalue_line("markers", "share(parameter): majors between the oldest and the newest share its values")
    sandbox.directory()  # made by the first process, so that all workers share one initdb per major


LONG = {  # groups of few tests, and tests, which take most of a minute or more
    "patroni-differential", "patroni", "configs-cluster", "browser",
    "test_barman_waits_fails_and_is_good_again", "test_pgbackrest_second_repository_is_empty", "test_watchdog",
    "test_a_frozen_standby_of_an_idle_primary_is_not_caught_up", "test_every_check_turns_and_turns_back",
}


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_collection_modifyitems(config, items):
    _spare(config, items)
    for item in items:
        if not item.get_closest_marker("xdist_group") and (name := _servers_shared_by(item)):
            item.add_marker(pytest.mark.xdist_group(name))
    yield  # xdist reads the groups, and pytest puts the tests of one fixture's parameter together
    # What keeps one worker busy for long begins first, so that the small change is left for the end.
    sizes = Counter(map(_group, items))
    items.sort(key=lambda item: (LONG.isdisjoint({_group(item), item.originalname}), -sizes[_group(item)]))


def _spare(config, items):
    spared = [item for item in items if hasattr(item, "callspec") and "installation" in item.callspec.params
              and _is_spared(item)]
    if spared:
        config.hook.pytest_deselected(items=spared)
        chosen = set(map(id, spared))
        items[:] = [item for item in items if id(item) not in chosen]


def _is_spared(item):
    """The sanitizers watch our code, which is the same whatever major answers: they are tried with one, the newest."""
    major = item.callspec.params["installation"]
    if item.callspec.params.get("build") == "san" and major != max(installations.installations(), default=None):
        return True
    return any(not installations.is_tried(item.callspec.indices[marker.args[0]], major)
               for marker in item.iter_markers("share"))


def _servers_shared_by(item):
    """A name for the running servers that a test shares with others, which belong in one worker with it; "" if none."""
    major = hasattr(item, "callspec") and item.callspec.params.get("installation") or "any"
    if "chain" in item.fixturenames:
        return f"chain-{major}"
    if "patroni_session" in item.fixturenames:
        return "patroni"
    if {"installation", "any_installation"}.isdisjoint(item.fixturenames):
        return ""
    # pytest has no public way to ask for a fixture's scope.
    fixtures = [found[-1] for found in item._fixtureinfo.name2fixturedefs.values()]
    is_shared = any(fixture.scope == "module" and fixture.func.__module__ == item.module.__name__
                    for fixture in fixtures)
    return f"{item.module.__name__}-{major}" if is_shared else ""


def _group(item):
    marker = item.get_closest_marker("xdist_group")
    return (marker.args[0] if marker.args else marker.kwargs["name"]) if marker else item.nodeid


# --- logs of the servers in the report of a failure ------------------------------------------------------------------

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup(item):
    item.log_starts = {path: path.stat().st_size for path in sandbox.logs if path.exists()}
    yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    for path, name in sandbox.logs.items():
        if not path.exists():
            continue
        with open(path, "rb") as log:
            log.seek(item.log_starts.get(path, 0))
            written = log.read().decode(errors="replace").splitlines()
        if written:
            report.sections.append((f"log of {name} ({path})", "\n".join(written[-60:])))


# --- programs --------------------------------------------------------------------------------------------------------

@pytest.fixture(params=["plain", "san"])  # per test: a wider scope would group by build and start all servers twice
def build(request):
    """Which build of the programs is tested."""
    reason = programs.why_missing(request.param)
    if reason and request.param == "san":
        pytest.skip(reason)
    return request.param


@pytest.fixture
def check(build):
    """check(program, *args, env=, stdin=, timeout=) -> Result, with the build under test."""
    return functools.partial(programs.check, build=build)


@pytest.fixture
def checks():
    """As `check`, one with each build: for what takes so long to make that it is made once for both."""
    reasons = [reason for build in ("plain", "san") if (reason := programs.why_missing(build))]
    if reasons:
        pytest.skip("; ".join(reasons))
    return [functools.partial(programs.check, build=build) for build in ("plain", "san")]


# --- servers ---------------------------------------------------------------------------------------------------------

def _installation_or_skip(major):
    reason = installations.why_missing(major)
    if reason:
        pytest.skip(reason)
    return installations.installations()[major]


@pytest.fixture(scope="session", params=installations.MAJORS, ids="pg{}".format)
def installation(request):
    """Every supported major in turn."""
    return _installation_or_skip(request.param)


@pytest.fixture(scope="session")
def any_installation():
    """One major, for tests in which it does not matter: the distribution's if there is one."""
    found = sorted(installations.installations().values(), key=lambda i: (i.source != "distribution", -i.major))
    if not found:
        pytest.skip("; ".join(map(installations.why_missing, installations.MAJORS)))
    return found[0]


@pytest.fixture
def own_cluster(installation):
    """A postgres.Cluster for one test that breaks something: make servers with .primary() and .standby(upstream)."""
    with postgres.Cluster(installation) as cluster:
        yield cluster


# (what, all of it) that a test may have made on a server, or left there.
CONTENTS = """
SELECT 'roles', string_agg(rolname || coalesce(rolconfig::text, ''), ',' ORDER BY rolname)
  FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_'
UNION ALL
SELECT 'databases', string_agg(datname, ',' ORDER BY datname) FROM pg_catalog.pg_database
UNION ALL
SELECT 'schemas', string_agg(nspname, ',' ORDER BY nspname) FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_'
UNION ALL
SELECT 'relations', string_agg(relname, ',' ORDER BY relname)
  FROM pg_catalog.pg_class WHERE relnamespace = 'public'::regnamespace
UNION ALL
SELECT 'slots', string_agg(slot_name, ',' ORDER BY slot_name) FROM pg_catalog.pg_replication_slots
UNION ALL
SELECT 'settings', string_agg(name || '=' || setting, ',' ORDER BY name)
  FROM pg_catalog.pg_settings WHERE source = 'configuration file'
UNION ALL
SELECT 'sessions', string_agg(application_name, ',')
  FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_catalog.pg_backend_pid()
"""

# Those of the harness that are closed are still there for a moment.
NO_SESSION_LEFT = """
SELECT count(*) = 0 FROM pg_catalog.pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_catalog.pg_backend_pid()
"""


class Chain:
    """primary -> standby -> cascade.

    Roles: pgha (with pg_monitor, what a check runs as) and plain (without).
    """

    def __init__(self, installation):
        self.cluster = postgres.Cluster(installation)
        self.primary = self.cluster.primary()
        self.primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        self.primary.sql("CREATE ROLE plain LOGIN")
        # A query on a standby may hold replay back for as long as a test wants.
        self.standby = self.cluster.standby(self.primary, max_standby_streaming_delay="-1")
        self.cascade = self.cluster.standby(self.standby, "cascade")
        for server in self:
            server.wait_until(NO_SESSION_LEFT)
        self.found = self.contents()

    def __iter__(self):
        return iter((self.primary, self.standby, self.cascade))

    def answers(self):
        """(program, server, state): the right answers of both checks for both roles."""
        return (("check_pg_leader", self.primary, "OK"), ("check_pg_leader", self.standby, "CRITICAL"),
                ("check_pg_replica", self.standby, "OK"), ("check_pg_replica", self.primary, "CRITICAL"))

    def contents(self):
        """All that a test may have changed, of each server."""
        return {(server.name, what): found for server in self for what, found in server.sql(CONTENTS)}

    def settle(self):
        """Until all stream and have replayed everything, and all is as it was at first."""
        for standby in (self.standby, self.cascade):
            standby.wait_until("SELECT NOT pg_catalog.pg_is_wal_replay_paused()")
            standby.wait_streaming()
            standby.wait_replayed(self.primary.lsn())
        sandbox.wait_for(lambda: not self.changes(), "the chain to be as it was found", detail=self.changes)

    def changes(self):
        left = self.contents()
        return "\n".join(f"{key}: {found}, was {self.found[key]}" for key, found in left.items()
                         if found != self.found[key])


@pytest.fixture(scope="session")
def chains():
    """{installation: Chain} of those that run.  One parametrised fixture would end each at the next major's turn."""
    running = {}
    yield running
    for chain in running.values():
        chain.cluster.release()


@pytest.fixture(scope="module")
def chain(installation, chains):
    """A Chain for all modules, whose tests leave it as they found it: else that is an error, and it is not used again."""
    if installation not in chains:
        chains[installation] = Chain(installation)
    yield chains[installation]
    try:
        chains[installation].settle()
    except Exception:
        chains.pop(installation).cluster.release()
        raise


@pytest.fixture(scope="session")
def patroni_session():
    """One Patroni cluster for all tests of a worker."""
    if reason := patroni.why_missing():
        pytest.skip(reason)
    with patroni.Cluster() as cluster:
        yield cluster


@pytest.fixture
def patroni_cluster(patroni_session):
    """A patroni.Cluster of three members, healthy; what a test breaks is mended before the next one."""
    yield patroni_session
    patroni_session.mend()


@pytest.fixture
def scratch():
    """A directory that the unprivileged user may write to."""
    return sandbox.make_directory()
