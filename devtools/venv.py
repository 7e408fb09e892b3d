"""The virtual environment with the packages of `requirements.txt`, one per version of Python and of that file."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from . import debian, paths
from .errors import DevError
from .locks import FileLock
from .progress import Stage

OLDEST, NEWEST = (3, 10), (3, 13)
RUNTIME = paths.REPOSITORY / "requirements.txt"
TEST = paths.REPOSITORY / "requirements-test.txt"
TOOLS = paths.REPOSITORY / "requirements-tools.txt"
LONGEST_ERROR = 1500


def check_python(version=sys.version_info):
    """Refuse a Python that Odoo 19 doesn't run on.

    :param tuple version: the version to check
    :raise DevError: when it is too old or too new
    """
    if not OLDEST <= tuple(version[:2]) <= NEWEST:
        found = ".".join(map(str, version[:2]))
        raise DevError(
            f"This is Python {found}; Odoo 19 runs on Python 3.{OLDEST[1]} to 3.{NEWEST[1]}.",
            "Start this program with one of these, e.g.: python3.12 dev run",
        )


def current():
    """Name the virtual environment that fits this Python and this `requirements.txt`.

    :rtype: Path
    """
    digest = hashlib.sha256(RUNTIME.read_bytes()).hexdigest()[:12]
    return paths.home() / f"venv-{sys.version_info[0]}.{sys.version_info[1]}-{digest}"


def python():
    """:return: the Python of the virtual environment"""
    return current() / "bin" / "python"


def is_active():
    """:return: whether this process runs in the virtual environment"""
    return Path(sys.prefix).resolve() == current().resolve()


def ensure(requirements=RUNTIME):
    """Make the virtual environment, or complete it, unless that is done.

    :param Path requirements: the packages it must have
    :raise DevError: when that fails
    """
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    marker = current() / f".complete-{requirements.stem}-{digest}"
    if marker.exists():
        return
    with FileLock("venv"):
        if marker.exists():
            return
        if requirements == RUNTIME:
            paths.check_disk_space()
            _create()
        _install(requirements)
        marker.touch()


def _create():
    target = current()
    shutil.rmtree(target, ignore_errors=True)
    paths.folder()
    with Stage("Making a virtual environment"):
        if _has_ensurepip():
            venv.create(target, with_pip=True)
        else:
            venv.create(target, with_pip=False)
            _bootstrap_pip()


def _has_ensurepip():
    """Debian keeps it in a package of its own, python3-venv."""
    try:
        import ensurepip
    except ImportError:
        return False
    return bool(ensurepip.version())


def _bootstrap_pip():
    """Install pip from Debian's wheel of it, without touching the system."""
    problem = "This Python comes without pip (the module ensurepip is missing)."
    advice = f"Install it: apt-get install python3.{sys.version_info[1]}-venv"
    if not debian.available():
        raise DevError(problem, advice)
    with tempfile.TemporaryDirectory() as folder:
        archive = debian.Archive(Path(folder))
        archive.find_mirrors()
        archive.unpack(archive.fetch("Downloading pip", ["python3-pip-whl"], own_sources=False), archive.folder / "pip")
        (wheel,) = archive.folder.glob("pip/usr/share/python-wheels/pip-*.whl")
        command = [python(), "-m", "pip", "install", "--quiet", "--force-reinstall", "pip"]
        environment = {**os.environ, "PYTHONPATH": str(wheel)}
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise DevError(problem, f"{_read_error(result.stderr.splitlines())}\n{advice}")


def _install(requirements):
    """Run pip and show how far it is.

    :param Path requirements: what to install
    :raise DevError: when pip fails
    """
    command = [python(), "-m", "pip", "install", "--no-input", "--prefer-binary", "-r", requirements]
    lines = []
    with Stage(f"Installing the Python packages of {requirements.name}") as stage:
        with subprocess.Popen(
            command,
            # PostgreSQL's programs are started by another user when this one is root.
            umask=0o022,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            for line in process.stdout:
                lines.append(line)
                if line.startswith(("Collecting", "Building", "Installing")):
                    stage.update(line.split("(")[0].strip()[:60])
        if process.returncode:
            raise DevError(f"pip can't install {requirements.name}:", _read_error(lines))


def _read_error(lines):
    """:return: what pip itself says of its failure: its last trouble with the network, and all of its errors"""
    troubles = [line for line in lines if line.startswith("WARNING: Retrying")][-1:]
    starts = [number for number, line in enumerate(lines) if line.startswith("ERROR:")]
    errors = [line for line in lines[starts[0] :] if line.strip()] if starts else lines
    return "\n".join(line.rstrip() for line in [*troubles, *errors])[-LONGEST_ERROR:]
