"""Errors while creating an account must not affect the sale."""

from unittest.mock import patch

from psycopg2 import errors

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.sale_auto_portal_user.models import sale_order_account_creation as sale_order_module

from .common import PortalAccountCommon

LOGGER = "odoo.addons.sale_auto_portal_user.models.sale_order_account_creation"


@tagged("post_install", "-at_install", "once")
class TestFailures(PortalAccountCommon):
    def patch_users(self, method, side_effect):
        patcher = patch.object(self.registry["res.users"], method, autospec=True, side_effect=side_effect)
        self.addCleanup(patcher.stop)
        return patcher.start()

    def fail_for(self, login, error):
        """Let the creation of one user fail, e.g. because of a constraint of another addon."""
        create = self.registry["res.users"].create

        def create_or_fail(users, vals_list):
            result = create(users, vals_list)
            if any(vals["login"] == login for vals in vals_list):
                raise error
            return result

        self.patch_users("create", create_or_fail)

    @mute_logger(LOGGER)
    def test_an_error_leaves_the_order_confirmed_and_noted(self):
        order = self.order(self.customer())
        self.fail_for("nora@example.com", UserError("The moon is full"))
        order.action_confirm()
        self.assert_no_account(order, "error")
        self.assertIn("The moon is full", self.notes_of(order)[0])
        self.assertIn("the order is not affected", self.notes_of(order)[0])

    def test_an_error_is_logged_with_its_cause(self):
        order = self.order(self.customer())
        self.fail_for("nora@example.com", ValueError("secret detail"))
        with self.assertLogs(LOGGER, "WARNING") as logs:
            order.action_confirm()
        self.assertIn("secret detail", logs.output[0])
        self.assertNotIn("secret detail", self.notes_of(order)[0])

    @mute_logger(LOGGER)
    def test_a_failed_account_can_be_created_from_the_order(self):
        order = self.order(self.customer())
        with patch.object(self.registry["res.users"], "create", side_effect=ValueError):
            order.action_confirm()
        self.assert_no_account(order, "error")
        order.action_create_portal_account()
        self.assert_account(order)

    @mute_logger(LOGGER)
    def test_the_button_does_not_say_created_where_a_new_account_failed(self):
        order = self.order(self.customer())
        order.action_confirm()
        self.assert_account(order).unlink()
        with patch.object(self.registry["res.users"], "create", side_effect=ValueError):
            answer = order.action_create_portal_account()
        self.assertEqual(answer["params"]["type"], "warning")
        self.assertIn("could not be created", answer["params"]["message"])

    @mute_logger(LOGGER)
    def test_the_button_answers_even_if_nothing_could_be_noted(self):
        order = self.order(self.customer())
        with patch.object(self.registry["sale.order"], "_message_log_batch", side_effect=ValueError):
            order.action_confirm()
            answer = order.action_create_portal_account()
        self.assertEqual(answer["params"]["type"], "warning")
        self.assertIn("could not be created", answer["params"]["message"])

    @mute_logger(LOGGER)
    def test_one_failure_in_a_batch_does_not_affect_the_other_accounts(self):
        orders = self.env["sale.order"].union(
            *(self.order(self.customer(name=f"C{index}", email=f"c{index}@example.com")) for index in range(9))
        )
        self.fail_for("c4@example.com", ValueError())
        orders.action_confirm()
        self.assertEqual(set(orders.mapped("state")), {"sale"})
        self.assertEqual(orders.filtered("is_user_created"), orders - orders[4])
        self.assertEqual(orders[4].portal_account_issue, "error")

    @mute_logger(LOGGER, "odoo.sql_db")
    def test_a_database_error_does_not_poison_the_transaction(self):
        def fail(users, vals_list):
            users.env.cr.execute("SELECT 1 / 0")

        self.patch_users("create", fail)
        order = self.order(self.customer())
        order.action_confirm()
        self.env.flush_all()
        self.assert_no_account(order, "error")

    @mute_logger("odoo.sql_db")
    def test_a_unique_violation_not_about_logins_is_an_error_and_not_pending(self):
        def repeat_a_key(users, vals_list):
            users.env.cr.execute("UPDATE ir_config_parameter SET key = 'repeated'")

        self.patch_users("create", repeat_a_key)
        order = self.order(self.customer())
        with self.assertLogs(LOGGER, "WARNING") as logs:
            order.action_confirm()
        self.assertIn("ir_config_parameter_key", logs.output[0])
        self.assert_no_account(order, "error")
        self.assertIn("could not be created", self.notes_of(order)[0])

    @mute_logger(LOGGER)
    def test_an_error_on_flush_is_caught(self):
        create = self.registry["res.users"].create

        def create_then_break(users, vals_list):
            result = create(users, vals_list)
            # This is only written when the savepoint is released.
            result.partner_id.write({"company_id": 2**31 - 1})
            return result

        self.patch_users("create", create_then_break)
        order = self.order(self.customer())
        with mute_logger("odoo.sql_db"):
            order.action_confirm()
            self.env.flush_all()
        self.assert_no_account(order, "error")

    @mute_logger(LOGGER)
    def test_without_a_template_user_the_order_says_so(self):
        self.env["ir.config_parameter"].set_param("base.template_portal_user_id", "0")
        order = self.order(self.customer())
        order.action_confirm()
        self.assert_no_account(order, "error")
        self.assertIn("no portal template user", self.notes_of(order)[0])

    @mute_logger(LOGGER)
    def test_a_failing_note_does_not_break_the_sale(self):
        order = self.order(self.customer())
        with patch.object(self.registry["sale.order"], "_message_log_batch", side_effect=ValueError):
            order.action_confirm()
        self.assertEqual(order.state, "sale")
        self.assertFalse(self.users_of(order.partner_id))

    @mute_logger(LOGGER)
    def test_an_error_before_anything_is_written_does_not_break_the_sale(self):
        order = self.order(self.customer())
        with patch.object(self.registry["sale.order"], "_is_portal_account_wanted", side_effect=ValueError):
            order.action_confirm()
        self.assertEqual(order.state, "sale")
        self.assertFalse(self.users_of(order.partner_id))

    def test_an_error_of_the_sale_itself_is_not_swallowed(self):
        order = self.order(self.customer())
        error = ValueError("the sale's own")
        with (
            self.assertRaisesRegex(ValueError, "the sale's own"),
            patch.object(self.registry["sale.order"], "_should_be_locked", side_effect=error),
        ):
            order.action_confirm()


