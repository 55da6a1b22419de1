"""How the demo asks, and its look at all the checks: on the primary, on its standby, and while replay stands still."""

import os
import shlex
import subprocess
import textwrap
import threading
import time

import psycopg2

import basebackup
import programs
import sandbox
from demo_agent import ROLE, say

LEADER, REPLICA = "check_pg_leader", "check_pg_replica"
YES, WARNING, NO, UNKNOWN = range(4)  # exit codes; CRITICAL is a no
TURN_SECONDS = 15     # longer than any answer may take to turn
FEED = "orders_feed"  # the publication, the subscription and its slot

# What each program is asked, and its exit code: on the primary, and on its standby.
QUESTIONS = {
    LEADER: (("", YES), ("", NO)),
    REPLICA: (("", NO), ("", YES)),
    "check_pg_lag": (("--standby n2 --standby n3", YES), ("--primary '{primary}'", YES)),
    "check_pg_sync": (("", YES), ("--primary '{primary}'", YES)),
    "check_pg_slots": (("--expect n2 --expect n3", YES), ("--primary '{primary}'", YES)),
    "check_pg_subscription": (("", YES), ("", UNKNOWN)),
    "check_pg_connections": (("--by role", YES), ("", YES)),
    "check_pg_archive": (("", YES), ("--wrong-role ok", YES)),
    "check_pg_backup": (("--directory {backup}", YES), ("--directory {backup}", YES)),
    "check_pg_config": (("", WARNING), ("--primary '{primary}'", WARNING)),  # and what they warn of, will happen
}


# --- asking ----------------------------------------------------------------------------------------------------------

def command(program, server, directory=None, options=()):
    """As one would type it in the repository."""
    build = directory or os.path.relpath(programs.build_directory(), programs.REPOSITORY)
    return [f"{build}/{program}", "-H", server.host, "-p", str(server.port), "-U", ROLE, "-f", "plain", *options]


def ask(program, server, options=()):
    """(exit code, the first line of the answer)"""
    run = subprocess.run(command(program, server, programs.build_directory(), options), env=programs.environment(),
                         text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=30, check=False)
    return run.returncode, (run.stdout.splitlines() or [run.stderr.strip() or "(no output)"])[0]


def say_answer(line):
    say(textwrap.fill(line, 80, initial_indent="  ", subsequent_indent=11 * " "))


class Answers:
    """What was answered, against what must be."""

    def __init__(self):
        self.wrong = []

    def judge(self, what, expected, code, kind="exit code"):
        if code != expected:
            self.wrong.append(f"{what}: {kind} {code} instead of {expected}")
            say(f"    ^ wrong: {kind} {code}, must be {expected}")

    def show_one(self, program, server, expected, options=(), is_command_shown=True):
        code, line = ask(program, server, options)
        if is_command_shown:
            say("  $ " + shlex.join(command(program, server, options=options)))
        say_answer(line)
        self.judge(f"{program} on {server.name}, \"{line}\"", expected, code)

    def show(self, *nodes, commands=False):
        """Puts both questions to each (server, role, leader's exit code, replica's) and prints the answers."""
        for server, role, *codes in nodes:
            say(f"{server.name}, {role}:")
            for program, expected in zip((LEADER, REPLICA), codes):
                self.show_one(program, server, expected, is_command_shown=commands)


# --- what there is to look at ----------------------------------------------------------------------------------------

def settings():
    """What the nodes have beside the harness's own: an archive, and what checks and subscriptions ask for."""
    archive = sandbox.make_directory("wal")
    return {"wal_level": "logical", "archive_mode": "on", "archive_command": f"cp %p {archive}/%f", "fsync": "on",
            "wal_log_hints": "on", "max_slot_wal_keep_size": "1GB"}


def start_subscriber(cluster, n1):
    """A small server that follows the table orders, through n1's socket, which is the superuser's."""
    n1.sql(f"CREATE PUBLICATION {FEED} FOR TABLE orders")
    reports = cluster.primary("reports")
    reports.sql(f"CREATE ROLE {ROLE} LOGIN IN ROLE pg_monitor")
    reports.sql("CREATE TABLE orders (id int)")
    reports.sql(f"CREATE SUBSCRIPTION {FEED} CONNECTION 'host={n1.socket_dir} port={n1.port} user=postgres "
                f"dbname=postgres' PUBLICATION {FEED}")
    reports.wait_until("SELECT pg_catalog.bool_and(srsubstate = 'r') FROM pg_catalog.pg_subscription_rel")
    return reports


