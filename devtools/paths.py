"""Locate this repository, its addons, and the home folder with everything fetched or created."""

import ast
import os
import shutil
import subprocess
from pathlib import Path

from .errors import DevError

REPOSITORY = Path(__file__).resolve().parent.parent
HOME_VARIABLE = "PORTAL_ACCOUNTS_HOME"
NEEDED_GIGABYTES = 4


def home():
    """Locate the folder of all data of `./dev`, which `./dev clean` removes.

    :return: the folder, which may not exist yet
    :rtype: Path
    """
    return Path(os.environ.get(HOME_VARIABLE) or "~/.cache/portal-accounts").expanduser().resolve()


def folder(*names):
    """Create a folder inside :func:`home` unless it exists.

    :param str names: parts of the path
    :rtype: Path
    """
    path = home().joinpath(*names)
    path.mkdir(parents=True, exist_ok=True)
    return path


def addons():
    """List the addons of this repository: the top-level folders with a manifest.

    :return: the addons' technical names, sorted
    :rtype: list[str]
    """
    return sorted(path.parent.name for path in REPOSITORY.glob("*/__manifest__.py"))


def read_manifest(folder):
    """Read an addon's manifest.

    :param Path folder: folder of the addon
    :rtype: dict
    """
    return ast.literal_eval((folder / "__manifest__.py").read_text())


def check_disk_space():
    """Check that the disk has enough free space for the setup.

    :raise DevError: if it has not
    """
    free = shutil.disk_usage(folder()).free / 1024**3
    if free < NEEDED_GIGABYTES:
        raise DevError(
            f"The disk of {home()} has {free:.1f} GB free; setting up takes about {NEEDED_GIGABYTES} GB.",
            f"Free some space, or set {HOME_VARIABLE} to a folder on another disk.",
        )


def spread_subfolders(folder):
    """Let ext4 place the subfolders of a folder in different parts of the disk; do nothing on other file systems.

    For some minutes after files were deleted, ext4 checks each of their inodes whenever it creates a file in the same
    part. A database has 3,000 files: after another one was dropped, copying it took 2 s instead of 0.1 s.

    :param Path folder: the folder, which may not exist
    """
    if program := shutil.which("chattr"):
        subprocess.run([program, "+T", folder], stdin=subprocess.DEVNULL, capture_output=True, check=False)
