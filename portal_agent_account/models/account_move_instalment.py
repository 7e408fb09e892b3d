"""Amounts due and overdue, computed per instalment as in an aged receivable report.

All amounts due or overdue on the agent's pages come from this file: tiles, charts, filters, columns, balances,
statements and exports.
"""

from collections import defaultdict
from datetime import date
from typing import NamedTuple

from odoo import api, fields, models
from odoo.fields import Domain

# Documents and entries of other types are never overdue.
OVERDUE_TYPES = ("out_invoice", "out_receipt", "entry")

# Invoices in these states are never overdue, even with an amount left to pay: Odoo's portal excludes them too
# (``_get_overdue_invoices_domain`` in account's ``controllers/portal.py``).
NEVER_OVERDUE_PAYMENT_STATES = ("in_payment", "paid", "reversed", "blocked", "invoicing_legacy")


class Instalment(NamedTuple):
    """The amount due of one instalment of an invoice or a credit note, as plain values.

    The amounts of a credit note are negative. ``amount`` is in the currency of the company, ``amount_currency`` in the
    currency of the document. ``days_overdue`` is 0 if the instalment is not overdue.
    """

    move_id: int
    customer_id: int
    date_due: date
    days_overdue: int
    amount: float
    amount_currency: float
    currency_id: int


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    @api.model
    def _get_portal_agent_receivable_domain(self):
        """Return the condition for posted journal items on receivable accounts, paid or not.

        :rtype: Domain
        """
        return Domain("account_id.account_type", "=", "asset_receivable") & Domain("parent_state", "=", "posted")

    @api.model
    def _get_portal_agent_open_item_domain(self):
        """Return the condition for receivable journal items that are not fully reconciled.

        :rtype: Domain
        """
        return self._get_portal_agent_receivable_domain() & Domain("reconciled", "=", False)


