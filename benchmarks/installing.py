"""Installing an addon as an administrator does, from Apps, in an Odoo shell."""

import json
import time
from pathlib import Path


def install(env, addon, output):
    """Install an addon, and write into a file how long it took.

    :param env: the superuser's environment
    :param str addon: the addon's name
    :param str output: the file that gets the seconds
    """
    modules = env["ir.module.module"]
    modules.update_list()
    env.cr.commit()
    module = modules.search([("name", "=", addon), ("state", "=", "uninstalled")]).ensure_one()
    started = time.monotonic()
    module.button_immediate_install()
    Path(output).write_text(json.dumps(time.monotonic() - started))
