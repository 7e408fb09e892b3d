"""The steps of a shopper without an account, as the shop's pages and their scripts request them over HTTP."""

import re
import time

from lxml import html

PRODUCT = "E-COM11"  # an internal reference is the same in every language
ASK_AGAIN = 3
CSRF_TOKEN = re.compile(r'csrf_token: "([^"]+)"')


class Visitor:
    """A visitor of a shop; a subclass sends the requests."""

    def ask(self, step, method, path, **options):
        """Send a request.

        :param str step: name of the step
        :param str method: GET or POST
        :param str path: path on the server
        :param options: arguments of `requests.Session.request`
        :return: the response
        :rtype: requests.Response
        """
        raise NotImplementedError

    def call(self, step, path, **params):
        """Call a JSON route as the pages' scripts do.

        :return: the response, with `result` or `error`
        :rtype: dict
        """
        body = {"jsonrpc": "2.0", "method": "call", "params": params}
        return self.ask(step, "POST", path, json=body).json()


class Shopper(Visitor):
    """A visitor who buys something without signing in."""

    product = PRODUCT

    def fill_cart(self):
        """Find the product and put it in the cart."""
        shop = html.fromstring(self.ask("shop", "GET", f"/shop?search={self.product}").text)
        (link, *_more) = shop.xpath("//*[contains(@class, 'oe_product_cart')]//a[contains(@href, '/shop/')]/@href")
        product = html.fromstring(self.ask("shop", "GET", link).text)
        names = ("product_template_id", "product_id")
        ids = {name: int(product.xpath(f"//input[@name='{name}']/@value")[0]) for name in names}
        self.call("cart", "/shop/cart/add", **ids, quantity=1)

    def type_address(self, email, name):
        """Fill in the address form.

        :param str email: the shopper's email address
        :param str name: the shopper's name
        """
        page = html.fromstring(self.ask("checkout", "GET", "/shop/checkout?try_skip_step=true").text)
        form = page.xpath("//form[@name='address_form']")[0]
        country = form.xpath(".//select[@name='country_id']/option[@code='US']/@value")[0]
        info = self.call("checkout", f"/my/address/country_info/{country}", address_type="billing")["result"]
        answers = {
            "name": name,
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
        """Pay with Odoo's demo provider and wait for the confirmation.

        :return: the confirmation page
        :rtype: requests.Response
        """
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
        return page
