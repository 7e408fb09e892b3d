from odoo import api, fields, models
from odoo.fields import Domain

from . import agent_scope
from .covering_index import CoveringIndex
from .customer_agents import CustomerAgents

# Nobody waits for these to be paid, whatever is left of them: Odoo's portal counts none of them as
# overdue (``_get_overdue_invoices_domain`` in account's ``controllers/portal.py``).
NEVER_OVERDUE_PAYMENT_STATES = ("in_payment", "paid", "reversed", "blocked", "invoicing_legacy")

# Invoices that agents may read. Entries that are no customer's, and drafts, cost an index nothing.
_INDEXED = "state = 'posted' AND move_type IN ('out_invoice', 'out_refund')"


class AccountMove(models.Model):
    _name = "account.move"
    _inherit = ["account.move", "portal.agent.mixin"]

    portal_agent_ids = CustomerAgents(
        related="partner_id.commercial_partner_id.portal_agent_ids",
        string="Portal Agents",
        groups="base.group_user",
    )

    # What lists count, and the dashboard adds up.
    _portal_agent_figures_idx = CoveringIndex(
        "partner_id, invoice_date",
        ("id", "commercial_partner_id", "company_id", "invoice_date_due", "amount_total_signed"),
        condition=_INDEXED,
    )

    # What is due, of any day: few invoices, beside those of all years that are paid.
    _portal_agent_due_idx = CoveringIndex(
        "partner_id",
        (
            "id",
            "commercial_partner_id",
            "company_id",
            "move_type",
            "payment_state",
            "invoice_date",
            "invoice_date_due",
            "amount_residual",
            "amount_residual_signed",
        ),
        # as the ORM writes that an amount is not 0
        condition=f"{_INDEXED} AND (amount_residual <> 0 OR amount_residual IS NULL)",
    )

    @api.model
    def _get_portal_agent_invoice_domain(self):
        """Return what an agent's page of invoices and credit notes lists.

        :rtype: Domain
        """
        return self._get_portal_agent_domain() & Domain("move_type", "in", ("out_invoice", "out_refund"))

    @api.model
    def _get_portal_agent_due_domain(self):
        """Return the invoices that are not paid in full, and the credit notes that are not used up.

        What is left of a credit note is subtracted from what is due.

        :rtype: Domain
        """
        return Domain("amount_residual", "!=", 0)

    @api.model
    def _get_portal_agent_overdue_domain(self):
        """Return the invoices among them that should have been paid before today.

        A credit note is money that the customer gets: it is never overdue, and makes nothing less overdue.

        :rtype: Domain
        """
        return (
            self._get_portal_agent_due_domain()
            & Domain("move_type", "=", "out_invoice")
            & Domain("payment_state", "not in", NEVER_OVERDUE_PAYMENT_STATES)
            & Domain("invoice_date_due", "<", fields.Date.context_today(self))
        )

    def _get_portal_agent_days_overdue(self):
        """Return since how many days an invoice should have been paid: 0 for what is not overdue.

        :rtype: int
        """
        self.ensure_one()
        if (
            not self.amount_residual
            or not self.invoice_date_due
            or self.move_type != "out_invoice"
            or self.payment_state in NEVER_OVERDUE_PAYMENT_STATES
        ):
            return 0
        return max((fields.Date.context_today(self) - self.invoice_date_due).days, 0)

    def _get_portal_agent_amount(self, name):
        """Return an amount of the document in its own currency, negative for a credit note.

        :param str name: ``amount_total`` or ``amount_residual``
        :rtype: float
        """
        self.ensure_one()
        return -self[name] if self.move_type == "out_refund" else self[name]

    def _get_portal_agent_status(self):
        """Return the payment status that an agent is told.

        :return: ``{"label", "color", "icon"}``, the color by its name in Bootstrap
        :rtype: dict
        """
        self.ensure_one()
        days = self._get_portal_agent_days_overdue()
        if self.payment_state == "reversed":
            return {"label": self.env._("Reversed"), "color": "dark", "icon": "fa-undo"}
        if self.payment_state == "in_payment":
            return {"label": self.env._("Processing payment"), "color": "info", "icon": "fa-hourglass-half"}
        if self.payment_state == "blocked":
            return {"label": self.env._("Blocked"), "color": "dark", "icon": "fa-ban"}
        if not self.amount_residual:
            return {"label": self.env._("Paid"), "color": "success", "icon": "fa-check"}
        if self.move_type == "out_refund":
            return {"label": self.env._("Open credit"), "color": "info", "icon": "fa-undo"}
        if days == 1:
            return {"label": self.env._("1 day overdue"), "color": "danger", "icon": "fa-exclamation-circle"}
        if days:
            label = self.env._("%(days)s days overdue", days=days)
            return {"label": label, "color": "danger", "icon": "fa-exclamation-circle"}
        if self.payment_state == "partial":
            return {"label": self.env._("Partly paid"), "color": "warning", "icon": "fa-adjust"}
        return {"label": self.env._("To be paid"), "color": "info", "icon": "fa-clock-o"}

    def _compute_display_link_qr_code(self):
        """Print no code on an agent's page that lets whoever scans it pay, and see the customer's account."""
        result = super()._compute_display_link_qr_code()
        if agent_scope.get_agent_scope() == agent_scope.AGENT:
            self.display_link_qr_code = False
        return result