class AccountMove(models.Model):
    _inherit = "account.move"

    # Shown in the list of invoices and in its export.
    portal_agent_date_due = fields.Date(
        string="Next Due Date",
        compute="_compute_portal_agent_instalments",
        compute_sudo=True,
        help="Due date of the first unpaid instalment, or of the invoice if it is paid.",
    )
    portal_agent_date_overdue = fields.Date(
        string="Overdue Since",
        compute="_compute_portal_agent_instalments",
        compute_sudo=True,
        help="Due date of the first overdue instalment.",
    )
    portal_agent_amount_overdue = fields.Monetary(
        string="Amount Overdue", compute="_compute_portal_agent_instalments", compute_sudo=True
    )

    @api.depends("state", "payment_state", "invoice_date_due", "line_ids.reconciled", "line_ids.date_maturity")
    def _compute_portal_agent_instalments(self):
        saved = self._origin.filtered("amount_residual")
        documents = {move.id: (move.move_type, move.payment_state, None) for move in saved}
        instalments = defaultdict(list)
        for instalment in self._read_portal_agent_instalments_of(documents):
            instalments[instalment.move_id].append(instalment)
        for move in self:
            items = instalments[move._origin.id]
            late = [item for item in items if item.days_overdue]
            move.portal_agent_date_due = min((item.date_due for item in items), default=move.invoice_date_due)
            move.portal_agent_date_overdue = min((item.date_due for item in late), default=False)
            move.portal_agent_amount_overdue = sum(item.amount_currency for item in late)

    @api.model
    def _read_portal_agent_instalments(self, domain):
        """Read the open instalments of the documents that the current user may read.

        The documents are searched under the record rules of the current user. Agents may not read journal items, so
        these are read with sudo; only the plain values leave this method.

        :param Domain domain: condition on ``account.move``
        :rtype: list[Instalment]
        """
        rows = self._read_portal_agent_rows(
            domain & self._get_portal_agent_due_domain(), ["id", "move_type", "payment_state"], with_customer=True
        )
        return self._read_portal_agent_instalments_of({move_id: values for move_id, *values in rows})

    @api.model
    def _read_portal_agent_instalments_of(self, documents):
        """Read the open instalments of documents that were found under the current user's record rules.

        :param dict documents: type, payment status and customer id of each document, by document id
        :rtype: list[Instalment]
        """
        Line_sudo = self.env["account.move.line"].sudo()
        rows = Line_sudo._read_portal_agent_rows(
            Line_sudo._get_portal_agent_open_item_domain() & Domain("move_id", "in", list(documents)),
            ["move_id", "date_maturity", "date", "amount_residual", "amount_residual_currency", "currency_id"],
        )
        today, instalments = fields.Date.context_today(self), []
        for move_id, maturity, day, *amounts in rows:
            move_type, payment_state, customer_id = documents[move_id]
            date_due = maturity or day
            days = self._get_portal_agent_days_late(move_type, payment_state, date_due, today)
            instalments.append(Instalment(move_id, customer_id, date_due, days, *amounts))
        return instalments

    @api.model
    def _get_portal_agent_days_late(self, move_type, payment_state, date_due, today):
        """Return for how many days an open instalment has been overdue.

        A credit note is money owed to the customer: it is never overdue and doesn't reduce an overdue amount.

        :param str move_type: type of the document or entry
        :param str payment_state: payment status of the document
        :param date date_due: due date of the instalment
        :param date today: reference day
        :return: number of days; 0 if the instalment is not overdue
        :rtype: int
        """
        if move_type not in OVERDUE_TYPES or payment_state in NEVER_OVERDUE_PAYMENT_STATES:
            return 0
        return max((today - date_due).days, 0)

    @api.model
    def _get_portal_agent_due_domain(self):
        """Return the condition for invoices not paid in full and credit notes not used up.

        The amount left of a credit note reduces the amount due.

        :rtype: Domain
        """
        return Domain("amount_residual", "!=", 0)

    @api.model
    def _get_portal_agent_overdue_domain(self):
        """Return the condition for invoices with an overdue instalment.

        :rtype: Domain
        """
        instalments = self._read_portal_agent_instalments(self._get_portal_agent_invoice_domain())
        return Domain("id", "in", list({item.move_id for item in instalments if item.days_overdue}))

    def _get_portal_agent_days_overdue(self):
        """Return for how many days the invoice has been overdue; 0 if nothing is overdue.

        :rtype: int
        """
        self.ensure_one()
        since = self.portal_agent_date_overdue
        return (fields.Date.context_today(self) - since).days if since else 0

    def _get_portal_agent_instalments(self):
        """Return all instalments of the invoice, including paid ones.

        :return: ``[{"date_due", "amount", "amount_due", "days_overdue"}]`` in the currency of the document, sorted by
            due date; the amounts of a credit note are negative
        :rtype: list[dict]
        :raise AccessError: if the current user may not read the invoice
        """
        self.ensure_one()
        self.check_access("read")
        today, Line = fields.Date.context_today(self), self.env["account.move.line"]
        items_sudo = self.sudo().line_ids.filtered_domain(Line._get_portal_agent_receivable_domain())
        instalments = [
            {
                "date_due": date_due,
                "amount": item_sudo.amount_currency,
                "amount_due": item_sudo.amount_residual_currency,
                "days_overdue": not item_sudo.reconciled
                and self._get_portal_agent_days_late(self.move_type, self.payment_state, date_due, today),
            }
            for item_sudo in items_sudo
            if (date_due := item_sudo.date_maturity or item_sudo.date)
        ]
        return sorted(instalments, key=lambda instalment: instalment["date_due"])

    def _get_portal_agent_payments(self):
        """Return the payments, credit notes and other entries that settle the invoice.

        An agent sees the date, the amount and the number of each entry, but not the bank account. The number is omitted
        if the agent can't read the document, or the contact of the payment.

        :return: ``[{"kind", "label", "date", "amount", "currency", "reference"}]``, oldest first. The kinds are those
            of ``portal.agent.ledger``, plus ``in_process`` for a payment without a journal entry.
        :rtype: list[dict]
        :raise AccessError: if the current user may not read the invoice
        """
        self.ensure_one()
        self.check_access("read")
        move_sudo = self.sudo()
        amounts = defaultdict(float)  # one payment may settle several instalments
        for _partial_sudo, amount, item_sudo in move_sudo._get_reconciled_invoices_partials()[0]:
            if amount:  # zero for most exchange differences: they change the amount in company currency only
                amounts[item_sudo.move_id, item_sudo.partner_id, item_sudo.date] += amount
        payments = [self._prepare_portal_agent_payment(*entry, amount) for entry, amount in amounts.items()]
        payments += [
            self._prepare_portal_agent_payment_in_process(payment_sudo)
            for payment_sudo in move_sudo.matched_payment_ids
            if not payment_sudo.move_id and payment_sudo.state in ("in_process", "paid")
        ]
        return sorted(payments, key=lambda payment: payment["date"])

    def _prepare_portal_agent_payment(self, entry_sudo, contact_sudo, day, amount):
        """Prepare the values that an agent sees of an entry reconciled with the invoice.

        :param entry_sudo: ``account.move`` of the payment, or the credit note
        :param contact_sudo: ``res.partner`` of the journal item
        :param date day: date of the journal item
        :param float amount: amount settled, in the currency of the invoice
        :rtype: dict
        """
        is_payment = bool(entry_sudo.origin_payment_id or entry_sudo.statement_line_id)
        kind = self.env["portal.agent.ledger"]._get_kind(entry_sudo.move_type, is_payment)
        shown_sudo = entry_sudo if kind in ("invoice", "credit_note") else contact_sudo
        return {
            "kind": kind,
            "label": self.env["portal.agent.ledger"]._get_kinds()[kind],
            "date": day,
            "amount": amount,
            "currency": self.currency_id,
            "reference": (shown_sudo.sudo(False).has_access("read") and entry_sudo.name) or "",
        }

    def _prepare_portal_agent_payment_in_process(self, payment_sudo):
        """Prepare the values that an agent sees of a payment without a journal entry.

        Nothing says yet how much of a payment of several invoices, which may be those of other customers, settles each
        of them: at most what is due.

        :param payment_sudo: ``account.payment`` of the invoice
        :rtype: dict
        """
        amount, currency_sudo = payment_sudo.amount, payment_sudo.currency_id
        if len(payment_sudo.invoice_ids) > 1:
            company_sudo = self.sudo().company_id
            amount = currency_sudo._convert(amount, self.currency_id, company_sudo, payment_sudo.date)
            amount, currency_sudo = min(amount, self.amount_residual), self.currency_id
        return {
            "kind": "in_process",
            "label": self.env._("Processing payment"),
            "date": payment_sudo.date,
            "amount": amount,
            "currency": currency_sudo.sudo(False),
            "reference": (payment_sudo.partner_id.sudo(False).has_access("read") and payment_sudo.name) or "",
        }

    def _get_portal_agent_orders(self):
        """Return the orders behind the invoice that the agent may see.

        :rtype: sale.order
        """
        Order = self.env["sale.order"]
        orders_sudo = self.sudo().invoice_line_ids.sale_line_ids.order_id
        return Order.search(Domain("id", "in", orders_sudo.ids) & Order._get_portal_agent_domain())
