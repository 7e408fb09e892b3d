"""Two servers with workers on one database, and one for scheduled actions: agents read while shoppers check out.

First without the addons, where portal customers read their own orders in the agents' place, then with
them. Prints a table; ends with 1 when anything went wrong: a request that failed, an order that is not
confirmed, an email without an account or with two.
"""

import argparse
import contextlib
import itertools
import statistics
import time
from collections import Counter

from benchmarks.load_people import DOMAIN, Reader, Shopper
from benchmarks.run import BenchRun
from devtools import logcheck, recipes
from devtools.mail import MailCatcher
from devtools.progress import Stage, say
from devtools.server import OdooServer
from tests.system.odoo_rpc import OdooRpc

SERVERS = 2
# Odoo lets eight connections for each worker wait. Two servers with so many have room for a hundred people at once;
# whom there is no room for gets no connection, which is not what is measured.
WORKERS = 6
CUSTOMERS_OF_AGENT = 5
ORDERS_OF_CUSTOMER = 4
SETTLING = 300
RETRIED = logcheck.Expected(
    r"odoo\.sql_db",
    r"bad query: [\s\S]*(could not serialize access|could not obtain lock|deadlock detected)",
    "Odoo does again what two transactions wanted at once",
)
# The page that waits for the payment and the scheduled action look after one order at the same moment, and
# both make the shopper follow it. The one that comes second is tried again by whoever asks next: Odoo alone
# has this too.
FOLLOWED_TWICE = logcheck.Expected(
    r"odoo\.sql_db|odoo\.addons\.payment\.models\.payment_transaction",
    r"[\s\S]*\bmail_followers_mail_followers_res_partner_res_model_id_uniq\b",
    "Odoo makes somebody follow an order by two transactions at once",
)
ASKED_AGAIN = logcheck.Expected(
    r"odoo\.http",
    r"Exception during request handling[\s\S]*\bin poll_status\b[\s\S]*Exception: retry\s*$",
    "Odoo tells the page that waits for the payment to ask once more, for one of the reasons above",
)
# A balancer keeps a request until it has all of it. Here, hundred threads on cores that are full may be slower to
# send one than the two seconds after which Odoo hangs up.
PATIENCE = {"ODOO_HTTP_SOCKET_TIMEOUT": "60"}


