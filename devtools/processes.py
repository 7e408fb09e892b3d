"""Processes: which of them are still at work, and waiting until none is.

By hand: where nobody waits for orphans, as in a container without an init, `psutil.wait_procs` waits for zombies.
"""

import time

import psutil


def is_running(process):
    """Tell whether a process is at work; a zombie is not.

    :param psutil.Process process: the process
    :rtype: bool
    """
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.AccessDenied:
        return True
    except (psutil.Error, OSError):
        return False  # it ended while it was looked at


def find_children(pid):
    """List the processes that a process has started, and those that these have started.

    :param int pid: the process
    :rtype: list[psutil.Process]
    """
    try:
        return psutil.Process(pid).children(recursive=True)
    except (psutil.Error, OSError):
        return []


def wait_until_gone(processes, timeout):
    """Wait for the end of processes, whoever started them.

    :param list[psutil.Process] processes: the processes
    :param float timeout: seconds
    :return: those that are still there
    :rtype: list[psutil.Process]
    """
    deadline = time.monotonic() + timeout
    while (alive := [process for process in processes if is_running(process)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return alive
