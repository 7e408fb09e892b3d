"""Signing in with any spelling of the email address."""

from lxml import html

from odoo.exceptions import AccessDenied
from odoo.http import Request
from odoo.tests import new_test_user, tagged

from odoo.addons.auth_signup.models.res_partner import SignupError
from odoo.addons.mail.tests.common import MailCase

from .common import PortalAccountCommon, PortalAccountHttpCommon

PASSWORD = "a long password"
SPELLINGS = (
    "nora@example.com",
    "NORA@Example.com",
    " nora@example.com",
    "nora@example.com \t",
    "\u00a0Nora@example.com",
)
TAKEN = "Another user is already registered using this email address."


class LoginCommon(PortalAccountCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        order = cls.order(cls.customer())
        order.action_confirm()
        cls.user = order.portal_user_id
        cls.user.password = PASSWORD

    def sign_in(self, login, password=PASSWORD):
        self.env.flush_all()
        credential = {"type": "password", "login": login, "password": password}
        return self.env["res.users"].authenticate(credential, {"interactive": True})["uid"]

    def user_with_login(self, login, password=PASSWORD, **values):
        partner = self.customer(name=login, email=f"{len(login)}{login.strip().lower()}")
        return self.portal_user(partner, login=login, password=password, **values)


@tagged("post_install", "-at_install")
class TestLogin(LoginCommon):
    def test_users_sign_in_with_any_spelling_of_their_address(self):
        for typed in SPELLINGS:
            with self.subTest(typed=typed):
                self.assertEqual(self.sign_in(typed), self.user.id)

    def test_a_wrong_password_is_refused_with_every_spelling(self):
        for typed in SPELLINGS:
            with self.subTest(typed=typed), self.assertRaises(AccessDenied):
                self.sign_in(typed, "another password")

    def test_similar_addresses_do_not_sign_in(self):
        for typed in (
            "nora@example.co",
            "xnora@example.com",
            "nora%",
            "",
            " ",
            "nor_@example.com",
            "n\u00f3ra@example.com",
        ):
            with self.subTest(typed=typed), self.assertRaises(AccessDenied):
                self.sign_in(typed)

    def test_a_login_that_is_no_address_signs_in_too(self):
        boss = new_test_user(self.env, login="TheBoss", password=PASSWORD)
        self.assertEqual(self.sign_in("theboss "), boss.id)

    def test_a_login_behind_a_name_signs_in_by_its_address(self):
        named = self.user_with_login("Otto <Otto@example.com>")
        self.assertEqual(self.sign_in("otto@example.com"), named.id)
        self.assertEqual(self.sign_in("Otto <Otto@example.com>"), named.id)

    def test_each_website_finds_its_own_user(self):
        other_website = self.env["website"].create({"name": "Second Shop", "specific_user_account": True})
        there = self.customer(name="There", email="otto@example.com", website_id=other_website.id)
        there_user = self.portal_user(there, login="Otto@example.com", password=PASSWORD)
        here = self.customer(name="Here", email="otto@example.com", website_id=self.website.id)
        here_user = self.portal_user(here, login="otto@Example.com", password=PASSWORD)
        users = self.env["res.users"]
        for website, user in ((self.website, here_user), (other_website, there_user)):
            domain = users.with_context(website_id=website.id)._get_login_domain("OTTO@example.com")
            self.assertEqual(users.search(domain), user)

    def test_sign_up_refuses_another_spelling_of_a_login(self):
        self.website.auth_signup_uninvited = "b2c"
        users = self.env["res.users"].sudo()
        for typed in SPELLINGS:
            with self.subTest(typed=typed), self.assertRaisesRegex(SignupError, TAKEN):
                users.signup({"login": typed, "name": "Second", "password": PASSWORD})
        self.assertEqual(
            users.signup({"login": "new@example.com", "name": "New", "password": PASSWORD})[0], "new@example.com"
        )

    def test_sign_up_by_a_token_refuses_the_login_of_somebody_else_too(self):
        partner = self.customer(name="Second", email="NORA@example.com")
        partner.signup_prepare()
        token = partner._generate_signup_token()
        with self.assertRaisesRegex(SignupError, TAKEN):
            self.env["res.users"].sudo().signup({"login": "NORA@example.com", "password": PASSWORD}, token)


# auth_user_case_insensitive (OCA) excludes such logins: it is not installed where they exist, and changes new logins to
# lower case.
@tagged("post_install", "-at_install", "without_community_addons")
class TestLoginsThatDifferInCase(LoginCommon):
    def test_two_logins_that_differ_only_in_case_are_never_confused(self):
        capital = self.user_with_login("Nora@example.com", password="the other password")
        self.assertEqual(self.sign_in("nora@example.com"), self.user.id)
        self.assertEqual(self.sign_in("Nora@example.com", "the other password"), capital.id)
        for password in (PASSWORD, "the other password"):
            with self.assertRaises(AccessDenied):
                self.sign_in("NORA@example.com", password)

    def test_an_archived_login_is_not_confused_with_another_one_either(self):
        self.user_with_login("Nora@example.com", active=False)
        with self.assertRaises(AccessDenied):
            self.sign_in("NORA@example.com")
        with self.assertRaises(AccessDenied):
            self.sign_in("Nora@example.com")
        self.assertEqual(self.sign_in("nora@example.com"), self.user.id)


@tagged("post_install", "-at_install", "once")
class TestPasswordReset(MailCase, PortalAccountCommon):
    def test_passwords_can_be_reset_with_any_spelling_of_the_address(self):
        order = self.order(self.customer())
        order.action_confirm()
        for typed in SPELLINGS:
            with self.subTest(typed=typed), self.mock_mail_gateway():
                self.env["res.users"].reset_password(typed)
                self.assertEqual([mail["email_to"] for mail in self._mails], [["nora@example.com"]])

    def test_a_user_whose_login_is_no_address_is_found_by_the_email(self):
        new_test_user(self.env, login="boss", email="Boss@example.com")
        with self.mock_mail_gateway():
            self.env["res.users"].reset_password("boss@EXAMPLE.com ")
        self.assertEqual(len(self._mails), 1)

    def test_the_exact_email_takes_precedence(self):
        new_test_user(self.env, login="one", email="boss@example.com")
        new_test_user(self.env, login="two", email="Boss@example.com")
        with self.mock_mail_gateway():
            self.env["res.users"].reset_password("boss@example.com")
        self.assertEqual(len(self._mails), 1)


@tagged("post_install", "-at_install", "once")
class TestLoginPages(PortalAccountHttpCommon):
    def setUp(self):
        super().setUp()
        self.website.auth_signup_uninvited = "b2c"
        self.sale = self.order(self.customer())
        self.sale.action_confirm()
        self.user = self.sale.portal_user_id
        self.user.password = PASSWORD
        self.authenticate(None, None)

    def post(self, page, **values):
        values["csrf_token"] = Request.csrf_token(self)
        response = self.url_open(page, data=values)
        return response, html.fromstring(response.content)

    def test_the_log_in_page_takes_the_address_as_typed(self):
        response, _page = self.post("/web/login", login=" NORA@example.com ", password=PASSWORD, redirect="/my")
        self.assertTrue(response.url.endswith("/my"), response.url)

    def test_the_sign_up_page_refuses_another_spelling_with_odoos_own_sentence(self):
        _response, page = self.post(
            "/web/signup", login="NORA@example.com", name="Second", password=PASSWORD, confirm_password=PASSWORD
        )
        [error] = page.xpath("//p[contains(@class, 'alert-danger')]")
        self.assertEqual(error.text_content().strip(), TAKEN)
        self.assertEqual(self.users_with_login("nora@example.com"), self.user)
