"""`./dev odoo-tests`: Odoo's own tests without the addons and with them, compared test by test."""

from . import paths, recipes
from .databases import Recipe
from .outcomes import BAD, FAILED, PASSED, UNSTARTED
from .progress import say
from .results import Result
from .testing import TestRun, choose_addons

# The modules to update, so that their tests run; everything that depends on these is updated with them.
UPDATED = ("auth_signup", "portal", "account", "sale", "website_sale")
# Of `account` the tests of the portal only. Of `sale` everything but thousands of tax computations, which take as long
# as all the others together and use nothing of ours.
TAGS = ",".join(
    (
        "/auth_signup",
        "/portal",
        "/sale",
        "/website_sale",
        "/account:TestPortalAttachment",
        "/account:TestPortalInvoice",
        "/account:TestDownloadDocs",
        "-/sale:TestTaxesDownPaymentSale",
        "-/sale:TestTaxesGlobalDiscountSale",
        "-/sale:TestTaxesFixedDiscountSale",
    )
)


def run(options):
    """Run Odoo's own tests twice and compare.

    :param argparse.Namespace options: the command line
    :return: 0 when no test fails with the addons only
    :rtype: int
    """
    addons = choose_addons([options.addon] if options.addon else [])
    with OdooTestsRun(options.odoo, addons, options.name) as tests:
        return tests.conclude(tests.report([tests.compare(options.test_tags)]))


def find_broken(without, with_addons):
    """Find the tests that the addons break: they pass without them, or are there with them only, and fail.

    :param outcomes.Run without: the run without them
    :param outcomes.Run with_addons: the run with them
    :rtype: list[str]
    """
    names = without.outcomes.keys() | with_addons.outcomes.keys()
    # A class stands for its tests where a run reached none of them.
    cases = {name.partition(".")[0] for name in names if "." in name}
    broken = []
    for name in sorted(names - cases):
        before, now = without.get(name), with_addons.get(name)
        # A test that passes without the addons has to run with them, too.
        if now != PASSED and (before == PASSED or (now in BAD and before not in (FAILED, UNSTARTED))):
            broken.append(name)
    return broken


class OdooTestsRun(TestRun):
    """Odoo's own tests, run twice; the addons are those that are installed the second time."""

    longest_run = 90 * 60

    def compare(self, tags=None):
        """Run the tests in both databases and compare.

        :param str tags: which of them, as `--test-tags` takes them
        :rtype: Result
        """
        self.ensure_programs()
        tags = self.test_tags(UPDATED) if self.name else tags or TAGS
        if not tags:
            return self.no_test_found()
        installed = recipes.with_addons()
        if self.addons != paths.addons():
            installed = Recipe(self.addons[0], tuple(self.addons), base=recipes.SHOP)
        without = self._run(recipes.SHOP, "without the addons", tags)
        with_addons = self._run(installed, f"with {' and '.join(self.addons)}", tags)
        if again := find_broken(without, with_addons):
            say(f"Once more, because tours are flaky: {', '.join(again)}")
            with_addons.take(self._run(installed, "with the addons again", ",".join(again)))
        if failing := without.select(*BAD):
            say(f"Fail without the addons (Odoo's own fault, or this machine's; not counted): {', '.join(failing)}")
        broken, passed = find_broken(without, with_addons), with_addons.select(PASSED)
        details = [*broken, *with_addons.get_details(broken)]
        log = str(with_addons.log_file)
        return Result("Odoo's own tests with the addons", len(passed), len(broken), details, log)

    def _run(self, recipe, name, tags):
        found = self.run_alone(f"Odoo's tests {name}", name, recipe, f"--update={','.join(UPDATED)}", tags)
        say(f"Odoo's tests {name}: {found.describe()}. Log: {found.log_file}")
        if not found.ended:
            found.outcomes = {"/odoo:ended before it had run the tests": FAILED}
        return found
