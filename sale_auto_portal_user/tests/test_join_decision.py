"""Assignment of guest orders to accounts, and the proofs by which they join."""

from datetime import timedelta

from odoo import fields
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from ..models import portal_join_offers
from ..models.portal_join_mail import get_link_token
from .join_common import GuestOrderCommon


@tagged("post_install", "-at_install")
class TestGuestOrderWaits(GuestOrderCommon):
    """Which guest orders wait for their owner and which are ignored."""

    def state_of(self, order):
        self.check()
        join = self.joins_of(order)
        return join.join_state, join.reason

    def test_a_guest_order_of_a_customer_with_an_account_waits_for_the_customer(self):
        order = self.guest_order()
        self.assertEqual(order.portal_account_issue, "login_taken")
        join = self.waiting(order)
        self.assertEqual(join.user_id, self.owner)
        self.assertEqual(order.portal_join_state, "waiting")
        self.assertEqual(order.portal_join_user_id, self.owner)

    def test_the_customer_may_spell_the_address_as_people_do(self):
        for email in ("nora@example.com", "NORA@Example.com", "Nora <nora@example.com>", " nora@example.com "):
            with self.subTest(email=email):
                self.waiting(self.guest_order(self.guest(email=email)))

    def test_an_order_of_a_new_customer_does_not_wait(self):
        order = self.guest_order(self.guest(email="new@example.com"))
        self.assertFalse(self.joins_of(order))
        self.assert_account(order)

    def test_a_guest_order_waits_even_if_the_settings_create_no_accounts(self):
        settings = {
            "off": {"auto_portal_user": False},
            "free orders": {"auto_portal_user_free_orders": "never"},
        }
        for name, values in settings.items():
            with self.subTest(name):
                self.company.write({"auto_portal_user": True, **values})
                order = self.guest_order(confirm=False)
                order.order_line.price_unit = 0
                order.action_confirm()
                self.assertEqual(len(self.joins_of(order)), 1)
                self.waiting(order)
                self.assertEqual(order.portal_account_state, "waiting")
                for other in (self.guest(email="new@example.com"), self.owner.partner_id):
                    other_order = self.guest_order(other, confirm=False)
                    other_order.order_line.price_unit = 0
                    other_order.action_confirm()
                    self.assertFalse(self.joins_of(other_order))
        self.company.auto_portal_user_join = False
        self.assertFalse(self.joins_of(self.guest_order()))

    def test_an_error_in_the_search_for_accounts_does_not_stop_the_order(self):
        self.company.auto_portal_user = False
        self.patch(self.registry["sale.portal.join"], "_request_portal_joins", lambda *args: 1 / 0)
        with self.assertLogs("odoo.addons.sale_auto_portal_user.models.sale_order_join", "ERROR"):
            order = self.guest_order()
        self.assertEqual(order.state, "sale")
        self.assertFalse(self.joins_of(order))

    def test_an_order_created_by_a_salesperson_does_not_wait(self):
        order = self.order(self.customer(name="Nora Phone"))
        order.action_confirm()
        self.assertFalse(self.joins_of(order))

    def test_a_contact_that_staff_made_is_left_alone(self):
        self.assertEqual(self.state_of(self.guest_order(self.customer(name="Nora Fair"))), ("refused", "staff"))

    def test_an_address_that_staff_added_to_a_guest_makes_it_more_than_a_guest(self):
        order = self.guest_order()
        self.customer(name="Accounting", email=False, parent_id=order.partner_id.id)
        self.assertEqual(self.state_of(order), ("refused", "staff"))

    def test_a_guest_contact_corrected_by_an_employee_counts_with_its_new_address(self):
        order = self.guest_order()
        order.partner_id.email = "norma@example.com"
        self.assertEqual(self.state_of(order), ("refused", "no_owner"))

    def test_an_order_with_an_employees_address_is_left_alone(self):
        self.salesman.login = "sally@example.com"
        order = self.guest_order(self.guest(email="sally@example.com"))
        self.assertEqual(self.state_of(order), ("refused", "no_owner"))

    def test_a_guest_contact_that_is_an_employee_or_a_vendor_is_left_alone(self):
        for values in ({"employee": True}, {"supplier_rank": 1}):
            with self.subTest(values=values):
                self.assertEqual(self.state_of(self.guest_order(self.guest(**values))), ("refused", "other_role"))

    def test_an_archived_account_gets_nothing(self):
        self.owner.active = False
        self.assertEqual(self.state_of(self.guest_order()), ("refused", "no_owner"))

    def test_a_company_is_left_alone(self):
        order = self.guest_order(self.guest(is_company=True))
        self.assertEqual(self.state_of(order), ("refused", "company"))

    def test_a_contact_of_a_company_is_left_alone(self):
        company = self.customer(name="Firm", email=False, is_company=True)
        order = self.guest_order()
        order.partner_id.parent_id = company
        self.assertEqual(self.state_of(order), ("refused", "has_parent"))

    def test_a_contact_that_was_given_a_user_is_left_alone(self):
        order = self.guest_order()
        self.portal_user(order.partner_id, login="other@example.com")
        self.assertEqual(self.state_of(order), ("refused", "has_user"))

    def test_an_order_that_was_cancelled_before_the_mail_left_gets_none(self):
        order = self.guest_order()
        order._action_cancel()
        self.assertEqual(self.state_of(order), ("refused", "cancelled"))

    def test_another_tax_number_is_refused(self):
        order = self.guest_order(self.guest(vat="BE0477472701"))
        self.assertEqual(self.state_of(order), ("refused", "vat"))
        self.owner.partner_id.vat = "BE0477472701"
        order = self.guest_order(self.guest(vat="BE0477472701"))
        self.assertEqual(self.state_of(order), ("waiting", False))

    def test_terms_that_staff_gave_the_contact_are_not_overwritten(self):
        order = self.guest_order()
        order.partner_id.property_payment_term_id = self.env["account.payment.term"].create({"name": "Never"})
        self.assertEqual(self.state_of(order), ("refused", "terms"))

    def test_an_account_without_access_to_the_company_is_refused(self):
        other = self.env["res.company"].create({"name": "Other"})
        website = self.env["website"].create({"name": "Other", "company_id": other.id})
        guest = self.guest(website=website, company_id=other.id)
        order = self.guest_order(guest, website_id=website.id, company_id=other.id)
        self.assertEqual(self.state_of(order), ("refused", "other_company"))
        self.owner.company_ids = [Command.link(other.id)]
        order = self.guest_order(self.guest(website=website), website_id=website.id, company_id=other.id)
        self.assertEqual(self.state_of(order), ("waiting", False))

    def test_an_account_of_another_website_is_not_the_owner(self):
        other = self.env["website"].create({"name": "Other", "company_id": self.company.id})
        (self.website | other).specific_user_account = True
        self.owner.website_id = other
        order = self.guest_order(confirm=False)
        owner = self.env["res.users"]._search_portal_owner("nora@example.com", order.website_id)
        self.assertFalse(owner)
        self.owner.website_id = self.website
        owner = self.env["res.users"]._search_portal_owner("nora@example.com", order.website_id)
        self.assertEqual(owner, self.owner)

    def test_each_of_several_guest_contacts_waits(self):
        orders = self.guest_order() | self.guest_order()
        self.check()
        self.assertEqual(self.joins_of(orders[0]).join_state, "waiting")
        self.assertEqual(self.joins_of(orders[1]).join_state, "waiting")

    def test_two_orders_of_one_guest_contact_wait_once(self):
        guest = self.guest()
        orders = self.guest_order(guest, confirm=False) | self.guest_order(guest, confirm=False)
        orders.action_confirm()
        self.check()
        self.assertEqual(self.joins_of(orders[0]).mapped("join_state"), ["waiting"])
        self.assertEqual(orders.mapped("portal_join_state"), ["waiting", "waiting"])

    def test_a_company_may_switch_it_off(self):
        self.company.auto_portal_user_join = False
        order = self.guest_order()
        self.assertFalse(self.joins_of(order))
        self.assertEqual(self.env["sale.portal.join"]._join_by_session(order, self.owner), "refused")
        self.assert_not_joined(order)

    def refused_and_confirmed_again(self):
        """Return an order that was refused and, confirmed again, waits for the customer."""
        order = self.guest_order(self.guest(vat="BE0477472701"))
        self.assertEqual(self.state_of(order), ("refused", "vat"))
        order.partner_id.vat = False
        order._action_cancel()
        order.action_draft()
        order.action_confirm()
        self.check()
        self.env.invalidate_all()
        self.assertEqual(set(self.joins_of(order).mapped("join_state")), {"refused", "waiting"})
        return order

    def find(self, state):
        orders = self.env["sale.order"].search([("portal_join_state", "=", state)])
        return orders.filtered(lambda order: order.partner_id.name == "Nora Guest")

    def test_an_order_that_was_refused_and_confirmed_again_waits_and_then_has_joined(self):
        order = self.refused_and_confirmed_again()
        self.assertEqual(order.portal_join_state, "waiting")
        self.assertEqual((self.find("waiting"), self.find("refused")), (order, order.browse()))
        self.assertEqual(self.env["sale.portal.join"]._join_by_session(order, self.owner), "joined")
        self.env.invalidate_all()
        self.assertEqual(order.portal_join_state, "joined")
        self.assertEqual((self.find("joined"), self.find("waiting")), (order, order.browse()))
        self.assertEqual(self.joins_of(order).mapped("join_state"), ["joined"])
        manager = new_test_user(self.env, login="manager", groups="sales_team.group_sale_manager")
        order.with_user(manager).action_separate_portal_join()
        self.assert_not_joined(order)

    def test_an_order_that_was_refused_and_confirmed_again_is_declined_and_gets_no_mail(self):
        order = self.refused_and_confirmed_again()
        self.env["sale.portal.join"]._decline_portal_joins(self.owner, order.partner_id)
        self.env.invalidate_all()
        self.assertEqual(order.portal_join_state, "declined")
        self.assertEqual((self.find("declined"), self.find("refused")), (order, order.browse()))
        self.assertEqual(set(self.joins_of(order).mapped("state")), {"cancelled"})

    def test_a_declined_order_that_is_confirmed_again_joins_when_its_owner_signs_in_there(self):
        order = self.waiting().order_id
        self.env["sale.portal.join"]._decline_portal_joins(self.owner, order.partner_id)
        order._action_cancel()
        order.action_draft()
        order.action_confirm()
        self.assertEqual(self.env["sale.portal.join"]._join_by_session(order, self.owner), "joined")
        self.check()
        self.env.invalidate_all()
        self.assertEqual(self.joins_of(order).mapped("join_state"), ["joined"])
        self.assertEqual(order.portal_join_state, "joined")

    def test_merged_contacts_no_longer_wait(self):
        join = self.waiting()
        guest, other = join.partner_id, self.waiting().partner_id
        wizard = self.env["base.partner.merge.automatic.wizard"]
        orders = join.order_id | self.env["sale.portal.join"].search([("partner_id", "=", other.id)]).order_id
        wizard._merge((guest | other).ids, other)
        self.assertEqual(self.env["sale.portal.join"].search([("order_id", "in", orders.ids)]).partner_id, other)
        wizard._merge((other | self.owner.partner_id).ids, self.owner.partner_id)
        self.assertFalse(self.env["sale.portal.join"].search([("order_id", "in", orders.ids)]))
        self.assertEqual(orders.partner_id, self.owner.partner_id)

    def test_contacts_that_have_joined_can_be_merged(self):
        joins = self.join() | self.join()
        first, second = joins.partner_id
        self.env["base.partner.merge.automatic.wizard"]._merge((first | second).ids, second)
        self.env.invalidate_all()
        [join] = self.env["sale.portal.join"].search([("partner_id", "=", second.id)])
        self.assertEqual((join.join_state, second.portal_join_id), ("joined", join))

    def test_a_guest_contact_can_be_deleted(self):
        order = self.guest_order()
        self.check()
        order._action_cancel()
        guest = order.partner_id
        order.unlink()
        guest.unlink()
        self.assertFalse(guest.exists())


