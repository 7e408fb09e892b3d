from odoo import models


class BasePartnerMergeAutomaticWizard(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    def _merge(self, partner_ids, dst_partner=None, extra_checks=True):
        """Assign the agents of all merged contacts to the remaining contact, or to its company."""
        partners_sudo = self.env["res.partner"].sudo().browse(partner_ids).exists()
        agents_sudo = partners_sudo.portal_agent_ids
        result = super()._merge(partner_ids, dst_partner=dst_partner, extra_checks=extra_checks)
        merged_sudo = partners_sudo.exists()
        if len(merged_sudo) == 1:
            merged_sudo._change_portal_agents(add=agents_sudo)
        return result

    def _update_foreign_keys(self, src_partners, dst_partner):
        """Remove the agents from the contacts to delete, because Odoo would move them without logging the change."""
        entities_sudo = src_partners.sudo().filtered(lambda partner: partner.commercial_partner_id == partner)
        entities_sudo._change_portal_agents(remove=entities_sudo.portal_agent_ids)
        return super()._update_foreign_keys(src_partners, dst_partner)
