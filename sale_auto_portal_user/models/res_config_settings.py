from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    auto_portal_user = fields.Boolean(related="company_id.auto_portal_user", readonly=False)
    auto_portal_user_scope = fields.Selection(related="company_id.auto_portal_user_scope", readonly=False)
    auto_portal_user_template_id = fields.Many2one(related="company_id.auto_portal_user_template_id", readonly=False)
