"""The figures in the list of customers: amounts due and overdue, and the last order."""

from collections import defaultdict
from datetime import time

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL


class ResPartner(models.Model):
    _inherit = "res.partner"

    def _get_portal_agent_balances(self):
        """Return the amounts due of these customers, in the currency of the current company.

        :return: ``{id: {"due", "overdue"}}``, with zeros for ids without amounts
        :rtype: defaultdict
        """
        in_self = Domain("partner_id", "any!", Domain("commercial_partner_id", "in", self.ids))
        return self._read_portal_agent_balances(in_self)

    @api.model
    def _read_portal_agent_balances(self, domain=Domain.TRUE):
        """Return the amounts due of customers, in the currency of the current company.

        :param Domain domain: condition on the invoices; all of the agent's by default
        :return: ``{id: {"due", "overdue"}}``, with zeros for ids without amounts
        :rtype: defaultdict
        """
        balances = defaultdict(lambda: {"due": 0.0, "overdue": 0.0})
        for item in self.env["portal.agent.dashboard"]._read_instalments(self.browse(), domain):
            balances[item.customer_id]["due"] += item.amount
            balances[item.customer_id]["overdue"] += item.amount if item.days_overdue else 0
        # Without this, amounts that cancel each other out would be shown as "-0.00".
        next_to_nothing = self.env["portal.agent.dashboard"]._get_currency().rounding / 2
        for row in balances.values():
            row.update((name, 0.0) for name, amount in row.items() if abs(amount) < next_to_nothing)
        return balances

    @api.model
    def _get_portal_agent_debtor_domain(self, name):
        """Return the condition for customers with a positive total amount due or overdue.

        :param str name: ``due`` or ``overdue``
        :rtype: Domain
        """
        currency = self.env["portal.agent.dashboard"]._get_currency()
        balances = self._read_portal_agent_balances()
        return Domain("id", "in", [key for key, row in balances.items() if currency.compare_amounts(row[name], 0) > 0])

    def _get_portal_agent_last_orders(self):
        """Return the date of the last order of each of these customers.

        :return: datetimes in UTC by id, for customers with orders
        :rtype: dict[int, datetime]
        """
        in_self = Domain("partner_id", "any!", Domain("commercial_partner_id", "in", self.ids))
        return self._read_portal_agent_last_orders(in_self)

    @api.model
    def _read_portal_agent_last_orders(self, domain=Domain.TRUE):
        """Return the date of the last order of each customer from the current company.

        :param Domain domain: condition on the orders; all of the agent's by default
        :return: datetimes in UTC by id, for customers with orders
        :rtype: dict[int, datetime]
        """
        Order = self.env["sale.order"]
        domain &= self.env["portal.agent.dashboard"]._get_order_domain(self.browse())
        query = Order._search(domain & Domain("state", "=", "sale"))
        if query.is_empty():
            return {}
        # _read_group would apply the record rules of contacts again.
        customer = query.groupby = Order._get_portal_agent_customer_sql(query)
        last_order = SQL("MAX(%s)", Order._field_to_sql(Order._table, "date_order", query))
        return dict(self.env.execute_query(query.select(customer, last_order)))

    @api.model
    def _get_portal_agent_quiet_domain(self, months):
        """Return the condition for customers who have ordered, but not in the last months.

        :param int months: number of months; ``None`` for customers who have never ordered
        :rtype: Domain
        """
        last_orders = self._read_portal_agent_last_orders()
        if months is None:
            return Domain("id", "not in", list(last_orders))
        day = fields.Date.context_today(self) - relativedelta(months=months)
        moment = self._get_portal_agent_moment(day, time.min)
        return Domain("id", "in", [key for key, last_order in last_orders.items() if last_order < moment])

    # ---- customers to call

    def _get_portal_agent_call_reasons(self):
        """Return why an agent should call these customers.

        :return: translated sentences by id, with an empty list for ids without reasons
        :rtype: defaultdict
        """
        in_self = Domain("partner_id", "any!", Domain("commercial_partner_id", "in", self.ids))
        reasons = self._read_portal_agent_call_reasons(in_self)
        get_label = self.env["portal.agent.call"]._get_label
        labels = {customer_id: list(map(get_label, why)) for customer_id, why in reasons.items()}
        return defaultdict(list, labels)

    @api.model
    def _get_portal_agent_call_domain(self):
        """Return the condition for the customers that an agent should call.

        :rtype: Domain
        """
        return Domain("id", "in", list(self._read_portal_agent_call_reasons()))

    @api.model
    def _read_portal_agent_call_reasons(self, domain=Domain.TRUE):
        """Return the customers that an agent should call.

        :param Domain domain: condition on the documents; all of the agent's by default
        :return: see :meth:`portal.agent.call._get_reasons`
        :rtype: defaultdict
        """
        Dashboard = self.env["portal.agent.dashboard"]
        return self.env["portal.agent.call"]._get_reasons(domain, Dashboard._read_instalments(self.browse(), domain))

    # ---- sorting by these figures

    @api.model
    def _get_portal_agent_order_figures(self):
        """Return the computed figures that can be used in ``order``.

        :return: functions that return ``{id: value}``, by name
        :rtype: dict
        """
        return {
            "portal_agent_due": lambda: self._read_portal_agent_amounts("due"),
            "portal_agent_overdue": lambda: self._read_portal_agent_amounts("overdue"),
            "portal_agent_last_order": self._read_portal_agent_last_orders,
        }

    @api.model
    def _read_portal_agent_amounts(self, name):
        return {key: row[name] for key, row in self._read_portal_agent_balances().items()}

    def _order_field_to_sql(self, alias, field_name, direction, nulls, query):
        """Sort customers by a figure of their documents, at the cost of one query, in lists and exports."""
        read = self._get_portal_agent_order_figures().get(field_name)
        if read is None:
            return super()._order_field_to_sql(alias, field_name, direction, nulls, query)
        column_type = "timestamp" if field_name == "portal_agent_last_order" else "float8"
        figure = self._join_portal_agent_figures(alias, field_name, read(), column_type, query)
        return SQL("%s %s NULLS LAST", figure, direction)
