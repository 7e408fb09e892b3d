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

    def _get_portal_agent_invoices(self):
        """Return the invoices of an order, as far as they are the agent's to see.

        :rtype: account.move
        """
        Move = self.env["account.move"]
        return Move.search(Domain("id", "in", self.sudo().invoice_ids.ids) & Move._get_portal_agent_invoice_domain())

    def _get_portal_agent_deliveries(self):
        """Return the deliveries of an order, where the addons that make them are installed.

        :return: ``[{"name", "state", "label", "date", "tracking_reference", "tracking_url"}]``: the date is when it was
            delivered, or is planned to be; the address leads to the carrier's own page
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
        """Return what an agent learns of a delivery.

        :param delivery_sudo: a ``stock.picking`` of an order that was found under the agent's rules
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
            # a carrier that has several addresses for one delivery gives a list, which is no link
            "tracking_url": url if url.startswith(("https://", "http://")) else "",
        }
