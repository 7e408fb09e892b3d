"""Where things are: this repository, its addons, and the one folder that holds everything fetched or made."""

import ast
import os
import shutil
from pathlib import Path

from .errors import DevError

REPOSITORY = Path(__file__).resolve().parent.parent
HOME_VARIABLE = "PORTAL_ACCOUNTS_HOME"
NEEDED_GIGABYTES = 4


def home():
    """Name the folder that holds all data of `./dev`; `./dev clean` removes it.

    :return: the folder, which need not exist yet
    :rtype: Path
    """
    return Path(os.environ.get(HOME_VARIABLE) or "~/.cache/portal-accounts").expanduser().resolve()


def folder(*names):
    """Give a folder inside :func:`home`, and create it if need be.

    :param str names: the path's parts
    :rtype: Path
    """
    path = home().joinpath(*names)
    path.mkdir(parents=True, exist_ok=True)
    return path


def addons():
    """List the addons of this repository: its top-level folders that hold a manifest.

    :return: the addons' technical names, sorted
    :rtype: list[str]
    """
    return sorted(path.parent.name for path in REPOSITORY.glob("*/__manifest__.py"))


def read_manifest(folder):
    """Read an addon's manifest.

    :param Path folder: the addon
    :rtype: dict
    """
    return ast.literal_eval((folder / "__manifest__.py").read_text())


def check_disk_space():
    """Check that there is room for what will be fetched and made.

    :raise DevError: when there is not
    """
    free = shutil.disk_usage(folder()).free / 1024**3
    if free < NEEDED_GIGABYTES:
        raise DevError(
            f"The disk of {home()} has {free:.1f} GB free; setting up takes about {NEEDED_GIGABYTES} GB.",
            f"Free some space, or name a folder on another disk in {HOME_VARIABLE}.",
        )
