"""The command line."""

import subprocess
import sys

import pytest

from devtools import cli, paths
from devtools.locks import FileLock


def test_it_starts_from_any_folder_with_the_standard_library_alone(tmp_path):
    command = [sys.executable, "-I", "-S", paths.REPOSITORY / "dev", "--help"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0
    assert "serve a shop" in result.stdout


@pytest.fixture
def clone(home, tmp_path, monkeypatch):
    """A clone with the files that commands create in it, and their home folder."""
    left = ["dist/shop.zip", "shop/__pycache__/a.pyc", ".pytest_cache/x", ".hypothesis/x", "shop/.ruff_cache/x"]
    for path in [home / "odoo" / "addons", *(tmp_path / "clone" / name for name in [*left, "shop/a.py"])]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.setattr(paths, "REPOSITORY", tmp_path / "clone")
    return tmp_path / "clone"


def test_clean_leaves_nothing_behind_in_the_clone_either(home, clone):
    assert cli.main(["clean", "--yes"]) == 0
    assert not home.exists()
    assert [path.relative_to(clone).as_posix() for path in clone.rglob("*") if path.is_file()] == ["shop/a.py"]


def test_clean_asks_somebody_first(home, clone, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115
    assert cli.main(["clean"]) == 1
    assert "without a terminal" in capsys.readouterr().out
    assert home.exists()


def test_clean_refuses_while_another_command_is_running(home, clone, capsys):
    with FileLock("test"):
        assert cli.main(["clean", "--yes"]) == 1
    assert "Another ./dev" in capsys.readouterr().out
    assert home.exists()