@tagged("post_install", "-at_install")
class TestProofBySession(GuestOrderCommon):
    """The session that placed an order proves that order only."""

    def by_session(self, order, user=None):
        return self.env["sale.portal.join"]._join_by_session(order, user or self.owner)

    def test_the_owner_signs_in_where_the_order_was_placed(self):
        order = self.guest_order()
        self.assertEqual(self.by_session(order), "joined")
        self.assert_joined(order, "session")
        self.assertFalse(order.portal_account_issue)

    def test_an_order_can_join_before_the_scheduled_action_runs_and_no_mail_follows(self):
        order = self.guest_order()
        self.by_session(order)
        self.check()
        self.assertEqual(self.joins_of(order).mapped("join_state"), ["joined"])
        self.assertFalse(self.joins_of(order).mail_id)

    def test_an_order_whose_payment_is_pending_joins_too_and_makes_no_account_later(self):
        order = self.guest_order(confirm=False)
        order.state = "sent"
        self.assertEqual(self.by_session(order), "joined")
        order.action_confirm()
        self.assertFalse(order.portal_account_issue)
        self.assertFalse(order.is_user_created)
        self.assertFalse(self.users_of(order.partner_id))

    def test_a_second_click_changes_nothing(self):
        order = self.guest_order()
        self.by_session(order)
        notes = len(order.message_ids)
        self.assertEqual(self.by_session(order), "joined")
        self.assertEqual(len(order.message_ids), notes)

    def test_another_account_gets_nothing(self):
        stranger = self.portal_user(self.customer(name="Stranger", email="stranger@example.com"))
        stranger._prove_portal_mailbox()
        order = self.guest_order()
        self.assertEqual(self.by_session(order, stranger), "other_account")
        self.assert_not_joined(order)

    def test_a_joined_order_can_not_join_another_account(self):
        order = self.join().order_id
        stranger = self.portal_user(self.customer(name="Stranger", email="stranger@example.com"))
        self.assertEqual(self.by_session(order, stranger), "other_account")

    def test_an_employee_gets_nothing(self):
        self.salesman.login = "sally@example.com"
        self.salesman._prove_portal_mailbox()
        order = self.guest_order(self.guest(email="sally@example.com"))
        self.assertEqual(self.by_session(order, self.salesman), "other_account")
        self.assert_not_joined(order)

    def test_signing_up_with_an_address_does_not_prove_the_mailbox(self):
        self.owner.portal_mailbox = False
        order = self.guest_order()
        self.assertEqual(self.by_session(order), "unproved")
        self.assert_not_joined(order)

    def test_a_proof_for_another_login_does_not_count(self):
        self.owner.write({"login": "victim@example.com"})
        order = self.guest_order(self.guest(email="victim@example.com"))
        self.assertEqual(self.by_session(order), "unproved")
        self.assert_not_joined(order)

    def test_a_contact_with_another_order_needs_the_mailbox(self):
        order = self.guest_order()
        self.guest_order(order.partner_id, website_id=False)
        self.assertEqual(self.by_session(order), "unproved")
        self.assert_not_joined(order)

    def test_a_cart_and_a_cancelled_order_join_nothing(self):
        cart = self.guest_order(confirm=False)
        cancelled = self.guest_order()
        cancelled._action_cancel()
        for order in (cart, cancelled):
            with self.subTest(state=order.state):
                self.assertNotEqual(self.by_session(order), "joined")
                self.assert_not_joined(order)


