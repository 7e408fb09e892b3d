"""The measures: each compares something of the addons with stock Odoo, and gives rows of the table."""

import itertools
import random
import statistics
from unittest.mock import patch

from odoo.fields import Command

from odoo.addons.portal_agent_account.models import agent_scope

from benchmarks import data
from benchmarks.measuring import Visitor, read_work, take
from benchmarks.pairs import compare
from benchmarks.report import Row
from devtools.mail import MailCatcher

SLOW_SMTP = 2
MANY = 100
# The dashboard about the documents of all years.
ALL_TIME = "/my/agent?period=all"
# How much of what stock `/my/orders` takes an agent's page may take, by the number of the agent's customers.
LIMITS = {data.SMALL_AGENT: 1.0, data.MIDDLE_AGENT: 2.0, data.BIG_AGENT: 6.0}
# How much more often something is measured whose mark is near to what it takes: noise would decide otherwise.
CLOSE = 4
# How many orders are confirmed at once, and how much more often that is measured: the fewer, the less lies between
# what one query more takes and the mark.
CONFIRMATIONS = {1: 20, 10: 20, MANY: 5}


def show_ms(taken):
    """:return: the time of a :class:`Taken`, as it stands in the table"""
    return f"{taken.ms:.1f} ms" if taken.ms < 1000 else f"{taken.ms / 1000:.2f} s"


def make_row(name, limit, comparison, work=None, cold=None, extra_queries=None):
    """Make a row out of a comparison.

    :param str name: what was measured
    :param limit: the ratio that is the mark; ``None`` where there is none
    :param Comparison comparison: the times and queries
    :param work: what PostgreSQL did for ours and for the other
    :param cold: a :class:`Taken` of ours and of the other
    :param int extra_queries: how many queries ours may take more, where that is part of the mark
    :rtype: Row
    """
    ours, other = comparison.ours, comparison.other
    mark = "" if limit is None else f"≤ {limit}"
    met = None if limit is None else comparison.ratio <= limit
    if extra_queries is not None:
        mark += ", no more queries" if not extra_queries else f", ≤ {extra_queries} more queries"
        met = met and ours.queries <= other.queries + extra_queries
    return Row(
        name=name,
        mark=mark,
        result=f"{comparison.ratio:.2f}",
        met=met,
        ours=show_ms(ours),
        other=show_ms(other),
        queries=f"{ours.queries} / {other.queries}",
        rows=" / ".join(f"{one.rows:,}" for one in work or ()),
        cold=" / ".join(map(show_ms, cold or ())),
    )


# ---- sale_auto_portal_user


class Shop:
    """Orders and their customers, made and confirmed with the addon or as if it were not there.

    :param env: the superuser's environment
    """

    def __init__(self, env):
        self.env = env(context={**env.context, "tracking_disable": True})
        # above all that another run has used in this database
        self._numbers = itertools.count(self.env["res.partner"].search([], order="id desc", limit=1).id)
        self._regulars = self.env["res.partner"]
        self.product = self.env["product.product"].create(
            {"name": "Bench", "type": "service", "taxes_id": [Command.clear()]}
        )

    def make_partners(self, count):
        """Make contacts with an address each."""
        names = [f"shopper{number}" for number in itertools.islice(self._numbers, count)]
        return self.env["res.partner"].create([{"name": name, "email": f"{name}@example.com"} for name in names])

    def make_orders(self, partners):
        """Make a quotation of each contact."""
        lines = [Command.create({"product_id": self.product.id})]
        return self.env["sale.order"].create([{"partner_id": partner.id, "order_line": lines} for partner in partners])

    def get_regulars(self, count):
        """Return contacts with accounts, the same ones every time."""
        if missing := max(count - len(self._regulars), 0):
            partners = self.make_partners(missing)
            groups = [Command.set(self.env.ref("base.group_portal").ids)]
            self.env["res.users"].with_context(no_reset_password=True).create(
                [{"partner_id": partner.id, "login": partner.email, "group_ids": groups} for partner in partners]
            )
            self._regulars += partners
        return self._regulars[:count]

    def confirm(self, count, with_account, with_addon=True):
        """Confirm orders.

        :rtype: Taken
        """
        orders = self.make_orders(self.get_regulars(count) if with_account else self.make_partners(count))
        if with_addon:
            return take(orders.action_confirm, self.env)
        with patch.object(type(orders), "_create_portal_accounts_on_confirmation", lambda orders: None):
            return take(orders.action_confirm, self.env)

    def grant_by_wizard(self):
        """Grant one contact portal access, as Odoo does.

        :rtype: Taken
        """
        wizard = self.env["portal.wizard"].with_context(active_ids=self.make_partners(1).ids).create({})
        return take(wizard.user_ids.action_grant_access, self.env)


