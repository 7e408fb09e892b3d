"""Insert the links into the mails about portal accounts.

A link proves access to the mailbox that it was sent to, so only the mail to the owner of the address may contain it.
Templates are always rendered with sample links. The code consists of functions instead of model methods, because
templates, server actions and clients must not be able to generate links, whatever their access rights.
"""

from odoo.tools.urls import urljoin

from .mail_markup import replace_links

# Functions that generate the links of a record, by model name.
_LINK_MAKERS = {}


def makes_links_of(model):
    """Register the function that generates the links in the mails of a model.

    The function takes a record and returns the link paths by the sample paths that they replace.

    :param str model: name of a model that inherits ``sale.portal.mail``
    """

    def register(function):
        _LINK_MAKERS[model] = function
        return function

    return register


def insert_links(record_sudo, body):
    """Replace the sample links, but only where a sample is the target of a link.

    Anywhere else the link could leak: an image in the template, for example, would send it to the image's server as
    soon as the mail is opened.

    :param record_sudo: record that the mail belongs to
    :param str body: mail body rendered by QWeb
    :rtype: str
    :raise UserError: if the body lacks a link, or could disclose it
    """
    base_url = record_sudo.get_base_url()
    paths = _LINK_MAKERS[record_sudo._name](record_sudo)
    new_urls = {urljoin(base_url, sample): urljoin(base_url, path) for sample, path in paths.items()}
    return replace_links(record_sudo.env, body, new_urls)
