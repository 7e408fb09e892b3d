"""Create the accounts without ever affecting the sale."""

import logging
from contextlib import contextmanager
from datetime import timedelta

from psycopg2 import OperationalError, errors
from psycopg2.pool import PoolError

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, clean_context

_logger = logging.getLogger(__name__)

# Temporary errors, caused by the server or a parallel transaction: the scheduled action tries again.
CONCURRENCY_ERRORS = (OperationalError, PoolError)
# Errors that affect all orders of a batch: splitting the batch would only wait again for each part.
SHARED_ERRORS = (errors.LockNotAvailable, errors.OutOfMemory, PoolError)
# A duplicate login only surfaces as a unique violation on flush, either of Odoo's constraint or of our index.
LOGIN_CONSTRAINTS = ("res_users_login_key", "res_users_auto_portal_login_uniq")
# Creating accounts only waits briefly for locks, e.g. on a contact that is being saved.
LIMIT_LOCK_WAIT = "SET LOCAL lock_timeout = '300ms'; LOCK TABLE res_users IN ROW EXCLUSIVE MODE"


class SaleOrder(models.Model):
    _inherit = "sale.order"

    def _create_portal_accounts_on_confirmation(self):
        """Create the accounts for the confirmed orders. Errors never break, block or roll back the sale."""
        if not self.env.registry.ready:  # don't invite the customers of demo orders during installation
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
        """Return the environment in which accounts are created and notes are logged.

        It doesn't depend on who confirms the order: a public visitor, a salesperson or a webhook.

        :return: environment of the superuser in the company's language, without default values from the client's
            context
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
        """Create accounts for these orders where possible, and log the reason on the other orders.

        :param bool may_grant: whether the requesting user may grant portal access
        """
        if not self:
            return
        # Pending writes and pre-commit hooks of the sale must fail outside of our savepoint.
        self.env.cr.flush()
        try:
            with self._portal_account_savepoint():
                self._apply_portal_account_decisions(self._get_portal_account_decisions(may_grant), may_grant)
        except Exception as error:
            self._handle_portal_account_error(error, may_grant)

    @contextmanager
    def _portal_account_savepoint(self):
        """Roll back the block on failure, and limit the time that it waits for locks.

        :raise LockNotAvailable: if the table of users or a record remains locked
        """
        with self.env.cr.savepoint():
            [[lock_timeout]] = self.env.execute_query(SQL("SELECT current_setting('lock_timeout')"))
            # Don't log an error if the table is being altered.
            self.env.cr.execute(LIMIT_LOCK_WAIT, log_exceptions=False)
            yield
            self.env.cr.flush()
            self.env.cr.execute("SELECT set_config('lock_timeout', %s, true)", [lock_timeout])

    def _handle_portal_account_error(self, error, may_grant):
        """Process the other orders of a batch if one of them fails, and log the failure on that order.

        :param Exception error: exception raised for the batch
        :param bool may_grant: see :meth:`_create_portal_accounts`
        :raise Exception: given error, if the database connection is lost
        """
        if self.env.cr.closed:
            # The sale is lost as well. Odoo can't commit over a closed connection, but would still report success.
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
        """Return whether an error was caused by a parallel transaction and is worth a retry.

        :param Exception error: exception raised
        :rtype: bool
        """
        if isinstance(error, errors.UniqueViolation):
            return error.diag.constraint_name in LOGIN_CONSTRAINTS
        return isinstance(error, CONCURRENCY_ERRORS)

    def _apply_portal_account_decisions(self, decisions, may_grant=False, error=None):
        """Create the accounts, set the fields of the orders and log the notes.

        :param decisions: decisions as returned by :meth:`_get_portal_account_decisions`
        :type decisions: dict[sale.order, str or bool]
        :param bool may_grant: see :meth:`_create_portal_accounts`
        :param error: exception raised, if the decision is ``error``
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
                # Use the language of the order's own company.
                order: order.with_env(order._portal_account_env())._get_portal_account_note(decision, error)
                for order, decision in decisions.items()
                if decision and decision != "pending"
            }
        )

    def _create_portal_users_and_invite(self):
        """Create the portal users of these orders' contacts in one batch, and request their invitations."""
        users = self.env["res.users"]._create_portal_users([order._prepare_portal_user_values() for order in self])
        self.env["sale.portal.invitation"]._invite(users)
        self.write({"is_user_created": True, "portal_account_issue": False})
        self._clear_settled_portal_account_issues(self.partner_id)

    def _prepare_portal_user_values(self):
        """Prepare the values of the customer's portal user.

        :return: values that differ from those of the template user
        :rtype: dict
        """
        self.ensure_one()
        # Odoo writes the user's company on a contact that has one: a parent company's customer would be moved to the
        # branch that confirms the order.
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
        """Clear the issues of orders whose customers have an account by now, regardless of who created it.

        Orders that are locked by another transaction are left to the next run of the scheduled action.

        :param partners: customers, by default all
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
        """Return the note that explains the decision.

        :param str decision: ``create`` or a value of ``portal_account_issue``
        :param error: exception raised, if the decision is ``error``
        :type error: Exception or None
        :return: note for the order's chatter
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
                # Only include messages meant for users. Other errors are in the server's log.
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
        """Return the label of an issue.

        :param str issue: value of ``portal_account_issue``
        :rtype: str
        """
        return dict(self._fields["portal_account_issue"]._description_selection(self.env))[issue]

    def _log_portal_account_notes(self, notes):
        """Log notes in the orders' chatters in one batch.

        :param notes: text of the note by order
        :type notes: dict[sale.order, str]
        """
        orders_sudo = self.browse(order.id for order in notes).with_env(self._portal_account_env())
        if orders_sudo:
            orders_sudo._message_log_batch({order.id: note for order, note in notes.items()})

    def _trigger_pending_portal_accounts(self):
        """Trigger the scheduled action for pending accounts once this transaction is committed."""
        cron = self.env.ref("sale_auto_portal_user.ir_cron_pending_portal_accounts", raise_if_not_found=False)
        if cron:
            # If the scheduled action itself triggers the retry, wait a minute for the other transaction.
            delay = timedelta(minutes=1 if self.env.context.get("cron_id") else 0)
            cron.sudo()._trigger(at=fields.Datetime.now() + delay)

    @api.model
    def _cron_create_pending_portal_accounts(self):
        """Create the accounts that were delayed by a parallel transaction, clear settled issues and void links.

        Orders that are locked by another transaction are left to a later run, because a conflict would roll back the
        whole run.
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
