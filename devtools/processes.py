"""Processes: which of them are still at work, and waiting until none is.

Whatever is read about a process may be gone before it is read to the end: then the process is gone, too.
"""

import time


def is_running(process):
    """Tell whether a process is at work; one that has ended is not, though nobody may have waited for it.

    :param psutil.Process process: the process
    :rtype: bool
    """
    import psutil

    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.AccessDenied:
        return True
    except (psutil.Error, OSError):
        return False


def find_children(pid):
    """List the processes that a process has started, and those that these have started.

    :param int pid: the process
    :rtype: list[psutil.Process]
    """
    import psutil

    try:
        return psutil.Process(pid).children(recursive=True)
    except (psutil.Error, OSError):
        return []


def send(processes, number):
    """Send a signal to those that are still there.

    :param list[psutil.Process] processes: the processes
    :param int number: the signal
    """
    import psutil

    for process in processes:
        try:
            process.send_signal(number)
        except (psutil.NoSuchProcess, ProcessLookupError):
            continue


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
