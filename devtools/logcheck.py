"""Parse Odoo's log and find unexpected entries.

`checklog-odoo` is not used: it prints its findings instead of returning them, and doesn't stop at a server's shutdown.
"""

import re
from dataclasses import dataclass

from . import paths

LINE = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \d+ (?P<level>[A-Z]+) \S+ (?P<logger>[^:]+): (?P<text>.*)")
# After this entry, Odoo logs errors of requests and actions that the shutdown interrupts.
STOPPING = re.compile(r"^\S+ \S+ \d+ INFO \S+ odoo\.service\.server: Initiating shutdown", re.M)
BAD_LEVELS = {"WARNING", "ERROR", "CRITICAL"}


@dataclass(frozen=True)
class Expected:
    """An entry that the log may contain.

    :param str logger: pattern of the logger's name
    :param str text: pattern of the beginning of the text
    :param str reason: why the entry is expected
    """

    logger: str
    text: str
    reason: str

    def matches(self, entry):
        """:return: whether an entry of the log matches"""
        return bool(re.fullmatch(self.logger, entry.logger) and re.match(self.text, entry.text))


# A run of the tests may log no other WARNING or ERROR, except those that a test names.
EXPECTED = [
    Expected(
        r"py\.warnings",
        rf"(?!{re.escape(str(paths.REPOSITORY))}/)\S+:\d+: (Pending)?DeprecationWarning:",
        "Odoo and its libraries use deprecated features of other libraries; our own files may not",
    ),
]


@dataclass
class Entry:
    """An entry of the log, with its continuation lines."""

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
    """Find unexpected entries in a log, up to the start of the server's shutdown.

    :param str log: the log's text
    :param also_expected: further expected entries, for a test that provokes them
    :return: unexpected entries of level WARNING or higher
    :rtype: list[Entry]
    """
    expected = [*EXPECTED, *also_expected]
    bad = [entry for entry in parse(STOPPING.split(log, maxsplit=1)[0]) if entry.level in BAD_LEVELS]
    return [entry for entry in bad if not any(line.matches(entry) for line in expected)]
