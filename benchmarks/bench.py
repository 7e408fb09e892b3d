"""The table of `./dev bench`: makes the data, times the installations, runs the measures, writes the table."""

import json
import os
import statistics
import sys
from contextlib import suppress

import psycopg2

from benchmarks import report
from devtools import paths, recipes, server
from devtools.progress import Stage, say

RESULTS = paths.REPOSITORY / "benchmarks" / "RESULTS.md"
SIZES = {"full": 1_000_000, "tenth": 100_000, "hundredth": 10_000}
SMALL = SIZES["hundredth"]
PREFIX = "portal_accounts_test_bench"
INSTALL_REPEATS = 3


class Bench:
    """One run of all measures.

    :param TestRun run: the cluster, the databases, Odoo
    :param int orders: how many orders, and invoices, the database has
    :param int repeats: how often a page is opened
    """

    def __init__(self, run, orders, repeats):
        self.run = run
        self.orders = orders
        self.repeats = repeats
        self.database, self.small = PREFIX, f"{PREFIX}_small"
        self.output = run.logs / "bench.json"

    def measure(self):
        """Make the databases and measure.

        :return: the rows of the table, and the pages that read a whole table
        :rtype: tuple[list[report.Row], list[str]]
        """
        self.run.clone(recipes.SHOP, self.database)
        self._fill(self.database, "fill_shop", self.orders)
        installations = list(self._measure_installations())
        self._fill(self.database, "fill_agents", self.orders)
        self.run.clone(recipes.with_addons(), self.small)
        self._fill(self.small, "fill_shop", SMALL)
        self._fill(self.small, "fill_agents", SMALL)
        self._settle()
        self._run_in_shell("Measuring", self.database, f"from benchmarks import suite; suite.run(env, {self._job()!r})")
        measured = json.loads(self.output.read_text())
        # in a small table PostgreSQL is right to read all of it
        scans = measured["scans"] if self.orders >= SIZES["tenth"] else []
        return [*(report.Row(**row) for row in measured["rows"]), *installations], scans

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
        """Run a line of Python in an Odoo shell that finds this folder.

        :raise DevError: when it fails
        """
        script = f"import sys; sys.path.insert(0, {str(paths.REPOSITORY)!r})\n{code}\n"
        silence = [f"--log-handler={name}:CRITICAL" for name in ("py.warnings", "mail.log")]
        options = ["--log-level=error", *silence]
        with Stage(title):
            server.run_script(
                self.run.odoo, self.run.cluster, self.run.data_dir, database, script, options, timeout=None
            )

    # ---- installing the addons

    def _measure_installations(self):
        """Install each addon on copies of the full database and of an empty one, by turns, then on the full one."""
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
        """:return: the seconds that it takes on a copy of the full database, and on one of the empty one"""
        full, empty = f"{PREFIX}_full", f"{PREFIX}_empty"
        self.run.databases.clone(self.database, full)
        self.run.clone(recipes.SHOP, empty)
        seconds = []
        for name in (full, empty):
            # like a shop that is in use, whose tables are in memory
            for table in ("res_partner", "sale_order", "account_move"):
                self.run.cluster.query(name, f"SELECT count(write_date) FROM {table}")
            self._settle()
            seconds.append(self._install(name, addon))
            self.run.databases.drop(name)
        return seconds

    def _settle(self):
        """Have everything on the disk that was written: to write it meanwhile slows down what is measured."""
        with suppress(psycopg2.errors.InsufficientPrivilege):
            self.run.cluster.query("postgres", "CHECKPOINT")
        os.sync()

    def _install(self, database, addon):
        """:return: the seconds that the button in Apps takes"""
        code = f"from benchmarks import installing; installing.install(env, {addon!r}, {str(self.output)!r})"
        self._run_in_shell(f"Installing {addon} on {database}", database, code)
        return json.loads(self.output.read_text())


def conclude(rows, scans, orders, cluster_version, save):
    """Print the table, and say what is not as it has to be.

    :param list[report.Row] rows: the rows
    :param list[str] scans: the pages that read a whole table
    :param int orders: how many orders there were
    :param cluster_version: PostgreSQL's version
    :param bool save: whether the table is kept
    :return: 1 when a page reads a whole table; times alone fail nothing
    :rtype: int
    """
    customers, agents = orders // 10, max(orders // 1000, 3)
    sizes = (
        f"{orders:,} orders and as many invoices in three currencies and two companies, {customers:,} customers with"
        f" as many contacts, {agents:,} agents"
    )
    page = report.make_page(rows, sizes, cluster_version)
    say(f"\n{page}")
    if save:
        RESULTS.write_text(page)
        say(f"Wrote {RESULTS.relative_to(paths.REPOSITORY)}.")
    for line in scans:
        print(f"error: {line}", file=sys.stderr)
    return int(bool(scans))
