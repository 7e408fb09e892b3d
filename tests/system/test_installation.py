"""Installing, upgrading and uninstalling in a shop in use leaves orders, users, mails and settings unchanged."""

import pytest

from devtools import server

ADDON = "sale_auto_portal_user"
AGENT_ADDON = "portal_agent_account"
ORDERS = 5_000

# Odoo confirms one order; the others are copies of it.
FILL = f"""
partner = env["res.partner"].create({{"name": "Regular", "email": "regular@example.com"}})
product = env["product.product"].create({{"name": "Chair", "list_price": 10, "type": "service"}})
order = env["sale.order"].create({{"partner_id": partner.id, "order_line": [(0, 0, {{"product_id": product.id}})]}})
order.action_confirm()
env.flush_all()
env.cr.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'sale_order'")
columns = ", ".join(f'"{{name}}"' for name, in env.cr.fetchall() if name not in ("id", "name", "access_token"))
env.cr.execute(
    f"INSERT INTO sale_order (name, {{columns}}) SELECT 'MANY' || n, {{columns}}"
    f" FROM sale_order, generate_series(2, {ORDERS}) AS n WHERE id = {{order.id}}"
)
env.cr.commit()
"""

# Writing a row changes its transaction id: the sum shows whether any row was written.
VERSIONS = "SELECT count(*), sum(xmin::text::bigint) FROM sale_order"

# Queries for the structure and the technical records of a database.
TRACES = {
    "columns": "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'",
    "indexes": "SELECT indexname FROM pg_indexes WHERE schemaname = 'public'",
    "models": "SELECT model FROM ir_model",
    "fields": "SELECT model || '.' || name FROM ir_model_fields",
    "access rights": "SELECT name FROM ir_model_access",
    "record rules": "SELECT name FROM ir_rule",
    "groups": "SELECT name->>'en_US' FROM res_groups",
    "views": "SELECT COALESCE(key, name) FROM ir_ui_view",
    "menus": "SELECT name->>'en_US' FROM ir_ui_menu",
    "menus of websites": "SELECT url FROM website_menu",
    "actions": "SELECT name->>'en_US' FROM ir_actions",
    "scheduled actions": "SELECT cron_name FROM ir_cron",
    "mail templates": "SELECT name->>'en_US' FROM mail_template",
    "parameters": "SELECT key FROM ir_config_parameter",
    "external ids": "SELECT module || '.' || name FROM ir_model_data WHERE model != 'ir.module.module'",
}

INSTALL_ONE_AFTER_THE_OTHER = f"""
env.cr.execute("{VERSIONS}")
before = env.cr.fetchone()
modules = env["ir.module.module"]
modules.update_list()
for name in {[ADDON, AGENT_ADDON]}:
    modules.search([("name", "=", name)]).button_immediate_install()
env.cr.execute("{VERSIONS}")
print("INSTALLED", "and no order written" if env.cr.fetchone() == before else "and orders written", flush=True)
"""

USE = """
order = env["sale.order"].search([("name", "=", "MANY2")])
partner = env["res.partner"].create({"name": "Nora", "email": "nora@example.com"})
order.write({"state": "draft", "partner_id": partner.id})
order.action_confirm()
env["mail.mail"].create({"subject": "Kept", "email_to": "nora@example.com"})
agent = env["res.partner"].create({"name": "Ada", "email": "ada@example.com"})
agent.action_make_portal_agent()
partner.portal_agent_ids = agent.user_ids
weekly = env["mail.mail"].create({"subject": "Weekly", "email_to": "ada@example.com"})
weekly._mark_for_portal_agent(agent.user_ids, "ada@example.com")
env.company.write({"auto_portal_user_scope": "website", "portal_agent_draft_quotation": False})
for module, name in (
    ("sale_auto_portal_user", "mail_template_portal_invitation"),
    ("portal_agent_account", "mail_template_portal_agent_invitation"),
):
    env.ref(f"{module}.{name}").subject = "Written by the administrator"
env["website.menu"].search([("url", "=", "/my/agent")]).write({"name": "My Customers", "sequence": 3})
env.cr.commit()
print("USED", order.is_user_created, agent.user_ids.is_portal_agent, flush=True)
"""

UNINSTALL_BOTH = """
env["ir.module.module"].search(
    [("name", "in", ["sale_auto_portal_user", "portal_agent_account"])]
).button_immediate_uninstall()
print("UNINSTALLED", flush=True)
"""


@pytest.fixture
def read_traces(cluster):
    """A function that reads the structure and technical records of a database: `read_traces(database)`."""

    def read(database):
        return {kind: {row[0] for row in cluster.query(database, query)} for kind, query in TRACES.items()}

    return read


def test_a_shop_in_use_is_installed_on_upgraded_and_left_as_it_was_but_for_users_and_documents(
    make_database, database_template, run_in_shell, odoo_source, cluster, dev_session, read_traces
):
    database = make_database(database_template)
    before = read_traces(database)
    # `./dev test` also installs each addon alone, and both at once, in which case Odoo starts with the agents' addon.
    output = run_in_shell(database, FILL + INSTALL_ONE_AFTER_THE_OTHER)
    assert "INSTALLED and no order written" in output, output[-2000:]
    assert not cluster.query(database, "SELECT 1 FROM res_users WHERE login = 'regular@example.com'")
    output = run_in_shell(database, USE)
    assert "USED True True" in output, output[-2000:]

    def read_changes():
        return [
            cluster.query(database, "SELECT auto_portal_user_scope, portal_agent_draft_quotation FROM res_company"),
            cluster.query(database, "SELECT subject FROM mail_template WHERE name::text ~ 'Portal A' ORDER BY id"),
            cluster.query(database, "SELECT id, name, sequence FROM website_menu WHERE url = '/my/agent' ORDER BY id"),
        ]

    changed = read_changes()
    assert all(changed)
    log = dev_session.log_file("upgrade-over-itself")
    options = [f"--update={ADDON},{AGENT_ADDON}", "--stop-after-init", "--no-http", "--max-cron-threads=0"]
    code = server.run(odoo_source, cluster, dev_session.data_dir, [f"--database={database}", *options], log)
    assert code == 0, log.read_text()[-2000:]
    assert read_changes() == changed

    output = run_in_shell(database, UNINSTALL_BOTH)
    assert "UNINSTALLED" in output, output[-2000:]
    after = read_traces(database)
    assert {kind: after[kind] - before[kind] for kind in TRACES if after[kind] - before[kind]} == {}
    assert {kind: before[kind] - after[kind] for kind in TRACES if before[kind] - after[kind]} == {}
    users = cluster.query(
        database,
        "SELECT login, active FROM res_users WHERE login IN ('ada@example.com', 'nora@example.com') ORDER BY 1",
    )
    assert users == [("ada@example.com", True), ("nora@example.com", True)]
    assert cluster.query(database, "SELECT count(*) FROM sale_order WHERE state = 'sale'")[0][0] == ORDERS
    subjects = cluster.query(
        database, "SELECT subject FROM mail_mail JOIN mail_message m ON m.id = mail_message_id ORDER BY subject"
    )
    assert ("Kept",) in subjects
    assert ("Weekly",) not in subjects
