"""Replace links in the HTML body of a mail without ever disclosing the new link to anyone but the mail's reader.

The body is not parsed into a tree: mail clients parse it differently from lxml, so they might find the link in another
place, e.g. in the URL of an image that the client loads. Instead, each tag has to be complete by itself, wherever a
client starts to read it. Then the link can't be a part of any tag except the one that it is the target of.
"""

import re

from markupsafe import escape

SPACE = r"[ \t\n\f\r]"
# No value contains "<": one that does could begin with an unclosed quote in front of a link.
ATTRIBUTE = rf"""{SPACE}+[^\s<>"'=/]+(?:{SPACE}*={SPACE}*(?:"[^"<]*"|'[^'<]*'|[^\s<>"'=`]+))?"""
TAG_RE = re.compile(rf"""<[a-zA-Z][^\s<>"'=/]*(?:{ATTRIBUTE})*{SPACE}*/?>""", re.ASCII)
TAG_START_RE = re.compile(r"<[a-zA-Z]")
# Elements whose link is only opened by a click: links, areas of images, and buttons for Outlook.
LINK_START = rf"<(?:a|area|v:rect|v:roundrect)(?:{ATTRIBUTE})*?{SPACE}+href{SPACE}*={SPACE}*"
# Elements whose content is text: a style sheet could load the link, a form could send it.
TEXT_ELEMENT_RES = [
    re.compile(rf"<(/?){name}[ \t\n\f\r/>]", re.ASCII | re.IGNORECASE) for name in ("style", "textarea")
]


def has_complete_tags(body):
    """Return whether each tag is complete, so that no client can read a link after it as a part of it.

    :param str body: HTML body of a mail
    :rtype: bool
    """
    return all(TAG_RE.match(body, start.start()) for start in TAG_START_RE.finditer(body))


def has_link(body, url):
    """Return whether a body with complete tags has a link that :func:`replace_link` replaces.

    :param str body: HTML body of a mail
    :param str url: absolute URL
    :rtype: bool
    """
    return any(not _is_in_text_element(body, match.start()) for match in _get_link_re(url).finditer(body))


def replace_link(body, url, new_url):
    """Replace the target of links in a body with complete tags. All other text remains unchanged.

    :param str body: HTML body of a mail
    :param str url: absolute URL to replace, also if a query or a fragment follows, which is kept
    :param str new_url: absolute URL to insert
    :rtype: str
    """

    def replace(match):
        if _is_in_text_element(body, match.start()):
            return match[0]
        rest = match["rest"]
        if "?" in new_url:
            rest = re.sub(r"^\?", "&amp;", rest)
        return f"{match['start']}{match['quote']}{escape(new_url)}{rest}{match['quote']}"

    return _get_link_re(url).sub(replace, body)


def _get_link_re(url):
    """Return the pattern of a link to a URL, which a query or a fragment may follow."""
    url = re.escape(str(escape(url)))
    pattern = rf"""(?P<start>{LINK_START})(?P<quote>["']){url}(?P<rest>(?:[?#][^"'<]*)?)(?P=quote)"""
    return re.compile(pattern, re.ASCII)


def _is_in_text_element(body, position):
    """Return whether the content of the element at a position is text, not HTML."""
    marks = [pattern.findall(body, 0, position)[-1:] for pattern in TEXT_ELEMENT_RES]
    return [""] in marks
