from urllib.parse import quote, urlencode

from lxml import html

from odoo.fields import Command
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .common import PortalAgentCommon

LISTS = ("/my/agent/customers", "/my/agent/quotations", "/my/agent/orders", "/my/agent/invoices")
PAGES = ("/my/agent", *LISTS)


class PortalAgentHttpCommon(PortalAgentCommon, HttpCase):
    """Pages asked for over HTTP, by the first agent unless somebody else is logged in."""

    def setUp(self):
        super().setUp()
        self.authenticate(self.agent.login, self.agent.login)

    def _get(self, url, /, **query):
        return self.url_open(f"{url}?{urlencode(query, doseq=True)}" if query else url, allow_redirects=False)

    def _get_content(self, url, /, **query):
        """Return the page's own part as text, without menus and footer."""
        response = self._get(url, **query)
        self.assertEqual(response.status_code, 200, url)
        [content] = html.fromstring(response.text).xpath("//*[@id='portal_agent_content']")
        return " ".join(content.text_content().split())

    def _get_references(self, url, /, **query):
        """Return the references that a list shows, in its order."""
        response = self._get(url, **query)
        self.assertEqual(response.status_code, 200, url)
        return [
            link.text_content().strip()
            for link in html.fromstring(response.text).xpath("//td[contains(@class, 'o_portal_agent_title')]/a")
        ]