class Load:
    """One run: a shop, its readers and its shoppers.

    :param TestRun run: the cluster, the databases, Odoo
    :param argparse.Namespace options: the command line
    :param str name: what the table calls it
    :param Recipe recipe: the shop's database
    """

    def __init__(self, run, options, name, recipe):
        self.run = run
        self.options = options
        self.name = name
        self.recipe = recipe
        self.database = f"portal_accounts_test_load_{name.partition(' ')[0]}"
        self.problems = []

    def measure(self):
        """Make the shop, open it for as long as the command line says, and look at what is left."""
        self._make_database()
        with MailCatcher() as catcher, contextlib.ExitStack() as stack:
            cron = stack.enter_context(self._make_server("cron", catcher.port, cron_threads=1))
            self._print_by(cron)
            servers = [
                stack.enter_context(self._make_server(f"web{number}", catcher.port, workers=self.options.workers))
                for number in range(self.options.servers)
            ]
            with Stage(f"{self.name}: making readers and their documents"):
                self.admin = OdooRpc(servers[0].url, self.database)
                readers = self._make_readers()
            self._open_shop([server.url for server in servers], readers, self._rehearse(servers[0].url))
            with Stage(f"{self.name}: looking at the orders"):
                self._check_orders()
        for server in (cron, *servers):
            self.problems += map(str, server.find_unexpected_log_entries([RETRIED, FOLLOWED_TWICE, ASKED_AGAIN]))
        self.run.databases.drop(self.database)

    def seconds(self, *steps):
        """:return: how long the requests of these steps took, sorted"""
        return sorted(sample.seconds for sample in self.samples if sample.step in steps and not sample.error)

    def _make_database(self):
        self.run.clone(self.recipe, self.database)

    def _make_server(self, name, smtp_port, workers=0, cron_threads=0):
        return OdooServer(
            self.run.odoo,
            self.run.cluster,
            self.database,
            self.run.data_dir,
            self.run.logs / f"{self.database}-{name}.log",
            workers=workers,
            cron_threads=cron_threads,
            smtp_port=smtp_port,
            environment=PATIENCE,
        )

    def _print_by(self, server):
        """Let a server with threads give the styles of what is printed.

        The mail that confirms an order carries its PDF. While a worker waits for it, wkhtmltopdf asks for
        styles; asks it a worker, then as many prints at once as there are workers wait for each other.
        """
        self.run.cluster.query(
            self.database, "INSERT INTO ir_config_parameter (key, value) VALUES ('report.url', %s)", [server.url]
        )

    def _rehearse(self, server):
        """Buy something before the others come.

        The first purchase makes the styles of what is printed, and the provider's line in its journal:
        Odoo makes one for each who is first, and then refuses to post what was paid.

        :return: what was bought
        :rtype: list[str]
        """
        with Stage(f"{self.name}: rehearsing"):
            shopper = Shopper([server], 0, 0, 0, number=self.options.shoppers)
            shopper.visit()
        return shopper.bought

    def _open_shop(self, servers, readers, bought):
        minutes = self.options.minutes
        self.started = time.monotonic()
        until = self.started + minutes * 60
        seeds = itertools.count()
        people = [
            Reader(servers, until, self.options.think, next(seeds), login=login, pages=pages)
            for login, pages in readers.items()
        ]
        shoppers = [
            Shopper(servers, until, self.options.think, next(seeds), number=number)
            for number in range(self.options.shoppers)
        ]
        people += shoppers
        with Stage(f"{self.name}: {len(readers)} readers and {len(shoppers)} shoppers for {minutes:g} min") as stage:
            for person in people:
                person.start()
            try:
                while any(person.is_alive() for person in people):
                    time.sleep(1)
                    stage.update(self._describe(people, shoppers))
            finally:
                for person in people:
                    person.until = 0
        self.lasted = time.monotonic() - self.started
        self.samples = [sample for person in people for sample in person.samples]
        self.bought = bought + [email for shopper in shoppers for email in shopper.bought]
        errors = Counter(f"{sample.step}: {sample.error}" for sample in self.samples if sample.error)
        self.problems += [f"{count} × {error}" for error, count in errors.items()]

    @staticmethod
    def _describe(people, shoppers):
        samples = [sample for person in people for sample in list(person.samples)]
        orders = sum(len(shopper.bought) for shopper in shoppers)
        return f"{len(samples)} requests, {orders} orders, {sum(bool(sample.error) for sample in samples)} errors"

    # Who reads what

    def _make_readers(self):
        """Make the readers with their documents.

        :return: the pages of each, by login
        :rtype: dict[str, list[str]]
        """
        users = self._make_users(self._find_groups("base.group_portal"))
        partners = {user["partner_id"][0]: user["login"] for user in users}
        orders = self._make_documents(partners, CUSTOMERS_OF_AGENT * ORDERS_OF_CUSTOMER)
        pages = ["/my", "/my/orders", "/my/quotes", "/my/invoices"]
        return {login: [*pages, *(f"/my/orders/{order}" for order in orders[login])] for login in partners.values()}

    def _make_users(self, groups):
        self.admin.call(
            "res.users",
            "create",
            [
                {
                    "name": f"Reader {number}",
                    "login": f"reader{number}@example.com",
                    "email": f"reader{number}@example.com",
                    "password": f"reader{number}@example.com",
                    "group_ids": [[6, 0, groups]],
                }
                for number in range(self.options.agents)
            ],
            context={"no_reset_password": True},
        )
        return self.admin.read("res.users", [["login", "like", "reader%@example.com"]], "login", "partner_id")

    def _make_documents(self, partners, orders_each):
        """Make orders, and half as many invoices.

        :param dict partners: whose they are: the reader's login by the contact's id
        :param int orders_each: how many for each contact
        :return: the ids of the orders of each reader
        :rtype: dict[str, list[int]]
        """
        product = self.admin.call("product.product", "search", [["sale_ok", "=", True]], limit=1)[0]
        line = [[0, 0, {"product_id": product}]]
        wanted = [partner for partner in partners for _order in range(orders_each)]
        orders = self._create(
            "sale.order", [{"partner_id": partner, "state": "sale", "order_line": line} for partner in wanted]
        )
        line = [[0, 0, {"name": "Chair", "price_unit": 10, "tax_ids": [[5]]}]]
        invoices = self._create(
            "account.move",
            [
                {
                    "move_type": "out_invoice",
                    "partner_id": partner,
                    "invoice_date": "2026-01-31",
                    "invoice_line_ids": line,
                }
                for partner in wanted[::2]
            ],
        )
        for some in split(invoices):
            self.admin.call("account.move", "action_post", some)
        found = {login: [] for login in partners.values()}
        for partner, order in zip(wanted, orders, strict=True):
            found[partners[partner]].append(order)
        return found

    def _create(self, model, values):
        return [record for some in split(values) for record in self.admin.call(model, "create", some)]

    def _find_groups(self, *xml_ids):
        return [
            self.admin.read("ir.model.data", [["module", "=", module], ["name", "=", name]], "res_id")[0]["res_id"]
            for module, name in (xml_id.split(".") for xml_id in xml_ids)
        ]

    # What is left

    def _query(self, statement):
        return self.run.cluster.query(self.database, statement, {"email": f"%@{DOMAIN}"})

    def _check_orders(self):
        states = dict(
            self._query(
                "SELECT state, count(*) FROM sale_order JOIN res_partner partner ON partner.id = partner_id "
                "WHERE partner.email LIKE %(email)s GROUP BY state"
            )
        )
        if states != {"sale": len(self.bought)}:
            self.problems.append(f"{len(self.bought)} orders were paid for; in the database: {states}")


