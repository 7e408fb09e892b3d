from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import Form, new_test_user, tagged

from .common import PortalAgentCommon


@tagged("post_install", "-at_install", "without_community_addons")
class TestWithoutCommissions(PortalAgentCommon):
    """The wizard without an addon for commissions."""

    def test_administrator_is_not_asked_where_the_agents_come_from(self):
        wizard = Form(self.env["portal.agent.assign"])
        self.assertFalse(wizard.is_source_choosable)
        with self.assertRaisesRegex(AssertionError, "invisible"):
            wizard.source = "chosen"

    def test_commission_agents_are_not_offered(self):
        sources = self.env["portal.agent.assign"].fields_get(["source"])["source"]["selection"]
        self.assertEqual([value for value, _label in sources], ["chosen"])
        wizard = self.env["portal.agent.assign"].create({"source": "commission", "partner_ids": self.customer.ids})
        with self.assertRaisesRegex(UserError, "Select at least one agent"):
            wizard.action_apply()


@tagged("post_install", "-at_install", "-standard", "community_addons")
class TestCommissionAgents(PortalAgentCommon):
    """The wizard with commission_oca (OCA) installed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.contact_manager = new_test_user(
            cls.env,
            login="pa_contacts",
            groups="base.group_partner_manager,sales_team.group_sale_salesman_all_leads",
        )
        (cls.agent + cls.other_agent).partner_id.agent = True
        cls.stranger = cls._new_customer("Gull Agency", agent=True)
        cls.strange_customer.commission_agent_ids = cls.other_agent.partner_id + cls.stranger
        cls.customer.commission_agent_ids = cls.other_agent.partner_id
        cls.other_customer.commission_agent_ids = cls.stranger

    def _take_over(self, customers, mode="add", user=None):
        wizard = Form(self.env["portal.agent.assign"].with_user(user or self.contact_manager))
        wizard.mode = mode
        wizard.source = "commission"
        for customer in customers:
            wizard.partner_ids.add(customer)
        return wizard.save().action_apply()["params"]

    def test_customers_get_their_own_agents_for_commissions(self):
        self._take_over(self.customer + self.strange_customer)
        self.assertEqual(self.customer.portal_agent_ids, self.agent + self.other_agent)
        self.assertEqual(self.strange_customer.portal_agent_ids, self.other_agent)

    def test_a_contacts_company_gets_the_agents(self):
        self._take_over(self.warehouse)
        self.assertEqual(self.customer.portal_agent_ids, self.agent + self.other_agent)

    def test_agents_for_commissions_replace_other_agents(self):
        self._take_over(self.customer, mode="replace")
        self.assertEqual(self.customer.portal_agent_ids, self.other_agent)

    def test_customer_without_an_agent_for_commissions_keeps_its_agents(self):
        self._take_over(self.customer + self.other_customer, mode="replace")
        self.assertEqual(self.other_customer.portal_agent_ids, self.other_agent)

    def test_agents_for_commissions_are_removed(self):
        self.customer.portal_agent_ids += self.other_agent
        self._take_over(self.customer + self.other_customer, mode="remove")
        self.assertEqual(self.customer.portal_agent_ids, self.agent)
        self.assertEqual(self.other_customer.portal_agent_ids, self.other_agent)

    def test_agents_without_an_account_are_counted_and_named(self):
        notice = self._take_over(self.customer + self.other_customer + self.strange_customer)
        self.assertEqual(notice["type"], "warning")
        for part in ("Customers: 2", "Agents: 1", "not portal agents: Gull Agency."):
            self.assertIn(part, notice["message"])
        self.assertFalse(self.stranger.user_ids)

    def test_nobody_is_named_when_all_agents_have_an_account(self):
        notice = self._take_over(self.customer)
        self.assertEqual(notice["type"], "success")
        self.assertNotIn("left out", notice["message"])

    def test_agents_added_later_are_assigned_by_running_the_wizard_again(self):
        self._take_over(self.other_customer)
        self.stranger.email = "gull@gull.example.com"
        self.stranger.with_user(self.env.ref("base.user_admin")).action_make_portal_agent()
        self._take_over(self.other_customer)
        self.assertEqual(self.other_customer.portal_agent_ids, self.other_agent + self.stranger.user_ids)

    def test_change_is_tracked_like_any_other(self):
        self._take_over(self.strange_customer)
        tracking = self.strange_customer.message_ids[0].sudo().tracking_value_ids
        self.assertEqual(tracking.field_id.name, "portal_agent_ids")
        self.assertEqual(tracking.new_value_char, self.other_agent.name)

    def test_only_users_who_manage_contacts_assign_agents_for_commissions(self):
        salesperson = new_test_user(self.env, login="pa_sales", groups="sales_team.group_sale_salesman")
        with self.assertRaises(AccessError):
            self._take_over(self.customer, user=salesperson)

    def test_query_count_does_not_grow_with_the_number_of_customers(self):
        agents = self.agent.partner_id + self.other_agent.partner_id
        customers = self.env["res.partner"].create(
            [
                {"name": f"Crowd {i}", "is_company": True, "commission_agent_ids": [Command.set(agents[i % 2].ids)]}
                for i in range(104)
            ]
        )

        def count(customers):
            wizard = self.env["portal.agent.assign"].create(
                {"source": "commission", "partner_ids": [Command.set(customers.ids)]}
            )
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            wizard.action_apply()
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        count(customers[:2])
        few = count(customers[2:4])
        # The ORM inserts the messages in batches of one hundred.
        self.assertLessEqual(count(customers[4:]), few)
        self.assertEqual(customers[-1].portal_agent_ids, self.other_agent)
        self.assertEqual(customers[-2].portal_agent_ids, self.agent)
