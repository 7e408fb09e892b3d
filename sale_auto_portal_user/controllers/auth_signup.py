from odoo.http import request

from odoo.addons.auth_signup.controllers.main import AuthSignupHome


class AuthSignupPortalAccount(AuthSignupHome):
    def get_auth_signup_qcontext(self):
        """Forget a signup token of the session that an account has made void.

        Mails that left before the order was confirmed ("payment pending") link with such a token,
        and Odoo keeps it in the session: the page "Reset Password" would then say nothing but
        "Invalid signup token" to the very customer who needs it.
        """
        token = request.session.get("auth_signup_token")
        if token and not self._is_signup_token_valid(token):
            request.session.pop("auth_signup_token")
        return super().get_auth_signup_qcontext()

    def _is_signup_token_valid(self, token):
        """Tell whether a token lets its owner in.

        :param str token: whatever a link carried: Odoo raises on what can't be read as a token
        :rtype: bool
        """
        try:
            return bool(request.env["res.partner"].sudo()._signup_retrieve_info(token))
        except ValueError:  # base64's, the text's, JSON's, and an unknown version
            return False
