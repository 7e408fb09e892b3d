"""Life cycle of an invitation: reminded, accepted without the link, expired, archived, sent again."""

import itertools
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.sale_auto_portal_user.models import portal_invitation_upkeep
from odoo.addons.sale_auto_portal_user.models.portal_invitation_link import CHOOSE_PASSWORD, DECLINE

from .common import PortalInvitationCommon
from .join_common import GuestOrderCommon


@tagged("post_install", "-at_install", "once")
class TestReminder(PortalInvitationCommon):
    def setUp(self):
        super().setUp()
        self.sale, self.invitation = self.invite()
        self.link = self.send_link()

    def test_by_default_the_reminder_is_sent_after_half_of_the_link_s_validity(self):
        self.assertEqual(self.company.auto_portal_user_reminder_days, 3)
        self.env["ir.config_parameter"].set_param("auth_signup.signup.validity.hours", 480)
        self.assertEqual(self.env["res.company"].create({"name": "Later"}).auto_portal_user_reminder_days, 10)

    def test_a_customer_who_has_not_used_the_invitation_is_reminded_once(self):
        self.days_pass(self.invitation, 2)
        self.keep_house()
        self.assertFalse(self.send(), "not before its time")
        self.days_pass(self.invitation, 1)
        self.keep_house()
        (body,) = self.send().values()
        self.assertIn("is waiting for you", body)
        self.assertNotIn("Thank you for your order", body)
        self.assertNotEqual(self.links_in(body)[0], self.link)
        self.assertTrue(self.links_in(body)[1], "it can be declined, too")
        self.assertEqual(self.invitation.state, "sent")
        self.assertTrue(self.invitation.reminded_date)
        self.assertGreater(self.invitation.expiry_date, fields.Datetime.now() + timedelta(days=5))
        self.days_pass(self.invitation, 4)
        self.keep_house()
        self.assertFalse(self.send(), "one reminder")

    @mute_logger("odoo.addons.mail.models.mail_mail")
    def test_a_reminder_that_could_not_be_sent_does_not_extend_the_link_of_the_first_mail(self):
        self.days_pass(self.invitation, 3)
        expiry_date = self.invitation.expiry_date
        self.keep_house()
        with self.server_away():
            self.run_cron()
        self.assertEqual((self.invitation.state, self.invitation.is_reminder), ("to_send", True))
        self.assertEqual(self.invitation.expiry_date, expiry_date)
        self.later(self.invitation, 10)
        self.send()
        self.assertGreater(self.invitation.expiry_date, expiry_date)

    def test_reminders_can_be_disabled(self):
        self.company.auto_portal_user_reminder_days = 0
        self.days_pass(self.invitation, 5)
        self.keep_house()
        self.assertFalse(self.send())

    def test_there_is_no_reminder_for_an_expired_link(self):
        self.days_pass(self.invitation, 7)
        self.keep_house()
        self.assertFalse(self.send())
        self.assertEqual(self.invitation.state, "expired")

    def test_there_is_no_reminder_if_it_is_no_longer_needed(self):
        def log_in(invitation):
            self.log_in(invitation.user_id)

        def set_password(invitation):
            invitation.user_id.password = "by the administrator"

        def decline(invitation):
            invitation._decline()

        def archive(invitation):
            invitation.user_id.action_archive()

        def cancel_order(invitation):
            invitation.order_id._action_cancel()

        def back_to_quotation(invitation):
            invitation.order_id._action_cancel()
            invitation.order_id.action_draft()

        happenings = (log_in, set_password, decline, archive, cancel_order, back_to_quotation)
        for number, happening in enumerate(happenings):
            _order, invitation = self.invite(email=f"otto{number}@example.com")
            self.send()
            happening(invitation)
            self.days_pass(invitation, 4)
            self.keep_house()
            with self.subTest(happening=happening.__name__):
                self.assertNotIn(f"otto{number}@example.com", self.send())

    def test_an_order_that_is_cancelled_after_the_reminder_was_requested_stops_it(self):
        self.days_pass(self.invitation, 3)
        self.keep_house()
        self.sale._action_cancel()
        self.assertFalse(self.send())
        self.assertEqual(self.invitation.state, "sent")
        _id, signature = self.link.split("/")[-2:]
        self.assertTrue(self.invitation._find_by_link(self.invitation.id, signature, CHOOSE_PASSWORD), "the link works")


