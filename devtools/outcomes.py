"""Read the outcome of each test from Odoo's log. Tests are named in the syntax of `--test-tags`.

The tests run with Odoo's own runner: `pytest-odoo` doesn't support its tags and its retry, and doesn't run at-install
tests during the installation.
"""

import re
from collections import Counter

from . import logcheck
from .results import Result

PASSED, FAILED, SKIPPED, NOT_RUN = "passed", "failed", "skipped", "not run"
# The browser didn't start within Odoo's time limit.
UNSTARTED = "no browser"
BAD = {FAILED, UNSTARTED, NOT_RUN}

STARTING = re.compile(r"Starting (?P<test>\w+\.\w+) \.\.\.")
BROKEN = re.compile(r"(?:FAIL|ERROR): (?P<test>(?:Subtest )?\w+\.\w+|\w+ \([\w.]+\))")
SKIP = re.compile(r"skipped (?P<test>\w+\.\w+|\w+ \([\w.]+\)) : (?P<reason>.*)")
NO_BROWSER = re.compile(r"chrome|websocket|devtools", re.I)
SUMMARY = re.compile(r"\d+ failed, \d+ error\(s\) of (?P<total>\d+) tests")
# Entries that summarize failures which are counted already, and those of a run without tests.
COUNTED_ALREADY = re.compile(r"(FAIL|ERROR): |Module \w+: \d+ failures|\d+ failed, \d+ error|.* of 0 tests")
MODULE = re.compile(r"odoo\.addons\.(?P<addon>\w+)\.")
# Odoo's description of a class's setup or teardown.
FIXTURE = re.compile(r"\w+ \(odoo\.addons\.(?P<addon>\w+)\.(?:\w+\.)*(?P<case>\w+)\)")
LINES_PER_ENTRY = 6
TAIL = 20


class Run:
    """A finished run of Odoo's tests.

    :param Path log_file: log of the run
    :param int exit_code: Odoo's exit code
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
            # A started test counts as passed unless another outcome follows; a failure is final.
            if name and self.outcomes.get(name) != FAILED and (outcome != PASSED or name not in self.outcomes):
                self.outcomes[name] = outcome

    def take(self, again):
        """Replace the outcomes of tests that ran again.

        :param Run again: the second run
        """
        self.outcomes |= again.outcomes
        self.entries += again.entries

    def select(self, *wanted):
        """:return: the names of the tests with one of these outcomes"""
        return sorted(name for name, outcome in self.outcomes.items() if outcome in wanted)

    def get(self, name):
        """:return: the outcome of a test, or of its class if the test itself wasn't reached"""
        return self.outcomes.get(name) or self.outcomes.get(name.partition(".")[0]) or NOT_RUN

    def describe(self):
        """:return: the number of tests per outcome, as text"""
        return ", ".join(f"{number} {outcome}" for outcome, number in Counter(self.outcomes.values()).items())

    def get_details(self, names):
        """:return: the log's lines about failed tests"""
        wrong = {(name, outcome) for name in names for outcome in (FAILED, UNSTARTED)}
        return [line for entry in self.entries if _read_entry(entry) in wrong for line in str(entry).splitlines()]

    def judge(self, name, addon=""):
        """Count the passed and failed tests.

        :param str name: name of the run
        :param str addon: addon whose tests are counted; all if empty
        :rtype: Result
        """
        prefix = f"/{addon}:" if addon else ""
        failed = [test for test in self.select(FAILED, UNSTARTED) if test.startswith(prefix)]
        passed = sum(test.startswith(prefix) for test in self.select(PASSED))
        return Result(name, passed, len(failed), self.get_details(failed), str(self.log_file))

    def check_end(self, name, tests_wanted=True):
        """Check that Odoo ended normally and ran at least one test.

        :param str name: name of the run
        :param bool tests_wanted: whether the run was to run tests
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
        """:return: the result of the search for unexpected entries, without those that :meth:`judge` counts"""
        unexpected = [entry for entry in logcheck.find_unexpected(self.text) if not COUNTED_ALREADY.match(entry.text)]
        lines = [line for entry in unexpected for line in str(entry).splitlines()[:LINES_PER_ENTRY]]
        return Result.of_check(f"log of {name}", lines, str(self.log_file))


def never_ran(runs):
    """:return: the names of the tests that were skipped in every run"""
    skipped = {name for run in runs for name in run.select(SKIPPED)}
    return skipped - {name for run in runs for name in run.select(PASSED, FAILED, UNSTARTED)}


def _read_entry(entry):
    """:return: the name and the outcome of the test that an entry is about, or None and None"""
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
