from odoo.addons.website_sale.controllers.main import WebsiteSale


class WebsiteSalePortalAccount(WebsiteSale):
    def _prepare_shop_payment_confirmation_values(self, order):
        values = super()._prepare_shop_payment_confirmation_values(order)
        values["portal_account_email"] = order._get_portal_account_announcement()
        # The stock "Sign Up" button carries a signup token: whoever typed the address would set the
        # password of an account that is meant for the address's owner.
        values["hide_signup_button"] = bool(order.sudo().portal_account_state)
        return values