@tagged("post_install", "-at_install", "once")
class TestUpkeep(PortalInvitationCommon):
    def test_signing_in_without_the_link_accepts_the_invitation(self):
        _order, invitation = self.invite()
        self.send()
        self.log_in(invitation.user_id)
        self.keep_house()
        self.assertEqual((invitation.state, invitation.accepted_date), ("accepted", invitation.user_id.login_date))

    def test_an_expired_link_is_displayed_on_the_order(self):
        order, invitation = self.invite()
        self.send()
        self.days_pass(invitation, 6)
        self.keep_house()
        self.assertEqual((invitation.state, order.portal_account_state), ("expired", "expired"))

    def test_accounts_that_are_never_used_are_archived_according_to_the_setting(self):
        unused_order, unused = self.invite()
        _order, used = self.invite(email="otto@example.com")
        self.send()
        self.log_in(used.user_id)
        (unused + used)._expire()
        self.days_pass(unused + used, 90)
        self.keep_house()
        self.assertTrue(unused.user_id.active, "never, unless a number of days is set")
        self.company.auto_portal_user_archive_days = 90
        self.keep_house()
        self.assertFalse(unused.user_id.active)
        self.assertTrue(used.user_id.active)
        self.assertIn("never used", self.notes_of(unused_order)[0])
        self.assertEqual(unused.state, "expired")
        self.assertEqual(unused_order.portal_account_state, "archived")

    def test_an_account_is_not_archived_before_its_time(self):
        _order, invitation = self.invite()
        self.company.auto_portal_user_archive_days = 90
        self.send()
        self.days_pass(invitation, 89)
        self.keep_house()
        self.assertTrue(invitation.user_id.active)

    def test_sending_the_invitation_again_restarts_the_delay_to_archive(self):
        self.company.auto_portal_user_archive_days = 30
        again, once = self.invite_many(2)
        self.send()
        (again + once)._expire()
        self.days_pass(again + once, 29)
        again.action_resend()
        self.send()
        self.days_pass(again + once, 1)
        self.keep_house()
        self.assertEqual((again.user_id.active, once.user_id.active), (True, False))
        self.days_pass(again, 29)
        self.keep_house()
        self.assertFalse(again.user_id.active)

    def test_a_customer_who_was_never_sent_an_invitation_is_not_archived(self):
        self.company.auto_portal_user_archive_days = 30
        order, waiting = self.invite()
        _order, failed = self.invite(email="otto@example.com")
        order._action_cancel()
        failed._fail("mailbox unknown")
        self.assertFalse(self.send())
        self.days_pass(waiting + failed, 31)
        self.keep_house()
        self.assertEqual((waiting.user_id + failed.user_id).mapped("active"), [True, True])
        other = self.order(order.partner_id)
        other.action_confirm()
        self.keep_house()
        self.assertIn(other.name, self.send()["nora@example.com"])
        failed.action_resend()
        self.assertTrue(self.send())
        self.days_pass(waiting + failed, 30)
        self.keep_house()
        self.assertEqual((waiting.user_id + failed.user_id).mapped("active"), [False, False])

    def test_each_company_has_its_own_delay_to_archive(self):
        other = self.env["res.company"].create({"name": "Other", "auto_portal_user_archive_days": 1})
        self.env.user.company_ids += other
        _order, invitation = self.invite()
        self.send()
        self.days_pass(invitation, 10)
        self.keep_house()
        self.assertTrue(invitation.user_id.active)

    def test_a_customer_who_became_an_internal_user_is_not_archived(self):
        self.company.auto_portal_user_archive_days = 30
        (_sale, employed), (_sale, customer) = self.invite(), self.invite(email="otto@example.com")
        body = self.send()["nora@example.com"]
        employed.user_id.group_ids = self.env.ref("base.group_user")
        self.days_pass(employed + customer, 30)
        self.keep_house()
        self.assertEqual((employed.user_id.active, customer.user_id.active), (True, False))
        *_path, invitation_id, signature, _decline = self.links_in(body)[1].split("/")
        find_by_link = self.env["sale.portal.invitation"]._find_by_link
        self.assertFalse(find_by_link(int(invitation_id), signature, DECLINE), "nor by the link in the mail")

    def test_a_customer_who_was_given_other_rights_is_not_archived(self):
        self.company.auto_portal_user_archive_days = 30
        (_sale, agent), (_sale, customer) = self.invite(), self.invite(email="otto@example.com")
        self.send()
        agent.user_id.group_ids += self.env["res.groups"].create({"name": "Portal Agents of Another Addon"})
        customer.user_id.company_ids += self.env["res.company"].create({"name": "Other"})
        self.days_pass(agent + customer, 30)
        self.keep_house()
        self.assertEqual((agent.user_id.active, customer.user_id.active), (True, False))
        self.assertEqual(agent.state, "expired")

    def test_an_account_to_which_an_employee_gives_access_again_is_not_archived_again(self):
        def grant(user):
            wizard = self.env["portal.wizard"].create({"partner_ids": user.partner_id.ids})
            wizard.user_ids.action_revoke_access()
            with self.mock_mail_gateway():
                wizard.user_ids.action_grant_access()

        def invite_again(user):
            wizard = self.env["portal.wizard"].create({"partner_ids": user.partner_id.ids})
            with self.mock_mail_gateway():
                wizard.user_ids.action_invite_again()

        self.company.auto_portal_user_archive_days = 30
        for give_access in (grant, invite_again, lambda user: user.action_unarchive()):
            _order, invitation = self.invite(email=f"nora{give_access.__name__.strip('<>')}@example.com")
            user = invitation.user_id
            self.send()
            self.days_pass(invitation, 30)
            if give_access != invite_again:
                self.keep_house()
                self.assertFalse(user.active)
            give_access(user)
            for _night in range(2):
                self.keep_house()
                self.assertTrue(user.active)
            invitation.action_resend()
            self.send()
            self.days_pass(invitation, 30)
            self.keep_house()
            self.assertFalse(user.active, "the shop's own invitation was not used, either")

    def test_many_invitations_are_processed_in_batches(self):
        self.patch(portal_invitation_upkeep, "SEARCH_LIMIT", 2)
        invitations = self.invite_many(5)
        self.send()
        self.days_pass(invitations, 7)
        with patch.object(
            self.registry["ir.cron"], "_commit_progress", autospec=True, return_value=float("inf")
        ) as commit:
            self.env["sale.portal.invitation"]._cron_upkeep()
        self.assertEqual(set(invitations.mapped("state")), {"expired"})
        self.assertGreaterEqual(commit.call_count, 3)

    def test_a_locked_invitation_does_not_delay_the_daily_jobs_on_others(self):
        locked, other = self.invite_many(2)
        self.send()
        self.days_pass(locked + other, 7)
        try_lock = self.registry["sale.portal.invitation"].try_lock_for_update
        with patch.object(
            self.registry["sale.portal.invitation"],
            "try_lock_for_update",
            lambda records, **options: try_lock(records - locked, **options),
        ):
            self.keep_house()
        self.assertEqual((locked.state, other.state), ("sent", "expired"))


