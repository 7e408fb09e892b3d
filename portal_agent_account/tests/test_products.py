from dateutil.relativedelta import relativedelta

from odoo import fields
from odoo.fields import Command
from odoo.tests import tagged

from .common import PortalAgentCommon


class ProductsCommon(PortalAgentCommon):
    """A customer who buys feathers and ink."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.today = fields.Date.context_today(cls.agent)
        cls.order.state = "cancel"
        cls.feather, cls.ink = cls.env["product.product"].create(
            [
                {"name": "Feather", "default_code": "F-1", "type": "consu", "list_price": 10, "taxes_id": False},
                {"name": "Ink", "type": "consu", "list_price": 5, "taxes_id": False},
            ]
        )
        cls.dozen = cls.env.ref("uom.product_uom_dozen")

    @classmethod
    def _buy(cls, days, *lines, partner=None, state="sale", **values):
        """Create an order of some days ago.

        :param lines: product and values of each line
        """
        commands = [Command.create({"product_id": product.id} | line) for product, line in lines]
        order = cls._new_order(partner or cls.buyer, "QUILL", state=state, order_line=commands, **values)
        order.date_order = fields.Datetime.now() - relativedelta(days=days)
        return order

    def _get_products(self, customer=None, user=None):
        self.env.flush_all()
        with self.on_an_agents_page(user) as env:
            customer = env["res.partner"].browse((customer or self.customer).id)
            return env["sale.order.line"]._get_portal_agent_products(customer)

    def _section(self, sequence, **values):
        return Command.create({"name": "Section", "display_type": "line_section", "sequence": sequence} | values)

    def _line(self, product, sequence, **values):
        return Command.create({"product_id": product.id, "sequence": sequence} | values)

    def _buy_in_sections(self, *lines):
        order = self._new_order(self.buyer, "QUILL", state="sale", order_line=list(lines))
        order.date_order = fields.Datetime.now() - relativedelta(days=3)


@tagged("post_install", "-at_install", "once")
class TestProducts(ProductsCommon):
    """The figures of the products that a customer buys."""

    def test_product_shows_the_last_order_and_the_quantities_of_two_years(self):
        self._buy(500, (self.feather, {"product_uom_qty": 7, "price_unit": 9}))
        self._buy(100, (self.feather, {"product_uom_qty": 2, "price_unit": 8}), partner=self.warehouse)
        last = self._buy(20, (self.feather, {"product_uom_qty": 3, "price_unit": 10, "discount": 20}))
        [product] = self._get_products()
        self.assertEqual((product.name, product.reference, product.order_id), ("Feather", "F-1", last.id))
        day = fields.Datetime.context_timestamp(self.agent, last.date_order).date()
        self.assertEqual((product.last_date, product.last_quantity, product.last_price), (day, 3, 8))
        self.assertEqual((product.quantity, product.quantity_before, product.is_stopped), (5, 7, False))

    def test_product_has_the_name_printed_on_the_last_order(self):
        for text, reference, name in (
            ("[F-1] Feather\nfor writing", "F-1", "Feather"),
            ("\n  Quill pen \nsoft", "", "Quill pen"),
            ("Feather F-1", "", "Feather F-1"),
            ("[SUMMER] Feather", "", "[SUMMER] Feather"),
            ("[F-10] Feather", "", "[F-10] Feather"),
        ):
            self._buy(1, (self.feather, {"name": text}))
            [product] = self._get_products()
            self.assertEqual((product.reference, product.name), (reference, name), text)

    def test_internal_name_that_the_order_does_not_print_is_not_shown(self):
        self._buy(1, (self.feather, {"name": "Quill pen"}))
        self.feather.write({"name": "Goose, cheap supplier", "default_code": "SECRET-7"})
        [product] = self._get_products()
        self.assertEqual((product.reference, product.name), ("", "Quill pen"))

    def test_product_that_is_no_longer_bought_is_marked(self):
        self._buy(800, (self.ink, {"product_uom_qty": 1}))
        self._buy(400, (self.feather, {"product_uom_qty": 7}))
        feather, ink = self._get_products()
        self.assertEqual((feather.name, feather.quantity_before, feather.is_stopped), ("Feather", 7, True))
        self.assertEqual((ink.name, ink.quantity_before, ink.is_stopped), ("Ink", 0, True))

    def test_quantities_in_different_units_are_converted(self):
        self._buy(30, (self.feather, {"product_uom_qty": 2, "product_uom_id": self.dozen.id}))
        self._buy(20, (self.feather, {"product_uom_qty": 5}))
        [product] = self._get_products()
        self.assertEqual((product.quantity, product.unit), (29, self.feather.uom_id.name))
        self.assertEqual((product.last_quantity, product.last_unit), (5, self.feather.uom_id.name))

    def test_quotations_and_cancelled_orders_are_not_counted(self):
        for state in ("draft", "sent", "cancel"):
            self._buy(1, (self.feather, {}), state=state)
        self.assertFalse(self._get_products())

    def test_hidden_lines_and_sections_are_not_listed(self):
        self._buy_in_sections(
            self._line(self.feather, 1),
            self._section(2, collapse_composition=True),
            self._line(self.ink, 3),
        )
        self.assertEqual([product.name for product in self._get_products()], ["Feather"])

    def test_price_that_the_order_does_not_show_is_not_shown(self):
        self._buy_in_sections(
            self._line(self.feather, 1), self._section(2, collapse_prices=True), self._line(self.ink, 3)
        )
        prices = {product.name: product.last_price for product in self._get_products()}
        self.assertEqual(prices, {"Feather": 10, "Ink": None})

    def test_down_payment_is_not_listed(self):
        order = self._buy(3, (self.feather, {}))
        order.order_line.is_downpayment = True
        self.assertFalse(self._get_products())

    def test_products_of_another_agents_customer_are_not_listed(self):
        self._buy(3, (self.feather, {}), partner=self.other_customer)
        self.assertFalse(self._get_products(self.other_customer))
        self.assertTrue(self._get_products(self.other_customer, self.other_agent))

    def test_query_count_does_not_grow_with_the_number_of_orders(self):
        def count():
            self.env.flush_all()
            with self.on_an_agents_page() as env:
                before = env.cr.sql_log_count
                env["sale.order.line"]._get_portal_agent_products(env["res.partner"].browse(self.customer.id))
                return env.cr.sql_log_count - before

        self._buy(3, (self.feather, {}), (self.ink, {}))
        count()
        few = count()
        products = self.env["product.product"].create([{"name": f"Quill {n}", "type": "consu"} for n in range(10)])
        for number, product in enumerate(products):
            self._buy(number, (product, {}), (self.ink, {}))
        count()
        self.assertEqual(count(), few)


@tagged("post_install", "-at_install", "-standard", "portal_agent_optional_addons")
class TestOptionalProducts(ProductsCommon):
    """Optional products. Requires ``sale_management``."""

    def test_optional_products_are_not_listed(self):
        self._buy_in_sections(
            self._line(self.feather, 1), self._section(2, is_optional=True), self._line(self.ink, 3, product_uom_qty=1)
        )
        self.assertEqual([product.name for product in self._get_products()], ["Feather"])
