"""Errors during the setup tell the user what to do, and leave nothing half-done."""

import shutil
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest

from devtools import debian, odoo_source, paths, venv
from devtools.errors import DevError

# A script that simulates Debian's archive.
APT_GET = """
case "$*" in
    *indextargets*) echo "http://mirror.invalid/debian main" ;;
    *" download "*) touch odoo-19.deb; {download} ;;
esac
"""
RELEASE = "version_info = (19, 0, 0, FINAL, 0, '')\n"


@pytest.fixture(autouse=True)
def no_odoo_named(home, monkeypatch):
    """A machine without Odoo and without a network to fetch it."""
    monkeypatch.delenv(odoo_source.PATH_VARIABLE, raising=False)
    monkeypatch.setattr(odoo_source, "GIT_URL", "http://127.0.0.1:1/odoo.git")


@pytest.fixture
def checkout(tmp_path):
    """A folder that has just enough files to be recognized as Odoo."""
    root = tmp_path / "checkout"
    (root / "odoo" / "addons" / "base" / "data").mkdir(parents=True)
    (root / "odoo" / "addons" / "base" / "data" / "base.xml").touch()
    (root / "odoo" / "release.py").write_text(RELEASE)
    (root / "odoo-bin").touch()
    return root


@pytest.mark.parametrize("version", [(3, 9), (3, 14)])
def test_a_python_that_is_too_old_or_too_new_is_refused(version):
    with pytest.raises(DevError, match=r"3\.10 to 3\.13") as raised:
        venv.check_python(version)
    assert "python3.12 dev run" in raised.value.advice


def test_a_full_disk_is_noticed_before_anything_is_fetched(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=3 * 1024**3))
    with pytest.raises(DevError, match="3.0 GB free") as raised:
        odoo_source.ensure()
    assert paths.HOME_VARIABLE in raised.value.advice


def test_a_port_in_use_is_named_with_another_to_use(home, monkeypatch):
    monkeypatch.undo()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        command = [sys.executable, paths.REPOSITORY / "dev", "run", "--port", str(port)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert f"Port {port} is in use" in result.stdout
    assert f"--port {port + 1}" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr


def test_without_a_network_it_says_so_and_leaves_nothing(home, make_program):
    make_program("apt-get", 'echo "Could not resolve host" >&2; exit 100')
    with pytest.raises(DevError, match="can't be cloned") as raised:
        odoo_source.ensure()
    assert "Check the network" in raised.value.advice
    assert "--odoo PATH" in raised.value.advice
    assert not list(home.glob("odoo*"))


def test_pip_that_fails_is_quoted(tmp_path, monkeypatch):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("shop @ file:///nowhere/shop-1-py3-none-any.whl\n")
    monkeypatch.setattr(venv, "python", lambda: sys.executable)
    venv.current().mkdir(parents=True)
    with pytest.raises(DevError, match=r"pip can't install requirements\.txt") as raised:
        venv.ensure(requirements)
    assert "nowhere/shop-1-py3-none-any.whl" in raised.value.advice


def test_a_download_that_is_refused_is_removed_and_its_reason_shown(home, make_program, capsys):
    make_program("apt-get", APT_GET.format(download="echo E: Hash Sum mismatch; exit 100"))
    with pytest.raises(DevError):
        odoo_source.ensure()
    assert "Hash Sum mismatch" in capsys.readouterr().out
    assert not list(home.rglob("*.deb"))


def test_odoo_is_never_half_unpacked(home, make_program, capsys):
    make_program("apt-get", APT_GET.format(download="true"))
    make_program("dpkg", 'mkdir -p "$3/usr/lib/python3/dist-packages/odoo"; echo "disk full" >&2; exit 2')
    with pytest.raises(DevError):
        odoo_source.ensure()
    assert "disk full" in capsys.readouterr().out
    assert not (home / "odoo").exists()


def test_an_unpacked_package_is_found_the_next_time(make_program):
    make_program("apt-get", APT_GET.format(download="true"))
    make_program(
        "dpkg",
        f"""
root="$3/usr/lib/python3/dist-packages/odoo"
mkdir -p "$root/addons/base/data" "$root/addons/mail" "$3/usr/bin"
echo "{RELEASE}" > "$root/release.py"
touch "$3/usr/bin/odoo"
""",
    )
    fetched = odoo_source.ensure()
    assert fetched.version == "19.0"
    assert (fetched.addons_paths[0] / odoo_source.LEFT_OUT_BY_DEBIAN).exists()
    make_program("apt-get", "exit 1")
    assert odoo_source.ensure() == fetched


def test_a_folder_without_odoo_is_refused(tmp_path):
    with pytest.raises(DevError, match="There is no Odoo") as raised:
        odoo_source.ensure(str(tmp_path))
    assert "git clone" in raised.value.advice


def test_another_version_of_odoo_is_refused(checkout):
    (checkout / "odoo" / "release.py").write_text(RELEASE.replace("19", "18"))
    with pytest.raises(DevError, match=r"Odoo 18\.0; these addons are for 19\.0"):
        odoo_source.ensure(str(checkout))


def test_a_clone_of_the_branch_is_used_where_there_is_no_package(home, checkout, make_program, monkeypatch):
    for arguments in (
        ["init", "--quiet", "--initial-branch=19.0"],
        ["add", "."],
        ["-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "--quiet", "--message=Odoo"],
    ):
        subprocess.run(["git", *arguments], cwd=checkout, check=True)
    monkeypatch.setattr(odoo_source, "GIT_URL", checkout.as_uri())
    make_program("apt-get", "exit 100")
    source = odoo_source.ensure()
    assert source.python_path == home / "odoo-git"
    assert len(source.identity) == 40


def test_where_python_lacks_pip_the_package_to_install_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    monkeypatch.setattr(debian, "available", lambda: False)
    with pytest.raises(DevError, match="without pip") as raised:
        venv.ensure()
    assert f"apt-get install python3.{sys.version_info[1]}-venv" in raised.value.advice


def test_an_interrupted_virtual_environment_is_created_anew(monkeypatch):
    made = []

    def create():
        made.append("venv")
        venv.current().mkdir(parents=True, exist_ok=True)

    def install(requirements):
        made.append("packages")
        if len(made) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(venv, "_create", create)
    monkeypatch.setattr(venv, "_install", install)
    with pytest.raises(KeyboardInterrupt):
        venv.ensure()
    venv.ensure()
    venv.ensure()
    assert made == ["venv", "packages", "venv", "packages"]
