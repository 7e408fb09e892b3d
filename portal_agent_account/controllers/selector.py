from odoo.fields import Domain
from odoo.http import request, route

from . import params
from .base import PortalAgent


class PortalAgentSelector(PortalAgent):
    """The customer selector's search, which every page has."""

    @route(
        "/my/agent/selector",
        type="jsonrpc",
        auth="user",
        website=True,
        readonly=True,
        portal_agent=True,
    )
    def portal_agent_selector(self, term="", recent=(), **kwargs):
        """Search the agent's customers.

        :param str term: what was typed; with nothing typed the recent customers come first
        :param list recent: ids of customers that were selected before, the latest first
        :return: ``{"customers": [{"id", "name", "details", "is_recent"}], "has_more"}``
        :rtype: dict
        """
        term = params.get_text(term)
        recent_customers = self._get_portal_agent_recent_customers(recent) if not term else request.env["res.partner"]
        customers = recent_customers | self._search_portal_agent_customers(term)
        shown = customers[: self._portal_agent_selector_limit]
        return {
            "customers": [
                self._prepare_portal_agent_selector_customer(customer) | {"is_recent": customer in recent_customers}
                for customer in shown
            ],
            "has_more": len(customers) > len(shown),
        }

    def _get_portal_agent_recent_customers(self, recent):
        """Return those of some customers that are the agent's, in the same order.

        :param recent: what the browser remembers: ids, if nobody changed it
        """
        Partner = request.env["res.partner"]
        ids = params.get_ids(recent, self._portal_agent_selector_limit)
        if not ids:
            return Partner
        found = set(Partner.search(Partner._get_portal_agent_domain() & Domain("id", "in", ids)).ids)
        return Partner.browse(customer_id for customer_id in ids if customer_id in found)

    def _prepare_portal_agent_selector_customer(self, customer):
        """Return what the selector says of a customer.

        :rtype: dict
        """
        details = list(filter(None, (customer.ref, customer.city, customer.email)))
        return {"id": customer.id, "name": customer.display_name, "details": details}
