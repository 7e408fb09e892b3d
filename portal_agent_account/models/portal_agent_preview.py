"""The agent's pages as those who design the website see them: whole, and without any customer.

Designers are internal users. They have no customers, and what they may read themselves is none of the
pages' business: whatever a page searches for in a preview, it finds the company's own contact in place
of a customer, and no documents.
"""

from odoo import api, models
from odoo.fields import Domain
from odoo.http import request

DESIGNER_GROUP = "website.group_website_designer"

_ATTRIBUTE = "_portal_agent_preview"


def enter_preview():
    """Remember, for the rest of the current request, that its page is shown to a designer."""
    setattr(request, _ATTRIBUTE, True)


def is_preview():
    """Return whether the current request shows an agent's page to a designer.

    :rtype: bool
    """
    return bool(request) and getattr(request, _ATTRIBUTE, False) is True


class PortalAgentMixin(models.AbstractModel):
    _inherit = "portal.agent.mixin"

    @api.model
    def _get_portal_agent_preview_domain(self):
        """Return the condition for the records that stand in a preview.

        :rtype: Domain
        """
        return Domain.FALSE

    @api.model
    def _search(self, domain, *args, **kwargs):
        """Find nothing but what stands in a preview, whatever a designer may read otherwise."""
        if self.env.su or not is_preview():
            return super()._search(domain, *args, **kwargs)
        return self.sudo()._search(Domain(domain) & self._get_portal_agent_preview_domain(), *args, **kwargs)

    @api.model
    def _read_group(self, domain, *args, **kwargs):
        """Sum up nothing but what stands in a preview."""
        if self.env.su or not is_preview():
            return super()._read_group(domain, *args, **kwargs)
        return self.sudo()._read_group(Domain(domain) & self._get_portal_agent_preview_domain(), *args, **kwargs)
