"""wkhtmltopdf, with which Odoo makes PDF files."""

import shutil

from . import debian
from .progress import say


def ensure_wkhtmltopdf():
    """Install wkhtmltopdf where that is possible, else say what is missing.

    :return: whether it is there
    :rtype: bool
    """
    if shutil.which("wkhtmltopdf") or debian.install("wkhtmltopdf"):
        return True
    say("wkhtmltopdf isn't installed: PDF documents can't be made. Install it (apt-get install wkhtmltopdf).")
    return False
