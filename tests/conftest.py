"""What all tests share: the plain closing line, or the same for run.py."""

import json
import os
import re
from collections import Counter
from pathlib import Path

import pytest

OUTCOMES = {"passed": "passed", "failed": "failed", "error": "failed", "skipped": "skipped"}


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        report.user_properties.append(("may_be_load", getattr(call.excinfo.value, "may_be_load", True)))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if hasattr(config, "workerinput") or reporter is None or config.option.collectonly:
        return
    count = Counter()
    for outcome, name in OUTCOMES.items():
        for report in reporter.stats.get(outcome, []):
            count.update(_lines(report) or {name: 1})
    if "PGHA_OUTCOME" in os.environ:
        failed = [_failure(report) for outcome in ("failed", "error") for report in reporter.stats.get(outcome, [])]
        Path(os.environ["PGHA_OUTCOME"]).write_text(json.dumps({"count": count, "failed": failed}), encoding="utf-8")
    else:
        print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")


def _lines(report):
    """How many lines of TAP of each outcome stand behind a test that reads a program's (test_programs.py)."""
    return dict(getattr(report, "user_properties", ())).get("lines") if report.when == "call" else None


def _failure(report):
    """A failed test for run.py.  Who died with its worker has no property of its own, and no excuse."""
    crash = getattr(report.longrepr, "reprcrash", None)
    return {"test": re.sub(r"@[^@\]]*$", "", report.nodeid),  # without the group, which xdist appends
            "when": report.when,
            "may_be_load": dict(getattr(report, "user_properties", ())).get("may_be_load", False),
            "why": (crash.message if crash else str(report.longrepr)).partition("\n")[0]}
