"""Helpers for the pages of invitations and guest orders, which are private to one person."""

from odoo.http import request

HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Frame-Options": "SAMEORIGIN",
    "Content-Security-Policy": "frame-ancestors 'self'",
}


def protect(response):
    """Add headers that hide a page from caches, other websites and search engines.

    :param Response response: page or redirection
    :rtype: Response
    """
    response.headers.update(HEADERS)
    return response


def get_session_order():
    """Return the order that was placed in this browser session.

    :return: order in superuser mode, empty if there is none
    :rtype: sale.order record
    """
    return request.env["sale.order"].sudo().browse(request.session.get("sale_last_order_id")).exists()
