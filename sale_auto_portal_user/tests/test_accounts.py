"""The rows of the README's table: which customers get an account."""

from ast import literal_eval
from unittest.mock import patch

from lxml import etree

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from .common import PortalAccountCommon


@tagged("post_install", "-at_install")
class TestAccounts(PortalAccountCommon):
    def test_a_new_customer_gets_a_portal_user_and_one_invitation(self):
        order = self.order(self.customer())
        order.action_confirm()
        user = self.assert_account(order)
        self.assertEqual(user.login, "nora@example.com")
        self.assertEqual(user.company_id, order.company_id)
        self.assertEqual(user.company_ids, order.company_id)
        self.assertEqual(self.invitation_of(order).state, "to_send")
        self.assertIn("A portal account was created for Nora (nora@example.com)", self.notes_of(order)[0])
        self.assertEqual(order.portal_user_id, user)
        self.assertEqual(order.portal_account_state, "inviting")

    def test_the_account_is_modelled_on_the_portal_template_user(self):
        template = self.env["res.users"].browse(
            int(self.env["ir.config_parameter"].get_param("base.template_portal_user_id"))
        )
        group = self.env["res.groups"].create({"name": "Club members"})
        template.group_ids += group
        order = self.order(self.customer())
        order.action_confirm()
        user = self.assert_account(order)
        self.assertEqual(user.group_ids, template.group_ids)
        self.assertTrue(user.active)

    def test_the_contact_keeps_its_own_name_address_and_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        partner = self.customer(email="Nora <Nora@Example.com>", lang="fr_FR")
        order = self.order(partner)
        order.action_confirm()
        user = self.assert_account(order)
        self.assertEqual(user.login, "nora@example.com")
        self.assertEqual((partner.name, partner.email, partner.lang), ("Nora", "Nora <Nora@Example.com>", "fr_FR"))
        self.assertEqual(user.lang, "fr_FR")

    def test_shopper_with_an_account_gets_no_second_one(self):
        partner = self.customer()
        user = self.portal_user(partner)
        order = self.order(partner)
        order.action_confirm()
        self.assertEqual(self.users_of(partner), user)
        self.assertFalse(order.is_user_created)
        self.assertFalse(self.invitation_of(order))
        self.assertFalse([note for note in self.notes_of(order) if "portal account" in note])

    def test_an_employee_who_buys_gets_no_portal_account(self):
        order = self.order(self.salesman.partner_id)
        order.action_confirm()
        self.assertEqual(self.users_of(self.salesman.partner_id), self.salesman)
        self.assertFalse(order.is_user_created)
        self.assertFalse(order.portal_account_issue)

    def test_revoked_access_stays_revoked(self):
        partner = self.customer()
        user = self.portal_user(partner, active=False)
        partner.active = True
        order = self.order(partner)
        order.action_confirm()
        self.assertEqual(self.users_of(partner), user)
        self.assertFalse(user.active)
        self.assertFalse(order.is_user_created)
        self.assertEqual(order.portal_account_state, "archived")

    def test_an_email_that_is_the_login_of_another_user_gets_no_account(self):
        for login in ("nora@example.com", "Nora@Example.COM", "Nora N. <NORA@example.com>", " nora@example.com "):
            with self.subTest(login=login):
                other = self.portal_user(self.customer(name="Other", email="other@example.com"), login=login)
                order = self.order(self.customer())
                order.action_confirm()
                self.assert_no_account(order, "login_taken")
                self.assertIn("Another user signs in with the customer's email address", self.notes_of(order)[0])
                self.assertNotEqual(other.partner_id, order.partner_id)
                other.login = f"__done_{other.id}"

    def test_a_login_of_an_archived_user_is_taken_too(self):
        self.portal_user(self.customer(name="Other", email="o@example.com"), login="nora@example.com", active=False)
        order = self.order(self.customer())
        order.action_confirm()
        self.assert_no_account(order, "login_taken")

    def test_an_address_that_only_looks_alike_is_free(self):
        self.portal_user(self.customer(name="Other", email="o@example.com"), login="xnora@example.com")
        self.portal_user(self.customer(name="Other", email="p@example.com"), login="nora@example.com.au")
        order = self.order(self.customer(email="nora_@example.com"))
        order.action_confirm()
        self.assert_account(order)

    def test_an_order_without_an_email_is_still_confirmed(self):
        for email in (False, "", "   "):
            order = self.order(self.customer(email=email))
            order.action_confirm()
            self.assert_no_account(order, "no_email")
            self.assertIn("The customer has no email address", self.notes_of(order)[0])
            self.assertEqual(order.portal_account_state, "none")

    def test_an_invalid_email_is_noted(self):
        for email in (
            "nora",
            "nora@",
            "@example.com",
            "nora at example.com",
            "nora@example",
            "nora@.com",
            # Odoo's normalization would turn these into the address of somebody else.
            "nora@exam ple.com",
            "a@b@example.com",
            "nora,@example.com",
            "x" * 250 + "@example.com",
        ):
            order = self.order(self.customer(email=email))
            order.action_confirm()
            self.assert_no_account(order, "invalid_email")

    def test_an_address_with_a_name_or_in_another_script_is_accepted(self):
        for email, login in (
            ('"nora@home" <nora@example.com>', "nora@example.com"),
            ("  <Nora.New+shop@Example.com> ", "nora.new+shop@example.com"),
            ("jürgen@müller.example", "jürgen@müller.example"),
        ):
            order = self.order(self.customer(email=email))
            order.action_confirm()
            self.assertEqual(self.assert_account(order).login, login)

    def test_several_addresses_in_one_field_are_noted(self):
        for email in (
            "a@example.com, b@example.com",
            "a@example.com;b@example.com",
            "A <a@example.com>, b@example.com",
        ):
            order = self.order(self.customer(email=email))
            order.action_confirm()
            self.assert_no_account(order, "several_emails")

    def test_several_orders_of_one_customer_flag_the_earliest(self):
        partner = self.customer()
        first, second, third = (self.order(partner) for _index in range(3))
        (third + first + second).action_confirm()
        self.assert_account(first)
        self.assertEqual((first + second + third).mapped("is_user_created"), [True, False, False])
        self.assertFalse((second + third).filtered("portal_account_issue"))

    def test_two_contacts_with_one_address_in_a_batch_get_one_user(self):
        first, second = self.order(self.customer()), self.order(self.customer(name="Norbert", email="NORA@example.com"))
        (first + second).action_confirm()
        self.assert_account(first)
        self.assert_no_account(second, "login_taken")

    def test_an_invalid_customer_in_a_batch_does_not_affect_the_others(self):
        emails = ["a@example.com", False, "b@example.com", "broken", "c@example.com, d@example.com", "e@example.com"]
        orders = self.env["sale.order"].union(*(self.order(self.customer(email=email)) for email in emails))
        orders.action_confirm()
        self.assertEqual(set(orders.mapped("state")), {"sale"})
        self.assertEqual(orders.mapped("is_user_created"), [True, False, True, False, False, True])

    def test_a_salesperson_who_may_not_create_users_can_confirm(self):
        self.assertFalse(self.env["res.users"].with_user(self.salesman).has_access("create"))
        order = self.order(self.customer(), user_id=self.salesman.id)
        order.with_user(self.salesman).action_confirm()
        user = self.assert_account(order)
        self.assertEqual(user.create_uid, self.env.ref("base.user_root"))

    def test_defaults_that_a_client_sends_do_not_reach_the_account(self):
        order = self.order(self.customer())
        order.with_context(
            default_name="Evil",
            default_login="evil",
            default_company_id=-1,
            default_partner_id=1,
            default_group_ids=[Command.set(self.env.ref("base.group_system").ids)],
        )._create_portal_accounts_on_confirmation()
        self.assertFalse(self.users_of(order.partner_id), "the order is not confirmed yet")
        order.with_context(default_login="evil", default_type="other").action_confirm()
        user = self.assert_account(order)
        self.assertEqual(user.login, "nora@example.com")
        self.assertFalse(user.has_group("base.group_user"))

    def test_the_anonymous_cart_never_gets_an_account(self):
        public_partner = self.website.user_id.partner_id
        public_partner.sudo().email = "public@example.com"
        order = self.order(public_partner, website_id=self.website.id)
        users = self.users_of(public_partner)
        order.action_confirm()
        self.assertEqual(self.users_of(public_partner), users)
        self.assertFalse(order.is_user_created)

    def test_an_archived_contact_is_not_revived(self):
        partner = self.customer(active=False)
        order = self.order(partner)
        order.action_confirm()
        self.assert_no_account(order, "archived")
        self.assertFalse(partner.active)

    def test_a_second_order_of_the_same_customer_changes_nothing(self):
        partner = self.customer()
        first = self.order(partner)
        first.action_confirm()
        user = self.assert_account(first)
        invitation = self.invitation_of(first)
        invitation.state = "sent"
        second = self.order(partner)
        second.action_confirm()
        self.assertEqual(self.users_of(partner), user)
        self.assertEqual((self.invitation_of(second), invitation.state), (invitation, "sent"))
        self.assertFalse(second.is_user_created)

    def test_confirming_again_after_a_cancellation_changes_nothing(self):
        order = self.order(self.customer())
        order.action_confirm()
        user = self.assert_account(order)
        order._action_cancel()
        order.action_draft()
        order.action_confirm()
        self.assertEqual(self.assert_account(order), user)

    def test_a_copied_order_is_not_flagged(self):
        order = self.order(self.customer())
        order.action_confirm()
        self.assertFalse(order.copy().is_user_created)

    def test_an_order_signed_on_the_portal_gives_an_account_too(self):
        order = self.order(self.customer())
        order._validate_order()
        self.assert_account(order)

    def test_the_account_belongs_to_the_company_of_the_order(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids += other
        order = self.order(self.customer(), company_id=other.id)
        order.action_confirm()
        user = self.assert_account(order)
        self.assertEqual(user.company_id, other)
        self.assertEqual(user.company_ids, other)

    def test_each_companys_notes_are_in_its_own_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        other = self.env["res.company"].create({"name": "Autre"})
        other.partner_id.lang = "fr_FR"
        self.env.user.company_ids += other
        orders = self.order(self.customer()) + self.order(
            self.customer(name="Odile", email="odile@example.com"), company_id=other.id
        )
        without_email = self.order(self.customer(email=False), company_id=other.id)
        (orders + without_email).action_confirm()
        self.assertIn("A portal account was created", self.notes_of(orders[0])[0])
        self.assertNotIn("A portal account was created", self.notes_of(orders[1])[0])
        self.assertNotIn("No portal account", self.notes_of(without_email)[0])
        granted = [order.partner_id.message_ids[:1].preview for order in orders]
        self.assertNotEqual(*granted)

    def test_a_sale_by_a_branch_does_not_move_the_contact_to_the_branch(self):
        branch = self.env["res.company"].create({"name": "The Branch", "parent_id": self.company.id})
        self.env.user.company_ids += branch
        partner = self.customer(company_id=self.company.id)
        order = self.order(partner, company_id=branch.id)
        order.action_confirm()
        user = self.assert_account(order)
        self.assertEqual(partner.company_id, self.company)
        self.assertEqual(user.company_id, self.company)
        on_the_branchs_website = order.with_user(user).with_context(allowed_company_ids=branch.ids)
        self.assertEqual(on_the_branchs_website.search([("id", "=", order.id)]), order)

    def test_an_import_confirms_orders_without_accounts(self):
        order = self.order(self.customer())
        order.with_context(skip_portal_account=True).action_confirm()
        self.assertEqual(order.state, "sale")
        self.assertFalse(self.users_of(order.partner_id))
        self.assertFalse(order.portal_account_issue)
        order.action_create_portal_account()
        self.assert_account(order)

    def test_the_account_is_there_when_the_confirmation_mail_is_written(self):
        order = self.order(self.customer())
        seen = []

        def look(orders):
            seen.append((orders.state, self.users_of(orders.partner_id)))

        with patch.object(self.registry["sale.order"], "_send_order_confirmation_mail", look):
            order._validate_order()
        self.assertEqual(seen, [("sale", self.assert_account(order))])

    def test_an_order_that_cannot_be_confirmed_makes_no_account(self):
        order = self.order(self.customer())
        order._action_cancel()
        with self.assertRaises(UserError):
            order.action_confirm()
        self.assertFalse(self.users_of(order.partner_id))

    def test_demo_orders_of_other_addons_invite_nobody(self):
        order = self.order(self.customer())
        with patch.object(self.registry, "ready", False):  # as during the installation of addons
            order.action_confirm()
        self.assertEqual(order.state, "sale")
        self.assertFalse(self.users_of(order.partner_id))


@tagged("post_install", "-at_install")
class TestAccountsPerWebsite(PortalAccountCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.website.domain = "https://one.example.com"
        cls.other_website = cls.env["website"].create(
            {
                "name": "Second Shop",
                "domain": "https://two.example.com",
                "company_id": cls.company.id,
            }
        )
        (cls.website + cls.other_website).specific_user_account = True

    def test_the_same_email_on_another_website_is_another_account(self):
        first = self.order(self.customer(), website_id=self.website.id)
        second = self.order(self.customer(), website_id=self.other_website.id)
        (first + second).action_confirm()
        self.assertEqual(self.assert_account(first).website_id, self.website)
        self.assertEqual(self.assert_account(second).website_id, self.other_website)

    def test_the_same_email_on_the_same_website_is_one_account(self):
        first = self.order(self.customer(), website_id=self.website.id)
        first.action_confirm()
        second = self.order(self.customer(), website_id=self.website.id)
        second.action_confirm()
        self.assert_account(first)
        self.assert_no_account(second, "login_taken")

    def test_a_login_on_all_websites_is_taken_on_each_website(self):
        self.portal_user(self.customer(name="Other", email="o@example.com"), login="nora@example.com")
        order = self.order(self.customer(), website_id=self.website.id)
        order.action_confirm()
        self.assert_no_account(order, "login_taken")

    def test_shared_accounts_are_not_restricted_to_a_website(self):
        self.website.specific_user_account = False
        order = self.order(self.customer(), website_id=self.website.id)
        order.action_confirm()
        self.assertFalse(self.assert_account(order).website_id)

    def test_the_link_has_the_domain_of_the_website(self):
        order = self.order(self.customer(), website_id=self.other_website.id)
        order.action_confirm()
        invitation = self.invitation_of(order)
        self.assertTrue(invitation._get_portal_invitation_url().startswith("https://two.example.com/my/invitation/"))
        self.assertEqual(invitation._get_portal_shop(), self.other_website)


@tagged("post_install", "-at_install", "once")
class TestSalesperson(PortalAccountCommon):
    def test_orders_confirmed_before_the_installation_get_accounts_by_hand(self):
        orders = self.order(self.customer()) + self.order(self.customer(name="Otto", email="otto@example.com"))
        self.company.auto_portal_user = False
        orders.action_confirm()
        self.assertFalse(self.users_of(orders.partner_id))
        orders.user_id = self.salesman
        answer = orders.with_user(self.salesman).action_create_portal_account()
        for order in orders:
            self.assert_account(order)
        self.assertIn("2 portal accounts were created for 2 selected orders", answer["params"]["message"])

    def test_the_button_says_why_there_is_no_account(self):
        order = self.order(self.customer(email=False))
        order.action_confirm()
        answer = order.action_create_portal_account()
        self.assertEqual(answer["params"]["type"], "warning")
        self.assertIn("no email address", answer["params"]["message"])

    def test_the_button_creates_the_account_once_the_address_is_fixed(self):
        order = self.order(self.customer(email="nora@"))
        order.action_confirm()
        order.partner_id.email = "nora@example.com"
        order.action_create_portal_account()
        self.assert_account(order)

    def test_a_quotation_creates_no_account(self):
        with self.assertRaisesRegex(UserError, "Confirm the order first"):
            self.order(self.customer()).action_create_portal_account()

    def test_customers_can_not_use_the_buttons(self):
        order = self.order(self.customer())
        order.action_confirm()
        user = self.assert_account(order)
        for button in ("action_create_portal_account", "action_resend_portal_invitation"):
            with self.assertRaises(AccessError):
                getattr(order.with_user(user), button)()

    def test_the_invitation_is_sent_again_until_the_first_login(self):
        order = self.order(self.customer(), user_id=self.salesman.id)
        order.action_confirm()
        user = self.assert_account(order)
        self.invitation_of(order).state = "sent"
        self.assertEqual(order.portal_account_state, "invited")
        order.with_user(self.salesman).action_resend_portal_invitation()
        self.assertEqual(self.invitation_of(order).state, "to_send")
        self.log_in(user)
        self.assertEqual(order.portal_account_state, "active")
        self.assertFalse(order.can_resend_portal_invitation)
        with self.assertRaisesRegex(UserError, "signed in already"):
            order.with_user(self.salesman).action_resend_portal_invitation()

    def test_an_account_not_created_by_an_order_can_not_be_invited_again(self):
        partner = self.customer()
        self.portal_user(partner)
        order = self.order(partner)
        order.action_confirm()
        self.assertEqual(order.portal_account_state, "invited")
        with self.assertRaises(UserError):
            order.action_resend_portal_invitation()

    def test_the_smart_button_opens_what_its_user_may_see(self):
        order = self.order(self.customer(), user_id=self.salesman.id)
        order.action_confirm()
        manager = new_test_user(
            self.env,
            login="boss",
            groups="sales_team.group_sale_manager,base.group_erp_manager",
        )
        self.assertEqual(order.with_user(self.salesman).action_view_portal_user()["res_model"], "res.partner")
        action = order.with_user(manager).action_view_portal_user()
        self.assertEqual((action["res_model"], action["res_id"]), ("res.users", self.users_of(order.partner_id).id))

    def test_orders_can_be_filtered_by_the_outcome_of_the_account(self):
        created, failed = self.order(self.customer()), self.order(self.customer(email=False))
        (created + failed).action_confirm()
        orders = self.env["sale.order"]
        self.assertIn(created, orders.search([("is_user_created", "=", True)]))
        self.assertNotIn(failed, orders.search([("is_user_created", "=", True)]))
        self.assertIn(failed, orders.search([("portal_account_issue", "!=", False)]))
        groups = dict(orders._read_group([("id", "in", (created + failed).ids)], ["is_user_created"], ["__count"]))
        self.assertEqual(groups, {True: 1, False: 1})

    def find_by_filter(self, name, user):
        """Search with a filter of the list of orders; return ``None`` if the user doesn't have that filter."""
        orders = self.env["sale.order"].with_user(user)
        arch = orders.get_view(self.env.ref("sale.view_sales_order_filter").id, "search")["arch"]
        found = etree.fromstring(arch).xpath(f"//filter[@name='{name}']")
        return orders.search(literal_eval(found[0].get("domain"))) if found else None

    def test_the_filter_of_missing_accounts_skips_settled_orders(self):
        self.salesman.group_ids += self.env.ref("sales_team.group_sale_salesman_all_leads")
        missing, served, revoked, cancelled = (self.order(self.customer(email=False)) for _index in range(4))
        (missing + served + revoked + cancelled).action_confirm()
        found = self.find_by_filter("portal_account_not_created", self.salesman)
        self.assertLessEqual(missing + served + revoked + cancelled, found)
        self.portal_user(served.partner_id, login="served@example.com")
        self.portal_user(revoked.partner_id, login="revoked@example.com", active=False)
        cancelled._action_cancel()
        found = self.find_by_filter("portal_account_not_created", self.salesman)
        self.assertIn(missing, found)
        self.assertFalse(found & (served + revoked + cancelled))

    def test_the_issue_of_an_earlier_order_is_cleared_when_the_customer_gets_an_account(self):
        partner = self.customer(email=False)
        first = self.order(partner)
        first.action_confirm()
        self.assert_no_account(first, "no_email")
        partner.email = "nora@example.com"
        self.order(partner).action_confirm()
        self.assertFalse(first.portal_account_issue)

    def test_the_issue_is_cleared_whoever_creates_the_account(self):
        order = self.order(self.customer(email=False))
        kept = self.order(self.customer(name="Otto", email=False))
        (order + kept).action_confirm()
        self.portal_user(order.partner_id, login="by.hand@example.com")
        self.env["sale.order"]._cron_create_pending_portal_accounts()
        self.assertFalse(order.portal_account_issue)
        self.assertEqual(kept.portal_account_issue, "no_email")

    def test_orders_are_found_by_the_user_of_their_customer(self):
        order, other = self.order(self.customer()), self.order(self.customer(email=False))
        (order + other).action_confirm()
        user = self.assert_account(order)
        orders = self.env["sale.order"]
        self.assertEqual(orders.search([("portal_user_id", "=", user.id)]), order)
        self.assertIn(order, orders.search([("portal_user_id", "!=", False)]))
        self.assertNotIn(other, orders.search([("portal_user_id", "!=", False)]))

    def test_users_who_see_invitations_can_filter_undelivered_ones(self):
        failed, sent = self.order(self.customer()), self.order(self.customer(name="Otto", email="otto@example.com"))
        (failed + sent).action_confirm()
        self.invitation_of(failed).state = "failed"
        for group in ("sales_team.group_sale_manager", "sales_team.group_sale_salesman,base.group_erp_manager"):
            user = new_test_user(self.env, login=f"boss.{group}", groups=group)
            failed.user_id = sent.user_id = user
            found = self.find_by_filter("portal_invitation_not_delivered", user)
            self.assertIn(failed, found)
            self.assertNotIn(sent, found)
        self.assertIsNone(self.find_by_filter("portal_invitation_not_delivered", self.salesman))


@tagged("post_install", "-at_install")
class TestOtherFlows(PortalAccountCommon):
    """Odoo's own features for contacts and users work with these accounts."""

    def setUp(self):
        super().setUp()
        self.sale = self.order(self.customer())
        self.sale.action_confirm()
        self.user = self.assert_account(self.sale)

    def test_the_portal_wizard_sees_the_account(self):
        wizard = self.env["portal.wizard"].with_context(active_ids=self.sale.partner_id.ids).create({})
        line = wizard.user_ids
        self.assertTrue(line.is_portal)
        with self.assertRaisesRegex(UserError, "already has the portal access"):
            line.action_grant_access()
        line.action_revoke_access()
        self.assertFalse(self.user.active)

    def test_an_order_does_not_restore_access_revoked_by_the_wizard(self):
        self.env["portal.wizard"].with_context(active_ids=self.sale.partner_id.ids).create(
            {}
        ).user_ids.action_revoke_access()
        order = self.order(self.sale.partner_id)
        order.action_confirm()
        self.assertEqual(self.users_of(order.partner_id), self.user)
        self.assertFalse(self.user.active)

    def test_a_merge_moves_the_account(self):
        target = self.customer(name="Nora at home", email="nora@example.com")
        self.env["base.partner.merge.automatic.wizard"]._merge(
            (self.sale.partner_id + target).ids, target, extra_checks=False
        )
        self.env.invalidate_all()
        self.assertEqual(self.user.partner_id, target)
        self.assertEqual(self.sale.partner_id, target)
        self.assertEqual(self.sale.portal_user_id, self.user)

    def test_a_customer_can_delete_the_account(self):
        self.user.password = "a-long-password"
        self.user.with_user(self.user).sudo()._deactivate_portal_user(request_blacklist=False)
        order = self.order(self.sale.partner_id)
        order.action_confirm()
        self.assertFalse(self.user.active)
        self.assertEqual(self.users_of(self.sale.partner_id), self.user)

    def test_deleting_the_user_keeps_the_order(self):
        self.user.unlink()
        self.assertEqual(self.sale.state, "sale")
        self.assertFalse(self.sale.portal_user_id)
        self.assertTrue(self.sale.is_user_created, "what happened stays said")
