"""docker-compose.yml, as far as it can be checked without a Docker engine."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from devtools import debian, paths, server
from devtools.errors import DevError

COMPOSE = paths.REPOSITORY / "docker-compose.yml"
EXAMPLE = paths.REPOSITORY / ".env.example"
SECRET = "chosen-by-a-test"
# Reads the configuration as a server does and prints what matters.
READ_CONFIGURATION = """
import json, logging, sys
logging.basicConfig(level=logging.WARNING)
from odoo.tools import config
config.parse_config(sys.argv[1:], setup_logging=False)
names = ["list_db", "proxy_mode", "workers", "limit_memory_soft", "limit_time_real", "http_interface", "http_port"]
print(json.dumps({**{name: config[name] for name in names},
                  "default_password": config.verify_admin_password("admin"),
                  "empty_password": config.verify_admin_password("")}))
"""


def example():
    """:return: the variables of .env.example"""
    lines = EXAMPLE.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def compose(*arguments, **variables):
    """Run docker-compose, Debian's package of it or Docker's."""
    program = ["docker-compose"] if shutil.which("docker-compose") or debian.install("docker-compose") else None
    if not program:
        raise DevError("docker-compose is needed for this test.", "Install it: apt-get install docker-compose")
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **variables}
    return subprocess.run(
        [*program, "--file", str(COMPOSE), *arguments],
        env=environment,
        cwd=paths.REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def configuration():
    """The configuration as docker-compose resolves it, with the variables of .env.example."""
    import yaml

    result = compose("config", **{**example(), "POSTGRES_PASSWORD": SECRET})
    assert result.returncode == 0, result.stderr
    return yaml.safe_load(result.stdout)


def options(service):
    """:return: the options of Odoo's command line"""
    return dict(word[2:].split("=", 1) for word in service["command"] if word.startswith("--") and "=" in word)


def test_it_does_not_start_without_a_password():
    result = compose("config", **{**example(), "POSTGRES_PASSWORD": ""})
    assert result.returncode
    assert ".env.example" in result.stderr


def test_no_password_stands_in_the_repository():
    assert example()["POSTGRES_PASSWORD"] == ""
    assert not re.search(r"PASSWORD: (?!\$\{)", COMPOSE.read_text())


def test_every_variable_is_in_the_example():
    used = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text()))
    assert used <= set(example())


def test_every_mounted_path_exists(configuration):
    mounted = list_mounts(configuration)
    assert len(mounted) >= 3
    for source in mounted:
        assert os.path.exists(source), source


def list_mounts(configuration):
    """:return: the paths of this machine that services mount"""
    volumes = [
        volume if isinstance(volume, str) else f"{volume['source']}:{volume['target']}"
        for service in configuration["services"].values()
        for volume in service.get("volumes", [])
    ]
    return sorted({volume.split(":")[0] for volume in volumes if volume.startswith("/")})


def test_both_addons_and_the_configuration_are_mounted(configuration):
    wanted = [str(paths.REPOSITORY / name) for name in [*paths.addons(), "odoo.conf"]]
    assert set(wanted) <= set(list_mounts(configuration))


def test_every_named_volume_network_and_dependency_is_defined(configuration):
    services = configuration["services"]
    for service in services.values():
        assert set(service.get("depends_on", [])) <= set(services)
        assert set(service["networks"]) <= set(configuration["networks"])
    named = re.findall(r"^ +- ([a-z-]+):/", COMPOSE.read_text(), re.M)
    assert set(named) == set(configuration["volumes"])


def test_only_the_pages_are_published_and_only_on_this_machine(configuration):
    published = {
        name: [port if isinstance(port, str) else f"{port['host_ip']}:{port['target']}" for port in service["ports"]]
        for name, service in configuration["services"].items()
        if service.get("ports")
    }
    assert set(published) == {"web", "mail"}
    for ports in published.values():
        assert len(ports) == 1
        assert ports[0].startswith("127.0.0.1:")


def test_the_published_port_is_the_one_that_odoo_listens_on(configuration):
    (port,) = configuration["services"]["web"]["ports"]
    target = str(port).split(":")[-1].removesuffix("/tcp") if isinstance(port, str) else str(port["target"])
    assert f"http_port = {target}" in server.CONFIGURATION.read_text()


def test_every_lasting_service_has_a_health_check(configuration):
    for name, service in configuration["services"].items():
        assert ("healthcheck" in service) == (name != "install"), name


def test_the_first_start_installs_both_addons_with_demo_data(configuration):
    install, web = configuration["services"]["install"], configuration["services"]["web"]
    assert set(paths.addons()) <= set(options(install)["init"].split(","))
    assert "--with-demo" in install["command"]
    assert options(install)["database"] == options(web)["database"]
    assert options(install)["data-dir"] == options(web)["data-dir"]
    assert web["depends_on"]["install"]["condition"] == "service_completed_successfully"


def test_odoo_sends_its_mail_to_the_catcher(configuration):
    web = configuration["services"]["web"]
    assert options(web)["smtp"] in configuration["services"]
    assert "inside" in web["networks"]
    assert "inside" in configuration["services"]["mail"]["networks"]


def read_configuration(odoo_source, *arguments):
    """Let Odoo itself read odoo.conf."""
    return subprocess.run(
        [sys.executable, "-c", READ_CONFIGURATION, f"--config={server.CONFIGURATION}", *arguments],
        env=odoo_source.environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_odoo_reads_the_configuration_without_a_complaint(odoo_source):
    result = read_configuration(odoo_source)
    assert result.returncode == 0, result.stderr
    assert not [line for line in result.stderr.splitlines() if "WARNING" in line or "unknown" in line]
    values = json.loads(result.stdout)
    assert values["list_db"] is False
    assert values["proxy_mode"] is True
    assert values["workers"] > 0
    assert values["limit_memory_soft"]
    assert values["limit_time_real"]


def test_no_master_password_opens_the_database_manager(odoo_source):
    values = json.loads(read_configuration(odoo_source).stdout)
    assert values["default_password"] is False
    assert values["empty_password"] is False


@pytest.mark.parametrize("service", ["install", "web"])
def test_odoo_accepts_the_command_line(configuration, odoo_source, service, tmp_path):
    addons = tmp_path / "extra"
    addons.symlink_to(paths.REPOSITORY)
    arguments = [
        word.replace("/mnt/extra-addons", str(addons)).replace("/var/lib/odoo", str(tmp_path))
        for word in configuration["services"][service]["command"][1:]
    ]
    result = read_configuration(odoo_source, *arguments)
    assert result.returncode == 0, result.stderr
    assert "WARNING" not in result.stderr
