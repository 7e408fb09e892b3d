from odoo import models

from odoo.addons.base.models import ir_mail_server

from .res_users_weekly_mail import UNSUBSCRIBE_PATH


class ListHeadersPolicy(ir_mail_server.IdentificationFieldsNoFoldPolicy):
    """Keep the unsubscribe link on one line, as Odoo does with the message id.

    Python would turn a header without spaces that is longer than a line into encoded words (RFC 2047). Mail clients
    look for the plain address; without it they offer no one-click unsubscribe (RFC 8058).
    """

    def _fold(self, name, value, *args, **kwargs):
        if name.lower() == "list-unsubscribe":
            return ir_mail_server._noFoldPolicy._fold(name, value, *args, **kwargs)
        return super()._fold(name, value, *args, **kwargs)


class IrMailServer(models.Model):
    _inherit = "ir.mail_server"

    def _build_email__(self, *args, **kwargs):
        message = super()._build_email__(*args, **kwargs)
        if UNSUBSCRIBE_PATH in (message["List-Unsubscribe"] or ""):
            message.policy = ListHeadersPolicy(linesep=message.policy.linesep)
        return message
