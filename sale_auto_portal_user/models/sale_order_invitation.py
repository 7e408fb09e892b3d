from odoo import fields, models


class SaleOrder(models.Model):
    """Orders of customers who declined an account: no further invitation, unless staff invite by hand."""

    _inherit = "sale.order"

    portal_account_issue = fields.Selection(selection_add=[("declined", "The customer does not want an account")])

    def _get_portal_account_decisions(self, may_grant=False):
        """Tell a login that its owner declined from one that somebody uses."""
        decisions = super()._get_portal_account_decisions(may_grant)
        taken = self.browse(order.id for order, decision in decisions.items() if decision == "login_taken")
        declined = taken._get_unused_portal_users(["declined"]).mapped("login")
        for order in taken:
            if order._get_portal_login() in declined:
                decisions[order] = "declined"
        return decisions

    def action_create_portal_account(self):
        """Create accounts by hand also for who had declined one, or never used it."""
        self.check_access("write")
        orders_sudo = self.filtered(lambda order: order.state == "sale").sudo()._filter_without_account()
        orders_sudo._get_unused_portal_users(["declined", "expired"])._release_portal_login()
        return super().action_create_portal_account()

    def _get_unused_portal_users(self, states):
        """Find the archived accounts with these orders' addresses as login, which nobody has ever used.

        :param list states: the states of their invitations
        :return: the users, privileged
        :rtype: res.users recordset
        """
        logins = list(filter(None, (order._get_portal_login() for order in self)))
        invitations_sudo = self.env["sale.portal.invitation"].sudo()
        if not logins:
            return invitations_sudo.user_id
        domain = [("state", "in", states), ("user_id.login", "in", logins), ("user_active", "=", False)]
        return invitations_sudo.search(domain).user_id.filtered(lambda user: not user.login_date)
