"""Find or fetch Odoo 19."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import debian, paths
from .errors import DevError, run_program
from .locks import FileLock
from .progress import Stage, say

PATH_VARIABLE = "ODOO_PATH"
GIT_URL = "https://github.com/odoo/odoo.git"
BRANCH = "19.0"

# The package links its fonts and some scripts to files of other packages. With version 7 of
# fonts-font-awesome, which sid has, the icons' links are broken; Debian 12's version works.
DEBIAN_PACKAGES = [
    "odoo-19/sid",
    "fonts-montserrat/sid",
    "libjs-jquery/bookworm",
    "libjs-underscore/bookworm",
    "libjs-jquery-form/bookworm",
    "fonts-font-awesome/bookworm",
    "fonts-roboto-unhinted/bookworm",
    "fonts-inconsolata/bookworm",
    "fonts-ocr-b/bookworm",
]
# Debian removes this file because of its licence; without it the backend's assets log an error.
LEFT_OUT_BY_DEBIAN = "mail/static/lib/selfie_segmentation/selfie_segmentation.js"

ADVICE = (
    f"Specify an Odoo {BRANCH} checkout with --odoo PATH or the environment variable {PATH_VARIABLE}. "
    f"To create one: git clone --depth 1 --branch {BRANCH} {GIT_URL}"
)


@dataclass(frozen=True)
class OdooSource:
    """An installation of Odoo.

    :param Path program: the executable
    :param Path python_path: folder that contains the package `odoo`
    :param tuple[Path, ...] addons_paths: folders of its addons
    :param str version: version of Odoo, e.g. `19.0`
    :param str identity: value that changes with the source
    """

    program: Path
    python_path: Path
    addons_paths: tuple
    version: str
    identity: str

    def environment(self):
        """:return: the environment variables with which Python finds this Odoo"""
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.python_path),
            "PYTHONUNBUFFERED": "1",
            # Odoo's folder may be read-only or shared.
            "PYTHONPYCACHEPREFIX": str(paths.folder("bytecode")),
        }
        # Without byte code, each start of Odoo compiles all its modules, which doubles its time.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return environment


def _recognise(path):
    """:return: the Odoo in a folder (a checkout, an unpacked package, or the folder of the package `odoo`), or None"""
    path = Path(path).expanduser().resolve()
    for root in (path, path / "usr/lib/python3/dist-packages", path.parent):
        programs = [root / "odoo-bin", root / "setup" / "odoo", root / "../../../bin/odoo"]
        program = next((path for path in programs if path.is_file()), None)
        if program and (root / "odoo" / "release.py").is_file():
            # Debian's package has a second folder of addons that contains only Python files.
            needed = {root / "addons": "web/static", root / "odoo" / "addons": "base/data"}
            addons = tuple(folder for folder, part in needed.items() if (folder / part).is_dir())
            return OdooSource(program, root, addons, _read_version(root), _read_identity(root))
    return None


def ensure(option=None):
    """Find the specified Odoo, or one that an earlier run fetched; otherwise fetch it.

    :param str option: value of the option `--odoo`
    :rtype: OdooSource
    :raise DevError: if Odoo can't be found or fetched
    """
    if chosen := option or os.environ.get(PATH_VARIABLE):
        return _check(chosen)
    with FileLock("odoo-source"):
        for folder in (_package_folder(), _clone_folder()):
            if folder.is_dir() and (source := _recognise(folder)):
                return source
        paths.check_disk_space()
        return _fetch()


def _fetch():
    if debian.available():
        try:
            return _fetch_package()
        except DevError as error:
            say(f"Debian's package of Odoo can't be used: {error}")
    return _clone()


def _fetch_package():
    archive = debian.Archive(paths.folder("debian"))
    archive.open_suites(["sid", "bookworm"])
    files = archive.fetch("Downloading Odoo 19 from Debian's archive", DEBIAN_PACKAGES)
    partial = _package_folder().with_suffix(".partial")
    archive.unpack(files, partial)
    (folder,) = _recognise(partial).addons_paths
    path = folder / LEFT_OUT_BY_DEBIAN
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    partial.rename(_package_folder())
    shutil.rmtree(archive.folder)
    return _recognise(_package_folder())


def _clone():
    if not shutil.which("git"):
        raise DevError("Odoo can't be fetched: this machine has neither Debian's tools nor git.", ADVICE)
    partial = _clone_folder().with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = ["git", "clone", "--depth", "1", "--branch", BRANCH, GIT_URL, str(partial)]
    advice = f"Check the network and start the same command again. {ADVICE}"
    with Stage(f"Cloning Odoo {BRANCH}"):
        run_program(command, f"Odoo can't be cloned from {GIT_URL}:", advice)
    partial.rename(_clone_folder())
    return _check(_clone_folder())


def _check(path):
    """:return: the Odoo in a folder, which must have the right version"""
    source = _recognise(path)
    if not source:
        raise DevError(f"There is no Odoo in {path}.", ADVICE)
    if source.version != BRANCH:
        raise DevError(f"{path} holds Odoo {source.version}; these addons are for {BRANCH}.", ADVICE)
    return source


def _package_folder():
    return paths.home() / "odoo"


def _clone_folder():
    return paths.home() / "odoo-git"


def _read_version(root):
    match = re.search(r"version_info = \(([^,]+), ([^,]+)", (root / "odoo" / "release.py").read_text())
    return f"{match[1]}.{match[2]}" if match else "unknown"


def _read_identity(root):
    """:return: the commit of the source, or the time stamp of its release file"""
    if (root / ".git").exists() and shutil.which("git"):
        head = subprocess.run(["git", "-C", root, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
        if not head.returncode:
            return head.stdout.strip()
    return f"{root}:{(root / 'odoo' / 'release.py').stat().st_mtime_ns}"
