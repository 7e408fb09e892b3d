"""The people of `load.py`, for locust: shoppers who check out, and readers who turn the pages of the portal.

Every request goes to any of the servers, as a balancer without sticky sessions sends it.
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
    """Somebody in front of a browser."""

    abstract = True
    host = JOB["servers"][0]
    wait_time = between(0.5 * JOB["think"], 1.5 * JOB["think"])

    def ask(self, step, method, path, **options):
        """Send a request to one of the servers.

        :param str step: what locust counts it as
        :param str method: GET or POST
        :param str path: the address on the server
        :return: the answer
        """
        answer = self.client.request(method, random.choice(JOB["servers"]) + path, name=step, **options)
        answer.raise_for_status()
        return answer

    def call(self, step, path, **params):
        """Call a route as the pages' scripts do.

        :return: what it answered: `result`, or `error`
        :rtype: dict
        """
        body = {"jsonrpc": "2.0", "method": "call", "params": params}
        return self.ask(step, "POST", path, json=body).json()


class Reader(Person):
    """Somebody who signs in once and turns pages."""

    abstract = not JOB["readers"]
    fixed_count = len(JOB["readers"])

    def on_start(self):
        """Sign in; the login is the password."""
        login, self.pages = JOB["readers"].pop()
        token = CSRF_TOKEN.search(self.ask("sign in", "GET", "/web/login").text)[1]
        form = {"login": login, "password": login, "csrf_token": token}
        self.ask("sign in", "POST", "/web/login", data=form)

    @task
    def read(self):
        """Open one of the pages."""
        assert "/web/login" not in self.ask("page", "GET", random.choice(self.pages)).url, "signed out"


class Shopper(Person):
    """Somebody who buys something without an account, again and again."""

    fixed_count = JOB["shoppers"]
    number = 0

    def on_start(self):
        """Take a number; two neighbours share every fourth address."""
        Shopper.number += 1
        self.number, self.begun = Shopper.number, 0

    @task
    def buy(self):
        """Buy something under a new address."""
        self.begun += 1
        self.client.cookies.clear()
        who = f"pair{self.number // 2}" if self.begun % 4 == 0 else f"shopper{self.number}"
        self.fill_cart()
        time.sleep(self.wait_time())  # `self.wait` would end here when the time is over
        self.type_address(f"{who}.{self.begun}@{JOB['domain']}")
        time.sleep(self.wait_time())
        self.pay()

    def fill_cart(self):
        """Find the product, and put it into the cart."""
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
        """Pay by Odoo's demo provider, and wait for the confirmation."""
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
        # Two transactions may meet: the page asks again, and so does everybody who waits for it.
        while "error" in (answer := self.call("confirm", "/payment/status/poll", csrf_token=token)):
            assert answer["error"]["data"]["message"] == "retry", answer
            time.sleep(ASK_AGAIN)
        page = self.ask("thanks", "GET", answer["result"]["landing_route"])
        assert page.url.endswith("/shop/confirmation"), page.url
