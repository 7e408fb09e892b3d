"""A file lock that vanishes with its process. By hand: it guards the making of the virtual environment, before which
no package such as `filelock` can be imported."""

import fcntl

from . import paths
from .progress import say


class FileLock:
    """A lock between processes, on a file of the home folder. Use it as a context manager.

    :param str name: the lock's name
    """

    def __init__(self, name):
        self.path = paths.folder("locks") / f"{name}.lock"
        self._file = None

    def try_acquire(self):
        """Take the lock if it is free.

        :return: whether it was taken
        :rtype: bool
        """
        self._file = self._file or self.path.open("a")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def acquire(self, waiting_for=""):
        """Take the lock, waiting for it if need be.

        :param str waiting_for: printed when it has to wait
        """
        if not self.try_acquire():
            if waiting_for:
                say(f"Waiting for {waiting_for} …")
            fcntl.flock(self._file, fcntl.LOCK_EX)

    def try_remove(self):
        """Remove the lock if nobody holds it.

        :return: whether nobody did
        :rtype: bool
        """
        if free := self.try_acquire():
            self.path.unlink(missing_ok=True)
        self.release()
        return free

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
