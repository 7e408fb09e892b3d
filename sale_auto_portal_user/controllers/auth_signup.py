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
        if token and not request.env["res.partner"].sudo()._signup_retrieve_info(token):
            request.session.pop("auth_signup_token")
        return super().get_auth_signup_qcontext()
