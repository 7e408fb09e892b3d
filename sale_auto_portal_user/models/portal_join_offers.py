from odoo import api, models
from odoo.fields import Domain

# How many guest contacts of one address a page offers: a stranger may have made any number of them.
MAX_OFFERS = 50


class SalePortalJoin(models.Model):
    """Which guest orders are offered to the owner of an account."""

    _inherit = "sale.portal.join"

    @api.model
    def _get_portal_join_offers(self, user, join=None):
        """Return the guest contacts whose orders a user may add to the account by reading the mailbox.

        :param user: who has signed in
        :param join: the record of the link that the user followed; without it counts what was proved before
        :type join: sale.portal.join record or None
        :return: in superuser mode
        :rtype: res.partner recordset
        """
        env = self._portal_join_env()
        user = user.with_env(env)
        until = join.order_id.date_order if join else user._get_portal_mailbox_date()
        if not until or not user._is_portal_owner() or (join and join.user_id != user):
            return env["res.partner"]
        guests = env["res.partner"].search(
            self._get_portal_join_offer_domain(user, until), order="id desc", limit=MAX_OFFERS
        )
        if join:
            guests = join.partner_id | guests
        return guests.filtered(
            lambda guest: guest._is_portal_join_offered(user, until) or (join and guest == join.partner_id)
        )

    @api.model
    def _get_portal_join_offer_domain(self, user, until):
        """Return the domain of the guest contacts that may be on offer.

        Whatever a stranger can make any number of is left out here, so that it takes no place from what is offered.

        :param user: the owner's user
        :param datetime.datetime until: what was ordered later needs another proof
        :rtype: odoo.fields.Domain
        """
        declined = self.sudo()._search([("user_id", "=", user.id), ("join_state", "=", "declined")])
        ordered = [("state", "in", ("sent", "sale")), ("website_id", "!=", False), ("date_order", "<=", until)]
        vat = user.partner_id.commercial_partner_id.vat
        return (
            self.env["res.partner"]._get_portal_guest_domain(user._get_portal_login_address())
            & Domain("active", "=", True)
            & Domain("sale_order_ids", "any", ordered)
            & Domain("id", "not in", declined.subselect("partner_id"))
            & (Domain("vat", "=", vat) if vat else Domain("vat", "in", (False, "")))
        )

    @api.model
    def _decline_portal_joins(self, user, join=None):
        """Note that a user doesn't want these orders: they are not offered again, except by their own link.

        :param user: who has signed in
        :param join: the record of the link that the user followed, if any
        """
        guests = self._get_portal_join_offers(user, join)
        joins = self._portal_join_env()[self._name]._get_portal_joins_of(guests)
        joins.filtered(lambda join: join.join_state != "joined")._set_portal_join_state("declined", user_id=user.id)
