from odoo import models

from . import agent_scope


class PortalMixin(models.AbstractModel):
    _inherit = "portal.mixin"

    def _portal_ensure_token(self):
        """Neither make nor give a token on an agent's page, whatever template asks for one."""
        if agent_scope.get_agent_scope() == agent_scope.AGENT:
            return ""
        return super()._portal_ensure_token()
