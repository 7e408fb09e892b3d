import re
import unicodedata

# Unicode categories of characters that break a line or a mail header, or that change the text direction.
REMOVED_CATEGORIES = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")
# Format characters that are required by Indic scripts, Persian and emojis.
JOINERS = "\u200c\u200d"
# Text that mail clients turn into links: URLs with a scheme, email addresses, and dots followed by a word.
URL_RE = re.compile(r"\S*://\S*")
MAIL_ADDRESS_RE = re.compile(r"(\S*)@\S*")
DOMAIN_DOT_RE = re.compile(rf"[.\u3002\uff0e\uff61](?=[{JOINERS}]*[^\W\d_][{JOINERS}]*[^\W\d_])")


def _portal_safe_text(text, limit, keep_links=False):
    """Reduce user input to a short line of plain text, e.g. for a mail.

    :param text: user input
    :type text: str or False
    :param int limit: maximum length, including the ellipsis of a truncated text
    :param bool keep_links: whether to keep text that mail clients turn into links, for text of the shop itself, e.g.
        ``chairs.example`` as the name of a website
    :return: text without line breaks, control characters and links; can be empty
    :rtype: str
    """
    line = "".join(_get_safe_character(character) for character in unicodedata.normalize("NFC", text or ""))
    if not keep_links:
        line = MAIL_ADDRESS_RE.sub(r"\1", URL_RE.sub(" ", line))
        line = DOMAIN_DOT_RE.sub(" ", line)
    # Break up encoded words (RFC 2047): Python decodes them when it writes a header, including line breaks.
    line = " ".join(line.replace("=?", "= ?").split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _get_safe_character(character):
    """Return a character that is safe to print, a space instead of a line break, or an empty string.

    :param str character: single character
    :rtype: str
    """
    category = unicodedata.category(character)
    if character in JOINERS or category not in REMOVED_CATEGORIES:
        return character
    return "" if category == "Cf" else " "
