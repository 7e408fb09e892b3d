"""`./dev odoo-tests`: Odoo's own tests without the addons and with them, compared test by test."""

import time

from . import paths, recipes
from .databases import Recipe
from .outcomes import BAD, FAILED, PASSED, UNSTARTED
from .progress import say
from .results import Result, conclude
from .testing import TestRun, choose_addons

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


def run(options):
    """Run Odoo's own tests twice and compare.

    :param argparse.Namespace options: the command line
    :return: 0 when no test fails with the addons only
    :rtype: int
    """
    addons = choose_addons([options.addon] if options.addon else [])
    started = time.monotonic()
    with OdooTestsRun(options, addons) as tests:
        results = tests.report([tests.compare()])
    return conclude(results, tests.logs, time.monotonic() - started)


def compare(without, with_addons):
    """Sort tests by what became of them without the addons and with them.

    :param outcomes.Run without: the run without them
    :param outcomes.Run with_addons: the run with them
    :return: the names by what is to be said of them: passed, broken, failing, mended, skipped
    :rtype: dict[str, list[str]]
    """
    names = sorted(without.outcomes.keys() | with_addons.outcomes.keys())
    # A class stands for those of its tests that neither run has reached.
    cases = {name.partition(".")[0] for name in names if "." in name}
    lists = {key: [] for key in ("passed", "broken", "failing", "mended", "skipped")}
    for name in names:
        if name not in cases:
            lists[_choose_list(without.get(name), with_addons.get(name))].append(name)
    return lists


def _choose_list(before, now):
    if now == PASSED:
        return "passed" if before == PASSED else "mended"
    if now in BAD and before in (FAILED, UNSTARTED):
        return "failing"
    # A test that passes without the addons has to run with them, too.
    return "broken" if now in BAD or before == PASSED else "skipped"


class OdooTestsRun(TestRun):
    """Odoo's own tests, run twice.

    :param argparse.Namespace options: the command line
    :param list[str] addons: the addons that are installed the second time
    """

    longest_run = 90 * 60

    def compare(self):
        """Run the tests in both databases and compare.

        :rtype: Result
        """
        self.ensure_programs()
        tags = self.test_tags(UPDATED) if self.options.name else self.options.test_tags or TAGS
        if not tags:
            return Result.of_check("Odoo's tests", [f"No test's name contains {self.options.name!r}."])
        installed = recipes.with_addons()
        if self.addons != paths.addons():
            installed = Recipe(self.addons[0], tuple(self.addons), base=recipes.SHOP)
        without = self._run(recipes.SHOP, "without the addons", tags)
        with_addons = self._run(installed, f"with {' and '.join(self.addons)}", tags)
        if again := compare(without, with_addons)["broken"]:
            say(f"Once more, because tours are flaky: {', '.join(again)}")
            with_addons.take(self._run(installed, "with the addons again", ",".join(again)))
        return self._judge(without, with_addons)

    def _run(self, recipe, name, tags):
        found = self.run_alone(f"Odoo's tests {name}", name, recipe, f"--update={','.join(UPDATED)}", tags)
        say(f"Odoo's tests {name}: {found.describe()}. Log: {found.log_file}")
        if not found.ended:
            found.outcomes = {"/odoo:ended before it had run the tests": FAILED}
        return found

    def _judge(self, without, with_addons):
        lists = compare(without, with_addons)
        for key, title in (
            ("broken", "Fail with the addons and not without them"),
            ("failing", "Fail both ways (Odoo's own fault, or this machine's; not counted)"),
            ("mended", "Pass with the addons only"),
            ("skipped", "Skipped"),
        ):
            say(f"\n{title}: {len(lists[key])}")
            for name in lists[key]:
                say(f"    {name} (without: {without.get(name)}, with: {with_addons.get(name)})")
        say()
        broken = lists["broken"]
        details, log = with_addons.get_details(broken), str(with_addons.log_file)
        return Result("Odoo's own tests with the addons", len(lists["passed"]), len(broken), details, log)
