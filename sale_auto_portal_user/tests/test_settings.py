from odoo.tests import Form, tagged

from .common import PortalAccountCommon


@tagged("post_install", "-at_install", "once")
class TestSettings(PortalAccountCommon):
    def test_it_is_on_for_all_orders_after_the_installation(self):
        company = self.env["res.company"].create({"name": "New Company"})
        for each in (self.company, company):
            self.assertTrue(each.auto_portal_user)
            self.assertEqual(each.auto_portal_user_scope, "all")

    def test_switched_off_nothing_happens(self):
        self.company.auto_portal_user = False
        order = self.order(self.customer())
        order.action_confirm()
        self.assertFalse(self.users_of(order.partner_id))
        self.assertFalse(order.portal_account_issue)

    def test_limited_to_web_orders_a_salespersons_order_is_left_alone(self):
        self.company.auto_portal_user_scope = "website"
        by_hand = self.order(self.customer())
        from_shop = self.order(self.customer(name="Otto", email="otto@example.com"), website_id=self.website.id)
        (by_hand + from_shop).action_confirm()
        self.assertFalse(self.users_of(by_hand.partner_id))
        self.assertFalse(by_hand.portal_account_issue)
        self.assert_account(from_shop)

    def test_each_company_has_its_own_switch(self):
        other = self.env["res.company"].create({"name": "Other Company", "auto_portal_user": False})
        self.env.user.company_ids += other
        here = self.order(self.customer())
        there = self.order(self.customer(name="Otto", email="otto@example.com"), company_id=other.id)
        (here + there).action_confirm()
        self.assert_account(here)
        self.assertFalse(self.users_of(there.partner_id))

    def test_the_settings_page_writes_them(self):
        template = self.env["mail.template"].create(
            {
                "name": "Mine",
                "model_id": self.env["ir.model"]._get_id("res.users"),
            }
        )
        with Form(self.env["res.config.settings"]) as form:
            form.auto_portal_user_scope = "website"
            form.auto_portal_user_template_id = template
        form.record.execute()
        self.assertEqual(self.company.auto_portal_user_scope, "website")
        self.assertEqual(self.company._get_auto_portal_user_template(), template)

    def test_a_deleted_template_gives_way_to_the_standard_one(self):
        standard = self.env.ref("sale_auto_portal_user.mail_template_portal_invitation")
        template = self.env["mail.template"].create(
            {
                "name": "Mine",
                "model_id": self.env["ir.model"]._get_id("res.users"),
            }
        )
        self.company.auto_portal_user_template_id = template
        template.unlink()
        self.assertEqual(self.company._get_auto_portal_user_template(), standard)
