"""`./dev run` as a person uses it: it serves, shows mail, and stops everything on Ctrl-C."""

import os
import re
import signal
import smtplib
import subprocess
import sys
import urllib.request

import psutil
import pytest

from devtools import paths, processes, running, server

READY = "Ctrl-C stops everything."


@pytest.fixture(scope="module")
def start_run(make_database, databases, cluster):
    """A function that starts `./dev run` on a copy of the demo database and reads until it is ready."""
    started = []

    def start(*arguments):
        database, port = make_database(), server.find_free_port()
        running._save_state(cluster, database, paths.addons())
        environment = {
            **os.environ,
            "PGHOST": cluster.host,
            "PGPORT": str(cluster.port),
            "PGUSER": cluster.user,
            "PYTHONUNBUFFERED": "1",
        }
        process = subprocess.Popen(
            [sys.executable, paths.REPOSITORY / "dev", "run", "--db", database, "--port", str(port), *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        process.port = port
        process.shown = read_until(process, READY)
        return process

    yield start
    for process in started:
        with process:
            process.terminate()


@pytest.fixture(scope="module")
def shared_run(start_run):
    """One `./dev run` for the tests that only look at it."""
    return start_run("--", "--log-level=warn")


def read_until(process, text):
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return "".join(lines)
    raise AssertionError(f"{text!r} never came:\n{''.join(lines)}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "kill"])
def test_it_stops_everything(start_run, number):
    process = start_run()
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    process.send_signal(number)
    assert process.wait(180) == 0
    assert not any(map(processes.is_running, children))
    assert server.is_port_free(process.port)


def test_it_serves_the_shop_and_shows_the_address_and_the_logins(shared_run):
    with urllib.request.urlopen(f"http://localhost:{shared_run.port}/shop") as page:
        assert page.status == 200
    assert f"http://localhost:{shared_run.port}/shop" in shared_run.shown
    assert "login admin, password admin" in shared_run.shown
    assert re.search(r"/my/agent +login \S+, password \S+", shared_run.shown)


def test_it_shows_and_keeps_each_mail(shared_run):
    odoo = next(child for child in psutil.Process(shared_run.pid).children() if "--workers=0" in child.cmdline())
    port = next(word.split("=")[1] for word in reversed(odoo.cmdline()) if word.startswith("--smtp-port="))
    with smtplib.SMTP("127.0.0.1", int(port)) as client:
        client.sendmail("shop@example.com", ["shopper@example.com"], "Subject: Hello\n\nhttp://localhost/a?b=c")
    shown = read_until(shared_run, "kept as")
    assert "Mail to shopper@example.com: Hello" in shown
    assert "http://localhost/a?b=c" in shown
    path = shown.split("kept as ")[1].strip()
    assert path.startswith(str(paths.home()))
    os.unlink(path)


def test_what_follows_two_dashes_reaches_odoo(shared_run):
    assert any("--log-level=warn" in child.cmdline() for child in psutil.Process(shared_run.pid).children())


def test_an_odoo_left_over_from_a_killed_run_gives_the_port_back(capsys):
    port = server.find_free_port()
    # It has the command line of an Odoo of ours, and no ./dev as its parent.
    script = (
        f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); print(1, flush=True); time.sleep(600)"
    )
    leftover = subprocess.Popen(
        [sys.executable, "-c", script, f"--data-dir={paths.folder('run-data')}"], stdout=subprocess.PIPE
    )
    with leftover:
        leftover.stdout.readline()
        running.check_port(port)
        assert server.is_port_free(port)
        assert leftover.wait(60) == -signal.SIGKILL
    assert f"left over (process {leftover.pid})" in capsys.readouterr().out
