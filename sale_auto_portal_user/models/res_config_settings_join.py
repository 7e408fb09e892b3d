from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    auto_portal_user_join = fields.Boolean(related="company_id.auto_portal_user_join", readonly=False)
