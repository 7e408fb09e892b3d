"""Measure the cost of a cart change: whether it is a HOT update, which changes no index, and the size of the WAL."""

import json
import random
from pathlib import Path

from odoo.fields import Command

SEED, CARTS, CHANGES = 19, 200, 800
TABLES = ("sale_order", "sale_order_line")


def measure(env, output):
    """Change the quantities of carts, each in a separate transaction, and write the cost to a file.

    :param env: environment of the superuser
    :param str output: path of the file
    """
    carts, dice = _make_carts(env), random.Random(SEED)
    before, position = _count_updates(env), _get_log_position(env)
    for _change in range(CHANGES):
        line = dice.choice(carts).order_line[0]
        line.product_uom_qty = dice.randint(1, 50)
        env.flush_all()
        env.cr.commit()
    log, after = _get_log_position(env) - position, _count_updates(env)
    updates, hot = ({table: after[table][which] - before[table][which] for table in TABLES} for which in (0, 1))
    Path(output).write_text(json.dumps({"changes": CHANGES, "updates": updates, "hot": hot, "log": log}))


def _count_updates(env):
    """:return: the number of updates and of HOT updates so far, by table"""
    counts = {}
    env.cr.execute("SELECT pg_stat_force_next_flush()")
    env.cr.commit()
    for table in TABLES:
        env.cr.execute(
            "SELECT pg_stat_get_tuples_updated(%(table)s::regclass),"
            " pg_stat_get_tuples_hot_updated(%(table)s::regclass)",
            {"table": table},
        )
        counts[table] = env.cr.fetchone()
    env.cr.commit()
    return counts


def _make_carts(env):
    """:return: new carts of visitors who are not signed in"""
    website = env["website"].search([], limit=1)
    product = env["product.product"].search([("sale_ok", "=", True)], limit=1)
    partner = website.user_id.sudo().partner_id
    lines = [Command.create({"product_id": product.id, "product_uom_qty": 1}) for _line in range(2)]
    carts = env["sale.order"].create(
        [{"partner_id": partner.id, "website_id": website.id, "order_line": lines} for _cart in range(CARTS)]
    )
    env.flush_all()
    env.cr.commit()
    return carts


def _get_log_position(env):
    """:return: the number of bytes that PostgreSQL has written to its WAL"""
    env.cr.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
    return int(env.cr.fetchone()[0])
