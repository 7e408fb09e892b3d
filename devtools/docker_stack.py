"""Run a compose file with the `docker` command, from a copy of this repository."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from . import debian, paths
from .errors import DevError, run_program

# Seconds for a first start on a busy machine.
PATIENCE = 1800
MAIL_PORT = 18025


class Stack:
    """The services of a compose file.

    :param str compose: path of the file in the repository
    :param str project: name of the Compose project
    :param dict variables: further variables of .env
    :param dict images: the image to use for each name, see :func:`docker_images.provide`
    :param dict overrides: changes to the compose file, by service
    """

    def __init__(self, compose, project, variables, images, overrides=None):
        self.folder = Path(tempfile.mkdtemp(prefix="docker-", dir=paths.folder("docker")))
        copy_repository(self.folder)
        self.compose = self.folder / compose
        self.project = project
        self.variables = {"COMPOSE_PROJECT_NAME": project, **variables}
        self.write_variables()
        self.images = images
        self.override = self.folder / "check.override.json"
        self._write_override(overrides or {})

    def write_variables(self, **changes):
        """Write .env with changed variables."""
        self.variables.update(changes)
        lines = [f"{name}='{value}'\n" for name, value in self.variables.items()]
        (self.compose.parent / ".env").write_text("".join(lines))

    def _write_override(self, overrides):
        services = {name: dict(values) for name, values in overrides.items()}
        self.override.write_text(json.dumps({"services": services}))
        for name, service in self.configuration()["services"].items():
            stand_in = self.images.get(service["image"])
            if service["image"].startswith("postgres"):
                # These data need not survive a power cut, and a first start takes half the time.
                services.setdefault(name, {})["command"] = [*(service["command"] or ["postgres"]), "-cfsync=off"]
            if stand_in and stand_in != service["image"]:
                services.setdefault(name, {})["image"] = stand_in
            elif stand_in is None:
                # Mailpit: replaced by our own small program, in Odoo's image.
                services.setdefault(name, {}).update(
                    image=self.images["odoo:19.0"],
                    entrypoint=["python3", "/mailpit"],
                    volumes=[f"{self.folder}/devtools/docker_mail.py:/mailpit:ro"],
                )
        self.override.write_text(json.dumps({"services": services}))

    def configuration(self):
        """:return: the compose file as Docker resolves it"""
        return json.loads(self.run("config", "--format", "json").stdout)

    def run(self, *arguments, check=True, timeout=PATIENCE):
        """Run `docker compose` on the file.

        :raise DevError: if it fails
        """
        command = [*compose_program(), "--file", self.compose, "--file", self.override, *arguments]
        # Variables of the environment would take precedence over .env.
        environment = {name: value for name, value in os.environ.items() if name not in self.variables}
        result = subprocess.run(
            command, cwd=self.compose.parent, env=environment, capture_output=True, text=True, timeout=timeout
        )
        if check and result.returncode:
            raise DevError(f"docker compose {arguments[0]} failed.", (result.stdout + result.stderr)[-1500:])
        return result

    def up(self, *arguments):
        """Start the services and wait until they are healthy."""
        self.run("up", "--detach", *arguments)
        self.wait_healthy()

    def containers(self, service=None):
        """:return: the result of `docker inspect` for the containers"""
        filters = [f"label=com.docker.compose.project={self.project}"]
        filters += [f"label=com.docker.compose.service={service}"] if service else []
        # Leave out the containers of `docker compose run`.
        filters += ["label=com.docker.compose.oneoff=False"]
        ids = docker("ps", "--all", "--quiet", *[part for each in filters for part in ("--filter", each)]).split()
        return json.loads(docker("inspect", *ids)) if ids else []

    def ids(self, service):
        """:return: the ids of a service's containers"""
        return [container["Id"] for container in self.containers(service)]

    def wait_healthy(self, *services):
        """Wait until every container is healthy or has exited with code 0.

        :raise DevError: if this takes too long
        """

        def is_well(container):
            state = container["State"]
            has_ended = state["Status"] == "exited" and not state["ExitCode"]
            return has_ended or state.get("Health", {}).get("Status") == "healthy"

        def are_well():
            chosen = [each for service in services or [None] for each in self.containers(service)]
            return all(map(is_well, chosen))

        wait_for(are_well, "healthy containers")

    def sql(self, statement):
        """Run SQL in the shop's database."""
        return self.run(
            "exec", "-T", "db", "psql", "--username=odoo", "--dbname=portal_accounts", "-tA", "-c", statement
        ).stdout.strip()

    def crash(self, service):
        """Kill the main process of the first container from outside, as the kernel does when it is out of memory."""
        container = next(each for each in self.containers(service) if each["State"]["Running"])
        docker(
            "run", "--rm", "--pid=host", "--user=root", "--entrypoint=/bin/sh",
            container["Config"]["Image"], "-c", f"kill -9 {container['State']['Pid']}",
        )  # fmt: skip
        return container

    def logs(self):
        """:return: the last lines of the containers' logs"""
        return self.run("logs", "--tail=80", "--no-color", check=False).stdout

    def down(self):
        """Remove containers, volumes and networks.

        :return: those that are left nevertheless
        :rtype: list[str]
        """
        self.run("down", "--volumes", "--remove-orphans", check=False)
        label = f"--filter=label=com.docker.compose.project={self.project}"
        kinds = {"container": ["ps", "--all"], "volume": ["volume", "ls"], "network": ["network", "ls"]}
        left = [f"{kind} {each}" for kind, words in kinds.items() for each in docker(*words, "-q", label).split()]
        shutil.rmtree(self.folder, ignore_errors=True)
        return left


def docker(*arguments):
    """Run `docker`.

    :return: its output
    :raise DevError: if it fails
    """
    return run_program(["docker", *arguments], f"docker {arguments[0]} failed.")


def read_log(container):
    """:return: the last lines of a container's log"""
    command = ["docker", "logs", "--tail=200", container]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout


def compose_program():
    """Find or fetch Docker Compose 2.

    :return: its command
    :rtype: list
    :raise DevError: if it is missing and can't be fetched
    """
    if not subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:
        return ["docker", "compose"]
    program = paths.folder("docker") / "compose/usr/libexec/docker/cli-plugins/docker-compose"
    if not program.exists():
        archive = debian.Archive(paths.folder("docker", "debian"))
        archive.open_suites(["sid"])
        packages = archive.fetch("Downloading Docker Compose", ["docker-compose/sid"])
        archive.unpack(packages, paths.folder("docker") / "compose")
    return [program]


def copy_repository(target):
    """Copy all files that Git doesn't ignore, so that no .env of the user is included."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in filter(None, run_program(command, cwd=paths.REPOSITORY).split("\0")):
        if (paths.REPOSITORY / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(paths.REPOSITORY / name, target / name)
    subprocess.run(["chmod", "-R", "go+rX", target], check=True)


def wait_for(condition, what, patience=PATIENCE):
    """Wait until a condition is true.

    :return: the value of the condition
    :raise DevError: if this takes too long
    """
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if found := condition():
                return found
        time.sleep(0.5)
    raise DevError(f"Waited {patience} s for {what} without success.")
