"""Confirming orders with the addon and without it; an account against Odoo's own portal wizard.

Runs in `odoo shell`.
"""

import itertools
import statistics
import time

from odoo.fields import Command

env = globals()["env"]  # the shell defines it
env = env(context=dict(env.context, tracking_disable=True))
numbers = itertools.count()
product = env["product.product"].create({"name": "Bench", "type": "service", "taxes_id": [Command.clear()]})
portal = env.ref("base.group_portal")


def make_partners(count):
    """Make contacts with an address each."""
    return env["res.partner"].create(
        [
            {"name": f"Bench {number}", "email": f"bench{number}@example.com"}
            for number in itertools.islice(numbers, count)
        ]
    )


def make_orders(count, with_account):
    """Make quotations of as many customers."""
    partners = make_partners(count)
    if with_account:
        env["res.users"].with_context(no_reset_password=True).create(
            [
                {"partner_id": partner.id, "login": partner.email, "group_ids": [Command.set(portal.ids)]}
                for partner in partners
            ]
        )
    return env["sale.order"].create(
        [{"partner_id": partner.id, "order_line": [Command.create({"product_id": product.id})]} for partner in partners]
    )


def timed(action):
    """Run something on empty caches of records.

    :return: milliseconds and queries
    """
    env.flush_all()
    env.cr.commit()
    env.invalidate_all()
    queries, start = env.cr.sql_log_count, time.perf_counter()
    action()
    env.flush_all()
    result = (time.perf_counter() - start) * 1000, env.cr.sql_log_count - queries
    env.cr.commit()
    return result


def confirm(count, with_account, switched_on):
    """Confirm orders with the addon's feature switched on or off."""
    env.company.auto_portal_user = switched_on
    return timed(make_orders(count, with_account).action_confirm)


def grant_by_wizard():
    """Grant one contact portal access, as Odoo does."""
    wizard = env["portal.wizard"].with_context(active_ids=make_partners(1).ids).create({})
    return timed(wizard.user_ids.action_grant_access)


confirm(2, False, True)
wizard_ms = statistics.median(grant_by_wizard()[0] for _repeat in range(9))
print(f"\nOdoo's own portal wizard, one account: {wizard_ms:.0f} ms")
print(f"{'':34}{'with':>12}{'without':>12}{'ratio':>8}{'queries':>10}{'an account/wizard':>20}")
for count, with_account in itertools.product((1, 10, 100), (True, False)):
    pairs = [
        (confirm(count, with_account, True), confirm(count, with_account, False))
        for _repeat in range(11 if count < 100 else 5)
    ]
    ours = statistics.median(pair[0][0] for pair in pairs)
    stock = statistics.median(pair[1][0] for pair in pairs)
    ratio = statistics.median(pair[0][0] / pair[1][0] for pair in pairs)
    queries = statistics.median(pair[0][1] - pair[1][1] for pair in pairs)
    kind = "with accounts" if with_account else "new"
    share = "" if with_account else f"{(ours - stock) / count / wizard_ms:.2f}"
    print(
        f"{f'{count} orders, customers {kind}':34}{ours:>9.1f} ms{stock:>9.1f} ms{ratio:>8.2f}"
        f"{f'{queries:+.0f}':>10}{share:>20}",
        flush=True,
    )
