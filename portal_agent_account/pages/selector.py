from odoo.fields import Domain
from odoo.tools.sql import escape_psql

from . import params
from .context import get_url

CUSTOMER_PLACEHOLDER = "__customer__"


class CustomerSelector:
    """The customer selector of all pages, with its search and its links.

    :cvar int limit: maximum number of customers to show
    """

    limit = 20

    def __init__(self, context):
        self.context = context
        self.env = context.env
        self.model = context.env["res.partner"]

    # Links

    def get_url(self, path, args=None):
        """Return the URL for selecting a customer, with a placeholder for the id.

        :param str path: URL of the page
        :param dict args: other query string parameters to keep
        :rtype: str
        """
        return get_url(path, {"customer": CUSTOMER_PLACEHOLDER} | (args or {}))

    def get_clear_url(self, url):
        """Return the URL for clearing the selection: the same page without a customer, or its parent.

        :param str url: URL for selecting a customer
        :rtype: str
        """
        head, _placeholder, tail = url.partition(CUSTOMER_PLACEHOLDER)
        path = head.partition("?")[0].rstrip("/")
        return f"{path}?{tail.lstrip('&')}" if tail.startswith("&") else path

    def get_values(self, url):
        """Prepare the selector of a page.

        :param str url: URL for selecting a customer, with a placeholder for the id
        :return: values of its template
        :rtype: dict
        """
        term = params.get_text(self.context.params.get("customer_search"))
        found = self.search(term) if term else None
        return {
            "agent_selector_url": url,
            "agent_selector_clear_url": self.get_clear_url(url),
            "agent_selector_placeholder": CUSTOMER_PLACEHOLDER,
            "agent_selector_texts": self.get_texts(),
            "agent_selector_search": term,
            "agent_selector_customers": found and found[: self.limit],
            "agent_selector_has_more": len(found or ()) > self.limit,
        }

    def get_texts(self):
        """Return the texts for the script. Passing them here avoids loading translations for all visitors.

        :rtype: dict[str, str]
        """
        return {
            "label": self.env._("Customers"),
            "searching": self.env._("Searching…"),
            "failed": self.env._("The search failed. Try again."),
            "none": self.env._("No customer found."),
            "more": self.env._("There are more results: type more of the name."),
            "found": self.env._("Customers found:"),
        }

    # Search

    def get_answer(self, term, recent):
        """Return the customers for the selector while the user types.

        :param term: search text; if empty, the recent customers come first
        :param recent: ids of recently selected customers, latest first
        :return: ``{"customers": [{"id", "name", "details", "is_recent"}], "has_more"}``
        :rtype: dict
        """
        term = params.get_text(term)
        recent_customers = self.model if term else self.search_recent(recent)
        customers = recent_customers | self.search(term)
        shown = customers[: self.limit]
        return {
            "customers": [self.describe(each) | {"is_recent": each in recent_customers} for each in shown],
            "has_more": len(customers) > len(shown),
        }

    def search(self, term):
        """Search the agent's customers. Those whose name starts with the search text come first.

        :param str term: search text
        :return: ``res.partner``, up to one more than the selector shows, to detect further ones
        """
        limit = self.limit + 1
        domain, order = self.model._get_portal_agent_domain(), "complete_name, id"
        if not term:
            return self.model.search_fetch(domain, order=order, limit=limit)
        pattern = escape_psql(term)
        is_first = Domain("complete_name", "=ilike", pattern + "%")
        first = self.model.search_fetch(domain & is_first, order=order, limit=limit)
        if len(first) == limit:
            return first
        return (first | self.model.search_fetch(domain & self.get_domain(pattern), order=order, limit=limit))[:limit]

    def search_recent(self, recent):
        """Return the recently selected customers that are the agent's, in the same order.

        :param recent: ids sent by the browser, which may be forged
        """
        ids = params.get_ids(recent, self.limit)
        if not ids:
            return self.model
        found = set(self.model.search(self.model._get_portal_agent_domain() & Domain("id", "in", ids)).ids)
        return self.model.browse(customer_id for customer_id in ids if customer_id in found)

    def get_domain(self, pattern):
        """Return the condition for customers that match the search text.

        :param str pattern: search text, escaped for ``ilike``
        :rtype: Domain
        """
        names = ("complete_name", "ref", "email", "phone", "city", "vat")
        return Domain.OR(Domain(name, "ilike", pattern) for name in names)

    def describe(self, customer):
        """Return the values of a customer in the selector.

        :rtype: dict
        """
        details = list(filter(None, (customer.ref, customer.city, customer.email)))
        return {"id": customer.id, "name": customer._get_portal_agent_name(), "details": details}
