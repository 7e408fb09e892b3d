import json
import threading

from odoo.tests import tagged

from odoo.addons.portal_agent_account.models import agent_scope

from .common import PortalAgentCommon, PortalAgentHttpCommon


@tagged("post_install", "-at_install", "once")
class TestAgentScope(PortalAgentHttpCommon):
    """The scope in which the agent's rules apply, over real HTTP."""

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

    def test_scope_of_an_agents_page_ends_with_the_request(self):
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

    def test_portal_user_who_is_not_an_agent_is_redirected(self):
        self._log_in(self.portal_user)
        page = self.url_open("/my/agent/customers")
        self.assertEqual(page.status_code, 200)
        self.assertTrue(page.url.endswith("/my"), page.url)

    def test_removed_assignment_takes_effect_at_the_next_request(self):
        self._log_in(self.agent)
        self.assertIn("Quill", self.url_open("/my/agent/customers").text)
        self.customer.portal_agent_ids -= self.agent
        self.assertNotIn("Quill", self.url_open("/my/agent/customers").text)

    def test_removed_group_takes_effect_at_the_next_request(self):
        self._log_in(self.agent)
        self.assertIn("Quill", self.url_open("/my/agent/customers").text)
        self.agent.group_ids -= self.env.ref("portal_agent_account.group_portal_agent")
        page = self.url_open("/my/agent/customers")
        self.assertTrue(page.url.endswith("/my"), page.url)
        self.assertNotIn("Quill", page.text)

    def test_archived_agent_is_logged_out_at_the_next_request(self):
        self._log_in(self.agent)
        self.assertIn("Quill", self.url_open("/my/agent/customers").text)
        self.agent.active = False
        self.assertIn("/web/login", self.url_open("/my/agent/customers").url)


@tagged("post_install", "-at_install", "once")
class TestScopeOfTrustedCode(PortalAgentCommon):
    """In scheduled actions, threads and scripts an agent is a portal user, unless the code enters the scope."""

    def _run_as_scheduled_action(self, code):
        """Run code in the same way as the server runs a scheduled action."""
        cron = self.env["ir.cron"].create(
            {
                "name": "Work for an agent",
                "model_id": self.env["ir.model"]._get_id("res.users"),
                "state": "code",
                "code": code,
                "interval_type": "days",
            }
        )
        self.env.flush_all()
        self.env.invalidate_all()
        cron.ir_actions_server_id.with_context(cron_id=cron.id).run()

    def test_scheduled_action_works_for_an_agent_with_the_agents_own_contact_and_orders(self):
        self._run_as_scheduled_action(
            f"agent = env['res.users'].browse({self.agent.id})\n"
            "orders = env['sale.order'].with_user(agent).search([])\n"
            "agent.partner_id.with_user(agent).sudo().write({'city': ','.join(orders.mapped('name'))})\n"
            "orders.with_user(agent).sudo().write({'client_order_ref': 'seen'})"
        )
        self.assertEqual(self.agent.partner_id.city, "ANN-ORDER")
        self.assertEqual((self.own_order.client_order_ref, self.order.client_order_ref), ("seen", "QUILL-ORDER"))

    def test_scheduled_action_writes_the_agents_own_contact_as_the_agent(self):
        self.env["ir.rule"].create(
            {
                "name": "Portal users change their own contact",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "groups": self.env.ref("base.group_portal").ids,
                "domain_force": "[('id', '=', user.partner_id.id)]",
            }
        )
        access = self.env["ir.model.access"].search(
            [("model_id.model", "=", "res.partner"), ("group_id", "=", self.env.ref("base.group_portal").id)]
        )
        access.perm_write = True
        self._run_as_scheduled_action(
            f"agent = env['res.users'].browse({self.agent.id})\n"
            "agent.partner_id.with_user(agent).write({'function': 'Agent'})"
        )
        self.assertEqual(self.agent.partner_id.function, "Agent")

    def test_scheduled_action_finds_no_customers_for_an_agent(self):
        self._run_as_scheduled_action(
            f"agent = env['res.users'].browse({self.agent.id})\n"
            "found = env['res.partner'].with_user(agent).search([])\n"
            "agent.partner_id.sudo().write({'city': str(found.ids)})"
        )
        self.assertEqual(self.agent.partner_id.city, str(self.agent.partner_id.ids))

    def test_code_that_enters_the_scope_finds_the_customers_until_it_leaves(self):
        with agent_scope.entered(self.env, self.agent) as env:
            self.assertEqual(env.user, self.agent)
            self.assertEqual(env["sale.order"].search([]), self.quotation + self.draft_quotation + self.order)
            self.assertFalse(env["sale.order"].browse(self.own_order.id).has_access("read"))
        self.assertEqual(self.env["sale.order"].with_user(self.agent).search([]), self.own_order)

    def test_removed_assignment_takes_effect_when_the_scope_is_entered_again(self):
        self.customer.portal_agent_ids = False
        with agent_scope.entered(self.env, self.agent) as env:
            self.assertFalse(env["sale.order"].search([]))

    def test_an_error_also_leaves_the_scope(self):
        with self.assertRaises(KeyError), agent_scope.entered(self.env, self.agent):
            raise KeyError
        self.assertEqual(agent_scope.get_agent_scope(), agent_scope.PLAIN)

    def test_scope_can_only_be_entered_for_an_active_agent(self):
        self.other_agent.active = False
        for user in (self.portal_user, self.env.user, self.other_agent):
            with self.assertRaises(ValueError), agent_scope.entered(self.env, user):
                pass

    def test_thread_started_in_the_scope_does_not_inherit_it(self):
        scopes = []
        with agent_scope.entered(self.env, self.agent):
            thread = threading.Thread(target=lambda: scopes.append(agent_scope.get_agent_scope()))
            thread.start()
            thread.join()
            scopes.append(agent_scope.get_agent_scope())
        self.assertEqual(scopes, [agent_scope.PLAIN, agent_scope.AGENT])

    def test_no_context_key_enters_the_scope(self):
        forged = {"portal_agent_scope_entered": True, "portal_agent_scope": "agent", "_portal_agent_scope": "agent"}
        self.assertEqual(self.env["sale.order"].with_user(self.agent).with_context(**forged).search([]), self.own_order)
