from odoo.http import request

from odoo.addons.portal.controllers.portal import CustomerPortal


class PortalMyAgents(CustomerPortal):
    """Show a customer's agents on the customer's own account page, if the company enables it."""

    def _prepare_portal_layout_values(self):
        values = super()._prepare_portal_layout_values()
        values["my_portal_agents"] = request.env.user._get_agents_shown_to_customer()
        return values
