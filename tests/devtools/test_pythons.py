"""pip finds the required packages for every supported version of Python."""

import hashlib
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from devtools import paths, successes, venv

VERSIONS = [f"3.{minor}" for minor in range(venv.OLDEST[1], venv.NEWEST[1] + 1)]
PLATFORM = "manylinux_2_28_x86_64"
REQUIREMENTS = (venv.RUNTIME, venv.TEST)
# What else decides which packages pip chooses.
DESCRIBE_PIP = "import sys, pip; print(sys.version, pip.__version__)"


def find_python(version):
    """:return: an interpreter of the version on this machine, or None"""
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    return next(map(str, pyenv), shutil.which(f"python{version}"))


def resolve(python, options=(), requirements=REQUIREMENTS):
    """Let pip find the required packages, unless it has found the same ones this week. This takes ten seconds.

    :return: pip's error messages
    """
    described = subprocess.run([python, "-c", DESCRIBE_PIP], capture_output=True, text=True, check=True).stdout
    # The package index changes, too.
    parts = [time.strftime("%G-%V"), described, *options, *(path.read_text() for path in requirements)]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    subject = "-".join([described.split()[0], *options[1:2]])
    if successes.is_known("pip", subject, digest):
        return ""
    command = [python, "-m", "pip", "install", "--dry-run", "--quiet", "--prefer-binary", "--ignore-installed"]
    command += [*options, *(f"--requirement={path}" for path in requirements)]
    pip = subprocess.run(command, capture_output=True, text=True, check=False)
    if pip.returncode:
        return pip.stdout + pip.stderr
    successes.remember("pip", subject, digest)
    return ""


@pytest.mark.parametrize("version", VERSIONS)
def test_pip_finds_all_packages_for(version):
    python, options = find_python(version), ()
    if not python:
        # wheels for the other version only: a source package would be compiled for this one
        python = sys.executable
        options = ("--python-version", version, "--only-binary=:all:", "--target=unused", "--platform", PLATFORM)
    assert not resolve(python, options)


def test_a_package_that_does_not_exist_is_found_in_a_list_that_was_in_order_before(home, tmp_path):
    required = tmp_path / "requirements.txt"
    required.write_text("")
    assert not resolve(sys.executable, ["--no-index"], [required])
    required.write_text("passlib==0.0.1\n")
    for _time in range(2):  # errors are reported each time
        assert "passlib==0.0.1" in resolve(sys.executable, ["--no-index"], [required])


def test_the_documents_promise_these_versions():
    promise = f"Python {VERSIONS[0]} to {VERSIONS[-1]}"
    for name in ("README.md", "requirements.txt"):
        promised = re.findall(r"Python 3\.\d+ to 3\.\d+", (paths.REPOSITORY / name).read_text())
        assert set(promised) == {promise}, name
