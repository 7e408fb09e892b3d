"""`./dev run`: a shop with both addons, its mail caught, until Ctrl-C."""

import ast
import re
import time
import xml.etree.ElementTree as ElementTree

from . import odoo_source, paths, pdf, recipes, server
from .databases import Databases, hash_addon
from .errors import DevError
from .mail import MailCatcher
from .postgres import open_cluster
from .progress import Stage, say

STATE_KEY = "portal_accounts.dev_state"
KEPT_LINES = 15
# The link of an invitation, and of a mail that resets a password.
SECRET_LINK = re.compile(
    r"https?://[^/]+(/[\w-]{2,5})?/(web/signup|web/reset_password|my/invitation)\b(?!.*/decline)", re.ASCII
)


def run(options):
    """Serve the shop.

    :param argparse.Namespace options: the command line
    :return: 0
    :rtype: int
    :raise DevError: when something is in the way
    """
    check_port(options.port)
    odoo = odoo_source.ensure(options.odoo)
    pdf.ensure_wkhtmltopdf()
    logs, data_dir = paths.folder("logs"), paths.folder("run-data")
    log_file = logs / f"{options.db}.log"
    with open_cluster("run") as cluster, MailCatcher(paths.folder("mails"), on_mail=_show_mail) as catcher:
        prepare_database(Databases(cluster, data_dir), odoo, options, logs)
        log_file.unlink(missing_ok=True)
        odoo_server = server.OdooServer(
            odoo,
            cluster,
            options.db,
            data_dir,
            log_file,
            port=options.port,
            workers=options.workers,
            smtp_port=catcher.port,
            extra_args=options.odoo_arguments,
        )
        with Stage("Starting Odoo"):
            odoo_server.start()
        try:
            _show_welcome(odoo_server, cluster, options, catcher)
            _wait(odoo_server)
        finally:
            say("\nStopping …")
            odoo_server.stop()
    say("Stopped.")
    return 0


def check_port(port):
    """Refuse a port that is taken, before anything long begins.

    :param int port: the port
    :raise DevError: when something listens there
    """
    if not server.is_port_free(port):
        raise DevError(
            f"Port {port} is in use.", f"Stop what uses it, or choose another port: ./dev run --port {port + 1}"
        )


def prepare_database(databases, odoo, options, logs):
    """Make the database, or bring it up to date with the addons' files.

    :param Databases databases: the databases
    :param OdooSource odoo: which Odoo
    :param argparse.Namespace options: the command line
    :param Path logs: the folder of logs
    """
    name, addons, cluster = options.db, paths.addons(), databases.cluster
    if not databases.exists(name):
        partial = f"{name}_partial"
        databases.drop(partial)
        title, log_file = f"Making the database {name}", logs / f"{name}-install.log"
        modules = [*recipes.SHOP_MODULES, *addons]
        databases.install(odoo, partial, modules, log_file, title, demo=not options.no_demo)
        _save_state(cluster, partial, addons)
        databases.rename(partial, name)
        return
    if options.no_demo and cluster.query(name, "SELECT demo FROM ir_module_module WHERE name = 'base'") == [(True,)]:
        raise DevError(
            f"The database {name} has demo data already.",
            f"Choose another one: ./dev run --no-demo --db {name}_empty",
        )
    known = _read_state(cluster, name)
    changed = {addon for addon in addons if known.get(addon) != hash_addon(addon)}
    if changed:
        log_file = logs / f"{name}-update.log"
        for update, chosen in ((False, changed - known.keys()), (True, changed & known.keys())):
            if chosen:
                title = f"Updating {', '.join(sorted(chosen))}"
                databases.install(odoo, name, sorted(chosen), log_file, title, update=update)
        _save_state(cluster, name, addons)


def _read_state(cluster, database):
    """Read which versions of the addons' files a database was made with."""
    rows = cluster.query(database, "SELECT value FROM ir_config_parameter WHERE key = %s", [STATE_KEY])
    return ast.literal_eval(rows[0][0]) if rows else {}


def _save_state(cluster, database, addons):
    state = repr({addon: hash_addon(addon) for addon in addons})
    cluster.query(
        database,
        "INSERT INTO ir_config_parameter (key, value) VALUES (%s, %s) "
        "ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value",
        [STATE_KEY, state],
    )


def _show_welcome(odoo_server, cluster, options, catcher):
    say()
    say(f"  Shop      {odoo_server.url}/shop")
    say(f"  Back end  {odoo_server.url}/odoo    login admin, password admin")
    for login, password in find_agents(cluster, options.db):
        say(f"  Agent     {odoo_server.url}/my/agent    login {login}, password {password}")
    say(f"  Mail      each mail is announced here and kept in {catcher.folder}")
    say(f"  Log       {odoo_server.log_file}")
    if odoo_server.workers:
        say(f"  Web sockets need a proxy that sends /websocket to Odoo's gevent port; see {server.CONFIGURATION.name}.")


def find_agents(cluster, database):
    """Find the demo users who are agents in a database, and their passwords in the demo data.

    :param Cluster cluster: the PostgreSQL server
    :param str database: the database
    :return: login and password of each
    :rtype: list[tuple[str, str]]
    """
    rows = cluster.query(
        database,
        """
        SELECT users.login FROM res_users users
          JOIN res_groups_users_rel relation ON relation.uid = users.id
          JOIN ir_model_data data ON data.model = 'res.groups' AND data.res_id = relation.gid
         WHERE data.module = 'portal_agent_account' AND data.name = 'group_portal_agent' AND users.active
         ORDER BY users.login
        """,
    )
    passwords = {}
    for path in paths.REPOSITORY.glob("*/demo/*.xml"):
        for record in ElementTree.parse(path).iter("record"):
            fields = {field.get("name"): (field.text or "").strip() for field in record.iter("field")}
            passwords[fields.get("login")] = fields.get("password")
    return [(login, passwords[login]) for (login,) in rows if passwords.get(login)]


def _show_mail(mail):
    say(f"Mail to {', '.join(mail.recipients)}: {mail.subject}")
    links = [link for link in mail.links if SECRET_LINK.match(link)]
    for link in links:
        say(f"    {link}")
    if links:
        say(f"    kept as {mail.path}")


def _wait(odoo_server):
    """Wait for Ctrl-C, or for Odoo to end by itself.

    :raise DevError: when Odoo ended
    """
    try:
        say("\nCtrl-C stops everything.\n")  # here already: who reads it may press it at once
        while odoo_server.is_running():
            time.sleep(0.5)
    except KeyboardInterrupt:
        return
    tail = odoo_server.read_log().splitlines()[-KEPT_LINES:]
    raise DevError("Odoo ended by itself. Its log ends with:", "\n".join(tail))
