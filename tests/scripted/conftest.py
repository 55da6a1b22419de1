"""Fixtures for tests against scripted peers.  No server is needed.  Run in parallel with: pytest -n N tests/scripted"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "live"))  # programs.py: how a check is found and started

import programs  # noqa: E402
from patroni_peers import Three  # noqa: E402


@pytest.fixture(autouse=True, scope="session")
def the_programs():
    """Without the programs there is nothing to test, and a suite that skips itself looks like one that passed."""
    missing = programs.why_missing("plain")
    assert not missing, missing


@pytest.fixture
def three():
    with Three() as cluster:
        yield cluster
