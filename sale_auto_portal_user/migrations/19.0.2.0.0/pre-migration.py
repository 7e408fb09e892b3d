TEMPLATE = "mail_template_portal_invitation"


def migrate(cr, version):
    """Make room for the new standard template, which renders invitations instead of users.

    Delete the old template unless it was edited. Otherwise keep it without its external id and set it on the companies;
    the post-migration converts it.
    """
    cr.execute(
        """
        DELETE FROM ir_model_data
              WHERE module = 'sale_auto_portal_user' AND name = %s AND model = 'mail.template'
          RETURNING res_id
        """,
        [TEMPLATE],
    )
    for (template_id,) in cr.fetchall():
        cr.execute("DELETE FROM mail_template WHERE id = %s AND write_date = create_date", [template_id])
        if not cr.rowcount:
            cr.execute(
                "UPDATE res_company SET auto_portal_user_template_id = %s WHERE auto_portal_user_template_id IS NULL",
                [template_id],
            )
