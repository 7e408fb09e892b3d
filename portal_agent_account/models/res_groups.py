from odoo import models
from odoo.tools import SQL


class ResGroups(models.Model):
    _inherit = "res.groups"

    def write(self, vals):
        """Apply the checks of :meth:`res.users.write` to users added or removed through the group."""
        result = super().write(vals)
        if {"user_ids", "implied_ids", "implied_by_ids"} & vals.keys():
            self._check_portal_agents()
        return result

    def _check_portal_agents(self):
        """Check the agents' group, and take the customers from users who can no longer be agents.

        :raise ValidationError: if a user in the agents' group is not a portal user
        """
        group = self.env.ref("portal_agent_account.group_portal_agent", raise_if_not_found=False)
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
