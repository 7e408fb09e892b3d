"""The summary tells the truth: nothing passes by not having run."""

import pytest

from devtools import logcheck, paths, results, testing

PREFIX = "2026-01-01 10:00:00,000 42"
TESTS = "odoo.addons.shop.tests.test_shop"


def line(level, logger, text):
    return f"{PREFIX} {level} db {logger}: {text}\n"


def summary(failed, errors, total):
    level = "ERROR" if failed or errors else "INFO"
    text = f"{failed} failed, {errors} error(s) of {total} tests when loading database 'db'"
    return line(level, "odoo.tests.result", text)


@pytest.fixture
def read(tmp_path):
    """A function that reads the results from a log."""

    def read_log(text, exit_code=0, **options):
        path = tmp_path / "odoo.log"
        path.write_text(text)
        return results.read_odoo_tests("shop", path, exit_code, **options)

    return read_log


def test_passed_tests_are_counted(read):
    tests, log = read(line("INFO", TESTS, "Starting Test.test_a ...") + summary(0, 0, 7))
    assert (tests.passed, tests.failed) == (7, 0)
    assert (log.passed, log.failed) == (1, 0)


def test_failures_are_counted_once_and_shown(read):
    text = line("ERROR", TESTS, "FAIL: Test.test_a\nTraceback:\nAssertionError: no cart") + summary(1, 1, 7)
    tests, log = read(text, exit_code=1)
    assert (tests.passed, tests.failed) == (5, 2)
    assert "AssertionError: no cart" in tests.details
    assert not log.failed


def test_a_run_without_tests_has_failed(read):
    tests, _log = read(line("INFO", "odoo", "started"), exit_code=0)
    assert tests.failed == 1


def test_odoo_ending_badly_is_a_failure(read):
    tests, _log = read(summary(0, 0, 7), exit_code=1)
    assert tests.failed == 1


def test_a_tour_that_found_no_browser_has_failed(read):
    text = line("INFO", TESTS, "skipped Test.test_tour : Chrome executable not found") + summary(0, 0, 1)
    tests, _log = read(text)
    assert (tests.passed, tests.failed) == (0, 1)
    assert tests.unstarted == {"Test.test_tour"}


def test_a_test_that_every_run_skips_is_named():
    alone = results.Result("alone", skipped={"T.test_a", "T.test_b"}, started={"T.test_a", "T.test_b"})
    together = results.Result("together", skipped={"T.test_b"}, started={"T.test_a", "T.test_b"})
    assert results.never_ran([alone, together]) == {"T.test_b"}


def test_an_unexpected_warning_in_the_log_is_a_failure(read):
    text = line("WARNING", "odoo.addons.shop.models.cart", "lost a cart\nfor good") + summary(0, 0, 7)
    _tests, log = read(text)
    assert log.failed == 1
    assert "for good" in log.details


def test_odoos_own_deprecated_calls_are_expected_and_ours_are_not():
    theirs = line("WARNING", "py.warnings", "/lib/odoo/tools.py:7: DeprecationWarning: old\n  called by us")
    ours = line("WARNING", "py.warnings", f"{paths.REPOSITORY}/shop/models/cart.py:7: DeprecationWarning: old")
    assert not logcheck.find_unexpected(theirs)
    assert logcheck.find_unexpected(ours)


def test_what_a_stopped_server_cuts_off_is_nobodys_fault():
    error = line("ERROR", "odoo.sql_db", "bad query: cursor already closed")
    stop = line("INFO", "odoo.service.server", "Initiating shutdown")
    assert not logcheck.find_unexpected(stop + error)
    assert len(logcheck.find_unexpected(error + stop + error)) == 1


def test_a_test_can_expect_what_it_provokes():
    text = line("ERROR", "odoo.addons.mail", "no server")
    assert not logcheck.find_unexpected(text, [logcheck.Expected(r"odoo\.addons\.mail", "no server", "there is none")])


def test_every_expected_line_has_a_reason():
    assert all(expected.reason for expected in logcheck.EXPECTED)


@pytest.mark.parametrize(
    ("counts", "code"),
    [([(3, 0)], 0), ([(3, 0), (0, 1)], 1), ([], 1)],
    ids=["all passed", "one failed", "nothing ran"],
)
def test_the_last_line_and_the_exit_code_agree(counts, code, capsys):
    outcome = [results.Result("stage", passed=passed, failed=failed) for passed, failed in counts]
    assert testing.conclude(outcome, "logs", 1) == code
    passed, failed = sum(p for p, f in counts), sum(f for p, f in counts)
    assert capsys.readouterr().out.splitlines()[-1] == f"{passed} passed, {failed} failed"
