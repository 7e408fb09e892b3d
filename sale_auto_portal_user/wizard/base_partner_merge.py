from odoo import api, models


class BasePartnerMerge(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    @api.model
    def _update_foreign_keys(self, src_partners, dst_partner):
        """Forget the guest orders of contacts that are merged away: they are the other contact's now."""
        self.env["sale.portal.join"].sudo()._forget_portal_joins(src_partners, dst_partner)
        return super()._update_foreign_keys(src_partners, dst_partner)
