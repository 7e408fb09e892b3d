"""`./dev docker`: test both compose files on a real Docker engine as a shopper, an agent and an administrator."""

import http.client
import http.cookiejar
import json
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from email import message_from_bytes, policy
from html import unescape

from . import browser, paths, recipes
from .docker_stack import MAIL_PORT, PASSWORD, Stack, docker, provide_images, read_log, wait_for
from .errors import DevError
from .progress import say

SMALL, SCALED = "docker-compose.yml", "deploy/docker-compose.scale.yml"
PORT = 18069
UPDATE = "--update=sale_auto_portal_user,portal_agent_account"
UNAVAILABLE = "Back in a moment"
PAGES = ("/", "/shop", "/web/login")
AGENT_PAGES = ("/my/agent", "/my/agent/customers", "/my/agent/quotations", "/my/agent/orders", "/my/agent/invoices")
# Sends a signal to the processes for scheduled actions: all children of the main process of `cron`.
SIGNAL_CHILDREN = """
import os, pathlib, sys
for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
    if stat.read_text().rsplit(")", 1)[1].split()[1] == "1" and int(stat.parent.name) != os.getpid():
        os.kill(int(stat.parent.name), int(sys.argv[1]))
"""


class Visitor:
    """A visitor with cookies of their own.

    :param str url: the shop's address
    """

    def __init__(self, url):
        self.url = url
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(jar)

    def get(self, path, data=None, timeout=60):
        """:return: status and body of the response; the status is 0 if no server answers"""
        try:
            data = urllib.parse.urlencode(data).encode() if data else None
            with self.opener.open(urllib.parse.urljoin(self.url, path), data, timeout) as answer:
                return answer.status, answer.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")
        except (OSError, http.client.HTTPException):
            return 0, ""

    def read(self, path, data=None):
        """:return: the body of a response, which must have status 200"""
        status, body = self.get(path, data)
        expect(status == 200, f"{path}: status {status}")
        return body

    def log_in(self, login, password):
        """Sign in with the form."""
        token = re.search(r'csrf_token: "([^"]+)"', self.read("/web/login"))[1]
        page = self.read("/web/login", {"login": login, "password": password, "csrf_token": token})
        expect('name="password"' not in page, f"{login} can't sign in")
        return self


