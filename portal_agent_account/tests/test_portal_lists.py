from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .test_portal_pages import PortalAgentHttpCommon


@tagged("post_install", "-at_install", "once")
class TestPortalLists(PortalAgentHttpCommon):
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

    def test_lists_are_sorted_as_asked(self):
        self._new_order(self.customer, "QUILL-A", confirm=True).write({"date_order": "2024-01-01"})
        self.assertEqual(self._get_references("/my/agent/orders"), ["QUILL-ORDER", "QUILL-A"])
        for sortby in ("oldest", "reference"):
            self.assertEqual(self._get_references("/my/agent/orders", sortby=sortby), ["QUILL-A", "QUILL-ORDER"])

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

    @mute_logger("odoo.http")
    def test_a_page_that_is_too_far_is_the_last_one(self):
        for page in (0, 2, 10**6, "9" * 30):
            self.assertEqual(self._get_references(f"/my/agent/orders/page/{page}"), ["QUILL-ORDER"])
