"""The scripts of deploy/ make a primary let a replica in, and the replica follow it."""

import contextlib
import os
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from devtools import paths, postgres
from devtools.postgres import REPLICATED_SETTINGS, Cluster, EmbeddedCluster

SCRIPTS = paths.REPOSITORY / "deploy"
PASSWORD = "it's a password"


@pytest.fixture
def primary(home, no_server_named):
    """A primary as PostgreSQL's image makes it, with what the script adds."""
    settings = {**REPLICATED_SETTINGS, "max_replication_slots": "5"}
    with EmbeddedCluster("trial", durable=False, settings=settings) as primary:
        subprocess.run([SCRIPTS / "primary.sh"], env=environment(primary.data, PGHOST=primary.host), check=True)
        yield primary


def environment(data, **variables):
    """:return: what the containers have in their environment"""
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

    :return: how to reach it
    """
    # Paths of sockets are limited to a hundred bytes or so.
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


def wait_for(condition):
    deadline = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


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
            wait_for(lambda replica=replica: answers_as_replica(replica))
            primary.query("postgres", "INSERT INTO told VALUES (%s)", [told])
            wait_for(lambda replica=replica, told=told: (told,) in replica.query("postgres", "SELECT what FROM told"))
            slot = primary.query("postgres", "SELECT slot_name, active FROM pg_replication_slots")
            assert slot == [("replica", True)]
        (folder / "data" / "PG_VERSION").stat()


def test_the_replica_needs_its_password(primary):
    rules = (primary.data / "pg_hba.conf").read_text().splitlines()
    assert rules[-1].split() == ["host", "replication", "replicator", "samenet", "scram-sha-256"]
    ((stored,),) = primary.query("postgres", "SELECT rolpassword FROM pg_authid WHERE rolname = 'replicator'")
    assert stored.startswith("SCRAM-SHA-256$")
