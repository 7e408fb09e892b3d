from urllib.parse import urlencode

from odoo.exceptions import AccessDenied, UserError
from odoo.http import request, route

from odoo.addons.auth_signup.controllers.main import AuthSignupHome

from ..models.portal_invitation_link import CHOOSE_PASSWORD, DECLINE
from .private_page import protect

# What all pages have in common.
INVITATION_PAGE = {"type": "http", "auth": "public", "website": True, "sitemap": False}
# The links that a session keeps, by invitation: the last ones only.
MAX_SESSION_LINKS = 5


class PortalInvitation(AuthSignupHome):
    """The pages behind the links in an invitation.

    A link is moved into the session, and the address of the page carries no secret: whatever counts
    the visits of a website, or a picture that the page loads, would be told it. Only ``POST`` changes
    anything: mail scanners open links.
    """

    # ------------------------------------------------------------
    # Choose a password
    # ------------------------------------------------------------

    @route("/my/invitation/<int:invitation_id>/<string:signature>", methods=["GET"], **INVITATION_PAGE)
    def portal_invitation_link(self, invitation_id, signature, **kwargs):
        """Take a link out of the mail."""
        return self._enter_by_link(invitation_id, signature, CHOOSE_PASSWORD, f"/my/invitation/{invitation_id}")

    @route("/my/invitation/<int:invitation_id>", methods=["GET"], **INVITATION_PAGE)
    def portal_invitation(self, invitation_id, **kwargs):
        """Show what the link is worth: the form, the way on, or a sentence."""
        invitation_sudo = self._find_invitation(invitation_id, CHOOSE_PASSWORD)
        return self._respond_to_link(invitation_sudo)

    @route("/my/invitation/<int:invitation_id>", methods=["POST"], **INVITATION_PAGE)
    def portal_invitation_choose_password(self, invitation_id, password="", confirm_password="", **kwargs):
        """Set the first password, sign in and go to the order."""
        invitation_sudo = self._find_invitation(invitation_id, CHOOSE_PASSWORD)
        if not invitation_sudo or invitation_sudo._get_link_state() != "open":
            return self._respond_to_link(invitation_sudo)
        try:
            with request.env.cr.savepoint():
                self._check_invitation_password(password, confirm_password)
                invitation_sudo._choose_password(password)
        except UserError as error:  # the database's rules about passwords
            return self._render_invitation_form(invitation_sudo, error=str(error))
        return self._sign_in(invitation_sudo, password)

    @route("/my/invitation/<int:invitation_id>/resend", methods=["POST"], **INVITATION_PAGE)
    def portal_invitation_resend(self, invitation_id, **kwargs):
        """Send a new link to the address that the one that ran out was sent to."""
        invitation_sudo = self._find_invitation(invitation_id, CHOOSE_PASSWORD)
        if not invitation_sudo or invitation_sudo._get_link_state() != "expired":
            return self._respond_to_link(invitation_sudo)
        if invitation_sudo._is_resend_decent():
            invitation_sudo._request_again(is_reminder=False)
        return self._render_invitation_page("portal_invitation_resent", invitation_sudo)

    # ------------------------------------------------------------
    # Decline
    # ------------------------------------------------------------

    @route("/my/invitation/<int:invitation_id>/<string:signature>/decline", methods=["GET"], **INVITATION_PAGE)
    def portal_invitation_decline_link(self, invitation_id, signature, **kwargs):
        """Take a link out of the mail."""
        return self._enter_by_link(invitation_id, signature, DECLINE, f"/my/invitation/{invitation_id}/decline")

    @route("/my/invitation/<int:invitation_id>/decline", methods=["GET"], **INVITATION_PAGE)
    def portal_invitation_decline(self, invitation_id, **kwargs):
        """Ask once more, by a button."""
        return self._respond_to_decline_link(self._find_invitation(invitation_id, DECLINE))

    @route("/my/invitation/<int:invitation_id>/decline", methods=["POST"], **INVITATION_PAGE)
    def portal_invitation_decline_confirm(self, invitation_id, **kwargs):
        """Archive the account."""
        invitation_sudo = self._find_invitation(invitation_id, DECLINE)
        if invitation_sudo and invitation_sudo._get_link_state() in ("open", "expired"):
            invitation_sudo._decline()
        return self._respond_to_decline_link(invitation_sudo)

    @route(["/my/invitation/sample", "/my/invitation/sample/decline"], methods=["GET"], **INVITATION_PAGE)
    def portal_invitation_sample(self, **kwargs):
        """Say to whoever previews the email template what its links are."""
        return self._render_invitation_page("portal_invitation_sample")

    # ------------------------------------------------------------
    # Links
    # ------------------------------------------------------------

    def _enter_by_link(self, invitation_id, signature, purpose, page):
        """Keep a link in the session and go to its page.

        :param int invitation_id: from the link
        :param str signature: from the link
        :param str purpose: what the link is for
        :param str page: the page's path
        :rtype: Response
        """
        if not request.env["sale.portal.invitation"]._find_by_link(invitation_id, signature, purpose):
            return self._render_invitation_page("portal_invitation_void")
        links = {**request.session.get("portal_invitation_links", {}), f"{purpose},{invitation_id}": signature}
        request.session["portal_invitation_links"] = dict(list(links.items())[-MAX_SESSION_LINKS:])
        return protect(request.redirect(request.env["ir.http"]._url_for(page)))

    def _find_invitation(self, invitation_id, purpose):
        """Find the invitation whose link this session was entered by.

        :param int invitation_id: from the page's path
        :param str purpose: what the link is for
        :return: the invitation, privileged; empty where the link is void
        :rtype: sale.portal.invitation record
        """
        signature = request.session.get("portal_invitation_links", {}).get(f"{purpose},{invitation_id}", "")
        return request.env["sale.portal.invitation"]._find_by_link(invitation_id, signature, purpose)

    def _respond_to_link(self, invitation_sudo):
        """Answer to who opens the link that chooses a password.

        :param invitation_sudo: the invitation, empty where the link is void
        :rtype: Response
        """
        if not invitation_sudo:
            return self._render_invitation_page("portal_invitation_void")
        state = invitation_sudo._get_link_state()
        if state == "open":
            return self._render_invitation_form(invitation_sudo)
        if state == "expired":
            return self._render_invitation_page("portal_invitation_expired", invitation_sudo)
        if state == "declined":
            return self._render_invitation_page("portal_invitation_declined", invitation_sudo)
        return self._respond_to_used_link(invitation_sudo)

    def _respond_to_used_link(self, invitation_sudo):
        """Lead the account's owner to the order, and anybody else to the sign-in page.

        :param invitation_sudo: the invitation
        :rtype: Response
        """
        if request.env.user == invitation_sudo.user_id:
            return protect(request.redirect(self._get_invitation_destination(invitation_sudo)))
        if request.env.user._is_public():
            return self._redirect_to_login(invitation_sudo)
        login = f"/web/login?{urlencode(self._prepare_login_query(invitation_sudo))}"
        return self._render_invitation_page(
            "portal_invitation_other_user",
            invitation_sudo,
            change_user_url=f"/web/session/logout?{urlencode({'redirect': login})}",
        )

    def _respond_to_decline_link(self, invitation_sudo):
        """Answer to who opens the link that declines an account.

        :param invitation_sudo: the invitation, empty where the link is void
        :rtype: Response
        """
        if not invitation_sudo:
            return self._render_invitation_page("portal_invitation_void")
        state = invitation_sudo._get_link_state()
        page = {"used": "portal_invitation_in_use", "declined": "portal_invitation_declined"}.get(state)
        return self._render_invitation_page(page or "portal_invitation_decline", invitation_sudo)

    # ------------------------------------------------------------
    # Into the account
    # ------------------------------------------------------------

    def _check_invitation_password(self, password, confirm_password):
        """Check what no rule about passwords has to say.

        :param str password: as typed
        :param str confirm_password: as typed again
        :raise UserError: nothing was typed, or something else
        """
        if not password.strip():
            raise UserError(request.env._("Enter a password."))
        if password != confirm_password:
            raise UserError(request.env._("Passwords do not match; please retype them."))

    def _sign_in(self, invitation_sudo, password):
        """Sign the owner in, and go to the order; by way of the second factor, where one is required.

        :param invitation_sudo: the accepted invitation
        :param str password: the password
        :rtype: Response
        """
        credential = {"type": "password", "login": invitation_sudo.user_id.login, "password": password}
        destination = self._get_invitation_destination(invitation_sudo)
        try:
            auth_info = request.session.authenticate(request.env, credential)
        except AccessDenied:  # another website's account, where websites share a domain
            return self._redirect_to_login(invitation_sudo)
        return request.redirect(self._login_redirect(auth_info["uid"], redirect=destination))

    def _get_invitation_destination(self, invitation_sudo):
        """Return the page that an invitation leads to.

        :param invitation_sudo: the invitation
        :return: the order's page, else the portal's
        :rtype: str
        """
        return invitation_sudo.order_id.access_url or "/my"

    def _redirect_to_login(self, invitation_sudo):
        """Go to the sign-in page, with address and destination.

        :param invitation_sudo: the invitation
        :rtype: Response
        """
        message = request.env._("You have chosen a password already. Sign in to continue.")
        query = {**self._prepare_login_query(invitation_sudo), "message": message}
        return protect(request.redirect(f"/web/login?{urlencode(query)}"))

    def _prepare_login_query(self, invitation_sudo):
        """Prepare what the sign-in page is told.

        :param invitation_sudo: the invitation
        :rtype: dict
        """
        return {
            "login": invitation_sudo.user_id.login,
            "redirect": self._get_invitation_destination(invitation_sudo),
        }

    # ------------------------------------------------------------
    # Pages
    # ------------------------------------------------------------

    def _render_invitation_form(self, invitation_sudo, error=None):
        """Render the page "Choose your password".

        :param invitation_sudo: the invitation
        :param error: why the last password was refused
        :type error: str or None
        :rtype: Response
        """
        return self._render_invitation_page(
            "portal_invitation_form", invitation_sudo, error=error, portal_invitation=True
        )

    def _render_invitation_page(self, template, invitation_sudo=None, **values):
        """Render a page of an invitation.

        :param str template: name of the template
        :param invitation_sudo: the invitation
        :type invitation_sudo: sale.portal.invitation record or None
        :param values: more values of the template
        :rtype: Response
        """
        values = {**self.get_auth_signup_config(), "page_name": template, **values}
        if invitation_sudo:
            values.update(self._prepare_invitation_values(invitation_sudo))
        return protect(request.render(f"sale_auto_portal_user.{template}", values))

    def _prepare_invitation_values(self, invitation_sudo):
        """Prepare what the pages say about an invitation.

        :param invitation_sudo: the invitation
        :rtype: dict
        """
        return {
            "invitation_id": invitation_sudo.id,
            "invitation_email": invitation_sudo.email,
            "invitation_shop": invitation_sudo._get_portal_shop().name,
            "invitation_order": invitation_sudo.order_id.name,
            "may_resend": invitation_sudo._is_resend_decent(),
        }
