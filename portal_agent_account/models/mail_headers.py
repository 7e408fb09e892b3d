"""Clean the headers of mails and the names that users type."""

import re

from odoo.tools.mail import email_normalize, email_split_tuples, formataddr

# A line break would end the header and start another header or the body. Other control characters break mail clients.
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# What mail clients turn into links.
_LINKS = re.compile(r"\S*(?:://|@|\bwww\.)\S*", re.IGNORECASE)
_QUOTES = re.compile(r'["\\]+')
# Characters with a meaning in an address header. Python omits the quotes around a name that has to be encoded.
_SPECIALS = re.compile(r"[()<>\[\]:;@,]+")
# Python also omits the quotes around a name that is longer than a line.
LONGEST_NAME = 60


def clean_header(value):
    """Remove from the value of a mail header what would start another header.

    These are line breaks and other control characters, including those in an encoded word (RFC 2047), which Python
    decodes when it writes the header.

    :param str value: subject, name or address, possibly typed by a user; may be empty
    :rtype: str
    """
    return _CONTROL_CHARACTERS.sub(" ", value or "").replace("=?", "= ?").strip()


def clean_address(value, company):
    """Make sure that an address header contains one address and can't start another header.

    A name may look like an address: a template that puts it into the sender must not change the sender's address.

    :param str value: value of the header as rendered from the template; may be empty
    :param company: ``res.company`` to use as the sender if the value contains no or several addresses
    :return: one formatted address; empty if there is none
    :rtype: str
    """
    addresses = [(name, email_normalize(address)) for name, address in email_split_tuples(value or "")]
    if len(addresses) != 1 or not addresses[0][1]:
        addresses = [(company.name, email_normalize(company.email) or company.env.user.email_normalized)]
    name, address = addresses[0]
    name = clean_name(name)
    if not name.isascii():
        name = " ".join(_SPECIALS.sub(" ", name).split())
    return formataddr((name, address)) if address else ""


def clean_name(value):
    """Reduce a name to one short line without links.

    Customers and agents type their names themselves, for example at the checkout, and could put a message there.

    :param str value: name; may be empty
    :rtype: str
    """
    name = " ".join(_QUOTES.sub(" ", _LINKS.sub(" ", clean_header(value))).split())
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1].rstrip() + "…"
