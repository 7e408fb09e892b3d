from odoo import models


class ResUsers(models.Model):
    _inherit = "res.users"

    def _get_agents_shown_to_customer(self):
        """Return the contact details of the agents of this customer's company.

        They are plain values: the customer may read neither the agents' users nor their other customers.

        :return: ``[{"name", "email", "phone"}]``; empty if the setting is disabled for the user's company
        :rtype: list[dict]
        """
        self.ensure_one()
        user_sudo = self.sudo()
        if not (user_sudo.company_id.portal_agent_shown_to_customer and user_sudo._is_portal()):
            return []
        agents_sudo = user_sudo.partner_id.commercial_partner_id.portal_agent_ids - user_sudo
        return [
            {"name": agent.name, "email": agent.email, "phone": agent.phone}
            for agent in agents_sudo.filtered("is_portal_agent").sorted("name")
        ]
