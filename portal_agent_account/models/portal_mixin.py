from odoo import models

from . import agent_scope


class PortalMixin(models.AbstractModel):
    _inherit = "portal.mixin"

    def _is_on_portal_agent_page(self):
        """Return whether the document is shown to an agent, for templates that show the customer more.

        :rtype: bool
        """
        return agent_scope.get_agent_scope() == agent_scope.AGENT

    def _portal_ensure_token(self):
        """Neither make nor give a token on an agent's page, whatever template asks for one."""
        return "" if self._is_on_portal_agent_page() else super()._portal_ensure_token()
