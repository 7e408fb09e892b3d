TEMPLATE = "mail_template_portal_agent_invitation"


def migrate(cr, version):
    """Delete the invitation's mail template unless it was edited, so that the update creates the new one.

    The new template contains its own layout. An edited one keeps using Odoo's layout.
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
