from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain


class SaleOrder(models.Model):
    _inherit = "sale.order"

    is_user_created = fields.Boolean(
        readonly=True,
        copy=False,
        help="The confirmation of this order created the customer's portal account.",
    )
    portal_account_issue = fields.Selection(
        selection=[
            ("no_email", "The customer has no email address"),
            ("several_emails", "The customer has several addresses in the email field"),
            ("invalid_email", "The customer's email address is not valid"),
            ("archived", "The customer's contact is archived"),
            ("login_taken", "Another user signs in with the customer's email address"),
            ("company_documents", "The customer's company has other documents"),
            ("pending", "Another order is creating an account for this email address right now"),
            ("error", "The account could not be created"),
        ],
        string="No Portal Account",
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="Why the confirmation of this order created no portal account for a customer who has none.",
    )
    portal_account_granted = fields.Boolean(
        readonly=True,
        copy=False,
        groups=fields.NO_ACCESS,
        help="Whoever asked for the account that is being created may grant portal access.",
    )
    portal_user_id = fields.Many2one(
        comodel_name="res.users",
        compute="_compute_portal_account",
        search="_search_portal_user_id",
        compute_sudo=True,
        context={"active_test": False},
        groups="base.group_user",
    )
    portal_account_state = fields.Selection(
        selection=[
            ("active", "Active"),
            ("invited", "Invited"),
            ("inviting", "Being invited"),
            ("uninvited", "Not invited"),
            ("undelivered", "Invitation not delivered"),
            ("expired", "Invitation expired"),
            ("declined", "Declined"),
            ("archived", "Revoked"),
            ("pending", "Being created"),
            ("none", "Not created"),
        ],
        string="Portal Account",
        compute="_compute_portal_account",
        compute_sudo=True,
        groups="base.group_user",
    )
    can_resend_portal_invitation = fields.Boolean(
        compute="_compute_portal_account",
        compute_sudo=True,
        groups="base.group_user",
    )
    can_create_portal_account = fields.Boolean(
        compute="_compute_can_create_portal_account",
        compute_sudo=True,
        groups="base.group_user",
    )

    _portal_account_pending_idx = models.Index("(id) WHERE portal_account_issue = 'pending'")
    _portal_account_issue_idx = models.Index("(partner_id) WHERE portal_account_issue IS NOT NULL")

    def action_confirm(self):
        """Create portal users and invitations for the customers of these orders who have no account.

        Set ``skip_portal_account`` in the context to confirm orders without creating accounts, e.g. in an import or a
        migration. :meth:`_action_confirm` creates the accounts after the confirmation and before Odoo sends the
        confirmation mail. Otherwise the link in that mail would contain a signup token, which the new account voids.
        """
        wanted = not self.env.context.get("skip_portal_account")
        return super(SaleOrder, self.with_context(create_portal_accounts=wanted)).action_confirm()

    def _action_confirm(self):
        """Create the accounts requested by :meth:`action_confirm`."""
        res = super()._action_confirm()
        if self.env.context.get("create_portal_accounts"):
            self._create_portal_accounts_on_confirmation()
        return res

    @api.depends(
        "partner_id.user_ids.active",
        "partner_id.user_ids.login_date",
        "partner_id.user_ids.portal_invitation_ids.state",
        "portal_account_issue",
    )
    def _compute_portal_account(self):
        user_by_partner = self._get_portal_user_by_partner()
        users = self.env["res.users"].union(*user_by_partner.values())
        invitation_by_user = self.env["sale.portal.invitation"]._get_by_user(users)
        for order in self:
            user = user_by_partner.get(order.partner_id, self.env["res.users"])
            invitation = invitation_by_user.get(user, self.env["sale.portal.invitation"])
            order.portal_user_id = user
            order.portal_account_state = order._get_portal_account_state(user, invitation)
            order.can_resend_portal_invitation = user._can_resend_portal_invitation(invitation)

    @api.depends("state", "portal_user_id", "portal_account_issue", "company_id.auto_portal_user_company_contacts")
    @api.depends_context("uid")
    def _compute_can_create_portal_account(self):
        may_grant = self._may_grant_portal_access()
        for order in self:
            order.can_create_portal_account = (
                order.state == "sale"
                and not order.portal_user_id
                and (
                    may_grant
                    or order.portal_account_issue != "company_documents"
                    or order.company_id.auto_portal_user_company_contacts
                )
            )

    def _get_portal_user_by_partner(self):
        """Return the accounts of the orders' contacts, in one query.

        :return: user by contact; the active user if a contact has several
        :rtype: dict[res.partner, res.users]
        """
        users_sudo = (
            self.env["res.users"]
            .sudo()
            .with_context(active_test=False)
            .search_fetch(
                [("partner_id", "in", self.partner_id.ids)],
                ["partner_id", "active"],
                order="active, id desc",
            )
        )
        return {user.partner_id.with_env(self.env): user.with_env(self.env) for user in users_sudo}

    @api.model
    def _search_portal_user_id(self, operator, value):
        """Search by the contact's account, including archived ones, even if the current user may not read users."""
        if operator != "in":
            return NotImplemented
        users_sudo = self.env["res.users"].sudo().with_context(active_test=False)
        domain = Domain("partner_id", "in", users_sudo._search([("id", "in", list(value))]).subselect("partner_id"))
        if False in value:
            domain |= Domain("partner_id", "not in", users_sudo._search([]).subselect("partner_id"))
        return domain

    def _get_portal_account_state(self, user, invitation):
        """Return the state of the customer's account.

        :param user: contact's user, if any
        :param invitation: user's invitation, if any
        :return: value of ``portal_account_state``, or ``False``
        """
        self.ensure_one()
        if not user:
            return {False: False, "pending": "pending"}.get(self.portal_account_issue, "none")
        if user.login_date:
            return "active" if user.active else "archived"
        if invitation.state == "declined":
            return "declined"
        if not user.active:
            return "archived"
        if not user.auto_portal_order_id and not invitation:
            return "invited"  # by Odoo's own wizard or sign-up
        return {
            "to_send": "inviting",
            "queued": "inviting",
            "sent": "invited",
            "accepted": "active",
            "failed": "undelivered",
            "expired": "expired",
        }.get(invitation.state, "uninvited")

    def action_create_portal_account(self):
        """Create the accounts of the confirmed orders' customers on request, e.g. after a failure.

        :return: client action that displays the result
        :rtype: dict
        :raise UserError: if none of the orders is confirmed
        :raise AccessError: if the user may not edit these orders
        """
        self.check_access("write")
        confirmed = self.filtered(lambda order: order.state == "sale")
        if not confirmed:
            raise UserError(self.env._("Confirm the order first: an account belongs to a confirmed order."))
        orders_sudo = confirmed.with_env(self._portal_account_env())._filter_without_account()
        orders_sudo.portal_account_issue = False
        orders_sudo._create_portal_accounts(self._may_grant_portal_access())
        # Don't rely on "Is User Created": the user may have been deleted since.
        created = len((orders_sudo - orders_sudo._filter_without_account()).partner_id)
        return self._notify_portal_account_action(self._get_portal_account_answer(created), success=bool(created))

    def _get_portal_account_answer(self, created):
        """Return the message that follows a request to create accounts.

        :param int created: number of accounts created
        :rtype: str
        """
        if len(self) > 1:
            return self.env._(
                "%(created)s portal accounts were created for %(orders)s selected orders.",
                created=created,
                orders=len(self),
            )
        if created:
            return self.env._("The portal account was created. The invitation is on its way.")
        if self.portal_user_id:
            return self.env._("The customer has an account already.")
        return self._get_portal_account_note(self.portal_account_issue or "error")

    def action_resend_portal_invitation(self):
        """Send the invitation again if the customer has never signed in.

        :return: client action that displays the result
        :rtype: dict
        :raise UserError: if the invitation can't be sent again
        :raise AccessError: if the user may not edit this order
        """
        self.check_access("write")
        self.ensure_one()
        if not self.can_resend_portal_invitation:
            raise UserError(
                self.env._(
                    "The invitation can't be sent again: the customer has signed in already, "
                    "or the account was not created by an order."
                )
            )
        user_sudo = self.sudo().portal_user_id
        invitations_sudo = self.env["sale.portal.invitation"].with_env(self._portal_account_env())
        invitations_sudo._get_or_create(user_sudo)._resend(self._may_grant_portal_access())
        return self._notify_portal_account_action(
            self.env._("The invitation is on its way to %(email)s.", email=user_sudo.email), success=True
        )

    def _notify_portal_account_action(self, message, success):
        """Return the client action that displays a message and reloads the view.

        :param str message: text of the notification
        :param bool success: whether to display it as a success rather than a warning
        :rtype: dict
        """
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": message,
                "type": "success" if success else "warning",
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def action_view_portal_user(self):
        """Open the customer's user, or the contact if the current user may not see users.

        :return: window action
        :rtype: dict
        :raise AccessError: if the user may not read this order
        """
        # Check the access explicitly: the computation below puts the contact into the cache, which checks nothing.
        self.check_access("read")
        self.ensure_one()
        return self._open_portal_account(self._get_portal_account_shown())

    def _get_portal_account_shown(self):
        """Return the account that the order's button opens.

        :return: user, if any
        :rtype: res.users record
        """
        self.ensure_one()
        return self.portal_user_id

    def _open_portal_account(self, user):
        """Return the action that opens an account, or the contact if the current user may not see users.

        :param user: user to open; if empty, the order's contact is opened
        :return: window action
        :rtype: dict
        """
        record = user if self.env.user.has_group("base.group_erp_manager") else user.sudo().partner_id
        record = record or self.partner_id
        return {
            "type": "ir.actions.act_window",
            "res_model": record._name,
            "res_id": record.id,
            "views": [(False, "form")],
        }

    def _get_portal_account_announcement(self):
        """Return the email address to display in the confirmation page's message about the new account.

        :return: address that the invitation is sent to; ``False`` if this order created no account, if its owner has
            signed in already or if the address was corrected
        :rtype: str or bool
        """
        self.ensure_one()
        user_sudo = self.sudo().portal_user_id
        is_announced = (
            self.is_user_created
            # The contact may have another user by now.
            and user_sudo.auto_portal_order_id == self
            and user_sudo.active
            and not user_sudo.login_date
            # Whoever placed the order doesn't know the address that an employee corrected it to.
            and not user_sudo.portal_invitation_ids.is_login_changed
            # The invitation is not sent if the order was cancelled before.
            and self.sudo().portal_account_state != "uninvited"
        )
        return is_announced and user_sudo.login

    def _is_portal_account_in_use(self):
        """Return whether this order belongs to an account that may not be the account of whoever placed the order.

        This is the case once the owner of the account created by the order has signed in, and if the order's contact
        has another account, or is below a contact with an account, e.g. after it was merged with the contact of another
        customer.

        :rtype: bool
        """
        self.ensure_one()
        order_sudo = self.sudo()
        user_sudo = order_sudo.portal_user_id
        if not user_sudo:
            return bool(order_sudo.partner_id._get_portal_account_users())
        if user_sudo == order_sudo.website_id.user_id:
            return False
        return bool(user_sudo.auto_portal_order_id != order_sudo or user_sudo.login_date)
