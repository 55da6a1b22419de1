"""What all tests share: the plain closing line."""

from collections import Counter

import pytest


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if hasattr(config, "workerinput") or reporter is None or config.option.collectonly:
        return
    count = Counter()
    for outcome, name in (("passed", "passed"), ("failed", "failed"), ("error", "failed"), ("skipped", "skipped")):
        for report in reporter.stats.get(outcome, []):
            count.update(_lines(report) or {name: 1})
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")


def _lines(report):
    """How many lines of TAP of each outcome stand behind a test that reads a program's (test_programs.py)."""
    return dict(report.user_properties).get("lines") if report.when == "call" else None
