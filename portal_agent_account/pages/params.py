"""Sanitize values from visitors, so that they can safely be searched, formatted and printed.

The functions raise no errors: an invalid value becomes an empty value or the default.
"""

import re
from datetime import date

MAX_TEXT_LENGTH = 200
MAX_ID = 2**31 - 1
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2200, 12, 31)

# Control characters, which PostgreSQL, spreadsheets and XML reject or misread.
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]+")
_ID = re.compile(r"[0-9]{1,10}", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def get_text(value):
    """Return a search text as one short line.

    :param value: any value
    :rtype: str
    """
    if not isinstance(value, str):
        return ""
    encodable = value[: MAX_TEXT_LENGTH * 2].encode(errors="ignore").decode()
    return _CONTROL_CHARACTERS.sub(" ", encodable).strip()[:MAX_TEXT_LENGTH].strip()


def get_id(value):
    """Return the id of a record.

    :param value: any value
    :return: positive integer within the range of the column, or 0, which is no record's id
    :rtype: int
    """
    if isinstance(value, str) and _ID.fullmatch(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_ID:
        return value
    return 0


def get_ids(value, limit):
    """Return the ids from a list, without duplicates and in the given order.

    :param value: any value
    :param int limit: number of items to read
    :rtype: list[int]
    """
    if not isinstance(value, (list, tuple)):
        return []
    return list(dict.fromkeys(filter(None, map(get_id, value[:limit]))))


def get_number(value, default):
    """Return the number of a page or a position in a list.

    :param value: any value
    :param int default: value to return if ``value`` is not a number
    :rtype: int
    """
    return int(value) if isinstance(value, (int, str)) and _ID.fullmatch(str(value)) else default


def get_date(value):
    """Return a date between ``FIRST_DAY`` and ``LAST_DAY``.

    :param value: any value
    :rtype: datetime.date | None
    """
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return None
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return None
    return day if FIRST_DAY <= day <= LAST_DAY else None


def get_choice(value, choices, default):
    """Return one of the allowed choices.

    :param value: any value
    :param choices: allowed keys
    :param str default: value to return for anything else
    :rtype: str
    """
    return value if isinstance(value, str) and value in choices else default
