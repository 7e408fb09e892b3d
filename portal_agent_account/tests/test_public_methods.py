import inspect

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.service.model import get_public_method
from odoo.tests import new_test_user, tagged

from .common import PortalAgentCommon

ADDONS = ("odoo.addons.portal_agent_account.", "odoo.addons.sale_auto_portal_user.")

# Arguments of the methods that need some. The test fails for a method that is missing here: add its arguments.
ARGUMENTS = {
    "check": ["res.partner"],
    "create": [[{"name": "Nobody"}]],
    "write": [{}],
    "signup": [{}],
    "reset_password": ["nobody@example.com"],
}


@tagged("post_install", "-at_install", "once")
class TestPublicMethods(PortalAgentCommon):
    """Public methods, called from outside on records that the user may not read."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        company = cls.env["res.company"].create({"name": "Elsewhere"})
        companies = {"company_id": company.id, "company_ids": [Command.set(company.ids)]}
        cls.hidden_agent = cls._new_agent("portal_agent_quillon", name="Quillon Quillfar", **companies)
        cls.hidden_agent.partner_id.company_id = company
        cls.hidden_customer = cls._new_customer(
            "Quillfar Stores", company_id=company.id, portal_agent_ids=cls.hidden_agent.ids
        )
        cls.hidden_order = cls._new_order(cls.hidden_customer, "QUILLFAR-ORDER", company_id=company.id)
        own = {"company_id": cls.company.id, "company_ids": [Command.set(cls.company.ids)]}
        cls.callers = (
            cls.portal_user
            | cls.agent
            | new_test_user(cls.env, login="pa_employee", groups="base.group_user", **own)
            | new_test_user(cls.env, login="pa_sales", groups="sales_team.group_sale_salesman", **own)
        )
        cls.env.flush_all()

    def _get_public_methods(self):
        """Return the model and the name of every public method of the addons that RPC can call."""
        found = set()
        for model_name, model in self.env.registry.items():
            for cls in model.mro():
                if not cls.__module__.startswith(ADDONS):
                    continue
                found |= {
                    (model_name, name)
                    for name, value in vars(cls).items()
                    if inspect.isfunction(value) and not name.startswith("_") and self._is_public(model_name, name)
                }
        return sorted(found)

    def _is_public(self, model_name, name):
        try:
            return bool(get_public_method(self.env[model_name], name))
        except AccessError:
            return False

    def _get_hidden_records(self, model_name):
        """Return a record that none of the callers may read."""
        Model = self.env[model_name].sudo()
        known = {"res.partner": self.hidden_customer + self.hidden_agent.partner_id, "res.users": self.hidden_agent}
        known["sale.order"] = self.hidden_order
        if model_name in known:
            return known[model_name]
        if Model._transient:
            return self._make_wizard(Model)
        return Model.browse() if Model._abstract else Model.search([], limit=1)

    def _make_wizard(self, Model):
        values = {
            "portal.agent.assign": {
                "agent_ids": [Command.set(self.hidden_agent.ids)],
                "partner_ids": [Command.set(self.hidden_customer.ids)],
            },
            "portal.agent.hand.over": {"agent_id": self.hidden_agent.id, "new_agent_id": self.other_agent.id},
            "portal.agent.access": {"partner_ids": [Command.set(self.hidden_agent.partner_id.ids)]},
        }
        if Model._name == "portal.wizard.user":
            wizard = self.env["portal.wizard"].create({"partner_ids": [Command.set(self.hidden_agent.partner_id.ids)]})
            return wizard.user_ids
        return Model.create(values.get(Model._name, {}))

    def _call(self, user, model_name, name, record):
        """Call a method as RPC does, and return its result, or ``None`` if access is refused."""
        method = get_public_method(self.env[model_name], name)
        try:
            with self.env.cr.savepoint():
                return method(record.with_env(self.env(user=user.id, context={})), *ARGUMENTS.get(name, []))
        except AccessError:
            return None

    def _get_contents(self):
        """Return the contents that the calls must not change."""
        self.env.flush_all()
        self.env.invalidate_all()
        hidden = (self.hidden_customer, self.hidden_agent.partner_id, self.hidden_agent, self.hidden_order)
        return [
            *(record.read(["name", "active" if "active" in record._fields else "state"]) for record in hidden),
            self.hidden_customer.portal_agent_ids.ids,
            self.hidden_agent.group_ids.ids,
            self.env["mail.mail"].search_count([]),
        ]

    def test_methods_are_found(self):
        found = self._get_public_methods()
        for expected in (
            ("res.users", "action_open_portal_agent_customers"),
            ("res.partner", "action_make_portal_agent"),
            ("portal.agent.assign", "action_apply"),
            ("res.partner", "write"),
        ):
            self.assertIn(expected, found)

    def test_no_method_reveals_or_changes_unreadable_records(self):
        for model_name, name in self._get_public_methods():
            parameters = list(inspect.signature(getattr(self.registry[model_name], name)).parameters.values())[1:]
            needed = [p for p in parameters if p.default is p.empty and p.kind == p.POSITIONAL_OR_KEYWORD]
            self.assertEqual(len(needed), len(ARGUMENTS.get(name, needed and [])), f"Say how to call {name}.")
            for record in self._get_hidden_records(model_name) or [self.env[model_name]]:
                for user in self.callers:
                    with self.subTest(model=model_name, method=name, user=user.login):
                        before = self._get_contents()
                        answer = str(self._call(user, model_name, name, record))
                        self.assertNotIn("quill", answer.lower())
                        self.assertEqual(self._get_contents(), before)

    def test_users_who_may_read_an_agent_can_open_the_agents_customers(self):
        agent = self.hidden_agent
        for user in self.callers:
            with self.assertRaises(AccessError):
                agent.with_user(user).action_open_portal_agent_customers()
        for user in self.callers[2:]:
            action = self.agent.with_user(user).action_open_portal_agent_customers()
            self.assertIn("Ann Agent", action["display_name"])
