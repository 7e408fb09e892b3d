from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    portal_agent_draft_quotation = fields.Boolean(
        related="company_id.portal_agent_draft_quotation",
        readonly=False,
    )
