"""The table that the measures make."""

import os
import platform
from dataclasses import dataclass
from datetime import datetime, timezone

HEADER = ("measure", "mark", "result", "", "ours", "compared to", "queries", "rows read", "first request")


@dataclass
class Row:
    """One measure.

    :param str name: what was measured, and what it was compared to
    :param str mark: what it has to be
    :param str result: what it is
    :param met: whether the result is what it has to be; ``None`` where there is no number to keep to
    :param str ours: the time of ours
    :param str other: the time of what it is compared to
    :param str queries: of both
    :param str rows: contacts, orders and invoices that PostgreSQL read, of both
    :param str cold: the times of both with nothing in Odoo's caches
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
    """Write rows as a Markdown table.

    :param list[Row] rows: the rows
    :rtype: str
    """
    lines = [HEADER, ["---"] * len(HEADER), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def make_cart_rows(with_addons, without):
    """Compare what changes of carts cost PostgreSQL with and without the addons.

    :param dict with_addons: what ``carts.measure`` has written
    :param dict without: likewise
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
    """Write the page that shows the results.

    :param list[Row] rows: the rows
    :param str sizes: how much of everything there was
    :param cluster_version: PostgreSQL's version
    :rtype: str
    """
    now = datetime.now(timezone.utc)
    met, missed = sum(row.met is True for row in rows), sum(row.met is False for row in rows)
    return f"""# Measured against stock Odoo

Written by `./dev bench` on {now:%Y-%m-%d}: {sizes}. Python {platform.python_version()}, PostgreSQL \
{cluster_version}, {os.cpu_count()} cores. {met} marks met, {missed} missed.

Ours and what it is compared to are run by turns in one process, each first every other time. The result is the
geometric mean of two medians: of the ratios of the pairs in which ours came first, and of the others. The times are
medians, too. The ratios, the queries and the rows are the result; the milliseconds belong to the machine, and to
whatever else it was doing.
Where two numbers stand in a cell, ours is the first. “Rows read” are the contacts, orders and invoices that
PostgreSQL looked at, those it threw away included. “First request” is the time with nothing in Odoo's caches.
PostgreSQL has a quarter of the machine's memory for its buffers, and everything else as it comes.
“Rules alone” is what another addon pays that searches without a condition of its own. A portal customer's rule compares
with the ids of two contacts, which Odoo has asked for before; an agent's gathers the contacts of a hundred customers in
the same query, and reads them, too.

{make_table(rows)}
"""
