from lxml import etree

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, new_test_user, tagged
from odoo.tools.safe_eval import safe_eval

from .common import PortalAgentCommon


@tagged("post_install", "-at_install", "once")
class TestMakingAgents(PortalAgentCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.group = cls.env.ref("portal_agent_account.group_portal_agent")
        cls.contact = cls.env["res.partner"].create({"name": "Zoe New", "email": "Zoe <ZOE@new.example.com>"})
        cls.administrator = new_test_user(
            cls.env, login="pa_admin", groups="base.group_user,base.group_erp_manager,base.group_partner_manager"
        )
        cls.contact_manager = new_test_user(
            cls.env, login="pa_contacts", groups="base.group_user,base.group_partner_manager"
        )

    def _get_invitations(self, user):
        return self.env["portal.agent.invitation"].search([("user_id", "in", user.ids)]).mail_id

    def test_contact_without_an_account_becomes_an_agent_and_is_invited(self):
        self.contact.with_user(self.administrator).action_make_portal_agent()
        user = self.contact.user_ids
        self.assertEqual(user.login, "zoe@new.example.com")
        self.assertTrue(user._is_portal_agent())
        self.assertTrue(user.share)
        self.assertTrue(self.contact.is_portal_agent)
        mail = self._get_invitations(user)
        self.assertEqual(mail.state, "outgoing", "No mail leaves inside the transaction")
        self.assertIn("redirect=%2Fmy%2Fagent", mail.body_html)
        self.assertIn("/web/signup?", mail.body_html)

    def test_portal_user_becomes_an_agent_and_keeps_the_account(self):
        self.portal_user.partner_id.email = "plain@example.com"
        self.env["res.users.log"].with_user(self.portal_user).sudo().create({})
        self.portal_user.partner_id.action_make_portal_agent()
        self.assertTrue(self.portal_user._is_portal_agent())
        mail = self._get_invitations(self.portal_user)
        self.assertIn("/my/agent", mail.body_html)
        self.assertNotIn("token=", mail.body_html)

    def test_agent_is_not_invited_twice(self):
        self.contact.action_make_portal_agent()
        self.contact.action_make_portal_agent()
        self.assertEqual(len(self._get_invitations(self.contact.user_ids)), 1)

    def test_archived_account_is_activated(self):
        self.portal_user.active = False
        self.portal_user.partner_id.with_user(self.administrator).action_make_portal_agent()
        self.assertTrue(self.portal_user.active and self.portal_user._is_portal_agent())

    def test_query_count_per_contact_does_not_grow_with_the_number_of_contacts(self):
        def make(number, prefix):
            contacts = self.env["res.partner"].create(
                [{"name": f"{prefix}{i}", "email": f"{prefix}{i}@example.com"} for i in range(number)]
            )
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            contacts.action_make_portal_agent()
            self.env.flush_all()
            return (self.env.cr.sql_log_count - before) / number

        make(1, "warm")
        self.assertLess(make(20, "many"), make(1, "one") / 2)

    def test_contacts_that_can_not_be_agents_are_listed_with_the_reason(self):
        contacts = self.env["res.partner"].create(
            [
                {"name": "No Mail"},
                {"name": "Two Mails", "email": "a@example.com, b@example.com"},
                {"name": "Twin One", "email": "twin@example.com"},
                {"name": "Twin Two", "email": "Twin@example.com"},
                {"name": "Taken", "email": "PORTAL_TAKEN@example.com"},
                {"name": "Fine", "email": "fine@example.com"},
            ]
        )
        new_test_user(self.env, login="portal_taken@example.com", groups="base.group_portal")
        contacts += self.administrator.partner_id
        with self.assertRaises(UserError) as refusal:
            contacts.action_make_portal_agent()
        message = str(refusal.exception)
        for sentence in (
            "No Mail has no valid email address.",
            "Twin One has the email address of another user or contact.",
            "Twin Two has the email address of another user or contact.",
            "Taken has the email address of another user or contact.",
            f"{self.administrator.name} is an internal user; only portal users can be agents.",
        ):
            self.assertIn(sentence, message.splitlines())
        self.assertNotIn("Fine", message)
        self.assertFalse(contacts[:-1].user_ids)

    def test_underscore_in_an_email_is_no_wildcard(self):
        new_test_user(self.env, login="zoexnew@example.com", groups="base.group_portal")
        self.contact.email = "zoe_new@example.com"
        self.contact.action_make_portal_agent()
        self.assertTrue(self.contact.is_portal_agent)

    def test_percent_in_an_email_is_no_wildcard(self):
        new_test_user(self.env, login="zoe.and.new@example.com", groups="base.group_portal")
        self.contact.email = "zoe%new@example.com"
        self.contact.action_make_portal_agent()
        self.assertTrue(self.contact.is_portal_agent)

    def test_login_written_with_a_name_matches_its_address(self):
        user = new_test_user(self.env, login="zoe", email="zoe@x.example.com", groups="base.group_portal")
        user.login = "Zoe <ZOE@new.example.com>"
        with self.assertRaisesRegex(UserError, "email address of another user"):
            self.contact.action_make_portal_agent()

    def test_logins_of_archived_users_are_taken(self):
        new_test_user(self.env, login="zoe@new.example.com", groups="base.group_portal").active = False
        with self.assertRaisesRegex(UserError, "email address of another user"):
            self.contact.action_make_portal_agent()

    def test_logins_of_many_contacts_are_looked_up_in_one_query(self):
        contacts = self.env["res.partner"].create(
            [{"name": f"Login {number}", "email": f"login{number}@example.com"} for number in range(20)]
        )
        contacts._get_taken_logins()  # caches the contacts and their users
        with self.assertQueryCount(1):
            contacts._get_taken_logins()

    def test_new_agent_is_a_copy_of_the_template_user(self):
        template_id = self.env["ir.config_parameter"].sudo().get_param("base.template_portal_user_id")
        group = self.env["res.groups"].create({"name": "Every new portal user"})
        self.env["res.users"].browse(int(template_id)).write({"group_ids": [Command.link(group.id)], "signature": "Hi"})
        company = self.env["res.company"].create({"name": "Agents Ltd"})
        self.contact.write({"lang": "en_US", "company_id": company.id})
        self.contact.action_make_portal_agent()
        user = self.contact.user_ids
        self.assertIn(group, user.group_ids)
        self.assertEqual(user.signature, "<p>Hi</p>")
        self.assertEqual((user.company_id, user.company_ids, user.lang), (company, company, "en_US"))
        self.assertEqual((user.name, user.active), (self.contact.name, True))

    def test_without_a_template_user_nobody_is_made_an_agent(self):
        parameters = self.env["ir.config_parameter"].sudo()
        for value in ("no number", "0", "99999999", "-1", False):
            with self.subTest(value=value):
                parameters.set_param("base.template_portal_user_id", value)
                with self.assertRaisesRegex(UserError, "base.template_portal_user_id"):
                    self.contact.action_make_portal_agent()
                self.assertFalse(self.contact.user_ids)

    def test_without_a_template_user_existing_users_can_still_become_agents(self):
        self.env["ir.config_parameter"].sudo().set_param("base.template_portal_user_id", False)
        self.portal_user.partner_id.action_make_portal_agent()
        self.assertTrue(self.portal_user._is_portal_agent())

    def test_archived_contact_is_listed_with_the_reason(self):
        self.contact.active = False
        with self.assertRaisesRegex(UserError, "Zoe New is archived."):
            self.contact.action_make_portal_agent()

    def test_dismissing_an_agent_asks_for_confirmation(self):
        views = self.env["ir.ui.view"].search([("arch_db", "ilike", "action_revoke_portal_agent")])
        self.assertIn(self.env.ref("portal_agent_account.view_portal_wizard_form"), views)
        for view in views:
            for button in etree.fromstring(view.arch).xpath("//button[@name='action_revoke_portal_agent']"):
                self.assertTrue(button.get("confirm"), view.name)

    def test_only_users_who_may_create_users_make_agents(self):
        with self.assertRaisesRegex(AccessError, "create users"):
            self.contact.with_user(self.contact_manager).action_make_portal_agent()
        with self.assertRaisesRegex(AccessError, "create users"):
            self.agent.partner_id.with_user(self.contact_manager).action_revoke_portal_agent()
        with self.assertRaisesRegex(AccessError, "create users"):
            self.agent.with_user(self.contact_manager).action_send_portal_agent_invitation()

    def test_only_portal_users_can_be_agents(self):
        with self.assertRaisesRegex(ValidationError, "Only portal users"):
            self.administrator.group_ids += self.group
        with self.assertRaisesRegex(ValidationError, "Only portal users"):
            self.group.user_ids += self.administrator
        with self.assertRaisesRegex(ValidationError, "Only portal users"):
            new_test_user(self.env, login="x", groups="base.group_user,portal_agent_account.group_portal_agent")

    def test_dismissed_agent_stays_a_portal_user_and_loses_the_customers(self):
        self.agent.partner_id.with_user(self.administrator).action_revoke_portal_agent()
        self.assertFalse(self.agent._is_portal_agent())
        self.assertTrue(self.agent.active and self.agent._is_portal())
        self.assertFalse(self.customer.portal_agent_ids)
        self.assertEqual(self.customer.message_ids[0].sudo().tracking_value_ids.old_value_char, self.agent.name)

    def _assert_nothing_becomes_effective_again(self):
        self.assertFalse(self.customer.with_context(active_test=False).portal_agent_ids)
        self.agent.write({"active": True, "group_ids": [Command.set(self.env.ref("base.group_portal").ids)]})
        self.assertFalse(self.agent._is_portal_agent())
        self.assertFalse(self.customer.with_context(active_test=False).portal_agent_ids)

    def test_archived_agent_loses_the_customers_and_stays_without_them_when_activated(self):
        self.agent.active = False
        self.agent.active = True
        self.assertFalse(self.agent._is_portal_agent())
        self._assert_nothing_becomes_effective_again()

    def test_agent_who_becomes_an_internal_user_loses_the_customers(self):
        self.agent.group_ids = (
            self.agent.group_ids - self.env.ref("base.group_portal") + self.env.ref("base.group_user")
        )
        self.assertNotIn(self.group, self.agent.group_ids)
        self._assert_nothing_becomes_effective_again()

    def test_agent_who_loses_portal_access_in_the_wizard_loses_the_customers(self):
        wizard = self.env["portal.wizard"].create({"partner_ids": [Command.set(self.agent.partner_id.ids)]})
        wizard.user_ids.email = "ann@example.com"
        wizard.user_ids.action_revoke_access()
        self._assert_nothing_becomes_effective_again()

    def test_agent_removed_through_the_group_loses_the_customers(self):
        self.group.user_ids -= self.agent
        self._assert_nothing_becomes_effective_again()

    def test_deleted_agent_loses_the_customers(self):
        self.own_order.user_id = self.env.user
        agent = self._new_agent("portal_agent_short")
        self.strange_customer.portal_agent_ids = agent
        agent.unlink()
        self.assertFalse(self.strange_customer.portal_agent_ids)
        self.assertTrue(self.strange_customer.message_ids[0].sudo().tracking_value_ids)

    def test_portal_access_wizard_makes_an_agent(self):
        wizard = self.env["portal.wizard"].create({"partner_ids": [Command.set(self.contact.ids)]})
        line = wizard.user_ids
        self.assertFalse(line.is_portal_agent)
        line.action_make_portal_agent()
        self.assertTrue(self.contact.is_portal_agent)
        line.invalidate_recordset()
        self.assertTrue(line.is_portal_agent)
        line.action_revoke_portal_agent()
        self.assertFalse(self.contact.is_portal_agent)

    def test_account_belongs_to_the_contacts_company(self):
        company = self.env["res.company"].create({"name": "Elsewhere"})
        self.contact.company_id = company
        self.contact.action_make_portal_agent()
        self.assertEqual(self.contact.user_ids.company_ids, company)


@tagged("post_install", "-at_install", "once")
class TestAssigningCustomers(PortalAgentCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.contact_manager = new_test_user(
            cls.env,
            login="pa_contacts",
            groups="base.group_partner_manager,base.group_allow_export,sales_team.group_sale_salesman_all_leads",
        )
        cls.salesperson = new_test_user(cls.env, login="pa_sales", groups="sales_team.group_sale_salesman")
        cls.sales_manager = new_test_user(cls.env, login="pa_manager", groups="sales_team.group_sale_manager")

    def _get_last_tracking(self, customer):
        tracking = customer.message_ids[0].sudo().tracking_value_ids
        self.assertEqual(tracking.field_id.name, "portal_agent_ids")
        return tracking.old_value_char or "", tracking.new_value_char or ""

    def test_change_is_tracked_with_old_and_new_agents(self):
        customer = self.customer.with_user(self.contact_manager)
        customer.portal_agent_ids = self.agent + self.other_agent
        names = ", ".join(sorted((self.agent + self.other_agent).mapped("name")))
        self.assertEqual(self._get_last_tracking(self.customer), (self.agent.name, names))
        self.assertEqual(self.customer.message_ids[0].author_id, self.contact_manager.partner_id)
        customer.portal_agent_ids -= self.agent
        self.assertEqual(self._get_last_tracking(self.customer), (names, self.other_agent.name))

    def test_writing_the_current_agents_logs_no_change(self):
        messages = self.customer.message_ids
        self.customer.portal_agent_ids = self.agent
        self.customer.write({"portal_agent_ids": [Command.link(self.agent.id)]})
        self.assertEqual(self.customer.message_ids, messages)

    def test_every_way_to_write_a_many2many_works(self):
        both = self.agent + self.other_agent
        for commands, expected in (
            ([Command.clear()], both.browse()),
            ([Command.set(both.ids)], both),
            ([Command.unlink(self.agent.id)], self.other_agent),
            ([Command.link(self.agent.id), Command.unlink(self.other_agent.id)], self.agent),
            ([Command.clear(), Command.link(self.other_agent.id)], self.other_agent),
            (both.ids, both),
            ([Command.delete(self.agent.id)], self.other_agent),
            (False, both.browse()),
        ):
            self.customer.write({"portal_agent_ids": commands})
            self.assertEqual(self.customer.portal_agent_ids, expected, commands)
        self.assertTrue(self.agent.exists())
        with self.assertRaises(UserError):
            self.customer.write({"portal_agent_ids": [Command.create({"name": "New", "login": "new"})]})

    def _get_ways_to_write(self, first, second):
        """Return the accepted values of a many2many field that may already contain the first of two records."""
        both, nobody = first + second, first.browse()
        return [
            *(second.ids, both.ids, nobody.ids),
            *(tuple(second.ids), tuple(both.ids), tuple(nobody.ids)),
            *(second, both, nobody, False, None),
            *([[6, 0, second.ids]], [[4, second.id]], [[3, first.id]], [[5]], [[5], [4, second.id]]),
            *([Command.link(second.id), first.id], [[4, second.id], [6, 0, []]]),
        ]

    def test_agents_are_written_like_any_many2many(self):
        tags = self.env["res.partner.category"].create([{"name": "One"}, {"name": "Two"}])
        agents = self.agent + self.other_agent
        ways = zip(self._get_ways_to_write(*tags), self._get_ways_to_write(*agents), strict=True)
        for way_of_tags, way_of_agents in ways:
            with self.subTest(way_of_agents):
                values = {"category_id": way_of_tags, "portal_agent_ids": way_of_agents}
                new = self.env["res.partner"].create({"name": "New", "is_company": True} | values)
                self.customer.write({"category_id": tags[0].ids, "portal_agent_ids": agents[0].ids})
                self.customer.write(values)
                for customer in (new, self.customer):
                    expected = [agent for tag, agent in zip(tags, agents, strict=True) if tag in customer.category_id]
                    self.assertEqual(list(customer.portal_agent_ids.sorted("id")), expected)
        for wrong in (self.agent.id, "all", self.customer, {}):
            for field in ("category_id", "portal_agent_ids"):
                with self.assertRaises(ValueError, msg=wrong):
                    self.customer.write({field: wrong})

    def test_ids_written_to_a_contact_replace_the_agents_of_its_company(self):
        self.buyer.write({"commercial_portal_agent_ids": self.other_agent.ids})
        self.assertEqual(self.customer.portal_agent_ids, self.other_agent)
        self.buyer.write({"commercial_portal_agent_ids": None})
        self.assertFalse(self.customer.portal_agent_ids)

    def test_default_agents_are_assigned_to_new_customers(self):
        for default in (self.agent.ids, tuple(self.agent.ids), [[4, self.agent.id]]):
            Partner = self.env["res.partner"].with_context(default_portal_agent_ids=default)
            self.assertEqual(Partner.create({"name": "New"}).portal_agent_ids, self.agent)
            self.assertFalse(Partner.create({"name": "New", "portal_agent_ids": None}).portal_agent_ids)

    def test_default_agents_are_added_to_those_of_the_company(self):
        for field in ("portal_agent_ids", "commercial_portal_agent_ids"):
            self.customer.portal_agent_ids = self.agent
            Partner = self.env["res.partner"].with_context(**{f"default_{field}": self.other_agent.ids})
            Partner.create({"name": "New", "parent_id": self.customer.id})
            self.assertEqual(self.customer.portal_agent_ids, self.agent + self.other_agent, field)
            self.assertEqual(Partner.create({"name": "New"}).portal_agent_ids, self.other_agent, field)

    def test_agent_assigned_to_a_contact_is_assigned_to_its_company(self):
        self.buyer.portal_agent_ids = [Command.link(self.other_agent.id)]
        self.assertEqual(self.customer.portal_agent_ids, self.agent + self.other_agent)
        self.assertFalse(self.buyer.portal_agent_ids)
        self.assertEqual(self.buyer.commercial_portal_agent_ids, self.agent + self.other_agent)

    def test_agents_of_the_company_are_changed_from_the_contacts_form(self):
        with Form(self.buyer.with_user(self.contact_manager)) as form:
            self.assertEqual(list(form.commercial_portal_agent_ids), [self.agent])
            form.commercial_portal_agent_ids.add(self.other_agent)
        self.assertEqual(self.customer.portal_agent_ids, self.agent + self.other_agent)
        contacts = (self.buyer + self.other_customer).with_user(self.contact_manager)
        contacts.write({"commercial_portal_agent_ids": [Command.unlink(self.other_agent.id)]})
        self.assertEqual(self.customer.portal_agent_ids, self.agent)
        self.assertFalse(self.other_customer.portal_agent_ids)
        with self.assertRaisesRegex(AccessError, "manage contacts"):
            self.buyer.with_user(self.salesperson).write({"commercial_portal_agent_ids": [Command.clear()]})

    def test_new_customer_and_new_contact_are_assigned(self):
        customer = self._new_customer("Quill Three", portal_agent_ids=[Command.set(self.agent.ids)])
        self.assertEqual(customer.portal_agent_ids, self.agent)
        self._new_customer(
            "Quill Four", parent_id=customer.id, is_company=False, portal_agent_ids=[Command.link(self.other_agent.id)]
        )
        self.assertEqual(customer.portal_agent_ids, self.agent + self.other_agent)

    def test_query_count_does_not_grow_with_the_number_of_new_customers(self):
        def count(number, **values):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.env["res.partner"].create([{"name": f"New {i}", "is_company": True} | values for i in range(number)])
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        assigned = {"portal_agent_ids": [Command.link(self.agent.id)]}
        count(1, **assigned)
        few, many = (count(number, **assigned) - count(number) for number in (3, 30))
        self.assertLessEqual(many, few)

    def test_new_contacts_are_each_assigned_their_own_agents(self):
        customers = self.env["res.partner"].create(
            [
                {"name": "Own", "portal_agent_ids": self.agent.ids},
                {"name": "Child", "parent_id": self.customer.id, "portal_agent_ids": self.other_agent.ids},
                {"name": "Nobody's"},
            ]
        )
        self.assertEqual(
            [customer.commercial_portal_agent_ids for customer in customers],
            [self.agent, self.agent + self.other_agent, self.agent.browse()],
        )

    def test_new_contact_without_agents_removes_none_from_its_company(self):
        for nobody in ([Command.set([])], [Command.clear()], [], False, None):
            for field in ("portal_agent_ids", "commercial_portal_agent_ids"):
                self._new_customer("Quill Five", parent_id=self.customer.id, is_company=False, **{field: nobody})
                self.assertEqual(self.customer.portal_agent_ids, self.agent)

    def test_customer_that_becomes_a_contact_loses_its_agents(self):
        self.other_customer.write({"is_company": False, "parent_id": self.customer.id})
        self.other_customer.parent_id = False
        self.assertFalse(self.other_customer.portal_agent_ids)

    def test_copy_of_a_customer_has_no_agents(self):
        self.assertFalse(self.customer.copy().portal_agent_ids)

    def test_customers_are_assigned_to_agents_only(self):
        for user in (self.portal_user, self.salesperson, self.env.user):
            with self.assertRaisesRegex(ValidationError, "agents"):
                self.customer.portal_agent_ids = user

    def test_only_users_who_manage_contacts_assign(self):
        for user, error in ((self.salesperson, "manage contacts"), (self.portal_user, "")):
            with self.assertRaisesRegex(AccessError, error):
                self.customer.with_user(user).write({"portal_agent_ids": [Command.link(self.other_agent.id)]})
        with self.assertRaisesRegex(AccessError, "manage contacts"):
            self.env["res.partner"].with_user(self.sales_manager).with_context(
                default_portal_agent_ids=self.agent.ids
            ).create({"name": "New"})
        with self.assertRaises(AccessError):
            self.customer.with_user(self.salesperson).action_assign_portal_agents()

    def test_field_is_edited_in_the_form_of_a_customer(self):
        with Form(self.customer.with_user(self.contact_manager)) as form:
            form.portal_agent_ids.add(self.other_agent)
        self.assertEqual(self.customer.portal_agent_ids, self.agent + self.other_agent)

    def _assign(self, customers, agents, mode):
        self.env["portal.agent.assign"].with_user(self.contact_manager).create(
            {
                "mode": mode,
                "agent_ids": [Command.set(agents.ids)],
                "partner_ids": [Command.set(customers.ids)],
            }
        ).action_apply()

    def test_wizard_adds_replaces_and_removes(self):
        customers = self.customer + self.other_customer + self.buyer
        both = self.agent + self.other_agent
        self._assign(customers, self.agent, "add")
        self.assertEqual(self.customer.portal_agent_ids, self.agent)
        self.assertEqual(self.other_customer.portal_agent_ids, both)
        self._assign(customers, self.other_agent, "replace")
        self.assertEqual(self.customer.portal_agent_ids, self.other_agent)
        self.assertEqual(self.other_customer.portal_agent_ids, self.other_agent)
        self._assign(customers, self.other_agent, "remove")
        self.assertFalse(self.customer.portal_agent_ids + self.other_customer.portal_agent_ids)
        with self.assertRaisesRegex(UserError, "Select at least one agent"):
            self._assign(customers, self.agent.browse(), "add")
        with self.assertRaisesRegex(UserError, "Select at least one customer"):
            self._assign(customers.browse(), self.agent, "replace")

    def test_wizard_warns_before_it_removes_all_agents_from_customers(self):
        view = self.env.ref("portal_agent_account.view_portal_agent_assign_form")
        [warning] = etree.fromstring(view.arch).xpath("//div[@role='alert']")
        for mode, source, agents, expected in (
            ("replace", "chosen", [], True),
            ("replace", "chosen", self.agent.ids, False),
            ("replace", "commission", [], False),
            ("add", "chosen", [], False),
            ("remove", "chosen", [], False),
        ):
            hidden = safe_eval(warning.get("invisible"), {"mode": mode, "source": source, "agent_ids": agents})
            self.assertEqual(not hidden, expected, (mode, source, agents))

    def test_a_thousand_customers_need_few_more_queries_than_two(self):
        """Odoo writes messages and tracking values in batches of one hundred."""
        customers = self.env["res.partner"].create([{"name": f"Crowd {i}", "is_company": True} for i in range(1000)])

        def count(customers, **kwargs):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            customers._change_portal_agents(**kwargs)
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        count(customers[:1], add=self.agent)
        for change in ({"add": self.other_agent}, {"remove": self.other_agent}, {"add": self.agent, "replace": True}):
            few = count(customers[:2], **change)
            self.assertLessEqual(count(customers[2:], **change), few + len(customers) / 20, change)
        self.assertEqual(customers.portal_agent_ids, self.agent)
        self.assertEqual(len(customers[5].message_ids.sudo().tracking_value_ids), 3)
        self.assertEqual(customers[5].message_ids[0].subtype_id, self.env.ref("mail.mt_note"))

    def test_agents_are_imported_by_login_or_name_and_exported(self):
        result = (
            self.env["res.partner"]
            .with_user(self.contact_manager)
            .load(
                ["name", "is_company", "portal_agent_ids"],
                [["Imported", "True", f"{self.agent.login},{self.other_agent.name}"]],
            )
        )
        self.assertFalse(result["messages"])
        imported = self.env["res.partner"].browse(result["ids"])
        self.assertEqual(imported.portal_agent_ids, self.agent + self.other_agent)
        exported = imported.with_user(self.contact_manager).export_data(["name", "portal_agent_ids"])
        self.assertEqual(exported["datas"], [["Imported", f"{self.agent.name},{self.other_agent.name}"]])

    def _merge(self, source, destination):
        self.env["base.partner.merge.automatic.wizard"]._merge((source + destination).ids, destination)

    def test_merged_contacts_keep_the_agents_of_both(self):
        first = self._new_customer("First", portal_agent_ids=self.agent.ids)
        second = self._new_customer("Second", portal_agent_ids=self.other_agent.ids)
        nobodys = self._new_customer("Nobody's")
        self._merge(first, nobodys)
        self.assertEqual(nobodys.portal_agent_ids, self.agent)
        self._merge(second, nobodys)
        self.assertEqual(nobodys.portal_agent_ids, self.agent + self.other_agent)

    def test_agents_of_a_customer_merged_into_a_contact_move_to_the_company(self):
        twin = self._new_customer("Twin", is_company=False, portal_agent_ids=self.other_agent.ids)
        self._merge(twin, self.buyer)
        self.assertEqual(self.customer.portal_agent_ids, self.agent + self.other_agent)
        self.assertFalse(self.buyer.portal_agent_ids)

    def test_agents_of_a_company_merged_into_a_contact_move_to_no_other_customer(self):
        self._merge(self._new_customer("Twin", portal_agent_ids=self.other_agent.ids), self.buyer)
        self.assertEqual(self.buyer.commercial_partner_id, self.buyer, "It is a company now")
        self.assertEqual(self.buyer.portal_agent_ids, self.other_agent)
        self.assertEqual(self.customer.portal_agent_ids, self.agent)

    def test_agents_of_a_customer_merged_into_a_company_move_to_the_company(self):
        twin = self._new_customer("Twin", is_company=False, portal_agent_ids=self.other_agent.ids)
        self._merge(self.buyer, twin)
        self.assertEqual(twin.commercial_partner_id, self.customer)
        self.assertEqual(self.customer.portal_agent_ids, self.agent + self.other_agent)
        self.assertFalse(twin.portal_agent_ids)

    def test_company_created_from_a_customers_company_name_gets_its_agents(self):
        customer = self._new_customer(
            "Una Quill", is_company=False, company_name="Una & Co", portal_agent_ids=self.agent.ids
        )
        customer.with_user(self.contact_manager).create_company()
        self.assertEqual(customer.commercial_partner_id.name, "Una & Co")
        self.assertEqual(customer.parent_id.portal_agent_ids, self.agent)
        self.assertFalse(customer.portal_agent_ids)

    def test_contacts_orders_and_invoices_are_found_and_grouped_by_agent(self):
        def search(model):
            domain = [("portal_agent_ids", "in", self.agent.ids)]
            if model == "res.partner":
                domain = [("commercial_portal_agent_ids", "in", self.agent.ids)]
            return self.env[model].search(domain)

        self.assertIn(self.buyer, search("res.partner"))
        self.assertEqual(search("sale.order"), self.quotation + self.draft_quotation + self.order)
        self.assertIn(self.invoice, search("account.move"))
        self.env.flush_all()
        for model, field in (
            ("res.partner", "commercial_portal_agent_ids"),
            ("sale.order", "portal_agent_ids"),
            ("account.move", "portal_agent_ids"),
            ("sale.report", "portal_agent_ids"),
            ("account.invoice.report", "portal_agent_ids"),
        ):
            self.assertTrue(self.env[model].fields_get([field])[field]["groupable"], model)
            groups = dict(self.env[model]._read_group([], [field], ["__count"]))
            self.assertTrue(groups[self.agent], model)

    def test_salesperson_sees_the_list_of_agents_with_their_figures(self):
        agents = self.env["res.users"].with_user(self.salesperson).search([("is_portal_agent", "=", True)])
        self.assertIn(self.agent.with_user(self.salesperson), agents)
        self.assertNotIn(self.portal_user.with_user(self.salesperson), agents)
        figures = agents.browse(self.agent.id).read(["portal_agent_customer_count", "login_date", "name"])[0]
        self.assertEqual(figures["portal_agent_customer_count"], 1)
        for kind in ("list", "kanban", "form", "search"):
            view_id = self.env.ref(f"portal_agent_account.view_portal_agent_{kind}").id
            self.assertTrue(self.env["res.users"].with_user(self.salesperson).get_view(view_id, kind)["arch"])
        action = agents.browse(self.agent.id).action_open_portal_agent_customers()
        self.assertEqual(self.env["res.partner"].search(action["domain"]), self.customer)

    def test_open_and_overdue_amounts_of_an_agent(self):
        self.invoice.button_draft()
        self.invoice.write({"invoice_payment_term_id": False, "invoice_date_due": "2026-01-20"})
        self.invoice.action_post()
        self.credit_note.button_draft()
        self.credit_note.write({"invoice_payment_term_id": False, "invoice_date_due": "2999-01-01"})
        self.credit_note.action_post()
        agent = self.agent.with_company(self.company)
        self.assertEqual(agent.portal_agent_amount_overdue, self.invoice.amount_residual)
        self.assertEqual(agent.portal_agent_amount_due, self.invoice.amount_residual - self.credit_note.amount_residual)
        self.assertEqual(agent.portal_agent_currency_id, self.company.currency_id)

    def test_company_setting_can_be_changed_in_the_settings(self):
        settings = self.env["res.config.settings"].with_company(self.company).create({})
        self.assertTrue(settings.portal_agent_draft_quotation)
        settings.portal_agent_draft_quotation = False
        settings.execute()
        self.assertFalse(self.company.portal_agent_draft_quotation)
