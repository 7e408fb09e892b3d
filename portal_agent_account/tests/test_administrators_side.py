from datetime import timedelta

from lxml import etree

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged
from odoo.tools.safe_eval import safe_eval

from .common import PortalAgentCommon


class AdministratorCommon(PortalAgentCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.administrator = new_test_user(
            cls.env,
            login="pa_admin",
            groups="base.group_user,base.group_erp_manager,base.group_partner_manager,sales_team.group_sale_salesman_all_leads",
        )
        cls.salesperson = new_test_user(cls.env, login="pa_sales", groups="sales_team.group_sale_salesman")
        cls.contact = cls.env["res.partner"].create({"name": "Zoe New", "email": "zoe@new.example.com"})


@tagged("post_install", "-at_install", "once")
class TestAskingFirst(AdministratorCommon):
    """Making and dismissing agents asks for confirmation, reports the result and logs a message."""

    def _ask(self, contacts, method):
        contacts = contacts.with_user(self.administrator)
        action = getattr(contacts, method)()
        return self.env[action["res_model"]].with_user(self.administrator).with_context(**action["context"]).create({})

    def _read_answer(self, answer):
        return f"{answer['params']['type']}: {answer['params']['message']}"

    def test_notification_only_names_who_was_made_or_dismissed(self):
        contacts = self.contact + self.agent.partner_id
        for records, method, expected in (
            (
                contacts,
                "action_make_portal_agent",
                "warning: Made portal agents and invited: Zoe New. Ann Agent is a portal agent already.",
            ),
            (
                contacts,
                "action_make_portal_agent",
                "warning: Nobody was made a portal agent. Zoe New is a portal agent already. "
                "Ann Agent is a portal agent already.",
            ),
            (contacts.browse(), "action_make_portal_agent", "info: Nobody was made a portal agent."),
            (contacts, "action_revoke_portal_agent", "success: Dismissed: Zoe New, Ann Agent."),
            (
                self.contact,
                "action_revoke_portal_agent",
                "warning: Nobody was dismissed. Zoe New is not a portal agent.",
            ),
            (contacts.browse(), "action_revoke_portal_agent", "info: Nobody was dismissed."),
            (
                self.agent + self.other_agent,
                "action_revoke_portal_agent",
                "warning: Dismissed: Bob Agent. Ann Agent is not a portal agent.",
            ),
            (self.agent.browse(), "action_revoke_portal_agent", "info: Nobody was dismissed."),
            (self.agent.browse(), "action_send_portal_agent_invitation", "info: Nobody was invited."),
        ):
            with self.subTest(expected):
                answer = getattr(records.with_user(self.administrator), method)()
                self.assertEqual(self._read_answer(answer), expected)

    def test_notification_names_the_first_ones_and_counts_the_others(self):
        contacts = self.env["res.partner"].create(
            [{"name": f"New {number}", "email": f"new{number}@example.com"} for number in range(12)]
        )
        answer = self._read_answer(contacts.action_make_portal_agent())
        self.assertTrue(answer.startswith("success: Made portal agents and invited: New 0, New 1,"), answer)
        self.assertTrue(answer.endswith("New 9 and 2 more."), answer)
        answer = self._read_answer(contacts.action_make_portal_agent())
        self.assertTrue(answer.endswith("New 9 is a portal agent already. 2 more were left out."), answer)

    def test_dialog_names_the_contacts_before_they_are_made_agents(self):
        without_email = self.env["res.partner"].create({"name": "No Mail"})
        wizard = self._ask(self.contact + without_email + self.agent.partner_id, "action_ask_make_portal_agent")
        self.assertFalse(self.contact.user_ids, "nothing is done yet")
        self.assertEqual(wizard.able_ids, self.contact)
        self.assertIn("No Mail has no valid email address.", wizard.problems)
        self.assertIn("Ann Agent is a portal agent already.", wizard.problems)
        self.assertEqual(
            self._read_answer(wizard.action_apply()),
            "warning: Made portal agents and invited: Zoe New. No Mail has no valid email address. "
            "Ann Agent is a portal agent already.",
        )
        self.assertTrue(self.contact.user_ids._is_portal_agent())
        self.assertIn("Became a portal agent", self.contact.message_ids[0].body)

    def test_dialog_counts_the_customers_before_agents_are_dismissed(self):
        wizard = self._ask(self.agent.partner_id + self.contact, "action_ask_dismiss_portal_agent")
        self.assertEqual(wizard.able_ids, self.agent.partner_id)
        self.assertEqual(wizard.customer_count, 1)
        self.assertIn("Zoe New is not a portal agent.", wizard.problems)
        self.assertEqual(
            self._read_answer(wizard.action_apply()), "warning: Dismissed: Ann Agent. Zoe New is not a portal agent."
        )
        self.assertFalse(self.agent._is_portal_agent() or self.customer.portal_agent_ids)
        self.assertIn("Is no longer a portal agent", self.agent.partner_id.message_ids[0].body)

    def test_archiving_an_agent_is_logged(self):
        self.agent.active = False
        bodies = self.agent.partner_id.message_ids.mapped("body")
        self.assertEqual(sum("Is no longer a portal agent" in body for body in bodies), 1)

    def test_agents_added_or_removed_in_the_form_of_a_group_are_logged(self):
        agents, portal = self.env.ref("portal_agent_account.group_portal_agent"), self.env.ref("base.group_portal")
        for group in (agents, portal):
            contact = self._new_agent(f"pa_{group.id}").partner_id
            self._new_customer("Quail", portal_agent_ids=contact.user_ids.ids)
            group.user_ids -= contact.user_ids
            self.assertIn("Is no longer a portal agent", contact.message_ids[0].body)
            portal.user_ids += contact.user_ids
            agents.user_ids += contact.user_ids
            self.assertIn("Became a portal agent", contact.message_ids[0].body)
            bodies = contact.message_ids.mapped("body")
            self.assertEqual(sum("a portal agent" in body for body in bodies), 3)

    def test_an_agent_who_is_made_an_agent_again_has_no_customers(self):
        self.agent.action_revoke_portal_agent()
        # Another transaction that did not see the dismissal.
        self.env.cr.execute(
            "INSERT INTO res_partner_portal_agent_rel (partner_id, user_id) VALUES (%s, %s)",
            [self.customer.id, self.agent.id],
        )
        self.env.invalidate_all()
        self.agent.partner_id.action_make_portal_agent()
        self.assertTrue(self.agent.is_portal_agent)
        self.assertFalse(self.customer.portal_agent_ids)

    def test_agent_of_a_company_without_access_is_not_dismissed(self):
        abroad = self.env["res.company"].create({"name": "Abroad"})
        stranger = self._new_agent("pa_abroad", company_id=abroad.id, company_ids=[Command.set(abroad.ids)])
        with self.assertRaises(AccessError):
            stranger.with_user(self.administrator).action_revoke_portal_agent()
        with self.assertRaises(AccessError):
            stranger.with_user(self.administrator).action_send_portal_agent_invitation()
        self.assertTrue(stranger.is_portal_agent)

    def test_only_users_who_may_create_users_get_the_dialog(self):
        for method in ("action_ask_make_portal_agent", "action_ask_dismiss_portal_agent"):
            with self.assertRaises(AccessError):
                getattr(self.contact.with_user(self.salesperson), method)()

    def test_form_only_offers_possible_actions(self):
        def get_offer(contact):
            contact = contact.with_user(self.administrator)
            return contact.can_be_portal_agent, contact.is_portal_agent

        self.assertEqual(get_offer(self.contact), (True, False))
        self.assertEqual(get_offer(self.agent.partner_id), (False, True))
        self.assertEqual(get_offer(self.administrator.partner_id), (False, False))
        self.assertEqual(get_offer(self.env["res.partner"].create({"name": "No Mail"})), (False, False))
        arch = self.env["res.partner"].with_user(self.administrator).get_view(view_type="form")["arch"]
        form = etree.fromstring(arch)
        for name, field in (
            ("action_ask_make_portal_agent", "can_be_portal_agent"),
            ("action_ask_dismiss_portal_agent", "is_portal_agent"),
        ):
            [button] = form.xpath(f"//button[@name='{name}']")
            self.assertEqual(button.get("invisible"), f"not {field}")
        self.assertNotIn("portal_agent", self._get_form_actions())

    def _get_form_actions(self):
        bindings = self.env["ir.actions.actions"].get_bindings("res.partner")
        return str(
            [
                action["name"]
                for action in bindings.get("action", ())
                if "form" in action["binding_view_types"]
                and action["name"] in ("Make Portal Agent", "Dismiss Portal Agent")
            ]
        )


@tagged("post_install", "-at_install", "once")
class TestHandingOver(AdministratorCommon):
    """All customers of one agent are assigned to another agent in one action."""

    def _hand_over(self, agent, new_agent, user=None):
        return (
            self.env["portal.agent.hand.over"]
            .with_user(user or self.administrator)
            .create({"agent_id": agent.id, "new_agent_id": new_agent.id})
        )

    def test_all_customers_are_handed_over_and_each_change_is_logged_once(self):
        archived = self._new_customer("Former", portal_agent_ids=self.agent.ids)
        archived.active = False
        both = self._new_customer("Both", portal_agent_ids=(self.agent + self.other_agent).ids)
        third = self._new_agent("portal_agent_third", name="Third Agent")
        shared = self._new_customer("Shared", portal_agent_ids=(self.agent + third).ids)
        customers = self.customer + archived + both + shared
        notes = {customer: len(customer.message_ids) for customer in customers}
        wizard = self._hand_over(self.agent, self.other_agent)
        self.assertEqual(wizard.customer_count, 4)
        message = wizard.action_apply()["params"]["message"]
        self.assertEqual(message, "4 customers were handed over from Ann Agent to Bob Agent.")
        for customer in customers:
            expected = self.other_agent + third if customer == shared else self.other_agent
            self.assertEqual(customer.portal_agent_ids, expected)
            self.assertEqual(len(customer.message_ids), notes[customer] + 1)
        tracked = self.customer.message_ids[0].sudo().tracking_value_ids
        self.assertEqual((tracked.old_value_char, tracked.new_value_char), ("Ann Agent", "Bob Agent"))
        self.assertTrue(self.agent._is_portal_agent(), "the agent stays one")

    def test_customers_can_only_be_handed_over_to_another_agent(self):
        with self.assertRaises(UserError):
            self._hand_over(self.agent, self.agent).action_apply()
        with self.assertRaises(UserError):
            self._hand_over(self.agent, self.portal_user).action_apply()
        self.assertEqual(self.customer.portal_agent_ids, self.agent)

    def test_handing_over_reports_an_agent_without_customers(self):
        answer = self._hand_over(self._new_agent("pa_idle", name="Ida Idle"), self.other_agent).action_apply()
        self.assertEqual(answer["params"]["message"], "Ida Idle has no customers to hand over.")
        self.assertEqual(answer["params"]["type"], "info")

    def test_handing_over_requires_the_right_to_manage_contacts(self):
        with self.assertRaises(AccessError):
            self._hand_over(self.agent, self.other_agent, self.salesperson)
        with self.assertRaises(AccessError):
            self.agent.with_user(self.salesperson).action_hand_over_portal_agent_customers()


@tagged("post_install", "-at_install", "once")
class TestWhatAdministratorsSee(AdministratorCommon):
    """The list of agents with their figures, and the menus that lead to it."""

    def test_only_readable_orders_of_the_last_90_days_are_counted(self):
        self.order.user_id = self.administrator
        for user, count in ((self.salesperson, 0), (self.administrator, 1)):
            self.env.invalidate_all()
            agent = self.agent.with_user(user).with_company(self.company)
            self.assertEqual(agent.portal_agent_order_count, count, user.login)

    def test_orders_of_the_last_90_days_are_counted(self):
        self.order.user_id = False
        agent = self.agent.with_user(self.salesperson).with_company(self.company)
        self.assertEqual(agent.portal_agent_order_count, 1)
        self.order.date_order = fields.Datetime.now() - timedelta(days=91)
        self.env.invalidate_all()
        self.assertEqual(agent.portal_agent_order_count, 0)

    def test_archived_customers_are_excluded_from_figures_as_on_the_agents_pages(self):
        self.order.user_id = False
        agent = self.agent.with_user(self.env.ref("base.user_admin")).with_company(self.company)

        def read():
            self.env.flush_all()
            self.env.invalidate_all()
            return (
                agent.portal_agent_customer_count,
                agent.portal_agent_order_count,
                agent.portal_agent_amount_due,
                agent.portal_agent_amount_overdue,
            )

        self.credit_note.button_draft()
        self.assertEqual(read()[:3], (1, 1, 100))
        self.customer_user.active = False
        self.customer.active = False
        self.assertEqual(read(), (0, 0, 0, 0))

    def test_an_order_with_a_future_date_is_not_counted(self):
        self.order.user_id = False
        self.order.date_order = fields.Datetime.now() + timedelta(days=3)
        agent = self.agent.with_user(self.salesperson).with_company(self.company)
        self.assertEqual(agent.portal_agent_order_count, 0)

    def test_query_count_of_figures_does_not_grow_with_the_number_of_agents(self):
        agents = self.agent + self.other_agent
        names = ["portal_agent_customer_count", "portal_agent_order_count", "portal_agent_invitation_state"]

        def count(users):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            users.read(names)
            return self.env.cr.sql_log_count - before

        count(agents)
        self.assertLessEqual(count(agents), count(self.agent))

    def test_customers_without_an_agent_are_found(self):
        self.strange_customer.customer_rank = self.customer.customer_rank = 1
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "portal_agent_account.action_customers_without_portal_agent"
        )
        found = self.env["res.partner"].search(safe_eval(action["domain"]))
        self.assertIn(self.strange_customer, found)
        self.assertNotIn(self.customer, found)

    def _get_menus_of_apps(self, user):
        """Return the complete names of the menus through which a user reaches the agents."""
        self.env.registry.clear_cache()
        Menu = self.env["ir.ui.menu"].with_user(user)
        visible = Menu.browse(Menu._visible_menu_ids())
        action = self.env.ref("portal_agent_account.action_portal_agents")
        return {
            menu.complete_name for menu in visible if menu.action == action and self._is_within_reach(menu, visible)
        }

    def _is_within_reach(self, menu, visible):
        return menu in visible and (not menu.parent_id or self._is_within_reach(menu.parent_id, visible))

    def test_agents_are_in_the_menu_of_the_website(self):
        self.env.ref("sale.sale_menu_root").active = False
        names = self._get_menus_of_apps(self.administrator)
        self.assertIn("Website/Portal Agents/Agents", names)

    def test_settings_are_in_those_of_website_where_sales_is_not_installed(self):
        """Odoo hides the settings page of an app that nobody may open, so the fields have to be on Website's page."""
        arch = self.env["res.config.settings"].get_view(view_type="form")["arch"]
        form = etree.fromstring(arch)
        for app in ("website", "sale_management"):
            for name in ("draft_quotation", "weekly_mail", "weekly_mail_weekday", "weekly_mail_hour"):
                self.assertTrue(form.xpath(f"//app[@name='{app}']//field[@name='portal_agent_{name}']"), (app, name))
            self.assertTrue(form.xpath(f"//app[@name='{app}']//field[@name='portal_agent_shown_to_customer']"), app)

    def test_agents_are_in_the_menu_of_sales_where_that_is_installed(self):
        self.env.ref("sale.sale_menu_root").active = True
        self.assertIn("Sales/Orders/Portal Agents", self._get_menus_of_apps(self.salesperson))

    def test_agents_are_in_the_menu_of_contacts_where_that_is_installed(self):
        contacts = self.env["ir.module.module"].search([("name", "=", "contacts")])
        parent = self.env.ref("contacts.menu_contacts", raise_if_not_found=False)
        if not parent:
            parent = self.env["ir.ui.menu"].create({"name": "Contacts"})
            self.env["ir.model.data"]._update_xmlids([{"xml_id": "contacts.menu_contacts", "record": parent}])
        for _time in range(2):
            contacts.write({"state": "installed"})  # the server does the same after loading the addon
        names = self._get_menus_of_apps(self.administrator)
        self.assertIn("Contacts/Portal Agents", names)
        self.assertEqual(len(parent.child_id.filtered(lambda menu: menu.name == "Portal Agents")), 1)
        self.assertEqual(self.env.ref("contacts.menu_portal_agents").parent_id, parent)
