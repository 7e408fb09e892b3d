"""Create the virtual environment of `requirements.txt`, one per version of Python and of that file."""

import hashlib
import importlib.util
import subprocess
import sys
from pathlib import Path

from . import debian, paths
from .errors import DevError, run_program
from .locks import FileLock
from .progress import Stage

OLDEST, NEWEST = (3, 10), (3, 13)
RUNTIME = paths.REPOSITORY / "requirements.txt"
TEST = paths.REPOSITORY / "requirements-test.txt"
TOOLS = paths.REPOSITORY / "requirements-tools.txt"
# The package of Debian and Ubuntu that contains ensurepip.
ENSUREPIP_PACKAGE = f"python3.{sys.version_info[1]}-venv"
LAST_LINES = 15


def check_python(version=sys.version_info):
    """Check that Odoo 19 supports this version of Python.

    :param tuple version: version to check
    :raise DevError: if it is too old or too new
    """
    if not OLDEST <= tuple(version[:2]) <= NEWEST:
        found = ".".join(map(str, version[:2]))
        raise DevError(
            f"This is Python {found}; Odoo 19 runs on Python 3.{OLDEST[1]} to 3.{NEWEST[1]}.",
            "Start this program with one of these versions, e.g.: python3.12 dev run",
        )


def current():
    """Locate the virtual environment for this Python and this `requirements.txt`.

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
    """Create the virtual environment and install packages, unless this has been done.

    :param Path requirements: file that lists the packages
    :raise DevError: if this fails
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
    if not _has_ensurepip():
        raise DevError(
            "This Python comes without pip (the module ensurepip is missing).",
            f"Install it: apt-get install {ENSUREPIP_PACKAGE}",
        )
    with Stage("Creating a virtual environment"):
        # A new process, because this one may not see the package that was just installed.
        command = [sys.executable, "-m", "venv", "--clear", current()]
        run_program(command, "The virtual environment can't be created.")


def _has_ensurepip():
    """:return: whether Python can install pip into an environment; Debian has a separate package for this"""
    return bool(importlib.util.find_spec("ensurepip")) or debian.install(ENSUREPIP_PACKAGE)


def _install(requirements):
    """Run pip and show its progress.

    :param Path requirements: file that lists the packages
    :raise DevError: if pip fails
    """
    command = [python(), "-m", "pip", "install", "--no-input", "--prefer-binary", "-r", requirements]
    lines = []
    with Stage(f"Installing the Python packages of {requirements.name}") as stage:
        with subprocess.Popen(
            command,
            # If this process is root, another user starts PostgreSQL's programs.
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
            raise DevError(f"pip can't install {requirements.name}:", "".join(lines[-LAST_LINES:]).strip())
