"""The leader check, a bare libpq program and what people use today, against one primary.

The commands take turns in rounds of a few runs, each round gives one ratio to the bare program, and the median over the
rounds is held against the budget.  Many short rounds, because a neighbour's burst of work then spoils both sides of a
ratio alike: on a busy machine two equal programs came out 3 % apart with rounds of 4 runs, and 11 % with rounds of 20.
"""

import os
import re
import select
import socket
import statistics
import subprocess
import sys
import threading
import time
from typing import NamedTuple

from measuring import ROLE, Command, Failure, hyperfine, judge, make_primary, newest_installation, own_program

import postgres
import programs
import sandbox

VARIANT_SECONDS = 13  # rounds go on for so long; three variants take less than a minute
PROBE_ROUNDS = 50
CHECK_BUDGET = 1.10  # times the bare program, whole process
PROBE_BUDGET = 2.0   # times SELECT 1, on an open connection
BARE, LEADER = "bare libpq, one query", "check_pg_leader"


class Variant(NamedTuple):
    title: str
    host: str
    parameters: dict  # what is added to the conninfo, for everybody


# --- what is compared ------------------------------------------------------------------------------------------------

def conninfo(host, port, parameters):
    keywords = {"host": host, "port": port, "user": ROLE, "dbname": "postgres", **parameters}
    return " ".join(f"{name}={value}" for name, value in keywords.items())


def commands(server, variant):
    """The same connection for all; two programs take no conninfo and get its rest from environment()."""
    info = conninfo(variant.host, server.port, variant.parameters)
    bindir = server.installation.bindir
    query = "SELECT pg_is_in_recovery()"
    build = programs.build_directory()
    return [
        Command(BARE, (own_program("bare"), info), 4),
        Command(LEADER, (build / "check_pg_leader", "-d", info), 4),
        Command("pg_isready", (bindir / "pg_isready", "-d", info), 4),
        Command("psql -c", (bindir / "psql", "-XAtc", query, info), 4),
        Command("psql -c (Debian's wrapper)", ("/usr/bin/psql", "-XAtc", query, info), 2),
        Command("check_pgsql", ("/usr/lib/nagios/plugins/check_pgsql", "-H", variant.host, "-P", server.port,
                                "-l", ROLE, "-d", "postgres"), 4),
        Command("check_postgres connection", ("/usr/bin/check_postgres", "--action=connection",
                                              f"--host={variant.host}", f"--port={server.port}", f"--dbuser={ROLE}",
                                              "--dbname=postgres"), 1),
    ]


def environment(variant):
    return programs.environment(**{f"PG{name.upper()}": value for name, value in variant.parameters.items()})


def why_not(command, env):
    """Why a command cannot take part ("" if it can).  Its first run also brings it into the page cache."""
    if not os.access(command.argv[0], os.X_OK):
        return f"no {command.argv[0]}"
    run = subprocess.run([str(word) for word in command.argv], env=env, capture_output=True, text=True, check=False,
                         stdin=subprocess.DEVNULL, timeout=30)
    if run.returncode:
        return f"exit code {run.returncode}: {' '.join((run.stderr or run.stdout).split())}"
    return ""


# --- whole processes -------------------------------------------------------------------------------------------------

def take_turns(bare, leader, others, env):
    """{name: [(median of a round, median of the bare program in that round, times)]}.  Every round has the first two,
    in changing order, and one of the others, which are many and slow."""
    export = sandbox.make_directory("bench") / "times.json"
    rounds = {command.name: [] for command in (bare, leader, *others)}
    deadline = time.monotonic() + VARIANT_SECONDS
    number = 0
    while time.monotonic() < deadline:
        pair = (bare, leader) if number % 2 else (leader, bare)
        turn = [*pair, others[number % len(others)]] if others else pair
        times = {command.name: hyperfine(command, env, export) for command in turn}
        for name, own in times.items():
            rounds[name].append((statistics.median(own), statistics.median(times[BARE]), own))
        number += 1
    return rounds


def measure_variant(server, variant):
    """Prints one table; True when the budget is kept."""
    env = environment(variant)
    bare, leader, *others = commands(server, variant)
    absent = {command: why_not(command, env) for command in (bare, leader, *others)}
    for command in (bare, leader):
        if absent[command]:
            raise Failure(f"{command.name}: {absent[command]} (make bench builds it)")
    rounds = take_turns(bare, leader, [command for command in others if not absent[command]], env)
    print(f"\n{variant.title}\n  {'ms, whole process':<28}{'min':>7}{'median':>8}{'mean':>8}{'x bare':>8}   budget")
    for name, of_command in rounds.items():
        times = [time for _, _, own in of_command for time in own]
        ratio = statistics.median(own / base for own, base, _ in of_command)
        verdict = f"<= {CHECK_BUDGET:.2f} {judge(ratio <= CHECK_BUDGET)}" if name == LEADER else ""
        print(f"  {name:<28}{min(times):7.2f}{statistics.median(times):8.2f}{statistics.mean(times):8.2f}{ratio:8.2f}"
              f"   {verdict}".rstrip())
        if name == LEADER:
            kept = ratio <= CHECK_BUDGET
    for command in filter(absent.get, others):
        print(f"  {command.name:<28}not measured: {absent[command]}"[:79])
    sys.stdout.flush()
    return kept


