from odoo import api, fields, models

# The value of a context key that switches Odoo's alerts off. No client can send this very object.
NO_ALERT = object()


class ResUsers(models.Model):
    """What an invitation does to its account, and what becomes of it when the account ends."""

    _inherit = "res.users"

    portal_invitation_ids = fields.One2many(
        comodel_name="sale.portal.invitation",
        inverse_name="user_id",
        groups="base.group_erp_manager,sales_team.group_sale_manager",
    )

    def write(self, vals):
        """Void the invitations of accounts that are archived: the links that were sent, too."""
        if "active" in vals and not vals["active"]:
            self._cancel_portal_invitations()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_portal_invitations(self):
        """Delete the invitations, and their mails in Odoo's queue, which no foreign key finds."""
        self.env["sale.portal.invitation"].sudo().search([("user_id", "in", self.ids)]).unlink()

    def _cancel_portal_invitations(self):
        """Cancel the invitations that are waiting, if only for another order, or that nobody has used."""
        self.env["sale.portal.invitation"].sudo().search(
            [("user_id", "in", self.ids), ("state", "not in", ["accepted", "declined"])]
        )._cancel()

    def _can_resend_portal_invitation(self, invitation):
        """Tell whether the user, or none, can be invited again.

        :param invitation: the user's invitation, or none where it was deleted
        :rtype: bool
        """
        if invitation:
            return invitation._can_resend()
        return bool(self.sudo().portal_tokens_exposed and self.active and not self.login_date)

    def _set_portal_login(self, login):
        """Have an invited user sign in with another address; links that Odoo sent to the old one are void.

        :param str login: the new login
        """
        self.ensure_one()
        # They never knew the old login: no alert that it has changed.
        self.with_context(portal_account_alert=NO_ALERT).login = login
        self.partner_id.signup_cancel()

    def _release_portal_login(self):
        """Give up the logins of archived accounts that nobody has used, as Odoo does for deleted ones."""
        for user in self:
            user._set_portal_login(f"__unused_user_{user.id}")

    def _set_first_portal_password(self, password):
        """Set the password that an invited user chose, without an alert to the one who did.

        By the same assignment as Odoo's sign-up, so that every policy has its say.

        :param str password: the password
        :raise UserError: the password is refused
        """
        self.ensure_one()
        self.with_context(portal_account_alert=NO_ALERT).password = password

    def _notify_security_setting_update(self, subject, content, mail_values=None, **kwargs):
        """Send no alert about what an invitation did."""
        if self.env.context.get("portal_account_alert") is NO_ALERT:
            return self.env["mail.mail"]
        return super()._notify_security_setting_update(subject, content, mail_values, **kwargs)