@tagged("post_install", "-at_install", "once")
class TestCancelled(PortalInvitationCommon):
    def test_an_order_cancelled_before_the_invitation_is_sent_invites_nobody(self):
        order, invitation = self.invite()
        order._action_cancel()
        self.assertFalse(self.send())
        self.assertEqual((invitation.state, order.portal_account_state), ("cancelled", "uninvited"))

    def test_another_order_of_the_customer_replaces_the_cancelled_one(self):
        order, invitation = self.invite()
        other = self.order(order.partner_id)
        other.action_confirm()
        order._action_cancel()
        body = self.send()["nora@example.com"]
        self.assertIn(other.name, body)
        self.assertNotIn(order.name, body)
        self.assertEqual(invitation.order_id, other)

    def test_a_customer_who_orders_again_later_is_invited_then(self):
        order, invitation = self.invite()
        order._action_cancel()
        self.send()
        self.keep_house()
        self.assertFalse(self.send())
        other = self.order(order.partner_id)
        other.action_confirm()
        self.keep_house()
        self.assertIn(other.name, self.send()["nora@example.com"])
        self.assertEqual(invitation.state, "sent")

    def test_an_order_that_the_settings_exclude_invites_nobody(self):
        for field, included, excluded in (
            ("auto_portal_user", True, False),
            ("auto_portal_user_scope", "all", "website"),
        ):
            for is_held_back in (True, False):
                email = f"{field}{is_held_back}@example.com".lower()
                order, invitation = self.invite(email=email)
                order._action_cancel()
                if is_held_back:
                    self.send()
                self.company[field] = excluded
                other = self.order(order.partner_id)
                other.action_confirm()
                self.keep_house()
                with self.subTest(field=field, is_held_back=is_held_back):
                    self.assertNotIn(email, self.send())
                    self.assertEqual(invitation.state, "cancelled")
                    self.company[field] = included
                    self.keep_house()
                    self.assertIn(other.name, self.send()[email])

    def test_an_order_that_is_cancelled_and_confirmed_again_invites_its_customer(self):
        order, invitation = self.invite()
        order._action_cancel()
        self.send()
        order.action_draft()
        self.keep_house()
        self.assertFalse(self.send(), "a quotation")
        order.action_confirm()
        self.keep_house()
        self.assertIn(order.name, self.send()["nora@example.com"])
        self.assertEqual(invitation.state, "sent")

    def test_a_customer_whose_first_order_was_deleted_is_invited_for_the_next_one(self):
        for is_seen, email in ((True, "otto@example.com"), (False, "nora@example.com")):
            with self.subTest("the invitation was stopped before the order was deleted", is_seen=is_seen):
                order, invitation = self.invite(email=email)
                partner = order.partner_id
                order._action_cancel()
                if is_seen:
                    self.send()
                order.unlink()
                self.assertNotIn(email, self.send())
                other = self.order(partner)
                self.assertEqual((invitation.state, other.portal_account_state), ("cancelled", "uninvited"))
                other.action_confirm()
                self.keep_house()
                self.assertIn(other.name, self.send()[email])

    def test_the_mail_does_not_mention_an_order_set_back_to_quotation(self):
        order, invitation = self.invite()
        order._action_cancel()
        order.action_draft()
        self.assertFalse(self.send())
        self.assertEqual((invitation.state, order.portal_account_state), ("cancelled", "uninvited"))

    def test_an_invitation_without_an_order_is_sent(self):
        order, invitation = self.invite()
        self.send()
        order._action_cancel()
        order.unlink()
        self.expire(invitation)
        self.days_pass(invitation, 1)
        invitation._request_again(is_reminder=False)
        self.assertIn("nora@example.com", self.send())

    def test_an_invitation_sent_again_without_a_confirmed_order_mentions_none(self):
        for sent_before, is_quotation in itertools.product((False, True), (False, True)):
            with self.subTest(sent_before=sent_before, is_quotation=is_quotation):
                order, invitation = self.invite(email=f"otto{sent_before}{is_quotation}@example.com")
                if sent_before:
                    self.send()
                order._action_cancel()
                if is_quotation:
                    order.action_draft()
                self.send()
                self.days_pass(invitation, 1)
                invitation.action_resend()
                body = self.send()[invitation.email]
                self.assertNotIn(order.name, body)
                self.assertNotIn("Thank you", body)
                self.assertTrue(self.links_in(body)[0])
                self.assertEqual(invitation.state, "sent")

    def test_the_login_follows_an_address_corrected_after_the_cancellation(self):
        order, invitation = self.invite(email="nora@exmaple.com")
        self.send()
        order._action_cancel()
        order.partner_id.email = "nora@example.com"
        invitation.action_resend()
        self.assertIn("nora@example.com", self.send())
        self.assertEqual(invitation.user_id.login, "nora@example.com")

    def test_a_mail_that_an_administrator_cancels_in_the_queue_is_not_sent_again(self):
        order, invitation = self.invite()
        invitation._queue()
        invitation.mail_id.cancel()
        self.assertFalse(self.send())
        self.assertFalse(self.send())
        self.assertEqual(invitation.state, "cancelled")
        self.assert_stays_out(order)

    def assert_stays_out(self, order):
        """Check that changes of the customer's orders never trigger the invitation."""
        order._action_cancel()
        self.send()
        self.keep_house()
        order.action_draft()
        order.action_confirm()
        self.order(order.partner_id).action_confirm()
        self.keep_house()
        self.assertFalse(self.send())

    def test_a_mail_that_an_administrator_deletes_is_not_sent_again(self):
        order, invitation = self.invite()
        invitation._queue()
        invitation.mail_id.unlink()
        self.assertFalse(self.send())
        self.assertEqual(invitation.state, "cancelled")
        self.assert_stays_out(order)
        invitation._resend()
        self.assertTrue(self.send(), "by hand it can")

    def test_an_account_that_was_archived_while_it_waited_for_an_order_is_not_invited_by_one(self):
        order, invitation = self.invite()
        order._action_cancel()
        self.send()
        invitation.user_id.action_archive()
        invitation.user_id.action_unarchive()
        self.assert_stays_out(order)

    def test_deleting_a_user_deletes_the_waiting_mail(self):
        _order, invitation = self.invite()
        invitation._queue()
        mail = invitation.mail_id
        invitation.user_id.unlink()
        self.assertFalse(invitation.exists() or mail.exists())


