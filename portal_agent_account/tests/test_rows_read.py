import threading
from contextlib import contextmanager

from odoo.fields import Domain
from odoo.tests import tagged
from odoo.tools import SQL

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
        """Create ten thousand orders and invoices of two thousand customers that are not the agent's.

        Odoo creates one record of each kind, and the others are copies of its row: any module may add a column that
        must not be empty.
        """
        customer = cls._new_customer("Crowd", email=False, ref=False)
        cls._copy_row(customer, "generate_series(2, %s) AS number", CROWD)
        cls.env.cr.execute(
            """
            UPDATE res_partner SET commercial_partner_id = id WHERE name = 'Crowd';
            INSERT INTO res_partner_portal_agent_rel (partner_id, user_id)
                 SELECT id, %s FROM res_partner WHERE name = 'Crowd';
            """,
            [cls.other_agent.id],
        )
        cls._copy_documents(customer)
        cls.env.cr.execute(
            "ANALYZE res_partner, res_partner_portal_agent_rel, sale_order, account_move, account_move_line"
        )

    @classmethod
    def _copy_documents(cls, customer):
        """Create five orders and five overdue invoices of each customer of the crowd."""
        customers = """
            (SELECT id, number FROM res_partner, generate_series(1, %s) AS number WHERE name = 'Crowd') AS customer
        """
        per_customer = DOCUMENTS // CROWD
        partner = dict.fromkeys(("partner_id", "partner_shipping_id"), "customer.id")
        order = cls._new_order(customer, "Crowd", state="sale")
        date = "now() - customer.number * interval '1 day'"
        cls._copy_row(order, customers, per_customer, partner_invoice_id="customer.id", date_order=date, **partner)
        invoice = cls._new_invoice(customer, "Crowd")
        date = "current_date - customer.number"
        values = {"commercial_partner_id": "customer.id", "date": date, "invoice_date": date} | partner
        name = "'Crowd/' || customer.id || '/' || customer.number"
        cls._copy_row(invoice, customers, per_customer, name=name, **values)
        cls._copy_row(
            invoice.line_ids.filtered(lambda line: line.display_type == "payment_term"),
            "(SELECT * FROM account_move WHERE starts_with(name, %s)) AS move",
            "Crowd/",
            move_id="move.id",
            move_name="move.name",
            partner_id="move.partner_id",
            date="move.date",
            date_maturity="move.date - 1",
        )

    @classmethod
    def _copy_row(cls, record, source, parameter, **values):
        """Copy the row of a record once for each row of a source.

        :param record: record to copy
        :param str source: SQL of the source, with a placeholder
        :param parameter: value of the placeholder
        :param values: SQL of the columns that differ from the record's
        """
        cls.env.flush_all()
        cls.env.cr.execute(
            """
            SELECT column_name FROM information_schema.columns
             WHERE table_schema = current_schema AND table_name = %s AND column_name != 'id'
            """,
            [record.ensure_one()._table],
        )
        columns = [name for (name,) in cls.env.cr.fetchall()]
        cls.env.cr.execute(
            SQL(
                "INSERT INTO %s (%s) SELECT %s FROM %s AS original, %s WHERE original.id = %s",
                SQL.identifier(record._table),
                SQL(", ").join(SQL.identifier(name) for name in columns),
                SQL(", ").join(
                    SQL(values[name]) if name in values else SQL.identifier("original", name) for name in columns
                ),
                SQL.identifier(record._table),
                SQL(source, parameter),
                record.id,
            )
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
