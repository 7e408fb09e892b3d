"""Content of the invitation, and its sending once, after the commit, regardless of mail server failures."""

from datetime import timedelta
from smtplib import SMTPServerDisconnected
from unittest.mock import patch

from psycopg2 import errors

from odoo import fields
from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.base.models import ir_cron as ir_cron_module
from odoo.addons.sale_auto_portal_user.models import portal_mail as portal_mail_module

from .common import PortalInvitationCommon

SEND_LOGGER = "odoo.addons.sale_auto_portal_user.models.portal_mail_send"


@tagged("post_install", "-at_install", "once")
class TestInvitations(PortalInvitationCommon):
    def test_confirming_sends_nothing_and_renders_nothing(self):
        with self.mock_mail_gateway():
            _order, invitation = self.invite()
        self.assertFalse(self._mails)
        self.assertFalse(self._new_mails.filtered(lambda mail: "signup" in (mail.body_html or "")))
        self.assertEqual(invitation.state, "to_send")
        self.assertTrue(self.triggers(), "the scheduled action was told")

    def test_the_scheduled_action_sends_one_invitation(self):
        order, invitation = self.invite()
        with self.mock_mail_gateway():
            self.run_cron()
            self.run_cron()
        self.assertEqual(len(self._mails), 1)
        mail = self._mails[0]
        self.assertEqual(mail["email_to"], ["nora@example.com"])
        self.assertIn("choose a password", mail["subject"])
        self.assertIn(order.name, mail["body"])
        self.assertIn("/my/invitation/", mail["body"])
        self.assertEqual(invitation.state, "sent")
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

    def test_the_token_is_not_stored_once_the_mail_is_sent(self):
        order, invitation = self.invite()
        with self.mock_mail_gateway(mail_unlink_sent=True):
            self.run_cron()
        self.assertEqual(invitation.state, "sent")
        messages = self.env["mail.message"].search([("body", "like", "/my/invitation/")])
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
        self.assertEqual(subjects["nora@example.com"], "Choisissez un mot de passe")
        self.assertIn("choose a password", subjects["otto@example.com"])

    def test_the_plain_text_is_complete(self):
        order, _invitation = self.invite()
        with self.mock_mail_gateway():
            self.run_cron()
        text = self._mails[0]["body_alternative"]
        for part in (order.name, "Choose a password", "/my/invitation/", "nora@example.com"):
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
        self.assertIn("https://chairs.example.com/my/invitation/", self._mails[0]["body"])
        self.assertIn(f"https://chairs.example.com/web/image/website/{self.website.id}/logo", self._mails[0]["body"])

    def test_an_unreachable_server_only_delays_the_invitation(self):
        order, invitation = self.invite()
        with self.server_away():
            self.run_cron()
        self.assertEqual(order.state, "sale")
        self.assertEqual(invitation.state, "to_send")
        self.assertGreater(invitation.next_attempt, fields.Datetime.now())
        self.assertTrue(self.triggers().filtered(lambda trigger: trigger.call_at > fields.Datetime.now()))
        with self.mock_mail_gateway():
            self.run_cron()
            self.assertFalse(self._mails, "not before its time")
            self.later(invitation, minutes=5)
            self.run_cron()
        self.assertEqual(len(self._mails), 1)
        self.assertEqual(invitation.state, "sent")

    def test_an_unreachable_server_is_tried_until_it_is_back(self):
        _order, invitation = self.invite()
        with self.server_away() as connect:
            for _attempt in range(30):
                self.run_cron()
                self.later(invitation, minutes=10_000)
        self.assertEqual(connect.call_count, 30)
        self.assertEqual(invitation.state, "to_send")
        self.assertEqual(invitation.attempts, 0)
        with self.mock_mail_gateway():
            self.run_cron()
        self.assertEqual(invitation.state, "sent")

    def test_an_unreachable_server_is_tried_once_per_run_not_per_batch(self):
        self.patch(portal_mail_module, "PORTION_SIZE", 1)
        invitations = self.invite_many(3)
        with self.server_away() as connect:
            self.run_cron()
        self.assertEqual(connect.call_count, 1)
        self.assertEqual(set(invitations.mapped("state")), {"to_send"})
        self.assertAlmostEqual(self.minutes_to_next_trigger(), 5, delta=0.5)

    def test_mails_left_when_the_time_is_over_are_sent_in_the_same_run(self):
        self.patch(portal_mail_module, "PORTION_SIZE", 2)
        self.patch(ir_cron_module, "MIN_TIME_PER_JOB", 0)
        invitations = self.invite_many(5)
        with self.mock_mail_gateway(), self.assertNoLogs("odoo.addons.base.models.ir_cron", "WARNING"):
            self.run_cron()
        self.assertEqual(len(self._mails), 5)
        self.assertEqual(set(invitations.mapped("state")), {"sent"})

    def test_a_run_reports_the_remaining_mails_and_keeps_no_batch_in_memory(self):
        self.patch(portal_mail_module, "PORTION_SIZE", 2)
        self.patch(portal_mail_module, "SEARCH_LIMIT", 4)
        self.invite_many(12)
        registry_class, cron_class = self.registry["sale.portal.invitation"], self.registry["ir.cron"]
        queue, commit_progress = registry_class._queue, cron_class._commit_progress
        in_memory, left = [], []

        def count_in_memory(invitations):
            in_memory.append(len(invitations._fields["email"]._get_cache(invitations.env)))
            return queue(invitations)

        def note_what_is_left(cron, processed=0, **options):
            if processed:
                left.append((processed, options["remaining"]))
            return commit_progress(cron, processed, **options)

        self.patch(registry_class, "_queue", count_in_memory)
        self.patch(cron_class, "_commit_progress", note_what_is_left)
        self.env.flush_all()
        self.env.invalidate_all()
        with self.mock_mail_gateway():
            self.run_cron()
        self.assertEqual(left, [(2, 10), (2, 8), (2, 6), (2, 4), (2, 2), (2, 0)])
        self.assertLessEqual(max(in_memory), 4)

    def test_mails_left_after_a_long_run_are_sent_by_an_immediate_next_run(self):
        self.patch(portal_mail_module, "PORTION_SIZE", 2)
        self.patch(ir_cron_module, "MIN_TIME_PER_JOB", 0)
        self.patch(ir_cron_module, "MIN_RUNS_PER_JOB", 1)
        self.invite_many(3)
        self.triggers().unlink()  # as the scheduler does when it starts a run
        with self.mock_mail_gateway():
            self.run_cron()
            self.assertEqual(len(self._mails), 2)
            self.assertTrue(self.triggers().filtered(lambda trigger: trigger.call_at <= fields.Datetime.now()))
            self.run_cron()
            self.assertEqual(len(self._mails), 3)

    def test_a_locked_invitation_does_not_delay_the_others(self):
        locked, other = self.invite_many(2)
        try_lock = self.registry["sale.portal.invitation"].try_lock_for_update
        with (
            self.mock_mail_gateway(),
            patch.object(
                self.registry["sale.portal.invitation"],
                "try_lock_for_update",
                lambda records, **options: try_lock(records - locked, **options),
            ),
        ):
            self.run_cron()
        self.assertEqual(other.state, "sent")
        self.assertEqual(locked.state, "to_send")
        self.assertLessEqual(self.minutes_to_next_trigger(), 1)

    def test_other_mails_in_the_queue_are_not_sent(self):
        _order, invitation = self.invite()
        invitation.user_id.active = False
        foreign = self.env["mail.mail"].create(
            {"subject": "Hello", "email_to": "somebody@example.com", "body_html": "Later"}
        )
        with self.mock_mail_gateway():
            self.run_cron()
        self.assertFalse(self._mails)
        self.assertEqual(foreign.state, "outgoing")

    @mute_logger("odoo.addons.mail.models.mail_mail")
    def test_a_refused_mail_is_tried_again_and_finally_noted_on_the_order(self):
        order, invitation = self.invite()
        with (
            patch.object(self.registry["ir.mail_server"], "_connect__"),
            patch.object(self.registry["ir.mail_server"], "_disable_send", return_value=False),
            patch.object(self.registry["ir.mail_server"], "send_email", side_effect=ValueError("450 try later")),
        ):
            delays = []
            while invitation.state == "to_send":
                before = invitation.next_attempt
                self.run_cron()
                delays.append(round((invitation.next_attempt - before).total_seconds() / 60))
                self.later(invitation, minutes=delays[-1] or 0)
        self.assertEqual([delay for delay in delays if delay], [5, 15, 45, 135, 405])
        self.assertEqual(invitation.state, "failed")
        self.assertEqual(order.portal_account_state, "undelivered")
        self.assertIn("450 try later", self.notes_of(order)[0])

    @mute_logger("odoo.addons.mail.models.mail_mail")
    def test_a_server_that_hangs_up_between_two_invitations_delays_the_second_by_minutes(self):
        first, second = self.invite_many(2)
        queue = self.env.ref("mail.ir_cron_mail_scheduler_action")
        self.env["ir.cron.trigger"].search([]).unlink()
        with (
            patch.object(self.registry["ir.mail_server"], "_connect__"),
            patch.object(self.registry["ir.mail_server"], "_disable_send", return_value=False),
            patch.object(self.registry["ir.mail_server"], "send_email", side_effect=SMTPServerDisconnected("bye")),
        ):
            self.run_cron()
        self.assertEqual(first.state, "to_send")
        self.assertEqual(second.state, "queued")
        (trigger,) = self.env["ir.cron.trigger"].search([("cron_id", "=", queue.id)])
        self.assertLess(trigger.call_at, fields.Datetime.now() + timedelta(minutes=6))
        with self.mock_mail_gateway():
            second.mail_id.send()  # by Odoo's queue
            self.run_cron()
        self.assertEqual(second.state, "sent")

    def test_an_undelivered_invitation_can_be_sent_again(self):
        order, invitation = self.invite()
        invitation.state = "failed"
        order.action_resend_portal_invitation()
        with self.mock_mail_gateway():
            self.run_cron()
        self.assertEqual(len(self._mails), 1)
        self.assertEqual(invitation.state, "sent")

    def test_sending_again_replaces_the_mail_in_the_queue(self):
        order, invitation = self.invite()
        with self.mock_mail_gateway(mail_unlink_sent=True):
            invitation._queue()
            waiting = invitation.mail_id
            order.action_resend_portal_invitation()
            self.assertFalse(waiting.exists())
            self.run_cron()
            self.env["mail.mail"].search([("state", "=", "outgoing")]).send()
        self.assertEqual(len(self._mails), 1)
        self.assertEqual(invitation.state, "sent")
        self.assertFalse(self.env["mail.mail"].search([("body_html", "like", "/my/invitation/")]))

    def test_sending_again_does_not_affect_a_mail_that_is_being_sent(self):
        order, invitation = self.invite()
        invitation._queue()
        mail = invitation.mail_id
        with patch.object(self.registry["mail.mail"], "try_lock_for_update", lambda mails: mails.browse()):
            order.action_resend_portal_invitation()
        self.assertTrue(mail.exists())
        self.assertEqual(invitation.state, "queued")

    def refuse_write(self, model, is_refused, fail):
        """Let another addon refuse values of a model."""
        write = self.registry[model].write

        def write_or_fail(records, vals):
            result = write(records, vals)
            if is_refused(records, vals):
                fail(records)
            return result

        self.patch(self.registry[model], "write", write_or_fail)

    @mute_logger(SEND_LOGGER, "odoo.sql_db")
    def test_an_invitation_that_another_addon_refuses_does_not_delay_the_others(self):
        error = ValidationError("This login is reserved.")

        def refuse(users):
            raise error

        def break_transaction(users):
            users.env.cr.execute("SELECT 1 / 0")

        for number, fail in enumerate((refuse, break_transaction)):
            refused = f"corrected{number}@example.com"
            (order, first), (_order, second) = (self.invite(email=f"{name}{number}@example.com") for name in "ab")
            order.partner_id.email = refused
            self.refuse_write("res.users", lambda users, vals, refused=refused: vals.get("login") == refused, fail)
            with self.subTest(fail=fail.__name__):
                self.assertEqual(list(self.send()), [f"b{number}@example.com"])
                self.assertEqual((first.state, second.state), ("failed", "sent"))
                self.assertIn(first.failure_reason.split("\n")[0], self.notes_of(order)[0])
                self.assertEqual(first.user_id.login, f"a{number}@example.com")

    @mute_logger(SEND_LOGGER)
    def test_an_invitation_that_conflicts_with_another_transaction_is_sent_later(self):
        order, invitation = self.invite()
        order.partner_id.email = "corrected@example.com"
        conflicts = [errors.SerializationFailure()]

        def conflict(users):
            if conflicts:
                raise conflicts.pop()

        self.refuse_write("res.users", lambda users, vals: "login" in vals, conflict)
        self.assertFalse(self.send())
        self.assertEqual(invitation.state, "to_send")
        self.later(invitation, 2)
        self.assertIn("corrected@example.com", self.send())

    @mute_logger(SEND_LOGGER)
    def test_a_conflict_while_the_template_is_missing_does_not_delay_the_others(self):
        self.env.ref("sale_auto_portal_user.mail_template_portal_invitation").unlink()
        first, second = self.invite_many(2)
        conflicts = [errors.SerializationFailure(), errors.SerializationFailure()]  # for the batch and for the record

        def conflict(invitations):
            if conflicts:
                raise conflicts.pop()

        self.refuse_write(
            "sale.portal.invitation",
            lambda invitations, vals: vals.get("state") == "failed" and first in invitations,
            conflict,
        )
        self.run_cron()
        self.assertEqual((first.state, second.state), ("to_send", "failed"))

    @mute_logger(SEND_LOGGER)
    def test_a_failure_that_can_not_be_noted_on_the_order_does_not_delay_the_others(self):
        (order, first), (_order, second) = self.invite(), self.invite(email="otto@example.com")
        order.partner_id.email = "nonsense"
        with patch.object(self.registry["sale.order"], "_message_log_batch", side_effect=ValueError):
            self.assertEqual(list(self.send()), ["otto@example.com"])
        self.assertEqual((first.state, second.state), ("failed", "sent"))

    @mute_logger(SEND_LOGGER)
    def test_an_account_that_another_addon_keeps_does_not_stop_the_daily_jobs(self):
        error = UserError("This account is needed.")

        def refuse(users):
            raise error

        self.company.auto_portal_user_archive_days = 30
        kept, other = self.invite_many(2)
        self.send()
        self.days_pass(kept + other, 30)
        self.refuse_write(
            "res.users", lambda users, vals: vals.get("active") is False and kept.user_id in users, refuse
        )
        self.keep_house()
        self.assertEqual((kept.user_id.active, other.user_id.active), (True, False))
        self.assertEqual(kept.state, "expired", "the next job was done")

    def test_a_customer_who_has_signed_in_meanwhile_is_not_invited(self):
        _order, invitation = self.invite()
        self.log_in(invitation.user_id)
        with self.mock_mail_gateway():
            self.run_cron()
        self.assertFalse(self._mails)

    def test_an_archived_account_is_not_invited(self):
        order, invitation = self.invite()
        invitation.user_id.active = False
        with self.mock_mail_gateway():
            self.run_cron()
        self.assertFalse(self._mails)
        self.assertEqual(invitation.state, "cancelled")
        invitation.user_id.active = True
        self.env.invalidate_all()
        self.assertEqual(order.portal_account_state, "uninvited")
        order.action_resend_portal_invitation()
        self.assertEqual(invitation.state, "to_send")

    @mute_logger(
        "odoo.addons.sale_auto_portal_user.models.portal_mail_send", "odoo.addons.mail.models.mail_render_mixin"
    )
    def test_a_rendering_error_for_one_customer_does_not_affect_the_others(self):
        template = self.env.ref("sale_auto_portal_user.mail_template_portal_invitation")
        template.body_html = "<p t-if=\"object.email == 'bad@example.com'\" t-out=\"1 / 0\"/><p t-else=\"\">Hello</p>"
        bad_order, bad = self.invite(email="bad@example.com")
        _order, good = self.invite(email="good@example.com")
        with self.mock_mail_gateway():
            self.run_cron()
        self.assertEqual(good.state, "sent")
        self.assertEqual(bad.state, "failed")
        self.assertIn("could not be delivered", self.notes_of(bad_order)[0])

    def test_a_missing_template_is_noted_on_the_order_and_nothing_is_lost(self):
        template = self.env.ref("sale_auto_portal_user.mail_template_portal_invitation")
        other = template.copy()
        template.unlink()
        order, invitation = self.invite()
        self.run_cron()
        self.assertEqual(invitation.state, "failed")
        self.assertIn("could not be delivered", self.notes_of(order)[0])
        self.assertIn("The email template was deleted. Choose another one", self.notes_of(order)[0])
        self.assertNotIn("mail.template", self.notes_of(order)[0] + invitation.failure_reason)
        self.company.auto_portal_user_template_id = other
        order.action_resend_portal_invitation()
        with self.mock_mail_gateway():
            self.run_cron()
        self.assertEqual(invitation.state, "sent")

    def test_a_run_that_was_killed_is_settled_by_the_next_one(self):
        _order, invitation = self.invite()
        with self.mock_mail_gateway():
            invitation._queue()  # simulate a run that is killed after the commit and before sending
            self.run_cron()
            self.assertFalse(self._mails, "Odoo's queue has it: a second mail would be one too many")
            invitation.mail_id.send()
            self.assertEqual(len(self._mails), 1)
            self.run_cron()
        self.assertEqual(len(self._mails), 1)
        self.assertEqual(invitation.state, "sent")

    def test_the_link_works_as_long_as_odoo_says(self):
        _order, invitation = self.invite()
        for hours, words in ((144, "6 days"), (71, "2 days"), (48, "2 days"), (47, "47 hours"), (1, "1 hour")):
            with self.subTest(hours=hours):
                self.env["ir.config_parameter"].set_param("auth_signup.signup.validity.hours", hours)
                self.assertEqual(invitation._get_portal_invitation_validity(), words)
        with self.mock_mail_gateway():
            self.run_cron()
        self.assertIn("This button works once, within 1 hour.", self._mails[0]["body"])

    def test_a_right_to_left_language_is_rendered_accordingly(self):
        self.invite()
        with self.mock_mail_gateway():
            self.run_cron()
        self.assertRegex(self._mails[0]["body"], r'<table\b[^>]* dir="auto"')

    def test_a_branch_invites_in_its_own_name_and_with_its_own_template(self):
        template = self.env.ref("sale_auto_portal_user.mail_template_portal_invitation")
        branch = self.env["res.company"].create(
            {
                "name": "The Branch",
                "parent_id": self.company.id,
                "email": "branch@example.com",
                "auto_portal_user_template_id": template.copy({"subject": "From the branch"}).id,
            }
        )
        self.env.user.company_ids += branch
        order = self.order(self.customer(company_id=self.company.id), company_id=branch.id)
        order.action_confirm()
        with self.mock_mail_gateway():
            self.run_cron()
        self.assertEqual(self._mails[0]["subject"], "From the branch")
        self.assertIn("The Branch", self._mails[0]["body"])
        self.assertIn("branch@example.com", self._mails[0]["email_from"])

    def test_the_template_is_not_among_those_for_messages_on_orders(self):
        template = self.env.ref("sale_auto_portal_user.mail_template_portal_invitation")
        self.assertEqual(template.model, "sale.portal.invitation")
