import re

from psycopg2.extras import Json

from odoo import SUPERUSER_ID, api

CRON = "sale_auto_portal_user.ir_cron_send_portal_invitations"
OLD_COLUMNS = (
    "portal_invitation_state",
    "portal_invitation_mail_id",
    "portal_invitation_next_try",
    "portal_invitation_refusals",
)
# Template fields with expressions. The first two are translated.
TRANSLATED_FIELDS = ("subject", "body_html")
TEXT_FIELDS = ("email_from", "email_to", "email_cc", "reply_to", "partner_to", "lang", "scheduled_date")
# Matches fields and methods of the user, except for methods that invitations have under the same name.
OBJECT_RE = re.compile(r"\bobject\.(?!_get_portal_)(?=[a-z_])")
REWRITTEN = (
    (
        "object._may_reset_portal_password()",
        "(object.env['ir.config_parameter'].sudo().get_param('auth_signup.reset_password') == 'True')",
    ),
    ("object.auto_portal_order_id", "object.order_id"),
)
INSERT_INVITATIONS = """
    INSERT INTO sale_portal_invitation (
        user_id, partner_id, email, order_id, company_id, website_id,
        state, next_attempt, attempts, sent_date, last_sent_date, sent_count, accepted_date, expiry_date,
        link_number, is_reminder, create_uid, write_uid, create_date, write_date
    )
    SELECT old.id, old.partner_id, old.login, old.order_id, old.company_id, old.website_id,
           old.state,
           CASE WHEN old.state = 'to_send' THEN coalesce(old.next_try, now() AT TIME ZONE 'UTC') END,
           CASE WHEN old.state IN ('to_send', 'failed') THEN coalesce(old.refusals, 0) ELSE 0 END,
           old.sent_date, old.sent_date, (old.sent_date IS NOT NULL)::int,
           CASE WHEN old.state = 'accepted' THEN old.first_login END,
           old.sent_date + %(validity)s * interval '1 hour',
           0, false, 1, 1, old.create_date, now() AT TIME ZONE 'UTC'
      FROM (
        SELECT users.id, users.partner_id, users.login, users.create_date, log.first_login,
               orders.id AS order_id, coalesce(orders.company_id, users.company_id) AS company_id, orders.website_id,
               users.portal_invitation_next_try AS next_try, users.portal_invitation_refusals AS refusals,
               -- The exact date is unknown, but it was soon after the creation of the account.
               CASE
                   WHEN users.portal_invitation_state = 'sent' OR mail.state = 'sent' THEN users.create_date
               END AS sent_date,
               CASE
                   WHEN log.first_login IS NOT NULL THEN 'accepted'
                   WHEN NOT users.active OR users.portal_invitation_state IS NULL THEN 'cancelled'
                   -- Mails in Odoo's queue contain an old link: render them again.
                   WHEN users.portal_invitation_state = 'queued' AND mail.state IN ('outgoing', 'exception')
                   THEN 'to_send'
                   WHEN users.portal_invitation_state = 'queued' AND coalesce(mail.state, 'cancel') = 'cancel'
                   THEN 'cancelled'
                   WHEN users.portal_invitation_state IN ('to_send', 'failed') THEN users.portal_invitation_state
                   ELSE 'sent'
               END AS state
          FROM res_users AS users
          LEFT JOIN sale_order AS orders ON orders.id = users.auto_portal_order_id
          LEFT JOIN mail_mail AS mail ON mail.id = users.portal_invitation_mail_id
          LEFT JOIN LATERAL (
              SELECT min(create_date) AS first_login FROM res_users_log WHERE create_uid = users.id
          ) AS log ON true
         WHERE users.auto_portal_order_id IS NOT NULL OR users.portal_invitation_state IS NOT NULL
      ) AS old
    ON CONFLICT (user_id) DO NOTHING
"""


def migrate(cr, version):
    """Convert the invitation fields of users in 19.0.1.0.0 to invitations."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    _convert_invitations(env)
    _note_links_of_unused_accounts(env)
    for column in OLD_COLUMNS:
        cr.execute(f'ALTER TABLE res_users DROP COLUMN IF EXISTS "{column}"')
    _convert_templates(env)
    cron = env.ref(CRON, raise_if_not_found=False)
    if cron:
        cron.write({"model_id": env["ir.model"]._get_id("sale.portal.invitation"), "code": "model._cron_send()"})
        cron._trigger()


def _convert_invitations(env):
    """Create an invitation for each account created by the addon.

    :param odoo.api.Environment env: environment of the superuser
    """
    validity = env["sale.portal.invitation"]._get_validity_hours()
    env.cr.execute(INSERT_INVITATIONS, {"validity": validity})
    env.cr.execute("SELECT portal_invitation_mail_id FROM res_users WHERE portal_invitation_mail_id IS NOT NULL")
    env["mail.mail"].browse(mail_id for (mail_id,) in env.cr.fetchall()).unlink()
    env.invalidate_all()
    env["sale.portal.invitation"].search(env["sale.portal.invitation"]._get_expired_domain())._expire()


def _note_links_of_unused_accounts(env):
    """Mark the accounts created by the addon, so that the owner's first login voids the links to their documents.

    Links of owners who have already signed in keep working: by now they are the owner's own.

    :param odoo.api.Environment env: environment of the superuser
    """
    env.cr.execute(
        """
        UPDATE res_users
           SET portal_tokens_exposed = NOT EXISTS (SELECT 1 FROM res_users_log WHERE create_uid = res_users.id)
          FROM sale_portal_invitation AS invitation
         WHERE invitation.user_id = res_users.id
        """
    )
    env.invalidate_all()


def _convert_templates(env):
    """Convert the templates set on companies from users to invitations.

    :param odoo.api.Environment env: environment of the superuser
    """
    templates = env["res.company"].with_context(active_test=False).search([]).auto_portal_user_template_id
    for template in templates.filtered(lambda template: template.model == "res.users"):
        env.cr.execute("SELECT * FROM mail_template WHERE id = %s", [template.id])
        (row,) = env.cr.dictfetchall()
        values = {name: _convert(row[name]) for name in TEXT_FIELDS if row[name]}
        for name in TRANSLATED_FIELDS:
            if row[name]:
                values[name] = Json({lang: _convert(text) for lang, text in row[name].items()})
        values["model_id"] = env["ir.model"]._get_id("sale.portal.invitation")
        values["model"] = "sale.portal.invitation"
        columns = ", ".join(f'"{name}" = %({name})s' for name in values)
        env.cr.execute(f"UPDATE mail_template SET {columns} WHERE id = %(id)s", {**values, "id": template.id})
    env.invalidate_all()


def _convert(text):
    """Convert the expressions of a template for users to expressions for invitations.

    :param str text: text of a template field
    :rtype: str
    """
    for old, new in REWRITTEN:
        text = text.replace(old, new)
    return re.sub(r"\bobject\.user_id\.(env|order_id)\b", r"object.\1", OBJECT_RE.sub("object.user_id.", text))