class LoadWithAddons(Load):
    """The same with both addons: the readers are agents, and every email gets an account."""

    def _make_readers(self):
        users = self._make_users(self._find_groups("base.group_portal", "portal_agent_account.group_portal_agent"))
        agents = [user for user in users for _customer in range(CUSTOMERS_OF_AGENT)]
        customers = self._create(
            "res.partner",
            [
                {"name": f"Customer {number}", "is_company": True, "portal_agent_ids": [[6, 0, [agent["id"]]]]}
                for number, agent in enumerate(agents)
            ],
        )
        logins = [agent["login"] for agent in agents]
        partners = dict(zip(customers, logins, strict=True))
        orders = self._make_documents(partners, ORDERS_OF_CUSTOMER)
        pages = ["/my/agent", *(f"/my/agent/{name}" for name in ("customers", "quotations", "orders", "invoices"))]
        return {
            login: [*pages, *(f"/my/agent/orders/{order}" for order in orders[login])]
            for login in dict.fromkeys(logins)
        }

    def _check_orders(self):
        super()._check_orders()
        wanted = dict.fromkeys(set(self.bought), 1)
        accounts = "SELECT lower(login), count(*) FROM res_users WHERE login LIKE %(email)s GROUP BY 1"
        deadline = time.monotonic() + SETTLING
        # Orders that met in a race are settled by the scheduled action.
        while (found := dict(self._query(accounts))) != wanted and time.monotonic() < deadline:
            time.sleep(1)
        if found != wanted:
            wrong = {email: found.get(email, 0) for email in wanted | found if found.get(email) != wanted.get(email)}
            self.problems.append(f"accounts by email, where it is not one: {wrong}")
        ((flagged,),) = self._query(
            "SELECT count(*) FROM sale_order JOIN res_partner partner ON partner.id = partner_id "
            "WHERE is_user_created AND partner.email LIKE %(email)s"
        )
        if flagged != len(wanted):
            self.problems.append(f"{flagged} orders say that they created a user, for {len(wanted)} emails")


def split(items, size=100):
    """:return: the same items in lists that one request can do"""
    return [items[start : start + size] for start in range(0, len(items), size)]


def main(arguments):
    """Measure and print the table.

    :param list[str] arguments: the command line
    :return: the exit code
    :rtype: int
    """
    options = read_options(arguments)
    with BenchRun.of_all_addons() as run:
        loads = [
            Load(run, options, "without the addons", recipes.DEMO_SHOP),
            LoadWithAddons(run, options, "with the addons", recipes.demo_with_addons()),
        ]
        for load in loads:
            load.measure()
    show(options, *loads)
    for load in loads:
        for problem in load.problems:
            say(f"{load.name}: {problem}")
    return int(any(load.problems for load in loads))


def read_options(arguments):
    """:return: the options of the command line"""
    parser = argparse.ArgumentParser(prog="./dev bench -- load", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="how long, each time (default: %(default)s)")
    parser.add_argument("--agents", type=int, default=50, help="readers at once (default: %(default)s)")
    parser.add_argument("--shoppers", type=int, default=50, help="shoppers at once (default: %(default)s)")
    parser.add_argument("--think", type=float, default=5, help="seconds between two pages (default: %(default)s)")
    parser.add_argument("--servers", type=int, default=SERVERS, help="Odoo servers (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=WORKERS, help="processes of each (default: %(default)s)")
    return parser.parse_args(arguments)


def show(options, without, with_addons):
    """Print the table.

    :param argparse.Namespace options: the command line
    :param Load without: the run without the addons
    :param Load with_addons: the run with them
    """
    say(
        f"\n{options.servers} servers with {options.workers} workers each, {options.agents} agents (without the addons:"
        f" portal customers), {options.shoppers} shoppers, {options.minutes:g} minutes, about {options.think:g} s"
        " between two pages\n"
    )
    say("| | without the addons | with the addons |")
    say("| --- | --- | --- |")
    rows = [
        ("requests a second", [f"{len(load.samples) / load.lasted:.1f}" for load in (without, with_addons)]),
        ("orders a minute", [f"{len(load.bought) / load.lasted * 60:.1f}" for load in (without, with_addons)]),
        ("orders", [f"{len(load.bought)}" for load in (without, with_addons)]),
        *(
            (f"{title}: median, 95 %, 99 %", [percentiles(load.seconds(*steps)) for load in (without, with_addons)])
            for title, steps in (
                ("a page of the portal", ["page"]),
                ("a step of the checkout", ["shop", "cart", "checkout", "pay", "thanks"]),
                ("confirming the order", ["confirm"]),
            )
        ),
        ("what went wrong", [f"{len(load.problems)}" for load in (without, with_addons)]),
    ]
    for title, values in rows:
        say(f"| {title} | {' | '.join(values)} |")


def percentiles(seconds):
    """:return: median, 95th and 99th percentile in milliseconds"""
    if len(seconds) < 2:
        return "none"
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return ", ".join(f"{cuts[percent - 1] * 1000:.0f} ms" for percent in (50, 95, 99))
