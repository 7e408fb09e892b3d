"""The environment of the tests: Odoo, a PostgreSQL server, its databases, a folder of logs."""

import os
import shutil
import time
from pathlib import Path

from . import odoo_source, paths
from .databases import Databases
from .locks import FileLock
from .postgres import open_cluster

# The environment variable with the folder of logs, for all processes of a run.
LOGS_VARIABLE = "PORTAL_ACCOUNTS_LOGS"
KEPT_LOGS = 10


def make_log_folder():
    """Create the folder for the logs of a run, and remove those of old runs.

    :rtype: Path
    """
    root = paths.folder("logs")
    for old in sorted(path for path in root.glob("test-*") if path.is_dir())[:-KEPT_LOGS]:
        shutil.rmtree(old, ignore_errors=True)
    return paths.folder("logs", time.strftime("test-%Y%m%d-%H%M%S"))


class Session:
    """Everything a test needs to start servers. Use it as a context manager.

    :param str odoo: value of the option `--odoo`
    :param Path logs: folder of the logs; defaults to that of the environment variable
    """

    # PostgreSQL settings that differ from the defaults.
    settings = None

    def __init__(self, odoo=None, logs=None):
        self.odoo = odoo_source.ensure(odoo)
        self.logs = Path(logs or os.environ[LOGS_VARIABLE])
        self.data_dir = paths.folder("test-data")
        paths.spread_subfolders(paths.folder("test-data", "filestore"))
        self.cluster = open_cluster("test", durable=False, settings=self.settings)
        self.databases = Databases(self.cluster, self.data_dir)

    def __enter__(self):
        self.cluster.start()
        return self

    def __exit__(self, *error):
        self.cluster.stop()

    def prepare(self, recipe):
        """:return: the name of the template database of a recipe, which is created if needed"""
        with FileLock("databases"):
            return self.databases.prepare(recipe, self.odoo, self.log_file(f"prepare-{recipe.label}"))

    def log_file(self, name):
        """:return: the path of a log in the folder of logs"""
        return self.logs / f"{name}.log"
