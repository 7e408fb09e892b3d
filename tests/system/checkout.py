"""What a shopper does in the browser, from the shop to the confirmation page."""

import re

PRODUCT = "E-COM11"  # an internal reference reads the same in every language


def buy_as_guest(page, shop_url, email, name="Greta Guest", product=PRODUCT):
    """Buy something without logging in.

    :param page: Playwright page
    :param str shop_url: the shop's address
    :param str email: what the shopper types as email address
    :param str name: what the shopper types as name
    :param str product: what is bought
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
    """Fill in the form of the checkout."""
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
    page.select_option("select[name=state_id]", label="Pennsylvania")  # states have one name in all languages
    _press_main_button(page)
    page.wait_for_url(re.compile(r"/shop/(checkout|confirm_order|payment)"))
    _wait_for_scripts(page)
    if "/shop/payment" not in page.url:
        _press_main_button(page)
        page.wait_for_url("**/shop/payment")


def pay(page):
    """Pay with the demo provider, and arrive at the confirmation page."""
    _wait_for_scripts(page)
    page.locator("button[name=o_payment_submit_button]:visible").first.click()
    page.wait_for_url("**/shop/confirmation")


def _wait_for_scripts(page):
    """Wait until the page listens: its scripts come after itself."""
    page.locator("body[is-ready=true]").wait_for(state="attached")


def _press_main_button(page):
    page.locator("a[name=website_sale_main_button]:visible").first.click()
