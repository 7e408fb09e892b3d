from collections import defaultdict

from dateutil.relativedelta import relativedelta

from odoo.fields import Command, Domain
from odoo.tests import tagged

from .test_ledger import REPORT, LedgerCommon

SEED = 16
BOOKINGS = 60


@tagged("post_install", "-at_install", "once")
class TestRandomBookings(LedgerCommon):
    """Random bookings of an accountant: the statement and the customer's page show what Odoo's ledger contains.

    There are four currencies, with zero to three decimals and changing rates, two receivable accounts, sales receipts,
    entries, write-offs, and reconciliations across currencies and customers, some of which are undone.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dice.seed(SEED)
        cls.currencies = cls.company.currency_id + cls.foreign + cls._make_currencies()
        cls.accounts = cls.customer.property_account_receivable_id
        cls.accounts += cls.accounts.copy({"code": "QUILL121", "name": "Second receivable account"})
        cls.contacts = cls.customer + cls.buyer + cls.second + cls.mover + cls.third
        actions = [cls._book_invoice] * 5 + [cls._book_payment] * 3 + [cls._book_payment_on_account] * 2
        actions += [cls._match] * 4 + [cls._book_entry, cls._undo_match, cls._reset_payment]
        for _number in range(BOOKINGS):
            cls.dice.choice(actions)()
        cls.mover.parent_id = cls.third
        cls.env.flush_all()

    @classmethod
    def _make_currencies(cls):
        month_ago = cls.today - relativedelta(days=30)
        return cls.env["res.currency"].create(
            [
                {
                    "name": name,
                    "symbol": name,
                    "rounding": rounding,
                    "rate_ids": [
                        Command.create({"name": day, "rate": rate})
                        for day, rate in zip(("2020-01-01", month_ago), rates, strict=True)
                    ],
                }
                for name, rounding, rates in (("QYN", 1, (110, 150.37)), ("QDR", 0.001, (2.7, 3.137)))
            ]
        )

    # ---- bookings

    @classmethod
    def _pick_day(cls):
        return cls.today - relativedelta(days=cls.dice.randrange(150))

    @classmethod
    def _find_open_items(cls):
        return cls.env["account.move.line"].search(
            Domain("account_id", "in", cls.accounts.ids)
            & Domain("partner_id", "child_of", cls.customers.ids)
            & Domain("parent_state", "=", "posted")
            & Domain("reconciled", "=", False),
            order="id",  # the default order depends on the calendar
        )

    @classmethod
    def _book_invoice(cls):
        contact = cls.dice.choice(cls.contacts)
        contact.property_account_receivable_id = cls.dice.choice(cls.accounts)
        cls._bill(
            contact,
            cls.dice.randrange(100, 90_000) / 100,
            cls.dice.randrange(200),
            invoice_payment_term_id=cls.dice.choice(cls.terms.ids),
            currency_id=cls.dice.choice(cls.currencies.ids),
            move_type=cls.dice.choice(["out_invoice"] * 5 + ["out_refund"] * 2 + ["out_receipt"]),
        )

    @classmethod
    def _book_payment(cls):
        """Pay a part of an invoice in any currency; sometimes the rest is written off."""
        invoices = cls._find_open_items().move_id.filtered(lambda move: move.move_type in ("out_invoice", "out_refund"))
        if not invoices:
            return
        invoice, currency = cls.dice.choice(invoices), cls.dice.choice(cls.currencies)
        in_currency = invoice.currency_id._convert(invoice.amount_residual, currency, cls.company, cls.today)
        values = {"currency_id": currency.id}
        if cls.dice.random() < 0.3:
            account = invoice.invoice_line_ids.account_id[:1]
            values |= {"payment_difference_handling": "reconcile", "writeoff_account_id": account.id}
        amount = currency.round(in_currency * cls.dice.random()) or 1
        cls._pay(invoice, amount, cls.dice.randrange(150), **values)

    @classmethod
    def _book_payment_on_account(cls):
        cls.env["account.payment"].create(
            {
                "partner_id": cls.dice.choice(cls.contacts.ids),
                "amount": cls.dice.randrange(100, 30_000) / 100,
                "date": cls._pick_day(),
                "payment_type": cls.dice.choice(["inbound"] * 4 + ["outbound"]),
                "partner_type": "customer",
                "currency_id": cls.dice.choice(cls.currencies.ids),
            }
        ).action_post()

    @classmethod
    def _match(cls):
        """Reconcile any two items of one account, whatever their currencies and customers."""
        items = cls._find_open_items()
        debits = items.filtered(lambda item: item.balance > 0)
        if debits:
            debit = cls.dice.choice(debits)
            credits = items.filtered(lambda item: item.balance < 0 and item.account_id == debit.account_id)
            if credits:
                (debit + cls.dice.choice(credits)).reconcile()

    @classmethod
    def _book_entry(cls):
        day, currency = cls._pick_day(), cls.dice.choice(cls.currencies)
        amount = currency.round(cls.dice.choice((1, -1)) * cls.dice.randrange(100, 30_000) / 100)
        balance = currency._convert(amount, cls.company.currency_id, cls.company, day)
        item = {
            "account_id": cls.dice.choice(cls.accounts.ids),
            "partner_id": cls.dice.choice(cls.contacts).commercial_partner_id.id,
            "currency_id": currency.id,
            "amount_currency": amount,
            "balance": balance,
        }
        income = cls.invoice.invoice_line_ids.account_id
        lines = [Command.create(item), Command.create({"account_id": income.id, "balance": -balance})]
        cls.env["account.move"].create({"date": day, "line_ids": lines}).action_post()

    @classmethod
    def _undo_match(cls):
        items = cls.env["account.move.line"].search(
            Domain("account_id", "in", cls.accounts.ids)
            & Domain("partner_id", "child_of", cls.customers.ids)
            & Domain("matched_debit_ids", "!=", False),
            order="id",
        )
        if items:
            cls.dice.choice(items).remove_move_reconcile()

    @classmethod
    def _reset_payment(cls):
        payments = cls.env["account.payment"].search(
            Domain("partner_id", "child_of", cls.customers.ids) & Domain("state", "in", ("in_process", "paid")),
            order="id",
        )
        if payments:
            payment = cls.dice.choice(payments)
            payment.action_draft()
            cls.dice.choice((payment.action_cancel, payment.action_post))()

    # ---- comparison

    def _read_statement(self, customer, **options):
        with self.on_an_agents_page() as env:
            return env[REPORT]._get_statements(customer.with_env(env), **options)[customer.id]

    def _sum_up_open(self, customer, day):
        """Return what the customer owes on a day by currency, and in company currency, from the reconciliations."""
        amounts, balance = defaultdict(float), 0.0
        for item in self._get_items(customer) + self._get_other_items(customer):
            if item.date <= day:
                left, left_company = self._get_open(item, day)
                amounts[item.currency_id.name] += left
                balance += left_company
        return amounts, balance

    def test_bookings_are_of_every_kind(self):
        moves = self._find_open_items().move_id
        self.assertLessEqual({"out_invoice", "out_refund", "out_receipt", "entry"}, set(moves.mapped("move_type")))
        self.assertEqual(moves.currency_id, self.currencies)
        self.assertIn("partial", moves.mapped("payment_state"))
        partials = self.env["account.partial.reconcile"].search([("exchange_move_id", "!=", False)])
        self.assertTrue(partials, "exchange differences")

    def test_statements_of_any_day_agree_with_the_ledger(self):
        for customer in self.customers:
            for days in (0, 1, 20, 45, 100):
                day = self.today - relativedelta(days=days)
                expected, _balance = self._sum_up_open(customer, day)
                for date_from in (None, day, day - relativedelta(days=30)):
                    statement = {
                        balance["currency"].name: balance
                        for balance in self._read_statement(customer, date_from=date_from, date_to=day)
                    }
                    for name in expected.keys() | statement.keys():
                        with self.subTest(customer=customer.name, day=day, date_from=date_from, currency=name):
                            self._check_balance(statement.get(name), expected[name])

    def _check_balance(self, balance, expected):
        if not balance:
            self.assertAlmostEqual(expected, 0, 3)
            return
        self.assertAlmostEqual(balance["amount_due"], expected, 3)
        self.assertAlmostEqual(sum(balance["ages"]), expected, 3)
        unmatched = sum(line["amount"] for line in balance["unmatched"])
        self.assertAlmostEqual(balance["documents"] + unmatched, expected, 3)
        if "entries" in balance:
            moved = sum(entry["amount"] for entry in balance["entries"])
            self.assertAlmostEqual(balance["balance_before"] + moved, expected, 3)
            self.assertAlmostEqual(balance["balance_after"], expected, 3)

    def test_balance_on_the_customers_page_agrees_with_the_ledger(self):
        for customer in self.customers:
            _amounts, expected = self._sum_up_open(customer, self.today)
            with self.subTest(customer=customer.name), self.on_an_agents_page() as env:
                due = env["portal.agent.dashboard"]._get_figures(customer.with_env(env))["due"]["amount"]
                balance = env["portal.agent.ledger"]._get_unmatched(customer.with_env(env), due)
                self._assert_same(balance["balance"], expected)
                self._assert_same(due, sum(self._get_items(customer).move_id.mapped("amount_residual_signed")))
                self.assertNotIn("later", {line["kind"] for line in balance["lines"]}, "nothing is dated after today")

    def test_payments_and_instalments_of_each_document_add_up_to_it(self):
        for move in self.env["account.move.line"].union(*map(self._get_items, self.customers)).move_id:
            with self.subTest(move=move.name), self.on_an_agents_page() as env:
                document = move.with_env(env)
                paid = sum(payment["amount"] for payment in document._get_portal_agent_payments())
                open_amount = sum(each["amount_due"] for each in document._get_portal_agent_instalments())
                self.assertAlmostEqual(paid + move.amount_residual, move.amount_total, 3)
                self.assertAlmostEqual(open_amount, document._get_portal_agent_amount("amount_residual"), 3)
