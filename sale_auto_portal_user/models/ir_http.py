from odoo import models
from odoo.http import request


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _dispatch(cls, endpoint):
        """Drop the query parameter "self" of the shop's own pages, which can't be passed to a method by name."""
        if endpoint.routing.get("portal_account", False) is True:
            request.params.pop("self", None)
        return super()._dispatch(endpoint)
