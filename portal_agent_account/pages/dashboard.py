from . import params
from .context import HOME, get_url
from .page import AgentPage


class DashboardPage(AgentPage):
    """The agent's start page: the figures of all customers or of the selected one, over a period."""

    name = "dashboard"
    template = "portal_agent_account.portal_agent_dashboard"

    def __init__(self, context):
        super().__init__(context)
        self.periods = self.get_periods()
        self.default_period = next(iter(self.periods))
        self.period = params.get_choice(context.params.get("period"), self.periods, self.default_period)

    def get_title(self):
        return self.env._("Agent My Account")

    def get_selector_url(self):
        return self.context.make("selector").get_url(HOME, self._get_period_args(self.period))

    def get_periods(self):
        """Return the periods that the figures can cover, the default first.

        The default period has a start, because the number of documents grows with every year.

        :return: ``{key: {"label", "since"}}`` with the first day of the period, ``None`` for no limit
        :rtype: dict
        """
        return {
            "months": {
                "label": self.env._("Last 12 months"),
                "since": self.env["portal.agent.dashboard"]._get_last_months_start(),
            },
            "all": {"label": self.env._("All time"), "since": None},
        }

    def _fetch_contacts(self, summary):
        """Fetch the contacts that the page names with a single query."""
        contacts = self.env["res.partner"].union(
            *(row["customer"] for row in (*summary["top_customers"], *summary["calls"]["customers"])),
            *(document.partner_id for document in summary["latest"]),
        )
        contacts._fetch_for_portal_agent()

    def _get_period_args(self, key):
        return {} if key == self.default_period else {"period": key}

    def get_content(self):
        Dashboard = self.env["portal.agent.dashboard"]
        since = self.periods[self.period]["since"]
        summary = Dashboard._get_summary(self.customer, since)
        self.is_empty = not summary["figures"]["customers"]["count"]
        self._fetch_contacts(summary)
        customer_args = {"customer": self.customer.id} if self.customer else {}
        return {
            "agent_args": customer_args | self._get_period_args(self.period),
            "agent_periods": [
                {
                    "label": period["label"],
                    "url": get_url(HOME, customer_args | self._get_period_args(key)),
                    "is_chosen": key == self.period,
                }
                for key, period in self.periods.items()
            ],
            "agent_since": since,
            "agent_period_label": self.periods[self.period]["label"],
            "agent_figures": summary["figures"],
            "agent_currency": Dashboard._get_currency(),
            "agent_months": summary["months"],
            "agent_ages": summary["ages"],
            "agent_top_customers": summary["top_customers"],
            "agent_latest": summary["latest"],
            "agent_calls": summary["calls"],
            "agent_chart": Dashboard._get_chart,
        }
