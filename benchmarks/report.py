"""Write the table of the measures."""

import os
import platform
from dataclasses import dataclass
from datetime import datetime, timezone

HEADER = ("measure", "mark", "result", "", "ours", "compared to", "queries", "rows read", "first request")


@dataclass
class Row:
    """A row of the table.

    :param str name: names of the measure and of its comparison
    :param str mark: required result
    :param str result: measured result
    :param met: whether the result meets the mark; ``None`` if there is no mark
    :param str ours: our time
    :param str other: time of the comparison
    :param str queries: numbers of queries of both
    :param str rows: numbers of contacts, orders and invoices that PostgreSQL read for both
    :param str cold: times of both with empty caches
    """

    name: str
    mark: str
    result: str
    met: bool | None
    ours: str = ""
    other: str = ""
    queries: str = ""
    rows: str = ""
    cold: str = ""

    def cells(self):
        """:return: the row's cells in the order of :data:`HEADER`"""
        met = {True: "met", False: "**missed**", None: ""}[self.met]
        return self.name, self.mark, self.result, met, self.ours, self.other, self.queries, self.rows, self.cold


def make_table(rows):
    """Format rows as a Markdown table.

    :param list[Row] rows: rows of the table
    :rtype: str
    """
    lines = [HEADER, ["---"] * len(HEADER), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def make_cart_rows(with_addons, without):
    """Compare the cost of cart changes with and without the addons.

    :param dict with_addons: result of ``carts.measure`` with the addons
    :param dict without: result of ``carts.measure`` without them
    :rtype: Iterator[Row]
    """
    changes = without["changes"]
    for table in without["hot"]:
        ours, other = (f"{cost['hot'][table]} of {cost['updates'][table]}" for cost in (with_addons, without))
        share, stock_share = (cost["hot"][table] / cost["updates"][table] for cost in (with_addons, without))
        yield Row(
            name=f"{changes} changes of carts, HOT updates of `{table}`: with the addons / without",
            mark="as often",
            result=f"{share:.0%} / {stock_share:.0%}",
            met=share >= stock_share,
            ours=ours,
            other=other,
        )
    ratio = with_addons["log"] / without["log"]
    yield Row(
        name=f"{changes} changes of carts, what PostgreSQL writes to its log (WAL): with the addons / without",
        mark="≤ 1.1",
        result=f"{ratio:.2f}",
        met=ratio <= 1.1,
        ours=f"{with_addons['log'] / changes / 1024:.1f} kB each",
        other=f"{without['log'] / changes / 1024:.1f} kB each",
    )


def make_page(rows, sizes, cluster_version):
    """Format the page with the results.

    :param list[Row] rows: rows of the table
    :param str sizes: number of records as text
    :param cluster_version: PostgreSQL's version
    :rtype: str
    """
    now = datetime.now(timezone.utc)
    met, missed = sum(row.met is True for row in rows), sum(row.met is False for row in rows)
    return f"""# Measured against stock Odoo

Written by `./dev bench` on {now:%Y-%m-%d}: {sizes}. Python {platform.python_version()}, PostgreSQL \
{cluster_version}, {os.cpu_count()} cores. {met} marks met, {missed} missed.

Both sides of a comparison run alternately in one process, and each is the first of a pair every other time. The result
is the geometric mean of two medians: of the ratios of the pairs in which ours ran first, and of the others. The times
are medians too. Compare ratios, queries and rows; the milliseconds depend on the machine and its other load.
If a cell has two numbers, ours is the first. “Rows read” are the contacts, orders and invoices that PostgreSQL read,
including those it filtered out. “First request” is the time with empty caches.
PostgreSQL uses a quarter of the machine's memory for its buffers, and its defaults otherwise.
“Rules alone” is the cost for another addon that searches without a domain. A portal customer's rule compares with the
ids of two contacts, which Odoo has read before; an agent's rule collects the contacts of a hundred customers in the
same query, and reads them too.

{make_table(rows)}
"""
