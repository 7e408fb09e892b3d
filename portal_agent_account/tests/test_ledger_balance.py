from datetime import date

from dateutil.relativedelta import relativedelta

from odoo import fields
from odoo.fields import Command, Domain
from odoo.tests import tagged

from .test_ledger import REPORT, LedgerCommon


class LedgerBalanceCommon(LedgerCommon):
    """The balance on a customer's page and both statements are the same."""

    def _assert_balance(self, customer, amount):
        """Check what the customer owes today: open items, the end of a period, and the customer's page.

        :return: entries of the period
        """
        self.env.flush_all()
        with self.on_an_agents_page() as env:
            customer = customer.with_env(env)
            due = env["portal.agent.dashboard"]._get_figures(customer)["due"]["amount"]
            unmatched = env["portal.agent.ledger"]._get_unmatched(customer, due)
            open_items = env[REPORT]._get_statements(customer)[customer.id]
            period = env[REPORT]._get_statements(customer, date_from=fields.Date.to_date("2020-01-01"))[customer.id]
        self.assertEqual(sum(balance["amount_due"] for balance in open_items), amount, "open items")
        for balance in period:
            self.assertEqual(balance["amount_due"], balance["balance_after"])
        self.assertEqual(sum(balance["balance_after"] for balance in period), amount, "period")
        self.assertEqual(unmatched["balance"], amount, "customer's page")
        self.assertEqual(due + sum(line["amount"] for line in unmatched["lines"]), amount, unmatched["lines"])
        return [entry for balance in period for entry in balance["entries"]]

    def _read_statement(self, customer, **options):
        """Return the open items and the ages on the statement of a customer with a single currency."""
        self.env.flush_all()
        with self.on_an_agents_page() as env:
            [balance] = env[REPORT]._get_statements(customer.with_env(env), **options)[customer.id]
        return balance["lines"], balance["ages"]

    def _reconcile(self, moves):
        moves.line_ids.filtered(lambda line: line.account_type == "asset_receivable").reconcile()


@tagged("post_install", "-at_install", "once")
class TestLaterDates(LedgerBalanceCommon):
    """Entries dated after today are on no statement of today."""

    def test_invoices_and_payments_dated_later_are_a_line_of_their_own(self):
        self._bill(self.second, 500, 9, invoice_payment_term_id=False)
        self._pay_on_account(self.second, 77)
        self._assert_balance(self.second, 423)
        self.assertNotIn("Dated after today", self._get_content(f"/my/agent/customers/{self.second.id}"))
        self._bill(self.second, 1000, -7)
        self._assert_balance(self.second, 423)
        self._pay(self._bill(self.second, 60, 3, invoice_payment_term_id=False), days=-5)
        self._assert_balance(self.second, 483)
        content = self._get_content(f"/my/agent/customers/{self.second.id}").replace("\xa0", " ").replace("\ufeff", "")
        self.assertRegex(content, r"Dated after today \$ ?-940\.00 Balance, as in the statement \$ ?483\.00")

    def test_payment_on_account_dated_later_changes_nothing_today(self):
        self._bill(self.second, 500, 9, invoice_payment_term_id=False)
        payment = self.env["account.payment"].create(
            {"partner_id": self.second.id, "amount": 40, "date": self.today + relativedelta(days=9)}
        )
        payment.action_post()
        self._assert_balance(self.second, 500)

    def test_invoice_settled_by_a_later_entry_of_another_customer_is_open_today(self):
        invoice = self._bill(self.second, 500, 9, invoice_payment_term_id=False)
        later = self._bill(self.third, 500, -7, move_type="out_refund", invoice_payment_term_id=False)
        self._reconcile(invoice + later)
        self.assertFalse(invoice.amount_residual)
        self._assert_balance(self.second, 500)

    def test_credit_note_used_by_a_later_invoice_of_another_customer_is_open_today(self):
        credit_note = self._bill(self.second, 500, 9, move_type="out_refund", invoice_payment_term_id=False)
        later = self._bill(self.third, 500, -7, invoice_payment_term_id=False)
        self._reconcile(credit_note + later)
        self._assert_balance(self.second, -500)

    def test_later_invoice_of_a_contact_that_became_a_company_is_not_open_today(self):
        """The items stay with the former company, the document belongs to the contact."""
        self._bill(self.mover, 30, 9, invoice_payment_term_id=False)
        later = self._bill(self.mover, 80, -7, invoice_payment_term_id=False)
        self.mover.write({"parent_id": False, "is_company": True, "portal_agent_ids": self.agent.ids})
        self.assertEqual(later.line_ids.partner_id, self.second)
        self._assert_balance(self.mover, 30)
        self._assert_balance(self.second, 0)


