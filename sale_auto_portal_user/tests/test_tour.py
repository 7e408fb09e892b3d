from odoo.tests import HttpCase, tagged

from .common import PortalAccountCommon


@tagged("post_install", "-at_install", "once")
class TestTour(HttpCase, PortalAccountCommon):
    def test_a_salesperson_confirms_and_invites_again(self):
        order = self.order(self.customer(), user_id=self.salesman.id)
        self.start_tour(
            f"/odoo/action-sale.action_quotations/{order.id}",
            "sale_auto_portal_user_salesperson",
            login=self.salesman.login,
        )
        self.assert_account(order)
