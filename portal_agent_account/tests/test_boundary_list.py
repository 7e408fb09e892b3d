import json
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.portal_agent_account.controllers.portal import PortalAgent
from odoo.addons.portal_agent_account.models.agent_boundary import READABLE_FIELDS
from odoo.addons.portal_agent_account.pages import PageContext

from .common import PortalAgentHttpCommon

# Models that agents can read and other portal users can't, apart from customers: the menu of their pages.
AGENTS_OWN_MODELS = {"website.menu"}

UNLIKELY_VALUES = {
    "boolean": True,
    "date": "2001-02-03",
    "datetime": "2001-02-03 04:05:06",
    "float": 1.5,
    "integer": 7,
    "many2one": 7,
    "many2one_reference": 7,
    "monetary": 1.5,
}


@tagged("post_install", "-at_install", "once")
class TestBoundaryList(PortalAgentHttpCommon):
    """The list matches what an agent can actually read, over all models and fields."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._fill_the_models_around_the_documents()

    @classmethod
    def _fill_the_models_around_the_documents(cls):
        """Link records to the customer's documents that other models could reveal."""
        cls.env["res.partner.bank"].create({"partner_id": cls.customer.id, "acc_number": "QUILL-IBAN"})
        for record in (cls.customer, cls.order, cls.invoice):
            record.message_post(body="Quill", subtype_xmlid="mail.mt_comment")
            record.message_subscribe(cls.customer.ids)
            cls.env["ir.attachment"].create(
                {"name": "quill.txt", "raw": b"quill", "res_model": record._name, "res_id": record.id}
            )
        cls.env.flush_all()

    def _get_lists(self):
        """Return the readable fields with their reasons by model, including those that other addons list."""
        models = self.registry.descendants(["portal.agent.mixin"], "_inherit")
        return {
            name: self.env[name]._get_portal_agent_readable_fields() for name in models if not self.env[name]._abstract
        }

    def _get_models(self):
        """Return the searchable models: some refuse all users, even the administrator."""
        return sorted(
            name for name, model in self.env.registry.items() if not model._abstract and self._has_search(name)
        )

    def _has_search(self, name):
        try:
            with self.env.cr.savepoint(flush=False):
                self.env[name].search([], limit=1)
        except UserError:
            return False
        return True

    def _search_ids(self, env, model_name):
        try:
            with self.env.cr.savepoint(flush=False):
                return set(env[model_name].with_context(active_test=False).search([])._ids)
        except AccessError:
            return set()

    @mute_logger("odoo.sql_db", "odoo.domains")
    def test_no_other_model_shows_an_agent_more_than_a_portal_user(self):
        with self.on_any_other_page() as env:
            plain = {name: self._search_ids(env, name) for name in self._get_models()}
        with self.on_an_agents_page() as env:
            more = {name for name in self._get_models() if self._search_ids(env, name) - plain[name]}
        self.assertEqual(more, set(self._get_lists()))

    def test_agents_group_gives_access_to_no_model(self):
        group = self.env.ref("portal_agent_account.group_portal_agent")
        self.assertFalse(group.model_access)
        self.assertFalse(group.implied_ids)
        self.assertFalse(group.implied_by_ids)

    def test_readable_fields_are_those_on_the_list(self):
        with self.on_an_agents_page() as env:
            for model_name, listed in self._get_lists().items():
                record = env[model_name].search([], limit=1)
                for name in env[model_name]._fields:
                    try:
                        record.read([name])
                        readable = True
                    except AccessError:
                        readable = False
                    self.assertEqual(readable, name in listed, f"{model_name}.{name}")

    def test_unlisted_columns_neither_filter_nor_sort_nor_group(self):
        with self.on_an_agents_page() as env:
            for model_name, listed in self._get_lists().items():
                Model = env[model_name]
                columns = [name for name, field in Model._fields.items() if field.store and field.column_type]
                for name in set(columns) - listed.keys():
                    # "!= False" has no effect on a required field: Odoo omits it from the query.
                    value = UNLIKELY_VALUES.get(Model._fields[name].type, "x")
                    attempts = {
                        "filters": lambda Model=Model, name=name, value=value: Model.search([(name, "=", value)]),
                        "sorts": lambda Model=Model, name=name: Model.search([], order=name),
                        "groups": lambda Model=Model, name=name: Model._read_group([], [name], ["__count"]),
                        "sums up": lambda Model=Model, name=name: Model._read_group([], [], [f"{name}:count"]),
                    }
                    if Model._fields[name].type in ("json", "properties"):
                        del attempts["groups"], attempts["sums up"]  # these types can't be grouped by
                    for verb, function in attempts.items():
                        with self.subTest(model=model_name, field=name, verb=verb), self.env.cr.savepoint(flush=False):
                            self.assertRaises(AccessError, function)

    def _set_up_with(self, patcher, model_name):
        """Set a model up with a patch, as the registry does when an addon is installed, and reset it afterwards."""
        Model = self.env[model_name]
        self.addCleanup(Model._post_model_setup__)
        self.startPatcher(patcher)
        Model._post_model_setup__()

    def _read_order_as_agent(self, name):
        with self.on_an_agents_page() as env:
            return env["sale.order"].browse(self.order.id)[name]

    def test_another_addon_lists_a_field_on_the_model(self):
        with self.assertRaises(AccessError):
            self._read_order_as_agent("note")
        Order = self.registry["sale.order"]
        listed = self.env["sale.order"]._get_portal_agent_readable_fields() | {"note": "printed on the document"}
        patcher = patch.object(Order, "_get_portal_agent_readable_fields", lambda self: listed)
        self._set_up_with(patcher, "sale.order")
        self.assertEqual(self._read_order_as_agent("note"), self.order.note)
        self.assertNotIn("note", READABLE_FIELDS["sale.order"])
        with self.assertRaises(AccessError):
            self._read_order_as_agent("access_token")

    def test_model_without_a_list_is_only_closed_to_agents(self):
        others = {name: listed for name, listed in READABLE_FIELDS.items() if name != "sale.order"}
        self._set_up_with(patch.dict(READABLE_FIELDS, others, clear=True), "sale.order")
        self.env.invalidate_all()
        self.assertEqual(self.order.with_user(self.env.ref("base.user_admin")).name, "QUILL-ORDER")
        with self.assertRaises(AccessError):
            self._read_order_as_agent("name")

    def test_error_names_the_model_of_a_record_without_a_page(self):
        context = PageContext(self.env(user=self.agent), {}, PortalAgent()._get_portal_agent_pages())
        with self.assertRaisesRegex(NotImplementedError, "shows res.users: add one to _get_portal_agent_pages"):
            context.get_record_url(self.agent)

    def test_listed_fields_exist_or_come_with_another_addon(self):
        optional = {"delivery_status", "website_id", "commitment_date"}
        for model_name, listed in self._get_lists().items():
            self.assertFalse(listed.keys() - self.env[model_name]._fields.keys() - optional, model_name)

    def test_list_contains_no_secret_fields(self):
        secrets = ("token", "signup", "comment", "note", "bank", "credit", "debit", "margin", "cost", "password")
        for model_name, listed in self._get_lists().items():
            for name in listed:
                self.assertFalse([secret for secret in secrets if secret in name], f"{model_name}.{name}")

    def _ask_by_rpc(self, model_name, method, *args):
        response = self.url_open(
            "/web/dataset/call_kw",
            data=json.dumps(
                {
                    "params": {
                        "model": model_name,
                        "method": method,
                        "args": list(args),
                        "kwargs": {"context": {"active_test": False}},
                    }
                }
            ),
            headers={"Content-Type": "application/json"},
        )
        answer = response.json()
        return answer["result"] if "result" in answer else answer["error"]["data"]["name"]

    def _get_models_with_something_to_see(self):
        """Return the models in which an agent finds any record in either scope. The others are closed everywhere."""
        with self.on_an_agents_page() as env:
            names = {name for name in self._get_models() if self._search_ids(env, name)}
        with self.on_any_other_page() as env:
            return names | {name for name in self._get_models() if self._search_ids(env, name)}

    def _ask_by_rpc_for_all(self, names):
        answers = {name: self._ask_by_rpc(name, "search", []) for name in names}
        fields = {name: sorted(self._ask_by_rpc(name, "fields_get", [], ["type"])) for name in self._get_lists()}
        return answers, fields

    @mute_logger("odoo.http", "odoo.sql_db", "odoo.domains")
    def test_rpc_returns_the_same_to_an_agent_and_to_a_portal_user(self):
        names = self._get_models_with_something_to_see()
        self.assertLessEqual(set(self._get_lists()), names)
        self.authenticate(self.agent.login, self.agent.login)
        as_agent = self._ask_by_rpc_for_all(names)
        self.agent.group_ids -= self.env.ref("portal_agent_account.group_portal_agent")
        as_portal_user = self._ask_by_rpc_for_all(names)
        for agent_answers, portal_answers in zip(as_agent, as_portal_user, strict=True):
            for name in portal_answers.keys() - AGENTS_OWN_MODELS:
                self.assertEqual(agent_answers[name], portal_answers[name], name)
        for name in self._get_lists():
            customers_ids = {record.id for record in self._get_customers_records() if record._name == name}
            self.assertFalse(customers_ids & set(as_agent[0][name]), name)

    def _get_customers_records(self):
        documents = [self.quotation, self.order, self.invoice, self.credit_note, self.draft_invoice]
        lines = [line for document in documents[:2] for line in document.order_line]
        lines += [line for document in documents[2:] for line in document.invoice_line_ids]
        return [self.customer, self.buyer, self.warehouse, *documents, *lines]
