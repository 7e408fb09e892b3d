"""The shop that everything is measured in: some customers with documents, made by the ORM and multiplied by Odoo's own
`populate`; then the agents.

By hand is only what `populate` does not copy (which invoice is which order's), and what a shop is like between two runs
of VACUUM.
"""

import itertools
from dataclasses import dataclass
from datetime import timedelta
from unittest.mock import patch

from odoo.fields import Command, Date, Datetime
from odoo.tools import SQL, populate

SEED = 19
NAME = "Bench"
BIG_AGENT, MIDDLE_AGENT, SMALL_AGENT = "bench-agent-big", "bench-agent-middle", "bench-agent-small"
CUSTOMER = "bench-customer"
BIG_AGENT_CUSTOMERS, MIDDLE_AGENT_CUSTOMERS, SMALL_AGENT_CUSTOMERS = 10_000, 1000, 100
# What is multiplied: customers with a contact each, 1 to 12 documents of a customer.
PROTOTYPES, DOCUMENTS = 20, 130
# The days over which the documents of a customer are spread, and those by which `populate` moves its copies on top. Its
# own are five years: an agent with some of the copies would have all documents in the same few weeks.
DAYS, DAYS_OF_COPIES = 3 * 365, 30
# Of a hundred orders. The invoices of all sales orders are posted; one in four is not paid.
STATES = ("sale",) * 80 + ("sent",) * 8 + ("draft",) * 6 + ("cancel",) * 6
CURRENCIES = ("USD",) * 8 + ("EUR", "GBP")
TABLES = ("res_partner", "sale_order", "sale_order_line", "account_move", "account_move_line")
RELATIONS = ("sale_order_line_invoice_rel", "res_partner_portal_agent_rel", "res_users")
# The part of a shop's rows that VACUUM has not seen.
NEWER = 0.05


