import csv
import io
import random
import re
from collections import defaultdict
from unittest.mock import patch

from dateutil.relativedelta import relativedelta
from lxml import html
from openpyxl import load_workbook

from odoo import fields
from odoo.exceptions import AccessError
from odoo.fields import Command, Domain
from odoo.tests import tagged

from .common import PortalAgentPagesCommon

SEED = 19
DOCUMENTS = 36
AGE_LIMITS = (0, 30, 60, 90)
NOT_AWAITED = ("in_payment", "paid", "reversed", "blocked", "invoicing_legacy")
REPORT = "report.portal_agent_account.report_statement"


class LedgerCommon(PortalAgentPagesCommon):
    """Random invoices and credit notes of three customers in two currencies, paid in different ways."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dice = random.Random(SEED)
        cls.today = fields.Date.context_today(cls.agent)
        cls.foreign = cls.env["res.currency"].create(
            {
                "name": "QLD",
                "symbol": "Ql",
                "rate_ids": [Command.create({"name": "2020-01-01", "rate": 2}), Command.create({"rate": 3})],
            }
        )
        cls.second = cls._new_customer("Quack Feathers", portal_agent_ids=[Command.link(cls.agent.id)])
        cls.third = cls._new_customer("Quiet House", portal_agent_ids=[Command.link(cls.agent.id)])
        cls.mover = cls._new_customer("Quinn Mover", parent_id=cls.second.id, is_company=False)
        cls.customers = cls.customer + cls.second + cls.third
        cls.terms = cls._make_payment_terms()

    @classmethod
    def _make_payment_terms(cls):
        def line(percent, days):
            return Command.create({"value": "percent", "value_amount": percent, "nb_days": days})

        discount = {"early_discount": True, "discount_percentage": 2, "discount_days": 200}
        return cls.env["account.payment.term"].create(
            [
                {"name": "At once", "line_ids": [line(100, 0)]},
                {"name": "30 % now, 70 % in 60 days", "line_ids": [line(30, 0), line(70, 60)]},
                {"name": "In three parts", "line_ids": [line(20, 10), line(30, 40), line(50, 100)]},
                {"name": "2 % off within 200 days", "line_ids": [line(100, 30)], **discount},
            ]
        )

    @classmethod
    def _bill(cls, partner, amount, days, **values):
        """Post an invoice.

        :param int days: age of the invoice in days
        """
        lines = [Command.create({"name": "Seeds", "price_unit": amount, "tax_ids": [Command.clear()]})]
        values = {"invoice_date": cls.today - relativedelta(days=days), "invoice_line_ids": lines} | values
        return cls._new_invoice(partner, f"QUILL-{amount}", **values)

    @classmethod
    def _pay(cls, invoices, amount=None, days=0, **values):
        context = {"active_model": "account.move", "active_ids": invoices.ids}
        day = {"payment_date": cls.today - relativedelta(days=days)}
        amount = {} if amount is None else {"amount": amount}
        wizard = cls.env["account.payment.register"].with_context(**context).create(day | amount | values)
        return wizard._create_payments()

    @classmethod
    def _pay_without_booking(cls, invoice, amount):
        method = cls.env["account.payment.method.line"].search(
            [("journal_id.type", "=", "bank"), ("payment_type", "=", "inbound"), ("company_id", "=", cls.company.id)],
            limit=1,
        )
        method.payment_account_id = False
        return cls._pay(invoice, amount, journal_id=method.journal_id.id, payment_method_line_id=method.id)

    @classmethod
    def _pay_on_account(cls, customer, amount):
        """Post a customer payment without an invoice, as accounting does."""
        receivable = customer.property_account_receivable_id
        bank = cls.env["account.journal"].search([("type", "=", "bank"), ("company_id", "=", cls.company.id)], limit=1)
        lines = [
            Command.create({"account_id": bank.default_account_id.id, "debit": amount}),
            Command.create({"account_id": receivable.id, "credit": amount, "partner_id": customer.id}),
        ]
        move = cls.env["account.move"].create({"journal_id": bank.id, "date": cls.today, "line_ids": lines})
        move.action_post()
        return move

    # ---- independent computation

    def _get_items(self, customer):
        """Return the receivable items of a customer's documents."""
        items = self.env["account.move.line"].search(
            Domain("account_id.account_type", "=", "asset_receivable")
            & Domain("parent_state", "=", "posted")
            & Domain("company_id", "=", self.company.id)
            & Domain("move_id.move_type", "in", ("out_invoice", "out_refund"))
        )
        return items.filtered(lambda item: item.move_id.partner_id.commercial_partner_id == customer)

    def _get_other_items(self, customer):
        """Return the receivable items of a customer's payments and other entries."""
        items = self.env["account.move.line"].search(
            Domain("account_id.account_type", "=", "asset_receivable")
            & Domain("parent_state", "=", "posted")
            & Domain("company_id", "=", self.company.id)
            & Domain("move_id.move_type", "not in", ("out_invoice", "out_refund"))
        )
        return items.filtered(lambda item: item.partner_id.commercial_partner_id == customer)

    def _get_open(self, item, day=None):
        """Return the residual amount of an item in its currency and the company's, from its reconciliations."""
        left, left_company = item.amount_currency, item.balance
        for partial in item.matched_credit_ids:
            if not day or partial.max_date <= day:
                left -= partial.debit_amount_currency
                left_company -= partial.amount
        for partial in item.matched_debit_ids:
            if not day or partial.max_date <= day:
                left += partial.credit_amount_currency
                left_company += partial.amount
        return item.currency_id.round(left), self.company.currency_id.round(left_company)

    def _is_late(self, item):
        move = item.move_id
        return (
            move.move_type == "out_invoice"
            and move.payment_state not in NOT_AWAITED
            and item.date_maturity < self.today
        )

    def _count(self, customers):
        """Return the amounts due and overdue and the ages of customers, computed item by item."""
        due, overdue, ages = 0.0, 0.0, [0.0] * 5
        documents, late_documents = set(), set()
        for customer in customers:
            for item in self._get_items(customer):
                left, left_company = self._get_open(item)
                if item.currency_id.is_zero(left):
                    continue
                due += left_company
                documents.add(item.move_id)
                days = (self.today - item.date_maturity).days if self._is_late(item) else 0
                ages[sum(days > limit for limit in AGE_LIMITS)] += left_company
                if days:
                    overdue += left_company
                    late_documents.add(item.move_id)
        return {"due": due, "overdue": overdue, "ages": ages, "documents": documents, "late": late_documents}

    def _assert_same(self, amount, expected, message=None):
        self.assertAlmostEqual(amount, expected, 2, message)

    def _export(self, name, extension="csv", **query):
        response = self._get(f"/my/agent/{name}/export", format=extension, **query)
        self.assertEqual(response.status_code, 200)
        if extension == "csv":
            return list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
        rows = list(load_workbook(io.BytesIO(response.content)).active.iter_rows(values_only=True))
        return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]

    def _read_rows(self, url, cells, **query):
        """Return the amounts in the rows of a list, by the text of the link in the first cell."""
        page = html.fromstring(self._get(url, **query).text)
        return {
            row.xpath("string(.//td[contains(@class, 'o_portal_agent_title')]//a)").strip(): [
                self._read_amounts(row.xpath(f"string(td[{number}])")) for number in cells
            ]
            for row in page.xpath("//main//tbody/tr[td]")
        }, {
            " ".join(total.xpath("string(span)").split()).rstrip(":"): self._read_amounts(total.xpath("string(.)"))
            for total in page.xpath("//main//*[contains(@class, 'o_portal_agent_total')]")
        }

    def _read_amounts(self, text):
        """Return the decimal numbers in a text, in which minus signs may be surrounded by direction marks."""
        text = re.sub("[\u200e\u200f\ufeff]", "", text)
        return [float(number.replace(",", "")) for number in re.findall(r"-?\s?[\d,]+\.\d\d", text)]


