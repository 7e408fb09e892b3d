from odoo.fields import Domain

from .context import HOME
from .documents import DocumentList, DocumentPage
from .totals import Amount, Sum


class InvoiceList(DocumentList):
    """The list of invoices and credit notes."""

    name = "invoices"
    path = f"{HOME}/invoices"
    icon = "fa-file-text-o"
    template = "portal_agent_account.portal_agent_invoices"
    model_name = "account.move"
    date_field = "invoice_date"

    def get_title(self):
        return self.env._("Invoices")

    def get_base_domain(self):
        return self.model._get_portal_agent_invoice_domain()

    def sortings(self):
        return {
            "date": {"label": self.env._("Newest first"), "order": "invoice_date desc"},
            "oldest": {"label": self.env._("Oldest first"), "order": "invoice_date"},
            "due": {"label": self.env._("Due date"), "order": "portal_agent_date_due"},
            "number": {"label": self.env._("Number"), "order": "name"},
            "customer": {"label": self.env._("Customer"), "order": "partner_id"},
            "amount": {"label": self.env._("Highest amount"), "order": "amount_total_signed desc"},
            "amount_due": {"label": self.env._("Highest amount due"), "order": "amount_residual_signed desc"},
        }

    def filters(self):
        due = self.model._get_portal_agent_due_domain()
        return super().filters() | {
            "due": {"label": self.env._("Unpaid"), "domain": due},
            "overdue": {"label": self.env._("Overdue"), "domain": self.model._get_portal_agent_overdue_domain},
            "paid": {"label": self.env._("Paid"), "domain": ~due},
            "credit_notes": {"label": self.env._("Credit notes"), "domain": Domain("move_type", "=", "out_refund")},
        }

    def get_search_domains(self):
        return {
            "number": {
                "label": self.env._("Number"),
                "domain": lambda pattern: (
                    Domain("name", "ilike", pattern) | Domain("payment_reference", "ilike", pattern)
                ),
            },
            **super().get_search_domains(),
            "customer_reference": {
                "label": self.env._("Customer's reference"),
                "domain": lambda pattern: Domain("ref", "ilike", pattern),
            },
            "order": {
                "label": self.env._("Sales order"),
                "domain": lambda pattern: Domain("invoice_origin", "ilike", pattern),
            },
            "product": {
                "label": self.env._("Product"),
                "domain": self.model._get_portal_agent_line_search_domain,
            },
        }

    def get_sums(self):
        return [
            Sum(self.env._("Total"), "amount_total", "amount_total_signed"),
            Sum(self.env._("Amount due"), "amount_residual", "amount_residual_signed"),
        ]

    def get_amount(self, invoice, name):
        """Return an amount of an invoice in its own currency, negative for a credit note.

        :param invoice: single ``account.move``
        :param str name: ``amount_total`` or ``amount_residual``
        :rtype: Amount
        """
        return Amount(invoice._get_portal_agent_amount(name), invoice.currency_id)

    def columns(self):
        return [
            (self.env._("Number"), lambda invoice: invoice.name),
            (self.env._("Customer"), lambda invoice: invoice.partner_id.display_name),
            (self.env._("Customer's reference"), lambda invoice: invoice.ref),
            (self.env._("Sales order"), lambda invoice: invoice.invoice_origin),
            (self.env._("Date"), lambda invoice: invoice.invoice_date),
            (self.env._("Due date"), lambda invoice: invoice.portal_agent_date_due),
            (self.env._("Days overdue"), lambda invoice: invoice._get_portal_agent_days_overdue() or None),
            (self.env._("Status"), lambda invoice: invoice._get_portal_agent_status()["label"]),
            (self.env._("Total"), lambda invoice: self.get_amount(invoice, "amount_total")),
            (self.env._("Amount due"), lambda invoice: self.get_amount(invoice, "amount_residual")),
            (self.env._("Currency"), lambda invoice: invoice.currency_id.name),
        ]


class InvoicePage(DocumentPage):
    """The page of an invoice or credit note."""

    record_model = "account.move"
    path = f"{HOME}/invoices"
    template = "portal_agent_account.portal_agent_invoice"

    def get_list_name(self):
        return "invoices"

    def get_title(self):
        return self.record.name

    def get_content(self):
        return super().get_content() | {
            "agent_invoice": self.record,
            "agent_invoice_sudo": self.record.sudo(),
            "agent_orders": self.record._get_portal_agent_orders(),
            "agent_instalments": self.record._get_portal_agent_instalments(),
            "agent_payments": self.record._get_portal_agent_payments(),
        }
