import json

from odoo.tests import tagged

from odoo.addons.portal_agent_account.models import agent_scope

from .common import PortalAgentHttpCommon


@tagged("post_install", "-at_install", "once")
class TestAgentScope(PortalAgentHttpCommon):
    """Where the agent's rules count, over real HTTP."""

    def _log_in(self, user):
        self.authenticate(user.login, user.login)

    def _search_by_rpc(self, model, context=None, path="/web/dataset/call_kw", headers=None):
        response = self.url_open(
            path,
            data=json.dumps(
                {
                    "params": {
                        "model": model,
                        "method": "search",
                        "args": [[]],
                        "kwargs": {"context": context or {}},
                    }
                }
            ),
            headers={"Content-Type": "application/json"} | (headers or {}),
        )
        return response.json()["result"]

    def test_agent_finds_the_customers_under_my_agent(self):
        self._log_in(self.agent)
        page = self.url_open("/my/agent/customers")
        self.assertEqual(page.status_code, 200)
        self.assertIn("Quill Trading", page.text)
        self.assertNotIn("Rook", page.text)
        self.assertNotIn("Swift", page.text)

    def test_agents_page_leaves_nothing_behind_for_the_next_request(self):
        self._log_in(self.agent)
        for _attempt in range(2):
            self.assertIn("Quill", self.url_open("/my/agent/customers").text)
            self.assertEqual(self._search_by_rpc("res.partner"), self.agent.partner_id.ids)
            self.assertEqual(self._search_by_rpc("sale.order"), self.own_order.ids)

    def test_scope_can_not_be_forged(self):
        self._log_in(self.agent)
        for forged in (
            {"context": {"portal_agent": True, "_portal_agent_scope": "agent", "portal_agent_scope": "agent"}},
            {"path": "/web/dataset/call_kw?portal_agent=1&_portal_agent_scope=agent"},
            {"path": "/my/agent/../../web/dataset/call_kw"},
            {"path": "/web/dataset/call_kw/my/agent"},
            {"headers": {"X-Portal-Agent": "1", "X-Original-URL": "/my/agent", "Referer": "/my/agent"}},
        ):
            with self.subTest(**forged):
                self.assertEqual(self._search_by_rpc("sale.order", **forged), self.own_order.ids)

    def test_agent_who_is_also_a_customer_still_has_all_of_my(self):
        self._log_in(self.agent)
        page = self.url_open(f"/my/orders/{self.own_order.id}")
        self.assertEqual(page.status_code, 200)
        self.assertIn("ANN-ORDER", page.text)
        self.assertIn(f"/my/orders/{self.own_order.id}", page.url)
        self.assertIn("ANN-ORDER", self.url_open("/my/quotes").text)
        self.assertIn(self.own_invoice.name, self.url_open("/my/invoices").text)

    def test_customers_token_opens_the_document_for_the_agent_as_for_anyone(self):
        self._log_in(self.agent)
        page = self.url_open(f"/my/orders/{self.quotation.id}?access_token={self.quotation.access_token}")
        self.assertIn("QUILL-QUOTATION", page.text)

    def test_stranger_gets_the_login_and_then_the_page(self):
        self.authenticate(None, None)
        page = self.url_open("/my/agent/customers")
        self.assertIn("/web/login", page.url)
        self.assertIn("my%2Fagent%2Fcustomers", page.url)

    def test_portal_user_who_is_no_agent_gets_the_way_out(self):
        self._log_in(self.portal_user)
        page = self.url_open("/my/agent/customers")
        self.assertEqual(page.status_code, 200)
        self.assertTrue(page.url.endswith("/my"), page.url)

    def test_assignment_taken_back_is_gone_with_the_next_request(self):
        self._log_in(self.agent)
        self.assertIn("Quill", self.url_open("/my/agent/customers").text)
        self.customer.portal_agent_ids -= self.agent
        self.assertNotIn("Quill", self.url_open("/my/agent/customers").text)

    def test_group_taken_away_is_gone_with_the_next_request(self):
        self._log_in(self.agent)
        self.assertIn("Quill", self.url_open("/my/agent/customers").text)
        self.agent.group_ids -= self.env.ref("portal_agent_account.group_portal_agent")
        page = self.url_open("/my/agent/customers")
        self.assertTrue(page.url.endswith("/my"), page.url)
        self.assertNotIn("Quill", page.text)

    def test_archived_agent_is_out_with_the_next_request(self):
        self._log_in(self.agent)
        self.assertIn("Quill", self.url_open("/my/agent/customers").text)
        self.agent.active = False
        self.assertIn("/web/login", self.url_open("/my/agent/customers").url)

    def test_without_a_request_both_rules_count(self):
        self.assertEqual(agent_scope.get_agent_scope(), agent_scope.COMBINED)
