"""A shopper's steps from the shop to the confirmation page, in the browser or over HTTP."""

import re

import requests
from lxml import html

from devtools.shopper import PRODUCT, Shopper

PATIENCE = 180


def buy_as_guest(page, shop_url, email, name="Greta Guest", product=PRODUCT):
    """Buy a product without signing in.

    :param page: Playwright page
    :param str shop_url: the shop's URL
    :param str email: the shopper's email address
    :param str name: the shopper's name
    :param str product: internal reference of the product
    """
    put_in_cart(page, shop_url, product)
    type_address(page, shop_url, email, name)
    pay(page)


def put_in_cart(page, shop_url, product=PRODUCT):
    """Find a product and put it in the cart."""
    page.goto(f"{shop_url}/shop?search={product}")
    page.locator(".oe_product_cart a[href*='/shop/']").first.click()
    page.locator("#add_to_cart").wait_for()
    _wait_for_scripts(page)
    with page.expect_response(re.compile(r"/shop/cart/add")):
        page.locator("#add_to_cart").click()


def type_address(page, shop_url, email, name):
    """Fill in the address form of the checkout."""
    page.goto(f"{shop_url}/shop/checkout?try_skip_step=true")
    _wait_for_scripts(page)
    page.fill("input[name=name]", name)
    page.fill("input[name=email]", email)
    page.fill("input[name=phone]", "+1 555 0100")
    page.fill("input[name=street]", "1 Main Street")
    page.fill("input[name=city]", "Scranton")
    page.fill("input[name=zip]", "18503")
    country = page.locator("select[name=country_id] option[code=US]").get_attribute("value")
    with page.expect_response(re.compile(r"/my/address/country_info")):
        page.select_option("select[name=country_id]", value=country)
    page.select_option("select[name=state_id]", label="Pennsylvania")  # states' names are not translated
    _press_main_button(page)
    page.wait_for_url(re.compile(r"/shop/(checkout|confirm_order|payment)"))
    _wait_for_scripts(page)
    if "/shop/payment" not in page.url:
        _press_main_button(page)
        page.wait_for_url("**/shop/payment")


def pay(page):
    """Pay with the demo provider, and wait for the confirmation page."""
    _wait_for_scripts(page)
    page.locator("button[name=o_payment_submit_button]:visible").first.click()
    page.wait_for_url("**/shop/confirmation")


def _wait_for_scripts(page):
    """Wait until the page's scripts have started; they load after the page."""
    page.locator("body[is-ready=true]").wait_for(state="attached")


def _press_main_button(page):
    page.locator("a[name=website_sale_main_button]:visible").first.click()


class HttpGuest(Shopper):
    """A guest who buys something over HTTP, for tests of what comes after the purchase: a browser takes longer.

    :param str shop_url: the shop's URL
    :param str email: the shopper's email address
    :param str name: the shopper's name
    :param str language: code of the language that the shopper has chosen
    """

    def __init__(self, shop_url, email, name="Greta Guest", language="en_US"):
        self.url = shop_url
        self.session = requests.Session()
        self.session.cookies["frontend_lang"] = language
        self.session.headers["Connection"] = "close"  # at shutdown, a server waits for open connections
        self.fill_cart()
        self.type_address(email, name)
        self.confirmation = self.pay().text
        (name,) = html.fromstring(self.confirmation).xpath("//*[@id='order_name']")
        self.order = name.text_content().split()[-1]

    def ask(self, step, method, path, **options):
        """Send a request with the guest's session."""
        answer = self.session.request(method, self.url + path, timeout=PATIENCE, **options)
        answer.raise_for_status()
        return answer

    def open_confirmation(self, context):
        """Open the confirmation page in a browser.

        :param context: Playwright's `BrowserContext`, which takes the guest's session
        :return: Playwright page
        """
        context.add_cookies([{"name": "session_id", "value": self.session.cookies["session_id"], "url": self.url}])
        page = context.new_page()
        page.goto(f"{self.url}/shop/confirmation")
        return page
