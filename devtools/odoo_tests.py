"""`./dev odoo-tests`: Odoo's own tests without the addons and with them, compared test by test."""

import time

from . import outcomes, paths, recipes
from .databases import Recipe
from .outcomes import FAILED, NOT_RUN, PASSED, UNSTARTED
from .progress import say
from .results import Result
from .testing import TestRun, choose_addons, conclude

# What is updated, so that its tests run: everything that depends on these is updated with them.
UPDATED = ("auth_signup", "portal", "account", "sale", "website_sale")
# Of `account` what concerns the portal. Of `sale` all but thousands of sums over taxes, which take as
# long as everything else and touch nothing of ours.
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
BAD = {FAILED, UNSTARTED, NOT_RUN}


def run(options):
    """Run Odoo's own tests twice and compare.

    :param argparse.Namespace options: the command line
    :return: 0 when no test fails with the addons only
    :rtype: int
    """
    addons = choose_addons([options.addon] if options.addon else [])
    started = time.monotonic()
    with OdooTestsRun(options, addons) as tests:
        results = tests.compare()
    return conclude(results, tests.logs, time.monotonic() - started)


class Comparison:
    """What became of the same tests without the addons and with them.

    :param dict without: outcomes without them, as :func:`devtools.outcomes.read` gives them
    :param dict with_addons: outcomes with them
    """

    def __init__(self, without, with_addons):
        self.without = without
        self.with_addons = with_addons
        self.passing, self.broken, self.failing, self.mended, self.skipped = [], [], [], [], []
        for name in self._names():
            self._choose_list(outcomes.get(without, name), outcomes.get(with_addons, name)).append(name)

    def _names(self):
        """Name all tests; a class for those of its tests that neither run has reached."""
        names = sorted(self.without.keys() | self.with_addons.keys())
        cases = {name.partition(".")[0] for name in names if "." in name}
        return [name for name in names if name not in cases]

    def _choose_list(self, before, now):
        if now == PASSED:
            return self.passing if before == PASSED else self.mended
        if now in BAD and before in (FAILED, UNSTARTED):
            return self.failing
        # A test that passes without the addons has to run with them, too.
        return self.broken if now in BAD or before == PASSED else self.skipped

    def show(self):
        """Print everything that isn't simply good."""
        for title, names in (
            ("Fail with the addons and not without them", self.broken),
            ("Fail both ways (Odoo's own fault, or this machine's; not counted)", self.failing),
            ("Pass with the addons only", self.mended),
            ("Skipped", self.skipped),
        ):
            say(f"\n{title}: {len(names)}")
            for name in names:
                before, now = outcomes.get(self.without, name), outcomes.get(self.with_addons, name)
                say(f"    {name} (without: {before}, with: {now})")


class OdooTestsRun(TestRun):
    """Odoo's own tests, run twice.

    :param argparse.Namespace options: the command line
    :param list[str] addons: the addons that are installed the second time
    """

    longest_run = 90 * 60

    def compare(self):
        """Run the tests in both databases and compare.

        :rtype: list[Result]
        """
        self._ensure_programs()
        tags = self._choose_tags()
        if not tags:
            return [Result.of_check("Odoo's tests", [f"No test's name contains {self.options.name!r}."])]
        without = self._run("without the addons", recipes.SHOP, tags, {})
        with_addons = self._run(f"with {' and '.join(self.addons)}", self._installed(), tags, without)
        return [self._judge(Comparison(without, with_addons))]

    def _choose_tags(self):
        return self._test_tags(UPDATED) if self.options.name else self.options.test_tags or TAGS

    def _installed(self):
        """The database with the addons."""
        if self.addons == paths.addons():
            return recipes.with_addons()
        return Recipe(self.addons[0], tuple(self.addons), base=recipes.SHOP)

    def _run(self, name, recipe, tags, without):
        """Run the tests in one database, and once more those that failed and didn't do so without the addons.

        :param str name: the run
        :param Recipe recipe: the database
        :param str tags: which tests
        :param dict without: the outcomes without the addons, where they are known
        :return: the outcomes
        :rtype: dict
        """
        found = self._run_once(name, recipe, tags)
        if again := sorted(Comparison(without, found).broken):
            say(f"Once more, because tours are flaky: {', '.join(again)}")
            found |= self._run_once(f"{name} again", recipe, ",".join(again))
        return found

    def _run_once(self, name, recipe, tags):
        modules = f"--update={','.join(UPDATED)}"
        found, self._log = self._run_alone(f"Odoo's tests {name}", name, recipe, modules, tags)
        say(f"Odoo's tests {name}: {outcomes.count(found)}. Log: {self._log}")
        return found

    def _judge(self, comparison):
        comparison.show()
        say()
        result = Result(
            "Odoo's own tests with the addons", passed=len(comparison.passing), failed=len(comparison.broken)
        )
        if result.failed:
            result.details = outcomes.get_details(self._log, comparison.broken)
            result.log = str(self._log)
        result.show()
        return result