@tagged("post_install", "-at_install", "once")
class TestInstalments(LedgerCommon):
    """Amounts are due on the due date of each instalment."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.invoice + cls.credit_note).button_cancel()
        cls.term = cls.terms[1]
        cls.split = cls._bill(cls.buyer, 1000, 30, invoice_payment_term_id=cls.term.id)
        cls.env.flush_all()

    def _get_figures(self):
        with self.on_an_agents_page() as env:
            figures = env["portal.agent.dashboard"]._get_summary(env["res.partner"])["figures"]
        return {name: (figures[name]["count"], figures[name]["amount"]) for name in ("due", "overdue")}

    def test_only_the_overdue_instalment_of_an_invoice_counts_as_overdue(self):
        self.assertEqual(self._get_figures(), {"due": (1, 1000), "overdue": (1, 300)})
        self.assertIn("30 days overdue", self._get_content("/my/agent/invoices"))
        self.assertEqual(self._get_references("/my/agent/invoices", filterby="overdue"), [self.split.name])

    def test_list_and_export_of_overdue_invoices_show_the_overdue_part(self):
        """The list agrees with the tile that leads to it, although it contains whole invoices."""
        self._bill(self.second, 90, 40, currency_id=self.foreign.id, invoice_payment_term_id=self.terms[0].id)
        self.assertEqual(self._get_figures()["overdue"], (2, 345))
        rows, totals = self._read_rows("/my/agent/invoices", (5,), filterby="overdue")
        self.assertEqual(rows[self.split.name], [[300]])
        self.assertEqual([amounts for amounts in rows.values() if amounts != [[300]]], [[[]]], "all of it is overdue")
        self.assertEqual(set(totals), {"Total", "Amount due", "Overdue"})
        self.assertEqual(sorted(totals["Overdue"]), [90, 300, 345])
        self.assertEqual(self._read_rows("/my/agent/invoices", (), filterby="due")[1].keys(), {"Total", "Amount due"})
        exported = {row["Number"]: (row["Amount due"], row["Overdue"]) for row in self._export("invoices")}
        self.assertEqual(exported[self.split.name], ("1000.00", "300.00"))

    def test_groups_of_overdue_invoices_show_the_overdue_part(self):
        self._bill(self.second, 90, 100, currency_id=self.foreign.id, invoice_payment_term_id=self.terms[0].id)
        for groupby in ("customer", "month"):
            page = html.fromstring(self._get("/my/agent/invoices", filterby="overdue", groupby=groupby).text)
            groups = [
                self._read_amounts(total.text_content())
                for total in page.xpath("//tbody//*[contains(@class, 'o_portal_agent_total')]")
                if total.text_content().strip().startswith("Overdue")
            ]
            self.assertEqual(sorted(groups), [[90, 45], [300]], groupby)

    def test_partial_payment_reduces_the_overdue_amount(self):
        self._pay(self.split, 120)
        self.assertEqual(self._get_figures(), {"due": (1, 880), "overdue": (1, 180)})
        self._pay(self.split, 180)
        self.assertEqual(self._get_figures(), {"due": (1, 700), "overdue": (0, 0)})
        self.assertEqual(self._get_references("/my/agent/invoices", filterby="overdue"), [])
        self.assertNotIn("days overdue", self._get_content("/my/agent/invoices", search=self.split.name))

    def test_cancelled_payment_does_not_count(self):
        payment = self._pay(self.split, 300)
        self.assertEqual(self._get_figures()["overdue"], (0, 0))
        payment.action_draft()
        payment.action_cancel()
        self.assertEqual(self._get_figures(), {"due": (1, 1000), "overdue": (1, 300)})

    def test_invoice_with_an_unposted_payment_is_not_overdue(self):
        """With Odoo's accounting app, a payment is posted when it is on the bank statement."""
        with patch.object(type(self.split), "_get_invoice_in_payment_state", lambda moves: "in_payment"):
            self._pay_without_booking(self.split, 1000)
            self.env.flush_all()
        self.assertEqual((self.split.payment_state, self.split.amount_residual), ("in_payment", 1000))
        self.assertEqual(self._get_figures(), {"due": (1, 1000), "overdue": (0, 0)})
        self.assertIn("Processing payment", self._get_content("/my/agent/invoices"))

    def test_days_overdue_are_those_of_the_oldest_instalment(self):
        late = self._bill(self.buyer, 100, 200, invoice_payment_term_id=self.terms[2].id)
        with self.on_an_agents_page() as env:
            invoice = late.with_env(env)
            self.assertEqual(invoice._get_portal_agent_days_overdue(), 190)
            self.assertEqual(invoice.portal_agent_amount_overdue, 100)
            self.assertEqual(invoice.portal_agent_date_due, self.today - relativedelta(days=190))
        self._pay(late, 20)
        with self.on_an_agents_page() as env:
            self.assertEqual(late.with_env(env)._get_portal_agent_days_overdue(), 160)

    def test_open_amounts_move_with_the_contact_to_another_company(self):
        open_invoice = self._bill(self.mover, 50, 90, invoice_payment_term_id=False)
        self.mover.parent_id = self.third
        self.env.flush_all()
        with self.on_an_agents_page() as env:
            Partner = env["res.partner"]
            balances = Partner.browse(self.customers.ids)._get_portal_agent_balances()
            self.assertEqual((balances[self.second.id]["due"], balances[self.third.id]["due"]), (0, 50))
            figures = env["portal.agent.dashboard"]._get_summary(self.third.with_env(env))["figures"]
            self.assertEqual(figures["due"]["amount"], 50)
            [balance] = env[REPORT]._get_statements(self.third.with_env(env))[self.third.id]
            self.assertEqual([line["number"] for line in balance["lines"]], [open_invoice.name])
            self.assertFalse(env[REPORT]._get_statements(self.second.with_env(env))[self.second.id])
        self.assertEqual(self._get_references("/my/agent/customers", filterby="due"), ["Quiet House", "Quill Trading"])
        exported = {row["Name"]: float(row["Unpaid"]) for row in self._export("customers")}
        self.assertEqual(exported, {"Quack Feathers": 0, "Quiet House": 50, "Quill Trading": 1000})

    def test_customers_are_sorted_by_amounts_overdue_and_due(self):
        self._bill(self.second, 400, 0, invoice_payment_term_id=self.terms[2].id)
        self._bill(self.third, 5000, 0, invoice_payment_term_id=self.terms[2].id)
        late = self._bill(self.third, 1, 30, invoice_payment_term_id=False)
        self.assertTrue(late)
        names = ["Quill Trading", "Quiet House", "Quack Feathers"]
        self.assertEqual(self._get_references("/my/agent/customers", sortby="overdue"), names)
        self.assertEqual([row["Name"] for row in self._export("customers", sortby="overdue")], names)
        names = ["Quiet House", "Quill Trading", "Quack Feathers"]
        self.assertEqual(self._get_references("/my/agent/customers", sortby="due"), names)

    def test_administrators_see_the_same_figures_of_an_agent(self):
        agent = self.agent.with_user(self.env.ref("base.user_admin"))
        agent.invalidate_recordset()
        self.assertEqual((agent.portal_agent_amount_due, agent.portal_agent_amount_overdue), (1000, 300))


