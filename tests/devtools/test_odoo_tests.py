"""Odoo's own tests are compared one by one, and nothing passes by not having run."""

import argparse

import pytest

from devtools import cli, compat, odoo_tests, outcomes, paths
from devtools.errors import DevError
from devtools.outcomes import FAILED, NOT_RUN, PASSED, SKIPPED, UNSTARTED

SHOP = "odoo.addons.shop.tests.test_shop"
NO_BROWSER = "Failed to detect chrome devtools port after 10.0s."


def line(text, level="INFO", logger=SHOP):
    return f"2026-01-01 10:00:00,000 42 {level} db {logger}: {text}\n"


def started(test):
    return line(f"Starting {test} ...")


def failed(test, kind="FAIL"):
    return line(f"{kind}: {test}\nTraceback:\nAssertionError: {test} is broken", level="ERROR")


SUMMARY = line("0 failed, 0 error(s) of 7 tests when loading database 'db'", logger="odoo.tests.result")


@pytest.fixture
def read(tmp_path):
    """A function that reads the outcomes from a log."""

    def read_log(*lines):
        path = tmp_path / "odoo.log"
        path.write_text("".join(lines))
        return outcomes.read(path)

    return read_log


def test_a_test_is_named_as_odoo_selects_it(read):
    assert read(started("TestCart.test_a"), SUMMARY) == {"/shop:TestCart.test_a": PASSED}


@pytest.mark.parametrize("kind", ["FAIL", "ERROR"])
def test_a_test_that_fails_has_failed(read, kind):
    assert read(started("Test.test_a"), failed("Test.test_a", kind), SUMMARY) == {"/shop:Test.test_a": FAILED}


def test_one_bad_case_of_many_in_a_test_fails_it(read):
    log = started("Test.test_a"), failed("Subtest Test.test_a (mode='b2b')"), SUMMARY
    assert read(*log) == {"/shop:Test.test_a": FAILED}


def test_a_test_that_failed_once_does_not_pass_by_running_again(read):
    log = started("Test.test_a"), failed("Test.test_a"), started("Test.test_a"), SUMMARY
    assert read(*log) == {"/shop:Test.test_a": FAILED}


def test_a_tour_without_a_browser_is_told_from_a_test_that_is_skipped(read):
    log = (
        started("Test.test_tour"),
        line(f"skipped Test.test_tour : {NO_BROWSER}"),
        started("Test.test_stock"),
        line("skipped Test.test_stock : stock isn't installed"),
        SUMMARY,
    )
    assert read(*log) == {"/shop:Test.test_tour": UNSTARTED, "/shop:Test.test_stock": SKIPPED}


def test_a_class_that_is_not_set_up_fails_all_its_tests(read):
    text = f"ERROR: setUpClass ({SHOP}.TestCart)\nTraceback:"
    found = read(line(text, level="ERROR", logger="odoo.tests.suite"), SUMMARY)
    assert found == {"/shop:TestCart": FAILED}
    assert outcomes.get(found, "/shop:TestCart.test_a") == FAILED
    assert outcomes.get(found, "/shop:TestOrder.test_a") == NOT_RUN


def test_the_same_name_in_two_addons_is_two_tests(read):
    elsewhere = line("Starting Test.test_a ...", logger="odoo.addons.cafe.tests.test_cafe")
    assert read(started("Test.test_a"), failed("Test.test_a"), elsewhere, SUMMARY) == {
        "/shop:Test.test_a": FAILED,
        "/cafe:Test.test_a": PASSED,
    }


def test_a_run_that_ends_too_early_is_no_result(read):
    with pytest.raises(DevError, match="before it had run the tests"):
        read(started("Test.test_a"))


def test_what_the_log_says_of_a_failure_is_shown_for_the_tests_asked_for(tmp_path):
    path = tmp_path / "odoo.log"
    path.write_text(failed("Test.test_a") + failed("Test.test_b"))
    assert "AssertionError: Test.test_b is broken" in outcomes.get_details(path, ["/shop:Test.test_b"])
    assert not any("test_a" in line for line in outcomes.get_details(path, ["/shop:Test.test_b"]))


LISTS = ("passing", "broken", "failing", "mended", "skipped")


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (PASSED, PASSED, "passing"),
        (PASSED, FAILED, "broken"),
        (PASSED, UNSTARTED, "broken"),
        (PASSED, SKIPPED, "broken"),
        (PASSED, None, "broken"),
        (SKIPPED, FAILED, "broken"),
        (None, FAILED, "broken"),
        (FAILED, FAILED, "failing"),
        (UNSTARTED, FAILED, "failing"),
        (FAILED, None, "failing"),
        (FAILED, PASSED, "mended"),
        (None, PASSED, "mended"),
        (SKIPPED, SKIPPED, "skipped"),
        (FAILED, SKIPPED, "skipped"),
    ],
)
def test_a_test_is_in_one_list(before, now, expected):
    without = {"/shop:Test.test_a": before} if before else {}
    with_addons = {"/shop:Test.test_a": now} if now else {}
    comparison = odoo_tests.Comparison(without, with_addons)
    assert [name for name in LISTS if getattr(comparison, name)] == [expected]
    assert getattr(comparison, expected) == ["/shop:Test.test_a"]


