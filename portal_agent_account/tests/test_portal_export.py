import csv
import io
import tempfile
from datetime import date
from unittest.mock import patch
from urllib.parse import quote

from openpyxl import load_workbook

from odoo import fields
from odoo.fields import Command
from odoo.http import request
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.portal_agent_account.controllers.portal import PortalAgent
from odoo.addons.portal_agent_account.pages import CustomerList, ListExport

from .common import PortalAgentPagesCommon


@tagged("post_install", "-at_install", "once")
class TestPortalExport(PortalAgentPagesCommon):
    """Exports of lists to files."""

    def _export_csv(self, name, **query):
        response = self._get(f"/my/agent/{name}/export", format="csv", **query)
        self.assertEqual(response.status_code, 200)
        return list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))

    def _export_xlsx(self, name, **query):
        response = self._get(f"/my/agent/{name}/export", format="xlsx", **query)
        self.assertEqual(response.status_code, 200)
        rows = list(load_workbook(io.BytesIO(response.content)).active.iter_rows(values_only=True))
        return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]

    def test_both_formats_contain_the_list(self):
        for export in (self._export_csv, self._export_xlsx):
            self.assertEqual([row["Reference"] for row in export("orders")], ["QUILL-ORDER"])
            self.assertEqual({row["Reference"] for row in export("quotations")}, {"QUILL-QUOTATION", "QUILL-DRAFT"})
            self.assertEqual({row["Number"] for row in export("invoices")}, {self.invoice.name, self.credit_note.name})
            self.assertEqual([row["Name"] for row in export("customers")], ["Quill Trading"])

    def test_export_contains_all_filtered_records_of_all_pages(self):
        self.assertEqual(
            [row["Reference"] for row in self._export_csv("quotations", filterby="draft")], ["QUILL-DRAFT"]
        )
        self.assertEqual(self._export_csv("orders", search="nothing of the kind"), [])
        second = self._new_customer("Quack Feathers", portal_agent_ids=[Command.link(self.agent.id)])
        orders = [self._new_order(second, f"QUACK-{number:03}") for number in range(90)]
        exported = self._export_csv("quotations", customer=second.id, sortby="reference")
        self.assertEqual([row["Reference"] for row in exported], [order.name for order in orders])

    def test_credit_notes_are_negative_numbers(self):
        [row] = self._export_xlsx("invoices", filterby="credit_notes")
        self.assertEqual((row["Total"], row["Amount due"]), (-100, -100))
        [row] = self._export_csv("invoices", filterby="credit_notes")
        self.assertEqual(float(row["Total"]), -100)

    def _bill(self, price, **values):
        line = Command.create({"name": "Ink", "price_unit": price, "tax_ids": [Command.clear()]})
        return self._new_invoice(self.customer, "QUILL", invoice_line_ids=[line], **values)

    def test_zero_has_no_minus_sign(self):
        """A credit note that is used up, and amounts whose binary fractions don't quite add up to zero."""
        items = (self.invoice + self.credit_note).line_ids
        items.filtered(lambda line: line.account_type == "asset_receivable").reconcile()
        [row] = self._export_csv("invoices", filterby="credit_notes")
        self.assertEqual((row["Total"], row["Amount due"]), ("-100.00", "0.00"))
        self._bill(10.1)
        self._bill(20.2)
        self._bill(30.3, move_type="out_refund")
        [row] = self._export_csv("customers")
        self.assertEqual(row["Unpaid"], "0.00")
        [row] = self._export_xlsx("customers")
        self.assertEqual(row["Unpaid"], 0)
        self.assertNotIn("-", self._get_content("/my/agent/customers").partition("Unpaid Statement")[2])
        with self.on_an_agents_page() as env:
            Dashboard = env["portal.agent.dashboard"]
            formatted = Dashboard._format_amount(10.1 + 20.2 - 30.3, Dashboard._get_currency())
        self.assertEqual(formatted, "$\N{NO-BREAK SPACE}0.00")

    def test_customers_are_exported_with_amounts_due(self):
        self._new_customer("Quack Feathers", portal_agent_ids=[Command.link(self.agent.id)])
        self.invoice.invoice_date_due = "2026-01-20"
        for size in (1, 1000):
            with patch.object(ListExport, "batch_size", size):
                for export in (self._export_csv, self._export_xlsx):
                    self.assertEqual(
                        [(row["Name"], float(row["Overdue"]), float(row["Unpaid"])) for row in export("customers")],
                        [("Quack Feathers", 0, 0), ("Quill Trading", 100, 0)],
                        "One invoice of 100, and a credit note that is not used up",
                    )
        self.assertEqual({row["Currency"] for row in self._export_csv("customers")}, {self.company.currency_id.name})

    def test_customers_are_exported_with_the_day_of_their_last_order(self):
        self.order.date_order = "2025-03-10 23:30:00"
        self._new_customer("Quack Feathers", portal_agent_ids=[Command.link(self.agent.id)])
        self.agent.tz = "Europe/Brussels"
        self.authenticate(self.agent.login, self.agent.login)
        rows = self._export_csv("customers")
        self.assertEqual([row["Last order"] for row in rows], ["", "2025-03-11"])
        [_empty, day] = [row["Last order"] for row in self._export_xlsx("customers")]
        self.assertEqual(day.date(), date(2025, 3, 11))

    def test_amounts_have_the_decimals_of_their_currency(self):
        for decimals, number_format, text in (
            (3, "#,##0.000", "200.000"),
            (0, "#,##0", "200"),
            (2, "#,##0.00", "200.00"),
        ):
            currency = self.env["res.currency"].create(
                {"name": f"Q{decimals}X", "symbol": "Q", "rounding": 10**-decimals}
            )
            pricelist = self.env["product.pricelist"].create({"name": "Far away", "currency_id": currency.id})
            order = self._new_order(self.customer, f"QUILL-{decimals}", pricelist_id=pricelist.id)
            order.order_line.write({"price_unit": 100, "tax_ids": [Command.clear()]})
            order.action_confirm()
            query = {"search": order.name}
            content = self._get("/my/agent/orders/export", format="xlsx", **query).content
            titles, row = load_workbook(io.BytesIO(content)).active.iter_rows()
            [total] = [cell for title, cell in zip(titles, row, strict=True) if title.value == "Total"]
            self.assertEqual((total.number_format, total.value), (number_format, 200))
            self.assertEqual([row["Total"] for row in self._export_csv("orders", **query)], [text])

    def test_names_that_look_like_formulas_are_escaped(self):
        for start in ("=", "+", "-", "@", "\t=", " =", "\uff1d", "\uff20", "+49 30 ", "+1+"):
            self.order.client_order_ref = f"{start}cmd|' /C calc'!A0"
            [row] = self._export_csv("orders")
            self.assertRegex(row["Customer's reference"], "^'", start)
        self.order.client_order_ref = "=1+1"
        [row] = self._export_xlsx("orders")
        self.assertEqual(row["Customer's reference"], "=1+1")
        workbook = load_workbook(io.BytesIO(self._get("/my/agent/orders/export", format="xlsx").content))
        self.assertEqual({cell.data_type for row in workbook.active for cell in row if cell.value == "=1+1"}, {"s"})

    def test_phone_number_stays_as_it_is(self):
        for phone in ("+378 0549 123456", "+1 555-555-0101", "+32 (0)9 555.01", "0549/12 34 56"):
            self.customer.phone = phone
            for export in (self._export_csv, self._export_xlsx):
                self.assertEqual([row["Phone"] for row in export("customers")], [phone])

    def test_text_inside_a_cell_is_left_alone(self):
        self.order.client_order_ref = "a;-b,=c\n+d"
        for export in (self._export_csv, self._export_xlsx):
            self.assertEqual([row["Customer's reference"] for row in export("orders")], ["a;-b,=c\n+d"])

    def test_special_characters_are_exported_correctly(self):
        self.order.client_order_ref = 'Müller "Ø" 😀 שלום\n,;'
        for export in (self._export_csv, self._export_xlsx):
            [row] = export("orders")
            self.assertEqual(row["Customer's reference"], self.order.client_order_ref)

    @mute_logger("odoo.http")
    def test_other_formats_and_lists_are_a_404(self):
        self.assertEqual(self._get("/my/agent/orders/export", format="pdf").status_code, 404)
        self.assertEqual(self._get("/my/agent/users/export").status_code, 404)
        self.assertEqual(self._get("/my/agent/orders/export", customer=self.other_customer.id).status_code, 404)

    def test_list_that_another_addon_adds_is_exported_too(self):
        class ContactList(CustomerList):
            name = "contacts"

        classes = PortalAgent()._get_portal_agent_pages() | {"contacts": ContactList}
        with patch.object(PortalAgent, "_get_portal_agent_pages", lambda controller: classes):
            self.assertEqual([row["Name"] for row in self._export_csv("contacts")], ["Quill Trading"])

    def _add_orders(self, count):
        orders = [self._new_order(self.customer, f"QUILL-LONG-{number:03}") for number in range(count)]
        self.env.flush_all()
        return [order.name for order in orders]

    def test_batches_neither_skip_nor_repeat_rows(self):
        names = self._add_orders(29)
        for size in (1, 7, 29, 1000):
            with patch.object(ListExport, "batch_size", size):
                for export in (self._export_csv, self._export_xlsx):
                    rows = export("quotations", search="QUILL-LONG", sortby="reference")
                    self.assertEqual([row["Reference"] for row in rows], names, size)

    def test_batches_have_the_same_query_count_and_are_not_cached(self):
        self._add_orders(40)
        cached, field = [], self.env["sale.order"]._fields["client_order_ref"]
        read = ListExport.get_csv_cell

        def spy(export, value):
            if value == "Quill Trading":
                cached.append(len(request.env.transaction.field_data[field]))
            return read(export, value)

        def count_queries(size):
            with patch.object(ListExport, "batch_size", size):
                before = self.env.cr.sql_log_count
                self._get("/my/agent/quotations/export", search="QUILL-LONG")
                return self.env.cr.sql_log_count - before

        count_queries(40)
        whole, halves, quarters = count_queries(40), count_queries(20), count_queries(10)
        self.assertEqual(quarters - halves, 2 * (halves - whole))
        with patch.object(ListExport, "get_csv_cell", spy):
            count_queries(10)
        self.assertEqual((len(cached), max(cached)), (40, 10))

    @mute_logger("odoo.http")
    def test_list_too_long_for_a_sheet_is_refused_and_exported_as_csv(self):
        names = self._add_orders(5)
        with patch.object(ListExport, "xlsx_rows", 5):
            response = self._get("/my/agent/quotations/export", format="xlsx", search="QUILL-LONG")
            self.assertEqual(response.status_code, 422)
            self.assertIn("This list has 5 lines, more than an Excel sheet has room for", response.text)
            self.assertEqual(len(self._export_csv("quotations", search="QUILL-LONG")), len(names))
        with patch.object(ListExport, "xlsx_rows", 6):
            self.assertEqual(len(self._export_xlsx("quotations", search="QUILL-LONG")), len(names))

    @mute_logger("odoo.http")
    def test_temporary_file_is_always_deleted(self):
        files = []
        make = tempfile.TemporaryFile

        def spy(*args, **kwargs):
            files.append(make(*args, **kwargs))
            return files[-1]

        with patch.object(tempfile, "TemporaryFile", spy):
            for extension in ("csv", "xlsx"):
                response = self._get("/my/agent/orders/export", format=extension)
                self.assertEqual(int(response.headers["Content-Length"]), len(response.content))
            with patch.object(ListExport, "xlsx_rows", 1):
                self._get("/my/agent/orders/export", format="xlsx")
        self.assertEqual([file.closed for file in files], [True] * 3)

    def test_file_is_a_download_named_after_the_list_the_customer_and_the_day(self):
        day = fields.Date.to_string(fields.Date.context_today(self.agent))
        for query, name in (({}, "Sales Orders"), ({"customer": self.customer.id}, "Sales Orders - Quill Trading")):
            disposition = self._get("/my/agent/orders/export", **query).headers["Content-Disposition"]
            self.assertIn("attachment", disposition)
            self.assertIn(quote(f"{name} - {day}.csv"), disposition)
