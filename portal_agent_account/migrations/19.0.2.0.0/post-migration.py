def migrate(cr, version):
    """Remove the call that created the agent's link from the invitation template, and keep all other edits."""
    cr.execute(
        """
        UPDATE mail_template AS template
           SET body_html = replace(
                   body_html::text,
                   'object._get_portal_agent_signup_url()',
                   $$not object.login_date and '%s/my/agent' % object.get_base_url()$$
               )::jsonb
          FROM ir_model_data AS data
         WHERE data.module = 'portal_agent_account' AND data.name = 'mail_template_portal_agent_invitation'
           AND template.id = data.res_id
        """
    )
