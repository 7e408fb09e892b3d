"""Odoo's privacy lookup finds and deletes the invitation of a person too."""

LOOK_UP = """
env["ir.module.module"].search([("name", "=", "privacy_lookup")]).button_immediate_install()
"""

FORGET = """
partner = env["res.partner"].create({"name": "Forget Me", "email": "forget.me@example.com"})
product = env["product.product"].search([("sale_ok", "=", True)], limit=1)
order = env["sale.order"].create({"partner_id": partner.id, "order_line": [(0, 0, {"product_id": product.id})]})
order.action_confirm()
invitation = env["sale.portal.invitation"].search([("partner_id", "=", partner.id)])
invitation._queue()
mail = invitation.mail_id
wizard = env["privacy.lookup.wizard"].create({"name": partner.name, "email": partner.email})
wizard.action_lookup()
line = wizard.line_ids.filtered(lambda line: line.res_model == "sale.portal.invitation")
print("FOUND", line.res_id == invitation.id, flush=True)
line.action_unlink()
print("UNLINKED", not invitation.exists(), not mail.exists(), flush=True)

invitation = env["sale.portal.invitation"]._invite(order.portal_user_id)
order._action_cancel()
order.unlink()
invitation.user_id.unlink()
partner.unlink()
print("DELETED", not invitation.exists(), not partner.exists(), flush=True)
"""


def test_the_privacy_look_up_finds_and_deletes_the_invitation(make_database, run_in_shell):
    database = make_database()
    run_in_shell(database, LOOK_UP)
    output = run_in_shell(database, FORGET)
    for line in ("FOUND True", "UNLINKED True True", "DELETED True True"):
        assert line in output, output[-3000:]
