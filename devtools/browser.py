"""Find or install the browser.

`pytest-playwright` is not used: telling it which Chromium to start takes as many lines as its fixtures save.
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
# Milliseconds for the browser to start, a page to load or an element to appear; long enough for a busy machine.
PATIENCE = 180_000
ADVICE = f"Install Chromium or Chrome (apt-get install chromium), or set {PATH_VARIABLE} to its path."


def _find_chromium():
    """:return: the path of Chromium or Chrome, or None"""
    candidates = [os.environ.get(PATH_VARIABLE), *map(shutil.which, NAMES), *MAC_PATHS]
    return next((Path(path) for path in candidates if path and Path(path).is_file()), None)


def ensure_chromium():
    """Find a browser that starts; otherwise install Debian's package or Playwright's download.

    :return: the path of the browser
    :rtype: Path
    :raise DevError: if no browser can be found or installed, or if it doesn't start
    """
    path = _find_chromium() or (debian.install("chromium") and _find_chromium()) or _fetch_by_playwright()
    try:
        subprocess.run([path, "--version"], capture_output=True, text=True, check=True, timeout=180)
    except (OSError, subprocess.SubprocessError) as error:
        raise DevError(f"The browser {path} doesn't start: {getattr(error, 'stderr', '') or error}", ADVICE) from error
    return path


def _fetch_by_playwright():
    from playwright.sync_api import sync_playwright

    with Stage("Installing Chromium with Playwright"):
        command = [sys.executable, "-m", "playwright", "install", "chromium"]
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path)


def environment(chromium):
    """Prepare the environment for Odoo's test runner, which looks for a browser with a fixed name in the PATH.

    :param Path chromium: the path of the browser
    :return: environment variables
    :rtype: dict
    """
    folder = paths.folder("bin")
    # Replace the link atomically: another thread may be starting Odoo, which looks for it.
    partial = folder / f"google-chrome.{threading.get_ident()}"
    partial.unlink(missing_ok=True)
    partial.symlink_to(chromium)
    partial.replace(folder / "google-chrome")
    return {"PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}


@contextlib.contextmanager
def launch(chromium):
    """Start the browser with Playwright.

    :param Path chromium: the path of the browser
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
    """Open a browser context with separate cookies and history.

    :param browser: Playwright's `Browser`
    :param options: arguments of `Browser.new_context`
    :return: Playwright's `BrowserContext`
    """
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE)
    try:
        yield context
    finally:
        context.close()