@tagged("post_install", "-at_install")
class TestPortalPages(PortalAgentHttpCommon):
    """Who gets which page, and what a list shows."""

    def _get_all_kinds_of_pages(self):
        documents = (f"orders/{self.order.id}", f"invoices/{self.invoice.id}", f"customers/{self.customer.id}")
        return (*PAGES, "/my/agent/orders/export", *(f"/my/agent/{path}" for path in documents))

    # ---- who

    def test_stranger_logs_in_and_gets_the_page_that_was_asked_for(self):
        self.authenticate(None, None)
        for url in PAGES:
            response = self._get(url, customer=self.customer.id)
            self.assertEqual(response.status_code, 303)
            self.assertIn("/web/login?redirect=", response.headers["Location"])
            self.assertIn(quote(f"{url}?customer={self.customer.id}", safe=""), response.headers["Location"])

    def test_portal_user_who_is_no_agent_is_shown_the_way_out(self):
        self.authenticate(self.portal_user.login, self.portal_user.login)
        for url in (*PAGES, f"/my/agent/orders/{self.order.id}", "/my/agent/orders/export"):
            response = self._get(url)
            self.assertEqual(response.status_code, 303)
            self.assertURLEqual(response.headers["Location"], "/my")

    def test_every_page_is_served_by_a_cursor_that_can_only_read(self):
        self.order.sudo().access_token = False
        documents = [f"/my/agent/orders/{record.id}" for record in (self.order, self.quotation)]
        documents += [f"/my/agent/invoices/{self.invoice.id}", f"/my/agent/customers/{self.customer.id}"]
        documents += [f"/my/agent/invoices/{self.invoice.id}?report_type=html"]
        documents += [f"{url}/export?format={extension}" for url in LISTS for extension in ("csv", "xlsx")]
        for url in (*PAGES, *documents):
            with self.subTest(url=url), self.assertNoLogs("odoo.http", "WARNING"):
                self.assertEqual(self._get(url).status_code, 200)

    # ---- whose

    def test_every_list_shows_the_agents_and_nothing_else(self):
        self.assertEqual(self._get_references("/my/agent/customers"), ["Quill Trading"])
        self.assertEqual(set(self._get_references("/my/agent/quotations")), {"QUILL-QUOTATION", "QUILL-DRAFT"})
        self.assertEqual(self._get_references("/my/agent/orders"), ["QUILL-ORDER"])
        self.assertEqual(set(self._get_references("/my/agent/invoices")), {self.invoice.name, self.credit_note.name})

    @mute_logger("odoo.http")
    def test_what_is_somebody_elses_and_what_does_not_exist_are_the_same_404(self):
        others = {
            "orders": (self.other_order, self.strange_order, self.own_order),
            "invoices": (self.other_invoice, self.own_invoice, self.draft_invoice),
            "customers": (self.other_customer, self.strange_customer, self.agent.partner_id),
        }
        for path, records in others.items():
            for value in (*(record.id for record in records), 2**31 - 1, 2**70, 0):
                for suffix in ("", "?report_type=pdf", "?report_type=html", "?access_token=x"):
                    with self.subTest(path=path, value=value, suffix=suffix):
                        self.assertEqual(self._get(f"/my/agent/{path}/{value}{suffix}").status_code, 404)

    @mute_logger("odoo.http")
    def test_selecting_a_customer_of_somebody_else_or_nonsense_is_a_404_everywhere(self):
        urls = self._get_all_kinds_of_pages()
        for url in urls:
            for value in (self.other_customer.id, self.buyer.id, 2**31 - 1, 2**70, 0, -1, "x", "\x00", "9" * 5000):
                with self.subTest(url=url, value=str(value)[:20]):
                    self.assertEqual(self._get(url, customer=value).status_code, 404)
            self.assertEqual(self._get(url, customer="").status_code, 200)

    # ---- whatever is asked

    @mute_logger("odoo.http")
    def test_any_query_string_is_a_page_or_a_clean_404(self):
        nasty = (
            "\x00", "%", "_", "x" * 1_000, "-1", str(2**70), "9" * 1_000, "²", "\u202e", "😀", "<script>", "0001-01-01",
            "9999-12-31", "2026-99-99", "{'a': 1}", "None", "__customer__", "a'b\"c\\",
        )  # fmt: skip
        names = (
            "search", "search_in", "sortby", "filterby", "groupby", "date_from", "date_to", "page", "position",
            "customer_search", "report_type", "download", "format", "self", "order_id", "access_token", "search[]",
        )  # fmt: skip
        urls = self._get_all_kinds_of_pages()
        for url in urls:
            for value in nasty:
                with self.subTest(url=url, value=value[:20]):
                    response = self._get(url, **{name: [value, value] for name in names if name != "self"})
                    self.assertIn(response.status_code, (200, 404))
                    self.assertNotIn("ROOK", response.text)
                    self.assertNotIn("<script>alert", response.text)
            self.assertEqual(self._get(url, self="1").status_code, 200, url)

    @mute_logger("odoo.http")
    def test_a_page_that_is_too_far_is_the_last_one(self):
        for page in (0, 2, 10**6, "9" * 30):
            self.assertEqual(self._get_references(f"/my/agent/orders/page/{page}"), ["QUILL-ORDER"])

    def test_names_are_text_and_never_markup(self):
        self.customer.name = "<script>alert('pwned')</script>\u202e😀" + "W" * 250
        self.order.client_order_ref = "<img src=x onerror=alert(1)>"
        for url in (*PAGES, f"/my/agent/customers/{self.customer.id}", f"/my/agent/orders/{self.order.id}"):
            page = self._get(url, search="<b>bold</b>" if url in LISTS else "").text
            self.assertNotIn("<script>alert", page)
            self.assertNotIn("<img src=x", page)
            self.assertNotIn("<b>bold", page)
        self.assertIn("&lt;script&gt;alert", self._get("/my/agent/orders").text)

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

    # ---- the selected customer

    def test_selected_customer_limits_every_list_and_stays_in_every_link(self):
        second = self._new_customer("Quack Feathers", portal_agent_ids=[Command.link(self.agent.id)])
        self._new_order(second, "QUACK-ORDER", confirm=True)
        self.assertEqual(self._get_references("/my/agent/orders", customer=second.id), ["QUACK-ORDER"])
        self.assertEqual(self._get_references("/my/agent/invoices", customer=second.id), [])
        page = html.fromstring(self._get("/my/agent/orders", customer=second.id, sortby="oldest").text)
        for url in page.xpath("//nav[contains(@class, 'o_portal_agent_navigation')]//a/@href"):
            self.assertIn(f"customer={second.id}", url)
        for url in page.xpath("//a[starts-with(@id, 'portal_agent_filter_')]/@href"):
            self.assertIn(f"customer={second.id}", url)
            self.assertIn("sortby=oldest", url)

    def test_without_a_script_the_selector_is_a_form_that_lists_what_it_found(self):
        page = html.fromstring(self._get("/my/agent/orders", customer_search="quill", sortby="oldest").text)
        [found] = page.xpath("//*[contains(@class, 'o_portal_agent_selector_found')]//a")
        self.assertIn("Quill Trading", found.text_content())
        self.assertEqual(found.get("href"), f"/my/agent/orders?customer={self.customer.id}&sortby=oldest")
        self.assertIn("No customer found", self._get_content("/my/agent/orders", customer_search="rook"))

    def test_page_of_a_customer_says_how_to_reach_it_and_what_it_ordered(self):
        self.customer.write({"phone": "+32 9 555 01", "street": "Feather Lane 1", "city": "Ghent"})
        self.customer.property_payment_term_id = self.env.ref("account.account_payment_term_30days")
        page = self._get(f"/my/agent/customers/{self.customer.id}").text
        for expected in (
            "tel:+32 9 555 01",
            "mailto:quill@quill.example.com",
            "Feather Lane 1",
            "Quincy Quill",
            "30 Days",
        ):
            self.assertIn(expected, page)
        for name in ("QUILL-ORDER", "QUILL-QUOTATION", self.invoice.name):
            self.assertIn(name, page)
        self.assertNotIn("pays late", page)

    # ---- nothing to show

    def test_agent_without_customers_is_told_so_on_every_page(self):
        nobody = self._new_agent("portal_agent_nobody")
        self.authenticate(nobody.login, nobody.login)
        for url in PAGES:
            self.assertIn("No customers yet", self._get_content(url))

    def test_customer_without_documents_is_told_so(self):
        empty = self._new_customer("Quiet Customer", portal_agent_ids=[Command.link(self.agent.id)])
        for url in LISTS[1:]:
            self.assertIn("Show those of all customers", self._get_content(url, customer=empty.id))
        self.assertIn("No documents yet", self._get_content("/my/agent", customer=empty.id))
        self.assertIn("None yet", self._get_content(f"/my/agent/customers/{empty.id}"))

    def test_search_that_finds_nothing_offers_what_helps(self):
        self.assertIn("Clear the search", self._get_content("/my/agent/orders", search="zzz"))
        self.assertIn("Show all, not only", self._get_content("/my/agent/orders", filterby="invoiced"))

    def test_company_without_a_chart_of_accounts_has_its_pages(self):
        company = self.env["res.company"].create({"name": "Quill Uncharted"})
        agent = self._new_agent("portal_agent_uncharted")
        agent.write({"company_ids": [Command.set(company.ids)], "company_id": company.id})
        customer = self._new_customer("Quill Uncharted Customer", portal_agent_ids=[Command.link(agent.id)])
        self._new_order(customer, "QUILL-UNCHARTED", company_id=company.id, state="sent")
        self.authenticate(agent.login, agent.login)
        for url in PAGES:
            self._get_content(url)
        self.assertEqual(self._get_references("/my/agent/quotations"), ["QUILL-UNCHARTED"])

    def test_amounts_are_in_the_documents_own_currency(self):
        yen = self.env.ref("base.JPY")
        yen.active = True
        pricelist = self.env["product.pricelist"].create({"name": "Yen", "currency_id": yen.id})
        order = self._new_order(self.customer, "QUILL-YEN", pricelist_id=pricelist.id)
        order.order_line.write({"price_unit": 12345, "product_uom_qty": 1, "tax_ids": [Command.clear()]})
        order.state = "sent"
        content = self._get_content("/my/agent/quotations", search="QUILL-YEN")
        self.assertRegex(content, r"¥.?12,345(?!\.)")
