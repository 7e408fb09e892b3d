from datetime import datetime

import pytz

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL, Query

from . import agent_scope
from .agent_boundary import READABLE_FIELDS


class PortalAgentMixin(models.AbstractModel):
    """A model whose records portal agents may read as far as ``agent_boundary`` says."""

    _name = "portal.agent.mixin"
    _description = "Readable by Portal Agents"

    # The names that ``_get_portal_agent_readable_fields`` gave when the model was set up.
    _portal_agent_readable_names = frozenset()

    # The many2one field through which a record has its contact: a contact's id, or that of a record that has one.
    _portal_agent_contact_field = "partner_id"

    # What the record rules ask, and nobody else.
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
        """Say which fields of this model an agent may read, and why.

        It depends on the model alone: it is asked once, whenever the registry sets the model up, and
        holds for all users of the database.

        :return: the reason by name of the field; for a model that nobody wrote a list for, nothing
        :rtype: dict[str, str]
        """
        return READABLE_FIELDS.get(self._name, {})

    @api.model
    def _get_portal_agent_reader_depends(self):
        """Return the fields on which ``portal_agent_reader_ids`` depends.

        :rtype: list[str]
        """
        return [f"{self._portal_agent_contact_field}.portal_agent_reader_ids"]

    @api.depends(lambda self: self._get_portal_agent_reader_depends())
    def _compute_portal_agent_reader_ids(self):
        for record in self:
            record.portal_agent_reader_ids = record[self._portal_agent_contact_field].portal_agent_reader_ids

    @api.model
    def _search_portal_agent_reader_ids(self, operator, value):
        """Search the records of some agents' customers, for the record rules and for the pages alike.

        A subquery of ids is planned in less time than the joins that the ORM makes of the same path.
        """
        if operator != "in" or False in value:
            return NotImplemented
        name = self._portal_agent_contact_field
        if self._fields[name].comodel_name != "res.partner":
            return Domain(name, "any!", Domain("portal_agent_reader_ids", "in", value))
        return Domain(name, "any!", self._select_portal_agent_contacts(value, name == "commercial_partner_id"))

    @api.model
    def _select_portal_agent_contacts(self, user_ids, only_customers):
        """Select the contacts whose documents some agents may read: what the rules for everybody keep from them is out.

        Those rules, such as that of a contact's company, hold for the contact and for the customer that it belongs to:
        no page finds a document whose customer it can't name, and all figures are of the same documents. The customer
        is asked for by a subquery for each. To join it, PostgreSQL would read all contacts there are, for an agent with
        a thousand customers.

        :param user_ids: the agents' ids
        :param bool only_customers: whether to select the customers alone, without the contacts below them
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
        agent.add_where(SQL("(%s)", customer.select(SQL("TRUE"))))
        if only_customers:
            return agent.select(SQL("agent.partner_id"))
        is_below = SQL("contact.commercial_partner_id = agent.partner_id")
        agent.add_join("JOIN", "contact", SQL.identifier(Partner_sudo._table), is_below)
        agent.add_where(rules._to_sql(Partner_sudo, "contact", agent))
        return agent.select(SQL("contact.id"))

    def _has_field_access(self, field, operation):
        """Refuse agents every field that is not listed, wherever their rules give them records.

        Reading and exporting a field asks here, and so does searching, sorting and grouping by a stored
        field. The ORM does not ask for the related and computed fields that it searches, sorts and groups
        by: no route of an agent takes the name of a field from a visitor.
        """
        if not super()._has_field_access(field, operation):
            return False
        # Called for every value that is read: the cheap condition comes first.
        is_listed = operation == "read" and field.name in self._portal_agent_readable_names
        return is_listed or not self._is_read_by_portal_agent()

    @api.model
    def _is_read_by_portal_agent(self):
        """Return whether the agent's rules count for whoever is reading.

        :rtype: bool
        """
        return (
            not self.env.su and agent_scope.get_agent_scope() == agent_scope.AGENT and self.env.user._is_portal_agent()
        )

    @api.model
    def _get_portal_agent_domain(self):
        """Return what an agent's page lists beyond what the record rules say.

        :return: a condition that holds for every record that any page of an agent may show
        :rtype: Domain
        """
        return Domain.TRUE

    @api.model
    def _get_portal_agent_customer_domain(self, customer):
        """Return the condition that a record belongs to one customer, contacts at any depth included.

        It bypasses the contacts' own rules: the record's rule has proved already that the customer
        is the agent's, and to prove it again in a subquery costs more than the page.

        :param customer: commercial entity, a ``res.partner`` of one record, or none for all
        :rtype: Domain
        """
        if not customer:
            return Domain.TRUE
        return Domain("partner_id", "any!", Domain("commercial_partner_id", "=", customer.id))

    @api.model
    def _search_portal_agent_page(self, domain, order, limit, offset=0):
        """Search one page of a list and count the whole list, by one query.

        PostgreSQL can only count by finding the agent's own records. Asked for the first of them alone, it
        may go through everybody's instead, by the index of their order, until it has met enough of the
        agent's: all orders there are, for an agent whose customers have bought nothing lately.

        :param Domain domain: what is listed
        :param str order: in which order
        :param int limit: how many records the page shows at most
        :param int offset: how many come before them
        :return: the page's records, and how many the list has on all pages; 0 behind its end
        :rtype: tuple[recordset, int]
        """
        query = self._search(domain, order=order, limit=limit, offset=offset)
        if query.is_empty():
            return self.browse(), 0
        rows = self.env.execute_query(query.select(SQL.identifier(query.table, "id"), SQL("COUNT(*) OVER ()")))
        return self.browse(record_id for record_id, _total in rows), rows[0][1] if rows else 0

    @api.model
    def _read_portal_agent_rows(self, domain, names, with_customer=False):
        """Read values of records without making records of them: figures are made of tens of thousands.

        :param Domain domain: which records
        :param list names: stored fields of this model
        :param bool with_customer: whether the id of the customer, the contact's commercial entity, comes last
        :return: a row of values for each record
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
        """Return the customer of each record of a query: the present commercial entity of its contact.

        The record's own rule has proved that the customer is the agent's: the contacts' rules are not asked again.

        :param Query query: what ``_search`` has found
        :rtype: SQL
        """
        Partner_sudo = self.env["res.partner"].sudo()
        contact = query.left_join(self._table, "partner_id", "res_partner", "id", "partner_id")
        return Partner_sudo._field_to_sql(contact, "commercial_partner_id", query)

    @api.model
    def _get_portal_agent_moment(self, day, clock):
        """Return when it is some time of a day where the agent is.

        :param date day: the day
        :param time clock: the time of the agent's time zone
        :return: the moment in UTC, as fields hold it
        :rtype: datetime
        """
        return self.env.tz.localize(datetime.combine(day, clock)).astimezone(pytz.utc).replace(tzinfo=None)

    def _fetch_for_portal_agent(self):
        """Read what an agent's page shows of these records.

        Only for records that this request has found under the agent's record rules, and for the contacts of
        such documents, of whom the documents' rule has proved the same. The rules are not asked again.
        """
        if self:
            self._fetch_query(self._as_query(ordered=False), self._determine_fields_to_fetch())

    @api.model
    def _find_for_portal_agent(self, record_id, domain=Domain.TRUE):
        """Find one record that the agent's pages may show.

        A record that does not exist and one that is somebody else's get the same answer, by the
        same query.

        :param int record_id: the id that the visitor asked for
        :param Domain domain: further condition of the page
        :return: the record, or an empty recordset
        """
        return self.search(Domain("id", "=", record_id) & self._get_portal_agent_domain() & domain, limit=1)