class Check:
    """Runs the steps of the check on one compose file and collects the failures."""

    def __init__(self, stack, page_of):
        self.stack = stack
        self.page_of = page_of
        self.url = f"http://localhost:{PORT}"
        self.visitor = Visitor(self.url)
        self.failures = []
        self.guests = 0

    def step(self, title, function, *arguments):
        """Run a step; record and report a failure instead of raising it."""
        start = time.monotonic()
        try:
            found = function(*arguments)
        except Exception as error:
            reason = f"{error} {getattr(error, 'advice', '') or ''}".strip()
            self.failures.append(f"{self.stack.compose.name}: {title}: {reason}")
            log = paths.folder("logs") / f"docker-{self.stack.project}-{len(self.failures)}.log"
            log.write_text(self.stack.logs())
            say(f"FAILED {title}: {reason}\n       The containers' log: {log}")
            return False
        say(f"ok     {title} ({time.monotonic() - start:.0f} s){f': {found}' if found else ''}")
        return True

    def open_first_pages(self):
        """Open pages as the first visitor; the files that they load must exist already."""
        loaded = set()
        for page in PAGES:
            loaded |= set(re.findall(r'(?:href|src)="(/web/assets/[^"]+)"', self.visitor.read(page)))
        for path in loaded:
            self.visitor.read(path)
        expect(loaded, "no page loads a stylesheet")

    def buy(self):
        """Buy as a guest and open the link of the invitation."""
        from tests.system.checkout import buy_as_guest

        self.guests += 1
        address = f"guest{self.guests}@example.com"
        start = time.monotonic()
        with self.page_of() as page:
            buy_as_guest(page, self.url, address)
        ordered = time.monotonic()
        link = wait_for(lambda: self.find_invitation(address), f"an invitation to {address}", 240)
        expect(link.startswith(self.stack.variables["BASE_URL"]), f"the invitation leads to {link}")
        return f"order {ordered - start:.0f} s, invitation {time.monotonic() - ordered:.0f} s"

    def find_invitation(self, address):
        """:return: the link to the form for a new password in a mail to the address, or None"""
        mails = Visitor(f"http://localhost:{MAIL_PORT}")
        for mail in json.loads(mails.read("/api/v1/messages?limit=200"))["messages"]:
            if address in [recipient["Address"] for recipient in mail["To"]]:
                raw = mails.read(f"/api/v1/message/{mail['ID']}/raw").encode()
                html = message_from_bytes(raw, policy=policy.default).get_body(("html",)).get_content()
                for link in map(unescape, re.findall(r'href="(http[^"]+)"', html)):
                    page = Visitor(self.url).get(link)[1]
                    if 'name="password"' in page and "oe_login_form" not in page:
                        return link
        return None

    def read_as_agent(self):
        """Open an agent's pages, and an order as a PDF file with its stylesheets."""
        agent = Visitor(self.url).log_in("agent", "agent")
        bodies = [agent.read(path) for path in AGENT_PAGES]
        order = re.search(r"/my/agent/orders/\d+", bodies[3])
        expect(order, "the agent sees no order")
        start = time.monotonic()
        status, body = agent.get(f"{order[0]}?report_type=pdf", timeout=120)
        expect(status == 200 and body.startswith("%PDF"), f"the PDF file: status {status}")
        expect(time.monotonic() - start < 60, "printing takes a minute: wkhtmltopdf can't load the stylesheets")

    def open_web_socket(self):
        """Open a web socket as a browser does."""
        connection = http.client.HTTPConnection("localhost", PORT, timeout=30)
        headers = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "cG9ydGFsLWFjY291bnRzIQ==",
            "Origin": self.url,
        }
        connection.request("GET", "/websocket", headers=headers)
        status = connection.getresponse().status
        connection.close()
        expect(status == 101, f"status {status}")

    def restart(self, service):
        """Restart a service; the shop must then sell and invite as before."""
        self.stack.run("restart", service)
        self.stack.wait_healthy()
        wait_for(lambda: self.visitor.get("/shop")[0] == 200, "the shop", 60)
        return self.buy() if service in ("db", "cron", "mail") else None

    def crash(self, service):
        """Kill a container; Docker must start it again."""
        before = self.stack.crash(service)
        wait_for(lambda: self.start_of(before["Id"]) != before["State"]["StartedAt"], f"another {service}", 60)
        self.stack.wait_healthy()
        wait_for(lambda: self.visitor.get("/shop")[0] == 200, "the shop", 60)

    @staticmethod
    def start_of(container):
        """:return: the start time of a container"""
        return json.loads(docker("inspect", container))[0]["State"]["StartedAt"]

    def notice_standstill(self):
        """Pause the processes for scheduled actions; the health check must fail until they continue."""
        self.signal_actions(signal.SIGSTOP)
        try:
            one = "SELECT id FROM ir_cron WHERE active LIMIT 1 FOR UPDATE SKIP LOCKED"
            an_hour_ago = "now() AT TIME ZONE 'UTC' - interval '1 hour'"
            self.stack.sql(f"UPDATE ir_cron SET nextcall = {an_hour_ago} WHERE id = ({one})")
            expect(self.are_actions_late(), "the health check notices nothing")
        finally:
            self.signal_actions(signal.SIGCONT)
        wait_for(lambda: not self.are_actions_late(), "scheduled actions to continue", 300)

    def signal_actions(self, number):
        """Send a signal to the processes for scheduled actions."""
        self.stack.run("exec", "-T", "cron", "python3", "-c", SIGNAL_CHILDREN, str(int(number)))

    def are_actions_late(self):
        """:return: whether the health check of `cron` fails"""
        check = self.stack.configuration()["services"]["cron"]["healthcheck"]["test"][1:]
        return bool(self.stack.run("exec", "-T", "cron", *check, check=False).returncode)

    def update(self):
        """Update as docs/deployment.md describes, and measure how long the shop is down."""
        watch = Watch(self.url)
        with watch:
            self.stack.run("stop", "web", "cron")
            self.stack.run("run", "--rm", "-T", "install", UPDATE)
            self.stack.run("up", "--detach", "--no-deps", "web", "cron")
            self.stack.wait_healthy("web", "cron")
            wait_for(lambda: self.visitor.get("/shop")[0] == 200, "the shop", 60)
        if self.stack.compose.name == "docker-compose.scale.yml":
            expect(not watch.bare, f"visitors saw {watch.bare[:5]}")
        return f"the shop was down for {watch.seconds():.0f} s; {self.buy()}"

    def lose_primary(self):
        """Stop the primary: agents must still read, other visitors must see the balancer's page."""
        agent = Visitor(self.url).log_in("agent", "agent")
        self.stack.run("stop", "db")
        try:
            wait_for(lambda: UNAVAILABLE in self.visitor.get("/shop")[1], "the balancer's page", 10)
            read = [agent.get(path)[0] for path in AGENT_PAGES]
        finally:
            self.stack.run("start", "db")
        self.stack.wait_healthy()
        expect(read == [200] * len(read), f"the agent's pages: {read}")
        wait_for(lambda: self.visitor.get("/shop")[0] == 200, "the shop", 60)
        return self.buy()

    def scale(self):
        """Start more containers, then fewer: each must get requests, and no request may wait for a removed one."""
        for number in (3, 1, 2):
            self.stack.write_variables(WEB_CONTAINERS=str(number))
            self.stack.up("--no-deps", "web")
            time.sleep(6)
            self.expect_spread(number)

    def expect_spread(self, number):
        """Send requests, which every container of `web` must answer quickly."""
        mark = f"mark{time.monotonic_ns()}"
        slowest = 0
        for _each in range(10 * number):
            start = time.monotonic()
            status, _body = self.visitor.get(f"/web/health?{mark}")
            slowest = max(slowest, time.monotonic() - start)
            expect(status == 200, f"status {status} with {number} containers")
        ids = self.stack.ids("web")
        expect(len(ids) == number, f"{len(ids)} containers instead of {number}")
        reached = [mark in read_log(each) for each in ids]
        expect(all(reached), f"requests reached {sum(reached)} of {number} containers")
        expect(slowest < 3, f"a request took {slowest:.1f} s with {number} containers")

    def reboot(self):
        """Stop everything and start it in the wrong order, as after a power cut, so that IP addresses change."""
        lasting = [each["Id"] for each in self.stack.containers() if each["State"]["Running"]]
        names = {each["Id"]: each["Name"] for each in self.stack.containers()}
        docker("stop", *lasting)
        for container in sorted(lasting, key=lambda each: names[each]):
            docker("start", container)
        self.stack.wait_healthy()
        wait_for(lambda: self.visitor.get("/shop")[0] == 200, "the shop", 60)
        if self.stack.compose.name == "docker-compose.scale.yml":
            self.expect_spread(2)
        return self.buy()

    def reject_admin(self):
        """Try the default password of admin, which must be refused, then the chosen one."""
        visitor = Visitor(self.url)
        token = re.search(r'csrf_token: "([^"]+)"', visitor.read("/web/login"))[1]
        page = visitor.read("/web/login", {"login": "admin", "password": "admin", "csrf_token": token})
        expect('name="password"' in page, "admin/admin is accepted")
        Visitor(self.url).log_in("admin", self.stack.variables["ADMIN_PASSWORD"])


