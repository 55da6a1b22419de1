"""What the parts of the benchmark share: whom they measure, how they judge, and a round of hyperfine."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "live"))
try:
    import installations
    import programs
except ImportError as error:
    sys.exit(f"bench: {error}: apt-get install python3-psycopg2 (make deps-bench)")

ROLE = "pgha"
INTERVAL_MS = 250  # the agent's default


class Failure(Exception):
    """What is said in one line before exit code 1."""


class Command(NamedTuple):
    name: str
    argv: tuple
    runs: int  # in each round


def newest_installation():
    found = installations.installations().values()
    if not found:
        raise Failure("no PostgreSQL server here: apt-get install postgresql (make deps-bench)")
    return max(found, key=lambda it: (it.source == "distribution", it.major))


def make_primary(cluster, name="primary", **settings):
    server = cluster.primary(name, settings=settings)
    server.sql(f"CREATE ROLE {ROLE} LOGIN IN ROLE pg_monitor")
    return server


def judge(is_kept):
    return "ok" if is_kept else "FAILED"


def own_program(name):
    """One of the small programs beside this file, which make bench builds."""
    path = programs.build_directory() / "tests/bench" / name
    if not os.access(path, os.X_OK):
        raise Failure(f"no {path} (make bench builds it)")
    return path


def hyperfine(command, env, export):
    """The wall times of one round, in milliseconds."""
    line = shlex.join(str(word) for word in command.argv)
    run = subprocess.run(["hyperfine", "--shell=none", "--style=none", f"--runs={command.runs}",
                          f"--export-json={export}", line], env=env, capture_output=True, text=True, check=False)
    if run.returncode:
        raise Failure(f"{command.name}: {run.stderr.strip()}")
    return [seconds * 1000 for seconds in json.loads(Path(export).read_text(encoding="utf-8"))["results"][0]["times"]]
