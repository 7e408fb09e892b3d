import csv
import io

from dateutil.relativedelta import relativedelta
from lxml import html

from odoo import fields
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import PortalAgentPagesCommon


@tagged("post_install", "-at_install", "once")
class TestPortalProducts(PortalAgentPagesCommon):
    """The page of the products that a customer buys."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.grower = cls._new_customer("Quince Orchard", portal_agent_ids=[Command.link(cls.agent.id)])
        cls.branch = cls._new_customer("Quince Branch", parent_id=cls.grower.id, is_company=False)
        cls.seeds, cls.twine, cls.spade = cls.env["product.product"].create(
            [{"name": name, "type": "consu", "list_price": 10} for name in ("Quince Seeds", "Twine", "Spade")]
        )
        dozen = cls.env.ref("uom.product_uom_dozen")
        cls._buy(2, [(cls.seeds, 2, {"product_uom_id": dozen.id, "price_unit": 120, "discount": 10})])
        cls._buy(5, [(cls.seeds, 6, {}), (cls.twine, 1, {})], partner=cls.branch)
        cls._buy(14, [(cls.seeds, 10, {}), (cls.spade, 3, {})])
        cls._buy(30, [(cls.spade, 100, {})])
        cls._buy(1, [(cls.spade, 50, {})], confirm=False)
        cls._buy(1, [(cls.twine, 7, {})], partner=cls.other_customer)
        cls.url = f"/my/agent/customers/{cls.grower.id}/products"
        cls.env.flush_all()

    @classmethod
    def _buy(cls, months, lines, partner=None, confirm=True):
        commands = [
            Command.create(
                {"product_id": product.id, "product_uom_qty": quantity, "tax_ids": [Command.clear()], **values}
            )
            for product, quantity, values in lines
        ]
        order = cls._new_order(partner or cls.grower, "QUINCE", confirm=confirm, order_line=commands)
        order.date_order = fields.Datetime.now() - relativedelta(months=months)
        return order

    def _get_products(self, **query):
        page = html.fromstring(self._get(self.url, **query).text)
        rows = page.xpath("//table[contains(@class, 'o_portal_agent_table')]/tbody/tr")
        return [" ".join(row.text_content().replace("\xa0", " ").split()) for row in rows]

    def _read_products(self):
        with self.on_an_agents_page() as env:
            rows = env["sale.order.line"]._get_portal_agent_products(self.grower.with_env(env))
        return {row.name: row for row in rows}

    def test_quantities_of_both_years_are_in_the_products_own_unit(self):
        products = self._read_products()
        self.assertEqual(list(products), ["Quince Seeds", "Twine", "Spade"])
        figures = {name: (row.quantity, row.quantity_before, row.is_stopped) for name, row in products.items()}
        self.assertEqual(figures, {"Quince Seeds": (30, 10, False), "Twine": (1, 0, False), "Spade": (0, 3, True)})

    def test_last_order_is_shown_with_quantity_and_price_in_its_own_unit(self):
        seeds = self._read_products()["Quince Seeds"]
        self.assertEqual((seeds.last_quantity, seeds.last_unit, seeds.last_price), (2, "Dozens", 108))
        day = fields.Datetime.context_timestamp(self.agent, fields.Datetime.now() - relativedelta(months=2)).date()
        self.assertEqual(seeds.last_date, day)

    def test_sections_hidden_lines_and_unselected_options_are_not_listed(self):
        sections = {"display_type": "line_section", "name": "Parts", "collapse_composition": True}
        order = self._buy(1, [(self.seeds, 1, {"sequence": 1})])
        spare, option = self.env["product.product"].create([{"name": "Spare"}, {"name": "Option"}])
        order.order_line = [
            Command.create({"product_id": option.id, "product_uom_qty": 0, "sequence": 2}),
            Command.create(sections | {"sequence": 3}),
            Command.create({"product_id": spare.id, "product_uom_qty": 1, "sequence": 4}),
        ]
        self.env.flush_all()
        self.assertEqual(set(self._read_products()), {"Quince Seeds", "Twine", "Spade"})

    def test_returned_quantities_are_subtracted(self):
        self._buy(1, [(self.twine, -1, {})])
        twine = self._read_products()["Twine"]
        self.assertEqual((twine.quantity, twine.is_stopped, twine.last_quantity), (0, True, 1))

    def test_product_that_was_only_returned_is_not_listed(self):
        self._buy(1, [(self.env["product.product"].create({"name": "Rake"}), -1, {})])
        self.env.flush_all()
        self.assertEqual(set(self._read_products()), {"Quince Seeds", "Twine", "Spade"})

    def test_price_hidden_by_the_order_is_neither_shown_nor_exported(self):
        pump = self.env["product.product"].create({"name": "Pump", "default_code": "P-77"})
        section = {"display_type": "line_section", "name": "Parts", "collapse_prices": True, "sequence": 1}
        order = self._buy(1, [(pump, 1, {"price_unit": 4321, "sequence": 2})])
        order.order_line = [Command.create(section)]
        self.env.flush_all()
        [row] = self._get_products(search="p-77")
        self.assertTrue(row.startswith("Pump P-77"), row)
        for extension in ("csv", "xlsx"):
            response = self._get("/my/agent/products/export", customer=self.grower.id, format=extension)
            self.assertEqual(response.status_code, 200)
        file = self._get("/my/agent/products/export", customer=self.grower.id).content.decode("utf-8-sig")
        [pump_row] = [each for each in csv.DictReader(io.StringIO(file)) if each["Product"] == "Pump"]
        self.assertEqual((pump_row["Reference"], pump_row["Unit price"]), ("P-77", ""))
        self.assertNotIn("4,321", row)

    def test_reference_that_no_order_prints_can_not_be_guessed_by_searching(self):
        pump = self.env["product.product"].create({"name": "Cheap pump", "default_code": "XQ-77"})
        self._buy(1, [(pump, 1, {"name": "Garden pump"})])
        self.env.flush_all()
        self.assertEqual(len(self._get_products(search="garden pump")), 1)
        for secret in ("XQ-77", "Cheap pump"):
            for length in range(2, len(secret) + 1):
                self.assertFalse(self._get_products(search=secret[:length].lower()), secret[:length])
        file = self._get("/my/agent/products/export", customer=self.grower.id).content.decode("utf-8-sig")
        page = self._get(f"/my/agent/customers/{self.grower.id}").text
        for shown in (file, page):
            self.assertIn("Garden pump", shown)
            self.assertNotIn("XQ-77", shown)
            self.assertNotIn("Cheap pump", shown)

    def test_list_is_searched_filtered_and_sorted(self):
        self.assertEqual(len(self._get_products()), 3)
        for query, names in (
            ({"search": "quince"}, ["Quince Seeds"]),
            ({"filterby": "stopped"}, ["Spade"]),
            ({"filterby": "current"}, ["Quince Seeds", "Twine"]),
            ({"sortby": "product"}, ["Quince Seeds", "Spade", "Twine"]),
            ({"sortby": "fallen"}, ["Spade", "Twine", "Quince Seeds"]),
            ({"sortby": "risen"}, ["Quince Seeds", "Twine", "Spade"]),
            ({"search": "%"}, []),
        ):
            rows = self._get_products(**query)
            self.assertEqual(len(rows), len(names), query)
            for row, name in zip(rows, names, strict=True):
                self.assertTrue(row.startswith(name), (query, row))
        self.assertIn("No longer bought", self._get_products(filterby="stopped")[0])

    def test_list_is_exported_as_it_is_filtered(self):
        page = html.fromstring(self._get(self.url, filterby="stopped").text)
        [url] = page.xpath("//a[text()='CSV']/@href")
        content = self._get(url).content.decode("utf-8-sig")
        [row] = csv.DictReader(io.StringIO(content))
        self.assertEqual((row["Product"], row["12 months before"], row["No longer bought"]), ("Spade", "3.0", "Yes"))

    def test_page_of_the_customer_shows_some_products_and_links_to_all(self):
        page = html.fromstring(self._get(f"/my/agent/customers/{self.grower.id}").text)
        [card] = page.xpath("//section[@aria-labelledby='portal_agent_products']")
        self.assertEqual(card.xpath(".//a/@href"), [self.url])
        self.assertIn("Quince Seeds", card.text_content())

    @mute_logger("odoo.http")
    def test_customer_of_somebody_else_has_no_products(self):
        for customer in (self.other_customer, self.strange_customer, self.branch):
            self.assertEqual(self._get(f"/my/agent/customers/{customer.id}/products").status_code, 404)
            self.assertEqual(self._get("/my/agent/products/export", customer=customer.id).status_code, 404)
        self.assertEqual(self._get("/my/agent/products/export").status_code, 404)
        with self.on_an_agents_page() as env:
            self.assertFalse(env["sale.order.line"]._get_portal_agent_products(self.other_customer.with_env(env)))

    def test_query_count_does_not_grow_with_the_number_of_orders(self):
        def count_queries():
            for _time in range(2):
                self._get(self.url)
            before = self.env.cr.sql_log_count
            self._get(self.url)
            return self.env.cr.sql_log_count - before

        few = count_queries()
        for number in range(10):
            product = self.env["product.product"].create({"name": f"Quince {number}"})
            self._buy(number, [(product, 1, {}), (self.seeds, 1, {})])
        self.env.flush_all()
        self.assertEqual(count_queries(), few)
