"""Databases with addons installed: prepared once, then cloned by PostgreSQL in a second or two."""

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
# Seconds that somebody who has left a database may take to be gone.
LONGEST_LEAVING = 60
# What an addon's database contents don't depend on.
IGNORED_PARTS = {"__pycache__", "tests", "readme", "description"}


@dataclass(frozen=True)
class Recipe:
    """How a template database is made.

    :param str label: its name, for people
    :param tuple[str, ...] modules: what is installed
    :param bool demo: whether demo data are
    :param Recipe base: the template that it starts from
    :param str warm_up: what is run in it in the end, in Odoo's shell
    :param bool has_bundles: whether it holds bundles of our addons' scripts and styles, which Odoo makes anew
        where their files have other times, as in another checkout
    """

    label: str
    modules: tuple = ()
    demo: bool = False
    base: "Recipe | None" = None
    warm_up: str = ""
    has_bundles: bool = False

    def key(self, odoo):
        """Name this recipe's outcome: the name changes with Odoo, the modules and our addons' files.

        :param OdooSource odoo: which Odoo
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
    """Sum up the files of an addon that make a difference once it is installed.

    :param str addon: the addon's name
    :rtype: str
    """
    digest = hashlib.sha256()
    root = paths.REPOSITORY / addon
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        # what begins with a dot is some tool's
        is_ignored = any(part in IGNORED_PARTS or part.startswith(".") for part in relative.parts)
        if path.is_file() and not is_ignored:
            digest.update(str(relative).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def read_file_times(odoo):
    """List the times that tell whether a bundle was made of the files that are here.

    :param OdooSource odoo: which Odoo; its own files are written all at once
    :return: a line per file
    :rtype: list[str]
    """
    files = [path for addon in paths.addons() for path in (paths.REPOSITORY / addon / "static" / "src").rglob("*.*")]
    return [f"{path.name} {path.stat().st_mtime_ns}" for path in (odoo.program, *sorted(files))]


class Databases:
    """The databases of a cluster and the attachments that belong to them.

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
        """:return: whether there is a database of that name"""
        return name in self.names()

    def drop(self, name):
        """Remove a database and its attachments, whether or not it is there.

        :param str name: the database's name
        """
        self._query_when_unused(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        shutil.rmtree(self.filestore(name), ignore_errors=True)

    def clone(self, template, name):
        """Make a database that is like another one.

        :param str template: the database to copy, which nobody may be connected to
        :param str name: the new one's name
        """
        self.drop(name)
        # Copying files is faster, where PostgreSQL lets one choose.
        strategy = "STRATEGY FILE_COPY" if self.cluster.version() >= 15 else ""
        self._query_when_unused(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {strategy}')
        self._link_filestore(template, name)

    def copy_from(self, cluster, name):
        """Copy a database from another PostgreSQL server, under the same name.

        :param Cluster cluster: the other server
        :param str name: the database's name; its attachments are in the folder of both
        :raise DevError: when PostgreSQL can't
        """
        self.cluster.query("postgres", f'CREATE DATABASE "{name}" TEMPLATE template0')
        with tempfile.NamedTemporaryFile(suffix=".dump") as dump:
            run_client(
                "pg_dump", cluster, f"--dbname={name}", "--format=custom", "--compress=none", f"--file={dump.name}"
            )
            run_client("pg_restore", self.cluster, f"--dbname={name}", "--no-owner", "--jobs=2", dump.name)

    def rename(self, old, new):
        """Rename a database and its attachments' folder.

        :param str old: the present name
        :param str new: the name to be
        """
        if self.filestore(old).is_dir():
            shutil.rmtree(self.filestore(new), ignore_errors=True)
            self.filestore(old).rename(self.filestore(new))
        self._query_when_unused(f'ALTER DATABASE "{old}" RENAME TO "{new}"')

    def filestore(self, name):
        """:return: the folder of a database's attachments"""
        return self.data_dir / "filestore" / name

    def prepare(self, recipe, odoo, log_file):
        """Make a template database, unless it is there.

        :param Recipe recipe: how it is made
        :param OdooSource odoo: which Odoo
        :param Path log_file: where the log of the installation goes
        :return: its name
        :rtype: str
        :raise DevError: when the installation fails
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
        """Install or update modules, making the database if need be.

        :param OdooSource odoo: which Odoo
        :param str name: the database's name
        :param modules: the modules' names
        :param Path log_file: where the log goes
        :param str title: what is shown meanwhile
        :param bool demo: whether a new database gets demo data
        :param bool update: update what is installed already
        :raise DevError: when Odoo fails
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
            # Odoo's demo data assign activities to the administrator, by a mail each.
            self.cluster.query(name, "UPDATE mail_mail SET state = 'cancel' WHERE state = 'outgoing'")

    def _query_when_unused(self, statement):
        """Run a statement on a database that nobody may be connected to.

        PostgreSQL itself waits for five seconds, in which the sessions of a program that has ended may not be over.

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
        """Attachments' files never change once written: links do, and cost nothing."""
        source, target = self.filestore(template), self.filestore(name)
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, copy_function=os.link)

    def _prune(self, label):
        """Keep the latest templates of a label only."""
        version = re.compile(rf"{PREFIX}_tpl_{label}_[^_]+")
        for name in [name for name in self.names() if version.fullmatch(name)][:-KEPT_VERSIONS]:
            self.drop(name)
