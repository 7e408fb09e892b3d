"""The shop that everything is measured in: agents, customers, orders and invoices, made by `INSERT … SELECT`.

Every row is a copy of one that Odoo made itself, with another customer, date and amount, and goes
through the same constraints, foreign keys and indexes. The same size gives the same data. Only what a
payment leaves behind is left out: a paid invoice is paid, but has no entry of the bank.
"""

import time
from dataclasses import dataclass

from odoo.fields import Command
from odoo.tools import SQL

SEED = 19
BATCH = 100_000
VACUUM_ATTEMPTS = 10
CURRENCIES = ("USD", "EUR", "GBP")
SMALL_AGENT_CUSTOMERS = 100
SMALL_AGENT_DOCUMENTS = 650
NAME = "Bench"
BIG_AGENT, SMALL_AGENT, CUSTOMER = "bench-agent-big", "bench-agent-small", "bench-customer"

# What is multiplied to make one document's amount differ from the next one's.
AMOUNTS = {
    "sale_order": {"amount_untaxed", "amount_total"},
    "sale_order_line": {
        "product_uom_qty",
        "qty_invoiced",
        "qty_to_invoice",
        "price_subtotal",
        "price_total",
        "untaxed_amount_invoiced",
        "untaxed_amount_to_invoice",
    },
    "account_move": {
        f"amount_{kind}{suffix}"
        for kind in ("untaxed", "total", "residual")
        for suffix in ("", "_signed", "_in_currency_signed")
    },
    "account_move_line": {
        "debit",
        "credit",
        "balance",
        "amount_currency",
        "amount_residual",
        "amount_residual_currency",
        "quantity",
        "price_subtotal",
        "price_total",
    },
}


