"""Replace links in the HTML body of a mail without ever disclosing the new link to anyone but the mail's reader.

The body is not parsed into a tree: mail clients parse it differently from lxml, so they might find the link in another
place, e.g. in the URL of an image that the client loads. Instead, each tag has to be complete by itself, wherever a
client starts to read it. Then the link can't be a part of any tag except the one that it is the target of. Style sheets
that could load a different file for each link are not allowed, either.
"""

import re

from markupsafe import escape

from odoo.exceptions import UserError

SPACE = r"[ \t\n\f\r]"
# No value contains "<": one that does could begin with an unclosed quote in front of a link.
ATTRIBUTE = rf"""{SPACE}+[^\s<>"'=/]+(?:{SPACE}*={SPACE}*(?:"[^"<]*"|'[^'<]*'|[^\s<>"'=`]+))?"""
TAG_RE = re.compile(rf"""<[a-zA-Z][^\s<>"'=/]*(?:{ATTRIBUTE})*{SPACE}*/?>""", re.ASCII)
TAG_START_RE = re.compile(r"<[a-zA-Z]")
# Elements whose link is only opened by a click: links, areas of images, and buttons for Outlook.
LINK_START = rf"<(?:a|area|v:rect|v:roundrect)(?:{ATTRIBUTE})*?{SPACE}+href{SPACE}*={SPACE}*"
# Elements whose content is text: a style sheet could load the link, a form could send it.
MARK = r"<(?P<end>/?)(?P<name>(?i:style|textarea))[ \t\n\f\r/>]"
# What a client doesn't display: comments, including malformed ones, and elements whose content is text.
HIDDEN_RE = re.compile(
    r"<!--(?:-?>|.*?(?:--!?>|\Z))|<(?:[!?]|/[^a-z>])[^>]*|</[a-z](?:\"[^\"]*(?:\"|\Z)|'[^']*(?:'|\Z)|[^\"'>])*"
    r"|<(style|textarea|title|script|iframe|xmp|noembed|noframes)[ \t\n\f\r/>].*?(?:</\1[ \t\n\f\r/>]|\Z)",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)

STYLE_RE = re.compile(r"<style[ \t\n\f\r/>](.*?)(?:</style[ \t\n\f\r/>]|\Z)", re.ASCII | re.IGNORECASE | re.DOTALL)
CSS_ESCAPE_RE = re.compile(r"\\(?:([0-9a-f]{1,6})\s?|(.))", re.ASCII | re.IGNORECASE | re.DOTALL)
# A selector that compares an attribute with a value. Comments, escapes and quotes can hide the operator.
ATTRIBUTE_SELECTOR_RE = re.compile(r"""\[(?![^][=\\/"']*\])[^]{}]{,60}\]?""")
# "attr()" displays the link in a font, whose file may depend on the characters.
LOADING_RULE_RE = re.compile(r"@import|\battr\s*\(", re.ASCII | re.IGNORECASE)
# In SVG and MathML, the content of <style> is not text.
FOREIGN_RE = re.compile(r"<(?:svg|math)(?=[ \t\n\f\r/>])", re.ASCII | re.IGNORECASE)
# "ping" sends the target of a link to another server once it is clicked.
UNSAFE_TAG_RE = re.compile(
    r"<!\[CDATA\[|<(?:link|base)(?=[ \t\n\f\r/>])"
    rf"|<(?:a|area)(?:{ATTRIBUTE})*?{SPACE}+ping(?=[ \t\n\f\r=/>])"
    rf"|<meta(?:{ATTRIBUTE})*?{SPACE}+http-equiv"
    rf"""(?!{SPACE}*={SPACE}*["']?(?:content-type|x-ua-compatible)["' \t\n\f\r/>])""",
    re.ASCII | re.IGNORECASE,
)


