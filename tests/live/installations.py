"""Which PostgreSQL majors can be started on this machine, and where their programs are.

From the distribution (/usr/lib/postgresql/N/bin) or from npm ($PGHA_SERVERS, else tests/live/servers/node_modules:
postgresql-N/native/bin, which has initdb, pg_ctl and postgres only).
"""

import os
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import sandbox

MAJORS = (14, 15, 16, 17, 18)


class Installation(NamedTuple):
    major: int
    bindir: Path
    source: str  # "distribution" or "npm"


def _candidates(major):
    servers = os.environ.get("PGHA_SERVERS") or Path(__file__).parent / "servers" / "node_modules"
    return (
        Installation(major, Path(f"/usr/lib/postgresql/{major}/bin"), "distribution"),
        Installation(major, Path(servers).resolve() / f"postgresql-{major}" / "native" / "bin", "npm"),
    )


def _trouble(installation):
    """Why the unprivileged user cannot run it ("" if it can)."""
    run = subprocess.run(sandbox.as_user([str(installation.bindir / "postgres"), "--version"]), cwd="/",
                         capture_output=True, text=True, check=False)
    if run.returncode == 0 and f" {installation.major}." in run.stdout:
        return ""
    return (run.stderr or run.stdout).strip()


def _within_reach(installation):
    """A copy in the scratch directory, for a repository below a directory that only root can enter."""
    copy = sandbox.directory() / f"postgresql-{installation.major}"
    with sandbox.lock(copy.name):
        if not copy.exists():
            unfinished = copy.with_suffix(".new")
            shutil.copytree(installation.bindir.parent, unfinished, symlinks=True)
            unfinished.chmod(0o755)
            unfinished.rename(copy)
    return installation._replace(bindir=copy / "bin")


@lru_cache(maxsize=None)
def _find(major):
    """(the installation or None, why not)"""
    reasons = []
    for found in _candidates(major):
        if not (found.bindir / "postgres").exists():
            reasons.append(f"no {found.bindir}/postgres")
            continue
        trouble = _trouble(found)
        if trouble and sandbox.user():  # perhaps only because that user cannot enter a directory above
            found = _within_reach(found)
            trouble = _trouble(found)
        if not trouble:
            return found, ""
        reasons.append(f"{found.bindir}/postgres does not run: {trouble}")
    return None, f"PostgreSQL {major} is not here: " + "; ".join(reasons)


def installations():
    """{major: Installation} of those that run."""
    return {major: _find(major)[0] for major in MAJORS if _find(major)[0]}


def share(rows, installation):
    """Of a long table, the rows that a major is tried with; see is_tried()."""
    return [row for number, row in enumerate(rows) if is_tried(number, installation.major)]


def is_tried(number, major):
    """Whether a major is tried with that row of a long table: the oldest and the newest are with all, one between them
    with every third, each with another third; with $PGHA_LONG ("make check-long") every one with all."""
    majors = sorted(installations())
    return bool(os.environ.get("PGHA_LONG")) or major in (majors[0], majors[-1]) or number % 3 == major % 3


def why_missing(major):
    """The reason for a skip, "" when that major is there."""
    return _find(major)[1]