class Watch:
    """Requests a page repeatedly and records failures.

    :param str url: the shop's address
    """

    def __init__(self, url):
        self.visitor = Visitor(url)
        self.failed, self.bare = [], []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self):
        while not self.stopped.wait(0.5):
            status, body = self.visitor.get("/shop")
            if status != 200:
                self.failed.append(time.monotonic())
                if UNAVAILABLE not in body:
                    self.bare.append((status, body[:80]))

    def seconds(self):
        """:return: the seconds between the first and the last failure"""
        return self.failed[-1] - self.failed[0] if self.failed else 0

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_error):
        self.stopped.set()
        self.thread.join()


def run(options):
    """Test both compose files.

    :return: the exit code
    :rtype: int
    """
    docker_answers()
    images = provide_images(SMALL, SCALED)
    say("Images: " + ", ".join(f"{name} ({used or 'a substitute'})" for name, used in images.items()))
    sys.path.insert(0, str(paths.REPOSITORY))
    failures = []
    with browser.launch(browser.ensure_chromium()) as chromium:

        def page_of():
            return OpenPage(chromium)

        failures += check_unreadable(images)
        failures += check_small(images, page_of)
        failures += check_scaled(images, page_of)
    for failure in failures:
        say(f"FAILED {failure}")
    say("Nothing failed." if not failures else f"{len(failures)} failed.")
    return int(bool(failures))


