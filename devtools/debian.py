"""Debian packages, fetched and unpacked with apt-get and dpkg into a folder of ours.

The system isn't touched and nobody needs to be root: apt-get works on its own lists and its own
sources. Only the mirror, the proxy and the keys come from the machine's configuration.
"""

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .errors import DevError
from .progress import Stage

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
URI_LINE = re.compile(r"^'(?P<uri>[^']+)' (?P<name>\S+) (?P<size>\d+) SHA256:(?P<sha256>[0-9a-f]{64})$", re.M)


@dataclass(frozen=True)
class Package:
    """A package file, as the archive's index describes it."""

    name: str
    size: int
    sha256: str


def available():
    """:return: whether this machine has Debian's tools"""
    return bool(shutil.which("apt-get") and shutil.which("dpkg"))


def is_root():
    """:return: whether this process may install packages"""
    return os.geteuid() == 0


def install(package):
    """Install a package on the system, for root only.

    :param str package: the package's name
    :return: whether it is installed now
    :rtype: bool
    """
    if not (available() and is_root()):
        return False
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with Stage(f"Installing Debian's package {package}") as stage:
        for arguments in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", package]):
            stage.update(f"apt-get {arguments[0]}")
            # Another program may be installing something; it ends.
            command = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3", *arguments]
            subprocess.run(command, env=environment, capture_output=True, check=False)
    query = subprocess.run(["dpkg", "-s", package], capture_output=True, text=True, check=False)
    return "Status: install ok installed" in query.stdout


