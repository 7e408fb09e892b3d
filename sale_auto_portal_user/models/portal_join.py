import logging

import psycopg2

from odoo import SUPERUSER_ID, api, fields, models
from odoo.tools import clean_context

_logger = logging.getLogger(__name__)

# A contact can have several records, e.g. if an order was refused and confirmed again. The first of these is decisive.
STATES_BY_PRIORITY = ("joined", "waiting", "declined", "refused", "new")


class SalePortalJoin(models.Model):
    """Guest order that belongs to an existing account, and whether it has joined that account.

    This file decides who may join which orders. The offers of the portal page are in ``portal_join_offers.py``, the
    changes to contacts in ``portal_join_contact.py``, the mail and its link in ``portal_join_mail.py``.

    The owner of the address has to sign in and to provide one of two proofs: the browser session that placed the
    order, or a link that was mailed to the address.
    """

    _name = "sale.portal.join"
    _inherit = ["sale.portal.mail"]
    _description = "Guest Order of a Portal Account"
    _rec_name = "order_id"
    _cron_xml_id = "sale_auto_portal_user.ir_cron_send_portal_joins"

    # Unlike in the mixin, the order is required: it is known when the record is created.
    order_id = fields.Many2one(required=True, index=True, ondelete="cascade")
    partner_id = fields.Many2one(string="Guest Contact")
    user_id = fields.Many2one(
        "res.users",
        "Account",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        context={"active_test": False},
    )
    owner_id = fields.Many2one("res.partner", "Joined To", readonly=True, index="btree_not_null", ondelete="set null")
    join_state = fields.Selection(
        selection=[
            ("new", "To check"),
            ("waiting", "Waiting for the customer"),
            ("joined", "Joined"),
            ("declined", "Declined by the customer"),
            ("refused", "Not joined"),
            ("separated", "Separated again"),
        ],
        required=True,
        readonly=True,
        default="new",
        index=True,
    )
    reason = fields.Selection(
        selection=[
            ("no_owner", "The address belongs to a user who is not an active portal user"),
            ("has_user", "The customer's contact has a user of its own"),
            ("has_parent", "The customer's contact belongs to another contact"),
            ("company", "The customer is a company"),
            ("staff", "The customer's contact was created by staff"),
            ("other_role", "The customer's contact is archived, or is not only a customer"),
            ("other_address", "The customer's contact has another email address"),
            ("other_company", "The account has no access to the documents of this company"),
            ("vat", "The tax number differs from the account's"),
            ("terms", "The customer's contact has terms of its own, e.g. of payment"),
            ("locked", "There are journal entries in a locked period"),
            ("secured", "There are journal entries that are secured against changes"),
            ("cancelled", "The order is no longer confirmed"),
            ("other_contact", "The order has another customer now"),
            ("separated", "Staff separated it from the account"),
            ("off", "The company has turned this off"),
            ("error", "An error occurred"),
        ],
        readonly=True,
    )
    is_mail_requested = fields.Boolean(
        readonly=True,
        help="Somebody requested the mail: it doesn't wait even if another one was sent to the address.",
    )
    proof = fields.Selection(
        selection=[
            ("session", "signed in where the order was placed"),
            ("mailbox", "signed in with a link that was mailed to the address"),
        ],
        readonly=True,
    )
    date = fields.Datetime("Joined On", readonly=True)
    # Previous values, needed to separate the contact again; see portal_join_contact.py.
    undo_data = fields.Json(readonly=True, groups="base.group_no_one")

    # Parallel requests must join a contact only once.
    _joined_once = models.UniqueIndex(
        "(partner_id) WHERE join_state = 'joined'", "This guest order has joined already."
    )

    # ---- waiting orders

    @api.model
    def _request_portal_joins(self, orders):
        """Look for the accounts of guest orders once this transaction is committed, so as not to delay the sale.

        :param orders: confirmed orders whose contact's address is the login of a user
        """
        wanted = orders.filtered(lambda order: order.website_id and order.company_id.auto_portal_user_join)
        if wanted:
            now = fields.Datetime.now()
            self.create([{**self._prepare_portal_join(order), "next_attempt": now} for order in wanted])
            self._trigger_cron(now)

    @api.model
    def _prepare_portal_join(self, order):
        """Prepare the values of the record of a guest order.

        :param order: guest order
        :rtype: dict
        """
        return {
            "order_id": order.id,
            "partner_id": order.partner_id.id,
            "company_id": order.company_id.id,
            "website_id": order.website_id.id,
        }

    def _check_portal_joins(self):
        """Set which guest orders wait for the owner of the account, and the reasons why the others don't.

        :return: records that wait
        :rtype: sale.portal.join recordset
        """
        # Contacts join, not orders: one mail per contact is enough.
        joins = self.browse().union(*(joins[:1] for joins in self.grouped("partner_id").values()))
        others = self - joins
        domain = [("partner_id", "in", joins.partner_id.ids), ("join_state", "in", ("waiting", "joined", "declined"))]
        decided = self.search(domain)
        repeated = joins.filtered(lambda join: join.partner_id in (decided - join).partner_id)
        repeated.unlink()
        joins -= repeated
        open_joins = joins.filtered(lambda join: join.join_state in ("new", "waiting"))
        (joins - open_joins)._cancel()
        open_joins._try_recheck_portal_joins()
        waiting = open_joins.filtered(lambda join: join.join_state == "waiting")
        return waiting + others._check_portal_joins() if others else waiting

    def _try_recheck_portal_joins(self):
        """Check whether guest orders can join. An order that can't be checked doesn't affect the others."""
        self._do_apart("_recheck_portal_joins", on_error="_handle_recheck_error")

    def _handle_recheck_error(self, error):
        """Refuse a guest order that can't be checked.

        :param Exception error: exception raised
        """
        _logger.error("The account of guest order %s could not be looked for", self.order_id.name, exc_info=error)
        self._set_portal_join_state("refused", reason="error")

    def _recheck_portal_joins(self):
        """Check again which guest orders can join: the obstacles may be gone."""
        found = self.env["res.partner"]._find_portal_owners([(join.partner_id, join.order_id) for join in self])
        found = dict(zip(self, found, strict=True))
        for (user, reason), joins in self.grouped(found.get).items():
            joins._set_portal_join_state("refused" if reason else "waiting", reason=reason, user_id=user.id)

    def _recheck_portal_join(self):
        """Check again whether a guest order can join.

        :return: whether the order waits
        :rtype: bool
        """
        self.ensure_one()
        self._recheck_portal_joins()
        return self.join_state == "waiting"

    def _set_portal_join_state(self, state, **values):
        """Write the state, and cancel the mail unless the order waits.

        :param str state: new value of ``join_state``
        :param values: other values to write
        """
        values = {"join_state": state, "reason": False, **values}
        if state != "waiting":
            self._cancel()
        for join in self:
            join.write({**values, "email": join.partner_id._get_portal_address()})

    def _find_portal_owner(self):
        """Find the account that this guest order belongs to and check whether it can join it.

        :return: see :meth:`res.partner._find_portal_owners`
        :rtype: tuple[res.users, str or bool]
        """
        self.ensure_one()
        [found] = self.env["res.partner"]._find_portal_owners([(self.partner_id, self.order_id)])
        return found

    # ---- joining

    @api.model
    def _portal_join_env(self):
        """Return the environment in which orders are joined.

        Portal users may not edit contacts, hence the superuser. The notes are written for the shop's employees, hence
        their language.

        :return: environment of the superuser in the company's language
        :rtype: odoo.api.Environment
        """
        lang = self.env.company.sudo().partner_id.lang or self.env.lang
        return self.env(user=SUPERUSER_ID, su=True, context={**clean_context(self.env.context), "lang": lang})

    @api.model
    def _check_session_proof(self, order, user):
        """Check whether an order may join the account of the user who signed in to the session that placed it.

        :param order: order placed in the browser session
        :param user: user signed in to that session
        :return: ``ready``, ``joined`` if it has joined already, ``other_account``, or ``unproved`` if the link in the
            mail is needed
        :rtype: str
        """
        env = self._portal_join_env()
        order, user = order.with_env(env), user.with_env(env)
        guest = order.partner_id
        if guest.portal_join_id:
            return "joined" if guest.portal_join_id.user_id == user else "other_account"
        owner = user._search_portal_owner(guest._get_portal_address(), order.website_id)
        if owner != user or not order.website_id:
            return "other_account"
        # The session proves one order only, and signing up with an address proves nothing about the mailbox.
        if guest._get_portal_guest_orders() != order or not user._get_portal_mailbox_date():
            return "unproved"
        return "ready"

    @api.model
    def _join_by_session(self, order, user):
        """Join an order to the account of the user who signed in to the session that placed it.

        :param order: order placed in the browser session
        :param user: user signed in to that session
        :return: ``joined``, ``busy``, ``refused``, or another result of :meth:`_check_session_proof`
        :rtype: str
        """
        proof = self._check_session_proof(order, user)
        if proof != "ready":
            return proof
        env = self._portal_join_env()
        guest = order.with_env(env).partner_id
        return env[self._name]._join_portal_guests(guest, user.with_env(env), "session") or "joined"

    @api.model
    def _send_portal_join_links(self, user, order=None):
        """Send a user the mail about waiting orders again, unless one was sent recently.

        A single mail is sent, about the latest order: its link also offers the earlier ones.

        :param user: user who has signed in
        :param order: order placed in this browser session, about which no mail may have been sent yet
        :type order: sale.order record or None
        """
        env = self._portal_join_env()
        user = user.with_env(env)
        joins = env[self._name].search([("user_id", "=", user.id), ("join_state", "=", "waiting")])
        if order and self._check_session_proof(order, user) == "unproved":
            for join in env[self._name]._get_or_create_portal_joins(order.with_env(env).partner_id) - joins:
                owner, reason = join._find_portal_owner()
                if owner == user and not reason:
                    join._set_portal_join_state("waiting", user_id=user.id)
                    joins |= join
        latest = joins._get_latest_portal_join()
        if latest and all(join._can_send_portal_join_mail() for join in joins):
            latest._request_again(is_mail_requested=True)

    @api.model
    def _join_by_mailbox(self, guests, user, join=None):
        """Join the orders of guest contacts to the account of a user who has access to the mailbox.

        :param guests: contacts selected by the user
        :param user: user who has signed in
        :param join: record of the link that the user followed, if any
        :type join: sale.portal.join record or None
        :return: ``joined``, ``busy``, or ``refused`` if none of the contacts is offered to the user
        :rtype: str
        """
        env = self._portal_join_env()
        user = user.with_env(env)
        offers = self._get_portal_join_offers(user, join) & guests.with_env(env)
        if not offers:
            return "refused"
        if join:
            user._prove_portal_mailbox(join.order_id.date_order)
        return env[self._name]._join_portal_guests(offers, user, "mailbox") or "joined"

    @api.model
    def _get_portal_join_by_contact(self, guests):
        """Return the decisive record of each guest contact.

        :param guests: guest contacts
        :return: record by contact: first by :data:`STATES_BY_PRIORITY`, then the latest one
        :rtype: dict[res.partner, sale.portal.join]
        """
        joins = self.search([("partner_id", "in", guests.ids), ("join_state", "in", STATES_BY_PRIORITY)], order="id")
        ranked = joins.sorted(lambda join: STATES_BY_PRIORITY.index(join.join_state), reverse=True)
        return {join.partner_id: join for join in ranked}

    @api.model
    def _get_or_create_portal_joins(self, guests):
        """Return the records of guest contacts, and create missing ones, e.g. for orders older than this addon.

        :param guests: guest contacts
        :return: one record per contact
        :rtype: sale.portal.join recordset
        """
        found = self._get_portal_join_by_contact(guests)
        missing = guests - self.env["res.partner"].union(*found)
        orders = missing._get_portal_guest_orders_by_contact()
        created = self.create(
            [{**self._prepare_portal_join(orders[guest][:1]), "state": "cancelled"} for guest in missing]
        )
        return self.union(*found.values(), created)

    def _join_portal_guests(self, guests, user, proof):
        """Join either all of the guest contacts or none of them.

        :param guests: guest contacts
        :param user: owner of the account
        :param str proof: value of the field ``proof``
        :return: ``busy``, ``refused``, or ``None`` on success
        :rtype: str or None
        """
        joins = self._get_or_create_portal_joins(guests)
        others = joins._get_other_portal_joins()
        if not (joins | others)._lock_portal_joins(user):
            return "busy"
        found = self.env["res.partner"]._find_portal_owners([(join.partner_id, join.order_id) for join in joins])
        for join, (owner, reason) in zip(joins, found, strict=True):
            if reason or owner != user:
                join._set_portal_join_state("refused", reason=reason or "other_address")
                return "refused"
        try:
            with self.env.cr.savepoint():
                for join in joins:
                    join._join_portal_contact(user, proof)
                others.unlink()
        except psycopg2.Error:  # Odoo retries the request after a conflict with a parallel one
            raise
        except Exception as error:  # an error of another addon must not break the sign-in
            _logger.warning("Guest orders %s could not join", joins.order_id.mapped("name"), exc_info=error)
            joins._set_portal_join_state("refused", reason="error")
            return "refused"
        return None

    def _get_other_portal_joins(self):
        """Return the other records of these contacts, e.g. of an order that was refused and confirmed again.

        :rtype: sale.portal.join recordset
        """
        domain = [("partner_id", "in", self.partner_id.ids), ("join_state", "in", STATES_BY_PRIORITY)]
        return self.search([*domain, ("id", "not in", self.ids)])

    def _lock_portal_joins(self, user):
        """Lock the records involved, without waiting.

        :param user: owner of the account
        :return: whether all of them are locked
        :rtype: bool
        """
        self.env.flush_all()
        family = self.partner_id._get_portal_guest_family()
        locked = (
            family.try_lock_for_update(allow_referencing=True) == family
            and user.try_lock_for_update(allow_referencing=True) == user
            and self.try_lock_for_update() == self
        )
        self.env.invalidate_all()
        return locked

    @api.model
    def _forget_portal_joins(self, contacts, into):
        """Delete the records of contacts that are merged into another one: there is nothing left to ask the owner.

        :param contacts: contacts that the merge deletes
        :param into: contact that remains
        """
        joins = self.search([("partner_id", "in", contacts.ids)])
        joined = joins.filtered(lambda join: join.join_state == "joined")
        # A contact can have only one joined record.
        kept = joined[:1] if not into.portal_join_id else joined.browse()
        (joins - kept).unlink()
