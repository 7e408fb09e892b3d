import logging

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from .portal_join import STATES_BY_PRIORITY

_logger = logging.getLogger(__name__)


class SaleOrder(models.Model):
    """Which account a guest's order belongs to: what the order says of it, and what staff can do."""

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

    # ---- when an order is confirmed

    def _filter_without_account(self):
        """Keep out orders of contacts that joined an account: that is theirs."""
        orders = super()._filter_without_account()
        return orders.filtered(lambda order: not order.sudo().partner_id.portal_join_id)

    def _apply_portal_account_decisions(self, decisions, *args, **kwargs):
        """Have those looked at whose address somebody signs in with: that may be the account they belong to."""
        result = super()._apply_portal_account_decisions(decisions, *args, **kwargs)
        taken = self.browse(order.id for order, decision in decisions.items() if decision == "login_taken")
        if taken:
            self.env["sale.portal.join"]._request_portal_joins(taken)
        return result

    def _create_portal_accounts_on_confirmation(self):
        """Have guest orders looked at, too, whose customers are to get no account by the settings."""
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
        """Have these guest orders looked at. Nothing that fails in here costs the sale."""
        if not self:
            return
        self.env.cr.flush()  # what the sale itself has still to write must fail as it would without us
        try:
            with self._portal_account_savepoint():
                self.env["sale.portal.join"]._request_portal_joins(self)
        except Exception:
            if self.env.cr.closed:
                raise
            _logger.exception("The accounts of the guest orders %s are not looked for", self.ids)

    def _filter_portal_join_only(self):
        """Keep the guest orders that may belong to an account, and that create none.

        :return: the orders, in the environment in which accounts are created
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
        """Leave an order to its owner once it has joined the account, too."""
        return super()._is_portal_account_in_use() or bool(self.sudo().partner_id.portal_join_id)

    def _get_portal_user_by_partner(self):
        """Count the owner's account as the account of contacts that joined it."""
        users = super()._get_portal_user_by_partner()
        for partner in self.partner_id - self.env["res.partner"].union(*users):
            if user_sudo := partner.sudo().portal_join_id.user_id:
                users[partner] = user_sudo.with_env(self.env)
        return users

    @api.model
    def _search_portal_user_id(self, operator, value):
        if operator == "any":  # by the account's name, e.g.
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
        """Return the domain of the orders of some contacts, for who may not read how these joined an account.

        :param list domain: of the contacts
        :rtype: odoo.fields.Domain
        """
        contacts_sudo = self.env["res.partner"].sudo().with_context(active_test=False)._search(domain)
        return Domain("partner_id", "in", contacts_sudo.subselect())

    # ---- what the order says

    @api.depends("portal_join_ids.join_state")
    def _compute_portal_account(self):
        return super()._compute_portal_account()

    def _get_portal_account_state(self, user, invitation):
        """Say of an order that waits for the owner of an account that it waits, and not that it created none."""
        state = super()._get_portal_account_state(user, invitation)
        is_waiting = not user and state != "pending" and self.portal_join_state == "waiting"
        return "waiting" if is_waiting else state

    def _get_portal_account_shown(self):
        """Return the account that a guest's order waits for, too."""
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
        """Return the domain of the orders whose contact has a record in one of these states, and no user of its own.

        :param states: values of ``sale.portal.join.join_state``
        :rtype: odoo.fields.Domain
        """
        users_sudo = self.env["res.users"].sudo().with_context(active_test=False)._search([])
        without_user = Domain("partner_id", "not in", users_sudo.subselect("partner_id"))
        joins_sudo = self.env["sale.portal.join"].sudo()._search(Domain("join_state", "in", states) & without_user)
        return Domain("partner_id", "in", joins_sudo.subselect("partner_id"))

    @api.model
    def _search_portal_join_state(self, operator, value):
        """Search by how it stands with the account of a guest's order: by the record that counts."""
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
        # Odoo's merge reads the website's visitors, whoever merges.
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
        """Tell whether Odoo would merge the order's contact with the owner's: it refuses some.

        :param owner: the owner's contact
        :param bool is_admin: whether an administrator merges, who may merge different spellings of an address
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

    # ---- what staff can do

    def action_send_portal_join_mail(self):
        """Send the customer the mail again that says that the order waits for the account.

        Where the order could not join, look first whether it can now.

        :return: a notification that says what was done
        :rtype: dict
        :raise UserError: there is nothing to send, or it was sent just now
        :raise AccessError: the user may not edit this order
        """
        self.ensure_one()
        self.check_access("write")
        joins = self.env["sale.portal.join"].with_env(self.env["sale.portal.join"]._portal_join_env())
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
        """Open the account that the order's address belongs to, or its contact for who may not see users.

        :return: a window action
        :rtype: dict
        :raise AccessError: the user may not read this order
        """
        self.ensure_one()
        self.check_access("read")
        return self._open_portal_account(self.portal_join_user_id)

    def action_merge_portal_contact(self):
        """Open Odoo's own merge of contacts, with the order's contact and the owner's chosen.

        :return: a window action
        :rtype: dict
        :raise UserError: Odoo would not merge these
        :raise AccessError: the user may not edit this order
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

        :rtype: dict
        :raise AccessError: the user is no administrator of sales
        :raise UserError: the orders did not join, or something has happened since that can't be undone
        """
        self.ensure_one()
        self.check_access("write")
        join = self.sudo().partner_id.portal_join_id
        if not join:
            raise UserError(self.env._("These orders are not joined."))
        return join.with_env(self.env).action_separate()