# --- the probe on an open connection ---------------------------------------------------------------------------------

class Overheard(NamedTuple):
    options: str   # the session's settings, as sent at the start of the connection
    statements: list
    protocol: str  # pgbench's word for it


def relay(listener, server, sent):
    """Passes one connection on to the server and keeps what the client sends."""
    client, _ = listener.accept()
    with client, socket.create_connection((server.host, server.port)) as upstream:
        while True:
            for ready in select.select([client, upstream], [], [])[0]:
                data = ready.recv(65536)
                if not data:
                    return
                if ready is client:
                    sent.extend(data)
                (upstream if ready is client else client).sendall(data)


def overhear(server):
    """What the leader check really sends, so that no copy of its SQL can drift."""
    sent = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=relay, args=(listener, server, sent), daemon=True)
        thread.start()
        info = conninfo("127.0.0.1", listener.getsockname()[1], {"sslmode": "disable", "gssencmode": "disable"})
        result = programs.check(LEADER, "-d", info)
        thread.join(10)
    if result.code:
        raise Failure(f"the check through a relay: {result}")
    return parse_sent(bytes(sent))


def parse_sent(sent):
    """A client's half of a conversation: a start-up packet, then messages of a type byte, a length and a body."""
    length = int.from_bytes(sent[:4], "big")
    words = sent[8:length].split(b"\0")
    start = dict(zip(words[0::2], words[1::2]))
    statements, protocols = [], set()
    while length < len(sent):
        kind, size = sent[length:length + 1], int.from_bytes(sent[length + 1:length + 5], "big")
        body = sent[length + 5:length + 1 + size].split(b"\0")
        length += 1 + size
        if kind in b"QP":  # Query holds the SQL; Parse a name before it
            statements.append(body[0 if kind == b"Q" else 1].decode())
            protocols.add("simple" if kind == b"Q" else "extended")
    if len(protocols) != 1:
        raise Failure(f"cannot tell the protocol of the check: {statements}")
    return Overheard(start.get(b"options", b"").decode(), statements, protocols.pop())


def pgbench(server, script, protocol, options):
    """Microseconds a transaction, on one connection."""
    argv = [server.installation.bindir / "pgbench", "-n", "-M", protocol, "-c1", "-t1000", "-f", script,
            "-h", server.socket_dir, "-p", str(server.port), "-U", ROLE, "postgres"]
    run = subprocess.run(argv, env=programs.environment(PGOPTIONS=options), capture_output=True, text=True, check=False)
    found = re.search(r"tps = ([0-9.]+) \(without", run.stdout)
    if run.returncode or not found:
        raise Failure(f"pgbench: {run.stderr.strip() or run.stdout.strip()}")
    return 1e6 / float(found[1])


def measure_probe(server):
    """Prints the second table; True when the budget is kept."""
    heard = overhear(server)
    scripts = sandbox.make_directory("probe")
    (scripts / "probe").write_text("".join(f"{statement.rstrip(';')};\n" for statement in heard.statements),
                                   encoding="utf-8")
    (scripts / "one").write_text("SELECT 1;\n", encoding="utf-8")
    probes, ones = [], []
    for _ in range(PROBE_ROUNDS):
        ones.append(pgbench(server, scripts / "one", heard.protocol, ""))
        probes.append(pgbench(server, scripts / "probe", heard.protocol, heard.options))
    ratio = statistics.median(probe / one for probe, one in zip(probes, ones))
    print(f"\nOne connection kept open, over the socket ({heard.protocol} protocol)\n"
          f"  {'microseconds a query':<28}{'min':>7}{'median':>8}{'':8}{'x':>8}   budget\n"
          f"  {'SELECT 1':<28}{min(ones):7.0f}{statistics.median(ones):8.0f}{'':8}{1:8.2f}\n"
          f"  {'what the leader check asks':<28}{min(probes):7.0f}{statistics.median(probes):8.0f}{'':8}{ratio:8.2f}"
          f"   <= {PROBE_BUDGET:.2f} {judge(ratio <= PROBE_BUDGET)}")
    return ratio <= PROBE_BUDGET


# --- all of it -------------------------------------------------------------------------------------------------------

def measure():
    with postgres.Cluster(newest_installation()) as cluster:
        server = make_primary(cluster)
        plain = {"sslmode": "disable", "gssencmode": "disable"}
        variants = [
            Variant("TCP on 127.0.0.1, sslmode=disable gssencmode=disable", server.host, plain),
            Variant("TCP on 127.0.0.1, libpq's defaults", server.host, {}),
            Variant("UNIX socket, libpq's defaults", server.socket_dir, {}),
        ]
        kept = [measure_variant(server, variant) for variant in variants]
        kept.append(measure_probe(server))
    return all(kept)
