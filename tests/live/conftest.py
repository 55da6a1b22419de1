"""Fixtures for tests against real servers.

In parallel: pytest -n N --dist loadgroup tests/live.  Without loadgroup it works too, but every worker then starts the
servers that the tests of a module share.
"""

import functools
from typing import NamedTuple

import pytest

import installations
import postgres
import programs
import sandbox


def pytest_configure(config):
    config.addinivalue_line("markers", "xdist_group(name): tests of one group run in one worker")
    sandbox.directory()  # made by the first process, so that all workers share one initdb per major


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items):
    """Tests of one module and major share servers, so they belong in one worker."""
    for item in items:
        major = getattr(item, "callspec", None) and item.callspec.params.get("installation")
        if major and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(f"{item.module.__name__}-{major}"))


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


def pytest_collection_modifyitems(config, items):
    """The sanitizers watch our code, which is the same whatever major answers: they are tried with one, the newest."""
    newest = max(installations.installations(), default=None)
    spared = [item for item in items if hasattr(item, "callspec") and item.callspec.params.get("build") == "san"
              and item.callspec.params.get("installation", newest) != newest]
    if spared:
        config.hook.pytest_deselected(items=spared)
        chosen = set(map(id, spared))
        items[:] = [item for item in items if id(item) not in chosen]


@pytest.fixture
def check(build):
    """check(program, *args, env=, stdin=, timeout=) -> Result, with the build under test."""
    return functools.partial(programs.check, build=build)


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


class Chain(NamedTuple):
    primary: postgres.Server
    standby: postgres.Server
    cascade: postgres.Server

    def answers(self):
        """(program, server, state): the right answers of both checks for both roles."""
        return (("check_pg_leader", self.primary, "OK"), ("check_pg_leader", self.standby, "CRITICAL"),
                ("check_pg_replica", self.standby, "OK"), ("check_pg_replica", self.primary, "CRITICAL"))


@pytest.fixture(scope="module")
def chain(installation):
    """primary -> standby -> cascade, shared by the tests of a module, which leave it as they found it.

    Roles: pgha (with pg_monitor, what a check runs as) and plain (without).
    """
    with postgres.Cluster(installation) as cluster:
        primary = cluster.primary()
        primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        primary.sql("CREATE ROLE plain LOGIN")
        # A query on a standby may hold replay back for as long as a test wants.
        standby = cluster.standby(primary, max_standby_streaming_delay="-1")
        yield Chain(primary, standby, cluster.standby(standby, "cascade"))


@pytest.fixture
def scratch():
    """A directory that the unprivileged user may write to."""
    return sandbox.make_directory()