@tagged("post_install", "-at_install", "once")
class TestSalesReceipts(LedgerBalanceCommon):
    """A customer owes sales receipts, which are in no list of invoices."""

    def test_sales_receipt_is_a_line_of_its_own_until_it_is_paid(self):
        self._bill(self.second, 500, 9, invoice_payment_term_id=False)
        receipt = self._bill(self.second, 40, 9, move_type="out_receipt", invoice_payment_term_id=False)
        entries = self._assert_balance(self.second, 540)
        self.assertIn((receipt.name, "Sales receipt"), {(entry["number"], entry["label"]) for entry in entries})
        with self.on_an_agents_page() as env:
            [[balance]] = env[REPORT]._get_statements(self.second.with_env(env)).values()
            [line] = [line for line in balance["lines"] if line["number"] == receipt.name]
        self.assertEqual((line["label"], line["amount_due"]), ("Sales receipt", 40))
        self.assertEqual((balance["documents"], balance["unmatched"][0]["amount"]), (500, 40))
        content = self._get_content(f"/my/agent/customers/{self.second.id}").replace("\xa0", " ").replace("\ufeff", "")
        self.assertRegex(content, r"Sales receipt \$ ?40\.00 Balance, as in the statement \$ ?540\.00")
        self._pay(receipt)
        self._assert_balance(self.second, 500)
        self.assertNotIn("Sales receipt", self._get_content(f"/my/agent/customers/{self.second.id}"))

    def test_sales_receipt_is_overdue_on_the_statement(self):
        """Odoo's portal counts overdue sales receipts, too."""
        self._bill(self.second, 40, 45, move_type="out_receipt", invoice_payment_term_id=self.terms[0].id)
        [line], ages = self._read_statement(self.second)
        self.assertEqual((line["days_overdue"], line["date_due"]), (45, self.today - relativedelta(days=45)))
        self.assertEqual(ages, [0, 0, 40, 0, 0])

    def test_sales_receipt_has_no_page_and_is_in_no_list(self):
        receipt = self._bill(self.customer, 40, 9, move_type="out_receipt", invoice_payment_term_id=False)
        self.assertEqual(self._get(f"/my/agent/invoices/{receipt.id}").status_code, 404)
        self.assertNotIn(receipt.name, self._get_references("/my/agent/invoices"))


@tagged("post_install", "-at_install", "once")
class TestEntries(LedgerBalanceCommon):
    """Entries without a document, such as the open invoices of a previous software."""

    def _book(self, amount, days, **values):
        """Post an entry that the customer owes since some days; a negative amount is in the customer's favor."""
        journal = self.env["account.journal"].search(
            [("type", "=", "general"), ("company_id", "=", self.company.id)], limit=1
        )
        day = self.today - relativedelta(days=days)
        receivable, income = self.second.property_account_receivable_id, self.invoice.invoice_line_ids.account_id
        item = {"account_id": receivable.id, "balance": amount, "partner_id": self.second.id, "date_maturity": day}
        item |= values
        lines = [Command.create(item), Command.create({"account_id": income.id, "balance": -amount})]
        entry = self.env["account.move"].create({"journal_id": journal.id, "date": day, "line_ids": lines})
        entry.action_post()
        return entry

    def test_entry_that_the_customer_owes_is_overdue_on_the_statement(self):
        self._book(700, 100)
        self._assert_balance(self.second, 700)
        [line], ages = self._read_statement(self.second)
        self.assertEqual((line["days_overdue"], line["date_due"]), (100, self.today - relativedelta(days=100)))
        self.assertEqual(ages, [0, 0, 0, 0, 700])
        [line], ages = self._read_statement(self.second, date_to=self.today - relativedelta(days=95))
        self.assertEqual((line["days_overdue"], ages), (5, [0, 700, 0, 0, 0]))

    def test_amount_open_only_in_company_currency_is_part_of_the_balance(self):
        """Such as an exchange difference whose reconciliation was undone."""
        self._book(-25, 100, currency_id=self.foreign.id, amount_currency=0)
        self.env.flush_all()
        with self.on_an_agents_page() as env:
            second = self.second.with_env(env)
            balance = env["portal.agent.ledger"]._get_unmatched(second, 0)
            statements = [env[REPORT]._get_statements(second, date_from=day) for day in (None, date(2020, 1, 1))]
        self.assertEqual(balance["balance"], -25)
        self.assertEqual([(line["kind"], line["amount"]) for line in balance["lines"]], [("entry", -25)])
        self.assertEqual(statements, [{self.second.id: []}] * 2, "nothing is open in the currency of the entry")

    def test_entry_in_the_customers_favor_is_never_overdue(self):
        self._book(-700, 100)
        self._pay_on_account(self.second, 50)
        lines, ages = self._read_statement(self.second)
        self.assertEqual({(line["days_overdue"], line["date_due"]) for line in lines}, {(0, False)})
        self.assertEqual(ages, [-750, 0, 0, 0, 0])


