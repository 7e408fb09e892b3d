"""The browser: found on this machine or installed.

By hand: to `pytest-playwright` one would have to tell which Chromium it is by as many lines as its fixtures spare.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

from . import debian, paths
from .errors import DevError
from .progress import Stage

PATH_VARIABLE = "CHROMIUM"
NAMES = ("chromium", "google-chrome", "chromium-browser", "google-chrome-stable")
MAC_PATHS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
LAUNCH_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
# Milliseconds for a browser to come up, for a page to load, for an element to show: a busy machine needs many.
PATIENCE = 180_000
ADVICE = f"Install Chromium or Chrome (apt-get install chromium), or name its program in the variable {PATH_VARIABLE}."


def find_chromium():
    """Look for a Chromium or Chrome.

    :return: its program, None when there is none
    :rtype: Path | None
    """
    candidates = [os.environ.get(PATH_VARIABLE), *map(shutil.which, NAMES), *MAC_PATHS, _playwright_chromium()]
    return next((Path(path) for path in candidates if path and Path(path).is_file()), None)


def ensure_chromium():
    """Give a browser that starts: one that is there, Debian's package, or Playwright's download.

    :rtype: Path
    :raise DevError: when there is none and none can be installed, or when it doesn't start
    """
    path = find_chromium()
    if not path and debian.install("chromium"):
        path = find_chromium()
    if not path:
        _install_by_playwright()
        path = find_chromium()
    if not path:
        raise DevError("There is no browser for the tests, and none could be installed.", ADVICE)
    _check(path)
    return path


def environment(chromium):
    """Make the environment in which Odoo's own test runner finds a browser.

    It looks for fixed names in the PATH only.

    :param Path chromium: the browser
    :rtype: dict
    """
    folder = paths.folder("bin")
    link = folder / "google-chrome"
    if not link.is_symlink() or Path(os.readlink(link)) != Path(chromium):
        # in one step: another thread may be starting Odoo, which looks for it
        partial = folder / f"google-chrome.{os.getpid()}.{threading.get_ident()}"
        partial.unlink(missing_ok=True)
        partial.symlink_to(chromium)
        partial.replace(link)
    return {"PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}


@contextlib.contextmanager
def launch(chromium):
    """Start the browser by Playwright.

    :param Path chromium: its program
    :return: Playwright's `Browser`
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=LAUNCH_ARGUMENTS, timeout=PATIENCE)
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def open_context(browser, **options):
    """Open a browser context: its cookies and its history are its own.

    :param browser: Playwright's `Browser`
    :param options: for its `new_context`
    :return: Playwright's `BrowserContext`
    """
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE)
    try:
        yield context
    finally:
        context.close()


def _check(path):
    result = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=180)
    if result.returncode:
        raise DevError(f"The browser {path} doesn't start: {result.stderr.strip()[-400:]}", ADVICE)


def _install_by_playwright():
    with Stage("Installing Chromium by Playwright"):
        command = [sys.executable, "-m", "playwright", "install", "chromium"]
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)


def _playwright_chromium():
    """:return: the browser that Playwright has downloaded, if it has"""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as playwright:
        return playwright.chromium.executable_path
