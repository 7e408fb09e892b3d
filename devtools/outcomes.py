"""The outcome of each single test, read from Odoo's log; tests are named as `--test-tags` takes them.

Odoo's own runner runs them: `pytest-odoo` knows neither its tags nor its second try, and none of its at-install tests
runs while the addon is installed.
"""

import re
from collections import Counter

from . import logcheck
from .results import Result

PASSED, FAILED, SKIPPED, NOT_RUN = "passed", "failed", "skipped", "not run"
# No browser started within the time that Odoo gives it.
UNSTARTED = "no browser"
BAD = {FAILED, UNSTARTED, NOT_RUN}

STARTING = re.compile(r"Starting (?P<test>\w+\.\w+) \.\.\.")
BROKEN = re.compile(r"(?:FAIL|ERROR): (?P<test>(?:Subtest )?\w+\.\w+|\w+ \([\w.]+\))")
SKIP = re.compile(r"skipped (?P<test>\w+\.\w+|\w+ \([\w.]+\)) : (?P<reason>.*)")
NO_BROWSER = re.compile(r"chrome|websocket|devtools", re.I)
SUMMARY = re.compile(r"\d+ failed, \d+ error\(s\) of (?P<total>\d+) tests")
# What Odoo logs about failed tests beside the failures, and about a run that had none to make.
COUNTED_ALREADY = re.compile(r"(FAIL|ERROR): |Module \w+: \d+ failures|\d+ failed, \d+ error|.* of 0 tests")
MODULE = re.compile(r"odoo\.addons\.(?P<addon>\w+)\.")
# How Odoo describes what it does around the tests of a class.
FIXTURE = re.compile(r"\w+ \(odoo\.addons\.(?P<addon>\w+)\.(?:\w+\.)*(?P<case>\w+)\)")
LINES_PER_ENTRY = 6
TAIL = 20


class Run:
    """One run of Odoo's tests.

    :param Path log_file: its log
    :param int exit_code: with which Odoo ended
    """

    def __init__(self, log_file, exit_code=0):
        self.log_file = log_file
        self.exit_code = exit_code
        self.text = log_file.read_text(errors="replace")
        self.entries = logcheck.parse(self.text)
        self.ended = bool(SUMMARY.search(self.text))
        self.outcomes = {}
        for entry in self.entries:
            name, outcome = _read_entry(entry)
            # A test that has started has passed unless something else follows; a failure stays one.
            if name and self.outcomes.get(name) != FAILED and (outcome != PASSED or name not in self.outcomes):
                self.outcomes[name] = outcome

    def take(self, again):
        """Let a second try of some tests count.

        :param Run again: the run of these
        """
        self.outcomes |= again.outcomes
        self.entries += again.entries

    def select(self, *wanted):
        """:return: the names of the tests with one of these outcomes"""
        return sorted(name for name, outcome in self.outcomes.items() if outcome in wanted)

    def get(self, name):
        """:return: a test's outcome; that of its class where the test itself wasn't reached"""
        return self.outcomes.get(name) or self.outcomes.get(name.partition(".")[0]) or NOT_RUN

    def describe(self):
        """:return: how many tests had which outcome"""
        return ", ".join(f"{number} {outcome}" for outcome, number in Counter(self.outcomes.values()).items())

    def get_details(self, names):
        """:return: the lines that the log has about tests that went wrong"""
        wrong = {(name, outcome) for name in names for outcome in (FAILED, UNSTARTED)}
        return [line for entry in self.entries if _read_entry(entry) in wrong for line in str(entry).splitlines()]

    def judge(self, name, addon=""):
        """Count the tests.

        :param str name: the run
        :param str addon: count the tests of this addon only
        :rtype: Result
        """
        prefix = f"/{addon}:" if addon else ""
        failed = [test for test in self.select(FAILED, UNSTARTED) if test.startswith(prefix)]
        passed = sum(test.startswith(prefix) for test in self.select(PASSED))
        return Result(name, passed, len(failed), self.get_details(failed), str(self.log_file))

    def check_end(self, name, tests_wanted=True):
        """Check that Odoo ran to its end, and not without a test.

        :param str name: the run
        :param bool tests_wanted: whether there are tests to run
        :rtype: Result
        """
        complaint = ""
        if tests_wanted and not self.outcomes:
            complaint = "No test ran."
        elif (self.exit_code or (tests_wanted and not self.ended)) and not self.select(FAILED):
            complaint = f"Odoo ended with code {self.exit_code}."
        tail = [f"{complaint} The log ends with:", *self.text.splitlines()[-TAIL:]] if complaint else []
        return Result.of_check(f"end of {name}", tail, str(self.log_file))

    def check_log(self, name):
        """:return: the result of looking for unexpected entries, less what :meth:`judge` has counted already"""
        unexpected = [entry for entry in logcheck.find_unexpected(self.text) if not COUNTED_ALREADY.match(entry.text)]
        lines = [line for entry in unexpected for line in str(entry).splitlines()[:LINES_PER_ENTRY]]
        return Result.of_check(f"log of {name}", lines, str(self.log_file))


def never_ran(runs):
    """:return: the names of the tests that every one of some runs skipped"""
    skipped = {name for run in runs for name in run.select(SKIPPED)}
    return skipped - {name for run in runs for name in run.select(PASSED, FAILED, UNSTARTED)}


def _read_entry(entry):
    """:return: the name of a test and its outcome so far, None twice where an entry is about something else"""
    if match := STARTING.match(entry.text):
        outcome = PASSED
    elif entry.level == "ERROR" and (match := BROKEN.match(entry.text)):
        outcome = FAILED
    elif match := SKIP.match(entry.text):
        outcome = UNSTARTED if NO_BROWSER.search(match["reason"]) else SKIPPED
    else:
        return None, None
    if fixture := FIXTURE.fullmatch(match["test"]):
        return f"/{fixture['addon']}:{fixture['case']}", outcome
    module = MODULE.match(entry.logger)
    return (f"/{module['addon']}:{match['test'].removeprefix('Subtest ')}", outcome) if module else (None, None)
