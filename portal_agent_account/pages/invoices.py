from collections import defaultdict

from odoo.fields import Domain

from .context import HOME
from .documents import DocumentList, DocumentPage
from .totals import Amount, Sum, Total


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

    def read_totals(self):
        return [*super().read_totals(), *self._read_overdue_totals(self.get_domain()).values()]

    def read_group_totals(self, keys):
        totals, grouping = super().read_group_totals(keys), self.options.groupings[self.state.groupby]
        overdue = self._read_overdue_totals(self.get_domain() & grouping["domain"](keys), grouping["key"])
        return {key: [*values, overdue[key]] if key in overdue else values for key, values in totals.items()}

    def _read_overdue_totals(self, domain, get_key=None):
        """Sum up the overdue instalments, if the list is limited to overdue invoices.

        An invoice is in this list with its whole amount due, of which only a part may be overdue.

        :param Domain domain: condition on the invoices
        :param callable get_key: function from an invoice to the key of its group
        :return: total (:class:`Total`) by key; the key is ``None`` without grouping
        :rtype: dict[object, Total]
        """
        if self.state.filterby != "overdue":
            return {}
        items = [item for item in self.model._read_portal_agent_instalments(domain) if item.days_overdue]
        invoices = self.model.browse({item.move_id for item in items}).grouped("id")
        if get_key:
            self.fetch(self.model.union(*invoices.values()))
        currencies = self.env["res.currency"].browse({item.currency_id for item in items}).grouped("id")
        booked_currency = self.env["portal.agent.dashboard"]._get_currency()
        totals = defaultdict(lambda: Total(self.env._("Overdue")))
        for item in items:
            total = totals[get_key(invoices[item.move_id]) if get_key else None]
            total.amounts[currencies[item.currency_id]] += item.amount_currency
            total.booked[booked_currency] += item.amount
        return totals

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
            (
                self.env._("Overdue"),
                lambda invoice: Amount(invoice.portal_agent_amount_overdue, invoice.currency_id),
            ),
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
