from odoo import fields
from odoo.fields import Domain

from .context import HOME
from .documents import DocumentList, DocumentPage
from .inert import make_inert
from .totals import Amount


class OrderList(DocumentList):
    """The list of sales orders."""

    name = "orders"
    path = f"{HOME}/orders"
    icon = "fa-shopping-bag"
    template = "portal_agent_account.portal_agent_orders"
    model_name = "sale.order"
    date_field = "date_order"

    def get_title(self):
        return self.env._("Sales Orders")

    def get_base_domain(self):
        return self.model._get_portal_agent_order_domain()

    def sortings(self):
        return {
            "date": {"label": self.env._("Newest first"), "order": "date_order desc"},
            "oldest": {"label": self.env._("Oldest first"), "order": "date_order"},
            "reference": {"label": self.env._("Reference"), "order": "name"},
            "customer": {"label": self.env._("Customer"), "order": "partner_id"},
            # Amounts in different currencies can't be compared.
            "amount": {"label": self.env._("Highest amount"), "order": "currency_id, amount_total desc"},
        }

    def filters(self):
        return super().filters() | {
            "to_invoice": {"label": self.env._("To invoice"), "domain": Domain("invoice_status", "=", "to invoice")},
            "invoiced": {"label": self.env._("Invoiced"), "domain": Domain("invoice_status", "=", "invoiced")},
        }

    def get_search_domains(self):
        return {
            "reference": {
                "label": self.env._("Reference"),
                "domain": lambda pattern: Domain("name", "ilike", pattern),
            },
            **super().get_search_domains(),
            "customer_reference": {
                "label": self.env._("Customer's reference"),
                "domain": lambda pattern: Domain("client_order_ref", "ilike", pattern),
            },
            "product": {
                "label": self.env._("Product"),
                "domain": self.model._get_portal_agent_line_search_domain,
            },
        }

    def get_day(self, record):
        return fields.Datetime.context_timestamp(record, record.date_order).date()

    def columns(self):
        return [
            (self.env._("Reference"), lambda order: order.name),
            (self.env._("Customer"), lambda order: order.partner_id.display_name),
            (self.env._("Customer's reference"), lambda order: order.client_order_ref),
            (self.env._("Date"), self.get_day),
            (self.env._("Valid until"), lambda order: order.validity_date),
            (self.env._("Status"), lambda order: order._get_portal_agent_status()["label"]),
            (self.env._("Untaxed amount"), lambda order: Amount(order.amount_untaxed, order.currency_id)),
            (self.env._("Taxes"), lambda order: Amount(order.amount_tax, order.currency_id)),
            (self.env._("Total"), lambda order: Amount(order.amount_total, order.currency_id)),
            (self.env._("Currency"), lambda order: order.currency_id.name),
        ]


class QuotationList(OrderList):
    """The list of quotations."""

    name = "quotations"
    path = f"{HOME}/quotations"
    icon = "fa-pencil-square-o"

    def get_title(self):
        return self.env._("Quotations")

    def get_base_domain(self):
        return self.model._get_portal_agent_quotation_domain()

    def filters(self):
        """Show cancelled quotations only with their own filter.

        The filters for drafts and cancelled quotations are only offered if agents may see drafts.
        A cancelled quotation counts as a draft, because Odoo doesn't record whether it was ever sent.
        """
        quotation = self.model._get_portal_agent_open_quotation_domain()
        expired = Domain("validity_date", "<", fields.Date.today())
        filters = {
            "all": {"label": self.env._("All"), "domain": quotation},
            "valid": {"label": self.env._("Valid"), "domain": quotation & ~expired},
            "draft": {"label": self.env._("Draft"), "domain": Domain("state", "=", "draft")},
            "sent": {"label": self.env._("Sent"), "domain": Domain("state", "=", "sent")},
            "expired": {"label": self.env._("Expired"), "domain": quotation & expired},
            "cancelled": {"label": self.env._("Cancelled"), "domain": Domain("state", "=", "cancel")},
        }
        if not any(self.env.companies.sudo().mapped("portal_agent_draft_quotation")):
            del filters["draft"], filters["sent"], filters["cancelled"]
        return filters


class OrderPage(DocumentPage):
    """The page of a quotation or sales order."""

    record_model = "sale.order"
    path = f"{HOME}/orders"
    template = "portal_agent_account.portal_agent_order"

    def get_list_name(self):
        return "orders" if self.record.state == "sale" else "quotations"

    def get_title(self):
        return f"{self.record.type_name} {self.record.name}"

    def get_content(self):
        return super().get_content() | {
            "agent_order": self.record,
            "agent_order_sudo": self.record.sudo(),
            "agent_invoices": self.record._get_portal_agent_invoices(),
            "agent_deliveries": self.record._get_portal_agent_deliveries(),
            "agent_document_body": self.render_body(self.record.sudo()),
        }

    def render_body(self, order_sudo):
        """Render the document with the template that its customer sees, without anything to click.

        :param order_sudo: ``sale.order`` found under the agent's rules
        :rtype: Markup
        """
        html = self.env["ir.ui.view"]._render_template(
            order_sudo._get_name_portal_content_view(),
            {"sale_order": order_sudo, "report_type": "html", "res_company": order_sudo.company_id},
        )
        return make_inert(html)
