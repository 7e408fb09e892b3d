from urllib.parse import parse_qs, urlsplit

from lxml import html

from odoo.tests import HttpCase, tagged

from .common import PortalAccountCommon, PortalInvitationCommon


@tagged("post_install", "-at_install", "-standard", "community_addons")
class TestCommunityAddons(PortalAccountCommon, HttpCase):
    """Compatibility of the new accounts with community addons for the portal."""

    def test_customer_with_a_new_account_logs_in_where_orders_require_a_login(self):
        self.env["ir.config_parameter"].set_param(
            "portal_sale_confirm_require_login.portal_sale_access_login_required", True
        )
        order = self.order(self.customer())
        order.action_confirm()
        user = self.assert_account(order)
        answer = self.url_open(order.get_portal_url(), allow_redirects=False)
        address = urlsplit(answer.headers["Location"])
        self.assertEqual(address.path, "/web/login")
        self.assertEqual(parse_qs(address.query)["login"], [user.login])

    def test_new_account_reads_its_own_order_where_portal_users_read_their_own_only(self):
        self.company.auto_portal_user_company_contacts = True
        company = self.customer(name="Nora's Company", email="office@example.com", is_company=True)
        order = self.order(self.customer(parent_id=company.id))
        others = self.order(self.customer(name="Colleague", email="colleague@example.com", parent_id=company.id))
        (order + others).action_confirm()
        user = self.assert_account(order)
        self.assertEqual(self.env["sale.order"].with_user(user).search([]), order)

    def test_older_contact_with_an_unusual_address_gets_an_account_where_addresses_are_checked(self):
        order = self.order(self.customer(email="Nora <NORA@Example.com>"))
        self._accept_any_email(False)
        order.action_confirm()
        self.assertEqual(self.assert_account(order).login, "nora@example.com")


@tagged("post_install", "-at_install", "-standard", "community_addons")
class TestTrackedMails(PortalInvitationCommon):
    """Invitations together with mail_tracking."""

    def test_tracking_neither_redirects_nor_keeps_the_links(self):
        order, invitation = self.invite()
        body = self.send()["nora@example.com"]
        tracked = self.env["mail.tracking.email"].search([("recipient", "=", "nora@example.com")])
        self.assertIn(f'data-odoo-tracking-email="{tracked.id}"', body)
        for link in html.fromstring(body).xpath("//a/@href"):
            self.assertTrue(link.startswith(f"{order.get_base_url()}/my/invitation/{invitation.id}/"), link)
        values = str([tracked.read(), tracked.tracking_event_ids.read()])
        for link in self.links_in(body):
            self.assertNotIn(link.removesuffix("/decline").split("/")[-1], values)
