from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import LISTS, PAGES, PortalAgentPagesCommon


@tagged("post_install", "-at_install", "once")
class TestPortalInput(PortalAgentPagesCommon):
    """Any value in the URL results in a page or in a proper 404."""

    def _get_all_kinds_of_pages(self):
        documents = (f"orders/{self.order.id}", f"invoices/{self.invoice.id}", f"customers/{self.customer.id}")
        return (*PAGES, "/my/agent/orders/export", *(f"/my/agent/{path}" for path in documents))

    @mute_logger("odoo.http")
    def test_other_agents_records_and_missing_ones_return_the_same_404(self):
        others = {
            "orders": (self.other_order, self.strange_order, self.own_order),
            "invoices": (self.other_invoice, self.own_invoice, self.draft_invoice),
            "customers": (self.other_customer, self.strange_customer, self.agent.partner_id),
        }
        for path, records in others.items():
            for value in (*(record.id for record in records), 2**31 - 1, 2**70, 0):
                with self.subTest(path=path, value=value):
                    self.assertEqual(self._get(f"/my/agent/{path}/{value}").status_code, 404)
            for query in ({"report_type": "pdf"}, {"report_type": "html"}, {"access_token": "x"}):
                with self.subTest(path=path, query=query):
                    self.assertEqual(self._get(f"/my/agent/{path}/{records[0].id}", **query).status_code, 404)

    @mute_logger("odoo.http")
    def test_selecting_another_agents_customer_or_an_invalid_one_returns_a_404(self):
        nonsense = (self.buyer.id, 2**31 - 1, 2**70, 0, -1, "x", "\x00", "9" * 5000)
        # Each page is tested with two invalid values, and each value on at least two pages, because all pages share the
        # code.
        for number, url in enumerate(self._get_all_kinds_of_pages()):
            kinds = (nonsense[number % len(nonsense)], nonsense[(number + 4) % len(nonsense)])
            for value in (self.other_customer.id, *kinds):
                with self.subTest(url=url, value=str(value)[:20]):
                    self.assertEqual(self._get(url, customer=value).status_code, 404)
            self.assertEqual(self._get(url, customer="").status_code, 200)

    @mute_logger("odoo.http")
    def test_any_query_string_results_in_a_page_or_a_proper_404(self):
        nasty = (
            "\x00", "%", "_", "x" * 1_000, "-1", str(2**70), "9" * 1_000, "²", "\u202e", "😀", "<script>", "0001-01-01",
            "9999-12-31", "2026-99-99", "{'a': 1}", "None", "__customer__", "a'b\"c\\",
        )  # fmt: skip
        names = (
            "search", "search_in", "sortby", "filterby", "groupby", "date_from", "date_to", "page", "position",
            "customer_search", "report_type", "download", "format", "self", "order_id", "access_token", "search[]",
            "period",
        )  # fmt: skip
        urls = self._get_all_kinds_of_pages()
        # Each parameter is tested with each value on a third of the pages, because all pages share the code.
        for number in range(len(nasty)):
            for url in urls[number % 3 :: 3]:
                values = {name: nasty[(number + shift) % len(nasty)] for shift, name in enumerate(names)}
                with self.subTest(url=url, number=number):
                    twice = {name: [value, value] for name, value in values.items() if name != "self"}
                    response = self._get(url, **twice)
                    self.assertIn(response.status_code, (200, 404))
                    self.assertNotIn("ROOK", response.text)
                    self.assertNotIn("<script>alert", response.text)
        for url in urls:
            self.assertEqual(self._get(url, self="1").status_code, 200, url)

    def test_names_are_escaped(self):
        self.customer.name = "<script>alert('pwned')</script>\u202e😀" + "W" * 250
        self.order.client_order_ref = "<img src=x onerror=alert(1)>"
        for url in (*PAGES, f"/my/agent/customers/{self.customer.id}", f"/my/agent/orders/{self.order.id}"):
            page = self._get(url, search="<b>bold</b>" if url in LISTS else "").text
            self.assertNotIn("<script>alert", page)
            self.assertNotIn("<img src=x", page)
            self.assertNotIn("<b>bold", page)
        self.assertIn("&lt;script&gt;alert", self._get("/my/agent/orders").text)
