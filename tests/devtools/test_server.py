"""A real Odoo process is started, waited for, and never left behind."""

import os
import signal
import subprocess
import sys
import urllib.request

import psutil
import pytest

from devtools import paths, processes, server
from devtools.errors import DevError
from devtools.session import VARIABLE

# Starts a server the way a test does, says its process number, and waits to be killed.
START_AND_WAIT = """
import sys, time
from devtools.server import OdooServer
from devtools.session import Session
session = Session.load()
odoo = OdooServer(session.odoo(), session.open_cluster(), sys.argv[1], session.data_dir, sys.argv[2])
odoo.start()
print(odoo.process.pid, flush=True)
time.sleep(600)
"""


def test_a_stopped_server_leaves_no_process_and_no_port(make_database, make_server):
    odoo = make_server(make_database(), workers=2)
    with urllib.request.urlopen(f"{odoo.url}/web/login") as answer:
        assert answer.status == 200
    process, port = psutil.Process(odoo.process.pid), odoo.port
    family = [process, *processes.find_children(process.pid)]
    assert len(family) >= 4, "the workers too"
    odoo.stop()
    assert not any(map(processes.is_running, family))
    assert server.is_port_free(port)


@pytest.mark.skipif("sys.platform != 'linux'", reason="only Linux ends a process with its parent")
def test_a_killed_dev_leaves_no_odoo(make_database, dev_session):
    starter = subprocess.Popen(
        [sys.executable, "-c", START_AND_WAIT, make_database(), dev_session.log_file("killed")],
        env={**os.environ, "PYTHONPATH": str(paths.REPOSITORY), VARIABLE: os.environ[VARIABLE]},
        stdout=subprocess.PIPE,
        text=True,
    )
    with starter:
        odoo = psutil.Process(int(starter.stdout.readline()))
        assert processes.is_running(odoo)
        starter.send_signal(signal.SIGKILL)
    assert not processes.wait_until_gone([odoo], timeout=180)


def test_a_server_that_cannot_start_shows_its_log(odoo_source, cluster, dev_session):
    arguments = (odoo_source, cluster, "portal_accounts_e2e_none", dev_session.data_dir)
    odoo = server.OdooServer(*arguments, dev_session.log_file("cannot_start"), extra_args=["--no-such-option"])
    with pytest.raises(DevError, match="ended instead of serving") as raised:
        odoo.start()
    assert "no such option" in raised.value.advice
    assert not odoo.is_running()


def test_a_process_that_has_ended_is_not_running_though_nobody_has_waited_for_it():
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        found = psutil.Process(ended.pid)
        assert found.is_running(), "psutil says so"
        assert not processes.is_running(found)
