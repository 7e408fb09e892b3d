from unittest.mock import patch

from odoo.tests import new_test_user, tagged

from .common import PortalAccountCommon
from .public_methods import PublicMethodsCase


@tagged("post_install", "-at_install", "once")
class TestPublicMethods(PublicMethodsCase, PortalAccountCommon):
    """Public methods of the addon reveal nothing about inaccessible records."""

    addon = "sale_auto_portal_user"
    arguments = {
        ("res.partner", "write"): [{"email": "other@example.com"}],
        ("res.users", "write"): [{"active": False}],
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        colleague = new_test_user(cls.env, login="colleague", groups="sales_team.group_sale_salesman")
        confirmed = cls.order(cls.customer(), user_id=colleague.id)
        confirmed.action_confirm()
        without_email = cls.order(cls.customer(name="Otto", email=False), user_id=colleague.id)
        without_email.action_confirm()
        cls.orders = confirmed + without_email + cls.order(cls.customer(name="Draft"), user_id=colleague.id)
        cls.users = cls.salesman | new_test_user(cls.env, login="employee", groups="base.group_user")
        cls.users |= cls.portal_user(cls.customer(name="Somebody Else", email="else@example.com"))

    def get_users(self):
        return self.users

    def get_records(self, model):
        return self.orders if model == "sale.order" else super().get_records(model)

    def test_no_public_method_reveals_inaccessible_records(self):
        called = self.check_public_methods()
        self.assertLessEqual(
            {
                ("sale.order", "action_confirm"),
                ("sale.order", "action_create_portal_account"),
                ("sale.order", "action_merge_portal_contact"),
                ("sale.order", "action_resend_portal_invitation"),
                ("sale.order", "action_send_portal_join_mail"),
                ("sale.order", "action_separate_portal_join"),
                ("sale.order", "action_view_portal_join_user"),
                ("sale.order", "action_view_portal_user"),
            },
            called,
        )

    def test_a_method_that_reveals_records_is_detected(self):
        def action_tell(orders):
            return orders.sudo().mapped("name")

        action_tell.__module__ = "odoo.addons.sale_auto_portal_user.models.sale_order"
        patcher = patch.object(self.registry["sale.order"], "action_tell", action_tell, create=True)
        patcher.start()
        self.addCleanup(patcher.stop)
        self.assertIn(("sale.order", "action_tell"), self.find_public_methods())
        with self.assertRaisesRegex(AssertionError, "an answer about records"):
            self.check_public_method(self.orders.with_user(self.salesman), "action_tell", self.orders.ids)
