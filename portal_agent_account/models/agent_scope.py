"""Which record rules apply to a portal agent.

An agent is a portal user with documents of their own, and somebody who reads the documents of other
people. The two never mix:

===== ===================================================== ======================================
scope where                                                 record rules of the agent's groups
===== ===================================================== ======================================
AGENT a route declared with ``portal_agent=True``, and code the agent's, in place of the portal's
      inside :func:`entered`
PLAIN everywhere else: stock pages, RPC, scheduled actions, the portal's: the agent is a portal
      threads, the shell, any other addon                   user like any other
===== ===================================================== ======================================

Code has to ask for the customers' documents. What does not ask gets none.

The scope of a request is an attribute of the request object, set by the server from the route that it
matched (:meth:`ir.http._pre_dispatch`). The scope of :func:`entered` is a context variable: a new
thread starts without it. A context key, parameter or header can change neither of them.
"""

from contextlib import contextmanager
from contextvars import ContextVar

from odoo.http import request

AGENT = "agent"
PLAIN = "plain"

_ATTRIBUTE = "_portal_agent_scope"
_is_entered = ContextVar("portal_agent_scope_entered", default=False)


def enter_agent_scope(is_agent_route):
    """Set the scope of the current request.

    :param bool is_agent_route: whether its route was declared with ``portal_agent=True``
    """
    setattr(request, _ATTRIBUTE, AGENT if is_agent_route else PLAIN)


@contextmanager
def entered(env, agent):
    """Let trusted code read what an agent may read, under the agent's record rules.

    For code that nobody outside calls with values of their own, such as the mail that an agent gets
    about its customers. What it writes in the meantime is subject to the same rules: nothing can be
    written. The environment outside of the block is not affected.

    :param Environment env: the current environment
    :param agent: the agent, a ``res.users`` of one record
    :return: the environment of the agent; it is to be used inside the block only
    :raise ValueError: if the user is not an active agent
    """
    agent.ensure_one()
    if not (agent.sudo().active and agent._is_portal_agent()):
        raise ValueError(f"{agent} is not a portal agent.")
    # The ORM's cache does not know of scopes: what one of them has read must not answer the other.
    env.invalidate_all()
    token = _is_entered.set(True)
    is_done = False
    try:
        agent_sudo = agent.sudo()
        yield env(user=agent.id, su=False, context={"lang": agent_sudo.lang, "tz": agent_sudo.tz})
        is_done = True
    finally:
        _is_entered.reset(token)
        # after an error the transaction may be unusable: writing what is pending would hide the error
        env.invalidate_all(flush=is_done)


def get_agent_scope():
    """Return the scope that the running code is in.

    :return: ``AGENT`` or ``PLAIN``
    :rtype: str
    """
    return AGENT if _is_entered.get() or is_on_agent_route() else PLAIN


def is_on_agent_route():
    """Return whether the current request is for a route declared with ``portal_agent=True``.

    :rtype: bool
    """
    # Compared with the constant: a mocked request has every attribute.
    return bool(request) and getattr(request, _ATTRIBUTE, PLAIN) == AGENT
