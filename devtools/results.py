"""What came out of a check or a run of tests."""

import re
from dataclasses import dataclass, field

from . import logcheck
from .progress import say

SHOWN_LINES = 40
LONGEST_LINE = 200
LINES_PER_ENTRY = 6
# What Odoo logs about a failed test, which is counted as that already.
OF_A_TEST = re.compile(r"(FAIL|ERROR): |Module \w+: \d+ failures|\d+ failed, \d+ error")
NOT_STARTED = re.compile(r"chrome|websocket|devtools", re.I)


@dataclass
class Result:
    """The outcome of one stage.

    :param str name: what was tried
    :param int passed: how many tests passed
    :param int failed: how many failed
    :param list[str] details: what is shown of the failures
    :param str log: the log to read
    :param set skipped: names of the tests that were skipped
    :param set started: names of the tests that were started
    :param set unstarted: names of those for which no browser came up
    """

    name: str
    passed: int = 0
    failed: int = 0
    details: list = field(default_factory=list)
    log: str = ""
    skipped: set = field(default_factory=set)
    started: set = field(default_factory=set)
    unstarted: set = field(default_factory=set)

    @classmethod
    def of_check(cls, name, complaints):
        """Make the result of one check, which counts as one test.

        :param str name: the check
        :param list[str] complaints: what is wrong; empty when nothing is
        :rtype: Result
        """
        return cls(name, passed=int(not complaints), failed=int(bool(complaints)), details=list(complaints))

    def show(self):
        """Print the result; of a failure its details too."""
        say(f"{'FAILED' if self.failed else 'ok    '} {self.name}: {self.passed} passed, {self.failed} failed")
        if not self.failed:
            return
        for line in self.details[:SHOWN_LINES]:
            say(f"    {line[:LONGEST_LINE]}")
        if len(self.details) > SHOWN_LINES:
            say(f"    … {len(self.details) - SHOWN_LINES} more lines")
        if self.log:
            say(f"    The whole log: {self.log}")


def read_odoo_tests(name, log_file, exit_code, expect_tests=True):
    """Read the results of a run of Odoo's tests from its log.

    :param str name: the run
    :param Path log_file: the log
    :param int exit_code: with which Odoo ended
    :param bool expect_tests: whether there are tests to run
    :return: the tests' result and that of the check of the log
    :rtype: list[Result]
    """
    text = log_file.read_text(errors="replace")
    entries = logcheck.parse(text)
    result = Result(name, log=str(log_file))
    total, failed = _count(text)
    skips = list(logcheck.SKIPPED.finditer(text))
    result.skipped = {match["test"] for match in skips}
    result.started = {match["test"] for match in logcheck.STARTING.finditer(text)}
    unstarted = [match for match in skips if NOT_STARTED.search(match["reason"])]
    result.unstarted = {match["test"] for match in unstarted}
    result.details += [f"not started: {match['test']}: {match['reason']}" for match in unstarted]
    result.failed = failed + len(unstarted)
    result.passed = max(total - failed - len(skips), 0)
    for entry in entries:
        if entry.level == "ERROR" and OF_A_TEST.match(entry.text):
            result.details += str(entry).splitlines()
    if expect_tests and not total and not failed:
        result.failed += 1
        result.details += ["No test ran. The log ends with:", *text.splitlines()[-20:]]
    elif exit_code and not result.failed:
        result.failed += 1
        result.details += [f"Odoo ended with code {exit_code}. The log ends with:", *text.splitlines()[-20:]]
    return [result, _check_log(name, text, log_file, expect_tests)]


def _check_log(name, text, log_file, expect_tests):
    """Make the result of the check of a log, less what :func:`read_odoo_tests` has counted already."""
    lines = []
    for entry in logcheck.find_unexpected(text):
        of_a_test = entry.level == "ERROR" and OF_A_TEST.match(entry.text)
        about_no_tests = not expect_tests and "of 0 tests" in entry.text
        if not of_a_test and not about_no_tests:
            lines += str(entry).splitlines()[:LINES_PER_ENTRY]
    result = Result.of_check(f"log of {name}", lines)
    result.log = str(log_file)
    return result


def _count(text):
    total = failed = 0
    for entry in logcheck.parse(text):
        if entry.logger == "odoo.tests.result" and (match := logcheck.RESULT.match(entry.text)):
            total += int(match["total"])
            failed += int(match["failed"]) + int(match["errors"])
    return total, failed


def never_ran(results):
    """Name the tests that every run skipped.

    :param list[Result] results: the runs' results
    :rtype: set[str]
    """
    ran = set().union(*(result.started - result.skipped for result in results))
    return set().union(*(result.skipped for result in results)) - ran
