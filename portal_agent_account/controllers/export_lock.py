"""Limit each user to one export at a time, because parallel exports would slow down the pages of other users."""

from odoo.http import request

# First half of the key of the PostgreSQL lock. The second half is the user id.
_LOCK_CLASS = 1_907_340_121

_RETRY_AFTER_SECONDS = 30


def take_export_lock():
    """Try to take the current user's export lock until the end of the request.

    An advisory lock in the request's own transaction also works in a read-only transaction and on a replica, never
    waits, and is always released by PostgreSQL at the end of the transaction.

    :return: whether the lock was taken; ``False`` while another export of the user is running
    :rtype: bool
    """
    request.env.cr.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_LOCK_CLASS, request.env.uid])
    return request.env.cr.fetchone()[0]


def answer_export_busy():
    """Return the response for a user who already has an export running.

    :rtype: odoo.http.Response
    """
    response = request.render("portal_agent_account.portal_agent_export_busy")
    response.status_code = 429
    response.headers["Retry-After"] = str(_RETRY_AFTER_SECONDS)
    return response
