from urllib.parse import parse_qs, urlsplit

from odoo.tests import HttpCase, tagged

from .common import PortalAccountCommon


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
        company = self.customer(name="Nora's Company", email="office@example.com", is_company=True)
        order = self.order(self.customer(parent_id=company.id))
        others = self.order(self.customer(name="Colleague", email="colleague@example.com", parent_id=company.id))
        (order + others).action_confirm()
        user = self.assert_account(order)
        self.assertEqual(self.env["sale.order"].with_user(user).search([]), order)
