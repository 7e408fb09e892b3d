import json
import xmlrpc.client
from datetime import timedelta

from odoo import http
from odoo.fields import Datetime
from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from .common import PortalAgentHttpCommon

# A signature that the portal accepts: a single transparent pixel.
SIGNATURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="

# Tables in which a successful attempt leaves a trace.
WATCHED_TABLES = {
    "sale_order": "TRUE",
    "sale_order_line": "TRUE",
    "account_move": "TRUE",
    "account_move_line": "TRUE",
    "res_partner": "TRUE",
    "res_partner_bank": "TRUE",
    "res_partner_portal_agent_rel": "TRUE",
    "mail_message": "TRUE",
    "mail_message_reaction": "TRUE",
    "mail_followers": "TRUE",
    "mail_activity": "TRUE",
    "mail_mail": "TRUE",
    "payment_transaction": "TRUE",
    # The server creates asset bundles at any time.
    "ir_attachment": "res_model IN ('sale.order', 'account.move', 'res.partner', 'mail.message')",
}

# Loggers that report refusals.
NOISY_LOGGERS = (
    "odoo.http",
    "odoo.sql_db",
    "odoo.orm.models",
    "odoo.addons.base.models.ir_rule",
    "odoo.addons.rpc.controllers.jsonrpc",
    "odoo.addons.rpc.controllers.xmlrpc",
    "odoo.addons.web.controllers.export",
)