def measure_confirmations(env, repeats):
    """Confirm orders with the addon and without it.

    :param env: on the database with all data
    :param int repeats: how often the quickest is measured
    """
    shop = Shop(env)
    for count in CONFIRMATIONS:
        comparison = compare(
            lambda count=count: shop.confirm(count, True),
            lambda count=count: shop.confirm(count, True, with_addon=False),
            repeats * CONFIRMATIONS[count],
        )
        orders = "1 order" if count == 1 else f"{count} orders"
        name = f"`action_confirm` of {orders} whose customers have accounts: with the addon / without"
        yield make_row(name, 1.05, comparison, extra_queries=2)
    for count, limit, mark in ((MANY, 1 / 8, "1/8"), (1, 1 / 2, "1/2")):
        yield _measure_account(shop, count, limit, mark, repeats if count == 1 else 5)
    yield _measure_slow_smtp(shop, repeats * CLOSE)


def _measure_account(shop, count, limit, mark, repeats):
    costs, wizards = [], []
    for repeat in range(repeats + 1):
        with_addon, without = shop.confirm(count, False), shop.confirm(count, False, with_addon=False)
        wizard = shop.grant_by_wizard()
        if repeat:
            costs.append(((with_addon.ms - without.ms) / count, (with_addon.queries - without.queries) / count))
            wizards.append((wizard.ms, wizard.queries))
    cost, wizard = (list(map(statistics.median, zip(*values, strict=True))) for values in (costs, wizards))
    ratio = cost[0] / wizard[0]
    orders = "1 order, 1 new customer" if count == 1 else f"{count} orders, {count} new customers"
    return Row(
        name=f"{orders}: an account / Odoo's portal wizard granting one",
        mark=f"≤ {mark}",
        result=f"{ratio:.2f}",
        met=ratio <= limit,
        ours=f"{cost[0]:.1f} ms",
        other=f"{wizard[0]:.1f} ms",
        queries=f"{cost[1]:.1f} / {wizard[1]:.0f}",
    )


def _measure_slow_smtp(shop, repeats):
    server = shop.env["ir.mail_server"].create({"name": "Bench", "smtp_host": "127.0.0.1", "sequence": 0})
    with MailCatcher(delay=SLOW_SMTP) as slow, MailCatcher() as fast:

        def confirm_with(catcher):
            server.smtp_port = catcher.port
            return shop.confirm(10, False)

        comparison = compare(lambda: confirm_with(slow), lambda: confirm_with(fast), repeats, warm_up=1)
    server.unlink()
    shop.env.cr.commit()
    name = f"10 orders, 10 new customers: an SMTP server that takes {SLOW_SMTP} s a command / a fast one"
    return make_row(name, 1.05, comparison)


# ---- portal_agent_account: pages


def measure_pages(env, small_env, size, small_size, repeats):
    """Open the agents' pages, and a portal customer's.

    :param env: on the database with all data
    :param small_env: on one with little data
    :param Size size: how much all is
    :param Size small_size: how much little is
    :param int repeats: how often
    """
    agents = {login: Visitor(env, login) for login in LIMITS}
    agent, big = agents[data.SMALL_AGENT], agents[data.BIG_AGENT]
    customer, elsewhere = Visitor(env, data.CUSTOMER), Visitor(small_env, data.SMALL_AGENT)
    for login, limit in LIMITS.items():
        yield from _measure_against_stock(agents[login], limit, customer, repeats)
    for name in ("orders", "invoices"):
        path = f"/my/agent/{name}"
        title = f"`{path}` at {size.orders:,} / at {small_size.orders:,} orders in the database"
        yield _measure_pages(title, 1.1, agent, path, elsewhere, path, repeats * CLOSE)
    yield _measure_keystroke(big, customer, size, repeats)


