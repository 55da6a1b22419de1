"""The build itself: no warnings with either compiler, hardened programs, an installation that is whole."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PGHA_BUILD") or REPOSITORY / "build").resolve()
PROGRAMS = sorted(p.stem for p in (REPOSITORY / "checks").glob("check_*.c")) + ["pgha-agent", "pgha-ask"]


def make(*arguments):
    """make without what an outer make passes down."""
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "SAN", "BUILD")}
    return subprocess.run(["make", "-s", "-C", REPOSITORY, *arguments], capture_output=True, text=True, env=env, timeout=300)


def readelf(program, *options):
    return subprocess.run(["readelf", "-W", *options, BUILD / program], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_hardening(program):
    assert "DYN (Position-Independent Executable" in readelf(program, "-h")
    headers = readelf(program, "-l")
    assert "GNU_RELRO" in headers and " RWE " not in headers
    assert "BIND_NOW" in readelf(program, "-d")
    symbols = readelf(program, "--dyn-syms")
    assert "__stack_chk_fail" in symbols, "no stack protector"
    assert "__vsnprintf_chk" in symbols, "no FORTIFY"


def test_install(tmp_path):
    ended = make(f"DESTDIR={tmp_path}", "PREFIX=/usr", f"BUILD={BUILD}", "install")
    assert ended.returncode == 0, ended.stderr
    installed = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    wanted = {f"usr/bin/{program}" for program in PROGRAMS} | {
        f"usr/share/pgha-checks/{p.relative_to(REPOSITORY / 'configs')}" for p in (REPOSITORY / "configs").rglob("*") if p.is_file()
    }
    assert installed == wanted
    shown = subprocess.run([tmp_path / "usr/bin/check_pg_leader", "-V"], capture_output=True, text=True)
    assert shown.stdout.startswith("check_pg_leader (pgha-checks) ")


def test_nothing_is_built_twice():
    """A second make has nothing to do: dependencies are whole and not too many."""
    ended = make(f"BUILD={BUILD}", "-q", "all")
    assert ended.returncode == 0, "make would build again"
