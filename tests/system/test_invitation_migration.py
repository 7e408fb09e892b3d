"""Upgrade of a database with version 19.0.1.0.0, which stored an invitation in fields of the user.

test_agent_migration.py upgrades such a database together with the agents' addon.
"""

from devtools import server

ADDON = "sale_auto_portal_user"

# Customers whose account was created by the addon, one for each state of the old version.
CREATE_ACCOUNTS = '''
product = env["product.product"].search([("sale_ok", "=", True)], limit=1)
names = ("to_send", "queued", "queued_sent", "queued_cancelled", "queued_deleted", "sent", "sent_long_ago",
         "logged_in", "failed", "archived")
for name in names:
    partner = env["res.partner"].create({"name": name, "email": f"{name}@example.com"})
    order = env["sale.order"].create({"partner_id": partner.id, "order_line": [(0, 0, {"product_id": product.id})]})
    order.action_confirm()
    user = order.portal_user_id
    if name == "logged_in":
        env["res.users.log"].with_user(user).sudo().create({})
        order._portal_ensure_token()  # a link that was mailed to the user long after the first sign-in
    if name == "archived":
        user.action_archive()
# An archived company with its own template.
template = env["mail.template"].create(
    {"name": "Closed", "model_id": env["ir.model"]._get_id("res.users"), "body_html": "<p t-out='object.name'/>"}
)
env["res.company"].create({"name": "Closed", "auto_portal_user_template_id": template.id}).active = False
# Odoo's records of the old fields.
env.cr.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'ir_model_fields'")
columns = ", ".join(f'"{name}"' for name, in env.cr.fetchall() if name not in ("id", "name", "ttype", "relation"))
for name in ("state", "mail_id", "next_try", "refusals"):
    env.cr.execute(
        f"""INSERT INTO ir_model_fields (name, ttype, {columns})
            SELECT 'portal_invitation_' || %s, 'char', {columns} FROM ir_model_fields
             WHERE model = 'res.users' AND name = 'auto_portal_order_id' RETURNING id""",
        [name],
    )
    env["ir.model.data"].create(
        {
            "module": "sale_auto_portal_user",
            "name": f"field_res_users__portal_invitation_{name}",
            "model": "ir.model.fields",
            "res_id": env.cr.fetchone()[0],
        }
    )
env.cr.commit()
'''

