"""A server that dies while it is asked: at whatever step a check is caught, the answer is yes, or down."""

import subprocess
import time

import postgres
import programs

ROUNDS, ASKERS = 6, 6


def ask_until(seconds, server, build):
    """Exit codes of checks that run side by side, one after another, until the time is over."""
    command = [programs.path("check_pg_leader", build), "-H", server.host, "-p", str(server.port), "-U", "postgres", "-f", "json"]
    until, running, ended = time.monotonic() + seconds, [], []
    while time.monotonic() < until or running:
        while len(running) < ASKERS and time.monotonic() < until:
            running.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=programs.environment()))
        if not any(process.poll() is not None for process in running):
            time.sleep(0.001)
        for process in [p for p in running if p.poll() is not None]:
            running.remove(process)
            ended.append((process.returncode, process.stdout.read().decode()))
            process.stdout.close()
        if server is not None and until - time.monotonic() < seconds / 2:
            server.kill()
            server = None
    return ended


def test_a_server_killed_while_it_is_asked(any_installation):
    with postgres.Cluster(any_installation) as cluster:
        primary = cluster.primary()
        for _ in range(ROUNDS):
            ended = ask_until(0.4, primary, "plain")
            codes = {code for code, _ in ended}
            assert codes == {0, 2}, [said for code, said in ended if code not in (0, 2)]
            primary.start()
