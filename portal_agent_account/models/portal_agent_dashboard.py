import bisect
import functools
import heapq
import operator
from collections import defaultdict
from datetime import time

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL
from odoo.tools.misc import format_amount, format_date

MONTHS = 12
TOP_CUSTOMERS = 5
LATEST_DOCUMENTS = 6

# Upper limits of the age brackets, in days overdue. The first bracket is what is not overdue.
AGES = (0, 30, 60, 90)


class PortalAgentDashboard(models.AbstractModel):
    """The figures of all customers of an agent, or of one customer.

    They are read under the agent's record rules, in the currency of the current company: orders are converted at the
    rate stored on each order, invoices use the amounts posted in accounting. Credit notes are subtracted. The number of
    queries of each method doesn't depend on the number of documents.
    """

    _name = "portal.agent.dashboard"
    _description = "Figures of a Portal Agent"

    @api.model
    def _get_currency(self):
        """Return the currency of all figures.

        :rtype: res.currency
        """
        return self.env.company.currency_id

    # ---- tiles and charts

    @api.model
    def _get_summary(self, customer, since=None):
        """Return the figures of the tiles and charts, and the documents shown beside them.

        :param customer: single ``res.partner``, or an empty recordset for all customers
        :param date since: first day of the period; ``None`` for no limit. Amounts due ignore the period.
        :return: ``figures``, ``months``, ``ages``, ``top_customers``, ``latest`` and ``calls``
        :rtype: dict
        """
        orders = self._read_orders(customer, since)
        invoices, instalments = self._read_invoices(customer, since)
        Call, Order = self.env["portal.agent.call"], self.env["sale.order"]
        reasons = Call._get_reasons(Order._get_portal_agent_customer_domain(customer), instalments)
        return {
            "figures": self._sum_up_all(customer, orders, invoices, instalments),
            "months": self._get_months(orders, invoices),
            "ages": self._get_ages(instalments),
            "top_customers": [] if customer else self._get_top_customers(invoices),
            "latest": self._get_latest_documents(orders, invoices),
            "calls": Call._get_calls(reasons),
        }

    @api.model
    def _get_figures(self, customer, since=None):
        """Return only the figures of the tiles.

        :param customer: single ``res.partner``, or an empty recordset for all customers
        :param date since: see :meth:`_get_summary`
        :return: ``{"count", "amount"}`` by name of the tile
        :rtype: dict
        """
        return self._sum_up_all(customer, self._read_orders(customer, since), *self._read_invoices(customer, since))

    @api.model
    def _sum_up_all(self, customer, orders, invoices, instalments):
        return {
            "customers": {"count": self._count_customers(customer)},
            "quotations": self._sum_up(row for row in orders if not row["is_order"]),
            "orders": self._sum_up(row for row in orders if row["is_order"]),
            "invoices": self._sum_up(invoices),
            "due": self._sum_up_instalments(instalments),
            "overdue": self._sum_up_instalments(item for item in instalments if item.days_overdue),
        }

    @api.model
    def _count_customers(self, customer):
        Partner = self.env["res.partner"]
        return 1 if customer else Partner.search_count(Partner._get_portal_agent_domain())

    @api.model
    def _read_orders(self, customer, since):
        """Sum up open quotations and sales orders by month, in one query for all figures.

        :param customer: single ``res.partner``, or an empty recordset for all customers
        :param since: first day of the period, or ``None``
        :return: ``[{"date", "is_order", "count", "amount", "latest_ids"}]``, where ``date`` is the first day of the
            month in the agent's time zone and ``latest_ids`` are the latest documents of the month
        :rtype: list[dict]
        """
        Order = self.env["sale.order"]
        domain = self._get_order_domain(customer) & Domain("state", "in", ("draft", "sent", "sale"))
        if since:
            domain &= Domain("date_order", ">=", Order._get_portal_agent_moment(since, time.min))
        query = Order._search(domain)
        if query.is_empty():
            return []
        order_id, moment, state, amount, rate = (
            Order._field_to_sql(Order._table, name, query)
            for name in ("id", "date_order", "state", "amount_total", "currency_rate")
        )
        columns = {
            "date": SQL("(%s)::date", Order._get_portal_agent_month_sql(Order._table, "date_order", query)),
            "is_order": SQL("%s = 'sale'", state),
            "count": SQL("COUNT(*)"),
            "amount": SQL("SUM(%s / COALESCE(NULLIF(%s, 0), 1))", amount, rate),
            "latest_ids": SQL(
                "(ARRAY_AGG(%s ORDER BY %s DESC, %s DESC))[:%s]", order_id, moment, order_id, LATEST_DOCUMENTS
            ),
        }
        query.groupby = SQL("1, 2")
        return [dict(zip(columns, row, strict=True)) for row in self.env.execute_query(query.select(*columns.values()))]

    @api.model
    def _read_invoices(self, customer, since):
        """Read the invoices and credit notes of a period, and the open instalments of all periods.

        :param customer: single ``res.partner``, or an empty recordset for all customers
        :param since: first day of the period, or ``None``
        :return: ``[{"id", "date", "count", "amount", "customer_id"}]`` and the instalments
        :rtype: tuple[list[dict], list[Instalment]]
        """
        Move = self.env["account.move"]
        domain = self._get_invoice_domain(customer)
        if since:
            domain &= Domain("invoice_date", ">=", since) | Move._get_portal_agent_due_domain()
        names = ["id", "invoice_date", "amount_total_signed", "amount_residual", "move_type", "payment_state"]
        invoices, documents = [], {}
        for move_id, day, amount, residual, *status, customer_id in Move._read_portal_agent_rows(
            domain, names, with_customer=True
        ):
            if residual:
                documents[move_id] = (*status, customer_id)
            if not since or day >= since:
                invoices.append({"id": move_id, "date": day, "count": 1, "amount": amount, "customer_id": customer_id})
        return invoices, Move._read_portal_agent_instalments_of(documents)

    @api.model
    def _read_instalments(self, customer, condition=Domain.TRUE):
        """Read the open instalments of all periods.

        :param customer: single ``res.partner``, or an empty recordset for all customers
        :param Domain condition: additional condition on the documents
        :rtype: list[Instalment]
        """
        return self.env["account.move"]._read_portal_agent_instalments(self._get_invoice_domain(customer) & condition)

    @api.model
    def _get_last_months_start(self):
        """Return the first day of the first month that the months chart shows.

        :rtype: date
        """
        return self._get_month_starts()[0]

    @api.model
    def _get_month_starts(self):
        """Return the first days of the last months, the current month last.

        :rtype: list[date]
        """
        this_month = fields.Date.context_today(self).replace(day=1)
        return [this_month - relativedelta(months=number) for number in reversed(range(MONTHS))]

    @api.model
    def _sum_up(self, rows):
        """Return the number and the total amount of some documents.

        :rtype: dict
        """
        rows = list(rows)
        return {name: sum(row[name] for row in rows) for name in ("count", "amount")}

    @api.model
    def _get_top_customers(self, invoices):
        """Return the customers with the highest invoiced amounts.

        :param list invoices: invoices from :meth:`_read_invoices`
        :return: ``[{"customer", "amount"}]``, highest amount first
        :rtype: list[dict]
        """
        amounts = defaultdict(float)
        for row in invoices:
            amounts[row["customer_id"]] += row["amount"]
        top = sorted(amounts, key=lambda customer_id: (-amounts[customer_id], customer_id))[:TOP_CUSTOMERS]
        customers = self.env["res.partner"].browse(top)
        return [{"customer": customer, "amount": amounts[customer.id]} for customer in customers]

    @api.model
    def _sum_up_instalments(self, instalments):
        """Return the number of documents behind some instalments and the total amount due.

        :rtype: dict
        """
        instalments = list(instalments)
        return {
            "count": len({item.move_id for item in instalments}),
            "amount": sum(item.amount for item in instalments),
        }

    @api.model
    def _get_months(self, orders, invoices):
        """Return the amounts ordered and invoiced in each of the last months, the current month last.

        :param list orders: orders from :meth:`_read_orders`
        :param list invoices: invoices from :meth:`_read_invoices`
        :return: ``[{"label", "short", "orders", "invoices"}]``
        :rtype: list[dict]
        """
        starts = self._get_month_starts()
        ordered = self._sum_up_by_month((row for row in orders if row["is_order"]), starts)
        invoiced = self._sum_up_by_month(invoices, starts)
        return [
            {
                "label": format_date(self.env, day, date_format="LLL yyyy"),
                "short": format_date(self.env, day, date_format="LLL"),
                "orders": ordered[number],
                "invoices": invoiced[number],
            }
            for number, day in enumerate(starts, start=1)
        ]

    @api.model
    def _sum_up_by_month(self, rows, starts):
        """Sum up the amounts of documents by month.

        :param rows: dicts with ``date`` and ``amount``
        :param list starts: first days of the months
        :return: amounts by number of the month: 1 is the first month, 0 everything before it, and the number after the
            last month everything later
        :rtype: defaultdict
        """
        amounts, starts = defaultdict(float), [*starts, starts[-1] + relativedelta(months=1)]
        for row in rows:
            amounts[bisect.bisect_right(starts, row["date"])] += row["amount"]
        return amounts

    @api.model
    def _get_ages(self, instalments):
        """Return the amounts due by age bracket.

        :param list instalments: open instalments (``Instalment``)
        :return: ``[{"label", "count", "amount"}]``
        :rtype: list[dict]
        """
        labels = self._get_age_labels()
        ages = [[] for _label in labels]
        for item in instalments:
            ages[self._get_age(item.days_overdue)].append(item)
        return [{"label": label} | self._sum_up_instalments(items) for label, items in zip(labels, ages, strict=True)]

    @api.model
    def _get_age_labels(self):
        """Return the labels of the age brackets.

        :return: labels, "Not overdue" first; one more than ``AGES`` has limits
        :rtype: list[str]
        """
        return [
            self.env._("Not overdue"),
            self.env._("1–30 days"),
            self.env._("31–60 days"),
            self.env._("61–90 days"),
            self.env._("Over 90 days"),
        ]

    @api.model
    def _get_age(self, days_overdue):
        """Return the age bracket for a number of days overdue.

        :param int days_overdue: number of days overdue
        :return: index in the list of age brackets
        :rtype: int
        """
        return sum(days_overdue > limit for limit in AGES)

    @api.model
    def _get_chart(self, labels, datasets, is_horizontal=False):
        """Return the data from which the browser draws a chart, including the formatted amounts.

        :param list labels: pairs of a full and a short label, one per bar
        :param list datasets: ``[{"label", "colors", "amounts"}]``, with one color for all bars or one per bar
        :param bool is_horizontal: whether the bars are horizontal
        :rtype: dict
        """
        currency = self._get_currency()
        return {
            "labels": [label for label, _short in labels],
            "ticks": [short for _label, short in labels],
            "is_horizontal": is_horizontal,
            "datasets": [
                {
                    "label": dataset["label"],
                    "colors": dataset["colors"],
                    "data": [currency.round(amount) for amount in dataset["amounts"]],
                    "formatted": [self._format_amount(amount, currency) for amount in dataset["amounts"]],
                }
                for dataset in datasets
            ],
        }

    @api.model
    def _format_amount(self, amount, currency):
        """Format an amount. The minus sign comes first in right-to-left languages, too, and zero has none.

        :rtype: str
        """
        amount = 0.0 if currency.is_zero(amount) else amount
        return format_amount(self.env, amount, currency).replace("-", "\N{LEFT-TO-RIGHT MARK}-")

    @api.model
    def _make_formatter(self):
        """Return a function that formats amounts and caches the results: most customers of a list owe nothing.

        :rtype: callable
        """
        currency = self._get_currency()
        return functools.cache(lambda amount: self._format_amount(amount, currency))

    @api.model
    def _get_latest_documents(self, orders, invoices):
        """Return the latest quotations, orders and invoices, newest first.

        :param list orders: orders from :meth:`_read_orders`
        :param list invoices: invoices from :meth:`_read_invoices`
        :return: records of both models
        :rtype: list
        """
        newest = heapq.nlargest(LATEST_DOCUMENTS, invoices, key=operator.itemgetter("date", "id"))
        moves = self.env["account.move"].browse(row["id"] for row in newest)
        orders = self.env["sale.order"].browse(self._get_latest_order_ids(orders))
        moves._fetch_for_portal_agent()
        orders._fetch_for_portal_agent()
        orders = orders.sorted(lambda order: (order.date_order, order.id), reverse=True)
        dated = [(fields.Datetime.context_timestamp(order, order.date_order).date(), order) for order in orders]
        dated += [(move.invoice_date, move) for move in moves]
        dated.sort(key=operator.itemgetter(0), reverse=True)
        return [document for _day, document in dated[:LATEST_DOCUMENTS]]

    @api.model
    def _get_latest_order_ids(self, orders):
        """Return the latest quotations and orders, from as many months as needed.

        :param list orders: orders from :meth:`_read_orders`
        :return: ids, newest month first
        :rtype: list[int]
        """
        months, ids = defaultdict(list), []
        for row in orders:
            months[row["date"]] += row["latest_ids"]
        for month in sorted(months, reverse=True):
            if len(ids) < LATEST_DOCUMENTS:
                ids += months[month]
        return ids

    # ---- the documents behind the figures

    @api.model
    def _get_order_domain(self, customer):
        """Return the condition for the orders and quotations that the figures count.

        :rtype: Domain
        """
        Order = self.env["sale.order"]
        return (
            Order._get_portal_agent_domain()
            & Order._get_portal_agent_customer_domain(customer)
            & Domain("company_id", "=", self.env.company.id)
        )

    @api.model
    def _get_invoice_domain(self, customer):
        """Return the condition for the invoices and credit notes that the figures count.

        :rtype: Domain
        """
        Move = self.env["account.move"]
        return (
            Move._get_portal_agent_invoice_domain()
            & Move._get_portal_agent_customer_domain(customer)
            & Domain("company_id", "=", self.env.company.id)
        )
