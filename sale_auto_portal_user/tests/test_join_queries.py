from datetime import timedelta

from freezegun import freeze_time

from odoo import fields
from odoo.tests import tagged
from odoo.tools import SQL

from .common import PortalAccountHttpCommon
from .join_common import GuestOrderCommon


@tagged("post_install", "-at_install", "once")
class TestJoinQueries(GuestOrderCommon):
    """Number of queries to confirm guest orders of customers with accounts."""

    def count_confirming(self, number, *, join):
        self.company.auto_portal_user_join = join
        orders = self.env["sale.order"].union(*(self.guest_order(confirm=False) for _number in range(number)))
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        # Odoo takes one more write if the fields change in two different seconds, and one less if the orders are
        # confirmed in the second of their creation.
        with freeze_time(fields.Datetime.now() + timedelta(minutes=1)):
            orders.action_confirm()
        self.env.flush_all()
        queries = self.env.cr.sql_log_count - before
        self.assertEqual(set(orders.mapped("portal_account_issue")), {"login_taken"})
        return queries

    def test_waiting_orders_only_add_the_queries_to_request_their_mails(self):
        for join in (False, True):  # warm the caches
            self.count_confirming(2, join=join)
        # One INSERT for all records, and three queries to trigger the scheduled action.
        for number in (1, 30):
            with self.subTest(number=number):
                without, with_joins = (
                    min(self.count_confirming(number, join=join) for _try in range(2)) for join in (False, True)
                )
                self.assertLessEqual(with_joins - without, 4)

    def test_no_offers_are_searched_without_a_proof(self):
        self.owner.portal_mailbox = False
        self.guest_order()
        offers = self.env["sale.portal.join"]._get_portal_join_offers
        offers(self.owner)
        with self.assertQueryCount(0):
            self.assertFalse(offers(self.owner))

    def test_the_guests_of_an_address_are_found_by_an_index(self):
        domain = self.env["res.partner"]._get_portal_guest_domain("nora@example.com")
        query = self.env["res.partner"].sudo()._search(domain, order="id desc", limit=50)
        for way in ("seqscan", "hashjoin", "mergejoin"):  # otherwise PostgreSQL scans small tables
            self.env.cr.execute(f"SET LOCAL enable_{way} = off")
        plan = "\n".join(line for (line,) in self.env.execute_query(SQL("EXPLAIN %s", query.select())))
        self.assertIn("res_partner_portal_guest_address_idx", plan)

    def count_queries(self, function):
        """Count the queries of a function that are made with cold caches of records."""
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        function()
        self.env.flush_all()
        return self.env.cr.sql_log_count - before

    def test_many_orders_of_an_address_are_queued_and_offered_with_as_many_queries_as_two(self):
        joins, counts = self.env["sale.portal.join"], []
        for number in (2, 2, 30):  # the first warms the caches
            joins.search([]).unlink()
            for _number in range(number):
                self.guest_order()
            queue = self.count_queries(lambda: joins._search_due(100)._queue())
            self.assertEqual(len(joins.search([("state", "=", "queued")])), 1)
            self.owner.portal_mailbox_date = fields.Datetime.now() + timedelta(minutes=1)
            offer = self.count_queries(lambda: joins._get_portal_join_offers(self.owner))
            check = self.count_queries(lambda: joins._has_portal_join_offers(self.owner))
            counts.append((queue, offer, check))
        self.assertGreaterEqual(len(joins._get_portal_join_offers(self.owner)), 30)
        for few, many in zip(*counts[1:], strict=True):
            self.assertLessEqual(many, few + 3, counts)


@tagged("post_install", "-at_install", "once")
class TestPageQueries(GuestOrderCommon, PortalAccountHttpCommon):
    def test_the_pages_of_an_owner_cost_the_same_with_one_guest_order_and_with_thirty(self):
        self.owner.password = "correct horse battery"
        self.authenticate(self.owner.login, "correct horse battery")
        order = self.order(self.owner.partner_id, website_id=self.website.id)
        order.action_confirm()
        counts = []
        for number in (1, 29):
            for _number in range(number):
                self.guest_order()
            self.owner.portal_mailbox_date = fields.Datetime.now() + timedelta(minutes=1)
            counts.append([self.count_page(path) for path in ("/my", f"/my/orders/{order.id}", "/my/guest-orders")])
        for one, thirty in zip(*counts, strict=True):
            self.assertLessEqual(thirty, one + 5, counts)

    def count_page(self, path):
        self.url_open(path)  # warms the caches
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        response = self.url_open(path)
        self.assertEqual(response.url, self.base_url() + path)
        return self.env.cr.sql_log_count - before
