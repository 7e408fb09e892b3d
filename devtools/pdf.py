"""wkhtmltopdf, with which Odoo makes PDF files."""

import shutil
import subprocess

from . import debian
from .progress import say


def ensure_wkhtmltopdf():
    """Install wkhtmltopdf where that is possible, and say once what there is and what it cannot do."""
    if not shutil.which("wkhtmltopdf") and not debian.install("wkhtmltopdf"):
        say("PDF files: wkhtmltopdf is not installed, so no PDF can be made. Install it: apt-get install wkhtmltopdf")
        return
    version = subprocess.run(["wkhtmltopdf", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    if "with patched qt" not in version:
        version += ", without patched Qt: no header, no footer, no page numbers, text cannot be selected"
    say(f"PDF files: {version}.")
