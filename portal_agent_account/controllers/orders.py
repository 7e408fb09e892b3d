from odoo import fields
from odoo.fields import Domain
from odoo.http import request, route

from .base import AGENT_PAGE, HOME, PRINTED_AFRESH, PortalAgent
from .document import make_inert
from .listing import AgentList


class PortalAgentOrders(PortalAgent):
    """The lists of quotations and of sales orders, and the page of one of either."""

    @route(["/my/agent/quotations", "/my/agent/quotations/page/<int:page>"], **AGENT_PAGE)
    def portal_agent_quotations(self, **values):
        """List quotations."""
        return self._render_portal_agent_list(
            "portal_agent_account.portal_agent_orders", self._get_portal_agent_quotation_list(), values
        )

    @route(["/my/agent/orders", "/my/agent/orders/page/<int:page>"], **AGENT_PAGE)
    def portal_agent_orders(self, **values):
        """List sales orders."""
        return self._render_portal_agent_list(
            "portal_agent_account.portal_agent_orders", self._get_portal_agent_order_list(), values
        )

    @route("/my/agent/orders/<int:order_id>", **AGENT_PAGE)
    def portal_agent_order(self, order_id, **values):
        """Show a quotation or sales order as the customer sees it, or give its PDF."""
        customer = self._get_portal_agent_customer(values)
        order = self._find_portal_agent_record("sale.order", order_id)
        if values.get("report_type") == "pdf":
            request.update_context(**PRINTED_AFRESH)
            return self._show_report(
                model=order.sudo(),
                report_type="pdf",
                report_ref="sale.action_report_saleorder",
                download=bool(values.get("download")),
            )
        return request.render(
            "portal_agent_account.portal_agent_order",
            self._prepare_portal_agent_order_values(order, customer, values),
        )

    # ---- the lists

    def _get_portal_agent_quotation_list(self):
        """Return the list of quotations.

        :rtype: AgentList
        """
        return self._make_portal_agent_order_list(
            name="quotations",
            title=request.env._("Quotations"),
            domain=request.env["sale.order"]._get_portal_agent_quotation_domain(),
            filters=self._get_portal_agent_quotation_searchbar_filters(),
        )

    def _get_portal_agent_order_list(self):
        """Return the list of sales orders.

        :rtype: AgentList
        """
        return self._make_portal_agent_order_list(
            name="orders",
            title=request.env._("Sales Orders"),
            domain=request.env["sale.order"]._get_portal_agent_order_domain(),
            filters=self._get_portal_agent_order_searchbar_filters(),
        )

    def _make_portal_agent_order_list(self, name, **values):
        """Make a list of quotations or of sales orders: they differ in which these are and how they are filtered.

        :param str name: the list's name, which its address ends with
        :param values: what else the list is made of
        :rtype: AgentList
        """
        return AgentList(
            name=name,
            url=f"{HOME}/{name}",
            model=request.env["sale.order"],
            sortings=self._get_portal_agent_order_searchbar_sortings(),
            inputs=self._get_portal_agent_order_searchbar_inputs(),
            groupings=self._get_portal_agent_order_searchbar_groupby(),
            date_field="date_order",
            columns=self._get_portal_agent_order_columns,
            **values,
        )

    def _get_portal_agent_order_searchbar_sortings(self):
        return {
            "date": {"label": request.env._("Newest first"), "order": "date_order desc"},
            "oldest": {"label": request.env._("Oldest first"), "order": "date_order"},
            "reference": {"label": request.env._("Reference"), "order": "name"},
            "customer": {"label": request.env._("Customer"), "order": "partner_id"},
            # amounts of different currencies can't be compared
            "amount": {"label": request.env._("Highest amount"), "order": "currency_id, amount_total desc"},
        }

    def _get_portal_agent_quotation_searchbar_filters(self):
        """Quotations that were cancelled are listed only where they are asked for."""
        Order = request.env["sale.order"]
        quotation = Order._get_portal_agent_open_quotation_domain()
        expired = Domain("validity_date", "<", fields.Date.today())
        return {
            "all": {"label": request.env._("All"), "domain": quotation},
            "valid": {"label": request.env._("Valid"), "domain": quotation & ~expired},
            "draft": {"label": request.env._("Draft"), "domain": Domain("state", "=", "draft")},
            "sent": {"label": request.env._("Sent"), "domain": Domain("state", "=", "sent")},
            "expired": {"label": request.env._("Expired"), "domain": quotation & expired},
            "cancelled": {"label": request.env._("Cancelled"), "domain": Domain("state", "=", "cancel")},
        }

    def _get_portal_agent_order_searchbar_filters(self):
        return {
            "all": {"label": request.env._("All"), "domain": Domain.TRUE},
            "to_invoice": {"label": request.env._("To invoice"), "domain": Domain("invoice_status", "=", "to invoice")},
            "invoiced": {"label": request.env._("Invoiced"), "domain": Domain("invoice_status", "=", "invoiced")},
        }

    def _get_portal_agent_order_searchbar_inputs(self):
        domains = {
            "reference": lambda pattern: Domain("name", "ilike", pattern),
            "customer": self._get_portal_agent_partner_search_domain,
            "customer_reference": lambda pattern: Domain("client_order_ref", "ilike", pattern),
            "product": lambda pattern: Domain("order_line", "any!", Domain("name", "ilike", pattern)),
        }
        return {
            "all": {
                "label": request.env._("Everything"),
                "domain": lambda pattern: Domain.OR(domain(pattern) for domain in domains.values()),
            },
            "reference": {"label": request.env._("Reference"), "domain": domains["reference"]},
            "customer": {"label": request.env._("Customer"), "domain": domains["customer"]},
            "customer_reference": {
                "label": request.env._("Customer's reference"),
                "domain": domains["customer_reference"],
            },
            "product": {"label": request.env._("Product"), "domain": domains["product"]},
        }

    def _get_portal_agent_order_searchbar_groupby(self):
        return {
            "customer": self._get_portal_agent_customer_grouping(),
            "month": self._get_portal_agent_month_grouping(
                lambda order: fields.Datetime.context_timestamp(order, order.date_order).date()
            ),
        }

    def _get_portal_agent_order_columns(self):
        """Return the columns of the export.

        :rtype: list[tuple[str, callable]]
        """
        return [
            (request.env._("Reference"), lambda order: order.name),
            (request.env._("Customer"), lambda order: order.partner_id.display_name),
            (request.env._("Customer's reference"), lambda order: order.client_order_ref),
            (request.env._("Date"), lambda order: fields.Datetime.context_timestamp(order, order.date_order).date()),
            (request.env._("Valid until"), lambda order: order.validity_date),
            (request.env._("Status"), lambda order: order._get_portal_agent_status()["label"]),
            (request.env._("Untaxed amount"), lambda order: order.amount_untaxed),
            (request.env._("Taxes"), lambda order: order.amount_tax),
            (request.env._("Total"), lambda order: order.amount_total),
            (request.env._("Currency"), lambda order: order.currency_id.name),
        ]

    # ---- one of them

    def _prepare_portal_agent_order_values(self, order, customer, values):
        """Prepare the page of a quotation or sales order.

        :param order: a ``sale.order`` of one record
        :param customer: the selected customer, a ``res.partner`` of one record or none
        :param dict values: the parameters of the request
        :rtype: dict
        """
        is_order = order.state == "sale"
        agent_list = self._get_portal_agent_order_list() if is_order else self._get_portal_agent_quotation_list()
        state = agent_list.read_state(values, customer)
        return (
            self._prepare_portal_agent_values(
                agent_list.name,
                f"{order.type_name} {order.name}",
                values,
                customer,
                breadcrumbs=[(agent_list.title, agent_list.get_url(state, self._get_portal_agent_list_page(values)))],
                selector_url=self._get_portal_agent_selector_url(agent_list.url, {}),
                is_empty=False,
            )
            | self._get_portal_agent_record_pager(agent_list, state, customer, order, values)
            | {
                "agent_order": order,
                "agent_order_sudo": order.sudo(),
                "agent_invoices": self._get_portal_agent_order_invoices(order),
                "agent_document_body": self._render_portal_agent_order_body(order.sudo()),
            }
        )

    def _get_portal_agent_order_invoices(self, order):
        """Return the invoices of an order as far as they are the agent's to see.

        :rtype: account.move
        """
        Move = request.env["account.move"]
        return Move.search(Domain("id", "in", order.sudo().invoice_ids.ids) & Move._get_portal_agent_invoice_domain())

    def _render_portal_agent_order_body(self, order_sudo):
        """Render the document by the template that its customer sees, with nothing to click.

        :param order_sudo: a ``sale.order`` that was found under the agent's rules
        :rtype: Markup
        """
        html = request.env["ir.ui.view"]._render_template(
            order_sudo._get_name_portal_content_view(),
            {"sale_order": order_sudo, "report_type": "html", "res_company": order_sudo.company_id},
        )
        return make_inert(html)
