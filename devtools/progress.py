"""Progress on the terminal: a line per stage. By hand: it is needed before any package is installed."""

import sys
import threading
import time

INTERVAL, PLAIN_INTERVAL = 0.5, 10


def say(text=""):
    """Print a line at once.

    :param str text: the line
    """
    print(text, flush=True)


class Stage:
    """One stage of the work, shown from its beginning to its end. Use it as a context manager.

    On a terminal its line is rewritten, elsewhere a line is added every ten seconds.

    :param str title: what is being done
    :param bool quiet: show nothing unless it takes longer than two seconds
    """

    def __init__(self, title, quiet=False):
        self.title = title
        self.quiet = quiet
        self._detail = ""
        self._started = time.monotonic()
        self._shown = 0.0
        self._done = threading.Event()
        self._terminal = sys.stdout.isatty()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self):
        if not self.quiet:
            self._show()
        self._thread.start()
        return self

    def __exit__(self, error_type, error, trace):
        self._done.set()
        self._thread.join()
        if self._shown or not self.quiet:
            result = "failed after" if error_type else "done in"
            self._write(f"{self.title}: {result} {time.monotonic() - self._started:.0f} s", end="\n")

    def update(self, detail):
        """Change what stands behind the title.

        :param str detail: e.g. how far the stage has come
        """
        self._detail = detail

    def _tick(self):
        interval = INTERVAL if self._terminal else PLAIN_INTERVAL
        while not self._done.wait(INTERVAL):
            now = time.monotonic()
            if now - self._started > 2 and now - self._shown >= interval:
                self._show()

    def _show(self):
        self._shown = time.monotonic()
        self._write(f"{self.title} … {self._detail}".rstrip(), end="" if self._terminal else "\n")

    def _write(self, text, end):
        say_over = "\r\033[K" if self._terminal else ""
        print(say_over + text, end=end, flush=True)
