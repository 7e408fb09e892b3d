"""`./dev docker`: test both compose files on a real Docker engine as a shopper, an agent and an administrator."""

import subprocess

from . import browser, docker_images, paths, recipes
from .docker_stack import MAIL_PORT, Stack, docker
from .docker_steps import PORT, Check, expect
from .errors import DevError
from .progress import say

SMALL, SCALED = "docker-compose.yml", "deploy/docker-compose.scale.yml"
PASSWORD = "it has spaces & \"quotes\""
VARIABLES = {"POSTGRES_PASSWORD": PASSWORD, "BASE_URL": f"http://localhost:{PORT}"}
SMALL_VARIABLES = VARIABLES | {"ODOO_PORT": str(PORT), "MAIL_PORT": str(MAIL_PORT)}
SCALED_VARIABLES = VARIABLES | {
    "REPLICATION_PASSWORD": PASSWORD,
    "ADMIN_PASSWORD": PASSWORD,
    "SMTP_HOST": "mail",
    "SMTP_PORT": "1025",
    "HTTP_PORT": str(PORT),
    "WEB_CONTAINERS": "2",
}


def run(options):
    """Test both compose files.

    :return: the exit code
    :rtype: int
    :raise DevError: if no Docker engine answers
    """
    try:
        docker("version")
    except (DevError, FileNotFoundError) as error:
        advice = f"Start it, or set DOCKER_HOST to its socket. {getattr(error, 'advice', '')}"
        raise DevError("./dev docker needs a Docker engine that answers.", advice) from error
    images = docker_images.provide(SMALL, SCALED)
    say("Images: " + ", ".join(f"{name} ({used or 'a substitute'})" for name, used in images.items()))
    with browser.launch(browser.ensure_chromium()) as chromium:
        failures = [
            *check_unreadable(images, chromium),
            *check_small(images, chromium),
            *check_scaled(images, chromium),
        ]
    for failure in failures:
        say(f"FAILED {failure}")
    say("Nothing failed." if not failures else f"{len(failures)} failed.")
    return int(bool(failures))


def check_unreadable(images, chromium):
    """Check that `up` fails in a folder that only its owner can read, and that the log explains how to fix it."""
    say(f"\n{SMALL}, in a folder that only its owner can read")
    check = Check(Stack(SMALL, "check-unreadable", SMALL_VARIABLES, images), chromium)

    def up():
        subprocess.run(["chmod", "-R", "go=", check.stack.folder], check=True)
        result = check.stack.run("up", "--detach", check=False)
        expect(result.returncode, "it started")
        said = check.stack.run("logs", "install").stdout
        expect("chmod" in said, f"install logged {said[-300:]}")

    check.step("it fails and logs the reason", up)
    return finish(check)


def check_small(images, chromium):
    """Check the shop of `docker-compose.yml`."""
    say(f"\n{SMALL}")
    check = Check(Stack(SMALL, "check-small", SMALL_VARIABLES, images), chromium)
    if check.step("first start", check.stack.up):
        use_shop(check)
        for service in ("web", "mail", "cron", "db"):
            check.step(f"restart {service}", check.restart, service)
        break_and_update(check)
    return finish(check)


def check_scaled(images, chromium):
    """Check the shop of `docker-compose.scale.yml`."""
    say(f"\n{SCALED}")
    mail = {
        "image": "axllent/mailpit:v1.27",
        "ports": [f"127.0.0.1:{MAIL_PORT}:8025"],
        "networks": ["pages", "outside"],
        "healthcheck": {"test": ["CMD", "/mailpit", "readyz"], "interval": "5s"},
    }
    # Demo data as in the small shop: the check needs an agent's documents.
    demo = {"command": ["--init=" + ",".join([*recipes.SHOP_MODULES, *paths.addons()]), "--with-demo"]}
    stack = Stack(SCALED, "check-scaled", SCALED_VARIABLES, images, {"mail": mail, "install": demo})
    check = Check(stack, chromium)
    if check.step("first start", stack.up):
        check.step("admin's password", check.reject_admin)
        use_shop(check)
        # `web` comes last: after an outage of the replica, Odoo doesn't use it for 20 minutes unless it is restarted.
        for service in ("balancer", "cron", "db-replica", "db", "web"):
            check.step(f"restart {service}", check.restart, service)
        check.step("the primary is down", check.lose_primary)
        check.step("more containers, fewer", check.scale)
        break_and_update(check)
    return finish(check)


def use_shop(check):
    """Use the shop as its visitors do, and pause its scheduled actions."""
    check.step("the very first visit", check.open_first_pages)
    check.step("a guest's order and its invitation", check.buy)
    check.step("an agent's pages and a PDF file", check.read_as_agent)
    check.step("a web socket", check.open_web_socket)
    check.step("paused scheduled actions are noticed", check.notice_standstill)


def break_and_update(check):
    """Kill containers, update the addons, and reboot."""
    for service in ("web", "cron"):
        check.step(f"{service} is killed", check.crash, service)
    check.step("update", check.update)
    check.step("reboot", check.reboot)
    check.step("an agent's pages and a PDF file", check.read_as_agent)


def finish(check):
    """Remove the services.

    :return: the failures of all steps
    :rtype: list[str]
    """
    check.step("down leaves nothing", check.expect_nothing_left)
    return check.failures
