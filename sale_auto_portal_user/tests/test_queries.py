import sys
import threading
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged

from .common import PortalAccountCommon

ADDONS = ("sale_auto_portal_user", "portal_agent_account")
PACKAGE = "odoo.addons."


@tagged("post_install", "-at_install", "once")
class TestQueries(PortalAccountCommon):
    """Number of queries with and without the addon, counted in the same test."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        addons = cls.env["ir.module.module"].search([("name", "in", ADDONS)])
        dependencies = addons.upstream_dependencies(exclude_states=("uninstalled",))
        cls.known = {"base", *ADDONS, *dependencies.mapped("name")}  # "base" depends on nothing, so Odoo omits it

    def count_queries(self, action):
        """Return the number of queries of an action, except those of addons that our addons don't depend on.

        Some of these take queries for each new user or order: website_slides searches courses for each user.
        """
        counted = []

        def count(_cr, query, *_rest):
            if self.is_query_of_known_addon():
                counted.append(query)

        thread = threading.current_thread()
        hooks = getattr(thread, "query_hooks", ())
        self.env.flush_all()
        # Empty all caches. Environments cache the company, too, for as long as they happen to live.
        self.env.transaction.reset()
        thread.query_hooks = [*hooks, count]
        try:
            action()
            self.env.flush_all()
        finally:
            thread.query_hooks = hooks
        return len(counted)

    def is_query_of_known_addon(self):
        """Return whether the current query comes from one of our addons or one that they depend on."""
        frame, name = sys._getframe(2), ""  # the caller of the hook
        while not name.startswith(PACKAGE):
            name = frame.f_globals.get("__name__", "")  # the code of a mail template has none
            frame = frame.f_back
        return name.removeprefix(PACKAGE).partition(".")[0] in self.known

    def orders_of(self, count, *, with_account, prefix):
        partners = self.env["res.partner"].create(
            [{"name": f"{prefix}{index}", "email": f"{prefix}{index}@example.com"} for index in range(count)]
        )
        if with_account:
            self.env["res.users"].with_context(no_reset_password=True).create(
                [self._prepare_portal_user(partner) for partner in partners]
            )
        # The confirmation changes the date, except where it is still the same second.
        date = fields.Datetime.now() - timedelta(hours=1)
        return self.env["sale.order"].create([self._prepare_order(partner, date_order=date) for partner in partners])

    def extra_queries(self, count, *, with_account):
        """Return the number of additional queries that the addon takes for a confirmation."""
        self.company.auto_portal_user = False
        orders = self.orders_of(count, with_account=with_account, prefix=f"a{count}x")
        without = self.count_queries(orders.action_confirm)
        self.company.auto_portal_user = True
        orders = self.orders_of(count, with_account=with_account, prefix=f"b{count}x")
        return self.count_queries(orders.action_confirm) - without

    def warm_caches(self):
        """Fill Odoo's caches, as in a worker that has already served requests."""
        self.orders_of(1, with_account=False, prefix="warm").action_confirm()

    def test_customers_with_accounts_take_one_query_in_total(self):
        self.warm_caches()
        for count in (1, 20):
            with self.subTest(count=count):
                self.assertLessEqual(self.extra_queries(count, with_account=True), 1)

    def test_many_accounts_take_as_many_queries_as_one(self):
        self.warm_caches()
        one, many = (self.extra_queries(count, with_account=False) for count in (1, 25))
        self.assertEqual(one, many)

    def grant_by_wizard(self, email):
        """Return the number of queries that Odoo's portal wizard takes to grant access to one contact."""
        customer = self.customer(name="W", email=email)
        wizard = self.env["portal.wizard"].with_context(active_ids=customer.ids).create({})
        return self.count_queries(wizard.user_ids.action_grant_access)

    def test_an_account_takes_63_queries_less_than_odoos_own_wizard(self):
        self.warm_caches()
        account = self.extra_queries(1, with_account=False)
        # The first run warms the caches.
        granted = [self.grant_by_wizard(email) for email in ("w1@example.com", "w2@example.com")][1]
        self.assertLess(account, granted / 2)
        self.assertLessEqual(account + 63, granted)

    def test_accounts_and_invitations_do_not_clear_caches(self):
        # Otherwise all workers of all servers would have to refill their caches for each new customer.
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

    def test_a_batch_of_invitations_takes_constant_queries(self):
        invitations = self.env["sale.portal.invitation"]
        counts = []
        for prefix, count in (("few", 25), ("many", 300)):
            invitations.search([]).unlink()
            self.orders_of(count, with_account=False, prefix=prefix).action_confirm()
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            # Simulate that no time is left after the first batch.
            with (
                patch.object(self.registry["ir.cron"], "_commit_progress", return_value=0),
                patch.object(self.registry["mail.mail"], "process_email_queue"),
            ):
                invitations._cron_send()
            self.env.flush_all()
            counts.append(self.env.cr.sql_log_count - before)
            self.assertEqual(invitations.search_count([("state", "=", "queued")]), 20)
        self.assertLessEqual(counts[1], counts[0] + 2)

    def test_the_groups_of_many_accounts_take_as_many_queries_as_those_of_two(self):
        counts = []
        for count in (2, 20):
            users = self.users_of(self.orders_of(count, with_account=True, prefix=f"g{count}x").partner_id)
            counts.append(self.count_queries(users._filter_with_other_groups))
        self.assertEqual(counts[0], counts[1])

    def test_only_a_changed_address_of_a_contact_takes_a_query(self):
        contacts = self.env["res.partner"].create(
            [{"name": "Nora", "email": f"n{index}@example.com"} for index in "abc"]
        )
        warm, same, other = contacts
        self.count_queries(lambda: warm.write({"email": "warm@example.com"}))
        spelled = self.count_queries(lambda: same.write({"email": "NB@example.com"}))
        changed = self.count_queries(lambda: other.write({"email": "other@example.com"}))
        self.assertLessEqual(changed, spelled + 1)

    def count_users_read(self, action):
        """Count the rows of users that PostgreSQL reads for an action, including discarded ones."""
        read = []
        for step in (lambda: None, action):
            step()
            self.env.cr.execute(
                """
                SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0)
                  FROM pg_stat_xact_user_tables WHERE relname = 'res_users'
                """
            )
            read.append(self.env.cr.fetchone()[0])
        return read[1] - read[0]

    def test_the_look_ups_of_logins_read_no_more_than_the_users_of_that_address(self):
        partners = self.env["res.partner"].create(
            [{"name": f"U{number}", "email": f"u{number}@example.com"} for number in range(300)]
        )
        users = self.env["res.users"].with_context(no_reset_password=True)
        users.create([self._prepare_portal_user(partner) for partner in partners])
        self.env.flush_all()
        self.env.cr.execute("ANALYZE res_users")
        for name, look_up in (
            ("a customer's", lambda: users._search_portal_logins({"nora@example.com"})),
            ("a visitor's", lambda: users._get_login_as_stored("NORA@example.com")),
        ):
            with self.subTest(name):
                self.assertLessEqual(self.count_users_read(look_up), 1)
        self.assertGreaterEqual(self.count_users_read(lambda: users.search([("signature", "=", "x")])), 300)
