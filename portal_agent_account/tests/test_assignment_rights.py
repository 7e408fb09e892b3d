from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import Form, new_test_user, tagged

from .common import PortalAgentCommon


@tagged("post_install", "-at_install", "once")
class TestAssignmentRights(PortalAgentCommon):
    """Users can't give an agent access to documents that they can't read themselves."""

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
                "selling_manager": (
                    "base.group_partner_manager,account.group_account_manager,sales_team.group_sale_manager"
                ),
                "buyer": f"base.group_partner_manager,{cls._make_group_of_vendor_bills()}",
                "administrator": "base.group_partner_manager,base.group_erp_manager",
                "salesperson_without_contacts": "sales_team.group_sale_salesman_all_leads",
            }.items()
        }

    @classmethod
    def _make_group_of_vendor_bills(cls):
        """Create a group like those of Purchase and Inventory: all orders, but of all entries only vendor bills."""
        group = cls.env["res.groups"].create({"name": "Buyers"})
        cls.env["ir.model.data"].create(
            {"module": "test_portal_agent", "name": "buyers", "model": "res.groups", "res_id": group.id}
        )
        models = [cls.env["ir.model"]._get(name) for name in ("sale.order", "account.move")]
        cls.env["ir.model.access"].create(
            [{"name": "Buyers", "model_id": model.id, "group_id": group.id, "perm_read": True} for model in models]
        )
        cls.env["ir.rule"].create(
            {
                "name": "Buyers: vendor bills",
                "model_id": models[1].id,
                "groups": [Command.set(group.ids)],
                "domain_force": "[('move_type', 'in', ('in_invoice', 'in_refund', 'in_receipt'))]",
            }
        )
        return "test_portal_agent.buyers"

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
        "clerk": "may read all orders and invoices",
        "own_documents": "may read all orders and invoices",
        "selling_accountant": "may read all orders and invoices",
        "buyer": "may read all orders and invoices",
        "salesperson_without_contacts": "manage contacts|not allowed to create",
    }

    def test_only_users_who_read_all_documents_assign_agents(self):
        for name, user in self.users.items():
            for change in (self._assign, self._hand_over, self._write, self._create):
                with self.subTest(name, change=change.__name__):
                    self.customer.portal_agent_ids = self.agent
                    refused = self.REFUSED.get(name, "")
                    self._try(user, change, refused)
                    self.env.invalidate_all()
                    self.assertEqual(self.other_agent in self.customer.portal_agent_ids, not refused)

    def test_becoming_the_customers_salesperson_gives_no_right_to_assign(self):
        for name in ("own_documents", "selling_accountant"):
            user = self.users[name]
            self.customer.with_user(user).user_id = user
            self.assertFalse(self.order.with_user(user).has_access("read"))
            for change in (self._assign, self._hand_over, self._write, self._create):
                with self.subTest(name, change=change.__name__):
                    self.customer.portal_agent_ids = self.agent
                    self._try(user, change, "may read all orders and invoices")

    def test_agent_of_several_companies_is_only_assigned_with_access_to_all_of_them(self):
        other = self.env["res.company"].create({"name": "Other"})
        self.other_agent.company_ids += other
        user = self.users["all_documents"]
        for change in (self._assign, self._hand_over, self._write, self._create):
            with self.subTest(change=change.__name__):
                self.customer.portal_agent_ids = self.agent
                self._try(user, change, "in every company of the agent")
                self._try(self.users["administrator"], change)
        user.company_ids += other
        self.customer.portal_agent_ids = self.agent
        self._assign(user)
        self.assertIn(self.other_agent, self.customer.portal_agent_ids)

    def test_a_clerk_can_not_remove_agents_either(self):
        with self.assertRaises(AccessError):
            self.customer.with_user(self.users["clerk"]).portal_agent_ids = False

    def test_agents_in_the_form_are_only_editable_for_users_with_the_right(self):
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
        self.assertFalse(self.buyer.with_user(self.users["clerk"]).can_assign_portal_agents)

    def test_a_clerk_gets_the_error_before_the_dialog_opens(self):
        for records, method in (
            (self.customer, "action_assign_portal_agents"),
            (self.agent, "action_assign_portal_agent_customers"),
            (self.agent, "action_hand_over_portal_agent_customers"),
        ):
            with self.assertRaisesRegex(AccessError, "may read all orders and invoices"):
                getattr(records.with_user(self.users["clerk"]), method)()

    def test_query_count_does_not_grow_with_the_number_of_customers(self):
        user = self.users["all_documents"]
        customers = self.env["res.partner"].create([{"name": f"Crowd {i}"} for i in range(50)])

        def count(customers):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            customers.with_user(user)._check_may_assign_portal_agents()
            return self.env.cr.sql_log_count - before

        count(customers[:2])
        self.assertLessEqual(count(customers[2:]), count(customers[:2]))
