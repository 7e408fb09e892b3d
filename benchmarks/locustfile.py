"""The visitors of `load.py`, for locust: shoppers who check out, and readers who open pages of the portal.

Each request goes to a random server, as with a balancer without sticky sessions.
"""

import json
import os
import random
import re
import time

from locust import HttpUser, between, task
from lxml import html

JOB = json.loads(os.environ["LOAD_JOB"])
PRODUCT = "E-COM11"
ASK_AGAIN = 3
CSRF_TOKEN = re.compile(r'csrf_token: "([^"]+)"')


class Person(HttpUser):
    """A visitor with a browser."""

    abstract = True
    host = JOB["servers"][0]
    wait_time = between(0.5 * JOB["think"], 1.5 * JOB["think"])

    def ask(self, step, method, path, **options):
        """Send a request to one of the servers.

        :param str step: name of the request in locust's statistics
        :param str method: GET or POST
        :param str path: path on the server
        :return: the response
        """
        answer = self.client.request(method, random.choice(JOB["servers"]) + path, name=step, **options)
        answer.raise_for_status()
        return answer

    def call(self, step, path, **params):
        """Call a JSON route as the pages' scripts do.

        :return: the response, with `result` or `error`
        :rtype: dict
        """
        body = {"jsonrpc": "2.0", "method": "call", "params": params}
        return self.ask(step, "POST", path, json=body).json()


class Reader(Person):
    """A visitor who signs in once and opens pages."""

    abstract = not JOB["readers"]
    fixed_count = len(JOB["readers"])

    def on_start(self):
        """Sign in; the password equals the login."""
        login, self.pages = JOB["readers"].pop()
        token = CSRF_TOKEN.search(self.ask("sign in", "GET", "/web/login").text)[1]
        form = {"login": login, "password": login, "csrf_token": token}
        self.ask("sign in", "POST", "/web/login", data=form)

    @task
    def read(self):
        """Open one of the pages."""
        assert "/web/login" not in self.ask("page", "GET", random.choice(self.pages)).url, "signed out"


class Shopper(Person):
    """A visitor who repeatedly buys something without an account."""

    fixed_count = JOB["shoppers"]
    number = 0

    def on_start(self):
        """Assign a number; two neighbours share every fourth email address."""
        Shopper.number += 1
        self.number, self.begun = Shopper.number, 0

    @task
    def buy(self):
        """Buy something with a new email address."""
        self.begun += 1
        self.client.cookies.clear()
        who = f"pair{self.number // 2}" if self.begun % 4 == 0 else f"shopper{self.number}"
        self.fill_cart()
        time.sleep(self.wait_time())  # `self.wait` would stop here when the time is over
        self.type_address(f"{who}.{self.begun}@{JOB['domain']}")
        time.sleep(self.wait_time())
        self.pay()

    def fill_cart(self):
        """Find the product and put it in the cart."""
        shop = html.fromstring(self.ask("shop", "GET", f"/shop?search={PRODUCT}").text)
        (link, *_more) = shop.xpath("//*[contains(@class, 'oe_product_cart')]//a[contains(@href, '/shop/')]/@href")
        product = html.fromstring(self.ask("shop", "GET", link).text)
        names = ("product_template_id", "product_id")
        ids = {name: int(product.xpath(f"//input[@name='{name}']/@value")[0]) for name in names}
        self.call("cart", "/shop/cart/add", **ids, quantity=1)

    def type_address(self, email):
        """Fill in the address form."""
        page = html.fromstring(self.ask("checkout", "GET", "/shop/checkout?try_skip_step=true").text)
        form = page.xpath("//form[@name='address_form']")[0]
        country = form.xpath(".//select[@name='country_id']/option[@code='US']/@value")[0]
        info = self.call("checkout", f"/my/address/country_info/{country}", address_type="billing")["result"]
        answers = {
            "name": email.partition("@")[0],
            "email": email,
            "phone": "+1 555 0100",
            "street": "1 Main Street",
            "city": "Scranton",
            "zip": "18503",
            "country_id": country,
            "state_id": info["states"][0][0],
        }
        data = dict(form.form_values()) | answers
        sent = self.ask("checkout", "POST", form.get("data-submit-url"), data=data).json()
        self.ask("checkout", "GET", sent["redirectUrl"])

    def pay(self):
        """Pay with Odoo's demo provider and wait for the confirmation."""
        page = self.ask("checkout", "GET", "/shop/payment").text
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
        )["result"]
        details = {"payment_details": "1234", "simulated_state": "done"}
        self.call("pay", "/payment/demo/simulate_payment", reference=payment["reference"], **details)
        self.ask("pay", "GET", "/payment/status")
        # Two transactions may conflict; the page then polls again.
        while "error" in (answer := self.call("confirm", "/payment/status/poll", csrf_token=token)):
            assert answer["error"]["data"]["message"] == "retry", answer
            time.sleep(ASK_AGAIN)
        page = self.ask("thanks", "GET", answer["result"]["landing_route"])
        assert page.url.endswith("/shop/confirmation"), page.url