@tagged("post_install", "-at_install", "once")
class TestHiddenContact(LedgerBalanceCommon):
    """A contact is moved to a company that the agent doesn't see: its invoices and its payments are gone."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.abroad = cls.env["res.company"].create({"name": "Abroad"})
        cls.bill_of_mover = cls._bill(cls.mover, 93, 40, invoice_payment_term_id=False)

    def _hide(self):
        self.mover.company_id = self.abroad
        self.env.flush_all()

    def test_payment_of_a_hidden_contact_is_hidden(self):
        self._pay_on_account(self.mover, 93)
        self._assert_balance(self.second, 0)
        self._hide()
        self.assertFalse(self._assert_balance(self.second, 0))
        self.assertNotIn("Balance, as in", self._get_content(f"/my/agent/customers/{self.second.id}"))

    def test_payment_of_a_hidden_invoice_is_hidden(self):
        """Odoo books the payment of a contact's invoice on the contact's company."""
        payment = self._pay(self.bill_of_mover, days=9)
        self.assertEqual(payment.partner_id, self.second)
        self._hide()
        self.assertFalse(self._assert_balance(self.second, 0))

    def test_remainder_of_a_payment_of_a_hidden_invoice_is_shown(self):
        shown = self._bill(self.second, 50, 30, invoice_payment_term_id=False)
        payment = self._pay_on_account(self.second, 200)
        self._reconcile(self.bill_of_mover + payment)
        self._reconcile(shown + payment)
        self._hide()
        entries = self._assert_balance(self.second, -57)
        self.assertEqual([entry["amount"] for entry in entries], [50, -107])
        for day in (self.today - relativedelta(days=days) for days in (0, 1, 35)):
            with self.on_an_agents_page() as env:
                second = self.second.with_env(env)
                statements = env[REPORT]._get_statements(second, date_to=day)[second.id]
            self.assertEqual(
                [line["amount"] for balance in statements for line in balance["lines"]],
                {0: [-107], 1: [50], 35: []}[(self.today - day).days],
            )

    def test_visible_invoice_paid_by_a_hidden_contact_stays_paid(self):
        shown = self._bill(self.second, 93, 30, invoice_payment_term_id=False)
        self._reconcile(shown + self._pay_on_account(self.mover, 93))
        self._hide()
        entries = self._assert_balance(self.second, 0)
        self.assertEqual([(entry["kind"], entry["amount"]) for entry in entries], [("invoice", 93), ("transfer", -93)])

    def _get_payments(self, invoice):
        with self.on_an_agents_page() as env:
            return [
                (row["kind"], row["amount"], row["reference"])
                for row in invoice.with_env(env)._get_portal_agent_payments()
            ]

    def test_visible_invoice_shows_a_hidden_credit_note_and_payment_without_number(self):
        shown = self._bill(self.second, 93, 30, invoice_payment_term_id=False)
        credit_note = self._bill(self.mover, 20, 9, move_type="out_refund", invoice_payment_term_id=False)
        payment, own = self._pay_on_account(self.mover, 30), self._pay_on_account(self.second, 43)
        for entry in (credit_note, payment, own):
            self._reconcile(shown + entry)
        rows = [("credit_note", 20, credit_note.name), ("entry", 30, payment.name), ("entry", 43, own.name)]
        self.assertEqual(self._get_payments(shown), rows)
        self._hide()
        rows[:2] = [("credit_note", 20, ""), ("entry", 30, "")]
        self.assertEqual(self._get_payments(shown), rows)

    def test_accountant_still_sees_the_payments_of_every_contact(self):
        self._pay_on_account(self.mover, 93)
        self._hide()
        items, _transfers = self.env["portal.agent.ledger"]._read_items(self.second, self.today)
        self.assertEqual({item.residual for item in items}, {93, -93})

    def test_amounts_of_hidden_contacts_are_those_of_the_ledger_without_them(self):
        for amount in (11, 22):
            self._pay(self._bill(self.mover, amount, 20, invoice_payment_term_id=False), amount / 2)
            self._pay(self._bill(self.second, amount, 20, invoice_payment_term_id=False), amount / 2)
        self._hide()
        items = self.env["account.move.line"].search(
            Domain("account_id.account_type", "=", "asset_receivable")
            & Domain("parent_state", "=", "posted")
            & Domain("move_id.partner_id", "=", self.second.id)
            & Domain("move_id.move_type", "=", "out_invoice")
        )
        self._assert_balance(self.second, sum(items.mapped("amount_residual")))