@tagged("post_install", "-at_install")
class TestProofByMailbox(GuestOrderCommon):
    """Joining with a link that was mailed to the address, after the owner has signed in."""

    def setUp(self):
        super().setUp()
        self.owner.write({"portal_mailbox": False, "portal_mailbox_date": False})

    def offers(self, user=None, join=None):
        return self.env["sale.portal.join"]._get_portal_join_offers(user or self.owner, join)

    def by_link(self, guests, join, user=None):
        return self.env["sale.portal.join"]._join_by_mailbox(guests, user or self.owner, join)

    def find(self, token):
        self.env.invalidate_all()
        return self.env["sale.portal.join"]._find_portal_join_by_token(token)

    def test_the_link_offers_its_order_and_earlier_ones_of_the_address(self):
        earlier = [self.guest_order() for _number in range(2)]
        join = self.waiting()
        later = self.guest_order()
        later.date_order += timedelta(minutes=1)
        offered = self.offers(join=join)
        self.assertEqual(offered, join.partner_id | earlier[1].partner_id | earlier[0].partner_id)
        self.assertFalse(self.offers(), "nothing without the link")

    def test_only_the_selected_orders_join(self):
        first, second = self.guest_order(), self.guest_order()
        join = self.waiting()
        self.assertEqual(self.by_link(join.partner_id | first.partner_id, join), "joined")
        self.assert_joined(join.order_id, "mailbox")
        self.assert_joined(first, "mailbox")
        self.assert_not_joined(second)

    def test_orders_from_before_the_addon_join_in_one_go(self):
        orders = [self.guest_order(confirm=False) for _number in range(3)]
        for order in orders:
            order.write({"state": "sale", "date_order": fields.Datetime.now()})
        self.assertFalse(self.joins_of(orders[0]))
        join = self.waiting()
        self.assertEqual(self.by_link(self.offers(join=join), join), "joined")
        for order in orders:
            self.assert_joined(order)

    def test_contacts_of_others_can_not_be_joined_by_selecting_them(self):
        stranger = self.guest_order(self.guest(email="other@example.com"))
        staff = self.order(self.customer(name="Nora Fair"))
        join = self.waiting()
        self.assertEqual(self.by_link(stranger.partner_id | staff.partner_id, join), "refused")
        self.assert_not_joined(stranger)
        self.assert_not_joined(staff)

    def test_following_the_link_proves_the_mailbox_for_earlier_orders(self):
        earlier = self.guest_order()
        join = self.waiting()
        self.by_link(join.partner_id, join)
        self.assertEqual(self.offers(), earlier.partner_id)
        later = self.guest_order()
        later.date_order += timedelta(minutes=1)
        self.assertNotIn(later.partner_id, self.offers())

    def test_many_orders_of_a_stranger_do_not_crowd_out_an_order(self):
        self.patch(portal_join_offers, "MAX_OFFERS", 2)
        genuine = self.guest_order()
        self.owner._prove_portal_mailbox()
        for _number in range(3):
            later = self.guest_order()
            later.date_order += timedelta(minutes=5)
            self.guest(vat="BE0477472701")
            self.guest()  # an abandoned cart
            self.guest_order(confirm=False)
        self.assertEqual(self.offers(), genuine.partner_id)

    def test_unpaid_orders_do_not_crowd_out_confirmed_ones(self):
        self.patch(portal_join_offers, "MAX_OFFERS", 2)
        own = self.guest_order()
        unpaid = [self.guest_order(confirm=False) for _number in range(3)]
        for order in unpaid:
            order.state = "sent"
        self.owner._prove_portal_mailbox()
        self.assertEqual(self.offers(), own.partner_id | unpaid[-1].partner_id, "the latest of the unpaid ones")
        second, third = self.guest_order(), self.guest_order()
        self.owner._prove_portal_mailbox()
        self.assertEqual(self.offers(), second.partner_id | third.partner_id)

    def test_declining_the_orders_of_a_stranger_makes_room_for_the_others(self):
        self.patch(portal_join_offers, "MAX_OFFERS", 2)
        genuine = self.guest_order()
        strange = [self.guest_order().partner_id for _number in range(2)]
        self.owner._prove_portal_mailbox()
        self.assertEqual(self.offers(), strange[1] | strange[0])
        self.env["sale.portal.join"]._decline_portal_joins(self.owner, self.offers())
        self.assertEqual(self.offers(), genuine.partner_id)

    def test_orders_with_the_owners_tax_number_are_offered(self):
        self.owner.partner_id.vat = "BE0477472701"
        order = self.guest_order(self.guest(vat="BE0477472701"))
        self.owner._prove_portal_mailbox()
        self.assertEqual(self.offers(), order.partner_id)

    def test_declined_orders_are_only_offered_again_by_their_own_link(self):
        join = self.waiting()
        self.owner._prove_portal_mailbox()
        self.assertEqual(self.offers(), join.partner_id)
        self.env["sale.portal.join"]._decline_portal_joins(self.owner, join.partner_id)
        self.assertFalse(self.offers())
        self.assertEqual(join.join_state, "declined")
        self.assertEqual(self.find(get_link_token(join)), join)
        self.assertEqual(self.offers(join=join), join.partner_id)

    def test_the_link_of_another_account_offers_nothing(self):
        stranger = self.portal_user(self.customer(name="Stranger", email="stranger@example.com"))
        join = self.waiting()
        self.assertEqual(self.by_link(join.partner_id, join, stranger), "refused")
        self.assert_not_joined(join.order_id)

    def test_a_link_belongs_to_its_order(self):
        join = self.waiting()
        self.assertEqual(self.find(get_link_token(join)), join)

    def test_malformed_tokens_are_void(self):
        token = get_link_token(self.waiting())
        for rubbish in ("", "x", "AAAA", token[:-2], token[:-1] + "é", "AQ" + token, "1" * 300):
            with self.subTest(token=rubbish):
                self.assertFalse(self.find(rubbish))

    def test_a_link_expires_with_odoos_sign_up_validity(self):
        join = self.waiting()
        self.env["ir.config_parameter"].set_param("auth_signup.signup.validity.hours", -1)
        self.assertFalse(self.find(get_link_token(join)))

    def assert_void_after(self, change):
        join = self.waiting(self.guest_order(self.guest()))
        token = get_link_token(join)
        self.assertTrue(self.find(token))
        change(join)
        self.assertFalse(self.find(token))

    def test_a_link_is_void_when_a_value_it_is_bound_to_changes(self):
        other = self.customer(name="Other", email="other@example.com")
        changes = {
            "the address of the guest contact": lambda join: join.partner_id.write({"email": "x@example.com"}),
            "the order is cancelled": lambda join: join.order_id._action_cancel(),
            "the order is another contact's": lambda join: join.order_id.write({"partner_id": other.id}),
            "the guest contact has a user": lambda join: self.portal_user(join.partner_id, login="y@example.com"),
            "the guest contact is archived": lambda join: join.partner_id.write({"active": False}),
            "the guest contact belongs to a company": lambda join: join.partner_id.write({"parent_id": other.id}),
            "the company switched it off": lambda join: self.company.write({"auto_portal_user_join": False}),
        }
        for name, change in changes.items():
            with self.subTest(name), self.cr.savepoint() as savepoint:
                self.assert_void_after(change)
                savepoint.rollback()

    def test_a_link_is_void_when_the_account_changes(self):
        changes = {
            "the login": {"login": "someone@example.com"},
            "the account is archived": {"active": False},
            "the account is another contact's": {"partner_id": self.customer(name="B", email="nora@example.com").id},
            "the account is an employee's": {"group_ids": [Command.set(self.env.ref("base.group_user").ids)]},
        }
        for name, values in changes.items():
            with self.subTest(name), self.cr.savepoint() as savepoint:
                self.assert_void_after(lambda _join, values=values: self.owner.write(values))
                savepoint.rollback()

    def test_a_link_is_void_when_another_user_takes_over_the_login(self):
        join = self.waiting()
        token = get_link_token(join)
        self.owner.login = "former@example.com"
        self.portal_user(self.customer(name="Second", email="nora@example.com"))
        self.assertFalse(self.find(token))
