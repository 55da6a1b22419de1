"""How many answers the agent gives, and how soon while PostgreSQL stands still.

Side by side: the agent's /primary, the same bytes as HAProxy's `http-request return` and from a server of libevent's
evhttp that does nothing else.  A client with one thread keeps 50 connections busy and may well be slower than the
server.  So beside the answers a second stands what an answer costs the server in processor time, which then is all
that tells the servers apart.
"""

import re
import statistics
import subprocess
from typing import NamedTuple

from measuring import Failure, judge, make_primary, newest_installation, own_program

import haproxy
import ports
import postgres
import sandbox
from agent import Agent

CLIENTS = 50
NEW_ROUNDS, KEPT_ROUNDS, LINE_ROUNDS = 8, 3, 5
LINE_SECONDS = 0.5   # of a round with load; wrk knows whole seconds only
HTTP_BUDGET = 0.9    # times HAProxy, a new connection each
OUTAGE_ROUNDS = 3
OUTAGE_SECONDS = 2   # of each round: within it the probe's timeout (1 s) turns yes into no
OUTAGE_RATE = 500    # questions a second, to each door
OUTAGE_BUDGET_MS = 5
HTTP_REQUEST = "GET /primary HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"

HAPROXY = """\
global
    nbthread 1
    stats socket {{socket}}
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend answers
    bind 127.0.0.1:{port}
    http-request return status 200 content-type application/json file {body}
"""


class Peer(NamedTuple):
    """Somebody who answers."""
    name: str
    port: int
    pid: int
    request: str = HTTP_REQUEST


class Round(NamedTuple):
    per_second: float
    cost_us: float  # of the server's processor time, an answer


class Kind(NamedTuple):
    """Answers that begin alike, from tests/bench/load.c; times in milliseconds."""
    count: int
    p50: float
    p99: float
    max: float


# --- loads -----------------------------------------------------------------------------------------------------------

