from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    portal_agent_draft_quotation = fields.Boolean(
        related="company_id.portal_agent_draft_quotation",
        readonly=False,
    )
    portal_agent_weekly_mail = fields.Boolean(related="company_id.portal_agent_weekly_mail", readonly=False)
    portal_agent_weekly_mail_weekday = fields.Selection(
        related="company_id.portal_agent_weekly_mail_weekday",
        readonly=False,
    )
    portal_agent_weekly_mail_hour = fields.Integer(related="company_id.portal_agent_weekly_mail_hour", readonly=False)
    portal_agent_shown_to_customer = fields.Boolean(related="company_id.portal_agent_shown_to_customer", readonly=False)
