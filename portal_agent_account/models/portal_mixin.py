from odoo import models

from . import agent_scope


class PortalMixin(models.AbstractModel):
    _inherit = "portal.mixin"

    def _is_on_portal_agent_page(self):
        """Return whether the document is shown on an agent's page. Templates use it to hide what only customers see.

        :rtype: bool
        """
        return agent_scope.get_agent_scope() == agent_scope.AGENT

    def _portal_ensure_token(self):
        """Return no access token on an agent's page, and don't create one, whichever template asks for it."""
        return "" if self._is_on_portal_agent_page() else super()._portal_ensure_token()
