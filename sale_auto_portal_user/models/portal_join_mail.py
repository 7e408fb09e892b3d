import binascii
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import split_every
from odoo.tools.misc import hash_sign, verify_hash_signed
from odoo.tools.urls import urljoin

from .portal_mail import SEARCH_LIMIT
from .portal_mail_link import makes_links_of

LINK_SCOPE = "sale_auto_portal_user.join"
LINK_PATH = "/my/guest-orders/link"
# Placeholder link that the template is rendered with.
SAMPLE_PATH = f"{LINK_PATH}/sample"
# Minimum time between two mails about guest orders to the same address, unless a mail is requested.
MAIL_PAUSE_HOURS = 24


def get_link_values(join_sudo):
    """Return the values that a link is bound to. A change of any of them voids the link.

    :param join_sudo: sale.portal.join record
    :rtype: list
    """
    user_sudo, guest_sudo = join_sudo.user_id, join_sudo.partner_id
    return [
        join_sudo.id,
        join_sudo.order_id.id,
        guest_sudo.id,
        user_sudo.id,
        user_sudo.partner_id.id,
        user_sudo._get_portal_login_address() if user_sudo else False,
        guest_sudo._get_portal_address(),
    ]


def get_link_token(join_sudo):
    """Return the signed token of the link in the mail. It is valid for as long as an invitation.

    :param join_sudo: sale.portal.join record
    :rtype: str
    """
    hours = join_sudo._get_validity_hours()
    return hash_sign(join_sudo.env(su=True), LINK_SCOPE, get_link_values(join_sudo), expiration_hours=hours)


@makes_links_of("sale.portal.join")
def get_link_paths(join_sudo):
    """Return the link path of the next mail, by the sample path that it replaces.

    :param join_sudo: sale.portal.join record
    :rtype: dict[str, str]
    """
    return {SAMPLE_PATH: f"{LINK_PATH}/{get_link_token(join_sudo)}"}


