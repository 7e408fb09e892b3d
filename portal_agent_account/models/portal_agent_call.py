"""Whom an agent should call, and why."""

import itertools
import statistics
from collections import defaultdict
from datetime import timedelta

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.tools.misc import format_date

# How many orders make a habit, how many times the usual interval is late, and how far back one looks.
REGULAR_ORDERS = 3
LATE_INTERVALS = 2
HISTORY = relativedelta(months=36)
# A quotation that ends within so many days.
RUNNING_OUT = 7


class PortalAgentCall(models.AbstractModel):
    _name = "portal.agent.call"
    _description = "Customers to Call"

    @api.model
    def _get_reasons(self, orders, instalments):
        """Return which customers an agent should call, and why. Another addon extends this method.

        :param list orders: quotations and orders as ``portal.agent.dashboard`` reads them, at least of ``HISTORY``
        :param list instalments: what is not paid, ``Instalment``
        :return: ``[{"kind", "weight", …}]`` by id of the customer: the higher the weight, the more urgent. What else is
            in it, :meth:`_get_label` puts into words.
        :rtype: defaultdict
        """
        reasons = defaultdict(list)
        for find in (self._find_overdue(instalments), self._find_running_out(orders), self._find_late_regulars(orders)):
            for customer_id, reason in find:
                reasons[customer_id].append(reason)
        return reasons

    @api.model
    def _find_overdue(self, instalments):
        """Find the customers who owe something that is overdue."""
        currency, amounts, days = self.env.company.currency_id, defaultdict(float), defaultdict(int)
        for item in instalments:
            if item.days_overdue:
                amounts[item.customer_id] += item.amount
                days[item.customer_id] = max(days[item.customer_id], item.days_overdue)
        for customer_id, amount in amounts.items():
            if currency.compare_amounts(amount, 0) > 0:
                late = days[customer_id]
                yield customer_id, {"kind": "overdue", "weight": late, "amount": amount, "days": late}

    @api.model
    def _find_running_out(self, orders):
        """Find the customers with a quotation that ends within a week."""
        today = fields.Date.context_today(self)
        ends = defaultdict(list)
        for row in orders:
            end = row["valid_until"]
            if row["state"] in ("draft", "sent") and end and today <= end <= today + timedelta(days=RUNNING_OUT):
                ends[row["customer_id"]].append(end)
        for customer_id, days in ends.items():
            yield customer_id, {"kind": "running_out", "weight": 30 + RUNNING_OUT, "day": min(days)}

    @api.model
    def _find_late_regulars(self, orders):
        """Find the customers who order regularly and are late.

        The time since the last order is compared with the usual time between two orders: recency against frequency,
        the two figures by which "Counting Your Customers" (Schmittlein, Morrison and Colombo, Management Science 1987)
        tells customers who are still there from those who have left. The median stands for what is usual, because one
        long holiday does not change it. Several orders of one day are one.
        """
        today = fields.Date.context_today(self)
        start = today - HISTORY
        days = defaultdict(set)
        for row in orders:
            if row["state"] == "sale" and (day := row["date"].date()) >= start:
                days[row["customer_id"]].add(day)
        for customer_id, ordered in days.items():
            if len(ordered) < REGULAR_ORDERS:
                continue
            ordered = sorted(ordered)
            usual = statistics.median((after - before).days for before, after in itertools.pairwise(ordered))
            since = (today - ordered[-1]).days
            if since > LATE_INTERVALS * usual:
                yield customer_id, {"kind": "late", "weight": min(since / usual, 30), "usual": usual, "since": since}

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
