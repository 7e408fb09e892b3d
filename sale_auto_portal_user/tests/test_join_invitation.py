"""A guest who buys again before choosing a password is sent the invitation again."""

import re
from datetime import timedelta

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models.portal_join_mail import get_link_token
from .common import PortalAccountHttpCommon, PortalInvitationCommon
from .join_common import GuestOrderCommon

EMAIL = "twice@example.com"


class UnusedAccountCommon(PortalInvitationCommon, GuestOrderCommon):
    def setUp(self):
        super().setUp()
        self.first = self.guest_order(self.guest(email=EMAIL))
        self.user = self.assert_account(self.first)
        self.invitation = self.invitation_of(self.first)

    def buy_again(self):
        return self.guest_order(self.guest(email=EMAIL))

    def send_all(self):
        """Run both scheduled actions and return the subjects of the mails."""
        with self.mock_mail_gateway():
            joins = self.env["sale.portal.join"]._search_due(100)
            joins._queue()
            joins._send_queued()
            self.run_cron()
        self.env.invalidate_all()
        return [mail["subject"] for mail in self._mails]

    def hours_pass(self, hours):
        """Have everything that was done happen some hours earlier."""
        self.days_pass(self.invitation, hours / 24)
        for join in self.env["sale.portal.join"].search([]):
            join.next_attempt = join.next_attempt and join.next_attempt - timedelta(hours=hours)
        for order in self.env["sale.order"].search([("partner_id.email", "=", EMAIL)]):
            order.date_order -= timedelta(hours=hours)


