"""`./dev bench`: measure the addons against stock Odoo, in one run, and print a table.

It makes a shop with agents, customers, orders and invoices, and compares what the addons take with what
Odoo alone takes. Ratios, queries and rows are the result; the times beside them depend on the machine.
A page that reads all orders, invoices or contacts there are makes it fail.

`./dev bench -- load` is another thing: two servers, and people on them; `./dev bench -- load --help`.
"""

import argparse

from benchmarks import bench, load
from benchmarks.run import BenchRun


def main(arguments):
    """Measure.

    :param list[str] arguments: the command line behind `--`
    :return: the exit code
    :rtype: int
    """
    if arguments[:1] == ["load"]:
        return load.main(arguments[1:])
    parser = argparse.ArgumentParser(prog="./dev bench --", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--size", choices=bench.SIZES, default="tenth", help="full: 1,000,000 orders (default: %(default)s)"
    )
    parser.add_argument("--orders", type=int, help="how many orders instead, at least 10,000")
    parser.add_argument("--repeats", type=int, default=11, help="how often a page is opened (default: %(default)s)")
    parser.add_argument("--save", action="store_true", help="write the table into benchmarks/RESULTS.md")
    options = parser.parse_args(arguments)
    orders = max(options.orders or bench.SIZES[options.size], bench.SMALL)
    with BenchRun.of_all_addons() as run:
        rows, scans = bench.Bench(run, orders, options.repeats).measure()
        return bench.conclude(rows, scans, orders, run.cluster.version(), options.save)
