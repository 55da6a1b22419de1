"""What the facets of all checks cost a server that has much to tell, on a connection that stays open.

A primary with twenty receivers of WAL, fifty slots, sixty sessions of several databases and roles, publications,
subscriptions and WAL to archive is asked as the agent asks: all facets in one round trip.  Whoever reads a slot as a
standby does is a standby to the server, and is far cheaper here than a server.

The times are the client's, over the socket: what the answer costs the server, and the way, and libpq's reading of it.
The budget is for what the server's own process uses for all of it, as the system counts that.  Of several rounds the
best counts, because whatever else runs on the machine only adds to a time.  A facet alone is parsed and planned each time, as for a one-shot; all
together are prepared by the second look, as the agent has them.
"""

import re
import statistics
import subprocess
import time
from contextlib import ExitStack, closing

import psycopg2
from psycopg2.extras import REPLICATION_PHYSICAL, PhysicalReplicationConnection

from measuring import ROLE, Failure, judge, make_primary, own_program

import installations
import postgres

RECEIVERS, SLOTS, SESSIONS = 20, 50, 60
DATABASES = ("shop", "stock", "billing", "reports")
ROLES = ("web", "worker", "mobile", "analyst", "batch")
LOGICAL_SLOTS, SUBSCRIPTIONS, BUSY_SESSIONS, UNARCHIVED = 4, 6, 6, 40
ROUNDS, LOOKS, WARM_UP = 8, 50, 20  # WARM_UP as probe.c has it
BUDGET_US = 2000

SETTINGS = {
    "max_connections": SESSIONS + 20, "max_wal_senders": RECEIVERS + 10, "max_replication_slots": SLOTS + 10,
    "wal_level": "logical", "wal_sender_timeout": "0",  # nobody listens while the facets are measured
    "archive_mode": "on", "archive_command": "false",
}
SYNC = "ANY 2 (standby_00, standby_01, *)"


# --- a server with much to tell --------------------------------------------------------------------------------------

def make_slots(server):
    """Those of the receivers, logical ones, and the rest without a consumer."""
    physical = [f"standby_{number:02}" for number in range(SLOTS - LOGICAL_SLOTS)]
    server.sql("SELECT pg_catalog.pg_create_physical_replication_slot(name, true) "
               "FROM pg_catalog.unnest(%s) AS name", (physical,))
    for number in range(LOGICAL_SLOTS):
        database = DATABASES[number % len(DATABASES)]
        server.sql("SELECT pg_catalog.pg_create_logical_replication_slot(%s, 'pgoutput')", (f"feed_{number}",),
                   dbname=database)
        server.sql(f"CREATE TABLE t (id int); CREATE PUBLICATION feed_{number} FOR TABLE t", dbname=database)
    return physical


def make_subscriptions(server):
    """Disabled ones, which leads nowhere: what is asked is in the catalogs all the same."""
    for number in range(SUBSCRIPTIONS):
        server.sql(f"CREATE SUBSCRIPTION sub_{number} CONNECTION 'host=127.0.0.1 port=1' PUBLICATION feed "
                   f"WITH (connect = false, slot_name = 'sub_{number}')", dbname=DATABASES[number % len(DATABASES)])


def receive(stack, server, slot):
    """Streams from a slot, under its name, and confirms what came so far."""
    connection = psycopg2.connect(host=server.socket_dir, port=server.port, user="postgres", application_name=slot,
                                  dbname="postgres", connection_factory=PhysicalReplicationConnection)
    stack.callback(connection.close)
    cursor = connection.cursor()
    cursor.start_replication(slot_name=slot, slot_type=REPLICATION_PHYSICAL, start_lsn=server.lsn())
    position = int(server.value(f"SELECT '{server.lsn()}'::pg_lsn - '0/0'::pg_lsn"))
    cursor.send_feedback(write_lsn=position, flush_lsn=position, apply_lsn=position, force=True)


