from odoo.fields import Domain
from odoo.http import request, route

from .base import AGENT_PAGE, HOME, PRINTED_AFRESH, PortalAgent
from .document import make_page_inert
from .listing import AgentList


class PortalAgentInvoices(PortalAgent):
    """The list of invoices and credit notes, and the page of one."""

    @route(["/my/agent/invoices", "/my/agent/invoices/page/<int:page>"], **AGENT_PAGE)
    def portal_agent_invoices(self, **values):
        """List invoices and credit notes."""
        return self._render_portal_agent_list(
            "portal_agent_account.portal_agent_invoices", self._get_portal_agent_invoice_list(), values
        )

    @route("/my/agent/invoices/<int:invoice_id>", **AGENT_PAGE)
    def portal_agent_invoice(self, invoice_id, **values):
        """Show an invoice as it is printed, or give its PDF."""
        customer = self._get_portal_agent_customer(values)
        Move = request.env["account.move"]
        invoice = self._find_portal_agent_record("account.move", invoice_id, Move._get_portal_agent_invoice_domain())
        if values.get("report_type") == "pdf":
            return self._show_portal_agent_invoice_report(invoice.sudo(), "pdf", bool(values.get("download")))
        if values.get("report_type") == "html":
            response = self._show_portal_agent_invoice_report(invoice.sudo(), "html")
            response.set_data(make_page_inert(response.get_data()))
            return response
        return request.render(
            "portal_agent_account.portal_agent_invoice",
            self._prepare_portal_agent_invoice_values(invoice, customer, values),
        )

    # ---- the list

    def _get_portal_agent_invoice_list(self):
        """Return the list of invoices and credit notes.

        :rtype: AgentList
        """
        return AgentList(
            name="invoices",
            title=request.env._("Invoices"),
            url=f"{HOME}/invoices",
            model=request.env["account.move"],
            domain=request.env["account.move"]._get_portal_agent_invoice_domain(),
            sortings=self._get_portal_agent_invoice_searchbar_sortings(),
            filters=self._get_portal_agent_invoice_searchbar_filters(),
            inputs=self._get_portal_agent_invoice_searchbar_inputs(),
            groupings=self._get_portal_agent_invoice_searchbar_groupby(),
            date_field="invoice_date",
            columns=self._get_portal_agent_invoice_columns,
        )

    def _get_portal_agent_invoice_searchbar_sortings(self):
        return {
            "date": {"label": request.env._("Newest first"), "order": "invoice_date desc"},
            "oldest": {"label": request.env._("Oldest first"), "order": "invoice_date"},
            "due": {"label": request.env._("Due date"), "order": "invoice_date_due"},
            "number": {"label": request.env._("Number"), "order": "name"},
            "customer": {"label": request.env._("Customer"), "order": "partner_id"},
            "amount": {"label": request.env._("Highest amount"), "order": "amount_total_signed desc"},
            "amount_due": {"label": request.env._("Highest amount due"), "order": "amount_residual_signed desc"},
        }

    def _get_portal_agent_invoice_searchbar_filters(self):
        Move = request.env["account.move"]
        due, overdue = Move._get_portal_agent_due_domain(), Move._get_portal_agent_overdue_domain()
        return {
            "all": {"label": request.env._("All"), "domain": Domain.TRUE},
            "due": {"label": request.env._("To be paid"), "domain": due},
            "overdue": {"label": request.env._("Overdue"), "domain": overdue},
            "paid": {"label": request.env._("Paid"), "domain": ~due},
            "credit_notes": {"label": request.env._("Credit notes"), "domain": Domain("move_type", "=", "out_refund")},
        }

    def _get_portal_agent_invoice_searchbar_inputs(self):
        domains = {
            "number": lambda pattern: Domain("name", "ilike", pattern) | Domain("payment_reference", "ilike", pattern),
            "customer": self._get_portal_agent_partner_search_domain,
            "customer_reference": lambda pattern: Domain("ref", "ilike", pattern),
            "order": lambda pattern: Domain("invoice_origin", "ilike", pattern),
            "product": lambda pattern: Domain("invoice_line_ids", "any!", Domain("name", "ilike", pattern)),
        }
        return {
            "all": {
                "label": request.env._("Everything"),
                "domain": lambda pattern: Domain.OR(domain(pattern) for domain in domains.values()),
            },
            "number": {"label": request.env._("Number"), "domain": domains["number"]},
            "customer": {"label": request.env._("Customer"), "domain": domains["customer"]},
            "customer_reference": {
                "label": request.env._("Customer's reference"),
                "domain": domains["customer_reference"],
            },
            "order": {"label": request.env._("Sales order"), "domain": domains["order"]},
            "product": {"label": request.env._("Product"), "domain": domains["product"]},
        }

    def _get_portal_agent_invoice_searchbar_groupby(self):
        return {
            "customer": self._get_portal_agent_customer_grouping(),
            "month": self._get_portal_agent_month_grouping(lambda invoice: invoice.invoice_date),
        }

    def _get_portal_agent_invoice_columns(self):
        """Return the columns of the export.

        :rtype: list[tuple[str, callable]]
        """
        return [
            (request.env._("Number"), lambda invoice: invoice.name),
            (request.env._("Customer"), lambda invoice: invoice.partner_id.display_name),
            (request.env._("Customer's reference"), lambda invoice: invoice.ref),
            (request.env._("Sales order"), lambda invoice: invoice.invoice_origin),
            (request.env._("Date"), lambda invoice: invoice.invoice_date),
            (request.env._("Due date"), lambda invoice: invoice.invoice_date_due),
            (request.env._("Days overdue"), lambda invoice: invoice._get_portal_agent_days_overdue() or None),
            (request.env._("Status"), lambda invoice: invoice._get_portal_agent_status()["label"]),
            (request.env._("Total"), lambda invoice: invoice._get_portal_agent_amount("amount_total")),
            (request.env._("Amount due"), lambda invoice: invoice._get_portal_agent_amount("amount_residual")),
            (request.env._("Currency"), lambda invoice: invoice.currency_id.name),
        ]

    # ---- one of them

    def _prepare_portal_agent_invoice_values(self, invoice, customer, values):
        """Prepare the page of an invoice.

        :param invoice: an ``account.move`` of one record
        :param customer: the selected customer, a ``res.partner`` of one record or none
        :param dict values: the parameters of the request
        :rtype: dict
        """
        agent_list = self._get_portal_agent_invoice_list()
        state = agent_list.read_state(values, customer)
        return (
            self._prepare_portal_agent_values(
                agent_list.name,
                invoice.name,
                values,
                customer,
                breadcrumbs=[(agent_list.title, agent_list.get_url(state, self._get_portal_agent_list_page(values)))],
                selector_url=self._get_portal_agent_selector_url(agent_list.url, {}),
                is_empty=False,
            )
            | self._get_portal_agent_record_pager(agent_list, state, customer, invoice, values)
            | {
                "agent_invoice": invoice,
                "agent_invoice_sudo": invoice.sudo(),
                "agent_orders": self._get_portal_agent_invoice_orders(invoice),
            }
        )

    def _get_portal_agent_invoice_orders(self, invoice):
        """Return the orders that an invoice is for, as far as they are the agent's to see.

        :rtype: sale.order
        """
        Order = request.env["sale.order"]
        orders_sudo = invoice.sudo().invoice_line_ids.sale_line_ids.order_id
        return Order.search(Domain("id", "in", orders_sudo.ids) & Order._get_portal_agent_domain())

    def _show_portal_agent_invoice_report(self, invoice_sudo, report_type, download=False):
        """Print an invoice for its agent.

        It is printed afresh, not taken from the document that was sent: that one may carry a code that
        lets whoever has it pay, and see the customer's account. Before that one exists it is a pro forma,
        as it is for the customer.

        :param invoice_sudo: an ``account.move`` that was found under the agent's rules
        :param str report_type: ``html`` or ``pdf``
        :param bool download: whether the browser saves the file instead of showing it
        :return: the response
        """
        # The sections of the lines, computed for all lines at once: for some of them, as the report
        # asks, Odoo computes them by writing to the others, and the invoice counts as modified.
        invoice_sudo.line_ids.mapped("parent_id")
        request.update_context(proforma_invoice=not invoice_sudo.invoice_pdf_report_id, **PRINTED_AFRESH)
        if report_type == "html":
            # The page reads in the direction of the customer's language, in which the invoice in it is written.
            request.update_context(lang=invoice_sudo.partner_id.lang or request.env.lang)
        report_sudo = invoice_sudo.partner_id.invoice_template_pdf_report_id
        return self._show_report(
            model=invoice_sudo,
            report_type=report_type,
            report_ref=report_sudo.report_name or "account.account_invoices",
            download=download,
        )
