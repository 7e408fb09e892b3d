"""Accounts of companies' contacts, who see all documents of the company."""

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import Form, new_test_user, tagged

from .common import PortalAccountCommon


@tagged("post_install", "-at_install", "once")
class TestCompanyContacts(PortalAccountCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.salesman.group_ids -= cls.env.ref("base.group_partner_manager")
        cls.manager = new_test_user(
            cls.env,
            login="granter",
            groups="sales_team.group_sale_salesman_all_leads,base.group_partner_manager",
        )
        cls.firm = cls.customer(name="Azure", email="info@azure.example.com", is_company=True)
        cls.outsider = cls.customer(name="Outsider", email="outsider@example.com", parent_id=cls.firm.id)

    def have_an_invoice(self, partner):
        return self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": partner.id,
                "invoice_line_ids": [Command.create({"product_id": self.product.id})],
            }
        )

    def confirm(self, user, partner=None, **values):
        order = self.order(partner or self.outsider, user_id=user.id, **values)
        order.with_user(user).action_confirm()
        return order

    def test_a_salesperson_can_not_give_access_to_a_companys_invoices(self):
        self.have_an_invoice(self.firm)
        order = self.confirm(self.salesman)
        self.assert_no_account(order, "company_documents")
        self.assertIn("The customer's company has other documents", self.notes_of(order)[0])
        self.assertIn("who may grant portal access", self.notes_of(order)[0])

    def test_documents_of_an_archived_colleague_count(self):
        colleague = self.customer(name="Colleague", email="colleague@example.com", parent_id=self.firm.id)
        self.order(colleague)
        colleague.active = False
        self.assert_no_account(self.confirm(self.salesman), "company_documents")

    def test_a_user_who_may_grant_portal_access_creates_the_account(self):
        self.have_an_invoice(self.firm)
        self.assert_account(self.confirm(self.manager))

    def test_sudo_does_not_allow_to_grant_portal_access(self):
        self.have_an_invoice(self.firm)
        order = self.order(self.outsider)
        order.with_user(self.salesman).sudo().action_confirm()
        self.assert_no_account(order, "company_documents")

    def test_visitors_and_scheduled_actions_do_not_grant_portal_access(self):
        self.have_an_invoice(self.firm)
        for user in (self.website.user_id, self.env.ref("base.user_root")):
            with self.subTest(user=user.login):
                order = self.order(self.outsider, website_id=self.website.id)
                order.with_user(user).sudo()._validate_order()
                self.assert_no_account(order, "company_documents")

    def test_the_setting_allows_accounts_for_all_contacts(self):
        self.have_an_invoice(self.firm)
        with Form(self.env["res.config.settings"]) as form:
            form.auto_portal_user_company_contacts = True
        form.record.execute()
        self.assert_account(self.confirm(self.salesman))

    def test_a_contact_of_a_company_without_other_documents_gets_an_account(self):
        order = self.order(self.outsider)
        self.confirm(self.salesman)
        self.assertTrue(self.users_of(self.outsider))
        self.assertFalse(order.portal_account_issue)

    def test_a_shopper_who_has_just_made_the_company_gets_an_account(self):
        order = self.order(self.outsider, website_id=self.website.id)
        order.with_user(self.website.user_id).sudo()._validate_order()
        self.assert_account(order)

    def test_a_company_that_orders_by_itself_gets_an_account(self):
        self.have_an_invoice(self.outsider)
        self.assert_account(self.confirm(self.salesman, self.firm))

    def test_contacts_of_companies_are_decided_individually_in_a_batch(self):
        self.have_an_invoice(self.firm)
        other_firm = self.customer(name="Wood", email="info@wood.example.com", is_company=True)
        newcomer = self.customer(name="Newcomer", email="newcomer@example.com", parent_id=other_firm.id)
        private = self.customer()
        orders = self.order(self.outsider) + self.order(newcomer) + self.order(private)
        orders.user_id = self.salesman
        orders.with_user(self.salesman).action_confirm()
        self.assert_no_account(orders[0], "company_documents")
        self.assert_account(orders[1])
        self.assert_account(orders[2])

    def test_only_users_who_may_grant_portal_access_have_the_button(self):
        self.have_an_invoice(self.firm)
        order = self.confirm(self.salesman)
        self.assertFalse(order.with_user(self.salesman).can_create_portal_account)
        answer = order.with_user(self.salesman).action_create_portal_account()
        self.assertEqual(answer["params"]["type"], "warning")
        self.assert_no_account(order, "company_documents")
        self.assertTrue(order.with_user(self.manager).can_create_portal_account)
        order.with_user(self.manager).action_create_portal_account()
        self.assert_account(order)

    def test_a_delayed_account_keeps_the_permission_of_the_confirming_user(self):
        self.have_an_invoice(self.firm)
        for user, issue in ((self.salesman, "company_documents"), (self.manager, "pending")):
            with self.subTest(user=user.login):
                order = self.order(self.outsider, user_id=user.id)
                with self.being_worked_on("outsider@example.com"):
                    order.with_user(user).action_confirm()
                self.assert_no_account(order, issue)
                self.env["sale.order"]._cron_create_pending_portal_accounts()
                self.assertEqual(order.is_user_created, issue == "pending")

    def test_a_salesperson_can_not_grant_by_writing_fields(self):
        order = self.order(self.outsider, user_id=self.salesman.id)
        with self.assertRaises(AccessError):
            order.with_user(self.salesman).portal_account_granted = True

    def resend_to(self, user, email):
        """Correct the address of a contact whose account was never used, and send the invitation again."""
        order = self.confirm(self.manager)
        account = self.assert_account(order)
        order.user_id = user
        self.outsider.email = email
        order.with_user(user).action_resend_portal_invitation()
        self.env["sale.portal.invitation"].search([("user_id", "=", account.id)])._follow_addresses()
        return account

    def test_a_salesperson_can_not_redirect_an_invitation_by_correcting_the_address(self):
        self.have_an_invoice(self.firm)
        account = self.resend_to(self.salesman, "somebody.else@example.com")
        self.assertEqual(account.login, "outsider@example.com")

    def test_a_user_who_may_grant_portal_access_can_correct_the_address_of_an_invitation(self):
        self.have_an_invoice(self.firm)
        account = self.resend_to(self.manager, "corrected@example.com")
        self.assertEqual(account.login, "corrected@example.com")

    def test_the_permission_for_a_corrected_address_does_not_apply_to_the_next_one(self):
        self.have_an_invoice(self.firm)
        account = self.resend_to(self.manager, "corrected@example.com")
        self.outsider.email = "somebody.else@example.com"
        invitation = self.env["sale.portal.invitation"].search([("user_id", "=", account.id)])
        invitation._request(is_reminder=True)
        invitation._queue()
        self.assertEqual(account.login, "corrected@example.com")
        self.assertEqual(invitation.state, "failed")

    def test_the_permission_ends_when_the_correction_is_undone(self):
        self.have_an_invoice(self.firm)
        account = self.assert_account(self.confirm(self.manager))
        invitation = self.env["sale.portal.invitation"].search([("user_id", "=", account.id)])
        self.outsider.email = "corrected@example.com"
        account.auto_portal_order_id.with_user(self.manager).action_resend_portal_invitation()
        for email in ("outsider@example.com", "somebody.else@example.com"):
            self.outsider.email = email
            invitation._follow_addresses()
            self.assertEqual(account.login, "outsider@example.com")
