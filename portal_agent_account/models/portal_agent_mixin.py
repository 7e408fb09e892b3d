from datetime import datetime

import pytz

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL, Query

from . import agent_scope
from .agent_boundary import READABLE_FIELDS


class PortalAgentMixin(models.AbstractModel):
    """A model whose records portal agents may read within the limits of ``agent_boundary``."""

    _name = "portal.agent.mixin"
    _description = "Readable by Portal Agents"

    # Names from ``_get_portal_agent_readable_fields``, stored when the registry sets the model up.
    _portal_agent_readable_names = frozenset()

    # Name of the many2one field that leads to the contact, directly or through another record.
    _portal_agent_contact_field = "partner_id"

    # Used only by the record rules.
    portal_agent_reader_ids = fields.Many2many(
        comodel_name="res.users",
        string="Agents Who May Read",
        compute="_compute_portal_agent_reader_ids",
        search="_search_portal_agent_reader_ids",
        compute_sudo=True,
        groups=fields.NO_ACCESS,
    )

    def _post_model_setup__(self):
        names = frozenset(self._get_portal_agent_readable_fields())
        self.env.registry[self._name]._portal_agent_readable_names = names
        return super()._post_model_setup__()

    @api.model
    def _get_portal_agent_readable_fields(self):
        """Return the fields of this model that an agent may read, with the reasons.

        The result depends on the model only: the method is called once, when the registry sets the model up, and holds
        for all users of the database.

        :return: reason by field name; empty for a model without a list
        :rtype: dict[str, str]
        """
        return READABLE_FIELDS.get(self._name, {})

    @api.model
    def _get_portal_agent_reader_depends(self):
        """Return the dependencies of ``portal_agent_reader_ids``.

        :rtype: list[str]
        """
        return [f"{self._portal_agent_contact_field}.portal_agent_reader_ids"]

    @api.depends(lambda self: self._get_portal_agent_reader_depends())
    def _compute_portal_agent_reader_ids(self):
        for record in self:
            record.portal_agent_reader_ids = record[self._portal_agent_contact_field].portal_agent_reader_ids

    @api.model
    def _search_portal_agent_reader_ids(self, operator, value):
        """Search the records of the agents' customers, both for the record rules and for the pages.

        PostgreSQL plans a subquery of ids faster than the joins that the ORM generates for the same path.
        """
        if operator != "in" or False in value:
            return NotImplemented
        name = self._portal_agent_contact_field
        if self._fields[name].comodel_name != "res.partner":
            return Domain(name, "any!", Domain("portal_agent_reader_ids", "in", value))
        return Domain(name, "any!", self._select_portal_agent_contacts(value, name == "commercial_partner_id"))

    @api.model
    def _select_portal_agent_contacts(self, user_ids, only_customers):
        """Select the contacts whose documents the agents may read, without those that global rules exclude.

        The global rules, such as the one on a contact's company, apply to both the contact and its customer. This way
        no page finds a document whose customer it can't name, and all figures cover the same documents.

        Each rule on the customer is a subquery that is compared with the customer's id. PostgreSQL expects few rows of
        such a comparison, so it looks up contacts and documents by their indexes, starting either from the agent's
        customers or from a single document. With a join, it would read all contacts for an agent with a thousand
        customers.

        :param user_ids: ids of the agents
        :param bool only_customers: whether to select only the customers, without their contacts
        :rtype: SQL
        """
        Partner_sudo = self.env["res.partner"].sudo()
        rules = self.env["ir.rule"]._get_portal_agent_contact_domain().optimize_full(Partner_sudo)
        to_flush = [Partner_sudo._fields[name] for name in ("active", "commercial_partner_id", "portal_agent_ids")]
        customer = Query(self.env, "customer", SQL.identifier(Partner_sudo._table))
        customer.add_where(SQL("customer.active AND customer.id = agent.partner_id", to_flush=to_flush))
        customer.add_where(rules._to_sql(Partner_sudo, customer.table, customer))
        agent = Query(self.env, "agent", SQL.identifier(Partner_sudo._fields["portal_agent_ids"].relation))
        agent.add_where(SQL("agent.user_id IN %s", tuple(user_ids)))
        agent.add_where(SQL("agent.partner_id = (%s)", customer.select()))
        if only_customers:
            return agent.select(SQL("agent.partner_id"))
        is_below = SQL("contact.commercial_partner_id = agent.partner_id")
        agent.add_join("JOIN", "contact", SQL.identifier(Partner_sudo._table), is_below)
        agent.add_where(rules._to_sql(Partner_sudo, "contact", agent))
        return agent.select(SQL("contact.id"))

    def _has_field_access(self, field, operation):
        """Refuse agents every field that is not listed, even on records that their rules allow.

        The ORM calls this method to read and export a field, and to search, sort and group by a stored field. It
        doesn't call it for the related and computed fields that it searches, sorts or groups by; therefore no agent's
        route accepts a field name from the visitor.
        """
        if not super()._has_field_access(field, operation):
            return False
        # Called for every value that is read, so check the cheap condition first.
        is_listed = operation == "read" and field.name in self._portal_agent_readable_names
        return is_listed or not self._is_read_by_portal_agent()

    @api.model
    def _is_read_by_portal_agent(self):
        """Return whether the agent's rules apply to the current user and environment.

        :rtype: bool
        """
        return (
            not self.env.su and agent_scope.get_agent_scope() == agent_scope.AGENT and self.env.user._is_portal_agent()
        )

    @api.model
    def _get_portal_agent_domain(self):
        """Return the condition that the agent's pages add to the record rules.

        :return: condition for the records that the agent's pages may show
        :rtype: Domain
        """
        return Domain.TRUE

    @api.model
    def _get_portal_agent_customer_domain(self, customer):
        """Return the condition for the records of one customer, including contacts at any level.

        It bypasses the record rules of contacts: the record's own rule already ensures that the customer is the
        agent's, and checking that again in a subquery costs more than the page.

        :param customer: single ``res.partner``, a commercial entity, or an empty recordset for all customers
        :rtype: Domain
        """
        if not customer:
            return Domain.TRUE
        return Domain("partner_id", "any!", Domain("commercial_partner_id", "=", customer.id))

    @api.model
    def _search_portal_agent_page(self, domain, order, limit, offset=0):
        """Search one page of a list and count the whole list in a single query.

        The count makes PostgreSQL find the agent's own records. A query for the first records only might instead scan
        all records by the index of the sort order until it has found enough of the agent's. For an agent whose
        customers have bought nothing lately, it would scan all orders.

        :param Domain domain: condition of the list
        :param str order: sort order
        :param int limit: maximum number of records on the page
        :param int offset: number of records before the page
        :return: records of the page, and number of records in the list; 0 for a page after the end
        :rtype: tuple[recordset, int]
        """
        query = self._search(domain, order=order, limit=limit, offset=offset)
        if query.is_empty():
            return self.browse(), 0
        rows = self.env.execute_query(query.select(SQL.identifier(query.table, "id"), SQL("COUNT(*) OVER ()")))
        return self.browse(record_id for record_id, _total in rows), rows[0][1] if rows else 0

    @api.model
    def _read_portal_agent_rows(self, domain, names, with_customer=False):
        """Read values without creating records, because the figures may use tens of thousands of rows.

        :param Domain domain: condition on this model
        :param list names: names of stored fields of this model
        :param bool with_customer: whether to append the id of the customer (the contact's commercial entity) as last
            column
        :return: rows of values, one per record
        :rtype: list[tuple]
        """
        query = self._search(domain)
        if query.is_empty():
            return []
        columns = [self._field_to_sql(self._table, name, query) for name in names]
        if with_customer:
            columns.append(self._get_portal_agent_customer_sql(query))
        return self.env.execute_query(query.select(*columns))

    @api.model
    def _get_portal_agent_customer_sql(self, query):
        """Return the SQL for the customer of each record, the current commercial entity of its contact.

        The record's own rule already ensures that the record has a contact and that the customer is the agent's, so
        the rules of contacts are not applied. With an inner join, PostgreSQL looks up each contact only once, before
        its documents.

        :param Query query: query from ``_search``
        :rtype: SQL
        """
        Partner_sudo = self.env["res.partner"].sudo()
        contact = query.join(self._table, "partner_id", "res_partner", "id", "agent_contact")
        return Partner_sudo._field_to_sql(contact, "commercial_partner_id", query)

    @api.model
    def _get_portal_agent_moment(self, day, clock):
        """Convert a day and a time in the agent's time zone to UTC.

        :param date day: day in the agent's time zone
        :param time clock: time in the agent's time zone
        :return: naive datetime in UTC, as fields store it
        :rtype: datetime
        """
        return self.env.tz.localize(datetime.combine(day, clock)).astimezone(pytz.utc).replace(tzinfo=None)

    def _fetch_for_portal_agent(self):
        """Fetch the fields that an agent's page shows, without applying the record rules again.

        Only call it for records found under the agent's record rules in the same request, or for contacts of such
        documents, which the documents' rule covers.
        """
        if self:
            self._fetch_query(self._as_query(ordered=False), self._determine_fields_to_fetch())

    @api.model
    def _find_for_portal_agent(self, record_id, domain=Domain.TRUE):
        """Find one record that the agent's pages may show.

        The result and the query are the same for a record that doesn't exist and one that the agent may not see.

        :param int record_id: requested id
        :param Domain domain: additional condition of the page
        :return: the record, or an empty recordset
        """
        return self.search_fetch(Domain("id", "=", record_id) & self._get_portal_agent_domain() & domain, limit=1)
