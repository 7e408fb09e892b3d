"""The browser: found on this machine or installed.

By hand: telling `pytest-playwright` which Chromium it is takes as many lines as its fixtures save.
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


def _find_chromium():
    """:return: the program of a Chromium or Chrome, None when there is none"""
    candidates = [os.environ.get(PATH_VARIABLE), *map(shutil.which, NAMES), *MAC_PATHS]
    return next((Path(path) for path in candidates if path and Path(path).is_file()), None)


def ensure_chromium():
    """Give a browser that starts: one that is there, Debian's package, or Playwright's download.

    :rtype: Path
    :raise DevError: when there is none and none can be installed, or when it doesn't start
    """
    path = _find_chromium() or (debian.install("chromium") and _find_chromium()) or _fetch_by_playwright()
    try:
        subprocess.run([path, "--version"], capture_output=True, text=True, check=True, timeout=180)
    except (OSError, subprocess.SubprocessError) as error:
        raise DevError(f"The browser {path} doesn't start: {getattr(error, 'stderr', '') or error}", ADVICE) from error
    return path


def _fetch_by_playwright():
    from playwright.sync_api import sync_playwright

    with Stage("Installing Chromium by Playwright"):
        command = [sys.executable, "-m", "playwright", "install", "chromium"]
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path)


def environment(chromium):
    """Give the environment in which Odoo's own test runner finds a browser: it looks for fixed names in the PATH only.

    :param Path chromium: the browser
    :rtype: dict
    """
    folder = paths.folder("bin")
    # In one step: another thread may be starting Odoo, which looks for it.
    partial = folder / f"google-chrome.{threading.get_ident()}"
    partial.unlink(missing_ok=True)
    partial.symlink_to(chromium)
    partial.replace(folder / "google-chrome")
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