def _measure_against_stock(agent, limit, customer, repeats):
    """Compare an agent's pages with the stock lists of a customer, of 80 rows each."""
    Partner = agent.env["res.partner"]
    customers = Partner.search([("portal_agent_ids", "in", agent.user.ids)])
    buyer = agent.env["sale.order"]._read_group(
        [("partner_id", "in", customers.ids)], ["partner_id"], ["__count"], order="__count DESC, partner_id", limit=1
    )[0][0]
    paths = ["", "?period=all", "/customers", f"/customers/{buyer.id}", "/orders", "/invoices"]
    for path in paths:
        stock = f"/my{path}" if path == "/invoices" else "/my/orders"
        shown = f"/my/agent{path}".replace(str(buyer.id), "<id>")
        title = f"`{shown}`, agent with {len(customers):,} customers / stock `{stock}`"
        # as many queries for many customers as for few, so the fewest are compared
        extra = 0 if limit == 1 and path in ("/orders", "/invoices") else None
        row = _measure_pages(title, limit, agent, f"/my/agent{path}", customer, stock, repeats * 2, extra)
        if limit > 2:
            row.mark += ", < 1 s"
            row.met = row.met and row.ours.endswith(" ms")
        yield row


def _measure_pages(title, limit, ours, path, other, other_path, repeats, extra_queries=None):
    cold = ours.get_cold(path), other.get_cold(other_path)
    comparison = compare(lambda: ours.get(path), lambda: other.get(other_path), repeats)
    work = read_work(ours.env, lambda: ours.get(path)), read_work(other.env, lambda: other.get(other_path))
    return make_row(title, limit, comparison, work, cold, extra_queries)


def _measure_keystroke(big, customer, size, repeats):
    def press():
        return big.call("/my/agent/selector", term="bench 00")

    comparison = compare(press, lambda: customer.get("/my"), repeats)
    work = read_work(big.env, press), read_work(customer.env, lambda: customer.get("/my"))
    title = f"one keystroke in the customer selector, {size.big_agent_customers:,} customers / stock `/my`"
    return make_row(title, 0.5, comparison, work)


def find_scans(env, size):
    """Look for pages of an agent that read all orders, invoices or contacts there are.

    :param env: on the database with all data
    :param Size size: how much that is
    :return: lines that name page and table
    :rtype: list[str]
    """
    # Where the agent with the most customers has a good part of all orders, PostgreSQL is right to read all of them.
    has_few = size.big_agent_documents * 10 < size.orders
    agent, big = Visitor(env, data.SMALL_AGENT), Visitor(env, data.BIG_AGENT if has_few else data.MIDDLE_AGENT)
    with under_rules(env, agent.user, agent_scope.AGENT) as agent_env:
        ours = [("state", "in", ("sale", "posted")), ("company_id", "=", env.ref("base.main_company").id)]
        order_id, invoice_id = (agent_env[model].search(ours, limit=1).id for model in ("sale.order", "account.move"))
        customer = agent_env["res.partner"].search([("parent_id", "=", False)], limit=1)
    paths = [
        "/my/agent",
        ALL_TIME,
        f"/my/agent?customer={customer.id}",
        "/my/agent/customers",
        "/my/agent/customers?search=bench",
        "/my/agent/quotations",
        "/my/agent/orders",
        "/my/agent/orders?sortby=amount",
        "/my/agent/orders?search=B0",
        f"/my/agent/orders?customer={customer.id}",
        "/my/agent/invoices",
        "/my/agent/invoices?filterby=overdue",
        f"/my/agent/customers/{customer.id}",
        f"/my/agent/orders/{order_id}",
        f"/my/agent/invoices/{invoice_id}",
    ]
    paths_of_many = [
        "/my/agent",
        ALL_TIME,
        "/my/agent/customers",
        "/my/agent/customers?filterby=overdue",
        "/my/agent/quotations",
        "/my/agent/orders",
        "/my/agent/orders?groupby=customer",
        "/my/agent/invoices",
    ]
    visits = {path: lambda path=path: agent.get(path) for path in paths}
    visits |= {f"{path} of many customers": lambda path=path: big.get(path) for path in paths_of_many}
    visits["/my/agent/selector"] = lambda: agent.call("/my/agent/selector", term="bench")
    for visit in visits.values():
        visit()
    return [f"{path} reads all of {table}" for path, visit in visits.items() for table in read_work(env, visit).scans]


