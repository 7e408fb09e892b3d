"""Links seen by whoever placed the order work until the owner's first login."""

from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.fields import Command
from odoo.tests import JsonRpcException, tagged
from odoo.tools import mute_logger

from .common import PortalAccountCommon, PortalAccountHttpCommon

CRON = "sale_auto_portal_user.ir_cron_pending_portal_accounts"


class FirstLoginCommon(PortalAccountCommon):
    def sell(self, **partner_values):
        """Confirm an order and set a password on its customer's account."""
        order = self.order(self.customer(**partner_values), website_id=self.website.id)
        order.action_confirm()
        user = self.assert_account(order)
        user.password = "a long password"
        return order, user

    def sign_in(self, user):
        self.env.flush_all()
        credential = {"type": "password", "login": user.login, "password": "a long password"}
        self.env["res.users"].authenticate(credential, {"interactive": True})
        self.env.invalidate_all()

    def invoice(self, order, partner=None):
        order.order_line.qty_delivered = 1
        invoice = order._create_invoices()
        if partner:
            invoice.partner_id = partner
        invoice.action_post()
        return invoice


@tagged("post_install", "-at_install", "once")
class TestWrongAddress(FirstLoginCommon):
    """The mails that were sent to a wrong address contain links, and its owner can have a password reset sent."""

    def setUp(self):
        super().setUp()
        self.sale = self.order(self.customer(email="nora@exmaple.com"))
        self.sale.action_confirm()
        self.user = self.assert_account(self.sale)
        self.invoices = self.invoice(self.sale)
        self.documents = (self.sale, self.invoices)
        self.tokens = [document._portal_ensure_token() for document in self.documents]
        self.reset = self.request_reset(self.user)

    def request_reset(self, user):
        user.partner_id.signup_prepare(signup_type="reset")
        return user.partner_id._generate_signup_token()

    def assert_void(self):
        self.assertFalse(self.env["res.partner"]._signup_retrieve_info(self.reset))
        for document, token in zip(self.documents, self.tokens, strict=True):
            self.assertTrue(document.access_token)
            self.assertNotEqual(document.access_token, token)

    def assert_valid(self):
        self.assertTrue(self.env["res.partner"]._signup_retrieve_info(self.reset))
        self.assertEqual([document.access_token for document in self.documents], self.tokens)

    def test_a_corrected_address_voids_the_links_and_the_password_reset(self):
        self.sale.partner_id.email = "nora@example.com"
        self.assert_void()

    def test_an_address_corrected_by_a_salesperson_voids_the_links_and_the_password_reset(self):
        self.salesman.group_ids += self.env.ref("base.group_partner_manager")
        self.sale.partner_id.with_user(self.salesman).write({"email": "nora@example.com"})
        self.assert_void()

    def test_a_changed_login_voids_the_links_and_the_password_reset(self):
        self.user.login = "nora@example.com"
        self.assert_void()

    def test_an_archived_account_voids_the_links_and_the_password_reset(self):
        self.user.action_archive()
        self.assert_void()

    def test_an_account_that_is_not_wanted_or_not_used_keeps_the_links_to_documents(self):
        for method in ("_decline", "_archive_never_used"):
            with self.subTest(method):
                getattr(self.invitation_of(self.sale), method)()
                self.assertFalse(self.user.active)
                self.assertEqual([document.access_token for document in self.documents], self.tokens)
                self.assertFalse(self.env["res.partner"]._signup_retrieve_info(self.reset))
            self.user.active = True
            self.reset = self.request_reset(self.user)
        self.sale.partner_id.email = "nora@example.com"
        self.assert_void()

    def test_another_spelling_or_another_value_voids_nothing(self):
        self.sale.partner_id.write({"email": "Nora <NORA@exmaple.com>", "phone": "+32 2 290 34 90"})
        self.user.write({"login": self.user.login, "active": True})
        self.assert_valid()

    def test_an_account_in_use_keeps_its_links(self):
        self.user.password = "a long password"
        self.sign_in(self.user)
        self.tokens = [document.access_token for document in self.documents]
        self.reset = self.request_reset(self.user)
        self.sale.partner_id.email = self.user.login = "nora@example.com"
        self.assert_valid()

    def test_an_account_that_no_order_created_keeps_its_links(self):
        customer = self.customer(email="otto@example.com")
        user = self.portal_user(customer)
        self.documents = [self.order(customer)]
        self.tokens = [self.documents[0]._portal_ensure_token()]
        self.reset = self.request_reset(user)
        customer.email = user.login = "other@example.com"
        self.assert_valid()

    def test_the_login_is_corrected_later_if_a_document_is_locked(self):
        invitation = self.invitation_of(self.sale)
        self.sale.partner_id.email = "nora@example.com"
        self.sale._portal_ensure_token()
        with patch.object(self.registry["sale.order"], "try_lock_for_update", lambda orders, **_options: orders[:0]):
            invitation._queue()
        self.assertEqual((invitation.state, self.user.login), ("to_send", "nora@exmaple.com"))
        invitation._queue()
        self.assertEqual((invitation.state, self.user.login), ("queued", "nora@example.com"))


