from odoo import models
from odoo.tools import email_normalize
from odoo.tools.mail import email_normalize_all

from .portal_mail import LOCKED_MINUTES


class SalePortalInvitation(models.Model):
    """Sending of invitations: recipients, addresses and mail content."""

    _inherit = "sale.portal.invitation"

    def _get_template(self):
        return self.company_id._get_auto_portal_user_template()

    def _filter_sendable(self):
        """Keep the invitations of customers who still have to be invited and sign in with the contact's address."""
        invitations = self._filter_waiting_for_owner()._filter_order_alive()
        return invitations._follow_addresses()

    def _filter_waiting_for_owner(self):
        """Accept or cancel the invitations whose owner has signed in or whose account was archived; keep the others.

        :rtype: sale.portal.invitation recordset
        """
        welcome = self._filter_in_use()
        welcome._accept()
        archived = (self - welcome).filtered(lambda invitation: not invitation.user_id.active)
        archived._cancel()
        return self - welcome - archived

    def _filter_order_alive(self):
        """Keep the invitations whose mail doesn't mention an order that is no longer confirmed.

        The order is replaced by another confirmed order of the customer. If there is none, the first mail and the
        reminder are not sent. A link that was requested is sent in a mail about the account alone, and so is the first
        mail if there is a guest order with the customer's address.

        :rtype: sale.portal.invitation recordset
        """
        stopped = self.browse()
        for invitation in self.filtered(lambda invitation: not invitation._is_order_confirmed()):
            if other := invitation._find_other_order():
                invitation.write(invitation._prepare_order_values(other))
            elif invitation.is_reminder:
                # The link of the first mail works for as long as it would have without a reminder.
                invitation.write({"state": "sent", "next_attempt": False, "is_reminder": False})
                stopped += invitation
            elif invitation.sent_date or invitation._has_guest_order():
                invitation.order_id = False
            else:
                invitation._cancel()
                invitation.is_waiting_for_order = True
                stopped += invitation
        return self - stopped

    def _is_order_confirmed(self):
        """Return whether the invitation has no order or its order is confirmed.

        The mail thanks the customer for the order, if it has one.

        :rtype: bool
        """
        self.ensure_one()
        return not self.order_id or self.order_id.state == "sale"

    def _drop_unconfirmed_order(self):
        """Make the mail about the account alone if there is no confirmed order to thank for."""
        if not self._is_order_confirmed() and not self._find_other_order():
            self.order_id = False

    def _find_other_order(self):
        """Return the earliest confirmed order of the same customer that, according to the settings, creates accounts.

        :rtype: sale.order record
        """
        self.ensure_one()
        orders = self.env["sale.order"].search(
            [("partner_id", "=", self.partner_id.id), ("state", "=", "sale")], order="id"
        )
        return orders.filtered(lambda order: order._is_portal_account_wanted())[:1]

    def _has_guest_order(self):
        """Return whether there is a confirmed guest order that belongs to the account because of its email address.

        A guest who orders again has another contact. The order creates no second account, but waits for this one.

        :rtype: bool
        """
        self.ensure_one()
        address = self.user_id._get_portal_login_address()
        guests = self.env["res.partner"].search(self.env["res.partner"]._get_portal_guest_domain(address))
        orders = self.env["sale.order"].search(
            [("partner_id", "in", guests.ids), ("state", "=", "sale"), ("website_id", "!=", False)]
        )
        data = orders.partner_id._read_portal_guests()
        return any(
            order._is_portal_account_wanted()
            and not order.partner_id._get_portal_guest_obstacle(data[order.partner_id])
            and self.user_id._search_portal_owner(address, order.website_id) == self.user_id
            for order in orders
        )

    def _prepare_order_values(self, order):
        """Prepare the values that link the invitation to another order.

        :param order: other order of the customer
        :rtype: dict
        """
        return {"order_id": order.id, "company_id": order.company_id.id, "website_id": order.website_id.id}

    # ------------------------------------------------------------
    # The address
    # ------------------------------------------------------------

    def _follow_addresses(self):
        """Update the logins of these users, who never signed in, to the address that the invitation goes to.

        They differ if the contact's address was corrected after the account was created. A link must never be sent to
        an address other than the account's login.

        :return: invitations that can be sent now; a note on the order tells why the others can't
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
        """Return the orders on which the decision to create these accounts is based.

        :return: order of each invitation; for an invitation without an order, the order that created the account
        :rtype: sale.order recordset
        """
        return self.env["sale.order"].union(
            *(invitation.order_id or invitation.user_id.auto_portal_order_id for invitation in self)
        )

    def _forget_grants(self):
        """Clear the permission to create the account: it was given for one address only, not for the next one."""
        self._get_account_orders().filtered("portal_account_granted").portal_account_granted = False

    def _is_login_the_address(self):
        """Return whether the account's login is the customer's only email address.

        :rtype: bool
        """
        self.ensure_one()
        return email_normalize_all(self.partner_id.email) == [email_normalize(self.user_id.login)]

    def _follow_address(self, taken, free):
        """Change the login to the contact's address if a new account could be created with it.

        :param taken: logins in use, as in :meth:`sale.order._get_portal_account_decision`; the new login is added
        :type taken: set[tuple[str, int]]
        :param free: reserved addresses, as in :meth:`sale.order._get_portal_account_decision`
        :type free: set[str]
        """
        self.ensure_one()
        user = self.user_id
        order = self._get_account_orders().filtered(lambda order: order.partner_id == self.partner_id)
        closed = order.partner_id.browse() if order.portal_account_granted else order._get_closed_portal_contacts()
        decision = order._get_portal_account_decision(taken, free, closed) if order else "error"
        if decision == "create" and not user._try_lock_with_portal_documents():
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

    def _get_portal_mail_links(self):
        return {
            self._get_portal_invitation_url(): self.env._("Choose your password"),
            self._get_portal_decline_url(): self.env._("I don't want an account"),
        }

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
