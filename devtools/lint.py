"""Static checks: ruff, pylint-odoo, translations and their templates, README files."""

import hashlib
import subprocess
import sys

from . import i18n, paths, readme, successes
from .results import Result

PYLINT_CONFIGURATION = ".pylintrc"


def check(addons):
    """Run the checks that need no database.

    :param list[str] addons: addons to check; if these are all addons, ruff checks the whole repository
    :return: a result per check
    :rtype: list[Result]
    """
    targets = ["."] if addons == paths.addons() else addons
    results = [
        _run("ruff", ["ruff", "check", "--quiet", "--output-format=concise", *targets]),
        # By default, ruff ignores names with an underscore, and thus a second method of the same name.
        _run(
            "ruff: defined twice",
            ["ruff", "check", "--quiet", "--select=F811", "--config=lint.dummy-variable-rgx='^_+$'", *targets],
        ),
        _run("ruff format", ["ruff", "format", "--check", "--output-format=concise", *targets]),
    ]
    for addon in addons:
        results += [
            check_with_pylint(paths.REPOSITORY / addon),
            Result.of_check(f"translations of {addon}", i18n.check_languages(addon)),
            readme.check(addon),
        ]
    return results


def check_with_pylint(addon):
    """Run pylint-odoo, unless it has found nothing in the same files before. It takes half a minute for both addons.

    :param Path addon: folder of the addon
    :rtype: Result
    """
    name = f"pylint-odoo {addon.name}"
    digest = _hash_files(addon)
    if successes.is_known("pylint", addon.name, digest):
        return Result.of_check(name, [])
    result = _run(name, ["pylint", f"--rcfile={PYLINT_CONFIGURATION}", str(addon)])
    if not result.failed:
        successes.remember("pylint", addon.name, digest)
    return result


def _hash_files(addon):
    """:return: a digest of everything that influences pylint: the addon, the configuration, the virtual environment"""
    digest = hashlib.sha256(sys.prefix.encode())
    files = [path for path in addon.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    for path in [paths.REPOSITORY / PYLINT_CONFIGURATION, *sorted(files)]:
        digest.update(b"\0" + str(path).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def fix():
    """Let ruff fix and format the code."""
    for arguments in (["check", "--fix", "--quiet"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *arguments, "."], cwd=paths.REPOSITORY, check=False)


def check_translations(addons, digest, export):
    """Compare the addons' translation templates with Odoo's export, unless they were the same with this digest before.

    :param list[str] addons: names of the addons
    :param str digest: digest of everything that the export depends on, and of the templates
    :param export: function that exports the templates, and returns the exported file per addon
    :return: a result per addon
    :rtype: list[Result]
    """
    is_known = all(successes.is_known("translations", addon, digest) for addon in addons)
    exported, results = {} if is_known else export(), []
    for addon in addons:
        lines = i18n.compare(i18n.template(addon), exported[addon]) if exported else []
        advice = ["To update the template: ./dev i18n"] if lines else []
        results.append(Result.of_check(f"translation template of {addon}", lines + advice))
        if not lines:
            successes.remember("translations", addon, digest)
    return results


def _run(name, command):
    options = {"cwd": paths.REPOSITORY, "stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
    result = subprocess.run([sys.executable, "-m", *command], check=False, **options)
    lines = [f"It ended with code {result.returncode}.", *(result.stdout + result.stderr).strip().splitlines()]
    return Result.of_check(name, lines if result.returncode else [])
