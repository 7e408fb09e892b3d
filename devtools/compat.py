"""`./dev compat`: test our addons together with community addons, or with Odoo's own modules, in one database."""

import shutil
import sys
from dataclasses import replace

from . import paths, recipes
from .errors import run_program
from .odoo_source import BRANCH
from .progress import Stage, say
from .testing import TestRun

# Community addons that extend the same features; each is a package `odoo-addon-…` of the Python package index.
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
# Tests of the community addons that fail without our addons, too.
BROKEN = (
    # The test writes the address "recipient@example.com2", which partner_email_check refuses.
    "/mail_tracking:TestMailTracking.test_partner_email_change",
    # The test looks up the mail server of gmail.com, so it needs the internet.
    "/partner_email_check:TestPartnerEmailCheck.test_deliverable_addresses_allowed",
    # The test signs up with the login "jackoneill", which partner_email_check refuses as an address.
    "/password_security:TestPasswordSecuritySignup.test_02_signup_user_success",
)
# Odoo's own modules of commerce, stock, projects, point of sale, events and elearning; their many dependencies follow.
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
# Tags of our tests that need the community addons, and of those that can't pass with them.
TAG = "community_addons"
TAG_WITHOUT = "without_community_addons"
# The tag of our tests that need some of Odoo's own modules.
TAG_ODOO = "portal_agent_optional_addons"


def run(options):
    """Run the tests of our addons and of the community addons, installed together.

    :param argparse.Namespace options: the command line
    :return: 0 if everything passed
    :rtype: int
    """
    with CompatRun(options.odoo, name=options.name) as tests:
        return tests.conclude(tests.report(tests.run_side_by_side(options.odoo_modules, options.install_only)))


def fetch(folder):
    """Fetch the latest versions of the community addons for this Odoo.

    :param Path folder: the target folder; its former content is removed
    :return: the folder to add to Odoo's addons path
    :rtype: Path
    :raise DevError: if pip fails
    """
    shutil.rmtree(folder, ignore_errors=True)
    packages = [f"odoo-addon-{addon}=={BRANCH}.*" for addon in COMMUNITY_ADDONS]
    # Without dependencies: Odoo is not on the package index, and requirements-test.txt has the other packages.
    command = [sys.executable, "-m", "pip", "install", "--no-input", "--no-deps", "--target", str(folder), *packages]
    with Stage("Fetching the community addons"):
        output = run_program(command, "pip can't fetch the community addons.")
    say(output.splitlines()[-1])
    return folder / "odoo" / "addons"


class CompatRun(TestRun):
    """Runs the tests of many addons in one database."""

    longest_run = 80 * 60

    def run_side_by_side(self, odoo_modules, install_only):
        """Install everything in one database and run the tests.

        :param bool odoo_modules: whether to install Odoo's own modules instead of the community addons
        :param bool install_only: whether to skip the tests
        :return: a result per addon, and one for the whole run
        :rtype: list[Result]
        """
        self.ensure_programs()
        others, tested, own_tag, without = ODOO_MODULES, self.addons, TAG_ODOO, ""
        if not odoo_modules:
            folder = fetch(paths.folder("community-addons"))
            self.odoo = replace(self.odoo, addons_paths=(*self.odoo.addons_paths, folder))
            others, tested = COMMUNITY_ADDONS, [*self.addons, *COMMUNITY_ADDONS]
            own_tag, without = TAG, "".join(f",-{test}" for test in (TAG_WITHOUT, *BROKEN))
        tags = self.test_tags(tested)
        if not tags:
            return [self.no_test_found()]
        if self.name:
            # The asterisk includes tests without the tag `standard`.
            tags = ",".join(f"*{test}" for test in tags.split(","))
        else:
            tags += f",{own_tag}"
        modules = f"--init={','.join([*self.addons, *others])}"
        title = "Running the tests side by side"
        found = self.run_alone(title, "side by side", recipes.SHOP, modules, "" if install_only else tags + without)
        if install_only:
            return [found.check_end("installation", tests_wanted=False), found.check_log("installation")]
        return [found.check_end("side by side"), *(found.judge(addon, addon) for addon in tested)]
