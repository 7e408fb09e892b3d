from odoo import api, models


class BasePartnerMerge(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    @api.model
    def _update_foreign_keys(self, src_partners, dst_partner):
        """Withdraw the links to documents of contacts that become an account's, and forget their guest orders."""
        self._withdraw_portal_links(src_partners | dst_partner)
        self.env["sale.portal.join"].sudo()._forget_portal_joins(src_partners, dst_partner)
        return super()._update_foreign_keys(src_partners, dst_partner)

    @api.model
    def _withdraw_portal_links(self, contacts):
        """Make the links void that whoever placed an order may know, where one of the contacts has an account.

        From the merge on, their pages show the name and the address of the account's owner. An account that an order
        created, and that nobody has ever used, proves nothing: whoever placed that order may have typed the address.

        :param contacts: the contacts that become one
        """
        contacts_sudo = contacts.sudo().with_context(active_test=False)
        if any(contact.user_ids or contact._had_portal_account() for contact in contacts_sudo):
            contacts_sudo.filtered(lambda contact: not contact._has_owned_account())._withdraw_portal_links()
