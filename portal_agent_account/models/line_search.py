"""Search documents by their lines. Lines that are not printed are not found."""

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

# A line is below a section or subsection unless another one of at least the same rank comes between them. Odoo computes
# ``parent_id`` in the same way, but doesn't store it.
_BELOW_A_SECTION = """
    EXISTS (
        SELECT FROM %(table)s AS section
         WHERE section.%(document)s = %(line)s.%(document)s
           AND section.display_type IN ('line_section', 'line_subsection')
           AND (coalesce(section.sequence, 0), section.id) < (coalesce(%(line)s.sequence, 0), %(line)s.id)
           AND %(line)s.display_type IS DISTINCT FROM 'line_section'
           AND (section.display_type, %(line)s.display_type)
               IS DISTINCT FROM ('line_subsection'::varchar, 'line_subsection'::varchar)
           AND section.%(flag)s
           AND NOT EXISTS (
               SELECT FROM %(table)s AS nearer
                WHERE nearer.%(document)s = section.%(document)s
                  AND nearer.display_type IN ('line_section', section.display_type)
                  AND (coalesce(nearer.sequence, 0), nearer.id) > (coalesce(section.sequence, 0), section.id)
                  AND (coalesce(nearer.sequence, 0), nearer.id) < (coalesce(%(line)s.sequence, 0), %(line)s.id)
           )
    )
"""


def get_section_domain(document, flag):
    """Return the condition for lines below a section that has a given option enabled.

    It is written in SQL because agents may not read these fields.

    :param str document: field of the line that references its document
    :param str flag: option of the section, ``collapse_composition`` or ``collapse_prices``
    :rtype: Domain
    """

    def to_sql(model, alias, query):
        names = ("display_type", "sequence", document, flag)
        return SQL(
            _BELOW_A_SECTION,
            table=SQL.identifier(model._table),
            line=SQL.identifier(alias),
            document=SQL.identifier(document, to_flush=model._fields[document]),
            flag=SQL.identifier(flag),
            to_flush=[model._fields[name] for name in names],
        )

    return Domain.custom(to_sql=to_sql)


class PortalAgentMixin(models.AbstractModel):
    _inherit = "portal.agent.mixin"

    # Name of the one2many field with the lines of the document.
    _portal_agent_lines_field = None

    @api.model
    def _get_portal_agent_line_search_domain(self, pattern):
        """Return the condition for documents with a printed line that contains a text.

        :param str pattern: search text, escaped for ``ilike``
        :rtype: Domain
        """
        lines = self._fields[self._portal_agent_lines_field]
        printed = self.env[lines.comodel_name]._get_portal_agent_printed_domain()
        return Domain(lines.name, "any!", Domain("name", "ilike", pattern) & printed)


class SaleOrder(models.Model):
    _inherit = "sale.order"

    _portal_agent_lines_field = "order_line"


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    @api.model
    def _get_portal_agent_printed_domain(self):
        """Return the condition for the lines that the document prints.

        Odoo prints some down payments, depending on their state. They are all excluded here.

        :rtype: Domain
        """
        is_down_payment = Domain.custom(
            to_sql=lambda model, alias, query: SQL(
                "%s IS TRUE", SQL.identifier(alias, "is_downpayment", to_flush=model._fields["is_downpayment"])
            )
        )
        return ~is_down_payment & ~get_section_domain("order_id", "collapse_composition")


class AccountMove(models.Model):
    _inherit = "account.move"

    _portal_agent_lines_field = "invoice_line_ids"


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    @api.model
    def _get_portal_agent_printed_domain(self):
        """Return the condition for the lines that the document prints.

        Below a section that hides prices, Odoo prints neither notes nor lines without an amount and a tax.

        :rtype: Domain
        """
        is_taxed = Domain.custom(
            to_sql=lambda model, alias, query: SQL(
                "EXISTS (SELECT FROM account_move_line_account_tax_rel WHERE account_move_line_id = %s)",
                SQL.identifier(alias, "id"),
                to_flush=model._fields["tax_ids"],
            )
        )
        is_charged = Domain("display_type", "=", "product") & (Domain("price_subtotal", "!=", 0) | is_taxed)
        return ~get_section_domain("move_id", "collapse_composition") & (
            is_charged | ~get_section_domain("move_id", "collapse_prices")
        )
