def uninstall_hook(env):
    """Leave no mail in Odoo's queue whose link would lead nowhere.

    :param odoo.api.Environment env: the superuser's environment
    """
    mixin = env.registry["sale.portal.mail"]
    for name, model in env.registry.items():
        if issubclass(model, mixin) and not model._abstract:
            env[name].search([("mail_id", "!=", False)])._unlink_mails()