# The old version's columns of the users, and a template and a scheduled action of that model.
OLD_FORM = """
ALTER TABLE res_users
    ADD COLUMN portal_invitation_state varchar,
    ADD COLUMN portal_invitation_mail_id integer REFERENCES mail_mail ON DELETE SET NULL,
    ADD COLUMN portal_invitation_next_try timestamp,
    ADD COLUMN portal_invitation_refusals integer;
UPDATE res_users
   SET portal_invitation_state = CASE
           WHEN login LIKE 'queued%' THEN 'queued'
           WHEN login LIKE 'sent%' OR login LIKE 'logged%' THEN 'sent'
           WHEN login LIKE 'archived%' THEN NULL
           ELSE split_part(login, '@', 1)
       END,
       portal_invitation_next_try = now() AT TIME ZONE 'UTC' + interval '1 day',
       portal_invitation_refusals = CASE WHEN login LIKE 'to_send%' THEN 2 END
 WHERE auto_portal_order_id IS NOT NULL;
UPDATE res_users SET create_date = create_date - interval '1 year' WHERE login LIKE 'sent_long_ago@%';
WITH message AS (
    INSERT INTO mail_message (message_type, subject)
    SELECT 'user_notification', login FROM res_users WHERE portal_invitation_state = 'queued'
    RETURNING id, subject
), mail AS (
    INSERT INTO mail_mail (mail_message_id, state, email_to, body_html)
    SELECT id,
           CASE
               WHEN subject LIKE 'queued_sent%' THEN 'sent'
               WHEN subject LIKE 'queued_cancelled%' THEN 'cancel'
               ELSE 'outgoing'
           END,
           subject, '/web/signup?token=old'
      FROM message WHERE subject NOT LIKE 'queued_deleted%'
    RETURNING id, email_to
)
UPDATE res_users SET portal_invitation_mail_id = mail.id FROM mail WHERE mail.email_to = login;
UPDATE mail_template
   SET model_id = (SELECT id FROM ir_model WHERE model = 'res.users'), model = 'res.users',
       subject = '{"en_US": "{{ object._get_portal_shop().name }}: choose a password"}',
       body_html = jsonb_build_object('en_US',
           '<p>I object. Hello <t t-out="object.name"/>, thanks for <t t-out="object.auto_portal_order_id.name"/> '
           '<a t-att-href="object._get_portal_invitation_url()">go</a>'
           '<t t-if="object._may_reset_portal_password()"> reset</t></p>'),
       email_from = '{{ object._get_portal_company().email_formatted or user.email_formatted }}',
       email_to = '{{ object.email_normalized }}', lang = '{{ object.lang }}'
 WHERE id = (SELECT res_id FROM ir_model_data
             WHERE module = 'sale_auto_portal_user' AND name = 'mail_template_portal_invitation');
UPDATE ir_act_server
   SET model_id = (SELECT id FROM ir_model WHERE model = 'res.users'),
       code = 'model._cron_send_portal_invitations()'
 WHERE id = (SELECT ir_actions_server_id FROM ir_cron JOIN ir_model_data ON res_id = ir_cron.id
             WHERE module = 'sale_auto_portal_user' AND ir_model_data.name = 'ir_cron_send_portal_invitations');
DELETE FROM ir_cron USING ir_model_data
 WHERE res_id = ir_cron.id AND module = 'sale_auto_portal_user'
   AND ir_model_data.name = 'ir_cron_portal_invitation_upkeep';
DELETE FROM ir_model_data WHERE module = 'sale_auto_portal_user' AND name = 'ir_cron_portal_invitation_upkeep';
ALTER TABLE res_company DROP COLUMN auto_portal_user_reminder_days, DROP COLUMN auto_portal_user_archive_days;
DROP TABLE sale_portal_invitation;
UPDATE ir_module_module SET latest_version = '19.0.1.0.0' WHERE name = 'sale_auto_portal_user';
"""

STATES = {
    "to_send": "to_send",
    "queued": "to_send",
    "queued_sent": "sent",
    "queued_cancelled": "cancelled",
    "queued_deleted": "cancelled",
    "sent": "sent",
    "sent_long_ago": "expired",
    "logged_in": "accepted",
    "failed": "failed",
    "archived": "cancelled",
}


def update(odoo_source, cluster, dev_session, database, name):
    """Update the addon as an administrator does, and check the log."""
    log = dev_session.log_file(name)
    options = [f"--update={ADDON}", "--stop-after-init", "--no-http", "--max-cron-threads=0"]
    code = server.run(odoo_source, cluster, dev_session.data_dir, [f"--database={database}", *options], log)
    text = log.read_text()
    assert code == 0, text[-2000:]
    assert " ERROR " not in text, text[-2000:]


def test_a_template_that_nobody_had_edited_is_the_new_one(make_database, odoo_source, cluster, dev_session):
    database = make_database()
    cluster.query(database, OLD_FORM)
    cluster.query(database, "UPDATE mail_template SET write_date = create_date WHERE model = 'res.users'")
    update(odoo_source, cluster, dev_session, database, "invitation-migration-standard")
    assert not cluster.query(database, "SELECT 1 FROM res_company WHERE auto_portal_user_template_id IS NOT NULL")
    rows = cluster.query(
        database, "SELECT body_html->>'en_US' FROM mail_template WHERE model = 'sale.portal.invitation'"
    )
    assert len(rows) == 1
    assert "_get_portal_decline_url" in rows[0][0]
