from odoo import api, models


class BasePartnerMerge(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    @api.model
    def _update_foreign_keys(self, src_partners, dst_partner):
        """Void the links to documents of contacts that are merged into an account, and delete their waiting orders."""
        self._withdraw_portal_links(src_partners | dst_partner)
        self.env["sale.portal.join"].sudo()._forget_portal_joins(src_partners, dst_partner)
        return super()._update_foreign_keys(src_partners, dst_partner)

    @api.model
    def _withdraw_portal_links(self, contacts):
        """Void the links that whoever placed an order may know, if one of the contacts has an account.

        After the merge, the linked pages show the name and the address of the account's owner, of an order that has
        joined the account, or of a contact below the owner's. Links of contacts whose account was created by an order
        and never used are voided as well, because anyone may have typed the address.

        :param contacts: contacts to merge
        """
        contacts_sudo = contacts.sudo().with_context(active_test=False)
        if any(contact._get_portal_account_users() or contact._had_portal_account() for contact in contacts_sudo):
            contacts_sudo.filtered(lambda contact: not contact._has_owned_account())._withdraw_portal_links()
