from odoo import models


class SalePortalJoin(models.Model):
    """Link that is appended to the mail if its template has none."""

    _inherit = "sale.portal.join"

    def _get_portal_mail_links(self):
        return {self._get_portal_join_url(): self.env._("Add to my account")}
