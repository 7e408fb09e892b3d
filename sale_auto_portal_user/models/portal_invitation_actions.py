from odoo import models
from odoo.exceptions import LockError, UserError


class SalePortalInvitation(models.Model):
    """Actions of the backend views."""

    _inherit = "sale.portal.invitation"

    def action_resend(self):
        """Send the invitations again to customers who have never signed in.

        Customers who declined are only invited again from the form of their invitation, never as part of a selection.

        :return: client action that displays the number of invitations sent
        :rtype: dict
        :raise AccessError: if the user may not read these invitations
        :raise UserError: if a single invitation is given and can't be sent again
        """
        self.check_access("read")
        requested, may_grant = 0, self.env["sale.order"]._may_grant_portal_access()
        invitations_sudo = self.sudo()
        if len(self) > 1:
            invitations_sudo = invitations_sudo.filtered(lambda invitation: invitation.state != "declined")
        for invitation in invitations_sudo:
            try:
                invitation._resend(may_grant)
                requested += 1
            except (LockError, UserError):
                if len(self) == 1:
                    raise
        return self.env["sale.order"]._notify_portal_account_action(
            self._get_resend_answer(requested), success=bool(requested)
        )

    def _get_resend_answer(self, requested):
        """Return the message that follows a request to send invitations again.

        :param int requested: number of invitations that are sent again
        :rtype: str
        """
        if len(self) == 1:
            return self.env._("The invitation is on its way to %(email)s.", email=self.sudo().partner_id.email)
        if requested == len(self):
            return self.env._("%(requested)s invitations are on their way.", requested=requested)
        return self.env._(
            "%(requested)s of %(selected)s invitations are on their way. The others were accepted, declined or "
            "revoked, or sent a short time ago. Customers who declined can be invited again on the invitation itself.",
            requested=requested,
            selected=len(self),
        )

    def action_archive_account(self):
        """Archive the accounts.

        :return: client action that displays the number of archived accounts
        :rtype: dict
        :raise AccessError: if the user may not edit users
        """
        self.check_access("read")
        users = self.user_id.filtered("active")
        users.check_access("write")
        users.action_archive()
        answer = self.env._("%(count)s accounts were archived.", count=len(users))
        return self.env["sale.order"]._notify_portal_account_action(answer, success=bool(users))