@dataclass(frozen=True)
class Size:
    """How much there is of everything, by the number of orders.

    :param int orders: sales orders and quotations
    """

    orders: int

    @property
    def factor(self):
        return self.orders // DOCUMENTS

    @property
    def agents(self):
        return max(self.orders // 1000, 4)

    @property
    def customers(self):
        return PROTOTYPES * self.factor

    @property
    def big_agent_customers(self):
        return min(BIG_AGENT_CUSTOMERS, self.customers // 3)

    @property
    def big_agent_documents(self):
        return self.big_agent_customers * DOCUMENTS // PROTOTYPES

    @property
    def middle_agent_customers(self):
        return min(MIDDLE_AGENT_CUSTOMERS, self.customers // 10)

    def describe(self):
        """:return: how much that is, in words"""
        return (
            f"{self.orders:,} orders and the invoices of those that were confirmed, in three currencies and two"
            f" companies, {self.customers:,} customers with as many contacts, {self.agents:,} agents; the newest"
            " twentieth of the rows was written after the last VACUUM"
        )


def fill_shop(env, size):
    """Add customers and their documents to a shop that may be without the addons.

    :param env: the superuser's environment on a database with ``website_sale``
    :param Size size: how much
    """
    env = env(context={"tracking_disable": True, "mail_create_nolog": True, "mail_notrack": True})
    _make_prototypes(env)
    env.flush_all()
    last = {
        name: env[name].search([], order="id desc", limit=1).id for name in ("sale.order.line", "account.move.line")
    }
    models = [env[name] for name in ("res.partner", "sale.order", "account.move")]
    with patch.object(populate, "MIN_DATETIME", populate.MAX_DATETIME - timedelta(days=DAYS_OF_COPIES)):
        populate.populate_models(dict.fromkeys(models, size.factor), ord("_"))
    env.cr.execute(
        """
        INSERT INTO sale_order_line_invoice_rel (order_line_id, invoice_line_id)
             SELECT order_line_id + %s * n, invoice_line_id + %s * n
               FROM sale_order_line_invoice_rel, generate_series(1, %s) n
        """,
        [last["sale.order.line"], last["account.move.line"], size.factor],
    )
    env.invalidate_all()
    _make_portal_customer(env)
    vacuum(env, [*TABLES, "sale_order_line_invoice_rel"])


def fill_agents(env, size):
    """Add agents to a shop that :func:`fill_shop` has filled, and give them the customers.

    :param env: the superuser's environment on a database with both addons
    :param Size size: how much
    """
    known = [BIG_AGENT, MIDDLE_AGENT, SMALL_AGENT]
    logins = known + [f"bench-agent-{number}" for number in range(len(known) + 1, size.agents + 1)]
    agents = make_users(env, logins, ["base.group_portal", "portal_agent_account.group_portal_agent"])
    env.flush_all()
    env.cr.execute(
        """
        INSERT INTO res_partner_portal_agent_rel (partner_id, user_id)
             SELECT id, (%(agents)s)[CASE WHEN n <= %(big)s THEN 1 WHEN n <= %(big)s + %(middle)s THEN 2
                                          WHEN n <= %(big)s + %(middle)s + %(small)s THEN 3
                                          ELSE 4 + n %% (%(count)s - 3) END]
               FROM (SELECT id, row_number() OVER (ORDER BY id) AS n
                       FROM res_partner WHERE name LIKE %(name)s AND is_company) customer
        """,
        {
            "agents": agents.ids,
            "count": size.agents,
            "big": size.big_agent_customers,
            "middle": size.middle_agent_customers,
            "small": SMALL_AGENT_CUSTOMERS,
            "name": f"{NAME} 0%",
        },
    )
    vacuum(env, [*TABLES, *RELATIONS])
    for table in TABLES:
        newest = SQL("id > (SELECT max(id) * %s FROM %s)", 1 - NEWER, SQL.identifier(table))
        env.cr.execute(SQL("UPDATE %s SET write_date = write_date WHERE %s", SQL.identifier(table), newest))
    env.cr.commit()


def make_users(env, logins, groups, **values):
    """Make portal users of all companies.

    :param list[str] logins: their logins, which are their names too
    :param list[str] groups: XML ids of their groups
    :param values: more values of each
    :rtype: res.users
    """
    shared = {
        "group_ids": [Command.set([env.ref(group).id for group in groups])],
        "company_id": env.ref("base.main_company").id,
        "company_ids": [Command.set(env["res.company"].search([]).ids)],
        **values,
    }
    users = env["res.users"].with_context(no_reset_password=True, mail_create_nolog=True, tracking_disable=True)
    return users.create([{"name": login, "login": login, **shared} for login in logins])


def vacuum(env, tables):
    """Do now what PostgreSQL's autovacuum does sooner or later, and keep it from doing so again.

    :param env: the environment whose rows are committed first
    :param list[str] tables: the tables
    """
    env.cr.commit()
    with env.registry.cursor() as cr:
        cr._cnx.autocommit = True
        for table in tables:
            cr.execute(SQL("ALTER TABLE %s SET (autovacuum_enabled = off)", SQL.identifier(table)))
            cr.execute(SQL("VACUUM ANALYZE %s", SQL.identifier(table)))
        cr._cnx.autocommit = False


# ---- what is multiplied


def _make_prototypes(env):
    """Make customers with a contact each, and documents of two companies, of three currencies and of every state."""
    companies = _make_companies(env)
    product = env["product.product"].create(
        {"name": "Bench", "type": "service", "invoice_policy": "order", "taxes_id": [Command.clear()]}
    )
    partners = [_make_customer(env, f"{NAME} 00{number:02}") for number in range(PROTOTYPES)]
    # 1, 2, … 12 documents of a customer, and again
    owners = [owner for number, owner in enumerate(partners) for _document in range(1 + number % 12)]
    turns = zip(itertools.islice(itertools.cycle(owners), DOCUMENTS), itertools.cycle(STATES), itertools.count())
    orders = env["sale.order"]
    for owner, state, number in turns:
        company = companies[number % 10 == 9]
        order = _make_order(env, company, CURRENCIES[number // 10 % 10], owner[number % 2], product, 1 + number % 40)
        if state == "sale":
            order.action_confirm()
            orders += order
        else:
            order.state = state
        order.date_order = Datetime.now() - _get_age(number)
    for company in companies:
        invoices = orders.filtered(lambda order, company=company: order.company_id == company)._create_invoices(
            grouped=True
        )
        for number, invoice in enumerate(invoices):
            invoice.invoice_date = Date.today() - _get_age(number)
            invoice.invoice_date_due = invoice.invoice_date + timedelta(days=30)
        invoices.action_post()
        for number, invoice in enumerate(invoices):
            if number % 4:
                register = env["account.payment.register"].with_company(company)
                register.with_context(active_model="account.move", active_ids=invoice.ids).create({})._create_payments()


def _get_age(number):
    """:return: how old a document is: the same spread for each customer, whose documents follow each other"""
    return timedelta(days=number * 37 % DOCUMENTS * DAYS // DOCUMENTS)


def _make_companies(env):
    first = env.ref("base.main_company")
    second = env["res.company"].create({"name": "Bench Second Company", "currency_id": env.ref("base.EUR").id})
    env.user.company_ids |= second
    for company in first + second:
        if not env["account.journal"].search_count([("type", "=", "sale"), ("company_id", "=", company.id)]):
            env["account.chart.template"].try_loading("generic_coa", company, install_demo=False)
    currencies = env["res.currency"].with_context(active_test=False).search([("name", "in", CURRENCIES)])
    currencies.active = True
    for company, currency in itertools.product(first + second, currencies):
        if currency != company.currency_id:
            rate = {"currency_id": currency.id, "company_id": company.id, "name": "2000-01-01", "rate": 0.9}
            env["res.currency.rate"].create(rate)
        pricelist = {"name": f"Bench {currency.name}", "company_id": company.id, "currency_id": currency.id}
        env["product.pricelist"].create(pricelist)
    return first + second


def _make_customer(env, name):
    """:return: a company and its contact"""
    address = {"street": "Long Street 1", "zip": "9000", "city": "Ghent", "country_id": env.ref("base.be").id}
    email = f"{name.lower().replace(' ', '')}@example.com"
    company = env["res.partner"].create({"name": name, "is_company": True, "email": email, **address})
    contact = {"name": f"Contact of {name}", "parent_id": company.id, "email": f"contact.{email}"}
    return company + env["res.partner"].create(contact)


def _make_order(env, company, currency, partner, product, factor):
    pricelist = env["product.pricelist"].search(
        [("company_id", "=", company.id), ("currency_id.name", "=", currency)], limit=1
    )
    lines = [{"product_id": product.id, "product_uom_qty": factor, "price_unit": price} for price in (100, 20)]
    orders = env["sale.order"].with_company(company)
    return orders.create(
        {
            "partner_id": partner.id,
            "company_id": company.id,
            "pricelist_id": pricelist.id,
            "order_line": list(map(Command.create, lines)),
        }
    )


def _make_portal_customer(env):
    """Let one customer, nobody's, sign in, who has as many documents as the agent with a hundred customers."""
    company, _contact = _make_customer(env, "Portal Customer")
    make_users(env, [CUSTOMER], ["base.group_portal"], partner_id=company.id)
    env.flush_all()
    env.cr.execute(
        "SELECT id FROM res_partner WHERE name LIKE %s AND is_company ORDER BY id DESC LIMIT %s",
        [f"{NAME} 0%", SMALL_AGENT_CUSTOMERS],
    )
    owners = [row[0] for row in env.cr.fetchall()]
    for table, column in (
        ("sale_order_line", "order_partner_id"),
        ("sale_order", "partner_id"),
        ("account_move", "partner_id"),
        ("account_move_line", "partner_id"),
    ):
        env.cr.execute(
            SQL(
                "UPDATE %(table)s SET %(column)s = %(company)s"
                " WHERE %(column)s IN (SELECT id FROM res_partner WHERE commercial_partner_id = ANY(%(owners)s))",
                table=SQL.identifier(table),
                column=SQL.identifier(column),
                company=company.id,
                owners=owners,
            )
        )
    env.cr.execute(
        "UPDATE account_move SET commercial_partner_id = %(company)s WHERE partner_id = %(company)s",
        {"company": company.id},
    )
    env.cr.commit()
    env.invalidate_all()
