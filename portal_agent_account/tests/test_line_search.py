from odoo.fields import Command
from odoo.tests import tagged

from .common import PortalAgentPagesCommon


@tagged("post_install", "-at_install", "once")
class TestLineSearch(PortalAgentPagesCommon):
    """Searching by "Product" and by "Everything" finds only what is printed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.secret_order = cls._new_order(cls.customer, "QUILL-LINES", order_line=cls._prepare_lines("order"))
        cls.secret_order.action_confirm()
        cls.secret_invoice = cls._new_invoice(
            cls.customer, "QUILL-LINES", invoice_line_ids=cls._prepare_lines("invoice"), post=True
        )
        cls.env.flush_all()

    @classmethod
    def _prepare_lines(cls, kind):
        """Prepare lines below all kinds of sections. The name of each line says whether the document shows it."""
        lines = [
            ("shown-first", None, {}),
            ("shown-section-a", "line_section", {"collapse_composition": True}),
            ("hidden-product", None, {}),
            ("hidden-note", "line_note", {}),
            ("hidden-sub", "line_subsection", {}),
            ("hidden-in-sub", None, {}),
            ("shown-section-b", "line_section", {}),
            ("shown-product", None, {}),
            ("shown-sub-c", "line_subsection", {"collapse_composition": True}),
            ("hidden-below-sub", None, {}),
            ("shown-sub-d", "line_subsection", {}),
            ("shown-below-sub", None, {}),
            ("shown-section-e", "line_section", {"collapse_prices": True}),
            ("shown-without-price", None, {}),
        ]
        priced = {"product_uom_qty": 1} if kind == "order" else {"quantity": 1, "tax_ids": [Command.clear()]}
        priced |= {"product_id": cls.product.id, "price_unit": 10}
        return [
            Command.create(
                {
                    "name": f"Qq {name}",
                    "sequence": 10,
                    "display_type": display_type or (kind == "invoice" and "product"),
                }
                | values
                | ({} if display_type else priced)
            )
            for name, display_type, values in lines
        ]

    def _get_names(self, document):
        lines = document.order_line if document._name == "sale.order" else document.invoice_line_ids
        return lines.mapped("name")

    def _find(self, url, **query):
        return self._get_references(url, **query)

    def test_line_is_found_only_if_the_document_shows_it(self):
        for url, document in (("/my/agent/orders", self.secret_order), ("/my/agent/invoices", self.secret_invoice)):
            for name in self._get_names(document):
                for search_in in ("product", "all"):
                    with self.subTest(url=url, name=name, search_in=search_in):
                        found = self._find(url, search=name, search_in=search_in)
                        self.assertEqual(found, [document.name] if "shown" in name else [])

    def test_hidden_text_is_not_found_by_parts_or_patterns(self):
        for term in ("hidden", "idde", "hid%", "hidden_product"):
            for url in ("/my/agent/orders", "/my/agent/invoices"):
                self.assertEqual(self._find(url, search=term, search_in="product"), [], term)

    def test_names_of_the_lines_match_what_the_page_shows(self):
        """The names of the lines match what the page shows."""
        for url, document in (("orders", self.secret_order), ("invoices", self.secret_invoice)):
            query = {"report_type": "html"} if url == "invoices" else {}
            page = self._get(f"/my/agent/{url}/{document.id}", **query).text
            for name in self._get_names(document):
                with self.subTest(url=url, name=name):
                    # An invoice prints the names of subsections in a section that hides its lines.
                    if url == "invoices" and name == "Qq hidden-sub":
                        continue
                    self.assertEqual(name in page, "shown" in name)

    def test_unpaid_down_payment_is_not_found(self):
        self.secret_order.order_line = [
            Command.create({"name": "Qq down payment", "is_downpayment": True, "product_uom_qty": 0, "price_unit": 5})
        ]
        self.env.flush_all()
        self.assertEqual(self._find("/my/agent/orders", search="Qq down payment", search_in="product"), [])
