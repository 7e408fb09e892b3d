from odoo import api, fields, models
from odoo.tools import SQL

# Value of a context key that disables Odoo's alerts. Clients can't forge it, because the object itself is compared.
NO_ALERT = object()


class ResUsers(models.Model):
    """Effects of invitations on users and vice versa."""

    _inherit = "res.users"

    portal_invitation_ids = fields.One2many(
        comodel_name="sale.portal.invitation",
        inverse_name="user_id",
        groups="base.group_erp_manager,sales_team.group_sale_manager",
    )

    def write(self, vals):
        """Void the links that were sent to users who are archived, or to their previous login."""
        changed = self.browse()
        if "active" in vals and not vals["active"]:
            self._cancel_portal_invitations()
            changed = self
        elif "login" in vals:
            changed = self.sudo().filtered(lambda user: user.login != vals["login"])
            changed.portal_invitation_ids.is_login_changed = True
        result = super().write(vals)
        changed._withdraw_unused_portal_links()
        return result

    def _withdraw_unused_portal_links(self):
        """Void the links to the documents of accounts that no owner has used, and their signup tokens.

        Anyone who received mails at a wrong address may know them.
        """
        contacts_sudo = self.sudo().filtered("portal_tokens_exposed").partner_id
        if self.env.context.get("keep_portal_document_links"):
            contacts_sudo.signup_cancel()
        elif contacts_sudo:
            contacts_sudo._withdraw_portal_links()

    def _archive_without_owner(self):
        """Archive accounts that their owners don't want or don't use.

        Nobody's access is revoked: the links to the documents keep working, as they do for customers who have never had
        an account.
        """
        self.with_context(keep_portal_document_links=True).action_archive()

    def _try_lock_with_portal_documents(self):
        """Lock a user and the documents whose links a change of the login voids, without waiting.

        :return: whether no other transaction is writing on any of them
        :rtype: bool
        """
        self.ensure_one()
        documents = self.partner_id._get_exposed_portal_documents()
        return bool(self.try_lock_for_update()) and all(
            records.try_lock_for_update(allow_referencing=True) == records for records in documents
        )

    @api.ondelete(at_uninstall=False)
    def _unlink_portal_invitations(self):
        """Delete the invitations along with their queued mails, which a database cascade would leave behind."""
        self.env["sale.portal.invitation"].sudo().search([("user_id", "in", self.ids)]).unlink()

    def _cancel_portal_invitations(self):
        """Cancel the invitations that were neither accepted nor declined."""
        self.env["sale.portal.invitation"].sudo().search(
            [("user_id", "in", self.ids), ("state", "not in", ["accepted", "declined"])]
        )._cancel()

    def _filter_portal_account_in_use(self):
        """Return the users who have signed in or have a password.

        No field tells whether a user has a password, hence the SQL.

        :rtype: res.users recordset
        """
        if not self:
            return self
        self.env["res.users"].flush_model(["password"])
        self.env["res.users.log"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT id
                  FROM res_users
                 WHERE id IN %s
                   AND (
                       coalesce(password, '') != ''
                       OR EXISTS (SELECT 1 FROM res_users_log WHERE create_uid = res_users.id)
                   )
                """,
                tuple(self.ids),
            )
        )
        user_ids = {user_id for (user_id,) in rows}
        return self.filtered(lambda user: user.id in user_ids)

    def _can_resend_portal_invitation(self, invitation):
        """Return whether the user, if any, can be invited again.

        :param invitation: user's invitation, empty if it was deleted
        :rtype: bool
        """
        if invitation:
            return invitation._can_resend()
        return bool(self.sudo().portal_tokens_exposed and self.active and not self.login_date)

    def _set_portal_login(self, login):
        """Change the login of an invited user, and void links that Odoo sent to the old address.

        :param str login: new login
        """
        self.ensure_one()
        # The user has never used the old login, so don't alert about the change.
        self.with_context(portal_account_alert=NO_ALERT).login = login
        self.partner_id.signup_cancel()

    def _release_portal_login(self):
        """Release the logins of archived accounts that were never used, as Odoo does for deleted accounts."""
        for user in self:
            user._set_portal_login(f"__unused_user_{user.id}")

    def _set_first_portal_password(self, password):
        """Set the password chosen by an invited user without alerting the user.

        Assign the field, as Odoo's sign-up does, so that all password policies apply.

        :param str password: password in plain text
        :raise UserError: if the password is refused
        """
        self.ensure_one()
        self.with_context(portal_account_alert=NO_ALERT).password = password

    def _notify_security_setting_update(self, subject, content, mail_values=None, **kwargs):
        """Don't send alerts about changes made by an invitation."""
        if self.env.context.get("portal_account_alert") is NO_ALERT:
            return self.env["mail.mail"]
        return super()._notify_security_setting_update(subject, content, mail_values, **kwargs)
