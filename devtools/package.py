"""`./dev package`: each addon as a zip file for an addons path and as a wheel for pip, the same bytes each time.

Git itself packs what is committed, and OCA's `whool` builds the wheel of it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from . import paths
from .errors import DevError
from .progress import say

FOLDER = paths.REPOSITORY / "dist"
# The earliest date that a zip file can hold.
EPOCH = "315532800"
# The version is the manifest's; counting the commits since would need Git's history.
BUILD = {"SOURCE_DATE_EPOCH": EPOCH, "WHOOL_POST_VERSION_STRATEGY_OVERRIDE": "none"}


def run(options):
    """Build the zip file and the wheel of every addon; see :func:`devtools.running.run`."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    for addon in paths.addons():
        build(addon, FOLDER)
    for path in sorted(FOLDER.iterdir()):
        say(f"{path.relative_to(paths.REPOSITORY)}  {path.stat().st_size / 1000:.0f} kB")
    return 0


def build(addon, folder):
    """Pack an addon as it is committed.

    :param str addon: the addon
    :param Path folder: where the files are written
    :raise DevError: when that fails
    """
    version = paths.read_manifest(paths.REPOSITORY / addon)["version"]
    archive = folder / f"{addon}-{version}.zip"
    # Only Python's packaging reads pyproject.toml, and an addons path is not for that.
    _run(["git", "archive", f"--output={archive}", "HEAD", addon, f":!{addon}/pyproject.toml"])
    with tempfile.TemporaryDirectory() as stage:
        source = Path(stage) / "source.zip"
        _run(["git", "archive", f"--output={source}", "HEAD", addon])
        shutil.unpack_archive(source, stage)
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
        _run([*command, "--wheel-dir", folder, Path(stage) / addon])


def _run(command):
    environment = {**os.environ, **BUILD}
    result = subprocess.run(command, cwd=paths.REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise DevError(f"{command[0]} failed.", result.stderr.strip()[-800:])
