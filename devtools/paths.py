"""Where things are: this repository, its addons, and the one folder that holds everything fetched or made."""

import ast
import os
import shutil
import threading
from pathlib import Path

from .errors import DevError

REPOSITORY = Path(__file__).resolve().parent.parent
HOME_VARIABLE = "PORTAL_ACCOUNTS_HOME"
NEEDED_BYTES = 4 * 1024**3
_PARSING = threading.Lock()


def home():
    """Name the folder that holds all data of `./dev`; `./dev clean` removes it.

    :return: the folder, which need not exist yet
    :rtype: Path
    """
    if chosen := os.environ.get(HOME_VARIABLE):
        return Path(chosen).expanduser().resolve()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser().resolve() / "portal-accounts"


def folder(*names):
    """Give a folder inside :func:`home`, made when it isn't there.

    :param str names: the path's parts
    :rtype: Path
    :raise DevError: when the folder can't be made
    """
    path = home().joinpath(*names)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DevError(
            f"The folder {path} can't be made: {error.strerror}.",
            f"Name another one in the environment variable {HOME_VARIABLE}.",
        ) from error
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
    return ast.literal_eval(parse(folder / "__manifest__.py"))


def parse(path):
    """Parse a Python file, one at a time: Python 3.11 counts the depth of its parser for all threads together.

    :param Path path: the file
    :rtype: ast.Module | ast.Expression
    :raise SyntaxError: when it is no Python
    """
    with _PARSING:
        return ast.parse(path.read_text(), mode="eval" if path.name == "__manifest__.py" else "exec")


def check_disk_space(needed=NEEDED_BYTES):
    """Refuse to start what the disk has no room for.

    :param int needed: bytes that must be free
    :raise DevError: when less than that is free
    """
    free = shutil.disk_usage(folder()).free
    if free < needed:
        raise DevError(
            f"The disk of {home()} has {free / 1024**3:.1f} GB free; setting up takes about {needed / 1024**3:.0f} GB.",
            f"Free some space, or name a folder on another disk in {HOME_VARIABLE}.",
        )
