"""The demo's look at what is around PostgreSQL: Patroni on etcd, PgBouncer; and a leader that its manager has left."""

import os
import shlex
import subprocess
import time

import patroni
import pgbouncer
import programs
from demo_agent import say
from demo_checks import LEADER, NO, REPLICA, TURN_SECONDS, YES, command, say_answer

# The programs that are shown here; those of the other managers are tried by "make check" alone.
PROGRAMS = ("check_patroni", "check_dcs", "check_pgbouncer")
NOT_SHOWN = ("check_pgpool", "check_repmgr", "check_pg_auto_failover")


def why_missing():
    return patroni.why_missing() or pgbouncer.why_missing()


def of_manager(program, *options):
    """As one would type it in the repository."""
    build = os.path.relpath(programs.build_directory(), programs.REPOSITORY)
    return [f"{build}/{program}", *options, "-f", "plain"]


def of_member(program, member):
    return command(program, member, options=["--patroni", member.url])


def run(argv):
    """(exit code, the first line of the answer)"""
    done = subprocess.run(argv, cwd=programs.REPOSITORY, env=programs.environment(), text=True, capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=30, check=False)
    return done.returncode, (done.stdout.splitlines() or [done.stderr.strip() or "(no output)"])[0]


def show(answers, argv, expected):
    """Asks until the answer is the expected one, for a while: managers take their time."""
    deadline = time.monotonic() + TURN_SECONDS
    code, line = run(argv)
    while code != expected and time.monotonic() < deadline:
        time.sleep(0.1)
        code, line = run(argv)
    say("  $ " + shlex.join(argv))
    say_answer(line)
    answers.judge(f"{argv[0]}, \"{line}\"", expected, code)


def show_healthy(answers, cluster, leader, replica):
    urls = ",".join(member.url for member in cluster.members)
    show(answers, of_manager("check_patroni", "--url", urls, "--min-members", "3"), YES)
    show(answers, of_manager("check_dcs", "--endpoints", ",".join(cluster.etcd.endpoints), "--scope", "demo"), YES)
    show(answers, of_member(LEADER, leader), YES)
    show(answers, of_member(LEADER, replica), NO)
    show(answers, of_member(REPLICA, replica), YES)
    with pgbouncer.Pgbouncer(leader) as pooler:
        options = ("-H", pooler.host, "-p", str(pooler.port), "-U", "postgres", "--expect-primary", "postgres")
        show(answers, of_manager("check_pgbouncer", *options), YES)


def lose_manager(answers, cluster, leader):
    say(f"""
   Patroni on {leader.name} is killed; its PostgreSQL lives on, a primary that nobody
   minds. PostgreSQL alone says yes; with Patroni's word it is no leader, at once.
""")
    leader.kill_patroni()
    show(answers, command(LEADER, leader), YES)
    show(answers, of_member(LEADER, leader), NO)
    new = cluster.wait_leader(other_than=leader.name)
    say(f"\n   Its lock has run out, and {new.name} is promoted: two primaries, one leader.\n")
    show(answers, of_member(LEADER, new), YES)
    show(answers, of_member(LEADER, leader), NO)
    show(answers, of_manager("check_patroni", "--url", new.url), NO)


def tell_story(answers):
    say("""
7. The systems around PostgreSQL: three members of Patroni on an etcd of three,
   and a PgBouncer before the leader.
""")
    with patroni.Cluster() as cluster:
        leader = cluster.leader()
        show_healthy(answers, cluster, leader, cluster.replicas()[0])
        lose_manager(answers, cluster, leader)
