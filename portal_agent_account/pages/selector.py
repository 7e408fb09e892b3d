from odoo.fields import Domain
from odoo.tools.sql import escape_psql

from . import params
from .context import get_url

CUSTOMER_PLACEHOLDER = "__customer__"


class CustomerSelector:
    """The customer selector, which every page has: its search, and where selecting leads to.

    :cvar int limit: how many customers it shows at most
    """

    limit = 20

    def __init__(self, context):
        self.context = context
        self.env = context.env
        self.model = context.env["res.partner"]

    # Where it leads to

    def get_url(self, path, args=None):
        """Return where selecting a customer leads to, with a placeholder in place of the id.

        :param str path: address of the page
        :param dict args: query string parameters that stay, beside the customer
        :rtype: str
        """
        return get_url(path, {"customer": CUSTOMER_PLACEHOLDER} | (args or {}))

    def get_clear_url(self, url):
        """Return where selecting no customer leads to: the same page without one, or above it.

        :param str url: where selecting a customer leads to
        :rtype: str
        """
        head, _placeholder, tail = url.partition(CUSTOMER_PLACEHOLDER)
        path = head.partition("?")[0].rstrip("/")
        return f"{path}?{tail.lstrip('&')}" if tail.startswith("&") else path

    def get_values(self, url):
        """Prepare the selector of a page.

        :param str url: where selecting a customer leads to, with a placeholder for the id
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
        """Return what its script says. No visitor loads translations of it but an agent.

        :rtype: dict[str, str]
        """
        return {
            "label": self.env._("Customers"),
            "searching": self.env._("Searching…"),
            "failed": self.env._("The search did not work. Try again."),
            "none": self.env._("No customer found."),
            "more": self.env._("There are more: type more of the name."),
            "found": self.env._("Customers found:"),
        }

    # Its search

    def get_answer(self, term, recent):
        """Search while somebody types.

        :param term: what was typed; with nothing typed the recent customers come first
        :param recent: ids of customers that were selected before, the latest first
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
        """Search the agent's customers: first those whose name begins with the term, then all others.

        :param str term: what was typed
        :return: ``res.partner``, one more than the selector shows where there are more
        """
        limit = self.limit + 1
        domain, order = self.model._get_portal_agent_domain(), "complete_name, id"
        if not term:
            return self.model.search(domain, order=order, limit=limit)
        pattern = escape_psql(term)
        first = self.model.search(domain & Domain("complete_name", "=ilike", pattern + "%"), order=order, limit=limit)
        if len(first) == limit:
            return first
        return (first | self.model.search(domain & self.get_domain(pattern), order=order, limit=limit))[:limit]

    def search_recent(self, recent):
        """Return those of some customers that are the agent's, in the same order.

        :param recent: what the browser remembers: ids, if nobody changed it
        """
        ids = params.get_ids(recent, self.limit)
        if not ids:
            return self.model
        found = set(self.model.search(self.model._get_portal_agent_domain() & Domain("id", "in", ids)).ids)
        return self.model.browse(customer_id for customer_id in ids if customer_id in found)

    def get_domain(self, pattern):
        """Return the condition that a customer is the one whom somebody looks for.

        :param str pattern: what was typed, escaped for ``ilike``
        :rtype: Domain
        """
        names = ("complete_name", "ref", "email", "phone", "city", "vat")
        return Domain.OR(Domain(name, "ilike", pattern) for name in names)

    def describe(self, customer):
        """Return what the selector says of a customer.

        :rtype: dict
        """
        details = list(filter(None, (customer.ref, customer.city, customer.email)))
        return {"id": customer.id, "name": customer.display_name, "details": details}
