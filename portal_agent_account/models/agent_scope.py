"""Which record rules a portal agent is under: one scope per HTTP request.

An agent is two persons in one account: a portal user with documents of their own, and somebody
who reads the documents of other people. They are never both at once:

========== ============================================== =====================================
scope      where                                          record rules that count
========== ============================================== =====================================
AGENT      a route declared with ``portal_agent=True``    the agent's, in place of the portal's
PLAIN      any other request: stock pages, RPC, images,   the portal's: the agent is a portal
           chatter, payment, websocket, any other addon   user like any other
COMBINED   no HTTP at all: shell, scheduled action, tests both, joined as Odoo joins rules
========== ============================================== =====================================

So a route has to ask for the customers' documents, and one that nobody thought of gets nothing.
No HTTP at all is more than no request: Odoo hides the request from what XML-RPC and JSON-RPC call
(``http.borrow_request``), and a websocket has one of another kind. Every thread that serves HTTP
is marked by Odoo with the URL that it serves, and that mark stays.

The scope is an attribute of the request object that the server sets from the route it matched
(:meth:`ir.http._pre_dispatch`): no context key, parameter or header can change it.
"""

import threading

from odoo.http import request

from odoo.addons.bus.websocket import wsrequest

AGENT = "agent"
PLAIN = "plain"
COMBINED = "combined"

_ATTRIBUTE = "_portal_agent_scope"


def enter_agent_scope(is_agent_route):
    """Remember, for the rest of the current request, whether its route is an agent's.

    :param bool is_agent_route: whether the route asks for the agent's rules
    """
    setattr(request, _ATTRIBUTE, AGENT if is_agent_route else PLAIN)


def get_agent_scope():
    """Return the scope that the running code is in.

    :return: ``AGENT``, ``PLAIN`` or ``COMBINED``
    :rtype: str
    """
    if request:
        # compared with the constant: anything else, such as a mocked request, is plain
        return AGENT if getattr(request, _ATTRIBUTE, PLAIN) == AGENT else PLAIN
    return PLAIN if wsrequest or hasattr(threading.current_thread(), "url") else COMBINED
