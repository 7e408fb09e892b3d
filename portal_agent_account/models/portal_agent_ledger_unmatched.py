"""Payments that no invoice was matched with yet.

What is due and overdue is counted by invoice, everywhere: a payment on account changes it when it is matched. A
statement is about the whole balance. Where both are shown, the difference is a line of its own.
"""

from collections import defaultdict

from odoo import api, models


class PortalAgentLedger(models.AbstractModel):
    _inherit = "portal.agent.ledger"

    @api.model
    def _get_unmatched(self, customer):
        """Return what a customer has paid that is not matched yet, and the balance that comes of it.

        :param customer: a ``res.partner`` of one record, a commercial entity that the current user may read
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
        """Sum up what is left of payments and other entries, by kind.

        :param list items: ``LedgerItem`` of one customer
        :param str name: which of their amounts counts
        :param currency: the ``res.currency`` of that amount
        :return: ``[{"kind", "label", "amount"}]``, without the kinds that nothing is left of; negative is to the
            customer's credit
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
        """Return what the kinds of items are called that are not matched yet.

        :rtype: dict[str, str]
        """
        return {
            "payment": self.env._("Payments not matched yet"),
            "entry": self.env._("Other entries not matched yet"),
        }
