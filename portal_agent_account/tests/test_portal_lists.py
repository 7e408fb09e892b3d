from lxml import html

from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import PortalAgentPagesCommon


@tagged("post_install", "-at_install", "once")
class TestPortalLists(PortalAgentPagesCommon):
    """How lists are searched, filtered, sorted and grouped."""

    # ---- searching

    def test_orders_are_found_by_reference_customer_customers_reference_and_product(self):
        self.order.client_order_ref = "PO/4711"
        self.order.order_line.name = "Goose feather"
        for search_in, term in (
            ("reference", "quill-ord"),
            ("customer", "Depot"),
            ("customer", "QUILL DEPOT"),
            ("customer_reference", "po/47"),
            ("product", "goose"),
        ):
            with self.subTest(search_in=search_in, term=term):
                self.assertEqual(
                    self._get_references("/my/agent/orders", search=term, search_in=search_in), ["QUILL-ORDER"]
                )
                self.assertEqual(self._get_references("/my/agent/orders", search=term), ["QUILL-ORDER"])
        self.assertEqual(self._get_references("/my/agent/orders", search="goose", search_in="reference"), [])

    def test_invoices_are_found_by_number_customer_order_and_product(self):
        self.invoice.invoice_line_ids.name = "Goose feather"
        self.assertIn(self.invoice.name, self._get_references("/my/agent/invoices", search=self.invoice.name))
        for term in ("goose", "QUILL-INVOICE"):
            self.assertEqual(self._get_references("/my/agent/invoices", search=term), [self.invoice.name], term)
        self.assertIn(self.invoice.name, self._get_references("/my/agent/invoices", search="Quincy"))

    def test_percent_and_underscore_and_backslash_are_plain_characters(self):
        self.order.client_order_ref = "50%_off\\"
        for term in ("%", "_", "\\", "0%_o"):
            self.assertEqual(
                self._get_references("/my/agent/orders", search=term, search_in="customer_reference"), ["QUILL-ORDER"]
            )
        self.order.client_order_ref = "nothing special"
        for term in ("%", "_", "n%s"):
            self.assertEqual(self._get_references("/my/agent/orders", search=term, search_in="customer_reference"), [])

    def test_customers_are_found_by_whatever_is_known_of_them(self):
        self.customer.write({"city": "Ghent", "phone": "+32 9 555 01", "vat": "BE0477472701"})
        for term in ("trading", "QUILL TRADING", "quill@quill", "ghent", "9 555", "0477472701"):
            self.assertEqual(self._get_references("/my/agent/customers", search=term), ["Quill Trading"], term)
        self.assertEqual(self._get_references("/my/agent/customers", search="Rook"), [])

    # ---- filtering, sorting, grouping

    def test_cancelled_quotations_are_listed_only_where_they_are_asked_for(self):
        cancelled = self._new_order(self.customer, "QUILL-CANCELLED", state="cancel")
        self.assertNotIn(cancelled.name, self._get_references("/my/agent/quotations"))
        self.assertEqual(self._get_references("/my/agent/quotations", filterby="cancelled"), [cancelled.name])

    def test_quotations_are_filtered_by_status_and_validity(self):
        self.quotation.validity_date = "2020-01-01"
        for filterby, names in (
            ("expired", {"QUILL-QUOTATION"}),
            ("valid", {"QUILL-DRAFT"}),
            ("draft", {"QUILL-DRAFT"}),
            ("sent", {"QUILL-QUOTATION"}),
            ("nonsense", {"QUILL-QUOTATION", "QUILL-DRAFT"}),
        ):
            self.assertEqual(set(self._get_references("/my/agent/quotations", filterby=filterby)), names, filterby)
        self.assertIn("Expired", self._get_content("/my/agent/quotations"))

    def test_quotation_without_a_validity_date_never_expires(self):
        (self.quotation + self.draft_quotation).write({"validity_date": False})
        self.assertEqual(len(self._get_references("/my/agent/quotations", filterby="valid")), 2)

    def test_invoices_are_filtered_by_what_is_still_to_be_paid(self):
        self._pay(self.invoice)
        names = {"paid": self.invoice.name, "due": self.credit_note.name, "credit_notes": self.credit_note.name}
        for filterby, name in names.items():
            self.assertEqual(self._get_references("/my/agent/invoices", filterby=filterby), [name], filterby)

    def _pay(self, invoice, amount=None):
        register = self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=invoice.ids
        )
        register.create({"amount": amount} if amount else {})._create_payments()

    def test_overdue_invoices_say_since_how_many_days(self):
        self.invoice.invoice_date_due = "2026-01-20"
        with self.on_an_agents_page() as env:
            days = self.invoice.with_env(env)._get_portal_agent_days_overdue()
        self.assertIn(f"{days} days overdue", self._get_content("/my/agent/invoices"))
        self.assertEqual(
            self._get_references("/my/agent/invoices", filterby="overdue", search=self.invoice.name),
            [self.invoice.name],
        )

    def test_credit_notes_and_blocked_invoices_are_never_overdue(self):
        blocked = self._new_invoice(self.customer, "QUILL-BLOCKED")
        (self.invoice + self.credit_note + blocked).invoice_date_due = "2026-01-20"
        blocked.action_toggle_block_payment()
        self.assertEqual(self._get_references("/my/agent/invoices", filterby="overdue"), [self.invoice.name])
        self.assertIn("Blocked", self._get_content("/my/agent/invoices", search="QUILL-BLOCKED"))
        self.assertIn(blocked.name, self._get_references("/my/agent/invoices", filterby="due"))

    def test_customers_are_filtered_by_what_the_list_says_they_owe(self):
        (self.invoice + self.credit_note).invoice_date_due = "2026-01-20"
        quits = self._new_customer("Quits Ltd", portal_agent_ids=[Command.link(self.agent.id)])
        for move_type in ("out_invoice", "out_refund"):
            self._new_invoice(quits, f"QUITS-{move_type}", move_type=move_type, invoice_date_due="2090-01-01")
        self._new_invoice(self.customer, "QUILL-SECOND")
        abroad = self._new_customer("Quill Abroad", portal_agent_ids=[Command.link(self.agent.id)])
        elsewhere = self._new_invoice(abroad, "QUILL-ELSEWHERE", invoice_date_due="2026-01-20")
        company = self.env["res.company"].create({"name": "Quill Overseas"})
        self.agent.company_ids |= company
        self.env.flush_all()
        self.env.cr.execute("UPDATE account_move SET company_id = %s WHERE id = %s", [company.id, elsewhere.id])
        self.env.invalidate_all()
        self.assertEqual(len(self._get_references("/my/agent/customers")), 3)
        for filterby in ("due", "overdue"):
            self.assertEqual(self._get_references("/my/agent/customers", filterby=filterby), ["Quill Trading"])

    def test_what_is_left_of_a_partly_paid_invoice_is_said_on_a_phone_too(self):
        self._pay(self.invoice, 40)
        page = html.fromstring(self._get("/my/agent/invoices").text)
        [residual] = page.xpath("//*[contains(@class, 'o_portal_agent_residual')]")
        self.assertRegex(residual.text_content(), r"Amount due\s+\D*60\.00")
        [title] = residual.xpath("ancestor::tr//td[contains(@class, 'o_portal_agent_title')]/a")
        self.assertEqual(title.text, self.invoice.name)

    def test_lists_are_sorted_as_asked(self):
        self._new_order(self.customer, "QUILL-A", confirm=True).write({"date_order": "2024-01-01"})
        self.assertEqual(self._get_references("/my/agent/orders"), ["QUILL-ORDER", "QUILL-A"])
        for sortby in ("oldest", "reference"):
            self.assertEqual(self._get_references("/my/agent/orders", sortby=sortby), ["QUILL-A", "QUILL-ORDER"])

    def test_highest_amount_never_compares_two_currencies(self):
        currency = self.env["res.currency"].create({"name": "ZQL", "symbol": "Z"})
        pricelist = self.env["product.pricelist"].create({"name": "Far away", "currency_id": currency.id})
        self._new_order(self.customer, "QUILL-FAR", confirm=True, pricelist_id=pricelist.id)
        more = self._new_order(self.customer, "QUILL-MORE", pricelist_id=self.order.pricelist_id.id)
        self.env["sale.order"].search([("name", "=", "QUILL-FAR")]).order_line.price_unit = 1_000_000
        more.order_line.price_unit = 5_000
        more.action_confirm()
        self.assertEqual(
            self._get_references("/my/agent/orders", sortby="amount"), ["QUILL-MORE", "QUILL-ORDER", "QUILL-FAR"]
        )

    def test_both_ends_of_a_date_range_are_in_it(self):
        self.order.date_order = "2025-03-10 23:30:00"
        self.agent.tz = "UTC"
        for date_from, date_to, found in (
            ("2025-03-10", "2025-03-10", True),
            ("2025-03-11", "", False),
            ("", "2025-03-09", False),
            ("2025-03-01", "2025-03-31", True),
            ("2025-03-31", "2025-03-01", False),
        ):
            names = self._get_references("/my/agent/orders", date_from=date_from, date_to=date_to)
            self.assertEqual(names, ["QUILL-ORDER"] if found else [], (date_from, date_to))

    def test_days_are_those_of_the_agents_time_zone(self):
        self.order.date_order = "2025-03-10 23:30:00"
        self.agent.tz = "Europe/Brussels"
        self.authenticate(self.agent.login, self.agent.login)
        self.assertEqual(self._get_references("/my/agent/orders", date_from="2025-03-11"), ["QUILL-ORDER"])
        self.assertEqual(self._get_references("/my/agent/orders", date_to="2025-03-10"), [])

    def test_lists_are_grouped_by_customer_and_by_month(self):
        second = self._new_customer("Quack Feathers", portal_agent_ids=[Command.link(self.agent.id)])
        self._new_order(second, "QUACK-ORDER", confirm=True).write({"date_order": "2025-03-10"})
        content = self._get_content("/my/agent/orders", groupby="customer")
        self.assertLess(content.index("Quack Feathers"), content.index("QUACK-ORDER"))
        self.assertLess(content.index("QUACK-ORDER"), content.index("Quill Trading Reference"))
        self.assertIn("March 2025", self._get_content("/my/agent/orders", groupby="month"))

    def _get_selects(self, url, /, **query):
        """Return by the searchbar's selects whether they can be used, and the labels of their options."""
        return {
            select.get("name"): (select.get("disabled") is None, [option.text for option in select.xpath("option")])
            for select in html.fromstring(self._get(url, **query).text).xpath("//form//select")
        }

    def test_groups_of_months_come_newest_first_and_no_other_order_can_be_chosen(self):
        self._new_order(self.customer, "QUILL-A", confirm=True).write({"date_order": "2024-01-01"})
        self.assertEqual(
            self._get_references("/my/agent/orders", groupby="month", sortby="oldest"), ["QUILL-ORDER", "QUILL-A"]
        )
        for name in ("quotations", "orders", "invoices"):
            for groupby, can_sort in (("", True), ("customer", True), ("month", False)):
                selects = self._get_selects(f"/my/agent/{name}", groupby=groupby, sortby="oldest")
                self.assertEqual(selects["sortby"][0], can_sort, (name, groupby))
                self.assertEqual(selects["groupby"], (True, ["No groups", "By customer", "By month"]))
        page = html.fromstring(self._get("/my/agent/orders", groupby="month", sortby="oldest").text)
        self.assertEqual(page.xpath("//select[@name='sortby']/option[@selected]/text()"), ["Newest first"])

    def test_two_customers_of_one_name_are_two_groups(self):
        namesake = self._new_customer("Quill Trading", portal_agent_ids=[Command.link(self.agent.id)])
        self._new_order(namesake, "QUILL-NAMESAKE", confirm=True)
        self._new_invoice(namesake, "QUILL-NAMESAKE")
        for name in ("orders", "invoices"):
            page = html.fromstring(self._get(f"/my/agent/{name}", groupby="customer").text)
            titles = [title.text_content() for title in page.xpath("//*[@id='portal_agent_content']//h2")]
            self.assertEqual(titles, ["Quill Trading"] * 2, name)

    @mute_logger("odoo.http")
    def test_a_page_that_is_too_far_is_the_last_one(self):
        for page in (0, 2, 10**6, "9" * 30):
            self.assertEqual(self._get_references(f"/my/agent/orders/page/{page}"), ["QUILL-ORDER"])
