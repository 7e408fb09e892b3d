"""Tests of `./dev run`: it serves the shop, shows mail, and stops everything on Ctrl-C."""

import os
import re
import signal
import smtplib
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest

from devtools import paths, running, server
from devtools.databases import hash_addon

READY = "Ctrl-C stops everything."


@pytest.fixture(scope="module")
def start_run(make_database, databases, cluster):
    """A function that starts `./dev run` on a copy of the demo database and waits until it is ready."""
    started = []

    def start(*arguments):
        database, port = make_database(), server.find_free_port()
        running._save_state(cluster, database, {addon: hash_addon(addon) for addon in paths.addons()})
        environment = {**os.environ, **cluster.environment(), "PYTHONUNBUFFERED": "1"}
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
    """A running `./dev run` for the tests that don't stop it."""
    return start_run("--", "--log-level=warn")


def read_until(process, text):
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return "".join(lines)
    raise AssertionError(f"{text!r} is missing in the output:\n{''.join(lines)}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "kill"])
def test_it_stops_everything(start_run, number):
    process = start_run("--workers", "2")
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 4, "the workers too"
    process.send_signal(number)
    assert process.wait(180) == 0
    assert not psutil.wait_procs(children, timeout=1)[1]
    assert server.is_port_free(process.port)


def test_it_serves_the_shop_and_shows_the_address_and_the_logins(shared_run):
    with urllib.request.urlopen(f"http://localhost:{shared_run.port}/shop") as page:
        assert page.status == 200
    assert f"http://localhost:{shared_run.port}/shop" in shared_run.shown
    assert "login admin, password admin" in shared_run.shown
    assert shared_run.shown.count("PDF files:") == 1, "it reports the limitations of PDF files"
    assert re.search(r"/my/agent +login agent, password agent$", shared_run.shown, re.M)


def test_it_shows_the_link_of_an_invitation_and_one_line_of_any_other_mail(shared_run):
    odoo = next(child for child in psutil.Process(shared_run.pid).children() if "--workers=0" in child.cmdline())
    assert "--log-level=warn" in odoo.cmdline(), "options after `--` reach Odoo"
    port = next(word.split("=")[1] for word in reversed(odoo.cmdline()) if word.startswith("--smtp-port="))
    invitation = "http://localhost/fr/my/invitation/a?b=c"
    with smtplib.SMTP("127.0.0.1", int(port)) as client:
        for link in (
            "http://localhost/my/orders/1?access_token=a",
            f"{invitation} http://localhost/my/invitation/a/decline",
        ):
            client.sendmail("shop@example.com", ["shopper@example.com"], f"Subject: Hello\n\n{link}")
    shown = read_until(shared_run, "stored as").strip().splitlines()
    assert shown[:3] == ["Mail to shopper@example.com: Hello"] * 2 + [f"    {invitation}"]
    path = Path(shown[3].split("stored as ")[1])
    assert path.parent.parent == paths.home()
    for kept in sorted(path.parent.glob("*.eml"))[-2:]:
        kept.unlink()


def test_the_demo_data_send_no_mail_and_invite_nobody_at_the_start(make_database, cluster):
    database = make_database()
    assert not cluster.query(database, "SELECT 1 FROM mail_mail WHERE state = 'outgoing'")
    for table in ("sale_portal_invitation", "sale_portal_join"):
        assert not cluster.query(database, f"SELECT email FROM {table} WHERE state IN ('to_send', 'queued')")


def test_the_demo_shop_has_what_a_company_with_agents_has(make_database, cluster):
    wanted = {"sale_management", "contacts", "website_sale", *paths.addons()}
    installed = cluster.query(make_database(), "SELECT name FROM ir_module_module WHERE state = 'installed'")
    assert wanted <= {name for (name,) in installed}
