"""The command line; `./dev --help` lists the commands. It runs before `click` could be installed."""

import argparse
import importlib
import os
import shutil
import signal
import sys

from . import paths, venv
from .errors import DevError
from .locks import FileLock
from .progress import Stage, say

DATABASE = "portal_accounts"
PORT = 8069
# Files that commands create in the clone; Git ignores all of them.
LEFT_IN_CLONE = ("**/__pycache__", "**/.ruff_cache", ".hypothesis", ".pytest_cache", "dist")


def main(arguments=None):
    """Run one command.

    :param list[str] arguments: the command line; defaults to this process's
    :return: the exit code
    :rtype: int
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parse(arguments)
    # Let SIGTERM do the same as Ctrl-C. A process in the background ignores SIGINT unless it has a handler.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        if options.module:
            _enter_venv(arguments)
            venv.ensure(options.requirements)
            # The module's imports may have been installed just now.
            options.function = getattr(importlib.import_module(options.module), options.function)
        return options.function(options)
    except DevError as error:
        say(f"\nerror: {error}")
        return 1
    except KeyboardInterrupt:
        say("\nStopped.")
        return 130


def _interrupt(number, frame):
    raise KeyboardInterrupt


def parse(arguments):
    """Parse the command line.

    :param list[str] arguments: the command line; arguments after `--` are passed to Odoo or to the benchmarks
    :rtype: argparse.Namespace
    """
    position = arguments.index("--") if "--" in arguments else len(arguments)
    options = _make_parser().parse_args(arguments[:position])
    options.more_arguments = arguments[position + 1 :]
    return options


def _make_parser():
    parser = argparse.ArgumentParser(
        prog="./dev",
        description="Set up, run and test an Odoo 19 shop with the addons of this repository.",
        epilog=f"All data are in {paths.home()}; set {paths.HOME_VARIABLE} to use another folder.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(name, module, text, function="run", requirements=venv.TEST, odoo=True):
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(module=module, function=function, requirements=requirements)
        if odoo:
            command.add_argument("--odoo", metavar="PATH", help="the Odoo 19 to use, e.g. a checkout")
        return command.add_argument

    _add_shop_commands(add)
    _add_test_commands(add)
    text = "measure the addons against stock Odoo; after `--`: the benchmarks' options"
    add("bench", "benchmarks.bench", text, requirements=venv.RUNTIME, odoo=False)
    add("i18n", "devtools.testing", "write the addons' translation templates (i18n/*.pot)", "run_i18n")
    add("screenshots", "devtools.screenshots", "take the screenshots of the documents and of the addons' Apps pages")
    text = "generate the addons' README.rst from their fragments"
    add("readme", "devtools.readme", text, requirements=venv.TOOLS, odoo=False)
    add("package", "devtools.package", "build each addon as a zip file and as a wheel, in dist/", odoo=False)
    text = "remove everything that this program has fetched or created"
    clean = add("clean", None, text, _clean, odoo=False)
    clean("-y", "--yes", action="store_true", help="don't ask for confirmation")
    return parser


def _add_shop_commands(add):
    database = {"default": DATABASE, "metavar": "NAME", "help": "database (default: %(default)s)"}
    text = "serve a shop with both addons and demo data; after `--`: options for Odoo"
    run = add("run", "devtools.running", text, requirements=venv.RUNTIME)
    run("--port", type=int, default=PORT, help="HTTP port (default: %(default)s)")
    run("--workers", type=int, default=0, help="processes for requests (default: one, with threads)")
    run("--no-demo", action="store_true", help="create the database without demo data")
    run("--db", **database)
    text = "open Odoo's Python prompt on the database of `./dev run`"
    add("shell", "devtools.running", text, "run_shell", requirements=venv.RUNTIME)("--db", **database)


def _add_test_commands(add):
    only = {"dest": "name", "metavar": "NAME", "help": "run only tests whose name contains NAME"}
    test = add("test", "devtools.testing", "run lint, the addons' own tests and the end-to-end tests")
    test("addons", nargs="*", metavar="ADDON", help="test only these addons")
    test("-k", **only)

    text = "run Odoo's own tests without and with the addons, and compare (1 h)"
    odoo_tests = add("odoo-tests", "devtools.odoo_tests", text)
    odoo_tests("--addon", metavar="ADDON", help="install this addon only (default: all)")
    odoo_tests("-k", **only)
    odoo_tests("--test-tags", metavar="TAGS", help="Odoo's tests to run (default: those of the shop and the portal)")

    compat = add("compat", "devtools.compat", "run the tests together with other addons in one database")
    compat("-k", **only)
    compat("--odoo-modules", action="store_true", help="with Odoo's own modules instead of community addons")
    compat("--install-only", action="store_true", help="install everything without running tests")

    text = "test both compose files on a Docker engine: orders, restarts, an update (30 min)"
    add("docker", "devtools.docker_check", text, odoo=False)
    lint = add("lint", "devtools.testing", "run ruff and pylint-odoo; check translations and README files", "run_lint")
    lint("--fix", action="store_true", help="let ruff fix and format the code")


def _enter_venv(arguments):
    """Restart this command inside the virtual environment; create the environment first if needed."""
    if venv.is_active():
        return
    venv.check_python()
    venv.ensure()
    command = [str(venv.python()), str(paths.REPOSITORY / "dev"), *arguments]
    sys.stdout.flush()
    os.execv(command[0], command)


def _clean(options):
    home = paths.home()
    if home.exists() and not options.yes and not _confirm(f"Remove {home} and all databases in it?"):
        return 1
    if not all(FileLock(path.stem).try_acquire() for path in (home / "locks").glob("*.lock")):
        raise DevError(f"Another ./dev is using {home}.", "Stop it first (Ctrl-C in its terminal).")
    left_in_clone = [path for pattern in LEFT_IN_CLONE for path in paths.REPOSITORY.glob(pattern)]
    with Stage(f"Removing {home}"):
        for path in [home, *left_in_clone]:
            if path.exists():
                shutil.rmtree(path)
    say(f"Removed {home}, and the files that were built or cached in {paths.REPOSITORY}.")
    return 0


def _confirm(question):
    if not sys.stdin.isatty():
        raise DevError("Can't ask for confirmation without a terminal.", "Use: ./dev clean --yes")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
