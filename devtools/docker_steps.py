"""The steps of `./dev docker`: what a shopper, an agent and an administrator do with a running compose file."""

import json
import re
import signal
import threading
import time
from email import message_from_bytes, policy
from html import unescape
from urllib.parse import urljoin

import requests
import websocket

from tests.system import agent, checkout

from . import browser, paths
from .docker_stack import MAIL_PORT, docker, read_log, wait_for
from .errors import DevError
from .progress import say

PORT = 18069
UPDATE = "--update=sale_auto_portal_user,portal_agent_account"
UNAVAILABLE = "Back in a moment"
PAGES = ("/", "/shop", "/web/login")
# Sends a signal to the processes for scheduled actions: all children of the main process of `cron`.
SIGNAL_CHILDREN = """
import os, pathlib, sys
for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
    if stat.read_text().rsplit(")", 1)[1].split()[1] == "1" and int(stat.parent.name) != os.getpid():
        os.kill(int(stat.parent.name), int(sys.argv[1]))
"""


def expect(condition, problem):
    """:raise DevError: if the condition is false"""
    if not condition:
        raise DevError(problem)


class Visitor:
    """A visitor with cookies of their own.

    :param str url: the shop's URL
    :param requests.Session session: the session of a user who has signed in; by default the visitor has not
    """

    def __init__(self, url, session=None):
        self.url = url
        self.session = session or requests.Session()
        # A server that restarts would break a connection that stays open.
        self.session.headers["Connection"] = "close"

    def get(self, path, timeout=60):
        """:return: status and body of the response; the status is 0 if no server answers"""
        try:
            answer = self.session.get(urljoin(self.url, path), timeout=timeout)
        except requests.RequestException:
            return 0, ""
        return answer.status_code, answer.content.decode(errors="replace")

    def read(self, path):
        """:return: the body of a response, which must have status 200"""
        status, body = self.get(path)
        expect(status == 200, f"{path}: status {status}")
        return body

    def is_signed_in(self):
        """:return: whether the portal opens instead of the sign-in form"""
        return 'name="password"' not in self.read("/my")


class Watch:
    """Requests a page repeatedly and records failures.

    :param str url: the shop's URL
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


class Check:
    """Runs steps on one compose file and collects the failures.

    :param Stack stack: the services
    :param chromium: Playwright's `Browser`
    """

    def __init__(self, stack, chromium):
        self.stack = stack
        self.chromium = chromium
        self.url = f"http://localhost:{PORT}"
        self.visitor = Visitor(self.url)
        self.has_balancer = stack.compose.name == "docker-compose.scale.yml"
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

    def wait_for_shop(self, *services):
        """Wait until the services are healthy and the shop answers."""
        self.stack.wait_healthy(*services)
        wait_for(lambda: self.visitor.get("/shop")[0] == 200, "the shop", 60)

    def sign_in(self, login, password):
        """Sign in with the form.

        :return: the user
        :rtype: Visitor
        """
        user = Visitor(self.url, agent.log_in(self.url, login, password))
        expect(user.is_signed_in(), f"{login} can't sign in")
        return user

    def reject_admin(self):
        """Try the default password of admin, which must be refused, then the chosen one."""
        guess = Visitor(self.url, agent.log_in(self.url, "admin", "admin"))
        expect(not guess.is_signed_in(), "admin/admin is accepted")
        self.sign_in("admin", self.stack.variables["ADMIN_PASSWORD"])

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
        self.guests += 1
        address = f"guest{self.guests}@example.com"
        start = time.monotonic()
        with browser.open_context(self.chromium) as context:
            checkout.buy_as_guest(context.new_page(), self.url, address)
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
        user = self.sign_in(agent.LOGIN, agent.LOGIN)
        bodies = {path: user.read(path) for path in agent.PAGES}
        order = re.search(r"/my/agent/orders/\d+", bodies["/my/agent/orders"])
        expect(order, "the agent sees no order")
        start = time.monotonic()
        status, body = user.get(f"{order[0]}?report_type=pdf", timeout=120)
        expect(status == 200 and body.startswith("%PDF"), f"the PDF file: status {status}")
        expect(time.monotonic() - start < 60, "printing takes a minute: wkhtmltopdf can't load the stylesheets")

    def open_web_socket(self):
        """Open a web socket as a browser does."""
        websocket.create_connection(f"ws://localhost:{PORT}/websocket", timeout=30, origin=self.url).close()

    def restart(self, service):
        """Restart a service; the shop must then sell and invite as before."""
        self.stack.run("restart", service)
        self.wait_for_shop()
        return self.buy() if service in ("db", "cron", "mail") else None

    def crash(self, service):
        """Kill a container; Docker must start it again."""
        before = self.stack.crash(service)
        started = ("inspect", "--format={{.State.StartedAt}}", before["Id"])
        wait_for(lambda: docker(*started).strip() != before["State"]["StartedAt"], f"another {service}", 60)
        self.wait_for_shop()

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
            self.wait_for_shop("web", "cron")
        if self.has_balancer:
            expect(not watch.bare, f"visitors saw {watch.bare[:5]}")
        return f"the shop was down for {watch.seconds():.0f} s; {self.buy()}"

    def lose_primary(self):
        """Stop the primary: agents must still read, other visitors must see the balancer's page."""
        user = self.sign_in(agent.LOGIN, agent.LOGIN)
        self.stack.run("stop", "db")
        try:
            wait_for(lambda: UNAVAILABLE in self.visitor.get("/shop")[1], "the balancer's page", 10)
            read = [user.get(path)[0] for path in agent.PAGES]
        finally:
            self.stack.run("start", "db")
        self.stack.wait_healthy()
        expect(read == [200] * len(read), f"the agent's pages: {read}")
        self.wait_for_shop()
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
        lasting = [each for each in self.stack.containers() if each["State"]["Running"]]
        docker("stop", *(each["Id"] for each in lasting))
        for container in sorted(lasting, key=lambda each: each["Name"]):
            docker("start", container["Id"])
        self.wait_for_shop()
        if self.has_balancer:
            self.expect_spread(2)
        return self.buy()

    def expect_nothing_left(self):
        """Remove the stack and check that nothing is left."""
        left = self.stack.down()
        expect(not left, f"left: {left}")
