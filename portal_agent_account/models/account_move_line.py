from odoo import api, models
from odoo.fields import Domain


class AccountMoveLine(models.Model):
    _name = "account.move.line"
    _inherit = ["account.move.line", "portal.agent.mixin"]

    _portal_agent_contact_field = "move_id"

    @api.model
    def _get_portal_agent_customer_domain(self, customer):
        if not customer:
            return Domain.TRUE
        return Domain("move_id", "any!", self.env["account.move"]._get_portal_agent_customer_domain(customer))
