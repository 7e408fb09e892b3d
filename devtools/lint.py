"""Static checks: ruff, pylint-odoo, translations and their templates, README files."""

import subprocess
import sys

from . import i18n, paths, readme
from .results import Result


def check(addons):
    """Run the checks that need no database.

    :param list[str] addons: addons to check; if these are all addons, ruff checks the whole repository
    :return: a result per check
    :rtype: list[Result]
    """
    targets = ["."] if addons == paths.addons() else addons
    results = [
        _run("ruff", ["ruff", "check", "--quiet", "--output-format=concise", *targets]),
        _run("ruff format", ["ruff", "format", "--check", "--output-format=concise", *targets]),
    ]
    for addon in addons:
        results += [
            _run(f"pylint-odoo {addon}", ["pylint", "--rcfile=.pylintrc", addon]),
            Result.of_check(f"translations of {addon}", i18n.check_languages(addon)),
            readme.check(addon),
        ]
    return results


def fix():
    """Let ruff fix and format the code."""
    for arguments in (["check", "--fix", "--quiet"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *arguments, "."], cwd=paths.REPOSITORY, check=False)


def check_translations(addon, exported):
    """Compare an addon's translation template with Odoo's export.

    :param str addon: the addon's name
    :param Path exported: the exported template
    :rtype: Result
    """
    lines = i18n.compare(i18n.template(addon), exported)
    advice = ["To update the template: ./dev i18n"] if lines else []
    return Result.of_check(f"translation template of {addon}", lines + advice)


def _run(name, command):
    options = {"cwd": paths.REPOSITORY, "stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
    result = subprocess.run([sys.executable, "-m", *command], check=False, **options)
    lines = [f"It ended with code {result.returncode}.", *(result.stdout + result.stderr).strip().splitlines()]
    return Result.of_check(name, lines if result.returncode else [])
