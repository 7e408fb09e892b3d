"""The customers that an agent should call, and the reasons."""

from collections import defaultdict
from datetime import date, time, timedelta
from typing import NamedTuple

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL
from odoo.tools.misc import format_date

# Number of orders that make a regular customer, number of usual intervals after which an order is late, and period that
# is evaluated.
REGULAR_ORDERS = 3
LATE_INTERVALS = 2
HISTORY = relativedelta(months=36)
# Quotations that expire within this number of days.
RUNNING_OUT = 7
# Number of customers on the dashboard.
CALLS = 5

# Days between an order and the previous one. Empty for the first order and for further orders of the same day.
_SELECT_HABITS = """
    SELECT customer_id,
           COUNT(days) FILTER (WHERE is_order),
           PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY days) FILTER (WHERE is_order),
           MAX(day) FILTER (WHERE is_order),
           MIN(valid_until) FILTER (WHERE NOT is_order AND valid_until BETWEEN %(first)s AND %(last)s)
      FROM (SELECT *, NULLIF(day - LAG(day) OVER (PARTITION BY customer_id, is_order ORDER BY day), 0) AS days
              FROM (%(orders)s) AS documents) AS dated
     GROUP BY customer_id
"""


class Habit(NamedTuple):
    """The ordering habit of a customer.

    :param int customer_id: id of the customer
    :param int intervals: number of intervals between the days with orders
    :param float usual: median interval in days
    :param date last_day: day of the last order
    :param date valid_until: expiration date of a quotation that expires soon
    """

    customer_id: int
    intervals: int
    usual: float | None
    last_day: date | None
    valid_until: date | None


class PortalAgentCall(models.AbstractModel):
    _name = "portal.agent.call"
    _description = "Customers to Call"

    @api.model
    def _get_reasons(self, domain, instalments):
        """Return the customers that an agent should call, with the reasons. Other addons can extend this method.

        :param Domain domain: condition on the quotations and orders to evaluate
        :param list instalments: open instalments (``Instalment``)
        :return: ``[{"kind", "weight", …}]`` by customer id. A higher weight is more urgent. :meth:`_get_label` uses the
            other keys.
        :rtype: defaultdict
        """
        reasons, habits = defaultdict(list), self._read_habits(domain)
        for find in (self._find_overdue(instalments), self._find_running_out(habits), self._find_late_regulars(habits)):
            for customer_id, reason in find:
                reasons[customer_id].append(reason)
        return reasons

    @api.model
    def _find_overdue(self, instalments):
        """Find the customers with an overdue amount."""
        amounts, days = defaultdict(float), defaultdict(int)
        next_to_nothing = self.env.company.currency_id.rounding / 2
        for item in instalments:
            if item.days_overdue:
                amounts[item.customer_id] += item.amount
                days[item.customer_id] = max(days[item.customer_id], item.days_overdue)
        for customer_id, amount in amounts.items():
            if amount > next_to_nothing:
                late = days[customer_id]
                yield customer_id, {"kind": "overdue", "weight": late, "amount": amount, "days": late}

    @api.model
    def _find_running_out(self, habits):
        """Find the customers with a quotation that expires within a week."""
        for habit in habits:
            if habit.valid_until:
                yield habit.customer_id, {"kind": "running_out", "weight": 30 + RUNNING_OUT, "day": habit.valid_until}

    @api.model
    def _find_late_regulars(self, habits):
        """Find the customers who order regularly and whose next order is late.

        The method compares the time since the last order with the usual interval between two orders (recency and
        frequency). "Counting Your Customers" (Schmittlein, Morrison and Colombo, Management Science 1987) uses these
        two figures to tell active customers from those who have left. The usual interval is the median, because one
        long holiday doesn't change it. Several orders on one day count as one.
        """
        today = fields.Date.context_today(self)
        for habit in habits:
            if habit.intervals < REGULAR_ORDERS - 1:
                continue
            since = (today - habit.last_day).days
            if since > LATE_INTERVALS * habit.usual:
                weight = min(since / habit.usual, 30)
                yield habit.customer_id, {"kind": "late", "weight": weight, "usual": habit.usual, "since": since}

    @api.model
    def _read_habits(self, domain=Domain.TRUE):
        """Read the ordering habits and the expiring quotations.

        PostgreSQL computes the median, because it has the orders of three years at hand.

        :param Domain domain: condition on the quotations and orders to evaluate; all of the agent's by default
        :rtype: list[Habit]
        """
        Order, today = self.env["sale.order"], fields.Date.context_today(self)
        domain &= self.env["portal.agent.dashboard"]._get_order_domain(self.env["res.partner"])
        domain &= Domain("state", "in", ("draft", "sent", "sale"))
        domain &= Domain("date_order", ">=", Order._get_portal_agent_moment(today - HISTORY, time.min))
        query = Order._search(domain)
        if query.is_empty():
            return []
        state, valid_until = (Order._field_to_sql(Order._table, name, query) for name in ("state", "validity_date"))
        orders = query.select(
            SQL("%s AS customer_id", Order._get_portal_agent_customer_sql(query)),
            SQL("%s = 'sale' AS is_order", state),
            SQL("%s AS day", Order._get_portal_agent_day_sql(Order._table, "date_order", query)),
            SQL("%s AS valid_until", valid_until),
        )
        first = fields.Date.today()  # the day by which Odoo lets quotations expire
        last = first + timedelta(days=RUNNING_OUT)
        habits = self.env.execute_query(SQL(_SELECT_HABITS, orders=orders, first=first, last=last))
        return [Habit(*row) for row in habits]

    @api.model
    def _get_calls(self, reasons):
        """Return the customers to call first.

        :param dict reasons: result of :meth:`_get_reasons`
        :return: ``count``, the number of customers to call, and ``customers``, the most urgent ones as ``[{"customer",
            "reasons"}]`` with translated reasons
        :rtype: dict
        """
        weights = {customer_id: sum(reason["weight"] for reason in why) for customer_id, why in reasons.items()}
        first = sorted(weights, key=lambda customer_id: (-weights[customer_id], customer_id))[:CALLS]
        return {
            "count": len(reasons),
            "customers": [
                {"customer": customer, "reasons": list(map(self._get_label, reasons[customer.id]))}
                for customer in self.env["res.partner"].browse(first)
            ],
        }

    @api.model
    def _get_label(self, reason):
        """Return the text of a reason. An addon that adds a kind of reason extends this method.

        :param dict reason: reason from :meth:`_get_reasons`
        :rtype: str
        """
        match reason["kind"]:
            case "overdue":
                Dashboard = self.env["portal.agent.dashboard"]
                amount = Dashboard._format_amount(reason["amount"], Dashboard._get_currency())
                if reason["days"] == 1:
                    return self.env._("%(amount)s overdue, the oldest part for 1 day", amount=amount)
                return self.env._(
                    "%(amount)s overdue, the oldest part for %(days)s days", amount=amount, days=reason["days"]
                )
            case "running_out":
                return self.env._("A quotation expires on %(day)s", day=format_date(self.env, reason["day"]))
            case "late":
                usual, since = round(reason["usual"]), reason["since"]
                if usual == 1:
                    return self.env._("Usually orders every day; last order %(since)s days ago", since=since)
                return self.env._(
                    "Usually orders every %(usual)s days; last order %(since)s days ago", usual=usual, since=since
                )
        return ""
