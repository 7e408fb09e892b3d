from odoo import models


class BasePartnerMergeAutomaticWizard(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    def _merge(self, partner_ids, dst_partner=None, extra_checks=True):
        """Assign the agents of all merged contacts to the remaining contact, or to its company.

        :raise AccessError: if agents would read documents that neither they nor the current user can read now
        """
        partners_sudo = self.env["res.partner"].sudo().browse(partner_ids).exists()
        self._check_may_show_merged_documents(partners_sudo)
        agents_sudo = partners_sudo.portal_agent_ids
        result = super()._merge(partner_ids, dst_partner=dst_partner, extra_checks=extra_checks)
        merged_sudo = partners_sudo.exists()
        if len(merged_sudo) == 1:
            merged_sudo._change_portal_agents(add=agents_sudo)
        return result

    def _check_may_show_merged_documents(self, partners_sudo):
        """Refuse a merge after which agents of one customer read documents of another that the user can't read.

        Only the documents of the merged contacts move. The other documents of a company are shown as well if the agents
        of a merged customer are assigned to the company.

        :param partners_sudo: ``res.partner`` to merge, with sudo
        :raise AccessError: see :meth:`res.partner._check_may_show_documents`
        """
        customers_sudo = partners_sudo.commercial_partner_id
        agents_sudo, given_sudo = customers_sudo.portal_agent_ids, partners_sudo.portal_agent_ids
        shown_sudo = partners_sudo.filtered(
            lambda contact: agents_sudo - contact.commercial_partner_id.portal_agent_ids
        )
        shown_sudo |= customers_sudo.filtered(lambda customer: given_sudo - customer.portal_agent_ids)
        shown_sudo.with_env(self.env)._check_may_show_documents(agents_sudo)

    def _update_foreign_keys(self, src_partners, dst_partner):
        """Remove the agents from the contacts to delete, because Odoo would move them without logging the change."""
        entities_sudo = src_partners.sudo().filtered(lambda partner: partner.commercial_partner_id == partner)
        entities_sudo._change_portal_agents(remove=entities_sudo.portal_agent_ids)
        return super()._update_foreign_keys(src_partners, dst_partner)
