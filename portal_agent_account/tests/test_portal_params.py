from datetime import date

from odoo.tests import BaseCase, tagged

from odoo.addons.portal_agent_account.pages import params

NASTY = (
    None, "", " ", 0, 1.5, True, [], [1], {}, {"id": 1}, "\x00", "1\x00", "a\x00b", "x" * 10_000, "1" * 10_000, "-1",
    "+1",
    "1e3", "0x10", "1_000", "١٢", "²", "½", "NaN", "\u202e1", "\ud800", "%", "_", "\\", "'; DROP TABLE res_users; --",
    "<script>alert(1)</script>", "{{7*7}}", "../../etc/passwd", "0000-00-00", "2026-13-45", "9999-12-31", "0001-01-01",
    "2026-W01-1", "20260101", "😀", str(2**31), str(2**63), str(2**70),
)  # fmt: skip


@tagged("post_install", "-at_install", "once")
class TestPortalParams(BaseCase):
    """Sanitizing of values from visitors."""

    def test_any_input_becomes_a_valid_database_value(self):
        for value in NASTY:
            with self.subTest(value=repr(value)[:40]):
                text = params.get_text(value)
                self.assertNotIn("\x00", text)
                self.assertLessEqual(len(text), params.MAX_TEXT_LENGTH)
                text.encode()
                self.assertLessEqual(params.get_id(value), params.MAX_ID)
                self.assertIsInstance(params.get_number(value, 1), int)
                self.assertIsInstance(params.get_date(value), (date, type(None)))
                self.assertIn(params.get_choice(value, {"a": 1}, "a"), ("a",))
                self.assertIsInstance(params.get_ids(value, 5), list)

    def test_text_is_kept_as_typed(self):
        self.assertEqual(params.get_text("  Müller & Söhne 😀 50% "), "Müller & Söhne 😀 50%")
        self.assertEqual(params.get_text("a\x00b\tc"), "a b c")

    def test_only_positive_whole_numbers_that_fit_are_ids(self):
        self.assertEqual(params.get_id("42"), 42)
        self.assertEqual(params.get_id(42), 42)
        for value in ("0", "-1", "4.0", "٤", str(2**31), True, 4.0, [42]):
            self.assertEqual(params.get_id(value), 0, value)

    def test_invalid_page_number_falls_back_to_the_first_page(self):
        self.assertEqual(params.get_number("3", 1), 3)
        self.assertEqual(params.get_number(3, 1), 3)
        for value in ("²", "-3", "x", None, "3" * 20):
            self.assertEqual(params.get_number(value, 1), 1, value)

    def test_only_dates_within_the_limits_are_accepted(self):
        self.assertEqual(params.get_date("2026-02-28"), date(2026, 2, 28))
        for value in ("2026-02-30", "9999-12-31", "0001-01-01", "20260228", "2026-W09-6", "today", 20260228):
            self.assertIsNone(params.get_date(value), value)

    def test_ids_are_unique_ordered_and_limited(self):
        self.assertEqual(params.get_ids([3, "1", 3, "x", None, 2**40, 2], 10), [3, 1, 2])
        self.assertEqual(params.get_ids(list(range(1, 100)), 3), [1, 2, 3])
