from lxml import html

from odoo.tests import tagged

from .common import PortalAccountCommon, PortalAccountHttpCommon


@tagged("post_install", "-at_install")
class TestConfirmationTemplate(PortalAccountCommon):
    def test_the_sign_up_button_is_hidden_whatever_other_addons_put_before_it(self):
        view = self.env.ref("website_sale.confirmation")
        self.env["ir.ui.view"].create(
            {
                "name": "As website_event_sale does",
                "type": "qweb",
                "inherit_id": view.id,
                "priority": 1,
                "arch": """<div id="order_name" position="after"><t t-if="False"/></div>""",
            }
        )
        (button,) = view._get_combined_arch().xpath("//t[contains(@t-if, '_get_signup_invitation_scope')]")
        self.assertIn("not hide_signup_button", button.get("t-if"))


@tagged("post_install", "-at_install", "once")
class TestConfirmationPage(PortalAccountHttpCommon):
    def setUp(self):
        super().setUp()
        self.website.auth_signup_uninvited = "b2c"
        self.sale = self.order(self.customer(), website_id=self.website.id)

    def confirmation_page(self, order, user=None):
        """Open /shop/confirmation in the session that placed the order."""
        session = self.authenticate(user, user)
        session["sale_last_order_id"] = order.id
        from odoo.http import root

        root.session_store.save(session)
        response = self.url_open("/shop/confirmation")
        self.assertEqual(response.status_code, 200)
        return html.fromstring(response.content)

    def message(self, page):
        found = page.xpath("//*[@id='portal_account_created']")
        return " ".join(found[0].text_content().split()) if found else None

    def signup_links(self, page):
        return page.xpath("//*[@id='wrap']//a[contains(@href, 'token=') or contains(@href, '/web/signup')]")

    def test_the_shopper_is_told_of_the_account_and_where_the_instructions_went(self):
        self.sale.action_confirm()
        page = self.confirmation_page(self.sale)
        self.assertIn("We created an account for you", self.message(page))
        self.assertIn("nora@example.com", self.message(page))
        self.assertEqual(page.xpath("//*[@id='portal_account_created']")[0].get("role"), "status")

    def test_the_address_keeps_its_own_direction(self):
        self.sale.action_confirm()
        [address] = self.confirmation_page(self.sale).xpath("//*[@id='portal_account_created']//strong/bdi")
        self.assertEqual(address.text, "nora@example.com")

    def test_the_sign_up_button_is_hidden_beside_the_message(self):
        self.assertTrue(self.signup_links(self.confirmation_page(self.sale)), "stock offers it before")
        self.sale.action_confirm()
        self.assertFalse(self.signup_links(self.confirmation_page(self.sale)))

    def test_a_sign_up_link_from_before_the_confirmation_is_void_afterwards(self):
        link = self.signup_links(self.confirmation_page(self.sale))[0].get("href")
        self.sale.action_confirm()
        page = html.fromstring(self.url_open(link).content)
        self.assertIn("have a new link sent to you", page.text_content())
        self.assertFalse(self.users_of(self.sale.partner_id).login_date)

    def test_there_is_no_message_while_the_payment_is_pending(self):
        self.assertIsNone(self.message(self.confirmation_page(self.sale)))

    def test_the_message_appears_on_reload_after_the_webhook(self):
        self.assertIsNone(self.message(self.confirmation_page(self.sale)))
        self.sale.action_confirm()
        self.assertIsNotNone(self.message(self.confirmation_page(self.sale)))

    def test_there_is_no_message_for_a_shopper_with_an_account(self):
        self.portal_user(self.sale.partner_id)
        self.sale.action_confirm()
        self.assertIsNone(self.message(self.confirmation_page(self.sale)))

    def test_a_stranger_who_types_a_members_address_learns_nothing(self):
        self.portal_user(self.customer(name="Member"))
        self.sale.action_confirm()
        page = self.confirmation_page(self.sale)
        self.assertEqual(self.sale.portal_account_issue, "login_taken")
        self.assertIsNone(self.message(page))
        self.assertNotIn("another user", page.text_content().lower())

    def test_there_is_no_message_after_the_customer_has_signed_in(self):
        self.sale.action_confirm()
        user = self.users_of(self.sale.partner_id)
        self.log_in(user)
        self.assertIsNone(self.message(self.confirmation_page(self.sale)))

    def test_an_address_that_an_employee_corrected_is_not_announced(self):
        self.sale.action_confirm()
        self.sale.partner_id.email = "corrected@example.com"
        invitation = self.invitation_of(self.sale)
        invitation._queue()
        self.assertEqual(invitation.user_id.login, "corrected@example.com")
        self.assertIsNone(self.message(self.confirmation_page(self.sale)))

    def test_an_invitation_that_was_stopped_is_not_announced(self):
        self.sale.action_confirm()
        invitation = self.invitation_of(self.sale)
        self.sale._action_cancel()
        invitation._queue()
        self.assertEqual(invitation.state, "cancelled")
        self.assertIsNone(self.message(self.confirmation_page(self.sale)))

    def test_an_invitation_that_was_sent_is_announced_even_if_the_order_is_cancelled_later(self):
        self.sale.action_confirm()
        self.invitation_of(self.sale)._sent()
        self.sale._action_cancel()
        self.assertIn("nora@example.com", self.message(self.confirmation_page(self.sale)))

    def test_another_user_of_the_contact_is_not_announced(self):
        self.sale.action_confirm()
        self.users_of(self.sale.partner_id).unlink()
        self.portal_user(self.sale.partner_id, login="secret@example.com")
        page = self.confirmation_page(self.sale)
        self.assertIsNone(self.message(page))
        self.assertNotIn("secret@example.com", page.text_content())

    def test_another_session_sees_no_order_and_no_message(self):
        self.sale.action_confirm()
        self.authenticate(None, None)
        response = self.url_open("/shop/confirmation")
        self.assertNotIn("portal_account_created", response.text)
        self.assertNotIn("nora@example.com", response.text)

    def test_a_name_with_html_is_text(self):
        self.sale.partner_id.email = '"<img src=x onerror=alert(1)>" <nora@example.com>'
        self.sale.action_confirm()
        self.assertIn("nora@example.com", self.message(self.confirmation_page(self.sale)))

    def test_an_expired_link_offers_a_fresh_one(self):
        page = html.fromstring(self.url_open("/web/signup?token=expired").content)
        self.assertTrue(page.xpath("//a[@href='/web/reset_password']"))
        self.assertIn("has expired", page.text_content())

    def test_an_expired_link_does_not_lead_to_a_disabled_page(self):
        self.env["ir.config_parameter"].set_param("auth_signup.reset_password", False)
        page = html.fromstring(self.url_open("/web/signup?token=expired").content)
        self.assertFalse(page.xpath("//a[@href='/web/reset_password']"))
        self.assertIn("ask us for a new link", page.text_content())

    def test_a_void_token_in_the_session_does_not_block_the_password_reset(self):
        partner = self.sale.partner_id
        partner.signup_prepare()
        void = partner._generate_signup_token()
        self.sale.action_confirm()
        self.authenticate(None, None)
        self.url_open(f"/shop?auth_signup_token={void}")
        page = html.fromstring(self.url_open("/web/reset_password").content)
        self.assertTrue(page.xpath("//form//input[@name='login']"))
        self.assertNotIn("Invalid signup token", page.text_content())

    def test_what_is_no_token_at_all_is_forgotten(self):
        for rubbish in ("x", "a", "AQ", "%C3%A9%20", "AAAA", "A" * 200, "1234567", "-_-_"):
            for page in ("signup", "reset_password"):
                with self.subTest(token=rubbish, page=page):
                    self.authenticate(None, None)
                    for address in (f"{page}?auth_signup_token={rubbish}", page):
                        response = self.url_open(f"/web/{address}")
                        self.assertEqual(response.status_code, 200)
                        self.assertTrue(html.fromstring(response.content).xpath("//form//input[@name='login']"))

    def test_a_valid_token_in_the_session_keeps_working(self):
        partner = self.customer(email="other@example.com")
        partner.signup_prepare()
        self.authenticate(None, None)
        self.url_open(f"/shop?auth_signup_token={partner._generate_signup_token()}")
        page = html.fromstring(self.url_open("/web/signup").content)
        self.assertEqual(page.xpath("//input[@name='login']")[0].get("value"), "other@example.com")