# ---- portal_agent_account: record rules


class under_rules:
    """Somebody's environment under the record rules of a scope. Use it as a context manager.

    :param env: any environment on the database
    :param user: whose
    :param str scope: which of :mod:`agent_scope`
    """

    def __init__(self, env, user, scope):
        self.env = env(user=user, context={})
        # a plain function: a mock would take longer than what it stands for
        self._patch = patch.object(agent_scope, "get_agent_scope", new=lambda: scope)

    def __enter__(self):
        self._patch.start()
        return self.env

    def __exit__(self, *error):
        self._patch.stop()


def measure_rules(env, repeats):
    """Read, search and count as an agent and as a portal customer, by the record rules alone.

    :param env: on the database with all data
    :param int repeats: how often
    """
    find = env["res.users"].search
    people = {
        "ours": under_rules(env, find([("login", "=", data.SMALL_AGENT)]), agent_scope.AGENT),
        "stock": under_rules(env, find([("login", "=", data.CUSTOMER)]), agent_scope.PLAIN),
    }
    for model, label, order in (
        ("sale.order", "an order", "date_order desc, id desc"),
        ("account.move", "an invoice", "invoice_date desc, id desc"),
    ):
        read = {who: _make_reader(person, model) for who, person in people.items()}
        title = f"{label} read by its id under the agent's rules / under a portal customer's"
        yield _measure_rules(title, 1.2, env, read, repeats * 5)
        search = {
            who: _make_action(person, model, lambda records, order=order: records.search([], order=order, limit=80))
            for who, person in people.items()
        }
        count = {
            who: _make_action(person, model, lambda records: records.search_count([])) for who, person in people.items()
        }
        title = "on `{}`, rules alone, 80 of {:,} / the same as a portal customer with {:,}"
        totals = [action() for action in count.values()]
        yield _measure_rules("`search` " + title.format(model, *totals), None, env, search, repeats)
        yield _measure_rules("`search_count` " + title.format(model, *totals), None, env, count, repeats)


def _make_action(person, model, action):
    def run():
        with person as env:
            return action(env[model])

    return run


def _make_reader(person, model):
    with person as env:
        ids = env[model].search([]).ids
    dice = random.Random(data.SEED)
    return _make_action(
        person, model, lambda records: records.browse(dice.choice(ids)).read(["name", "state", "amount_total"])
    )


def _measure_rules(title, limit, env, actions, repeats):
    comparison = compare(lambda: take(actions["ours"], env), lambda: take(actions["stock"], env), repeats)
    work = [read_work(env, lambda action=action: (env.invalidate_all(), action())) for action in actions.values()]
    return make_row(title, limit, comparison, work)


# ---- portal_agent_account: administration


def measure_assignments(env, size):
    """Give many customers to an agent, and take them back.

    :param env: on the database with all data
    :param Size size: how much that is
    """
    many = min(10_000, size.customers - 1)
    agent = data.make_users(env, ["bench-agent-new"], ["base.group_portal", "portal_agent_account.group_portal_agent"])
    customers = env["res.partner"].search(
        [("name", "=like", f"{data.NAME} %"), ("is_company", "=", True)], limit=many, order="id"
    )
    actions = {
        f"giving {many:,} customers to an agent": lambda some: some._change_portal_agents(add=agent),
        f"taking {many:,} customers from an agent": lambda some: some._change_portal_agents(remove=agent),
    }
    few = {title: take(lambda action=action: action(customers[:MANY]), env) for title, action in actions.items()}
    for title, action in actions.items():
        taken = take(lambda action=action: action(customers), env)
        yield Row(
            name=f"{title} / {MANY}",
            mark="< 60 s",
            result=show_ms(taken),
            met=taken.ms < 60_000,
            ours=show_ms(taken),
            other=show_ms(few[title]),
            queries=f"{taken.queries} / {few[title].queries}",
        )
    agent.unlink()
    env.cr.commit()
