"""make check's run of pytest: everything side by side, and once more, alone, what failed on the busy machine.

Side by side the tests of real servers keep every processor busy for minutes.  A server that gets none for a second
changes its state by itself, and a test then fails that says nothing about the programs.  Such a test is run again when
nothing else runs: what fails again has failed, what passes is named in the closing lines, with how it failed before.

No second attempt is there for what load can't explain: tests that need no server, sandbox.Never (two leaders at once, a
hang, a crash, a sanitizer's word), a worker that died, and tests of more than CHANCE files.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
CHANCE = 4
WITH_SERVERS = ("tests/live/", "tests/scripted/")


def run(*arguments):
    """pytest's exit code, and what conftest.py wrote: {"count": {outcome: number}, "failed": [{test, when, may_be_load, why}]}."""
    with tempfile.TemporaryDirectory() as directory:
        outcome = Path(directory) / "outcome.json"
        code = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments], cwd=REPOSITORY,
                              env={**os.environ, "PGHA_OUTCOME": str(outcome)}, check=False).returncode
        # Without the file pytest itself has failed: an error of collection, an interrupt.
        return code, json.loads(outcome.read_text()) if outcome.exists() else {"count": {}, "failed": []}


def may_be_load(failed):
    files = {one["test"].partition("::")[0] for one in failed}
    return len(files) <= CHANCE and all(one["may_be_load"] and one["test"].startswith(WITH_SERVERS) for one in failed)


def main(arguments):
    code, first = run(*arguments)
    count, excused = Counter(first["count"]), []
    if code == 1 and first["failed"] and may_be_load(first["failed"]):
        print(f"\n{len(first['failed'])} failed beside the others: once more, alone", flush=True)
        code, again = run("-p", "no:xdist", *dict.fromkeys(one["test"] for one in first["failed"]))
        wrong = {one["test"] for one in again["failed"]}
        excused = [one for one in first["failed"] if code in (0, 1) and one["test"] not in wrong]
        # A test whose teardown failed has been counted as passed, too.
        count.update(passed=sum(one["when"] != "teardown" for one in excused), failed=-len(excused))
    for one in excused:
        print(f"passed alone, failed beside the others: {one['test']}\n    {one['why']}")
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
