"""The embedded PostgreSQL starts, is shared, stops, and recovers after a killed run."""

import subprocess

import pytest

from devtools import postgres
from devtools.errors import DevError


@pytest.fixture
def cluster(home, no_server_named):
    """A new cluster."""
    made = postgres.EmbeddedCluster("trial", durable=False)
    yield made
    made.stop()


def test_the_last_of_two_users_stops_it(cluster):
    other = postgres.EmbeddedCluster("trial", durable=False)
    cluster.start()
    other.start()
    cluster.stop()
    assert other.answers()
    other.stop()
    assert not other.answers()
    assert not other.host.exists()


def test_a_server_left_over_from_a_killed_run_is_replaced(cluster, capsys):
    cluster.start()
    cluster._use.release()
    with cluster:
        assert cluster.answers()
    assert "killed run left over" in capsys.readouterr().out
    assert not cluster.answers()


def test_a_process_number_left_over_from_a_killed_server_is_no_obstacle(cluster):
    with cluster:
        pass
    # The process id now belongs to another process of the same user; PostgreSQL checks no more than that.
    with subprocess.Popen(["sleep", "60"], **cluster._as_user()) as other:
        (cluster.data / "postmaster.pid").write_text(f"{other.pid}\n{cluster.data}\n1\n5432\n{cluster.host}\n\n 1 1\n")
        with cluster:
            assert cluster.answers()
        other.kill()


def test_an_interrupted_initialisation_is_repeated(cluster):
    partial = cluster.folder / "data.partial"
    partial.mkdir()
    (partial / "PG_VERSION").write_text("18\n")
    with cluster:
        assert cluster.query("postgres", "SELECT 'É' ILIKE 'é'") == [(True,)]


def test_data_of_another_version_say_what_to_do(cluster):
    with cluster:
        pass
    (cluster.data / "PG_VERSION").write_text("17\n")
    with pytest.raises(DevError, match="doesn't start") as raised:
        cluster.start()
    assert "./dev clean" in raised.value.advice


def test_the_user_that_odoo_refuses_is_refused_at_once(no_server_named, monkeypatch):
    monkeypatch.setenv("PGHOST", "localhost")
    monkeypatch.setenv("PGUSER", "postgres")
    with pytest.raises(DevError, match="refuses") as raised:
        postgres.open_cluster("run")
    assert "createuser" in raised.value.advice