def open_sessions(stack, server):
    """Sessions of several databases and roles, a few of them within a transaction."""
    for number in range(SESSIONS):
        session = server.connect(DATABASES[number % len(DATABASES)], ROLES[number % len(ROLES)])
        stack.callback(session.close)
        with session.cursor() as cursor:
            cursor.execute("BEGIN; SELECT 1" if number < BUSY_SESSIONS else "SELECT 1")


def make_server(stack, cluster):
    server = make_primary(cluster, **SETTINGS)
    for name in DATABASES:
        server.sql(f"CREATE DATABASE {name}")
    server.sql("; ".join(f"CREATE ROLE {name} LOGIN CONNECTION LIMIT 100" for name in ROLES))
    slots = make_slots(server)
    make_subscriptions(server)
    for _ in range(UNARCHIVED):  # segments that wait
        server.sql("SELECT pg_catalog.pg_logical_emit_message(false, '', ''), pg_catalog.pg_switch_wal()")
    for slot in slots[:RECEIVERS]:
        receive(stack, server, slot)
    open_sessions(stack, server)
    server.configure(synchronous_standby_names=SYNC)  # last: the receivers confirm once only, and commits would wait
    server.wait_until(f"SELECT pg_catalog.count(*) = {RECEIVERS} FROM pg_catalog.pg_stat_replication "
                      "WHERE state = 'streaming' AND replay_lsn IS NOT NULL")
    return server


# --- measuring -------------------------------------------------------------------------------------------------------

def ask_one(server):
    """The median of SELECT 1, in microseconds."""
    times = []
    with closing(server.connect(user=ROLE)) as connection, connection.cursor() as cursor:
        for _ in range(LOOKS):
            started = time.perf_counter()
            cursor.execute("SELECT 1")
            times.append((time.perf_counter() - started) * 1e6)
    return round(statistics.median(times))


def used_us(pid):
    """The processor time that a process has used so far, in microseconds."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) / 1000


def ask_facets(server):
    """{facet: its median in microseconds}, of "all" together, and what "all" costs the server's own process."""
    info = f"host={server.socket_dir} port={server.port} user={ROLE} dbname=postgres"
    with subprocess.Popen([own_program("probe"), info, str(LOOKS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as run:
        found, used = {}, []
        for line in run.stdout:
            name, number = line.split()
            if name in ("ready", "done"):
                pid = server.value("SELECT pid FROM pg_catalog.pg_stat_activity WHERE application_name = 'probe'")
                used.append(used_us(pid))
                run.stdin.write("\n")
                run.stdin.flush()
            else:
                found[name] = int(number)
        if run.wait(timeout=300) or len(used) != 2:
            raise Failure(f"probe of PostgreSQL {server.version}: {run.stderr.read().strip()}")
    return {**found, "server": round((used[1] - used[0]) / (LOOKS + WARM_UP))}


def measure_installation(installation):
    """{what was asked: the least of the rounds' medians}"""
    with ExitStack() as stack:
        server = make_server(stack, stack.enter_context(postgres.Cluster(installation)))
        rounds = [{"SELECT 1": ask_one(server), **ask_facets(server)} for _ in range(ROUNDS)]
        return {name: min(times[name] for times in rounds) for name in rounds[0]}


def print_row(title, figures, budget=""):
    print(f"  {title:<38}" + "".join(f"{figure:>8}" for figure in figures) + budget, flush=True)


def print_table(found):
    """One column for each major.  True when the budget is kept by all of them."""
    print_row("microseconds, over the socket", [f"PG {major}" for major in found], "   budget")
    for name in next(iter(found.values())):
        if name not in ("all", "server"):
            print_row(name if name == "SELECT 1" else f"{name}, alone", [times[name] for times in found.values()])
    print_row("all in one round trip", [times["all"] for times in found.values()])
    served = [times["server"] for times in found.values()]
    kept = max(served) <= BUDGET_US
    print_row("all, the server's own time", served, f"   <= {BUDGET_US} {judge(kept)}")
    return kept


def measure():
    print(f"\nWhat the facets cost a server with {RECEIVERS} receivers of WAL, {SLOTS} slots and {SESSIONS} sessions")
    return print_table({major: measure_installation(found)
                        for major, found in sorted(installations.installations().items())})
