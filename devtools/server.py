"""Start real Odoo processes, wait for them, and stop them with all their children."""

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
# No server listens on this port: Odoo must not reach the machine's own mail server.
NO_MAIL_PORT = 1
# Below the range of outgoing connections, which could take a port before the server does.
PORTS = range(20000, 32768)
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def find_free_port():
    """:return: a port that is free and likely to stay free"""
    while not is_port_free(port := random.SystemRandom().choice(PORTS)):
        pass
    return port


def is_port_free(port):
    """Check whether a server can listen on a port.

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
    """Ask Linux to end this process with its parent, so that a killed `./dev` leaves no Odoo behind."""
    if _libc:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def launch(odoo, cluster, data_dir, arguments, env=None, stdin=subprocess.DEVNULL, **options):
    """Start Odoo with this project's configuration.

    :param OdooSource odoo: Odoo installation
    :param Cluster cluster: PostgreSQL server
    :param Path data_dir: folder of attachments and sessions
    :param list arguments: Odoo's command line options, which override those of this project; the first may be `shell`
    :param dict env: additional environment variables
    :param stdin: standard input of the process
    :param options: arguments of `subprocess.Popen`
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
    """Stop a process that was started in a new session, with all its children.

    :param subprocess.Popen process: the process
    :param float patience: seconds before the process is killed
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
    # Children in other sessions end when their parent does.
    for child in psutil.wait_procs(children, patience)[1]:
        child.kill()


def follow(process, log_file, on_output=None, cancelled=None, timeout=None):
    """Wait for a process that writes a log; stop it on a timeout or if the run is cancelled.

    :param subprocess.Popen process: the process
    :param Path log_file: log of the process
    :param on_output: function to call with new text of the log
    :param threading.Event cancelled: event that stops the process
    :param float timeout: seconds before the process is stopped
    :return: the exit code
    :rtype: int
    :raise DevError: if the process takes too long
    :raise KeyboardInterrupt: if the run is cancelled
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
    """Run Odoo and wait until it ends, e.g. to install addons; see :func:`launch`.

    :param Path log_file: file for Odoo's output
    :param options: arguments of :func:`follow`
    :return: the exit code
    :rtype: int
    """
    with Path(log_file).open("w") as output:
        process = launch(odoo, cluster, data_dir, arguments, env, stdout=output, stderr=output)
    return follow(process, log_file, **options)


def run_script(odoo, cluster, data_dir, database, script, options=(), timeout=1200):
    """Run a Python script in Odoo's shell; see :func:`launch`.

    :param str database: name of the database
    :param str script: the script, in which `env` is the environment
    :param options: additional options of Odoo
    :param float timeout: seconds before the script is stopped
    :return: the output, including Odoo's log
    :rtype: str
    :raise DevError: if the script fails or takes too long
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
    """An Odoo server with its cron threads.

    Use it as a context manager, or call :meth:`start` and :meth:`stop`.

    :param OdooSource odoo: Odoo installation
    :param Cluster cluster: PostgreSQL server
    :param str database: name of the database to serve
    :param Path data_dir: folder of attachments and sessions
    :param Path log_file: file for the log
    :param int port: HTTP port; 0 for any free port
    :param int workers: number of worker processes; 0 for one process with threads
    :param int cron_threads: number of cron threads or processes
    :param int smtp_port: port of a mail server on this machine; by default the server can't send mail
    :param extra_args: additional options of Odoo
    :param dict environment: additional environment variables
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
        """:return: the server's URL on this machine"""
        return f"http://localhost:{self.port}"

    def start(self, timeout=300):
        """Start the server and wait until it answers.

        :param float timeout: seconds to wait
        :return: the server itself
        :rtype: OdooServer
        :raise DevError: if it ends or doesn't answer
        """
        self.port = self.port or find_free_port()
        # Links in mails must lead to this server, even if a scheduled action writes them.
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

        :param float patience: seconds before the processes are killed
        """
        if self.process:
            stop(self.process, patience)
            self.process = None

    def is_running(self):
        """:return: whether the process is running"""
        return bool(self.process) and self.process.poll() is None

    def read_log(self):
        """:return: the present text of the log"""
        return Path(self.log_file).read_text(errors="replace")

    def tail(self):
        """:return: the path and the last lines of the log"""
        return f"Its log {self.log_file} ends with:\n" + "\n".join(self.read_log().splitlines()[-15:])

    def find_unexpected_log_entries(self, also_expected=()):
        """Find unexpected entries in the log; see :func:`devtools.logcheck.find_unexpected`."""
        return logcheck.find_unexpected(self.read_log(), also_expected)

    def __enter__(self):
        return self.start()

    def __exit__(self, *error):
        self.stop()

    def _wait(self, timeout):
        deadline = time.monotonic() + timeout
        while not self._is_healthy():
            if not self.is_running():
                raise DevError("Odoo ended instead of starting its server.", self.tail())
            if time.monotonic() > deadline:
                raise DevError(f"Odoo doesn't answer on port {self.port} after {timeout} s.", self.tail())
            time.sleep(0.2)

    def _is_healthy(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/web/health", timeout=30) as answer:
                return answer.status == 200
        except (OSError, http.client.HTTPException):
            return False
