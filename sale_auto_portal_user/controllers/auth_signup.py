from odoo.http import request

from odoo.addons.auth_signup.controllers.main import AuthSignupHome


class AuthSignupPortalAccount(AuthSignupHome):
    def get_auth_signup_qcontext(self):
        """Remove a void signup token from the session.

        Mails sent before the confirmation ("payment pending") link with a signup token, which becomes void once the
        account is created. Odoo keeps the token in the session, so that the page "Reset Password" would only display
        "Invalid signup token".
        """
        token = request.session.get("auth_signup_token")
        if token and not self._is_signup_token_valid(token):
            request.session.pop("auth_signup_token")
        return super().get_auth_signup_qcontext()

    def _is_signup_token_valid(self, token):
        """Return whether a signup token is valid.

        :param str token: token in the link, possibly malformed
        :rtype: bool
        """
        try:
            return bool(request.env["res.partner"].sudo()._signup_retrieve_info(token))
        except ValueError:  # malformed base64, text or JSON, or an unknown version
            return False
