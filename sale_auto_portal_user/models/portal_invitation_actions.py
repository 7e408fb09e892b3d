from odoo import models
from odoo.exceptions import LockError, UserError


class SalePortalInvitation(models.Model):
    """What staff do with invitations."""

    _inherit = "sale.portal.invitation"

    def action_resend(self):
        """Send the invitations again, to those who have never signed in.

        Who declined is invited again by hand, on that one invitation: not by a selection that somebody made.

        :return: a notification that says for how many it was done
        :rtype: dict
        :raise AccessError: the user may not see these invitations
        :raise UserError: the only one can't be sent again
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
        """Say what became of the request to send invitations again.

        :param int requested: how many are sent again
        :rtype: str
        """
        if len(self) == 1:
            return self.env._("The invitation is on its way to %(email)s.", email=self.sudo().partner_id.email)
        if requested == len(self):
            return self.env._("%(requested)s invitations are on their way.", requested=requested)
        return self.env._(
            "%(requested)s of %(selected)s invitations are on their way. The others were accepted, declined or "
            "revoked, or sent a short time ago. Who declined can be invited again on the invitation itself.",
            requested=requested,
            selected=len(self),
        )

    def action_archive_account(self):
        """Archive the accounts.

        :return: a notification that says how many
        :rtype: dict
        :raise AccessError: the user may not change users
        """
        self.check_access("read")
        users = self.user_id.filtered("active")
        users.check_access("write")
        users.action_archive()
        answer = self.env._("%(count)s accounts were archived.", count=len(users))
        return self.env["sale.order"]._notify_portal_account_action(answer, success=bool(users))
