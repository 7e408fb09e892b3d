"""The summary of a test run is correct: a test that didn't run doesn't count as passed."""

import pytest

from devtools import logcheck, odoo_tests, outcomes, paths, results, testing
from devtools.outcomes import FAILED, NOT_RUN, PASSED, SKIPPED, UNSTARTED

SHOP = "odoo.addons.shop.tests.test_shop"
NO_BROWSER = "Failed to start Chrome: websocket not ready"


def line(text, level="INFO", logger=SHOP):
    return f"2026-01-01 10:00:00,000 42 {level} db {logger}: {text}\n"


def started(*tests):
    return "".join(line(f"Starting {test} ...") for test in tests)


def failed(test):
    return line(f"FAIL: {test}\nTraceback:\nAssertionError: {test} is broken", level="ERROR")


def summary(total=1, bad=0):
    return line(f"{bad} failed, 0 error(s) of {total} tests", "ERROR" if bad else "INFO", "odoo.tests.result")


@pytest.fixture
def read(tmp_path):
    """A function that reads a log."""

    def read_log(*parts, code=0):
        path = tmp_path / "odoo.log"
        path.write_text("".join(parts))
        return outcomes.Run(path, code)

    return read_log


def count(result):
    return result.passed, result.failed


@pytest.mark.parametrize(("name", "is_found"), [("BUY", True), ("testorder", True), ("cart", True), ("sell", False)])
def test_a_test_is_found_by_a_part_of_its_name_its_class_or_its_file(tmp_path, name, is_found):
    (tmp_path / "shop" / "tests").mkdir(parents=True)
    (tmp_path / "shop" / "tests" / "test_cart.py").write_text("class TestOrder(Case):\n    def test_buy(self):\n")
    assert testing.find_tests(["shop"], [tmp_path], name) == ["/shop:TestOrder.test_buy"] * is_found


def test_passed_tests_are_counted(read):
    run = read(started("Test.test_a", "Test.test_b"), summary(2))
    assert count(run.judge("shop")) == (2, 0)
    assert count(run.check_end("shop")) == count(run.check_log("shop")) == (1, 0)


def test_a_failure_is_counted_once_and_shown(read):
    run = read(started("Test.test_a", "Test.test_b"), failed("Test.test_a"), summary(2, 1), code=1)
    result = run.judge("shop")
    assert count(result) == (1, 1)
    assert "AssertionError: Test.test_a is broken" in result.details
    assert count(run.check_end("shop")) == count(run.check_log("shop")) == (1, 0)


@pytest.mark.parametrize(
    "log",
    [failed("Subtest Test.test_a (mode='b2b')"), failed("Test.test_a") + started("Test.test_a")],
    ids=["a part", "the first try"],
)
def test_a_test_of_which_anything_fails_fails(read, log):
    assert read(started("Test.test_a"), log, summary(1, 1)).outcomes == {"/shop:Test.test_a": FAILED}


def test_a_class_that_is_not_set_up_fails_all_its_tests(read):
    run = read(line(f"ERROR: setUpClass ({SHOP}.TestCart)\nTraceback:", "ERROR", "odoo.tests.suite"), summary(1, 1))
    assert run.get("/shop:TestCart.test_a") == FAILED
    assert run.get("/shop:TestOrder.test_a") == NOT_RUN


def test_the_same_name_in_two_addons_is_two_tests(read):
    elsewhere = line("Starting Test.test_a ...", logger="odoo.addons.cafe.tests.test_cafe")
    run = read(started("Test.test_a"), failed("Test.test_a"), elsewhere, summary(2, 1))
    assert count(run.judge("shop", "shop")) == (0, 1)
    assert count(run.judge("cafe", "cafe")) == (1, 0)


def test_a_tour_without_a_browser_has_failed_and_a_skipped_test_has_not(read):
    run = read(
        started("Test.test_tour", "Test.test_stock"),
        line(f"skipped Test.test_tour : {NO_BROWSER}"),
        line("skipped Test.test_stock : stock isn't installed"),
        summary(2),
    )
    assert run.outcomes == {"/shop:Test.test_tour": UNSTARTED, "/shop:Test.test_stock": SKIPPED}
    assert count(run.judge("shop")) == (0, 1)


