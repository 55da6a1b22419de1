"""Files, table, programs, cases and README speak of the same checks; every setting is whole."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PGHA_BUILD") or REPOSITORY / "build").resolve()
CHECKS = sorted(p.stem for p in (REPOSITORY / "checks").glob("check_*.c"))


def test_there_are_checks():
    assert "check_pg_leader" in CHECKS


def test_table_has_a_row_for_each():
    rows = re.findall(r"^\t&(check_\w+),", (REPOSITORY / "checks/table.c").read_text(), re.M)
    assert sorted(rows) == CHECKS


def test_cases_file_for_each():
    assert sorted(p.stem for p in (REPOSITORY / "tests/cases").glob("*.cases")) == CHECKS


def test_readme_has_a_row_for_each():
    rows = re.findall(r"^\| `(check_\w+)` \|", (REPOSITORY / "README.md").read_text(), re.M)
    assert sorted(rows) == CHECKS


@pytest.mark.parametrize("name", CHECKS)
def test_help(name):
    shown = subprocess.run([BUILD / name, "--help"], capture_output=True, text=True, timeout=20)
    assert shown.returncode == 3 and shown.stderr == ""
    assert shown.stdout.startswith(f"{name}: ") and f"Usage: {name} " in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80
    options = re.findall(r"^  (?:-(\w), |    )--([\w-]+)", shown.stdout, re.M)
    names, letters = [o[1] for o in options], [o[0] for o in options if o[0]]
    assert len(set(names)) == len(names) and len(set(letters)) == len(letters)
    assert {"host", "port", "username", "dbname", "warning", "critical", "timeout", "format"} <= set(names)
    for line in shown.stdout.splitlines():
        assert not line.endswith(" ")


@pytest.mark.parametrize("name", CHECKS)
def test_examples_of_help_are_accepted(name):
    """An example whose options do not parse would be a bad joke; it is tried with a server that refuses."""
    shown = subprocess.run([BUILD / name, "--help"], capture_output=True, text=True, timeout=20).stdout
    examples = re.findall(rf"^  {name} (.*)$", shown, re.M)
    assert examples
    for example in examples:
        arguments = shlex.split(re.sub(r"-H \S+( -p \d+)?", "-H 127.0.0.1 -p 1", example))
        arguments = [word for i, word in enumerate(arguments) if word != "-f" and arguments[i - 1] != "-f"]
        ended = subprocess.run([BUILD / name, *arguments, "-f", "json"], capture_output=True, text=True, timeout=20)
        # Servers, tools and files that are not there are faults, too, but no option is to blame.
        answer = json.loads(ended.stdout)
        assert ended.returncode in (1, 2, 3) and answer["state"] != "OK", f"{name} {example}: {answer}"
        assert not re.match("option|unknown option|unexpected argument", answer["summary"]), f"{name} {example}: {answer}"


@pytest.mark.parametrize("name", ["pgha-agent", "pgha-ask"])
def test_help_of_the_others_fits_a_terminal(name):
    shown = subprocess.run([BUILD / name, "--help"], capture_output=True, text=True, timeout=20)
    assert shown.stderr == "" and f"Usage: {name} " in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80
