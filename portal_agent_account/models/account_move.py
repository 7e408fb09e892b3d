from odoo import api, models
from odoo.fields import Domain

from . import agent_scope
from .customer_agents import CustomerAgents


class AccountMove(models.Model):
    _name = "account.move"
    _inherit = ["account.move", "portal.agent.mixin"]

    portal_agent_ids = CustomerAgents(
        related="partner_id.commercial_partner_id.portal_agent_ids",
        string="Portal Agents",
        groups="base.group_user",
    )

    @api.model
    def _get_portal_agent_invoice_domain(self):
        """Return the condition for the invoices and credit notes on an agent's page.

        :rtype: Domain
        """
        return self._get_portal_agent_domain() & Domain("move_type", "in", ("out_invoice", "out_refund"))

    def _get_portal_agent_amount(self, name):
        """Return an amount of the document in its own currency, negative for a credit note.

        :param str name: ``amount_total`` or ``amount_residual``
        :rtype: float
        """
        self.ensure_one()
        return -self[name] if self.move_type == "out_refund" and self[name] else self[name]

    def _get_portal_agent_status(self):
        """Return the payment status to show to an agent.

        :return: ``{"label", "color", "icon"}``; the color is the name of a Bootstrap color
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
        return {"label": self.env._("Unpaid"), "color": "info", "icon": "fa-clock-o"}

    def _compute_display_link_qr_code(self):
        """Hide the payment QR code on an agent's page: it would let anyone pay and see the customer's account."""
        result = super()._compute_display_link_qr_code()
        if agent_scope.get_agent_scope() == agent_scope.AGENT:
            self.display_link_qr_code = False
        return result