def test_a_second_try_counts(read):
    run = read(started("Test.test_tour"), line(f"skipped Test.test_tour : {NO_BROWSER}"), summary())
    run.take(read(started("Test.test_tour"), summary()))
    assert count(run.judge("shop")) == (1, 0)


def test_a_test_that_every_run_skips_is_named(read):
    skipped = line("skipped Test.test_b : never")
    alone = read(started("Test.test_a", "Test.test_b"), line("skipped Test.test_a : alone"), skipped, summary(2))
    together = read(started("Test.test_a", "Test.test_b"), skipped, summary(2))
    assert outcomes.never_ran([alone, together]) == {"/shop:Test.test_b"}


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([line("started", logger="odoo")], 0),
        ([started("Test.test_a")], 0),
        ([started("Test.test_a"), summary()], 1),
    ],
    ids=["no test", "ended too early", "ended badly"],
)
def test_a_run_that_does_not_end_well_has_failed(read, parts, code):
    assert read(*parts, code=code).check_end("shop").failed


def test_an_unexpected_warning_in_the_log_is_a_failure(read):
    run = read(line("lost a cart\nfor good", "WARNING", "odoo.addons.shop.models.cart"), started("T.test_a"), summary())
    result = run.check_log("shop")
    assert result.failed == 1
    assert "for good" in result.details


def test_odoos_own_deprecated_calls_are_expected_and_ours_are_not():
    theirs = line("/lib/odoo/tools.py:7: DeprecationWarning: old\n  called by us", "WARNING", "py.warnings")
    ours = line(f"{paths.REPOSITORY}/shop/models/cart.py:7: DeprecationWarning: old", "WARNING", "py.warnings")
    assert not logcheck.find_unexpected(theirs)
    assert logcheck.find_unexpected(ours)


def test_what_a_stopped_server_cuts_off_is_nobodys_fault():
    error = line("bad query: cursor already closed", "ERROR", "odoo.sql_db")
    stop = line("Initiating shutdown", logger="odoo.service.server")
    assert not logcheck.find_unexpected(stop + error)
    assert len(logcheck.find_unexpected(error + stop + error)) == 1


def test_a_test_can_expect_what_it_provokes():
    text = line("no server", "ERROR", "odoo.addons.mail")
    assert not logcheck.find_unexpected(text, [logcheck.Expected(r"odoo\.addons\.mail", "no server", "there is none")])


@pytest.mark.parametrize(
    ("counts", "code"),
    [([(3, 0)], 0), ([(3, 0), (0, 1)], 1), ([], 1)],
    ids=["all passed", "one failed", "nothing ran"],
)
def test_the_last_line_and_the_exit_code_agree(counts, code, capsys):
    outcome = [results.Result("stage", passed=passed, failed=failed) for passed, failed in counts]
    assert results.conclude(outcome, "logs", 1) == code
    passed, failed = sum(p for p, f in counts), sum(f for p, f in counts)
    assert capsys.readouterr().out.splitlines()[-1] == f"{passed} passed, {failed} failed"


@pytest.mark.parametrize(
    ("before", "now", "is_broken"),
    [
        (PASSED, PASSED, False),
        (PASSED, FAILED, True),
        (PASSED, SKIPPED, True),
        (PASSED, None, True),
        (None, FAILED, True),
        (FAILED, FAILED, False),
        (UNSTARTED, FAILED, False),
        (FAILED, PASSED, False),
        (SKIPPED, SKIPPED, False),
    ],
)
def test_odoos_own_tests_are_compared_one_by_one(read, before, now, is_broken):
    without, with_addons = read(), read()
    without.outcomes, with_addons.outcomes = (
        {"/shop:Test.test_a": outcome} if outcome else {} for outcome in (before, now)
    )
    assert odoo_tests.find_broken(without, with_addons) == ["/shop:Test.test_a"] * is_broken


def test_a_class_that_breaks_breaks_each_of_its_tests_once(read):
    without, with_addons = read(), read()
    without.outcomes = {"/shop:Test.test_a": PASSED, "/shop:Test.test_b": PASSED}
    with_addons.outcomes = {"/shop:Test": FAILED}
    assert odoo_tests.find_broken(without, with_addons) == ["/shop:Test.test_a", "/shop:Test.test_b"]
