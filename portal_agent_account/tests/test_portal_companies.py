import csv
import io
from datetime import timedelta

from lxml import html
from openpyxl import load_workbook

from odoo import fields
from odoo.fields import Command, Domain
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import LISTS, PAGES, PortalAgentPagesCommon

KINDS = ("quotations", "orders", "invoices")


@tagged("post_install", "-at_install", "once")
class TestPortalCompanies(PortalAgentPagesCommon):
    """A customer or contact is moved to another company than the agent's.

    Its documents stay in their company, and disappear from all pages of the agent.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.abroad = cls.env["res.company"].create({"name": "Abroad"})
        cls.customer_user.partner_id.parent_id = False
        cls.second = cls._new_customer("Quack Feathers", portal_agent_ids=[Command.link(cls.agent.id)])
        cls.clerk = cls._new_customer("Quack Clerk", parent_id=cls.second.id, is_company=False)
        cls.shown, cls.hidden = [cls._make_documents(partner) for partner in (cls.second, cls.clerk)]
        cls.env.flush_all()

    @classmethod
    def _make_documents(cls, partner):
        """Create one document of each kind for the dashboard, the list of calls and the weekly mail."""
        today = fields.Date.context_today(cls.agent)
        quotation = cls._new_order(partner, f"{partner.name} Q", state="sent", validity_date=today + timedelta(days=3))
        order = cls._new_order(partner, f"{partner.name} O", confirm=True)
        order.date_order -= timedelta(hours=1)
        for age in (500, 490, 480, 470):
            cls._new_order(partner, f"{partner.name} {age}", confirm=True).date_order -= timedelta(days=age)
        due = {"invoice_payment_term_id": False, "invoice_date_due": today - timedelta(days=3)}
        invoice = cls._new_invoice(partner, f"{partner.name} I", invoice_date=today - timedelta(days=9), **due)
        return {"quotations": quotation, "orders": order, "invoices": invoice}

    def _move_contact(self):
        self.clerk.company_id = self.abroad
        self.env.flush_all()

    def _move_customer(self):
        (self.customer + self.buyer + self.warehouse).company_id = self.abroad
        self.env.flush_all()

    def _get_pages(self):
        yield from ((url, {}) for url in (*PAGES, f"/my/agent/customers/{self.second.id}"))
        yield from ((url, {"customer": self.second.id}) for url in PAGES)
        yield "/my/agent", {"period": "all"}
        yield f"/my/agent/customers/{self.second.id}/products", {}
        for name in KINDS:
            yield from ((f"/my/agent/{name}", {"groupby": groupby}) for groupby in ("customer", "month"))
            yield f"/my/agent/{name}", {"sortby": "customer"}
            yield f"/my/agent/{name}/export", {"format": "csv"}
        for filterby in ("call", "overdue", "due", "quiet_3"):
            yield "/my/agent/customers", {"filterby": filterby}
        yield "/my/agent/customers/export", {"format": "csv"}
        for document in self.shown.values():
            path = "invoices" if document._name == "account.move" else "orders"
            yield f"/my/agent/{path}/{document.id}", {}

    def _read_all(self):
        return {(url, *query.items()): self._get(url, **query) for url, query in self._get_pages()}

    def _get_text(self, response):
        if "html" not in response.headers["Content-Type"]:
            return response.text
        [content] = html.fromstring(response.text).xpath("//*[@id='portal_agent_content']")
        return " ".join(content.text_content().split())

    def _assert_not_told_of(self, name):
        for key, response in self._read_all().items():
            with self.subTest(key):
                self.assertEqual(response.status_code, 200)
                self.assertNotIn(name, self._get_text(response))

    def _assert_figures_agree(self):
        """Tiles, lists, totals, groups and both exports show the same amounts."""
        with self.on_an_agents_page() as env:
            tiles = env["portal.agent.dashboard"]._get_figures(env["res.partner"])
        for name in KINDS:
            with self.subTest(name):
                rows, sheet = self._export(name, "csv"), self._export(name, "xlsx")
                amount, documents = tiles[name]["amount"], tiles[name]["count"]
                self.assertEqual([len(rows), len(sheet)], [documents] * 2)
                for exported in (rows, sheet):
                    self.assertAlmostEqual(sum(float(row["Total"]) for row in exported), amount)
                self.assertEqual(len(self._get_references(f"/my/agent/{name}")), documents)
                self.assertEqual(len(self._get_references(f"/my/agent/{name}", groupby="customer")), documents)
                [total, *subtotals] = self._get_totals(name)
                self.assertAlmostEqual(total, amount)
                self.assertAlmostEqual(sum(subtotals), amount)
        customers = self._export("customers", "csv")
        self.assertEqual(len(customers), tiles["customers"]["count"])
        for name, column in (("due", "Unpaid"), ("overdue", "Overdue")):
            self.assertAlmostEqual(sum(float(row[column]) for row in customers), tiles[name]["amount"])

    def _export(self, name, extension):
        response = self._get(f"/my/agent/{name}/export", format=extension)
        if extension == "csv":
            return list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
        titles, *rows = load_workbook(io.BytesIO(response.content)).active.iter_rows(values_only=True)
        return [dict(zip(titles, row, strict=True)) for row in rows]

    def _get_totals(self, name):
        """Return the total of a list that is grouped by customer, and the totals of its groups."""
        page = html.fromstring(self._get(f"/my/agent/{name}", groupby="customer").text)
        found = page.xpath("//*[contains(@class, 'o_portal_agent_total')]")
        texts = ["".join(each.text_content().split()) for each in found]
        return [float(text.partition("$")[2].replace(",", "")) for text in texts if text.startswith("Total")]

    def test_no_page_shows_a_customer_moved_to_another_company(self):
        self._move_customer()
        self._assert_not_told_of("QUILL")
        self._assert_figures_agree()
        self.assertNotIn("Quill", self._get_content("/my/agent"))

    def test_no_page_shows_documents_of_a_contact_moved_to_another_company(self):
        self._move_contact()
        self._assert_not_told_of("Quack Clerk")
        self._assert_figures_agree()
        self.assertIn("Quack Feathers", self._get_content("/my/agent"))

    def test_figures_agree_without_a_move(self):
        self._assert_figures_agree()
        self.assertIn("Quack Clerk O", self._get_references(LISTS[2]))

    @mute_logger("odoo.http")
    def test_documents_of_a_moved_customer_are_not_found_by_their_url(self):
        self._move_customer()
        self._move_contact()
        for url in (
            f"/my/agent/customers/{self.customer.id}",
            f"/my/agent/customers/{self.customer.id}/statement?report_type=xlsx",
            f"/my/agent/customers/{self.customer.id}/products",
            f"/my/agent?customer={self.customer.id}",
            f"/my/agent/orders/{self.order.id}",
            f"/my/agent/invoices/{self.invoice.id}",
            f"/my/agent/orders/{self.hidden['orders'].id}",
            f"/my/agent/invoices/{self.hidden['invoices'].id}",
        ):
            self.assertEqual(self._get(url).status_code, 404, url)

    def test_statement_contains_the_same_documents_as_the_lists(self):
        self._move_contact()
        for query in ({}, {"date_from": "2020-01-01"}):
            url = f"/my/agent/customers/{self.second.id}/statement"
            response = self._get(url, report_type="xlsx", **query)
            self.assertEqual(response.status_code, 200)
            sheet = load_workbook(io.BytesIO(response.content)).active
            cells = [cell for row in sheet.iter_rows(values_only=True) for cell in row]
            self.assertIn(self.shown["invoices"].name, cells)
            self.assertNotIn(self.hidden["invoices"].name, cells)

    def test_weekly_mail_only_contains_the_other_customers(self):
        since = fields.Datetime.now() - timedelta(days=7)
        for move, name in ((self._move_contact, "Quack Clerk"), (self._move_customer, "Quill")):
            move()
            with self.on_an_agents_page() as env:
                sections = env["portal.agent.weekly"]._get_sections(since, fields.Datetime.now())
            self.assertEqual(len(sections), 3)
            self.assertIn("Quack Feathers", str(sections))
            self.assertNotIn(name, str(sections))

    def test_documents_reappear_when_the_customer_is_moved_back(self):
        self._move_customer()
        self.assertNotIn("QUILL-ORDER", self._get_references(LISTS[2]))
        (self.customer + self.buyer + self.warehouse).company_id = self.company
        self.env.flush_all()
        self.assertIn("QUILL-ORDER", self._get_references(LISTS[2]))

    def test_branch_shows_the_customers_of_its_parent_company(self):
        self.second.company_id = self.company
        found = {}
        for name, parent in (("Branch", self.company), ("Stranger", self.abroad)):
            company = self.env["res.company"].create({"name": name, "parent_id": parent.id})
            self.agent.company_ids |= company
            self.env.flush_all()
            with self.on_an_agents_page() as env:
                customers = env["res.partner"].with_context(allowed_company_ids=company.ids).search([])
                found[name] = self.second in customers
        self.assertEqual(found, {"Branch": True, "Stranger": False})

    def test_moved_customers_stay_visible_if_companies_share_contacts(self):
        self._move_customer()
        self.env.ref("base.res_partner_rule").active = False
        self.assertIn("QUILL-ORDER", self._get_references(LISTS[2]))
        self._assert_figures_agree()

    # ---- administrators

    def _get_administrators_figures(self, agent=None):
        """Return the figures of an agent in the administrators' list."""
        self.env.flush_all()
        self.env.invalidate_all()
        user = (agent or self.agent).with_user(self.env.ref("base.user_admin")).with_company(self.company)
        return user.portal_agent_order_count, user.portal_agent_amount_due, user.portal_agent_amount_overdue

    def _get_agents_figures(self, agent=None):
        """Return the same figures as the agent sees them on the website of the company."""
        since = fields.Datetime.now() - timedelta(days=90)
        with self.on_an_agents_page(agent) as env:
            env = env(context={**env.context, "allowed_company_ids": self.company.ids})
            Order = env["sale.order"]
            orders = Order.search_count(Order._get_portal_agent_order_domain() & Domain("date_order", ">=", since))
            tiles = env["portal.agent.dashboard"]._get_figures(env["res.partner"])
        return orders, tiles["due"]["amount"], tiles["overdue"]["amount"]

    def test_administrators_and_agents_see_the_same_figures_after_a_move(self):
        self.agent.company_ids |= self.abroad  # agents see one company at a time, that of the website
        before = self._get_administrators_figures()
        self.assertEqual(before, self._get_agents_figures())
        for move in (self._move_contact, self._move_customer):
            move()
            figures = self._get_administrators_figures()
            self.assertEqual(figures, self._get_agents_figures())
            self.assertLess(figures[0], before[0])
        self.assertEqual(figures, (1, 100, 100), "of the customer that was not moved")

    def test_administrators_see_no_figures_of_an_agent_in_another_company(self):
        stranger = self._new_agent(
            "quack_abroad", company_id=self.abroad.id, company_ids=[Command.set(self.abroad.ids)]
        )
        self.env.cr.execute(
            "INSERT INTO res_partner_portal_agent_rel (partner_id, user_id) VALUES (%s, %s)",
            [self.second.id, stranger.id],
        )
        self.env.invalidate_all()
        self.assertEqual(self._get_administrators_figures(stranger), (0, 0, 0))
        self.assertEqual(self._get_administrators_figures(), self._get_agents_figures())
        agents = (stranger + self.agent).with_user(self.env.ref("base.user_admin")).with_company(self.company)
        agents.invalidate_recordset()
        self.assertEqual(agents.mapped("portal_agent_amount_due")[0], 0, "read together")

    def test_computed_and_searched_readers_are_the_same(self):
        for move in (self._move_contact, self._move_customer):
            move()
            for model in ("res.partner", "sale.order", "sale.order.line", "account.move", "account.move.line"):
                with self.on_an_agents_page() as env:
                    records = env[model].sudo().search([]).sudo(False)
                    self.assertEqual(records._filtered_access("read"), env[model].search([]), model)
