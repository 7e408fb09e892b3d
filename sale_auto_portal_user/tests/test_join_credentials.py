"""Whoever signed up with somebody else's address loses every way to sign in once the mailbox is proved."""

from datetime import timedelta

from odoo import fields
from odoo.tests import tagged

from .join_common import GuestOrderCommon
from .test_join_pages import PASSWORD, GuestPagesCommon

IN_A_MONTH = timedelta(days=30)


class CredentialsCommon(GuestOrderCommon):
    def generate(self, model, user, scope):
        return self.env[model].with_user(user).sudo()._generate(scope, "stranger", fields.Datetime.now() + IN_A_MONTH)

    def user_of(self, model, key, scope):
        return self.env[model]._check_credentials(scope=scope, key=key)

    def create_passkey(self, user, identifier="stranger"):
        return (
            self.env["auth.passkey.key"]
            .with_user(user)
            .sudo()
            .create({"name": "stranger", "credential_identifier": identifier})
        )


@tagged("post_install", "-at_install", "once")
class TestCredentials(CredentialsCommon):
    def setUp(self):
        super().setUp()
        self.user = self.portal_user(self.customer(name="Stranger", email="victim@example.com"), password=PASSWORD)
        self.key = self.generate("res.users.apikeys", self.user, "rpc")

    def add_to_account(self):
        """Add a guest order to the account by the link in the mail."""
        order = self.guest_order(self.guest(email="victim@example.com"))
        self.env["sale.portal.join"]._search_due(100)._queue()
        join = self.joins_of(order)
        self.assertEqual(join._join_by_mailbox(join.partner_id, self.user, join), "joined")

    def test_an_api_key_from_before_the_proof_does_not_work_any_more(self):
        self.assertEqual(self.user_of("res.users.apikeys", self.key, "rpc"), self.user.id)
        other = self.generate("res.users.apikeys", self.owner, "rpc")
        self.add_to_account()
        self.assertFalse(self.user_of("res.users.apikeys", self.key, "rpc"))
        self.assertEqual(self.user_of("res.users.apikeys", other, "rpc"), self.owner.id)

    def test_a_later_proof_keeps_the_owners_own_keys_unless_the_login_has_changed(self):
        self.add_to_account()
        key = self.generate("res.users.apikeys", self.user, "rpc")
        self.add_to_account()
        self.assertEqual(self.user_of("res.users.apikeys", key, "rpc"), self.user.id)
        self.user.login = "new@example.com"
        self.user._prove_portal_mailbox()
        self.assertFalse(self.user_of("res.users.apikeys", key, "rpc"))

    def test_a_trusted_device_is_not_trusted_any_more(self):
        if "auth_totp.device" not in self.env:
            self.skipTest("Two-factor authentication is not installed")
        device = self.generate("auth_totp.device", self.user, "browser")
        self.assertTrue(self.user_of("auth_totp.device", device, "browser"))
        self.add_to_account()
        self.assertFalse(self.user_of("auth_totp.device", device, "browser"))

    def test_a_passkey_is_deleted(self):
        if "auth.passkey.key" not in self.env:
            self.skipTest("Passkeys are not installed")
        passkey, other = self.create_passkey(self.user), self.create_passkey(self.owner, "owner")
        self.add_to_account()
        self.assertEqual((passkey | other).exists(), other)


@tagged("post_install", "-at_install", "once")
class TestSessions(CredentialsCommon, GuestPagesCommon):
    def sign_in_on_a_device(self):
        """Sign the owner in without ending the previous session, on a device that Odoo records."""
        self.session = None
        self.authenticate(self.owner.login, PASSWORD, session_extra={"_trace_disable": False})
        self.assertNotIn("/web/login", self.url_open("/my").url)

    def test_the_page_says_which_ways_to_sign_in_are_removed(self):
        self.owner.portal_mailbox = False
        for has_key, is_proved in ((False, False), (True, False), (True, True)):
            with self.subTest(has_key=has_key, is_proved=is_proved):
                if is_proved:
                    self.owner._prove_portal_mailbox()
                if has_key:
                    self.generate("res.users.apikeys", self.owner, "rpc")
                self.browse_as(self.owner)
                page = self.page(self.link(self.waiting()))
                self.assertEqual(bool(self.text(page, "portal_join_credentials")), has_key and not is_proved)

    def test_other_devices_are_signed_out_and_the_owner_stays_signed_in(self):
        for has_passkey in {False, "auth.passkey.key" in self.env}:
            with self.subTest(has_passkey=has_passkey):
                self.owner.portal_mailbox = False
                if has_passkey:
                    self.create_passkey(self.owner)
                join = self.waiting()
                self.sign_in_on_a_device()
                others_cookies = self.opener.cookies.copy()
                self.sign_in_on_a_device()
                self.page(self.link(join))
                self.submit(join.partner_id)
                self.assert_joined(join.order_id, "mailbox")
                self.assertNotIn("/web/login", self.url_open("/my").url)
                self.opener.cookies = others_cookies
                self.assertIn("/web/login", self.url_open("/my").url)
