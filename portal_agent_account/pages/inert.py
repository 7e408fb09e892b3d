"""Documents as their customers see them, turned into something that can only be read.

The templates are Odoo's own, and any addon may add to them: links to pay, to sign, to change
quantities, to the customer's own pages with a token. So the result is closed as a whole, whatever
is in it, instead of this or that template being changed.
"""

from lxml import html
from markupsafe import Markup

_REMOVED = (
    ".//script | .//form | .//button | .//input | .//select | .//textarea | .//iframe | .//object | .//embed"
    " | .//*[local-name() = 'owl-component'] | .//*[@id = 'sale_invoices']"
    " | .//*[contains(concat(' ', normalize-space(@class), ' '), ' modal ')]"
    " | .//*[contains(concat(' ', normalize-space(@class), ' '), ' o_portal_chatter ')]"
)
_KEPT_LINKS = ("mailto:", "tel:", "https://maps.google.com/")


def make_inert(body):
    """Take out of a rendered document what leads anywhere or does anything.

    :param body: HTML of a part of a page
    :rtype: Markup
    """
    root = html.fragment_fromstring(str(body), create_parent="div")
    _make_tree_inert(root)
    return Markup(html.tostring(root, encoding="unicode"))


def make_page_inert(page):
    """Take out of a rendered report what leads anywhere or does anything.

    :param page: HTML of a whole page
    :type page: bytes | str
    :rtype: str
    """
    root = html.document_fromstring(page)
    _make_tree_inert(root)
    _fill_frame(root.body)
    return html.tostring(root, encoding="unicode", doctype="<!DOCTYPE html>")


def _fill_frame(body):
    """Let a report be as wide as its frame: its own script does so, which is taken out. On phones even wider."""
    body.classes.discard("container")
    body.classes.update(("o_in_iframe", "container-fluid", "px-3", "px-sm-5"))


def _make_tree_inert(root):
    for element in root.xpath(_REMOVED):
        if element.getparent() is not None:
            element.drop_tree()
    for link in root.xpath(".//a"):
        if not link.get("href", "").startswith(_KEPT_LINKS):
            link.drop_tag()
    for element in root.iter(html.etree.Element):
        _remove_active_attributes(element)


def _remove_active_attributes(element):
    for name, value in list(element.attrib.items()):
        if name.startswith("on") or "token" in name or "access_token" in value:
            del element.attrib[name]
