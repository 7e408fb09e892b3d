"""Create the accounts that were decided on, without a risk for the sale."""

import logging
from contextlib import contextmanager
from datetime import timedelta

from psycopg2 import OperationalError, errors
from psycopg2.pool import PoolError

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, clean_context

_logger = logging.getLogger(__name__)

# What the server or a parallel transaction can do to this one: it is gone when the scheduled action looks again.
CONCURRENCY_ERRORS = (OperationalError, PoolError)
# Those that meet all orders of a batch: it is not searched for the culprit, as each try would wait again.
SHARED_ERRORS = (errors.LockNotAvailable, errors.OutOfMemory, PoolError)
# A duplicate login only surfaces as a unique violation on flush: of Odoo's constraint, or of our index.
LOGIN_CONSTRAINTS = ("res_users_login_key", "res_users_auto_portal_login_uniq")
# The creation of accounts waits but a moment for a lock, e.g. for a contact that somebody is saving.
LIMIT_LOCK_WAIT = "SET LOCAL lock_timeout = '300ms'; LOCK TABLE res_users IN ROW EXCLUSIVE MODE"


class SaleOrder(models.Model):
    _inherit = "sale.order"

    def _create_portal_accounts_on_confirmation(self):
        """Create the accounts that the confirmation of these orders calls for.

        Nothing that happens in here breaks, blocks or rolls back a sale.
        """
        if not self.env.registry.ready:  # addons are being installed: their demo orders invite nobody
            return
        try:
            orders = self._filter_portal_account_wanted()
            may_grant = orders and self._may_grant_portal_access()
        except Exception:
            if self.env.cr.closed:
                raise  # see _handle_portal_account_error
            _logger.exception("No portal account for the customers of %s", self.ids)
            return
        orders._create_portal_accounts(may_grant)

    def _portal_account_env(self):
        """Return the environment in which accounts are created and notes are written.

        It is the same whoever confirms the order: a shopper in the public session, a salesperson, a webhook.

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

    def _create_portal_accounts(self, may_grant=False):
        """Create the accounts that can be created for these orders; note on the others why not.

        :param bool may_grant: whoever asks for the accounts may grant portal access
        """
        if not self:
            return
        # What the sale itself has still to write, or to do before a commit, must fail as it would without us.
        self.env.cr.flush()
        try:
            with self._portal_account_savepoint():
                self._apply_portal_account_decisions(self._get_portal_account_decisions(may_grant), may_grant)
        except Exception as error:
            self._handle_portal_account_error(error, may_grant)

    @contextmanager
    def _portal_account_savepoint(self):
        """Undo what fails in the block, and let nothing in it wait for a lock.

        :raise LockNotAvailable: the table of users is locked, or a record for longer than a moment
        """
        with self.env.cr.savepoint():
            [[lock_timeout]] = self.env.execute_query(SQL("SELECT current_setting('lock_timeout')"))
            # Silently: a table that is being altered at this moment is no error.
            self.env.cr.execute(LIMIT_LOCK_WAIT, log_exceptions=False)
            yield
            self.env.cr.flush()
            self.env.cr.execute("SELECT set_config('lock_timeout', %s, true)", [lock_timeout])

    def _handle_portal_account_error(self, error, may_grant):
        """Serve the other orders where one fails, and say on the one that fails what happened.

        :param Exception error: what was raised
        :param bool may_grant: see :meth:`_create_portal_accounts`
        :raise Exception: that error, where the connection to the database is lost
        """
        if self.env.cr.closed:
            # The sale is lost, too: Odoo commits nothing over a closed connection, and would answer as if it had.
            raise error
        if len(self) > 1 and not isinstance(error, SHARED_ERRORS):
            orders, middle = self.sorted("id"), len(self) // 2
            orders[:middle]._create_portal_accounts(may_grant)
            orders[middle:]._filter_without_account()._create_portal_accounts(may_grant)
            return
        decision = "pending" if self._is_portal_account_concurrency(error) else "error"
        if decision == "error":
            _logger.warning("No portal account for the customer of %s", self.name, exc_info=error)
        try:
            with self.env.cr.savepoint():
                self._apply_portal_account_decisions(dict.fromkeys(self, decision), may_grant, error)
        except Exception:
            if self.env.cr.closed:
                raise
            _logger.exception("The missing portal accounts could not be noted on %s", self.mapped("name"))

    @api.model
    def _is_portal_account_concurrency(self, error):
        """Tell whether a parallel transaction was in the way, so that a later look settles it.

        :param Exception error: what was raised
        :rtype: bool
        """
        if isinstance(error, errors.UniqueViolation):
            return error.diag.constraint_name in LOGIN_CONSTRAINTS
        return isinstance(error, CONCURRENCY_ERRORS)

    def _apply_portal_account_decisions(self, decisions, may_grant=False, error=None):
        """Create the accounts, set the orders' fields and write the notes.

        :param decisions: as returned by :meth:`_get_portal_account_decisions`
        :type decisions: dict[sale.order, str or bool]
        :param bool may_grant: see :meth:`_create_portal_accounts`
        :param error: what was raised, where the decision is ``error``
        :type error: Exception or None
        """
        by_decision = self.browse(order.id for order in decisions).grouped(decisions.get)
        for decision, orders in by_decision.items():
            if decision == "create":
                orders._create_portal_users_and_invite()
            elif decision == "pending":
                orders.write({"portal_account_issue": decision, "portal_account_granted": may_grant})
                self._trigger_pending_portal_accounts()
            elif decision:
                orders.portal_account_issue = decision
        self._log_portal_account_notes(
            {
                # In the language of the order's own company.
                order: order.with_env(order._portal_account_env())._get_portal_account_note(decision, error)
                for order, decision in decisions.items()
                if decision and decision != "pending"
            }
        )

    def _create_portal_users_and_invite(self):
        """Create the portal users of these orders' contacts in one batch, and request invitations."""
        users = self.env["res.users"]._create_portal_users([order._prepare_portal_user_values() for order in self])
        self.env["sale.portal.invitation"]._invite(users)
        self.write({"is_user_created": True, "portal_account_issue": False})
        self._clear_settled_portal_account_issues(self.partner_id)

    def _prepare_portal_user_values(self):
        """Prepare the values of the customer's portal user.

        :return: the values that differ from those of the template user
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

    @api.model
    def _clear_settled_portal_account_issues(self, partners=None):
        """Forget why a customer had no account where there is one now, whoever created it.

        Orders that somebody is writing on are left to the next run of the scheduled action.

        :param partners: the customers; all of them if it is left out
        :type partners: res.partner recordset or None
        """
        orders = self.with_context(active_test=False).search(
            [
                ("portal_account_issue", "!=", False),
                ("partner_id.user_ids", "!=", False) if partners is None else ("partner_id", "in", partners.ids),
            ]
        )
        orders.try_lock_for_update(allow_referencing=True).portal_account_issue = False

    def _get_portal_account_note(self, decision, error=None):
        """Put the decision in words.

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
                "Fix the cause, then click \"Create Portal Account\". %(reason)s",
                customer=self.partner_id.name,
                # Only what was written for people: the rest is in the server's log.
                reason=str(error) if isinstance(error, UserError) else "",
            )
        reason = self._get_portal_account_issue_label(decision)
        if decision == "company_documents":
            return self.env._(
                "No portal account was created. %(reason)s, and the account would show them. "
                "A user who may grant portal access can click \"Create Portal Account\".",
                reason=reason,
            )
        return self.env._("No portal account was created. %(reason)s.", reason=reason)

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

    def _trigger_pending_portal_accounts(self):
        """Have the scheduled action look again once this transaction is committed."""
        cron = self.env.ref("sale_auto_portal_user.ir_cron_pending_portal_accounts", raise_if_not_found=False)
        if cron:
            # The other transaction may take its time: the scheduled action itself doesn't spin.
            delay = timedelta(minutes=1 if self.env.context.get("cron_id") else 0)
            cron.sudo()._trigger(at=fields.Datetime.now() + delay)

    @api.model
    def _cron_create_pending_portal_accounts(self):
        """Create the accounts that a parallel transaction was in the way of, and tidy up.

        An order that somebody is writing on would undo the run for all: its turn comes a little later.
        """
        pending = self.search([("portal_account_issue", "=", "pending")])
        orders = pending.try_lock_for_update(allow_referencing=True)
        if orders != pending:
            self._trigger_pending_portal_accounts()
        granted = orders.filtered("portal_account_granted")
        orders.write({"portal_account_issue": False, "portal_account_granted": False})
        for may_grant, group in ((True, granted), (False, orders - granted)):
            group = group.filtered(lambda order: order.state == "sale")._filter_without_account()
            group.with_env(group._portal_account_env())._create_portal_accounts(may_grant)
        self._clear_settled_portal_account_issues()
        self.env["res.users"]._void_exposed_portal_tokens()