class HostileCommon(PortalAgentHttpCommon):
    """A logged-in user, and the customer's records."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.message = cls.quotation.message_post(body="Quill's price", subtype_xmlid="mail.mt_comment")
        cls.attachment = cls.env["ir.attachment"].create(
            {"name": "quill.txt", "raw": b"quill's secret", "res_model": "sale.order", "res_id": cls.quotation.id}
        )
        cls.customer.image_1920 = SIGNATURE
        cls.env.flush_all()

    def _log_in(self, user):
        self.authenticate(user.login, user.login)

    def _get_contents(self):
        """Return a checksum of each watched table."""
        self.env.flush_all()
        contents = {}
        for table, condition in WATCHED_TABLES.items():
            rows = self.env.execute_query(
                SQL(
                    "SELECT count(*), md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM %s AS t WHERE %s",
                    SQL.identifier(table),
                    SQL(condition),
                )
            )
            contents[table] = rows[0]
        return contents

    def _call_route(self, route, **params):
        """Call a JSON route.

        :return: result or error
        :rtype: dict
        """
        response = self.url_open(
            route, data=json.dumps({"params": params}), headers={"Content-Type": "application/json"}
        )
        try:
            return response.json()
        except ValueError:
            return {"error": {"code": response.status_code}}

    def _call_model(self, model, method, *args, **kwargs):
        return self._call_route("/web/dataset/call_kw", model=model, method=method, args=list(args), kwargs=kwargs)

    def _post_form(self, route, **values):
        return self.url_open(route, data={"csrf_token": http.Request.csrf_token(self), **values})


@tagged("post_install", "-at_install", "once")
class TestHostileAgent(HostileCommon):
    """An agent tries over real HTTP what only the customer may do. Every attempt fails and changes nothing.

    Routes of addons that are not installed return *404 Not Found*, which is also a refusal.
    """

    def setUp(self):
        super().setUp()
        self._log_in(self.agent)
        # The first request of a user creates the session and writes to the database.
        self.url_open("/my/agent")
        self.contents = self._get_contents()
        self.addCleanup(self._assert_nothing_changed)
        for logger in NOISY_LOGGERS:
            muted = mute_logger(logger)
            muted.__enter__()
            self.addCleanup(muted.__exit__)

    def _assert_nothing_changed(self):
        self.assertEqual(self._get_contents(), self.contents, "The attempt has changed the database")

    def _assert_nothing_told(self, answer):
        """Check that an answer contains no data of the customer.

        :param answer: response, or result of a JSON route
        """
        text = answer.text if hasattr(answer, "text") else json.dumps(answer)
        for word in ("quill", "rook", "swift"):
            self.assertNotIn(word, text.lower())

    def _assert_error(self, answer):
        """Check that a JSON route returned an error, an empty result or a redirection."""
        result = answer.get("result")
        refused = "error" in answer or not result or "303 SEE OTHER" in result or "error" in result
        self.assertTrue(refused, answer)
        self._assert_nothing_told(answer)

    def _assert_page_refused(self, path, **kwargs):
        """Check that a page redirects, and gives the same answer for a document that doesn't exist."""
        answers = []
        # Don't use the order's id for an invoice: it may be the id of the agent's own invoice.
        document = self.invoice if path.startswith("/my/invoices/") else self.quotation
        for document_id in (document.id, 2**31 - 1):
            response = self.url_open(path.format(id=document_id), allow_redirects=False, **kwargs)
            answers.append((response.status_code, response.headers.get("Location"), len(response.content)))
            self._assert_nothing_told(response)
            self.assertNotEqual(response.status_code, 200)
        self.assertEqual(len(set(answers)), 1, answers)

    # ---- the customer's document routes

    def test_signing_the_customers_quotation(self):
        self._assert_error(self._call_route(f"/my/orders/{self.quotation.id}/accept", name="Ann", signature=SIGNATURE))
        self.assertEqual(self.quotation.state, "sent")

    def test_signing_with_a_wrong_token(self):
        for token in ("", "wrong", self.own_order.access_token, None, 0, [], {}):
            self._assert_error(
                self._call_route(
                    f"/my/orders/{self.quotation.id}/accept", name="Ann", signature=SIGNATURE, access_token=token
                )
            )

    def test_declining_the_customers_quotation(self):
        response = self._post_form(f"/my/orders/{self.quotation.id}/decline", decline_message="No, thanks")
        self._assert_nothing_told(response)
        self.assertEqual(self.quotation.state, "sent")

    def test_opening_the_customers_order(self):
        self._assert_page_refused("/my/orders/{id}")

    def test_printing_the_customers_order(self):
        for report_type in ("html", "pdf", "text"):
            self._assert_page_refused(f"/my/orders/{{id}}?report_type={report_type}")

    def test_opening_the_customers_invoice(self):
        self._assert_page_refused("/my/invoices/{id}")

    def test_printing_the_customers_invoice(self):
        for report_type in ("html", "pdf", "text"):
            self._assert_page_refused(f"/my/invoices/{{id}}?report_type={report_type}&download=true")

    def test_downloading_the_customers_order_as_edi(self):
        self._assert_page_refused("/my/orders/{id}/download_edi")

    def test_opening_a_document_of_the_customers_order(self):
        self._assert_page_refused("/my/orders/{id}/document/1?access_token=")

    def test_listing_the_customers_documents(self):
        for path in ("/my/orders", "/my/quotes", "/my/invoices", "/my/invoices/overdue", "/my"):
            self._assert_nothing_told(self.url_open(path))

    def test_paying_the_customers_order(self):
        self._assert_error(self._call_route(f"/my/orders/{self.quotation.id}/transaction", access_token="x"))
        self._assert_error(self._call_route(f"/shop/payment/transaction/{self.quotation.id}", access_token="x"))

    def test_paying_the_customers_invoice(self):
        self._assert_error(self._call_route(f"/invoice/transaction/{self.invoice.id}", access_token="x"))
        self._assert_error(self._call_route("/invoice/transaction/overdue"))

    def test_paying_as_the_customer(self):
        response = self.url_open(
            f"/payment/pay?amount=1&partner_id={self.customer.id}&sale_order_id={self.quotation.id}&access_token=x"
        )
        self._assert_nothing_told(response)

    def test_ordering_again_what_the_customer_ordered(self):
        self._assert_error(self._call_route("/my/orders/reorder", order_id=self.order.id, access_token=None))

    def test_changing_the_lines_of_the_customers_quotation(self):
        self._assert_error(
            self._call_route(
                f"/my/orders/{self.quotation.id}/update_line_dict",
                line_id=self.quotation.order_line.id,
                input_quantity=99,
            )
        )

    def test_being_redirected_to_the_customers_document_with_its_token(self):
        for record in (self.quotation, self.invoice, self.customer):
            response = self.url_open(f"/mail/view?model={record._name}&res_id={record.id}", allow_redirects=False)
            self.assertNotIn("token-", response.headers.get("Location", ""))
            self._assert_nothing_told(response)

    # ---- chatter

    def test_commenting_on_the_customers_order(self):
        for record in (self.quotation, self.invoice):
            self._assert_error(
                self._call_route(
                    "/mail/message/post",
                    thread_model=record._name,
                    thread_id=record.id,
                    post_data={"body": "Hello from the agent", "message_type": "comment"},
                )
            )

    def test_reading_the_chatter_of_the_customers_order(self):
        for route in ("/mail/chatter_fetch", "/mail/thread/messages"):
            answer = self._call_route(route, thread_model="sale.order", thread_id=self.quotation.id)
            self._assert_nothing_told(answer)
        self._assert_nothing_told(
            self._call_route("/portal/chatter_init", thread_model="sale.order", thread_id=self.quotation.id)
        )

    def test_changing_a_message_of_the_customers_order(self):
        self._assert_error(
            self._call_route(
                "/mail/message/update_content", message_id=self.message.id, update_data={"body": "changed"}
            )
        )
        self._assert_error(
            self._call_route("/mail/message/reaction", message_id=self.message.id, content="x", action="add")
        )

    def test_following_the_customers_order(self):
        partner_ids = self.agent.partner_id.ids
        for record in (self.quotation, self.invoice, self.customer):
            self._assert_error(self._call_model(record._name, "message_subscribe", record.ids, partner_ids))
            self._assert_error(
                self._call_route(
                    "/mail/thread/subscribe", res_model=record._name, res_id=record.id, partner_ids=partner_ids
                )
            )

    def test_making_the_customer_unfollow_its_order(self):
        self._assert_error(
            self._call_route(
                "/mail/thread/unsubscribe",
                res_model="sale.order",
                res_id=self.quotation.id,
                partner_ids=self.buyer.ids,
            )
        )

    def test_uploading_to_the_customers_order(self):
        for record in (self.quotation, self.invoice):
            response = self.url_open(
                "/mail/attachment/upload",
                data={
                    "csrf_token": http.Request.csrf_token(self),
                    "thread_model": record._name,
                    "thread_id": record.id,
                    "is_pending": "",
                },
                files={"ufile": ("agent.txt", b"hello", "text/plain")},
            )
            self.assertNotEqual(response.status_code, 200)
            self._assert_nothing_told(response)

    # ---- attachments, images, reports

    def test_downloading_an_attachment_of_the_customers_order(self):
        for path in (
            f"/web/content/{self.attachment.id}",
            f"/web/image/{self.attachment.id}",
            f"/web/content/ir.attachment/{self.attachment.id}/raw",
            f"/mail/attachment/zip?file_ids={self.attachment.id}&zip_name=x",
        ):
            response = self.url_open(path)
            self._assert_nothing_told(response)

    def test_seeing_the_customers_picture(self):
        for path in ("/web/image/res.partner/{id}/image_1920", "/web/image/res.partner/{id}/avatar_128"):
            customers = self.url_open(path.format(id=self.customer.id))
            nobodys = self.url_open(path.format(id=2**31 - 1))
            self.assertEqual(customers.content, nobodys.content)

    def test_reading_fields_of_the_customer_as_files(self):
        for path in (
            f"/web/content/sale.order/{self.quotation.id}/access_token",
            f"/web/content/sale.order/{self.quotation.id}/name",
            f"/web/content/res.partner/{self.customer.id}/comment",
        ):
            response = self.url_open(path)
            self.assertNotEqual(response.status_code, 200)
            self._assert_nothing_told(response)

    def test_printing_reports_of_the_customers_documents(self):
        for report, record in (
            ("sale.report_saleorder", self.quotation),
            ("account.report_invoice_with_payments", self.invoice),
            ("account.report_invoice", self.invoice),
        ):
            for converter in ("html", "pdf", "text"):
                response = self.url_open(f"/report/{converter}/{report}/{record.id}")
                self._assert_nothing_told(response)

    # ---- RPC

    def _get_rpc_clients(self):
        """Return the ways to call a model's method, as functions that return JSON text."""
        key = (
            self.env["res.users.apikeys"]
            .with_user(self.agent)
            .sudo()
            ._generate("rpc", "hostile", Datetime.now() + timedelta(days=1))
        )
        database = self.env.cr.dbname

        def web_client(model, method, *args, **kwargs):
            return json.dumps(self._call_model(model, method, *args, **kwargs))

        def call_button(model, method, *args, **kwargs):
            return json.dumps(
                self._call_route("/web/dataset/call_button", model=model, method=method, args=args, kwargs=kwargs)
            )

        def json_rpc(model, method, *args, **kwargs):
            call = [database, self.agent.id, self.agent.login, model, method, args, kwargs]
            return json.dumps(self._call_route("/jsonrpc", service="object", method="execute_kw", args=call))

        def xml_rpc(model, method, *args, **kwargs):
            call = (database, self.agent.id, self.agent.login, model, method, args, kwargs)
            return self.url_open(
                "/xmlrpc/2/object",
                data=xmlrpc.client.dumps(call, "execute_kw", allow_none=True),
                headers={"Content-Type": "text/xml"},
            ).text

        def json_2(model, method, *args, **kwargs):
            first = {"domain": args[0]} if method.startswith("search") else {"ids": args[0]}
            named = dict(zip(("fields",) if method == "read" else (), args[1:], strict=False))
            return self.url_open(
                f"/json/2/{model}/{method}",
                data=json.dumps(first | named | kwargs),
                headers={"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
            ).text

        return (web_client, call_button, json_rpc, xml_rpc, json_2)

    def test_reading_by_every_kind_of_rpc(self):
        for call in self._get_rpc_clients():
            for record in (self.customer, self.quotation, self.order.order_line, self.invoice, self.other_order):
                with self.subTest(call.__name__, model=record._name):
                    for answer in (
                        call(record._name, "read", record.ids, ["display_name"]),
                        call(record._name, "search_read", [("id", "in", record.ids)]),
                        call(record._name, "search_count", [("id", "in", record.ids)]),
                    ):
                        self._assert_nothing_told(answer)
                        self.assertNotIn(f'"id": {record.id}', answer)

    def test_every_kind_of_rpc_works_for_the_agents_own_order(self):
        """The attempts above fail because of access rights, not because of an error in the test."""
        for call in self._get_rpc_clients()[:1] + self._get_rpc_clients()[2:]:
            with self.subTest(call.__name__):
                self.assertIn(
                    "ANN-ORDER",
                    call("sale.order", "search_read", [("name", "=", "ANN-ORDER")], ["name"])
                    if call.__name__ != "json_2"
                    else call("sale.order", "search_read", [("name", "=", "ANN-ORDER")], fields=["name"]),
                )

    def test_reading_tokens(self):
        for record in (self.quotation, self.invoice, self.own_order.browse(self.quotation.id)):
            self._assert_error(self._call_model(record._name, "read", record.ids, ["access_token"]))
            self._assert_error(
                self._call_model(record._name, "web_read", record.ids, specification={"access_token": {}})
            )
        answer = self._call_model("sale.order", "search", [("access_token", "=like", "token-quill%")])
        self.assertFalse(answer["result"])

    def test_calling_methods_that_hand_out_tokens(self):
        for method in (
            "get_portal_url",
            "get_access_action",
            "_get_share_url",
            "_portal_ensure_token",
            "action_share",
            "action_preview_sale_order",
            "action_quotation_send",
        ):
            with self.subTest(method):
                self._assert_error(self._call_model("sale.order", method, self.quotation.ids))
        self._assert_error(self._call_model("account.move", "get_portal_url", self.invoice.ids))
        self._assert_error(self._call_model("account.move", "preview_invoice", self.invoice.ids))
        self._assert_error(self._call_model("res.partner", "signup_get_auth_param", self.customer.ids))
        self._assert_error(self._call_model("res.partner", "action_signup_prepare", self.customer.ids))

    def test_calling_methods_that_change_documents(self):
        for record, method, *args in (
            (self.quotation, "action_confirm"),
            (self.quotation, "action_cancel"),
            (self.quotation, "action_draft"),
            (self.quotation, "write", {"client_order_ref": "mine"}),
            (self.quotation, "unlink"),
            (self.quotation, "copy"),
            (self.quotation, "message_post"),
            (self.quotation, "toggle_active"),
            (self.quotation.order_line, "write", {"product_uom_qty": 99}),
            (self.invoice, "button_draft"),
            (self.invoice, "action_post"),
            (self.invoice, "write", {"ref": "mine"}),
            (self.customer, "write", {"name": "mine"}),
            (self.customer, "write", {"portal_agent_ids": [(4, self.agent.id)]}),
            (self.strange_customer, "write", {"portal_agent_ids": [(4, self.agent.id)]}),
            (self.customer, "action_make_portal_agent"),
            (self.strange_customer, "action_assign_portal_agents"),
            (self.agent, "action_assign_portal_agent_customers"),
            (self.agent, "action_revoke_portal_agent"),
            (self.other_agent, "action_revoke_portal_agent"),
        ):
            with self.subTest(record._name, method=method):
                answer = self._call_model(record._name, method, record.ids, *args)
                self._assert_nothing_told(answer)
                self.assertTrue("error" in answer or method == "action_assign_portal_agent_customers", answer)

    def test_assigning_customers_with_the_wizard(self):
        self._assert_error(
            self._call_model(
                "portal.agent.assign",
                "create",
                {"agent_ids": [(6, 0, self.agent.ids)], "partner_ids": [(6, 0, self.strange_customer.ids)]},
            )
        )

    def test_searching_other_agents_customers(self):
        for domain in (
            [("id", "=", self.other_customer.id)],
            [("name", "ilike", "rook")],
            [("portal_agent_ids", "in", self.other_agent.ids)],
            [("child_ids", "any", [("name", "ilike", "quill")])],
            ["|", ("active", "=", False), ("active", "=", True)],
        ):
            for method in ("search_read", "search", "search_count", "name_search"):
                kwargs = {"domain": domain}
                answer = self._call_model("res.partner", method, **kwargs)
                self._assert_nothing_told(answer)
                if method == "search_count" and "result" in answer:
                    self.assertLessEqual(answer["result"], 1, "more than the agent's own contact")

    def test_searching_by_hidden_fields_of_related_records(self):
        for model, domain in (
            ("sale.order", [("partner_id.comment", "ilike", "late")]),
            ("sale.order", [("partner_id.commercial_partner_id.comment", "ilike", "late")]),
            ("sale.order.line", [("order_id.access_token", "=like", "token-quill%")]),
            ("account.move", [("partner_id.comment", "ilike", "late")]),
            ("account.move.line", [("move_id.access_token", "=like", "token-quill%")]),
            ("res.partner", [("sale_order_ids.access_token", "=like", "token-quill%")]),
        ):
            with self.subTest(model, domain=domain):
                answer = self._call_model(model, "search_count", domain)
                self.assertFalse(answer.get("result"))

    def test_grouping_and_summing_up(self):
        for model, groupby, aggregate in (
            ("sale.order", ["partner_id"], "amount_total:sum"),
            ("sale.order", ["access_token"], "__count"),
            ("account.move", ["partner_id"], "amount_residual:sum"),
            ("account.move.line", ["account_id"], "balance:sum"),
            ("res.partner", ["name"], "__count"),
            ("res.partner", ["portal_agent_ids"], "__count"),
        ):
            with self.subTest(model, groupby=groupby):
                self._assert_nothing_told(
                    self._call_model(model, "formatted_read_group", [], groupby=groupby, aggregates=[aggregate])
                )
                self._assert_nothing_told(
                    self._call_model(model, "web_read_group", [], groupby=groupby, aggregates=[aggregate])
                )

    def test_sorting_by_hidden_fields(self):
        for model, order in (
            ("sale.order", "access_token"),
            ("res.partner", "comment"),
            ("account.move", "access_token"),
        ):
            answer = self._call_model(model, "search", [], order=order)
            self._assert_nothing_told(answer)
            own = self.own_order.ids + self.own_invoice.ids + self.agent.partner_id.ids
            self.assertFalse(set(answer.get("result", [])) - set(own))

    def test_finding_names(self):
        for model in ("res.partner", "sale.order", "account.move", "res.users"):
            for name in ("quill", "rook", ""):
                self._assert_nothing_told(self._call_model(model, "name_search", name))

    def test_exporting(self):
        self._assert_error(self._call_model("sale.order", "export_data", self.quotation.ids, ["name", "access_token"]))
        for export_format in ("csv", "xlsx"):
            response = self._post_form(
                f"/web/export/{export_format}",
                data=json.dumps(
                    {
                        "model": "sale.order",
                        "ids": self.quotation.ids,
                        "domain": [],
                        "fields": [{"name": "name", "label": "Name", "type": "char"}],
                        "import_compat": False,
                        "groupby": [],
                    }
                ),
            )
            self.assertNotEqual(response.status_code, 200)
            self._assert_nothing_told(response)

    def test_guessing_ids(self):
        """By guessing ids, an agent learns the same as any portal user: nothing."""
        for model, records in (
            ("sale.order", self.quotation + self.other_order + self.strange_order),
            ("account.move", self.invoice + self.other_invoice + self.draft_invoice),
            ("res.partner", self.customer + self.buyer + self.other_customer),
        ):
            ids = range(min(records.ids) - 3, max(records.ids) + 3)
            found = self._call_model(model, "search", [("id", "in", list(ids))])["result"]
            self.assertFalse(set(found) & set(records.ids))

    def test_forging_the_context(self):
        for context in ({"uid": self.customer_user.id}, {"allowed_company_ids": [1, 2, 3]}, {"active_test": False}):
            answer = self._call_model("sale.order", "search_read", [], ["name"], context=context)
            self._assert_nothing_told(answer)


@tagged("post_install", "-at_install", "once")
class TestSameAttemptsByTheCustomer(HostileCommon):
    """The same attempts succeed for authorized users, which proves that the tests above can fail."""

    def setUp(self):
        super().setUp()
        self.own_quotation = self._new_order(self.customer_user.partner_id, "QUILL-OWN", state="sent")
        self.env.flush_all()

    def test_customer_signs_the_quotation(self):
        self._log_in(self.customer_user)
        before = self._get_contents()
        answer = self._call_route(f"/my/orders/{self.own_quotation.id}/accept", name="Quill", signature=SIGNATURE)
        self.assertTrue(answer["result"].get("force_refresh"), answer)
        self.assertEqual(self.own_quotation.state, "sale")
        self.assertNotEqual(self._get_contents(), before)

    def test_anybody_signs_with_the_customers_token(self):
        self._log_in(self.agent)
        answer = self._call_route(
            f"/my/orders/{self.own_quotation.id}/accept",
            name="Quill",
            signature=SIGNATURE,
            access_token=self.own_quotation.access_token,
        )
        self.assertTrue(answer["result"].get("force_refresh"), answer)
        self.assertEqual(self.own_quotation.state, "sale")

    def test_customer_declines_the_quotation(self):
        self._log_in(self.customer_user)
        self._post_form(f"/my/orders/{self.own_quotation.id}/decline", decline_message="No, thanks")
        self.assertEqual(self.own_quotation.state, "cancel")

    def test_customer_comments_on_the_quotation(self):
        self._log_in(self.customer_user)
        answer = self._call_route(
            "/mail/message/post",
            thread_model="sale.order",
            thread_id=self.own_quotation.id,
            post_data={"body": "Hello from the customer", "message_type": "comment"},
            token=self.own_quotation.access_token,
        )
        self.assertIn("result", answer)
        self.assertIn("Hello from the customer", self.own_quotation.message_ids[0].body)

    def test_customer_opens_quotation_and_invoice(self):
        self.invoice.message_subscribe(self.customer_user.partner_id.ids)
        self._log_in(self.customer_user)
        self.assertIn("QUILL-OWN", self.url_open(f"/my/orders/{self.own_quotation.id}").text)
        self.assertIn(self.invoice.name, self.url_open(f"/my/invoices/{self.invoice.id}").text)

    def test_customer_reads_the_order_by_rpc(self):
        self._log_in(self.customer_user)
        answer = self._call_model("sale.order", "read", self.own_quotation.ids, ["name"])
        self.assertEqual(answer["result"][0]["name"], "QUILL-OWN")

    def test_agent_signs_the_own_quotation(self):
        self._log_in(self.agent)
        answer = self._call_route(f"/my/orders/{self.own_order.id}/accept", name="Ann", signature=SIGNATURE)
        self.assertTrue(answer["result"].get("force_refresh"), answer)
        self.assertEqual(self.own_order.state, "sale")
