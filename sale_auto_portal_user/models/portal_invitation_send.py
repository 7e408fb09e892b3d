from markupsafe import Markup

from odoo import models
from odoo.tools import email_normalize
from odoo.tools.mail import append_content_to_html, email_normalize_all

from .portal_mail import LOCKED_MINUTES


class SalePortalInvitation(models.Model):
    """What is special about sending an invitation: who gets it, and the links in it."""

    _inherit = "sale.portal.invitation"

    def _get_template(self):
        return self.company_id._get_auto_portal_user_template()

    def _filter_sendable(self):
        """Keep those that are still to be invited, at the address that they sign in with."""
        invitations = self._filter_waiting_for_owner()._filter_order_alive()
        return invitations._follow_addresses()

    def _filter_waiting_for_owner(self):
        """Set aside who has come in meanwhile, and whose account was archived.

        :rtype: sale.portal.invitation recordset
        """
        welcome = self._filter_in_use()
        welcome._accept()
        archived = (self - welcome).filtered(lambda invitation: not invitation.user_id.active)
        archived._cancel()
        return self - welcome - archived

    def _filter_order_alive(self):
        """Keep those whose mail says nothing of an order that is not confirmed any more.

        Another order of the customer takes its place. Without one the first mail and a reminder don't leave; a link
        that somebody asked for does, and the mail is about the account alone.

        :rtype: sale.portal.invitation recordset
        """
        stopped = self.browse()
        for invitation in self.filtered(lambda invitation: not invitation._is_order_confirmed()):
            if other := invitation._find_other_order():
                invitation.write(invitation._prepare_order_values(other))
            elif invitation.is_reminder:
                # The link of the mail before works as long as it would have without a reminder.
                invitation.write({"state": "sent", "next_attempt": False, "is_reminder": False})
                stopped += invitation
            elif invitation.sent_date:
                invitation.order_id = False
            else:
                invitation._cancel()
                invitation.is_waiting_for_order = True
                stopped += invitation
        return self - stopped

    def _is_order_confirmed(self):
        """Tell whether the mail may thank for its order; a mail that is about no order thanks for none.

        :rtype: bool
        """
        self.ensure_one()
        return not self.order_id or self.order_id.state == "sale"

    def _find_other_order(self):
        """Find a confirmed order of the same customer.

        :rtype: sale.order record
        """
        self.ensure_one()
        domain = [("partner_id", "=", self.partner_id.id), ("state", "=", "sale")]
        return self.env["sale.order"].search(domain, order="id", limit=1)

    def _prepare_order_values(self, order):
        """Prepare the values that make the invitation one for another order.

        :param order: sale.order record
        :rtype: dict
        """
        return {"order_id": order.id, "company_id": order.company_id.id, "website_id": order.website_id.id}

    # ------------------------------------------------------------
    # The address
    # ------------------------------------------------------------

    def _follow_addresses(self):
        """Have these users, who never signed in, sign in with the address that the invitation goes to.

        It differs where somebody corrected the contact's address since the account was created. The
        link of one login is never sent to the address of another.

        :return: those who can be invited now; of the others the order says why not
        :rtype: sale.portal.invitation recordset
        """
        followers = self.filtered(lambda invitation: not invitation._is_login_the_address())
        if followers:
            taken, free = followers._get_account_orders()._reserve_portal_logins()
            for invitation in followers:
                invitation._follow_address(taken, free)
        invited = self.filtered(lambda invitation: invitation._is_login_the_address())
        for invitation in invited:
            login = email_normalize(invitation.user_id.login)
            if invitation.email != login:
                invitation.write({"email": login, "sent_count": 0})
        invited._forget_grants()
        return invited

    def _get_account_orders(self):
        """Return the orders by which it is decided who may have these accounts.

        :return: the orders that the mails are about; where a mail is about none, the one that created the account
        :rtype: sale.order recordset
        """
        return self.env["sale.order"].union(
            *(invitation.order_id or invitation.user_id.auto_portal_order_id for invitation in self)
        )

    def _forget_grants(self):
        """Forget that somebody who may grant portal access let an address in: the next one is another decision."""
        self._get_account_orders().filtered("portal_account_granted").portal_account_granted = False

    def _is_login_the_address(self):
        """Tell whether mails to the customer go to the address that the account signs in with, and to no other.

        :rtype: bool
        """
        self.ensure_one()
        return email_normalize_all(self.partner_id.email) == [email_normalize(self.user_id.login)]

    def _follow_address(self, taken, free):
        """Change the login to the address of the contact, by the rules for a new account.

        :param taken: see :meth:`sale.order._get_portal_account_decision`; the new login is added
        :type taken: set[tuple[str, int]]
        :param free: see there
        :type free: set[str]
        """
        self.ensure_one()
        user = self.user_id
        order = self._get_account_orders().filtered(lambda order: order.partner_id == self.partner_id)
        closed = order.partner_id.browse() if order.portal_account_granted else order._get_closed_portal_contacts()
        decision = order._get_portal_account_decision(taken, free, closed) if order else "error"
        if decision == "create" and not user.try_lock_for_update():
            decision = "pending"
        if decision == "create":
            user._set_portal_login(order._get_portal_login())
            taken.add((user.login, user.website_id.id or 0))
        elif decision == "pending":
            self._schedule(minutes=LOCKED_MINUTES)
        else:
            self._forget_grants()
            env = self.order_id._portal_account_env()
            self._fail(self.order_id.with_env(env)._get_portal_account_issue_label(decision))

    # ------------------------------------------------------------
    # The mail
    # ------------------------------------------------------------

    def _prepare_recipient_mail_values(self, mail_sudo):
        """Add the decline link where the template leaves it out."""
        values = super()._prepare_recipient_mail_values(mail_sudo)
        values["body_html"] = self._add_decline_link(values["body_html"])
        return values

    def _prepare_queued_values(self, mail_sudo, template):
        """Note until when the link works: the mail may have left before that is known."""
        return {**super()._prepare_queued_values(mail_sudo, template), "expiry_date": self._get_next_expiry()}

    def _add_decline_link(self, body):
        """Add the link that declines the account to a mail whose template leaves it out.

        :param str body: the rendered mail
        :rtype: str
        """
        self.ensure_one()
        url = self._get_portal_decline_url()
        if url in body:
            return body
        env = self.with_context(lang=self.partner_id.lang or self.env.lang).env
        link = Markup('<a href="%s">%s</a>') % (url, env._("I don't want an account"))
        return append_content_to_html(body, Markup("<p>%s</p>") % link, plaintext=False)

    def _prepare_sent_values(self):
        values = super()._prepare_sent_values()
        values.update(expiry_date=self._get_next_expiry(), link_number=self.link_number + 1)
        if self.is_reminder:
            values["reminded_date"] = values["last_sent_date"]
        return values

    def _get_missing_template_reason(self):
        return self.env._(
            "The email template was deleted. Choose another one in the settings, or upgrade the module "
            "\"Portal Account on Sales Order Confirmation\", which restores the standard one. Then send the invitation "
            "again."
        )

    def _get_failure_note(self, reason):
        return self.env._(
            "The invitation to the portal account could not be delivered to %(email)s: %(reason)s",
            email=self.email or self.user_id.login,
            reason=reason,
        )
