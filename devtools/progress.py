"""Show progress on the terminal, a line per stage. It is needed before any package is installed."""

import sys
import threading
import time

PATIENCE, INTERVAL, PLAIN_INTERVAL = 2, 0.5, 10


def say(text=""):
    """Print a line and flush the output.

    :param str text: the line
    """
    print(text, flush=True)


class Stage:
    """A stage of the work, shown if it takes longer than two seconds. Use it as a context manager.

    On a terminal its line is updated; elsewhere a new line is printed every ten seconds.

    :param str title: title of the stage
    """

    def __init__(self, title):
        self.title = title
        self._detail = ""
        self._started = time.monotonic()
        self._done = threading.Event()
        self._terminal = sys.stdout.isatty()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, error_type, error, trace):
        self._done.set()
        self._thread.join()
        seconds = time.monotonic() - self._started
        if seconds > PATIENCE:
            self._write(f"{self.title}: {'failed after' if error_type else 'done in'} {seconds:.0f} s\n")

    def update(self, detail):
        """Change the text after the title.

        :param str detail: the new text, e.g. the progress
        """
        self._detail = detail

    def _tick(self):
        wait = PATIENCE
        while not self._done.wait(wait):
            self._write(f"{self.title} … {self._detail}".rstrip() + ("" if self._terminal else "\n"))
            wait = INTERVAL if self._terminal else PLAIN_INTERVAL

    def _write(self, text):
        print(f"\r\033[K{text}" if self._terminal else text, end="", flush=True)
