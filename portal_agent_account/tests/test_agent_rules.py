from odoo.exceptions import AccessError, UserError
from odoo.fields import Command, Domain
from odoo.tests import tagged

from .common import PortalAgentCommon


@tagged("post_install", "-at_install")
class TestAgentRules(PortalAgentCommon):
    """The records that an agent's page can read, and their fields."""

    def _names(self, model, domain=None):
        with self.on_an_agents_page() as env:
            return set(env[model].search(domain or []).mapped("display_name"))

    # ---- records

    def test_agent_sees_the_customer_and_its_contacts_at_any_depth(self):
        with self.on_an_agents_page() as env:
            seen = env["res.partner"].search([])
        self.assertEqual(seen, self.customer + self.buyer + self.warehouse + self.customer_user.partner_id)

    def test_agents_list_of_customers_leaves_out_their_contacts(self):
        with self.on_an_agents_page() as env:
            Partner = env["res.partner"]
            self.assertEqual(Partner.search(Partner._get_portal_agent_domain()), self.customer)

    def test_agent_only_sees_documents_of_the_customers_contacts_at_any_depth(self):
        with self.on_an_agents_page() as env:
            self.assertEqual(env["sale.order"].search([]), self.quotation + self.draft_quotation + self.order)
            self.assertEqual(env["account.move"].search([]), self.invoice + self.credit_note)

    def test_agent_on_an_agents_page_does_not_mix_in_own_documents(self):
        with self.on_an_agents_page() as env:
            self.assertFalse(env["sale.order"].search([("id", "=", self.own_order.id)]))
            self.assertFalse(env["account.move"].search([("id", "=", self.own_invoice.id)]))

    def test_agent_on_any_other_page_has_own_documents_and_no_customers(self):
        with self.on_any_other_page() as env:
            self.assertEqual(env["sale.order"].search([]), self.own_order)
            self.assertEqual(env["account.move"].search([]), self.own_invoice)
            self.assertEqual(env["res.partner"].search([]), self.agent.partner_id)

    def test_code_outside_of_the_scope_only_finds_the_agents_own_documents(self):
        self.assertEqual(self.env["sale.order"].with_user(self.agent).search([]), self.own_order)

    def test_draft_and_cancelled_invoices_are_never_seen(self):
        self.invoice.button_draft()
        self.invoice.button_cancel()
        with self.on_an_agents_page() as env:
            self.assertEqual(env["account.move"].search([]), self.credit_note)

    def test_vendor_bills_of_a_customer_are_not_seen(self):
        bill = self._new_invoice(self.customer, "QUILL-BILL", move_type="in_invoice", post=True)
        with self.on_an_agents_page() as env:
            self.assertFalse(env["account.move"].search([("id", "=", bill.id)]))

    def test_agent_sees_lines_that_are_printed_and_no_journal_items_behind_them(self):
        with self.on_an_agents_page() as env:
            lines = env["account.move.line"].search([("move_id", "=", self.invoice.id)])
        self.assertEqual(lines, self.invoice.invoice_line_ids)
        self.assertGreater(self.invoice.line_ids, lines)

    def test_costs_of_goods_sold_are_not_among_the_lines(self):
        cost = self.invoice.invoice_line_ids
        self.env.cr.execute("UPDATE account_move_line SET display_type = 'cogs' WHERE id = %s", [cost.id])
        cost.invalidate_recordset()
        with self.on_an_agents_page() as env:
            self.assertFalse(env["account.move.line"].search([("move_id", "=", self.invoice.id)]))

    def test_company_decides_whether_agents_see_draft_quotations(self):
        self.assertIn("QUILL-DRAFT", self._names("sale.order"))
        self.company.portal_agent_draft_quotation = False
        self.assertNotIn("QUILL-DRAFT", self._names("sale.order"))
        with self.on_an_agents_page() as env:
            self.assertFalse(env["sale.order.line"].search([("order_id", "=", self.draft_quotation.id)]))

    def test_web_carts_are_not_quotations(self):
        if "website_id" not in self.env["sale.order"]._fields:
            self.skipTest("without the shop there are no carts")
        website = self.env["website"].search([], limit=1)
        cart = self._new_order(self.customer, "QUILL-CART", website_id=website.id)
        with self.on_an_agents_page() as env:
            Order = env["sale.order"]
            self.assertNotIn(cart, Order.search(Order._get_portal_agent_quotation_domain()))
            self.assertFalse(Order._find_for_portal_agent(cart.id))
            cart.sudo().state = "sent"
            self.assertEqual(Order._find_for_portal_agent(cart.id), cart)

    def test_quotations_and_orders_are_separate(self):
        with self.on_an_agents_page() as env:
            Order = env["sale.order"]
            self.assertEqual(
                Order.search(Order._get_portal_agent_quotation_domain()), self.quotation + self.draft_quotation
            )
            self.assertEqual(Order.search(Order._get_portal_agent_order_domain()), self.order)

    def test_one_customer_can_be_chosen(self):
        second = self._new_customer("Quill Two", portal_agent_ids=[Command.link(self.agent.id)])
        order = self._new_order(second, "QUILL-SECOND")
        invoice = self._new_invoice(second, "QUILL-SECOND-INVOICE")
        with self.on_an_agents_page() as env:
            for record in (order, invoice, order.order_line, invoice.invoice_line_ids):
                Model = env[record._name]
                domain = Model._get_portal_agent_customer_domain(second.with_env(env))
                self.assertEqual(Model.search(domain), record)
                everybody = Model._get_portal_agent_customer_domain(env["res.partner"])
                self.assertGreater(Model.search(everybody), record)

    def test_result_is_the_same_for_another_agents_document_and_a_missing_one(self):
        with self.on_an_agents_page() as env:
            Order = env["sale.order"]
            self.assertEqual(Order._find_for_portal_agent(self.order.id), self.order)
            for order_id in (self.other_order.id, self.own_order.id, 2**31 - 1, 2**70, 0, -1):
                with self.assertQueryCount(1):
                    self.assertFalse(Order._find_for_portal_agent(order_id))

    def test_archived_customers_and_their_documents_are_hidden(self):
        self.customer_user.active = False
        self.customer.active = False
        for model in ("res.partner", "sale.order", "sale.order.line", "account.move", "account.move.line"):
            with self.on_an_agents_page() as env:
                self.assertFalse(env[model].with_context(active_test=False).search([]), model)

    def test_searched_and_computed_readers_are_the_same(self):
        agents = [Command.link(self.agent.id), Command.link(self.other_agent.id)]
        archived = self._new_customer("Former", portal_agent_ids=agents)
        contacts = self.customer + self.buyer + self.warehouse + self.other_customer + self.strange_customer + archived
        self.env.flush_all()
        archived.active = False  # not flushed before the search
        for agent, expected in ((self.agent, contacts[:3]), (self.other_agent, self.other_customer)):
            domain = Domain("id", "in", contacts.ids) & Domain("portal_agent_reader_ids", "in", agent.ids)
            everybody = contacts.with_context(active_test=False)
            self.assertEqual(everybody.search(domain, order="id"), expected)
            self.assertFalse(everybody.search(~domain & Domain("id", "in", expected.ids)))
            self.assertEqual(contacts.filtered_domain(domain), expected)
            orders = self.env["sale.order"].search(Domain("portal_agent_reader_ids", "in", agent.ids))
            self.assertEqual(orders, orders.filtered_domain(Domain("portal_agent_reader_ids", "in", agent.ids)))
            self.assertEqual(orders.partner_id.commercial_partner_id, expected.commercial_partner_id)

    def test_documents_of_an_archived_contact_stay_visible(self):
        self.buyer.active = False
        self.assertIn("QUILL-QUOTATION", self._names("sale.order"))

    def test_moving_a_contact_to_another_company_moves_its_documents_at_once(self):
        self.buyer.parent_id = self.other_customer
        with self.on_an_agents_page() as env:
            self.assertEqual(env["sale.order"].search([]), self.draft_quotation)
            self.assertEqual(env["account.move"].search([]), self.credit_note)
        with self.on_an_agents_page(self.other_agent) as env:
            self.assertIn(self.quotation, env["sale.order"].search([]))
            self.assertIn(self.order, env["sale.order"].search([]))

    def test_removed_assignment_takes_effect_at_the_next_read(self):
        self.assertTrue(self._names("sale.order"))
        self.customer.portal_agent_ids = False
        self.assertFalse(self._names("sale.order"))

    # ---- companies

    def test_agent_of_one_company_sees_nothing_of_another(self):
        other_company = self.env["res.company"].create({"name": "Quill Abroad"})
        order = self._new_order(self.customer, "QUILL-ABROAD", company_id=other_company.id)
        local = self._new_customer(
            "Quill Local", company_id=other_company.id, portal_agent_ids=[Command.link(self.agent.id)]
        )
        with self.on_an_agents_page() as env:
            self.assertNotIn(order, env["sale.order"].search([]))
            self.assertFalse(env["sale.order.line"].search([("order_id", "=", order.id)]))
            self.assertNotIn(local, env["res.partner"].search([]))
            with self.assertRaises(AccessError):
                env(context={"allowed_company_ids": other_company.ids})["sale.order"].search([])

    # ---- fields

    def test_agent_reads_what_is_on_the_list(self):
        with self.on_an_agents_page() as env:
            self.assertEqual(
                env["sale.order"].browse(self.order.id).read(["name", "amount_untaxed"]),
                [{"id": self.order.id, "name": "QUILL-ORDER", "amount_untaxed": self.order.amount_untaxed}],
            )

    def _assert_refused(self, function, *args, **kwargs):
        with self.on_an_agents_page() as env, self.assertRaises(AccessError):
            function(env, *args, **kwargs)

    def test_token_is_not_read(self):
        self._assert_refused(lambda env: env["sale.order"].browse(self.order.id).read(["access_token"]))
        self._assert_refused(lambda env: env["account.move"].browse(self.invoice.id).access_token)

    def test_methods_that_return_urls_do_not_reveal_the_token(self):
        def get_portal_url(env, record):
            return record.with_env(env).get_portal_url()

        def get_share_url(env, record):
            return record.with_env(env)._get_share_url()

        def get_access_action(env, record):
            return record.with_env(env)._get_access_action()

        def preview(env, record):
            return record.with_env(env).action_preview_sale_order()

        for method in (get_portal_url, get_share_url, get_access_action, preview):
            with self.subTest(method.__name__):
                self._assert_refused(method, self.order)

    def test_hidden_field_is_not_searched(self):
        self._assert_refused(lambda env: env["sale.order"].search([("access_token", "=like", "t%")]))

    def test_hidden_field_of_a_related_record_is_not_searched(self):
        self._assert_refused(lambda env: env["sale.order"].search([("partner_id.comment", "ilike", "late")]))
        self._assert_refused(
            lambda env: env["sale.order"].search(Domain("partner_id", "any!", Domain("comment", "ilike", "late")))
        )
        self._assert_refused(lambda env: env["res.partner"].search([("child_ids.comment", "ilike", "late")]))

    def test_hidden_field_does_not_sort(self):
        self._assert_refused(lambda env: env["sale.order"].search([], order="access_token"))

    def test_hidden_field_is_not_grouped_or_summed(self):
        self._assert_refused(lambda env: env["sale.order"]._read_group([], ["access_token"], ["__count"]))
        self._assert_refused(lambda env: env["sale.order"]._read_group([], [], ["access_token:array_agg"]))
        self._assert_refused(lambda env: env["account.move.line"]._read_group([], [], ["balance:sum"]))

    def test_hidden_field_is_not_exported(self):
        for path in ("access_token", "partner_id/comment", "name"):
            with self.on_an_agents_page() as env, self.assertRaises(UserError):
                env["sale.order"].browse(self.order.id).export_data([path])

    def test_hidden_field_is_not_reached_by_a_dotted_path(self):
        self._assert_refused(lambda env: env["sale.order"].browse(self.order.id).mapped("partner_id.comment"))
        self._assert_refused(
            lambda env: (
                env["sale.order"].browse(self.order.id).filtered_domain([("partner_id.comment", "ilike", "late")])
            )
        )

    def test_hidden_field_is_not_in_fields_get(self):
        with self.on_an_agents_page() as env:
            self.assertNotIn("access_token", env["sale.order"].fields_get())

    def test_agent_may_write_nothing(self):
        def create(env):
            env["sale.order"].create({"partner_id": self.customer.id})

        for record, values in (
            (self.order, {"client_order_ref": "mine"}),
            (self.customer, {"name": "mine"}),
            (self.customer, {"portal_agent_ids": [Command.link(self.agent.id)]}),
            (self.invoice, {"ref": "mine"}),
        ):
            with self.on_an_agents_page() as env, self.assertRaises(AccessError):
                record.with_env(env).write(values)
            with self.on_an_agents_page() as env, self.assertRaises(AccessError):
                record.with_env(env).unlink()
        self._assert_refused(create)

    def test_agent_only_reads_the_own_user(self):
        with self.on_an_agents_page() as env:
            self.assertFalse(env["res.users"].search([]) - self.agent)

    def test_agent_reads_no_message_of_a_customers_document(self):
        self.order.message_post(body="Quill owes us", subtype_xmlid="mail.mt_comment")
        with self.on_an_agents_page() as env:
            self.assertFalse(env["mail.message"].search([("model", "=", "sale.order")]))

    def test_name_search_finds_the_agents_customers_only(self):
        with self.on_an_agents_page() as env:
            self.assertFalse(env["res.partner"].name_search("Rook"))
            self.assertTrue(env["res.partner"].name_search("Quill Trading"))
