"""What is left to pay of an invoice, and since when: by instalment, as an aged receivable report counts.

Everything that the agent's pages say of what is due or overdue comes from here: tiles, charts, filters, columns,
balances, statements and exports.
"""

from collections import defaultdict
from datetime import date
from typing import NamedTuple

from odoo import api, fields, models
from odoo.fields import Domain

# Nobody waits for these to be paid, whatever is left of them: Odoo's portal counts none of them as
# overdue (``_get_overdue_invoices_domain`` in account's ``controllers/portal.py``).
NEVER_OVERDUE_PAYMENT_STATES = ("in_payment", "paid", "reversed", "blocked", "invoicing_legacy")


class Instalment(NamedTuple):
    """What is left of one instalment of an invoice, or of a credit note: plain values.

    A credit note's amounts are negative. ``amount`` is in the currency of the company, ``amount_currency`` in that of
    the document. ``days_overdue`` is 0 for what is not overdue.
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
        """Return the journal items by which customers owe something, paid or not.

        :rtype: Domain
        """
        return Domain("account_id.account_type", "=", "asset_receivable") & Domain("parent_state", "=", "posted")

    @api.model
    def _get_portal_agent_open_item_domain(self):
        """Return those of them that are not matched in full.

        :rtype: Domain
        """
        return self._get_portal_agent_receivable_domain() & Domain("reconciled", "=", False)


class AccountMove(models.Model):
    _inherit = "account.move"

    # Shown in a row of the list of invoices, and exported.
    portal_agent_date_due = fields.Date(
        string="Next Due Date",
        compute="_compute_portal_agent_instalments",
        compute_sudo=True,
        help="When the first instalment that is not paid is due; of a paid invoice its due date.",
    )
    portal_agent_date_overdue = fields.Date(
        string="Overdue Since",
        compute="_compute_portal_agent_instalments",
        compute_sudo=True,
        help="When the first instalment that is overdue was due.",
    )
    portal_agent_amount_overdue = fields.Monetary(
        string="Amount Overdue", compute="_compute_portal_agent_instalments", compute_sudo=True
    )

    @api.depends("state", "payment_state", "invoice_date_due", "line_ids.reconciled", "line_ids.date_maturity")
    def _compute_portal_agent_instalments(self):
        instalments = {}
        for instalment in self._read_portal_agent_instalments(Domain("id", "in", self.ids)):
            instalments.setdefault(instalment.move_id, []).append(instalment)
        for move in self:
            items = instalments.get(move._origin.id, ())
            late = [item for item in items if item.days_overdue]
            move.portal_agent_date_due = min((item.date_due for item in items), default=move.invoice_date_due)
            move.portal_agent_date_overdue = min((item.date_due for item in late), default=False)
            move.portal_agent_amount_overdue = sum(item.amount_currency for item in late)

    @api.model
    def _read_portal_agent_instalments(self, domain):
        """Read what is not paid of the documents that the current user may read.

        The documents are searched for under the rules of the current user. Their journal items are read with more
        rights than an agent has, who may not read them, and nothing but these values leaves this method.

        :param Domain domain: which documents, on ``account.move``
        :rtype: list[Instalment]
        """
        rows = self._read_portal_agent_rows(
            domain & self._get_portal_agent_due_domain(), ["id", "move_type", "payment_state"], with_customer=True
        )
        return self._read_portal_agent_instalments_of({move_id: values for move_id, *values in rows})

    @api.model
    def _read_portal_agent_instalments_of(self, documents):
        """Read what is not paid of documents that were found under the rules of the current user.

        :param dict documents: type, payment status and customer by id of the document
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
        """Return since how many days an instalment that is not paid should have been paid.

        A credit note is money that the customer gets: it is never overdue, and makes nothing less overdue.

        :param str move_type: what it is an instalment of
        :param str payment_state: the payment status of that
        :param date date_due: when it is due
        :param date today: the day that is asked about
        :return: 0 for what is not overdue
        :rtype: int
        """
        if move_type != "out_invoice" or payment_state in NEVER_OVERDUE_PAYMENT_STATES:
            return 0
        return max((today - date_due).days, 0)

    @api.model
    def _get_portal_agent_due_domain(self):
        """Return the invoices that are not paid in full, and the credit notes that are not used up.

        What is left of a credit note is subtracted from what is due.

        :rtype: Domain
        """
        return Domain("amount_residual", "!=", 0)

    @api.model
    def _get_portal_agent_overdue_domain(self):
        """Return the invoices of which an instalment should have been paid before today.

        :rtype: Domain
        """
        instalments = self._read_portal_agent_instalments(self._get_portal_agent_invoice_domain())
        return Domain("id", "in", list({item.move_id for item in instalments if item.days_overdue}))

    def _get_portal_agent_days_overdue(self):
        """Return since how many days something of an invoice should have been paid: 0 if nothing is overdue.

        :rtype: int
        """
        self.ensure_one()
        since = self.portal_agent_date_overdue
        return (fields.Date.context_today(self) - since).days if since else 0

    def _get_portal_agent_instalments(self):
        """Return the instalments of an invoice, paid ones included.

        :return: ``[{"date_due", "amount", "amount_due", "days_overdue"}]`` in the currency of the document, a credit
            note's amounts negative; the first one to be paid comes first
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
        """Return what was paid of an invoice, and the credit notes and other entries that count as paid.

        An agent learns when how much was paid, and the number of the entry; nothing of the account that it came from.

        :return: ``[{"kind", "label", "date", "amount", "currency", "reference"}]``, the oldest first. The kinds are
            those of ``portal.agent.ledger``, and ``in_process`` for a payment that is not booked yet.
        :rtype: list[dict]
        :raise AccessError: if the current user may not read the invoice
        """
        self.ensure_one()
        self.check_access("read")
        move_sudo = self.sudo()
        amounts = defaultdict(float)  # a payment of two instalments is one payment
        for partial in move_sudo._get_all_reconciled_invoice_partials():
            if not partial["is_exchange"]:
                amounts[partial["aml"].move_id, partial["aml"].date] += partial["amount"]
        payments = [
            self._prepare_portal_agent_payment(entry_sudo, day, amount) for (entry_sudo, day), amount in amounts.items()
        ]
        payments += [
            {
                "kind": "in_process",
                "label": self.env._("Processing payment"),
                "date": payment_sudo.date,
                "amount": payment_sudo.amount,
                "currency": payment_sudo.currency_id.sudo(False),
                "reference": payment_sudo.name or "",
            }
            for payment_sudo in move_sudo.matched_payment_ids
            if not payment_sudo.move_id and payment_sudo.state in ("in_process", "paid")
        ]
        return sorted(payments, key=lambda payment: payment["date"])

    def _prepare_portal_agent_payment(self, entry_sudo, day, amount):
        """Return what an agent learns of an entry that an invoice was matched with.

        :param entry_sudo: the ``account.move`` of the payment, or the credit note
        :param date day: when it was booked
        :param float amount: how much of the invoice it pays, in the currency of the invoice
        :rtype: dict
        """
        is_payment = bool(entry_sudo.origin_payment_id or entry_sudo.statement_line_id)
        kind = self.env["portal.agent.ledger"]._get_kind(entry_sudo.move_type, is_payment)
        return {
            "kind": kind,
            "label": self.env["portal.agent.ledger"]._get_kinds()[kind],
            "date": day,
            "amount": amount,
            "currency": self.currency_id,
            "reference": entry_sudo.name or "",
        }

    def _get_portal_agent_orders(self):
        """Return the orders that an invoice is for, as far as they are the agent's to see.

        :rtype: sale.order
        """
        Order = self.env["sale.order"]
        orders_sudo = self.sudo().invoice_line_ids.sale_line_ids.order_id
        return Order.search(Domain("id", "in", orders_sudo.ids) & Order._get_portal_agent_domain())
