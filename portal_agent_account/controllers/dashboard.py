from urllib.parse import urlencode

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
        chosen = params.get_choice(values.get("period"), periods, next(iter(periods)))
        since = periods[chosen]["since"]
        summary = Dashboard._get_summary(customer, since)
        return self._prepare_portal_agent_values(
            "dashboard",
            request.env._("Agent My Account"),
            values,
            customer,
            selector_url=self._get_portal_agent_selector_url(HOME, self._get_portal_agent_period_args(chosen)),
            is_empty=not summary["figures"]["customers"]["count"],
        ) | {
            "agent_args": self._get_portal_agent_dashboard_args(customer, chosen),
            "agent_periods": [
                {
                    "label": period["label"],
                    "url": self._get_portal_agent_dashboard_url(customer, key),
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

    def _get_portal_agent_period_args(self, period):
        """Return the query string's parameters that choose a period.

        :param str period: key of ``_get_portal_agent_periods``
        :rtype: dict
        """
        return {} if period == next(iter(self._get_portal_agent_periods())) else {"period": period}

    def _get_portal_agent_dashboard_args(self, customer, period):
        """Return the query string's parameters that lead to the dashboard as it is seen.

        :param customer: the selected customer, a ``res.partner`` of one record or none
        :param str period: key of ``_get_portal_agent_periods``
        :rtype: dict
        """
        return ({"customer": customer.id} if customer else {}) | self._get_portal_agent_period_args(period)

    def _get_portal_agent_dashboard_url(self, customer, period):
        """Return the address of the dashboard of a customer and a period.

        :rtype: str
        """
        args = self._get_portal_agent_dashboard_args(customer, period)
        return f"{HOME}?{urlencode(args)}" if args else HOME
