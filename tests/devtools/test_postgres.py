"""Our own PostgreSQL starts, is shared, stops, and copes with what a killed run left over."""

import signal
import subprocess
from pathlib import Path

import pytest

from devtools import postgres
from devtools.errors import DevError


@pytest.fixture
def cluster(home, no_server_named):
    """A cluster that was never started."""
    made = postgres.EmbeddedCluster("trial", durable=False)
    yield made
    postgres.stop_processes(made._find_processes())


def abandon(cluster):
    """Forget a running cluster the way a killed process does: its locks go, the server stays."""
    cluster._users.release()


def answers(cluster):
    return cluster.query("postgres", "SELECT 1") == [(1,)]


def test_it_starts_and_leaves_no_process(cluster):
    with cluster:
        assert answers(cluster)
        assert cluster._find_processes()
    assert not cluster._find_processes()


def test_the_last_of_two_users_stops_it(cluster):
    other = postgres.EmbeddedCluster("trial", durable=False)
    cluster.start()
    other.start()
    cluster.stop()
    assert answers(other)
    other.stop()
    assert not cluster._find_processes()


def test_a_server_left_over_from_a_killed_run_is_replaced(cluster, capsys):
    cluster.start()
    leftover = cluster._find_processes()[0].pid
    abandon(cluster)
    with cluster:
        assert answers(cluster)
        assert leftover not in [process.pid for process in cluster._find_processes()]
    assert f"killed run left over (process {leftover})" in capsys.readouterr().out


def test_a_process_number_left_over_from_a_killed_server_is_no_obstacle(cluster):
    cluster.start()
    cluster._find_processes()[0].send_signal(signal.SIGKILL)
    abandon(cluster)
    with cluster:
        assert answers(cluster)
    # That number belongs to another process of the same user by now, which is all that PostgreSQL looks at.
    with subprocess.Popen(["sleep", "60"], **cluster._as_user()) as other:
        left_over = f"{other.pid}\n{cluster.data}\n1\n5432\n{cluster.host}\n\n 1 1\nready\n"
        for lock_file in (cluster.data / "postmaster.pid", Path(cluster.host) / ".s.PGSQL.5432.lock"):
            lock_file.write_text(left_over)
            with cluster:
                assert answers(cluster)
        other.kill()


def test_an_interrupted_initialisation_is_done_again(cluster):
    partial = cluster.folder / "data.partial"
    partial.mkdir()
    (partial / "PG_VERSION").write_text("18\n")
    with cluster:
        assert answers(cluster)
    assert not partial.exists()


def test_data_of_another_version_say_what_to_do(cluster):
    with cluster:
        pass
    (cluster.data / "PG_VERSION").write_text("17\n")
    with pytest.raises(DevError, match="doesn't start") as raised:
        cluster.start()
    assert "./dev clean" in raised.value.advice


def test_letters_beyond_ascii_have_an_upper_case(cluster):
    with cluster:
        assert cluster.query("postgres", "SELECT 'É' ILIKE 'é'") == [(True,)]


def test_a_server_named_in_the_environment_is_used(no_server_named, monkeypatch):
    monkeypatch.setenv("PGHOST", "db.example.com")
    monkeypatch.setenv("PGPORT", "5433")
    monkeypatch.setenv("PGUSER", "shop")
    cluster = postgres.open_cluster("run")
    assert cluster.odoo_arguments() == ["--db_host=db.example.com", "--db_port=5433", "--db_user=shop"]


def test_the_user_that_odoo_refuses_is_refused_at_once(no_server_named, monkeypatch):
    monkeypatch.setenv("PGHOST", "localhost")
    monkeypatch.setenv("PGUSER", "postgres")
    with pytest.raises(DevError, match="refuses") as raised:
        postgres.open_cluster("run")
    assert "createuser" in raised.value.advice


def test_a_server_that_does_not_answer_says_so(no_server_named, monkeypatch):
    monkeypatch.setenv("PGHOST", "127.0.0.1")
    monkeypatch.setenv("PGPORT", "1")
    with pytest.raises(DevError, match="can't be reached"):
        postgres.open_cluster("run").start()


def test_a_password_is_on_no_command_line(no_server_named):
    cluster = postgres.Cluster("localhost", 5432, "shop", "secret")
    assert "secret" not in " ".join(cluster.odoo_arguments())
    assert cluster.environment() == {"PGPASSWORD": "secret"}
