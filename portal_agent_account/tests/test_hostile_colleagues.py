from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.http import Request
from odoo.tests import new_test_user, tagged

from .common import PortalAgentCommon, PortalAgentHttpCommon

NAMES = {"fields": {"display_name": {}}}


@tagged("post_install", "-at_install")
class TestAgentsOfAnotherCompany(PortalAgentCommon):
    """A customer shared by two companies has agents of both. Each company only manages its own agents."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.elsewhere = cls.env["res.company"].create({"name": "Elsewhere"})
        cls.foreigner = cls._new_agent("portal_agent_fay", name="Fay Foreigner")
        cls.foreigner.write({"company_ids": [Command.set(cls.elsewhere.ids)], "company_id": cls.elsewhere.id})
        cls.foreigner.partner_id.company_id = cls.elsewhere
        cls.customer.portal_agent_ids = [Command.link(cls.foreigner.id)]
        cls.colleague = new_test_user(
            cls.env,
            login="pa_colleague",
            groups="base.group_user,base.group_partner_manager,sales_team.group_sale_salesman_all_leads",
            company_id=cls.company.id,
            company_ids=[Command.set(cls.company.ids)],
        )
        cls.env.flush_all()
        cls.env.invalidate_all()

    def _get_agents(self):
        self.env.invalidate_all()
        return self.customer.portal_agent_ids

    def _read_names(self, record, field):
        self.env.invalidate_all()
        [values] = record.with_user(self.colleague).web_read({field: NAMES})
        return [agent["display_name"] for agent in values[field]]

    def test_agents_of_another_company_make_no_record_unreadable(self):
        for record, field in (
            (self.customer, "portal_agent_ids"),
            (self.customer, "commercial_portal_agent_ids"),
            (self.buyer, "commercial_portal_agent_ids"),
            (self.order, "portal_agent_ids"),
        ):
            self.assertEqual(self._read_names(record, field), ["Ann Agent"], f"{record._name}.{field}")
            self.env.invalidate_all()
            self.assertIn(self.foreigner, record[field])

    def test_contact_of_an_unreadable_customer_is_shown_without_agents(self):
        customer = self._new_customer("Elsewhere Stores", portal_agent_ids=self.foreigner.ids)
        contact = self._new_customer("Rita Stores", parent_id=customer.id, is_company=False)
        customer.company_id = self.elsewhere
        contact.company_id = False
        self.env.flush_all()
        self.assertFalse(customer.with_user(self.colleague).has_access("read"))
        self.assertEqual(self._read_names(contact, "commercial_portal_agent_ids"), [])

    def test_own_agents_can_be_changed_without_affecting_the_others(self):
        [values] = self.customer.with_user(self.colleague).web_save(
            {"portal_agent_ids": [Command.link(self.other_agent.id)]}, {"portal_agent_ids": NAMES}
        )
        self.assertEqual(len(values["portal_agent_ids"]), 2)
        self.assertEqual(self._get_agents(), self.agent | self.other_agent | self.foreigner)

    def test_agents_of_another_company_can_not_be_removed(self):
        customer = self.customer.with_user(self.colleague)
        for commands in (
            [Command.unlink(self.foreigner.id)],
            [Command.set(self.agent.ids)],
            [Command.clear(), Command.link(self.agent.id)],
        ):
            customer.portal_agent_ids = commands
            self.assertEqual(self._get_agents(), self.agent | self.foreigner, commands)
        self.env["portal.agent.assign"].with_user(self.colleague).create(
            {"mode": "replace", "partner_ids": self.customer.ids, "agent_ids": self.other_agent.ids}
        ).action_apply()
        self.assertEqual(self._get_agents(), self.other_agent | self.foreigner)

    def test_agents_of_another_company_can_not_be_assigned(self):
        for values in ({"portal_agent_ids": self.foreigner.ids}, {"commercial_portal_agent_ids": self.foreigner.ids}):
            with self.assertRaises(AccessError):
                self.other_customer.with_user(self.colleague).write(values)
            with self.assertRaises(AccessError):
                self.env["res.partner"].with_user(self.colleague).create({"name": "New", "is_company": True} | values)
        self.env.invalidate_all()
        self.assertEqual(self.other_customer.portal_agent_ids, self.other_agent)

    def test_note_in_the_chatter_does_not_name_agents_of_another_company(self):
        self.customer.with_user(self.colleague).portal_agent_ids = [Command.set(self.other_agent.ids)]
        tracked = self.customer.message_ids.sorted("id")[-1].sudo().tracking_value_ids
        self.assertEqual((tracked.old_value_char, tracked.new_value_char), ("Ann Agent", "Bob Agent"))

    def test_superuser_sees_and_changes_all_agents(self):
        self.assertEqual(self.order.portal_agent_ids, self.agent | self.foreigner)
        self.customer.portal_agent_ids = [Command.set(self.other_agent.ids)]
        self.assertEqual(self._get_agents(), self.other_agent)


@tagged("post_install", "-at_install")
class TestColleagueInThePortal(PortalAgentHttpCommon):
    """A colleague from the agent's company finds the agent's contact in the company's address book."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        agency = cls._new_customer("Agency")
        cls.agent.partner_id.write({"parent_id": agency.id, "type": "other", "email": "ann@agency.example.com"})
        cls.portal_user.partner_id.parent_id = agency
        cls.address = cls._new_customer("Agency Depot", parent_id=agency.id, is_company=False, type="other")

    def _change_email(self, partner, email):
        form = {
            "partner_id": partner.id,
            "name": partner.name,
            "email": email,
            "phone": "+32 2 290 34 90",
            "street": "Chaussée de Namur 40",
            "zip": "1367",
            "city": "Ramillies",
            "country_id": self.env.ref("base.be").id,
            "csrf_token": Request.csrf_token(self),
        }
        return self.url_open("/my/address/submit", data=form)

    def test_colleague_can_not_change_an_agents_address(self):
        self.authenticate("portal_plain", "portal_plain")
        self.assertEqual(self._change_email(self.agent.partner_id, "me@evil.example.com").status_code, 403)
        self.assertEqual(self.agent.email, "ann@agency.example.com")

    def test_colleague_can_change_other_addresses_of_the_company(self):
        self.authenticate("portal_plain", "portal_plain")
        self._change_email(self.address, "depot@agency.example.com")
        self.assertEqual(self.address.email, "depot@agency.example.com")

    def test_agent_can_change_the_own_address(self):
        self.authenticate(self.agent.login, self.agent.login)
        self._change_email(self.agent.partner_id, "ann.agent@agency.example.com")
        self.assertEqual(self.agent.email, "ann.agent@agency.example.com")


@tagged("post_install", "-at_install")
class TestEmployeeWhoSendsMails(PortalAgentCommon):
    def test_an_employee_can_not_mark_a_mail_as_an_agents_mail(self):
        """Otherwise, the employee could set the start of the agent's next weekly mail."""
        employee = new_test_user(self.env, login="pa_employee", groups="base.group_user", email="e@example.com")
        template = self.env["mail.template"].with_user(employee)
        template = template.create({"name": "Hello", "model_id": self.env["ir.model"]._get_id("res.partner")})
        marks = {
            "portal_agent_id": self.agent.id,
            "portal_agent_scope": "forged",
            "portal_agent_period_start": "2000-01-01 00:00:00",
        }
        defaults = {f"default_{name}": value for name, value in marks.items()}
        for sender, values in ((template, marks), (template.with_context(**defaults), {})):
            mail_id = sender.send_mail(employee.partner_id.id, email_values={"subject": "Hello"} | values)
            [mail] = self.env["mail.mail"].browse(mail_id).read(list(marks))
            self.assertEqual([mail[name] for name in marks], [False, False, False])
