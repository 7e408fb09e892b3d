import logging
import re
from datetime import timedelta

from psycopg2 import errors
from psycopg2.pool import PoolError

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL, clean_context, email_normalize
from odoo.tools.mail import email_normalize_all, email_split_and_normalize

_logger = logging.getLogger(__name__)

# What a parallel transaction can do to this one. A later look, from a new transaction, settles it.
CONCURRENCY_ERRORS = (
    errors.DeadlockDetected,
    errors.LockNotAvailable,
    errors.SerializationFailure,
    PoolError,
)
# Nor is a second user for one login seen before it is written: Odoo's constraint, and our index.
LOGIN_CONSTRAINTS = ("res_users_login_key", "res_users_auto_portal_login_uniq")

# One address as people write it, alone or behind a name. Odoo's own normalization also repairs what
# it can ("nora@exam ple.com", "a@b@c.com"), and would invite somebody whom the customer did not name.
ADDRESS_RE = re.compile(r'(?:.*<)?([^@\s<>,;"]+@[^@\s<>,;".]+(?:\.[^@\s<>,;".]+)+)>?')
MAX_ADDRESS_LENGTH = 254  # RFC 5321, 4.5.3.1.3


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
            ("login_taken", "Another user logs in with the customer's email address"),
            ("pending", "Another order is creating an account for this email address right now"),
            ("error", "The account could not be created"),
        ],
        string="No Portal Account",
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="Why the confirmation of this order created no portal account for a customer who has none.",
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

    _portal_account_pending_idx = models.Index("(id) WHERE portal_account_issue = 'pending'")

    # === COMPUTE METHODS === #

    @api.depends(
        "partner_id.user_ids.active",
        "partner_id.user_ids.login_date",
        "partner_id.user_ids.portal_invitation_state",
        "portal_account_issue",
    )
    def _compute_portal_account(self):
        user_by_partner = self._get_portal_user_by_partner()
        for order in self:
            user = user_by_partner.get(order.partner_id, self.env["res.users"])
            order.portal_user_id = user
            order.portal_account_state = order._get_portal_account_state(user)
            order.can_resend_portal_invitation = bool(user.active and user.auto_portal_order_id and not user.login_date)

    def _get_portal_user_by_partner(self):
        """Look up the accounts of the orders' contacts, in one query.

        :return: per contact its user, the active one where it has several
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
        """Search by the contact's account, archived ones included, for who may not read users too."""
        if operator != "in":
            return NotImplemented
        users_sudo = self.env["res.users"].sudo().with_context(active_test=False)
        domain = Domain("partner_id", "in", users_sudo._search([("id", "in", list(value))]).subselect("partner_id"))
        if False in value:
            domain |= Domain("partner_id", "not in", users_sudo._search([]).subselect("partner_id"))
        return domain

    def _get_portal_account_state(self, user):
        """Say in one word how it stands with the customer's account.

        :param user: the contact's user, or none
        :return: a value of ``portal_account_state``, or ``False`` where there is nothing to say
        """
        self.ensure_one()
        if not user:
            return {False: False, "pending": "pending"}.get(self.portal_account_issue, "none")
        if not user.active:
            return "archived"
        if user.login_date:
            return "active"
        if user.auto_portal_order_id and not user.portal_invitation_state:
            return "uninvited"  # archived before the invitation left
        return {
            "to_send": "inviting",
            "queued": "inviting",
            "failed": "undelivered",
        }.get(user.portal_invitation_state, "invited")

    # === CONFIRMATION === #

    def _action_confirm(self):
        """Give customers without an account a portal user and an invitation.

        Within ``action_confirm``, whoever calls it, and before it sends the confirmation mail: the
        link in that mail would carry a signup token otherwise, which the new account makes void.
        """
        res = super()._action_confirm()
        self._create_portal_accounts_on_confirmation()
        return res

    def _create_portal_accounts_on_confirmation(self):
        """Create the accounts that the confirmation of these orders calls for.

        Nothing that happens in here breaks, blocks or rolls back a sale.
        """
        if not self.env.registry.ready:  # addons are being installed: their demo orders invite nobody
            return
        try:
            orders = self._filter_portal_account_wanted()
        except Exception:
            _logger.exception("No portal account for the customers of %s", self.ids)
            return
        orders._create_portal_accounts()

    def _filter_portal_account_wanted(self):
        """Keep the orders whose customers are to have an account and have none.

        Reads only, in one query where all customers have one: most confirmations end here, before
        anything is asked order by order or of the accounts' own environment.

        :return: the orders, in the environment in which accounts are created
        :rtype: sale.order recordset
        """
        orders_sudo = self.sudo()
        if not any(orders_sudo.company_id.mapped("auto_portal_user")):
            return self.browse()
        orders_sudo = orders_sudo._filter_without_account().filtered(lambda order: order._is_portal_account_wanted())
        return orders_sudo and orders_sudo.with_env(orders_sudo._portal_account_env())

    def _portal_account_env(self):
        """Return the environment in which accounts are created and notes are written.

        Whoever confirms the order: a shopper in the public session, a salesperson, a webhook.

        :return: the superuser's environment, without the defaults that a client put in the
            context, in the language of the shop's staff
        :rtype: odoo.api.Environment
        """
        company = self.company_id[:1] or self.env.company
        return self.env(
            user=SUPERUSER_ID,
            su=True,
            context={
                **clean_context(self.env.context),
                "lang": company.sudo().partner_id.lang or self.env.lang,
                "tracking_disable": True,
            },
        )

    def _is_portal_account_wanted(self):
        """Tell whether the settings ask for an account for this order's customer.

        :rtype: bool
        """
        self.ensure_one()
        company = self.company_id
        return bool(
            self.state == "sale"
            and company.auto_portal_user
            and (company.auto_portal_user_scope == "all" or self.website_id)
        )

    def _filter_without_account(self):
        """Keep the orders whose contact has no user, active or archived.

        An archived user is never revived: someone revoked that access. The public user's own
        contact, that of an anonymous cart, has a user as well.

        :rtype: sale.order recordset
        """
        if not self:
            return self
        self.env["res.users"].flush_model(["partner_id"])
        partner_ids = self.partner_id.ids
        query = SQL("SELECT partner_id FROM res_users WHERE partner_id IN %s", tuple(partner_ids))
        without_account = set(partner_ids).difference(*self.env.execute_query(query))
        if not without_account:
            return self.browse()
        return self.filtered(lambda order: order.partner_id.id in without_account)

    def _create_portal_accounts(self):
        """Create what accounts can be created for these orders; note on the others why not.

        What fails is undone to where it began, and the other orders are served without it.
        """
        if not self:
            return
        # What the sale itself has still to write must fail as it would without us.
        self.env.flush_all()
        try:
            with self.env.cr.savepoint():
                self._apply_portal_account_decisions(self._get_portal_account_decisions())
        except Exception as error:
            if len(self) == 1:
                self._handle_portal_account_error(error)
                return
            orders, middle = self.sorted("id"), len(self) // 2
            orders[:middle]._create_portal_accounts()
            orders[middle:]._filter_without_account()._create_portal_accounts()

    def _handle_portal_account_error(self, error):
        """Leave an order whose customer's account failed confirmed, and say what happened.

        :param Exception error: what was raised
        """
        decision = "pending" if self._is_portal_account_concurrency(error) else "error"
        if decision == "error":
            _logger.warning("No portal account for the customer of %s", self.name, exc_info=error)
        try:
            with self.env.cr.savepoint():
                self._apply_portal_account_decisions({self: decision}, error)
        except Exception:
            _logger.exception("The missing portal account could not be noted on %s", self.name)

    @api.model
    def _is_portal_account_concurrency(self, error):
        """Tell whether a parallel transaction was in the way, so that a later look settles it.

        :param Exception error: what was raised
        :rtype: bool
        """
        if isinstance(error, errors.UniqueViolation):
            return error.diag.constraint_name in LOGIN_CONSTRAINTS
        return isinstance(error, CONCURRENCY_ERRORS)

    # === THE DECISION === #

    def _get_portal_account_decisions(self):
        """Decide for each order whether its customer gets an account: the table in the README.

        The earliest order of a customer, or of an email address, comes first.

        :return: per order ``create``, a value of ``portal_account_issue``, or ``False`` where an
            earlier one of these orders serves the same customer
        :rtype: dict[sale.order, str or bool]
        """
        taken, free = self._reserve_portal_logins()
        served_ids = set()
        decisions = {}
        for order in self.sorted("id"):
            partner_id = order.partner_id.id
            decision = partner_id not in served_ids and order._get_portal_account_decision(taken, free)
            if decision == "create":
                served_ids.add(partner_id)
                taken.add((order._get_portal_login(), order._get_portal_account_website().id or 0))
            decisions[order] = decision
        return decisions

    def _reserve_portal_logins(self):
        """Find out which logins these orders' customers can have, and keep others from taking them.

        :return: as :meth:`_get_portal_account_decision` takes them
        :rtype: tuple[set, set]
        """
        emails = set(filter(None, (order._get_portal_login() for order in self)))
        users = self.env["res.users"]
        taken = users._search_portal_logins(emails)
        free = users._lock_portal_logins(emails)
        free -= {email for email, _website in users._search_committed_portal_logins(free) - taken}
        return taken, free

    def _get_portal_account_decision(self, taken, free):
        """Decide for one order whose contact has no user.

        :param taken: pairs of email address and website id that users log in with
        :type taken: set[tuple[str, int]]
        :param free: addresses that no parallel transaction makes or has just made an account for
        :type free: set[str]
        :return: ``create`` or a value of ``portal_account_issue``
        :rtype: str
        """
        self.ensure_one()
        partner = self.partner_id
        email = self._get_portal_login()
        if not (partner.email or "").strip():
            return "no_email"
        if len(email_split_and_normalize(partner.email)) > 1:
            return "several_emails"
        if not email:
            return "invalid_email"
        if not partner.active:
            return "archived"
        # A user of all websites is one of this website too.
        if taken & {(email, 0), (email, self._get_portal_account_website().id or 0)}:
            return "login_taken"
        if email not in free:
            return "pending"
        return "create"

    def _get_portal_login(self):
        """Return the login of the customer's account.

        :return: the contact's normalized email address, ``False`` where it isn't one valid address
        :rtype: str or bool
        """
        self.ensure_one()
        address = ADDRESS_RE.fullmatch((self.partner_id.email or "").strip())
        if not address or len(address[1]) > MAX_ADDRESS_LENGTH:
            return False
        login = email_normalize(address[1], strict=True)
        # Mails go to what Odoo reads: it takes "me@b.com (<you@b.com>)" for me, with a comment.
        return login if email_normalize_all(self.partner_id.email) == [login] else False

    def _get_portal_account_website(self):
        """Return the website that the account is limited to.

        :return: the contact's, or the order's where that website has accounts of its own
        :rtype: website record, empty for an account of all websites
        """
        self.ensure_one()
        website = self.website_id
        return self.partner_id.website_id or website.filtered("specific_user_account")

    # === WHAT FOLLOWS === #

    def _apply_portal_account_decisions(self, decisions, error=None):
        """Create the accounts, set the orders' fields and write the notes.

        :param decisions: as returned by :meth:`_get_portal_account_decisions`
        :type decisions: dict[sale.order, str or bool]
        :param error: what was raised, where the decision is ``error``
        :type error: Exception or None
        """
        by_decision = self.browse(order.id for order in decisions).grouped(decisions.get)
        for decision, orders in by_decision.items():
            if decision == "create":
                orders._create_portal_users_and_invite()
            elif decision:
                orders.portal_account_issue = decision
        if "pending" in by_decision:
            self._trigger_pending_portal_accounts()
        self._log_portal_account_notes(
            {
                order: order._get_portal_account_note(decision, error)
                for order, decision in decisions.items()
                if decision and decision != "pending"
            }
        )

    def _create_portal_users_and_invite(self):
        """Create the portal users of these orders' contacts in one batch, and request invitations."""
        users = self.env["res.users"]._create_portal_users([order._prepare_portal_user_values() for order in self])
        users._request_portal_invitation()
        self.write({"is_user_created": True, "portal_account_issue": False})

    def _prepare_portal_user_values(self):
        """Prepare the values of the customer's portal user.

        :return: what is not the template user's
        :rtype: dict
        """
        self.ensure_one()
        # Odoo writes a user's company on a contact that has one: the customer of a company would
        # be moved to the branch that confirms an order.
        company = self.partner_id.company_id or self.company_id
        values = {
            "partner_id": self.partner_id.id,
            "login": self._get_portal_login(),
            "company_id": company.id,
            "company_ids": [fields.Command.set((company | self.company_id).ids)],
            "auto_portal_order_id": self.id,
        }
        website = self._get_portal_account_website()
        if website:
            values["website_id"] = website.id
        return values

    def _get_portal_account_note(self, decision, error=None):
        """Say in plain words what was decided.

        :param str decision: ``create`` or a value of ``portal_account_issue``
        :param error: what was raised, where the decision is ``error``
        :type error: Exception or None
        :return: the note for the order's chatter
        :rtype: str
        """
        self.ensure_one()
        if decision == "create":
            return self.env._(
                "A portal account was created for %(customer)s (%(email)s). The invitation is on its way.",
                customer=self.partner_id.name,
                email=self._get_portal_login(),
            )
        if decision == "error":
            return self.env._(
                "The portal account of %(customer)s could not be created; the order is not affected. "
                "Mend the cause and press \"Create Portal Account\". %(reason)s",
                customer=self.partner_id.name,
                # Only what was written for people: the rest is in the server's log.
                reason=str(error) if isinstance(error, UserError) else "",
            )
        return self.env._(
            "No portal account was created. %(reason)s.", reason=self._get_portal_account_issue_label(decision)
        )

    @api.model
    def _get_portal_account_issue_label(self, issue):
        """Say in words why a customer has no account, or none with the contact's email address.

        :param str issue: a value of ``portal_account_issue``
        :rtype: str
        """
        return dict(self._fields["portal_account_issue"]._description_selection(self.env))[issue]

    def _log_portal_account_notes(self, notes):
        """Write notes in the orders' chatters, in one batch.

        :param notes: the texts per order
        :type notes: dict[sale.order, str]
        """
        orders_sudo = self.browse(order.id for order in notes).with_env(self._portal_account_env())
        if orders_sudo:
            orders_sudo._message_log_batch({order.id: note for order, note in notes.items()})

    # === LATER === #

    def _trigger_pending_portal_accounts(self):
        """Look again once this transaction is committed."""
        cron = self.env.ref("sale_auto_portal_user.ir_cron_pending_portal_accounts", raise_if_not_found=False)
        if cron:
            # The other transaction may take its time: the scheduled action itself doesn't spin.
            delay = timedelta(minutes=1 if self.env.context.get("cron_id") else 0)
            cron.sudo()._trigger(at=fields.Datetime.now() + delay)

    @api.model
    def _cron_create_pending_portal_accounts(self):
        """Settle the orders for which a parallel transaction was in the way.

        One that somebody is writing on would undo it for all: its turn comes a little later.
        """
        pending = self.search([("portal_account_issue", "=", "pending")])
        orders = pending.try_lock_for_update(allow_referencing=True)
        if orders != pending:
            self._trigger_pending_portal_accounts()
        orders.portal_account_issue = False
        orders._filter_portal_account_wanted()._create_portal_accounts()

    # === ACTIONS === #

    def action_create_portal_account(self):
        """Create the accounts of confirmed orders' customers now: by hand, or after a failure.

        :return: a notification that says what was done
        :rtype: dict
        :raise UserError: none of the orders is confirmed
        :raise AccessError: the user may not edit these orders
        """
        self.check_access("write")
        confirmed = self.filtered(lambda order: order.state == "sale")
        if not confirmed:
            raise UserError(self.env._("Confirm the order first: an account belongs to a confirmed order."))
        orders_sudo = confirmed.with_env(self._portal_account_env())._filter_without_account()
        orders_sudo.portal_account_issue = False
        orders_sudo._create_portal_accounts()
        # Not those that say "Is User Created": that user may have been deleted since.
        created = len((orders_sudo - orders_sudo._filter_without_account()).partner_id)
        return self._notify_portal_account_action(self._get_portal_account_answer(created), success=bool(created))

    def _get_portal_account_answer(self, created):
        """Say what became of the request to create accounts.

        :param int created: how many accounts were created
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
        """Send the invitation again, as long as the customer has never logged in.

        :return: a notification that says what was done
        :rtype: dict
        :raise UserError: there is nothing to send
        :raise AccessError: the user may not edit this order
        """
        self.ensure_one()
        self.check_access("write")
        if not self.can_resend_portal_invitation:
            raise UserError(
                self.env._(
                    "The invitation can't be sent again: the customer has logged in already, "
                    "or the account was not created by an order."
                )
            )
        user_sudo = self.sudo().portal_user_id
        user_sudo.with_env(self._portal_account_env())._request_portal_invitation_again()
        return self._notify_portal_account_action(
            self.env._("The invitation is on its way to %(email)s.", email=user_sudo.email), success=True
        )

    def _notify_portal_account_action(self, message, success):
        """Return the client action that shows a message.

        :param str message: what to say
        :param bool success: whether it is good news
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
        """Open the customer's user, or the contact for who may not see users.

        :return: a window action
        :rtype: dict
        """
        self.ensure_one()
        may_see_users = self.env.user.has_group("base.group_erp_manager")
        record = self.portal_user_id if self.portal_user_id and may_see_users else self.partner_id
        return {
            "type": "ir.actions.act_window",
            "res_model": record._name,
            "res_id": record.id,
            "views": [(False, "form")],
        }

    # === WEBSITE === #

    def _get_portal_account_announcement(self):
        """Return what the confirmation page tells the shopper about the new account.

        :return: the address that the instructions go to; ``False`` where this order created no
            account, or where its owner has logged in already
        :rtype: str or bool
        """
        self.ensure_one()
        user_sudo = self.sudo().portal_user_id
        return bool(self.is_user_created and user_sudo.active and not user_sudo.login_date) and user_sudo.login

    def _is_portal_account_in_use(self):
        """Tell whether the owner of the account that this order created has logged in.

        :rtype: bool
        """
        self.ensure_one()
        return bool(self.is_user_created and self.sudo().portal_user_id.login_date)
