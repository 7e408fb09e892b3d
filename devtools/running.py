"""`./dev run`: a shop with both addons, its mail caught, until Ctrl-C."""

import ast
import signal
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from . import odoo_source, paths, pdf, processes, server
from .databases import Databases, hash_addon
from .errors import DevError
from .mail import MailCatcher
from .postgres import open_cluster
from .progress import Stage, say

MODULES = ("website_sale", "payment_demo")
STATE_KEY = "portal_accounts.dev_state"
KEPT_LINES = 15


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
    """Refuse a port that is taken, before anything long begins; end an Odoo that a killed run left there.

    :param int port: the port
    :raise DevError: when something else listens there
    """
    if server.is_port_free(port):
        return
    listener = _find_listener(port)
    if listener and _is_leftover(listener):
        say(f"Stopping an Odoo that a killed run left over (process {listener.pid}).")
        processes.send([listener], signal.SIGKILL)
        processes.wait_until_gone([listener], timeout=30)
        return
    who = f" by process {listener.pid} ({listener.name()})" if listener else ""
    raise DevError(
        f"Port {port} is in use{who}.",
        f"Stop what uses it, or choose another port: ./dev run --port {port + 1}",
    )


def prepare_database(databases, odoo, options, logs):
    """Make the database, or bring it up to date with the addons' files.

    :param Databases databases: the databases
    :param OdooSource odoo: which Odoo
    :param argparse.Namespace options: the command line
    :param Path logs: the folder of logs
    """
    name, addons = options.db, paths.addons()
    if not databases.exists(name):
        partial = f"{name}_partial"
        databases.drop(partial)
        modules = [*MODULES, *addons]
        title = f"Making the database {name}"
        databases.install(odoo, partial, modules, logs / f"{name}-install.log", title, demo=not options.no_demo)
        _save_state(databases.cluster, partial, addons)
        databases.rename(partial, name)
        return
    if options.no_demo and _has_demo_data(databases.cluster, name):
        raise DevError(
            f"The database {name} has demo data already.",
            f"Choose another one: ./dev run --no-demo --db {name}_empty",
        )
    changed = [addon for addon in addons if _read_state(databases.cluster, name).get(addon) != hash_addon(addon)]
    if changed:
        log_file = logs / f"{name}-update.log"
        known = set(_read_state(databases.cluster, name))
        for update, chosen in ((False, set(changed) - known), (True, set(changed) & known)):
            if chosen:
                title = f"Updating {', '.join(sorted(chosen))}"
                databases.install(odoo, name, sorted(chosen), log_file, title, update=update)
        _save_state(databases.cluster, name, addons)


def _has_demo_data(cluster, database):
    return cluster.query(database, "SELECT demo FROM ir_module_module WHERE name = 'base'") == [(True,)]


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
    say(f"  Mail      each mail is shown here and kept in {catcher.folder}")
    say(f"  Log       {odoo_server.log_file}")
    if odoo_server.workers:
        say(f"  Web sockets need a proxy that sends /websocket to Odoo's gevent port; see {server.CONFIGURATION.name}.")


def find_agents(cluster, database):
    """Read the demo agents' logins from the database, and their passwords from the demo data.

    :param Cluster cluster: the PostgreSQL server
    :param str database: the database
    :return: login and password of each agent whose password the demo data name
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
    passwords = read_demo_passwords()
    return [(login, passwords[login]) for (login,) in rows if login in passwords]


def read_demo_passwords():
    """Read from the addons' demo files which logins have which password.

    :rtype: dict[str, str]
    """
    passwords = {}
    for path in paths.REPOSITORY.glob("*/demo/*.xml"):
        for record in ElementTree.parse(path).iter("record"):
            fields = {field.get("name"): (field.text or "").strip() for field in record.iter("field")}
            if fields.get("login") and fields.get("password"):
                passwords[fields["login"]] = fields["password"]
    return passwords


def _show_mail(mail):
    say(f"Mail to {', '.join(mail.recipients)}: {mail.subject}")
    for link in mail.links:
        say(f"    {link}")
    if mail.path:
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


def _find_listener(port):
    """Find the process that listens on a port, where the system tells.

    :rtype: psutil.Process | None
    """
    import psutil

    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr.port == port and connection.status == psutil.CONN_LISTEN and connection.pid:
                return psutil.Process(connection.pid)
    except (psutil.Error, OSError):
        # Something ended while it was looked at, or isn't ours.
        pass
    return None


def _is_leftover(process):
    """Tell whether a process is an Odoo of ours whose `./dev` is gone."""
    import psutil

    try:
        ours = f"--data-dir={paths.folder('run-data')}" in process.cmdline()
        parent = process.parent()
        # of whatever clone: all of them keep their data in one folder
        return ours and not (parent and any(Path(part).name == "dev" for part in parent.cmdline()))
    except (psutil.Error, OSError):
        return False
