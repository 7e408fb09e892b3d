"""What the pages of invitations and of guest orders have in common: they are one person's alone."""

from odoo.http import request

HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Frame-Options": "SAMEORIGIN",
    "Content-Security-Policy": "frame-ancestors 'self'",
}


def protect(response):
    """Keep a page to itself: no cache, no other website and no search engine is to see it.

    :param Response response: the page, or a redirection
    :rtype: Response
    """
    response.headers.update(HEADERS)
    return response


def get_session_order():
    """Return the order that was placed in this browser session.

    :return: in superuser mode, empty where there is none
    :rtype: sale.order record
    """
    return request.env["sale.order"].sudo().browse(request.session.get("sale_last_order_id")).exists()
