"""The command line; `./dev --help` lists the commands."""

import argparse
import importlib
import os
import shutil
import signal
import sys

from . import paths, venv
from .errors import DevError
from .progress import say

DATABASE = "portal_accounts"
PORT = 8069


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

    :param list[str] arguments: the command line
    :rtype: argparse.Namespace
    """
    own, odoo_arguments = _split(arguments)
    options = _make_parser().parse_args(own)
    options.odoo_arguments = odoo_arguments
    return options


def _split(arguments):
    """Everything after `--` is for Odoo."""
    if "--" not in arguments:
        return arguments, []
    position = arguments.index("--")
    return arguments[:position], arguments[position + 1 :]


def _make_parser():
    parser = argparse.ArgumentParser(
        prog="./dev",
        description="Set up, run and test an Odoo 19 shop with the addons of this repository.",
        epilog=f"All data are in {paths.home()}; the variable {paths.HOME_VARIABLE} names another folder.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(name, function, text):
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(function=function)
        return command

    def add_odoo(command):
        command.add_argument("--odoo", metavar="PATH", help="an Odoo 19 to use, e.g. a checkout")

    def add_database(command):
        command.add_argument("--db", default=DATABASE, metavar="NAME", help="database (default: %(default)s)")

    run = add("run", _command("running"), "serve a shop with both addons and demo data; after `--`: options for Odoo")
    run.add_argument("--port", type=int, default=PORT, help="HTTP port (default: %(default)s)")
    run.add_argument("--workers", type=int, default=0, help="processes for requests (default: one, with threads)")
    run.add_argument("--no-demo", action="store_true", help="a database without demo data")
    add_database(run)
    add_odoo(run)

    test = add(
        "test",
        _command("testing", requirements=venv.TEST),
        "lint, the addons' own tests, the tests of the whole system",
    )
    test.add_argument("addons", nargs="*", metavar="ADDON", help="test only these addons")
    test.add_argument("-k", dest="name", metavar="NAME", help="only tests whose name contains this")
    test.add_argument("--prepare", action="store_true", help="prepare everything, then wait while you run pytest")
    add_odoo(test)

    odoo_tests = add(
        "odoo-tests",
        _command("odoo_tests", requirements=venv.TEST),
        "Odoo's own tests without the addons and with them, compared (1 h)",
    )
    odoo_tests.add_argument("--addon", metavar="ADDON", help="install this addon only (default: all)")
    odoo_tests.add_argument("-k", dest="name", metavar="NAME", help="only tests whose name contains this")
    odoo_tests.add_argument(
        "--test-tags",
        metavar="TAGS",
        help="which of Odoo's tests (default: auth_signup, portal, sale, website_sale without thousands of sums over "
        "taxes, and what is the portal's of account)",
    )
    add_odoo(odoo_tests)

    compat = add(
        "compat",
        _command("compat", requirements=venv.TEST),
        "the tests of the addons and of the community's, side by side in one database",
    )
    compat.add_argument("-k", dest="name", metavar="NAME", help="only tests whose name contains this")
    add_odoo(compat)

    shell = add("shell", _command("shell"), "a Python prompt in Odoo, on the database of `./dev run`")
    add_database(shell)
    add_odoo(shell)

    lint = add("lint", _command("testing", "run_lint", venv.TEST), "ruff, pylint-odoo, translations, README files")
    lint.add_argument("--fix", action="store_true", help="let ruff put right what it can, and format")
    add_odoo(lint)

    i18n = add("i18n", _command("testing", "run_i18n"), "write the addons' translation templates (i18n/*.pot) anew")
    add_odoo(i18n)

    add("bench", _bench, "measure against stock Odoo")

    screenshots = add(
        "screenshots",
        _command("screenshots", requirements=venv.TEST),
        "take the pictures of the README and of the addons' Apps pages",
    )
    add_odoo(screenshots)

    add(
        "readme",
        _command("readme", requirements=venv.TOOLS),
        "write the addons' README.rst anew from their fragments, and the benchmark into README.md",
    )
    add(
        "package",
        _command("package", requirements=venv.TEST),
        "build each addon as a zip file and as a wheel, in dist/",
    )

    clean = add("clean", _clean, "remove everything that this program has fetched and made")
    clean.add_argument("-y", "--yes", action="store_true", help="don't ask")
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
    from benchmarks.command import main

    return main(options.odoo_arguments)


def _clean(options, arguments):
    home = paths.home()
    if not home.exists():
        say(f"{home} isn't there: nothing to remove.")
        return 0
    if not options.yes and not _confirm(f"Remove {home} and all databases in it?"):
        return 1
    _check_unused()
    shutil.rmtree(home)
    say(f"Removed {home}.")
    return 0


def _check_unused():
    from .locks import FileLock

    for path in (paths.home() / "locks").glob("*.lock"):
        lock = FileLock(path.stem)
        free = lock.try_acquire()
        lock.release()
        if not free:
            raise DevError(f"Another ./dev is using {paths.home()}.", "Stop it first (Ctrl-C in its terminal).")


def _confirm(question):
    if not sys.stdin.isatty():
        raise DevError("Nobody is there to confirm.", "Use: ./dev clean --yes")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