@tagged("post_install", "-at_install", "once")
class TestUnusedAccount(UnusedAccountCommon):
    def test_the_invitation_is_sent_again_instead_of_a_mail_that_asks_to_sign_in(self):
        self.send_all()
        self.hours_pass(48)
        second = self.buy_again()
        [subject] = self.send_all()
        self.assertIn("choose a password", subject)
        self.assertEqual(second.portal_join_state, "waiting")
        self.assertFalse(self.send_all())
        self.invitation._choose_password("correct horse battery")
        self.assertIn(second.partner_id, self.env["sale.portal.join"]._get_portal_join_offers(self.user))

    def test_one_invitation_is_enough_if_it_was_not_sent_yet(self):
        self.buy_again().date_order -= timedelta(minutes=1)
        [subject] = self.send_all()
        self.assertIn("choose a password", subject)
        for _day in range(3):
            self.hours_pass(24)
            self.assertFalse(self.send_all())

    def test_a_stranger_who_orders_ten_times_causes_one_invitation_a_day(self):
        self.send_all()
        self.hours_pass(23)
        for _number in range(10):
            self.buy_again()
        self.assertFalse(self.send_all())
        self.hours_pass(1)
        self.assertEqual(len(self.send_all()), 1)
        self.hours_pass(24)
        self.assertFalse(self.send_all())

    def test_orders_of_several_days_do_not_request_one_anothers_mails(self):
        self.send_all()
        for _order in range(2):
            self.hours_pass(48)
            self.buy_again()
            self.assertEqual(len(self.send_all()), 1)
        self.hours_pass(2)
        self.assertFalse(self.send_all())
        joins = self.env["sale.portal.join"].search([("user_id", "=", self.user.id)])
        self.assertEqual(joins.mapped("state"), ["cancelled", "cancelled"])

    def test_an_owner_who_has_signed_in_by_then_is_told_about_the_order(self):
        self.send_all()
        second = self.buy_again()
        self.assertFalse(self.send_all())
        self.invitation._choose_password("correct horse battery")
        self.log_in(self.user)
        self.hours_pass(24)
        [subject] = self.send_all()
        self.assertIn(second.name, subject)

    def test_an_owner_whose_first_order_was_cancelled_before_the_invitation_was_sent_is_invited(self):
        self.buy_again()
        self.first._action_cancel()
        [subject] = self.send_all()
        self.assertIn("choose a password", subject)
        self.assertNotIn(self.first.name, subject)
        self.assertEqual(self.invitation.state, "sent")
        self.hours_pass(1)
        self.assertFalse(self.send_all())

    @mute_logger("odoo.addons.sale_auto_portal_user.models.portal_mail_send")
    def test_an_invitation_that_another_addon_refuses_does_not_delay_the_mails_to_other_owners(self):
        self.send_all()
        self.hours_pass(48)
        second, other = self.buy_again(), self.guest_order()
        write, error = self.registry["sale.portal.invitation"].write, UserError("No mails on Sundays.")

        def write_or_refuse(invitations, vals):
            if vals.get("state") == "to_send":
                raise error
            return write(invitations, vals)

        self.patch(self.registry["sale.portal.invitation"], "write", write_or_refuse)
        [subject] = self.send_all()
        self.assertIn(other.name, subject)
        self.assertEqual(self.joins_of(second).failure_reason, "No mails on Sundays.")

    def test_staff_sends_the_invitation_again_from_the_order(self):
        self.send_all()
        second = self.buy_again()
        self.send_all()
        self.hours_pass(2)
        second.action_send_portal_join_mail()
        [subject] = self.send_all()
        self.assertIn("choose a password", subject)
        self.assertFalse(self.send_all())

    def test_an_invitation_that_another_transaction_works_on_is_sent_later(self):
        self.send_all()
        self.hours_pass(48)
        second = self.buy_again()
        join = self.joins_of(second)
        locked = self.registry["sale.portal.invitation"]
        self.patch(locked, "try_lock_for_update", lambda records, **kwargs: records.browse())
        self.check()
        self.assertEqual((join.join_state, join.state), ("waiting", "to_send"))
        self.assertTrue(join.next_attempt)

    def test_an_order_does_not_invite_a_customer_who_declined_and_whose_account_staff_opened_again(self):
        self.send_all()
        self.invitation._decline()
        self.user.action_unarchive()
        self.hours_pass(48)
        second = self.buy_again()
        self.assertFalse(self.send_all())
        self.assertEqual((second.portal_join_state, self.invitation.state), ("waiting", "declined"))
        self.assertEqual(second.portal_join_note, "The customer does not want an account")
        second.action_send_portal_join_mail()
        [subject] = self.send_all()
        self.assertIn("choose a password", subject)

    def test_an_order_does_not_send_an_invitation_that_an_administrator_cancelled_or_deleted(self):
        for take_back in (lambda: self.invitation.mail_id.cancel(), lambda: self.invitation.unlink()):
            self.invitation._queue()
            take_back()
            self.invitation.exists()._settle()
            self.env.invalidate_all()
            second = self.buy_again()
            self.assertFalse(self.send_all())
            self.assertEqual(second.portal_join_state, "waiting")
            self.assertEqual(second.portal_join_note, "The invitation to the account was cancelled.")
        second.action_send_portal_join_mail()
        [subject] = self.send_all()
        self.assertIn("choose a password", subject)

    def test_a_stranger_who_orders_every_day_does_not_keep_an_account_from_being_archived(self):
        self.company.auto_portal_user_archive_days = 30
        self.send_all()
        mails_by_day = {}
        for day in range(1, 50):
            self.hours_pass(24)
            self.buy_again()
            mails_by_day[day] = len(self.send_all())
            self.keep_house()
            if not self.user.active:
                break
        # The link in the last mail, and the one in the reminder, work for six days.
        self.assertIn(day, range(36, 42))
        self.assertEqual([mails_by_day[day] for day in (1, 29, 30, 31)], [1, 1, 0, 0])

    def test_an_account_that_is_never_archived_is_told_of_every_order(self):
        self.company.auto_portal_user_archive_days = 30
        self.user.group_ids += self.env["res.groups"].create({"name": "More than a Customer"})
        self.send_all()
        for _week in range(7):
            self.hours_pass(7 * 24)
            self.buy_again()
            self.assertEqual(len(self.send_all()), 1)
            self.keep_house()
        self.assertTrue(self.user.active)

    def test_an_invitation_that_staff_requests_restarts_the_delay_to_archive(self):
        self.company.auto_portal_user_archive_days = 30
        self.send_all()
        self.hours_pass(20 * 24)
        second = self.buy_again()
        self.send_all()
        self.hours_pass(9 * 24)
        second.action_send_portal_join_mail()
        self.send_all()
        self.hours_pass(29 * 24)
        self.keep_house()
        self.assertTrue(self.user.active)
        self.hours_pass(24)
        self.keep_house()
        self.assertFalse(self.user.active)


