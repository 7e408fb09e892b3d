from collections import defaultdict
from datetime import time

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL, frozendict
from odoo.tools.misc import format_amount, format_date

from . import agent_reader

MONTHS = 12
TOP_CUSTOMERS = 5
LATEST_DOCUMENTS = 6

# Upper ends of the ages of what is due, in days overdue. The first one is what is not overdue.
AGES = (0, 30, 60, 90)


class PortalAgentDashboard(models.AbstractModel):
    """The figures of an agent's customers, or of one of them.

    They are read under the agent's record rules, in the currency of the current company: orders are
    converted at the rate that each order has kept, invoices are what accounting has booked. Credit
    notes are subtracted. Each method takes the same number of queries for any number of documents, and
    reads each of them once: an agent may have ten thousand customers.
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
    def _get_summary(self, customer, since=None):
        """Return the figures of the tiles and of the charts, and the documents beside them.

        :param customer: a ``res.partner`` of one record, or none for all
        :param date since: the first day that counts; ``None`` for all days. What is due counts of any day.
        :return: ``figures``, ``months``, ``ages``, ``top_customers`` and ``latest``
        :rtype: dict
        """
        documents = self._read_documents(customer, since)
        top_customers = self._get_top_customers(documents["customers"])
        self._fetch(documents["latest_orders"], documents["latest_invoices"], top_customers)
        orders, invoices, due = documents["orders"], documents["invoices"], documents["due"]
        return {
            "figures": {
                "customers": {"count": self._count_customers(customer)},
                "quotations": self._sum_up(row for row in orders if row["state"] != "sale"),
                "orders": self._sum_up(row for row in orders if row["state"] == "sale"),
                "invoices": self._sum_up(invoices),
                "due": self._sum_up(due),
                "overdue": self._sum_up(row for row in due if row["age"]),
            },
            "months": self._get_months(orders, invoices),
            "ages": self._get_ages(due),
            "top_customers": top_customers,
            "latest": self._get_latest_documents(documents["latest_orders"], documents["latest_invoices"]),
        }

    @api.model
    def _fetch(self, orders, invoices, top_customers):
        """Read what the dashboard says of the records that it names.

        :param orders: the latest ``sale.order``
        :param invoices: the latest ``account.move``
        :param list top_customers: ``_get_top_customers``
        """
        orders._fetch_for_portal_agent()
        invoices._fetch_for_portal_agent()
        customers = self.env["res.partner"].union(*(top["customer"] for top in top_customers))
        (customers | orders.partner_id | invoices.partner_id)._fetch_for_portal_agent()

    @api.model
    def _count_customers(self, customer):
        Partner = self.env["res.partner"]._among_all_customers()
        return 1 if customer else Partner.search_count(Partner._get_portal_agent_domain())

    @api.model
    def _read_documents(self, customer, since):
        """Read orders and invoices, once for everything that is said of them.

        :param customer: a ``res.partner`` of one record, or none for all
        :param since: the first day that counts, or ``None``
        :return: ``orders``, open quotations among them: ``[{"state", "month", "count", "amount"}]``, the month by its
            number (``_get_month_sql``); ``invoices``: ``[{"month", "count", "amount"}]``; ``due``, what is not paid:
            ``[{"age", "count", "amount"}]``, the age by its number (``_get_age_sql``); ``customers``, where it is about
            all of them, those with most invoiced: ``{id: amount}``; ``latest_orders`` and ``latest_invoices``: the
            newest ones
        :rtype: dict
        """
        rows = defaultdict(list)
        for kind, *values in self.env.execute_query(self._get_documents_query(customer, since)):
            rows[kind].append(values)
        return {
            "orders": [
                {"state": state, "month": month, "count": count, "amount": (amount or 0) / (rate or 1)}
                for month, count, amount, state, rate in rows["orders"]
            ],
            "invoices": [
                {"month": month, "count": count, "amount": amount or 0} for month, count, amount, *_ in rows["invoices"]
            ],
            "due": [{"age": age, "count": count, "amount": amount or 0} for age, count, amount, *_ in rows["due"]],
            "customers": {customer_id: amount or 0 for customer_id, _count, amount, *_ in rows["customers"]},
            "latest_orders": self.env["sale.order"].browse(order_id for order_id, *_ in rows["latest_orders"]),
            "latest_invoices": self.env["account.move"].browse(move_id for move_id, *_ in rows["latest_invoices"]),
        }

    @api.model
    def _get_documents_query(self, customer, since):
        """Return the query that reads an agent's documents.

        An agent may have ten thousand customers. The ORM would gather their contacts and go through all of their
        documents for each grouping, and through everybody's documents for the newest.

        :param customer: a ``res.partner`` of one record, or none for all
        :param since: the first day that counts, or ``None``
        :return: rows that begin with what kind of row they are
        :rtype: SQL
        """
        contacts = self._select_contacts()
        gathered = {contacts: SQL("(SELECT ids FROM contact)::integer[]")}
        documents = self.with_context(**{agent_reader.GATHERED: frozendict(gathered)})
        return SQL(
            """
            WITH contact AS MATERIALIZED (SELECT ARRAY(%(contacts)s ORDER BY 1) AS ids),
                 ordered AS MATERIALIZED (%(orders)s),
                 invoiced AS MATERIALIZED (%(invoices)s)
            SELECT 'orders', month, count(*), sum(amount), state, rate FROM ordered GROUP BY month, state, rate
         UNION ALL
            SELECT 'invoices', month, count(*), sum(amount), NULL, NULL FROM invoiced GROUP BY month
         UNION ALL
            SELECT 'due', age, count(*), sum(due), NULL, NULL FROM (%(due)s) AS due GROUP BY age
         UNION ALL
            (SELECT 'customers', customer_id, count(*), sum(amount) AS invoiced, NULL, NULL
               FROM invoiced GROUP BY customer_id ORDER BY invoiced DESC, customer_id LIMIT %(top)s)
         UNION ALL
            (SELECT 'latest_orders', id, NULL, NULL, NULL, NULL
               FROM ordered ORDER BY day DESC, id DESC LIMIT %(latest)s)
         UNION ALL
            (SELECT 'latest_invoices', id, NULL, NULL, NULL, NULL
               FROM invoiced ORDER BY day DESC, id DESC LIMIT %(latest)s)
            """,
            contacts=contacts,
            orders=documents._select_orders(customer, since),
            invoices=documents._select_invoices(customer, since),
            due=documents._select_due(customer, self.env["account.move"]._get_portal_agent_due_domain()),
            top=0 if customer else TOP_CUSTOMERS,
            latest=LATEST_DOCUMENTS,
        )

    @api.model
    def _select_contacts(self):
        """Return the query by which the agent's record rules gather the contacts of all customers.

        :rtype: SQL
        """
        return self.env["account.move"]._among_all_customers()._select_portal_agent_contacts([self.env.uid])

    @api.model
    def _get_top_customers(self, amounts):
        """Return customers with what was invoiced to them.

        An invoice keeps the customer that it was posted for. Where that is not its contact's customer any more,
        it may be somebody else's: the agent's rules are asked once more.

        :param dict amounts: ``customers`` of ``_read_documents``
        :return: ``[{"customer", "amount"}]``, those that the agent may see
        :rtype: list[dict]
        """
        customers = self.env["res.partner"].search(Domain("id", "in", list(amounts))).grouped("id")
        return [
            {"customer": customers[customer_id], "amount": amount}
            for customer_id, amount in amounts.items()
            if customer_id in customers
        ]

    @api.model
    def _select_orders(self, customer, since=None):
        """Return what the figures need of each open quotation and sales order that the agent may see.

        :param customer: a ``res.partner`` of one record, or none for all
        :param since: the first day that counts, or ``None``
        :return: a query with the columns ``id``, ``day``, ``month``, ``state``, ``rate`` and ``amount``
        :rtype: SQL
        """
        Order = self.env["sale.order"]._among_all_customers(customer)
        domain = self._get_order_domain(customer) & Domain("state", "in", ("draft", "sent", "sale"))
        if since:
            domain &= Domain("date_order", ">=", Order._get_portal_agent_moment(since, time.min))
        query = Order._search(domain)
        return self._select(
            query,
            id=Order._field_to_sql(Order._table, "id", query),
            day=Order._field_to_sql(Order._table, "date_order", query),
            month=self._get_month_sql(
                Order._field_to_sql(Order._table, "date_order", query),
                [Order._get_portal_agent_moment(day, time.min) for day in self._get_month_starts()],
            ),
            state=Order._field_to_sql(Order._table, "state", query),
            rate=Order._field_to_sql(Order._table, "currency_rate", query),
            amount=Order._field_to_sql(Order._table, "amount_total", query),
        )

    @api.model
    def _select_invoices(self, customer, since=None):
        """Return what the figures need of each invoice and credit note that the agent may see.

        :param customer: a ``res.partner`` of one record, or none for all
        :param since: the first day that counts, or ``None``
        :return: a query with the columns ``id``, ``day``, ``month``, ``amount`` and ``customer_id``
        :rtype: SQL
        """
        Move = self.env["account.move"]._among_all_customers(customer)
        query = Move._search(
            self._get_invoice_domain(customer) & (Domain("invoice_date", ">=", since) if since else Domain.TRUE)
        )
        return self._select(
            query,
            id=Move._field_to_sql(Move._table, "id", query),
            day=Move._field_to_sql(Move._table, "invoice_date", query),
            month=self._get_month_sql(Move._field_to_sql(Move._table, "invoice_date", query), self._get_month_starts()),
            amount=Move._field_to_sql(Move._table, "amount_total_signed", query),
            customer_id=Move._field_to_sql(Move._table, "commercial_partner_id", query),
        )

    @api.model
    def _select_due(self, customer, condition):
        """Return what the figures need of each invoice that is not paid, and of each credit note that is not used up.

        :param customer: a ``res.partner`` of one record, or none for all
        :param Domain condition: which of them count
        :return: a query with the columns ``customer_id``, ``age`` and ``due``
        :rtype: SQL
        """
        Move = self.env["account.move"]._among_all_customers(customer)
        query = Move._search(self._get_invoice_domain(customer) & condition)
        return self._select(
            query,
            customer_id=Move._field_to_sql(Move._table, "commercial_partner_id", query),
            age=self._get_age_sql(Move, query),
            due=Move._field_to_sql(Move._table, "amount_residual_signed", query),
        )

    @api.model
    def _select(self, query, **columns):
        """Return a query's rows with named columns.

        :param Query query: what ``_search`` has found, the record rules included
        :param columns: the columns, which the ORM has checked the access to
        :rtype: SQL
        """
        return query.select(*(SQL("%s AS %s", value, SQL.identifier(name)) for name, value in columns.items()))

    @api.model
    def _get_last_months_start(self):
        """Return the first day of the last months.

        :rtype: date
        """
        return self._get_month_starts()[0]

    @api.model
    def _get_month_starts(self):
        """Return the days on which the last months begin, the current one and the one after it last.

        :rtype: list[date]
        """
        this_month = fields.Date.context_today(self).replace(day=1)
        return [this_month - relativedelta(months=number) for number in reversed(range(-1, MONTHS))]

    @api.model
    def _get_month_sql(self, column, starts):
        """Return the number of the month that a column's value is in.

        It is compared with a handful of days: to have PostgreSQL cut each value down to its month, in the
        agent's time zone, takes it longer than to add up the amounts.

        :param SQL column: a date or a time
        :param list starts: when the months begin, ``_get_month_starts``
        :return: 1 for the first month, 0 for what is older, one more than there are months for what is to come
        :rtype: SQL
        """
        return SQL("width_bucket(%s, %s)", column, starts)

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

        :param list orders: ``orders`` of ``_read_documents``
        :param list invoices: ``invoices`` of ``_read_documents``
        :return: ``[{"label", "short", "orders", "invoices"}]``
        :rtype: list[dict]
        """
        ordered, invoiced = defaultdict(float), defaultdict(float)
        for row in orders:
            ordered[row["month"]] += row["amount"] if row["state"] == "sale" else 0
        for row in invoices:
            invoiced[row["month"]] += row["amount"]
        return [
            {
                "label": format_date(self.env, day, date_format="LLL yyyy"),
                "short": format_date(self.env, day, date_format="LLL"),
                "orders": ordered[number],
                "invoices": invoiced[number],
            }
            for number, day in enumerate(self._get_month_starts()[:-1], start=1)
        ]

    @api.model
    def _get_ages(self, due):
        """Return what is due by the days that it is overdue.

        :param list due: ``due`` of ``_read_documents``
        :return: ``[{"label", "count", "amount"}]``
        :rtype: list[dict]
        """
        labels = self._get_age_labels()
        ages = [[] for _label in labels]
        for row in due:
            ages[row["age"]].append(row)
        return [{"label": label} | self._sum_up(rows) for label, rows in zip(labels, ages, strict=True)]

    @api.model
    def _get_age_labels(self):
        """Return the names of the ages of what is due.

        :return: what is not overdue first, one more than ``AGES`` has ends
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
        """Return which of the ages something is of.

        :param int days_overdue: since how many days it should have been paid
        :return: position in the list of ages
        :rtype: int
        """
        return sum(days_overdue > limit for limit in AGES)

    @api.model
    def _get_age_sql(self, Move, query):
        """Return which of the ages each invoice of a query is of, as ``_get_age`` does.

        :param Move: the model ``account.move``, as it is searched
        :param Query query: the invoices
        :return: position in the list of ages, 0 for what is not overdue, open credit and what is blocked among it
        :rtype: SQL
        """
        return SQL(
            "CASE WHEN %s THEN width_bucket(%s - %s, %s) ELSE 0 END",
            Move._get_portal_agent_overdue_domain().optimize_full(Move)._to_sql(Move, Move._table, query),
            fields.Date.context_today(self),
            Move._field_to_sql(Move._table, "invoice_date_due", query),
            [days + 1 for days in AGES],
        )

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
                    "formatted": [self._format_amount(amount, currency) for amount in dataset["amounts"]],
                }
                for dataset in datasets
            ],
        }

    @api.model
    def _format_amount(self, amount, currency):
        """Return an amount as people read it, its minus sign before it where they read from the right, too.

        :rtype: str
        """
        return format_amount(self.env, amount, currency).replace("-", "\N{LEFT-TO-RIGHT MARK}-")

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
    def _get_debtor_domain(self, condition):
        """Return the condition that a customer owes something in the end.

        :param Domain condition: which invoices count, and which credit notes that are subtracted from them
        :rtype: Domain
        """
        documents = self._select_due(self.env["res.partner"], condition)
        debtors = SQL("SELECT customer_id FROM (%s) AS document GROUP BY customer_id HAVING sum(due) > 0", documents)
        # "IS TRUE" keeps PostgreSQL from making a join of it. It expects a handful of debtors, would look each of them
        # up, and go through all of the agent's customers for each: five times as long for ten thousand.
        return Domain.custom(
            to_sql=lambda model, alias, query: SQL(
                "(%s IN (%s)) IS TRUE", model._field_to_sql(alias, "id", query), debtors
            )
        )

    @api.model
    def _get_latest_documents(self, orders, invoices):
        """Return the latest quotations, orders and invoices, the newest first.

        :param orders: the latest ``sale.order``
        :param invoices: the latest ``account.move``
        :return: documents of both models
        :rtype: list
        """
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
