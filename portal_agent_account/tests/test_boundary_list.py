import json

from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from odoo.addons.portal_agent_account.models.agent_boundary import READABLE_FIELDS

from .common import PortalAgentCommon

# What agents have and other portal users have not, apart from customers: the way to their pages.
AGENTS_OWN_MODELS = {"website.menu"}

# What a search answers instead of records, for whatever reason.
REFUSALS = (AccessError, UserError, ValueError, NotImplementedError, KeyError, TypeError, AttributeError)


@tagged("post_install", "-at_install", "once")
class TestBoundaryList(PortalAgentCommon, HttpCase):
    """The written list is what an agent can read really: over all models, over all fields."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._fill_the_models_around_the_documents()

    @classmethod
    def _fill_the_models_around_the_documents(cls):
        """Hang on the customer's records what other models could give away."""
        cls.env["res.partner.bank"].create({"partner_id": cls.customer.id, "acc_number": "QUILL-IBAN"})
        for record in (cls.customer, cls.order, cls.invoice):
            record.message_post(body="Quill", subtype_xmlid="mail.mt_comment")
            record.message_subscribe(cls.customer.ids)
            cls.env["ir.attachment"].create(
                {"name": "quill.txt", "raw": b"quill", "res_model": record._name, "res_id": record.id}
            )
        cls.env.flush_all()

    def _get_models(self):
        return sorted(name for name, model in self.env.registry.items() if not model._abstract)

    def _search_ids(self, env, model_name):
        try:
            with self.env.cr.savepoint(flush=False):
                return set(env[model_name].with_context(active_test=False).search([])._ids)
        except REFUSALS:
            return set()

    @mute_logger("odoo.sql_db", "odoo.domains")
    def test_no_other_model_shows_an_agent_more_than_a_portal_user(self):
        with self.on_any_other_page() as env:
            plain = {name: self._search_ids(env, name) for name in self._get_models()}
        with self.on_an_agents_page() as env:
            more = {name for name in self._get_models() if self._search_ids(env, name) - plain[name]}
        self.assertEqual(more, set(READABLE_FIELDS))

    def test_agents_group_gives_access_to_no_model(self):
        group = self.env.ref("portal_agent_account.group_portal_agent")
        self.assertFalse(group.model_access)
        self.assertFalse(group.implied_ids)
        self.assertFalse(group.implied_by_ids)

    def test_readable_fields_are_those_on_the_list(self):
        with self.on_an_agents_page() as env:
            for model_name, listed in READABLE_FIELDS.items():
                record = env[model_name].search([], limit=1)
                for name in env[model_name]._fields:
                    try:
                        record.read([name])
                        readable = True
                    except AccessError:
                        readable = False
                    self.assertEqual(readable, name in listed, f"{model_name}.{name}")

    @mute_logger("odoo.sql_db", "odoo.domains")
    def test_unlisted_fields_neither_filter_nor_sort_nor_group(self):
        def attempt(function):
            try:
                with self.env.cr.savepoint(flush=False):
                    function()
            except REFUSALS:
                return False
            return True

        with self.on_an_agents_page() as env:
            for model_name, listed in READABLE_FIELDS.items():
                Model = env[model_name]
                for name in Model._fields.keys() - listed.keys():
                    attempts = {
                        "filters": lambda Model=Model, name=name: Model.search([(name, "!=", False)]),
                        "sorts": lambda Model=Model, name=name: Model.search([], order=name),
                        "groups": lambda Model=Model, name=name: Model._read_group([], [name], ["__count"]),
                        "sums up": lambda Model=Model, name=name: Model._read_group([], [], [f"{name}:count"]),
                    }
                    for verb, function in attempts.items():
                        self.assertFalse(attempt(function), f"{model_name}.{name} {verb}")

    def test_listed_fields_exist_or_come_with_another_addon(self):
        optional = {"delivery_status", "website_id", "commitment_date"}
        for model_name, listed in READABLE_FIELDS.items():
            self.assertFalse(listed.keys() - self.env[model_name]._fields.keys() - optional, model_name)

    def test_nothing_secret_is_on_the_list(self):
        secrets = ("token", "signup", "comment", "note", "bank", "credit", "debit", "margin", "cost", "password")
        for model_name, listed in READABLE_FIELDS.items():
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

    def _ask_all_models_by_rpc(self):
        answers = {name: self._ask_by_rpc(name, "search", []) for name in self._get_models()}
        fields = {name: sorted(self._ask_by_rpc(name, "fields_get", [], ["type"])) for name in READABLE_FIELDS}
        return answers, fields

    @mute_logger("odoo.http", "odoo.sql_db", "odoo.domains")
    def test_rpc_gives_an_agent_what_it_gives_a_plain_portal_user(self):
        self.authenticate(self.agent.login, self.agent.login)
        as_agent = self._ask_all_models_by_rpc()
        self.agent.group_ids -= self.env.ref("portal_agent_account.group_portal_agent")
        as_portal_user = self._ask_all_models_by_rpc()
        for agent_answers, portal_answers in zip(as_agent, as_portal_user, strict=True):
            for name in portal_answers.keys() - AGENTS_OWN_MODELS:
                self.assertEqual(agent_answers[name], portal_answers[name], name)
        for name in READABLE_FIELDS:
            customers_ids = {record.id for record in self._get_customers_records() if record._name == name}
            self.assertFalse(customers_ids & set(as_agent[0][name]), name)

    def _get_customers_records(self):
        documents = [self.quotation, self.order, self.invoice, self.credit_note, self.draft_invoice]
        lines = [line for document in documents[:2] for line in document.order_line]
        lines += [line for document in documents[2:] for line in document.invoice_line_ids]
        return [self.customer, self.buyer, self.warehouse, *documents, *lines]
