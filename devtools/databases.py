"""Create template databases with installed addons, and clone them with PostgreSQL in a second or two."""

import hashlib
import os
import re
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from . import paths, server
from .errors import DevError
from .postgres import run_client
from .progress import Stage

PREFIX = "portal_accounts"
KEPT_VERSIONS = 2
LOADING = re.compile(r"odoo\.modules\.loading: Loading module (?P<module>\w+) \((?P<number>\d+)/(?P<total>\d+)\)")
# Seconds that a closed connection may take to disappear from the server.
LONGEST_LEAVING = 60
# Parts of an addon that don't change the contents of its database.
IGNORED_PARTS = {"__pycache__", "tests", "readme", "description"}


@dataclass(frozen=True)
class Recipe:
    """Describes the contents of a template database.

    :param str label: name of the template in messages and in the database's name
    :param tuple[str, ...] modules: modules to install
    :param bool demo: whether to install demo data
    :param Recipe base: template to start from
    :param str warm_up: Python code that Odoo's shell runs at the end
    :param bool has_bundles: whether the database contains asset bundles of our addons; Odoo generates them again if the
        files have other modification times, as in another checkout
    """

    label: str
    modules: tuple = ()
    demo: bool = False
    base: "Recipe | None" = None
    warm_up: str = ""
    has_bundles: bool = False

    def key(self, odoo):
        """Compute a key that changes with Odoo, the modules and our addons' files.

        :param OdooSource odoo: the Odoo installation
        :rtype: str
        """
        digest = hashlib.sha256()
        parts = [odoo.identity, self.label, str(self.demo), self.base.key(odoo) if self.base else "", self.warm_up]
        for module in self.modules:
            parts.append(module)
            if module in paths.addons():
                parts.append(hash_addon(module))
        if self.has_bundles:
            parts += read_file_times(odoo)
        digest.update("\0".join(parts).encode())
        return digest.hexdigest()[:10]

    def database(self, odoo):
        """:return: the template database's name"""
        return f"{PREFIX}_tpl_{self.label}_{self.key(odoo)}"


