"""Put the links into the mails about portal accounts.

Templates are rendered with samples, whoever renders them. All of this are functions, not methods of a model: what a
template, a server action or a client can call must not make a link, whatever its rights. Only the mail to the owner
of the address carries one, and whoever holds it has proved to read that mailbox.
"""

import re

from odoo.tools.urls import urljoin

# A link whose address is the given one. The values of other attributes are passed over as a whole.
LINK_PATTERN = r'''(<a(?:\s+[^\s"'<>=/]+(?:="[^"]*")?)*?\s+href=")%s"'''
# Per model the function that makes the links of one of its records.
_LINK_MAKERS = {}


def makes_links_of(model):
    """Register the function that makes the links in the mails of a model.

    It takes the record, and returns the path of the link by that of the sample.

    :param str model: the model, which inherits ``sale.portal.mail``
    """

    def register(function):
        _LINK_MAKERS[model] = function
        return function

    return register


def insert_links(record_sudo, body):
    """Put the links in the place of the samples: where one is all of a link's address, and nowhere else.

    A picture of the template, e.g., would send what is in its address to its server as soon as the mail is opened.

    :param record_sudo: the record whose mail it is
    :param str body: the rendered mail, as QWeb writes it: its values are in double quotes
    :rtype: str
    """
    base_url = record_sudo.get_base_url()
    for sample, path in _LINK_MAKERS[record_sudo._name](record_sudo).items():
        link = urljoin(base_url, path)
        pattern = LINK_PATTERN % re.escape(urljoin(base_url, sample))
        body = re.sub(pattern, lambda match, link=link: f'{match[1]}{link}"', body)
    return body
