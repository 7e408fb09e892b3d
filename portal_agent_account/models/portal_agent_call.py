"""Whom an agent should call, and why."""

from collections import defaultdict
from datetime import date, time, timedelta
from typing import NamedTuple

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL
from odoo.tools.misc import format_date

# How many orders make a habit, how many times the usual interval is late, and how far back one looks.
REGULAR_ORDERS = 3
LATE_INTERVALS = 2
HISTORY = relativedelta(months=36)
# A quotation that ends within so many days.
RUNNING_OUT = 7
# How many customers the dashboard shows.
CALLS = 5

# The days between an order and the one before it: none for the first one, nor for a second one of the same day.
_SELECT_HABITS = """
    SELECT customer_id,
           COUNT(days) FILTER (WHERE is_order),
           PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY days) FILTER (WHERE is_order),
           MAX(day) FILTER (WHERE is_order),
           MIN(valid_until) FILTER (WHERE NOT is_order AND valid_until BETWEEN %(today)s AND %(end)s)
      FROM (SELECT *, NULLIF(day - LAG(day) OVER (PARTITION BY customer_id, is_order ORDER BY day), 0) AS days
              FROM (%(orders)s) AS documents) AS dated
     GROUP BY customer_id
"""


class Habit(NamedTuple):
    """When a customer orders.

    :param int customer_id: who
    :param int intervals: how many intervals there are between the days on which it ordered
    :param float usual: their median, in days
    :param date last_day: the day of the last order
    :param date valid_until: the end of a quotation that runs out soon
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
        """Return which customers an agent should call, and why. Another addon extends this method.

        :param Domain domain: which quotations and orders count
        :param list instalments: what is not paid, ``Instalment``
        :return: ``[{"kind", "weight", …}]`` by id of the customer: the higher the weight, the more urgent. What else is
            in it, :meth:`_get_label` puts into words.
        :rtype: defaultdict
        """
        reasons, habits = defaultdict(list), self._read_habits(domain)
        for find in (self._find_overdue(instalments), self._find_running_out(habits), self._find_late_regulars(habits)):
            for customer_id, reason in find:
                reasons[customer_id].append(reason)
        return reasons

    @api.model
    def _find_overdue(self, instalments):
        """Find the customers who owe something that is overdue."""
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
        """Find the customers with a quotation that ends within a week."""
        for habit in habits:
            if habit.valid_until:
                yield habit.customer_id, {"kind": "running_out", "weight": 30 + RUNNING_OUT, "day": habit.valid_until}

    @api.model
    def _find_late_regulars(self, habits):
        """Find the customers who order regularly and are late.

        The time since the last order is compared with the usual time between two orders: recency against frequency,
        the two figures by which "Counting Your Customers" (Schmittlein, Morrison and Colombo, Management Science 1987)
        tells customers who are still there from those who have left. The median stands for what is usual, because one
        long holiday does not change it. Several orders of one day are one.
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
        """Read when customers order, and which of their quotations run out: the median is PostgreSQL's, which has the
        orders of three years at hand.

        :param Domain domain: which quotations and orders count; all of the agent's by default
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
        end = today + timedelta(days=RUNNING_OUT)
        return [Habit(*row) for row in self.env.execute_query(SQL(_SELECT_HABITS, orders=orders, today=today, end=end))]

    @api.model
    def _get_calls(self, reasons):
        """Return whom to call first.

        :param dict reasons: ``_get_reasons``
        :return: ``count``, how many there are, and ``customers``, the most urgent ones:
            ``[{"customer", "reasons"}]``, the reasons in words
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
        """Return a reason in words. An addon that adds a kind of reason extends this method.

        :param dict reason: one of ``_get_reasons``
        :rtype: str
        """
        match reason["kind"]:
            case "overdue":
                Dashboard = self.env["portal.agent.dashboard"]
                amount = Dashboard._format_amount(reason["amount"], Dashboard._get_currency())
                return self.env._(
                    "%(amount)s overdue, the oldest part for %(days)s days", amount=amount, days=reason["days"]
                )
            case "running_out":
                return self.env._("A quotation is valid until %(day)s only", day=format_date(self.env, reason["day"]))
            case "late":
                return self.env._(
                    "Orders every %(usual)s days as a rule, last %(since)s days ago",
                    usual=round(reason["usual"]),
                    since=reason["since"],
                )
        return ""
