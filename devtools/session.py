"""What `./dev test` has prepared, handed to pytest through a file."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from .databases import Databases
from .errors import DevError
from .odoo_source import ensure
from .postgres import Cluster

VARIABLE = "PORTAL_ACCOUNTS_SESSION"


@dataclass
class Session:
    """Everything a test needs to start servers of its own.

    :param str odoo_path: where Odoo is, as `--odoo` takes it
    :param dict cluster: how PostgreSQL is reached
    :param str data_dir: Odoo's data folder
    :param str logs: the folder of this run's logs
    :param dict templates: template databases by label
    :param str chromium: the browser's program
    """

    odoo_path: str
    cluster: dict
    data_dir: str
    logs: str
    templates: dict
    chromium: str

    def save(self, path):
        """Write it where :meth:`load` finds it.

        :param Path path: the file
        :return: the environment variable that names the file
        :rtype: dict
        """
        Path(path).write_text(json.dumps(asdict(self), indent=2))
        return {VARIABLE: str(path)}

    @classmethod
    def load(cls):
        """Read what the running `./dev test` prepared.

        :rtype: Session
        :raise DevError: when these tests weren't started by it
        """
        path = os.environ.get(VARIABLE)
        if not path:
            raise DevError("These tests need what ./dev test prepares.", "Start them by: ./dev test -k NAME")
        return cls(**json.loads(Path(path).read_text()))

    def odoo(self):
        """:return: the Odoo to start"""
        return ensure(self.odoo_path)

    def open_cluster(self):
        """:return: the running PostgreSQL server"""
        return Cluster(**self.cluster)

    def databases(self):
        """:return: the databases of that server"""
        return Databases(self.open_cluster(), self.data_dir)

    def log_file(self, name):
        """:return: a file of that name in the folder of this run's logs"""
        return Path(self.logs) / f"{name}.log"
