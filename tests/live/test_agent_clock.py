"""The wall clock jumps under pgha-agent: nothing that it says depends on that clock but the dates in it."""

import shutil
import struct
import subprocess
import threading
import time

import pytest

import postgres
import sandbox
from agent import PATIENT, Agent

HOUR = 3600
LATE_MAX = 60  # seconds: later than this no busy machine is, and it is far from every jump

# Loaded before libc: the wall clock, as this process and its workers see it, is off by what a file says.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset_s;
static int (*real)(clockid_t, struct timespec *);

static void
open_offset(void)
{
	int fd = open(getenv("PGHA_CLOCK"), O_RDONLY);

	offset_s = mmap(NULL, sizeof *offset_s, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
}

int
clock_gettime(clockid_t id, struct timespec *now)
{
	int status;

	if (real == NULL) /* others ask for the time before a constructor of this would run */
		open_offset();
	status = real(id, now);
	if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
		now->tv_sec += *offset_s;
	return status;
}

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec exact;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &exact);
	now->tv_sec = exact.tv_sec;
	now->tv_usec = exact.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *seconds)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (seconds != NULL)
		*seconds = now.tv_sec;
	return now.tv_sec;
}
"""


class Clock:
    """A wall clock for the processes that are started with its env."""

    def __init__(self):
        directory = sandbox.make_directory("clock")
        self.file, library, source = directory / "offset", directory / "clock.so", directory / "clock.c"
        source.write_text(SHIM, encoding="ascii")
        compiler = next(filter(shutil.which, ("gcc", "clang", "cc")), None)
        if compiler is None:
            pytest.skip("no C compiler for the shim that moves the clock")
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True, cwd=directory)
        self.env = {"LD_PRELOAD": str(library), "PGHA_CLOCK": str(self.file)}
        self.jump(0)
        for path in (self.file, library):
            path.chmod(0o644)

    def jump(self, seconds):
        mode = "r+b" if self.file.exists() else "wb"
        with open(self.file, mode) as file:  # in place: it is mapped
            file.write(struct.pack("=q", int(seconds)))


@pytest.fixture(scope="module")
def pair(any_installation):
    with postgres.Cluster(any_installation) as cluster:
        primary = cluster.primary()
        primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        yield primary, cluster.standby(primary)


@pytest.fixture
def clock():
    return Clock()


def seen_at(agent):
    """When the newest facts were seen, by the agent's wall clock, in seconds."""
    return agent.get("/snapshot").json()["snapshots"][0]["taken_ms"] / 1000


@pytest.mark.parametrize("jump", (HOUR, -HOUR, 10 * 365 * 24 * HOUR, -20 * 365 * 24 * HOUR))
def test_no_answer_changes(pair, clock, jump):
    primary, standby = pair
    config = {"agent": {**PATIENT, "interval": "100ms"},
              "check replica": {"critical": "30s", "rise": "2", "fall": "2", "weight_ramp": "5s"}}
    with Agent(primary, env=clock.env, tracks=("leader",), config=config, peers={"n2": standby}) as first, \
            Agent(standby, env=clock.env, tracks=("replica",), config=config, peers={"n1": primary}) as second:
        first.wait_track("leader", "1")
        second.wait_track("replica", "1")
        inodes = first.track_path("leader").stat().st_ino, second.track_path("replica").stat().st_ino
        logs = first.log_text(), second.log_text()
        wrong, is_over = [], threading.Event()

        def ask():
            while not is_over.is_set():
                for agent, path in ((first, "/primary"), (second, "/replica"), (second, "/replica?lag=1MB"),
                                    (second, "/async")):
                    answer = agent.get(path)
                    if answer.status != 200 or answer.elapsed > 1:
                        wrong.append(str(answer))
                is_over.wait(0.02)

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            for offset in (jump, 0):
                clock.jump(offset)
                for agent in (first, second):
                    sandbox.wait_for(lambda: abs(seen_at(agent) - time.time() - offset) < LATE_MAX,
                                     "the agent's clock to jump",
                                     detail=lambda: f"it is {seen_at(agent) - time.time()} s from here")
                for _ in range(10):
                    ages = [n for name, n in first.metrics().items() if name.startswith("pgha_probe_age_seconds")]
                    assert max(ages) < LATE_MAX and min(ages) >= 0, ages
                    for agent in (first, second):
                        agent.wait_looks()
        finally:
            is_over.set()
            thread.join()
        assert not wrong, wrong[:2]
        assert inodes == (first.track_path("leader").stat().st_ino, second.track_path("replica").stat().st_ino)
        assert (first.log_text(), second.log_text()) == logs, "nothing has happened"


def test_loss_is_seen_after_a_jump(any_installation, clock):
    """And what is not known is still not said: neither a crash nor silence is missed for the clock's sake."""
    with postgres.Cluster(any_installation) as cluster:
        primary = cluster.primary()
        primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        config = {"agent": {"interval": "100ms", "max_age": "1s", "timeout": "400ms"}}
        with Agent(primary, env=clock.env, tracks=("leader",), config=config) as agent:
            for jump in (-HOUR, HOUR):
                clock.jump(jump)
                primary.freeze()
                assert agent.wait_status("/primary", 503) < 1
                primary.thaw()
                agent.wait_status("/primary", 200)
                primary.kill()
                assert agent.wait_status("/primary", 503) < 0.3
                primary.start()
                agent.wait_status("/primary", 200)
            agent.freeze()
            clock.jump(-HOUR)
            assert agent.wait_track("leader", "0") < 1.4
            agent.thaw()
            assert agent.stop() == 0
