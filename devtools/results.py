"""Results of a command's parts, and the summary at its end."""

from dataclasses import dataclass, field

from .progress import say

SHOWN_LINES, LONGEST_LINE = 40, 200


@dataclass
class Result:
    """The result of a part of a run.

    :param str name: name of the part
    :param int passed: number of passed tests
    :param int failed: number of failed tests
    :param list[str] details: lines about the failures
    :param str log: path of the log
    """

    name: str
    passed: int = 0
    failed: int = 0
    details: list = field(default_factory=list)
    log: str = ""

    @classmethod
    def of_check(cls, name, complaints, log=""):
        """Create the result of a check, which counts as one test.

        :param str name: name of the check
        :param list[str] complaints: lines about the problems; empty if the check passed
        :param str log: path of the log
        :rtype: Result
        """
        return cls(name, int(not complaints), int(bool(complaints)), list(complaints), log)

    def show(self):
        """Print the result, with the details of failures."""
        say(f"{'FAILED' if self.failed else 'ok    '} {self.name}: {self.passed} passed, {self.failed} failed")
        if not self.failed:
            return
        for line in self.details[:SHOWN_LINES]:
            say(f"    {line[:LONGEST_LINE]}")
        if len(self.details) > SHOWN_LINES:
            say(f"    … {len(self.details) - SHOWN_LINES} more lines")
        if self.log:
            say(f"    The whole log: {self.log}")


def conclude(results, logs, seconds):
    """Print the summary.

    :param list[Result] results: all results
    :param Path logs: folder of the logs
    :param float seconds: duration of the run
    :return: the exit code
    :rtype: int
    """
    passed = sum(result.passed for result in results)
    failed = sum(result.failed for result in results)
    say()
    if failed:
        say(f"Failed: {', '.join(result.name for result in results if result.failed)}. Logs: {logs}")
    say(f"{seconds:.0f} s")
    say(f"{passed} passed, {failed} failed")
    return int(bool(failed) or not passed)
