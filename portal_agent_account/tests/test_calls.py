from dateutil.relativedelta import relativedelta

from odoo import fields
from odoo.fields import Command
from odoo.tests import tagged

from .common import PortalAgentCommon


@tagged("post_install", "-at_install", "once")
class TestCalls(PortalAgentCommon):
    """The customers to call, and the date of a customer's last order."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.today = fields.Date.context_today(cls.agent)
        (cls.quotation + cls.draft_quotation + cls.order).write({"state": "cancel"})
        (cls.invoice + cls.credit_note).button_cancel()
        cls.regular = cls._new_customer("Quack Feathers", portal_agent_ids=[Command.link(cls.agent.id)])
        cls.contact = cls._new_customer("Quentin Quack", parent_id=cls.regular.id, is_company=False)
        cls.env.flush_all()

    def _order(self, *days, partner=None, state="sale", **values):
        """Create one order for each number of days ago."""
        for age in days:
            order = self._new_order(partner or self.contact, "QUACK", state=state, **values)
            order.date_order = fields.Datetime.now() - relativedelta(days=age)

    def _get_reasons(self, customer=None):
        """Return the kinds and the labels of the reasons to call a customer."""
        self.env.flush_all()
        customer = customer or self.regular
        with self.on_an_agents_page() as env:
            Partner = env["res.partner"]
            kinds = [reason["kind"] for reason in Partner._read_portal_agent_call_reasons()[customer.id]]
            called = customer in Partner.search(Partner._get_portal_agent_call_domain())
            labels = Partner.browse(customer.id)._get_portal_agent_call_reasons()[customer.id]
            calls = env["portal.agent.dashboard"]._get_summary(Partner)["calls"]["customers"]
        self.assertEqual(called, bool(kinds))
        self.assertEqual([call["reasons"] for call in calls if call["customer"] == customer], [labels] if kinds else [])
        return kinds, labels

    def test_regular_customer_whose_order_is_late_is_to_call(self):
        self._order(160, 130, 100)
        self.assertEqual(self._get_reasons(), (["late"], ["Usually orders every 30 days; last order 100 days ago"]))

    def test_regular_customer_who_has_just_ordered_is_not_to_call(self):
        self._order(90, 60, 30)
        self.assertEqual(self._get_reasons(), ([], []))

    def test_two_orders_are_too_few_and_several_on_one_day_count_as_one(self):
        self._order(400, 200, 200, 200)
        self.assertEqual(self._get_reasons(), ([], []))

    def test_two_orders_on_one_day_in_the_agents_time_zone_count_as_one(self):
        """The orders are from noon and ten in the evening in Los Angeles, when it is the next day in UTC."""
        self.agent.tz = "America/Los_Angeles"
        for age in (160, 130, 100):
            noon = fields.Datetime.to_datetime(self.today - relativedelta(days=age)).replace(hour=20)
            for moment in (noon, noon + relativedelta(hours=10)):
                self._new_order(self.contact, "QUACK", state="sale").date_order = moment
        with self.on_an_agents_page() as env:
            habits = {habit.customer_id: habit for habit in env["portal.agent.call"]._read_habits()}
        habit = habits[self.regular.id]
        self.assertEqual((habit.intervals, habit.usual), (2, 30))
        self.assertEqual(habit.last_day, self.today - relativedelta(days=100))

    def test_one_long_break_does_not_change_the_usual_interval(self):
        self._order(500, 130, 120, 110, 100)
        self.assertEqual(self._get_reasons()[1], ["Usually orders every 10 days; last order 100 days ago"])

    def test_who_orders_every_day_is_late_after_three_days(self):
        self._order(6, 5, 4, 3)
        self.assertEqual(self._get_reasons()[1], ["Usually orders every day; last order 3 days ago"])

    def test_quotations_and_cancelled_orders_do_not_count_as_orders(self):
        self._order(160, 130)
        self._order(100, state="sent", validity_date=False)
        self._order(101, state="cancel")
        self.assertEqual(self._get_reasons(), ([], []))

    def test_customer_with_an_overdue_amount_is_to_call(self):
        for days, expected in ((1, "1 day"), (40, "40 days")):
            day = self.today - relativedelta(days=days)
            values = {"invoice_date": day, "invoice_date_due": day, "invoice_payment_term_id": False}
            self._new_invoice(self.contact, "QUACK", **values)
            kinds, labels = self._get_reasons()
            self.assertEqual(kinds, ["overdue"])
            self.assertRegex(labels[0], rf"00 overdue, the oldest part for {expected}$")

    def test_quotation_that_expires_within_a_week_is_a_reason(self):
        for days, expected in ((0, ["running_out"]), (7, ["running_out"]), (8, []), (-1, [])):
            self.env["sale.order"].search([("name", "=", "QUACK")]).state = "cancel"
            self._order(1, state="sent", validity_date=self.today + relativedelta(days=days))
            self.assertEqual(self._get_reasons()[0], expected, days)

    def test_customers_of_other_agents_are_not_to_call(self):
        self._order(160, 130, 100, partner=self.other_customer)
        self.assertEqual(self._get_reasons(self.other_customer), ([], []))

    def _search(self, domain=(), order=None):
        with self.on_an_agents_page() as env:
            return env["res.partner"].search([*env["res.partner"]._get_portal_agent_domain(), *domain], order=order)

    def test_last_order_is_the_latest_of_any_contact(self):
        self._order(50, 20)
        self._order(70, partner=self.regular)
        with self.on_an_agents_page() as env:
            customers = env["res.partner"].browse((self.regular + self.customer).ids)
            last_orders = customers._get_portal_agent_last_orders()
        days = {key: (self.today - moment.date()).days for key, moment in last_orders.items()}
        self.assertEqual(days, {self.regular.id: 20})

    def test_customers_are_sorted_by_their_last_order_and_those_who_never_ordered_come_last(self):
        third = self._new_customer("Quiet House", portal_agent_ids=[Command.link(self.agent.id)])
        self._order(50, 20)
        self._order(200, partner=third)
        self.env.flush_all()
        for order, expected in (
            ("portal_agent_last_order", third + self.regular + self.customer),
            ("portal_agent_last_order desc", self.regular + third + self.customer),
        ):
            self.assertEqual(self._search(order=order), expected)

    def test_customers_are_filtered_by_how_long_ago_they_ordered(self):
        self._order(500, 130)
        for months, expected in ((3, self.regular), (6, self.env["res.partner"]), (None, self.customer)):
            with self.on_an_agents_page() as env:
                domain = env["res.partner"]._get_portal_agent_quiet_domain(months)
            self.assertEqual(self._search(domain), expected, months)
