"""The weekly mail: recipients, schedule, content and unsubscribing."""

import re
from datetime import datetime, timedelta

from freezegun import freeze_time
from markupsafe import Markup

from odoo.exceptions import AccessError, ValidationError
from odoo.fields import Command
from odoo.http import Request
from odoo.tests import HttpCase, tagged
from odoo.tools import html2plaintext, mute_logger

from odoo.addons.base.tests.test_ir_cron import CronMixinCase
from odoo.addons.mail.tests.common import MailCase

from .. import uninstall_hook
from .common import PortalAgentCommon

CRON = "portal_agent_account.ir_cron_send_weekly_mails"
# A Monday in winter.
MONDAY = datetime(2026, 11, 23, 12, 0)


@tagged("post_install", "-at_install", "once")
class TestWeeklyMail(CronMixinCase, MailCase, PortalAgentCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.portal_agent_weekly_mail = True
        (cls.agent + cls.other_agent).tz = "Europe/Rome"
        cls.env["mail.mail"].search([("state", "=", "outgoing")]).state = "cancel"
        # Only Ann's customer has news.
        cls.order.date_order = MONDAY - timedelta(days=2)
        (cls.other_order + cls.own_order).date_order = MONDAY - timedelta(days=90)
        invoices = cls.invoice + cls.other_invoice + cls.own_invoice
        invoices.line_ids.filtered("date_maturity").date_maturity = (MONDAY + timedelta(days=900)).date()

    def run_cron(self, at=MONDAY):
        """Run the scheduled action as Odoo's scheduler does, and return the queued mails."""
        before = self.env["mail.mail"].search([])
        self.env.flush_all()
        with freeze_time(at), self.enter_registry_test_mode():
            self.assertIs(self.env.ref(CRON).method_direct_trigger(), True, "the action did not fail")
        return self.env["mail.mail"].search([]) - before

    def test_mail_only_contains_news_of_the_agents_own_customers(self):
        mails = self.run_cron()
        mine = mails.filtered(lambda mail: "portal_agent_ann" in mail.email_to)
        self.assertEqual(len(mine), 1)
        self.assertIn(self.order.name, mine.body_html)
        self.assertNotIn("ROOK", mails.mapped("body_html")[0])
        self.assertNotIn("SWIFT", mine.body_html)
        self.assertNotIn("ANN-ORDER", mine.body_html, "the agent's own documents are no customer's")

    def test_an_agent_without_news_gets_no_mail(self):
        mails = self.run_cron()
        self.assertFalse(mails.filtered(lambda mail: "portal_agent_bob" in mail.email_to))

    def test_links_lead_to_the_agents_pages_and_carry_no_token(self):
        (mail,) = self.run_cron()
        links = [link for link in re.findall(r'href="([^"]+)"', mail.body_html) if "unsubscribe" not in link]
        self.assertIn(f"/my/agent/orders/{self.order.id}", " ".join(links))
        for link in links:
            self.assertIn("/my/agent", link)
            self.assertNotIn("token", link)
        self.assertFalse(mail.attachment_ids)

    def test_running_the_action_again_sends_no_second_mail(self):
        self.assertEqual(len(self.run_cron()), 1)
        self.assertFalse(self.run_cron(MONDAY + timedelta(hours=1)))
        self.assertFalse(self.run_cron(MONDAY + timedelta(days=3)))

    def test_mail_is_sent_at_the_hour_in_the_agents_time_zone(self):
        self.agent.tz = "Asia/Tokyo"  # Monday, 07:00 there is Sunday, 22:00 UTC
        self.assertFalse(self.run_cron(datetime(2026, 11, 22, 21, 59)))
        self.assertEqual(len(self.run_cron(datetime(2026, 11, 22, 22, 0))), 1)

    def test_a_new_setting_takes_effect_on_the_next_weekday(self):
        self.assertFalse(self.run_cron(datetime(2026, 11, 26, 9, 0)))

    def test_a_mail_covers_the_time_since_the_previous_one(self):
        self.run_cron()
        self.assertFalse(self.run_cron(MONDAY + timedelta(days=7)), "nothing new")
        self.order.date_order = MONDAY + timedelta(days=8)
        self.assertEqual(len(self.run_cron(MONDAY + timedelta(days=14))), 1)

    def test_an_order_with_a_future_date_is_reported_once_on_its_date(self):
        self.order.date_order = MONDAY + timedelta(days=10)
        told = [len(self.run_cron(MONDAY + timedelta(days=7 * week))) for week in range(4)]
        self.assertEqual(told, [0, 0, 1, 0])

    def test_next_mail_does_not_contain_an_unassigned_customer(self):
        self.customer.portal_agent_ids -= self.agent
        self.assertFalse(self.run_cron())

    def _run_mail_queue(self, at=MONDAY):
        """Run Odoo's mail queue, and return the agents' mails that it sent. Here, Odoo doesn't delete mails."""
        is_sent = [("state", "=", "sent"), ("portal_agent_id", "!=", False)]
        before = self.env["mail.mail"].search(is_sent)
        with freeze_time(at), self.mock_mail_gateway():
            self.env["mail.mail"].process_email_queue()
        self.env.invalidate_all()
        return self.env["mail.mail"].search(is_sent) - before

    def _copy_failed(self, mail):
        """Return a copy of a weekly mail that no mail server accepted."""
        failed = mail.copy({"state": "exception", "date": mail.date})
        failed._mark_for_portal_agent(mail.portal_agent_id, mail.portal_agent_scope, mail.portal_agent_period_start)
        return failed

    def _check_not_sent_after(self, take_back):
        """Check that neither a mail in the mail queue nor one that an administrator retries is sent after a change."""
        waiting = self.run_cron()
        failed = self._copy_failed(waiting)
        take_back()
        self.env.flush_all()
        failed.action_retry()
        self.assertFalse(self._run_mail_queue())
        self.assertEqual((waiting + failed).mapped("state"), ["cancel", "cancel"])
        return waiting

    def test_a_mail_that_waits_is_sent(self):
        waiting = self.run_cron()
        self.assertEqual(self._run_mail_queue(), waiting)
        self.assertEqual([mail["email_to"] for mail in self._mails], [[self.agent.email]])

    def test_a_mail_that_waits_is_not_sent_to_a_dismissed_agent(self):
        self._check_not_sent_after(self.agent.action_revoke_portal_agent)

    def test_a_mail_that_waits_is_not_sent_to_an_agent_who_was_removed_in_the_form_of_the_group(self):
        group = self.env.ref("portal_agent_account.group_portal_agent")
        self._check_not_sent_after(lambda: group.write({"user_ids": [Command.unlink(self.agent.id)]}))

    def test_a_mail_that_waits_is_not_sent_to_an_agent_who_was_dismissed_in_another_process(self):
        """The caches of this process still contain the group."""
        group = self.env.ref("portal_agent_account.group_portal_agent")

        def dismiss_elsewhere():
            self.assertTrue(self.agent._is_portal_agent())
            self.env.cr.execute(
                "DELETE FROM res_groups_users_rel WHERE uid = %s AND gid = %s", [self.agent.id, group.id]
            )
            self.env.invalidate_all()

        self._check_not_sent_after(dismiss_elsewhere)

    def test_a_mail_that_waits_is_not_sent_to_an_archived_agent(self):
        self._check_not_sent_after(lambda: self.agent.write({"active": False}))

    def test_a_mail_that_waits_is_not_sent_to_a_deleted_agent(self):
        mail = self._check_not_sent_after(self.agent.unlink)
        message = mail.mail_message_id
        mail.mark_outgoing()
        with self.mock_mail_gateway(mail_unlink_sent=True):
            mail.send()
        self.assertFalse(mail.exists() or message.exists())

    def test_a_mail_that_waits_is_not_sent_to_an_agent_who_unsubscribed(self):
        self._check_not_sent_after(lambda: self.agent.write({"portal_agent_weekly_mail": False}))
        self.agent.portal_agent_weekly_mail = True
        mail = self.run_cron(MONDAY + timedelta(days=7))
        self.assertIn(self.order.name, mail.body_html, "who subscribes again misses nothing")

    def test_a_mail_that_waits_is_not_sent_after_the_company_disabled_weekly_mails(self):
        self._check_not_sent_after(lambda: self.company.write({"portal_agent_weekly_mail": False}))

    def test_a_mail_that_waits_is_not_sent_after_the_company_hid_draft_quotations(self):
        self._check_not_sent_after(lambda: self.company.write({"portal_agent_draft_quotation": False}))

    def test_a_mail_that_waits_is_not_sent_if_a_customer_is_archived(self):
        self._check_not_sent_after(lambda: self.customer.write({"active": False}))

    def test_a_mail_that_waits_is_not_sent_if_a_customer_belongs_to_another_company(self):
        other = self.env["res.company"].create({"name": "Quill Abroad"})
        self.customer_user.partner_id.parent_id = False
        self._check_not_sent_after(lambda: self.customer.write({"company_id": other.id}))

    def test_a_mail_that_waits_is_not_sent_if_a_company_is_removed_from_the_agent(self):
        other = self.env["res.company"].create({"name": "Quill Abroad"})
        self.agent.company_ids += other
        self._check_not_sent_after(lambda: self.agent.write({"company_ids": [Command.unlink(other.id)]}))
        self.agent.company_ids += other
        self._check_not_sent_after(
            lambda: self.agent.write({"company_id": other.id, "company_ids": [Command.set(other.ids)]})
        )

    def test_a_mail_that_waits_is_not_sent_if_a_contact_moves_to_another_customer(self):
        self._check_not_sent_after(lambda: self.warehouse.write({"parent_id": self.strange_customer.id}))

    def test_a_mail_that_waits_is_replaced_by_one_to_the_corrected_address(self):
        self._check_not_sent_after(lambda: self.agent.write({"email": "corrected@example.com"}))
        mail = self.run_cron(MONDAY + timedelta(hours=1))
        self.assertEqual(self._run_mail_queue(), mail)
        self.assertEqual(mail.email_to, "corrected@example.com")

    def test_a_mail_that_waits_is_replaced_by_one_without_an_unassigned_customer(self):
        self.other_customer.portal_agent_ids += self.agent
        self.other_order.date_order = MONDAY - timedelta(days=1)
        last = MONDAY - timedelta(days=3)
        self.agent.portal_agent_weekly_mail_date = last
        waiting = self.run_cron().filtered(lambda mail: mail.portal_agent_id == self.agent)
        self.assertIn(self.order.name, waiting.body_html)
        self.customer.portal_agent_ids -= self.agent
        self.assertNotIn(waiting, self._run_mail_queue())
        self.assertEqual(waiting.state, "cancel")
        self.assertEqual(self.agent.portal_agent_weekly_mail_date, last, "no news of other customers are lost")
        anew = self.run_cron(MONDAY + timedelta(hours=1))
        self.assertEqual(self._run_mail_queue(), anew)
        self.assertEqual(anew.email_to, self.agent.email)
        self.assertIn(self.other_order.name, anew.body_html)
        self.assertNotIn(self.order.name, anew.body_html)

    def test_a_mail_that_waits_is_sent_after_another_agent_was_dismissed(self):
        self.customer.portal_agent_ids += self.other_agent
        self.run_cron()
        self.other_agent.action_revoke_portal_agent()
        self.assertEqual(self._run_mail_queue().email_to, self.agent.email)

    def test_deleting_an_agent_does_not_stop_the_mail_queue(self):
        self.customer.portal_agent_ids += self.other_agent
        self.run_cron()
        postprocess, MailMail = self.registry["mail.mail"]._postprocess_sent_message, self.registry["mail.mail"]

        def delete_the_other_agent(mails, *args, **kwargs):
            self.other_agent.exists().unlink()
            return postprocess(mails, *args, **kwargs)

        self.patch(MailMail, "_postprocess_sent_message", delete_the_other_agent)
        self.env["mail.mail"].create({"subject": "Last", "email_to": "last@example.com", "body_html": "<p>Last</p>"})
        with mute_logger("odoo.addons.mail.models.mail_mail"):
            self._run_mail_queue()
        self.assertEqual([mail["email_to"] for mail in self._mails], [[self.agent.email], ["last@example.com"]])

    def test_an_old_failed_mail_does_not_repeat_what_later_mails_have_delivered(self):
        failed = self.run_cron()
        failed.state = "exception"
        self.order.date_order = MONDAY + timedelta(days=5)
        later = MONDAY + timedelta(days=7)
        delivered = self.run_cron(later)
        self.assertEqual(self._run_mail_queue(later), delivered)
        last = self.agent.portal_agent_weekly_mail_date
        self.customer.portal_agent_ids -= self.agent
        failed.action_retry()
        self.assertFalse(self._run_mail_queue(later))
        self.assertEqual((failed + delivered).mapped("state"), ["cancel", "sent"])
        self.assertEqual(self.agent.portal_agent_weekly_mail_date, last)

    def test_uninstalling_deletes_the_mails_that_wait(self):
        waiting = self.run_cron()
        failed, sent = self._copy_failed(waiting), self._copy_failed(waiting)
        sent.state, other = "sent", waiting.copy()
        uninstall_hook(self.env)
        self.assertEqual((waiting + failed + sent + other).exists(), sent + other)

    def test_a_former_agent_gets_no_mail(self):
        self.agent.action_revoke_portal_agent()
        self.assertFalse(self.run_cron())

    def test_an_archived_agent_gets_no_mail(self):
        self.agent.active = False
        self.assertFalse(self.run_cron())

    def test_an_agent_dismissed_during_the_run_gets_no_mail(self):
        """The run doesn't fail either, so that all other agents get their mails."""
        self.customer.portal_agent_ids += self.other_agent
        locked = self._call_before_locking(lambda: self.agent.action_revoke_portal_agent())
        self.assertEqual(self.run_cron().email_to, self.other_agent.email)
        self.assertIn(self.agent.id, locked)

    def test_an_agent_who_unsubscribes_during_the_run_gets_no_mail(self):
        self._call_before_locking(lambda: self.agent.write({"portal_agent_weekly_mail": False}))
        self.assertFalse(self.run_cron())

    def _call_before_locking(self, change):
        """Make a change after the run has found the agents and before it locks the first of them.

        :return: ids that the run then locks
        :rtype: list[int]
        """
        locked = []
        lock = type(self.env["res.users"])._lock_weekly_mail_due

        def change_and_lock(users, user_ids, now):
            change()
            self.env.flush_all()
            locked.extend(user_ids)
            return lock(users, user_ids, now)

        self.patch(type(self.env["res.users"]), "_lock_weekly_mail_due", change_and_lock)
        return locked

    def test_error_for_one_agent_does_not_affect_the_others(self):
        self.customer.portal_agent_ids += self.other_agent
        template = self.env.ref("portal_agent_account.mail_template_weekly_mail")
        body = template.body_html
        template.body_html = Markup("<t t-if=\"object.login == 'portal_agent_ann'\" t-out='1 / 0'></t>") + body
        with self.assertLogs("odoo.addons.portal_agent_account.models.res_users_weekly_mail", "ERROR"):
            self.assertEqual(self.run_cron().email_to, self.other_agent.email)
        template.body_html = body
        self.assertEqual(self.run_cron(MONDAY + timedelta(hours=1)).email_to, self.agent.email)

    def test_without_the_template_the_run_logs_a_warning_and_skips_no_week(self):
        template = self.env.ref("portal_agent_account.mail_template_weekly_mail")
        data = self.env["ir.model.data"].search([("model", "=", "mail.template"), ("res_id", "=", template.id)])
        xml_id = data.complete_name
        data.unlink()
        with self.assertLogs("odoo.addons.portal_agent_account.models.res_users_weekly_mail", "WARNING") as log:
            self.assertFalse(self.run_cron())
        self.assertIn("“Portal Agent: Weekly Mail” was deleted. To restore it, upgrade", log.output[0])
        self.env["ir.model.data"]._update_xmlids([{"xml_id": xml_id, "record": template}])
        self.assertEqual(len(self.run_cron(MONDAY + timedelta(hours=1))), 1)

    def test_weekly_mail_can_not_be_enabled_without_the_template(self):
        self.company.portal_agent_weekly_mail = False
        self.env.ref("portal_agent_account.mail_template_weekly_mail").unlink()
        with self.assertRaisesRegex(ValidationError, "“Portal Agent: Weekly Mail” was deleted"):
            self.company.portal_agent_weekly_mail = True

    def test_an_invalid_time_zone_does_not_prevent_the_mail(self):
        self.env.flush_all()
        self.env.cr.execute("UPDATE res_partner SET tz = 'Mars/Olympus' WHERE id = %s", [self.agent.partner_id.id])
        self.env.invalidate_all()
        self.assertEqual(len(self.run_cron()), 1)

    def test_mail_is_sent_to_one_address_only(self):
        self.agent.email = "Ann <ann@example.com>, victim@example.com"
        self.assertEqual(self.run_cron().email_to, "ann@example.com")

    def test_after_a_long_break_the_mail_covers_the_last_four_weeks(self):
        self.agent.portal_agent_weekly_mail_date = MONDAY - timedelta(days=200)
        self.order.date_order = MONDAY - timedelta(days=60)
        self.assertFalse(self.run_cron())
        self.order.date_order = MONDAY + timedelta(days=7) - timedelta(days=2)
        self.agent.portal_agent_weekly_mail_date = MONDAY - timedelta(days=200)
        self.assertEqual(len(self.run_cron(MONDAY + timedelta(days=7))), 1)

    def test_links_in_customer_names_are_removed(self):
        links = "www.evil.example https://evil.example/x a@evil.example shop-login.example/verify evil\u3002example"
        self.order.partner_id.name = f"Refund {links}"
        body = html2plaintext(self.run_cron().body_html, include_references=False)
        self.assertIn("Refund", body)
        self.assertNotRegex(body, r"(evil|login)[.\u3002]example|@evil|://evil")

    def test_a_customer_name_is_short_and_does_not_change_the_text_direction(self):
        self.order.partner_id.name = "Refund\u202e \u2066moc.live\u200b" + "x" * 200
        body = html2plaintext(self.run_cron().body_html, include_references=False)
        self.assertIn("Refund", body)
        self.assertNotRegex(body, "[\u200b\u202a-\u202e\u2066-\u2069]")
        self.assertNotIn("x" * 90, body)

    def test_subject_and_sender_keep_the_companys_name_and_the_text_direction(self):
        self.company.email = "chairs@example.com"
        self.company.name = "Chairs.example\u202e\nBcc: x"
        template = self.env.ref("portal_agent_account.mail_template_weekly_mail")
        template.subject = "Customers of {{ object.company_id.name }}"
        mail = self.run_cron()
        self.assertEqual(mail.subject, "Customers of Chairs.example Bcc: x")
        self.assertIn("Chairs.example Bcc: x", mail.email_from)

    def test_mails_are_sent_immediately(self):
        """Without a trigger, Odoo's mail queue runs once an hour."""
        with self.capture_triggers("mail.ir_cron_mail_scheduler_action") as capture:
            self.run_cron()
        self.assertTrue(capture.records)

    def test_a_mail_costs_no_more_queries_than_the_dashboard(self):
        def count(read):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            read()
            return self.env.cr.sql_log_count - before

        def read_dashboard():
            with self.on_an_agents_page() as env:
                Dashboard = env["portal.agent.dashboard"]
                Dashboard._get_summary(env["res.partner"], Dashboard._get_last_months_start())

        def read_mail():
            self.agent._read_weekly_mail_sections(MONDAY, MONDAY + timedelta(days=7))

        for read in (read_dashboard, read_mail):
            read()  # warm up the caches
        self.assertLessEqual(count(read_mail), count(read_dashboard))

    def test_weekly_mail_is_disabled_by_default(self):
        self.assertFalse(self.env["res.company"].new({}).portal_agent_weekly_mail)
        self.company.portal_agent_weekly_mail = False
        self.assertFalse(self.run_cron())

    def test_an_invalid_hour_is_refused(self):
        with self.assertRaises(ValidationError):
            self.company.portal_agent_weekly_mail_hour = 24

    def test_mail_is_in_the_agents_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        template = self.env.ref("portal_agent_account.mail_template_weekly_mail")
        template.with_context(lang="fr_FR").subject = "Vos clients"
        self.agent.lang = "fr_FR"
        self.assertEqual(self.run_cron().subject, "Vos clients")

    def test_a_newly_overdue_instalment_is_reported_once(self):
        self.order.date_order = MONDAY - timedelta(days=90)
        self.invoice.line_ids.filtered("date_maturity").date_maturity = (MONDAY - timedelta(days=3)).date()
        (mail,) = self.run_cron()
        self.assertIn(self.invoice.name, mail.body_html)
        self.assertFalse(self.run_cron(MONDAY + timedelta(days=7)))

    def test_an_order_confirmed_while_the_action_runs_is_reported_once(self):
        """The next mail starts at the start of the run, so this one ends there."""
        start = MONDAY + timedelta(hours=1)
        self.order.date_order = start + timedelta(seconds=4)
        self._new_order(self.customer, "QUILL-BEFORE", confirm=True).date_order = start - timedelta(seconds=4)
        self.env.flush_all()
        with freeze_time(start + timedelta(seconds=9)):
            [section] = self.agent._read_weekly_mail_sections(MONDAY, start)
        self.assertEqual([line["label"] for line in section["lines"]], ["QUILL-BEFORE"])
        with freeze_time(start + timedelta(days=7)):
            [section] = self.agent._read_weekly_mail_sections(start, start + timedelta(days=7))
        self.assertEqual([line["label"] for line in section["lines"]], ["QUILL-ORDER"])

    def test_a_run_that_ends_after_midnight_reports_an_instalment_once(self):
        self.agent.tz = "UTC"
        start = MONDAY.replace(hour=23, minute=59)
        self.invoice.line_ids.filtered("date_maturity").date_maturity = MONDAY.date()
        self.env.flush_all()
        with freeze_time(start + timedelta(minutes=2)):
            self.assertFalse(self.agent._read_weekly_mail_sections(start - timedelta(hours=1), start))
        with freeze_time(start + timedelta(days=7)):
            [section] = self.agent._read_weekly_mail_sections(start, start + timedelta(days=7))
        self.assertEqual([line["label"] for line in section["lines"]], [self.invoice.name])

    def test_mail_does_not_contain_other_companies_of_the_agent(self):
        other = self.env["res.company"].create({"name": "Quill Abroad"})
        self.agent.company_ids += other
        self.order.date_order = MONDAY - timedelta(days=90)
        abroad = self._new_order(self.customer, "QUILL-ABROAD", company_id=other.id, state="sale")
        abroad.date_order = MONDAY - timedelta(days=2)
        self.assertFalse(self.run_cron())

    def test_a_quotation_that_expires_soon_is_reported(self):
        self.order.date_order = MONDAY - timedelta(days=90)
        self.quotation.validity_date = (MONDAY + timedelta(days=5)).date()
        (mail,) = self.run_cron()
        self.assertIn(self.quotation.name, mail.body_html)

    def test_rendering_the_template_reveals_no_figures(self):
        """The figures are not part of the user, so neither colleagues nor administrators get them."""
        template = self.env.ref("portal_agent_account.mail_template_weekly_mail").sudo()
        body = template._render_field("body_html", self.agent.ids)[self.agent.id]
        self.assertNotIn(self.order.name, body)
        self.assertNotIn("unsubscribe", body)

    def test_a_mail_client_can_unsubscribe_with_one_click(self):
        (mail,) = self.run_cron()
        self.assertIn("List-Unsubscribe=One-Click", mail.headers)
        self.assertIn("/my/agent/weekly-mail/unsubscribe?user=", mail.headers)

    def test_query_count_per_agent_does_not_grow_with_the_number_of_agents(self):
        def count(agents):
            self.agent.flush_recordset()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            with freeze_time(MONDAY):
                agents._send_weekly_mail(MONDAY)
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        others = self.env["res.users"].create([self._prepare_agent(f"weekly_{n}") for n in range(8)])
        self.customer.portal_agent_ids += others
        count(others[:1])
        self.assertLessEqual(count(others[1:8]), 7 * count(self.agent) + 5)

    def test_an_agent_can_not_read_or_change_the_choice_of_another(self):
        with self.assertRaises(AccessError):
            self.other_agent.with_user(self.agent).portal_agent_weekly_mail = False
        with self.assertRaises(AccessError):
            self.other_agent.with_user(self.agent).read(["portal_agent_weekly_mail"])


@tagged("post_install", "-at_install", "once")
class TestWeeklyMailPages(PortalAgentCommon, HttpCase):
    def unsubscribe_path(self, user):
        return user._get_weekly_mail_unsubscribe_url().partition(user.get_base_url())[2]

    def test_opening_the_link_changes_nothing(self):
        response = self.url_open(self.unsubscribe_path(self.agent))
        self.assertEqual(response.status_code, 200)
        self.assertTrue(self.agent.portal_agent_weekly_mail)

    def test_posting_to_the_link_unsubscribes_without_a_session(self):
        response = self.url_open(self.unsubscribe_path(self.agent), data={"List-Unsubscribe": "One-Click"})
        self.assertEqual(response.status_code, 200)
        self.assertFalse(self.agent.portal_agent_weekly_mail)

    def test_a_link_is_only_valid_for_one_user(self):
        path = self.unsubscribe_path(self.agent).replace(f"user={self.agent.id}&", f"user={self.other_agent.id}&")
        for user_id in (self.other_agent.id, 2**31 - 1, "x", -1):
            forged = re.sub(r"user=[^&]*", f"user={user_id}", path)
            self.assertEqual(self.url_open(forged, data={"a": "b"}).status_code, 404)
        for token in ("", "é", "0" * 64):
            forged = re.sub(r"token=.*", f"token={token}", self.unsubscribe_path(self.agent))
            self.assertEqual(self.url_open(forged, data={"a": "b"}).status_code, 404)
        self.assertTrue((self.agent + self.other_agent).mapped("portal_agent_weekly_mail"))
        self.assertTrue(self.other_agent.portal_agent_weekly_mail)

    def test_an_agent_can_disable_and_enable_the_weekly_mail(self):
        self.company.portal_agent_weekly_mail = True
        self.authenticate(self.agent.login, self.agent.login)
        for expected in (False, True):
            page = self.url_open("/my/agent").text
            form = page[page.index('id="weekly_mail"') :]
            data = dict(re.findall(r'name="(csrf_token|weekly_mail)" value="([^"]*)"', form))
            self.url_open("/my/agent/weekly-mail", data=data)
            self.assertEqual(self.agent.portal_agent_weekly_mail, expected)

    def test_a_customer_can_not_change_the_weekly_mail(self):
        self.authenticate(self.customer_user.login, self.customer_user.login)
        response = self.url_open("/my/agent/weekly-mail", data={"csrf_token": Request.csrf_token(self)})
        self.assertEqual(response.status_code, 403)

    def test_a_customer_sees_the_agents_if_the_company_enables_it(self):
        self.agent.phone = "+39 02 1234567"
        self.authenticate(self.customer_user.login, self.customer_user.login)
        self.assertNotIn("Ann Agent", self.url_open("/my").text)
        self.company.portal_agent_shown_to_customer = True
        page = self.url_open("/my").text
        self.assertIn("Ann Agent", page)
        self.assertIn("+39 02 1234567", page)
        self.assertNotIn("Bob Agent", page)

    def test_an_agent_does_not_see_the_others(self):
        self.company.portal_agent_shown_to_customer = True
        self.customer.portal_agent_ids += self.other_agent
        self.authenticate(self.agent.login, self.agent.login)
        self.assertNotIn("Bob Agent", self.url_open("/my").text)
        self.assertNotIn("Bob Agent", self.url_open(f"/my/agent/customers/{self.customer.id}").text)

    def test_a_dismissed_agent_is_not_shown(self):
        self.company.portal_agent_shown_to_customer = True
        self.agent.active = False
        self.authenticate(self.customer_user.login, self.customer_user.login)
        self.assertNotIn("Ann Agent", self.url_open("/my").text)
