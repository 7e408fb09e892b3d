import werkzeug.exceptions

from odoo import models
from odoo.http import request

from .agent_scope import enter_agent_scope


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _pre_dispatch(cls, rule, args):
        """Put the request in the agent's scope when its route was declared with ``portal_agent=True``.

        Such a route is for agents only, whatever its controller does: anybody else is shown the
        way out of the portal.
        """
        is_agent_route = rule.endpoint.routing.get("portal_agent", False) is True
        enter_agent_scope(is_agent_route)
        if is_agent_route and not request.env.user._is_portal_agent():
            cls._refuse_portal_agent_route(rule)
        return super()._pre_dispatch(rule, args)

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