def busy_seconds(pid):
    """The processor time of one process so far."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e9


def run_wrk(peer, is_kept_alive):
    argv = ["wrk", "-t1", f"-c{CLIENTS}", "-d1s", *([] if is_kept_alive else ["-H", "Connection: close"]),
            f"http://127.0.0.1:{peer.port}/primary"]
    busy = busy_seconds(peer.pid)
    run = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
    busy = busy_seconds(peer.pid) - busy
    count, rate = re.search(r"(\d+) requests in", run.stdout), re.search(r"Requests/sec:\s+([\d.]+)", run.stdout)
    if run.returncode or not count or not rate or int(count[1]) == 0:
        raise Failure(f"wrk on {peer.name}: {run.stderr.strip() or run.stdout.strip()}")
    if "Non-2xx" in run.stdout or "Socket errors" in run.stdout:
        raise Failure(f"{peer.name} did not answer every request of wrk with 200:\n{run.stdout}")
    return Round(float(rate[1]), busy / int(count[1]) * 1e6)


def start_load(port, clients, seconds, rate, request):
    argv = [own_program("load"), str(port), str(clients), str(seconds), str(rate), request]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish_load(process):
    """({the answer's first word: Kind}, seconds)"""
    stdout, stderr = process.communicate(timeout=60)
    *lines, last = stdout.splitlines() or [""]
    if process.returncode or not lines:
        raise Failure(f"load: {stderr.strip() or stdout.strip() or 'it had no answer'}")
    kinds = {}
    for line in lines:
        count, p50, p99, worst, word = line.split()
        kinds[word] = Kind(int(count), int(p50) / 1000, int(p99) / 1000, int(worst) / 1000)
    return kinds, float(last.split()[1])


def run_load(peer):
    busy = busy_seconds(peer.pid)
    kinds, seconds = finish_load(start_load(peer.port, CLIENTS, LINE_SECONDS, 0, peer.request))
    busy = busy_seconds(peer.pid) - busy
    if set(kinds) not in ({"200"}, {"up"}):
        raise Failure(f"{peer.name} did not answer every question with a yes: {kinds}")
    count = sum(kind.count for kind in kinds.values())
    return Round(count / seconds, busy / count * 1e6)


# --- answers a second ------------------------------------------------------------------------------------------------

def take_turns(peers, rounds, run):
    """{peer: [Round]}, the first of them in another place each round."""
    found = {peer: [] for peer in peers}
    for number in range(rounds):
        for peer in peers[number % len(peers):] + peers[:number % len(peers)]:
            found[peer].append(run(peer))
    return found


def print_table(title, found, yardstick, judged=None):
    """One row for each peer; the ratio is the median of those of each round.  True when the budget is kept."""
    print(f"\n{title}\n  {'answers a second':<28}{'min':>8}{'median':>8}{'us each':>9}{'x':>7}   budget")
    kept = True
    for peer, rounds in found.items():
        ratio = statistics.median(own.per_second / base.per_second for own, base in zip(rounds, found[yardstick]))
        rates = [own.per_second for own in rounds]
        verdict = ""
        if peer == judged:
            kept = ratio >= HTTP_BUDGET
            verdict = f">= {HTTP_BUDGET:.2f} {judge(kept)}"
        print(f"  {peer.name:<28}{min(rates):8.0f}{statistics.median(rates):8.0f}"
              f"{statistics.median(own.cost_us for own in rounds):9.1f}{ratio:7.2f}   {verdict}".rstrip(), flush=True)
    return kept


def measure_http(balancer, bare, agent):
    new = take_turns([balancer, bare, agent], NEW_ROUNDS, lambda peer: run_wrk(peer, False))
    kept = print_table(f"HTTP, a new connection for each request, {CLIENTS} clients (wrk)", new, balancer, agent)
    alive = take_turns([balancer, bare, agent], KEPT_ROUNDS, lambda peer: run_wrk(peer, True))
    print_table(f"HTTP, connections kept alive, {CLIENTS} clients (wrk)", alive, balancer)
    return kept


def measure_lines(agent, resident, unasked_port):
    lines = [agent,
             Peer("agent-check, asked", resident.check_port, agent.pid, "leader\n"),
             Peer("agent-check, unasked", unasked_port, agent.pid, "")]
    print_table(f"agent-check beside HTTP, a new connection each, {CLIENTS} clients (load)",
                take_turns(lines, LINE_ROUNDS, run_load), agent)


# --- while PostgreSQL stands still -----------------------------------------------------------------------------------

def ask_in_outage(server, doors):
    """{(door, the answer's first word): Kind} of one round, from the moment of SIGSTOP on."""
    server.freeze()
    try:
        loads = {door: start_load(port, CLIENTS, OUTAGE_SECONDS, OUTAGE_RATE, request)
                 for door, (port, request) in doors.items()}
        return {(door, word): kind for door, load in loads.items() for word, kind in finish_load(load)[0].items()}
    finally:
        server.thaw()


def print_outage(door, word, kinds, is_judged, is_expected):
    """One row; kinds: that of each round in which such an answer came.  True when the budget is kept, or has none."""
    p99 = statistics.median(kind.p99 for kind in kinds)
    kept = is_expected and len(kinds) == OUTAGE_ROUNDS and p99 <= OUTAGE_BUDGET_MS
    print(f"  {door + ': ' + word:<33}{sum(kind.count for kind in kinds):8}"
          f"{statistics.median(kind.p50 for kind in kinds):8.2f}{p99:8.2f}{max(kind.max for kind in kinds):8.1f}"
          f"   {f'<= {OUTAGE_BUDGET_MS} {judge(kept)}' if is_judged else ''}".rstrip(), flush=True)
    return kept or not is_judged


def measure_outage(server, resident, balancer):
    """HAProxy's own answers stand beside them as what the machine itself makes one wait at that hour."""
    doors = {"HTTP": (resident.http_port, HTTP_REQUEST), "agent-check": (resident.check_port, "leader\n"),
             balancer.name: (balancer.port, HTTP_REQUEST)}
    expected = [("HTTP", "200"), ("HTTP", "503"), ("agent-check", "up"), ("agent-check", "down"),
                (balancer.name, "200")]
    rounds = []
    for _ in range(OUTAGE_ROUNDS):
        rounds.append(ask_in_outage(server, doors))
        resident.wait_status("/primary", 200)
    print(f"\nPostgreSQL under SIGSTOP, {OUTAGE_ROUNDS} times {OUTAGE_SECONDS} s, {OUTAGE_RATE} questions a second at "
          f"each door\n  {'ms, from when it was due':<33}{'answers':>8}{'p50':>8}{'p99':>8}{'max':>8}"
          "   budget for p99, of the median round")
    heard = {key for found in rounds for key in found}
    kept = [print_outage(*key, [found[key] for found in rounds if key in found], key[0] != balancer.name,
                         key in expected) for key in sorted(heard)]
    missing = [f"{door}: {word}" for door, word in expected if (door, word) not in heard]
    if missing:
        print(f"  never heard: {', '.join(missing)} FAILED")
    return all(kept) and not missing


# --- all of it -------------------------------------------------------------------------------------------------------

def start_bare(body):
    port = ports.reserve()
    process = sandbox.spawn([str(own_program("bare_http")), str(port), body.decode()],
                            sandbox.make_directory("bare") / "log")
    return process, Peer("bare evhttp", port, process.pid)


def configure_haproxy(body):
    port, file = ports.reserve(), sandbox.make_directory("body") / "body"
    file.write_bytes(body)
    file.chmod(0o644)
    return haproxy.Haproxy(HAPROXY.format(port=port, body=file)), port


def measure_servers(server, resident, unasked_port):
    body = resident.get("/primary").body
    process, bare = start_bare(body)
    haproxy_daemon, port = configure_haproxy(body)
    agent = Peer("pgha-agent /primary", resident.http_port, resident.process.pid)
    try:
        with haproxy_daemon:
            balancer = Peer("HAProxy, http-request return", port, haproxy_daemon.pid)
            kept = measure_http(balancer, bare, agent)
            measure_lines(agent, resident, unasked_port)
            return measure_outage(server, resident, balancer) and kept
    finally:
        sandbox.terminate(process)


def measure():
    with postgres.Cluster(newest_installation()) as cluster:
        server = make_primary(cluster)
        unasked_port = ports.reserve()
        with Agent(server, config={"check leader": {"agent": f"127.0.0.1:{unasked_port}"}}) as resident:
            return measure_servers(server, resident, unasked_port)
