"""Tests of the scripts of deploy/ on real databases: the primary, the replica, and Odoo's containers."""

import contextlib
import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest
import requests

from devtools import paths, postgres, server
from devtools.logcheck import Expected
from devtools.postgres import REPLICATED_SETTINGS, Cluster, EmbeddedCluster
from tests.system.conftest import wait_until
from tests.system.odoo_rpc import OdooError, OdooRpc

SCRIPTS = paths.REPOSITORY / "deploy"
PASSWORD = "it's a password"


@pytest.fixture
def primary(home, no_server_named):
    """A primary as PostgreSQL's image creates it, after the script has run."""
    settings = {**REPLICATED_SETTINGS, "max_replication_slots": "5"}
    with EmbeddedCluster("trial", durable=False, settings=settings) as primary:
        subprocess.run([SCRIPTS / "primary.sh"], env=environment(primary.data, PGHOST=primary.host), check=True)
        yield primary


def environment(data, **variables):
    """:return: the environment variables of the containers"""
    return {
        "PATH": f"{postgres.program('postgres').parent}{os.pathsep}{os.environ['PATH']}",
        "PGDATA": str(data),
        "POSTGRES_USER": "odoo",
        "REPLICATION_PASSWORD": PASSWORD,
        **variables,
    }


@contextlib.contextmanager
def run_replica(primary, folder):
    """Start the replica as its container does.

    :return: the running server
    """
    # The path of a socket may have about a hundred bytes.
    with tempfile.TemporaryDirectory() as socket:
        primary._let_user_in(Path(socket))
        command = [SCRIPTS / "replica.sh", "postgres", "-k", socket, "-c", "listen_addresses="]
        process = subprocess.Popen(
            [*command, "-c", "max_wal_senders=4", "-c", "max_connections=200"],
            env=environment(folder / "data", PRIMARY_HOST=primary.host),
            **primary._as_user(),
        )
        try:
            yield Cluster(socket, 5432, "odoo")
        finally:
            process.terminate()
            process.wait(180)


def answers_as_replica(cluster):
    with contextlib.suppress(postgres.DevError):
        return cluster.query("postgres", "SELECT pg_is_in_recovery()") == [(True,)]
    return False


def test_the_replica_copies_the_primary_once_and_follows_it(primary):
    folder = paths.folder("replica")
    primary._let_user_in(folder)
    primary.query("postgres", "CREATE TABLE told (what text)")
    for told in ("first", "after it was stopped"):
        with run_replica(primary, folder) as replica:
            wait_until(lambda replica=replica: answers_as_replica(replica))
            primary.query("postgres", "INSERT INTO told VALUES (%s)", [told])
            wait_until(lambda replica=replica, told=told: (told,) in replica.query("postgres", "SELECT what FROM told"))
            slot = primary.query("postgres", "SELECT slot_name, active FROM pg_replication_slots")
            assert slot == [("replica", True)]
        (folder / "data" / "PG_VERSION").stat()


def test_the_replica_needs_its_password(primary):
    rules = (primary.data / "pg_hba.conf").read_text().splitlines()
    assert rules[-1].split() == ["host", "replication", "replicator", "samenet", "scram-sha-256"]
    ((stored,),) = primary.query("postgres", "SELECT rolpassword FROM pg_authid WHERE rolname = 'replicator'")
    assert stored.startswith("SCRAM-SHA-256$")


# Scripts of Odoo's containers


def late_actions(cluster, database):
    """:return: the overdue actions that the health check finds in a database"""
    statement = re.search(r'--command="(.+?)"\)', (SCRIPTS / "odoo" / "check-actions.sh").read_text(), re.S)[1]
    ((late,),) = cluster.query(database, statement)
    return late


def test_scheduled_actions_that_stand_still_are_noticed(make_database, cluster):
    database = make_database()
    cluster.query(database, "DELETE FROM ir_cron_trigger")
    cluster.query(database, "UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC' - interval '5 minutes'")
    assert not late_actions(cluster, database)
    cluster.query(database, "UPDATE ir_cron SET nextcall = nextcall - interval '1 hour' WHERE NOT active")
    assert not late_actions(cluster, database)
    ((action, name),) = cluster.query(database, "SELECT id, cron_name FROM ir_cron WHERE active ORDER BY id LIMIT 1")
    wake = "INSERT INTO ir_cron_trigger (cron_id, call_at) VALUES (%s, now() AT TIME ZONE 'UTC' - interval '1 hour')"
    cluster.query(database, wake, [action])
    assert late_actions(cluster, database) == name
    cluster.query(database, "DELETE FROM ir_cron_trigger")
    cluster.query(database, "UPDATE ir_cron SET nextcall = nextcall - interval '1 hour' WHERE id = %s", [action])
    assert late_actions(cluster, database) == name


@pytest.fixture
def prepare(dev_session, odoo_source, cluster):
    """A function that runs prepare.py in Odoo's shell, as install.sh does, and returns its output."""

    def run(database, **variables):
        arguments = ["shell", f"--database={database}", "--no-http", "--log-level=warn"]
        with (SCRIPTS / "odoo" / "prepare.py").open() as script:
            process = server.launch(
                odoo_source,
                cluster,
                dev_session.data_dir,
                arguments,
                env={"REPORT_URL": "http://cron:8069", **variables},
                stdin=script,
                stdout=subprocess.PIPE,
                text=True,
            )
            printed, _nothing = process.communicate(timeout=600)
        assert process.returncode == 0, printed
        return printed

    return run


def parameter(cluster, database, key):
    """:return: a system parameter"""
    return cluster.query(database, "SELECT value FROM ir_config_parameter WHERE key = %s", [key])[0][0]


def test_a_shop_is_prepared_for_its_first_visitor(make_database, cluster, prepare, make_server):
    database = make_database()
    printed = prepare(database, BASE_URL="https://shop.example.com/", ADMIN_PASSWORD=PASSWORD)
    opened = dict(line.split(" ", 1)[::-1] for line in printed.splitlines())
    assert set(opened.values()) == {"200"}
    assert [path for path in opened if path.endswith(".css")]
    assert parameter(cluster, database, "web.base.url") == "https://shop.example.com"
    assert parameter(cluster, database, "report.url") == "http://cron:8069"
    # A second run keeps the password, and generates no stylesheet again.
    prepare(database, BASE_URL="https://other.example.com", ADMIN_PASSWORD="another one")
    assert parameter(cluster, database, "web.base.url") == "https://other.example.com"
    refused = Expected(r"odoo\.http", "Access Denied", "the default password of a new database")
    url = make_server(database, check_log=[refused]).url
    assert OdooRpc(url, database, password=PASSWORD).uid
    with pytest.raises(OdooError):
        OdooRpc(url, database)
    styles = re.findall(r'href="(/web/assets/[^"]+)"', requests.get(f"{url}/shop", timeout=180).text)
    assert styles
    assert set(styles) <= set(opened)
