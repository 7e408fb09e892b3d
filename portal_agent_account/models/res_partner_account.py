"""Protect an agent's account against takeover through the agent's contact."""

import zlib

from odoo import SUPERUSER_ID, models
from odoo.exceptions import AccessError
from odoo.fields import Domain


class ResPartner(models.Model):
    _inherit = "res.partner"

    def write(self, vals):
        """Let only users who may change users edit an agent's email address: it is used to reset the password."""
        if "email" in vals and not self.env.su:
            email = vals["email"] or ""
            self.filtered(lambda contact: (contact.email or "") != email)._check_may_take_over_portal_agents()
        return super().write(vals)

    def _generate_signup_token(self, expiration=None):
        """Refuse to create an agent's signup token for a user who may not change users.

        The method checks the user, not the rights of the environment: the mass mail composer, for example, renders
        templates with sudo for every employee. Code that no user triggers runs as OdooBot.
        """
        self._check_may_take_over_portal_agents()
        return super()._generate_signup_token(expiration=expiration)

    def _get_login_date(self):
        """Invalidate links of an agent who has never signed in after an address change or a new invitation.

        Odoo signs this value into the link and compares it when the link is used. Without this override, the value
        stays the same until the first sign-in.
        """
        login_date = super()._get_login_date()
        agents_sudo = self.sudo().user_ids.filtered(lambda user: user._is_portal_agent())
        if login_date or not agents_sudo:
            return login_date
        invitations_sudo = agents_sudo.portal_agent_invitation_ids
        state = (agents_sudo.mapped("login"), self.sudo().email_normalized, max(invitations_sudo.ids, default=0))
        return zlib.crc32(repr(state).encode())

    def _check_may_take_over_portal_agents(self):
        """Refuse changes with which the current user could sign in as the agent of one of these contacts.

        :raise AccessError: if a contact belongs to an agent and the current user may not change users
        """
        if not self or self.env.uid == SUPERUSER_ID:
            return
        users_sudo = self.env["res.users"].sudo().with_context(active_test=False)
        users_sudo = users_sudo.search(Domain("partner_id", "in", self.ids) & Domain("id", "!=", self.env.uid))
        agents = users_sudo.filtered(lambda user: user._is_portal_agent()).with_env(self.env(su=False))
        if agents and not agents.has_access("write"):
            raise AccessError(
                self.env._(
                    "Only users who may change users can do this with the contact of a portal agent: whoever has "
                    "the agent's email address can sign in as the agent. Contacts: %(names)s",
                    names=", ".join(agents.sudo().mapped("name")),
                )
            )

    def _can_be_edited_by_current_customer(self, **kwargs):
        """Let only the agent edit the agent's contact, even if it is in a colleague's address book.

        :rtype: bool
        """
        if self != self._get_current_partner(**kwargs) and any(
            user._is_portal_agent() for user in self.sudo().user_ids
        ):
            return False
        return super()._can_be_edited_by_current_customer(**kwargs)
