"""`./dev shell`: open Odoo's Python prompt on the database of `./dev run`."""

from . import odoo_source, paths, server
from .databases import Databases
from .errors import DevError
from .postgres import open_cluster


def run(options):
    """Open a prompt.

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
