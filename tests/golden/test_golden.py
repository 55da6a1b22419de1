"""Every format, for a fixed set of verdicts: what the programs print, to the byte, and their exit code.

The verdicts come from snapshots recorded beside this file. After a change that is meant, write the
expected answers anew with PGHA_GOLDEN=write and read the difference before committing it.
"""

import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
BUILD = Path(os.environ.get("PGHA_BUILD") or HERE.parents[1] / "build").resolve()
FORMATS = ("nagios", "keepalived", "haproxy", "http", "json", "prometheus", "plain")

# name -> (program, snapshot, options)
VERDICTS = {
    "leader-ok": ("check_pg_leader", "primary", []),
    "leader-ok-verbose": ("check_pg_leader", "primary", ["-v", "-w", "500ms", "-c", "1s"]),
    "leader-standby": ("check_pg_leader", "standby", []),
    "leader-wrong-role-ok": ("check_pg_leader", "standby", ["--wrong-role", "ok"]),
    "replica-ok": ("check_pg_replica", "standby", ["-w", "16MB", "-c", "64MB", "-c", "30s"]),
    "replica-warning": ("check_pg_replica", "behind", ["-w", "16MB", "-c", "64MB"]),
    "replica-warning-is-failure": ("check_pg_replica", "behind", ["-w", "16MB", "--warning-is-failure"]),
    "replica-critical": ("check_pg_replica", "behind", ["-c", "16MB", "-v"]),
    "replica-lag-unknown": ("check_pg_replica", "receiver-gone", ["-c", "16MB"]),
    "timeout": ("check_pg_leader", "timeout", []),
    "setup": ("check_pg_replica", "setup", []),
    "setup-unknown-is-ok": ("check_pg_replica", "setup", ["--unknown-is-ok"]),
    "hostile-text": ("check_pg_leader", "hostile", []),
    "usage": ("check_pg_leader", "primary", ["-c", "soon"]),
}


def answer(name, form):
    program, snapshot, options = VERDICTS[name]
    ended = subprocess.run(
        [BUILD / program, "--format", form, "--replay", HERE / f"{snapshot}.json", *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
    )
    return b"%s--- standard error\n%s--- exit code %d\n" % (ended.stdout, ended.stderr, ended.returncode)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", VERDICTS)
def test_answer(name, form):
    expected = HERE / "expected" / f"{name}.{form}"
    got = answer(name, form)
    if os.environ.get("PGHA_GOLDEN") == "write":
        expected.parent.mkdir(exist_ok=True)
        expected.write_bytes(got)
        pytest.skip("written anew, not compared")
    assert got.decode() == expected.read_bytes().decode()


def test_nothing_is_left_over():
    """An expected answer that no verdict has would look like a test and be none."""
    wanted = {f"{name}.{form}" for name in VERDICTS for form in FORMATS}
    assert {path.name for path in (HERE / "expected").iterdir()} == wanted
