from . import controllers
from . import models
from . import pages
from . import report
from . import wizard


def uninstall_hook(env):
    """Remove the menu that the addon added to Contacts: it belongs to Contacts, so Odoo would keep it."""
    menu = env.ref(models.ir_module_module.CONTACTS_MENU, raise_if_not_found=False)
    if menu:
        menu.unlink()
