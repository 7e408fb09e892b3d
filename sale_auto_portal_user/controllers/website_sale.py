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
        """Have a guest forget the order once the owner of its account has signed in.

        The page says what the contact says today: from then on that is what its owner has entered,
        and whoever placed the order may be somebody else.

        :return: a redirection to the sign-in page, which leads to the order; ``None`` where the guest may see it
        :rtype: Response or None
        """
        order_sudo = get_session_order()
        if not (order_sudo and request.env.user._is_public() and order_sudo._is_portal_account_in_use()):
            return None
        request.session.pop("sale_last_order_id")
        return request.redirect(f"/web/login?{urlencode({'redirect': f'/my/orders/{order_sudo.id}'})}")

    def _prepare_shop_payment_confirmation_values(self, order):
        """Tell the template of the shopper's account, and whether Odoo's "Sign Up" is out of place.

        :param order: the order that this session placed
        :return: the values, with ``portal_account_email`` and ``hide_signup_button``
        :rtype: dict
        """
        values = super()._prepare_shop_payment_confirmation_values(order)
        values["portal_account_email"] = order._get_portal_account_announcement()
        # The stock "Sign Up" button carries a signup token: whoever typed the address would set the
        # password of an account that is meant for the address's owner.
        # Whether an address has an account must not show: what waits for its owner doesn't count.
        order_sudo = order.sudo()
        values["hide_signup_button"] = bool(order_sudo.portal_user_id or order_sudo.portal_account_issue)
        return values
