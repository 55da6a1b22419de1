"""What gets a second attempt in make check (tests/run.py), tried with tests that fail in every way."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

FLAKY = """
import pathlib
def test_it():
    once = pathlib.Path(__file__ + ".once")
    if not once.exists():
        once.touch()
        assert not "too early"
"""
TEARDOWN = """
import pathlib, pytest
@pytest.fixture
def server():
    yield
    once = pathlib.Path(__file__ + ".once")
    if not once.exists():
        once.touch()
        raise OSError("not gone yet")
def test_it(server):
    pass
"""
BROKEN = "def test_it():\n    assert not 'ever'\n"
NEVER = FLAKY.replace('assert not "too early"', "raise type('Never', (AssertionError,), {'may_be_load': False})('two leaders')")


def run(root, **files):
    """(exit code, closing line, all that was said) of run.py in a copy of the project that has these tests."""
    for name, text in files.items():
        directory = root / "tests" / ("lint" if name.startswith("pure") else "live")
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"test_{name}.py").write_text(text)
    for name in ("run.py", "conftest.py"):
        (root / "tests" / name).write_text((REPOSITORY / "tests" / name).read_text())
    done = subprocess.run([sys.executable, "tests/run.py", "tests"], cwd=root, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.splitlines()[-1], done.stdout


def test_what_passes_alone_is_named(tmp_path):
    code, closing, said = run(tmp_path, flaky=FLAKY, teardown=TEARDOWN, good="def test_it(): pass")
    assert (code, closing) == (0, "3 passed, 0 failed, 0 skipped"), said
    assert "passed alone, failed beside the others: tests/live/test_flaky.py::test_it\n    AssertionError" in said
    assert "tests/live/test_teardown.py::test_it\n    OSError: not gone yet" in said


def test_what_fails_again_has_failed(tmp_path):
    code, closing, said = run(tmp_path, flaky=FLAKY, broken=BROKEN)
    assert (code, closing) == (1, "1 passed, 1 failed, 0 skipped"), said


def test_no_second_attempt(tmp_path):
    tries = {"never": {"never": NEVER}, "no server": {"pure": FLAKY}, "many files": {f"flaky{i}": FLAKY for i in range(5)}}
    for what, files in tries.items():
        code, closing, said = run(tmp_path / what, **files)
        assert (code, closing) == (1, f"0 passed, {len(files)} failed, 0 skipped"), (what, said)
        assert "once more" not in said, what


def test_pytest_itself_fails(tmp_path):
    code, closing, said = run(tmp_path, broken="import nothing_of_that_name")
    assert (code, closing) == (2, "0 passed, 1 failed, 0 skipped"), said
