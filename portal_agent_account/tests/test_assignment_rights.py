from unittest.mock import patch

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

    # ---- documents that move with their contact

    def _make_contact_of(self, customer, user, **values):
        customer.with_user(user).write({"is_company": False, "parent_id": self.other_customer.id} | values)

    def _link_as_child(self, customer, user):
        customer.is_company = False
        # In x2many commands, contacts are changed by the transaction's user, who is the user of the request.
        with patch.object(self.env.transaction, "default_env", self.env(user=user.id)):
            self.other_customer.with_user(user).child_ids = [Command.link(customer.id)]

    def _make_person_below(self, customer, user):
        customer.parent_id = self.other_customer
        customer.with_user(user).is_company = False

    def _write_entity(self, customer, user):
        customer.with_user(user).commercial_partner_id = self.other_customer.id

    def _merge(self, customer, user):
        twin = self._new_customer("Twin", email=customer.email, portal_agent_ids=self.other_agent.ids)
        self.env["base.partner.merge.automatic.wizard"].with_user(user)._merge(
            (customer + twin).ids, customer.with_user(user)
        )

    def _is_shown(self, order):
        self.env.flush_all()
        with self.on_an_agents_page(self.other_agent) as env:
            return bool(env["sale.order"].search_count([("id", "=", order.id)]))

    MOVES = ("_make_contact_of", "_link_as_child", "_make_person_below", "_write_entity", "_merge")

    def test_moving_a_contact_shows_agents_no_documents_that_the_user_can_not_read(self):
        for name in ("clerk", "own_documents", "selling_accountant"):
            for move in self.MOVES:
                with self.subTest(name, move=move):
                    customer = self._new_customer(f"Quail {name}", is_company=move != "_link_as_child")
                    contact = self._new_customer("Quint", parent_id=customer.id, is_company=False, active=False)
                    order = self._new_order(contact, "QUAIL", confirm=True)
                    order.user_id = self.users["administrator"]
                    self._try(
                        self.users[name],
                        lambda user, customer=customer, move=move: getattr(self, move)(customer, user),
                        "may read all orders and invoices",
                    )
                    self.env.invalidate_all()
                    self.assertFalse(self._is_shown(order))

    def test_invoices_of_a_moved_contact_are_not_shown_either(self):
        customer = self._new_customer("Quail")
        self._new_invoice(customer, "QUAIL")
        for name in ("own_documents", "buyer"):
            with self.assertRaisesRegex(AccessError, "may read all orders"), self.env.cr.savepoint():
                self._make_contact_of(customer, self.users[name])

    def _make_persons(self):
        """Return persons with the same address, one of a customer with an agent and one of a customer without."""
        customer = self._new_customer("Quail", portal_agent_ids=self.agent.ids)
        other = self._new_customer("Quiet")
        return [
            self._new_customer("Quint", parent_id=company.id, is_company=False, email="quint@example.com")
            for company in (customer, other)
        ]

    def test_a_clerk_merges_persons_whatever_documents_their_companies_have(self):
        agents_person, other_person = self._make_persons()
        order = self._new_order(other_person.parent_id, "QUIET", confirm=True)
        wizard = self.env["base.partner.merge.automatic.wizard"].with_user(self.users["clerk"])
        wizard._merge((agents_person + other_person).ids, agents_person.with_user(self.users["clerk"]))
        self.assertFalse(other_person.exists())
        self.assertNotIn(self.agent, order.partner_id.portal_agent_ids)

    def test_a_clerk_can_not_merge_a_person_with_documents_that_would_be_shown(self):
        agents_person, other_person = self._make_persons()
        self._new_order(other_person, "QUIET", confirm=True)
        wizard = self.env["base.partner.merge.automatic.wizard"].with_user(self.users["clerk"])
        for kept in (agents_person, other_person):
            with self.assertRaisesRegex(AccessError, "may read all orders"), self.env.cr.savepoint():
                wizard._merge((agents_person + other_person).ids, kept.with_user(self.users["clerk"]))

    def test_a_clerk_can_not_merge_a_customers_agents_into_a_company_with_documents(self):
        _agents_person, other_person = self._make_persons()
        self._new_order(other_person.parent_id, "QUIET", confirm=True)
        twin = self._new_customer(
            "Twin", is_company=False, email="quint@example.com", portal_agent_ids=self.other_agent.ids
        )
        wizard = self.env["base.partner.merge.automatic.wizard"].with_user(self.users["clerk"])
        with self.assertRaisesRegex(AccessError, "may read all orders"), self.env.cr.savepoint():
            wizard._merge((other_person + twin).ids, other_person.with_user(self.users["clerk"]))

    def test_users_who_read_all_documents_move_contacts(self):
        for name in ("selling_manager", "all_documents", "administrator"):
            for move in self.MOVES:
                with self.subTest(name, move=move):
                    customer = self._new_customer("Quail")
                    order = self._new_order(customer, "QUAIL", confirm=True)
                    getattr(self, move)(customer, self.users[name])
                    self.assertTrue(self._is_shown(order))

    def test_a_salesperson_moves_contacts_without_documents_and_with_own_documents(self):
        user = self.users["own_documents"]
        for has_order in (False, True):
            for move in self.MOVES:
                with self.subTest(move=move, has_order=has_order):
                    customer = self._new_customer("Quail")
                    if has_order:
                        self._new_order(customer, "QUAIL", confirm=True).user_id = user
                    getattr(self, move)(customer, user)

    def test_a_clerk_moves_contacts_between_customers_with_the_same_agents_or_without_agents(self):
        user = self.users["clerk"]
        twin = self._new_customer("Quill Two", portal_agent_ids=self.agent.ids)
        for company in (twin, self.strange_customer, self.env["res.partner"]):
            self.buyer.with_user(user).parent_id = company.id
            self.assertEqual(self.buyer.commercial_partner_id, company or self.buyer)

    def test_trusted_code_moves_contacts_for_every_user(self):
        self.customer.with_user(self.users["clerk"]).sudo().write(
            {"is_company": False, "parent_id": self.other_customer.id}
        )
        self.assertTrue(self._is_shown(self.order))

    def test_changes_that_move_no_contact_cost_no_query(self):
        contacts = (self.customer + self.buyer).with_user(self.users["clerk"])
        with patch.object(type(contacts), "_get_entity_agents") as read:
            contacts.write({"phone": "+32 2"})
        read.assert_not_called()

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
