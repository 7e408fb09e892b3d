from datetime import datetime

import pytz

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from . import agent_reader, agent_scope
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
        if operator != "in" or False in value:
            return NotImplemented
        name = self._portal_agent_contact_field
        if self._fields[name].comodel_name != "res.partner":
            return Domain(name, "any!", Domain("portal_agent_reader_ids", "in", value))
        return agent_reader.get_among_domain(self, name, self._select_portal_agent_contacts(value))

    @api.model
    def _select_portal_agent_contacts(self, user_ids):
        """Return a query for the ids that the contact's field has in the records of some agents' customers.

        :param Collection user_ids: ids of the agents
        :rtype: SQL
        """
        return agent_reader.select_contacts(self.env["res.partner"], user_ids)

    @api.model
    def _among_all_customers(self, customer=None):
        """Return this model as it is searched for the records of all of an agent's customers.

        Which records are found does not depend on it, only how PostgreSQL looks for them.

        :param customer: the one whose records are searched for, a ``res.partner``: then they are few
        """
        return self if customer else self.with_context(**{agent_reader.ALL_CUSTOMERS: True})

    def _has_field_access(self, field, operation):
        """Refuse agents every field that is not listed, wherever their rules give them records.

        Whatever reaches a field asks here: reading, sorting, grouping, exporting, following a dotted
        path, and searching. The methods below see to the cases where the ORM does not ask.
        """
        if not super()._has_field_access(field, operation):
            return False
        # asked for every value that is read, so who is reading is looked at only where it matters
        is_listed = operation == "read" and field.name in self._portal_agent_readable_names
        return is_listed or not self._is_read_by_portal_agent()

    @api.model
    def _is_read_by_portal_agent(self):
        """Return whether the agent's rules count for whoever is reading.

        :rtype: bool
        """
        return (
            not self.env.su and agent_scope.get_agent_scope() != agent_scope.PLAIN and self.env.user._is_portal_agent()
        )

    def _read_group_groupby(self, alias, groupby_spec, query):
        """Ask for many2many and related fields, which the ORM groups by unasked."""
        self._check_named_field_access(groupby_spec)
        return super()._read_group_groupby(alias, groupby_spec, query)

    def _read_group_select(self, aggregate_spec, query):
        """Ask for related fields, which the ORM sums up unasked."""
        self._check_named_field_access(aggregate_spec)
        return super()._read_group_select(aggregate_spec, query)

    def _order_field_to_sql(self, alias, field_name, direction, nulls, query):
        """Ask for related fields, which the ORM sorts by unasked."""
        self._check_named_field_access(field_name)
        return super()._order_field_to_sql(alias, field_name, direction, nulls, query)

    @api.model
    def _check_named_field_access(self, expression):
        """Check the access to the field that an expression like ``date:month`` or ``a_id.b`` starts with.

        :param str expression: what somebody groups by, sums up or sorts by
        :raise AccessError: if the current user may not read the field
        """
        if field := self._fields.get(expression.partition(":")[0].partition(".")[0]):
            self._check_field_access(field, "read")

    def _search(self, domain, *args, **kwargs):
        """Ask for computed fields, whose search methods the ORM runs unasked."""
        if self._is_read_by_portal_agent():
            self._check_domain_access(self, Domain(domain))
        return super()._search(domain, *args, **kwargs)

    @api.model
    def _check_domain_access(self, model, domain):
        """Check the access to every field that a domain names, those of related records included.

        :param model: the model that the domain is for
        :param Domain domain: what somebody searches for
        :raise AccessError: if the current user may not read one of the fields
        """
        for condition in domain.iter_conditions():
            name, _dot, path = condition.field_expr.partition(".")
            field = model._fields.get(name)
            if field is None:
                continue  # the ORM refuses it, and says so better
            model._check_field_access(field, "read")
            if not field.relational:
                continue
            comodel = model.env[field.comodel_name]
            if path:
                self._check_domain_access(comodel, Domain(path, condition.operator, condition.value))
            elif isinstance(condition.value, Domain):
                self._check_domain_access(comodel, condition.value)
            elif condition.operator in ("any", "not any") and isinstance(condition.value, (list, tuple)):
                self._check_domain_access(comodel, Domain(condition.value))

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
    def _search_portal_agent_page(self, domain, order, limit, offset=0, customer=None):
        """Search one page of a list and count the whole list, by one query.

        PostgreSQL can only count by finding the agent's own records. Asked for the first of them alone, it
        may go through everybody's instead, by the index of their order, until it has met enough of the
        agent's: all orders there are, for an agent whose customers have bought nothing lately.

        :param Domain domain: what is listed
        :param str order: in which order
        :param int limit: how many records the page shows at most
        :param int offset: how many come before them
        :param customer: the one whose records ``domain`` is about, a ``res.partner``; none for all
        :return: the page's records, and how many the list has on all pages; 0 behind its end
        :rtype: tuple[recordset, int]
        """
        query = self._among_all_customers(customer)._search(domain, order=order, limit=limit, offset=offset)
        if query.is_empty():
            return self.browse(), 0
        rows = self.env.execute_query(query.select(SQL.identifier(query.table, "id"), SQL("COUNT(*) OVER ()")))
        return self.browse(record_id for record_id, _total in rows), rows[0][1] if rows else 0

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
        such documents, of whom the documents' rule has proved the same. The rules are not asked again:
        PostgreSQL would plan a page's query by them for longer than it reads the page.
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
