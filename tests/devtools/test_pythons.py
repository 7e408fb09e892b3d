"""pip finds the required packages for every supported version of Python."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from devtools import paths, venv

VERSIONS = [f"3.{minor}" for minor in range(venv.OLDEST[1], venv.NEWEST[1] + 1)]
PLATFORM = "manylinux_2_28_x86_64"


def find_python(version):
    """:return: an interpreter of the version on this machine, or None"""
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    return next(map(str, pyenv), shutil.which(f"python{version}"))


@pytest.mark.parametrize("version", VERSIONS)
def test_pip_finds_all_packages_for(version):
    command = [find_python(version) or sys.executable, "-m", "pip", "install", "--dry-run", "--quiet"]
    command += ["--prefer-binary", "--ignore-installed"]
    if not find_python(version):
        # wheels for the other version only: a source package would be compiled for this one
        command += ["--python-version", version, "--only-binary=:all:", "--target", "unused", "--platform", PLATFORM]
    for requirements in (venv.RUNTIME, venv.TEST):
        command += ["--requirement", str(requirements)]
    pip = subprocess.run(command, capture_output=True, text=True, check=False)
    assert pip.returncode == 0, pip.stdout + pip.stderr


def test_the_documents_promise_these_versions():
    promise = f"Python {VERSIONS[0]} to {VERSIONS[-1]}"
    for name in ("README.md", "requirements.txt"):
        promised = re.findall(r"Python 3\.\d+ to 3\.\d+", (paths.REPOSITORY / name).read_text())
        assert set(promised) == {promise}, name
