from odoo.http import request, route

from odoo.addons.portal.controllers.portal import CustomerPortal

from .. import pages

# All pages of an agent are read-only, and are read under the agent's record rules.
AGENT_PAGE = {
    "type": "http",
    "auth": "user",
    "methods": ["GET"],
    "website": True,
    "readonly": True,
    "portal_agent": True,
    "sitemap": False,
}


class PortalAgent(CustomerPortal):
    """The routes of the agent's pages. The classes in ``pages`` prepare their content."""

    def _get_portal_agent_pages(self):
        """Return the classes behind the pages. Other addons can add or replace lists and pages.

        :return: classes by name; the name of a list is also part of its URL
        :rtype: dict[str, type]
        """
        return {
            "selector": pages.CustomerSelector,
            "list": pages.ListPage,
            "export": pages.ListExport,
            "dashboard": pages.DashboardPage,
            "customers": pages.CustomerList,
            "customer": pages.CustomerPage,
            "products": pages.ProductList,
            "product_page": pages.ProductListPage,
            "quotations": pages.QuotationList,
            "orders": pages.OrderList,
            "order": pages.OrderPage,
            "invoices": pages.InvoiceList,
            "invoice": pages.InvoicePage,
        }

    def _make_portal_agent_context(self, values):
        """Return the context for the page of this request.

        :param dict values: request parameters
        :rtype: PageContext
        :raise NotFound: if the selected customer doesn't exist or isn't the agent's
        """
        return pages.PageContext(request.env, values, self._get_portal_agent_pages())

    def _render_portal_agent_page(self, page):
        """Render a page.

        :param AgentPage page: page to render
        """
        return request.render(page.template, self._prepare_portal_layout_values() | page.get_values())

    def _render_portal_agent_list(self, name, values):
        """Render the page of a list.

        :param str name: name of the list
        :param dict values: request parameters
        """
        context = self._make_portal_agent_context(values)
        return self._render_portal_agent_page(context.make("list", context.make(name)))

    @route("/my/agent", **AGENT_PAGE)
    def portal_agent_dashboard(self, **values):
        """Show the figures of all customers or of the selected one, over a period."""
        return self._render_portal_agent_page(self._make_portal_agent_context(values).make("dashboard"))

    @route(["/my/agent/customers", "/my/agent/customers/page/<int:page>"], **AGENT_PAGE)
    def portal_agent_customers(self, **values):
        """List customers with the amounts due."""
        return self._render_portal_agent_list("customers", values)

    @route("/my/agent/customers/<int:customer_id>", **AGENT_PAGE)
    def portal_agent_customer(self, customer_id, **values):
        """Show a customer with contact details, orders and amounts due."""
        context = self._make_portal_agent_context(values)
        customer = context.find("res.partner", customer_id)
        return self._render_portal_agent_page(context.make("customer", customer))

    @route(
        [
            "/my/agent/customers/<int:customer_id>/products",
            "/my/agent/customers/<int:customer_id>/products/page/<int:page>",
        ],
        **AGENT_PAGE,
    )
    def portal_agent_products(self, customer_id, **values):
        """List the products that a customer buys."""
        context = self._make_portal_agent_context(values)
        customer = context.find("res.partner", customer_id)
        products = context.make("products", customer=customer)
        return self._render_portal_agent_page(context.make("product_page", products))

    @route(["/my/agent/quotations", "/my/agent/quotations/page/<int:page>"], **AGENT_PAGE)
    def portal_agent_quotations(self, **values):
        """List quotations."""
        return self._render_portal_agent_list("quotations", values)

    @route(["/my/agent/orders", "/my/agent/orders/page/<int:page>"], **AGENT_PAGE)
    def portal_agent_orders(self, **values):
        """List sales orders."""
        return self._render_portal_agent_list("orders", values)

    @route(["/my/agent/invoices", "/my/agent/invoices/page/<int:page>"], **AGENT_PAGE)
    def portal_agent_invoices(self, **values):
        """List invoices and credit notes."""
        return self._render_portal_agent_list("invoices", values)

    @route("/my/agent/selector", type="jsonrpc", auth="user", website=True, readonly=True, portal_agent=True)
    def portal_agent_selector(self, term="", recent=(), **kwargs):
        """Search the agent's customers.

        :param str term: search text; if empty, the recent customers come first
        :param list recent: ids of recently selected customers, latest first
        :return: ``{"customers": [{"id", "name", "details", "is_recent"}], "has_more"}``
        :rtype: dict
        """
        return self._make_portal_agent_context({}).make("selector").get_answer(term, recent)
