"""The record rules that apply to a portal agent, depending on the scope.

An agent is a portal user with documents of their own, and also reads the documents of customers. The scopes keep the
two apart:

===== ===================================================== ======================================
scope where                                                 record rules of the agent's groups
===== ===================================================== ======================================
AGENT a route declared with ``portal_agent=True``, and code the agent's, in place of the portal's
      inside :func:`entered`
PLAIN everywhere else: stock pages, RPC, scheduled actions, the portal's: the agent is a portal
      threads, the shell, any other addon                   user like any other
===== ===================================================== ======================================

Code has to enter the agent's scope explicitly to read the customers' documents.

The scope of a request is an attribute of the request object. The server sets it from the matched route
(:meth:`ir.http._pre_dispatch`). The scope of :func:`entered` is a context variable, which a new thread doesn't inherit.
A context key, parameter or header can change neither of them.
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

    :param bool is_agent_route: whether the matched route is declared with ``portal_agent=True``
    """
    setattr(request, _ATTRIBUTE, AGENT if is_agent_route else PLAIN)


@contextmanager
def entered(env, agent):
    """Let trusted code read what an agent may read, under the agent's record rules.

    Only for code that no external caller can pass values to, such as the weekly mail. The agent's rules also apply to
    writing, so the block can't write anything. The environment outside of the block is not affected.

    :param Environment env: current environment
    :param agent: agent, a single ``res.users`` record
    :return: environment of the agent, valid only inside the block
    :raise ValueError: if the user is not an active agent
    """
    agent.ensure_one()
    if not (agent.sudo().active and agent._is_portal_agent()):
        raise ValueError(f"{agent} is not a portal agent.")
    # The ORM's cache doesn't depend on the scope: a value read in one scope must not be used in the other.
    env.invalidate_all()
    token = _is_entered.set(True)
    is_done = False
    try:
        agent_sudo = agent.sudo()
        yield env(user=agent.id, su=False, context={"lang": agent_sudo.lang, "tz": agent_sudo.tz})
        is_done = True
    finally:
        _is_entered.reset(token)
        # After an error the transaction may be unusable; flushing would then hide the original error.
        env.invalidate_all(flush=is_done)


def get_agent_scope():
    """Return the scope of the running code.

    :return: ``AGENT`` or ``PLAIN``
    :rtype: str
    """
    return AGENT if _is_entered.get() or is_on_agent_route() else PLAIN


def is_on_agent_route():
    """Return whether the route of the current request is declared with ``portal_agent=True``.

    :rtype: bool
    """
    # Compare with the constant: a mocked request has every attribute.
    return bool(request) and getattr(request, _ATTRIBUTE, PLAIN) == AGENT
