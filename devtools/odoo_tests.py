"""`./dev odoo-tests`: run Odoo's own tests without and with the addons, and compare them test by test."""

from . import paths, recipes
from .databases import Recipe
from .outcomes import BAD, FAILED, PASSED, UNSTARTED
from .progress import say
from .results import Result
from .testing import TestRun, choose_addons

# Modules to update so that their tests run; Odoo also updates all modules that depend on them.
UPDATED = ("auth_signup", "portal", "account", "sale", "website_sale")
# Of `account`, only the tests of the portal. Of `sale`, all but thousands of tax computations, which take as long as
# all other tests together and don't use our addons.
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
    :return: 0 if no test fails only with the addons
    :rtype: int
    """
    addons = choose_addons([options.addon] if options.addon else [])
    with OdooTestsRun(options.odoo, addons, options.name) as tests:
        return tests.conclude(tests.report([tests.compare(options.test_tags)]))


def find_broken(without, with_addons):
    """Find the tests that fail with the addons and either pass or don't exist without them.

    :param outcomes.Run without: the run without the addons
    :param outcomes.Run with_addons: the run with the addons
    :return: names of the tests
    :rtype: list[str]
    """
    names = without.outcomes.keys() | with_addons.outcomes.keys()
    # A class represents its tests if a run reached none of them.
    cases = {name.partition(".")[0] for name in names if "." in name}
    broken = []
    for name in sorted(names - cases):
        before, now = without.get(name), with_addons.get(name)
        # A test that passes without the addons must also run with them.
        if now != PASSED and (before == PASSED or (now in BAD and before not in (FAILED, UNSTARTED))):
            broken.append(name)
    return broken


class OdooTestsRun(TestRun):
    """Runs Odoo's own tests without and with the addons."""

    longest_run = 90 * 60

    def compare(self, tags=None):
        """Run the tests in both databases and compare.

        :param str tags: tests to run, in the syntax of `--test-tags`
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
            say(f"Running again, because tours are flaky: {', '.join(again)}")
            with_addons.take(self._run(installed, "with the addons again", ",".join(again)))
        if failing := without.select(*BAD):
            say(f"Failed without the addons (because of Odoo or this machine; not counted): {', '.join(failing)}")
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
