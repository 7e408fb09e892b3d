from unittest.mock import patch

from odoo.tests import tagged
from odoo.tools import SQL

from .common import PortalAccountCommon


@tagged("post_install", "-at_install", "once")
class TestQueries(PortalAccountCommon):
    """What the addon costs, counted in queries: with it and without it, in the same test."""

    def count_queries(self, orders):
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        orders.action_confirm()
        self.env.flush_all()
        return self.env.cr.sql_log_count - before

    def orders_of(self, count, *, with_account, prefix):
        partners = self.env["res.partner"].create(
            [{"name": f"{prefix}{index}", "email": f"{prefix}{index}@example.com"} for index in range(count)]
        )
        if with_account:
            self.env["res.users"].with_context(no_reset_password=True).create(
                [self._prepare_portal_user(partner) for partner in partners]
            )
        return self.env["sale.order"].create([self._prepare_order(partner) for partner in partners])

    def extra_queries(self, count, *, with_account):
        """Queries of a confirmation with the addon, less those without it."""
        self.count_queries(self.order(self.customer(email=False)))  # warms the caches
        self.company.auto_portal_user = False
        without = self.count_queries(self.orders_of(count, with_account=with_account, prefix=f"a{count}x"))
        self.company.auto_portal_user = True
        return self.count_queries(self.orders_of(count, with_account=with_account, prefix=f"b{count}x")) - without

    def test_customers_with_accounts_cost_two_queries_at_most_however_many(self):
        for count in (1, 20):
            with self.subTest(count=count):
                self.assertLessEqual(self.extra_queries(count, with_account=True), 2)

    def test_the_look_ups_for_new_customers_are_made_once_for_all(self):
        few, many = (self.extra_queries(count, with_account=False) for count in (5, 25))
        self.assertLess(many - few, 25 - 5, "an account more costs less than one query more")

    def test_a_new_customer_in_a_batch_costs_a_fraction_of_odoos_own_wizard(self):
        orders = self.orders_of(20, with_account=False, prefix="batch")
        self.company.auto_portal_user = False
        without = self.count_queries(self.orders_of(20, with_account=False, prefix="none"))
        self.company.auto_portal_user = True
        per_account = (self.count_queries(orders) - without) / 20
        wizard = (
            self.env["portal.wizard"]
            .with_context(active_ids=self.customer(name="W", email="w@example.com").ids)
            .create({})
        )
        self.env.flush_all()
        before = self.env.cr.sql_log_count
        wizard.user_ids.action_grant_access()
        self.env.flush_all()
        self.assertLess(per_account, (self.env.cr.sql_log_count - before) / 4)

    def test_accounts_and_invitations_empty_no_caches(self):
        # Every worker of every server would have to fill its own again, for each new customer who buys something.
        orders = self.orders_of(2, with_account=False, prefix="cached")
        with patch.object(type(self.registry), "clear_cache") as clear_cache:
            orders.action_confirm()
            invitations = self.env["sale.portal.invitation"].search([("order_id", "in", orders.ids)])
            invitations._queue()
            self.env.flush_all()
        self.assertEqual(invitations.mapped("state"), ["queued", "queued"])
        clear_cache.assert_not_called()

    def test_invitations_are_created_and_sent_in_as_many_queries_for_many_as_for_a_few(self):
        counts = []
        for count in (2, 20):
            users = self.env["res.users"].create(
                [
                    self._prepare_portal_user(self.customer(name=f"P{index}", email=f"p{count}x{index}@example.com"))
                    for index in range(count)
                ]
            )
            self.env.flush_all()
            before = self.env.cr.sql_log_count
            self.env["sale.portal.invitation"]._invite(users)
            self.env.flush_all()
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(counts[0], counts[1])

    def test_a_portion_of_invitations_costs_the_same_however_many_are_waiting(self):
        invitations = self.env["sale.portal.invitation"]
        counts = []
        for prefix, count in (("few", 25), ("many", 300)):
            invitations.search([]).unlink()
            self.orders_of(count, with_account=False, prefix=prefix).action_confirm()
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            # No time is left after the first portion.
            with (
                patch.object(self.registry["ir.cron"], "_commit_progress", return_value=0),
                patch.object(self.registry["mail.mail"], "process_email_queue"),
            ):
                invitations._cron_send()
            self.env.flush_all()
            counts.append(self.env.cr.sql_log_count - before)
            self.assertEqual(invitations.search_count([("state", "=", "queued")]), 20)
        self.assertLessEqual(counts[1], counts[0] + 2)

    def test_the_login_look_up_uses_its_index(self):
        environment = type(self.env)
        executed = []
        execute_query = environment.execute_query

        def record(env, query):
            executed.append(query)
            return execute_query(env, query)

        with patch.object(environment, "execute_query", record):
            self.env["res.users"]._search_portal_logins({"nora@example.com"})
        for way in ("seqscan", "hashjoin", "mergejoin"):  # a small table is read whole otherwise
            self.env.cr.execute(f"SET LOCAL enable_{way} = off")
        plan = "\n".join(line for (line,) in self.env.execute_query(SQL("EXPLAIN %s", executed[0])))
        self.assertIn("res_users_login_address_idx", plan)