class OpenPage:
    """A page in a new browser context."""

    def __init__(self, chromium):
        self.context = browser.open_context(chromium)

    def __enter__(self):
        return self.context.__enter__().new_page()

    def __exit__(self, *error):
        self.context.__exit__(*error)


def docker_answers():
    """:raise DevError: if no Docker engine answers"""
    try:
        docker("version")
    except (DevError, FileNotFoundError) as error:
        raise DevError(
            "./dev docker needs a Docker engine that answers.",
            "Start it, or set DOCKER_HOST to its socket. " + getattr(error, "advice", ""),
        ) from error


def check_unreadable(images):
    """Check that `up` fails in a folder that only its owner can read, and that the log explains how to fix it."""
    say(f"\n{SMALL}, in a folder that only its owner can read")
    check = Check(Stack(SMALL, small_variables(COMPOSE_PROJECT_NAME="check-unreadable"), images), None)

    def up():
        subprocess.run(["chmod", "-R", "go=", check.stack.folder], check=True)
        result = check.stack.run("up", "--detach", check=False)
        expect(result.returncode, "it started")
        said = check.stack.run("logs", "install").stdout
        expect("chmod" in said, f"install logged {said[-300:]}")

    check.step("it fails and logs the reason", up)
    check.step("down leaves nothing", expect_nothing_left, check.stack)
    return check.failures


def check_small(images, page_of):
    """Check the shop of `docker-compose.yml`."""
    say(f"\n{SMALL}")
    check = Check(Stack(SMALL, small_variables(), images), page_of)
    if check.step("first start", check.stack.up):
        common(check)
        for service in ("web", "mail", "cron", "db"):
            check.step(f"restart {service}", check.restart, service)
        finish(check)
    check.step("down leaves nothing", expect_nothing_left, check.stack)
    return check.failures


def check_scaled(images, page_of):
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
    stack = Stack(SCALED, scaled_variables(), images, {"mail": mail, "install": demo})
    check = Check(stack, page_of)
    if check.step("first start", stack.up):
        check.step("admin's password", check.reject_admin)
        common(check)
        # `web` comes last: after an outage of the replica, Odoo doesn't use it for 20 minutes unless it is restarted.
        for service in ("balancer", "cron", "db-replica", "db", "web"):
            check.step(f"restart {service}", check.restart, service)
        check.step("the primary is down", check.lose_primary)
        check.step("more containers, fewer", check.scale)
        finish(check)
    check.step("down leaves nothing", expect_nothing_left, stack)
    return check.failures


def common(check):
    """Run the first steps, which both compose files have in common."""
    check.step("the very first visit", check.open_first_pages)
    check.step("a guest's order and its invitation", check.buy)
    check.step("an agent's pages and a PDF file", check.read_as_agent)
    check.step("a web socket", check.open_web_socket)
    check.step("paused scheduled actions are noticed", check.notice_standstill)


def finish(check):
    """Run the last steps, which both compose files have in common."""
    for service in ("web", "cron"):
        check.step(f"{service} is killed", check.crash, service)
    check.step("update", check.update)
    check.step("reboot", check.reboot)
    check.step("an agent's pages and a PDF file", check.read_as_agent)


def small_variables(**changes):
    """:return: the variables of .env"""
    return {
        "COMPOSE_PROJECT_NAME": "check-small",
        "POSTGRES_PASSWORD": PASSWORD,
        "BASE_URL": f"http://localhost:{PORT}",
        "ODOO_PORT": str(PORT),
        "MAIL_PORT": str(MAIL_PORT),
        **changes,
    }


def scaled_variables():
    """:return: the variables of .env"""
    return {
        "COMPOSE_PROJECT_NAME": "check-scaled",
        "POSTGRES_PASSWORD": PASSWORD,
        "REPLICATION_PASSWORD": PASSWORD,
        "ADMIN_PASSWORD": PASSWORD,
        "BASE_URL": f"http://localhost:{PORT}",
        "SMTP_HOST": "mail",
        "SMTP_PORT": "1025",
        "HTTP_PORT": str(PORT),
        "WEB_CONTAINERS": "2",
    }


def expect_nothing_left(stack):
    """Remove the stack and check that nothing is left."""
    left = stack.down()
    expect(not left, f"left: {left}")


def expect(condition, problem):
    """:raise DevError: if the condition is false"""
    if not condition:
        raise DevError(problem)
