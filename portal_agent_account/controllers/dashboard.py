from odoo.http import request, route

from .base import AGENT_PAGE, PortalAgent


class PortalAgentDashboard(PortalAgent):
    """The page that an agent starts from."""

    @route("/my/agent", **AGENT_PAGE)
    def portal_agent_dashboard(self, **values):
        """Show the figures of all customers, or of the selected one."""
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
        summary = Dashboard._get_summary(customer)
        return self._prepare_portal_agent_values(
            "dashboard",
            request.env._("Agent My Account"),
            values,
            customer,
            is_empty=not summary["figures"]["customers"]["count"],
        ) | {
            "agent_figures": summary["figures"],
            "agent_currency": Dashboard._get_currency(),
            "agent_months": summary["months"],
            "agent_ages": summary["ages"],
            "agent_top_customers": summary["top_customers"],
            "agent_latest": summary["latest"],
            "agent_chart": Dashboard._get_chart,
        }
