from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import HttpCase, TransactionCase, new_test_user


class PortalAccountCommon(TransactionCase):
    """A shop with a product, and shorthands for what the tests say over and over."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env["base"].with_context(tracking_disable=True).env
        cls.company = cls.env.company
        cls.website = cls.env["website"].search([("company_id", "=", cls.company.id)], limit=1)
        cls.product = cls.env["product.product"].create(
            {
                "name": "Chair",
                "list_price": 100.0,
                "type": "service",
                "taxes_id": [Command.clear()],
            }
        )
        cls.salesman = new_test_user(
            cls.env,
            login="sally",
            email="sally@example.com",
            groups="sales_team.group_sale_salesman",
        )

    @classmethod
    def customer(cls, name="Nora", email="nora@example.com", **values):
        return cls.env["res.partner"].create({"name": name, "email": email, **values})

    @classmethod
    def order(cls, partner, **values):
        return cls.env["sale.order"].create(cls._prepare_order(partner, **values))

    @classmethod
    def _prepare_order(cls, partner, **values):
        return {
            "partner_id": partner.id,
            "order_line": [Command.create({"product_id": cls.product.id})],
            **values,
        }

    @classmethod
    def portal_user(cls, partner, login=None, **values):
        users = cls.env["res.users"].with_context(no_reset_password=True)
        return users.create(cls._prepare_portal_user(partner, login, **values))

    @classmethod
    def _prepare_portal_user(cls, partner, login=None, **values):
        return {
            "partner_id": partner.id,
            "login": login or partner.email,
            "group_ids": [Command.set(cls.env.ref("base.group_portal").ids)],
            **values,
        }

    def users_of(self, partner):
        return self.env["res.users"].with_context(active_test=False).search([("partner_id", "in", partner.ids)])

    def users_with_login(self, login):
        return self.env["res.users"].with_context(active_test=False).search([("login", "=ilike", login)])

    def log_in(self, user):
        """What a first login leaves behind."""
        self.env["res.users.log"].with_user(user).sudo().create({})
        self.env.invalidate_all()

    def notes_of(self, order):
        """The texts in the order's chatter, the latest first."""
        return order.message_ids.mapped("preview")

    def assert_account(self, order):
        """The order's contact got its account from this order."""
        user = self.users_of(order.partner_id)
        self.assertEqual(len(user), 1)
        self.assertTrue(user._is_portal())
        self.assertEqual(user.auto_portal_order_id, order)
        self.assertTrue(order.is_user_created)
        self.assertFalse(order.portal_account_issue)
        return user

    def assert_no_account(self, order, issue):
        """The order is confirmed, its contact has no account, and the order says why."""
        self.assertEqual(order.state, "sale")
        self.assertFalse(self.users_of(order.partner_id))
        self.assertFalse(order.is_user_created)
        self.assertEqual(order.portal_account_issue, issue)


class PortalAccountHttpCommon(PortalAccountCommon, HttpCase):
    """Pages over real HTTP, by tests that change no view.

    Odoo's tests forget the compiled templates after each test; to compile the website's layout takes
    ten times as long as to serve a page, so these keep them.
    """

    def setUp(self):
        with patch.object(self.registry, "clear_all_caches", self._clear_caches_of_records):
            super().setUp()

    def _clear_caches_of_records(self):
        self.registry.clear_cache("stable")  # and "default" with it
