from odoo import api, fields, models


class SaleOrder(models.Model):
    """Orders of customers who declined an account. They are not invited again, except manually."""

    _inherit = "sale.order"

    portal_account_issue = fields.Selection(selection_add=[("declined", "The customer does not want an account")])

    def _get_portal_account_decisions(self, may_grant=False):
        """Distinguish logins whose owner declined the account from logins in use."""
        decisions = super()._get_portal_account_decisions(may_grant)
        taken = self.browse(order.id for order, decision in decisions.items() if decision == "login_taken")
        for order, users_sudo in taken._get_unused_portal_users(["declined"]).items():
            if users_sudo:
                decisions[order] = "declined"
        return decisions

    @api.ondelete(at_uninstall=False)
    def _unlink_stop_portal_invitations(self):
        """Hold back the waiting invitations of these orders: they would be sent once they have no order any more."""
        self.env["sale.portal.invitation"].sudo().search(
            [("order_id", "in", self.ids), ("state", "=", "to_send")]
        )._filter_order_alive()

    def action_create_portal_account(self):
        """Include customers who never used their account and, if a single order is given, those who declined it."""
        self.check_access("write")
        orders_sudo = self.filtered(lambda order: order.state == "sale").sudo()._filter_without_account()
        unused = orders_sudo._get_unused_portal_users(["expired"] if len(self) > 1 else ["declined", "expired"])
        released = {user_sudo: user_sudo.login for users_sudo in unused.values() for user_sudo in users_sudo}
        for user_sudo in released:
            user_sudo._release_portal_login()
        action = super().action_create_portal_account()
        for user_sudo, login in released.items():
            orders = self.browse(order.id for order, users_sudo in unused.items() if user_sudo in users_sudo)
            orders._give_back_portal_login(user_sudo, login)
        return action

    def _give_back_portal_login(self, user_sudo, login):
        """Restore the login of an archived account if these orders created no new account.

        Otherwise the next order with this email address would invite a customer who declined.

        :param user_sudo: archived user
        :param str login: previous login of the user
        """
        orders_sudo = self.sudo()
        is_waiting = "pending" in orders_sudo.mapped("portal_account_issue")
        if not is_waiting and login not in orders_sudo.portal_user_id.mapped("login"):
            user_sudo._set_portal_login(login)

    def _get_unused_portal_users(self, states):
        """Find the archived, never used accounts that occupy the logins of these orders' customers.

        Accounts of other websites are ignored, and so are logins that an active user has as well.

        :param list states: states of the accounts' invitations
        :return: users in sudo mode by order
        :rtype: dict[sale.order, res.users]
        """
        login_by_order = {order: login for order in self if (login := order._get_portal_login())}
        if not login_by_order:
            return {}
        logins = list(login_by_order.values())
        domain = [("state", "in", states), ("user_id.login", "in", logins), ("user_active", "=", False)]
        unused_sudo = self.env["sale.portal.invitation"].sudo().search(domain).user_id
        unused_sudo = unused_sudo.filtered(lambda user: not user.login_date)
        used = self.env["res.users"].sudo().search([("login", "in", logins)])._get_portal_logins()
        found = {}
        for order, login in login_by_order.items():
            website = order._get_portal_account_website()
            if not order._is_portal_login_taken(login, website, used):
                found[order] = unused_sudo.filtered(
                    lambda user, order=order, login=login, website=website: order._is_portal_login_taken(
                        login, website, user._get_portal_logins()
                    )
                )
        return found
