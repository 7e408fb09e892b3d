"""A lock between processes that vanishes with its process.

By hand: it guards the creation of the virtual environment, before which no package such as `filelock` can be imported.
"""

import fcntl

from . import paths
from .progress import say


class FileLock:
    """A lock on a file of the home folder. Use it as a context manager.

    :param str name: the lock's name
    """

    def __init__(self, name):
        self._file = (paths.folder("locks") / f"{name}.lock").open("a")

    def try_acquire(self, shared=False):
        """Take the lock, or change how it is held, unless another process is in the way.

        :param bool shared: whether other processes may hold it at the same time
        :return: whether it was taken
        :rtype: bool
        """
        try:
            fcntl.flock(self._file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
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

    def release(self):
        """Give the lock back."""
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def __enter__(self):
        self.acquire()
        return self

    def __exit__(self, *error):
        self.release()
