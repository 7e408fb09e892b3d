from odoo import models

from ..models.customer_agents import CustomerAgents


class AccountInvoiceReport(models.Model):
    _inherit = "account.invoice.report"

    portal_agent_ids = CustomerAgents(
        related="partner_id.commercial_partner_id.portal_agent_ids",
        string="Portal Agents",
        groups="base.group_user",
    )
