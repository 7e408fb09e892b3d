from odoo import fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    portal_agent_draft_quotation = fields.Boolean(
        string="Agents See Draft Quotations",
        default=True,
        help="Portal agents see a customer's quotations before these are sent.",
    )