@tagged("post_install", "-at_install", "once")
class TestPayments(LedgerCommon):
    """The payments of an invoice that an agent sees."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.split = cls._bill(cls.buyer, 1000, 30, invoice_payment_term_id=cls.terms[1].id)

    def _get_payments(self, invoice=None):
        with self.on_an_agents_page() as env:
            return (invoice or self.split).with_env(env)._get_portal_agent_payments()

    def test_payments_show_date_amount_and_entry(self):
        first, second = self._pay(self.split, 120, days=20), self._pay(self.split, 200, days=3)
        self.assertEqual(
            [(row["kind"], row["date"], row["amount"], row["reference"]) for row in self._get_payments()],
            [
                ("payment", self.today - relativedelta(days=20), 120, first.move_id.name),
                ("payment", self.today - relativedelta(days=3), 200, second.move_id.name),
            ],
        )

    def test_payments_and_amount_due_add_up_to_the_invoice(self):
        foreign = self._bill(self.buyer, 900, 30, currency_id=self.foreign.id)
        self._pay(foreign, 250)
        self._pay(foreign, 50, currency_id=self.company.currency_id.id)
        for invoice in (foreign, self.split):
            paid = sum(row["amount"] for row in self._get_payments(invoice))
            self._assert_same(paid + invoice.amount_residual, invoice.amount_total)

    def test_exchange_difference_in_the_documents_currency_is_one_of_its_payments(self):
        """The rate was 2 when the credit note was posted and is 3 today."""
        credit_note = self._bill(self.buyer, 100, 20, move_type="out_refund", invoice_payment_term_id=False)
        foreign = self._bill(self.buyer, 100, 0, currency_id=self.foreign.id, invoice_payment_term_id=False)
        items = (credit_note + foreign).line_ids.filtered(lambda line: line.account_type == "asset_receivable")
        items.reconcile()
        self.assertEqual(credit_note.amount_residual, 50)
        amounts = [(row["kind"], row["amount"]) for row in self._get_payments(credit_note)]
        self.assertEqual(sorted(amounts), [("entry", 16.67), ("invoice", 33.33)])
        self.assertEqual([row["amount"] for row in self._get_payments(foreign)], [100])

    def test_unposted_payment_of_several_invoices_shows_what_is_due_on_each(self):
        """The total of the payment would tell what another customer pays."""
        other = self._bill(self.customer, 90, 3, currency_id=self.foreign.id, invoice_payment_term_id=False)
        with patch.object(type(other), "_get_invoice_in_payment_state", lambda moves: "in_payment"):
            payment = self._pay_without_booking(self.split, 5000)
            payment.invoice_ids += other
            self.env.flush_all()
        for invoice in (self.split, other):
            [row] = self._get_payments(invoice)
            self.assertEqual(
                (row["kind"], row["amount"], row["currency"]),
                ("in_process", invoice.amount_residual, invoice.currency_id),
            )

    def test_credit_note_counts_as_paid_and_a_cancelled_payment_does_not(self):
        payment = self._pay(self.split, 300)
        payment.action_draft()
        payment.action_cancel()
        self.assertFalse(self._get_payments())
        credit_note = self._bill(self.buyer, 100, 2, move_type="out_refund", invoice_payment_term_id=False)
        receivable = (self.split + credit_note).line_ids.filtered(lambda line: line.account_type == "asset_receivable")
        receivable.reconcile()
        self.assertEqual(
            [(row["kind"], row["amount"], row["reference"]) for row in self._get_payments()],
            [("credit_note", 100, credit_note.name)],
        )

    def test_payments_do_not_reveal_the_bank_account(self):
        self.env["res.partner.bank"].create({"acc_number": "BE71096123456769", "partner_id": self.customer.id})
        self._pay(self.split, 120, communication="from BE71096123456769")
        [payment] = self._get_payments()
        self.assertEqual(set(payment), {"kind", "label", "date", "amount", "currency", "reference"})
        self.assertNotIn("BE71096123456769", str(payment))

    def test_instalments_show_what_is_paid_of_each(self):
        self._pay(self.split, 120)
        with self.on_an_agents_page() as env:
            instalments = self.split.with_env(env)._get_portal_agent_instalments()
        self.assertEqual(
            [tuple(instalment.values()) for instalment in instalments],
            [
                (self.today - relativedelta(days=30), 300, 180, 30),
                (self.today + relativedelta(days=30), 700, 700, 0),
            ],
        )

    def test_payments_of_another_agents_invoice_are_refused(self):
        with self.on_an_agents_page(self.other_agent) as env:
            for method in ("_get_portal_agent_payments", "_get_portal_agent_instalments"):
                with self.assertRaises(AccessError):
                    getattr(self.split.with_env(env), method)()

    def test_order_and_invoice_lead_to_each_other(self):
        self.product.invoice_policy = "order"
        invoice = self.order._create_invoices()
        invoice.action_post()
        with self.on_an_agents_page() as env:
            self.assertEqual(self.order.with_env(env)._get_portal_agent_invoices(), invoice)
            self.assertEqual(invoice.with_env(env)._get_portal_agent_orders(), self.order)
        with self.on_an_agents_page(self.other_agent) as env:
            self.assertFalse(self.order.with_env(env)._get_portal_agent_invoices())


@tagged("post_install", "-at_install", "once")
class TestLedger(LedgerCommon):
    """Dashboard, lists, customers, statements and exports agree with each other and with the ledger."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        partners = (cls.customer, cls.buyer, cls.second, cls.mover, cls.third)
        for number in range(DOCUMENTS):
            cls._make_document(cls.dice.choice(partners), number)
        cls.on_account = cls._pay_on_account(cls.second, 77)
        cls.mover.parent_id = cls.third
        cls.env.flush_all()

    @classmethod
    def _make_document(cls, partner, number):
        dice = cls.dice
        values = {
            "invoice_payment_term_id": dice.choice(cls.terms.ids),
            "currency_id": dice.choice((cls.company.currency_id, cls.foreign)).id,
            "move_type": "out_refund" if dice.random() < 0.2 else "out_invoice",
        }
        invoice = cls._bill(partner, dice.randrange(100, 90_000) / 100 + number, dice.randrange(200), **values)
        days = dice.randrange(60)
        match dice.randrange(7):
            case 0:
                cls._pay(invoice, days=days)
            case 1:
                cls._pay(invoice, round(invoice.amount_residual * dice.random(), 2) or 1, days=days)
            case 2:
                cls._pay(invoice, round(invoice.amount_residual / 3, 2), days=days)
                cls._pay(invoice, round(invoice.amount_residual / 3, 2), days=0)
            case 3:
                payment = cls._pay(invoice, days=days)
                payment.action_draft()
                payment.action_cancel()
            case 4 if invoice.move_type == "out_invoice":
                cls._give_back(invoice)
            case 5 if invoice.move_type == "out_invoice":
                invoice.action_toggle_block_payment()

    @classmethod
    def _give_back(cls, invoice):
        """Create a credit note for a part of an invoice, and reconcile the two."""
        amount = round(invoice.amount_total / 4, 2)
        credit_note = cls._bill(
            invoice.partner_id, amount, 3, move_type="out_refund", currency_id=invoice.currency_id.id
        )
        items = (invoice + credit_note).line_ids.filtered(
            lambda line: line.account_id.account_type == "asset_receivable" and not line.reconciled
        )
        items.reconcile()

    def test_data_contain_documents_of_every_kind(self):
        moves = self.env["account.move.line"].union(*map(self._get_items, self.customers)).move_id
        self.assertLessEqual({"not_paid", "partial", "paid", "blocked"}, set(moves.mapped("payment_state")))
        self.assertEqual(set(moves.mapped("move_type")), {"out_invoice", "out_refund"})
        self.assertEqual(moves.currency_id, self.company.currency_id + self.foreign)

    def test_dashboard_agrees_with_the_ledger(self):
        for customer in (self.env["res.partner"], *self.customers):
            expected = self._count(customer or self.customers)
            with self.subTest(customer=customer.name), self.on_an_agents_page() as env:
                summary = env["portal.agent.dashboard"]._get_summary(customer.with_env(env))
            figures = summary["figures"]
            for name, documents in (("due", "documents"), ("overdue", "late")):
                self._assert_same(figures[name]["amount"], expected[name], name)
                self.assertEqual(figures[name]["count"], len(expected[documents]), name)
            for age, amount in zip(summary["ages"], expected["ages"], strict=True):
                self._assert_same(age["amount"], amount, age["label"])

    def test_list_of_invoices_agrees_with_its_export(self):
        expected = self._count(self.customers)
        for filterby, documents in (("due", "documents"), ("overdue", "late")):
            names = {move.name for move in expected[documents]}
            self.assertEqual(set(self._get_references("/my/agent/invoices", filterby=filterby)), names)
            exported = self._export("invoices", filterby=filterby)
            self.assertEqual({row["Number"] for row in exported}, names)
        days = {row["Number"]: int(row["Days overdue"] or 0) for row in self._export("invoices")}
        for move in expected["documents"]:
            late = [item for item in move.line_ids if item.account_type == "asset_receivable" and self._is_late(item)]
            late = [item.date_maturity for item in late if not item.currency_id.is_zero(self._get_open(item)[0])]
            self.assertEqual(days[move.name], (self.today - min(late)).days if late else 0, move.name)

    def test_list_of_customers_agrees_with_its_export(self):
        for extension in ("csv", "xlsx"):
            for row in self._export("customers", extension):
                [customer] = self.customers.filtered(lambda partner, row=row: partner.display_name == row["Name"])
                expected = self._count(customer)
                self._assert_same(float(row["Unpaid"]), expected["due"], customer.name)
                self._assert_same(float(row["Overdue"]), expected["overdue"], customer.name)
        owing = self.customers.filtered(lambda customer: self._count(customer)["overdue"] > 0).mapped("name")
        self.assertEqual(sorted(self._get_references("/my/agent/customers", filterby="overdue")), sorted(owing))

    def _sum_up_open(self, documents):
        """Return the residual amounts of documents by number and currency, computed from their reconciliations."""
        by_number, by_currency = defaultdict(float), defaultdict(float)
        for item in self.env["account.move.line"].union(*map(self._get_items, self.customers)):
            if item.move_id in documents:
                by_number[item.move_id.name] += self._get_open(item)[0]
                by_currency[item.currency_id.name] += self._get_open(item)[0]
        return by_number, by_currency

    def test_list_of_invoices_and_its_exports_agree_with_the_ledger(self):
        documents = self._count(self.customers)["documents"]
        by_number, by_currency = self._sum_up_open(documents)
        rows, totals = self._read_rows("/my/agent/invoices", (6,), filterby="due")
        self.assertEqual(set(rows), set(by_number))
        for number, [[amount]] in rows.items():
            self._assert_same(amount, by_number[number], number)
        self.assertEqual(len(by_currency), 2)
        for amount in by_currency.values():
            self.assertIn(round(amount, 2), [round(total, 2) for total in totals["Amount due"]])
        for extension in ("csv", "xlsx"):
            exported = defaultdict(float)
            for row in self._export("invoices", extension, filterby="due"):
                self._assert_same(float(row["Amount due"]), by_number[row["Number"]], (extension, row["Number"]))
                exported[row["Currency"]] += float(row["Amount due"])
            for name, amount in by_currency.items():
                self._assert_same(exported[name], amount, (extension, name))

    def test_totals_of_unpaid_and_overdue_invoices_agree_with_the_tiles(self):
        expected = self._count(self.customers)
        for filterby, label in (("due", "Amount due"), ("overdue", "Overdue")):
            booked = self._read_rows("/my/agent/invoices", (), filterby=filterby)[1][label][-1]
            self._assert_same(booked, expected[filterby], filterby)

    def test_list_of_customers_agrees_with_the_ledger(self):
        rows, totals = self._read_rows("/my/agent/customers", (5, 6))
        self.assertEqual(set(rows), set(self.customers.mapped("name")))
        expected = {customer.name: self._count(customer) for customer in self.customers}
        for name, (overdue, due) in rows.items():
            self._assert_same(due[0], expected[name]["due"], name)
            self._assert_same(overdue[0] if overdue else 0, max(expected[name]["overdue"], 0), name)
        for label, key in (("Unpaid", "due"), ("Overdue", "overdue")):
            self._assert_same(totals[label][0], sum(each[key] for each in expected.values()), label)

    def test_statement_contains_open_documents_and_payments_on_account(self):
        """A payment without an invoice appears on the statement, but in none of the invoice figures."""
        statements = self._get_statements()
        for customer in self.customers:
            with self.on_an_agents_page() as env:
                figures = env["portal.agent.dashboard"]._get_figures(customer.with_env(env))
            numbers = {
                line["number"]
                for balance in statements[customer.id]
                for line in balance["lines"]
                if line["kind"] in ("invoice", "credit_note")
            }
            self.assertEqual(numbers, {move.name for move in self._count(customer)["documents"]})
            self.assertEqual(figures["due"]["count"], len(numbers))
            on_account = sum(self._get_open(item)[1] for item in self._get_other_items(customer))
            in_company = sum(
                self._get_open(item)[1] for item in self._get_items(customer) + self._get_other_items(customer)
            )
            self._assert_same(figures["due"]["amount"] + on_account, in_company, customer.name)

    def _get_statements(self, **options):
        with self.on_an_agents_page() as env:
            return env[REPORT]._get_statements(self.customers.with_env(env), **options)

    def test_open_items_of_a_statement_agree_with_the_ledger(self):
        statements = self._get_statements()
        for customer in self.customers:
            expected = defaultdict(float)
            for item in self._get_items(customer) + self._get_other_items(customer):
                expected[item.currency_id.name] += self._get_open(item)[0]
            due = {balance["currency"].name: balance["amount_due"] for balance in statements[customer.id]}
            for name, amount in expected.items():
                self._assert_same(due.get(name, 0), amount, (customer.name, name))
            for balance in statements[customer.id]:
                self._assert_same(sum(balance["ages"]), balance["amount_due"])

    def test_open_items_of_an_earlier_day_agree_with_the_ledger_of_that_day(self):
        for days in (1, 15, 40, 100):
            day = self.today - relativedelta(days=days)
            statements = self._get_statements(date_to=day)
            for customer in self.customers:
                expected = defaultdict(float)
                for item in self._get_items(customer) + self._get_other_items(customer):
                    if item.date <= day:
                        expected[item.currency_id.name] += self._get_open(item, day)[0]
                due = {balance["currency"].name: balance["amount_due"] for balance in statements[customer.id]}
                for name, amount in expected.items():
                    self._assert_same(due.get(name, 0), amount, (customer.name, name, days))

    def test_statement_of_a_period_agrees_with_the_balances_of_the_ledger(self):
        for first, last in ((60, 0), (30, 10), (250, 100), (0, 0)):
            date_from, date_to = (self.today - relativedelta(days=days) for days in (first, last))
            statements = self._get_statements(date_from=date_from, date_to=date_to)
            for customer in self.customers:
                for balance in statements[customer.id]:
                    currency = balance["currency"].name
                    with self.subTest(customer=customer.name, currency=currency, first=first, last=last):
                        self._check_period(customer, balance, date_from, date_to)

    def _check_period(self, customer, balance, date_from, date_to):
        moved = sum(entry["amount"] for entry in balance["entries"])
        self._assert_same(balance["balance_before"] + moved, balance["balance_after"])
        self._assert_same(balance["balance_after"], balance["amount_due"], "what is open then")
        for entry in balance["entries"]:
            self.assertTrue(date_from <= entry["date"] <= date_to)
        if customer != self.customer:
            return  # in the ledger, payments of a moved contact stay with its former company
        ledger = self.env["account.move.line"].search(
            Domain("account_id.account_type", "=", "asset_receivable")
            & Domain("parent_state", "=", "posted")
            & Domain("partner_id", "=", customer.id)
            & Domain("currency_id", "=", balance["currency"].id)
        )
        before = sum(ledger.filtered(lambda item: item.date < date_from).mapped("amount_currency"))
        after = sum(ledger.filtered(lambda item: item.date <= date_to).mapped("amount_currency"))
        self._assert_same(balance["balance_before"], before)
        self._assert_same(balance["balance_after"], after)

    def test_statement_of_today_ignores_later_entries(self):
        """A statement contains no invoice of next week, and a payment of next week leaves its invoice open today."""
        before = self._get_statements(date_from=self.today)
        self._bill(self.customer, 777, -7)
        paid_later = self._bill(self.customer, 333, 3, invoice_payment_term_id=False)
        self._pay(paid_later, days=-7)
        self.assertFalse(paid_later.amount_residual)
        self.env.flush_all()
        open_items, period = self._get_statements(), self._get_statements(date_from=self.today)
        name = self.company.currency_id.name
        for customer in self.customers:
            due, due_of_period, due_before = (
                {balance["currency"].name: balance["amount_due"] for balance in statements[customer.id]}
                for statements in (open_items, period, before)
            )
            self.assertEqual(due, {key: amount for key, amount in due_of_period.items() if key in due})
            self._assert_same(due.get(name, 0), due_before.get(name, 0) + 333 * (customer == self.customer))

    def test_statement_as_an_excel_file_has_the_same_amounts(self):
        date_from = self.today - relativedelta(days=60)
        for options in ({}, {"date_from": date_from}):
            with self.on_an_agents_page() as env:
                content = env[REPORT]._render_xlsx(self.customer.with_env(env), options)
                statements = env[REPORT]._get_statements(self.customer.with_env(env), **options)[self.customer.id]
            workbook = load_workbook(io.BytesIO(content))
            self.assertEqual(workbook.sheetnames, [balance["currency"].name for balance in statements])
            for balance in statements:
                rows = list(workbook[balance["currency"].name].iter_rows(values_only=True))
                self._assert_same(rows[-1][5], balance["amount_due"])
                numbers = [line["number"] for line in balance["entries" if options else "lines"]]
                shown = [cell for row in rows for cell in row[:2]]
                self.assertLessEqual(set(filter(None, numbers)), set(shown))

    def test_query_count_does_not_grow_with_the_number_of_customers(self):
        def count(customers):
            with self.on_an_agents_page() as env:
                before = env.cr.sql_log_count
                env[REPORT]._get_statements(customers.with_env(env), date_from=self.today - relativedelta(days=90))
                return env.cr.sql_log_count - before

        count(self.customer)
        self.assertEqual(count(self.customer), count(self.customers))
