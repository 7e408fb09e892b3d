"""An agent follows the weekly mail's link to a customer, its products and its statement."""

import re

import pytest

from tests.system import agent
from tests.system.test_agent_mails import DUE_NOW, WEEKLY


@pytest.fixture(scope="module")
def shop(make_module_shop):
    """A running shop with the demo data and a mail server."""
    shop = make_module_shop("agent-walk")
    shop.cluster.query(shop.database, "UPDATE res_partner SET tz = 'UTC'")
    shop.cluster.query(shop.database, DUE_NOW)
    return shop


@pytest.fixture(scope="module")
def mail(shop):
    """The weekly mail of the demo agent."""
    shop.run_cron(WEEKLY)
    return shop.mail.wait_for(
        lambda found: "agent@example.com" in found.recipients and "List-Unsubscribe" in found.message
    )


def test_from_the_weekly_mail_to_the_customer_the_products_and_the_statement(shop, mail, page):
    assert not [link for link in mail.links if "token" in link and "unsubscribe" not in link]
    [link] = {link for link in mail.links if re.fullmatch(r".*/my/agent/customers/\d+", link)} or [None]
    assert link, "a customer has stopped ordering, and the mail links to them"

    # The agent is not signed in: the sign-in page redirects to the target of the mail's link.
    page.goto(link)
    agent.sign_in(page)
    page.wait_for_url(link)
    customer = page.locator("#portal_agent_content h1, h1").first.inner_text().strip()
    assert customer == "Ready Mat"

    page.locator("section:has(#portal_agent_products) a", has_text="See all").click()
    page.wait_for_url(f"{link}/products")
    product = page.locator(".o_portal_agent_table tbody tr").first
    assert product.locator(".o_portal_agent_title").inner_text().strip()

    page.goto(link)
    statement = page.locator("a[href*='/statement']").first
    address = statement.get_attribute("href")
    assert address.startswith(link.removeprefix(shop.url) + "/statement")
    answer = page.request.get(shop.url + address)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.body().startswith(b"%PDF")


def test_unsubscribing_needs_the_link_of_the_mail_and_nothing_else(shop, mail, page):
    link = str(mail.message["List-Unsubscribe"]).strip("<>")
    wanted = "portal_agent_weekly_mail"
    users = {user["login"]: user["id"] for user in shop.admin.read("res.users", [["login", "like", "agent"]], "login")}

    def is_wanted(login):
        return shop.admin.read("res.users", [["id", "=", users[login]]], wanted)[0][wanted]

    # Another user's id with this token, a shortened token and no token all give the same 404 and change nothing.
    other = link.replace(f"user={users['agent']}", f"user={users['agent2']}")
    assert other != link
    for forged in (other, link[:-1], link.partition("&token=")[0], re.sub(r"user=\d+", "user=0", link)):
        for method in ("get", "post"):
            assert getattr(page.request, method)(forged).status == 404, forged
    assert is_wanted("agent")
    assert is_wanted("agent2")

    # Opening the link, as a mail scanner does, changes nothing; only the button does.
    page.goto(link)
    assert is_wanted("agent")
    with page.expect_response(lambda answer: answer.request.method == "POST" and "unsubscribe" in answer.url):
        page.locator("#wrap form[method=post] button[type=submit]").click()
    assert not is_wanted("agent")
    assert is_wanted("agent2")
