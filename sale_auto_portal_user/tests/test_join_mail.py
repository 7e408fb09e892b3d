"""The mail that says that a guest's order waits for the account: to whom, how often, and what its link is."""

import re
from datetime import timedelta

from lxml import etree

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, new_test_user, tagged

from odoo.addons.mail.tests.common import MailCase

from ..models.portal_join_mail import SAMPLE_PATH
from .join_common import GuestOrderCommon

TEMPLATE = "sale_auto_portal_user.mail_template_portal_join"


@tagged("post_install", "-at_install")
class TestJoinMail(MailCase, GuestOrderCommon):
    def send(self):
        """What the scheduled action does; returns the mails that left."""
        with self.mock_mail_gateway():
            joins = self.env["sale.portal.join"]._search_due(100)
            joins._queue()
            joins.exists()._send_queued()
        return self._mails

    def link_in(self, mail):
        [path] = set(re.findall(r"/my/guest-orders/link/([\w-]+)", mail["body"]))
        return path

    def test_the_mail_goes_to_the_address_and_its_link_is_the_orders(self):
        order = self.guest_order()
        [mail] = self.send()
        self.assertEqual(mail["email_to"], ["nora@example.com"])
        self.assertIn(order.name, mail["subject"])
        self.assertIn("placed without signing in", mail["subject"])
        self.assertIn(order.website_id.get_base_url(), mail["body"])
        join = self.env["sale.portal.join"]._find_portal_join_by_token(self.link_in(mail))
        self.assertEqual(join.order_id, order)
        self.assertEqual(join.state, "sent")

    def test_it_is_sent_once(self):
        self.guest_order()
        self.assertEqual(len(self.send()), 1)
        self.assertFalse(self.send())

    def test_no_mail_leaves_for_an_order_that_can_not_join(self):
        self.guest_order(self.guest(vat="BE0477472701"))
        self.guest_order()._action_cancel()
        self.guest_order(self.customer(name="Nora Fair"))
        self.assertFalse(self.send())

    def test_the_owner_reads_it_in_the_owners_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        template = self.env.ref(TEMPLATE)
        template.with_context(lang="fr_FR").subject = "Commande {{ object.order_id.name }}"
        self.owner.lang = "fr_FR"
        order = self.guest_order()
        [mail] = self.send()
        self.assertEqual(mail["subject"], f"Commande {order.name}")

    def test_an_address_that_changed_before_the_mail_left_gets_none(self):
        order = self.guest_order()
        order.partner_id.email = "someone@example.com"
        self.assertFalse(self.send())

    def test_whoever_renders_the_template_gets_a_sample_and_not_the_link(self):
        join = self.waiting()
        manager = new_test_user(self.env, login="manager", groups="base.group_system,sales_team.group_sale_manager")
        for record in (join, join.sudo(), join.with_user(manager)):
            body = self.env.ref(TEMPLATE)._render_field("body_html", record.ids)[record.id]
            self.assertEqual(self.link_in({"body": body}), SAMPLE_PATH.rsplit("/", 1)[1])
        self.assertFalse(self.env["sale.portal.join"]._find_portal_join_by_token("sample"))

    def test_staff_sends_it_again_but_not_at_once(self):
        order = self.guest_order()
        self.send()
        self.env.invalidate_all()
        self.assertFalse(order.can_send_portal_join)
        order.user_id = self.salesman
        with self.assertRaises(UserError):
            order.with_user(self.salesman).action_send_portal_join_mail()
        self.joins_of(order).last_sent_date -= timedelta(days=1)
        self.env.invalidate_all()
        order.with_user(self.salesman).action_send_portal_join_mail()
        [mail] = self.send()
        self.assertEqual(mail["email_to"], ["nora@example.com"])

    def test_nobody_sends_it_for_an_order_that_is_not_theirs(self):
        order = self.guest_order(user_id=self.env.uid)
        with self.assertRaises(AccessError):
            order.with_user(self.salesman).action_send_portal_join_mail()

    def test_a_mail_that_could_not_be_delivered_is_noted_on_the_order(self):
        order = self.guest_order()
        self.check()
        self.joins_of(order)._fail("mailbox full")
        self.assertIn("mailbox full", order.message_ids[:1].preview)

    def test_a_mail_in_the_queue_is_withdrawn_when_the_order_joins(self):
        order = self.guest_order()
        self.check()
        mail = self.joins_of(order).mail_id
        self.assertTrue(mail)
        self.env["sale.portal.join"]._join_by_session(order, self.owner)
        self.assertFalse(mail.exists())


