"""Simulate agents who read and shoppers who check out, on two servers with workers and one for scheduled actions.

The first run is without the addons, with portal customers who read their own orders instead of agents; the second one
is with the addons. The exit code is 1 if a request failed, an order is not confirmed, or an email has no account or
two. locust simulates the visitors, in a separate environment: its packages are newer than Odoo's.
"""

import argparse
import contextlib
import json
import os
import subprocess
import time
import venv

from benchmarks.bench import BenchRun
from devtools import logcheck, paths, recipes, server
from devtools.mail import MailCatcher
from devtools.progress import Stage, say
from devtools.server import OdooServer

LOCUST = "locust==2.47.0"
DOMAIN = "load.example.com"
SETTLING = 300
SERVERS = 2
# Odoo queues up to eight connections per worker, so two servers with six workers accept a hundred visitors at once.
# Further connections would fail, which is not to be measured.
WORKERS = 6
CUSTOMERS_OF_AGENT, ORDERS_OF_CUSTOMER = 5, 4
# The payment status page and the scheduled action may process one order at the same moment. Odoo or the page then
# repeats the second transaction.
EXPECTED = [
    logcheck.Expected(
        r"odoo\.(sql_db|http|addons\.payment\.models\.payment_transaction)",
        r"[\s\S]*(could not serialize access|could not obtain lock|deadlock detected|Exception: retry\s*$"
        r"|mail_followers_mail_followers_res_partner_res_model_id_uniq)",
        "two transactions conflict, and one is repeated",
    )
]
# Creates the readers, with their own documents or those of their customers; runs in Odoo's shell.
MAKE_READERS = """
import json
product = env["product.product"].search([("sale_ok", "=", True)], limit=1)
groups = [env.ref(name).id for name in {groups!r}]
readers = env["res.users"].with_context(no_reset_password=True).create([
    {{**dict.fromkeys(("name", "login", "email", "password"), f"reader{{number}}@example.com"),
      "group_ids": [(6, 0, groups)]}}
    for number in range({count})])
found = []
for reader in readers:
    partners = reader.partner_id
    if {with_addons}:
        partners = env["res.partner"].create([
            {{"name": f"Customer {{number}}", "is_company": True, "portal_agent_ids": [(6, 0, reader.ids)]}}
            for number in range({customers})])
    orders = env["sale.order"].create([
        {{"partner_id": partner.id, "state": "sale", "order_line": [(0, 0, {{"product_id": product.id}})]}}
        for partner in partners for _order in range({orders} // len(partners))])
    env["account.move"].create([
        {{"move_type": "out_invoice", "partner_id": order.partner_id.id, "invoice_date": "2026-01-31",
          "invoice_line_ids": [(0, 0, {{"name": "Chair", "price_unit": 10, "tax_ids": [(5,)]}})]}}
        for order in orders[::2]]).action_post()
    found.append((reader.login, [*{pages!r}, *(f"{order_page}/{{order.id}}" for order in orders)]))
env.cr.commit()
print("READERS" + json.dumps(found))
"""


def main(arguments):
    """Measure and print locust's tables.

    :param list[str] arguments: the command line's arguments
    :return: the exit code
    :rtype: int
    """
    parser = argparse.ArgumentParser(prog="./dev bench -- load", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="duration of each run (default: %(default)s)")
    parser.add_argument("--agents", type=int, default=50, help="simultaneous readers (default: %(default)s)")
    parser.add_argument("--shoppers", type=int, default=50, help="simultaneous shoppers (default: %(default)s)")
    parser.add_argument("--think", type=float, default=5, help="seconds between two pages (default: %(default)s)")
    options = parser.parse_args(arguments)
    problems = []
    with BenchRun() as run:
        for with_addons in (False, True):
            problems += measure(run, options, with_addons)
    for problem in problems:
        say(problem)
    return int(bool(problems))


