from lxml import etree

from odoo.tests import Form, tagged

from .common import PortalAccountCommon

FREE_SETTINGS = {
    # (setting, website's sign-up): whether a free order leads to an account
    ("signup", "b2c"): True,
    ("signup", "b2b"): False,
    ("always", "b2c"): True,
    ("always", "b2b"): True,
    ("never", "b2c"): False,
    ("never", "b2b"): False,
}


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

    def free_order(self, email, **values):
        order = self.order(self.customer(email=email), **values)
        order.order_line.discount = 100
        return order

    def test_a_web_order_that_costs_nothing_follows_the_setting_and_the_shops_sign_up(self):
        self.assertEqual(self.company.auto_portal_user_free_orders, "signup", "the default")
        for (setting, sign_up), expected in FREE_SETTINGS.items():
            with self.subTest(setting=setting, sign_up=sign_up):
                self.company.auto_portal_user_free_orders = setting
                self.website.auth_signup_uninvited = sign_up
                order = self.free_order(f"{setting}.{sign_up}@example.com", website_id=self.website.id)
                order._validate_order()
                self.assertEqual(order.state, "sale")
                self.assertEqual(order.is_user_created, expected)
                self.assertFalse(order.portal_account_issue)

    def test_an_order_that_is_paid_or_written_by_staff_leads_to_an_account_where_sign_up_is_closed(self):
        self.website.auth_signup_uninvited = "b2b"
        paid = self.order(self.customer(), website_id=self.website.id)
        gift = self.free_order("gift@example.com")
        (paid + gift).action_confirm()
        self.assert_account(paid)
        self.assert_account(gift)

    def test_staff_create_the_account_of_a_free_order_by_hand(self):
        self.company.auto_portal_user_free_orders = "never"
        order = self.free_order("nora@example.com", website_id=self.website.id)
        order.action_confirm()
        self.assertFalse(order.is_user_created)
        order.action_create_portal_account()
        self.assert_account(order)

    def test_an_account_that_was_asked_for_by_hand_and_had_to_wait_is_created(self):
        self.company.auto_portal_user_scope = "website"
        order = self.order(self.customer())
        order.action_confirm()
        with self.being_worked_on("nora@example.com"):
            order.action_create_portal_account()
        self.assert_no_account(order, "pending")
        self.env["sale.order"]._cron_create_pending_portal_accounts()
        self.assert_account(order)

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
                "model_id": self.env["ir.model"]._get_id("sale.portal.invitation"),
            }
        )
        with Form(self.env["res.config.settings"]) as form:
            form.auto_portal_user_scope = "website"
            form.auto_portal_user_free_orders = "never"
            form.auto_portal_user_template_id = template
        form.record.execute()
        self.assertEqual(self.company.auto_portal_user_scope, "website")
        self.assertEqual(self.company.auto_portal_user_free_orders, "never")
        self.assertEqual(self.company._get_auto_portal_user_template(), template)

    def test_sales_and_website_have_the_same_settings(self):
        def settings_of(block):
            view = self.env["res.config.settings"].get_view(
                self.env.ref("base_setup.res_config_settings_view_form").id, "form"
            )
            fields = etree.fromstring(view["arch"]).xpath(f"//setting[@id='{block}']//field/@name")
            return sorted(set(fields) & set(self.env["res.company"]._fields))

        sales, website = settings_of("auto_portal_user_sale_setting"), settings_of("auto_portal_user_website_setting")
        self.assertEqual(sales, website)
        self.assertEqual(
            sales, sorted(name for name in self.env["res.company"]._fields if name.startswith("auto_portal_user"))
        )

    def test_a_deleted_template_is_replaced_by_the_standard_one(self):
        standard = self.env.ref("sale_auto_portal_user.mail_template_portal_invitation")
        template = self.env["mail.template"].create(
            {
                "name": "Mine",
                "model_id": self.env["ir.model"]._get_id("sale.portal.invitation"),
            }
        )
        self.company.auto_portal_user_template_id = template
        template.unlink()
        self.assertEqual(self.company._get_auto_portal_user_template(), standard)
