"""Unreconciled payments on statements. The amounts in the lists don't include them."""

from odoo import api, models


class CustomerStatement(models.AbstractModel):
    _inherit = "report.portal_agent_account.report_statement"

    @api.model
    def _get_balance(self, currency, items, transfers, date_from):
        """Add ``documents``, the amount due of invoices and credit notes, and ``unmatched``, other items by kind."""
        balance = super()._get_balance(currency, items, transfers, date_from)
        unmatched = self.env["portal.agent.ledger"]._sum_up_unmatched(items, "residual", currency)
        documents = currency.round(balance["amount_due"] - sum(line["amount"] for line in unmatched))
        return balance | {"documents": documents, "unmatched": unmatched}

    @api.model
    def _write_xlsx_ages(self, sheet, formats, row, balance):
        """Write the composition of the total below the ages if it differs from the total of the documents."""
        result = super()._write_xlsx_ages(sheet, formats, row, balance)
        if balance["unmatched"]:
            labels = self.env["portal.agent.ledger"]._get_unmatched_labels()
            lines = [(self.env._("Invoices and credit notes"), balance["documents"])]
            lines += [(labels[line["kind"]], line["amount"]) for line in balance["unmatched"]]
            lines.append((self.env._("Total"), balance["amount_due"]))
            for number, (label, amount) in enumerate(lines, row + 3):
                sheet.write_string(number, 0, label)
                sheet.write_number(number, 1, amount, formats["amount"])
        return result
