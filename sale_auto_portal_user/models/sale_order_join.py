import logging

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from .portal_join import STATES_BY_PRIORITY

_logger = logging.getLogger(__name__)


class SaleOrder(models.Model):
    """Guest orders that belong to an existing account: state shown on the order and actions."""

    _inherit = "sale.order"

    # For those who may read the records: a client that reads all fields of an order would fail otherwise.
    portal_join_ids = fields.One2many("sale.portal.join", "order_id", groups="sales_team.group_sale_manager")
    portal_join_state = fields.Selection(
        selection=[
            ("waiting", "Waiting for the customer"),
            ("joined", "Joined"),
            ("declined", "Declined by the customer"),
            ("refused", "Not joined"),
        ],
        string="Guest Order",
        compute="_compute_portal_join",
        search="_search_portal_join_state",
        compute_sudo=True,
        groups="base.group_user",
        help="Whether a guest's order has joined the portal account that its email address belongs to.",
    )
    portal_account_state = fields.Selection(selection_add=[("waiting", "Waiting"), ("none",)])
    portal_join_note = fields.Char(
        string="Account of the Guest Order",
        compute="_compute_portal_join",
        compute_sudo=True,
        groups="base.group_user",
    )
    portal_join_user_id = fields.Many2one(
        comodel_name="res.users",
        string="Account of the Address",
        compute="_compute_portal_join",
        compute_sudo=True,
        context={"active_test": False},
        groups="base.group_user",
    )
    can_send_portal_join = fields.Boolean(compute="_compute_portal_join", compute_sudo=True, groups="base.group_user")
    can_merge_portal_contact = fields.Boolean(compute="_compute_can_merge_portal_contact", groups="base.group_user")

    # ---- confirmation

    def _filter_without_account(self):
        """Exclude orders of contacts that joined an account, which counts as theirs."""
        orders = super()._filter_without_account()
        return orders.filtered(lambda order: not order.sudo().partner_id.portal_join_id)

    def _apply_portal_account_decisions(self, decisions, *args, **kwargs):
        """Check whether orders whose address is the login of a user can join that user's account."""
        result = super()._apply_portal_account_decisions(decisions, *args, **kwargs)
        taken = self.browse(order.id for order, decision in decisions.items() if decision == "login_taken")
        if taken:
            self.env["sale.portal.join"]._request_portal_joins(taken)
        return result

    def _create_portal_accounts_on_confirmation(self):
        """Also check guest orders whose customers get no account according to the settings."""
        super()._create_portal_accounts_on_confirmation()
        if not self.env.registry.ready:
            return
        try:
            orders = self._filter_portal_join_only()
        except Exception:
            if self.env.cr.closed:
                raise
            _logger.exception("The accounts of the guest orders %s are not looked for", self.ids)
            return
        orders._request_portal_joins_on_confirmation()

    def _request_portal_joins_on_confirmation(self):
        """Look for the accounts of these guest orders. Errors never affect the sale."""
        if not self:
            return
        self.env.cr.flush()  # pending writes of the sale must fail outside of our savepoint
        try:
            with self._portal_account_savepoint():
                self.env["sale.portal.join"]._request_portal_joins(self)
        except Exception:
            if self.env.cr.closed:
                raise
            _logger.exception("The accounts of the guest orders %s are not looked for", self.ids)

    def _filter_portal_join_only(self):
        """Keep the guest orders that may belong to an account and don't create one.

        :return: orders, in the environment for creating accounts
        :rtype: sale.order recordset
        """
        orders = self.sudo().filtered(
            lambda order: (
                order.state == "sale"
                and order.website_id
                and order.company_id.auto_portal_user_join
                and not order._is_portal_account_wanted()
            )
        )
        orders = orders._filter_without_account()
        logins = {order: login for order in orders if (login := order._get_portal_login())}
        taken = self.env["res.users"]._search_portal_logins(set(logins.values()))
        orders = orders.filtered(
            lambda order: (
                order in logins
                and order._is_portal_login_taken(logins[order], order._get_portal_account_website(), taken)
            )
        )
        return orders and orders.with_env(orders._portal_account_env())

    def _is_portal_account_in_use(self):
        """Include orders that have joined an account."""
        return super()._is_portal_account_in_use() or bool(self.sudo().partner_id.portal_join_id)

    def _get_portal_user_by_partner(self):
        """Return the owner's account for contacts that joined it."""
        users = super()._get_portal_user_by_partner()
        for partner in self.partner_id - self.env["res.partner"].union(*users):
            if user_sudo := partner.sudo().portal_join_id.user_id:
                users[partner] = user_sudo.with_env(self.env)
        return users

    @api.model
    def _search_portal_user_id(self, operator, value):
        if operator == "any":  # e.g. a search by the account's name
            operator, value = "in", self.env["res.users"].with_context(active_test=False).search(value).ids
        domain = super()._search_portal_user_id(operator, value)
        if operator != "in":
            return domain
        accounts = [("portal_join_id.user_id", "in", [user_id for user_id in value if user_id])]
        if False in value:
            others = self._get_portal_joined_contact_domain([("portal_join_id.user_id", "!=", False)])
            domain &= ~others
        return domain | self._get_portal_joined_contact_domain(accounts)

    @api.model
    def _get_portal_joined_contact_domain(self, domain):
        """Return the domain of the orders of contacts, even if the current user may not read the contacts' fields.

        :param list domain: domain of the contacts
        :rtype: odoo.fields.Domain
        """
        contacts_sudo = self.env["res.partner"].sudo().with_context(active_test=False)._search(domain)
        return Domain("partner_id", "in", contacts_sudo.subselect())

    # ---- state on the order

    @api.depends("portal_join_ids.join_state")
    def _compute_portal_account(self):
        return super()._compute_portal_account()

    def _get_portal_account_state(self, user, invitation):
        """Return ``waiting`` for an order that waits for the owner of an account."""
        state = super()._get_portal_account_state(user, invitation)
        is_waiting = not user and state != "pending" and self.portal_join_state == "waiting"
        return "waiting" if is_waiting else state

    def _get_portal_account_shown(self):
        """Fall back to the account that a guest order waits for."""
        return super()._get_portal_account_shown() or self.portal_join_user_id

    @api.depends("partner_id.portal_join_id", "partner_id.user_ids", "portal_join_ids.join_state")
    def _compute_portal_join(self):
        joins = self.env["sale.portal.join"]
        guests = self.partner_id.filtered(lambda partner: not partner.with_context(active_test=False).user_ids)
        join_by_contact = joins._get_portal_join_by_contact(guests)
        for order in self:
            join = join_by_contact.get(order.partner_id, joins).filtered(lambda join: join.join_state != "new")
            order.portal_join_state = join.join_state
            order.portal_join_note = join._get_portal_join_note()
            order.portal_join_user_id = join.user_id
            order.can_send_portal_join = bool(join) and join._can_send_portal_join_mail()

    @api.model
    def _get_portal_join_contact_domain(self, states):
        """Return the domain of the orders whose contact has a record in one of these states and no user.

        :param states: values of ``sale.portal.join.join_state``
        :rtype: odoo.fields.Domain
        """
        users_sudo = self.env["res.users"].sudo().with_context(active_test=False)._search([])
        without_user = Domain("partner_id", "not in", users_sudo.subselect("partner_id"))
        joins_sudo = self.env["sale.portal.join"].sudo()._search(Domain("join_state", "in", states) & without_user)
        return Domain("partner_id", "in", joins_sudo.subselect("partner_id"))

    @api.model
    def _search_portal_join_state(self, operator, value):
        """Search by the state of the decisive record of the order's contact."""
        if operator != "in":
            return NotImplemented
        shown = [state for state in STATES_BY_PRIORITY if state != "new"]
        found = Domain.FALSE
        for index, state in enumerate(shown):
            if state in value:
                superseded = self._get_portal_join_contact_domain(shown[:index])
                found |= self._get_portal_join_contact_domain([state]) & ~superseded
        if False in value:
            found |= ~self._get_portal_join_contact_domain(shown)
        return found

    @api.depends_context("uid")
    @api.depends("portal_join_state", "portal_join_user_id")
    def _compute_can_merge_portal_contact(self):
        # Odoo's merge always reads the website's visitors.
        needed = ("base.partner.merge.automatic.wizard", "create"), ("website.visitor", "read")
        may_merge = all(self.env[model].has_access(operation) for model, operation in needed)
        for order in self:
            owner_sudo = order.sudo().portal_join_user_id.partner_id
            order.can_merge_portal_contact = bool(
                may_merge
                and owner_sudo
                and order.portal_join_state != "joined"
                and order.sudo()._can_portal_contacts_merge(owner_sudo, self.env.is_admin())
            )

    def _can_portal_contacts_merge(self, owner, is_admin):
        """Return whether Odoo's merge accepts the order's contact and the owner's contact.

        :param owner: contact of the account's owner
        :param bool is_admin: whether the user is an administrator, who may merge contacts with different addresses
        :rtype: bool
        """
        self.ensure_one()
        guest = self.partner_id
        return bool(
            guest != owner
            and not guest.with_context(active_test=False).user_ids
            and (is_admin or guest.email == owner.email)
            and owner not in guest.search([("id", "child_of", guest.id)])
            and guest not in guest.search([("id", "child_of", owner.id)])
        )

    @api.ondelete(at_uninstall=False)
    def _unlink_portal_joins(self):
        """Delete the records before the database does, so that the mails about other waiting orders are sent."""
        self.env["sale.portal.join"].sudo().search([("order_id", "in", self.ids)]).unlink()

    # ---- actions

    def action_send_portal_join_mail(self):
        """Send the customer the mail about the waiting order again.

        If the order could not join, first check whether it can now.

        :return: client action that displays the result
        :rtype: dict
        :raise UserError: if there is nothing to send or a mail was sent recently
        :raise AccessError: if the user may not edit this order
        """
        self.ensure_one()
        self.check_access("write")
        joins = self.env["sale.portal.join"]._portal_join_env()["sale.portal.join"]
        domain = [("partner_id", "=", self.partner_id.id), ("join_state", "in", ("waiting", "refused"))]
        join = joins.search(domain, order="join_state DESC, id", limit=1)
        if not join or not self.can_send_portal_join:
            raise UserError(
                self.env._("The message can't be sent now: it was sent a short time ago, or the order doesn't wait.")
            )
        if join._recheck_portal_join():
            join._request_again(is_mail_requested=True)
            answer = self.env._("The message is on its way to %(email)s.", email=join.email)
        else:
            answer = join.with_env(self.env).sudo()._get_portal_join_note()
        return self._notify_portal_account_action(answer, success=join.join_state == "waiting")

    def action_view_portal_join_user(self):
        """Open the account that the order's address belongs to, or its contact if the current user may not see users.

        :return: window action
        :rtype: dict
        :raise AccessError: if the user may not read this order
        """
        self.ensure_one()
        self.check_access("read")
        return self._open_portal_account(self.portal_join_user_id)

    def action_merge_portal_contact(self):
        """Open Odoo's merge wizard with the order's contact and the owner's contact selected.

        :return: window action
        :rtype: dict
        :raise UserError: if Odoo would refuse to merge the contacts
        :raise AccessError: if the user may not edit this order
        """
        self.ensure_one()
        self.check_access("write")
        if not self.can_merge_portal_contact:
            raise UserError(self.env._("These contacts can't be merged."))
        owner = self.sudo().portal_join_user_id.partner_id
        wizard = self.env["base.partner.merge.automatic.wizard"].create(
            {"partner_ids": (self.partner_id | owner).ids, "dst_partner_id": owner.id, "state": "selection"}
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Merge Contacts"),
            "res_model": wizard._name,
            "res_id": wizard.id,
            "view_mode": "form",
            "target": "new",
        }

    def action_separate_portal_join(self):
        """Separate the order's contact from the account that it joined.

        :return: client action that reloads the view
        :rtype: dict
        :raise AccessError: if the user is not a sales administrator
        :raise UserError: if the order has not joined or later changes prevent the separation
        """
        self.ensure_one()
        self.check_access("write")
        join = self.sudo().partner_id.portal_join_id
        if not join:
            raise UserError(self.env._("These orders are not joined."))
        return join.with_env(self.env).action_separate()
