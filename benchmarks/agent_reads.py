"""An agent's list and count of orders and invoices: by the agent's rules, by rules joined with OR, as a customer.

Runs in `odoo shell`.
"""

import json
import os
import statistics
import time
from unittest.mock import patch

from odoo.fields import Command

from odoo.addons.portal_agent_account.models import agent_scope

env = globals()["env"]  # the shell defines it
ORDERS = int(os.environ["BENCH_ORDERS"])
PER_CUSTOMER = 5
CUSTOMERS_OF_AGENT = 100
REPEATS = 15

FILL = """
INSERT INTO res_partner (name, complete_name, active, is_company, type, partner_share, autopost_bills)
     SELECT 'Bench ' || n, 'Bench ' || n, TRUE, TRUE, 'contact', TRUE, 'ask'
       FROM generate_series(1, %(customers)s) AS n;
UPDATE res_partner SET commercial_partner_id = id WHERE name LIKE 'Bench %%';
INSERT INTO res_partner_portal_agent_rel (partner_id, user_id)
     SELECT id, CASE WHEN rank <= %(own)s THEN %(agent)s ELSE %(other)s END
       FROM (SELECT id, row_number() OVER (ORDER BY id) AS rank FROM res_partner WHERE name LIKE 'Bench %%') AS bench;
INSERT INTO sale_order (name, partner_id, partner_invoice_id, partner_shipping_id, company_id, currency_id, state,
                        date_order)
     SELECT 'B' || id || '/' || g, id, id, id, %(company)s, %(currency)s, 'sale', now() - g * interval '1 day'
       FROM res_partner, generate_series(1, %(each)s) AS g WHERE name LIKE 'Bench %%';
INSERT INTO account_move (name, journal_id, partner_id, commercial_partner_id, company_id, currency_id, state,
                          move_type, auto_post, date, invoice_date)
     SELECT 'B/' || id || '/' || g, %(journal)s, id, id, %(company)s, %(currency)s, 'posted', 'out_invoice', 'no',
            current_date - g, current_date - g
       FROM res_partner, generate_series(1, %(each)s) AS g WHERE name LIKE 'Bench %%';
-- One customer with as many documents as the agent has.
UPDATE sale_order SET partner_id = %(customer)s
 WHERE id IN (SELECT id FROM sale_order WHERE name LIKE 'B%%' ORDER BY id DESC LIMIT %(own)s * %(each)s);
UPDATE account_move SET partner_id = %(customer)s, commercial_partner_id = %(customer)s
 WHERE id IN (SELECT id FROM account_move WHERE name LIKE 'B/%%' ORDER BY id DESC LIMIT %(own)s * %(each)s);
"""


def make_user(login, *groups):
    """Make a portal user."""
    return (
        env["res.users"]
        .with_context(no_reset_password=True)
        .create(
            {
                "name": login,
                "login": login,
                "group_ids": [Command.set([env.ref(group).id for group in groups])],
            }
        )
    )


def rows_read(plan):
    """Add up the documents that a plan looked at, those that it threw away included."""
    loops = plan.get("Actual Loops", 1)
    own = 0
    if plan.get("Relation Name") in ("sale_order", "account_move"):
        own = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * loops
    return own + sum(map(rows_read, plan.get("Plans", ())))


def measure(user, scope, model, order):
    """Time a list of 80 and a count; read the rows that the list's plan touches."""
    with patch.object(agent_scope, "get_agent_scope", return_value=scope):
        records = env(user=user)[model]
        times = {"list": [], "count": []}
        for _repeat in range(REPEATS + 2):
            records.env.invalidate_all()
            start = time.perf_counter()
            found = records.search([], order=order, limit=80)
            middle = time.perf_counter()
            total = records.search_count([])
            times["list"].append(middle - start)
            times["count"].append(time.perf_counter() - middle)
        query = records._search([], order=order, limit=80).select()
        records.env.cr.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + records.env.cr.mogrify(query).decode())
        plan = records.env.cr.fetchone()[0]
    plan = json.loads(plan) if isinstance(plan, str) else plan
    medians = {name: statistics.median(values[2:]) * 1000 for name, values in times.items()}
    return {**medians, "rows": rows_read(plan[0]["Plan"]), "total": total, "found": len(found)}


agent = make_user("bench-agent", "base.group_portal", "portal_agent_account.group_portal_agent")
other = make_user("bench-other", "base.group_portal", "portal_agent_account.group_portal_agent")
customer = make_user("bench-customer", "base.group_portal")
company = env.company
journal = env["account.journal"].create({"name": "Bench", "code": "BNCH", "type": "general"})
env.flush_all()
env.cr.execute(
    FILL,
    {
        "customers": ORDERS // PER_CUSTOMER,
        "own": CUSTOMERS_OF_AGENT,
        "each": PER_CUSTOMER,
        "agent": agent.id,
        "other": other.id,
        "customer": customer.partner_id.id,
        "company": company.id,
        "currency": company.currency_id.id,
        "journal": journal.id,
    },
)
env.cr.commit()
env.cr.execute("ANALYZE res_partner, res_partner_portal_agent_rel, sale_order, account_move")

print(f"\n{ORDERS:,} orders and as many invoices; an agent with {CUSTOMERS_OF_AGENT} customers")
print(f"{'':46}{'list of 80':>12}{'count':>10}{'rows read':>12}{'documents':>11}")
for model, order in (("sale.order", "date_order desc, id desc"), ("account.move", "invoice_date desc, id desc")):
    measured = {
        "agent, by the agent's rules": measure(agent, agent_scope.AGENT, model, order),
        "agent, by rules joined with OR": measure(agent, agent_scope.COMBINED, model, order),
        "a customer with as many documents": measure(customer, agent_scope.PLAIN, model, order),
    }
    for name, result in measured.items():
        title = f"{model}: {name}"
        print(
            f"{title:46}{result['list']:>9.1f} ms{result['count']:>7.1f} ms{result['rows']:>12,}{result['total']:>11,}"
        )
    ours, joined, stock = measured.values()
    print(
        f"{'    ratio to the rules joined with OR':46}{ours['list'] / joined['list']:>12.3f}"
        f"{ours['count'] / joined['count']:>10.3f}{ours['rows'] / joined['rows']:>12.4f}"
    )
    print(
        f"{'    ratio to the customer':46}{ours['list'] / stock['list']:>12.2f}{ours['count'] / stock['count']:>10.2f}"
        f"{ours['rows'] / stock['rows']:>12.2f}",
        flush=True,
    )
