"""What may stand in a mail: in its headers, and of a name that somebody typed."""

import re

from odoo.tools.mail import email_normalize, email_split_tuples, formataddr

# Line breaks would end a header and begin another one, or the body. Other control characters break clients.
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# What a mail program makes a link of by itself.
_LINKS = re.compile(r"\S*(?:://|@|\bwww\.)\S*", re.IGNORECASE)
_QUOTES = re.compile(r'["\\]+')
# What has a meaning in the header of an address. In a name that has to be encoded Python leaves the quotes out.
_SPECIALS = re.compile(r"[()<>\[\]:;@,]+")
# Python leaves the quotes out when it writes a name that is longer than a line, too.
LONGEST_NAME = 60


def clean_header(value):
    """Take out of the value of a mail's header what would end it and begin another one.

    That is line breaks and other control characters, also those of an encoded word (RFC 2047): Python decodes it when
    it writes the header.

    :param str value: a subject, a name or an address, which somebody may have typed; may be empty
    :rtype: str
    """
    return _CONTROL_CHARACTERS.sub(" ", value or "").replace("=?", "= ?").strip()


def clean_address(value, company):
    """Make sure that a header names one address, and that nothing in it begins another header.

    A name may look like an address: a template that puts it into the sender's must not change who a mail comes from.

    :param str value: the header's text, as the template says; may be empty
    :param company: the ``res.company`` that the mail comes from where the text names several addresses
    :return: one formatted address; empty where there is none
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

    Customers and agents type their names themselves, at the checkout for example: none is a message of its own.

    :param str value: the name; may be empty
    :rtype: str
    """
    name = " ".join(_QUOTES.sub(" ", _LINKS.sub(" ", clean_header(value))).split())
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1].rstrip() + "…"
