def uninstall_hook(env):
    """Delete the mails in Odoo's queue whose links no longer work after the uninstallation.

    :param odoo.api.Environment env: environment of the superuser
    """
    mixin = env.registry["sale.portal.mail"]
    for name, model in env.registry.items():
        if issubclass(model, mixin) and not model._abstract:
            env[name].search([("mail_id", "!=", False)])._unlink_mails()
