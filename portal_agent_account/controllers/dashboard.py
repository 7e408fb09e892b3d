from odoo.http import request, route

from . import params
from .base import AGENT_PAGE, HOME, PortalAgent


class PortalAgentDashboard(PortalAgent):
    """The page that an agent starts from."""

    @route("/my/agent", **AGENT_PAGE)
    def portal_agent_dashboard(self, **values):
        """Show the figures of all customers or of the selected one, of the last months or of all time."""
        customer = self._get_portal_agent_customer(values)
        return request.render(
            "portal_agent_account.portal_agent_dashboard", self._prepare_portal_agent_dashboard_values(customer, values)
        )

    def _prepare_portal_agent_dashboard_values(self, customer, values):
        """Prepare the dashboard.

        :param customer: the selected customer, a ``res.partner`` of one record or none
        :param dict values: the parameters of the request
        :rtype: dict
        """
        Dashboard = request.env["portal.agent.dashboard"]
        periods = self._get_portal_agent_periods()
        default = next(iter(periods))
        chosen = params.get_choice(values.get("period"), periods, default)
        since = periods[chosen]["since"]
        args = {key: {} if key == default else {"period": key} for key in periods}
        summary = Dashboard._get_summary(customer, since)
        page_values = self._prepare_portal_agent_values(
            "dashboard",
            request.env._("Agent My Account"),
            values,
            customer,
            selector_url=self._get_portal_agent_selector_url(HOME, args[chosen]),
            is_empty=not summary["figures"]["customers"]["count"],
        )
        customer_args = page_values["agent_customer_args"]
        return page_values | {
            "agent_args": customer_args | args[chosen],
            "agent_periods": [
                {
                    "label": period["label"],
                    "url": self._get_portal_agent_pages(customer_args | args[key])["dashboard"]["url"],
                    "is_chosen": key == chosen,
                }
                for key, period in periods.items()
            ],
            "agent_since": since,
            "agent_figures": summary["figures"],
            "agent_currency": Dashboard._get_currency(),
            "agent_months": summary["months"],
            "agent_ages": summary["ages"],
            "agent_top_customers": summary["top_customers"],
            "agent_latest": summary["latest"],
            "agent_chart": Dashboard._get_chart,
        }

    def _get_portal_agent_periods(self):
        """Return the periods that the dashboard may be about, the default first.

        The default does not reach back for ever: the documents of all years grow more with every year.

        :return: ``{key: {"label", "since"}}``: the first day that counts, ``None`` for all days
        :rtype: dict
        """
        return {
            "months": {
                "label": request.env._("Last 12 months"),
                "since": request.env["portal.agent.dashboard"]._get_last_months_start(),
            },
            "all": {"label": request.env._("All time"), "since": None},
        }
