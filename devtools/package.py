"""`./dev package`: each addon as a zip file for an addons path and as a wheel for pip, the same bytes each time."""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from . import paths
from .errors import DevError
from .progress import Stage, say

FOLDER = paths.REPOSITORY / "dist"
IGNORED_NAMES = shutil.ignore_patterns("__pycache__", "*.pyc", "*.orig", "*~", ".*", "build", "PKG-INFO")
# The earliest day that a zip file can name.
EPOCH = "315532800"
TIMESTAMP = (1980, 1, 1, 0, 0, 0)


def run(options):
    """Build the zip file and the wheel of every addon.

    :param argparse.Namespace options: the command line
    :return: 0
    :rtype: int
    :raise DevError: when a wheel can't be built
    """
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    for addon in paths.addons():
        with Stage(f"Packaging {addon}", quiet=True), tempfile.TemporaryDirectory() as stage:
            source = collect(addon, stage)
            built = [make_zip(source, FOLDER), make_wheel(source, FOLDER)]
        for path in built:
            say(f"{path.relative_to(paths.REPOSITORY)}  {path.stat().st_size / 1000:.0f} kB")
    return 0


def collect(addon, folder):
    """Copy what belongs to an addon, and nothing that a tool has left there.

    :param str addon: the addon
    :param folder: where its copy is made
    :return: the copy
    :rtype: Path
    """
    return Path(shutil.copytree(paths.REPOSITORY / addon, Path(folder) / addon, ignore=IGNORED_NAMES))


def make_zip(source, folder):
    """Pack an addon so that unpacking it into an addons path installs it.

    :param Path source: the addon's clean copy, from :func:`collect`
    :param Path folder: where the file is written
    :return: the file
    :rtype: Path
    """
    target = Path(folder) / f"{source.name}-{read_version(source)}.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(path for path in source.rglob("*") if path.is_file()):
            # Only Python's packaging reads it, and an addons path is not for that.
            if path.name != "pyproject.toml":
                entry = zipfile.ZipInfo(str(path.relative_to(source.parent)), TIMESTAMP)
                entry.external_attr = 0o644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
    return target


def make_wheel(source, folder):
    """Build an addon's wheel with the build backend that its `pyproject.toml` names.

    :param Path source: the addon's clean copy, from :func:`collect`
    :param Path folder: where the file is written
    :return: the file
    :rtype: Path
    :raise DevError: when pip fails
    """
    # The version is the manifest's; counting the commits since would need Git's history.
    environment = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH, "WHOOL_POST_VERSION_STRATEGY_OVERRIDE": "none"}
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    before = set(Path(folder).glob("*.whl"))
    result = subprocess.run(
        [*command, "--wheel-dir", folder, source], env=environment, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise DevError(f"The wheel of {source.name} can't be built.", result.stderr.strip()[-800:])
    (wheel,) = set(Path(folder).glob("*.whl")) - before
    return wheel


def read_version(source):
    """:return: an addon's version, from its manifest"""
    return paths.read_manifest(source)["version"]
