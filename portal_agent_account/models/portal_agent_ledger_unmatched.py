"""Payments that are not reconciled with an invoice yet, and sales receipts, which are in no list of invoices.

Amounts due and overdue are computed from invoices, so a payment on account changes them only once it is reconciled. A
statement shows the whole balance. Where both are shown, a separate line shows the difference.
"""

from collections import defaultdict

from odoo import api, fields, models


class PortalAgentLedger(models.AbstractModel):
    _inherit = "portal.agent.ledger"

    @api.model
    def _get_unmatched(self, customer, due):
        """Return what the customer's balance of today contains besides the amount due.

        The amount due covers all invoices, whatever their date, and subtracts the payments of later days. The balance
        of a statement ends today. A separate line shows what is dated later.

        :param customer: single ``res.partner``, a commercial entity that the current user may read
        :param float due: the customer's amount due, in the currency of the current company
        :return: ``{"lines", "balance"}`` in that currency, see :meth:`_sum_up_unmatched`; ``due`` and the lines add up
            to the balance
        :rtype: dict
        :raise AccessError: if the current user may not read the customer
        """
        currency = self.env.company.currency_id
        items, _transfers = self._read_items(customer, fields.Date.context_today(self))
        lines = self._sum_up_unmatched(items, "residual_company", currency)
        balance = currency.round(sum(item.residual_company for item in items))
        later = currency.round(balance - due - sum(line["amount"] for line in lines))
        if not currency.is_zero(later):
            lines.append({"kind": "later", "label": self.env._("Dated after today"), "amount": later})
        return {"lines": lines, "balance": balance}

    @api.model
    def _sum_up_unmatched(self, items, name, currency):
        """Sum up the residual amounts of payments, sales receipts and other entries by kind.

        :param list items: ``LedgerItem`` values of one customer
        :param str name: name of the amount to sum up
        :param currency: ``res.currency`` of that amount
        :return: ``[{"kind", "label", "amount"}]`` for the kinds with an amount left; negative amounts are in the
            customer's favor
        :rtype: list[dict]
        """
        labels, amounts = self._get_unmatched_labels(), defaultdict(float)
        for item in items:
            if item.kind in labels:
                amounts[item.kind] += getattr(item, name)
        return [
            {"kind": kind, "label": label, "amount": currency.round(amounts[kind])}
            for kind, label in labels.items()
            if not currency.is_zero(amounts[kind])
        ]

    @api.model
    def _get_unmatched_labels(self):
        """Return the labels of the kinds of unreconciled items that are not in the amount due.

        :rtype: dict[str, str]
        """
        return {
            "receipt": self._get_kinds()["receipt"],
            "payment": self.env._("Payments not matched yet"),
            "entry": self.env._("Other entries not matched yet"),
        }
