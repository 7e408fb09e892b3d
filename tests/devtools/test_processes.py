"""Whether a process is still at work, whatever happens to it while it is looked at."""

import os
import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest

from devtools import processes, server

# Has a child that nobody would wait for, says its number, and ends when it is told to.
FAMILY = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid, flush=True)
time.sleep(600)
"""


def test_one_that_has_ended_is_not_running_though_nobody_has_waited_for_it():
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        found = psutil.Process(ended.pid)
        assert found.is_running(), "psutil says so"
        assert not processes.is_running(found)
        assert not processes.wait_until_gone([found], timeout=0)


@pytest.mark.parametrize("error", [psutil.NoSuchProcess(1), FileNotFoundError(), ProcessLookupError()])
def test_one_that_ends_while_it_is_looked_at_is_gone(error):
    def end():
        raise error

    assert not processes.is_running(SimpleNamespace(is_running=lambda: True, status=end))


def test_one_that_goes_on_is_named_after_the_time_is_up():
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as lasting:
        found = psutil.Process(lasting.pid)
        assert processes.wait_until_gone([found], timeout=0.1) == [found]
        lasting.kill()
        assert not processes.wait_until_gone([found], timeout=60)


def test_what_a_stopped_process_had_started_is_gone_with_it():
    family = subprocess.Popen([sys.executable, "-c", FAMILY], stdout=subprocess.PIPE, start_new_session=True)
    with family:
        child = psutil.Process(int(family.stdout.readline()))
        assert processes.find_children(family.pid) == [child]
        server.stop(family)
        assert not processes.is_running(child)


def test_a_process_that_is_gone_has_no_children():
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    assert processes.find_children(gone.pid) == []
