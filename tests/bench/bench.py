#!/usr/bin/python3
"""Timings side by side, each with its budget.

    tests/bench/bench.py               all of it, in some four minutes   (make bench)
    tests/bench/bench.py PART...       only these, of:

    oneshot     the leader check against a bare libpq program and what people use today
    facets      what the facets of all checks cost a server with 20 receivers of WAL, 50 slots and 60 sessions
    serving     the agent's answers against HAProxy's own and bare libevent's, and while PostgreSQL stands still
    detection   from a crash to the first "no", from a promotion to the first "yes"
    cost        pgha-ask against the check, the agent's memory, its idle work

Ratios count, because machines differ and drift: what is compared takes turns in short rounds.  Exit code 1 when a
budget is not kept.
"""

import importlib
import os
import shutil
import signal
import sys
import time

from measuring import Failure, newest_installation

PARTS = ("oneshot", "facets", "serving", "detection", "cost")
TOOLS = ("hyperfine", "wrk", "haproxy")


def verify_tools():
    for tool in TOOLS:
        if not shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            raise Failure(f"no {tool} here: apt-get install {tool} (make deps-bench)")


def measure(parts):
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        raise Failure(f"no part \"{unknown[0]}\": {', '.join(PARTS)}")
    verify_tools()
    print(f"PostgreSQL {newest_installation().major}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}",
          flush=True)
    return all([importlib.import_module(part).measure() for part in parts or PARTS])


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    started = time.monotonic()
    try:
        kept = measure(sys.argv[1:])
    except Failure as failure:
        sys.exit(f"bench: {failure}")
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    print(f"\n{'Every budget is kept' if kept else 'A budget is not kept'} ({time.monotonic() - started:.0f} s).")
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