def hash_addon(addon):
    """Compute a digest of the addon's files that influence its database.

    :param str addon: the addon's name
    :rtype: str
    """
    digest = hashlib.sha256()
    root = paths.REPOSITORY / addon
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        # hidden files belong to tools
        is_ignored = any(part in IGNORED_PARTS or part.startswith(".") for part in relative.parts)
        if path.is_file() and not is_ignored:
            digest.update(str(relative).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def read_file_times(odoo):
    """List the modification times of the files that asset bundles are generated from.

    :param OdooSource odoo: the Odoo installation; one time stands for all its files, which are written together
    :return: a line per file
    :rtype: list[str]
    """
    files = [path for addon in paths.addons() for path in (paths.REPOSITORY / addon / "static" / "src").rglob("*.*")]
    return [f"{path.name} {path.stat().st_mtime_ns}" for path in (odoo.program, *sorted(files))]


class Databases:
    """Manages the databases of a cluster and their attachments.

    :param Cluster cluster: the PostgreSQL server
    :param Path data_dir: Odoo's data folder
    """

    def __init__(self, cluster, data_dir):
        self.cluster = cluster
        self.data_dir = Path(data_dir)

    def names(self):
        """:return: the names of the databases on the server"""
        return [row[0] for row in self.cluster.query("postgres", "SELECT datname FROM pg_database ORDER BY oid")]

    def exists(self, name):
        """:return: whether a database of that name exists"""
        return name in self.names()

    def drop(self, name):
        """Remove a database and its attachments, if they exist.

        :param str name: the database's name
        """
        self._query_when_unused(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        shutil.rmtree(self.filestore(name), ignore_errors=True)

    def clone(self, template, name):
        """Copy a database and its attachments on the same server.

        :param str template: name of the database to copy; it must have no connections
        :param str name: name of the copy; an existing database of that name is removed
        """
        self.drop(name)
        # FILE_COPY is faster; older versions have no other strategy.
        strategy = "STRATEGY FILE_COPY" if self.cluster.version() >= 15 else ""
        self._query_when_unused(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {strategy}')
        self._link_filestore(template, name)

    def copy_from(self, cluster, name):
        """Copy a database from another PostgreSQL server, under the same name.

        :param Cluster cluster: the other server
        :param str name: the database's name; both servers share the folder of its attachments
        :raise DevError: if pg_dump or pg_restore fails
        """
        self.cluster.query("postgres", f'CREATE DATABASE "{name}" TEMPLATE template0')
        with tempfile.NamedTemporaryFile(suffix=".dump") as dump:
            run_client(
                "pg_dump", cluster, f"--dbname={name}", "--format=custom", "--compress=none", f"--file={dump.name}"
            )
            run_client("pg_restore", self.cluster, f"--dbname={name}", "--no-owner", "--jobs=2", dump.name)

    def rename(self, old, new):
        """Rename a database and the folder of its attachments.

        :param str old: the present name
        :param str new: the new name
        """
        if self.filestore(old).is_dir():
            shutil.rmtree(self.filestore(new), ignore_errors=True)
            self.filestore(old).rename(self.filestore(new))
        self._query_when_unused(f'ALTER DATABASE "{old}" RENAME TO "{new}"')

    def filestore(self, name):
        """:return: the folder of a database's attachments"""
        return self.data_dir / "filestore" / name

    def prepare(self, recipe, odoo, log_file):
        """Create a template database unless it exists.

        :param Recipe recipe: the contents of the database
        :param OdooSource odoo: the Odoo installation
        :param Path log_file: log of the installation
        :return: the database's name
        :rtype: str
        :raise DevError: if the installation fails
        """
        name = recipe.database(odoo)
        if self.exists(name):
            return name
        base = self.prepare(recipe.base, odoo, log_file.with_name(f"base-{log_file.name}")) if recipe.base else None
        partial = f"{name}_partial"
        self.drop(partial)
        if base:
            self.clone(base, partial)
        if recipe.modules:
            self.install(odoo, partial, recipe.modules, log_file, f"Preparing the database {recipe.label}", recipe.demo)
        if recipe.warm_up:
            with Stage(f"Warming up the database {recipe.label}"):
                server.run_script(odoo, self.cluster, self.data_dir, partial, recipe.warm_up)
        self.rename(partial, name)
        self._prune(recipe.label)
        return name

    def install(self, odoo, name, modules, log_file, title, demo=False, update=False):
        """Install or update modules; create the database if needed.

        :param OdooSource odoo: the Odoo installation
        :param str name: the database's name
        :param modules: names of the modules
        :param Path log_file: log of the installation
        :param str title: title of the progress line
        :param bool demo: whether to install demo data in a new database
        :param bool update: whether to update installed modules
        :raise DevError: if Odoo fails
        """
        arguments = [
            f"--database={name}",
            "--update" if update else "--init",
            ",".join(modules),
            "--stop-after-init",
            "--no-http",
            "--max-cron-threads=0",
        ]
        if demo:
            arguments.append("--with-demo")
        with Stage(title) as stage:

            def show(output):
                for match in LOADING.finditer(output):
                    stage.update(f"{match['number']} of {match['total']} modules: {match['module']}")

            code = server.run(odoo, self.cluster, self.data_dir, arguments, log_file, on_output=show)
            if code or " CRITICAL " in (log := log_file.read_text()) or "Failed to load registry" in log:
                tail = "\n".join(log_file.read_text().splitlines()[-25:])
                raise DevError(f"Odoo couldn't install {', '.join(modules)}.", f"{tail}\nThe whole log: {log_file}")
        if demo:
            # Odoo's demo data assign activities to the administrator and queue a mail for each.
            self.cluster.query(name, "UPDATE mail_mail SET state = 'cancel' WHERE state = 'outgoing'")

    def _query_when_unused(self, statement):
        """Run a statement that needs a database without connections; retry while there are any.

        PostgreSQL itself waits five seconds. The connections of a program that has ended may need longer to disappear.

        :param str statement: the SQL
        """
        import psycopg2

        deadline = time.monotonic() + LONGEST_LEAVING
        while True:
            try:
                self.cluster.query("postgres", statement)
            except psycopg2.errors.ObjectInUse:
                if time.monotonic() > deadline:
                    raise
            else:
                return

    def _link_filestore(self, template, name):
        """Copy the attachments as hard links, since Odoo never changes the content of an attachment's file."""
        source, target = self.filestore(template), self.filestore(name)
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, copy_function=os.link)

    def _prune(self, label):
        """Drop all but the latest templates of a label."""
        version = re.compile(rf"{PREFIX}_tpl_{label}_[^_]+")
        for name in [name for name in self.names() if version.fullmatch(name)][:-KEPT_VERSIONS]:
            self.drop(name)
