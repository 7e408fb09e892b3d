"""`./dev shell`: Odoo's Python prompt on the database of `./dev run`."""

from . import odoo_source, paths, server
from .databases import Databases
from .errors import DevError
from .postgres import open_cluster


def run(options):
    """Open a prompt.

    :param argparse.Namespace options: the command line
    :return: the exit code
    :rtype: int
    :raise DevError: when there is no such database
    """
    odoo = odoo_source.ensure(options.odoo)
    data_dir = paths.folder("run-data")
    with open_cluster("run") as cluster:
        if not Databases(cluster, data_dir).exists(options.db):
            raise DevError(f"There is no database {options.db!r}.", "./dev run creates it.")
        arguments = ["shell", f"--database={options.db}", "--no-http", "--log-level=warn", *options.more_arguments]
        # In this process's folder, and in its session, which reads what is typed.
        options = {"stdin": None, "cwd": None, "start_new_session": False}
        return server.launch(odoo, cluster, data_dir, arguments, **options).wait()
