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
        user, join = user.with_env(env), join and join.with_env(env)
        until = join.order_id.date_order if join else user._get_portal_mailbox_date()
        if not until or not user._is_portal_owner() or (join and join.user_id != user):
            return env["res.partner"]
        guests = self._search_portal_join_offers(user, until)
        if join:
            guests = join.partner_id | guests
        return guests.filtered(
            lambda guest: guest._is_portal_join_offered(user, until) or (join and guest == join.partner_id)
        )

    @api.model
    def _search_portal_join_offers(self, user, until):
        """Search the guest contacts that may be on offer, at most :data:`MAX_OFFERS`.

        Anybody can place any number of orders that are paid later: those come after what is confirmed.

        :param user: the owner's user
        :param datetime.datetime until: what was ordered later needs another proof
        :return: the latest first
        :rtype: res.partner recordset
        """
        guests = user.env["res.partner"]
        for state in ("sale", "sent"):
            if limit := MAX_OFFERS - len(guests):
                domain = self._get_portal_join_offer_domain(user, until, state) & Domain("id", "not in", guests.ids)
                guests += guests.search(domain, order="id desc", limit=limit)
        return guests

    @api.model
    def _get_portal_join_offer_domain(self, user, until, state):
        """Return the domain of the guest contacts that may be on offer for orders in a state.

        Whatever a stranger can make any number of is left out here, so that it takes no place from what is offered.

        :param user: the owner's user
        :param datetime.datetime until: what was ordered later needs another proof
        :param str state: ``sale``, or ``sent`` for what is not paid yet
        :rtype: odoo.fields.Domain
        """
        declined = self.sudo()._search([("user_id", "=", user.id), ("join_state", "=", "declined")])
        ordered = [("state", "=", state), ("website_id", "!=", False), ("date_order", "<=", until)]
        vat = user.partner_id.commercial_partner_id.vat
        return (
            self.env["res.partner"]._get_portal_guest_domain(user._get_portal_login_address())
            & Domain("active", "=", True)
            & Domain("sale_order_ids", "any", ordered)
            & Domain("id", "not in", declined.subselect("partner_id"))
            & (Domain("vat", "=", vat) if vat else Domain("vat", "in", (False, "")))
        )

    @api.model
    def _decline_portal_joins(self, user, guests):
        """Note that a user doesn't want these orders: they are not offered again, except by their own link.

        :param user: who has signed in
        :param guests: the contacts that are on offer to the user, and that the user was shown
        """
        joins = self._portal_join_env()[self._name]
        joins = joins._get_portal_joins_of(guests.with_env(joins.env))
        joins.filtered(lambda join: join.join_state != "joined")._set_portal_join_state("declined", user_id=user.id)

    @api.model
    def _is_portal_join_declined(self, user, guest):
        """Tell whether a user doesn't want the orders of a guest contact.

        :param user: who has signed in
        :param guest: the contact
        :rtype: bool
        """
        domain = [("partner_id", "=", guest.id), ("user_id", "=", user.id), ("join_state", "=", "declined")]
        return bool(self.sudo().search_count(domain, limit=1))
