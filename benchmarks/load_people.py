"""The people of `load.py`: shoppers who check out, and readers who turn the pages of the portal.

Each is a thread with a session of its own, like a browser. Every request goes to any of the servers,
as a balancer without sticky sessions sends it.
"""

import random
import re
import threading
import time
from dataclasses import dataclass

import requests
from lxml import html

LONGEST_REQUEST = 240
ASK_AGAIN = 3
PRODUCT = "E-COM11"
DOMAIN = "load.example.com"
CSRF_TOKEN = re.compile(r'csrf_token: "([^"]+)"')


@dataclass(frozen=True)
class Sample:
    """One request.

    :param str step: what it was for
    :param float seconds: how long it took
    :param str error: what went wrong, empty when nothing did
    """

    step: str
    seconds: float
    error: str = ""


class RequestFailed(Exception):
    """A request that a person would have seen fail."""


class Person(threading.Thread):
    """Somebody in front of a browser, until the time is over.

    :param list[str] servers: the servers' addresses
    :param float until: when to begin nothing new, in seconds of :func:`time.monotonic`
    :param float think: seconds between two pages, on average
    :param int seed: what makes this one's choices
    """

    def __init__(self, servers, until, think, seed):
        super().__init__(daemon=True)
        self.servers = servers
        self.until = until
        self.think = think
        self.random = random.Random(seed)
        self.samples = []
        self._open_browser()

    def run(self):
        """Be busy until the time is over; what goes wrong is noted, and begun anew."""
        time.sleep(self.random.uniform(0, self.think))
        while time.monotonic() < self.until:
            try:
                self.visit()
            except RequestFailed:
                self._start_anew()
            except Exception as error:  # a page, but not the one that was expected
                self.samples.append(Sample("unexpected page", 0.0, repr(error)))
                self._start_anew()

    def visit(self):
        """Do what this person came for."""
        raise NotImplementedError

    def pause(self):
        """Read what is on the screen."""
        time.sleep(self.random.uniform(0.5, 1.5) * self.think)

    def get(self, step, path, **options):
        """Open a page.

        :param str step: what it is for
        :param str path: its address on the server
        :return: the answer
        :rtype: requests.Response
        :raise RequestFailed: for anything but a page
        """
        return self._request(step, "GET", path, **options)

    def post(self, step, path, **options):
        """Send a form."""
        return self._request(step, "POST", path, **options)

    def call(self, step, path, **params):
        """Call a route as the pages' scripts do.

        :return: what it returned
        :raise RequestFailed: it answered with an error
        """
        answer = self._call(step, path, params)
        if "error" in answer:
            self._fail(step, f"{path}: {answer['error']['data']['message']}")
        return answer.get("result")

    def _call(self, step, path, params):
        body = {"jsonrpc": "2.0", "method": "call", "params": params}
        return self._request(step, "POST", path, json=body).json()

    def _start_anew(self):
        self._open_browser()
        self.pause()

    def _open_browser(self):
        self.browser = requests.Session()
        # A balancer opens a connection per request to a server with processes.
        self.browser.headers["Connection"] = "close"

    def _request(self, step, method, path, **options):
        url = self.random.choice(self.servers) + path
        started = time.monotonic()
        try:
            answer = self.browser.request(method, url, timeout=LONGEST_REQUEST, **options)
        except requests.RequestException as error:
            self._fail(step, f"{path}: {error}", time.monotonic() - started)
        seconds = time.monotonic() - started
        if not answer.ok:
            self._fail(step, f"{path}: {answer.status_code}", seconds)
        self.samples.append(Sample(step, seconds))
        return answer

    def _fail(self, step, error, seconds=0.0):
        self.samples.append(Sample(step, seconds, error))
        raise RequestFailed(error)


class Reader(Person):
    """Somebody who logs in once and turns pages.

    :param str login: the login, which is the password too
    :param list[str] pages: the pages
    """

    step = "page"

    def __init__(self, *person, login, pages):
        super().__init__(*person)
        self.login = login
        self.pages = pages

    def _open_browser(self):
        super()._open_browser()
        self.logged_in = False

    def visit(self):
        """Log in, or open one of the pages."""
        if not self.logged_in:
            self._log_in()
        path = self.random.choice(self.pages)
        answer = self.get(self.step, path)
        if "/web/login" in answer.url:
            self.logged_in = False
            self._fail(self.step, f"{path}: logged out")
        self.pause()

    def _log_in(self):
        token = CSRF_TOKEN.search(self.get("log in", "/web/login").text)[1]
        form = {"login": self.login, "password": self.login, "csrf_token": token}
        self.post("log in", "/web/login", data=form)
        self.logged_in = True


