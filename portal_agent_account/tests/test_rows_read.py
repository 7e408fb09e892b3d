import threading
from contextlib import contextmanager

from odoo.fields import Domain
from odoo.tests import tagged

from .common import PortalAgentCommon

TABLES = ("res_partner", "sale_order", "account_move", "account_move_line")
CROWD = 2_000
DOCUMENTS = 5 * CROWD


@tagged("post_install", "-at_install", "once")
class TestRowsRead(PortalAgentCommon):
    """The number of rows that PostgreSQL reads for an agent depends on the agent's records, not on the database."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._fill_tables()

    @classmethod
    def _fill_tables(cls):
        """Create ten thousand orders and invoices of two thousand customers that are not the agent's."""
        cls.env.cr.execute(
            """
            INSERT INTO res_partner (name, complete_name, active, is_company, type, partner_share, autopost_bills)
                 SELECT 'Crowd', 'Crowd', TRUE, TRUE, 'contact', TRUE, 'ask' FROM generate_series(1, %(crowd)s);
            UPDATE res_partner SET commercial_partner_id = id WHERE name = 'Crowd';
            INSERT INTO res_partner_portal_agent_rel (partner_id, user_id)
                 SELECT id, %(other_agent)s FROM res_partner WHERE name = 'Crowd';
            INSERT INTO sale_order (name, partner_id, partner_invoice_id, partner_shipping_id, company_id, currency_id,
                                    state, date_order)
                 SELECT 'Crowd', id, id, id, %(company)s, %(currency)s, 'sale', now() - g * interval '1 day'
                   FROM res_partner, generate_series(1, 5) AS g WHERE name = 'Crowd';
            INSERT INTO account_move (name, journal_id, partner_id, commercial_partner_id, company_id, currency_id,
                                      state, move_type, payment_state, auto_post, date, invoice_date, amount_residual)
                 SELECT 'Crowd/' || id || '/' || g, %(journal)s, id, id, %(company)s, %(currency)s,
                        'posted', 'out_invoice', 'not_paid', 'no', current_date - g, current_date - g, 100
                   FROM res_partner, generate_series(1, 5) AS g WHERE name = 'Crowd';
            INSERT INTO account_move_line (move_id, journal_id, account_id, partner_id, company_id, currency_id, date,
                                           date_maturity, parent_state, display_type, amount_residual, reconciled)
                 SELECT id, journal_id, %(account)s, partner_id, company_id, currency_id, date,
                        date - 1, 'posted', 'payment_term', 100, FALSE
                   FROM account_move WHERE name LIKE 'Crowd/%%';
            ANALYZE res_partner, res_partner_portal_agent_rel, sale_order, account_move, account_move_line;
            """,
            {
                "crowd": CROWD,
                "other_agent": cls.other_agent.id,
                "company": cls.company.id,
                "currency": cls.company.currency_id.id,
                "journal": cls.invoice.journal_id.id,
                "account": cls.invoice.line_ids.account_id.filtered(
                    lambda account: account.account_type == "asset_receivable"
                ).id,
            },
        )

    @contextmanager
    def _recording(self):
        """Return the list that collects the queries of the code block."""
        thread, queries = threading.current_thread(), []
        before = getattr(thread, "query_hooks", ())
        thread.query_hooks = [
            *before,
            lambda cr, _query, _params, _start, _delay: queries.append(cr._obj.query.decode()),
        ]
        try:
            yield queries
        finally:
            thread.query_hooks = before

    def _count_rows(self, action, user=None):
        """Return the number of rows that PostgreSQL reads per table for an operation of an agent's page.

        :param action: function of the environment of the page
        :param user: user of the page; the first agent by default
        :rtype: dict
        """
        with self.on_an_agents_page(user) as env, self._recording() as queries:
            action(env)
        rows = dict.fromkeys(TABLES, 0)
        for query in queries:
            if query.lstrip().startswith("SELECT"):
                self.env.cr.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + query.replace("%", "%%"), [])
                self._add_rows(rows, self.env.cr.fetchone()[0][0]["Plan"])
        self.assertTrue(any(rows.values()), "nothing was read")
        return rows

    def _add_rows(self, rows, plan):
        table = plan.get("Relation Name")
        if table in rows:
            removed = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
            rows[table] += (plan["Actual Rows"] + removed) * plan["Actual Loops"]
        for part in plan.get("Plans", ()):
            self._add_rows(rows, part)

    def _assert_reads_the_agents_own(self, action):
        for table, rows in self._count_rows(action).items():
            self.assertLess(rows, CROWD / 4, table)

    def test_lists_read_no_other_records(self):
        for model, order in (
            ("res.partner", "complete_name"),
            ("sale.order", "date_order desc, id desc"),
            ("account.move", "invoice_date desc, id desc"),
        ):
            with self.subTest(model=model):
                self._assert_reads_the_agents_own(
                    lambda env, model=model, order=order: env[model]._search_portal_agent_page(Domain.TRUE, order, 80)
                )

    def test_agent_of_every_fifteenth_customer_reads_no_other_contacts(self):
        self.env.cr.execute(
            """
            INSERT INTO res_partner_portal_agent_rel (partner_id, user_id)
                 SELECT id, %s FROM res_partner WHERE name = 'Crowd' AND id %% 15 = 0;
            ANALYZE res_partner_portal_agent_rel;
            """,
            [self.agent.id],
        )
        for model in ("res.partner", "sale.order", "account.move"):
            with self.subTest(model=model):
                rows = self._count_rows(lambda env, model=model: env[model].search_count([]))
                self.assertLess(rows["res_partner"], CROWD / 2)
                self.assertGreaterEqual(rows["res_partner"], CROWD // 15, "the measure can fail")

    def test_counts_read_no_other_records(self):
        for model in ("res.partner", "sale.order", "account.move"):
            with self.subTest(model=model):
                self._assert_reads_the_agents_own(lambda env, model=model: env[model].search_count([]))

    def test_dashboard_reads_no_other_documents(self):
        self._assert_reads_the_agents_own(lambda env: env["portal.agent.dashboard"]._get_summary(env["res.partner"]))

    def test_figures_of_customers_read_no_other_documents(self):
        for action in (
            lambda env: env["res.partner"]._read_portal_agent_balances(),
            lambda env: env["res.partner"]._read_portal_agent_last_orders(),
            lambda env: env["res.partner"].search(env["res.partner"]._get_portal_agent_debtor_domain("overdue")),
            lambda env: env["res.partner"].search([], order="portal_agent_overdue desc"),
            lambda env: env["account.move"].search(env["account.move"]._get_portal_agent_overdue_domain()),
        ):
            self._assert_reads_the_agents_own(action)

    def test_one_order_of_many_is_found_by_its_id(self):
        self._assert_reads_the_agents_own(lambda env: env["sale.order"]._find_for_portal_agent(self.order.id))

    def test_page_of_an_agent_with_all_customers_reads_each_document_once(self):
        rows = self._count_rows(
            lambda env: env["sale.order"]._search_portal_agent_page(Domain.TRUE, "date_order desc, id desc", 1),
            self.other_agent,
        )
        self.assertLess(rows["sale_order"], 2 * DOCUMENTS)
        self.assertGreaterEqual(rows["sale_order"], DOCUMENTS, "the measure can fail")