@tagged("post_install", "-at_install", "once")
class TestFirstLogin(FirstLoginCommon):
    def test_the_first_login_voids_the_tokens_of_all_documents(self):
        order, user = self.sell()
        address = self.customer(name="", email=False, type="invoice", parent_id=order.partner_id.id)
        firm = self.customer(name="Paying Agent", email="pay@example.com")
        quotation = self.order(order.partner_id)
        documents = [
            order,
            quotation,
            self.invoice(order, firm),
            self.env["account.move"].create(
                {
                    "move_type": "out_invoice",
                    "partner_id": address.id,
                    "invoice_line_ids": [Command.create({"product_id": self.product.id})],
                }
            ),
        ]
        foreign = self.order(self.customer(name="Foreign", email="foreign@example.com"))
        tokens = [document._portal_ensure_token() for document in (*documents, foreign)]
        self.sign_in(user)
        for document, token in zip(documents, tokens, strict=False):
            self.assertNotEqual(document.access_token, token, document)
        self.assertEqual(foreign.access_token, tokens[-1])

    def test_the_tokens_are_voided_even_if_the_order_that_created_the_account_is_deleted(self):
        order, user = self.sell()
        other = self.order(order.partner_id)
        token = other._portal_ensure_token()
        order._action_cancel()
        order.unlink()
        self.sign_in(user)
        self.assertNotEqual(other.access_token, token)

    def test_an_account_whose_order_is_deleted_has_no_owner_before_the_first_login(self):
        order, user = self.sell()
        other = self.order(order.partner_id)
        order._action_cancel()
        order.unlink()
        self.assertFalse(user.partner_id._has_owned_account())
        token = other._portal_ensure_token()
        known = self.customer(name="Vera", street="9 Secret Street")
        merge = self.env["base.partner.merge.automatic.wizard"].create({})
        merge._merge((known + other.partner_id).ids, known)
        self.assertEqual(other.partner_id, known)
        self.assertNotEqual(other.access_token, token)

    def test_a_link_made_after_the_first_login_keeps_working(self):
        order, user = self.sell()
        self.sign_in(user)
        token = order._portal_ensure_token()
        self.sign_in(user)
        self.assertEqual(order.access_token, token)

    def test_an_account_that_no_order_created_keeps_its_links(self):
        partner = self.customer()
        user = self.portal_user(partner)
        user.password = "a long password"
        order = self.order(partner)
        token = order._portal_ensure_token()
        self.sign_in(user)
        self.assertEqual(order.access_token, token)

    def test_later_logins_take_no_additional_queries(self):
        _order, user = self.sell()
        other = self.portal_user(self.customer(name="Otto", email="otto@example.com"))
        other.password = "a long password"
        counts = []
        for account in (user, other):
            self.sign_in(account)
            before = self.env.cr.sql_log_count
            self.sign_in(account)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(*counts)

    @mute_logger("odoo.sql_db", "odoo.addons.sale_auto_portal_user.models.res_users")
    def test_an_error_does_not_break_the_login_and_the_scheduled_action_tries_again(self):
        order, user = self.sell()
        token = order._portal_ensure_token()

        def fail(partners):
            partners.env.cr.execute("SELECT 1 / 0")

        with patch.object(self.registry["res.partner"], "_get_exposed_portal_documents", fail):
            self.sign_in(user)
        self.assertTrue(user.login_date)
        self.assertEqual(order.access_token, token)
        self.assert_looked_at_again()
        self.env["sale.order"]._cron_create_pending_portal_accounts()
        self.assertNotEqual(order.access_token, token)

    def test_a_locked_document_is_left_to_the_scheduled_action(self):
        order, user = self.sell()
        other = self.order(order.partner_id)
        tokens = order._portal_ensure_token(), other._portal_ensure_token()
        try_lock = self.registry["sale.order"].try_lock_for_update
        with patch.object(
            self.registry["sale.order"],
            "try_lock_for_update",
            lambda orders, **options: try_lock(orders.filtered(lambda each: each.id != order.id), **options),
        ):
            self.sign_in(user)
        self.assertEqual(order.access_token, tokens[0])
        self.assertNotEqual(other.access_token, tokens[1])
        self.assert_looked_at_again()
        self.env["sale.order"]._cron_create_pending_portal_accounts()
        self.assertNotEqual(order.access_token, tokens[0])

    def assert_looked_at_again(self):
        triggers = self.env["ir.cron.trigger"].search([("cron_id", "=", self.env.ref(CRON).id)])
        self.assertTrue(
            triggers.filtered(lambda trigger: trigger.call_at < fields.Datetime.now() + timedelta(minutes=2))
        )


