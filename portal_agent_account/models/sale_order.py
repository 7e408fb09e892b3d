from odoo import api, models
from odoo.fields import Domain

from .covering_index import CoveringIndex
from .customer_agents import CustomerAgents


class SaleOrder(models.Model):
    _name = "sale.order"
    _inherit = ["sale.order", "portal.agent.mixin"]

    portal_agent_ids = CustomerAgents(
        related="partner_id.commercial_partner_id.portal_agent_ids",
        string="Portal Agents",
        groups="base.group_user",
    )

    # What lists count, and the dashboard adds up. Web carts are told by their website.
    _portal_agent_figures_idx = CoveringIndex(
        "partner_id, date_order",
        ("id", "company_id", "state", "currency_rate", "amount_total", "website_id"),
    )

    @api.model
    def _get_portal_agent_domain(self):
        """Leave out web carts, cancelled ones too: no salesperson has written them and nobody has bought them."""
        domain = super()._get_portal_agent_domain()
        if "website_id" in self._fields:
            domain &= Domain("state", "not in", ("draft", "cancel")) | Domain("website_id", "=", False)
        return domain

    @api.model
    def _get_portal_agent_quotation_domain(self):
        """Return what an agent's page of quotations lists.

        :rtype: Domain
        """
        return self._get_portal_agent_domain() & Domain("state", "in", ("draft", "sent", "cancel"))

    @api.model
    def _get_portal_agent_order_domain(self):
        """Return what an agent's page of sales orders lists.

        :rtype: Domain
        """
        return self._get_portal_agent_domain() & Domain("state", "=", "sale")

    @api.model
    def _get_portal_agent_open_quotation_domain(self):
        """Return the quotations that may still become orders, or have expired meanwhile.

        :rtype: Domain
        """
        return Domain("state", "in", ("draft", "sent"))

    def _get_portal_agent_status(self):
        """Return the status that an agent is told.

        :return: ``{"label", "color", "icon"}``, the color by its name in Bootstrap
        :rtype: dict
        """
        self.ensure_one()
        if self.is_expired:
            return {"label": self.env._("Expired"), "color": "warning", "icon": "fa-clock-o"}
        # one label is translated, not four: a list asks for eighty
        if self.state == "draft":
            return {"label": self.env._("Draft"), "color": "dark", "icon": "fa-pencil"}
        if self.state == "sent":
            return {"label": self.env._("Sent"), "color": "info", "icon": "fa-paper-plane"}
        if self.state == "sale":
            return {"label": self.env._("Confirmed"), "color": "success", "icon": "fa-check"}
        return {"label": self.env._("Cancelled"), "color": "danger", "icon": "fa-times"}
