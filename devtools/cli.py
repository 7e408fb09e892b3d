"""The command line; `./dev --help` lists the commands."""

import argparse
import importlib
import os
import shutil
import signal
import sys

from . import paths, venv
from .errors import DevError
from .locks import FileLock
from .progress import say

DATABASE = "portal_accounts"
PORT = 8069
# What commands leave beside the sources; Git ignores all of it.
LEFT_IN_CLONE = ("**/__pycache__", "**/.ruff_cache", ".hypothesis", ".pytest_cache", "dist")


def main(arguments=None):
    """Run one command.

    :param list[str] arguments: the command line; this process's when None
    :return: the exit code
    :rtype: int
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parse(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        return options.function(options, arguments)
    except DevError as error:
        say(f"\nerror: {error.problem}")
        if error.advice:
            say(error.advice)
        return 1
    except KeyboardInterrupt:
        say("\nStopped.")
        return 130


def _interrupt(number, frame):
    """Make a polite `kill` do what Ctrl-C does, and Ctrl-C work in the background too."""
    raise KeyboardInterrupt


def parse(arguments):
    """Read the command line.

    :param list[str] arguments: the command line; what follows `--` is for Odoo
    :rtype: argparse.Namespace
    """
    own, odoo_arguments = arguments, []
    if "--" in arguments:
        position = arguments.index("--")
        own, odoo_arguments = arguments[:position], arguments[position + 1 :]
    options = _make_parser().parse_args(own)
    options.odoo_arguments = odoo_arguments
    return options


def _make_parser():
    parser = argparse.ArgumentParser(
        prog="./dev",
        description="Set up, run and test an Odoo 19 shop with the addons of this repository.",
        epilog=f"All data are in {paths.home()}; the variable {paths.HOME_VARIABLE} names another folder.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(name, function, text, odoo=True):
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(function=function)
        if odoo:
            command.add_argument("--odoo", metavar="PATH", help="an Odoo 19 to use, e.g. a checkout")
        return command.add_argument

    database = {"default": DATABASE, "metavar": "NAME", "help": "database (default: %(default)s)"}
    only = {"dest": "name", "metavar": "NAME", "help": "only tests whose name contains this"}

    run = add("run", _command("running"), "serve a shop with both addons and demo data; after `--`: options for Odoo")
    run("--port", type=int, default=PORT, help="HTTP port (default: %(default)s)")
    run("--workers", type=int, default=0, help="processes for requests (default: one, with threads)")
    run("--no-demo", action="store_true", help="a database without demo data")
    run("--db", **database)

    tests = _command("testing", requirements=venv.TEST)
    test = add("test", tests, "lint, the addons' own tests, the tests of the whole system")
    test("addons", nargs="*", metavar="ADDON", help="test only these addons")
    test("-k", **only)
    test("--prepare", action="store_true", help="prepare everything, then wait while you run pytest")

    compare = _command("odoo_tests", requirements=venv.TEST)
    odoo_tests = add("odoo-tests", compare, "Odoo's own tests without the addons and with them, compared (1 h)")
    odoo_tests("--addon", metavar="ADDON", help="install this addon only (default: all)")
    odoo_tests("-k", **only)
    odoo_tests("--test-tags", metavar="TAGS", help="which of Odoo's tests, instead of those of the shop and the portal")

    compat = add("compat", _command("compat", requirements=venv.TEST), "the addons beside others in one database")
    compat("-k", **only)
    compat("--odoo-modules", action="store_true", help="beside Odoo's own modules instead of the community's addons")
    compat("--install-only", action="store_true", help="install everything, and run no test")
    docker = _command("docker_check", requirements=venv.TEST)
    add("docker", docker, "both compose files on a Docker engine: orders, restarts, an update (30 min)", odoo=False)

    add("shell", _command("shell"), "a Python prompt in Odoo, on the database of `./dev run`")("--db", **database)
    lint = add("lint", _command("testing", "run_lint", venv.TEST), "ruff, pylint-odoo, translations, README files")
    lint("--fix", action="store_true", help="let ruff put right what it can, and format")
    add("i18n", _command("testing", "run_i18n"), "write the addons' translation templates (i18n/*.pot) anew")
    add("bench", _bench, "measure against stock Odoo; after `--`: its options", odoo=False)
    pictures = _command("screenshots", requirements=venv.TEST)
    add("screenshots", pictures, "take the pictures of the documents and of the addons' Apps pages")
    readme = _command("readme", requirements=venv.TOOLS)
    add("readme", readme, "write the addons' README.rst from their fragments", odoo=False)
    package = _command("package", requirements=venv.TEST)
    add("package", package, "build each addon as a zip file and as a wheel, in dist/", odoo=False)
    clean = add("clean", _clean, "remove everything that this program has fetched, made and built", odoo=False)
    clean("-y", "--yes", action="store_true", help="don't ask")
    return parser


def _enter_venv(arguments):
    """Go on inside the virtual environment, which is made first."""
    if venv.is_active():
        return
    venv.check_python()
    venv.ensure()
    command = [str(venv.python()), str(paths.REPOSITORY / "dev"), *arguments]
    sys.stdout.flush()
    os.execv(command[0], command)


def _command(module, function="run", requirements=None):
    """Make a command that a module carries out, inside the virtual environment.

    The module is imported there only: what it imports may not be installed before.

    :param str module: the module's name
    :param str function: which of its functions is given the options
    :param Path requirements: the packages that it needs beside `requirements.txt`
    """

    def command(options, arguments):
        _enter_venv(arguments)
        if requirements:
            venv.ensure(requirements)
        return getattr(importlib.import_module(f".{module}", __package__), function)(options)

    return command


def _bench(options, arguments):
    _enter_venv(arguments)
    from benchmarks.bench import main

    return main(options.odoo_arguments)


def _clean(options, arguments):
    home = paths.home()
    if home.exists() and not options.yes and not _confirm(f"Remove {home} and all databases in it?"):
        return 1
    for path in (home / "locks").glob("*.lock"):
        if not FileLock(path.stem).try_remove():
            raise DevError(f"Another ./dev is using {home}.", "Stop it first (Ctrl-C in its terminal).")
    left_in_clone = [path for pattern in LEFT_IN_CLONE for path in paths.REPOSITORY.glob(pattern)]
    for path in [home, *left_in_clone]:
        if path.exists():
            shutil.rmtree(path)
    say(f"Removed {home}, and what was built or cached in {paths.REPOSITORY}.")
    return 0


def _confirm(question):
    if not sys.stdin.isatty():
        raise DevError("Nobody is there to confirm.", "Use: ./dev clean --yes")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
