from odoo import models
from odoo.fields import Command
from odoo.http import request


class ResUsers(models.Model):
    """Ways to sign in that were set up before the owner of the address proved access to the mailbox.

    Anyone can sign up with somebody else's address if the website's sign-up is free. When the owner of the address
    resets the password, Odoo only ends the stranger's sessions. Accounts of an OAuth provider are kept: the provider
    has verified the address.
    """

    _inherit = "res.users"

    def _prove_portal_mailbox(self, date=None):
        """Revoke the other ways to sign in at the first proof of access to the mailbox of the current login."""
        if not self._get_portal_mailbox_date():
            self.sudo()._revoke_portal_credentials()
        return super()._prove_portal_mailbox(date)

    def _has_unproved_portal_credentials(self):
        """Return whether the first proof of access to the mailbox revokes other ways to sign in.

        :rtype: bool
        """
        self.ensure_one()
        user_sudo = self.sudo()
        names = {"api_key_ids", "totp_trusted_device_ids", "auth_passkey_key_ids"} & self._fields.keys()
        return not self._get_portal_mailbox_date() and any(user_sudo[name] for name in names)

    def _revoke_portal_credentials(self):
        """Delete API keys, passkeys and trusted devices, and sign out all devices except the current one."""
        self.ensure_one()
        self.env["res.users.apikeys"].search([("user_id", "=", self.id)])._remove()
        if "totp_trusted_device_ids" in self._fields:
            self._revoke_all_devices()
        if "auth_passkey_key_ids" in self._fields and self.auth_passkey_key_ids:
            self.auth_passkey_key_ids = [Command.delete(key.id) for key in self.auth_passkey_key_ids]
            self._renew_portal_session()
        self._action_revoke_all_devices()

    def _renew_portal_session(self):
        """Keep the user signed in on the current device: the session's token depends on the passkeys."""
        if request and request.session.uid == self.id:
            self.env.flush_all()
            request.session.session_token = self._compute_session_token(request.session.sid)
