"""Values as visitors send them, made safe to search, to format and to print.

Nothing here raises: whatever cannot be understood becomes the value that means "nothing".
"""

import re
from datetime import date

MAX_TEXT_LENGTH = 200
MAX_ID = 2**31 - 1
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2200, 12, 31)

# Control characters, which PostgreSQL, spreadsheets and XML refuse or misread.
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]+")
_ID = re.compile(r"[0-9]{1,10}", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def get_text(value):
    """Return what somebody typed, as one short line that can be searched for.

    :param value: anything
    :rtype: str
    """
    if not isinstance(value, str):
        return ""
    encodable = value[: MAX_TEXT_LENGTH * 2].encode(errors="ignore").decode()
    return _CONTROL_CHARACTERS.sub(" ", encodable).strip()[:MAX_TEXT_LENGTH].strip()


def get_id(value):
    """Return the id of a record.

    :param value: anything
    :return: a positive integer that fits the column, or 0, which no record has
    :rtype: int
    """
    if isinstance(value, str) and _ID.fullmatch(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_ID:
        return value
    return 0


def get_ids(value, limit):
    """Return ids out of a list of anything, each once, in the given order.

    :param value: anything
    :param int limit: how many are looked at
    :rtype: list[int]
    """
    if not isinstance(value, (list, tuple)):
        return []
    return list(dict.fromkeys(filter(None, map(get_id, value[:limit]))))


def get_number(value, default):
    """Return a page's number or a position in a list.

    :param value: anything
    :param int default: what stands for everything that is not a number
    :rtype: int
    """
    return int(value) if isinstance(value, (int, str)) and _ID.fullmatch(str(value)) else default


def get_date(value):
    """Return a day of this or a neighbouring century.

    :param value: anything
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
    """Return one of a page's options.

    :param value: anything
    :param choices: the keys that the page knows
    :param str default: what stands for all others
    :rtype: str
    """
    return value if isinstance(value, str) and value in choices else default
