"""Checks of docker-compose.yml and deploy/ that need no Docker engine; `./dev docker` has those that need one."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from devtools import debian, paths, recipes, server
from devtools.errors import DevError

SECRET = "chosen-by-a-test"
# Reads the configuration as a server does and prints the options that the tests check.
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


@dataclass(frozen=True)
class Deployment:
    """A compose file and the roles of its services.

    :param Path compose: path of the file
    :param frozenset published: services that are reachable from outside
    :param frozenset passing: services that exit when they are done
    """

    compose: Path
    published: frozenset
    passing: frozenset = frozenset({"install"})

    def example(self):
        """:return: the variables of .env.example"""
        lines = self.compose.with_name(".env.example").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))

    def filled(self):
        """:return: the same variables, with values for those that the user has to choose"""
        return {name: value or SECRET for name, value in self.example().items()}


SMALL = Deployment(paths.REPOSITORY / "docker-compose.yml", frozenset({"web", "mail"}))
SCALED = Deployment(paths.REPOSITORY / "deploy" / "docker-compose.scale.yml", frozenset({"balancer"}))
INSTALL = paths.REPOSITORY / "deploy" / "odoo" / "install.sh"
small_only = pytest.mark.parametrize("deployment", [SMALL], indirect=True, ids=["small"])
scaled_only = pytest.mark.parametrize("deployment", [SCALED], indirect=True, ids=["scaled"])


@pytest.fixture(scope="module", params=[SMALL, SCALED], ids=["small", "scaled"])
def deployment(request):
    """Each of the compose files."""
    return request.param


def compose(deployment, *arguments, **variables):
    """Run docker-compose; install Debian's package if needed."""
    program = ["docker-compose"] if shutil.which("docker-compose") or debian.install("docker-compose") else None
    if not program:
        raise DevError("docker-compose is needed for this test.", "Install it: apt-get install docker-compose")
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **variables}
    return subprocess.run(
        [*program, "--file", str(deployment.compose), *arguments],
        env=environment,
        cwd=paths.REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def configuration(deployment):
    """The configuration as docker-compose resolves it, with the variables of .env.example."""
    import yaml

    result = compose(deployment, "config", **deployment.filled())
    assert result.returncode == 0, result.stderr
    return yaml.safe_load(result.stdout)


def command_line(service):
    """:return: the options of Odoo's command line, including those that install.sh adds"""
    if service["entrypoint"] == ["odoo"]:
        return service["command"]
    return [*re.search(r'common="([^"]+)"', INSTALL.read_text())[1].split(), "--stop-after-init", *service["command"]]


def options(service):
    """:return: the options of Odoo's command line that have a value"""
    return dict(word[2:].split("=", 1) for word in command_line(service) if "=" in word)


def odoo_services(configuration):
    """:return: the services that run Odoo, by name"""
    return {name: service for name, service in configuration["services"].items() if "odoo" in service["image"]}


def test_it_does_not_start_without_what_everybody_has_to_choose(deployment):
    chosen = [name for name, value in deployment.example().items() if not value]
    assert "POSTGRES_PASSWORD" in chosen
    for name in chosen:
        result = compose(deployment, "config", **{**deployment.filled(), name: ""})
        assert result.returncode, name
        assert ".env.example" in result.stderr


def test_no_password_stands_in_the_repository(deployment):
    assert not any(value for name, value in deployment.example().items() if "PASSWORD" in name)
    assert not re.search(r"PASSWORD: (?!\$\{)", deployment.compose.read_text())


def test_every_variable_is_in_the_example(deployment):
    used = set(re.findall(r"\$\{(\w+)", deployment.compose.read_text()))
    assert used <= set(deployment.example())


def test_every_mounted_path_exists(configuration):
    mounted = list_mounts(configuration)
    assert len(mounted) >= 3
    for source in mounted:
        assert os.path.exists(source), source


def list_mounts(configuration):
    """:return: the paths of this machine that the services mount"""
    volumes = [
        volume if isinstance(volume, str) else f"{volume['source']}:{volume['target']}"
        for service in configuration["services"].values()
        for volume in service.get("volumes", [])
    ]
    return sorted({volume.split(":")[0] for volume in volumes if volume.startswith("/")})


def test_both_addons_and_the_configuration_are_mounted(configuration):
    wanted = [str(paths.REPOSITORY / name) for name in [*paths.addons(), "odoo.conf"]]
    assert set(wanted) <= set(list_mounts(configuration))


def test_every_named_volume_network_and_dependency_is_defined(configuration, deployment):
    services = configuration["services"]
    for service in services.values():
        assert set(service.get("depends_on", [])) <= set(services)
        assert set(service["networks"]) <= set(configuration["networks"])
    named = re.findall(r"^ +- ([a-z-]+):/", deployment.compose.read_text(), re.M)
    assert set(named) == set(configuration["volumes"])


def test_only_the_pages_are_published_and_only_on_this_machine(configuration, deployment):
    published = {
        name: [port if isinstance(port, str) else f"{port['host_ip']}:{port['target']}" for port in service["ports"]]
        for name, service in configuration["services"].items()
        if service.get("ports")
    }
    assert set(published) == deployment.published
    for ports in published.values():
        assert len(ports) == 1
        assert ports[0].startswith("127.0.0.1:")


@small_only
def test_the_published_port_is_the_one_that_odoo_listens_on(configuration):
    (port,) = configuration["services"]["web"]["ports"]
    target = str(port).split(":")[-1].removesuffix("/tcp") if isinstance(port, str) else str(port["target"])
    assert f"http_port = {target}" in server.CONFIGURATION.read_text()


def test_every_lasting_service_has_a_health_check(configuration, deployment):
    for name, service in configuration["services"].items():
        assert ("healthcheck" in service) == (name not in deployment.passing), name


def test_only_the_small_one_has_demo_data(configuration, deployment):
    assert ("--with-demo" in configuration["services"]["install"]["command"]) == (deployment == SMALL)


def test_the_first_start_installs_both_addons(configuration):
    install, web = configuration["services"]["install"], configuration["services"]["web"]
    assert set(paths.addons()) <= set(options(install)["init"].split(","))
    assert options(install)["database"] == options(web)["database"]
    assert options(install)["data-dir"] == options(web)["data-dir"]
    assert web["depends_on"]["install"]["condition"] == "service_completed_successfully"


@small_only
def test_the_demonstration_has_the_apps_of_dev_run(configuration):
    installed = options(configuration["services"]["install"])["init"].split(",")
    assert sorted(installed) == sorted([*recipes.SHOP_MODULES, *paths.addons()])


@small_only
def test_odoo_sends_its_mail_to_the_catcher(configuration):
    web = configuration["services"]["web"]
    assert options(web)["smtp"] in configuration["services"]
    assert "inside" in web["networks"]
    assert "inside" in configuration["services"]["mail"]["networks"]


def read_configuration(odoo_source, *arguments):
    """Read odoo.conf with Odoo itself."""
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


def test_odoo_accepts_the_command_lines(configuration, odoo_source, tmp_path):
    addons = tmp_path / "extra"
    addons.symlink_to(paths.REPOSITORY)
    services = odoo_services(configuration)
    assert set(services) == {"install", "web", "cron"}
    for service in services.values():
        arguments = [
            word.replace("/mnt/extra-addons", str(addons)).replace("/var/lib/odoo", str(tmp_path))
            for word in command_line(service)
        ]
        result = read_configuration(odoo_source, *arguments)
        assert result.returncode == 0, result.stderr
        assert "WARNING" not in result.stderr


# Tests of deploy/


def setting(name):
    """:return: a setting of odoo.conf"""
    return re.search(rf"^{name} = (.+)$", server.CONFIGURATION.read_text(), re.M)[1]


def postgres_setting(service, name):
    """:return: a setting of PostgreSQL on its command line"""
    return dict(word[2:].split("=", 1) for word in service["command"][1:])[name]


def test_every_odoo_container_has_the_same_sessions_and_attachments(configuration):
    services = list(odoo_services(configuration).values())
    for service in services:
        assert "odoo-data:/var/lib/odoo" in str(service["volumes"]).replace(":rw", "")
        assert options(service)["data-dir"] == "/var/lib/odoo"
        assert options(service)["database"] == options(services[0])["database"]


def test_scheduled_actions_are_processes_apart_from_the_pages(configuration):
    web, cron = configuration["services"]["web"], configuration["services"]["cron"]
    assert options(web)["max-cron-threads"] == "0"
    assert int(options(cron)["max-cron-threads"]) > 0
    # A cron thread ends for good when the database is down; a process is replaced.
    assert int(options(cron)["workers"]) > 0
    assert cron["restart"] == "unless-stopped"
    assert cron["healthcheck"]["test"] == ["CMD", "/bin/sh", "/mnt/deploy/check-actions.sh"]


def test_the_health_check_outlasts_the_longest_scheduled_action():
    minutes = re.search(r"interval '(\d+) minutes'", INSTALL.with_name("check-actions.sh").read_text())[1]
    assert int(minutes) * 60 > int(setting("limit_time_real_cron"))


def test_a_failed_installation_ends(configuration):
    assert configuration["services"]["install"]["restart"] == "on-failure:3"


def test_links_lead_where_env_says(configuration, deployment):
    environment = configuration["services"]["install"]["environment"]
    assert environment["BASE_URL"] == deployment.filled()["BASE_URL"]
    service, port = re.fullmatch(r"http://(\w+):(\d+)", environment["REPORT_URL"]).groups()
    assert "--no-http" not in configuration["services"][service]["command"]
    assert port == setting("http_port")


@scaled_only
def test_admin_needs_a_password_of_its_own(configuration):
    assert configuration["services"]["install"]["environment"]["ADMIN_PASSWORD"] == SECRET


@scaled_only
def test_mail_leaves_by_the_chosen_server(configuration):
    web, cron = configuration["services"]["web"], configuration["services"]["cron"]
    assert web["scale"] == int(SCALED.example()["WEB_CONTAINERS"]) > 1
    assert int(options(web)["workers"]) > 1
    assert "pages" in web["networks"]
    assert "outside" in cron["networks"]
    for service in (web, cron):
        assert options(service)["smtp"] == SECRET


@scaled_only
def test_pages_are_read_from_the_replica(configuration):
    services = configuration["services"]
    replica = services[options(services["web"])["db_replica_host"]]
    assert replica["environment"]["PRIMARY_HOST"] == services["web"]["environment"]["PGHOST"]
    # A server that only writes needs no replica, and keeps running without it.
    assert "db_replica_host" not in options(services["cron"])


@scaled_only
def test_the_databases_are_not_reached_from_outside(configuration):
    for name in ("db", "db-replica"):
        assert set(configuration["services"][name]["networks"]) == {"inside"}
    assert configuration["networks"]["inside"]["internal"]


@scaled_only
def test_postgresql_takes_all_connections_that_odoo_may_open(configuration):
    services = configuration["services"]
    web, primary, replica = services["web"], services["db"], services["db-replica"]
    cron = options(services["cron"])
    # The workers and the web socket process.
    readers = web["scale"] * (int(options(web)["workers"]) + 1) * int(setting("db_maxconn"))
    writers = readers + (int(cron["workers"]) + 1 + int(cron["max-cron-threads"])) * int(cron["db_maxconn"])
    kept_for_superusers = 3
    assert writers + kept_for_superusers <= int(postgres_setting(primary, "max_connections"))
    assert int(postgres_setting(replica, "max_connections")) >= int(postgres_setting(primary, "max_connections"))
    assert int(postgres_setting(replica, "max_wal_senders")) >= int(postgres_setting(primary, "max_wal_senders"))


@scaled_only
def test_the_balancer_knows_odoos_ports(configuration):
    nginx = (SCALED.compose.parent / "nginx.conf").read_text()
    assert set(re.findall(r"server (\S+:\d+) resolve;", nginx)) == {
        f"web:{setting('http_port')}",
        f"web:{setting('gevent_port')}",
    }
    assert re.search(r"location /websocket \{[^}]*proxy_pass http://odoo_websocket;", nginx)
    assert setting("proxy_mode") == "True"
    # While the primary is down, the balancer answers all requests that the replica can't serve.
    assert re.search(r"location / \{\s+auth_request /primary;", nginx)
    # Open source nginx resolves names again at runtime since this version.
    image = configuration["services"]["balancer"]["image"]
    assert tuple(map(int, image.removeprefix("nginx:").split("."))) >= (1, 27, 3)


@scaled_only
def test_nobody_but_web_may_take_over_an_address_that_the_balancer_knows(configuration):
    services = configuration["services"]
    assert {name for name, service in services.items() if "pages" in service["networks"]} == {"web", "balancer"}
    assert set(services["balancer"]["networks"]) == {"pages"}
