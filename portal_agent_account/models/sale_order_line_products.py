"""The products a customer buys, with the last order and the quantities of this year and the previous one."""

from datetime import date, time
from typing import NamedTuple

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from .line_search import get_section_domain

YEAR = relativedelta(months=12)


class ProductFigures(NamedTuple):
    """The purchases of a product by a customer, as plain values.

    The quantities of the two years are in the product's own unit and exclude what was returned. The last quantity, unit
    and price are those of the order. The price is ``None`` if the order hides it. Name and reference are printed on the
    last order.
    """

    product_id: int
    name: str
    reference: str
    unit: str
    order_id: int
    last_date: date
    last_quantity: float
    last_unit: str
    last_price: float | None
    currency_id: int
    quantity: float
    quantity_before: float
    is_stopped: bool


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    @api.model
    def _get_portal_agent_product_domain(self):
        """Return the condition for lines with purchased products.

        It excludes optional products, sections, notes, down payments, delivery costs and rewards.

        :rtype: Domain
        """
        bought = (
            Domain("state", "=", "sale")
            & Domain("display_type", "=", False)
            & Domain("product_id", "!=", False)
            & Domain("product_uom_qty", "!=", 0)
        )
        for name in ("is_downpayment", "is_delivery", "is_reward_line"):
            if name in self._fields and self._fields[name].store:
                bought &= self._get_portal_agent_unflagged_domain(name)
        return bought

    @api.model
    def _get_portal_agent_unflagged_domain(self, name):
        """Return the condition for lines without a flag. It is written in SQL because agents may not read the flag.

        :param str name: name of a stored boolean field
        :rtype: Domain
        """
        return Domain.custom(
            to_sql=lambda model, alias, query: SQL(
                "%s IS NOT TRUE", SQL.identifier(alias, name, to_flush=model._fields[name])
            )
        )

    @api.model
    def _get_portal_agent_products(self, customer):
        """Return what a customer has bought from the current company in confirmed orders.

        The number of queries doesn't depend on the number of lines.

        :param customer: single ``res.partner``, a commercial entity
        :return: products, latest order first
        :rtype: list[ProductFigures]
        """
        domain = self._get_portal_agent_customer_domain(customer) & Domain("company_id", "=", self.env.company.id)
        domain &= self._get_portal_agent_product_domain()
        rows = self._select_portal_agent_products(domain & self._get_portal_agent_shown_domain(customer))
        products = self._make_portal_agent_products(rows)
        return sorted(products, key=lambda product: (product.last_date, product.order_id, product.name), reverse=True)

    @api.model
    def _get_portal_agent_shown_domain(self, customer):
        """Return the condition for a customer's lines that are neither optional nor hidden with their section.

        The position of a line is only checked in orders with such a section, because most orders have none.

        :param customer: single ``res.partner``
        :rtype: Domain
        """
        flags = [name for name in ("collapse_composition", "is_optional") if name in self._fields]
        sections = Domain("display_type", "in", ("line_section", "line_subsection"))
        sections &= self._get_portal_agent_customer_domain(customer)
        shown = Domain.TRUE
        for flag in flags:
            orders_sudo = self.sudo().search_fetch(sections & Domain(flag, "=", True), ["order_id"]).order_id
            if orders_sudo:
                shown &= Domain("order_id", "not in", orders_sudo.ids) | ~get_section_domain("order_id", flag)
        return shown

    @api.model
    def _select_portal_agent_products(self, domain):
        """Return the quantities by product and unit, with the last line of each.

        :param Domain domain: condition on the lines
        :return: rows of product, unit, last line, its time, quantity of the last twelve months and of the twelve months
            before. The last line is empty if everything was returned.
        :rtype: list[tuple]
        """
        query = self._search(domain)
        if query.is_empty():
            return []
        Order = self.env["sale.order"]
        order = query.join(self._table, "order_id", Order._table, "id", "product_order")
        day = Order._field_to_sql(order, "date_order", query)
        product, unit, quantity = (
            self._field_to_sql(self._table, name, query) for name in ("product_id", "product_uom_id", "product_uom_qty")
        )
        line = SQL.identifier(self._table, "id")
        start, before = self._get_portal_agent_years()
        query.groupby = SQL("%s, %s", product, unit)
        return self.env.execute_query(
            query.select(
                product,
                unit,
                SQL("(array_agg(%s ORDER BY %s DESC, %s DESC) FILTER (WHERE %s > 0))[1]", line, day, line, quantity),
                SQL("MAX(%s) FILTER (WHERE %s > 0)", day, quantity),
                SQL("COALESCE(SUM(%s) FILTER (WHERE %s >= %s), 0)", quantity, day, start),
                SQL("COALESCE(SUM(%s) FILTER (WHERE %s >= %s AND %s < %s), 0)", quantity, day, before, day, start),
            )
        )

    @api.model
    def _get_portal_agent_years(self):
        """Return the start of the last twelve months and of the twelve months before.

        :return: datetimes in UTC
        :rtype: tuple[datetime, datetime]
        """
        today = fields.Date.context_today(self)
        return tuple(self._get_portal_agent_moment(day, time.min) for day in (today - YEAR, today - YEAR - YEAR))

    @api.model
    def _make_portal_agent_products(self, rows):
        """Merge the rows of a product with different units.

        Units and internal references are read with sudo.

        :param list rows: rows from :meth:`_select_portal_agent_products`
        :return: figures of each product
        :rtype: list[ProductFigures]
        """
        lines = self.browse(row[2] for row in rows if row[2])
        lines._fetch_for_portal_agent()
        # Hide from the agent what the order hides from the customer.
        without_price = set(lines._filter_portal_agent_collapsed_prices().ids)
        Product_sudo = self.env["product.product"].sudo()
        products_sudo = Product_sudo.browse({row[0] for row in rows}).grouped("id")
        units_sudo = self.env["uom.uom"].sudo().browse({row[1] for row in rows}).grouped("id")
        quantities, last_lines = {}, {}
        for product_id, unit_id, line_id, moment, *years in rows:
            own_sudo = products_sudo[product_id].uom_id
            converted = [units_sudo[unit_id]._compute_quantity(each, own_sudo, round=False) for each in years]
            known = quantities.setdefault(product_id, [0.0, 0.0])
            quantities[product_id] = [one + other for one, other in zip(known, converted, strict=True)]
            if line_id:
                last_lines[product_id] = max(last_lines.get(product_id, ()), (moment, line_id))
        return [
            self._make_portal_agent_product(
                products_sudo[key],
                lines.browse(line_id).with_prefetch(lines.ids),
                moment,
                quantities[key],
                without_price,
            )
            for key, (moment, line_id) in last_lines.items()
        ]

    def _filter_portal_agent_collapsed_prices(self):
        """Filter the lines below a section whose prices the order hides."""
        collapsed = self.sudo().search(
            Domain("order_id", "in", self.order_id.ids) & Domain("collapse_prices", "=", True), limit=1
        )
        if not collapsed:
            return self.browse()
        return self.search(Domain("id", "in", self.ids) & get_section_domain("order_id", "collapse_prices"))

    @api.model
    def _make_portal_agent_product(self, product_sudo, line, moment, quantities, without_price):
        """Return the figures of a product.

        :param product_sudo: ``product.product`` with sudo
        :param line: last ``sale.order.line`` of the product
        :param datetime moment: time of its order
        :param list quantities: quantities of the last twelve months and of the twelve months before, in the product's
            unit
        :param set without_price: ids of lines whose price is hidden
        :rtype: ProductFigures
        """
        this_year, year_before = quantities
        reference, name = line._get_portal_agent_printed_product(product_sudo)
        return ProductFigures(
            product_id=product_sudo.id,
            name=name,
            reference=reference,
            unit=product_sudo.uom_id.name,
            order_id=line.order_id.id,
            last_date=fields.Datetime.context_timestamp(line, moment).date(),
            last_quantity=line.product_uom_qty,
            last_unit=line.product_uom_id.sudo().name,
            last_price=None if line.id in without_price else line.price_unit * (1 - line.discount / 100),
            currency_id=line.currency_id.id,
            quantity=this_year,
            quantity_before=year_before,
            is_stopped=this_year <= 0,
        )

    def _get_portal_agent_printed_product(self, product_sudo):
        """Return the product's reference and name from the first line of the printed text.

        The product's internal name and reference are only shown if they are printed: the text of the line may have been
        edited.

        :param product_sudo: ``product.product`` with sudo
        :return: reference, empty if the order prints none, and name
        :rtype: tuple[str, str]
        """
        self.ensure_one()
        text = next((text for line in (self.name or "").splitlines() if (text := line.strip())), "")
        prefix = f"[{product_sudo.default_code}] "
        if product_sudo.default_code and text.startswith(prefix):
            return product_sudo.default_code, text.removeprefix(prefix).strip()
        return "", text
