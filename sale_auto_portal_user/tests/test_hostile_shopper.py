"""Shoppers who order with the address of somebody else, or read what is meant for its owner."""

from urllib.parse import urlsplit

from lxml import html

from odoo.http import root
from odoo.tests import tagged
from odoo.tools.mail import email_normalize_all

from .common import PortalAccountCommon, PortalAccountHttpCommon


@tagged("post_install", "-at_install", "once")
class TestHostileAddresses(PortalAccountCommon):
    """An account's login is always the address that the invitation is sent to."""

    def login_for(self, email):
        return self.order(self.customer(email=email))._get_portal_login()

    def test_an_address_with_another_one_in_a_comment_gives_no_login(self):
        for email in (
            "attacker@y.com (<victim@x.com",
            "attacker@y.com (<victim@x.com>",
            "attacker@y.com (x (<victim@x.com>",
            "attacker@y.com ((<victim@x.com>",
            "(<victim@x.com>",
            "attacker@y.com <victim@x.com>",
            "attacker@y.com\n<victim@x.com>",
            "group: attacker@y.com;<victim@x.com>",
            "[attacker@y.com]<victim@x.com>",
            "attacker@y.com)<victim@x.com>",
            "attacker@y.com\\<victim@x.com>",
            "attacker@y.com:<victim@x.com>",
        ):
            with self.subTest(email=email):
                self.assertFalse(self.login_for(email))

    def test_a_login_is_always_the_one_address_that_mails_go_to(self):
        names = (
            "",
            "a@y.com",
            "(a@y.com)",
            '"a@y.com"',
            "(",
            '"',
            "a@y.com,",
            "a@y.com;",
            "<a@y.com>",
            "x:",
            "@y.com,",
        )
        addresses = ("<victim@x.com", "<victim@x.com>", "victim@x.com", "<@y.com:victim@x.com>", "victim(c)@x.com")
        for name in names:
            for address in addresses:
                email = f"{name} {address}"
                login = self.login_for(email)
                if login:
                    self.assertEqual(email_normalize_all(email), [login], email)

    def test_usual_spellings_of_an_address_give_the_login(self):
        for email in (
            "Nora <NORA@example.com>",
            "Nora (the first) <nora@example.com>",
            "Doe, Nora <nora@example.com>",
            '"nora@home" <nora@example.com>',
            "Nora O'Neil [shop] <nora@example.com",
            " nora@example.com ",
        ):
            with self.subTest(email=email):
                self.assertEqual(self.login_for(email), "nora@example.com")

    def test_an_order_with_such_an_address_is_confirmed_without_an_account(self):
        order = self.order(self.customer(email="attacker@y.com (<victim@x.com"))
        order.action_confirm()
        self.assert_no_account(order, "invalid_email")


@tagged("post_install", "-at_install", "once")
class TestGuestOfTheOrder(PortalAccountHttpCommon):
    """Whoever placed the order may not be the owner of the address."""

    PAGES = ("/shop/confirmation", "/shop/print")

    def setUp(self):
        super().setUp()
        self.sale = self.order(self.customer(), website_id=self.website.id)
        self.sale.action_confirm()

    def place(self, user=None):
        """Create a session in which the order was placed."""
        self.browser = self.authenticate(user, user)
        self.browser["sale_last_order_id"] = self.sale.id
        root.session_store.save(self.browser)

    def test_the_guest_sees_the_order_until_its_owner_has_logged_in(self):
        self.place()
        self.assertEqual(self.url_open("/shop/confirmation", allow_redirects=False).status_code, 200)
        self.log_in(self.users_of(self.sale.partner_id))
        self.sale.partner_id.street = "Secret Lane 1"
        self.env.flush_all()
        for page in self.PAGES:
            self.place()
            response = self.url_open(page, allow_redirects=False)
            self.assertEqual(response.status_code, 303, page)
            self.assertTrue(
                response.headers["Location"].endswith(f"/web/login?redirect=%2Fmy%2Forders%2F{self.sale.id}"), page
            )
            self.assertNotIn("Secret Lane", response.text)
            self.assertNotIn("sale_last_order_id", root.session_store.get(self.browser.sid), page)

    def sign_in(self, user):
        """Sign in with Odoo's form, in the session that placed the order."""
        user.write({"password": user.login})
        self.env.flush_all()
        [token, *_others] = html.fromstring(self.url_open("/web/login").content).xpath("//input[@name='csrf_token']")
        data = {"login": user.login, "password": user.login, "csrf_token": token.get("value")}
        self.assertEqual(self.url_open("/web/login", data=data, allow_redirects=False).status_code, 303)

    def test_a_guest_who_signs_in_with_another_account_does_not_see_what_the_owner_changed(self):
        stranger = self.portal_user(self.customer(name="Otto", email="otto@example.com"))
        self.place()
        self.sign_in(stranger)
        self.assertEqual(self.url_open("/shop/confirmation", allow_redirects=False).status_code, 200)
        for page in self.PAGES:
            self.sale.partner_id.street = False
            self.place()
            self.sign_in(stranger)
            self.log_in(self.users_of(self.sale.partner_id))
            self.sale.partner_id.street = "Secret Lane 1"
            self.env.flush_all()
            response = self.url_open(page)
            self.assertEqual(urlsplit(response.url).path, "/my", page)
            self.assertNotIn("Secret Lane", response.text)
            self.assertNotIn("sale_last_order_id", root.session_store.get(self.opener.cookies["session_id"]))

    def test_the_owner_s_next_order_is_shown_although_another_order_created_the_account(self):
        user = self.users_of(self.sale.partner_id)
        self.log_in(user)
        self.sale = self.order(user.partner_id, website_id=self.website.id)
        self.place()
        self.sign_in(user)
        for page in self.PAGES:
            self.assertEqual(self.url_open(page, allow_redirects=False).status_code, 200, page)

    def test_the_owner_can_still_see_the_order(self):
        user = self.users_of(self.sale.partner_id)
        self.log_in(user)
        user.write({"password": user.login})
        self.place(user.login)
        self.assertEqual(self.url_open("/shop/confirmation", allow_redirects=False).status_code, 200)

    def test_an_order_that_created_no_account_is_displayed_as_usual(self):
        self.portal_user(self.customer(name="Member", email="member@example.com"))
        for email in ("member@example.com", False):
            self.sale = self.order(self.customer(name="Guest", email=email), website_id=self.website.id)
            self.sale.action_confirm()
            self.assertFalse(self.users_of(self.sale.partner_id))
            self.place()
            self.assertEqual(self.url_open("/shop/confirmation", allow_redirects=False).status_code, 200)

    def test_a_session_without_an_order_or_with_a_deleted_one_is_left_to_odoo(self):
        self.authenticate(None, None)
        for page in self.PAGES:
            self.assertIn("/shop", self.url_open(page, allow_redirects=False).headers["Location"])
