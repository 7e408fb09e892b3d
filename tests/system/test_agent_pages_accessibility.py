"""No serious finding by axe-core on any page of an agent, on a desktop and on a phone."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from devtools.browser import open_context
from tests.system import agent

DESKTOP, PHONE = ({"width": width, "height": 900} for width in (1280, 390))
# Of the theme, the header and the footer, which are the shop's own: we answer for what is between.
OURS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


@pytest.fixture
def agent_page(browser, shared_shop):
    """The window of a phone, in which the agent is logged in."""
    with open_context(browser, viewport=PHONE) as context:
        page = context.new_page()
        page.goto(f"{shared_shop.url}/web/login")
        page.fill("input[name=login]", agent.LOGIN)
        page.fill("input[name=password]", agent.LOGIN)
        page.locator(".oe_login_form button[type=submit]").click()
        page.wait_for_url("**/my**")
        yield page


def find_first_document(page):
    """The address of the first customer, order or invoice in the list that is open."""
    links = page.locator("#wrap a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    return next((link for link in links if re.match(r"/my/agent/(customers|orders|invoices)/\d+", link or "")), None)


def find_serious(page):
    """What axe finds on the page that is open: the rule, what it says, and where."""
    for violation in Axe().run(page, context="#wrap", options=OURS).response["violations"]:
        if violation["impact"] in ("serious", "critical"):
            yield violation["id"], violation["help"], [node["target"] for node in violation["nodes"]][:3]


def test_axe_finds_nothing_serious_and_a_phone_never_scrolls_sideways(shared_shop, agent_page):
    page, paths, findings = agent_page, list(agent.PAGES), []
    for path in paths:  # grows by the first document of each list
        page.set_viewport_size(PHONE)
        page.goto(shared_shop.url + path)
        page.wait_for_load_state("networkidle")
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        findings += [(path, f"scrolls sideways by {overflow} px")] if overflow > 0 else []
        findings += [(path, "phone", *finding) for finding in find_serious(page)]
        page.set_viewport_size(DESKTOP)
        findings += [(path, "desktop", *finding) for finding in find_serious(page)]
        if path in agent.PAGES and (document := find_first_document(page)):
            paths.append(document)
    assert {path.split("/")[3] for path in paths[len(agent.PAGES) :]} >= {"customers", "orders", "invoices"}
    assert not findings, "\n".join(map(str, findings))
