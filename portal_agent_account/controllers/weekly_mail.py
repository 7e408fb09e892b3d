from werkzeug.exceptions import Forbidden, NotFound

from odoo.http import Controller, request, route

from ..pages import params


class PortalAgentWeeklyMail(Controller):
    """The agent's choice whether to get the weekly mail. It is the only value that an agent can change."""

    @route(
        "/my/agent/weekly-mail/unsubscribe", type="http", auth="public", website=True, methods=["GET"], sitemap=False
    )
    def show_unsubscribe(self, user=None, token=None, **values):
        """Ask for confirmation, because mail scanners open links too: a GET request changes nothing."""
        reader_sudo = self._find_reader(user, token)
        return request.render(
            "portal_agent_account.weekly_mail_unsubscribe",
            {"reader": reader_sudo, "token": token, "is_done": not reader_sudo.portal_agent_weekly_mail},
        )

    # Mail clients post without a session or CSRF token (RFC 8058). The token in the link proves that the request comes
    # from the mail.
    @route(
        "/my/agent/weekly-mail/unsubscribe",
        type="http",
        auth="public",
        website=True,
        methods=["POST"],
        csrf=False,
        sitemap=False,
    )
    def unsubscribe(self, user=None, token=None, **values):
        """Unsubscribe the user of the link from the weekly mail."""
        reader_sudo = self._find_reader(user, token)
        reader_sudo.portal_agent_weekly_mail = False
        return request.render(
            "portal_agent_account.weekly_mail_unsubscribe",
            {"reader": reader_sudo, "token": token, "is_done": True},
        )

    @route("/my/agent/weekly-mail", type="http", auth="user", website=True, methods=["POST"], sitemap=False)
    def choose(self, weekly_mail=None, **values):
        """Enable or disable the weekly mail of the current agent."""
        user = request.env.user
        if not user._is_portal_agent():
            raise Forbidden()
        user.sudo().portal_agent_weekly_mail = bool(weekly_mail)
        return request.redirect("/my/agent#weekly_mail")

    def _find_reader(self, user, token):
        """Return the user of an unsubscribe link.

        :return: single ``res.users`` with sudo
        :raise NotFound: if the link is invalid or its user no longer exists
        """
        token = token if isinstance(token, str) and token.isascii() else None
        reader_sudo = request.env["res.users"]._find_weekly_mail_reader(params.get_id(user), token)
        if not reader_sudo:
            raise NotFound()
        return reader_sudo
