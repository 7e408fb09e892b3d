"""`./dev bench`: measure the addons against stock Odoo in one run, and print a table.

It creates a shop with agents, customers, orders and invoices, and compares the addons with Odoo alone. The results are
ratios, queries and rows; the times depend on the machine. It fails if a page reads a whole table of orders, invoices or
contacts.

`./dev bench -- load` simulates visitors on two servers instead; see `./dev bench -- load --help`.
"""

import argparse
import json
import os
import statistics
import sys
from contextlib import suppress

import psutil
import psycopg2

from benchmarks import report
from devtools import paths, recipes, server
from devtools.progress import Stage, say
from devtools.testing import TestRun

RESULTS = paths.REPOSITORY / "docs" / "benchmarks.md"
SIZES = {"full": 1_000_000, "tenth": 100_000, "hundredth": 10_000}
SMALL = SIZES["hundredth"]
PREFIX = "portal_accounts_test_bench"
INSTALL_REPEATS = 3


def run(options):
    """Run the benchmarks.

    :param argparse.Namespace options: the command line
    :return: the exit code
    :rtype: int
    """
    arguments = options.more_arguments
    if arguments[:1] == ["load"]:
        from benchmarks import load

        return load.main(arguments[1:])
    parser = argparse.ArgumentParser(prog="./dev bench --", description=__doc__.partition("\n")[0])
    parser.add_argument("--size", choices=SIZES, default="tenth", help="full: 1,000,000 orders (default: %(default)s)")
    parser.add_argument("--orders", type=int, help="the number of orders instead, at least 10,000")
    parser.add_argument("--repeats", type=int, default=11, help="how often to open a page (default: %(default)s)")
    parser.add_argument("--save", action="store_true", help="write the table into docs/benchmarks.md")
    options = parser.parse_args(arguments)
    orders = max(options.orders or SIZES[options.size], SMALL)
    with BenchRun() as run:
        rows, scans, sizes = Bench(run, orders, options.repeats).measure()
        return conclude(rows, scans, sizes, run.cluster.version(), options.save)


class BenchRun(TestRun):
    """Like a run of the tests, with PostgreSQL configured for a million orders.

    Shared buffers get a quarter of the memory, as PostgreSQL's manual recommends. Commits wait for the WAL, as in a
    shop: VACUUM doesn't mark rows as visible to all while their commit isn't flushed.
    """

    settings = {
        "shared_buffers": f"{psutil.virtual_memory().total // 4 // 2**20}MB",
        "synchronous_commit": "on",
    }


