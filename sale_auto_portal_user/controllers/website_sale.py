from urllib.parse import urlencode

from odoo.http import request, route

from odoo.addons.website_sale.controllers.main import WebsiteSale

from .private_page import get_session_order


class WebsiteSalePortalAccount(WebsiteSale):
    @route()
    def shop_payment_confirmation(self, **post):
        return self._leave_order_to_account_owner() or super().shop_payment_confirmation(**post)

    @route()
    def print_saleorder(self, **kwargs):
        return self._leave_order_to_account_owner() or super().print_saleorder(**kwargs)

    def _leave_order_to_account_owner(self):
        """Remove the order from the session that placed it once the owner of its account has signed in elsewhere.

        The page displays the current data of the contact, which the owner may have changed since. Whoever placed the
        order might not be the owner, even if they have signed in with an account of their own in the meantime.

        :return: redirection to the sign-in page and then to the order; ``None`` if the visitor may see the page
        :rtype: Response or None
        """
        order_sudo = get_session_order()
        if not order_sudo or not order_sudo._is_portal_account_in_use():
            return None
        if request.env.user in order_sudo.partner_id._get_portal_account_users():
            return None
        request.session.pop("sale_last_order_id")
        return request.redirect(f"/web/login?{urlencode({'redirect': f'/my/orders/{order_sudo.id}'})}")

    def _prepare_shop_payment_confirmation_values(self, order):
        """Add the address of the new account, and whether to hide Odoo's "Sign Up" button.

        :param order: order placed in this session
        :return: rendering values, with ``portal_account_email`` and ``hide_signup_button``
        :rtype: dict
        """
        values = super()._prepare_shop_payment_confirmation_values(order)
        values["portal_account_email"] = order._get_portal_account_announcement()
        # The standard "Sign Up" button contains a signup token: whoever typed the address could set the password of
        # the account created for the owner of the address.
        # Guest orders that wait for an owner are ignored, so as not to reveal whether an address has an account.
        order_sudo = order.sudo()
        values["hide_signup_button"] = bool(order_sudo.portal_user_id or order_sudo.portal_account_issue)
        return values
