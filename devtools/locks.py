"""File locks that vanish with the process that held them."""

import fcntl

from . import paths
from .progress import say


class FileLock:
    """A lock between processes, on a file of the home folder.

    :param str name: the lock's name
    """

    def __init__(self, name):
        self.path = paths.folder("locks") / f"{name}.lock"
        self._file = None

    def try_acquire(self, shared=False):
        """Take the lock when it is free.

        :param bool shared: let others share it
        :return: whether it was taken
        :rtype: bool
        """
        self._open()
        try:
            fcntl.flock(self._file, self._mode(shared) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def acquire(self, shared=False, waiting_for=""):
        """Take the lock, waiting for it if need be.

        :param bool shared: let others share it
        :param str waiting_for: printed when it has to wait
        """
        if self.try_acquire(shared):
            return
        if waiting_for:
            say(f"Waiting for {waiting_for} …")
        fcntl.flock(self._file, self._mode(shared))

    def release(self):
        """Give the lock back."""
        if self._file:
            self._file.close()
            self._file = None

    def __enter__(self):
        self.acquire()
        return self

    def __exit__(self, *error):
        self.release()

    def _open(self):
        if not self._file:
            self._file = self.path.open("a")

    @staticmethod
    def _mode(shared):
        return fcntl.LOCK_SH if shared else fcntl.LOCK_EX