def replace_links(env, body, new_urls):
    """Replace the target of links in a body that can't disclose the new targets. All other text remains unchanged.

    :param env: environment, for the messages
    :param str body: HTML body of a mail
    :param new_urls: absolute URLs to insert, by the absolute URL to replace
    :type new_urls: dict[str, str]
    :rtype: str
    :raise UserError: if a tag in the body is not closed properly, if the body lacks a link to replace, or if other code
        in the body could disclose a new target
    """
    if not has_complete_tags(body) or not all(has_link(body, url) for url in new_urls):
        raise UserError(
            env._("The email template contains HTML code that is not closed properly. Correct it, then try again.")
        )
    if code := find_unsafe_code(body):
        raise UserError(
            env._(
                "The email template contains HTML code that could disclose the link: %(code)s. Remove it, then try "
                "again.",
                code=code,
            )
        )
    for url, new_url in new_urls.items():
        body = _replace_link(body, url, new_url)
    return body


def has_complete_tags(body):
    """Return whether each tag is complete, so that no client can read a link after it as a part of it.

    :param str body: HTML body of a mail
    :rtype: bool
    """
    return all(TAG_RE.match(body, start.start()) for start in TAG_START_RE.finditer(body))


def find_unsafe_code(body):
    """Return the first code in a body with complete tags that could disclose a link to a server.

    A style sheet can load a different image for each beginning of a link, and thus disclose it character by character.

    :param str body: HTML body of a mail
    :return: beginning of the code, an empty string if there is none
    :rtype: str
    """
    found = UNSAFE_TAG_RE.search(body)
    for style in STYLE_RE.finditer(body):
        css = style[1]
        found = (
            found
            or ATTRIBUTE_SELECTOR_RE.search(css)
            or LOADING_RULE_RE.search(CSS_ESCAPE_RE.sub(_unescape_css, css))
            or FOREIGN_RE.search(body)
        )
    return found[0] if found else ""


def has_link(body, url):
    """Return whether a body with complete tags has a link that :func:`replace_links` replaces and that is displayed.

    :param str body: HTML body of a mail
    :param str url: absolute URL
    :rtype: bool
    """
    displayed = HIDDEN_RE.sub(lambda hidden: " " * len(hidden[0]), body)
    return any(displayed[match.start()] == "<" for match in _find_links(body, url))


def _replace_link(body, url, new_url):
    """Replace the target of links in a body with complete tags.

    Links in comments are replaced, too: Outlook displays the content of conditional comments.

    :param str body: HTML body of a mail
    :param str url: absolute URL to replace, also if a query or a fragment follows, which is kept
    :param str new_url: absolute URL to insert
    :rtype: str
    """
    parts, end = [], 0
    for match in _find_links(body, url):
        rest = match["rest"]
        if "?" in new_url:
            rest = re.sub(r"^\?", "&amp;", rest)
        link = f"{match['start']}{match['quote']}{escape(new_url)}{rest}{match['quote']}"
        parts += body[end : match.start()], link
        end = match.end()
    return "".join([*parts, body[end:]])


def _find_links(body, url):
    """Find the links to a URL, which a query or a fragment may follow, except in elements whose content is text.

    :param str body: HTML body of a mail with complete tags
    :param str url: absolute URL
    :return: matches, with the groups ``start``, ``quote`` and ``rest``
    """
    url = re.escape(str(escape(url)))
    link = rf"""(?P<start>{LINK_START})(?P<quote>["']){url}(?P<rest>(?:[?#][^"'<]*)?)(?P=quote)"""
    open_elements = set()
    for match in re.finditer(f"{link}|{MARK}", body, re.ASCII):
        if not match["name"]:
            if not open_elements:
                yield match
        elif match["end"]:
            open_elements.discard(match["name"].lower())
        else:
            open_elements.add(match["name"].lower())


def _unescape_css(match):
    """Return the character that an escape sequence of CSS stands for."""
    return chr(min(int(match[1], 16), 0x10FFFF)) if match[1] else match[2]
