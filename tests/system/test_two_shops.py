"""Two websites of two companies in one database, in three languages: their customers and agents are kept apart."""

import re

import pytest
from lxml import html

from devtools import recipes
from devtools.browser import open_context
from tests.system.agent import log_in, sign_in
from tests.system.checkout import HttpGuest
from tests.system.conftest import RETRIED, SEND_INVITATIONS
from tests.system.test_returning_guest import PASSWORD, accept_over_http

pytestmark = pytest.mark.long

EMAIL = "rita@example.com"
# Both hosts are this machine; each is the domain of one website.
HOSTS = {"My Website": "localhost", "My Website 2": "127.0.0.1"}
SHARED_CUSTOMER = "Acme Corporation"


@pytest.fixture(scope="module")
def shop(make_module_shop, databases, odoo_source, dev_session):
    """A running server with two shops."""
    log = dev_session.log_file("prepare-two-shops")
    shop = make_module_shop(
        "two-shops", template=databases.prepare(recipes.two_shops(), odoo_source, log), check_log=[RETRIED]
    )
    for website in shop.admin.read("website", [["name", "in", list(HOSTS)]], "name"):
        address = f"http://{HOSTS[website['name']]}:{shop.server.port}"
        shop.admin.call("website", "write", [website["id"]], {"domain": address})
    return shop


@pytest.fixture(scope="module")
def second(shop):
    """The second shop's URL."""
    return f"http://{HOSTS['My Website 2']}:{shop.server.port}"


def invitation_to(shop, email):
    """Return the only invitation to an address."""
    shop.run_cron(SEND_INVITATIONS)
    (invitation,) = [mail for mail in shop.mail.to(email) if "/my/invitation/" in mail.html]
    return invitation


def test_a_guest_of_the_second_shop_is_invited_by_it_in_french(shop, second):
    guest = HttpGuest(second, "francine@example.com", name="Francine", language="fr_FR")
    (message,) = html.fromstring(guest.confirmation).xpath("//*[@id='portal_account_created']")
    assert "Nous avons créé un compte pour vous" in message.text_content()

    invitation = invitation_to(shop, "francine@example.com")
    assert "choisissez un mot de passe" in invitation.subject
    assert "My Website 2" in invitation.subject
    assert str(invitation.message["From"]) == "My Website 2 <us@example.com>"
    links = [link for link in invitation.links if "/my/" in link]
    assert links
    assert all(link.startswith(f"{second}/") for link in links), links
    francine = [["login", "=", "francine@example.com"]]
    (user,) = shop.admin.read("res.users", francine, "company_ids", "website_id", "lang")
    (company,) = shop.admin.read("res.company", [["email", "=", "us@example.com"]], "id")
    assert (user["company_ids"], user["website_id"][1], user["lang"]) == ([company["id"]], "My Website 2", "fr_FR")

    page = html.fromstring(guest.session.get(links[0]).text)
    assert page.xpath("//input[@name='password']")
    assert "My Website 2" in page.xpath("//main")[0].text_content()
    assert page.get("lang") == "fr-FR"


def test_a_returning_guest_signs_in_at_the_shop_that_the_account_is_for(shop, second, browser):
    HttpGuest(second, EMAIL)
    accept_over_http(shop, EMAIL)

    # The account doesn't exist in the first shop.
    with open_context(browser) as elsewhere:
        page = elsewhere.new_page()
        page.goto(f"{shop.url}/web/login")
        sign_in(page, EMAIL, PASSWORD)
        page.locator("form.oe_login_form .alert-danger").wait_for()

    with open_context(browser) as again:
        guest = HttpGuest(second, EMAIL, name="Rita In A Hurry")
        page = guest.open_confirmation(again)
        page.locator("#portal_join a").click()
        sign_in(page, EMAIL, PASSWORD)
        page.wait_for_url(re.compile(rf"^{re.escape(second)}/my/orders/\d+"))
        assert guest.order in page.locator("#wrap").inner_text()
        assert "added to your account" in page.locator("#portal_joined").inner_text()
    assert len(shop.users(EMAIL)) == 1

    # There the same address belongs to a new customer, who gets another account.
    confirmation = HttpGuest(shop.url, EMAIL).confirmation
    assert 'id="portal_account_created"' in confirmation
    assert 'id="portal_join"' not in confirmation
    assert len(shop.users(EMAIL)) == 2


def test_an_agent_of_the_first_company_sees_nothing_of_the_second_ones(shop, browser):
    (customer,) = shop.admin.read("res.partner", [["name", "=", SHARED_CUSTOMER], ["is_company", "=", True]], "id")
    agent = log_in(shop.url)
    with open_context(browser) as context:
        context.add_cookies([{"name": "session_id", "value": agent.cookies["session_id"], "url": shop.url}])
        page = context.new_page()
        for path, documents in sold_to(shop, customer["id"]).items():
            assert set(documents.values()) == {"YourCompany", "My US Company"}, "each company has sold to the customer"
            page.goto(f"{shop.url}/my/agent/{path}?customer={customer['id']}")
            shown = set(re.findall(rf"/my/agent/{path}/(\d+)", page.content()))
            for document, company in documents.items():
                is_own = company == "YourCompany"
                assert (str(document) in shown) == is_own, (path, document)
                status = agent.get(f"{shop.url}/my/agent/{path}/{document}").status_code
                assert status == (200 if is_own else 404), (path, document)


def sold_to(shop, customer_id):
    """Read the documents of both companies for a customer.

    :return: the company of each document, by page
    :rtype: dict[str, dict[int, str]]
    """
    sold = [["partner_id", "=", customer_id]]
    invoiced = [*sold, ["state", "=", "posted"], ["move_type", "=", "out_invoice"]]
    found = {
        "orders": shop.admin.read("sale.order", [*sold, ["state", "=", "sale"]], "company_id"),
        "invoices": shop.admin.read("account.move", invoiced, "company_id"),
    }
    return {path: {row["id"]: row["company_id"][1] for row in rows} for path, rows in found.items()}
