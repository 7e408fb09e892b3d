"""A lock between processes, released when its process ends.

It guards the creation of the virtual environment, so it can't use a package such as `filelock`.
"""

import fcntl

from . import paths
from .progress import say


class FileLock:
    """A lock on a file in the home folder. Use it as a context manager.

    :param str name: the lock's name
    """

    def __init__(self, name):
        self._file = (paths.folder("locks") / f"{name}.lock").open("a")

    def try_acquire(self, shared=False):
        """Acquire the lock, or change its mode, without waiting.

        :param bool shared: whether other processes may hold it at the same time
        :return: whether it was acquired
        :rtype: bool
        """
        try:
            fcntl.flock(self._file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def acquire(self, waiting_for=""):
        """Acquire the lock; wait for it if needed.

        :param str waiting_for: text of the message while waiting
        """
        if not self.try_acquire():
            if waiting_for:
                say(f"Waiting for {waiting_for} …")
            fcntl.flock(self._file, fcntl.LOCK_EX)

    def release(self):
        """Release the lock."""
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def __enter__(self):
        self.acquire()
        return self

    def __exit__(self, *error):
        self.release()
