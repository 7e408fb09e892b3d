from odoo.http import request

from odoo.addons.portal.controllers.portal import CustomerPortal


class PortalMyAgents(CustomerPortal):
    """Who looks after a customer: named on the customer's own account page, where the company says so."""

    def _prepare_portal_layout_values(self):
        values = super()._prepare_portal_layout_values()
        values["my_portal_agents"] = request.env.user._get_agents_shown_to_customer()
        return values
