"""One export of a user at a time: several at once would keep the others' pages waiting."""

from odoo.http import request

# The first half of PostgreSQL's key of the lock; the second half is the user.
_LOCK_CLASS = 1_907_340_121

_RETRY_AFTER_SECONDS = 30


def take_export_lock():
    """Take the current user's turn to export, until the end of the request.

    An advisory lock of the request's own transaction works in a read-only transaction and on a replica,
    never waits, and is released by PostgreSQL whatever becomes of the request.

    :return: whether it is the user's turn; ``False`` while another export of the user is made
    :rtype: bool
    """
    request.env.cr.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_LOCK_CLASS, request.env.uid])
    return request.env.cr.fetchone()[0]


def answer_export_busy():
    """Answer that another export of the user is being made.

    :rtype: odoo.http.Response
    """
    response = request.render("portal_agent_account.portal_agent_export_busy")
    response.status_code = 429
    response.headers["Retry-After"] = str(_RETRY_AFTER_SECONDS)
    return response
