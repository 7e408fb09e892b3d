"""Installed on a shop in use, uninstalled from it: orders, users and mails stay as they are."""

from devtools import server

ADDON = "sale_auto_portal_user"
ORDERS = 100_000

# One confirmed order made by Odoo, the others like it.
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
print("FILLED", flush=True)
"""

CONFIRM = """
partner = env["res.partner"].create({"name": "Nora", "email": "nora@example.com"})
order = env["sale.order"].search([("name", "=", "MANY2")])
order.write({"state": "draft", "partner_id": partner.id})
order.action_confirm()
mail = env["mail.mail"].create({"subject": "Kept", "email_to": "nora@example.com"})
env.cr.commit()
print("CONFIRMED", order.is_user_created, flush=True)
"""

UNINSTALL = f"""
env["ir.module.module"].search([("name", "=", "{ADDON}")]).button_immediate_uninstall()
print("UNINSTALLED", flush=True)
"""


def test_it_installs_on_a_hundred_thousand_orders_without_writing_one_and_leaves_them_alone(
    make_database, database_template, run_in_shell, odoo_source, cluster, dev_session
):
    database = make_database(database_template)
    assert "FILLED" in run_in_shell(database, FILL)

    def versions_of_orders():
        """A row that is written gets a new version: the sum tells whether any was."""
        return cluster.query(database, "SELECT count(*), sum(xmin::text::bigint) FROM sale_order")

    before = versions_of_orders()
    log = dev_session.log_file("install-on-many-orders")
    code = server.run(
        odoo_source,
        cluster,
        dev_session.data_dir,
        [f"--database={database}", f"--init={ADDON}", "--stop-after-init", "--no-http", "--max-cron-threads=0"],
        log,
    )
    assert code == 0, log.read_text()[-2000:]
    assert versions_of_orders() == before
    assert not cluster.query(database, "SELECT 1 FROM res_users WHERE login = 'regular@example.com'")

    output = run_in_shell(database, CONFIRM)
    assert "CONFIRMED True" in output, output[-2000:]

    output = run_in_shell(database, UNINSTALL)
    assert "UNINSTALLED" in output, output[-2000:]
    assert cluster.query(database, "SELECT login, active FROM res_users WHERE login = 'nora@example.com'")
    assert cluster.query(database, "SELECT count(*) FROM sale_order WHERE state = 'sale'")[0][0] == ORDERS
    assert cluster.query(
        database, "SELECT 1 FROM mail_mail JOIN mail_message m ON m.id = mail_message_id WHERE m.subject = 'Kept'"
    )
    left = cluster.query(
        database,
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE column_name LIKE 'portal_invitation%' OR column_name LIKE 'auto_portal%'"
        " OR column_name IN ('is_user_created', 'portal_account_issue')",
    )
    assert not left
