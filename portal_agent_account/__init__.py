from . import controllers
from . import models
from . import pages
from . import report
from . import wizard


def uninstall_hook(env):
    """Remove what Odoo would keep: the menu in Contacts, and the agents' mails that have not been sent.

    The menu belongs to Contacts. The mails contain links that no longer work.
    """
    menu = env.ref(models.ir_module_module.CONTACTS_MENU, raise_if_not_found=False)
    if menu:
        menu.unlink()
    env["mail.mail"].search([("portal_agent_scope", "!=", False), ("state", "in", ("outgoing", "exception"))]).unlink()
