"""Clean the headers of mails and the names that users type."""

import re

from odoo.tools.mail import email_normalize, email_split_tuples, formataddr

from ..tools import _portal_safe_text

_QUOTES = re.compile(r'["\\]+')
# Characters with a meaning in an address header. Python omits the quotes around a name that has to be encoded.
_SPECIALS = re.compile(r"[()<>\[\]:;@,]+")
# Python also omits the quotes around a name that is longer than a line.
LONGEST_NAME = 60
LONGEST_SUBJECT = 200


def clean_subject(value):
    """Remove from a subject what would start another header, and what changes the text direction.

    These are line breaks and other control characters, including those in an encoded word (RFC 2047), which Python
    decodes when it writes the header. Links are kept: the shop's own name may look like one.

    :param str value: subject as rendered from the template; may be empty
    :rtype: str
    """
    return _portal_safe_text(value, LONGEST_SUBJECT, keep_links=True)


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
    # Links are kept: it is the name of a company or of an employee, for example "Chairs.example".
    name = _portal_safe_text(_QUOTES.sub(" ", name), LONGEST_NAME, keep_links=True)
    if not name.isascii():
        name = " ".join(_SPECIALS.sub(" ", name).split())
    return formataddr((name, address)) if address else ""


def clean_name(value):
    """Reduce a name to one short line without links.

    Customers and agents type their names themselves, for example at the checkout, and could put a message there.

    :param str value: name; may be empty
    :rtype: str
    """
    return _portal_safe_text(value, LONGEST_NAME)
