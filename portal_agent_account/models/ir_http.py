import werkzeug.exceptions

from odoo import models
from odoo.http import request

from .agent_scope import AGENT, enter_agent_scope, get_agent_scope

DESIGNER_GROUP = "website.group_website_designer"


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _pre_dispatch(cls, rule, args):
        """Put the request in the agent's scope when its route was declared with ``portal_agent=True``.

        Such a route is for agents, whatever its controller does. Somebody who designs the website gets
        the page of an agent without customers. Anybody else is redirected.
        """
        is_agent_route = rule.endpoint.routing.get("portal_agent", False) is True
        enter_agent_scope(is_agent_route)
        if is_agent_route and not (request.env.user._is_portal_agent() or cls._may_design_portal_agent_page()):
            cls._refuse_portal_agent_route(rule)
        return super()._pre_dispatch(rule, args)

    @classmethod
    def _post_dispatch(cls, response):
        """Keep the agent's pages out of the browser's history: "Back" would show them after signing out."""
        if get_agent_scope() == AGENT:
            response.headers.setdefault("Cache-Control", "no-store")
        return super()._post_dispatch(response)

    @classmethod
    def _may_design_portal_agent_page(cls):
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
        """Drop the query parameter "self": no method can be given one by that name."""
        if endpoint.routing.get("portal_agent", False) is True:
            request.params.pop("self", None)
        return super()._dispatch(endpoint)