@dataclass(frozen=True)
class Size:
    """How much there is of everything, by the number of orders.

    :param int orders: sales orders and quotations, and as many invoices
    """

    orders: int

    @property
    def agents(self):
        return max(self.orders // 1000, 3)

    @property
    def customers(self):
        """Companies with a contact each; the last one is a portal user that is nobody's customer."""
        return self.orders // 10 + 1

    @property
    def big_agent_customers(self):
        return self.orders // 100

    @property
    def big_agent_documents(self):
        return self.orders * 6 // 100


def fill_shop(env, size, say=print):
    """Add customers and their documents to a shop that may be without the addons.

    :param env: the superuser's environment on a database with ``website_sale``
    :param Size size: how much
    :param say: called with each step
    """
    maker = Maker(env, size, say)
    maker.make_companies()
    maker.copy_customers()
    maker.choose_documents()
    maker.copy_documents()
    maker.make_portal_customer()
    maker.finish()


def fill_agents(env, size, say=print):
    """Add agents to a shop that :func:`fill_shop` has filled, and give them the customers.

    :param env: the superuser's environment on a database with both addons
    :param Size size: how much
    :param say: called with each step
    """
    say(f"{size.agents:,} agents")
    agents = make_users(
        env,
        [BIG_AGENT, SMALL_AGENT, *(f"bench-agent-{number}" for number in range(3, size.agents + 1))],
        ["base.group_portal", "portal_agent_account.group_portal_agent"],
    )
    env.flush_all()
    env.cr.execute(
        """
        INSERT INTO res_partner_portal_agent_rel (partner_id, user_id)
             SELECT customer.id, (%(agents)s)[CASE WHEN customer.n <= %(big)s THEN 1
                                                   WHEN customer.n <= %(big)s + %(small)s THEN 2
                                                   ELSE 3 + customer.n %% (%(count)s - 2) END]
               FROM (SELECT id, row_number() OVER (ORDER BY id) AS n
                       FROM res_partner WHERE name LIKE %(name)s AND is_company) AS customer
              WHERE customer.n < %(customers)s
        """,
        {
            "agents": agents.ids,
            "count": size.agents,
            "big": size.big_agent_customers,
            "small": SMALL_AGENT_CUSTOMERS,
            "customers": size.customers,
            "name": f"{NAME} %",
        },
    )
    env.cr.commit()
    vacuum(env, ["res_partner_portal_agent_rel", "res_users", "res_partner"])


def make_users(env, logins, groups, **values):
    """Make portal users of all companies.

    :param list[str] logins: their logins, which are their names too
    :param list[str] groups: XML ids of their groups
    :param values: more values of each
    :rtype: res.users
    """
    companies = env["res.company"].search([])
    return (
        env["res.users"]
        .with_context(no_reset_password=True, mail_create_nolog=True, tracking_disable=True)
        .create(
            [
                {
                    "name": login,
                    "login": login,
                    "group_ids": [Command.set([env.ref(group).id for group in groups])],
                    "company_id": env.ref("base.main_company").id,
                    "company_ids": [Command.set(companies.ids)],
                    **values,
                }
                for login in logins
            ]
        )
    )


def vacuum(env, tables):
    """Do now what PostgreSQL's autovacuum does sooner or later: statistics, and the visibility map.

    A page whose rows are not visible to everybody yet is left out of that map, and then each row that an index has
    found is looked up in its table, however much the index holds. In a shop this is so for what was just written.

    :param env: the environment whose rows are committed first
    :param list[str] tables: the tables
    :raise RuntimeError: something that runs beside this keeps their pages from being visible to everybody
    """
    env.cr.commit()
    with env.registry.cursor() as cr:
        cr._cnx.autocommit = True
        try:
            for _attempt in range(VACUUM_ATTEMPTS):
                cr.execute(SQL("VACUUM ANALYZE %s", SQL(", ").join(map(SQL.identifier, tables))))
                cr.execute(
                    """
                    SELECT relname FROM pg_class
                     WHERE oid = ANY(%s::regclass[]) AND relpages >= 100 AND relallvisible < 0.9 * relpages
                    """,
                    [tables],
                )
                if not (hidden := [name for (name,) in cr.fetchall()]):
                    return
                time.sleep(1)
        finally:
            cr._cnx.autocommit = False
    raise RuntimeError(f"Pages are not visible to everybody after a VACUUM: {', '.join(hidden)}")


class Maker:
    """The steps of :func:`fill_shop`.

    :param env: the superuser's environment
    :param Size size: how much
    :param say: called with each step
    """

    def __init__(self, env, size, say):
        self.env = env(context={"tracking_disable": True, "mail_create_nolog": True, "mail_notrack": True})
        self.cr = env.cr
        self.size = size
        self.say = say

    def make_companies(self):
        """Make a second company and three currencies."""
        env = self.env
        first = env.ref("base.main_company")
        second = env["res.company"].create({"name": "Bench Second Company", "currency_id": env.ref("base.EUR").id})
        env.user.company_ids |= second
        for company in first + second:
            sales_journals = [("type", "=", "sale"), ("company_id", "=", company.id)]
            if not env["account.journal"].search_count(sales_journals):
                env["account.chart.template"].try_loading("generic_coa", company, install_demo=False)
        self.companies = first + second
        currencies = env["res.currency"].with_context(active_test=False)
        self.currencies = currencies.search([("name", "in", CURRENCIES)], order="id")
        self.currencies.active = True
        env["res.currency.rate"].create(
            [
                {"currency_id": currency.id, "company_id": company.id, "name": "2000-01-01", "rate": rate}
                for company in self.companies
                for currency, rate in zip(self.currencies, (1, 0.9, 0.8), strict=True)
                if currency != company.currency_id
            ]
        )
        self.product = env["product.product"].create(
            {
                "name": "Bench Consulting",
                "type": "service",
                "invoice_policy": "order",
                "list_price": 100,
                "taxes_id": [Command.clear()],
            }
        )

    # ---- customers

    def copy_customers(self):
        """Make the companies, then a contact of each."""
        self.say(f"{self.size.customers:,} customers with a contact each")
        company = self.env["res.partner"].create(self._prepare_customer(is_company=True))
        contact = self.env["res.partner"].create(self._prepare_customer(parent_id=company.id))
        self.env.flush_all()
        count = self.size.customers
        self.first_customer = self._reserve("res_partner", count)
        self.first_contact = self._reserve("res_partner", count)
        number = "lpad(n::text, 7, '0')"
        name, contact_name = f"'{NAME} ' || {number}", f"'Contact ' || {number}"
        self._copy_customers(
            company,
            id=f"{self.first_customer} + n - 1",
            name=name,
            complete_name=name,
            commercial_company_name=name,
            commercial_partner_id=f"{self.first_customer} + n - 1",
            ref=f"'REF' || {number}",
            email=f"'info@bench' || {number} || '.example.com'",
            email_normalized=f"'info@bench' || {number} || '.example.com'",
        )
        self._copy_customers(
            contact,
            id=f"{self.first_contact} + n - 1",
            name=contact_name,
            complete_name=f"{name} || ', ' || {contact_name}",
            commercial_company_name=name,
            commercial_partner_id=f"{self.first_customer} + n - 1",
            parent_id=f"{self.first_customer} + n - 1",
            email=f"'contact@bench' || {number} || '.example.com'",
            email_normalized=f"'contact@bench' || {number} || '.example.com'",
        )

    def _prepare_customer(self, **values):
        return {
            "name": "Prototype",
            "email": "prototype@example.com",
            "phone": "+32 2 290 34 90",
            "street": "Long Street 1",
            "zip": "9000",
            "city": "Ghent",
            "country_id": self.env.ref("base.be").id,
            **values,
        }

    def _copy_customers(self, prototype, **changes):
        self._insert(
            "res_partner",
            "res_partner AS proto CROSS JOIN generate_series(%(start)s, %(end)s) AS n",
            f"proto.id = {prototype.id}",
            changes,
            self.size.customers,
        )

    # ---- documents

    def choose_documents(self):
        """Decide whose each order and invoice is, of which day, and which one it is a copy of."""
        kinds = self._make_prototypes()
        size = self.size
        self.first_order = self._reserve("sale_order", size.orders)
        self.first_invoice = self._reserve("account_move", size.orders)
        self.cr.execute(
            """
            CREATE TEMPORARY TABLE bench_kind (company int, currency int, state text, paid bool, order_id int,
                                               invoice_id int);
            """
        )
        self.cr.execute_values("INSERT INTO bench_kind VALUES %s", kinds)
        self.cr.execute(
            """
            CREATE TEMPORARY TABLE bench_document AS
            WITH slot AS (
                SELECT n, (n * 7919::bigint + %(seed)s) %% %(orders)s AS slot,
                       hashint8extended(n, %(seed)s) & 2147483647 AS dice,
                       hashint8extended(n, %(seed)s + 1) & 2147483647 AS other_dice
                  FROM generate_series(1, %(orders)s) AS n
            ), customer AS (
                SELECT *, CASE WHEN slot < %(big_documents)s THEN 1 + slot %% %(big)s
                               WHEN slot < %(big_documents)s + %(documents)s THEN 1 + %(big)s + slot %% %(small)s
                               WHEN slot < %(big_documents)s + 2 * %(documents)s THEN %(customers)s
                               ELSE 1 + %(big)s + %(small)s + slot %% (%(customers)s - 1 - %(big)s - %(small)s)
                          END AS customer
                  FROM slot
            )
            SELECT n, %(first_order)s + n - 1 AS order_id, %(first_invoice)s + n - 1 AS invoice_id,
                   %(first_customer)s + customer - 1 AS commercial_id,
                   CASE WHEN dice %% 2 = 0 THEN %(first_customer)s ELSE %(first_contact)s END + customer - 1
                        AS partner_id,
                   current_date - (dice / 2 %% 1000)::int AS day, 1 + other_dice %% 40 AS factor,
                   kind.order_id AS order_proto, kind.invoice_id AS invoice_proto, kind.state
              FROM customer
              JOIN bench_kind AS kind
                ON kind.company = CASE WHEN other_dice / 40 %% 10 = 0 THEN 1 ELSE 0 END
               AND kind.currency = CASE other_dice / 400 %% 10 WHEN 0 THEN 1 WHEN 1 THEN 2 ELSE 0 END
               AND kind.paid = (other_dice / 4000 %% 4 <> 0)
               AND kind.state = CASE WHEN dice / 2000 %% 100 < 80 THEN 'sale' WHEN dice / 2000 %% 100 < 88 THEN 'sent'
                                     WHEN dice / 2000 %% 100 < 94 THEN 'draft' ELSE 'cancel' END;
            CREATE UNIQUE INDEX ON bench_document (n);
            ANALYZE bench_document;
            """,
            {
                "seed": SEED,
                "orders": size.orders,
                "big": size.big_agent_customers,
                "big_documents": size.big_agent_documents,
                "small": SMALL_AGENT_CUSTOMERS,
                "documents": SMALL_AGENT_DOCUMENTS,
                "customers": size.customers,
                "first_order": self.first_order,
                "first_invoice": self.first_invoice,
                "first_customer": self.first_customer,
                "first_contact": self.first_contact,
            },
        )

    def _make_prototypes(self):
        """Let Odoo make one document of each kind: company, currency, state, paid or not.

        :return: rows of ``bench_kind``
        :rtype: list[tuple]
        """
        partner = self.env["res.partner"].create(self._prepare_customer(is_company=True))
        kinds = []
        for company_number, company in enumerate(self.companies):
            for currency_number, currency in enumerate(self.currencies):
                orders = {state: self._make_order(company, currency, partner, state) for state in ("sent", "draft")}
                orders["cancel"] = self._make_order(company, currency, partner, "cancel")
                for paid in (False, True):
                    orders["sale"] = self._make_order(company, currency, partner, "sale")
                    invoice = self._make_invoice(orders["sale"], paid)
                    kinds += [
                        (company_number, currency_number, state, paid, order.id, invoice.id)
                        for state, order in orders.items()
                    ]
        self.env.flush_all()
        return kinds

    def _make_order(self, company, currency, partner, state):
        pricelist = self.env["product.pricelist"].search(
            [("company_id", "=", company.id), ("currency_id", "=", currency.id)], limit=1
        ) or self.env["product.pricelist"].create(
            {"name": f"Bench {currency.name}", "company_id": company.id, "currency_id": currency.id}
        )
        order = (
            self.env["sale.order"]
            .with_company(company)
            .create(
                {
                    "partner_id": partner.id,
                    "company_id": company.id,
                    "pricelist_id": pricelist.id,
                    "order_line": [
                        Command.create({"product_id": self.product.id, "product_uom_qty": 1, "price_unit": price})
                        for price in (100, 20)
                    ],
                }
            )
        )
        if state == "sale":
            order.action_confirm()
        else:
            order.state = state
        return order

    def _make_invoice(self, order, paid):
        invoice = order._create_invoices()
        invoice.invoice_date_due = invoice.invoice_date
        invoice.action_post()
        if paid:
            register = self.env["account.payment.register"].with_company(order.company_id)
            register.with_context(active_model="account.move", active_ids=invoice.ids).create({})._create_payments()
        return invoice

    def copy_documents(self):
        """Make the orders and invoices with their lines, and link them."""
        documents = "bench_document AS doc JOIN {table} AS proto ON proto.{key} = doc.{proto}"
        window = "doc.n BETWEEN %(start)s AND %(end)s"
        count = self.size.orders
        customer = {"partner_id": "doc.partner_id", "create_date": "doc.day", "write_date": "doc.day"}
        self.say(f"{count:,} orders")
        self._insert(
            "sale_order",
            documents.format(table="sale_order", key="id", proto="order_proto"),
            window,
            customer
            | {
                "id": "doc.order_id",
                "name": "'B' || lpad(doc.n::text, 7, '0')",
                "partner_invoice_id": "doc.partner_id",
                "partner_shipping_id": "doc.partner_id",
                "date_order": "doc.day + time '10:00'",
                "validity_date": "doc.day + 30",
                "client_order_ref": "'PO' || doc.n",
                "access_token": "md5('order' || doc.n)",
            },
            count,
        )
        self._insert(
            "sale_order_line",
            documents.format(table="sale_order_line", key="order_id", proto="order_proto"),
            window,
            {
                "order_id": "doc.order_id",
                "order_partner_id": "doc.partner_id",
                "create_date": "doc.day",
                "write_date": "doc.day",
            },
            count,
        )
        self.say(f"{count:,} invoices")
        number = "'INV/' || extract(year FROM doc.day) || '/B' || lpad(doc.n::text, 7, '0')"
        self._insert(
            "account_move",
            documents.format(table="account_move", key="id", proto="invoice_proto"),
            window,
            customer
            | {
                "id": "doc.invoice_id",
                "name": number,
                "sequence_prefix": "'INV/' || extract(year FROM doc.day) || '/B'",
                "sequence_number": "doc.n",
                "commercial_partner_id": "doc.commercial_id",
                "partner_shipping_id": "doc.partner_id",
                "date": "doc.day",
                "invoice_date": "doc.day",
                "invoice_date_due": "doc.day + 30",
                "payment_reference": number,
                "invoice_origin": "CASE WHEN doc.state = 'sale' THEN 'B' || lpad(doc.n::text, 7, '0') END",
                "access_token": "md5('invoice' || doc.n)",
            },
            count,
        )
        self._insert(
            "account_move_line",
            documents.format(table="account_move_line", key="move_id", proto="invoice_proto"),
            window,
            {
                "move_id": "doc.invoice_id",
                "move_name": number,
                "partner_id": "doc.partner_id",
                "date": "doc.day",
                "invoice_date": "doc.day",
                "date_maturity": "CASE WHEN proto.date_maturity IS NOT NULL THEN doc.day + 30 END",
                "full_reconcile_id": "NULL",
                "create_date": "doc.day",
                "write_date": "doc.day",
            },
            count,
        )
        self.say("links between orders and invoices")
        self.cr.execute(
            """
            INSERT INTO sale_order_line_invoice_rel (order_line_id, invoice_line_id)
                 SELECT sol.id, aml.id
                   FROM bench_document AS doc
                   JOIN sale_order_line AS sol ON sol.order_id = doc.order_id
                   JOIN account_move_line AS aml
                     ON aml.move_id = doc.invoice_id
                    AND aml.display_type = 'product' AND aml.price_unit = sol.price_unit
                  WHERE doc.state = 'sale'
            """
        )

    def make_portal_customer(self):
        """Let one customer log in: it has as many documents as the agent with a hundred customers."""
        partner_id = self.first_customer + self.size.customers - 1
        make_users(self.env, [CUSTOMER], ["base.group_portal"], partner_id=partner_id, name="Bench Portal Customer")
        self.env.flush_all()

    def finish(self):
        """Commit and refresh PostgreSQL's statistics."""
        self.env.cr.commit()
        self.env.invalidate_all()
        vacuum(
            self.env,
            ["res_partner", "sale_order", "sale_order_line", "account_move", "account_move_line"]
            + ["sale_order_line_invoice_rel", "res_users"],
        )

    # ---- copying rows

    def _reserve(self, table, count):
        """Take ids out of a table's sequence.

        :return: the first one
        :rtype: int
        """
        self.cr.execute("SELECT nextval(%s)", [f"{table}_id_seq"])
        first = self.cr.fetchone()[0]
        self.cr.execute("SELECT setval(%s, %s)", [f"{table}_id_seq", first + count])
        return first

    def _insert(self, table, source, condition, changes, count):
        """Copy rows of a table, batch after batch.

        :param str table: the table
        :param str source: what stands behind FROM; ``proto`` is the row to copy
        :param str condition: what stands behind WHERE
        :param dict changes: SQL expressions by column; columns that the table doesn't have are left out
        :param int count: how many documents or customers there are
        """
        self.cr.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s", [table])
        columns = [name for (name,) in self.cr.fetchall() if name != "id" or "id" in changes]
        amounts = AMOUNTS.get(table, ())
        values = [
            changes.get(name) or (f'proto."{name}" * doc.factor' if name in amounts else f'proto."{name}"')
            for name in columns
        ]
        statement = "INSERT INTO {} ({}) SELECT {} FROM {} WHERE {}".format(
            table, ", ".join(f'"{name}"' for name in columns), ", ".join(values), source, condition
        )
        for start in range(1, count + 1, BATCH):
            # Foreign keys are checked by plans that this session made when the tables were empty, and which
            # read them from end to end: hours instead of minutes.
            self.cr.execute("DISCARD PLANS")
            self.cr.execute(statement, {"start": start, "end": min(start + BATCH - 1, count)})


def check_sample(env, size, count=40):
    """Read some of the documents through the ORM and compare what Odoo computes with what is stored.

    :param env: the superuser's environment on the finished database; what is computed is rolled back
    :param Size size: how much was made
    :param int count: how many documents of each kind
    :raise AssertionError: where something is not what Odoo would have made
    """
    step = max(size.orders // count, 1)
    names = [f"B{number:07}" for number in range(1, size.orders + 1, step)]
    orders = env["sale.order"].search([("name", "in", names)])
    invoices = env["account.move"].search([("payment_reference", "like", "/B%"), ("invoice_origin", "in", names)])
    assert len(orders) == len(names) and invoices, "documents are missing"
    _check_recomputed(orders, ["amount_untaxed", "amount_total", "currency_id", "currency_rate"])
    _check_recomputed(orders.order_line, ["price_subtotal", "price_total", "order_partner_id", "state"])
    _check_recomputed(invoices.partner_id, ["commercial_partner_id", "complete_name", "email_normalized"])
    _check_recomputed(invoices, ["amount_untaxed", "amount_total", "amount_total_signed", "commercial_partner_id"])
    for invoice in invoices:
        assert not invoice.company_currency_id.round(sum(invoice.line_ids.mapped("balance"))), invoice.name
        assert invoice.line_ids.sale_line_ids.order_id.name == invoice.invoice_origin, invoice.name
    env.cr.rollback()
    env.invalidate_all()


def _check_recomputed(records, names):
    for name in names:
        field = records._fields[name]
        before = records.mapped(lambda record, name=name: (record.id, record[name]))
        records.env.add_to_compute(field, records)
        after = records.mapped(lambda record, name=name: (record.id, record[name]))
        wrong = [(old, new) for old, new in zip(before, after, strict=True) if not _is_same(field, old[1], new[1])]
        assert not wrong, f"{field}: stored, computed: {wrong[:3]}"


def _is_same(field, stored, computed):
    return abs(stored - computed) < 0.01 if field.type in ("float", "monetary") else stored == computed
