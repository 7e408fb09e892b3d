import re
from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

from freezegun import freeze_time
from lxml import html
from markupsafe import Markup

from odoo import fields
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.modules.migration import load_script
from odoo.tests import new_test_user, tagged
from odoo.tools import file_path, mute_logger

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

    def test_agent_shows_whether_the_invitation_is_waiting_or_sent(self):
        invitation = self._invite()
        agent = self.agent.with_user(self.salesperson)
        self.assertEqual(agent.portal_agent_invitation_state, "outgoing")
        with self.mock_mail_gateway(mail_unlink_sent=True):
            invitation.mail_id.send()
        self.env.invalidate_all()
        self.assertFalse(invitation.mail_id)
        self.assertEqual(agent.portal_agent_invitation_state, "sent")

    def test_agent_and_contact_show_the_failure_and_its_reason(self):
        self._fail()
        self.assertEqual(self.agent.portal_agent_invitation_state, "failed")
        self.assertIn("no route to the mail server", self.agent.portal_agent_invitation_failure)
        self.assertIn("no route to the mail server", self.agent.partner_id.message_ids[0].body)

    def test_mail_that_no_server_accepted_is_retried_and_sent_once(self):
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

    def test_retries_get_slower_and_end_when_the_link_expires(self):
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

    def test_cancelled_or_deleted_invitation_is_not_retried(self):
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

    def test_new_invitation_replaces_a_failed_one(self):
        self._fail()
        self._invite()
        with freeze_time(fields.Datetime.now() + timedelta(hours=1)), self.mock_mail_gateway(mail_unlink_sent=True):
            self._run(RETRY)
            self._run(QUEUE)
            self.assertEqual(len(self._mails), 1)

    def test_new_invitation_replaces_one_that_is_still_in_the_queue(self):
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

    def test_next_invitation_has_to_wait(self):
        self.now = fields.Datetime.now()
        self.assertTrue(self._send(0))
        for minutes in (5, 15, 45):
            self.assertFalse(self._send(minutes - 1))
            self.assertTrue(self._send(2), minutes)
        self.agent.partner_id.email = "ann.corrected@agents.example.com"
        self.assertTrue(self._send(0), "another address has got none yet")

    def test_refusal_says_when_to_try_again_and_other_agents_are_invited(self):
        self.now = fields.Datetime.now()
        self._send(0)
        with self.assertRaisesRegex(UserError, "^Ann Agent was invited a short time ago. The next invitation can be"):
            self.agent.action_send_portal_agent_invitation()
        answer = (self.agent + self.other_agent + self.portal_user).action_send_portal_agent_invitation()["params"]
        self.assertEqual(answer["type"], "warning")
        self.assertTrue(answer["message"].startswith("Invited: Bob Agent. Ann Agent was invited a short time ago."))
        self.assertTrue(answer["message"].endswith("portal_plain is not a portal agent."))

    def test_agent_who_is_made_an_agent_again_is_invited_immediately(self):
        self.now = fields.Datetime.now()
        self._send(0)
        self.agent.action_revoke_portal_agent()
        self.agent.partner_id.action_make_portal_agent()
        self.assertEqual(self.agent.portal_agent_invitation_state, "outgoing")

    def test_deleted_template_raises_a_clear_error_and_changes_nothing(self):
        self.env.ref("portal_agent_account.mail_template_portal_agent_invitation").unlink()
        with self.assertRaisesRegex(UserError, "“Portal Agent: Invitation” was deleted. To restore it, upgrade"):
            self.agent.action_send_portal_agent_invitation()
        contact = self.env["res.partner"].create({"name": "Zoe New", "email": "zoe@new.example.com"})
        with self.assertRaisesRegex(UserError, "was deleted"), self.env.cr.savepoint():
            contact.action_make_portal_agent()
        self.assertFalse(contact.user_ids)

    def test_deleted_scheduled_action_does_not_prevent_recording_the_result(self):
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

    def test_new_address_login_or_invitation_invalidates_the_link(self):
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

    def test_an_address_that_is_only_written_differently_keeps_the_link(self):
        self.other_agent.partner_id.email = "bob@example.com"
        self.other_agent.action_send_portal_agent_invitation()
        link = self._get_link()
        self.other_agent.partner_id.email = "Bob <Bob@Example.com>"
        self.assertTrue(self._works(link))
        self.assertTrue(self._run_mail_queue())

    def test_archiving_or_dismissing_invalidates_the_link_even_if_invited_again(self):
        agent = self.other_agent
        for take_back in (lambda: agent.write({"active": False}), agent.action_revoke_portal_agent):
            agent.action_send_portal_agent_invitation()
            link = self._get_link()
            take_back()
            agent.partner_id.action_make_portal_agent()
            self.assertFalse(self._works(link))
            self.assertTrue(self._works(self._get_link()))

    def _run_mail_queue(self):
        """Run Odoo's mail queue.

        :return: whether an invitation was sent
        """
        with self.mock_mail_gateway(mail_unlink_sent=True):
            self._run(QUEUE)
        return any("/web/signup" in mail["body"] for mail in self._mails)

    def test_invitation_that_waits_is_not_sent_if_its_link_is_void(self):
        group = self.env.ref("portal_agent_account.group_portal_agent")

        def dismiss_in_another_process():
            self.assertTrue(self.agent._is_portal_agent(), "and it stays in the cache of this process")
            query = "DELETE FROM res_groups_users_rel WHERE uid = %s AND gid = %s"
            self.env.cr.execute(query, [self.agent.id, group.id])
            self.env.invalidate_all()

        for take_back in (
            lambda: self.agent.partner_id.write({"email": "ann.corrected@agents.example.com"}),
            lambda: self.agent.write({"login": "ann@agents.example.com"}),
            lambda: self.agent.write({"active": False}),
            self.agent.action_revoke_portal_agent,
            lambda: group.write({"user_ids": [Command.unlink(self.agent.id)]}),
            dismiss_in_another_process,
        ):
            invitation = self._invite()
            take_back()
            self.assertFalse(self._run_mail_queue())
            self.assertFalse(invitation.mail_id)
            self.assertFalse(invitation.sent_date)
            self.assertEqual(self.agent.portal_agent_invitation_state, "cancelled")
            self.agent._grant_portal_agent()
        self._invite()
        self.agent.partner_id.write({"email": self.agent.email, "phone": "+32 2"})
        self.agent.write({"login": self.agent.login})
        self.assertTrue(self._run_mail_queue())

    def test_invitation_that_was_sent_to_a_contact_instead_of_an_address_is_sent(self):
        invitation = self._invite()
        invitation.mail_id.write({"email_to": False, "recipient_ids": [Command.link(self.agent.partner_id.id)]})
        self.assertTrue(self._run_mail_queue())
        self.assertTrue(invitation.sent_date)

    def test_invitation_of_a_deleted_agent_is_not_sent(self):
        mail = self._invite().mail_id
        message = mail.mail_message_id
        self.agent.unlink()
        self.assertFalse(self._run_mail_queue())
        self.assertFalse(mail.exists() or message.exists())

    def test_invitation_that_failed_is_not_sent_after_it_was_taken_back(self):
        for take_back in (
            lambda: self.agent.partner_id.write({"email": "ann.corrected@agents.example.com"}),
            self.agent.action_revoke_portal_agent,
        ):
            invitation = self._fail()
            take_back()
            with freeze_time(invitation.next_attempt_date + timedelta(seconds=1)):
                self._run(RETRY)
                self.assertFalse(self._run_mail_queue())
            self.assertEqual(self.agent.portal_agent_invitation_state, "cancelled")

    def test_other_mails_cost_no_query_more(self):
        queries = []
        mails = self.env["mail.mail"].create([{"email_to": f"{n}@example.com", "body_html": "Hello"} for n in range(3)])
        self.env.flush_all()
        self.env.invalidate_all()
        with self.mock_mail_gateway(mail_unlink_sent=True), contextmanager(self._patchExecute)(queries):
            self.env["mail.mail"].process_email_queue(mails.ids)
        self.assertEqual(set(mails.mapped("state")), {"sent"})
        fetches = [query for query in queries if re.search("portal_agent_(id|invitation|scope)", query)]
        self.assertTrue(fetches)
        for query in fetches:
            self.assertIn('"mail_mail"."failure_reason"', query, "Odoo's own query for all fields")

    def _mistype(self):
        """Return an agent whose address was corrected after the account was created."""
        contact = self.env["res.partner"].create({"name": "Zed New", "email": "zed@exmaple.com"})
        contact.action_make_portal_agent()
        contact.email = "Zed <Zed@example.com>"
        self.assertEqual(contact.user_ids.login, "zed@exmaple.com")
        return contact.user_ids

    def test_new_invitation_names_the_corrected_address_as_login(self):
        agent = self._mistype()
        agent.action_send_portal_agent_invitation()
        mail = agent.portal_agent_invitation_ids[:1].mail_id
        self.assertEqual((agent.login, mail.email_to, mail.state), ("zed@example.com", "zed@example.com", "outgoing"))
        self.assertIn("Your login: zed@example.com", html.fromstring(mail.body_html).text_content())

    def test_agent_made_again_gets_the_corrected_address_as_login(self):
        agent = self._mistype()
        agent.action_revoke_portal_agent()
        agent.partner_id.action_make_portal_agent()
        self.assertEqual(agent.login, "zed@example.com")

    def test_agent_invited_in_the_portal_wizard_gets_the_corrected_address_as_login(self):
        agent = self._mistype()
        wizard = self.env["portal.wizard"].create({"partner_ids": agent.partner_id.ids})
        wizard.user_ids.email = "zed.new@example.com"
        wizard.user_ids.action_invite_again()
        self.assertEqual((agent.email, agent.login), ("zed.new@example.com", "zed.new@example.com"))

    def test_login_stays_after_the_first_sign_in_or_if_it_is_no_address(self):
        agent = self._mistype()
        self.env["res.users.log"].with_user(agent).sudo().create({})
        (agent + self.other_agent).action_send_portal_agent_invitation()
        self.assertEqual((agent + self.other_agent).mapped("login"), ["zed@exmaple.com", "portal_agent_bob"])

    def test_login_of_an_agent_with_a_password_stays(self):
        agent = self._mistype()
        agent.password = "a long password"
        agent.action_send_portal_agent_invitation()
        self.assertEqual(agent.login, "zed@exmaple.com")

    def test_corrected_login_is_logged_in_the_chatter(self):
        agent = self._mistype()
        agent.action_send_portal_agent_invitation()
        notes = "".join(agent.partner_id.message_ids.mapped("body"))
        self.assertIn("The login was changed from zed@exmaple.com to zed@example.com.", notes)

    def test_corrected_address_that_is_another_users_login_is_a_clear_error(self):
        agent = self._mistype()
        new_test_user(self.env, login="ZED@example.com", groups="base.group_portal")
        reason = "^Zed New has the email address of another user or contact.$"
        with self.assertRaisesRegex(UserError, reason):
            agent.action_send_portal_agent_invitation()
        answer = (agent + self.other_agent).action_send_portal_agent_invitation()["params"]["message"]
        self.assertEqual(answer, "Invited: Bob Agent. Zed New has the email address of another user or contact.")
        wizard = self.env["portal.wizard"].create({"partner_ids": agent.partner_id.ids})
        with self.assertRaisesRegex(UserError, reason):
            wizard.user_ids.action_invite_again()
        self.assertEqual(agent.login, "zed@exmaple.com")
        self.assertFalse(agent.partner_id._get_reasons_against_portal_agents(), "an agent already")
        agent.action_revoke_portal_agent()
        self.assertIn(agent.partner_id.id, agent.partner_id._get_reasons_against_portal_agents())
        with self.assertRaisesRegex(UserError, "Zed New has the email address of another"):
            agent.partner_id.action_make_portal_agent()

    def test_an_invitation_finds_out_once_which_logins_to_correct(self):
        agent, queries = self._mistype(), []
        with contextmanager(self._patchExecute)(queries):
            agent.action_send_portal_agent_invitation()
        self.assertEqual(agent.login, "zed@example.com")
        self.assertEqual(len([query for query in queries if "coalesce(password" in query]), 1)

    def _upgrade(self, *agents):
        """Run the migration while the mails of agents are in the mail queue, and return its warnings."""
        link = '<a href="https://shop/web/signup?token=old&amp;redirect=%2Fmy%2Fagent">Choose a Password</a>'
        self.env["mail.mail"].create([{"email_to": agent.email, "body_html": link} for agent in agents])
        script = load_script(file_path("portal_agent_account/migrations/19.0.2.0.0/end-invitations.py"), "invitations")
        with self.assertLogs(script.__name__, "WARNING") as log:
            script.migrate(self.env.cr, "19.0.1.0.0")
        self.env.invalidate_all()
        return "".join(log.output)

    def test_an_agent_with_the_address_of_another_user_does_not_stop_the_upgrade(self):
        agent = self._mistype()
        agent.portal_agent_invitation_ids.mail_id.unlink()
        new_test_user(self.env, login="zed@example.com", groups="base.group_portal")
        self.assertIn("Zed New has the email address of another user", self._upgrade(agent, self.other_agent))
        self.assertEqual(agent.portal_agent_invitation_state, "cancelled")
        self.assertEqual(self.other_agent.portal_agent_invitation_state, "outgoing")

    def test_an_edited_template_that_could_disclose_the_link_does_not_stop_the_upgrade(self):
        template = self.env.ref("portal_agent_account.mail_template_portal_agent_invitation")
        template.body_html = Markup("<style>a[href*='token=a'] {color: red}</style>") + template.body_html
        self.assertIn("HTML code that could disclose the link", self._upgrade(self.other_agent))
        self.assertFalse(self.other_agent.portal_agent_invitation_state)

    def test_line_breaks_in_names_are_removed_from_headers(self):
        evil = "Evil\r\nBcc: victim@example.com\t\u2028\n\nBody"
        self.company.name = evil
        self.company.partner_id.name = evil
        self.agent.partner_id.name = evil
        mail = self._invite().mail_id
        for name in ("subject", "email_from", "reply_to", "email_to"):
            self.assertNotRegex(mail[name] or "", r"[\x00-\x1f\x7f\u2028]", name)
        self.assertEqual(mail.email_to, "ann@agents.example.com")
        self.assertFalse(mail.recipient_ids)
