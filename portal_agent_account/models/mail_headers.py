"""What may stand in the header of a mail."""

import re

# Line breaks would end a header and begin another one, or the body. Other control characters break clients.
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def clean_header(value):
    """Take out of the value of a mail's header what would end it and begin another one.

    That is line breaks and other control characters, also those of an encoded word (RFC 2047): Python decodes it when
    it writes the header.

    :param str value: a subject, a name or an address, which somebody may have typed; may be empty
    :rtype: str
    """
    return _CONTROL_CHARACTERS.sub(" ", value or "").replace("=?", "= ?").strip()