class Shopper(Person):
    """Somebody who buys something without an account, again and again.

    :param int number: the shopper's number
    """

    def __init__(self, *person, number):
        super().__init__(*person)
        self.number = number
        self.begun = 0
        self.bought = []

    def visit(self):
        """Buy something under a new address; every fourth one is typed by a neighbour at the same time."""
        self.begun += 1
        who = f"pair{self.number // 2}" if self.begun % 4 == 0 else f"shopper{self.number}"
        self._open_browser()
        email = f"{who}.{self.begun}@{DOMAIN}"
        self._fill_cart()
        self.pause()
        self._type_address(email)
        self.pause()
        self._pay()
        self.bought.append(email)

    def _fill_cart(self):
        shop = html.fromstring(self.get("shop", f"/shop?search={PRODUCT}").text)
        (link, *_more) = shop.xpath("//*[contains(@class, 'oe_product_cart')]//a[contains(@href, '/shop/')]/@href")
        self.pause()
        product = html.fromstring(self.get("shop", link).text)
        ids = {
            name: int(product.xpath(f"//input[@name='{name}']/@value")[0])
            for name in ("product_template_id", "product_id")
        }
        self.call("cart", "/shop/cart/add", **ids, quantity=1)

    def _type_address(self, email):
        page = html.fromstring(self.get("checkout", "/shop/checkout?try_skip_step=true").text)
        form = page.xpath("//form[@name='address_form']")[0]
        answers = {
            "name": email.partition("@")[0],
            "email": email,
            "phone": "+1 555 0100",
            "street": "1 Main Street",
            "city": "Scranton",
            "zip": "18503",
            "country_id": form.xpath(".//select[@name='country_id']/option[@code='US']/@value")[0],
        }
        country = self.call("checkout", f"/my/address/country_info/{answers['country_id']}", address_type="billing")
        answers["state_id"] = country["states"][0][0]
        sent = self.post("checkout", form.get("data-submit-url"), data=dict(form.form_values()) | answers).json()
        if "redirectUrl" not in sent:
            self._fail("checkout", f"the address was refused: {sent}")
        self.get("checkout", sent["redirectUrl"])

    def _pay(self):
        page = self.get("checkout", "/shop/payment").text
        form = html.fromstring(page).xpath("//form[@id='o_payment_form']")[0]
        (method,) = form.xpath(".//input[@name='o_payment_radio'][@data-provider-code='demo']")
        token = CSRF_TOKEN.search(page)[1]
        payment = self.call(
            "pay",
            form.get("data-transaction-route"),
            provider_id=int(method.get("data-provider-id")),
            payment_method_id=int(method.get("data-payment-option-id")),
            token_id=None,
            amount=float(form.get("data-amount")),
            flow="direct",
            tokenization_requested=False,
            landing_route=form.get("data-landing-route"),
            is_validation=False,
            access_token=form.get("data-access-token"),
            csrf_token=token,
        )
        self.call(
            "pay",
            "/payment/demo/simulate_payment",
            reference=payment["reference"],
            payment_details="1234",
            simulated_state="done",
        )
        self.get("pay", "/payment/status")
        page = self.get("thanks", self._confirm(token)["landing_route"])
        if not page.url.endswith("/shop/confirmation"):
            self._fail("thanks", f"no confirmation page but {page.url}")

    def _confirm(self, token):
        """Ask whether the payment has arrived, as the page does; the first one who asks confirms the order."""
        while True:
            answer = self._call("confirm", "/payment/status/poll", {"csrf_token": token})
            if "result" in answer:
                return answer["result"]
            # Two transactions met: the page asks again, and so does everybody who waits for it.
            if (message := answer["error"]["data"]["message"]) != "retry":
                self._fail("confirm", message)
            time.sleep(ASK_AGAIN)
