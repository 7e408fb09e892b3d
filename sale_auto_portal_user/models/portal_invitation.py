from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_datetime


class SalePortalInvitation(models.Model):
    """Invitation of a customer to a portal account.

    An account has one invitation: reminders and mails sent again belong to the same record. The links are in
    ``portal_invitation_link.py``, the sending in ``portal_invitation_send.py``, the daily jobs in
    ``portal_invitation_upkeep.py``.
    """

    _name = "sale.portal.invitation"
    _inherit = ["sale.portal.mail"]
    _description = "Portal Invitation"
    _cron_xml_id = "sale_auto_portal_user.ir_cron_send_portal_invitations"

    user_id = fields.Many2one(
        comodel_name="res.users",
        string="Account",
        required=True,
        readonly=True,
        ondelete="cascade",
        context={"active_test": False},
    )
    user_active = fields.Boolean(related="user_id.active", string="Account Is Active")
    state = fields.Selection(
        selection_add=[
            ("accepted", "Accepted"),
            ("declined", "Declined"),
            ("expired", "Expired"),
            ("cancelled",),
        ],
        ondelete={"accepted": "cascade", "declined": "cascade", "expired": "cascade"},
    )
    is_reminder = fields.Boolean(
        readonly=True,
        help="The mail that is being sent, or was sent last, is a reminder.",
    )
    # The invitation was held back because its order is no longer confirmed. Another confirmed order releases it.
    is_waiting_for_order = fields.Boolean(readonly=True)
    # Start of the delay to archive the account, if the last mail does not restart it: a stranger's orders caused it.
    unused_since = fields.Datetime(readonly=True)
    # The login is not the address that was typed with the order.
    is_login_changed = fields.Boolean(readonly=True)
    # An employee gave access again, without this invitation: the account is not archived as unused.
    is_access_granted = fields.Boolean(readonly=True)
    reminded_date = fields.Datetime(string="Reminded On", readonly=True)
    accepted_date = fields.Datetime(string="Accepted On", readonly=True)
    declined_date = fields.Datetime(string="Declined On", readonly=True)
    expiry_date = fields.Datetime(
        string="Expires On",
        readonly=True,
        help="Date until which the link in the last mail works.",
    )
    # Number of the link in the last mail. Each mail has a new link, which voids the previous ones.
    link_number = fields.Integer(readonly=True)

    _user_uniq = models.UniqueIndex("(user_id)", "This account has an invitation already.")
    _declined_idx = models.Index("(email) WHERE state = 'declined'")

    # ------------------------------------------------------------
    # Inviting
    # ------------------------------------------------------------

    @api.model
    def _invite(self, users):
        """Invite the owners of new accounts once this transaction is committed.

        :param users: users of the new accounts
        :return: invitations of the users
        :rtype: sale.portal.invitation recordset
        """
        now = fields.Datetime.now()
        invitations = self.create([{**self._prepare_invitation(user), "next_attempt": now} for user in users])
        if invitations:
            self._trigger_cron(now)
        return invitations

    @api.model
    def _prepare_invitation(self, user):
        """Prepare the values of an account's invitation.

        :param user: user of the account
        :rtype: dict
        """
        order = user.auto_portal_order_id
        return {
            "user_id": user.id,
            "partner_id": user.partner_id.id,
            "email": user.login,
            "order_id": order.id,
            # The order's company may be a branch of the account's company.
            "company_id": (order.company_id or user.company_id).id,
            "website_id": order.website_id.id,
        }

    @api.model
    def _get_by_user(self, users):
        """Return the invitations of the given accounts.

        :param users: users of the accounts
        :return: invitation by user; users without one are left out
        :rtype: dict[res.users, sale.portal.invitation]
        """
        invitations_sudo = self.sudo().search([("user_id", "in", users.ids)]) if users else self
        return {invitation.user_id.with_env(users.env): invitation for invitation in invitations_sudo}

    @api.model
    def _get_or_create(self, user, **values):
        """Return the invitation of an account, or create it if it was deleted or the account has never had one.

        :param user: user of the account
        :param values: values of a new invitation, whose mail still has to be requested
        :rtype: sale.portal.invitation record
        """
        invitation = self.search([("user_id", "=", user.id)])
        return invitation or self.create({**self._prepare_invitation(user), "state": "cancelled", **values})

    def _is_account_in_use(self):
        """Return whether the account's owner has signed in or has a password.

        :rtype: bool
        """
        self.ensure_one()
        return bool(self._filter_in_use())

    def _filter_in_use(self):
        """Return the invitations whose account's owner has signed in or has a password.

        :rtype: sale.portal.invitation recordset
        """
        users = self.user_id._filter_portal_account_in_use()
        return self.filtered(lambda invitation: invitation.user_id in users)

    def _resend(self, may_grant=False):
        """Send the invitation again at the request of an employee.

        An account that was archived because its owner declined or never signed in is unarchived.

        :param bool may_grant: whether the requesting user may grant portal access. This matters if the email address
            of a company's contact has changed: the owner of the new address will see the company's documents.
        :raise UserError: if the owner has signed in, if the access was revoked, or if the invitation was sent to the
            same address recently
        :raise LockError: if another transaction is writing on the invitation
        """
        self.lock_for_update(allow_referencing=True)
        if not self._can_resend():
            raise UserError(
                self.env._(
                    "The invitation can't be sent again: the customer has signed in already, "
                    "or the account was archived by somebody."
                )
            )
        is_same_address = self._get_partner_address() == self.email
        if is_same_address and not self._is_resend_decent() and self.state not in ("to_send", "queued"):
            raise UserError(
                self.env._(
                    "The invitation was sent to %(email)s a short time ago. It can be sent again at %(time)s.",
                    email=self.email,
                    time=format_datetime(self.env, self._get_next_resend_date()),
                )
            )
        self.user_id.filtered(lambda user: not user.active).action_unarchive()
        if not is_same_address:
            self._get_account_orders().portal_account_granted = may_grant
        self._drop_unconfirmed_order()
        self._request_again(is_reminder=False, is_access_granted=False)

    def _can_resend(self):
        """Return whether the invitation can be sent again manually.

        This includes customers who declined and customers whose account was archived because they never signed in.

        :rtype: bool
        """
        self.ensure_one()
        if self.state == "accepted" or self.user_id.login_date:
            return False
        return self.user_id.active or self.state in ("declined", "expired")

    def _is_withheld(self):
        """Return whether only an employee or the customer can request the invitation again.

        The customer declined it, or an administrator cancelled the mail or archived the account.

        :rtype: bool
        """
        self.ensure_one()
        return self.state == "declined" or (self.state == "cancelled" and not self.is_waiting_for_order)

    def _resend_to_customer(self):
        """Send the invitation again at the request of somebody who opened a link that was mailed to the customer.

        :return: whether the mail is on its way
        :rtype: bool
        """
        self.ensure_one()
        if self.state in ("to_send", "queued") and not self.is_reminder:
            return True
        return self._is_resend_decent() and self._try_request_again()

    def _try_request_again(self, **values):
        """Request another invitation, without waiting for other transactions.

        :param values: other values to write
        :return: whether it was requested
        :rtype: bool
        """
        if not self.try_lock_for_update(allow_referencing=True):
            return False
        self._drop_unconfirmed_order()
        return self._request_again(is_reminder=False, is_waiting_for_order=False, **values)

    def _request(self, **values):
        """Restart the delay to archive the account, unless the values include its start.

        Links that were sent before the customer declined become void: only the next link opens the account again.
        """
        for invitation in self.filtered(lambda invitation: invitation.state == "declined"):
            invitation.link_number = invitation._get_void_link_number()
        return super()._request(**{"unused_since": False, **values})

    # ------------------------------------------------------------
    # The end of an invitation
    # ------------------------------------------------------------

    def _accept(self):
        """Mark the invitations as accepted because the account's owner has signed in."""
        self._unlink_mails()
        now = fields.Datetime.now()
        for date, invitations in self.grouped(lambda invitation: invitation.user_id.login_date or now).items():
            invitations.write({"state": "accepted", "accepted_date": date, "next_attempt": False})

    def _choose_password(self, password):
        """Set the account's first password and accept the invitation.

        :param str password: password in plain text
        :raise UserError: if the password is refused
        """
        self.ensure_one()
        self.user_id._set_first_portal_password(password)
        self._accept()

    def _decline(self):
        """Archive the account because the owner of the address declined it."""
        self.ensure_one()
        self._unlink_mails()
        self.write({"state": "declined", "declined_date": fields.Datetime.now(), "next_attempt": False})
        self.user_id._archive_without_owner()
        order = self.order_id
        if order:
            env = order._portal_account_env()
            note = env._("%(email)s does not want a portal account. The account was archived.", email=self.email)
            order._log_portal_account_notes({order: note})

    def _prepare_cancel_values(self):
        """Void the link of the last mail and the link of a mail that is still queued."""
        values = super()._prepare_cancel_values()
        return {**values, "link_number": self._get_void_link_number(), "is_waiting_for_order": False}

    def _get_void_link_number(self):
        """Return a link number that voids the link of the last mail and the link of a mail that may be in the queue.

        :rtype: int
        """
        self.ensure_one()
        return self.link_number + 2
