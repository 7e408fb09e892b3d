from datetime import date
from unittest.mock import patch

from odoo.fields import Domain
from odoo.tests import tagged
from odoo.tools import sql

from odoo.addons.portal_agent_account.models.covering_index import CoveringIndex

from .common import PortalAgentCommon


@tagged("post_install", "-at_install")
class TestQueryPlans(PortalAgentCommon):
    """An agent's search starts from the agent's customers, by the record rules alone."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._fill_tables()

    @classmethod
    def _fill_tables(cls):
        """Ten thousand orders and invoices of two thousand customers that are not the agent's."""
        cls.env.cr.execute(
            """
            INSERT INTO res_partner (name, complete_name, active, is_company, type, partner_share, autopost_bills)
                 SELECT 'Crowd', 'Crowd', TRUE, TRUE, 'contact', TRUE, 'ask' FROM generate_series(1, 2000);
            UPDATE res_partner SET commercial_partner_id = id WHERE name = 'Crowd';
            INSERT INTO res_partner_portal_agent_rel (partner_id, user_id)
                 SELECT id, %(other_agent)s FROM res_partner WHERE name = 'Crowd';
            INSERT INTO sale_order (name, partner_id, partner_invoice_id, partner_shipping_id, company_id, currency_id,
                                    state, date_order)
                 SELECT 'Crowd', id, id, id, %(company)s, %(currency)s, 'sale', now() - g * interval '1 day'
                   FROM res_partner, generate_series(1, 5) AS g WHERE name = 'Crowd';
            INSERT INTO account_move (name, journal_id, partner_id, commercial_partner_id, company_id, currency_id,
                                      state, move_type, auto_post, date, invoice_date)
                 SELECT 'Crowd/' || id || '/' || g, %(journal)s, id, id, %(company)s, %(currency)s,
                        'posted', 'out_invoice', 'no', current_date - g, current_date - g
                   FROM res_partner, generate_series(1, 5) AS g WHERE name = 'Crowd';
            ANALYZE res_partner, res_partner_portal_agent_rel, sale_order, account_move;
            """,
            {
                "other_agent": cls.other_agent.id,
                "company": cls.company.id,
                "currency": cls.company.currency_id.id,
                "journal": cls.invoice.journal_id.id,
            },
        )

    def _get_plan(self, query):
        self.env.cr.execute("EXPLAIN " + self.env.cr.mogrify(query).decode())
        return "\n".join(line for (line,) in self.env.cr.fetchall())

    def _assert_starts_from_the_customers(self, model, domain=(), **kwargs):
        with self.on_an_agents_page() as env:
            query = env[model]._search(list(domain), **kwargs)
            plan = self._get_plan(query.select())
        self.assertIn("res_partner_portal_agent_rel_user_id_partner_id_idx", plan)
        for table in ("sale_order", "account_move", "res_partner"):
            self.assertNotRegex(plan, rf"Seq Scan on {table}\b", plan)

    def test_list_of_customers_reads_no_other_contacts(self):
        self._assert_starts_from_the_customers("res.partner", order="complete_name", limit=80)

    def test_list_of_orders_reads_no_other_orders(self):
        self._assert_starts_from_the_customers("sale.order", order="date_order desc, id desc", limit=80)

    def test_count_of_orders_reads_no_other_orders(self):
        self._assert_starts_from_the_customers("sale.order")

    def test_list_of_invoices_reads_no_other_invoices(self):
        self._assert_starts_from_the_customers("account.move", order="invoice_date desc, id desc", limit=80)

    def test_count_of_invoices_reads_no_other_invoices(self):
        self._assert_starts_from_the_customers("account.move")

    def test_a_list_is_not_looked_for_among_everybodys_orders(self):
        """By their date, PostgreSQL would walk through all orders until it has met enough of the agent's."""
        order, executed = "date_order desc, id desc", []
        environment = type(self.env)
        execute_query = environment.execute_query

        def record(env, query):
            executed.append(query)
            return execute_query(env, query)

        with self.on_an_agents_page(self.other_agent) as env:
            walk = self._get_plan(env["sale.order"]._search([], order=order, limit=1).select())
            with patch.object(environment, "execute_query", record):
                records, total = env["sale.order"]._search_portal_agent_page(Domain.TRUE, order, limit=1)
        self.assertRegex(walk, r"Index Scan\w* using sale_order_date_order_id_idx")
        self.assertNotIn("date_order_id_idx", self._get_plan(executed[-1]))
        self.assertEqual((len(records), total), (1, 10_001))

    def test_figures_are_read_from_the_index_alone(self):
        """In the table, ten thousand customers' documents lie on as many pages."""
        # While a table is small and new, before its first vacuum, PostgreSQL prefers the table itself, a bitmap of
        # it, or a smaller index by nothing but the contact.
        self.env.cr.execute(
            """
            SET LOCAL enable_seqscan = off;
            SET LOCAL enable_bitmapscan = off;
            DROP INDEX sale_order__partner_id_index;
            DROP INDEX account_move__partner_id_index;
            DROP INDEX res_partner__commercial_partner_id_index;
            """
        )
        with self.on_an_agents_page() as env:
            Dashboard, everybody = env["portal.agent.dashboard"], env["res.partner"]
            Order, Move, Partner = env["sale.order"], env["account.move"], env["res.partner"]
            queries = [
                ("sale_order_portal_agent_figures_idx", Dashboard._select_orders(everybody)),
                ("sale_order_portal_agent_figures_idx", Dashboard._select_orders(everybody, date(2026, 1, 1))),
                ("sale_order_portal_agent_figures_idx", Order._search(Order._get_portal_agent_order_domain()).select()),
                ("account_move_portal_agent_figures_idx", Dashboard._select_invoices(everybody)),
                ("account_move_portal_agent_figures_idx", Dashboard._select_invoices(everybody, date(2026, 1, 1))),
                (
                    "account_move_portal_agent_due_idx",
                    Dashboard._select_due(everybody, Move._get_portal_agent_due_domain()),
                ),
                (
                    "account_move_portal_agent_figures_idx",
                    Move._search(Move._get_portal_agent_invoice_domain()).select(),
                ),
                (
                    "res_partner_portal_agent_contacts_idx",
                    Order._search(Order._get_portal_agent_order_domain()).select(),
                ),
                ("res_partner_portal_agent_contacts_idx", Partner._search(Partner._get_portal_agent_domain()).select()),
                ("res_partner_portal_agent_archived_idx", Dashboard._select_orders(everybody)),
            ]
            plans = [(index, self._get_plan(query)) for index, query in queries]
        for index, plan in plans:
            self.assertRegex(plan, rf"Index Only Scan using {index}\b")

    def test_customers_who_owe_something_are_gathered_and_not_looked_up_one_by_one(self):
        with self.on_an_agents_page() as env:
            Partner, Dashboard = env["res.partner"], env["portal.agent.dashboard"]
            debtors = Dashboard._get_debtor_domain(env["account.move"]._get_portal_agent_due_domain())
            domain = Partner._get_portal_agent_domain() & debtors
            plan = self._get_plan(Partner._among_all_customers()._search(domain).select())
        self.assertIn("hashed SubPlan", plan)
        self.assertNotIn("Nested Loop", plan)

    def test_contacts_are_gathered_once_for_all_figures(self):
        with self.on_an_agents_page() as env:
            plan = self._get_plan(env["portal.agent.dashboard"]._get_documents_query(env["res.partner"], None))
        self.assertEqual(plan.count("on res_partner_portal_agent_rel agent"), 1, plan)
        self.assertEqual(plan.count("CTE Scan on contact"), 3, plan)

    def test_an_index_holds_the_columns_that_the_table_has(self):
        """An addon that brings one may be installed later: the index is made anew then."""
        index = CoveringIndex("name", ("id", "portal_agent_trial", "color"), condition="active")
        index.name = "portal_agent_trial_idx"
        Partner = self.env["res.partner"]
        index.apply_to_database(Partner)
        without, _comment = sql.index_definition(self.env.cr, "res_partner_portal_agent_trial_idx")
        self.env.cr.execute("ALTER TABLE res_partner ADD COLUMN portal_agent_trial integer")
        index.apply_to_database(Partner)
        with_column, _comment = sql.index_definition(self.env.cr, "res_partner_portal_agent_trial_idx")
        self.assertRegex(without, r"\(name\) INCLUDE \(id, color\) WHERE active")
        self.assertRegex(with_column, r"\(name\) INCLUDE \(id, portal_agent_trial, color\) WHERE active")

    def test_rules_joined_by_or_would_read_every_order(self):
        """The measure can fail: outside a page the rules are joined by OR, and the plan shows it."""
        with self._in_scope("combined", self.agent) as env:
            plan = self._get_plan(env["sale.order"]._search([]).select())
        self.assertRegex(plan, r"Seq Scan on sale_order\b")
