from odoo import models


class BasePartnerMergeAutomaticWizard(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    def _update_foreign_keys(self, src_partners, dst_partner):
        """Give the merged customer the agents of both sides, noted in its chatter."""
        entities_sudo = src_partners.sudo().filtered(lambda partner: partner.commercial_partner_id == partner)
        agents_sudo = entities_sudo.portal_agent_ids
        entities_sudo._change_portal_agents(remove=agents_sudo)
        dst_partner.sudo()._change_portal_agents(add=agents_sudo)
        return super()._update_foreign_keys(src_partners, dst_partner)
