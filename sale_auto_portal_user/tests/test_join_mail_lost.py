"""The mail that offers several guest orders is lost, or its order falls away: the customer is told about the others."""

from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .join_common import JoinMailCommon


@tagged("post_install", "-at_install", "once")
class TestJoinMailLost(JoinMailCommon):
    def own_and_strange(self):
        """An order of the owner, and a later one of a stranger, the mail about which offers both."""
        own, strange = self.guest_order(), self.guest_order()
        own.date_order -= timedelta(minutes=5)
        return own, strange

    def told_by(self, strange):
        """The record of the order that the mail in the queue is about."""
        self.check()
        join = self.joins_of(strange)
        self.assertEqual(join.state, "queued")
        return join

    def assert_told_about(self, order):
        [mail] = self.send()
        self.assertIn(order.name, mail["subject"])
        self.assertTrue(self.joins_of(order).sent_date)
        self.assertFalse(self.send())

    def test_the_order_of_a_refused_mail_is_cancelled(self):
        own, strange = self.own_and_strange()
        join = self.told_by(strange)
        join._unlink_mails()
        join._refused("greylisted")
        self.later(hours=1)
        strange._action_cancel()
        self.assertFalse(self.send())
        self.assert_told_about(own)

    def test_the_mail_fails_for_good(self):
        own, strange = self.own_and_strange()
        self.told_by(strange)._fail("550 no")
        self.assert_told_about(own)

    def test_the_mail_is_cancelled_in_the_queue(self):
        own, strange = self.own_and_strange()
        join = self.told_by(strange)
        join.mail_id.cancel()
        join._settle()
        self.assertEqual(join.state, "cancelled")
        self.assert_told_about(own)

    def test_the_record_is_deleted(self):
        own, strange = self.own_and_strange()
        self.told_by(strange).unlink()
        self.assert_told_about(own)

    def test_the_order_is_deleted_before_or_after_the_mail_was_sent(self):
        for is_sent in (False, True):
            with self.subTest(is_sent=is_sent):
                self.env["sale.portal.join"].search([]).unlink()
                own, strange = self.own_and_strange()
                if is_sent:
                    self.send()
                else:
                    self.told_by(strange)
                strange._action_cancel()
                strange.unlink()
                self.assert_told_about(own)

    def test_the_order_joins_or_is_declined_before_the_mail_is_sent(self):
        for case in ("joined", "declined"):
            with self.subTest(case):
                self.env["sale.portal.join"].search([]).unlink()
                own, strange = self.own_and_strange()
                join = self.told_by(strange)
                if case == "joined":
                    self.assertEqual(join._join_by_session(strange, self.owner), "joined")
                else:
                    join._decline_portal_joins(self.owner, strange.partner_id)
                self.assert_told_about(own)
                own.partner_id.email = "done@example.com"

    def test_the_link_of_a_sent_mail_is_void_because_its_order_turns_out_to_be_another_customers(self):
        other = self.customer(name="Other", email="other@example.com")
        changes = {
            "the address was corrected": lambda order: order.partner_id.write({"email": "right@example.com"}),
            "the contact belongs to a company": lambda order: order.partner_id.write({"parent_id": other.id}),
            "the order has another customer": lambda order: order.write({"partner_id": other.id}),
        }
        for name, change in changes.items():
            with self.subTest(name):
                self.env["sale.portal.join"].search([]).unlink()
                own, strange = self.own_and_strange()
                self.send()
                self.keep_house()
                self.assertFalse(self.send())
                self.assertIn("later order", own.portal_join_note)
                change(strange)
                self.env.invalidate_all()
                self.assertFalse(own.portal_join_note)
                self.later(hours=24)
                self.keep_house()
                self.assert_told_about(own)
                self.keep_house()
                self.assertFalse(self.send())
                own.partner_id.email = "done@example.com"

    @mute_logger("odoo.addons.sale_auto_portal_user.models.portal_mail_send")
    def test_a_mail_that_another_addon_refuses_does_not_stop_the_daily_job(self):
        own, strange = self.own_and_strange()
        self.send()
        strange.partner_id.email = "right@example.com"
        model, error = self.registry["sale.portal.join"], UserError("No mails on Sundays.")
        write = model.write

        def write_or_refuse(joins, vals):
            if vals.get("state") == "to_send":
                raise error
            return write(joins, vals)

        with patch.object(model, "write", write_or_refuse):
            self.keep_house()
        self.later(hours=24)
        self.keep_house()
        self.assert_told_about(own)

    def test_no_second_mail_about_an_order_that_a_sent_mail_offered(self):
        own, strange = self.own_and_strange()
        self.send()
        strange._action_cancel()
        self.joins_of(strange)._recheck_portal_join()
        self.later(hours=24)
        self.assertFalse(self.send())
        another = self.guest_order()
        self.told_by(another)._fail("550 no")
        self.later(hours=24)
        self.assertFalse(self.send())
        self.assertIn("later order", own.portal_join_note)

    def test_a_link_whose_order_was_cancelled_still_offers_the_earlier_orders(self):
        own, strange = self.own_and_strange()
        [mail] = self.send()
        joins = self.env["sale.portal.join"]
        for is_rechecked in (False, True):
            strange._action_cancel()
            if is_rechecked:
                self.joins_of(strange)._recheck_portal_join()
            self.env.invalidate_all()
            join = joins._find_portal_join_by_token(self.link_in(mail))
            self.assertEqual(join.order_id, strange)
            self.assertEqual(joins._get_portal_join_offers(self.owner, join), own.partner_id)
            self.assertEqual(join._join_by_mailbox(strange.partner_id, self.owner, join), "refused")
        self.assertEqual(join._join_by_mailbox(own.partner_id, self.owner, join), "joined")
        self.assert_joined(own, "mailbox")
        self.assert_not_joined(strange)
        self.assertFalse(joins._find_portal_join_by_token(self.link_in(mail)), "it has nothing left to offer")

    def test_a_link_whose_order_was_cancelled_is_void_for_every_other_reason(self):
        _own, strange = self.own_and_strange()
        [mail] = self.send()
        strange._action_cancel()
        other = self.customer(name="Other", email="other@example.com")
        changes = {
            "another login": lambda: self.owner.write({"login": "someone@example.com"}),
            "another contact of the account": lambda: self.owner.write({"partner_id": other.id}),
            "an archived account": lambda: self.owner.write({"active": False}),
            "another address": lambda: strange.partner_id.write({"email": "x@example.com"}),
            "another customer": lambda: strange.write({"partner_id": other.id}),
            "a user of its own": lambda: self.portal_user(strange.partner_id, login="own@example.com"),
            "switched off": lambda: self.company.write({"auto_portal_user_join": False}),
        }
        joins = self.env["sale.portal.join"]
        for name, change in changes.items():
            with self.subTest(name), self.env.cr.savepoint() as savepoint:
                self.assertTrue(joins._find_portal_join_by_token(self.link_in(mail)))
                change()
                self.assertFalse(joins._find_portal_join_by_token(self.link_in(mail)))
                savepoint.rollback()
                self.env.invalidate_all()

    def test_a_mail_that_staff_requests_replaces_the_one_that_is_due(self):
        first = self.guest_order()
        self.send()
        self.later(hours=30)
        second = self.guest_order()
        first.action_send_portal_join_mail()
        [mail] = self.send()
        self.assertIn(first.name, mail["subject"])
        self.later(hours=24)
        [mail] = self.send()
        self.assertIn(second.name, mail["subject"])
