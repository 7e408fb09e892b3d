from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

from freezegun import freeze_time
from lxml import html

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.mail.tests.common import MailCase

from .common import PortalAgentCommon

QUEUE = "mail.ir_cron_mail_scheduler_action"
RETRY = "portal_agent_account.ir_cron_portal_agent_invitation"


@tagged("post_install", "-at_install", "once")
class TestInvitationDelivery(MailCase, PortalAgentCommon):
    """No invitation is lost silently, and no cancelled invitation is sent."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agent.partner_id.email = "ann@agents.example.com"
        cls.salesperson = new_test_user(cls.env, login="pa_sales", groups="sales_team.group_sale_salesman")

    @contextmanager
    def _with_a_mail_server_that_refuses(self):
        IrMailServer = self.registry["ir.mail_server"]
        with (
            mute_logger("odoo.addons.mail.models.mail_mail"),
            patch.object(IrMailServer, "_connect__", side_effect=OSError("no route to the mail server")),
            patch.object(IrMailServer, "_disable_send", return_value=False),
        ):
            yield

    def _run(self, cron):
        self.env.ref(cron).ir_actions_server_id.run()
        self.env.invalidate_all()

    def _invite(self):
        self.agent.action_send_portal_agent_invitation()
        self.env.invalidate_all()
        return self.agent.portal_agent_invitation_ids[:1]

    def _fail(self):
        invitation = self._invite()
        with self._with_a_mail_server_that_refuses():
            invitation.mail_id.send()
        self.env.invalidate_all()
        return invitation

    def test_whoever_looks_at_the_agent_sees_that_it_waits_and_then_that_it_was_sent(self):
        invitation = self._invite()
        agent = self.agent.with_user(self.salesperson)
        self.assertEqual(agent.portal_agent_invitation_state, "outgoing")
        with self.mock_mail_gateway(mail_unlink_sent=True):
            invitation.mail_id.send()
        self.env.invalidate_all()
        self.assertFalse(invitation.mail_id)
        self.assertEqual(agent.portal_agent_invitation_state, "sent")

    def test_failure_and_its_reason_are_seen_on_the_agent_and_on_the_contact(self):
        self._fail()
        self.assertEqual(self.agent.portal_agent_invitation_state, "failed")
        self.assertIn("no route to the mail server", self.agent.portal_agent_invitation_failure)
        self.assertIn("no route to the mail server", self.agent.partner_id.message_ids[0].body)

    def test_mail_that_no_server_took_is_sent_later_and_once(self):
        invitation = self._fail()
        self._run(RETRY)
        self.assertEqual(invitation.mail_id.state, "exception", "not at once")
        with freeze_time(fields.Datetime.now() + timedelta(minutes=6)), self.mock_mail_gateway(mail_unlink_sent=True):
            self._run(RETRY)
            self._run(QUEUE)
            self.assertEqual([mail["email_to"] for mail in self._mails], [["ann@agents.example.com"]])
        with freeze_time(fields.Datetime.now() + timedelta(hours=12)), self.mock_mail_gateway():
            self._run(RETRY)
            self._run(QUEUE)
            self.assertFalse(self._mails)
        self.assertEqual(self.agent.portal_agent_invitation_state, "sent")
        self.assertFalse(self.agent.portal_agent_invitation_failure)

    def test_it_waits_longer_from_one_time_to_the_next_and_gives_up_when_the_link_has_run_out(self):
        invitation = self._fail()
        waits = []
        for _attempt in range(9):
            waits.append(invitation.next_attempt_date - fields.Datetime.now())
            with freeze_time(invitation.next_attempt_date + timedelta(seconds=1)):
                self._run(RETRY)
                self.assertEqual(invitation.mail_id.state, "outgoing")
                with self._with_a_mail_server_that_refuses():
                    invitation.mail_id.send()
                waits[-1] = invitation.next_attempt_date - fields.Datetime.now()
        self.assertEqual(waits, sorted(waits))
        self.assertEqual(waits[-1], timedelta(hours=6))
        with freeze_time(fields.Datetime.now() + timedelta(days=7)):
            self._run(RETRY)
        self.assertEqual(invitation.mail_id.state, "exception")
        self.assertEqual(self.agent.portal_agent_invitation_state, "failed")

    def test_what_an_administrator_cancelled_or_deleted_stays_so(self):
        for take_back in (lambda mail: mail.cancel(), lambda mail: mail.unlink()):
            for make in (self._invite, self._fail):
                invitation = make()
                take_back(invitation.mail_id)
                self.env.invalidate_all()
                self.assertEqual(self.agent.portal_agent_invitation_state, "cancelled")
                with freeze_time(fields.Datetime.now() + timedelta(days=1)), self.mock_mail_gateway():
                    self._run(RETRY)
                    self._run(QUEUE)
                    self.assertFalse(self._mails)
                self.assertEqual(self.agent.portal_agent_invitation_state, "cancelled")

    def test_invited_again_the_one_that_failed_is_not_sent_as_well(self):
        self._fail()
        self._invite()
        with freeze_time(fields.Datetime.now() + timedelta(hours=1)), self.mock_mail_gateway(mail_unlink_sent=True):
            self._run(RETRY)
            self._run(QUEUE)
            self.assertEqual(len(self._mails), 1)

    def test_invited_again_before_the_first_has_left_there_is_one_mail_in_the_queue(self):
        for again in (self._invite, lambda: self._invite().mail_id.cancel(), self._invite):
            again()
            mails = self.env["mail.mail"].search([("email_to", "=", "ann@agents.example.com")])
            self.assertEqual(len(mails), 1, "a dead link is not sent, nor kept")
            self.assertEqual(mails, self.agent.portal_agent_invitation_ids[:1].mail_id)

    def _send(self, minutes):
        """Invite the agent again some minutes after the previous mail, and send the mail.

        :return: whether it was sent
        """
        self.now += timedelta(minutes=minutes)
        with freeze_time(self.now), self.mock_mail_gateway(mail_unlink_sent=True):
            try:
                self._invite().mail_id.send()
            except UserError:
                self.env.invalidate_all()
                return False
            return len(self._mails) == 1

    def test_an_agent_is_not_invited_again_and_again_within_minutes(self):
        self.now = fields.Datetime.now()
        self.assertTrue(self._send(0))
        for minutes in (5, 15, 45):
            self.assertFalse(self._send(minutes - 1))
            self.assertTrue(self._send(2), minutes)
        self.agent.partner_id.email = "ann.corrected@agents.example.com"
        self.assertTrue(self._send(0), "another address has got none yet")

    def test_refusal_says_until_when_and_others_are_invited_all_the_same(self):
        self.now = fields.Datetime.now()
        self._send(0)
        with self.assertRaisesRegex(UserError, "^Ann Agent was invited a short time ago. The next invitation can be"):
            self.agent.action_send_portal_agent_invitation()
        answer = (self.agent + self.other_agent + self.portal_user).action_send_portal_agent_invitation()["params"]
        self.assertEqual(answer["type"], "warning")
        self.assertTrue(answer["message"].startswith("Invited: Bob Agent. Ann Agent was invited a short time ago."))
        self.assertTrue(answer["message"].endswith("portal_plain is not a portal agent."))

    def test_whoever_is_made_an_agent_again_is_invited_at_once(self):
        self.now = fields.Datetime.now()
        self._send(0)
        self.agent.action_revoke_portal_agent()
        self.agent.partner_id.action_make_portal_agent()
        self.assertEqual(self.agent.portal_agent_invitation_state, "outgoing")

    def test_deleted_template_is_said_in_words_and_nothing_is_left_half_done(self):
        self.env.ref("portal_agent_account.mail_template_portal_agent_invitation").unlink()
        with self.assertRaisesRegex(UserError, "“Portal Agent: Invitation” was deleted. To restore it, upgrade"):
            self.agent.action_send_portal_agent_invitation()
        contact = self.env["res.partner"].create({"name": "Zoe New", "email": "zoe@new.example.com"})
        with self.assertRaisesRegex(UserError, "was deleted"), self.env.cr.savepoint():
            contact.action_make_portal_agent()
        self.assertFalse(contact.user_ids)

    def test_deleted_scheduled_action_keeps_no_mail_from_being_settled(self):
        self.env.ref(RETRY).unlink()
        self.assertEqual(self._fail().state, "failed")

    def _get_link(self):
        self.env.invalidate_all()
        body = self.other_agent.portal_agent_invitation_ids[:1].mail_id.body_html
        return next(link for link in html.fromstring(body).xpath("//a/@href") if "token=" in link)

    def _works(self, link):
        token = parse_qs(urlsplit(link).query)["token"][0]
        self.env.invalidate_all()
        return bool(self.env["res.partner"].sudo()._get_partner_from_token(token))

    def test_link_is_void_once_the_address_or_the_login_was_changed_and_after_a_new_invitation(self):
        agent = self.other_agent
        for change in (
            lambda: agent.partner_id.write({"email": "corrected@example.com"}),
            lambda: agent.write({"login": "corrected@example.com"}),
        ):
            agent.action_send_portal_agent_invitation()
            link = self._get_link()
            self.assertTrue(self._works(link))
            change()
            self.assertFalse(self._works(link))
            agent.action_send_portal_agent_invitation()
            self.assertFalse(self._works(link), "nor does the new invitation bring it back")
            self.assertTrue(self._works(self._get_link()))

    def test_link_is_void_once_the_agent_was_archived_or_dismissed_even_if_invited_again(self):
        agent = self.other_agent
        for take_back in (lambda: agent.write({"active": False}), agent.action_revoke_portal_agent):
            agent.action_send_portal_agent_invitation()
            link = self._get_link()
            mail = agent.portal_agent_invitation_ids[:1].mail_id
            take_back()
            self.assertEqual(mail.state, "cancel", "what has not left stays here")
            agent.partner_id.action_make_portal_agent()
            self.assertFalse(self._works(link))
            self.assertTrue(self._works(self._get_link()))

    def test_no_name_reaches_a_header_with_a_line_break(self):
        evil = "Evil\r\nBcc: victim@example.com\t\u2028\n\nBody"
        self.company.name = evil
        self.company.partner_id.name = evil
        self.agent.partner_id.name = evil
        mail = self._invite().mail_id
        for name in ("subject", "email_from", "reply_to", "email_to"):
            self.assertNotRegex(mail[name] or "", r"[\x00-\x1f\x7f\u2028]", name)
        self.assertEqual(mail.email_to, "ann@agents.example.com")
        self.assertFalse(mail.recipient_ids)
