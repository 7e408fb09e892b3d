from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    auto_portal_user = fields.Boolean(related="company_id.auto_portal_user", readonly=False)
    auto_portal_user_scope = fields.Selection(related="company_id.auto_portal_user_scope", readonly=False)
    auto_portal_user_free_orders = fields.Selection(related="company_id.auto_portal_user_free_orders", readonly=False)
    auto_portal_user_company_contacts = fields.Boolean(
        related="company_id.auto_portal_user_company_contacts", readonly=False
    )
    auto_portal_user_template_id = fields.Many2one(related="company_id.auto_portal_user_template_id", readonly=False)
    auto_portal_user_reminder_days = fields.Integer(related="company_id.auto_portal_user_reminder_days", readonly=False)
    auto_portal_user_archive_days = fields.Integer(related="company_id.auto_portal_user_archive_days", readonly=False)
