"""Sort orders of the agent's lists that are not based on a stored field.

Their names appear only in the code of the pages: a visitor chooses from fixed keys.
"""

from odoo import api, models
from odoo.tools import SQL


class PortalAgentMixin(models.AbstractModel):
    _inherit = "portal.agent.mixin"

    def _order_field_to_sql(self, alias, field_name, direction, nulls, query):
        """Sort documents by customer instead of contact, or by the month of a date."""
        if field_name == "portal_agent_customer":
            return self._order_by_portal_agent_customer(alias, direction, query)
        name, _dot, date_field = field_name.partition(".")
        if name == "portal_agent_month":
            return SQL("%s %s", self._get_portal_agent_month_sql(alias, date_field, query), direction)
        return super()._order_field_to_sql(alias, field_name, direction, nulls, query)

    def _order_by_portal_agent_customer(self, alias, direction, query):
        """Return the terms that sort by the customer's name, then by the customer's id.

        :rtype: SQL
        """
        Partner = self.env["res.partner"]
        self._field_to_sql(alias, "partner_id", query)  # flush the field and check access to it
        contact = query.left_join(alias, "partner_id", Partner._table, "id", "partner_id")
        Partner._field_to_sql(contact, "commercial_partner_id", query)
        customer = query.left_join(contact, "commercial_partner_id", Partner._table, "id", "commercial_partner_id")
        names = (Partner._field_to_sql(customer, name, query) for name in ("complete_name", "id"))
        return SQL(", ").join(SQL("%s %s", name, direction) for name in names)

    @api.model
    def _join_portal_agent_figures(self, alias, name, values, column_type, query):
        """Join computed figures to the records of a query, to sort by them.

        :param str alias: table alias of the records in the query
        :param str name: name of the figure
        :param dict values: figure by record id
        :param str column_type: PostgreSQL type of the figure
        :param Query query: query to extend
        :return: figure of the record, NULL if it has none
        :rtype: SQL
        """
        figure = query.make_alias(alias, name)
        rows = SQL(
            "(SELECT * FROM unnest(%s::int[], %s::%s[]) AS t(id, value))",
            list(values),
            list(values.values()),
            SQL(column_type),
        )
        is_same = SQL("%s = %s", SQL.identifier(alias, "id"), SQL.identifier(figure, "id"))
        query.add_join("LEFT JOIN", figure, rows, is_same)
        return SQL.identifier(figure, "value")

    def _get_portal_agent_month_sql(self, alias, date_field, query):
        """Return the first day of the month of a record's date, in the agent's time zone.

        :rtype: SQL
        """
        return SQL("date_trunc('month', %s)", self._get_portal_agent_day_sql(alias, date_field, query))

    def _get_portal_agent_day_sql(self, alias, date_field, query):
        """Return the day of a record's date, in the agent's time zone.

        :rtype: SQL
        """
        column = self._field_to_sql(alias, date_field, query)
        if self._fields[date_field].type == "datetime":
            column = SQL("timezone(%s, timezone('UTC', %s))::date", self.env.tz.zone, column)
        return column


class AccountMove(models.Model):
    _inherit = "account.move"

    def _order_field_to_sql(self, alias, field_name, direction, nulls, query):
        """Sort by the due date that the list shows: of the first open instalment, otherwise of the invoice."""
        if field_name != "portal_agent_date_due":
            return super()._order_field_to_sql(alias, field_name, direction, nulls, query)
        days = {}
        for item in self._read_portal_agent_instalments(self._get_portal_agent_invoice_domain()):
            days[item.move_id] = min(item.date_due, days.get(item.move_id, item.date_due))
        next_day = self._join_portal_agent_figures(alias, field_name, days, "date", query)
        day = SQL("COALESCE(%s, %s)", next_day, self._field_to_sql(alias, "invoice_date_due", query))
        return SQL("%s %s %s", day, direction, nulls)