def take_backup(n1):
    """By pg_basebackup, where there is one; npm's servers have none.  The directory that has it."""
    directory = sandbox.make_directory("backup")
    tool = n1.installation.bindir / "pg_basebackup"
    if tool.exists():
        argv = [tool, "-D", directory / "base", "-c", "fast", "-h", n1.socket_dir, "-p", n1.port, "-U", "postgres"]
        subprocess.run(sandbox.as_user([str(word) for word in argv]), env=programs.environment(), cwd="/", check=True,
                       capture_output=True, timeout=60)
    else:
        basebackup.take(n1, directory / "base")
    return directory


# --- the story -------------------------------------------------------------------------------------------------------

def primary_conninfo(n1):
    return f"host={n1.host} port={n1.port} user={ROLE}"


def all_programs():
    return sorted(path.name for path in programs.build_directory().glob("check_*") if os.access(path, os.X_OK))


def show_all(answers, n1, n2, reports, known_elsewhere):
    backup = take_backup(n1)
    answers.wrong.extend(f"{name}: the demo does not know it" for name in all_programs()
                         if name not in (*QUESTIONS, *known_elsewhere))
    for place, (server, role) in enumerate(((n1, "primary"), (n2, "synchronous standby"))):
        say(f"{server.name}, {role}:")
        for program in QUESTIONS:
            if program not in (LEADER, REPLICA):  # they have just been asked
                options, code = QUESTIONS[program][place]
                options = shlex.split(options.format(primary=primary_conninfo(n1), backup=backup))
                answers.show_one(program, server, code, options)
    say("reports, a subscriber:")
    answers.show_one("check_pg_subscription", reports, YES)


def commit_visibly(n1):
    """A commit of 3 MB that waits until the standby has replayed it."""
    try:
        n1.sql("SET synchronous_commit = remote_apply; "
               "SELECT pg_catalog.pg_logical_emit_message(true, 'demo', pg_catalog.repeat('x', 3000000))", timeout=10)
    except psycopg2.Error:
        pass  # it is over with the server


def wait_answer(answers, program, server, expected, options):
    deadline = time.monotonic() + TURN_SECONDS
    code, line = ask(program, server, options)
    while code != expected and time.monotonic() < deadline:
        time.sleep(0.02)
        code, line = ask(program, server, options)
    say_answer(f"{program} on {server.name}: {line}")
    answers.judge(f"{program} on {server.name}, \"{line}\"", expected, code)


def stop_replay(answers, n1, n2):
    limits = ["-w", "512kB", "-c", "1MB"]
    # What n2 has flushed is enough for commits, but for those that ask for remote_apply: a warning.
    questions = (("check_pg_lag", n1, [*limits, "--standby", "n2"], NO),
                 ("check_pg_lag", n2, [*limits, "--primary", primary_conninfo(n1)], NO),
                 (REPLICA, n2, limits, NO), ("check_pg_sync", n1, ["--max-wait", "100ms"], WARNING))
    say("""
   Replay on n2 is paused (pg_wal_replay_pause), and n1 writes 3 MB in a
   transaction that is to be visible there (synchronous_commit = remote_apply).
   Limits: 1 MB, and 100 ms for a commit.
""")
    commit = threading.Thread(target=commit_visibly, args=(n1,), daemon=True)
    n2.sql("SELECT pg_catalog.pg_wal_replay_pause()")
    commit.start()
    for program, server, options, held in questions:
        wait_answer(answers, program, server, held, options)
    n2.sql("SELECT pg_catalog.pg_wal_replay_resume()")
    say("  Replay goes on:")
    for program, server, options, _ in questions:
        wait_answer(answers, program, server, YES, options)
    commit.join(TURN_SECONDS)
    if commit.is_alive():
        answers.wrong.append("the commit still waits though replay goes on")


def tell_story(answers, cluster, n1, n2, known_elsewhere):
    say("""
2. All the other checks, on the primary and on its synchronous standby. n1 has a
   slot for each standby, archives its WAL, is backed up by pg_basebackup, and
   publishes the table orders to a small server, "reports".
""")
    reports = start_subscriber(cluster, n1)
    show_all(answers, n1, n2, reports, known_elsewhere)
    stop_replay(answers, n1, n2)
    cluster.servers.remove(reports)
    reports.release()
