from odoo import fields, models
from odoo.exceptions import UserError


class PortalWizardUser(models.TransientModel):
    _inherit = "portal.wizard.user"

    is_portal_agent = fields.Boolean(related="user_id.is_portal_agent")

    def action_invite_again(self):
        """Explain why the current user may not invite an agent, instead of failing to render the mail.

        The invitation names the agent's login, so correct it as for the agents' own invitations.

        :raise UserError: if the agent's address is the login of another user
        """
        self.partner_id._check_may_take_over_portal_agents()
        agents_sudo = self.user_id.sudo().filtered(lambda user: user._is_portal_agent())
        if agents_sudo:
            self._update_partner_email()
            reasons = agents_sudo._correct_portal_agent_logins()
            if reasons:
                raise UserError("\n".join(reasons.values()))
        return super().action_invite_again()

    def action_make_portal_agent(self):
        """Make the contact of this line a portal agent, and create a user if there is none.

        :return: action that refreshes the wizard
        :rtype: dict
        """
        self.ensure_one()
        self._update_partner_email()
        self._update_partner_website()
        self.partner_id.action_make_portal_agent()
        return self.action_refresh_modal()

    def action_revoke_portal_agent(self):
        """Dismiss the agent of this line, who keeps the portal access.

        :return: action that refreshes the wizard
        :rtype: dict
        """
        self.ensure_one()
        self.partner_id.action_revoke_portal_agent()
        return self.action_refresh_modal()

    def _update_partner_website(self):
        """Set the contact's website to that of this line. The addon portal_invitation_by_website adds the field."""
        if "website_id" in self._fields:
            self.partner_id.website_id = self.website_id
