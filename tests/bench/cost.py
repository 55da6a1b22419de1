"""What the agent costs: memory, the work of one that nobody asks, and pgha-ask against the check that it spares."""

import statistics
import time

from measuring import INTERVAL_MS, ROLE, Command, Failure, hyperfine, judge, make_primary, newest_installation

import postgres
import programs
import sandbox
from agent import Agent

ASK_ROUNDS, ASK_RUNS = 40, 5
ASK_BUDGET = 0.2    # times the one-shot check, whole process
MEMORY_BUDGET_MB = 12
IDLE_SECONDS = 20
IDLE_BUDGET = 0.5   # percent of a processor
TARGETS_MAX = 3


# --- pgha-ask --------------------------------------------------------------------------------------------------------

def measure_ask(server, resident):
    build = programs.build_directory()
    check = Command("check_pg_leader", (build / "check_pg_leader", "-H", server.host, "-p", server.port, "-U", ROLE),
                    ASK_RUNS)
    ask = Command("pgha-ask leader", (build / "pgha-ask", "-s", resident.socket, "leader"), ASK_RUNS)
    export = sandbox.make_directory("ask") / "times.json"
    env = programs.environment()
    rounds = []
    for number in range(ASK_ROUNDS):
        turn = (check, ask) if number % 2 else (ask, check)
        rounds.append({command: hyperfine(command, env, export) for command in turn})
    ratio = statistics.median(statistics.median(times[ask]) / statistics.median(times[check]) for times in rounds)
    print(f"\nAsking the agent, asking the server\n"
          f"  {'ms, whole process':<34}{'min':>8}{'median':>8}{'x':>8}   budget")
    for command, words in ((check, f"{1:8.2f}"),
                           (ask, f"{ratio:8.2f}   <= {ASK_BUDGET:.2f} {judge(ratio <= ASK_BUDGET)}")):
        times = [time for of_round in rounds for time in of_round[command]]
        print(f"  {command.name:<34}{min(times):8.2f}{statistics.median(times):8.2f}{words}", flush=True)
    return ratio <= ASK_BUDGET


# --- memory and idle work --------------------------------------------------------------------------------------------

def living(agent, target_count):
    """Its processes: the one that serves and a worker for each target."""
    pids = list(agent.processes())
    if len(pids) != 1 + target_count:
        raise Failure(f"an agent with {target_count} targets has the processes {agent.processes()}\n{agent.log_tail()}")
    return pids


def pss_kb(pids):
    """Their memory together, with what others use as well (libraries) counted in proportion."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            total += next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return total


def busy_seconds(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def print_row(name, figures, unit, budget):
    kept = True
    for count, figure in figures.items():
        is_kept = figure <= budget
        kept = kept and is_kept
        targets = f"{count} target{'s' if count > 1 else ''}"
        print(f"  {name + ', ' + targets:<52}{figure:7.2f}{unit:<4} <= {budget:g}{unit} {judge(is_kept)}", flush=True)
    return kept


def measure_idle(agents):
    """agents: {how many targets: the agent}.  Side by side."""
    before = {count: busy_seconds(living(agent, count)) for count, agent in agents.items()}
    time.sleep(IDLE_SECONDS)
    percent = {count: (busy_seconds(living(agent, count)) - before[count]) / IDLE_SECONDS * 100
               for count, agent in agents.items()}
    return print_row(f"idle at {INTERVAL_MS} ms, of a processor", percent, " %", IDLE_BUDGET)


def settle(agent, target_count):
    """Every path answered once, so that what is made on demand is made, and some looks at each target."""
    for path in ("/primary", "/patroni", "/status", "/metrics", "/snapshot", "/check/replica?critical=16MB"):
        agent.get(path)
    agent.agent_check("leader\n")
    time.sleep(1)
    return living(agent, target_count)


def peers(standbys, target_count):
    return {server.name: server for server in standbys[:target_count - 1]}


def measure_memory(primary, standbys):
    """One agent at a time: two would share the program's pages, and each look smaller than it is."""
    found_mb = {}
    for count in (1, TARGETS_MAX):
        with Agent(primary, peers=peers(standbys, count)) as agent:
            found_mb[count] = pss_kb(settle(agent, count)) / 1024
    return print_row("memory of all its processes (PSS)", found_mb, " MB", MEMORY_BUDGET_MB)


def measure():
    with postgres.Cluster(newest_installation()) as cluster:
        primary = make_primary(cluster, "n1")
        standbys = [cluster.standby(primary, "n2"), cluster.standby(primary, "n3")]
        print("\nAn agent that nobody asks")
        kept = [measure_memory(primary, standbys)]
        with Agent(primary) as one, Agent(primary, peers=peers(standbys, TARGETS_MAX)) as three:
            kept.append(measure_idle({1: one, TARGETS_MAX: three}))
            kept.append(measure_ask(primary, one))
        return all(kept)