class SalePortalJoin(models.Model):
    """Mail to the owner of the account about a waiting guest order, and the link in it."""

    _inherit = "sale.portal.join"

    def _get_template(self):
        template = self.env.ref("sale_auto_portal_user.mail_template_portal_join", raise_if_not_found=False)
        return template or self.env["mail.template"]

    def _filter_sendable(self):
        """Look for the accounts of new guest orders, and keep the orders about which a mail is sent now."""
        waiting = self._check_portal_joins()
        waiting -= waiting._invite_unused_owners()
        sendable = requested = waiting.filtered("is_mail_requested")
        for user, joins in (waiting - requested).grouped("user_id").items():
            if user in requested.user_id:
                joins._postpone(fields.Datetime.now() + timedelta(hours=MAIL_PAUSE_HOURS))
            else:
                sendable += joins._filter_mail_decent()
        return sendable

    def _filter_mail_decent(self):
        """Keep the latest of an owner's guest orders, unless a mail was sent to the address recently.

        Anyone can place any number of orders with somebody else's address. The mail about the latest order also lists
        the earlier ones, and its link offers them, so that they need no mail of their own. The number of offers is
        limited: if the oldest order is not among them, the mail about that order is sent first.

        :return: record whose mail is sent now, or none
        :rtype: sale.portal.join record
        """
        latest = self._get_latest_portal_join()
        moment = latest._get_next_portal_join_mail_date()
        if moment > fields.Datetime.now():
            self._postpone(moment)
            return self.browse()
        told, offers = latest, self._get_portal_join_offers(latest.user_id, latest)
        oldest = self._sort_by_order_date()[:1]
        if oldest.partner_id not in offers:
            told, offers = oldest, self._get_portal_join_offers(oldest.user_id, oldest)
        waiting = [("user_id", "=", told.user_id.id), ("join_state", "=", "waiting"), ("state", "=", "to_send")]
        covered = [("is_mail_requested", "=", False), ("id", "!=", told.id), ("partner_id", "in", offers.ids)]
        self.search([*waiting, *covered])._cover()
        return told

    def _postpone(self, moment):
        """Send the mails later.

        :param datetime.datetime moment: when the mails are due
        """
        self.write({"next_attempt": moment})
        self._trigger_cron(moment)

    def _cover(self):
        """Cancel the mails about these orders, because another mail takes their place."""
        self._cancel_mails()

    def _cancel(self):
        """Also send the mails about the orders that a cancelled mail would have offered."""
        unsent = self.filtered(lambda join: join.state in ("to_send", "queued"))
        result = super()._cancel()
        unsent._uncover(unsent.user_id)
        return result

    def _fail(self, reason):
        """Also send the mails about the orders that the failed mail would have offered."""
        result = super()._fail(reason)
        self._uncover(self.user_id)
        return result

    def unlink(self):
        """Also send the mails about the orders that the links of the deleted records offered."""
        users = self.user_id
        result = super().unlink()
        self.browse()._uncover(users)
        return result

    def _uncover(self, users):
        """Send the mails about waiting orders that no mail has offered, now that these records don't offer them.

        :param users: accounts that the orders wait for
        """
        waiting = [("user_id", "in", users.ids), ("join_state", "=", "waiting"), ("id", "not in", self.ids)]
        unsent = [("state", "=", "cancelled"), ("sent_date", "=", False)]
        # Records that are locked by another transaction are joining or being declined.
        for join in users and self.search([*waiting, *unsent])._lock_free():
            if not join._is_covered_by_another_mail():
                join._request()

    @api.model
    def _uncover_lost(self):
        """Send the mails about waiting orders that a mail about a later order offered, if its link is void by now."""
        waiting = [("user_id", "!=", False), ("join_state", "=", "waiting")]
        unsent = [("state", "=", "cancelled"), ("sent_date", "=", False)]
        for ids in split_every(SEARCH_LIMIT, self.search([*waiting, *unsent]).ids):
            for joins in self.browse(ids)._lock_free().grouped("user_id").values():
                if lost := joins._filter_uncovered():
                    lost._do_apart("_request")
            self.env["ir.cron"]._commit_progress(len(ids), remaining=0)

    def _filter_uncovered(self):
        """Return the records of one owner that mails about later orders offered, none of whose links works any longer.

        :rtype: sale.portal.join recordset
        """
        told = self._search_portal_joins_told(self.user_id)

        def is_uncovered(join):
            later = told.filtered(join._is_before)
            return later and not any(other._has_open_portal_link() for other in later)

        return self.filtered(is_uncovered)

    @api.model
    def _search_portal_joins_told(self, user):
        """Return the records whose mail the owner of an account was sent, or will be.

        :param user: owner of the account
        :rtype: sale.portal.join recordset
        """
        return self.search([("user_id", "=", user.id), "|", ("state", "=", "queued"), ("last_sent_date", "!=", False)])

    def _is_before(self, other):
        """Return whether the mail about another order offers this one as well.

        :param other: record of the other order
        :rtype: bool
        """
        return other != self and other.order_id.date_order >= self.order_id.date_order

    def _has_open_portal_link(self):
        """Return whether the link in the mail about this order still leads the owner to the earlier orders.

        :rtype: bool
        """
        self.ensure_one()
        user, guest = self.user_id, self.partner_id
        if not user or self.join_state == "joined":
            return bool(user)
        return (
            (self.join_state in ("waiting", "declined") or self.reason == "cancelled")
            and self.order_id.partner_id == guest
            and not guest.parent_id
            and self.email == guest._get_portal_address() == user._get_portal_login_address()
        )

    def _sort_by_order_date(self):
        """Sort the records by order date, the earliest first.

        :rtype: sale.portal.join recordset
        """
        return self.sorted(lambda join: (join.order_id.date_order, join.id))

    def _get_latest_portal_join(self):
        """Return the record of the latest order.

        :rtype: sale.portal.join record
        """
        return self._sort_by_order_date()[-1:]

    def _get_next_portal_join_mail_date(self):
        """Return when another mail about a guest order may be sent to the address.

        Mails about orders that have joined don't count: their owner has reacted to them.

        :rtype: datetime.datetime
        """
        self.ensure_one()
        others = [("user_id", "=", self.user_id.id), ("id", "!=", self.id), ("join_state", "!=", "joined")]
        now, pause = fields.Datetime.now(), timedelta(hours=MAIL_PAUSE_HOURS)
        if self.search_count([*others, ("state", "=", "queued")], limit=1):
            return now + pause
        last = self.search([*others, ("last_sent_date", "!=", False)], order="last_sent_date DESC", limit=1)
        return last.last_sent_date + pause if last else now

    def _prepare_sent_values(self):
        return {**super()._prepare_sent_values(), "is_mail_requested": False}

    def _prepare_cancel_values(self):
        return {**super()._prepare_cancel_values(), "is_mail_requested": False}

    def _get_failure_note(self, reason):
        return self.env._(
            "The message that this order waits for the account could not be delivered to %(email)s: %(reason)s",
            email=self.email or "",
            reason=reason,
        )

    def _get_portal_join_url(self):
        """Return a sample of the link, for the template. Only the mail to the address contains the actual link.

        :return: absolute URL on the domain of the website where the order was placed
        :rtype: str
        """
        self.ensure_one()
        return urljoin(self.get_base_url(), SAMPLE_PATH)

    def _get_portal_mail_links(self):
        return {self._get_portal_join_url(): self.env._("Add to my account")}

    def _get_portal_join_other_orders(self):
        """Return the other orders that the link offers, for the template.

        :return: orders that the rendering user may read, the latest first
        :rtype: sale.order recordset
        """
        self.ensure_one()
        orders = self.env["sale.order"]
        if self.user_id:
            offers_sudo = self._get_portal_join_offers(self.user_id, self)
            orders = offers_sudo._get_portal_guest_orders().with_env(self.env)
        return (orders - self.order_id)._filtered_access("read").sorted("date_order", reverse=True)

    def get_base_url(self):
        """Return the base URL of the website where the order was placed."""
        return self.order_id.get_base_url() if self.order_id else super().get_base_url()

    def _can_send_portal_join_mail(self):
        """Return whether the mail can be sent again.

        Refused orders are included: whether they can join by now is checked before sending.

        :rtype: bool
        """
        is_on_its_way = self.state == "queued" or (
            self.state == "to_send" and (self.is_mail_requested or self.next_attempt <= fields.Datetime.now())
        )
        return self.join_state in ("waiting", "refused") and not is_on_its_way and self._is_resend_decent()

    @api.model
    def _find_portal_join_by_token(self, token):
        """Return the record that a link belongs to.

        If the order of the link is not confirmed any more, the link still offers the earlier orders listed in the mail.

        :param str token: token in the link, not validated yet
        :return: record in superuser mode, empty if the link is void
        :rtype: sale.portal.join record
        """
        try:
            values = verify_hash_signed(self.sudo().env, LINK_SCOPE, token)
        except (ValueError, binascii.Error):
            values = None
        join = self._portal_join_env()[self._name].browse(values and values[0]).exists()
        if not join.user_id or not join.user_id._is_portal_owner() or values != get_link_values(join):
            return join.browse()
        if join.join_state == "joined":
            return join
        user, reason = join._find_portal_owner()
        if reason == "cancelled":
            is_open = join.join_state in ("waiting", "declined", "refused") and join._has_portal_join_offers(user, join)
        else:
            is_open = join.join_state in ("waiting", "declined") and not reason
        return join if is_open and user == join.user_id else join.browse()
