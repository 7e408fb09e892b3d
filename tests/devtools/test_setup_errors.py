"""What goes wrong while setting up says what to do, and leaves nothing half-done."""

import shutil
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest

from devtools import debian, odoo_source, paths, running, server, venv
from devtools.errors import DevError


@pytest.fixture
def packages(make_program, monkeypatch):
    """Debian's archive, played by a script."""
    make_program(
        "apt-get",
        """
case "$*" in
    *indextargets*) echo "http://mirror.invalid/debian main" ;;
    *download*) touch odoo-19.deb ;;
esac
""",
    )
    monkeypatch.delenv(odoo_source.PATH_VARIABLE, raising=False)
    monkeypatch.setattr(odoo_source, "DEBIAN_PACKAGES", ["odoo-19/sid"])


def test_a_python_that_is_too_old_or_too_new_is_refused():
    for version in ((3, 9), (3, 14)):
        with pytest.raises(DevError, match=r"3\.10 to 3\.13") as raised:
            venv.check_python(version)
        assert "python3.12 dev run" in raised.value.advice


def test_every_supported_python_is_accepted():
    for minor in (10, 11, 12, 13):
        venv.check_python((3, minor))


def test_a_full_disk_is_noticed_before_anything_is_fetched(home, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=3 * 1024**3))
    monkeypatch.delenv(odoo_source.PATH_VARIABLE, raising=False)
    monkeypatch.setattr(odoo_source, "_fetch", lambda: pytest.fail("it fetched"))
    with pytest.raises(DevError, match="3.0 GB free") as raised:
        odoo_source.ensure()
    assert paths.HOME_VARIABLE in raised.value.advice


def test_a_port_in_use_is_named_with_another_to_use():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        result = subprocess.run(
            [sys.executable, str(paths.REPOSITORY / "dev"), "run", "--port", str(port)],
            capture_output=True,
            text=True,
            check=False,
        )
    assert result.returncode == 1
    assert f"Port {port} is in use" in result.stdout
    assert f"--port {port + 1}" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr


def test_a_free_port_is_accepted():
    running.check_port(server.find_free_port())


def test_without_a_network_it_says_so_and_leaves_nothing(home, make_program, monkeypatch):
    monkeypatch.delenv(odoo_source.PATH_VARIABLE, raising=False)
    monkeypatch.setenv(odoo_source.GIT_VARIABLE, "http://127.0.0.1:1/odoo.git")
    make_program("apt-get", 'echo "Could not resolve host" >&2; exit 100')
    with pytest.raises(DevError, match="can't be cloned") as raised:
        odoo_source.ensure()
    assert "Check the network" in raised.value.advice
    assert "--odoo PATH" in raised.value.advice
    assert not list(home.glob("odoo*"))


def test_pip_that_fails_is_quoted():
    conflict = [
        "ERROR: Cannot install A and B\n",
        "\n",
        "The conflict is caused by: C\n",
        "ERROR: ResolutionImpossible\n",
    ]
    assert venv._read_error(["Collecting A\n", *conflict]) == "".join(conflict).replace("\n\n", "\n").strip()
    retries = [f"WARNING: Retrying (total={left}) after connection broken\n" for left in (1, 0)]
    assert venv._read_error([*retries, "ERROR: No matching distribution\n"]) == (
        "WARNING: Retrying (total=0) after connection broken\nERROR: No matching distribution"
    )


def test_a_file_that_is_not_what_the_index_describes_is_removed_and_not_hidden_by_cloning(
    home, packages, make_program, monkeypatch
):
    make_program(
        "apt-get",
        """
case "$*" in
    *indextargets*) echo "http://mirror.invalid/debian main" ;;
    *download*) touch odoo-19.deb; echo "E: Failed to fetch odoo-19.deb Hash Sum mismatch"; exit 100 ;;
esac
""",
    )
    monkeypatch.setattr(odoo_source, "_clone", lambda: pytest.fail("it cloned"))
    with pytest.raises(DevError, match="same command again"):
        odoo_source.ensure()
    assert not list(home.rglob("*.deb"))


def test_odoo_is_never_half_unpacked(home, packages, make_program, monkeypatch):
    make_program("dpkg", 'mkdir -p "$3/usr/lib/python3/dist-packages/odoo"; echo "disk full" >&2; exit 2')
    monkeypatch.setattr(odoo_source, "_clone", lambda: None)
    assert odoo_source.ensure() is None
    assert not (home / "odoo").exists()


def test_an_unpacked_package_is_found_the_next_time(home, packages, make_program):
    make_program(
        "dpkg",
        """
root="$3/usr/lib/python3/dist-packages/odoo"
mkdir -p "$root/addons/base/data" "$root/addons/mail" "$3/usr/bin"
echo "version_info = (19, 0, 0, 'final', 0, '')" > "$root/release.py"
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


def test_another_version_of_odoo_is_refused(tmp_path):
    (tmp_path / "odoo" / "addons" / "base" / "data").mkdir(parents=True)
    (tmp_path / "odoo" / "release.py").write_text("version_info = (18, 0, 0, 'final', 0, '')\n")
    (tmp_path / "odoo-bin").touch()
    with pytest.raises(DevError, match=r"Odoo 18\.0; these addons are for 19\.0"):
        odoo_source.ensure(str(tmp_path))


def test_a_clone_of_the_branch_is_used_where_there_is_no_package(home, make_program, monkeypatch, tmp_path):
    origin = tmp_path / "origin"
    (origin / "odoo" / "addons" / "base" / "data").mkdir(parents=True)
    (origin / "odoo" / "addons" / "base" / "data" / "base.xml").touch()
    (origin / "odoo" / "release.py").write_text("version_info = (19, 0, 0, 'final', 0, '')\n")
    (origin / "odoo-bin").touch()
    for arguments in (
        ["init", "--quiet", "--initial-branch=19.0"],
        ["add", "."],
        ["-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "--quiet", "--message=Odoo"],
    ):
        subprocess.run(["git", *arguments], cwd=origin, check=True)
    monkeypatch.delenv(odoo_source.PATH_VARIABLE, raising=False)
    monkeypatch.setenv(odoo_source.GIT_VARIABLE, origin.as_uri())
    make_program("apt-get", "exit 100")
    source = odoo_source.ensure()
    assert source.python_path == home / "odoo-git"
    assert len(source.identity) == 40


def test_where_python_and_debian_lack_pip_the_package_to_install_is_named(home, make_program, monkeypatch):
    monkeypatch.setattr(venv, "_has_ensurepip", lambda: False)
    monkeypatch.setattr(debian, "available", lambda: False)
    with pytest.raises(DevError, match="without pip") as raised:
        venv.ensure()
    assert f"apt-get install python3.{sys.version_info[1]}-venv" in raised.value.advice


def test_an_interrupted_virtual_environment_is_made_anew(home, monkeypatch):
    made = []
    monkeypatch.setattr(venv, "_create", lambda: made.append("venv") or venv.current().mkdir(parents=True))
    monkeypatch.setattr(venv, "_install", lambda requirements: made.append("packages") or interrupt())

    def interrupt():
        if len(made) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        venv.ensure()
    shutil.rmtree(venv.current())
    venv.ensure()
    venv.ensure()
    assert made == ["venv", "packages", "venv", "packages"]
