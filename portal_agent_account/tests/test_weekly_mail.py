"""The weekly mail: recipients, schedule, content and unsubscribing."""

import re
from datetime import datetime, timedelta

from freezegun import freeze_time
from markupsafe import Markup

from odoo.exceptions import AccessError, ValidationError
from odoo.http import Request
from odoo.tests import HttpCase, tagged
from odoo.tools import html2plaintext

from odoo.addons.base.tests.test_ir_cron import CronMixinCase
from odoo.addons.mail.tests.common import MailCase

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

    def test_an_agent_reads_what_happened_with_the_own_customers_alone(self):
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

    def test_nobody_gets_two_however_often_the_action_runs(self):
        self.assertEqual(len(self.run_cron()), 1)
        self.assertFalse(self.run_cron(MONDAY + timedelta(hours=1)))
        self.assertFalse(self.run_cron(MONDAY + timedelta(days=3)))

    def test_it_comes_at_the_hour_of_the_agents_time_zone(self):
        self.agent.tz = "Asia/Tokyo"  # Monday, 07:00 there is Sunday, 22:00 UTC
        self.assertFalse(self.run_cron(datetime(2026, 11, 22, 21, 59)))
        self.assertEqual(len(self.run_cron(datetime(2026, 11, 22, 22, 0))), 1)

    def test_a_setting_made_in_the_middle_of_the_week_waits_for_the_weekday(self):
        self.assertFalse(self.run_cron(datetime(2026, 11, 26, 9, 0)))

    def test_a_mail_tells_what_is_new_since_the_one_before(self):
        self.run_cron()
        self.assertFalse(self.run_cron(MONDAY + timedelta(days=7)), "nothing new")
        self.order.date_order = MONDAY + timedelta(days=8)
        self.assertEqual(len(self.run_cron(MONDAY + timedelta(days=14))), 1)

    def test_an_order_that_is_dated_later_is_told_of_once_and_when_its_day_has_come(self):
        self.order.date_order = MONDAY + timedelta(days=10)
        told = [len(self.run_cron(MONDAY + timedelta(days=7 * week))) for week in range(4)]
        self.assertEqual(told, [0, 0, 1, 0])

    def test_a_customer_who_was_taken_away_is_gone_from_the_next_mail(self):
        self.customer.portal_agent_ids -= self.agent
        self.assertFalse(self.run_cron())

    def test_a_former_agent_gets_none(self):
        self.agent.action_revoke_portal_agent()
        self.assertFalse(self.run_cron())

    def test_an_archived_agent_gets_none(self):
        self.agent.active = False
        self.assertFalse(self.run_cron())

    def test_an_agent_who_is_dismissed_while_the_run_is_busy_gets_none(self):
        """The run doesn't fail either, so that all other agents get their mails."""
        self.customer.portal_agent_ids += self.other_agent
        locked = self._call_before_locking(lambda: self.agent.action_revoke_portal_agent())
        self.assertEqual(self.run_cron().email_to, self.other_agent.email)
        self.assertIn(self.agent.id, locked)

    def test_an_agent_who_unsubscribes_while_the_run_is_busy_gets_none(self):
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

    def test_one_agent_whose_mail_fails_leaves_the_others_theirs(self):
        self.customer.portal_agent_ids += self.other_agent
        template = self.env.ref("portal_agent_account.mail_template_weekly_mail")
        body = template.body_html
        template.body_html = Markup("<t t-if=\"object.login == 'portal_agent_ann'\" t-out='1 / 0'></t>") + body
        with self.assertLogs("odoo.addons.portal_agent_account.models.res_users_weekly_mail", "ERROR"):
            self.assertEqual(self.run_cron().email_to, self.other_agent.email)
        template.body_html = body
        self.assertEqual(self.run_cron(MONDAY + timedelta(hours=1)).email_to, self.agent.email)

    def test_without_the_template_nobody_misses_a_week_and_the_log_says_why(self):
        template = self.env.ref("portal_agent_account.mail_template_weekly_mail")
        data = self.env["ir.model.data"].search([("model", "=", "mail.template"), ("res_id", "=", template.id)])
        xml_id = data.complete_name
        data.unlink()
        with self.assertLogs("odoo.addons.portal_agent_account.models.res_users_weekly_mail", "WARNING") as log:
            self.assertFalse(self.run_cron())
        self.assertIn("“Portal Agent: Weekly Mail” was deleted. To restore it, upgrade", log.output[0])
        self.env["ir.model.data"]._update_xmlids([{"xml_id": xml_id, "record": template}])
        self.assertEqual(len(self.run_cron(MONDAY + timedelta(hours=1))), 1)

    def test_it_can_not_be_switched_on_without_the_template(self):
        self.company.portal_agent_weekly_mail = False
        self.env.ref("portal_agent_account.mail_template_weekly_mail").unlink()
        with self.assertRaisesRegex(ValidationError, "“Portal Agent: Weekly Mail” was deleted"):
            self.company.portal_agent_weekly_mail = True

    def test_a_time_zone_that_is_none_keeps_nobody_from_the_mail(self):
        self.env.flush_all()
        self.env.cr.execute("UPDATE res_partner SET tz = 'Mars/Olympus' WHERE id = %s", [self.agent.partner_id.id])
        self.env.invalidate_all()
        self.assertEqual(len(self.run_cron()), 1)

    def test_it_goes_to_one_address_alone(self):
        self.agent.email = "Ann <ann@example.com>, victim@example.com"
        self.assertEqual(self.run_cron().email_to, "ann@example.com")

    def test_after_a_long_break_it_tells_of_the_last_four_weeks(self):
        self.agent.portal_agent_weekly_mail_date = MONDAY - timedelta(days=200)
        self.order.date_order = MONDAY - timedelta(days=60)
        self.assertFalse(self.run_cron())
        self.order.date_order = MONDAY + timedelta(days=7) - timedelta(days=2)
        self.agent.portal_agent_weekly_mail_date = MONDAY - timedelta(days=200)
        self.assertEqual(len(self.run_cron(MONDAY + timedelta(days=7))), 1)

    def test_the_name_of_a_customer_is_no_link_of_its_own(self):
        self.order.partner_id.name = "Refund www.evil.example https://evil.example/x a@evil.example " + "x" * 200
        body = html2plaintext(self.run_cron().body_html, include_references=False)
        self.assertIn("Refund", body)
        self.assertNotIn("evil", body)
        self.assertNotIn("x" * 90, body)

    def test_mails_are_sent_at_once(self):
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
            self.agent._read_weekly_mail_sections(MONDAY)

        for read in (read_dashboard, read_mail):
            read()  # warm up the caches
        self.assertLessEqual(count(read_mail), count(read_dashboard))

    def test_it_is_off_until_the_company_switches_it_on(self):
        self.assertFalse(self.env["res.company"].new({}).portal_agent_weekly_mail)
        self.company.portal_agent_weekly_mail = False
        self.assertFalse(self.run_cron())

    def test_an_hour_that_is_none_is_refused(self):
        with self.assertRaises(ValidationError):
            self.company.portal_agent_weekly_mail_hour = 24

    def test_it_speaks_the_agents_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        template = self.env.ref("portal_agent_account.mail_template_weekly_mail")
        template.with_context(lang="fr_FR").subject = "Vos clients"
        self.agent.lang = "fr_FR"
        self.assertEqual(self.run_cron().subject, "Vos clients")

    def test_an_instalment_that_became_overdue_is_told_once(self):
        self.order.date_order = MONDAY - timedelta(days=90)
        self.invoice.line_ids.filtered("date_maturity").date_maturity = (MONDAY - timedelta(days=3)).date()
        (mail,) = self.run_cron()
        self.assertIn(self.invoice.name, mail.body_html)
        self.assertFalse(self.run_cron(MONDAY + timedelta(days=7)))

    def test_another_company_of_the_agent_is_not_told_of(self):
        other = self.env["res.company"].create({"name": "Quill Abroad"})
        self.agent.company_ids += other
        self.order.date_order = MONDAY - timedelta(days=90)
        abroad = self._new_order(self.customer, "QUILL-ABROAD", company_id=other.id, state="sale")
        abroad.date_order = MONDAY - timedelta(days=2)
        self.assertFalse(self.run_cron())

    def test_a_quotation_that_expires_soon_is_told(self):
        self.order.date_order = MONDAY - timedelta(days=90)
        self.quotation.validity_date = (MONDAY + timedelta(days=5)).date()
        (mail,) = self.run_cron()
        self.assertIn(self.quotation.name, mail.body_html)

    def test_whoever_renders_the_template_gets_no_figures(self):
        """The figures are not part of the user, so neither colleagues nor administrators get them."""
        template = self.env.ref("portal_agent_account.mail_template_weekly_mail").sudo()
        body = template._render_field("body_html", self.agent.ids)[self.agent.id]
        self.assertNotIn(self.order.name, body)
        self.assertNotIn("unsubscribe", body)

    def test_a_mail_program_can_unsubscribe_by_one_click(self):
        (mail,) = self.run_cron()
        self.assertIn("List-Unsubscribe=One-Click", mail.headers)
        self.assertIn("/my/agent/weekly-mail/unsubscribe?user=", mail.headers)

    def test_many_agents_cost_as_many_queries_each_as_few(self):
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

    def test_posting_to_the_link_ends_it_without_a_session(self):
        response = self.url_open(self.unsubscribe_path(self.agent), data={"List-Unsubscribe": "One-Click"})
        self.assertEqual(response.status_code, 200)
        self.assertFalse(self.agent.portal_agent_weekly_mail)

    def test_a_link_is_good_for_one_user_only(self):
        path = self.unsubscribe_path(self.agent).replace(f"user={self.agent.id}&", f"user={self.other_agent.id}&")
        for user_id in (self.other_agent.id, 2**31 - 1, "x", -1):
            forged = re.sub(r"user=[^&]*", f"user={user_id}", path)
            self.assertEqual(self.url_open(forged, data={"a": "b"}).status_code, 404)
        for token in ("", "é", "0" * 64):
            forged = re.sub(r"token=.*", f"token={token}", self.unsubscribe_path(self.agent))
            self.assertEqual(self.url_open(forged, data={"a": "b"}).status_code, 404)
        self.assertTrue((self.agent + self.other_agent).mapped("portal_agent_weekly_mail"))
        self.assertTrue(self.other_agent.portal_agent_weekly_mail)

    def test_an_agent_switches_it_off_and_on(self):
        self.company.portal_agent_weekly_mail = True
        self.authenticate(self.agent.login, self.agent.login)
        for expected in (False, True):
            page = self.url_open("/my/agent").text
            form = page[page.index('id="weekly_mail"') :]
            data = dict(re.findall(r'name="(csrf_token|weekly_mail)" value="([^"]*)"', form))
            self.url_open("/my/agent/weekly-mail", data=data)
            self.assertEqual(self.agent.portal_agent_weekly_mail, expected)

    def test_a_customer_has_no_switch(self):
        self.authenticate(self.customer_user.login, self.customer_user.login)
        response = self.url_open("/my/agent/weekly-mail", data={"csrf_token": Request.csrf_token(self)})
        self.assertEqual(response.status_code, 403)

    def test_a_customer_is_told_who_looks_after_the_company_where_it_wants_so(self):
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

    def test_a_dismissed_agent_is_not_named(self):
        self.company.portal_agent_shown_to_customer = True
        self.agent.active = False
        self.authenticate(self.customer_user.login, self.customer_user.login)
        self.assertNotIn("Ann Agent", self.url_open("/my").text)
