from datetime import timedelta

from lxml import html

from odoo import fields
from odoo.fields import Command
from odoo.http import Request
from odoo.tests import tagged

from .common import PortalAgentHttpCommon


@tagged("post_install", "-at_install", "-standard", "community_addons")
class TestCommunityAddons(PortalAgentHttpCommon):
    """The agents' pages together with OCA's portal addons."""

    # ---- portal_sale_personal_data_only, portal_account_personal_data_only

    def test_agent_reads_the_customers_documents_where_portal_users_read_their_own_only(self):
        with self.on_an_agents_page() as env:
            self.assertEqual(env["sale.order"].search([]), self.quotation + self.draft_quotation + self.order)
            self.assertEqual(env["sale.order.line"].search([]).order_id, env["sale.order"].search([]))
            self.assertEqual(env["account.move"].search([]), self.invoice + self.credit_note)
            self.assertEqual(env["account.move.line"].search([]).move_id, env["account.move"].search([]))

    def test_agent_who_is_a_customer_reads_no_more_than_other_portal_users(self):
        company = self._new_customer("Ann's Company")
        colleague = self._new_customer("Ann's Colleague", parent_id=company.id, is_company=False)
        self.agent.partner_id.parent_id = company
        orders = self._new_order(colleague, "COLLEAGUE-ORDER", confirm=True)
        invoices = self._new_invoice(colleague, "COLLEAGUE-INVOICE")
        with self.on_any_other_page() as env:
            self.assertEqual(env["sale.order"].search([]), self.own_order)
            self.assertEqual(env["account.move"].search([]), self.own_invoice)
        with self.on_an_agents_page() as env:
            self.assertFalse(env["sale.order"].search([("id", "in", orders.ids)]))
            self.assertFalse(env["account.move"].search([("id", "in", invoices.ids)]))

    # ---- portal_sale_order_search

    def test_search_in_the_customers_own_list_does_not_affect_the_agents_pages(self):
        self.authenticate(self.agent.login, self.agent.login)
        own = self.url_open("/my/orders?search=ROOK&search_in=name").text
        self.assertNotIn("QUILL-ORDER", own)
        self.assertIn("QUILL-ORDER", self.url_open("/my/agent/orders?search=QUILL&search_in=all").text)
        self.assertNotIn("QUILL-ORDER", self.url_open("/my/agent/orders?search=nothing&search_in=ref").text)

    # ---- portal_sale_confirm_require_login

    def test_agent_opens_the_customers_order_where_a_login_is_required(self):
        self.env["ir.config_parameter"].set_param(
            "portal_sale_confirm_require_login.portal_sale_access_login_required", True
        )
        self.authenticate(self.agent.login, self.agent.login)
        page = self.url_open(f"/my/agent/orders/{self.quotation.id}")
        self.assertEqual(page.status_code, 200)
        self.assertIn("QUILL-QUOTATION", page.text)
        for door in ("modalaccept", f"/my/account?order_id={self.quotation.id}", self.quotation.access_token):
            self.assertNotIn(door, page.text)

    # ---- portal_invitation_by_website

    def test_agent_made_in_the_portal_wizard_belongs_to_the_selected_website(self):
        website = self.env["website"].create({"name": "Agents", "domain": "https://agents.example.com"})
        contact = self._new_customer("Zoe Newcomer", email="zoe@new.example.com", is_company=False)
        wizard = self.env["portal.wizard"].create({"partner_ids": [Command.set(contact.ids)], "website_id": website.id})
        wizard.user_ids.action_make_portal_agent()
        self.assertTrue(contact.user_ids.is_portal_agent)
        self.assertEqual(contact.user_ids.website_id, website)
        mail = self.env["mail.mail"].search([], order="id desc", limit=1)
        self.assertIn("https://agents.example.com/", mail.body_html)

    # ---- partner_email_check

    def test_older_contact_with_an_unusual_address_becomes_an_agent_where_addresses_are_checked(self):
        contact = self._new_customer("Zoe Newcomer", email="Zoe <ZOE@new.example.com>", is_company=False)
        self._accept_any_email(False)
        contact.with_user(self.env.ref("base.user_admin")).action_make_portal_agent()
        self.assertTrue(contact.is_portal_agent)
        self.assertEqual(contact.user_ids.login, "zoe@new.example.com")

    # ---- password_security

    def test_agent_with_an_expired_password_gets_the_page_to_choose_another(self):
        self.agent.password_write_date = fields.Datetime.now() - timedelta(days=61)
        self.authenticate(None, None)
        values = {"login": self.agent.login, "password": self.agent.login, "csrf_token": Request.csrf_token(self)}
        answer = self.url_open("/web/login", data=values, allow_redirects=False)
        page = html.fromstring(self.url_open(answer.headers["Location"]).text)
        [form] = page.xpath("//form[contains(@class, 'oe_reset_password_form')]")
        values = dict(form.form_values()) | {"password": "Another-1", "confirm_password": "Another-1"}
        self.assertIn("has been reset", self.url_open("/web/reset_password", data=values).text)
        self.authenticate(self.agent.login, "Another-1")

    # ---- sale_commission_oca, account_commission_oca

    def test_agent_does_not_see_commissions(self):
        self.customer.commission_agent_ids = self.other_agent.partner_id
        with self.on_an_agents_page() as env:
            for model, field in (
                ("res.partner", "commission_agent_ids"),
                ("sale.order", "commission_total"),
                ("sale.order.line", "agent_ids"),
                ("account.move", "commission_total"),
                ("account.move.line", "agent_ids"),
            ):
                self.assertFalse(env[model].fields_get([field]), f"{model}.{field}")
