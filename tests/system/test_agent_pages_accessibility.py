"""Every agent's page on screens of all widths: no overflow, no broken words, no serious finding of axe-core."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from devtools.browser import open_context
from tests.system import agent

DESKTOP, PHONE = ({"width": width, "height": 900} for width in (1280, 390))
WIDTHS = (320, 360, 390, 768, 820, 912, 1024, 1280, 1400)

# Finds elements that are wider than the screen, and words that are broken across lines. Elements that scroll, such as a
# printed document, may have wider content.
MISPLACED = """() => {
    const root = document.querySelector("#portal_agent_content");
    const width = document.documentElement.clientWidth;
    const found = [];
    const wrap = document.querySelector("#wrap");
    if (wrap.scrollWidth > wrap.clientWidth) {
        found.push(`the page scrolls sideways by ${wrap.scrollWidth - wrap.clientWidth} px`);
    }
    const isCut = (el) => el.closest(".visually-hidden, thead, .o_portal_agent_document, details, canvas");
    for (const el of root.querySelectorAll("*")) {
        const { left, right, width: own } = el.getBoundingClientRect();
        if (own && !isCut(el) && (left < -1 || right > width + 1)) {
            found.push(`${el.tagName}.${el.className} reaches from ${left} to ${right}`);
        }
    }
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    while (walker.nextNode()) {
        const node = walker.currentNode;
        if (isCut(node.parentElement) || node.parentElement.closest("select, .text-truncate")) {
            continue;
        }
        for (const { index, 0: word } of node.textContent.matchAll(/[\\p{L}\\p{N}]+/gu)) {
            range.setStart(node, index);
            range.setEnd(node, index + word.length);
            const shown = [...range.getClientRects()].filter(({ width }) => width);
            if (new Set(shown.map(({ top }) => Math.round(top))).size > 1) {
                found.push(`“${word}” is broken in ${node.parentElement.tagName}.${node.parentElement.className}`);
            }
        }
    }
    return found;
}"""

# The rules to check, between the header and the footer, which belong to the shop's theme.
OURS = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
    # no details about the elements that pass
    "resultTypes": ["violations"],
}


@pytest.fixture
def agent_page(browser, shared_shop):
    """A page of a phone on which the agent is signed in."""
    with open_context(browser, viewport=PHONE) as context:
        page = context.new_page()
        page.goto(f"{shared_shop.url}/web/login")
        agent.sign_in(page)
        page.wait_for_url("**/my**")
        yield page


def find_first_document(page):
    """:return: the path of the first customer, order or invoice in the open list, or None"""
    links = page.locator("#wrap a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    return next((link for link in links if re.match(r"/my/agent/(customers|orders|invoices)/\d+", link or "")), None)


def find_serious(page):
    """:return: axe's serious findings on the open page: the rule, its text, and the elements"""
    for violation in Axe().run(page, context="#wrap", options=OURS).response["violations"]:
        if violation["impact"] in ("serious", "critical"):
            yield violation["id"], violation["help"], [node["target"] for node in violation["nodes"]][:3]


def test_axe_finds_nothing_serious_and_every_page_fits_screens_of_all_widths(shared_shop, agent_page):
    page, paths, findings = agent_page, list(agent.PAGES), []
    for path in paths:  # the loop appends the first document of each list
        page.set_viewport_size(PHONE)
        page.goto(shared_shop.url + path)
        page.wait_for_load_state("networkidle")
        findings += [(path, "phone", *finding) for finding in find_serious(page)]
        page.set_viewport_size(DESKTOP)
        findings += [(path, "desktop", *finding) for finding in find_serious(page)]
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            findings += [(path, width, finding) for finding in page.evaluate(MISPLACED)]
        if path in agent.PAGES and (document := find_first_document(page)):
            paths.append(document)
        if re.fullmatch(r"/my/agent/customers/\d+", path):
            paths.append(f"{path}/products")
    assert {path.split("/")[3] for path in paths[len(agent.PAGES) :]} >= {"customers", "orders", "invoices"}
    assert not findings, "\n".join(map(str, findings))
