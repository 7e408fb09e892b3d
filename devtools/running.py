"""`./dev run`: serve a shop with both addons and catch its mail, until Ctrl-C; `./dev shell`: open its prompt."""

import ast
import re
import time

from . import odoo_source, paths, pdf, recipes, server
from .databases import Databases, hash_addon
from .errors import DevError
from .mail import MailCatcher
from .postgres import open_cluster
from .progress import Stage, say

STATE_KEY = "portal_accounts.dev_state"
# The agents of the demo data; their passwords equal their logins.
DEMO_AGENTS = ["agent", "agent2"]
# Links of invitations and of mails that reset a password.
SECRET_LINK = re.compile(
    r"https?://[^/]+(/[\w-]{2,5})?/(web/signup|web/reset_password|my/invitation)\b(?!.*/decline)", re.ASCII
)


def run(options):
    """Serve the shop.

    :param argparse.Namespace options: the command line
    :return: 0
    :rtype: int
    :raise DevError: if the port is in use or Odoo doesn't start
    """
    if not server.is_port_free(options.port):
        advice = f"Stop the program that uses it, or choose another port: ./dev run --port {options.port + 1}"
        raise DevError(f"Port {options.port} is in use.", advice)
    odoo = odoo_source.ensure(options.odoo)
    pdf.ensure_wkhtmltopdf()
    logs, data_dir = paths.folder("logs"), paths.folder("run-data")
    log_file = logs / f"{options.db}.log"
    with open_cluster("run") as cluster, MailCatcher(paths.folder("mails"), on_mail=_show_mail) as catcher:
        _prepare_database(Databases(cluster, data_dir), odoo, options, logs)
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
            extra_args=options.more_arguments,
        )
        _serve(odoo_server, catcher)
    say("Stopped.")
    return 0


def _serve(odoo_server, catcher):
    """Run a server until Ctrl-C."""
    with Stage("Starting Odoo"):
        odoo_server.start()
    try:
        # Inside `try`, because the user may press Ctrl-C as soon as the welcome appears.
        _show_welcome(odoo_server, catcher)
        while odoo_server.is_running():
            time.sleep(0.5)
        raise DevError("Odoo ended unexpectedly.", odoo_server.tail())
    except KeyboardInterrupt:
        say("\nStopping …")
    finally:
        odoo_server.stop()


def run_shell(options):
    """Open Odoo's Python prompt.

    :param argparse.Namespace options: the command line
    :return: the exit code
    :rtype: int
    :raise DevError: if the database doesn't exist
    """
    odoo = odoo_source.ensure(options.odoo)
    data_dir = paths.folder("run-data")
    with open_cluster("run") as cluster:
        if not Databases(cluster, data_dir).exists(options.db):
            raise DevError(f"There is no database {options.db!r}.", "./dev run creates it.")
        arguments = ["shell", f"--database={options.db}", "--no-http", "--log-level=warn", *options.more_arguments]
        # Keep the current folder, and this process's session, so that the prompt can read from the terminal.
        options = {"stdin": None, "cwd": None, "start_new_session": False}
        return server.launch(odoo, cluster, data_dir, arguments, **options).wait()


def _prepare_database(databases, odoo, options, logs):
    """Create the database, or update the addons whose files have changed."""
    name, cluster, addons = options.db, databases.cluster, {addon: hash_addon(addon) for addon in paths.addons()}
    log_file = logs / f"{name}-install.log"
    if not databases.exists(name):
        partial = f"{name}_partial"
        databases.drop(partial)
        modules = [*recipes.SHOP_MODULES, *addons]
        databases.install(
            odoo, partial, modules, log_file, f"Creating the database {name} (takes minutes)", demo=not options.no_demo
        )
        _save_state(cluster, partial, addons)
        databases.rename(partial, name)
        return
    if options.no_demo and cluster.query(name, "SELECT demo FROM ir_module_module WHERE name = 'base'") == [(True,)]:
        raise DevError(
            f"The database {name} already has demo data.",
            f"Choose another database: ./dev run --no-demo --db {name}_empty",
        )
    known = cluster.query(name, "SELECT value FROM ir_config_parameter WHERE key = %s", [STATE_KEY])
    known = ast.literal_eval(known[0][0]) if known else {}
    if changed := sorted(addon for addon in addons if known.get(addon) != addons[addon]):
        databases.install(odoo, name, changed, log_file, f"Updating {', '.join(changed)}", update=True)
        _save_state(cluster, name, addons)


def _save_state(cluster, database, addons):
    """Store the digests of the addons' files in the database."""
    statement = (
        "INSERT INTO ir_config_parameter (key, value) VALUES (%s, %s) "
        "ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value"
    )
    cluster.query(database, statement, [STATE_KEY, repr(addons)])


def _show_welcome(odoo_server, catcher):
    say()
    say(f"  Shop      {odoo_server.url}/shop")
    say(f"  Back end  {odoo_server.url}/odoo    login admin, password admin")
    statement = "SELECT login FROM res_users WHERE login = ANY(%s) AND active ORDER BY login"
    for (login,) in odoo_server.cluster.query(odoo_server.database, statement, [DEMO_AGENTS]):
        say(f"  Agent     {odoo_server.url}/my/agent    login {login}, password {login}")
    say(f"  Mail      each mail is announced here and stored in {catcher.folder}")
    say(f"  Log       {odoo_server.log_file}")
    if odoo_server.workers:
        say(f"  Web sockets need a proxy that sends /websocket to Odoo's gevent port, see {server.CONFIGURATION.name}.")
    say("\nCtrl-C stops everything.\n")


def _show_mail(mail):
    say(f"Mail to {', '.join(mail.recipients)}: {mail.subject}")
    links = [link for link in mail.links if SECRET_LINK.match(link)]
    for link in links:
        say(f"    {link}")
    if links:
        say(f"    stored as {mail.path}")
