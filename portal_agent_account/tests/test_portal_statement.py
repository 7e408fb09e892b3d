import io
from collections import defaultdict
from unittest.mock import patch

from dateutil.relativedelta import relativedelta
from lxml import html
from openpyxl import load_workbook

from odoo import fields
from odoo.exceptions import AccessError
from odoo.fields import Command, Domain
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger
from odoo.tools.pdf import PdfFileReader, PdfFileWriter

from odoo.addons.base.models.ir_actions_report import IrActionsReport as BaseReport
from odoo.addons.base.models.ir_actions_report import _wkhtml

from .common import PortalAgentPagesCommon

REPORT = "portal_agent_account.report_statement"


@tagged("post_install", "-at_install", "once")
class TestPortalStatement(PortalAgentPagesCommon):
    """The statement of a customer's open items, as printed for the customer."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.today = fields.Date.context_today(cls.agent)
        cls.foreign = cls.env["res.currency"].create(
            {"name": "QUX", "symbol": "Qx", "rate_ids": [Command.create({"name": "2020-01-01", "rate": 2.0})]}
        )
        cls.debtor = cls._new_customer("Quail Farm", portal_agent_ids=[Command.link(cls.agent.id)])
        cls.clerk = cls._new_customer("Quentin Quail", parent_id=cls.debtor.id, is_company=False)
        cls.paid = cls._bill(300, 70)
        cls._pay(cls.paid, 300)
        cls.partly_paid = cls._bill(100, 45, partner_id=cls.clerk.id)
        cls._pay(cls.partly_paid, 30)
        cls.blocked = cls._bill(8, 50)
        cls.blocked.action_toggle_block_payment()
        cls.debts = cls.partly_paid + cls._bill(40, 5, move_type="out_refund") + cls._bill(7, 1000) + cls.blocked
        cls.debts += cls._post(
            [
                cls._prepare_bill(1000 + number, days, currency_id=(number % 2 and cls.foreign.id) or None)
                for number, days in enumerate((-10, 0, 1, 30, 31, 60, 61, 90, 91))
            ]
        )
        cls.env.flush_all()

    @classmethod
    def _bill(cls, price, days_overdue, **values):
        return cls._post([cls._prepare_bill(price, days_overdue, **values)])

    @classmethod
    def _post(cls, values):
        moves = cls.env["account.move"].create(values)
        moves.action_post()
        return moves

    @classmethod
    def _prepare_bill(cls, price, days_overdue, **values):
        due = cls.today - relativedelta(days=days_overdue)
        lines = [Command.create({"name": "Seeds", "quantity": 1, "price_unit": price, "tax_ids": [Command.clear()]})]
        return cls._prepare_invoice(
            cls.debtor,
            f"QUAIL-{price}",
            invoice_date=min(due, cls.today),
            invoice_payment_term_id=False,
            invoice_date_due=due,
            invoice_line_ids=lines,
            **{name: value for name, value in values.items() if value},
        )

    @classmethod
    def _pay(cls, invoice, amount):
        context = {"active_model": invoice._name, "active_ids": invoice.ids}
        cls.env["account.payment.register"].with_context(**context).create({"amount": amount})._create_payments()

    # ---- content

    def _print(self, customer=None):
        """Return the statement's HTML, which Odoo doesn't convert to PDF in tests."""
        customer = customer or self.debtor
        with self.assertNoLogs("odoo.http", "WARNING"):
            response = self._get(f"/my/agent/customers/{customer.id}/statement")
        self.assertEqual((response.status_code, response.headers["Content-Type"]), (200, "application/pdf"))
        return response.content.decode()

    def _read_tables(self, page):
        """Return the cells of the tables, with amounts as numbers without currency."""
        [*tables, ages] = html.fromstring(page).xpath("//div[contains(@class, 'page')]//table")
        return [self._read_rows(table) for table in tables], self._read_rows(ages)

    def _read_rows(self, table):
        rows = [
            [" ".join(" ".join(cell.itertext()).split()) for cell in row.xpath("td")] for row in table.xpath("tbody/tr")
        ]
        return [[self._read_cell(text) for text in row] for row in rows]

    def _read_cell(self, text):
        number = text.replace("\N{NO-BREAK SPACE}", " ").replace("\ufeff", "").strip("Qx$ ").replace(",", "")
        return float(number) if number.lstrip("-").replace(".", "", 1).isdigit() else text

    def _get_debts(self):
        """Compute independently, from journal items, what the customer owes by currency."""
        items = self.env["account.move.line"].search(
            Domain("account_id.account_type", "=", "asset_receivable")
            & Domain("partner_id.commercial_partner_id", "=", self.debtor.id)
            & Domain("move_id.move_type", "in", ("out_invoice", "out_refund"))
            & Domain("amount_residual_currency", "!=", 0)
        )
        debts = defaultdict(dict)
        for item in items.filtered(lambda item: item.parent_state == "posted"):
            debts[item.currency_id][item.move_id] = item.amount_residual_currency
        return dict(sorted(debts.items(), key=lambda pair: pair[0].name))

    def _get_days_overdue(self, move):
        """Credit notes and blocked invoices are never overdue."""
        days = (self.today - move.invoice_date_due).days
        return max(days, 0) if move.move_type == "out_invoice" and move != self.blocked else 0

    def _pay_on_account(self, amount):
        payment = self.env["account.payment"].create(
            {
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": self.debtor.id,
                "amount": amount,
                "company_id": self.company.id,
            }
        )
        payment.action_post()
        self.env.flush_all()
        return payment

    def test_payment_on_account_is_a_separate_line_on_page_and_statement(self):
        url = f"/my/agent/customers/{self.debtor.id}"
        self.assertNotIn("Payments not matched yet", self._get_content(url))
        self.assertNotIn("Payments not matched yet", self._print())
        with self.on_an_agents_page() as env:
            due = env["res.partner"].browse(self.debtor.id)._get_portal_agent_balances()[self.debtor.id]["due"]
        self._pay_on_account(400)
        page = html.fromstring(self._get(url).text)
        [box] = page.xpath("//dl[contains(@class, 'o_portal_agent_unmatched')]")
        lines = [" ".join(cell.text_content().split()) for cell in box.xpath("dt | dd")]
        self.assertEqual([self._read_cell(line) for line in lines[::2]], ["Payments not matched yet", lines[2]])
        self.assertEqual([self._read_cell(line) for line in lines[1::2]], [-400.0, due - 400])
        with self.on_an_agents_page() as env:
            self.assertEqual(
                env["res.partner"].browse(self.debtor.id)._get_portal_agent_balances()[self.debtor.id]["due"],
                due,
                "what is due is counted by invoice",
            )
        statement = html.fromstring(self._print())
        rows = self._read_rows(statement.xpath("//table[contains(@class, 'o_portal_agent_unmatched')]")[0])
        documents, unmatched, balance = rows
        self.assertEqual(unmatched, ["Payments not matched yet", -400.0])
        self.assertEqual(balance[1], documents[1] - 400)

    def test_matched_payment_is_not_a_separate_line(self):
        payment = self._pay_on_account(7)
        invoice = self.debts.filtered(lambda move: move.amount_total == 7)
        lines = (payment.move_id.line_ids + invoice.line_ids).filtered(
            lambda line: line.account_id.account_type == "asset_receivable"
        )
        lines.reconcile()
        self.env.flush_all()
        self.assertNotIn("Payments not matched yet", self._get_content(f"/my/agent/customers/{self.debtor.id}"))

    def test_statement_lists_every_open_document_with_its_amount_due(self):
        tables, _ages = self._read_tables(self._print())
        debts = self._get_debts()
        self.assertEqual(len(tables), len(debts), "a table for each currency")
        for table, moves in zip(tables, debts.values(), strict=True):
            expected = {move.name: (amount, self._get_days_overdue(move)) for move, amount in moves.items()}
            self.assertEqual({row[0].split()[0]: row[5] for row in table[:-1]}, {k: v[0] for k, v in expected.items()})
            for number, _date, _due_date, days, _amount, _amount_due in table[:-1]:
                self.assertEqual(days or 0, expected[number.split()[0]][1], number)
        shown = [row[0].split()[0] for table in tables for row in table[:-1]]
        self.assertEqual(sorted(shown), sorted(self.debts.mapped("name")))

    def test_totals_and_ages_are_correct_for_each_currency(self):
        tables, ages = self._read_tables(self._print())
        for table, row, (currency, moves) in zip(tables, ages, self._get_debts().items(), strict=True):
            expected = [0.0] * 5
            for move, amount in moves.items():
                days = self._get_days_overdue(move)
                expected[0 if days < 1 else 1 if days < 31 else 2 if days < 61 else 3 if days < 91 else 4] += amount
            self.assertEqual(row, [currency.name, *expected, sum(expected)])
            self.assertEqual(
                [" ".join(table[-1][0].split()), table[-1][1]], [f"Total in {currency.name}", sum(expected)]
            )
        self.assertEqual(len(ages), 2)

    def test_partial_payments_and_credit_notes_are_counted(self):
        tables, _ages = self._read_tables(self._print())
        lines = {row[0].split()[0]: row for table in tables for row in table[:-1]}
        self.assertEqual(lines[self.partly_paid.name][3:], [45, 100, 70])
        [credit_note] = self.debts.filtered(lambda move: move.move_type == "out_refund")
        self.assertEqual(lines[credit_note.name][3:], ["", -40, -40])
        self.assertIn("Credit note", lines[credit_note.name][0])
        self.assertNotIn(self.paid.name, lines)

    def test_open_amount_agrees_with_the_customers_page(self):
        with self.on_an_agents_page() as env:
            figures = env["portal.agent.dashboard"]._get_summary(env["res.partner"].browse(self.debtor.id))["figures"]
        self.assertEqual(figures["due"]["count"], len(self.debts))

    def test_drafts_and_other_companies_are_left_out(self):
        drafted, elsewhere = self._bill(11, 3), self._bill(12, 3)
        drafted.button_draft()
        company = self.env["res.company"].create({"name": "Quill Abroad"})
        self.env.flush_all()
        self.env.cr.execute("UPDATE account_move SET company_id = %s WHERE id = %s", [company.id, elsewhere.id])
        self.env.invalidate_all()
        page = self._print()
        self.assertIn(self.partly_paid.name, page)
        self.assertNotIn(elsewhere.name, page)
        statements = self.env[f"report.{REPORT}"]._get_statements(self.debtor)
        shown = [line["move_id"] for balance in statements[self.debtor.id] for line in balance["lines"]]
        self.assertNotIn(drafted.id, shown)

    def test_statement_of_a_customer_who_owes_nothing_says_so(self):
        nobody = self._new_customer("Quiet House", portal_agent_ids=[Command.link(self.agent.id)])
        page = self._print(nobody)
        self.assertIn("There are no unpaid invoices", page)
        self.assertIn("Quiet House", page)
        self.assertNotIn("<table", page.partition("<main")[2])

    def test_statement_is_in_the_customers_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        view = self.env.ref("portal_agent_account.report_statement_document")
        view.update_field_translations("arch_db", {"fr_FR": {"Statement of Open Invoices": "Relevé des plumes"}})
        self.debtor.lang = "fr_FR"
        page = self._print()
        self.assertIn("Relevé des plumes", page)
        self.assertIn(self.today.strftime("%d/%m/%Y"), page)
        self.assertIn("Plus de 90 jours", page)
        self.assertNotIn("Over 90 days", page)
        self.assertEqual(self.agent.lang, "en_US")
        self.debtor.lang = False
        self.assertIn("Statement of Open Invoices", self._print())

    def test_sender_is_in_the_body_if_no_header_is_printed(self):
        self.company.partner_id.write({"street": "1 Feather Lane", "phone": "+32 4711"})
        for is_patched_qt in (True, False):
            info = _wkhtml()._replace(is_patched_qt=is_patched_qt)
            with patch("odoo.addons.portal_agent_account.report.customer_statement._wkhtml", lambda info=info: info):
                page = html.fromstring(self._print())
            senders = page.xpath("//div[contains(@class, 'article')]//div[contains(@class, 'o_portal_agent_sender')]")
            self.assertEqual(len(senders), not is_patched_qt)
            self.assertEqual(page.get("data-report-margin-top"), None if is_patched_qt else "15")
        for text in (self.company.name, "1 Feather Lane", "+32 4711"):
            self.assertIn(text, senders[0].text_content())

    def test_text_of_the_pdf_can_be_searched_and_names_the_sender(self):
        if _wkhtml().state != "ok":
            self.skipTest("wkhtmltopdf is not installed")
        with self.on_an_agents_page() as env:
            report_sudo = env["ir.actions.report"].sudo().with_context(force_report_rendering=True)
            content, kind = report_sudo._render_qweb_pdf(REPORT, self.debtor.ids)
        self.assertEqual(kind, "pdf")
        text = "".join("".join(page.extract_text().split()) for page in PdfFileReader(io.BytesIO(content)).pages)
        for words in (self.company.name, "Quail Farm", self.partly_paid.name):
            self.assertIn("".join(words.split()), text)

    def test_each_page_of_the_pdf_has_its_number(self):
        if _wkhtml().state != "ok":
            self.skipTest("wkhtmltopdf is not installed")
        self._post([self._prepare_bill(3000 + number, number) for number in range(80)])
        self.env.flush_all()
        with self.on_an_agents_page() as env:
            report_sudo = env["ir.actions.report"].sudo().with_context(force_report_rendering=True)
            content, _kind = report_sudo._render_qweb_pdf(REPORT, self.debtor.ids)
        pages = [" ".join(page.extract_text().split()) for page in PdfFileReader(io.BytesIO(content)).pages]
        self.assertGreater(len(pages), 2)
        for number, text in enumerate(pages, start=1):
            self.assertRegex(text, rf"\b{number} / {len(pages)}\b")

    def test_pages_are_only_numbered_afterwards_if_no_footer_is_printed(self):
        pdf = PdfFileWriter()
        pdf.addBlankPage(200, 200)
        with io.BytesIO() as buffer:
            pdf.write(buffer)
            blank = buffer.getvalue()
        module = "odoo.addons.portal_agent_account.report.customer_statement._wkhtml"
        for is_patched_qt, report, is_numbered in (
            (False, REPORT, True),
            (True, REPORT, False),
            (False, "sale.report_saleorder", False),
        ):
            info = _wkhtml()._replace(is_patched_qt=is_patched_qt)
            with (
                self.subTest(is_patched_qt=is_patched_qt, report=report),
                patch(module, lambda info=info: info),
                patch.object(BaseReport, "_run_wkhtmltopdf", lambda *args, **options: blank),
            ):
                content = self.env["ir.actions.report"]._run_wkhtmltopdf(["<p/>"], report_ref=report)
                text = PdfFileReader(io.BytesIO(content)).pages[0].extract_text()
                self.assertEqual("1 / 1" in text, is_numbered)

    def test_names_are_escaped_on_the_statement(self):
        name = '<script>alert("quail")</script> 😀 \u202eשלום ' + "x" * 250
        self.debtor.write({"name": name, "ref": "=<b>1</b>", "street": "<img src=x onerror=alert(1)>"})
        page = self._print()
        self.assertIn(name, html.fromstring(page).text_content())
        for tag in ("<script>alert", "<b>1", "<img src=x"):
            self.assertNotIn(tag, page)

    def test_query_count_does_not_grow_with_the_number_of_invoices(self):
        def count_queries():
            self.env.invalidate_all()
            with self.on_an_agents_page() as env:
                before = env.cr.sql_log_count
                env["ir.actions.report"].sudo()._render_qweb_html(REPORT, self.debtor.ids)
                return env.cr.sql_log_count - before

        count_queries()
        few = count_queries()
        self._post([self._prepare_bill(2000 + number, number, partner_id=self.clerk.id) for number in range(10)])
        self.env.flush_all()
        self.assertLessEqual(count_queries(), few)

    def test_file_has_the_customers_name_and_is_shown_or_saved(self):
        url = f"/my/agent/customers/{self.debtor.id}/statement"
        shown, saved = self._get(url), self._get(url, download="1")
        self.assertTrue(shown.headers["Content-Disposition"].startswith("inline"))
        self.assertTrue(saved.headers["Content-Disposition"].startswith("attachment"))
        day = fields.Date.to_string(self.today)
        self.assertIn(f"Quail%20Farm%20-%20{day}.pdf", saved.headers["Content-Disposition"])

    def test_period_and_an_earlier_day_can_be_asked_for_as_pdf_and_as_excel_file(self):
        url, period = f"/my/agent/customers/{self.debtor.id}/statement", {"date_from": "2020-01-01"}
        self.assertNotIn("Statement of Account", self._get(url).text)
        self.assertIn("Statement of Account", self._get(url, **period).text)
        earlier = fields.Date.to_string(self.today - relativedelta(days=600))
        self.assertNotIn("QUX", self._get(url, date_to=earlier).text)
        for query in ({}, period, {"date_from": "x", "date_to": "9999-99-99"}):
            response = self._get(url, report_type="xlsx", **query)
            self.assertTrue(response.headers["Content-Disposition"].startswith("attachment"))
            sheets = load_workbook(io.BytesIO(response.content)).sheetnames
            self.assertEqual(set(sheets), {self.company.currency_id.name, "QUX"})

    def test_pages_of_the_customer_link_to_the_statement(self):
        link = f'href="/my/agent/customers/{self.debtor.id}/statement"'
        self.assertIn(link, self._get(f"/my/agent/customers/{self.debtor.id}").text)
        self.assertIn(link, self._get("/my/agent/invoices", customer=self.debtor.id).text)
        self.assertNotIn("/statement", self._get("/my/agent/invoices").text)

    # ---- access

    @mute_logger("odoo.http")
    def test_another_agents_customer_and_a_missing_one_return_the_same_404(self):
        others = (self.other_customer, self.strange_customer, self.clerk, self.agent.partner_id)
        for customer_id in (*(partner.id for partner in others), 2**31 - 1, 2**70, 0):
            with self.subTest(customer_id=customer_id):
                self.assertEqual(self._get(f"/my/agent/customers/{customer_id}/statement").status_code, 404)

    def test_statement_of_a_customer_no_longer_assigned_is_refused(self):
        self.assertIn(self.partly_paid.name, self._print())
        self.debtor.portal_agent_ids = [Command.clear()]
        with mute_logger("odoo.http"):
            self.assertEqual(self._get(f"/my/agent/customers/{self.debtor.id}/statement").status_code, 404)

    def test_report_does_not_bypass_the_rules_for_agents_and_portal_users(self):
        for user in (self.agent, self.other_agent, self.portal_user, self.customer_user):
            self.authenticate(user.login, user.login)
            for kind in ("html", "pdf"):
                with self.subTest(user=user.login, kind=kind), mute_logger("odoo.http"):
                    response = self._get(f"/report/{kind}/{REPORT}/{self.debtor.id}")
                    self.assertEqual(response.status_code, 403)
                    self.assertNotIn(self.partly_paid.name, response.text)
                    self.assertNotIn("Quail", response.text)

    def test_rendering_with_sudo_does_not_extend_the_users_access(self):
        report = self.env["ir.actions.report"].with_user(self.other_agent).sudo()
        with self.on_an_agents_page(self.other_agent), self.assertRaises(AccessError):
            report._render_qweb_html(REPORT, self.debtor.ids)

    def test_only_users_who_read_invoices_print_statements_from_contacts(self):
        accountant = new_test_user(self.env, login="quail_accountant", groups="account.group_account_invoice")
        clerk = new_test_user(self.env, login="quail_employee", groups="base.group_user")
        action = self.env.ref("portal_agent_account.action_report_statement")
        for user, is_offered in ((accountant, True), (clerk, False)):
            bindings = self.env["ir.actions.actions"].with_user(user).get_bindings("res.partner")
            self.assertEqual(action.id in [each["id"] for each in bindings.get("report", ())], is_offered)
        report = self.env["ir.actions.report"]
        both = self.clerk + self.customer
        page = report.with_user(accountant)._render_qweb_html(REPORT, both.ids)[0].decode()
        for expected in (self.partly_paid.name, "Quail Farm", self.invoice.name, "Quill Trading"):
            self.assertIn(expected, page)
        with self.assertRaises(AccessError):
            report.with_user(clerk)._render_qweb_html(REPORT, both.ids)

    def test_salesperson_without_access_to_payments_gets_no_statement(self):
        salesperson = new_test_user(self.env, login="quail_sales", groups="sales_team.group_sale_salesman")
        values = self.env["report.portal_agent_account.report_statement"].with_user(salesperson).sudo()
        with self.assertRaises(AccessError):
            values._get_report_values(self.debtor.ids, {"date_from": "2020-01-01"})
        with self.assertRaises(AccessError):
            values.with_user(self.customer_user).sudo()._get_report_values(self.customer.ids)