class Archive:
    """Debian's archive, seen through lists of our own.

    :param Path folder: where the lists and the packages are kept
    """

    def __init__(self, folder):
        self.folder = folder
        self.downloads = folder / "packages"
        self.sources = folder / "sources.list"
        for path in ("lists/partial", "cache/archives/partial", "state", "packages"):
            (folder / path).mkdir(parents=True, exist_ok=True)

    def find_mirrors(self):
        """Ask apt which archives this machine uses.

        :return: base addresses that hold a component `main`
        :rtype: list[str]
        """
        self._apt_get("update", "-q")
        targets = self._apt_get("indextargets", "--format", "$(REPO_URI) $(COMPONENT)", "Created-By: Packages")
        mirrors = [line.split()[0] for line in targets.stdout.splitlines() if line.endswith(" main")]
        return [uri for uri in dict.fromkeys(mirrors) if "security" not in uri]

    def open_suites(self, suites):
        """Read the indexes of some suites from the first mirror that has them all.

        :param list[str] suites: the suites' names
        :raise DevError: when no mirror has them
        """
        errors = []
        for mirror in self.find_mirrors():
            signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
            self.sources.write_text("".join(f"deb {signed}{mirror} {suite} main\n" for suite in suites))
            update = self._apt_get("update", "-q", own_sources=True)
            if not update.returncode and "\nW: " not in f"\n{update.stderr}":
                return
            errors.append(update.stderr.strip())
        raise DevError(
            f"No Debian mirror of this machine gives the suites {', '.join(suites)}.",
            "\n".join(errors)[-600:] or "apt-get reached none of its mirrors: check the network.",
        )

    def describe(self, packages):
        """Look packages up in the index.

        :param list[str] packages: names, each with its suite: `name/suite`
        :rtype: list[Package]
        :raise DevError: when one isn't there
        """
        result = self._apt_get("--print-uris", "download", *packages, own_sources=True)
        found = [
            Package(match["name"], int(match["size"]), match["sha256"]) for match in URI_LINE.finditer(result.stdout)
        ]
        if result.returncode or len(found) < len(packages):
            raise DevError(f"Debian's archive doesn't give {', '.join(packages)}.", result.stderr.strip())
        return found

    def fetch(self, packages):
        """Download packages; what an interrupted download left is resumed or replaced.

        :param list[str] packages: names, each with its suite: `name/suite`
        :return: the package files, verified
        :rtype: list[Path]
        :raise DevError: when the download fails or a file isn't what the index says
        """
        wanted = self.describe(packages)
        command = self._command("download", *packages, own_sources=True)
        total = sum(package.size for package in wanted)
        with Stage("Downloading Odoo 19 from Debian's archive") as stage:
            log = self.folder / "download.log"
            with log.open("w") as output:
                process = subprocess.Popen(
                    command, cwd=self.downloads, stdin=subprocess.DEVNULL, stdout=output, stderr=output
                )
                try:
                    while process.poll() is None:
                        stage.bar(self._count_bytes(wanted), total)
                        try:
                            process.wait(0.3)
                        except subprocess.TimeoutExpired:
                            continue
                finally:
                    process.kill()
                    process.wait()
        if process.returncode:
            raise DevError(
                "The download from Debian's archive failed. What is here is kept: start the same command again.",
                log.read_text()[-600:],
            )
        return [self.verify(package) for package in wanted]

    def verify(self, package):
        """Compare a downloaded file with the archive's index.

        :param Package package: what the index says
        :return: the file
        :rtype: Path
        :raise DevError: when it differs; the file is removed then
        """
        path = self.downloads / package.name
        digest = hashlib.sha256()
        with path.open("rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
        if digest.hexdigest() != package.sha256:
            path.unlink()
            raise DevError(
                f"Checksum mismatch: {package.name} isn't the file that Debian's index describes.",
                "It was removed. Start the same command again; if it happens again, the mirror or a proxy "
                "on the way changes the file: use another mirror, or give Odoo's source with --odoo PATH.",
            )
        return path

    def unpack(self, files, target):
        """Unpack packages into a new folder.

        :param list[Path] files: the package files
        :param Path target: the folder; what is in it is removed first
        """
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        with Stage("Unpacking Debian packages") as stage:
            for number, path in enumerate(files, 1):
                stage.update(f"{number} of {len(files)} packages")
                try:
                    subprocess.run(["dpkg", "-x", path, target], check=True, capture_output=True, text=True)
                except subprocess.CalledProcessError as error:
                    raise DevError(f"{path.name} can't be unpacked.", error.stderr.strip()) from error

    def find_pip_wheel(self):
        """Fetch pip as Debian packs it for virtual environments.

        :return: the wheel, which can run without being installed
        :rtype: Path
        :raise DevError: when the package isn't there
        """
        self._apt_get("update", "-q")
        self._apt_get("download", "python3-pip-whl")
        target = self.folder / "pip"
        self.unpack(sorted(self.downloads.glob("python3-pip-whl_*.deb")), target)
        wheels = sorted(target.glob("usr/share/python-wheels/pip-*.whl"))
        if not wheels:
            raise DevError("Debian's archive doesn't give python3-pip-whl.")
        return wheels[-1]

    def _count_bytes(self, packages):
        paths = [self.downloads / package.name for package in packages]
        return sum(path.stat().st_size for path in paths if path.exists())

    def _command(self, *arguments, own_sources=False):
        options = {
            "Dir::State": self.folder / "state",
            "Dir::State::status": "/var/lib/dpkg/status",
            "Dir::State::Lists": self.folder / ("lists" if own_sources else "machine-lists"),
            "Dir::Cache": self.folder / "cache",
            "APT::Sandbox::User": "root" if is_root() else "",
            "Acquire::Languages": "none",
            "Acquire::Retries": "2",
        }
        if own_sources:
            options.update({"Dir::Etc::SourceList": self.sources, "Dir::Etc::SourceParts": "/dev/null"})
        else:
            (self.folder / "machine-lists" / "partial").mkdir(parents=True, exist_ok=True)
        flags = [part for name, value in options.items() if value for part in ("-o", f"{name}={value}")]
        return ["apt-get", *flags, *arguments]

    def _apt_get(self, *arguments, own_sources=False):
        with Stage(f"Reading Debian's index ({arguments[0]})", quiet=True):
            return subprocess.run(
                self._command(*arguments, own_sources=own_sources),
                cwd=self.downloads,
                env={**os.environ, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
