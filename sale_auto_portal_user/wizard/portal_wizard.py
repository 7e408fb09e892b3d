from odoo import models


class PortalWizardUser(models.TransientModel):
    _inherit = "portal.wizard.user"

    def _send_email(self):
        """Don't archive accounts to which an employee gives access with Odoo's wizard."""
        self.user_id._keep_unused_portal_accounts()
        return super()._send_email()
