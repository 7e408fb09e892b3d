"""Make documents read-only that are rendered as their customers see them.

Odoo's own templates render them, and any addon may add to these templates: links to pay, to sign, to change quantities,
or to the customer's own pages with a token. Therefore the rendered result is cleaned as a whole, instead of changing
individual templates.
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
    """Remove everything active from a rendered document, including links.

    :param body: HTML fragment
    :rtype: Markup
    """
    root = html.fragment_fromstring(str(body), create_parent="div")
    _make_tree_inert(root)
    return Markup(html.tostring(root, encoding="unicode"))


def make_page_inert(page):
    """Remove everything active from a rendered report, including links.

    :param page: HTML of a whole page
    :type page: bytes | str
    :rtype: str
    """
    root = html.document_fromstring(page)
    _make_tree_inert(root)
    _fill_frame(root.body)
    return html.tostring(root, encoding="unicode", doctype="<!DOCTYPE html>")


def _fill_frame(body):
    """Let a report fill its frame, and use a smaller margin on phones. Odoo's script for this was removed."""
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
