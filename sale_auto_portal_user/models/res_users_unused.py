from odoo import models
from odoo.exceptions import UserError


class ResUsers(models.Model):
    """Accounts that are not archived although they were never used: employees have other plans for them."""

    _inherit = "res.users"

    def write(self, vals):
        """Record that accounts are unarchived."""
        if vals.get("active"):
            self.filtered(lambda user: not user.active)._keep_unused_portal_accounts()
        return super().write(vals)

    def _keep_unused_portal_accounts(self):
        """Keep these accounts until their invitation is sent again: an employee gave them access."""
        self.sudo().portal_invitation_ids.is_access_granted = True

    def _filter_with_other_groups(self):
        """Keep the users who have groups that new portal accounts don't have, e.g. those of another addon.

        :rtype: res.users recordset
        """
        try:
            standard = self._get_portal_template_user().all_group_ids
        except UserError:
            standard = self.env["res.groups"]
        # Odoo adds the last one to users with several companies.
        standard |= self.env.ref("base.group_portal").all_implied_ids | self.env.ref("base.group_multi_company")
        return self.filtered(lambda user: user.all_group_ids - standard)
