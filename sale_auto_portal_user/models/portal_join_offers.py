from odoo import api, models
from odoo.fields import Domain

# Maximum number of guest contacts offered on the page: a stranger can create any number of them for one address.
MAX_OFFERS = 50


class SalePortalJoin(models.Model):
    """Guest orders that are offered to the owner of an account."""

    _inherit = "sale.portal.join"

    @api.model
    def _get_portal_join_offers(self, user, join=None):
        """Return the guest contacts whose orders a user can add to the account, given access to the mailbox.

        :param user: user who has signed in
        :param join: record of the link that the user followed; without a link, the last proof of the user counts
        :type join: sale.portal.join record or None
        :return: guest contacts in superuser mode
        :rtype: res.partner recordset
        """
        own, others, until = self._find_portal_join_candidates(user, join)
        return own | others._filter_portal_join_offered(user, until)

    @api.model
    def _has_portal_join_offers(self, user, join=None):
        """Return whether there are guest orders to offer, which is cheaper than :meth:`_get_portal_join_offers`.

        :param user: user who has signed in
        :param join: record of the link that the user followed, if any
        :type join: sale.portal.join record or None
        :rtype: bool
        """
        own, others, until = self._find_portal_join_candidates(user, join)
        if any(not guest.portal_join_id for guest in own):
            return True
        return any(guests._filter_portal_join_offered(user, until) for guests in (others[:1], others[1:]))

    @api.model
    def _find_portal_join_candidates(self, user, join=None):
        """Find the guest contacts that can be offered, without a check for obstacles.

        :param user: user who has signed in
        :param join: record of the link that the user followed, if any
        :type join: sale.portal.join record or None
        :return: contact of the link, which is offered; other contacts; latest order date covered by the proof
        :rtype: tuple[res.partner, res.partner, datetime.datetime or bool]
        """
        env = self._portal_join_env()
        user, join = user.with_env(env), join and join.with_env(env)
        own = nobody = env["res.partner"]
        until = join.order_id.date_order if join else user._get_portal_mailbox_date()
        if not until or not user._is_portal_owner() or (join and join.user_id != user):
            return nobody, nobody, until
        if join and join.order_id.state in ("sent", "sale"):
            own = join.partner_id
        return own, self._search_portal_join_offers(user, until) - own, until

    @api.model
    def _search_portal_join_offers(self, user, until):
        """Search at most :data:`MAX_OFFERS` guest contacts that can be offered.

        Confirmed orders come before unpaid ones, of which anyone can place any number.

        :param user: owner of the account
        :param datetime.datetime until: latest order date covered by the proof
        :return: guest contacts, those with confirmed orders first, then the latest first
        :rtype: res.partner recordset
        """
        guests, domain = user.env["res.partner"], self._get_portal_join_offer_domain(user)
        for state in ("sale", "sent"):
            if limit := MAX_OFFERS - len(guests):
                ordered = [("state", "=", state), ("website_id", "!=", False), ("date_order", "<=", until)]
                new = Domain("sale_order_ids", "any", ordered) & Domain("id", "not in", guests.ids)
                guests += guests.search(domain & new, order="id desc", limit=limit)
        return guests

    @api.model
    def _get_portal_join_offer_domain(self, user):
        """Return the domain of the guest contacts that can be offered, whatever their orders.

        It excludes contacts that won't be offered anyway, so that a stranger can't fill the limited list with them.

        :param user: owner of the account
        :rtype: odoo.fields.Domain
        """
        declined = self.sudo()._search([("user_id", "=", user.id), ("join_state", "=", "declined")])
        vat = user.partner_id.commercial_partner_id.vat
        return (
            self.env["res.partner"]._get_portal_guest_domain(user._get_portal_login_address())
            & Domain("active", "=", True)
            & Domain("id", "not in", declined.subselect("partner_id"))
            & (Domain("vat", "=", vat) if vat else Domain("vat", "in", (False, "")))
        )

    @api.model
    def _decline_portal_joins(self, user, guests):
        """Decline the orders of guest contacts. From then on, only the link in their own mail offers them again.

        :param user: user who has signed in
        :param guests: contacts that were offered and shown to the user
        """
        joins = self._portal_join_env()[self._name]
        joins = joins._get_or_create_portal_joins(guests.with_env(joins.env))
        joins.filtered(lambda join: join.join_state != "joined")._set_portal_join_state("declined", user_id=user.id)

    @api.model
    def _is_portal_join_declined(self, user, guest):
        """Return whether a user declined the orders of a guest contact.

        :param user: user who has signed in
        :param guest: guest contact
        :rtype: bool
        """
        domain = [("partner_id", "=", guest.id), ("user_id", "=", user.id), ("join_state", "=", "declined")]
        return bool(self.sudo().search_count(domain, limit=1))
