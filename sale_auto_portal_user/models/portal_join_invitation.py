from datetime import timedelta

from odoo import api, fields, models

from .portal_join_mail import MAIL_PAUSE_HOURS
from .portal_mail import LOCKED_MINUTES

# Delay before a guest order is checked again whose owner is about to be sent the invitation.
INVITATION_MINUTES = 60


class SalePortalJoin(models.Model):
    """Guest orders of owners who have never signed in.

    These owners have no password yet, so a mail that asks them to sign in is of no use. They are sent the invitation to
    their account again. Once they have chosen a password, the portal offers them the guest orders.
    """

    _inherit = "sale.portal.join"

    def _invite_unused_owners(self):
        """Send the invitation again to the owners who have never signed in.

        :return: records of these owners; no mail is sent about their orders
        :rtype: sale.portal.join recordset
        """
        users = self.user_id.filtered(lambda user: user._is_portal_account_unused())
        unused = self.filtered(lambda join: join.user_id in users)
        for joins in unused.grouped("user_id").values():
            joins._invite_unused_owner()
        return unused

    def _invite_unused_owner(self):
        """Send the invitation of one owner again, unless it is about to be sent or was sent recently."""
        invitation = self._get_portal_invitation()
        now, sent_date = fields.Datetime.now(), invitation.last_sent_date
        is_requested = any(self.mapped("is_mail_requested"))
        if invitation.state in ("to_send", "queued"):
            self._postpone(now + timedelta(minutes=INVITATION_MINUTES))
        elif sent_date and not is_requested and sent_date > max(self.order_id.mapped("date_order")):
            self._cover()  # sent after the orders were placed
        else:
            moment = invitation._get_next_resend_date()
            if sent_date and not is_requested:
                moment = max(moment, sent_date + timedelta(hours=MAIL_PAUSE_HOURS))
            if moment > now:
                self._postpone(moment)
            elif self._request_portal_invitation(invitation):
                self._cover()
            else:
                self._postpone(now + timedelta(minutes=LOCKED_MINUTES))

    def _get_portal_invitation(self):
        """Return the invitation of the account that these orders wait for.

        :rtype: sale.portal.invitation record
        """
        env = self._portal_join_env()
        return env["sale.portal.invitation"]._get_or_create(self.user_id.with_env(env))

    @api.model
    def _request_portal_invitation(self, invitation):
        """Request another invitation, without waiting for other transactions.

        :param invitation: invitation from :meth:`_get_portal_invitation`
        :return: whether it was requested
        :rtype: bool
        """
        if not invitation.try_lock_for_update(allow_referencing=True):
            return False
        invitation._drop_unconfirmed_order()
        return invitation._request_again(is_reminder=False, is_waiting_for_order=False)

    def _resend_portal_invitation(self):
        """Send the invitation again at the request of somebody who opened a link that was mailed to the owner."""
        invitation = self._get_portal_invitation()
        if invitation.state not in ("to_send", "queued") and invitation._is_resend_decent():
            self._request_portal_invitation(invitation)
