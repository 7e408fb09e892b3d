from odoo import models


class MailMail(models.Model):
    _inherit = "mail.mail"

    def _prepare_outgoing_list(self, *args, **kwargs):
        """Lock a mail about a portal account before connecting to the mail server.

        At this point Odoo has changed the state of the mail, but not written it to the database. Without the lock,
        another transaction could delete the mail, and Odoo would fail to write the outcome.
        """
        if self.env.context.get("lock_portal_mail"):
            self.flush_recordset(["state"])
        return super()._prepare_outgoing_list(*args, **kwargs)
