from odoo import fields
from odoo.http import content_disposition, request, route

from ..pages import params
from ..pages.export import XLSX_MIMETYPE
from ..pages.inert import make_page_inert
from .export_lock import answer_export_busy, take_export_lock
from .portal import AGENT_PAGE, PortalAgent

# Ignore stored reports: the file sent to the customer contains links to sign and pay, and a file printed for an agent
# must not be stored for the customer.
PRINTED_AFRESH = {"report_pdf_no_attachment": True}


class PortalAgentDocuments(PortalAgent):
    """The routes of documents, as pages and as PDF files."""

    @route("/my/agent/orders/<int:order_id>", **AGENT_PAGE)
    def portal_agent_order(self, order_id, **values):
        """Show a quotation or sales order as the customer sees it, or return its PDF."""
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
        """Show an invoice as it is printed, or return its PDF."""
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
        """Return a customer's statement of open items or of a period, as a PDF or Excel file."""
        context = self._make_portal_agent_context(values)
        customer = context.find("res.partner", customer_id)
        days = {name: params.get_date(values.get(name)) for name in ("date_from", "date_to")}
        if not take_export_lock():
            return answer_export_busy()
        if values.get("report_type") == "xlsx":
            return self._send_portal_agent_statement(customer, days, "xlsx", is_download=True)
        return self._send_portal_agent_statement(customer, days, "pdf", is_download=bool(values.get("download")))

    def _show_portal_agent_invoice(self, invoice_sudo, report_type, download=False):
        """Print an invoice for an agent.

        It is always printed again instead of returning the document that was sent, which may contain a QR code that
        lets anyone pay and see the customer's account. As for the customer, it is a pro forma until that document
        exists.

        :param invoice_sudo: ``account.move`` found under the agent's rules
        :param str report_type: ``html`` or ``pdf``
        :param bool download: whether the browser saves the file instead of showing it
        :return: response
        """
        # Compute the sections of all lines at once. If they are computed for some lines only, as in the report, Odoo
        # writes to the other lines, and the invoice counts as modified.
        invoice_sudo.line_ids.mapped("parent_id")
        request.update_context(proforma_invoice=not invoice_sudo.invoice_pdf_report_id, **PRINTED_AFRESH)
        if report_type == "html":
            # The page has the same text direction as the invoice in it, which is in the customer's language.
            request.update_context(lang=invoice_sudo.partner_id.lang or request.env.lang)
        report_sudo = invoice_sudo.partner_id.invoice_template_pdf_report_id
        return self._show_report(
            model=invoice_sudo,
            report_type=report_type,
            report_ref=report_sudo.report_name or "account.account_invoices",
            download=download,
        )

    def _send_portal_agent_statement(self, customer, days, extension, is_download):
        """Return a customer's statement in the customer's language.

        The layout of the PDF is rendered with sudo; the content is read with the agent's rights.

        :param customer: single ``res.partner``
        :param dict days: ``date_from``, ``None`` for open items only, and ``date_to``, ``None`` for today
        :param str extension: ``pdf`` or ``xlsx``
        :param bool is_download: whether the browser saves the file instead of showing it
        :return: response
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
