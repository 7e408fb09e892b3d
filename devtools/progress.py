"""What a person sees while they wait: a line per stage, a bar with bytes for downloads."""

import sys
import threading
import time

BAR_WIDTH = 24
PLAIN_INTERVAL = 10


def say(text=""):
    """Print a line at once.

    :param str text: the line
    """
    print(text, flush=True)


def human_size(size):
    """Write a number of bytes the way people read it.

    :param float size: bytes
    :rtype: str
    """
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


class Stage:
    """One stage of the work, shown from its beginning to its end.

    On a terminal its line is rewritten every second, elsewhere a line is added now and then.
    Use it as a context manager.

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
        if self.quiet and not self._shown:
            return
        result = "failed after" if error_type else "done in"
        self._write(f"{self.title}: {result} {self.elapsed:.0f} s", end="\n")

    @property
    def elapsed(self):
        """:return: seconds since this stage began"""
        return time.monotonic() - self._started

    def update(self, detail):
        """Change what stands behind the title.

        :param str detail: e.g. how far the stage has come
        """
        self._detail = detail

    def bar(self, done, total):
        """Show a download's state.

        :param int done: bytes that are here
        :param int total: bytes in all, 0 when unknown
        """
        if not total:
            self.update(human_size(done))
            return
        filled = round(BAR_WIDTH * min(done / total, 1))
        self.update(f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {human_size(done)} of {human_size(total)}")

    def _tick(self):
        while not self._done.wait(0.5 if self._terminal else 1):
            interval = 0.5 if self._terminal else PLAIN_INTERVAL
            if self.elapsed > 2 and time.monotonic() - self._shown >= interval:
                self._show()

    def _show(self):
        self._shown = time.monotonic()
        self._write(f"{self.title} … {self._detail}".rstrip(), end="" if self._terminal else "\n")

    def _write(self, text, end):
        if self._terminal:
            text = "\r\033[K" + text
        sys.stdout.write(text + end)
        sys.stdout.flush()
