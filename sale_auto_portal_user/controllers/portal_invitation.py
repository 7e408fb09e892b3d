from urllib.parse import urlencode

from odoo.exceptions import AccessDenied, UserError
from odoo.http import request, route

from odoo.addons.auth_signup.controllers.main import AuthSignupHome

from ..models.portal_invitation_link import CHOOSE_PASSWORD, DECLINE
from .private_page import protect

# Route parameters shared by all pages.
INVITATION_PAGE = {"type": "http", "auth": "public", "website": True, "sitemap": False, "portal_account": True}
# Maximum number of links that a session keeps; the latest replace the oldest.
MAX_SESSION_LINKS = 5


class PortalInvitation(AuthSignupHome):
    """Pages that the links in an invitation lead to.

    The link's signature is moved to the session. The URL of the page must not contain it, because it would be disclosed
    to web analytics and to the servers of images. Only ``POST`` requests change data, because mail scanners open links.
    """

    # ------------------------------------------------------------
    # Choose a password
    # ------------------------------------------------------------

    @route("/my/invitation/<int:invitation_id>/<string:signature>", methods=["GET"], **INVITATION_PAGE)
    def portal_invitation_link(self, invitation_id, signature, **kwargs):
        """Move the link's signature to the session and redirect to the page without it."""
        return self._enter_by_link(invitation_id, signature, CHOOSE_PASSWORD, f"/my/invitation/{invitation_id}")

    @route("/my/invitation/<int:invitation_id>", methods=["GET"], **INVITATION_PAGE)
    def portal_invitation(self, invitation_id, **kwargs):
        """Display the form, or a page according to the state of the link."""
        invitation_sudo = self._find_invitation(invitation_id, CHOOSE_PASSWORD)
        return self._respond_to_link(invitation_sudo)

    @route("/my/invitation/<int:invitation_id>", methods=["POST"], **INVITATION_PAGE)
    def portal_invitation_choose_password(self, invitation_id, password="", confirm_password="", **kwargs):
        """Set the first password, sign in and redirect to the order."""
        invitation_sudo = self._find_invitation(invitation_id, CHOOSE_PASSWORD)
        if not invitation_sudo or self._get_link_state(invitation_sudo) != "open":
            return self._respond_to_link(invitation_sudo)
        try:
            with request.env.cr.savepoint():
                self._check_invitation_password(password, confirm_password)
                invitation_sudo._choose_password(password)
        except UserError as error:  # password policy of the database
            return self._render_invitation_form(invitation_sudo, error=str(error))
        return self._sign_in(invitation_sudo, password)

    @route("/my/invitation/<int:invitation_id>/resend", methods=["POST"], **INVITATION_PAGE)
    def portal_invitation_resend(self, invitation_id, **kwargs):
        """Send a new link to the address that the expired link was sent to."""
        invitation_sudo = self._find_invitation(invitation_id, CHOOSE_PASSWORD)
        if not invitation_sudo or self._get_link_state(invitation_sudo) != "expired":
            return self._respond_to_link(invitation_sudo)
        if not invitation_sudo._resend_to_customer():
            return self._respond_to_link(invitation_sudo)
        return self._render_invitation_page("portal_invitation_resent", invitation_sudo)

    # ------------------------------------------------------------
    # Decline
    # ------------------------------------------------------------

    @route("/my/invitation/<int:invitation_id>/<string:signature>/decline", methods=["GET"], **INVITATION_PAGE)
    def portal_invitation_decline_link(self, invitation_id, signature, **kwargs):
        """Move the link's signature to the session and redirect to the page without it."""
        return self._enter_by_link(invitation_id, signature, DECLINE, f"/my/invitation/{invitation_id}/decline")

    @route("/my/invitation/<int:invitation_id>/decline", methods=["GET"], **INVITATION_PAGE)
    def portal_invitation_decline(self, invitation_id, **kwargs):
        """Ask for confirmation."""
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
        """Display a page that explains the sample links of the email template."""
        return self._render_invitation_page("portal_invitation_sample")

    # ------------------------------------------------------------
    # Links
    # ------------------------------------------------------------

    def _enter_by_link(self, invitation_id, signature, purpose, page):
        """Keep the signature of a link in the session and redirect to its page.

        :param int invitation_id: id in the link
        :param str signature: signature in the link
        :param str purpose: ``CHOOSE_PASSWORD`` or ``DECLINE``
        :param str page: path of the page
        :rtype: Response
        """
        if not request.env["sale.portal.invitation"]._find_by_link(invitation_id, signature, purpose):
            return self._render_invitation_page("portal_invitation_void")
        links = {**request.session.get("portal_invitation_links", {}), f"{purpose},{invitation_id}": signature}
        request.session["portal_invitation_links"] = dict(list(links.items())[-MAX_SESSION_LINKS:])
        return protect(request.redirect(request.env["ir.http"]._url_for(page)))

    def _find_invitation(self, invitation_id, purpose):
        """Find the invitation whose link was opened in this session.

        :param int invitation_id: id in the page's path
        :param str purpose: ``CHOOSE_PASSWORD`` or ``DECLINE``
        :return: invitation in sudo mode, empty if the link is void
        :rtype: sale.portal.invitation record
        """
        signature = self._get_link_signature(invitation_id, purpose)
        return request.env["sale.portal.invitation"]._find_by_link(invitation_id, signature, purpose)

    def _get_link_signature(self, invitation_id, purpose):
        """Return the signature of a link that was opened in this session.

        :param int invitation_id: id in the page's path
        :param str purpose: ``CHOOSE_PASSWORD`` or ``DECLINE``
        :return: signature, empty if the link was not opened in this session
        :rtype: str
        """
        return request.session.get("portal_invitation_links", {}).get(f"{purpose},{invitation_id}", "")

    def _get_link_state(self, invitation_sudo):
        """Return the state of the link to choose a password that was opened in this session.

        :param invitation_sudo: invitation that the link belongs to
        :rtype: str
        """
        return invitation_sudo._get_link_state(self._get_link_signature(invitation_sudo.id, CHOOSE_PASSWORD))

    def _respond_to_link(self, invitation_sudo):
        """Return the response to a link to choose a password.

        :param invitation_sudo: invitation, empty if the link is void
        :rtype: Response
        """
        if not invitation_sudo:
            return self._render_invitation_page("portal_invitation_void")
        state = self._get_link_state(invitation_sudo)
        if state == "open":
            return self._render_invitation_form(invitation_sudo)
        if state == "expired":
            return self._render_invitation_page("portal_invitation_expired", invitation_sudo)
        if state == "declined":
            return self._render_invitation_page("portal_invitation_declined", invitation_sudo)
        return self._respond_to_used_link(invitation_sudo)

    def _respond_to_used_link(self, invitation_sudo):
        """Redirect the account's owner to the order, and anyone else to the sign-in page.

        :param invitation_sudo: accepted invitation
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
        """Return the response to a link to decline an account.

        :param invitation_sudo: invitation, empty if the link is void
        :rtype: Response
        """
        if not invitation_sudo:
            return self._render_invitation_page("portal_invitation_void")
        state = invitation_sudo._get_link_state()
        page = {"used": "portal_invitation_in_use", "declined": "portal_invitation_declined"}.get(state)
        return self._render_invitation_page(page or "portal_invitation_decline", invitation_sudo)

    # ------------------------------------------------------------
    # Signing in
    # ------------------------------------------------------------

    def _check_invitation_password(self, password, confirm_password):
        """Check that both passwords are filled in and match. The password policy is checked later.

        :param str password: typed password
        :param str confirm_password: repeated password
        :raise UserError: if the password is empty or the two differ
        """
        if not password.strip():
            raise UserError(request.env._("Enter a password."))
        if password != confirm_password:
            raise UserError(request.env._("Passwords do not match; please retype them."))

    def _sign_in(self, invitation_sudo, password):
        """Sign the owner in and redirect to the order, after the second factor if one is required.

        :param invitation_sudo: accepted invitation
        :param str password: password in plain text
        :rtype: Response
        """
        credential = {"type": "password", "login": invitation_sudo.user_id.login, "password": password}
        destination = self._get_invitation_destination(invitation_sudo)
        try:
            auth_info = request.session.authenticate(request.env, credential)
        except AccessDenied:  # account of another website on the same domain
            return self._redirect_to_login(invitation_sudo)
        return request.redirect(self._login_redirect(auth_info["uid"], redirect=destination))

    def _get_invitation_destination(self, invitation_sudo):
        """Return the page to open after signing in.

        :param invitation_sudo: invitation of the user
        :return: path of the order's page, or else of the portal's home page
        :rtype: str
        """
        return invitation_sudo.order_id.access_url or "/my"

    def _redirect_to_login(self, invitation_sudo):
        """Redirect to the sign-in page, with the login and the destination filled in.

        :param invitation_sudo: invitation of the user
        :rtype: Response
        """
        message = request.env._("You have chosen a password already. Sign in to continue.")
        query = {**self._prepare_login_query(invitation_sudo), "message": message}
        return protect(request.redirect(f"/web/login?{urlencode(query)}"))

    def _prepare_login_query(self, invitation_sudo):
        """Prepare the query parameters of the sign-in page.

        :param invitation_sudo: invitation of the user
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

        :param invitation_sudo: invitation of the user
        :param error: error message about the last password, if any
        :type error: str or None
        :rtype: Response
        """
        return self._render_invitation_page(
            "portal_invitation_form", invitation_sudo, error=error, portal_invitation=True
        )

    def _render_invitation_page(self, template, invitation_sudo=None, **values):
        """Render a page of an invitation.

        :param str template: name of the template
        :param invitation_sudo: invitation that the page is about, if any
        :type invitation_sudo: sale.portal.invitation record or None
        :param values: other rendering values
        :rtype: Response
        """
        values = {**self.get_auth_signup_config(), "page_name": template, **values}
        if invitation_sudo:
            values.update(self._prepare_invitation_values(invitation_sudo))
        return protect(request.render(f"sale_auto_portal_user.{template}", values))

    def _prepare_invitation_values(self, invitation_sudo):
        """Prepare the rendering values for an invitation.

        :param invitation_sudo: invitation that the page is about
        :rtype: dict
        """
        return {
            "invitation_id": invitation_sudo.id,
            "invitation_email": invitation_sudo.email,
            "invitation_shop": invitation_sudo._get_portal_shop().name,
            "invitation_order": invitation_sudo.order_id.name,
            "may_resend": invitation_sudo._is_resend_decent(),
        }
