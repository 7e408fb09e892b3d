import werkzeug.exceptions

from odoo import models
from odoo.http import request

from .agent_scope import AGENT, enter_agent_scope, get_agent_scope

DESIGNER_GROUP = "website.group_website_designer"


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _pre_dispatch(cls, rule, args):
        """Enter the agent's scope if the route is declared with ``portal_agent=True``.

        Only agents may open such a route, whatever its controller does. A website designer gets the page as an agent
        without customers sees it. Everybody else is redirected.
        """
        is_agent_route = rule.endpoint.routing.get("portal_agent", False) is True
        enter_agent_scope(is_agent_route)
        if is_agent_route and not (request.env.user._is_portal_agent() or cls._may_design_portal_agent_page()):
            cls._refuse_portal_agent_route(rule)
        return super()._pre_dispatch(rule, args)

    @classmethod
    def _post_dispatch(cls, response):
        """Forbid caching of agent pages: the browser's "Back" button would show them after signing out."""
        if get_agent_scope() == AGENT:
            response.headers.setdefault("Cache-Control", "no-store")
        return super()._post_dispatch(response)

    @classmethod
    def _may_design_portal_agent_page(cls):
        """Return whether the current user may design the website that the agent's pages belong to.

        :rtype: bool
        """
        return request.env.user._is_internal() and request.env.user.has_group(DESIGNER_GROUP)

    @classmethod
    def _refuse_portal_agent_route(cls, rule):
        """Refuse an agent's route to a user who is not an agent.

        :param werkzeug.routing.Rule rule: matched route
        :raise HTTPException: redirection to ``/my``, or *403 Forbidden* for a request by a script
        """
        if rule.endpoint.routing["type"] == "http":
            werkzeug.exceptions.abort(request.redirect("/my"))
        raise werkzeug.exceptions.Forbidden()

    @classmethod
    def _dispatch(cls, endpoint):
        """Drop the query parameter "self", which can't be passed to a method by name."""
        if endpoint.routing.get("portal_agent", False) is True:
            request.params.pop("self", None)
        return super()._dispatch(endpoint)
