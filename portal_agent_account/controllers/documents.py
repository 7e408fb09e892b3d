from odoo import fields
from odoo.http import content_disposition, request, route

from ..pages import params
from ..pages.export import XLSX_MIMETYPE
from ..pages.inert import make_page_inert
from .export_lock import answer_export_busy, take_export_lock
from .portal import AGENT_PAGE, PortalAgent

# A report that keeps what it prints would give an agent the file that was sent to the customer, with links
# to sign and to pay, and would give the customer what was printed for an agent.
PRINTED_AFRESH = {"report_pdf_no_attachment": True}


class PortalAgentDocuments(PortalAgent):
    """The routes of documents, on the screen and as PDF."""

    @route("/my/agent/orders/<int:order_id>", **AGENT_PAGE)
    def portal_agent_order(self, order_id, **values):
        """Show a quotation or sales order as the customer sees it, or give its PDF."""
        context = self._make_portal_agent_context(values)
        order = context.find("sale.order", order_id)
        if values.get("report_type") == "pdf":
            request.update_context(**PRINTED_AFRESH)
            return self._show_report(
                model=order.sudo(),
                report_type="pdf",
                report_ref="sale.action_report_saleorder",
                download=bool(values.get("download")),
            )
        return self._render_portal_agent_page(context.make("order", order))

    @route("/my/agent/invoices/<int:invoice_id>", **AGENT_PAGE)
    def portal_agent_invoice(self, invoice_id, **values):
        """Show an invoice as it is printed, or give its PDF."""
        context = self._make_portal_agent_context(values)
        invoice_domain = request.env["account.move"]._get_portal_agent_invoice_domain()
        invoice = context.find("account.move", invoice_id, invoice_domain)
        if values.get("report_type") == "pdf":
            return self._show_portal_agent_invoice(invoice.sudo(), "pdf", bool(values.get("download")))
        if values.get("report_type") == "html":
            response = self._show_portal_agent_invoice(invoice.sudo(), "html")
            response.set_data(make_page_inert(response.get_data()))
            return response
        return self._render_portal_agent_page(context.make("invoice", invoice))

    @route("/my/agent/customers/<int:customer_id>/statement", **AGENT_PAGE)
    def portal_agent_statement(self, customer_id, **values):
        """Give a customer's statement, of open items or of a period, as PDF or as Excel file."""
        context = self._make_portal_agent_context(values)
        customer = context.find("res.partner", customer_id)
        days = {name: params.get_date(values.get(name)) for name in ("date_from", "date_to")}
        if not take_export_lock():
            return answer_export_busy()
        if values.get("report_type") == "xlsx":
            return self._send_portal_agent_statement(customer, days, "xlsx", is_download=True)
        return self._send_portal_agent_statement(customer, days, "pdf", is_download=bool(values.get("download")))

    def _show_portal_agent_invoice(self, invoice_sudo, report_type, download=False):
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

    def _send_portal_agent_statement(self, customer, days, extension, is_download):
        """Print what a customer owes, in the customer's language.

        The layout of the PDF is drawn with more rights than an agent has; what the statement says is read under
        the agent's own.

        :param customer: a ``res.partner`` of one record
        :param dict days: ``date_from``, ``None`` for open items alone, and ``date_to``, ``None`` for today
        :param str extension: ``pdf`` or ``xlsx``
        :param bool is_download: whether the browser saves the file instead of showing it
        :return: the response
        """
        request.update_context(**PRINTED_AFRESH)
        report_sudo = request.env.ref("portal_agent_account.action_report_statement").sudo()
        if extension == "xlsx":
            content = request.env["report.portal_agent_account.report_statement"]._render_xlsx(customer, days)
            mimetype = XLSX_MIMETYPE
        else:
            content = report_sudo._render_qweb_pdf(report_sudo.report_name, customer.ids, data=days)[0]
            mimetype = "application/pdf"
        day = days["date_to"] or fields.Date.context_today(request.env.user)
        name = f"{report_sudo.name} - {customer.display_name} - {fields.Date.to_string(day)}.{extension}"
        return request.make_response(
            content,
            headers=[
                ("Content-Type", mimetype),
                ("Content-Length", len(content)),
                ("Content-Disposition", content_disposition(name, "attachment" if is_download else "inline")),
                ("X-Content-Type-Options", "nosniff"),
            ],
        )
