from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

from .res_users import AGENT_GROUP


class ResGroups(models.Model):
    _inherit = "res.groups"

    def write(self, vals):
        """Check and log users added or removed through the group, as :meth:`res.users.write` does."""
        if not {"user_ids", "implied_ids", "implied_by_ids"} & vals.keys():
            return super().write(vals)
        agents_before_sudo = self._search_portal_agents()
        result = super().write(vals)
        self._check_portal_agents()
        agents_sudo = self._search_portal_agents()
        (agents_sudo - agents_before_sudo)._log_portal_agent_change(is_agent=True)
        (agents_before_sudo - agents_sudo)._log_portal_agent_change(is_agent=False)
        return result

    @api.model
    def _search_portal_agents(self):
        """Return all agents.

        :return: ``res.users`` with sudo; empty while the addon is installed or uninstalled, when there is no group
        """
        Users_sudo = self.env["res.users"].sudo()
        if not self.env.ref(AGENT_GROUP, raise_if_not_found=False):
            return Users_sudo
        return Users_sudo.search(Domain("is_portal_agent", "=", True))

    def _check_portal_agents(self):
        """Check the agents' group, and take the customers from users who can no longer be agents.

        :raise ValidationError: if a user in the agents' group is not a portal user
        """
        group = self.env.ref(AGENT_GROUP, raise_if_not_found=False)
        if not group:
            return
        members = group.sudo().with_context(active_test=False).all_user_ids
        if group in self:
            members._check_portal_agents_are_portal()
        (members | self._get_assigned_portal_agents())._release_former_portal_agents()

    def _get_assigned_portal_agents(self):
        """Return all users with assigned customers, whether still agents or not.

        :return: ``res.users`` with sudo
        """
        self.env["res.partner"].flush_model(["portal_agent_ids"])
        rows = self.env.execute_query(SQL("SELECT DISTINCT user_id FROM res_partner_portal_agent_rel"))
        return self.env["res.users"].sudo().browse(user_id for (user_id,) in rows)
