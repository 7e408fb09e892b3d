"""`./dev bench`: measure the addons against stock Odoo, on one database, in one run.

Each script in this folder runs in an Odoo shell on a fresh database with both addons and prints a
table. Ratios, queries and rows are the result; the times beside them depend on the machine.
"""

import argparse
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))

from devtools import paths, server  # noqa: E402
from devtools.testing import TestRun  # noqa: E402

SCRIPTS = ("agent_reads.py", "confirmations.py")
DATABASE = "portal_accounts_test_bench"


def main():
    """Run the scripts one after the other.

    :return: the exit code
    :rtype: int
    """
    parser = argparse.ArgumentParser(prog="./dev bench --", description=__doc__)
    parser.add_argument("scripts", nargs="*", default=SCRIPTS, help=f"which of {', '.join(SCRIPTS)}")
    parser.add_argument("--orders", type=int, default=100_000, help="orders, and invoices, in the database")
    options = parser.parse_args()
    with TestRun(argparse.Namespace(odoo=None, name=None), paths.addons()) as run:
        return max(measure(run, script, options.orders) for script in options.scripts)


def measure(run, script, orders):
    """Run one script on a database of its own.

    :param TestRun run: the cluster, the databases, Odoo
    :param str script: the script's name
    :param int orders: how many orders it makes
    :return: the exit code
    :rtype: int
    """
    run.clone_plain(DATABASE)
    with (FOLDER / script).open() as source:
        process = server.launch(
            run.odoo,
            run.cluster,
            run.data_dir,
            ["shell", f"--database={DATABASE}", "--no-http", "--log-level=error"],
            stdin=source,
            env={"BENCH_ORDERS": str(orders), "PYTHONWARNINGS": "ignore"},
        )
        try:
            return process.wait()
        finally:
            server.stop(process)


if __name__ == "__main__":
    sys.exit(main())
