"""The main feature: a shopper without an account buys something and gets an account."""

import re

import pytest

from devtools.browser import open_context
from tests.system.checkout import HttpGuest, buy_as_guest
from tests.system.conftest import SEND_INVITATIONS

EMAIL = "greta.guest@example.com"
MESSAGE = "#portal_account_created"


@pytest.fixture(scope="module")
def shop(make_module_shop):
    """A running shop with demo data and a mail server."""
    return make_module_shop("checkout")


def test_a_guest_buys_gets_one_invitation_and_lands_on_the_order(shop, browser, page):
    # 1. A guest fills the cart, enters name, address and email, and pays.
    buy_as_guest(page, shop.url, EMAIL)

    # 2. The page announces the account and the next step; it shows no "Sign Up" button.
    message = page.locator(MESSAGE)
    assert EMAIL in message.inner_text()
    assert "choose a password" in message.inner_text()
    assert message.get_attribute("role") == "status"
    assert not page.get_by_role("button", name="Sign Up").count()
    assert not page.locator("#wrap a[href*='token=']").count()

    # 3. The order's contact has one portal user, and the order shows it.
    (user,) = shop.users(EMAIL)
    (order,) = shop.admin.read(
        "sale.order", [["partner_id", "=", user["partner_id"][0]]], "id", "name", "state", "is_user_created"
    )
    assert (order["state"], order["is_user_created"], user["share"]) == ("sale", True, True)
    notes = shop.admin.read(
        "mail.message",
        [["model", "=", "sale.order"], ["res_id", "=", order["id"]], ["body", "ilike", "portal account"]],
        "body",
    )
    assert len(notes) == 1

    # 4. One invitation is sent, with a link on the website's domain.
    invitation = shop.mail.wait_for(is_invitation)
    assert invitation.recipients == [EMAIL]
    assert order["name"] in invitation.html
    (link, decline) = [link for link in invitation.links if "/my/invitation/" in link]
    assert link.startswith(shop.url)
    assert decline.endswith("/decline")

    # 5. In another browser, the customer sets a password and sees the order.
    with open_context(browser) as stranger:
        follow = stranger.new_page()
        follow.goto(link)
        follow.fill("input[name=password]", "a long password")
        follow.fill("input[name=confirm_password]", "a long password")
        follow.locator("form[action*='/my/invitation/'] button[type=submit]").click()
        follow.wait_for_url(re.compile(rf"/my/orders/{order['id']}"))
        assert order["name"] in follow.locator("#wrap").inner_text()
        assert "Greta Guest" in follow.locator("header#top").inner_text()
        # One mail in addition to Odoo's own confirmation: no "Welcome", no "Password Changed".
        shop.run_cron("mail.ir_cron_mail_scheduler_action")
        subjects = [mail.subject for mail in shop.mail.to(EMAIL)]
        assert len(subjects) == 2, subjects

    # 6. The same email buys again as a guest: no further account and no further invitation.
    assert MESSAGE.strip("#") not in HttpGuest(shop.url, EMAIL).confirmation
    assert len(shop.users(EMAIL)) == 1
    flagged = shop.admin.read("sale.order", [["is_user_created", "=", True], ["id", ">=", order["id"]]], "id")
    assert flagged == [{"id": order["id"]}]
    shop.run_cron(SEND_INVITATIONS)
    assert len([mail for mail in shop.mail.to(EMAIL) if is_invitation(mail)]) == 1


def test_a_shopper_who_reads_french_is_told_in_french(shop, page):
    (french,) = shop.admin.read("res.lang", [["code", "=", "fr_FR"]], "id")
    (website, *_others) = shop.admin.read("website", [], "id")
    shop.admin.call("website", "write", [website["id"]], {"language_ids": [[4, french["id"]]]})
    buy_as_guest(page, f"{shop.url}/fr", "francine@example.com", name="Francine")
    assert "Nous avons créé un compte pour vous" in page.locator(MESSAGE).inner_text()
    mail = shop.mail.wait_for(lambda mail: "francine@example.com" in mail.recipients and "/my/invitation/" in mail.html)
    assert "choisissez un mot de passe" in mail.subject


def is_invitation(mail):
    return "choose a password" in mail.subject and EMAIL in mail.recipients
