"""Fetch and unpack Debian packages into the home folder, with apt-get and dpkg.

This doesn't change the system and needs no root: apt-get uses separate lists and sources. Only the mirror, the proxy
and the keys come from the machine's configuration. apt-get checks its downloads against the checksums of the signed
index.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

from .errors import DevError, run_program
from .progress import Stage

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
LONGEST_ERROR = 600


def available():
    """:return: whether this machine has Debian's tools"""
    return bool(shutil.which("apt-get") and shutil.which("dpkg"))


def install(package):
    """Install a package on the system if this process is root.

    :param str package: the package's name
    :return: whether it is installed now
    :rtype: bool
    """
    if os.geteuid() or not available():
        return False
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # Wait if another program is installing packages.
    apt_get = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"]
    with Stage(f"Installing Debian's package {package}"):
        for arguments in (["update"], ["install", "--no-install-recommends", package]):
            result = subprocess.run([*apt_get, *arguments], env=environment, capture_output=True, check=False)
    return not result.returncode


class Archive:
    """Gives access to Debian's archive through lists outside the system's.

    :param Path folder: folder of the lists and packages
    """

    def __init__(self, folder):
        self.folder = folder
        self.downloads = folder / "packages"
        self.sources = folder / "sources.list"
        for path in ("lists/partial", "machine-lists/partial", "cache/archives/partial", "state"):
            (folder / path).mkdir(parents=True, exist_ok=True)

    def open_suites(self, suites):
        """Read the indexes of suites from the first mirror that has all of them.

        :param list[str] suites: names of the suites
        :raise DevError: if no mirror has them
        """
        errors = []
        for mirror in self._find_mirrors():
            signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
            self.sources.write_text("".join(f"deb {signed}{mirror} {suite} main\n" for suite in suites))
            update = self._apt_get("update", "-q", **self._own_sources())
            if not update.returncode and "\nW: " not in f"\n{update.stderr}":
                return
            errors.append(update.stderr.strip())
        raise DevError(
            f"No Debian mirror of this machine has the suites {', '.join(suites)}.",
            "\n".join(errors)[-LONGEST_ERROR:] or "apt-get reached none of its mirrors: check the network.",
        )

    def fetch(self, title, packages):
        """Download packages from the opened suites; resume an interrupted download.

        :param str title: title of the progress line
        :param list[str] packages: names of the packages, each with its suite: `name/suite`
        :return: the package files
        :rtype: list[Path]
        :raise DevError: if the download fails
        """
        self.downloads.mkdir(exist_ok=True)
        command = self._command("download", *packages, **self._own_sources())
        log = self.folder / "download.log"
        with Stage(title) as stage, log.open("w") as output:
            options = {"cwd": self.downloads, "stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
            with subprocess.Popen(command, **options) as process:
                try:
                    while process.poll() is None:
                        size = sum(path.stat().st_size for path in self.downloads.glob("*.deb*"))
                        stage.update(f"{size / 1e6:.0f} MB")
                        time.sleep(0.3)
                finally:
                    process.kill()
        if process.returncode:
            # apt-get would resume a file that it rejected, e.g. for a wrong checksum, and reject it again.
            shutil.rmtree(self.downloads)
            raise DevError("The download from Debian's archive failed.", log.read_text()[-LONGEST_ERROR:])
        return sorted(self.downloads.glob("*.deb"))

    @staticmethod
    def unpack(files, target):
        """Unpack packages into a new folder.

        :param list[Path] files: the package files
        :param Path target: the folder; its former content is removed
        :raise DevError: if a package can't be unpacked
        """
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        with Stage("Unpacking Debian packages"):
            for path in files:
                run_program(["dpkg", "-x", path, target], f"{path.name} can't be unpacked.")

    def _find_mirrors(self):
        """:return: the base URLs of the machine's archives that have a component `main`"""
        machine_lists = {"Dir::State::Lists": self.folder / "machine-lists"}
        self._apt_get("update", "-q", **machine_lists)
        form = ("--format", "$(REPO_URI) $(COMPONENT)", "Created-By: Packages")
        targets = self._apt_get("indextargets", *form, **machine_lists)
        mirrors = [line.split()[0] for line in targets.stdout.splitlines() if line.endswith(" main")]
        return [uri for uri in dict.fromkeys(mirrors) if "security" not in uri]

    def _own_sources(self):
        """:return: the apt-get options that select the opened suites"""
        return {
            "Dir::State::Lists": self.folder / "lists",
            "Dir::Etc::SourceList": self.sources,
            "Dir::Etc::SourceParts": "/dev/null",
        }

    def _command(self, *arguments, **options):
        options |= {
            "Dir::State": self.folder / "state",
            "Dir::State::status": "/var/lib/dpkg/status",
            "Dir::Cache": self.folder / "cache",
            "Acquire::Languages": "none",
            "Acquire::Retries": "2",
        }
        if not os.geteuid():
            options["APT::Sandbox::User"] = "root"
        return ["apt-get", *(part for name, value in options.items() for part in ("-o", f"{name}={value}")), *arguments]

    def _apt_get(self, *arguments, **options):
        with Stage(f"Reading Debian's index ({arguments[0]})"):
            return subprocess.run(
                self._command(*arguments, **options),
                cwd=self.folder,
                env={**os.environ, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
