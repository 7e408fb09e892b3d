from odoo import api, fields, models
from odoo.fields import Domain


class CustomerStatement(models.AbstractModel):
    """What customers have not paid: open invoices and credit notes by currency, and how old they are.

    Whatever rights a page has lent to the rendering, a statement holds what the person who asks for it
    may read, of the current company, and nothing else. So nothing is gained by asking in another way.
    """

    _name = "report.portal_agent_account.report_statement"
    _description = "Statement of Open Invoices"

    @api.model
    def _get_report_values(self, docids, data=None):
        """Prepare the statements of some customers.

        :param list docids: ids of customers, or of contacts of theirs
        :param dict data: what else came with the request, which changes nothing
        :return: ``docs``, and for each of them what ``_get_statements`` says
        :rtype: dict
        :raise AccessError: if whoever asks may not read one of the customers, or no invoices
        """
        reader = self.sudo(False)
        customers = reader.env["res.partner"].browse(docids).commercial_partner_id
        customers.check_access("read")
        return {
            "doc_ids": customers.ids,
            "doc_model": customers._name,
            "docs": customers.with_env(self.env),
            "company": self.env.company,
            "statement_date": fields.Date.context_today(self),
            "statements": reader._get_statements(customers),
        }

    @api.model
    def _get_statements(self, customers):
        """Return what customers have not paid, in as many queries for many as for one.

        :param customers: ``res.partner``, commercial entities
        :return: by the customer's id ``[{"currency", "lines", "amount_due", "ages"}]``, a currency each:
            amounts of different currencies are never added up
        :rtype: dict[int, list[dict]]
        """
        invoices = self._search_open_invoices(customers).grouped(
            lambda invoice: (invoice.partner_id.commercial_partner_id.id, invoice.currency_id)
        )
        statements = {customer.id: [] for customer in customers}
        for customer_id, currency in sorted(invoices, key=lambda key: key[1].name):
            statements[customer_id].append(self._get_balance(currency, invoices[customer_id, currency]))
        return statements

    @api.model
    def _search_open_invoices(self, customers):
        """Return the invoices that are not paid in full and the credit notes that are not used up.

        :param customers: ``res.partner``, commercial entities
        :return: ``account.move``, what is due first in front
        """
        Move = self.env["account.move"]
        return Move.search(
            self.env["portal.agent.dashboard"]._get_invoice_domain(customers[:0])
            & Move._get_portal_agent_due_domain()
            & Domain("state", "=", "posted")
            & Domain("partner_id", "any!", Domain("commercial_partner_id", "in", customers.ids)),
            order="invoice_date_due, name, id",
        )

    @api.model
    def _get_balance(self, currency, invoices):
        """Return what one customer has not paid in one currency.

        :param currency: a ``res.currency`` of one record
        :param invoices: ``account.move`` in that currency
        :rtype: dict
        """
        Dashboard = self.env["portal.agent.dashboard"]
        ages = [0.0 for _label in Dashboard._get_age_labels()]
        for invoice in invoices:
            age = Dashboard._get_age(invoice._get_portal_agent_days_overdue())
            ages[age] += invoice._get_portal_agent_amount("amount_residual")
        lines = [
            {
                "invoice": invoice,
                "is_credit_note": invoice.move_type == "out_refund",
                "days_overdue": invoice._get_portal_agent_days_overdue(),
                "amount": invoice._get_portal_agent_amount("amount_total"),
                "amount_due": invoice._get_portal_agent_amount("amount_residual"),
            }
            for invoice in invoices
        ]
        return {"currency": currency, "lines": lines, "amount_due": sum(ages), "ages": ages}
