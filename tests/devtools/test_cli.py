"""The command line."""

import subprocess
import sys

import pytest

from devtools import cli, paths, testing
from devtools.errors import DevError
from devtools.locks import FileLock

DEV = paths.REPOSITORY / "dev"


def dev(*arguments, cwd=None, flags=()):
    return subprocess.run(
        [sys.executable, *flags, str(DEV), *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


def test_it_starts_from_any_folder_with_the_standard_library_alone(tmp_path):
    result = dev("--help", cwd=tmp_path, flags=["-I", "-S"])
    assert result.returncode == 0
    commands = "run test odoo-tests compat shell lint i18n bench clean screenshots readme package"
    for command in commands.split():
        assert f"\n    {command}" in result.stdout


def test_it_is_a_program():
    assert subprocess.run([DEV, "--help"], capture_output=True, check=False).returncode == 0


def test_what_follows_two_dashes_goes_to_odoo():
    options = cli.parse(["run", "--port", "8070", "--", "--log-level=debug", "--dev=xml"])
    assert options.port == 8070
    assert options.odoo_arguments == ["--log-level=debug", "--dev=xml"]


def test_the_options_of_run_are_read():
    options = cli.parse(["run", "--workers", "2", "--db", "trial", "--odoo", "/odoo", "--no-demo"])
    assert (options.workers, options.db, options.odoo, options.no_demo) == (2, "trial", "/odoo", True)


@pytest.fixture
def clone(home, tmp_path, monkeypatch):
    """A clone with what commands leave in it, and their home folder."""
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
    assert "Nobody is there" in capsys.readouterr().out
    assert home.exists()


def test_clean_refuses_while_another_command_is_running(home, clone, capsys):
    with FileLock("test"):
        assert cli.main(["clean", "--yes"]) == 1
    assert "Another ./dev" in capsys.readouterr().out
    assert home.exists()


def test_an_unknown_addon_is_refused_with_those_there_are():
    with pytest.raises(DevError, match="no addon 'shop'") as raised:
        testing.choose_addons(["shop"])
    assert "sale_auto_portal_user" in raised.value.advice


def test_the_addons_are_found():
    assert paths.addons() == ["portal_agent_account", "sale_auto_portal_user"]


def test_the_home_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv(paths.HOME_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert paths.home() == tmp_path / "portal-accounts"