@tagged("post_install", "-at_install", "once")
class TestParallelTransactions(PortalAccountCommon):
    """Handling of parallel transactions. Actual race conditions are tested on running servers."""

    def test_an_address_reserved_by_another_transaction_is_left_for_later(self):
        order = self.order(self.customer())
        with self.being_worked_on("nora@example.com"):
            order.action_confirm()
        self.assert_no_account(order, "pending")
        self.assertEqual(order.portal_account_state, "pending")
        self.env["sale.order"]._cron_create_pending_portal_accounts()
        self.assert_account(order)

    def test_a_concurrency_error_is_settled_by_a_later_transaction(self):
        for error in sale_order_module.CONCURRENCY_ERRORS:
            with self.subTest(error=error.__name__):
                order = self.order(self.customer(email=f"{error.__name__}@example.com"))
                with patch.object(self.registry["res.users"], "create", side_effect=error):
                    order.action_confirm()
                self.assert_no_account(order, "pending")
                self.env["sale.order"]._cron_create_pending_portal_accounts()
                self.assert_account(order)

    @mute_logger("odoo.sql_db")
    def test_a_login_that_a_parallel_transaction_wrote_first_is_settled_later(self):
        first = self.order(self.customer())
        first.action_confirm()
        login = self.assert_account(first).login
        create = self.registry["res.users"].create

        def create_too_late(users, vals_list):
            created = create(users, vals_list)
            users.env.cr.execute("UPDATE res_users SET login = %s WHERE id = %s", [login, created.id])
            return created

        order = self.order(self.customer(name="Norbert", email="norbert@example.com"))
        with patch.object(self.registry["res.users"], "create", create_too_late):
            order.action_confirm()
        self.assert_no_account(order, "pending")
        self.env["sale.order"]._cron_create_pending_portal_accounts()
        self.assert_account(order)

    def test_the_login_constraints_that_count_as_concurrency_exist(self):
        self.env.cr.execute("SELECT indexname FROM pg_indexes WHERE tablename = 'res_users'")
        self.assertLessEqual(set(sale_order_module.LOGIN_CONSTRAINTS), {name for (name,) in self.env.cr.fetchall()})

    def test_a_batch_tries_a_locked_table_of_users_only_once(self):
        orders = self.order(self.customer()) + self.order(self.customer(name="Otto", email="otto@example.com"))
        tries = []

        def fail(users, vals_list):
            tries.append(users)
            raise errors.LockNotAvailable

        with patch.object(self.registry["res.users"], "create", fail):
            orders.action_confirm()
        self.assertEqual(len(tries), 1)
        for order in orders:
            self.assert_no_account(order, "pending")

    def test_the_lock_timeout_of_the_sale_is_restored(self):
        self.env.cr.execute("SET LOCAL lock_timeout = '7s'")
        create = self.registry["res.users"].create
        good, bad = self.order(self.customer()), self.order(self.customer(name="Otto", email="otto@example.com"))
        for order, error in ((good, None), (bad, errors.LockNotAvailable)):
            with patch.object(self.registry["res.users"], "create", autospec=True, side_effect=error or create):
                order.action_confirm()
            self.env.cr.execute("SHOW lock_timeout")
            self.assertEqual(self.env.cr.fetchone(), ("7s",))

    def test_a_failing_search_for_committed_logins_leaves_the_accounts_for_later(self):
        order = self.order(self.customer())
        for error in sale_order_module.CONCURRENCY_ERRORS:
            with self.subTest(error=error.__name__):
                with patch.object(self.registry["res.users"], "_search_committed_portal_logins", side_effect=error):
                    order.action_confirm() if order.state == "draft" else order.action_create_portal_account()
                self.assert_no_account(order, "pending")

    def test_the_number_of_locks_of_a_batch_is_limited(self):
        emails = {f"customer{number}@example.com" for number in range(7000)}
        self.assertEqual(self.env["res.users"]._lock_portal_logins(emails), emails)
        self.env.cr.execute("SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'")
        [locks] = self.env.cr.fetchone()
        self.assertLessEqual(locks, 256)
        self.assertGreater(locks, 200, "addresses are spread over the locks")

    def test_a_locked_pending_order_does_not_delay_the_others(self):
        locked = self.order(self.customer())
        other = self.order(self.customer(name="Otto", email="otto@example.com"))
        with self.being_worked_on("nora@example.com", "otto@example.com"):
            (locked + other).action_confirm()
        cron = self.env.ref("sale_auto_portal_user.ir_cron_pending_portal_accounts")
        self.env["ir.cron.trigger"].search([("cron_id", "=", cron.id)]).unlink()
        with patch.object(
            self.registry["sale.order"], "try_lock_for_update", lambda orders, **options: orders - locked
        ):
            self.env["sale.order"]._cron_create_pending_portal_accounts()
        self.assert_account(other)
        self.assert_no_account(locked, "pending")
        self.assertTrue(self.env["ir.cron.trigger"].search([("cron_id", "=", cron.id)]))
        self.env["sale.order"]._cron_create_pending_portal_accounts()
        self.assert_account(locked)

    def test_a_pending_order_whose_address_was_taken_meanwhile_says_so(self):
        order = self.order(self.customer())
        with self.being_worked_on("nora@example.com"):
            order.action_confirm()
        self.portal_user(self.customer(name="The other Nora"))
        self.env["sale.order"]._cron_create_pending_portal_accounts()
        self.assert_no_account(order, "login_taken")

    def test_a_cancelled_order_is_no_longer_pending(self):
        order = self.order(self.customer())
        with self.being_worked_on("nora@example.com"):
            order.action_confirm()
        order._action_cancel()
        self.env["sale.order"]._cron_create_pending_portal_accounts()
        self.assertFalse(order.portal_account_issue)
        self.assertFalse(self.users_of(order.partner_id))

    @mute_logger("odoo.sql_db")
    def test_the_database_refuses_a_second_account_for_one_address(self):
        order = self.order(self.customer())
        order.action_confirm()
        other = self.order(self.customer(name="Norbert", email="norbert@example.com"))
        other.action_confirm()
        user = self.assert_account(other)
        with self.assertRaises(errors.UniqueViolation), self.env.cr.savepoint():
            self.env.cr.execute("UPDATE res_users SET login = 'NORA <nora@EXAMPLE.com>' WHERE id = %s", [user.id])