@tagged("post_install", "-at_install", "once")
class TestLinkOfUnusedAccount(UnusedAccountCommon, PortalAccountHttpCommon):
    """A mail about a guest order was sent to an owner without a password, by an earlier version."""

    def setUp(self):
        super().setUp()
        self.send_all()
        self.second = self.buy_again()
        self.check()
        self.join_record = self.joins_of(self.second)
        self.path = f"/my/guest-orders/link/{get_link_token(self.join_record)}"
        self.authenticate(None, None)

    def csrf(self, response):
        return re.search(r'name="csrf_token" value="([^"]+)"', response.text)[1]

    def test_the_link_leads_to_another_invitation(self):
        self.hours_pass(1)
        before = self.invitation.read(), self.join_record.read()
        response = self.url_open(self.path)
        self.assertTrue(response.url.endswith("/my/guest-orders/invitation"), response.url)
        self.assertIn("Choose your password", response.text)
        self.assertIn(EMAIL, response.text)
        self.env.invalidate_all()
        self.assertEqual((self.invitation.read(), self.join_record.read()), before, "only the button sends a mail")
        response = self.url_open("/my/guest-orders/invitation", data={"csrf_token": self.csrf(response)})
        self.assertIn("A new link is on its way", response.text)
        self.assertIn("choose a password", self.send_all()[0])

    def test_the_page_says_if_an_invitation_was_sent_a_short_time_ago(self):
        response = self.url_open(self.path)
        self.assertIn("a short time ago", response.text)
        self.assertNotIn("Send me a new link", response.text)

    def resend(self):
        """Click the button, even if the page in another tab has it no more."""
        response = self.url_open("/web/login")
        return self.url_open("/my/guest-orders/invitation", data={"csrf_token": self.csrf(response)})

    def test_the_page_says_if_no_invitation_was_sent_because_one_was_sent_a_short_time_ago(self):
        self.url_open(self.path)
        response = self.resend()
        self.assertIn("a short time ago", response.text)
        self.assertNotIn("on its way", response.text)
        self.assertFalse(self.send_all())

    def test_the_page_offers_the_button_again_while_another_transaction_works_on_the_invitation(self):
        self.hours_pass(1)
        self.url_open(self.path)
        locked = self.registry["sale.portal.invitation"]
        self.patch(locked, "try_lock_for_update", lambda records, **kwargs: records.browse())
        response = self.resend()
        self.assertNotIn("on its way", response.text)
        self.assertIn("Send me a new link", response.text)

    def test_a_deleted_invitation_is_only_created_by_the_button(self):
        self.invitation.unlink()
        invitations = self.env["sale.portal.invitation"]
        self.assertIn("Send me a new link", self.url_open(self.path).text)
        self.assertFalse(invitations.search([("user_id", "=", self.user.id)]))
        self.assertIn("on its way", self.resend().text)
        self.assertEqual(invitations.search([("user_id", "=", self.user.id)]).state, "to_send")
        self.assertIn("choose a password", self.send_all()[0])

    def test_an_owner_to_whom_staff_granted_access_is_sent_an_invitation_by_the_link(self):
        user = self.portal_user(self.customer(name="Otto", email="otto@example.com"))
        order = self.guest_order(self.guest(email="otto@example.com"))
        [subject] = self.send_all()
        self.assertIn(order.name, subject, "an order alone invites nobody")
        join = self.joins_of(order)
        invitations = self.env["sale.portal.invitation"].search([])
        response = self.url_open(f"/my/guest-orders/link/{get_link_token(join)}")
        self.assertTrue(response.url.endswith("/my/guest-orders/invitation"), response.url)
        self.assertIn("has no password yet", response.text)
        self.assertEqual(self.env["sale.portal.invitation"].search([]), invitations)
        self.assertIn("on its way", self.resend().text)
        [subject] = self.send_all()
        self.assertIn("choose a password", subject)
        self.assertEqual(self._mails[0]["email_to"], ["otto@example.com"])
        invitation = self.env["sale.portal.invitation"].search([]) - invitations
        self.assertEqual((invitation.website_id, invitation.order_id.id), (order.website_id, False))
        invitation._choose_password("correct horse battery")
        self.assertEqual(self.env["sale.portal.join"]._get_portal_join_offers(user), order.partner_id)

    def test_an_account_to_which_staff_granted_access_is_not_archived_because_its_owner_requested_a_link(self):
        self.company.auto_portal_user_archive_days = 30
        user = self.portal_user(self.customer(name="Otto", email="otto@example.com"))
        join = self.waiting(self.guest_order(self.guest(email="otto@example.com")))
        self.url_open(f"/my/guest-orders/link/{get_link_token(join)}")
        self.resend()
        self.send_all()
        invitation = self.env["sale.portal.invitation"].search([("user_id", "=", user.id)])
        self.assertEqual(invitation.state, "sent")
        self.days_pass(invitation + self.invitation, 60)
        self.keep_house()
        self.assertEqual((user.active, self.user.active), (True, False))
        invitation._decline()
        user.action_unarchive()
        order = self.guest_order(self.guest(email="otto@example.com"))
        self.assertFalse(self.send_all(), "nothing is sent to an address that declined")
        self.assertEqual(order.portal_join_state, "waiting")

    def test_an_owner_with_a_password_or_another_address_is_led_to_the_log_in(self):
        for name, values in (("password", {"password": "correct horse battery"}), ("address", {"email": "x@y.com"})):
            user = self.portal_user(self.customer(name="Otto", email=f"{name}@example.com"))
            join = self.waiting(self.guest_order(self.guest(email=f"{name}@example.com")))
            user.write(values)
            with self.subTest(name):
                self.assertIn("/web/login", self.url_open(f"/my/guest-orders/link/{get_link_token(join)}").url)

    def test_nobody_without_the_link_sends_an_invitation(self):
        response = self.url_open("/my/guest-orders/invitation")
        self.assertIn("/web/login", response.url)
        self.assertNotIn(EMAIL, response.text)
        self.hours_pass(1)
        self.url_open("/my/guest-orders/invitation", data={"csrf_token": self.csrf(response)})
        self.assertFalse(self.send_all())

    def test_once_the_password_is_chosen_the_link_leads_to_the_log_in(self):
        self.url_open(self.path)
        self.invitation._choose_password("correct horse battery")
        self.env.flush_all()
        for path in (self.path, "/my/guest-orders/invitation"):
            self.assertIn("/web/login", self.url_open(path).url)
