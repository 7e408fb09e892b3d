from odoo import api, models
from odoo.fields import Domain


class SaleOrderLine(models.Model):
    _name = "sale.order.line"
    _inherit = ["sale.order.line", "portal.agent.mixin"]

    _portal_agent_contact_field = "order_partner_id"

    @api.model
    def _get_portal_agent_customer_domain(self, customer):
        if not customer:
            return Domain.TRUE
        return Domain("order_partner_id", "any!", Domain("commercial_partner_id", "=", customer.id))
