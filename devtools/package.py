"""`./dev package`: build each addon as a zip file for an addons path and as a wheel for pip, reproducibly.

Git packs the committed files, and OCA's `whool` builds the wheel from them.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from . import paths
from .errors import run_program
from .progress import say

FOLDER = paths.REPOSITORY / "dist"
# The earliest date that a zip file can store.
EPOCH = "315532800"
# Use the manifest's version; the default appends the number of commits since, which needs Git's history.
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
    """Pack an addon from the last commit.

    :param str addon: the addon's name
    :param Path folder: target folder
    :raise DevError: if a command fails
    """
    version = paths.read_manifest(paths.REPOSITORY / addon)["version"]
    archive = folder / f"{addon}-{version}.zip"
    # pyproject.toml is only for building the wheel.
    _run(["git", "archive", f"--output={archive}", "HEAD", addon, f":!{addon}/pyproject.toml"])
    with tempfile.TemporaryDirectory() as stage:
        source = Path(stage) / "source.zip"
        _run(["git", "archive", f"--output={source}", "HEAD", addon])
        shutil.unpack_archive(source, stage)
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
        _run([*command, "--wheel-dir", folder, Path(stage) / addon])


def _run(command):
    run_program(command, cwd=paths.REPOSITORY, env={**os.environ, **BUILD})
