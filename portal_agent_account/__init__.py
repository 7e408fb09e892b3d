from . import controllers
from . import models
from . import pages
from . import report
from . import wizard


def uninstall_hook(env):
    """Take the agents out of the menu of Contacts, which has it as a record of its own."""
    menu = env.ref(models.ir_module_module.CONTACTS_MENU, raise_if_not_found=False)
    if menu:
        menu.unlink()
