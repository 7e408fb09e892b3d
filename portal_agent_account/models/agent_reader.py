"""Who may read a customer's records: how the field that the record rules ask is searched.

A record belongs to a contact, and the contact to a customer, its commercial entity. Those who look after
the customer may read it, as long as the customer is not archived.

The field ``portal_agent_reader_ids`` is searched by subqueries of ids instead of the joins by which the ORM
follows such a path, and in one of two ways that find the same records:

* As a rule asks it of a few records, mostly of one that is read by its id: PostgreSQL looks the record's own
  customer up. To plan that takes it a third less time by the subqueries than by the joins.
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

# The ids of some agents' customers who are not archived: each customer is looked up.
_SELECT_CUSTOMERS = """
    SELECT customer.id FROM res_partner AS customer
      JOIN res_partner_portal_agent_rel AS agent ON agent.partner_id = customer.id
     WHERE customer.active AND agent.user_id IN %s
"""
# The same: those who are archived are taken away. They are few, and an index holds nothing else.
_SELECT_ALL_CUSTOMERS = """
    SELECT agent.partner_id FROM res_partner_portal_agent_rel AS agent
     WHERE agent.user_id IN %s
       AND NOT EXISTS (
           SELECT FROM res_partner AS customer WHERE customer.id = agent.partner_id AND customer.active IS NOT TRUE
       )
"""


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
    customers = select_customers(partners, user_ids)
    return SQL(
        "SELECT contact.id FROM res_partner AS contact WHERE contact.commercial_partner_id %s",
        _among_gathered(partners, customers) if _is_about_all_customers(partners) else SQL("IN (%s)", customers),
        to_flush=partners._fields["commercial_partner_id"],
    )


def select_customers(partners, user_ids):
    """Return a query for the ids of some agents' customers.

    :param partners: the model ``res.partner``
    :param Collection user_ids: ids of the agents
    :rtype: SQL
    """
    return SQL(
        _SELECT_ALL_CUSTOMERS if _is_about_all_customers(partners) else _SELECT_CUSTOMERS,
        tuple(user_ids),
        to_flush=(partners._fields["active"], partners._fields["portal_agent_ids"]),
    )


def _is_about_all_customers(model):
    return bool(model.env.context.get(ALL_CUSTOMERS))


def _among_gathered(model, ids):
    """Have PostgreSQL gather the ids before it looks for them, however many it expects."""
    gathered = model.env.context.get(GATHERED)
    array = gathered.get(ids) if isinstance(gathered, dict) else None
    return SQL("= ANY(%s)", array or SQL("ARRAY(%s)", ids))
