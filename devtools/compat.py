"""`./dev compat`: our addons beside others in one database: the community's, or Odoo's own."""

import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace

from . import paths, recipes
from .errors import DevError
from .odoo_source import BRANCH
from .progress import Stage, say
from .results import Result, conclude
from .testing import TestRun

# The community's addons on the same ground; each is a package `odoo-addon-…` of the Python package index.
COMMUNITY_ADDONS = (
    "account_commission_oca",
    "auth_user_case_insensitive",
    "commission_oca",
    "mail_tracking",
    "partner_email_check",
    "partner_statement",
    "password_security",
    "portal_account_personal_data_only",
    "portal_invitation_by_website",
    "portal_sale_confirm_require_login",
    "portal_sale_order_search",
    "portal_sale_personal_data_only",
    "report_xlsx",
    "report_xlsx_helper",
    "sale_commission_oca",
    "website_sale_checkout_skip_payment",
)
# Odoo's own modules of commerce, stock, projects, point of sale, events and elearning; they bring many others along.
ODOO_MODULES = (
    "contacts",
    "crm",
    "delivery",
    "event_booth_sale",
    "hr_timesheet",
    "im_livechat",
    "loyalty",
    "mass_mailing",
    "mrp",
    "point_of_sale",
    "pos_restaurant",
    "project",
    "purchase",
    "repair",
    "sale_management",
    "stock",
    "survey",
    "website_blog",
    "website_event_booth_sale",
    "website_event_sale",
    "website_event_track",
    "website_sale_comparison",
    "website_sale_slides",
    "website_sale_wishlist",
    "website_slides",
)
# Our tests with this tag need the community's addons, and run here only; those with the other one need their absence.
TAG = "community_addons"
TAG_WITHOUT = "without_community_addons"
# These need some of Odoo's own modules.
TAG_ODOO = "portal_agent_optional_addons"
VERSION = re.compile(r"odoo_addon_(?P<addon>\w+)-(?P<version>[\d.]+)\.dist-info")


def run(options):
    """Run the tests of our addons, and of the community's, installed together.

    :param argparse.Namespace options: the command line
    :return: 0 when everything passed
    :rtype: int
    """
    started = time.monotonic()
    with CompatRun(options, paths.addons()) as tests:
        results = tests.report(tests.run_side_by_side())
    return conclude(results, tests.logs, time.monotonic() - started)


def fetch(folder):
    """Fetch the community's addons, in their latest versions for this Odoo.

    :param Path folder: where they go, in place of what is there
    :return: the folder to add to Odoo's addons path
    :rtype: Path
    :raise DevError: when pip can't
    """
    shutil.rmtree(folder, ignore_errors=True)
    packages = [f"odoo-addon-{addon}=={BRANCH}.*" for addon in COMMUNITY_ADDONS]
    # Without what they depend on: Odoo is here, and isn't on the package index; the rest is in requirements-test.txt.
    command = [sys.executable, "-m", "pip", "install", "--no-input", "--no-deps", "--target", str(folder), *packages]
    with Stage("Fetching the community's addons"):
        pip = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if pip.returncode:
        raise DevError("pip can't fetch the community's addons.", pip.stderr.strip()[-600:])
    for path in sorted(folder.glob("*.dist-info")):
        if match := VERSION.fullmatch(path.name):
            say(f"    {match['addon']} {match['version']}")
    return folder / "odoo" / "addons"


class CompatRun(TestRun):
    """One run of the tests of many addons in one database.

    :param argparse.Namespace options: the command line
    :param list[str] addons: our addons
    """

    longest_run = 80 * 60

    def run_side_by_side(self):
        """Install everything in one database and run the tests.

        :return: a result per addon, and one of the whole run
        :rtype: list[Result]
        """
        self.ensure_programs()
        others, tested = ODOO_MODULES, self.addons
        if not self.options.odoo_modules:
            folder = fetch(paths.folder("community-addons"))
            self.odoo = replace(self.odoo, addons_paths=(*self.odoo.addons_paths, folder))
            others = COMMUNITY_ADDONS
            tested = [*self.addons, *COMMUNITY_ADDONS]
        tags = "" if self.options.install_only else self.test_tags(tested)
        if not tags and not self.options.install_only:
            return [Result.of_check("tests", [f"No test's name contains {self.options.name!r}."])]
        modules = f"--init={','.join([*self.addons, *others])}"
        found = self.run_alone("Running the tests side by side", "side by side", recipes.SHOP, modules, tags)
        if self.options.install_only:
            return [found.check_end("installation", tests_wanted=False), found.check_log("installation")]
        return [found.check_end("side by side"), *(found.judge(addon, addon) for addon in tested)]

    def test_tags(self, addons):
        tags = super().test_tags(addons)
        if self.options.odoo_modules:
            return tags if self.options.name else f"{tags},{TAG_ODOO}"
        if self.options.name:
            return tags and ",".join(f"*{test}" for test in tags.split(",")) + f",-{TAG_WITHOUT}"
        return f"{tags},{TAG},-{TAG_WITHOUT}"
