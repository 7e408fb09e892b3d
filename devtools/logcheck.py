"""Odoo's log: its entries, and which of them are unexpected.

By hand: `checklog-odoo` prints what it finds, and neither returns it nor stops at the server's shutdown.
"""

import re
from dataclasses import dataclass

from . import paths

LINE = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \d+ (?P<level>[A-Z]+) \S+ (?P<logger>[^:]+): (?P<text>.*)")
# What was under way when a server was told to stop is cut off, and says so.
STOPPING = re.compile(r"^\S+ \S+ \d+ INFO \S+ odoo\.service\.server: Initiating shutdown", re.M)
BAD_LEVELS = {"WARNING", "ERROR", "CRITICAL"}


@dataclass(frozen=True)
class Expected:
    """A line that may be in the log.

    :param str logger: the logger's name, as a pattern
    :param str text: the beginning of its text, as a pattern
    :param str reason: why it may be there
    """

    logger: str
    text: str
    reason: str

    def matches(self, entry):
        """:return: whether an entry of the log is such a line"""
        return bool(re.fullmatch(self.logger, entry.logger) and re.match(self.text, entry.text))


# Nothing else may be a WARNING or worse in a run of the tests, unless a test says so.
EXPECTED = [
    Expected(
        r"py\.warnings",
        rf"(?!{re.escape(str(paths.REPOSITORY))}/)\S+:\d+: (Pending)?DeprecationWarning:",
        "Odoo and its libraries use what their libraries have deprecated; our own files may not",
    ),
]


@dataclass
class Entry:
    """One entry of the log, with the lines that follow it."""

    level: str
    logger: str
    text: str

    def __str__(self):
        return f"{self.level} {self.logger}: {self.text}"


def parse(log):
    """Split a log into its entries.

    :param str log: the log's text
    :rtype: list[Entry]
    """
    entries = []
    for line in log.splitlines():
        if match := LINE.match(line):
            entries.append(Entry(match["level"], match["logger"], match["text"]))
        elif entries:
            entries[-1].text += "\n" + line
    return entries


def find_unexpected(log, also_expected=()):
    """Find what shouldn't be in a log, up to the moment the server was told to stop.

    :param str log: the log's text
    :param also_expected: more lines that may be there, for one test that provokes them
    :return: entries of level WARNING or worse that nothing excuses
    :rtype: list[Entry]
    """
    expected = [*EXPECTED, *also_expected]
    bad = [entry for entry in parse(STOPPING.split(log, maxsplit=1)[0]) if entry.level in BAD_LEVELS]
    return [entry for entry in bad if not any(line.matches(entry) for line in expected)]
