from collections import defaultdict

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools.misc import format_amount, format_date

MONTHS = 12
TOP_CUSTOMERS = 5
LATEST_DOCUMENTS = 6

# Upper ends of the ages of what is due, in days: not due yet, then overdue.
AGES = (0, 30, 60, 90)


class PortalAgentDashboard(models.AbstractModel):
    """The figures of an agent's customers, or of one of them.

    They are read under the agent's record rules, in the currency of the current company: orders are
    converted at the rate that each order has kept, invoices are what accounting has booked. Credit
    notes are subtracted. Each method takes the same number of queries for any number of documents.
    """

    _name = "portal.agent.dashboard"
    _description = "Figures of a Portal Agent"

    @api.model
    def _get_currency(self):
        """Return the currency of all figures.

        :rtype: res.currency
        """
        return self.env.company.currency_id

    # ---- tiles and charts: what is read once serves all of them

    @api.model
    def _get_summary(self, customer):
        """Return the figures of the tiles and of the charts.

        :param customer: a ``res.partner`` of one record, or none for all
        :return: ``figures``, ``months`` and ``ages``
        :rtype: dict
        """
        orders, invoices, due = self._read_orders(customer), self._read_invoices(customer), self._read_due(customer)
        return {
            "figures": {
                "customers": {"count": self._count_customers(customer)},
                "quotations": self._sum_up(row for row in orders if row["state"] != "sale"),
                "orders": self._sum_up(row for row in orders if row["state"] == "sale"),
                "invoices": self._sum_up(invoices),
                "due": self._sum_up(due),
                "overdue": self._sum_up(row for row in due if row["days_overdue"] > 0),
            },
            "months": self._get_months(orders, invoices),
            "ages": self._get_ages(due),
        }

    @api.model
    def _count_customers(self, customer):
        Partner = self.env["res.partner"]
        return 1 if customer else Partner.search_count(Partner._get_portal_agent_domain())

    @api.model
    def _read_orders(self, customer):
        """Return open quotations and sales orders by state and month.

        :return: ``[{"state", "month", "count", "amount"}]``
        :rtype: list[dict]
        """
        groups = self.env["sale.order"]._read_group(
            self._get_order_domain(customer) & Domain("state", "in", ("draft", "sent", "sale")),
            ["state", "date_order:month", "currency_rate"],
            ["__count", "amount_total:sum"],
        )
        return [
            {"state": state, "month": self._get_month(month), "count": count, "amount": amount / (rate or 1)}
            for state, month, rate, count, amount in groups
        ]

    @api.model
    def _read_invoices(self, customer):
        """Return invoices and credit notes by month.

        :return: ``[{"month", "count", "amount"}]``
        :rtype: list[dict]
        """
        groups = self.env["account.move"]._read_group(
            self._get_invoice_domain(customer), ["invoice_date:month"], ["__count", "amount_total_signed:sum"]
        )
        return [{"month": self._get_month(month), "count": count, "amount": amount} for month, count, amount in groups]

    @api.model
    def _read_due(self, customer):
        """Return what is not paid by the days that it is overdue.

        :return: ``[{"days_overdue", "count", "amount"}]``
        :rtype: list[dict]
        """
        Move = self.env["account.move"]
        today = fields.Date.context_today(self)
        groups = Move._read_group(
            self._get_invoice_domain(customer) & Move._get_portal_agent_due_domain(),
            ["invoice_date_due:day"],
            ["__count", "amount_residual_signed:sum"],
        )
        return [
            {"days_overdue": (today - day).days if day else 0, "count": count, "amount": amount}
            for day, count, amount in groups
        ]

    @api.model
    def _get_month(self, day):
        return (day.year, day.month) if day else None

    @api.model
    def _sum_up(self, rows):
        """Return the count and the amount of some rows together.

        :rtype: dict
        """
        rows = list(rows)
        return {"count": sum(row["count"] for row in rows), "amount": sum(row["amount"] for row in rows)}

    @api.model
    def _get_months(self, orders, invoices):
        """Return what was ordered and invoiced in each of the last months, the current one last.

        :param list orders: rows of ``_read_orders``
        :param list invoices: rows of ``_read_invoices``
        :return: ``[{"label", "short", "orders", "invoices"}]``
        :rtype: list[dict]
        """
        this_month = fields.Date.context_today(self).replace(day=1)
        ordered, invoiced = defaultdict(float), defaultdict(float)
        for row in orders:
            ordered[row["month"]] += row["amount"] if row["state"] == "sale" else 0
        for row in invoices:
            invoiced[row["month"]] += row["amount"]
        return [
            {
                "label": format_date(self.env, day, date_format="LLL yyyy"),
                "short": format_date(self.env, day, date_format="LLL"),
                "orders": ordered[self._get_month(day)],
                "invoices": invoiced[self._get_month(day)],
            }
            for day in (this_month - relativedelta(months=number) for number in reversed(range(MONTHS)))
        ]

    @api.model
    def _get_ages(self, due):
        """Return what is due by the days that it is overdue.

        :param list due: rows of ``_read_due``
        :return: ``[{"label", "count", "amount"}]``
        :rtype: list[dict]
        """
        labels = [
            self.env._("Not due yet"),
            self.env._("1–30 days"),
            self.env._("31–60 days"),
            self.env._("61–90 days"),
            self.env._("Over 90 days"),
        ]
        ages = [[] for _label in labels]
        for row in due:
            ages[sum(row["days_overdue"] > limit for limit in AGES)].append(row)
        return [{"label": label} | self._sum_up(rows) for label, rows in zip(labels, ages, strict=True)]

    @api.model
    def _get_chart(self, labels, datasets, is_horizontal=False):
        """Return what the browser draws a chart of: numbers, and the amounts as people read them.

        :param list labels: for each bar its name, in full and as short as there is room for
        :param list datasets: ``[{"label", "colors", "amounts"}]``, one color for all bars or one for each
        :param bool is_horizontal: whether the bars lie
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
                    "formatted": [format_amount(self.env, amount, currency) for amount in dataset["amounts"]],
                }
                for dataset in datasets
            ],
        }

    # ---- customers and documents

    @api.model
    def _get_balances(self, customers):
        """Return what some customers have not paid.

        :param customers: ``res.partner``, commercial entities
        :return: ``{customer: {"due", "overdue"}}``
        :rtype: dict
        """
        Move = self.env["account.move"]
        balances = defaultdict(lambda: {"due": 0.0, "overdue": 0.0})
        domain = self._get_invoice_domain(customers[:0]) & Domain(
            "partner_id", "any!", Domain("commercial_partner_id", "in", customers.ids)
        )
        domains = {"due": Move._get_portal_agent_due_domain(), "overdue": Move._get_portal_agent_overdue_domain()}
        for name, condition in domains.items():
            for customer, amount in Move._read_group(
                domain & condition, ["partner_id.commercial_partner_id"], ["amount_residual_signed:sum"]
            ):
                balances[customer][name] = amount
        return balances

    @api.model
    def _get_top_customers(self, customer):
        """Return the customers with most invoiced in the last months.

        :param customer: a ``res.partner`` of one record, or none for all
        :return: ``[{"customer", "amount"}]``
        :rtype: list[dict]
        """
        since = fields.Date.context_today(self) - relativedelta(months=MONTHS)
        groups = self.env["account.move"]._read_group(
            self._get_invoice_domain(customer) & Domain("invoice_date", ">", since),
            ["partner_id.commercial_partner_id"],
            ["amount_total_signed:sum"],
            order="amount_total_signed:sum desc",
            limit=TOP_CUSTOMERS,
        )
        return [{"customer": partner, "amount": amount} for partner, amount in groups if partner]

    @api.model
    def _get_latest_documents(self, customer):
        """Return the latest quotations, orders and invoices, the newest first.

        :param customer: a ``res.partner`` of one record, or none for all
        :return: documents of both models
        :rtype: list
        """
        orders = self.env["sale.order"].search(
            self._get_order_domain(customer) & Domain("state", "!=", "cancel"),
            order="date_order desc, id desc",
            limit=LATEST_DOCUMENTS,
        )
        invoices = self.env["account.move"].search(
            self._get_invoice_domain(customer), order="invoice_date desc, id desc", limit=LATEST_DOCUMENTS
        )
        dated = [(fields.Datetime.context_timestamp(order, order.date_order).date(), order) for order in orders]
        dated += [(invoice.invoice_date, invoice) for invoice in invoices]
        dated.sort(key=lambda pair: pair[0], reverse=True)
        return [document for _day, document in dated[:LATEST_DOCUMENTS]]

    # ---- what the figures are about

    @api.model
    def _get_order_domain(self, customer):
        """Return the condition for the orders and quotations that count.

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
        """Return the condition for the invoices and credit notes that count.

        :rtype: Domain
        """
        Move = self.env["account.move"]
        return (
            Move._get_portal_agent_invoice_domain()
            & Move._get_portal_agent_customer_domain(customer)
            & Domain("company_id", "=", self.env.company.id)
        )
