"""A real Odoo process: started, waited for, stopped with all its children."""

import contextlib
import ctypes
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from . import logcheck, paths
from .errors import DevError

CONFIGURATION = paths.REPOSITORY / "odoo.conf"
# Nothing listens there: a server without a mail catcher must not reach the machine's own mail server.
NO_MAIL_PORT = 1
# Below those that systems give to outgoing connections: one of these could take a port before a server does.
PORTS = range(20000, 32768)
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def find_free_port():
    """:return: a port that nobody listens on at this moment, nor is likely to in the next"""
    while not is_port_free(port := random.SystemRandom().choice(PORTS)):
        pass
    return port


def is_port_free(port):
    """Tell whether a server could listen on a port.

    :param int port: the port
    :rtype: bool
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _die_with_parent():
    """Ask Linux to end this process with its parent: a killed `./dev` leaves no Odoo behind."""
    if _libc:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def launch(odoo, cluster, data_dir, arguments, env=None, stdin=subprocess.DEVNULL, **options):
    """Start Odoo with this project's configuration.

    :param OdooSource odoo: which Odoo
    :param Cluster cluster: which PostgreSQL server
    :param Path data_dir: where its attachments and sessions are kept
    :param list arguments: Odoo's options, which override those of this project; `shell` may precede them
    :param dict env: more environment variables
    :param options: for `subprocess.Popen`
    :rtype: subprocess.Popen
    """
    subcommand = arguments[:1] if arguments[:1] == ["shell"] else []
    command = [
        sys.executable,
        odoo.program,
        *subcommand,
        f"--config={CONFIGURATION}",
        f"--addons-path={','.join(map(str, [*odoo.addons_paths, paths.REPOSITORY]))}",
        f"--data-dir={data_dir}",
        "--workers=0",
        "--http-interface=127.0.0.1",
        "--smtp=127.0.0.1",
        f"--smtp-port={NO_MAIL_PORT}",
        *arguments[len(subcommand) :],
    ]
    environment = {**odoo.environment(), **cluster.environment(), **(env or {})}
    options = {"cwd": data_dir, "start_new_session": True, "preexec_fn": _die_with_parent, **options}
    return subprocess.Popen(command, env=environment, stdin=stdin, **options)


def stop(process, patience=15):
    """End a process that was started in a session of its own, and all its children.

    :param subprocess.Popen process: the process
    :param float patience: seconds it has to end by itself
    """
    children = []
    if process.poll() is None:
        children = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    # Those in sessions of their own end with their parent.
    for child in psutil.wait_procs(children, patience)[1]:
        child.kill()


def follow(process, log_file, on_output=None, cancelled=None, timeout=None):
    """Wait for the end of a process that writes a log, and stop it when that must not go on.

    :param subprocess.Popen process: the process
    :param Path log_file: its log
    :param on_output: called with what the log has got since the last call
    :param threading.Event cancelled: ends the process when it is set
    :param float timeout: seconds after which it is stopped
    :return: its exit code
    :rtype: int
    :raise DevError: when it takes too long
    :raise KeyboardInterrupt: when it was cancelled
    """
    started = time.monotonic()
    with Path(log_file).open(errors="replace") as reader:
        try:
            while process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.3)
                if on_output:
                    on_output(reader.read())
                if cancelled and cancelled.is_set():
                    raise KeyboardInterrupt
                if timeout and time.monotonic() - started > timeout:
                    raise DevError(f"It didn't end within {timeout} s.", f"Its log: {log_file}")
        finally:
            stop(process)
    return process.returncode


def run(odoo, cluster, data_dir, arguments, log_file, env=None, **options):
    """Run Odoo to its end, e.g. to install addons; see :func:`launch`.

    :param Path log_file: where its output goes
    :param options: for :func:`follow`
    :return: its exit code
    :rtype: int
    """
    with Path(log_file).open("w") as output:
        process = launch(odoo, cluster, data_dir, arguments, env, stdout=output, stderr=output)
    return follow(process, log_file, **options)


def run_script(odoo, cluster, data_dir, database, script, options=(), timeout=1200):
    """Run Python in Odoo's shell on a database; see :func:`launch`.

    :param str database: the database
    :param str script: the program, which finds an environment in `env`
    :param options: more options for Odoo
    :param float timeout: seconds after which it is stopped
    :return: what it printed, Odoo's log among it
    :rtype: str
    :raise DevError: when it fails or takes too long
    """
    arguments = ["shell", f"--database={database}", "--no-http", *options]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = launch(odoo, cluster, data_dir, arguments, **pipes)
    try:
        output, _errors = process.communicate(script, timeout)
    except subprocess.TimeoutExpired as error:
        raise DevError(f"A script for {database} didn't end within {timeout} s.", str(error.output or "")) from error
    finally:
        stop(process)
    if process.returncode:
        raise DevError(f"A script for {database} failed.", output)
    return output


@dataclass(eq=False)
class OdooServer:
    """An Odoo that serves a database over HTTP, with its cron threads.

    Use it as a context manager, or call :meth:`start` and :meth:`stop`.

    :param OdooSource odoo: which Odoo
    :param Cluster cluster: which PostgreSQL server
    :param str database: the database to serve
    :param Path data_dir: where its attachments and sessions are kept
    :param Path log_file: where its log goes
    :param int port: where it listens; a free port when it is 0
    :param int workers: processes for requests; 0 makes it one process with threads
    :param int cron_threads: threads, or processes, that run scheduled actions
    :param int smtp_port: the mail server's port on this machine; without one no mail leaves
    :param extra_args: more options for Odoo
    :param dict environment: more environment variables
    """

    odoo: object
    cluster: object
    database: str
    data_dir: Path
    log_file: Path
    port: int = 0
    workers: int = 0
    cron_threads: int = 1
    smtp_port: int = NO_MAIL_PORT
    extra_args: tuple = ()
    environment: dict = field(default_factory=dict)
    process: subprocess.Popen = None

    @property
    def url(self):
        """:return: the address at which this machine reaches the server"""
        return f"http://localhost:{self.port}"

    def start(self, timeout=300):
        """Start the server and wait until it serves.

        :param float timeout: seconds it has to come up
        :return: the server itself
        :rtype: OdooServer
        :raise DevError: when it ends or doesn't answer
        """
        self.port = self.port or find_free_port()
        # The links in mails lead to this server, also where scheduled actions write them without a request.
        statement = "UPDATE ir_config_parameter SET value = %s WHERE key = 'web.base.url'"
        self.cluster.query(self.database, statement, [self.url])
        arguments = [
            f"--database={self.database}",
            f"--http-port={self.port}",
            f"--gevent-port={find_free_port()}",
            f"--workers={self.workers}",
            f"--max-cron-threads={self.cron_threads}",
            f"--smtp-port={self.smtp_port or NO_MAIL_PORT}",
            *self.extra_args,
        ]
        with Path(self.log_file).open("a") as output:
            where = (self.odoo, self.cluster, self.data_dir)
            self.process = launch(*where, arguments, self.environment, stdout=output, stderr=output)
        try:
            self._wait(timeout)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self, patience=15):
        """Stop the server and every process it started.

        :param float patience: seconds it has to end by itself
        """
        if self.process:
            stop(self.process, patience)
            self.process = None

    def is_running(self):
        """:return: whether the process is there"""
        return bool(self.process) and self.process.poll() is None

    def read_log(self):
        """:return: the log's text so far"""
        return Path(self.log_file).read_text(errors="replace")

    def tail(self):
        """:return: the last lines of the log"""
        return f"Its log {self.log_file} ends with:\n" + "\n".join(self.read_log().splitlines()[-15:])

    def find_unexpected_log_entries(self, also_expected=()):
        """Find what shouldn't be in the log; see :func:`devtools.logcheck.find_unexpected`."""
        return logcheck.find_unexpected(self.read_log(), also_expected)

    def __enter__(self):
        return self.start()

    def __exit__(self, *error):
        self.stop()

    def _wait(self, timeout):
        deadline = time.monotonic() + timeout
        while not self._is_healthy():
            if not self.is_running():
                raise DevError("Odoo ended instead of serving.", self.tail())
            if time.monotonic() > deadline:
                raise DevError(f"Odoo doesn't answer on port {self.port} after {timeout} s.", self.tail())
            time.sleep(0.2)

    def _is_healthy(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/web/health", timeout=30) as answer:
                return answer.status == 200
        except (OSError, http.client.HTTPException):
            return False
