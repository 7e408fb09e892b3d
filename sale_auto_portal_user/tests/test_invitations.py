"""The invitation: what it says, and that it leaves once, after the commit, whatever the mail server does."""

from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.mail.tests.common import MailCase

from .common import PortalAccountCommon

CRON = "sale_auto_portal_user.ir_cron_send_portal_invitations"


@tagged("post_install", "-at_install", "once")
class TestInvitations(MailCase, PortalAccountCommon):
    def setUp(self):
        super().setUp()
        # The cron commits; in a test, a commit is a release of a savepoint.
        self.startPatcher(patch.object(type(self.env["ir.cron"]), "_commit_progress", lambda *args, **kw: 60.0))

    def invite(self, **partner_values):
        order = self.order(self.customer(**partner_values))
        order.action_confirm()
        return order, self.assert_account(order)

    def run_cron(self):
        self.env["res.users"]._cron_send_portal_invitations()

    def later(self, user, minutes):
        user.portal_invitation_next_try -= timedelta(minutes=minutes)

    def triggers(self):
        return self.env["ir.cron.trigger"].search([("cron_id", "=", self.env.ref(CRON).id)])

    def test_confirming_sends_nothing_and_renders_nothing(self):
        with self.mock_mail_gateway():
            _order, user = self.invite()
        self.assertFalse(self._mails)
        self.assertFalse(self._new_mails.filtered(lambda mail: "signup" in (mail.body_html or "")))
        self.assertEqual(user.portal_invitation_state, "to_send")
        self.assertTrue(self.triggers(), "the scheduled action was told")

    def test_the_scheduled_action_sends_one_invitation(self):
        order, user = self.invite()
        with self.mock_mail_gateway():
            self.run_cron()
            self.run_cron()
        self.assertEqual(len(self._mails), 1)
        mail = self._mails[0]
        self.assertEqual(mail["email_to"], ['"Nora" <nora@example.com>'])
        self.assertIn("choose a password", mail["subject"])
        self.assertIn(order.name, mail["body"])
        self.assertIn("/web/signup?", mail["body"])
        self.assertEqual(user.portal_invitation_state, "sent")
        self.assertEqual(order.portal_account_state, "invited")

    def test_the_confirmation_mail_carries_no_token_that_the_account_makes_void(self):
        self.website.auth_signup_uninvited = "b2c"
        order = self.order(self.customer(), website_id=self.website.id)
        with self.mock_mail_gateway():
            order._validate_order()
        (mail,) = [mail for mail in self._mails if "nora@example.com" in mail["email_to"][0]]
        self.assertIn("/mail/view?", mail["body"])
        self.assertNotIn("auth_signup_token", mail["body"])
        self.assertIn("auth_login", mail["body"])

    def test_the_link_lands_on_the_order(self):
        order, user = self.invite()
        user.partner_id.signup_prepare()
        self.assertIn(f"redirect=%2Fmy%2Forders%2F{order.id}", user._get_portal_invitation_url())

    def test_the_token_is_kept_nowhere_once_the_mail_is_out(self):
        order, user = self.invite()
        with self.mock_mail_gateway(mail_unlink_sent=True):
            self.run_cron()
        self.assertEqual(user.portal_invitation_state, "sent")
        messages = self.env["mail.message"].search([("body", "like", "/web/signup")])
        self.assertFalse(messages)
        self.assertFalse([body for body in order.message_ids.mapped("body") if "token=" in body])

    def test_it_is_written_in_the_customers_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        template = self.env.ref("sale_auto_portal_user.mail_template_portal_invitation")
        template.with_context(lang="fr_FR").subject = "Choisissez un mot de passe"
        self.invite(lang="fr_FR")
        self.invite(email="otto@example.com", lang="en_US")
        with self.mock_mail_gateway():
            self.run_cron()
        subjects = {mail["email_to"][0]: mail["subject"] for mail in self._mails}
        self.assertEqual(subjects['"Nora" <nora@example.com>'], "Choisissez un mot de passe")
        self.assertIn("choose a password", subjects['"Nora" <otto@example.com>'])

    def test_the_plain_text_says_it_all(self):
        order, _user = self.invite()
        with self.mock_mail_gateway():
            self.run_cron()
        text = self._mails[0]["body_alternative"]
        for part in (order.name, "Choose a password", "/web/signup?", "nora@example.com"):
            self.assertIn(part, text)

    def test_a_name_with_html_is_text(self):
        self.invite(name="<script>alert(1)</script>")
        with self.mock_mail_gateway():
            self.run_cron()
        self.assertNotIn("<script>", self._mails[0]["body"])

    def test_the_shop_is_the_website_of_the_order(self):
        self.website.write({"name": "Chairs & More", "domain": "https://chairs.example.com"})
        order = self.order(self.customer(), website_id=self.website.id)
        order.action_confirm()
        with self.mock_mail_gateway():
            self.run_cron()
        self.assertTrue(self._mails[0]["subject"].startswith("Chairs & More:"))
        self.assertIn("https://chairs.example.com/web/signup?", self._mails[0]["body"])
        self.assertIn(f"https://chairs.example.com/web/image/website/{self.website.id}/logo", self._mails[0]["body"])

    def test_a_server_that_is_away_delays_the_invitation_and_nothing_else(self):
        order, user = self.invite()
        with patch.object(self.registry["ir.mail_server"], "_connect__", side_effect=ConnectionRefusedError("away")):
            self.run_cron()
        self.assertEqual(order.state, "sale")
        self.assertEqual(user.portal_invitation_state, "to_send")
        self.assertGreater(user.portal_invitation_next_try, fields.Datetime.now())
        self.assertTrue(self.triggers().filtered(lambda trigger: trigger.call_at > fields.Datetime.now()))
        with self.mock_mail_gateway():
            self.run_cron()
            self.assertFalse(self._mails, "not before its time")
            self.later(user, minutes=5)
            self.run_cron()
        self.assertEqual(len(self._mails), 1)
        self.assertEqual(user.portal_invitation_state, "sent")

    def test_a_server_that_is_away_for_long_is_asked_as_long(self):
        _order, user = self.invite()
        with patch.object(self.registry["ir.mail_server"], "_connect__", side_effect=ConnectionRefusedError("away")):
            for _attempt in range(30):
                self.run_cron()
                self.later(user, minutes=5)
        self.assertEqual(user.portal_invitation_state, "to_send")

    @mute_logger("odoo.addons.mail.models.mail_mail")
    def test_a_server_that_refuses_is_asked_again_and_in_the_end_the_order_says_so(self):
        order, user = self.invite()
        with (
            patch.object(self.registry["ir.mail_server"], "_connect__"),
            patch.object(self.registry["ir.mail_server"], "_disable_send", return_value=False),
            patch.object(self.registry["ir.mail_server"], "send_email", side_effect=ValueError("450 try later")),
        ):
            delays = []
            while user.portal_invitation_state == "to_send":
                before = user.portal_invitation_next_try
                self.run_cron()
                delays.append(round((user.portal_invitation_next_try - before).total_seconds() / 60))
                self.later(user, minutes=delays[-1] or 0)
        self.assertEqual([delay for delay in delays if delay], [5, 15, 45, 135, 405])
        self.assertEqual(user.portal_invitation_state, "failed")
        self.assertEqual(order.portal_account_state, "undelivered")
        self.assertIn("450 try later", self.notes_of(order)[0])

    def test_an_undelivered_invitation_can_be_sent_again(self):
        order, user = self.invite()
        user.portal_invitation_state = "failed"
        order.action_resend_portal_invitation()
        with self.mock_mail_gateway():
            self.run_cron()
        self.assertEqual(len(self._mails), 1)
        self.assertEqual(user.portal_invitation_state, "sent")

    def test_who_has_logged_in_meanwhile_needs_no_invitation(self):
        _order, user = self.invite()
        self.log_in(user)
        with self.mock_mail_gateway():
            self.run_cron()
        self.assertFalse(self._mails)

    def test_an_archived_account_is_not_invited(self):
        _order, user = self.invite()
        user.active = False
        with self.mock_mail_gateway():
            self.run_cron()
        self.assertFalse(self._mails)

    @mute_logger("odoo.addons.sale_auto_portal_user.models.res_users", "odoo.addons.mail.models.mail_render_mixin")
    def test_a_template_that_one_customer_breaks_reaches_the_others(self):
        template = self.env.ref("sale_auto_portal_user.mail_template_portal_invitation")
        template.body_html = "<p t-if=\"object.login == 'bad@example.com'\" t-out=\"1 / 0\"/><p t-else=\"\">Hello</p>"
        bad_order, bad = self.invite(email="bad@example.com")
        _order, good = self.invite(email="good@example.com")
        with self.mock_mail_gateway():
            self.run_cron()
        self.assertEqual(good.portal_invitation_state, "sent")
        self.assertEqual(bad.portal_invitation_state, "failed")
        self.assertIn("could not be delivered", self.notes_of(bad_order)[0])

    @mute_logger("odoo.addons.sale_auto_portal_user.models.res_users")
    def test_without_any_template_the_order_says_so(self):
        self.env.ref("sale_auto_portal_user.mail_template_portal_invitation").unlink()
        order, user = self.invite()
        self.run_cron()
        self.assertEqual(user.portal_invitation_state, "failed")
        self.assertIn("could not be delivered", self.notes_of(order)[0])

    def test_a_run_that_was_killed_is_settled_by_the_next_one(self):
        _order, user = self.invite()
        with self.mock_mail_gateway():
            user._queue_portal_invitations()  # killed here: committed, not sent
            self.run_cron()
            self.assertFalse(self._mails, "Odoo's queue has it: a second mail would be one too many")
            user.portal_invitation_mail_id.send()
            self.assertEqual(len(self._mails), 1)
            self.run_cron()
        self.assertEqual(len(self._mails), 1)
        self.assertEqual(user.portal_invitation_state, "sent")

    def test_the_link_works_as_long_as_odoo_says(self):
        self.env["ir.config_parameter"].set_param("auth_signup.signup.validity.hours", 48)
        _order, user = self.invite()
        self.assertEqual(user._get_portal_invitation_days(), 2)
        self.env["ir.config_parameter"].set_param("auth_signup.signup.validity.hours", 1)
        self.assertEqual(user._get_portal_invitation_days(), 1)

    def test_the_template_is_not_among_those_for_messages_on_orders(self):
        template = self.env.ref("sale_auto_portal_user.mail_template_portal_invitation")
        self.assertEqual(template.model, "res.users")
