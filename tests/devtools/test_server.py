"""Tests of server processes: none is left behind, and a failed start shows the reason."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from devtools import paths, server
from devtools.errors import DevError

# Starts a server as a test does, prints its process id, and waits to be killed.
START_AND_WAIT = """
import sys, time
from devtools.server import OdooServer
from devtools.session import Session
with Session() as session:
    odoo = OdooServer(session.odoo, session.cluster, sys.argv[1], session.data_dir, session.log_file("killed"))
    print(odoo.start().process.pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif("sys.platform != 'linux'", reason="only Linux ends a process with its parent")
def test_a_killed_dev_leaves_no_odoo(make_database):
    starter = subprocess.Popen(
        [sys.executable, "-c", START_AND_WAIT, make_database()],
        env={**os.environ, "PYTHONPATH": str(paths.REPOSITORY)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with starter:
        odoo = psutil.Process(int(starter.stdout.readline()))
        assert odoo.is_running()
        starter.send_signal(signal.SIGKILL)
    odoo.wait(180)


def test_a_server_that_cannot_start_shows_its_log(make_database, odoo_source, cluster, dev_session):
    arguments = (odoo_source, cluster, make_database(), dev_session.data_dir)
    odoo = server.OdooServer(*arguments, dev_session.log_file("cannot_start"), extra_args=["--no-such-option"])
    with pytest.raises(DevError, match="ended instead of starting") as raised:
        odoo.start()
    assert "no such option" in raised.value.advice
    assert not odoo.is_running()


def test_odoos_byte_code_is_kept_though_the_environment_forbids_it(odoo_source, home, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    subprocess.run([sys.executable, "-c", "import odoo.release"], env=odoo_source.environment(), check=True)
    assert list(home.rglob("odoo/release.*.pyc"))
