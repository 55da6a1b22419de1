"""How soon the agent knows: from the postmaster's end to the first "no", from a promotion to the first "yes".

A server is killed, comes back as a standby of nobody (standby.signal is enough, and nothing need be copied), is
promoted, killed again, and so on; several servers, each with an agent of its own, take turns, so that one starts while
another is measured.  The instant of a promotion is when PostgreSQL itself first says that it is not in recovery any more.
"""

import http.client
import os
import random
import signal
import statistics
import time
from contextlib import closing

from measuring import INTERVAL_MS, Failure, judge, make_primary, newest_installation

import postgres
import reaper
import sandbox
from agent import Agent

TRIALS = 20
SERVERS = 4
CRASH_BUDGET_MS = 50
PROMOTION_BUDGET_MS = INTERVAL_MS + 50
PATIENCE_SECONDS = 10


class Pair:
    """A server and its agent, which is asked over one connection that is kept alive: ten thousand times a second."""

    def __init__(self, server):
        self.server = server
        self.agent = Agent(server, name=server.name).start()
        self.connection = http.client.HTTPConnection(self.agent.address, self.agent.http_port, timeout=5)

    def status(self):
        self.connection.request("GET", "/primary")
        response = self.connection.getresponse()
        response.read()
        return response.status

    def wait_status(self, status):
        """The instant (monotonic) of the first such answer."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.status() != status:
            if time.monotonic() > deadline:
                raise Failure(f"/primary of {self.server.name} was not {status} within {PATIENCE_SECONDS} s\n"
                              f"{self.agent.log_tail()}")
        return time.monotonic()

    def release(self):
        self.connection.close()
        self.agent.release()


def wait_promoted(server):
    """Promotes; the instant at which it is out of recovery."""
    with closing(server.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_catalog.pg_promote(false)")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            cursor.execute("SELECT pg_catalog.pg_is_in_recovery()")
            if not cursor.fetchone()[0]:
                return time.monotonic()
    raise Failure(f"{server.name} was not promoted within {PATIENCE_SECONDS} s\n{server.log_tail()}")


def crash(pair):
    """Milliseconds from SIGKILL of the postmaster, and of nobody else, to the first "no"."""
    processes = pair.server.processes()
    time.sleep(random.uniform(0, INTERVAL_MS / 1000))  # anywhere between two looks
    started = time.monotonic()
    os.kill(pair.server.process.pid, signal.SIGKILL)
    elapsed_ms = (pair.wait_status(503) - started) * 1000
    pair.server.process.wait()
    sandbox.ended(pair.server.process)
    if not reaper.wait_gone(processes, PATIENCE_SECONDS):
        raise Failure(f"{pair.server.name} left processes behind")
    reaper.free_shared_memory(processes)
    return elapsed_ms


def begin_standby(pair):
    signal_file = pair.server.data / "standby.signal"
    signal_file.touch()
    os.chown(signal_file, pair.server.data.stat().st_uid, pair.server.data.stat().st_gid)
    pair.server.start(wait=False)


def promote(pair):
    """Milliseconds from the end of recovery to the first "yes"."""
    pair.server.wait_ready()
    # A server that was away is looked at more and more rarely; a standby is promoted that the agent knows.
    pair.agent.wait_status("/health", 200)
    time.sleep(random.uniform(0, INTERVAL_MS / 1000))
    promoted = wait_promoted(pair.server)
    return (pair.wait_status(200) - promoted) * 1000


def take_turns(pairs):
    """(milliseconds of each crash, of each promotion)"""
    crashes, promotions = [], []
    for number in range(TRIALS + len(pairs)):
        pair = pairs[number % len(pairs)]
        if number >= len(pairs):
            promotions.append(promote(pair))
        if number < TRIALS:
            crashes.append(crash(pair))
            begin_standby(pair)
    return crashes, promotions


def print_row(name, times, budget_ms):
    """A budget is for each of the trials."""
    kept = max(times) <= budget_ms
    print(f"  {name:<40}{min(times):8.1f}{statistics.median(times):8.1f}{max(times):8.1f}   <= {budget_ms} "
          f"{judge(kept)}", flush=True)
    return kept


def measure_pairs(pairs):
    crashes, promotions = take_turns(pairs)
    print(f"\nAn agent that looks every {INTERVAL_MS} ms, {TRIALS} trials each\n"
          f"  {'ms':<40}{'min':>8}{'median':>8}{'max':>8}   budget for max")
    kept = [print_row("postmaster killed, to the first \"no\"", crashes, CRASH_BUDGET_MS),
            print_row("out of recovery, to the first \"yes\"", promotions, PROMOTION_BUDGET_MS)]
    return all(kept)


def measure():
    pairs = []
    with postgres.Cluster(newest_installation()) as cluster:
        try:
            for number in range(SERVERS):
                pairs.append(Pair(make_primary(cluster, f"n{number + 1}")))
            return measure_pairs(pairs)
        finally:
            for pair in pairs:
                pair.release()
