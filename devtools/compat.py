"""`./dev compat`: our addons beside the community's that touch the same ground, in one database, all their tests."""

import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace

from . import outcomes, paths, recipes
from .errors import DevError
from .odoo_source import BRANCH
from .outcomes import FAILED, PASSED, UNSTARTED
from .progress import Stage, say
from .results import Result
from .testing import TestRun, conclude

# Each is a package `odoo-addon-…` of the Python package index.
COMMUNITY_ADDONS = (
    "account_commission_oca",
    "commission_oca",
    "portal_account_personal_data_only",
    "portal_invitation_by_website",
    "portal_sale_confirm_require_login",
    "portal_sale_order_search",
    "portal_sale_personal_data_only",
    "sale_commission_oca",
)
# Our tests with this tag need these addons, and run here only; those with the other one need their absence.
TAG = "community_addons"
TAG_WITHOUT = "without_community_addons"
VERSION = re.compile(r"odoo_addon_(?P<addon>\w+)-(?P<version>[\d.]+)\.dist-info")


def run(options):
    """Run the tests of our addons and of the community's, installed together.

    :param argparse.Namespace options: the command line
    :return: 0 when everything passed
    :rtype: int
    """
    started = time.monotonic()
    with CompatRun(options, paths.addons()) as tests:
        results = tests.run_side_by_side()
    return conclude(results, tests.logs, time.monotonic() - started)


def fetch(folder):
    """Fetch the community's addons, in their latest versions for this Odoo.

    :param Path folder: where they go, in place of what is there
    :return: the folder to add to Odoo's addons path
    :rtype: Path
    :raise DevError: when pip can't
    """
    packages = [f"odoo-addon-{addon}=={BRANCH}.*" for addon in COMMUNITY_ADDONS]
    shutil.rmtree(folder, ignore_errors=True)
    # Without what they depend on: Odoo is here, and isn't on the package index.
    command = [sys.executable, "-m", "pip", "install", "--no-input", "--no-deps", "--target", str(folder), *packages]
    with Stage("Fetching the community's addons"):
        pip = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if pip.returncode:
        raise DevError("pip can't fetch the community's addons.", pip.stderr.strip()[-600:])
    for path in sorted(folder.glob("*.dist-info")):
        if match := VERSION.fullmatch(path.name):
            say(f"    {match['addon']} {match['version']}")
    return folder / "odoo" / "addons"


def summarise(found, addons, log_file):
    """Make a result per addon of the outcomes of their tests.

    :param dict found: the outcomes, as :func:`devtools.outcomes.read` gives them
    :param addons: the addons
    :param Path log_file: the log of the run
    :rtype: list[Result]
    """
    results = []
    for addon in addons:
        names = {name: outcome for name, outcome in found.items() if name.startswith(f"/{addon}:")}
        failed = [name for name, outcome in names.items() if outcome in (FAILED, UNSTARTED)]
        passed = [name for name, outcome in names.items() if outcome == PASSED]
        result = Result(addon, passed=len(passed), failed=len(failed))
        if failed:
            result.details = outcomes.get_details(log_file, failed)
            result.log = str(log_file)
        results.append(result)
    return results


class CompatRun(TestRun):
    """One run of the tests of many addons in one database.

    :param argparse.Namespace options: the command line
    :param list[str] addons: our addons
    """

    longest_run = 40 * 60

    def run_side_by_side(self):
        """Install everything in one database and run all tests; once more those that no browser came up for.

        :return: a result per addon
        :rtype: list[Result]
        """
        self._ensure_programs()
        folder = fetch(paths.folder("community-addons"))
        self.odoo = replace(self.odoo, addons_paths=(*self.odoo.addons_paths, folder))
        everything = [*self.addons, *COMMUNITY_ADDONS]
        tags = self._test_tags(everything)
        if not tags:
            return [Result.of_check("tests", [f"No test's name contains {self.options.name!r}."])]
        found, log_file = self._run(everything, tags)
        if unstarted := [name for name, outcome in found.items() if outcome == UNSTARTED]:
            say(f"No browser came up within Odoo's 10 s for {', '.join(unstarted)}: once more.")
            found |= self._run(everything, self._of_any_tag(unstarted))[0]
        return self._report(summarise(found, everything, log_file))

    def _test_tags(self, addons):
        tags = super()._test_tags(addons)
        if self.options.name:
            return tags and f"{self._of_any_tag(tags.split(','))},-{TAG_WITHOUT}"
        return f"{tags},{TAG},-{TAG_WITHOUT}"

    @staticmethod
    def _of_any_tag(tests):
        """Select tests by their names, those that Odoo leaves out unless their tag is named among them."""
        return ",".join(f"*{test}" for test in tests)

    def _run(self, addons, tags):
        title = "Running the tests of all addons side by side"
        return self._run_alone(title, "side by side", recipes.SHOP, f"--init={','.join(addons)}", tags)
