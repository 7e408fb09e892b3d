from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import Form, new_test_user, tagged

from .common import PortalAgentCommon


@tagged("post_install", "-at_install", "once")
class TestAssignmentRights(PortalAgentCommon):
    """Nobody shows an agent documents that they can't read themselves."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = {
            name: new_test_user(cls.env, login=f"pa_{name}", groups=f"base.group_user,{groups}")
            for name, groups in {
                "clerk": "base.group_partner_manager",
                "own_documents": "base.group_partner_manager,sales_team.group_sale_salesman",
                "all_documents": "base.group_partner_manager,sales_team.group_sale_salesman_all_leads",
                "sales_manager": "base.group_partner_manager,sales_team.group_sale_manager",
                "accountant": "base.group_partner_manager,account.group_account_invoice",
                "selling_accountant": (
                    "base.group_partner_manager,account.group_account_invoice,sales_team.group_sale_salesman"
                ),
                "administrator": "base.group_partner_manager,base.group_erp_manager",
                "salesperson_without_contacts": "sales_team.group_sale_salesman_all_leads",
            }.items()
        }

    def _try(self, user, change, refused=""):
        if not refused:
            return change(user)
        with self.assertRaisesRegex(AccessError, refused), self.env.cr.savepoint():
            change(user)
        return None

    def _assign(self, user):
        wizard = self.env["portal.agent.assign"].with_user(user)
        wizard.create(
            {"agent_ids": [Command.set(self.other_agent.ids)], "partner_ids": [Command.set(self.buyer.ids)]}
        ).action_apply()

    def _hand_over(self, user):
        wizard = self.env["portal.agent.hand.over"].with_user(user)
        wizard.create({"agent_id": self.agent.id, "new_agent_id": self.other_agent.id}).action_apply()

    def _write(self, user):
        self.customer.with_user(user).portal_agent_ids += self.other_agent.with_user(user)

    def _create(self, user):
        Partner = self.env["res.partner"].with_user(user)
        Partner.create({"name": "New", "parent_id": self.customer.id, "portal_agent_ids": self.other_agent.ids})

    REFUSED = {
        "clerk": "may read orders and invoices",
        "own_documents": "only to customers whose salesperson you are.*Quill Trading",
        "selling_accountant": "only to customers whose salesperson you are.*Quill Trading",
        "salesperson_without_contacts": "manage contacts|not allowed to create",
    }

    def test_who_reads_all_documents_assigns_whom_they_like_and_others_nobody(self):
        for name, user in self.users.items():
            for change in (self._assign, self._hand_over, self._write, self._create):
                with self.subTest(name, change=change.__name__):
                    self.customer.portal_agent_ids = self.agent
                    refused = self.REFUSED.get(name, "")
                    self._try(user, change, refused)
                    self.env.invalidate_all()
                    self.assertEqual(self.other_agent in self.customer.portal_agent_ids, not refused)

    def test_who_reads_their_own_documents_assigns_customers_whose_salesperson_they_are(self):
        for name in ("own_documents", "selling_accountant"):
            user = self.users[name]
            self.customer.user_id = user
            for change in (self._assign, self._hand_over, self._write, self._create):
                with self.subTest(name, change=change.__name__):
                    self.customer.portal_agent_ids = self.agent
                    self._try(user, change)
                    self.assertIn(self.other_agent, self.customer.portal_agent_ids)

    def test_one_customer_of_somebody_else_keeps_all_from_being_handed_over(self):
        user = self.users["own_documents"]
        self.customer.user_id = user
        self._new_customer("Quill Elsewhere", portal_agent_ids=self.agent.ids)
        self._try(user, self._hand_over, "Customers: Quill Elsewhere")
        self.assertEqual(self.customer.portal_agent_ids, self.agent)

    def test_a_clerk_takes_no_agents_away_either(self):
        with self.assertRaises(AccessError):
            self.customer.with_user(self.users["clerk"]).portal_agent_ids = False

    def test_form_lets_those_change_agents_who_may(self):
        for name, is_editable in (("clerk", False), ("own_documents", False), ("all_documents", True)):
            form = Form(self.customer.with_user(self.users[name]))
            self.assertEqual(form.can_assign_portal_agents, is_editable, name)
            if is_editable:
                form.portal_agent_ids.add(self.other_agent)
            else:
                with self.assertRaisesRegex(AssertionError, "not editable"):
                    form.portal_agent_ids.add(self.other_agent)
                form.name = f"{name}'s"
                form.save()
        self.customer.user_id = self.users["own_documents"]
        self.assertTrue(self.customer.with_user(self.users["own_documents"]).can_assign_portal_agents)
        self.assertFalse(self.buyer.with_user(self.users["clerk"]).can_assign_portal_agents)

    def test_a_clerk_is_told_so_before_the_dialog_opens(self):
        for records, method in (
            (self.customer, "action_assign_portal_agents"),
            (self.agent, "action_assign_portal_agent_customers"),
            (self.agent, "action_hand_over_portal_agent_customers"),
        ):
            with self.assertRaisesRegex(AccessError, "may read orders and invoices"):
                getattr(records.with_user(self.users["clerk"]), method)()

    def test_many_customers_take_no_more_queries_than_two(self):
        user = self.users["own_documents"]
        customers = self.env["res.partner"].create([{"name": f"Crowd {i}", "user_id": user.id} for i in range(50)])

        def count(customers):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            customers.with_user(user)._check_may_assign_portal_agents()
            return self.env.cr.sql_log_count - before

        count(customers[:2])
        self.assertLessEqual(count(customers[2:]), count(customers[:2]))
