"""Weekly mails to hundreds of agents: if Odoo is killed in between, it sends the remaining ones after its restart."""

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.system.conftest import wait_until

pytestmark = pytest.mark.long

CRON = "portal_agent_account.ir_cron_send_weekly_mails"
AGENTS = 240
PORTION = 20
# The limit of a run's memory growth: Odoo's own caches need less, the records of all agents would need more.
MEGABYTES = 10

CREATE_AGENTS = f"""
groups = env.ref("base.group_portal") + env.ref("portal_agent_account.group_portal_agent")
company = env.ref("base.main_company")
agents = env["res.users"].with_context(no_reset_password=True).create([
    {{"name": f"Agent {{number}}", "login": f"weekly{{number}}@example.com", "email": f"weekly{{number}}@example.com",
      "tz": "UTC", "company_id": company.id, "company_ids": [(6, 0, company.ids)], "group_ids": [(6, 0, groups.ids)]}}
    for number in range({AGENTS})
])
customer = env["res.partner"].create({{"name": "Everybody's Customer", "is_company": True}})
customer.portal_agent_ids = agents
product = env["product.product"].search([("sale_ok", "=", True)], limit=1)
order = env["sale.order"].create({{"partner_id": customer.id, "order_line": [(0, 0, {{"product_id": product.id}})]}})
order.action_confirm()
now = env.cr.now()
company.write({{
    "portal_agent_weekly_mail": True,
    "portal_agent_weekly_mail_weekday": str(now.weekday()),
    "portal_agent_weekly_mail_hour": now.hour,
}})
# The mails stay in the queue, where they are counted.
env.ref("mail.ir_cron_mail_scheduler_action").active = False
env["mail.mail"].search([]).unlink()
env.cr.commit()
"""


def count_mails(shop):
    """:return: the number of weekly mails in the queue, by agent"""
    rows = shop.cluster.query(shop.database, "SELECT email_to FROM mail_mail WHERE email_to LIKE 'weekly%'")
    return Counter(address for (address,) in rows)


def count_agents_done(shop):
    """:return: the number of agents whose mail is noted as sent"""
    query = "SELECT count(*) FROM res_users WHERE login LIKE 'weekly%' AND portal_agent_weekly_mail_date IS NOT NULL"
    return shop.cluster.query(shop.database, query)[0][0]


def read_memory(shop):
    """:return: the server's memory in megabytes"""
    status = Path(f"/proc/{shop.server.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def test_hundreds_of_agents_get_one_mail_each_though_odoo_is_killed(make_database, make_shop, run_in_shell):
    database = make_database()
    run_in_shell(database, CREATE_AGENTS)
    shop = make_shop(database=database, check_log=None)
    cron = shop.admin.read("ir.model.data", [["name", "=", CRON.split(".")[1]]], "res_id")[0]["res_id"]
    shop.cluster.query(
        database, "INSERT INTO ir_cron_trigger (cron_id, call_at) VALUES (%s, now() AT TIME ZONE 'UTC')", [cron]
    )
    shop.cluster.query("postgres", "SELECT pg_notify('cron_trigger', %s)", [database])
    wait_until(lambda: count_agents_done(shop) > 5 * PORTION, what="some weekly mails")
    shop.server.process.kill()
    shop.server.stop()

    mails = count_mails(shop)
    assert PORTION <= len(mails) < AGENTS, "Odoo was killed in between"
    assert set(mails.values()) == {1}
    assert len(mails) == count_agents_done(shop), "a mail and its note are written in one transaction"

    shop = make_shop(database=database)
    memory = [read_memory(shop)]
    shop.cluster.query(
        database, "UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC' - interval '1 minute' WHERE id = %s", [cron]
    )

    def is_done():
        shop.cluster.query("postgres", "SELECT pg_notify('cron_trigger', %s)", [database])
        memory.append(read_memory(shop))
        return count_agents_done(shop) >= AGENTS

    wait_until(is_done, timeout=900, what="the other weekly mails")
    mails = count_mails(shop)
    assert len(mails) == AGENTS
    assert set(mails.values()) == {1}
    quarter = len(memory) // 4
    assert max(memory[quarter:]) - memory[quarter] < MEGABYTES, memory
