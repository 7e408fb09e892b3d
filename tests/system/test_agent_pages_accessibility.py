"""No serious finding by axe-core on any page of an agent, on a desktop and on a phone."""

import contextlib
import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from devtools.browser import open_context
from tests.system import agent

WIDTHS = {"desktop": 1280, "phone": 390}
# Of the theme, the header and the footer, which are the shop's own: we answer for what is between.
OURS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


@pytest.fixture(scope="module")
def logged_in(browser, shared_shop):
    """The cookies of an agent who has logged in."""
    with open_context(browser) as context:
        page = context.new_page()
        page.goto(f"{shared_shop.url}/web/login")
        page.fill("input[name=login]", agent.LOGIN)
        page.fill("input[name=password]", agent.LOGIN)
        page.locator(".oe_login_form button[type=submit]").click()
        page.wait_for_url("**/my**")
        return context.storage_state()


@pytest.fixture
def open_as_agent(browser, logged_in):
    """A function that opens a window of some width, in which the agent is logged in."""
    with contextlib.ExitStack() as stack:

        def open_window(width):
            context = open_context(browser, viewport={"width": width, "height": 900}, storage_state=logged_in)
            return stack.enter_context(context).new_page()

        yield open_window


def first_documents(page, shop):
    """The addresses of a customer, an order and an invoice, taken from the lists."""
    for name in ("customers", "orders", "invoices"):
        page.goto(f"{shop.url}/my/agent/{name}")
        links = page.locator("#wrap a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
        yield next(link for link in links if re.match(rf"/my/agent/{name}/\d+", link or ""))


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_axe_finds_nothing_serious(shared_shop, open_as_agent, width):
    page = open_as_agent(width)
    findings = []
    for path in [*agent.PAGES, *first_documents(page, shared_shop)]:
        page.goto(shared_shop.url + path)
        page.wait_for_load_state("networkidle")
        for violation in Axe().run(page, context="#wrap", options=OURS).response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                targets = [node["target"] for node in violation["nodes"]][:3]
                findings.append((path, violation["id"], violation["help"], targets))
    assert not findings, "\n".join(map(str, findings))


@pytest.mark.parametrize("path", agent.PAGES)
def test_a_phone_never_scrolls_sideways(shared_shop, open_as_agent, path):
    page = open_as_agent(WIDTHS["phone"])
    page.goto(shared_shop.url + path)
    page.wait_for_load_state("networkidle")
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0
