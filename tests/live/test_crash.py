"""A server that dies while it is asked: at whatever step a check is caught, the answer is yes, or down."""

import contextlib
import subprocess
import time

import postgres
import programs
from sandbox import Never, wait_for

ROUNDS, ASKERS = 6, 6


class Askers:
    """Checks that run side by side, each followed by the next; `ended` holds (exit code, what it said)."""

    def __init__(self, server, build):
        where = map(str, programs.at(server, "postgres"))
        self.command = [programs.path("check_pg_leader", build), *where, "-f", "json"]
        self.running, self.ended = [], []

    def turn(self, starts=True):
        """Collects those that have ended, and starts others in their place."""
        for process in [p for p in self.running if p.poll() is not None]:
            self.running.remove(process)
            self.ended.append((process.returncode, process.stdout.read().decode()))
            process.stdout.close()
        while starts and len(self.running) < ASKERS:
            self.running.append(subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                                 env=programs.environment()))

    def until(self, code):
        """Goes on until one more of that code has ended."""
        before = self.count(code)

        def has_come():
            self.turn()
            return self.count(code) > before

        wait_for(has_come, f"an answer of code {code}", interval=0.001, detail=lambda: self.ended)

    def count(self, code):
        return sum(ended == code for ended, _ in self.ended)

    def finish(self):
        while self.running:
            self.turn(starts=False)
            time.sleep(0.001)


def test_a_server_killed_while_it_is_asked(any_installation):
    with postgres.Cluster(any_installation) as cluster:
        primary = cluster.primary()
        askers = Askers(primary, "plain")
        with contextlib.closing(contextlib.ExitStack()) as stack:
            stack.callback(askers.finish)
            for _ in range(ROUNDS):
                for _ in range(2 * ASKERS):
                    askers.until(0)
                primary.kill()
                askers.until(2)
                askers.finish()
                primary.start()
        if others := [ended for ended in askers.ended if ended[0] not in (0, 2)]:
            raise Never(f"neither yes nor down: {others}")
        assert askers.count(0) >= 2 * ASKERS * ROUNDS and askers.count(2) >= ROUNDS
