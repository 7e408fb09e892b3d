from functools import cached_property

from werkzeug.exceptions import NotFound

from .context import HOME
from .list_page import ListPage
from .listing import AgentList
from .selector import CUSTOMER_PLACEHOLDER
from .totals import Amount


class ProductList(AgentList):
    """The products that a customer buys. The rows are not records: all are read, then searched and sorted in Python.

    :raise NotFound: without a customer
    """

    name = "products"
    icon = "fa-cube"
    template = "portal_agent_account.portal_agent_products"
    model_name = "res.partner"

    def __init__(self, context, query=None, customer=None):
        super().__init__(context, query, customer)
        if not self.customer:
            raise NotFound()
        self.path = f"{HOME}/customers/{self.customer.id}/products"

    def get_title(self):
        return self.env._("Products")

    def sortings(self):
        return {
            "last": {"label": self.env._("Most recently bought"), "key": lambda row: -row.last_date.toordinal()},
            "product": {"label": self.env._("Name"), "key": lambda row: row.name.lower()},
            "quantity": {"label": self.env._("Highest quantity in 12 months"), "key": lambda row: -row.quantity},
            "fallen": {"label": self.env._("Largest decrease"), "key": lambda row: row.quantity - row.quantity_before},
            "risen": {"label": self.env._("Largest increase"), "key": lambda row: row.quantity_before - row.quantity},
        }

    def filters(self):
        return {
            "all": {"label": self.env._("All"), "test": lambda row: True},
            "current": {"label": self.env._("Last 12 months"), "test": lambda row: not row.is_stopped},
            "stopped": {"label": self.env._("No longer bought"), "test": lambda row: row.is_stopped},
        }

    def inputs(self):
        return {"all": {"label": self.env._("Everything")}}

    def columns(self):
        currencies = self.env["res.currency"]
        return [
            (self.env._("Product"), lambda row: row.name),
            (self.env._("Reference"), lambda row: row.reference),
            (self.env._("Last order"), lambda row: row.last_date),
            (self.env._("Quantity"), lambda row: row.last_quantity),
            (self.env._("Unit"), lambda row: row.last_unit),
            (self.env._("Unit price"), self._get_price),
            (self.env._("Currency"), lambda row: currencies.browse(row.currency_id).name),
            (self.env._("Last 12 months"), lambda row: row.quantity),
            (self.env._("12 months before"), lambda row: row.quantity_before),
            (self.env._("No longer bought"), lambda row: self.env._("Yes") if row.is_stopped else ""),
        ]

    def _get_price(self, row):
        """Return the last price, or ``None`` if the order hides it."""
        if row.last_price is None:
            return None
        return Amount(row.last_price, self.env["res.currency"].browse(row.currency_id))

    def get_page_values(self, records):
        currencies = self.env["res.currency"].browse({row.currency_id for row in records})
        return {"agent_currencies": currencies.grouped("id")}

    def fetch(self, records):
        """Do nothing: the rows are already read."""

    @cached_property
    def state(self):
        """Choices of the visitor. The customer is part of the path, not of the query string."""
        return self._read_state(self.query, 0)

    def get_export_url(self, extension):
        """Return the URL of the export, which has the customer in the query string, not in the path."""
        url = super().get_export_url(extension).replace(f"{self.path}/export", f"{HOME}/{self.name}/export")
        return f"{url}&customer={self.customer.id}"

    @cached_property
    def rows(self):
        """All rows of the list, across all pages."""
        term = self.state.search.lower()
        is_listed = self.options.filters[self.state.filterby]["test"]
        found = self.env["sale.order.line"]._get_portal_agent_products(self.customer)
        found = [row for row in found if is_listed(row) and term in f"{row.name}\n{row.reference}".lower()]
        return sorted(found, key=self.options.sortings[self.state.sortby]["key"])

    def search_page(self, limit, offset=0):
        return self.rows[offset : offset + limit], len(self.rows)

    def search_all(self):
        return self.rows

    def read_batches(self, records, size):
        yield records


class ProductListPage(ListPage):
    """The page of the products that a customer buys."""

    def __init__(self, context, agent_list):
        super().__init__(context, agent_list)
        self.name = "customers"
        self.customer = agent_list.customer

    def get_parents(self):
        customers = self.context.make("customers")
        return [
            (customers.get_title(), customers.path),
            (self.customer.display_name, self.context.get_record_url(self.customer)),
        ]

    def get_selector_url(self):
        return f"{HOME}/customers/{CUSTOMER_PLACEHOLDER}/products"
