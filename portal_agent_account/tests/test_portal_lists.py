from itertools import product
from unittest.mock import patch

from dateutil.relativedelta import relativedelta
from freezegun import freeze_time
from lxml import html

from odoo import fields
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.portal_agent_account.pages import InvoiceList, PageContext, QuotationList

from .common import LISTS, PortalAgentPagesCommon


@tagged("post_install", "-at_install", "once")
class TestPortalLists(PortalAgentPagesCommon):
    """Searching, filtering, sorting and grouping of lists."""

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

    def test_customers_are_found_by_name_reference_and_contact_details(self):
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

    def test_invoices_are_filtered_by_payment_status(self):
        self._pay(self.invoice)
        names = {"paid": self.invoice.name, "due": self.credit_note.name, "credit_notes": self.credit_note.name}
        for filterby, name in names.items():
            self.assertEqual(self._get_references("/my/agent/invoices", filterby=filterby), [name], filterby)

    def _pay(self, invoice, amount=None):
        register = self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=invoice.ids
        )
        register.create({"amount": amount} if amount else {})._create_payments()

    def test_overdue_invoices_show_the_days_overdue(self):
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

    def test_customers_are_filtered_by_amounts_due_and_overdue(self):
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

    def test_amount_due_of_a_partly_paid_invoice_is_shown_on_phones_too(self):
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
            ("2025-03-31", "2025-03-01", True),
            ("2025-04-30", "2025-03-31", False),
        ):
            names = self._get_references("/my/agent/orders", date_from=date_from, date_to=date_to)
            self.assertEqual(names, ["QUILL-ORDER"] if found else [], (date_from, date_to))

    def test_reversed_dates_are_swapped(self):
        page = html.fromstring(self._get("/my/agent/orders", date_from="2025-03-31", date_to="2025-03-01").text)
        days = [page.xpath(f"//input[@type='date'][@name='{name}']/@value") for name in ("date_from", "date_to")]
        self.assertEqual(days, [["2025-03-01"], ["2025-03-31"]])

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
        self.assertLess(content.index("QUACK-ORDER"), content.rindex("Quill Trading"))
        self.assertIn("March 2025", self._get_content("/my/agent/orders", groupby="month"))

    def _get_rows(self, url, /, **query):
        """Return the texts of the rows of a list, including the rows of its groups."""
        page = html.fromstring(self._get(url, **query).text)
        rows = page.xpath("//table[contains(@class, 'o_portal_agent_table')]/tbody/tr")
        return [" ".join(row.text_content().replace("\xa0", " ").replace("\ufeff", "").split()) for row in rows]

    def _get_selects(self, url, /, **query):
        """Return whether each select of the searchbar is enabled, and the labels of its options."""
        return {
            select.get("name"): (select.get("disabled") is None, [option.text for option in select.xpath("option")])
            for select in html.fromstring(self._get(url, **query).text).xpath("//form//select")
        }

    def test_groups_of_months_come_newest_first_and_are_sorted_inside_as_chosen(self):
        self._new_order(self.customer, "QUILL-B", confirm=True).write({"date_order": "2024-01-02"})
        self._new_order(self.customer, "QUILL-A", confirm=True).write({"date_order": "2024-01-20"})
        for sortby, names in (
            ("date", ["QUILL-ORDER", "QUILL-A", "QUILL-B"]),
            ("oldest", ["QUILL-ORDER", "QUILL-B", "QUILL-A"]),
            ("reference", ["QUILL-ORDER", "QUILL-A", "QUILL-B"]),
        ):
            self.assertEqual(self._get_references("/my/agent/orders", groupby="month", sortby=sortby), names, sortby)
        for name in ("quotations", "orders", "invoices"):
            for groupby in ("", "customer", "month"):
                selects = self._get_selects(f"/my/agent/{name}", groupby=groupby, sortby="oldest")
                self.assertTrue(selects["sortby"][0], (name, groupby))
                self.assertEqual(selects["groupby"], (True, ["No groups", "By customer", "By month"]))

    def test_contacts_of_a_customer_are_one_group_with_the_chosen_sort_order(self):
        contacts = [
            self._new_customer(f"{name} of Quill", parent_id=self.customer.id, is_company=False)
            for name in ("Zoe", "Abe")
        ]
        for contact, price in zip(contacts, (500, 300), strict=True):
            self._new_invoice(contact, f"QUILL-{price}", invoice_line_ids=self._prepare_lines(price))
        second = self._new_customer("Quack Feathers", portal_agent_ids=[Command.link(self.agent.id)])
        self._new_invoice(second, "QUACK", invoice_line_ids=self._prepare_lines(700))
        rows = self._get_rows("/my/agent/invoices", groupby="customer", sortby="amount_due")
        self.assertEqual(len(rows), 7)
        self.assertIn("Quack Feathers", rows[0])
        self.assertIn("700.00", rows[1])
        self.assertIn("Quill Trading", rows[2])
        for row, amount in zip(rows[3:], ("500.00", "300.00", "100.00", "-100.00"), strict=True):
            self.assertIn(amount, row)

    def test_groups_by_month_and_their_totals_use_the_agents_time_zone(self):
        self.order.date_order = "2025-03-31 23:30:00"
        self.agent.tz = "Europe/Brussels"
        self.authenticate(self.agent.login, self.agent.login)
        [title, _row] = self._get_rows("/my/agent/orders", groupby="month")
        self.assertIn("April 2025", title)
        self.assertIn(f"{self.order.amount_total:.2f}", title)

    def test_groups_by_month_have_totals_after_the_agent_sets_a_time_zone(self):
        """The session keeps the context of the sign-in, which had no time zone."""
        self.order.date_order = "2025-09-30 23:30:00"
        self.agent.tz = False
        self.authenticate(self.agent.login, self.agent.login)
        self.agent.tz = "Europe/Brussels"
        [title, _row] = self._get_rows("/my/agent/orders", groupby="month")
        self.assertIn("October 2025", title)
        self.assertIn(f"{self.order.amount_total:.2f}", title)

    def test_quotation_is_valid_everywhere_until_odoo_lets_it_expire(self):
        """It is evening in Los Angeles and the next day in UTC, by which Odoo decides."""
        self.agent.tz = "America/Los_Angeles"
        now = fields.Datetime.now().replace(hour=3)
        for days, is_expired in ((-1, True), (0, False), (7, False)):
            self.quotation.validity_date = now.date() + relativedelta(days=days)
            self.env.flush_all()
            with self.subTest(days=days), freeze_time(now), self.on_an_agents_page() as env:
                self.assertEqual(
                    self.quotation.with_env(env)._get_portal_agent_status()["label"] == "Expired", is_expired
                )
                valid = self._find_quotations(env, "valid")
                soon = env["portal.agent.weekly"]._get_expiring_quotations(now, now)["count"]
                reasons = env["res.partner"]._read_portal_agent_call_reasons()[self.customer.id]
                self.assertEqual(self.quotation in valid, not is_expired)
                self.assertEqual((soon, len(reasons)), (0, 0) if is_expired else (1, 1))

    def _find_quotations(self, env, filterby):
        context = PageContext(env, {"filterby": filterby}, {})
        return QuotationList(context).search_all()

    # Totals

    def _prepare_lines(self, price):
        return [Command.create({"name": "Feathers", "quantity": 1, "price_unit": price, "tax_ids": [Command.clear()]})]

    def _get_totals(self, url, /, **query):
        page = html.fromstring(self._get(url, **query).text)
        found = page.xpath("//*[contains(@class, 'o_portal_agent_total') and not(ancestor::table)]")
        return [" ".join(total.text_content().replace("\xa0", " ").split()) for total in found]

    def test_list_shows_totals_of_all_filtered_records_by_currency(self):
        foreign = self.env["res.currency"].create(
            {"name": "QUX", "symbol": "Qx", "rate_ids": [Command.create({"name": "2020-01-01", "rate": 2.0})]}
        )
        self._new_invoice(self.customer, "QUILL-FAR", currency_id=foreign.id, invoice_line_ids=self._prepare_lines(50))
        self._new_invoice(self.customer, "QUILL-MORE", invoice_line_ids=self._prepare_lines(250))
        self._pay(self.invoice, 40)
        total, due = self._get_totals("/my/agent/invoices")
        for amount in ("250.00", "50.00", "(booked: $ 275.00)"):
            self.assertIn(amount, total)
        for amount in ("210.00", "50.00", "(booked: $ 235.00)"):
            self.assertIn(amount, due)
        self.assertEqual(
            self._get_totals("/my/agent/invoices", search="QUILL-MORE"), ["Total: $ 250.00", "Amount due: $ 250.00"]
        )

    def test_subtotals_cover_the_whole_group_across_pages(self):
        for number in range(5):
            self._new_invoice(self.customer, f"QUILL-{number}")
        with patch.object(InvoiceList, "page_size", 3):
            [title, *rows] = self._get_rows("/my/agent/invoices", groupby="customer")
        self.assertEqual(len(rows), 3)
        self.assertEqual(title, "Quill Trading Total: $ 500.00 Amount due: $ 500.00")

    def test_list_of_customers_shows_the_total_due_of_all_filtered_customers(self):
        self.credit_note.button_draft()
        self.invoice.invoice_date_due = "2026-01-20"
        second = self._new_customer("Quack Feathers", portal_agent_ids=[Command.link(self.agent.id)])
        self._new_invoice(second, "QUACK", invoice_date_due="2099-01-01", invoice_payment_term_id=False)
        self.assertEqual(self._get_totals("/my/agent/customers"), ["Overdue: $ 100.00", "Unpaid: $ 200.00"])
        self.assertEqual(
            self._get_totals("/my/agent/customers", search="quack"), ["Overdue: $ 0.00", "Unpaid: $ 100.00"]
        )

    def test_grouped_list_is_one_table(self):
        second = self._new_customer("Quack Feathers", portal_agent_ids=[Command.link(self.agent.id)])
        self._new_order(second, "QUACK-ORDER", confirm=True)
        for groupby in ("", "customer", "month"):
            page = html.fromstring(self._get("/my/agent/orders", groupby=groupby).text)
            self.assertEqual(len(page.xpath("//table[contains(@class, 'o_portal_agent_table')]")), 1)

    def _get_groupings(self, url):
        """Return the keys of the groupings that a list offers, including none."""
        return html.fromstring(self._get(url).text).xpath("//select[@name='groupby']/option/@value") or [""]

    def test_every_grouping_of_a_list_without_records_shows_an_empty_list(self):
        empty = self._new_customer("Quack Feathers", portal_agent_ids=[Command.link(self.agent.id)])
        queries = ({"search": "nothing"}, {"customer": empty.id}, {"date_from": "1999-01-01", "date_to": "1999-01-31"})
        for url in LISTS[1:]:
            groupings = self._get_groupings(url)
            self.assertEqual(groupings, ["", "customer", "month"])
            for groupby, query in product(groupings, queries):
                with self.subTest(url=url, groupby=groupby, query=query):
                    self.assertEqual(self._get_references(url, groupby=groupby, **query), [])

    # Last orders, and customers to call

    def _add_customers(self):
        """Create customers who ordered once some months ago, and one who never ordered."""
        customers = {}
        for months in (1, 4, 7, 13, None):
            name = f"Quiet {months}"
            customers[months] = self._new_customer(name, portal_agent_ids=[Command.link(self.agent.id)])
            if months:
                moment = fields.Datetime.now() - relativedelta(months=months)
                self._new_order(customers[months], f"QUIET-{months}", confirm=True).write({"date_order": moment})
        self.env.flush_all()
        return customers

    def test_customers_are_filtered_by_how_long_they_have_not_ordered(self):
        self._add_customers()
        for filterby, names in (
            ("quiet_3", ["Quiet 13", "Quiet 4", "Quiet 7"]),
            ("quiet_6", ["Quiet 13", "Quiet 7"]),
            ("quiet_12", ["Quiet 13"]),
            ("never", ["Quiet None"]),
        ):
            self.assertEqual(self._get_references("/my/agent/customers", filterby=filterby), names, filterby)

    def test_customers_are_sorted_by_their_last_order_those_without_one_last(self):
        self._add_customers()
        names = ["Quill Trading", "Quiet 1", "Quiet 4", "Quiet 7", "Quiet 13"]
        self.assertEqual(self._get_references("/my/agent/customers", sortby="last_order"), [*names, "Quiet None"])
        self.assertEqual(self._get_references("/my/agent/customers", sortby="longest"), [*names[::-1], "Quiet None"])

    def test_row_of_a_customer_shows_the_last_order(self):
        customers = self._add_customers()
        customers[1].sale_order_ids.date_order = "2026-02-03 12:00:00"
        [row] = self._get_rows("/my/agent/customers", search="Quiet 1")[:1]
        self.assertIn("Last order: 02/03/2026", row)
        [row] = self._get_rows("/my/agent/customers", search="Quiet None")
        self.assertNotIn("Last order", row)

    def test_customers_to_call_show_the_reasons(self):
        self.assertEqual(self._get_references("/my/agent/customers", filterby="call"), [])
        self.quotation.write({"validity_date": fields.Date.today() + relativedelta(days=2)})
        self.invoice.invoice_date_due = "2026-01-20"
        [row] = self._get_rows("/my/agent/customers", filterby="call")
        self.assertIn("Quill Trading", row)
        self.assertRegex(row, r"\$ 100\.00 overdue, the oldest part for \d+ days")
        self.assertIn("A quotation expires on", row)
        overview = self._get_content("/my/agent").replace("\xa0", " ")
        self.assertRegex(overview, r"Whom to call ?\(1\) ?See all.*Quill Trading.*overdue, the oldest part for")

    # Rows

    def test_quotation_shows_its_expiration_date(self):
        self.quotation.validity_date = "2099-05-31"
        [row] = self._get_rows("/my/agent/quotations", search="QUILL-QUOTATION")
        self.assertIn("Valid until 05/31/2099", row)

    def test_invoice_shows_the_next_due_date_on_phones_too(self):
        term = self.env["account.payment.term"].create(
            {
                "name": "Half and half",
                "line_ids": [
                    Command.create({"value": "percent", "value_amount": 50, "nb_days": days}) for days in (10, 40)
                ],
            }
        )
        for date, reference in (("2026-01-01", "QUILL-TWICE"), ("2026-01-05", "QUILL-LATER")):
            self._new_invoice(self.customer, reference, invoice_date=date, invoice_payment_term_id=term.id)
        [row] = self._get_rows("/my/agent/invoices", search="QUILL-TWICE")
        self.assertIn("Due 01/11/2026", row)
        first, second = self._get_rows("/my/agent/invoices", search="QUILL-", sortby="due")[:2]
        self.assertIn("Due 01/11/2026", first)
        self.assertIn("Due 01/15/2026", second)

    def test_drafts_filter_is_hidden_if_agents_see_no_drafts(self):
        labels = ("Draft", "Sent", "Cancelled")
        for shows_drafts in (True, False):
            self.company.portal_agent_draft_quotation = shows_drafts
            self.env.flush_all()
            page = html.fromstring(self._get("/my/agent/quotations").text)
            offered = page.xpath("//a[starts-with(@id, 'portal_agent_filter_')]/text()")
            self.assertEqual([label for label in labels if label in offered], list(labels) if shows_drafts else [])

    def test_two_customers_of_one_name_are_two_groups(self):
        namesake = self._new_customer("Quill Trading", portal_agent_ids=[Command.link(self.agent.id)])
        self._new_order(namesake, "QUILL-NAMESAKE", confirm=True)
        self._new_invoice(namesake, "QUILL-NAMESAKE")
        for name in ("orders", "invoices"):
            page = html.fromstring(self._get(f"/my/agent/{name}", groupby="customer").text)
            titles = [title.text_content() for title in page.xpath("//*[@id='portal_agent_content']//h2")]
            self.assertEqual(titles, ["Quill Trading"] * 2, name)

    @mute_logger("odoo.http")
    def test_page_number_after_the_last_shows_the_last_page(self):
        for page in (0, 2, 10**6, "9" * 30):
            self.assertEqual(self._get_references(f"/my/agent/orders/page/{page}"), ["QUILL-ORDER"])
