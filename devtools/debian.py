"""Debian packages, fetched and unpacked with apt-get and dpkg into a folder of ours.

The system isn't touched and nobody needs to be root: apt-get works on its own lists and its own sources. Only the
mirror, the proxy and the keys come from the machine's configuration. What it downloads apt-get itself compares with the
checksums of its signed index.
"""

import os
import shutil
import subprocess
from pathlib import Path

from .errors import DevError
from .progress import Stage

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


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
        for path in ("lists/partial", "machine-lists/partial", "cache/archives/partial", "state", "packages"):
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

    def fetch(self, title, packages, own_sources=True):
        """Download packages; what an interrupted download left is resumed or replaced.

        :param str title: what is shown meanwhile
        :param list[str] packages: their names; those of our own sources each with its suite: `name/suite`
        :return: the package files
        :rtype: list[Path]
        :raise DevError: when the download fails
        """
        log = self.folder / "download.log"
        with Stage(title) as stage, log.open("w") as output:
            command = self._command("download", *packages, own_sources=own_sources)
            options = {"cwd": self.downloads, "stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
            with subprocess.Popen(command, **options) as process:
                try:
                    while process.poll() is None:
                        size = sum(path.stat().st_size for path in self.downloads.glob("*") if path.is_file())
                        stage.update(f"{size / 1e6:.0f} MB")
                        try:
                            process.wait(0.3)
                        except subprocess.TimeoutExpired:
                            continue
                finally:
                    process.kill()
        if process.returncode:
            # apt-get would resume what is not the file that its index describes
            if "Hash Sum mismatch" in log.read_text():
                shutil.rmtree(self.downloads)
            raise DevError(
                "The download from Debian's archive failed. Start the same command again: it goes on from here.",
                log.read_text()[-600:],
            )
        return sorted(self.downloads.glob("*.deb"))

    @staticmethod
    def unpack(files, target):
        """Unpack packages into a new folder.

        :param list[Path] files: the package files
        :param Path target: the folder; what is in it is removed first
        """
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        with Stage("Unpacking Debian packages", quiet=True) as stage:
            for number, path in enumerate(files, 1):
                stage.update(f"{number} of {len(files)} packages")
                result = subprocess.run(["dpkg", "-x", path, target], capture_output=True, text=True, check=False)
                if result.returncode:
                    raise DevError(f"{path.name} can't be unpacked.", result.stderr.strip())

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