class Bench:
    """A run of all measures.

    :param TestRun run: the cluster, the databases and Odoo
    :param int orders: number of orders, and of invoices, in the database
    :param int repeats: how often to open a page
    """

    def __init__(self, run, orders, repeats):
        self.run = run
        self.orders = orders
        self.repeats = repeats
        self.database, self.small = PREFIX, f"{PREFIX}_small"
        self.output = run.logs / "bench.json"

    def measure(self):
        """Create the databases and measure.

        :return: the rows of the table, the pages that read a whole table, and the number of records as text
        :rtype: tuple[list[report.Row], list[str], str]
        """
        self.run.clone(recipes.SHOP, self.database)
        self._fill(self.database, "fill_shop", self.orders)
        carts = self._measure_carts()
        installations = list(self._measure_installations())
        self._fill(self.database, "fill_agents", self.orders)
        self.run.clone(recipes.with_addons(), self.small)
        self._fill(self.small, "fill_shop", SMALL)
        self._fill(self.small, "fill_agents", SMALL)
        self._settle()
        self._run_in_shell("Measuring", self.database, f"from benchmarks import suite; suite.run(env, {self._job()!r})")
        measured = json.loads(self.output.read_text())
        # for a small table, a sequential scan is the right plan
        scans = measured["scans"] if self.orders >= SIZES["tenth"] else []
        return [*(report.Row(**row) for row in measured["rows"]), *carts, *installations], scans, measured["sizes"]

    def _job(self):
        return {
            "orders": self.orders,
            "small_orders": SMALL,
            "small": self.small,
            "repeats": self.repeats,
            "output": str(self.output),
        }

    def _fill(self, database, step, orders):
        what = step.replace("_", " ")
        self._run_in_shell(
            f"{database}: {what}, {orders:,} orders",
            database,
            f"from benchmarks import data; data.{step}(env, data.Size({orders}))",
        )

    def _run_in_shell(self, title, database, code):
        """Run a line of Python in an Odoo shell that can import this package.

        :raise DevError: if it fails
        """
        script = f"import sys; sys.path.insert(0, {str(paths.REPOSITORY)!r})\n{code}\n"
        silence = [f"--log-handler={name}:CRITICAL" for name in ("py.warnings", "mail.log")]
        options = ["--log-level=error", *silence]
        with Stage(title):
            server.run_script(
                self.run.odoo, self.run.cluster, self.run.data_dir, database, script, options, timeout=None
            )

    # Cost of the addons for changes of carts

    def _measure_carts(self):
        """Change carts in copies without and with the addons."""
        copy, costs = f"{PREFIX}_carts", []
        for installed in ([], paths.addons()):
            self.run.databases.clone(self.database, copy)
            for addon in installed:
                self._install(copy, addon)
            self._settle()
            code = f"from benchmarks import carts; carts.measure(env, {str(self.output)!r})"
            self._run_in_shell(f"Changing carts with {len(installed)} addons", copy, code)
            costs.append(json.loads(self.output.read_text()))
            self.run.databases.drop(copy)
        without, with_addons = costs
        return list(report.make_cart_rows(with_addons, without))

    # Installation of the addons

    def _measure_installations(self):
        """Install each addon alternately in copies of the full and of an empty database, then in the full one."""
        for addon in paths.addons():
            pairs = [self._install_on_copies(addon) for _repeat in range(INSTALL_REPEATS)]
            ratio = statistics.median(full / empty for full, empty in pairs)
            full, empty = (statistics.median(seconds) for seconds in zip(*pairs, strict=True))
            yield report.Row(
                name=f"installing `{addon}` from Apps with {self.orders:,} orders / on an empty database",
                mark="< 2",
                result=f"{ratio:.2f}",
                met=ratio < 2,
                ours=f"{full:.1f} s",
                other=f"{empty:.1f} s",
            )
            self._install(self.database, addon)

    def _install_on_copies(self, addon):
        """:return: the seconds that it takes in a copy of the full database, and in a copy of the empty one"""
        full, empty = f"{PREFIX}_full", f"{PREFIX}_empty"
        self.run.databases.clone(self.database, full)
        self.run.clone(recipes.SHOP, empty)
        seconds = []
        for name in (full, empty):
            # read the tables into memory, as in a shop in use
            for table in ("res_partner", "sale_order", "account_move"):
                self.run.cluster.query(name, f"SELECT count(write_date) FROM {table}")
            self._settle()
            seconds.append(self._install(name, addon))
            self.run.databases.drop(name)
        return seconds

    def _settle(self):
        """Write all changes to the disk, because writing them later would slow down the measures."""
        with suppress(psycopg2.errors.InsufficientPrivilege):
            self.run.cluster.query("postgres", "CHECKPOINT")
        os.sync()

    def _install(self, database, addon):
        """:return: the seconds that the installation from Apps takes"""
        code = f"from benchmarks import suite; suite.install(env, {addon!r}, {str(self.output)!r})"
        self._run_in_shell(f"Installing {addon} on {database}", database, code)
        return json.loads(self.output.read_text())


def conclude(rows, scans, sizes, cluster_version, save):
    """Print the table and the errors.

    :param list[report.Row] rows: rows of the table
    :param list[str] scans: pages that read a whole table
    :param str sizes: number of records as text
    :param cluster_version: PostgreSQL's version
    :param bool save: whether to write the table into the document
    :return: 1 if a page reads a whole table; times alone are no failure
    :rtype: int
    """
    page = report.make_page(rows, sizes, cluster_version)
    say(f"\n{page}")
    if save:
        RESULTS.write_text(page)
        say(f"Wrote {RESULTS.relative_to(paths.REPOSITORY)}.")
    for line in scans:
        print(f"error: {line}", file=sys.stderr)
    return int(bool(scans))
