"""What became of each single test, read from Odoo's log; tests are named as `--test-tags` takes them."""

import re
from collections import Counter

from . import logcheck
from .errors import DevError
from .results import NOT_STARTED

PASSED = "passed"
FAILED = "failed"
SKIPPED = "skipped"
# No browser came up within the time that Odoo gives it.
UNSTARTED = "no browser"
NOT_RUN = "not run"

STARTING = re.compile(r"Starting (?P<test>\w+\.\w+) \.\.\.")
BAD = re.compile(r"(?:FAIL|ERROR): (?P<test>(?:Subtest )?\w+\.\w+|\w+ \([\w.]+\))")
SKIP = re.compile(r"skipped (?P<test>\w+\.\w+|\w+ \([\w.]+\)) : (?P<reason>.*)")
MODULE = re.compile(r"odoo\.addons\.(?P<addon>\w+)\.")
# How Odoo describes what it does around the tests of a class.
FIXTURE = re.compile(r"\w+ \(odoo\.addons\.(?P<addon>\w+)\.(?:\w+\.)*(?P<case>\w+)\)")


def read(log_file):
    """Read the outcomes of a run.

    :param Path log_file: the log of Odoo
    :return: the outcome by name, `/addon:Class.method`; `/addon:Class` where the class couldn't be set up
    :rtype: dict[str, str]
    :raise DevError: when the run ended before its end
    """
    text = log_file.read_text(errors="replace")
    if not logcheck.RESULT.search(text):
        tail = "\n".join(text.splitlines()[-25:])
        raise DevError("Odoo ended before it had run the tests.", f"{tail}\nThe whole log: {log_file}")
    outcomes = {}
    for entry in logcheck.parse(text):
        if found := _read_entry(entry):
            name, outcome = found
            # A test that has started has passed unless something else follows; a failure stays one.
            if outcome != PASSED or name not in outcomes:
                outcomes[name] = FAILED if outcomes.get(name) == FAILED else outcome
    return outcomes


def _read_entry(entry):
    """:return: the name of a test and its outcome so far, None where an entry is about something else"""
    if match := STARTING.match(entry.text):
        outcome = PASSED
    elif entry.level == "ERROR" and (match := BAD.match(entry.text)):
        outcome = FAILED
    elif match := SKIP.match(entry.text):
        outcome = UNSTARTED if NOT_STARTED.search(match["reason"]) else SKIPPED
    else:
        return None
    if fixture := FIXTURE.fullmatch(match["test"]):
        return f"/{fixture['addon']}:{fixture['case']}", outcome
    module = MODULE.match(entry.logger)
    return (f"/{module['addon']}:{match['test'].removeprefix('Subtest ')}", outcome) if module else None


def get(outcomes, name):
    """Look a test's outcome up; that of its class where the test itself wasn't reached.

    :param dict outcomes: what :func:`read` has found
    :param str name: the test
    :rtype: str
    """
    return outcomes.get(name) or outcomes.get(name.partition(".")[0]) or NOT_RUN


def count(outcomes):
    """Say in words how many tests had which outcome.

    :param dict outcomes: what :func:`read` has found
    :rtype: str
    """
    counts = Counter(outcomes.values())
    return ", ".join(f"{number} {outcome}" for outcome, number in sorted(counts.items())) or "no tests"


def get_details(log_file, names):
    """Find what the log says of some tests that failed.

    :param Path log_file: the log of Odoo
    :param names: the tests
    :return: the lines of their errors
    :rtype: list[str]
    """
    entries = logcheck.parse(log_file.read_text(errors="replace"))
    failed = [entry for entry in entries if (found := _read_entry(entry)) and found[1] == FAILED and found[0] in names]
    return [line for entry in failed for line in str(entry).splitlines()]
