"""Find or install wkhtmltopdf, which Odoo needs for PDF files."""

import shutil
import subprocess

from . import debian
from .progress import say


def ensure_wkhtmltopdf():
    """Install wkhtmltopdf if possible, and print its version and limitations."""
    if not shutil.which("wkhtmltopdf") and not debian.install("wkhtmltopdf"):
        say("PDF files: not available, wkhtmltopdf is not installed. Install it: apt-get install wkhtmltopdf")
        return
    version = subprocess.run(["wkhtmltopdf", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    if "with patched qt" not in version:
        version += ", without patched Qt: no header, footer or page numbers (docs/installing.md)"
    say(f"PDF files: {version}.")
