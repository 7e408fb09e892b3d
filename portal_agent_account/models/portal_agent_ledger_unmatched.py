"""Payments that are not reconciled with an invoice yet.

Amounts due and overdue are computed from invoices, so a payment on account changes them only once it is reconciled. A
statement shows the whole balance. Where both are shown, a separate line shows the difference.
"""

from collections import defaultdict

from odoo import api, models


class PortalAgentLedger(models.AbstractModel):
    _inherit = "portal.agent.ledger"

    @api.model
    def _get_unmatched(self, customer):
        """Return the customer's unreconciled payments and the resulting balance.

        :param customer: single ``res.partner``, a commercial entity that the current user may read
        :return: ``{"lines", "balance"}`` in the currency of the current company; see :meth:`_sum_up_unmatched`
        :rtype: dict
        :raise AccessError: if the current user may not read the customer
        """
        currency = self.env.company.currency_id
        items, _transfers = self._read_items(customer)
        return {
            "lines": self._sum_up_unmatched(items, "residual_company", currency),
            "balance": currency.round(sum(item.residual_company for item in items)),
        }

    @api.model
    def _sum_up_unmatched(self, items, name, currency):
        """Sum up the residual amounts of payments and other entries by kind.

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
        """Return the labels of the kinds of unreconciled items.

        :rtype: dict[str, str]
        """
        return {
            "payment": self.env._("Payments not matched yet"),
            "entry": self.env._("Other entries not matched yet"),
        }