@tagged("post_install", "-at_install", "once")
class TestOldLinks(FirstLoginCommon, PortalAccountHttpCommon):
    """Links of guests before and after the owner's first login."""

    def setUp(self):
        super().setUp()
        self.sale, self.user = self.sell()
        self.link = self.sale.get_portal_url()
        self.token = self.sale.access_token

    def come_in(self):
        """Let the owner sign in and enter an address, then return to a guest session."""
        self.sign_in(self.user)
        self.sale.partner_id.street = "Secret Lane 1"
        self.env.flush_all()
        self.authenticate(None, None)

    def test_a_guests_link_shows_nothing_after_the_owners_first_login(self):
        self.authenticate(None, None)
        self.assertIn(self.sale.name, self.url_open(self.link).text)
        self.come_in()
        for link in (self.link, f"{self.link}&report_type=html", f"{self.link}&report_type=pdf&download=true"):
            response = self.url_open(link)
            self.assertIn("/web/login", response.url)
            self.assertNotIn("Secret Lane", response.text)

    def post_message(self):
        return self.make_jsonrpc_request(
            "/mail/message/post",
            {
                "thread_model": "sale.order",
                "thread_id": self.sale.id,
                "post_data": {"body": "Send it to my new address", "message_type": "comment"},
                "token": self.token,
            },
        )

    def test_a_guest_can_no_longer_post_messages_as_the_owner(self):
        self.authenticate(None, None)
        self.assertTrue(self.post_message())
        self.come_in()
        with mute_logger("odoo.http"), self.assertRaises(JsonRpcException):
            self.post_message()

    def test_an_open_payment_page_creates_no_payment_with_the_old_link(self):
        self.come_in()
        with mute_logger("odoo.http"), self.assertRaisesRegex(JsonRpcException, "ValidationError"):
            self.make_jsonrpc_request(
                f"/my/orders/{self.sale.id}/transaction",
                {"access_token": self.token, "amount": 100.0},
            )
        self.assertFalse(self.sale.transaction_ids)

    def test_a_payment_in_progress_is_booked_and_its_payer_is_asked_to_sign_in(self):
        provider = self.env["payment.provider"].create({"name": "Bank", "code": "none", "state": "test"})
        method = self.env["payment.method"].create({"name": "Card", "code": "card_of_test"})
        transaction = self.env["payment.transaction"].create(
            {
                "provider_id": provider.id,
                "payment_method_id": method.id,
                "reference": "under-way",
                "amount": self.sale.amount_total,
                "currency_id": self.sale.currency_id.id,
                "partner_id": self.sale.partner_id.id,
                "sale_order_ids": [Command.set(self.sale.ids)],
                "landing_route": self.link,
            }
        )
        transaction._set_pending()
        self.come_in()
        transaction._set_done()
        self.assertEqual(transaction.state, "done")
        self.assertIn("/web/login", self.url_open(transaction.landing_route).url)

    def test_the_owner_can_keep_using_the_same_page(self):
        self.authenticate(self.user.login, "a long password")
        response = self.url_open(self.link)
        self.assertEqual(response.status_code, 200)
        self.assertIn(self.sale.name, response.text)