@tagged("post_install", "-at_install")
class TestStaff(GuestOrderCommon):
    """What staff sees of a guest's order, and what it can do."""

    def search(self, domain):
        return self.env["sale.order"].search([("partner_id.name", "=", "Nora Guest"), *domain])

    def test_the_filter_finds_what_waits_for_the_customer(self):
        waiting, joined = self.waiting().order_id, self.join().order_id
        refused = self.guest_order(self.guest(vat="BE0477472701"))
        self.check()
        self.assertEqual(self.search([("portal_join_state", "=", "waiting")]), waiting)
        self.assertEqual(self.search([("portal_join_state", "=", "joined")]), joined)
        self.assertEqual(self.search([("portal_join_state", "in", ["refused", "joined"])]), joined | refused)
        self.assertNotIn(waiting, self.search([("portal_join_state", "!=", "waiting")]))

    def test_a_contact_that_was_given_a_user_waits_no_more(self):
        order = self.waiting().order_id
        self.portal_user(order.partner_id, login="own@example.com")
        self.env.invalidate_all()
        self.assertFalse(order.portal_join_state)
        self.assertFalse(self.search([("portal_join_state", "=", "waiting")]))

    def test_the_order_says_why_it_can_not_join(self):
        order = self.guest_order(self.guest(vat="BE0477472701"))
        self.check()
        self.assertIn("tax number", order.portal_join_note)
        self.assertEqual(order.portal_join_user_id, self.owner)

    def test_who_may_not_see_users_opens_the_accounts_contact(self):
        order = self.waiting().order_id
        order.user_id = self.salesman
        action = order.with_user(self.salesman).action_view_portal_join_user()
        self.assertEqual((action["res_model"], action["res_id"]), ("res.partner", self.owner.partner_id.id))
        admin = new_test_user(self.env, login="boss", groups="base.group_system,sales_team.group_sale_manager")
        action = order.with_user(admin).action_view_portal_join_user()
        self.assertEqual((action["res_model"], action["res_id"]), ("res.users", self.owner.id))

    def test_odoos_merge_opens_with_both_contacts_where_it_would_work(self):
        groups = "sales_team.group_sale_manager,base.group_partner_manager"
        merger = new_test_user(self.env, login="merger", groups=f"{groups},website.group_website_designer")
        same = self.waiting(self.guest_order(self.guest(email="nora@example.com"))).order_id.with_user(merger)
        other = self.waiting(self.guest_order(self.guest(email="NORA@example.com"))).order_id.with_user(merger)
        self.assertTrue(same.can_merge_portal_contact)
        self.assertFalse(other.can_merge_portal_contact, "Odoo merges other spellings for administrators only")
        with self.assertRaises(UserError):
            other.action_merge_portal_contact()
        action = same.action_merge_portal_contact()
        wizard = self.env[action["res_model"]].with_user(merger).browse(action["res_id"])
        self.assertEqual(wizard.partner_ids, same.partner_id | self.owner.partner_id)
        guest = same.partner_id
        wizard.action_merge()
        self.assertFalse(guest.exists())
        self.env.invalidate_all()
        self.assertEqual(same.partner_id, self.owner.partner_id)
        self.assertFalse(same.portal_join_state)

    def test_who_may_not_merge_contacts_is_offered_no_merge(self):
        order = self.waiting(self.guest_order(self.guest(email="nora@example.com"))).order_id
        groups = "sales_team.group_sale_manager,base.group_partner_manager"
        without_visitors = new_test_user(self.env, login="merger", groups=groups)
        for user in (self.salesman, without_visitors):
            self.assertFalse(order.with_user(user).can_merge_portal_contact)

    def test_the_settings_page_switches_it_off(self):
        self.assertTrue(self.env["res.company"].create({"name": "New"}).auto_portal_user_join)
        with Form(self.env["res.config.settings"]) as form:
            form.auto_portal_user_join = False
        form.record.execute()
        self.assertFalse(self.company.auto_portal_user_join)

    def test_the_form_offers_no_button_that_can_only_fail(self):
        order = self.waiting().order_id
        arch = etree.fromstring(self.env["sale.order"].get_view(view_type="form")["arch"])
        [button] = arch.xpath("//button[@name='action_create_portal_account']")
        self.assertIn("portal_join_user_id", button.get("invisible"))
        self.assertTrue(order.portal_join_user_id)

    def test_portal_users_learn_nothing_by_rpc(self):
        join = self.join()
        order = join.order_id.with_user(self.owner)
        for name in ("portal_join_state", "portal_join_note", "portal_join_user_id", "portal_join_ids"):
            with self.subTest(name), self.assertRaises(AccessError):
                order.read([name])
        with self.assertRaises(AccessError):
            order.action_separate_portal_join()
        with self.assertRaises(AccessError):
            self.env["sale.portal.join"].with_user(self.owner).search([])
        with self.assertRaises(AccessError):
            self.owner.with_user(self.owner).read(["portal_mailbox_date"])
        with self.assertRaises(AccessError):
            self.owner.with_user(self.owner).write({"portal_mailbox_date": fields.Datetime.now()})