@tagged("post_install", "-at_install", "once")
class TestCancelledGuestOrders(PortalInvitationCommon, GuestOrderCommon):
    """Each order of a guest has a contact of its own."""

    def order_as_guest(self, email="otto@example.com", **values):
        order = self.guest_order(self.guest(email=email), **values)
        return order, self.env["sale.portal.invitation"].search([("order_id", "=", order.id)])

    def test_the_next_guest_order_invites_the_customer_of_the_cancelled_one(self):
        for is_held_back, email in ((True, "Otto@example.com"), (False, "otto@EXAMPLE.com")):
            with self.subTest(is_held_back=is_held_back):
                first, invitation = self.order_as_guest(f"{is_held_back}{email}")
                first._action_cancel()
                if is_held_back:
                    self.assertFalse(self.send())
                second, none = self.order_as_guest(f"{is_held_back}{email}".lower())
                self.assertFalse(none)
                self.keep_house()
                body = self.send()[invitation.user_id.login]
                self.assertTrue(self.links_in(body)[0])
                self.assertNotIn(first.name, body)
                self.assertNotIn(second.name, body, "the order hasn't joined the account")
                self.assertEqual(invitation.state, "sent")
                self.keep_house()
                self.assertFalse(self.send(), "once")

    def test_other_orders_with_the_address_invite_nobody(self):
        first, invitation = self.order_as_guest()
        first._action_cancel()
        self.send()
        for name, make in {
            "of another address": lambda: self.order_as_guest("otto@example.com.example.com"),
            "not confirmed": lambda: self.order_as_guest(confirm=False),
            "of no website": lambda: self.order_as_guest(website_id=False),
            "of a contact created by staff": lambda: self.guest_order(self.customer(email="otto@example.com")),
            "of a contact below another": lambda: self.guest_order(
                self.guest(email="otto@example.com", parent_id=self.customer(email="x@example.com").id)
            ),
        }.items():
            make()
            self.keep_house()
            with self.subTest(name):
                self.assertNotIn("otto@example.com", self.send())
                self.assertEqual(invitation.state, "cancelled")

    def test_a_guest_order_of_another_website_invites_nobody_to_an_account_of_this_one(self):
        other = self.website.copy(
            {"name": "Other", "domain": "https://other.example.com", "company_id": self.company.id}
        )
        (self.website + other).specific_user_account = True
        first, invitation = self.order_as_guest()
        self.assertEqual(invitation.user_id.website_id, self.website)
        first._action_cancel()
        self.send()
        self.company.auto_portal_user = False
        elsewhere = self.guest_order(self.guest(email="otto@example.com", website=other), website_id=other.id)
        self.company.auto_portal_user = True
        self.keep_house()
        self.assertFalse(self.send())
        self.assertFalse(elsewhere.portal_user_id)
        self.order_as_guest()
        self.keep_house()
        self.assertIn("otto@example.com", self.send())

    def test_a_guest_order_that_the_settings_exclude_invites_nobody(self):
        first, _invitation = self.order_as_guest()
        first._action_cancel()
        self.send()
        self.company.auto_portal_user = False
        self.order_as_guest()
        self.keep_house()
        self.assertFalse(self.send())


