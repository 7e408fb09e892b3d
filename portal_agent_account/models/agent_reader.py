"""Who may read a customer's records: how the field that the record rules ask is searched.

A record belongs to a contact, and the contact to a customer, its commercial entity. Those who look after
the customer may read it, as long as the customer is not archived.

The field ``portal_agent_reader_ids`` is searched by subqueries of ids instead of the joins by which the ORM
follows such a path, and in one of two ways that find the same records:

* As a rule asks it of a few records, mostly of one that is read by its id: PostgreSQL looks the record's own
  customer up. The subqueries are planned in less time than the joins.
* Of all records of an agent, where a page counts or lists them: PostgreSQL gathers the ids of the agent's
  contacts once, and reads their records in one walk through an index, in half the time that it takes to look
  them up for each contact. A search says so by the context (:data:`ALL_CUSTOMERS`).

See ``benchmarks/``.
"""

from odoo.fields import Domain
from odoo.tools import SQL

# The key of the context by which a search says that it is about all records of an agent. It decides how
# records are looked for, and not which: whoever sets it finds the same.
ALL_CUSTOMERS = "portal_agent_all_customers"

# The key of the context by which a statement says what it has gathered already: ``{query: SQL of its array}``.
# What is asked for by the very same query is not gathered again, and nothing else: whoever sets it finds the same.
GATHERED = "portal_agent_gathered"

# The ids of some agents' customers who are not archived: each customer is looked up. By a query of its own for
# each, which takes PostgreSQL a fifth less time to plan than a join.
_IS_ACTIVE = "(SELECT customer.active FROM res_partner AS customer WHERE customer.id = agent.partner_id)"
_SELECT_CUSTOMERS = f"""
    SELECT agent.partner_id FROM res_partner_portal_agent_rel AS agent
     WHERE agent.user_id IN %s AND {_IS_ACTIVE}
"""
_SELECT_CONTACTS = f"""
    SELECT contact.id FROM res_partner AS contact
      JOIN res_partner_portal_agent_rel AS agent ON agent.partner_id = contact.commercial_partner_id
     WHERE agent.user_id IN %s AND {_IS_ACTIVE}
"""

# The same of all of an agent's customers: those who are archived are taken away. They are few, and an index holds
# nothing else.
_SELECT_ALL_CUSTOMERS = """
    SELECT agent.partner_id FROM res_partner_portal_agent_rel AS agent
     WHERE agent.user_id IN %s
       AND NOT EXISTS (
           SELECT FROM res_partner AS customer WHERE customer.id = agent.partner_id AND customer.active IS NOT TRUE
       )
"""
_SELECT_ALL_CONTACTS = "SELECT contact.id FROM res_partner AS contact WHERE contact.commercial_partner_id %s"


def get_among_domain(model, name, ids):
    """Return the condition that a field's value is among some ids.

    :param model: the model that is searched
    :param str name: a many2one field
    :param SQL ids: a query that selects the ids
    :rtype: Domain
    """
    if not _is_about_all_customers(model):
        return Domain(name, "any!", ids)
    return Domain.custom(
        to_sql=lambda model, alias, query: SQL(
            "%s %s", model._field_to_sql(alias, name, query), _among_gathered(model, ids)
        )
    )


def select_contacts(partners, user_ids):
    """Return a query for the ids of the contacts of some agents' customers, the customers included.

    :param partners: the model ``res.partner``
    :param Collection user_ids: ids of the agents
    :rtype: SQL
    """
    to_flush = _get_asked_fields(partners)
    if _is_about_all_customers(partners):
        customers = select_customers(partners, user_ids)
        return SQL(_SELECT_ALL_CONTACTS, _among_gathered(partners, customers), to_flush=to_flush)
    return SQL(_SELECT_CONTACTS, tuple(user_ids), to_flush=to_flush)


def select_customers(partners, user_ids):
    """Return a query for the ids of some agents' customers.

    :param partners: the model ``res.partner``
    :param Collection user_ids: ids of the agents
    :rtype: SQL
    """
    return SQL(
        _SELECT_ALL_CUSTOMERS if _is_about_all_customers(partners) else _SELECT_CUSTOMERS,
        tuple(user_ids),
        to_flush=_get_asked_fields(partners),
    )


def _get_asked_fields(partners):
    """Return the fields that the queries ask for, and that have to be written before they do."""
    return [partners._fields[name] for name in ("active", "commercial_partner_id", "portal_agent_ids")]


def _is_about_all_customers(model):
    return bool(model.env.context.get(ALL_CUSTOMERS))


def _among_gathered(model, ids):
    """Have PostgreSQL gather the ids before it looks for them, however many it expects."""
    gathered = model.env.context.get(GATHERED)
    array = gathered.get(ids) if isinstance(gathered, dict) else None
    return SQL("= ANY(%s)", array or SQL("ARRAY(%s)", ids))
