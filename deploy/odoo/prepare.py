"""Apply the settings of .env and open the pages once before visitors do; install.sh runs this in Odoo's shell.

Odoo generates a page's stylesheets and scripts at the first request for them. Two requests at the same moment can
conflict, and with a replica the first answer is a 404.
"""

import os
import re

from werkzeug.test import Client

import odoo
from odoo.exceptions import AccessDenied

PAGES = ("/", "/shop", "/shop/cart", "/contactus", "/web/login", "/web/signup")
BACKEND = ("web.assets_web", "web.report_assets_common")


def set_addresses(env):
    """Set the address of links in mails, and the address from which wkhtmltopdf loads stylesheets."""
    parameters = env["ir.config_parameter"]
    parameters.set_param("web.base.url", os.environ["BASE_URL"].rstrip("/"))
    # Otherwise Odoo replaces it with the address at which an administrator signs in.
    parameters.set_param("web.base.url.freeze", "True")
    parameters.set_param("report.url", os.environ["REPORT_URL"])


def set_admin_password(env):
    """Replace the default password "admin" of a new database."""
    password = os.environ.get("ADMIN_PASSWORD")
    admin = env.ref("base.user_admin")
    credential = {"type": "password", "login": admin.login, "password": "admin"}
    if password:
        try:
            admin.with_user(admin)._check_credentials(credential, {"interactive": True})
        except AccessDenied:
            return  # it has been replaced before
        admin.password = password


def open_pages(env):
    """Open the pages of each website and the files they load."""
    client = Client(odoo.http.root)
    for website in env["website"].search([]):
        html = [_open(client, website, page) for page in PAGES]
        for asset in sorted(set(re.findall(r'(?:href|src)="(/web/assets/[^"]+)"', "".join(html)))):
            _open(client, website, asset)
    website = env["website"].browse()
    for bundle in BACKEND:
        for _tag, attributes in env["ir.qweb"]._get_asset_nodes(bundle):
            _open(client, website, attributes.get("src") or attributes.get("href"))


def _open(client, website, path):
    response = client.get(path, base_url=website.get_base_url(), follow_redirects=True)
    print(f"{response.status_code} {path}")
    return "" if path.startswith("/web/assets/") else response.get_data(as_text=True)


set_addresses(env)  # noqa: F821 `env` is the shell's
set_admin_password(env)  # noqa: F821
env.cr.commit()  # noqa: F821
open_pages(env)  # noqa: F821