def test_a_class_that_breaks_breaks_each_of_its_tests_once():
    without = {"/shop:Test.test_a": PASSED, "/shop:Test.test_b": PASSED, "/shop:Other.test_a": PASSED}
    comparison = odoo_tests.Comparison(without, {"/shop:Test": FAILED, "/shop:Other.test_a": PASSED})
    assert comparison.broken == ["/shop:Test.test_a", "/shop:Test.test_b"]


def test_a_class_that_fails_both_ways_is_listed_as_such():
    assert odoo_tests.Comparison({"/shop:Test": FAILED}, {"/shop:Test": FAILED}).failing == ["/shop:Test"]


@pytest.fixture
def tests(monkeypatch):
    """A run whose outcomes are taken from a list instead of Odoo."""
    options = argparse.Namespace(name=None, odoo=None, test_tags=None)
    run = odoo_tests.OdooTestsRun(options, paths.addons())
    run.outcomes, run.asked, run._log = [], [], "odoo.log"
    monkeypatch.setattr(run, "_ensure_programs", lambda: None)
    monkeypatch.setattr(odoo_tests.outcomes, "get_details", lambda log, names: list(names))

    def run_once(name, recipe, tags):
        run.asked.append((name, tags))
        return run.outcomes.pop(0)

    monkeypatch.setattr(run, "_run_once", run_once)
    return run


def test_a_tour_that_fails_with_the_addons_once_gets_a_second_try(tests):
    tests.outcomes = [{"/a:T.x": PASSED, "/a:T.y": PASSED}, {"/a:T.x": FAILED, "/a:T.y": PASSED}, {"/a:T.x": PASSED}]
    (result,) = tests.compare()
    assert (result.passed, result.failed) == (2, 0)
    assert tests.asked[2] == ("with portal_agent_account and sale_auto_portal_user again", "/a:T.x")


def test_what_fails_twice_with_the_addons_only_is_a_failure(tests, capsys):
    tests.outcomes = [{"/a:T.x": PASSED, "/a:T.y": PASSED}, {"/a:T.x": FAILED, "/a:T.y": PASSED}, {"/a:T.x": FAILED}]
    (result,) = tests.compare()
    assert (result.passed, result.failed) == (1, 1)
    assert "/a:T.x (without: passed, with: failed)" in capsys.readouterr().out


def test_what_fails_both_ways_is_listed_and_not_counted(tests, capsys):
    tests.outcomes = [{"/a:T.x": FAILED, "/a:T.y": PASSED}, {"/a:T.x": FAILED}, {"/a:T.x": FAILED, "/a:T.y": PASSED}]
    (result,) = tests.compare()
    assert (result.passed, result.failed) == (1, 0)
    assert "/a:T.x (without: failed, with: failed)" in capsys.readouterr().out


def test_a_failure_of_ours_does_not_hide_behind_one_flaky_run_without_the_addons(tests):
    tests.outcomes = [{"/a:T.x": FAILED}, {"/a:T.x": PASSED}, {"/a:T.x": FAILED}, {"/a:T.x": FAILED}]
    (result,) = tests.compare()
    assert (result.passed, result.failed) == (0, 1)


@pytest.mark.parametrize("make", [odoo_tests.OdooTestsRun, compat.CompatRun], ids=["odoo-tests", "compat"])
def test_what_odoo_has_logged_is_what_became_of_the_tests(make, tmp_path, monkeypatch):
    log = tmp_path / "odoo.log"
    log.write_text(started("Test.test_a") + failed("Test.test_a") + SUMMARY)
    run = make.of_all_addons()
    monkeypatch.setattr(run, "_run_in_clone", lambda name, recipe, modules, tags: (1, log))
    assert run._run_alone("Testing", "shop", None, "--init=shop", "/shop") == ({"/shop:Test.test_a": FAILED}, log)


def test_the_options_are_read():
    options = cli.parse(["odoo-tests", "--addon", "portal_agent_account", "-k", "signup", "--odoo", "/odoo"])
    assert (options.addon, options.name, options.odoo, options.test_tags) == (
        "portal_agent_account",
        "signup",
        "/odoo",
        None,
    )
    assert cli.parse(["compat", "-k", "agent"]).name == "agent"


def test_the_tests_beside_other_addons_are_counted_by_addon(tmp_path):
    log = tmp_path / "odoo.log"
    log.write_text(failed("Test.test_b"))
    found = {"/shop:Test.test_a": PASSED, "/shop:Test.test_b": FAILED, "/cafe:Test.test_a": PASSED}
    shop, cafe, empty = compat.summarise(found, ["shop", "cafe", "empty"], log)
    assert (shop.passed, shop.failed) == (1, 1)
    assert "AssertionError: Test.test_b is broken" in shop.details
    assert (cafe.passed, cafe.failed, empty.passed, empty.failed) == (1, 0, 0, 0)
