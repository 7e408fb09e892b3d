from odoo import api, models
from odoo.fields import Domain

from .customer_agents import CustomerAgents


class SaleOrder(models.Model):
    _name = "sale.order"
    _inherit = ["sale.order", "portal.agent.mixin"]

    portal_agent_ids = CustomerAgents(
        related="partner_id.commercial_partner_id.portal_agent_ids",
        string="Portal Agents",
        groups="base.group_user",
    )

    @api.model
    def _get_portal_agent_domain(self):
        """Exclude web carts, even cancelled ones: they are neither written by a salesperson nor ordered."""
        domain = super()._get_portal_agent_domain()
        if "website_id" in self._fields:
            domain &= Domain("state", "not in", ("draft", "cancel")) | Domain("website_id", "=", False)
        return domain

    @api.model
    def _get_portal_agent_quotation_domain(self):
        """Return the condition for an agent's page of quotations.

        :rtype: Domain
        """
        return self._get_portal_agent_domain() & Domain("state", "in", ("draft", "sent", "cancel"))

    @api.model
    def _get_portal_agent_order_domain(self):
        """Return the condition for an agent's page of sales orders.

        :rtype: Domain
        """
        return self._get_portal_agent_domain() & Domain("state", "=", "sale")

    @api.model
    def _get_portal_agent_open_quotation_domain(self):
        """Return the condition for quotations that are neither confirmed nor cancelled, including expired ones.

        :rtype: Domain
        """
        return Domain("state", "in", ("draft", "sent"))

    def _get_portal_agent_status(self):
        """Return the status to show to an agent.

        :return: ``{"label", "color", "icon"}``; the color is the name of a Bootstrap color
        :rtype: dict
        """
        self.ensure_one()
        if self.is_expired:
            return {"label": self.env._("Expired"), "color": "warning", "icon": "fa-clock-o"}
        # Translate only the label that is needed: a list calls this method for eighty rows.
        if self.state == "draft":
            return {"label": self.env._("Draft"), "color": "dark", "icon": "fa-pencil"}
        if self.state == "sent":
            return {"label": self.env._("Sent"), "color": "info", "icon": "fa-paper-plane"}
        if self.state == "sale":
            return {"label": self.env._("Confirmed"), "color": "success", "icon": "fa-check"}
        return {"label": self.env._("Cancelled"), "color": "danger", "icon": "fa-times"}

    def _get_portal_agent_invoices(self):
        """Return the invoices of the order that the agent may see.

        :rtype: account.move
        """
        Move = self.env["account.move"]
        return Move.search(Domain("id", "in", self.sudo().invoice_ids.ids) & Move._get_portal_agent_invoice_domain())

    def _get_portal_agent_deliveries(self):
        """Return the deliveries of the order, if the addons that create them are installed.

        :return: ``[{"name", "state", "label", "date", "tracking_reference", "tracking_url"}]``; the date is that of the
            delivery, or the scheduled one; the URL leads to the carrier's page
        :rtype: list[dict]
        :raise AccessError: if the current user may not read the order
        """
        self.ensure_one()
        self.check_access("read")
        if "picking_ids" not in self._fields:
            return []
        deliveries_sudo = self.sudo().picking_ids.filtered(
            lambda picking: picking.picking_type_code == "outgoing" and picking.state not in ("draft", "cancel")
        )
        return [
            self._prepare_portal_agent_delivery(each_sudo) for each_sudo in deliveries_sudo.sorted("scheduled_date")
        ]

    def _prepare_portal_agent_delivery(self, delivery_sudo):
        """Prepare the values that an agent sees of a delivery.

        :param delivery_sudo: ``stock.picking`` of an order found under the agent's rules
        :rtype: dict
        """
        has_carrier = "carrier_tracking_url" in delivery_sudo._fields
        url = (has_carrier and delivery_sudo.carrier_tracking_url) or ""
        is_done = delivery_sudo.state == "done"
        return {
            "name": delivery_sudo.name,
            "state": delivery_sudo.state,
            "label": self.env._("Delivered") if is_done else self.env._("To deliver"),
            "date": delivery_sudo.date_done if is_done else delivery_sudo.scheduled_date,
            "tracking_reference": (has_carrier and delivery_sudo.carrier_tracking_ref) or "",
            # Some carriers return a list of several URLs for one delivery, which is not a link.
            "tracking_url": url if url.startswith(("https://", "http://")) else "",
        }