def measure(run, options, with_addons):
    """Create a shop, simulate visitors for the chosen time, and check the orders.

    :param TestRun run: the cluster, the databases and Odoo
    :param argparse.Namespace options: the command line
    :param bool with_addons: whether the addons are installed
    :return: the problems
    :rtype: list[str]
    """
    name = "with the addons" if with_addons else "without the addons"
    database = "portal_accounts_test_load"
    run.clone(recipes.demo_with_addons() if with_addons else recipes.DEMO_SHOP, database)
    with MailCatcher() as catcher, contextlib.ExitStack() as stack:

        def serve(role, **processes):
            log = run.logs / f"load-{name.partition(' ')[0]}-{role}.log"
            # On overloaded cores, a simulated visitor may send its request later than Odoo's default timeout.
            patience = {"ODOO_HTTP_SOCKET_TIMEOUT": "60"}
            arguments = (run.odoo, run.cluster, database, run.data_dir, log)
            options = {"smtp_port": catcher.port, "environment": patience, **processes}
            return stack.enter_context(OdooServer(*arguments, **options))

        cron = serve("cron")
        # The order confirmation mail has a PDF attached. If wkhtmltopdf loaded the stylesheets from the workers that
        # wait for a PDF, the shop would be blocked.
        report_url = "INSERT INTO ir_config_parameter (key, value) VALUES ('report.url', %s)"
        run.cluster.query(database, report_url, [cron.url])
        webs = [serve(f"web{number}", workers=WORKERS, cron_threads=0) for number in range(SERVERS)]
        with Stage(f"{name}: creating readers and their documents"):
            readers = _make_readers(run, database, options.agents, with_addons)
        say(f"\n{name}: {options.agents} readers and {options.shoppers} shoppers for {options.minutes:g} min")
        job = {
            "servers": [web.url for web in webs],
            "readers": readers,
            "think": options.think,
            "domain": DOMAIN,
        }
        # The first purchase creates the provider's payment method line and the stylesheets of printed documents. If
        # several were first, Odoo would create several lines, and then refuse to post payments.
        problems = _run_locust({**job, "readers": [], "shoppers": 1}, 0.02)
        problems += _run_locust({**job, "shoppers": options.shoppers}, options.minutes)
        problems += _check_orders(run, database, with_addons)
    for process in (cron, *webs):
        problems += map(str, process.find_unexpected_log_entries(EXPECTED))
    return [f"{name}: {problem}" for problem in problems]


def _make_readers(run, database, count, with_addons):
    """:return: pairs of a reader's login and the paths of the reader's pages"""
    groups, pages, order_page = ["base.group_portal"], ["/my", "/my/orders", "/my/quotes", "/my/invoices"], "/my/orders"
    if with_addons:
        groups.append("portal_agent_account.group_portal_agent")
        order_page = "/my/agent/orders"
        pages = ["/my/agent", *(f"/my/agent/{name}" for name in ("customers", "quotations", "orders", "invoices"))]
    script = MAKE_READERS.format(
        groups=groups,
        count=count,
        with_addons=with_addons,
        customers=CUSTOMERS_OF_AGENT,
        orders=CUSTOMERS_OF_AGENT * ORDERS_OF_CUSTOMER,
        pages=pages,
        order_page=order_page,
    )
    output = server.run_script(run.odoo, run.cluster, run.data_dir, database, script)
    return json.loads(output.partition("READERS")[2].splitlines()[0])


def _run_locust(job, minutes):
    """Simulate the visitors with locust.

    :param dict job: parameters of `locustfile.py`
    :param float minutes: duration in minutes
    :return: the problems
    :rtype: list[str]
    """
    folder = paths.folder("locust")
    if not (folder / "bin" / "locust").exists():
        with Stage("Installing locust"):
            venv.create(folder, with_pip=True)
            subprocess.run([folder / "bin" / "pip", "install", "--quiet", LOCUST, "lxml"], check=True)
    people = len(job["readers"]) + job["shoppers"]
    command = [
        folder / "bin" / "locust",
        "--locustfile",
        paths.REPOSITORY / "benchmarks" / "locustfile.py",
        "--headless",
    ]
    # Let the shoppers complete their purchases when the time is over.
    times = [f"--users={people}", "--spawn-rate=20", f"--run-time={minutes * 60:.0f}s", "--stop-timeout=300"]
    environment = {**os.environ, "LOAD_JOB": json.dumps(job), "PYTHONPATH": str(paths.REPOSITORY)}
    locust = subprocess.run([*command, *times, "--only-summary"], env=environment, check=False)
    return [f"locust ended with code {locust.returncode}, see its table of failures"] if locust.returncode else []


def _check_orders(run, database, with_addons):
    """:return: the orders that are not confirmed, and the emails that don't have exactly one account"""
    mine = {"email": f"%@{DOMAIN}"}
    emails = (
        "SELECT lower(email) AS email FROM res_partner JOIN sale_order ON res_partner.id = partner_id"
        " WHERE email LIKE %(email)s AND state {} 'sale'"
    )
    bought = set(run.cluster.query(database, emails.format("="), mine))
    problems = [f"not confirmed: {email}" for (email,) in run.cluster.query(database, emails.format("<>"), mine)]
    say(f"{len(bought)} customers bought something")
    if with_addons:
        statement = "SELECT lower(login) FROM res_users WHERE login LIKE %(email)s ORDER BY 1"
        # The scheduled action completes orders whose transactions conflicted.
        deadline = time.monotonic() + SETTLING
        while sorted(bought) != (accounts := run.cluster.query(database, statement, mine)):
            if time.monotonic() > deadline:
                return [
                    *problems,
                    f"{len(bought)} customers have {len(accounts)} accounts, {len(set(accounts))} different",
                ]
            time.sleep(1)
    return problems if bought else [*problems, "nobody bought anything"]
