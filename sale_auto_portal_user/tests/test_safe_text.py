"""Names typed by strangers can't convey a message in the shop's mails."""

import unicodedata
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

from odoo.tests import tagged

from odoo.addons.sale_auto_portal_user.tools import _portal_safe_text

from .common import PortalAccountCommon


@tagged("post_install", "-at_install", "once")
class TestSafeText(PortalAccountCommon):
    def safe_name(self, name):
        return self.customer(name=name)._get_portal_safe_name()

    def test_a_personal_name_is_not_changed(self):
        for name in (
            "Nora",
            "Jürgen Müller-Lüdenscheidt",
            "J.R.R. Tolkien",
            "O'Neil & Sons, Ltd.",
            "Dr. Nora New",
            "山田 太郎",
            "محمد علی",
            "می\u200cخواهم",
            "Tom <3",
        ):
            with self.subTest(name=name):
                self.assertEqual(self.safe_name(name), name)

    def test_a_name_is_one_line_without_control_characters(self):
        name = "Shop\r\nSubject: Your refund\r\n\r\n<h1>\x00\x1b\x7f\u2028\u2029\u202eevil\u2066\ufeff\u0085\ud800"
        safe = _portal_safe_text(name, 200)
        self.assertEqual(safe, "Shop Subject: Your refund <h1> evil")
        self.assertFalse({unicodedata.category(character) for character in safe} & {"Cc", "Cf", "Cs", "Zl", "Zp"})

    def test_a_name_holds_no_encoded_word_that_a_mail_header_decodes(self):
        message = EmailMessage(policy=SMTP)
        message["Subject"] = _portal_safe_text("Nora =?utf-8?q?=0D=0ABcc:_victim=40example.com?=" * 3, 200)
        headers = message_from_bytes(message.as_bytes(), policy=SMTP)
        self.assertEqual(headers.keys(), ["Subject"])

    def test_a_name_holds_no_link(self):
        for name, safe in (
            ("Claim https://evil.example/pay?x=1 now", "Claim now"),
            ("Claim ht\u00adtps://evil.example now", "Claim now"),
            ("www.evil.example/pay", "www evil example/pay"),
            ("pay at evil.example", "pay at evil example"),
            ("evil\u3002example", "evil example"),
            ("evil\u200b.example", "evil example"),
            ("evil.\u200cexample", "evil \u200cexample"),
            ("evil.xn--p1ai", "evil xn--p1ai"),
            ("nora@example.com", "nora"),
            ("nora.new@example.com", "nora new"),
            ("https://evil.example", ""),
        ):
            with self.subTest(name=name):
                self.assertEqual(self.safe_name(name), safe)

    def test_the_shops_own_name_may_be_a_domain(self):
        self.assertEqual(_portal_safe_text("Chairs.example\n", 60, keep_links=True), "Chairs.example")

    def test_a_long_name_is_truncated(self):
        self.assertEqual(self.safe_name("x" * 60), "x" * 60)
        self.assertEqual(self.safe_name("x" * 61), "x" * 59 + "…")
        self.assertEqual(len(self.safe_name("word " * 1000)), 60)

    def test_nothing_gives_an_empty_text(self):
        for nothing in (False, None, "", " \n "):
            self.assertEqual(_portal_safe_text(nothing, 10), "")