@tagged("post_install", "-at_install", "once")
class TestSendAgain(PortalInvitationCommon):
    def test_the_delay_before_sending_again_increases(self):
        order, invitation = self.invite()
        self.send()
        waits = []
        for _time in range(8):
            with self.assertRaisesRegex(UserError, "a short time ago"):
                order.action_resend_portal_invitation()
            wait = invitation._get_next_resend_date() - invitation.last_sent_date
            waits.append(wait.total_seconds() / 60)
            invitation.last_sent_date -= wait
            order.action_resend_portal_invitation()
            self.assertEqual(len(self.send()), 1)
        self.assertEqual(waits, [5, 15, 45, 135, 405, 1215, 1440, 1440])

    def test_an_invitation_to_another_address_can_be_sent_at_once(self):
        order, _invitation = self.invite(email="nora@exmaple.com")
        self.send()
        order.partner_id.email = "nora@example.com"
        order.action_resend_portal_invitation()
        self.assertIn("nora@example.com", self.send())

    def test_an_undelivered_invitation_can_be_sent_again_at_once(self):
        order, invitation = self.invite()
        invitation._fail("450 try later")
        order.action_resend_portal_invitation()
        self.assertTrue(self.send())

    def test_clicking_twice_sends_one_mail(self):
        order, _invitation = self.invite()
        order.action_resend_portal_invitation()
        order.action_resend_portal_invitation()
        self.assertEqual(len(self.send()), 1)

    def test_a_customer_who_declined_can_be_invited_manually(self):
        order, invitation = self.invite()
        self.send()
        invitation._decline()
        self.days_pass(invitation, 1)
        self.assertTrue(order.can_resend_portal_invitation)
        order.action_resend_portal_invitation()
        self.assertTrue(invitation.user_id.active)
        self.assertTrue(self.send())
        self.assertEqual(invitation.state, "sent")

    def test_a_revoked_account_is_not_unarchived(self):
        order, invitation = self.invite()
        self.send()
        invitation.user_id.action_archive()
        self.env.invalidate_all()
        self.assertFalse(order.can_resend_portal_invitation)
        with self.assertRaisesRegex(UserError, "archived by somebody"):
            invitation.action_resend()
        self.assertFalse(invitation.user_id.active)

    def test_a_deleted_invitation_is_created_again(self):
        order, invitation = self.invite()
        invitation.unlink()
        self.env.invalidate_all()
        self.assertEqual(order.portal_account_state, "uninvited")
        order.action_resend_portal_invitation()
        self.assertTrue(self.send())

    def test_several_invitations_can_be_sent_again_at_once(self):
        invitations = self.invite_many(3)
        accepted, revoked, waiting = invitations
        self.send()
        self.log_in(accepted.user_id)
        revoked.user_id.action_archive()
        self.days_pass(invitations, 1)
        answer = invitations.with_user(self.sales_manager()).action_resend()
        self.assertIn("1 of 3", answer["params"]["message"])
        self.assertEqual(list(self.send()), [waiting.email])

    def test_a_selection_does_not_invite_customers_who_declined(self):
        invitations = self.invite_many(2)
        declined, waiting = invitations
        self.send()
        declined._decline()
        self.days_pass(invitations, 1)
        answer = invitations.action_resend()
        self.assertIn("1 of 2", answer["params"]["message"])
        self.assertIn("declined", answer["params"]["message"])
        self.assertEqual(list(self.send()), [waiting.email])
        self.assertEqual((declined.state, declined.user_id.active), ("declined", False))
        declined.action_resend()
        self.assertEqual(list(self.send()), [declined.email], "by hand")

    def test_a_selection_of_orders_creates_no_account_for_customers_who_declined(self):
        _order, declined = self.invite()
        _order, unused = self.invite(email="otto@example.com")
        self.send()
        declined._decline()
        self.company.auto_portal_user_archive_days = 30
        self.days_pass(unused, 30)
        self.keep_house()
        orders = self.order(self.customer()) + self.order(self.customer(email="otto@example.com"))
        orders.action_confirm()
        orders.action_create_portal_account()
        self.assert_no_account(orders[0], "declined")
        self.assert_account(orders[1])
        orders[0].action_create_portal_account()
        self.assert_account(orders[0])

    def sales_manager(self):
        return new_test_user(self.env, login="boss", groups="sales_team.group_sale_manager")

    def test_users_who_may_edit_users_can_archive_several_accounts(self):
        invitations = self.invite_many(2)
        with self.assertRaises(AccessError):
            invitations.with_user(self.sales_manager()).action_archive_account()
        administrator = new_test_user(self.env, login="admin2", groups="base.group_user,base.group_erp_manager")
        answer = invitations.with_user(administrator).action_archive_account()
        self.assertIn("2 accounts", answer["params"]["message"])
        self.assertFalse(any(invitations.user_id.mapped("active")))
        self.assertEqual(set(invitations.mapped("state")), {"cancelled"})

    @mute_logger("odoo.addons.base.models.ir_model")
    def test_other_users_neither_see_nor_send_invitations(self):
        _order, invitation = self.invite()
        employee = new_test_user(self.env, login="employee", groups="base.group_user")
        for user in (employee, self.salesman, invitation.user_id):
            for method in ("action_resend", "action_archive_account", "read"):
                with self.subTest(user=user.login, method=method), self.assertRaises(AccessError):
                    getattr(invitation.with_user(user), method)()

    def test_managers_see_the_invitations_of_their_companies(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids += other
        _order, here = self.invite()
        order = self.order(self.customer(email="otto@example.com"), company_id=other.id)
        order.action_confirm()
        there = self.invitation_of(order)
        self.assertEqual(there.company_id, other)
        for groups in ("sales_team.group_sale_manager", "base.group_user,base.group_erp_manager"):
            manager = new_test_user(self.env, login=groups, groups=groups)
            found = self.env["sale.portal.invitation"].with_user(manager).search([])
            self.assertIn(here, found)
            self.assertNotIn(there, found)


@tagged("post_install", "-at_install", "once")
class TestFigures(PortalInvitationCommon):
    def test_the_statistics_count_sent_and_accepted_invitations_and_days(self):
        fast, slow, unused, unsent = self.invite_many(4)
        unsent.next_attempt += timedelta(days=1)
        self.send()
        self.days_pass(fast, 1)
        self.days_pass(slow, 3)
        (fast + slow)._accept()
        self.env.flush_all()
        manager = new_test_user(self.env, login="boss", groups="sales_team.group_sale_manager")
        (figures,) = (
            self.env["sale.portal.invitation.report"]
            .with_user(manager)
            ._read_group(
                [("partner_id", "in", (fast + slow + unused + unsent).partner_id.ids)],
                [],
                ["__count", "sent:sum", "accepted:sum", "never_used:sum", "acceptance_rate:avg", "acceptance_days:avg"],
            )
        )
        self.assertEqual(figures[:4], (4, 3, 2, 1))
        self.assertAlmostEqual(figures[4], 2 / 3)
        self.assertAlmostEqual(figures[5], 2, places=2)

    def test_the_statistics_open_in_each_view(self):
        manager = new_test_user(self.env, login="boss", groups="sales_team.group_sale_manager")
        self.invite()
        for action in ("action_portal_invitations", "action_portal_invitation_report"):
            action = self.env.ref(f"sale_auto_portal_user.{action}")
            model = self.env[action.res_model].with_user(manager)
            for view in action.view_mode.split(","):
                with self.subTest(action=action.name, view=view):
                    self.assertTrue(model.get_view(view_type=view)["arch"])

    def test_the_menus_are_accessible_with_and_without_the_sales_app(self):
        for groups in ("sales_team.group_sale_manager", "base.group_user,base.group_erp_manager"):
            manager = new_test_user(self.env, login=groups, groups=groups)
            menus = self.env["ir.ui.menu"].with_user(manager)._visible_menu_ids()
            menu = self.env.ref("sale_auto_portal_user.menu_website_portal_invitation_report")
            with self.subTest(groups=groups):
                while menu:
                    self.assertIn(menu.id, menus, menu.complete_name)
                    menu = menu.parent_id

    def test_a_salesperson_sees_no_menu_of_invitations(self):
        menus = self.env["ir.ui.menu"].with_user(self.salesman)._visible_menu_ids()
        for name in ("menu_website_portal_invitations", "menu_website_portal_invitation_report"):
            self.assertNotIn(self.env.ref(f"sale_auto_portal_user.{name}").id, menus)
