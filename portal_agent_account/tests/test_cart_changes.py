from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import SQL

from .common import PortalAgentCommon

# The columns of an index: its key, included columns, and columns in its expressions and condition.
INDEXED_COLUMNS = """
    SELECT DISTINCT attribute.attname FROM pg_index AS index
      JOIN pg_attribute AS attribute ON attribute.attrelid = index.indrelid
     WHERE index.indrelid = %s::regclass AND (
           attribute.attnum = ANY (index.indkey)
           OR EXISTS (
               SELECT FROM pg_depend AS depend
                WHERE depend.classid = 'pg_class'::regclass AND depend.objid = index.indexrelid
                  AND depend.refobjid = index.indrelid AND depend.refobjsubid = attribute.attnum))
"""


@tagged("post_install", "-at_install", "once")
class TestCartChanges(PortalAgentCommon):
    """Updating a cart costs the same with and without this addon.

    PostgreSQL updates a row without touching the indexes (HOT) unless an indexed column has changed.
    """

    def _read_row(self, record):
        self.env.flush_all()
        table = SQL.identifier(record._table)
        [[row]] = self.env.execute_query(SQL("SELECT to_jsonb(t) FROM %s AS t WHERE id = %s", table, record.id))
        return row

    def _get_changed_columns(self, record, change):
        before = self._read_row(record)
        change()
        after = self._read_row(record)
        return {name for name in after if after[name] != before[name]}

    def _get_indexed_columns(self, record):
        return {name for [name] in self.env.execute_query(SQL(INDEXED_COLUMNS, record._table))}

    def test_cart_changes_write_no_indexed_column(self):
        cart = self._new_order(self.buyer, "QUILL-CART", require_signature=False)
        line = cart.order_line
        for record in (cart, line):
            with self.subTest(model=record._name):
                changed = self._get_changed_columns(
                    record, lambda: line.write({"product_uom_qty": line.product_uom_qty + 1})
                )
                self.assertTrue({"amount_total", "price_total"} & changed, changed)
                self.assertFalse(changed & self._get_indexed_columns(record))

    def test_adding_a_product_writes_no_indexed_column_either(self):
        cart = self._new_order(self.buyer, "QUILL-CART")
        line = {"product_id": self.product.id, "product_uom_qty": 1}
        changed = self._get_changed_columns(cart, lambda: cart.write({"order_line": [Command.create(line)]}))
        self.assertIn("amount_total", changed)
        self.assertFalse(changed & self._get_indexed_columns(cart))
