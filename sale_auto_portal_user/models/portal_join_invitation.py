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

    Owners to whom an employee granted access are not invited because of orders that anyone can place. They are sent the
    mail about the order. Its link leads to a page that sends them an invitation.
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
        """Send the invitation of one owner again, unless it is about to be sent or was sent recently.

        Anyone can place orders with the owner's address. Therefore, unless an employee requests it, such an order
        neither sends a withheld invitation nor keeps an account from being archived.
        """
        is_requested = any(self.mapped("is_mail_requested"))
        invitation = self._get_or_create_portal_invitation() if is_requested else self._find_portal_invitation()
        now, sent_date = fields.Datetime.now(), invitation.last_sent_date
        since = not is_requested and (invitation.unused_since or sent_date)
        if invitation.state in ("to_send", "queued"):
            self._postpone(now + timedelta(minutes=INVITATION_MINUTES))
        elif not is_requested and (self._is_portal_invitation_withheld(invitation) or invitation._is_archive_due()):
            self._cover()
        elif sent_date and not is_requested and sent_date > max(self.order_id.mapped("date_order")):
            self._cover()  # sent after the orders were placed
        else:
            moment = invitation._get_next_resend_date()
            if sent_date and not is_requested:
                moment = max(moment, sent_date + timedelta(hours=MAIL_PAUSE_HOURS))
            if moment > now:
                self._postpone(moment)
            elif invitation._try_request_again(unused_since=since):
                self._cover()
            else:
                self._postpone(now + timedelta(minutes=LOCKED_MINUTES))

    def _find_portal_invitation(self):
        """Return the invitation of the account that these orders wait for.

        :return: invitation, empty if there is none
        :rtype: sale.portal.invitation record
        """
        env = self._portal_join_env()
        return env["sale.portal.invitation"].search([("user_id", "=", self.user_id.id)])

    def _get_or_create_portal_invitation(self):
        """Return the invitation of the account that these orders wait for, or create it if there is none.

        :rtype: sale.portal.invitation record
        """
        env, join = self._portal_join_env(), self[:1]
        user = self.user_id.with_env(env)
        shop = {} if user.auto_portal_order_id else {"company_id": join.company_id.id, "website_id": join.website_id.id}
        return env["sale.portal.invitation"]._get_or_create(user, **shop)

    def _can_resend_portal_invitation(self):
        """Return whether the owner may request an invitation now.

        :rtype: bool
        """
        invitation = self._find_portal_invitation()
        return not invitation or invitation._is_resend_decent()

    @api.model
    def _is_portal_invitation_withheld(self, invitation):
        """Return whether only an employee or the customer can request the invitation.

        :param invitation: invitation from :meth:`_find_portal_invitation`
        :rtype: bool
        """
        return not invitation or invitation._is_withheld()

    def _get_portal_join_mail_note(self):
        """Also return why the owner was not invited."""
        note = super()._get_portal_join_mail_note()
        if note or self.sent_date or self.state != "cancelled":
            return note
        invitation = self._find_portal_invitation()
        unused = self.user_id.filtered(lambda user: user._is_portal_account_unused())
        if not unused or not self._is_portal_invitation_withheld(invitation):
            return note
        if invitation.state == "declined":
            return self.order_id._get_portal_account_issue_label("declined")
        return self.env._("The invitation to the account was cancelled.")
