import werkzeug.exceptions

from odoo import models
from odoo.http import request

from .agent_scope import AGENT, enter_agent_scope, get_agent_scope
from .portal_agent_preview import DESIGNER_GROUP, enter_preview


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _get_translation_frontend_modules_name(cls):
        """Have the website load the translations of this addon's scripts: they would speak English otherwise."""
        return [*super()._get_translation_frontend_modules_name(), "portal_agent_account"]

    @classmethod
    def _pre_dispatch(cls, rule, args):
        """Put the request in the agent's scope when its route was declared with ``portal_agent=True``.

        Such a route is for agents only, whatever its controller does. Those who design the website
        get a preview of its page; anybody else is shown the way out of the portal.
        """
        is_agent_route = rule.endpoint.routing.get("portal_agent", False) is True
        enter_agent_scope(is_agent_route)
        if is_agent_route and not request.env.user._is_portal_agent():
            if cls._may_preview_portal_agent_page():
                enter_preview()
            else:
                cls._refuse_portal_agent_route(rule)
        return super()._pre_dispatch(rule, args)

    @classmethod
    def _post_dispatch(cls, response):
        """Have no browser keep what an agent saw: after logging out, "Back" would show it to the next one."""
        if get_agent_scope() == AGENT:
            response.headers.setdefault("Cache-Control", "no-store")
        return super()._post_dispatch(response)

    @classmethod
    def _may_preview_portal_agent_page(cls):
        """Return whether the current user designs the website that the agent's pages are part of.

        :rtype: bool
        """
        return request.env.user._is_internal() and request.env.user.has_group(DESIGNER_GROUP)

    @classmethod
    def _refuse_portal_agent_route(cls, rule):
        """Send somebody who is not an agent away from an agent's route.

        :param werkzeug.routing.Rule rule: the route that was asked for
        :raise HTTPException: a redirection to ``/my``, or *403 Forbidden* where a script asked
        """
        if rule.endpoint.routing["type"] == "http":
            werkzeug.exceptions.abort(request.redirect("/my"))
        raise werkzeug.exceptions.Forbidden()

    @classmethod
    def _dispatch(cls, endpoint):
        """Drop the one query parameter that no controller can be given by its name: it is a server error otherwise."""
        if endpoint.routing.get("portal_agent", False) is True:
            request.params.pop("self", None)
        return super()._dispatch(endpoint)
