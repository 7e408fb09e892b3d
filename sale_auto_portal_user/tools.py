import re
import unicodedata

# Characters that break a line or a mail header, or that change the order in which text reads.
REMOVED_CATEGORIES = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")
# Format characters that the scripts of India, Iran and emojis are written with.
JOINERS = "\u200c\u200d"
# What a mail program turns into a link: an address with a scheme, and a dot followed by a word.
URL_RE = re.compile(r"\S*://\S*")
MAIL_ADDRESS_RE = re.compile(r"(\S*)@\S*")
DOMAIN_DOT_RE = re.compile(rf"[.\u3002\uff0e\uff61](?=[{JOINERS}]*[^\W\d_][{JOINERS}]*[^\W\d_])")


def _portal_safe_text(text, limit, keep_links=False):
    """Reduce a text that somebody typed to one short line of plain text, e.g. for a mail.

    :param text: the text
    :type text: str or False
    :param int limit: the number of characters from which the text is cut, the ellipsis included
    :param bool keep_links: keep what a mail program turns into a link, for a text of the shop
        itself (``chairs.example`` as the name of a website)
    :return: the text without line breaks, control characters and links; it may be empty
    :rtype: str
    """
    line = "".join(_get_safe_character(character) for character in unicodedata.normalize("NFC", text or ""))
    if not keep_links:
        line = MAIL_ADDRESS_RE.sub(r"\1", URL_RE.sub(" ", line))
        line = DOMAIN_DOT_RE.sub(" ", line)
    # The beginning of an encoded word (RFC 2047): Python decodes it when it writes a header, line breaks and all.
    line = " ".join(line.replace("=?", "= ?").split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _get_safe_character(character):
    """Return the character, a space in place of one that ends a line, or nothing.

    :param str character: a single character
    :rtype: str
    """
    category = unicodedata.category(character)
    if character in JOINERS or category not in REMOVED_CATEGORIES:
        return character
    return "" if category == "Cf" else " "
