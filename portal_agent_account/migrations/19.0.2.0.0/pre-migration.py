TEMPLATE = "mail_template_portal_agent_invitation"


def migrate(cr, version):
    """Make room for the new mail template of the invitation, unless somebody has edited the old one.

    The new template has a layout of its own. One that was edited is sent in Odoo's.
    """
    cr.execute(
        """
        DELETE FROM mail_template AS template
              USING ir_model_data AS data
              WHERE data.module = 'portal_agent_account' AND data.name = %s AND data.model = 'mail.template'
                AND template.id = data.res_id AND template.write_date = template.create_date
        """,
        [TEMPLATE],
    )
    if cr.rowcount:
        cr.execute("DELETE FROM ir_model_data WHERE module = 'portal_agent_account' AND name = %s", [TEMPLATE])
        return
    cr.execute(
        """
        UPDATE mail_template AS template
           SET email_layout_xmlid = COALESCE(email_layout_xmlid, 'mail.mail_notification_light')
          FROM ir_model_data AS data
         WHERE data.module = 'portal_agent_account' AND data.name = %s AND template.id = data.res_id
        """,
        [TEMPLATE],
    )
