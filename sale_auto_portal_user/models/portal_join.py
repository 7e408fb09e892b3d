import logging

import psycopg2

from odoo import SUPERUSER_ID, api, fields, models
from odoo.tools import clean_context

_logger = logging.getLogger(__name__)

# A contact has several records where an order was refused, e.g., and confirmed again: the first of these counts.
STATES_BY_PRIORITY = ("joined", "waiting", "declined", "refused", "new")


class SalePortalJoin(models.Model):
    """A guest's order and the account that it belongs to: whether it waits, has joined, or why it can't.

    Who may join what stands here; what a page offers, in ``portal_join_offers.py``; how it is done, in
    ``portal_join_contact.py``; the mail and its link, in ``portal_join_mail.py``. There are two proofs: the browser
    session that placed the order, or a link that was mailed to the address. Either counts only together with the
    sign-in of the address's owner.
    """

    _name = "sale.portal.join"
    _inherit = ["sale.portal.mail"]
    _description = "Guest Order of a Portal Account"
    _rec_name = "order_id"
    _cron_xml_id = "sale_auto_portal_user.ir_cron_send_portal_joins"

    # What the mail is about, and who it would go to, is here from the beginning.
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
            ("no_owner", "The address belongs to a user who is no active portal user"),
            ("has_user", "The customer's contact has a user of its own"),
            ("has_parent", "The customer's contact belongs to another contact"),
            ("company", "The customer is a company"),
            ("staff", "The customer's contact was made by a member of the staff"),
            ("other_role", "The customer's contact is archived, or more than a customer"),
            ("other_address", "The customer's contact has another email address"),
            ("other_company", "The account has no access to the documents of this company"),
            ("vat", "The tax number differs from the account's"),
            ("terms", "The customer's contact has terms of its own, e.g. of payment"),
            ("locked", "There are journal entries in a locked period"),
            ("secured", "There are journal entries that are secured against changes"),
            ("cancelled", "The order is not confirmed any more"),
            ("other_contact", "The order has another customer now"),
            ("separated", "A member of the staff separated it from the account again"),
            ("off", "The company has switched it off"),
            ("error", "An error occurred"),
        ],
        readonly=True,
    )
    is_mail_requested = fields.Boolean(
        readonly=True,
        help="Somebody asked for the mail: it doesn't wait because another one was sent to the address.",
    )
    proof = fields.Selection(
        selection=[
            ("session", "signed in where the order was placed"),
            ("mailbox", "signed in with a link that was mailed to the address"),
        ],
        readonly=True,
    )
    date = fields.Datetime("Joined On", readonly=True)
    # What has to be known to separate the contact again; see portal_join_contact.py.
    undo_data = fields.Json(readonly=True, groups="base.group_no_one")

    # Two tabs and two workers join a contact once.
    _joined_once = models.UniqueIndex(
        "(partner_id) WHERE join_state = 'joined'", "This guest order has joined already."
    )

    # ---- which orders wait

    @api.model
    def _request_portal_joins(self, orders):
        """Have guest orders looked at once this transaction is committed: a sale doesn't wait for it.

        :param orders: confirmed orders whose contact's address is somebody's login
        """
        wanted = orders.filtered(lambda order: order.website_id and order.company_id.auto_portal_user_join)
        if wanted:
            now = fields.Datetime.now()
            self.create([{**self._prepare_portal_join(order), "next_attempt": now} for order in wanted])
            self._trigger_cron(now)

    @api.model
    def _prepare_portal_join(self, order):
        """Prepare the values of a guest's order.

        :param order: the order
        :rtype: dict
        """
        return {
            "order_id": order.id,
            "partner_id": order.partner_id.id,
            "company_id": order.company_id.id,
            "website_id": order.website_id.id,
        }

    def _check_portal_join(self):
        """Decide whether a guest order waits for its owner; say why not, else.

        :return: whether it waits
        :rtype: bool
        """
        self.ensure_one()
        domain = [("partner_id", "=", self.partner_id.id), ("join_state", "in", ("waiting", "joined", "declined"))]
        if self.search_count([*domain, ("id", "!=", self.id)], limit=1):
            self.unlink()  # one mail a contact: what is joined is the contact
            return False
        if self.join_state not in ("new", "waiting"):
            self._cancel()
            return False
        try:
            with self.env.cr.savepoint():
                self._recheck_portal_join()
        except Exception:
            _logger.exception("The account of guest order %s could not be looked for", self.order_id.name)
            self._set_portal_join_state("refused", reason="error")
        return self.join_state == "waiting"

    def _recheck_portal_join(self):
        """Look again whether a guest order waits for its owner: what was in the way may be gone.

        :return: whether it waits
        :rtype: bool
        """
        self.ensure_one()
        user, reason = self._find_portal_owner()
        self._set_portal_join_state("refused" if reason else "waiting", reason=reason, user_id=user.id)
        return not reason

    def _set_portal_join_state(self, state, **values):
        """Write the state; what doesn't wait gets no mail.

        :param str state: the new state
        :param values: other values
        """
        values = {"join_state": state, "reason": False, **values}
        if state != "waiting":
            self._cancel()
        for join in self:
            join.write({**values, "email": join.partner_id._get_portal_address()})

    def _find_portal_owner(self):
        """Find the account that this guest order belongs to, and whether it can join it.

        :return: see :meth:`res.partner._find_portal_owner`
        :rtype: tuple[res.users, str or bool]
        """
        self.ensure_one()
        return self.partner_id._find_portal_owner(self.order_id)

    # ---- joining

    @api.model
    def _portal_join_env(self):
        """Return the environment in which orders are joined: the portal user may change no contact.

        :return: the superuser's, in the language of the shop's staff, who read the notes
        :rtype: odoo.api.Environment
        """
        lang = self.env.company.sudo().partner_id.lang or self.env.lang
        return self.env(user=SUPERUSER_ID, su=True, context={**clean_context(self.env.context), "lang": lang})

    @api.model
    def _check_session_proof(self, order, user):
        """Say whether an order may join the account of whoever signed in where it was placed.

        :param order: the order that the browser session placed
        :param user: who has signed in there
        :return: ``ready``, ``joined`` where it has already; or why not: ``other_account``, ``unproved`` where the
            link in the mail is needed
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
        # The session proves one order. Whoever signed up with an address proved nothing yet.
        if guest._get_portal_guest_orders() != order or not user._get_portal_mailbox_date():
            return "unproved"
        return "ready"

    @api.model
    def _join_by_session(self, order, user):
        """Join an order to the account of whoever signed in where it was placed.

        :param order: the order that the browser session placed
        :param user: who has signed in there
        :return: ``joined``, or why not: see :meth:`_check_session_proof`; ``busy``, or ``refused``
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
        """Send the owner of an address the mail again about what waits for the account, where that is decent.

        It is one mail, about the latest order: its link offers the earlier ones, too.

        :param user: who has signed in
        :param order: the order that this browser session placed, if any: it may be one that nobody was told of yet
        :type order: sale.order record or None
        """
        env = self._portal_join_env()
        user = user.with_env(env)
        joins = env[self._name].search([("user_id", "=", user.id), ("join_state", "=", "waiting")])
        if order and self._check_session_proof(order, user) == "unproved":
            for join in env[self._name]._get_portal_joins_of(order.with_env(env).partner_id) - joins:
                owner, reason = join._find_portal_owner()
                if owner == user and not reason:
                    join._set_portal_join_state("waiting", user_id=user.id)
                    joins |= join
        latest = joins._get_latest_portal_join()
        if latest and all(join._can_send_portal_join_mail() for join in joins):
            latest._request_again(is_mail_requested=True)

    @api.model
    def _join_by_mailbox(self, guests, user, join=None):
        """Join the orders of guest contacts to the account of somebody who reads the mailbox.

        :param guests: the contacts that the user ticked
        :param user: who has signed in
        :param join: the record of the link that the user followed, if any
        :type join: sale.portal.join record or None
        :return: ``joined``, ``busy``, or ``refused`` where nothing of this is on offer
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
        """Return the records of guest contacts that count.

        :param guests: guest contacts
        :return: per contact that has any the one, by :data:`STATES_BY_PRIORITY`, the latest of these
        :rtype: dict[res.partner, sale.portal.join]
        """
        joins = self.search([("partner_id", "in", guests.ids), ("join_state", "in", STATES_BY_PRIORITY)], order="id")
        ranked = joins.sorted(lambda join: STATES_BY_PRIORITY.index(join.join_state), reverse=True)
        return {join.partner_id: join for join in ranked}

    @api.model
    def _get_portal_joins_of(self, guests):
        """Return the records of guest contacts, made where there are none: for orders from before this addon, e.g.

        :param guests: guest contacts
        :return: one for each
        :rtype: sale.portal.join recordset
        """
        found = self._get_portal_join_by_contact(guests)
        missing = guests - self.env["res.partner"].union(*found)
        created = self.create(
            [
                {**self._prepare_portal_join(guest._get_portal_guest_orders()[:1]), "state": "cancelled"}
                for guest in missing
            ]
        )
        return self.union(*found.values(), created)

    def _join_portal_guests(self, guests, user, proof):
        """Join guest contacts, all or none.

        :param guests: guest contacts
        :param user: the owner
        :param str proof: by which proof
        :return: ``busy``, ``refused`` or, where they have joined, ``None``
        :rtype: str or None
        """
        joins = self._get_portal_joins_of(guests)
        others = joins._get_other_portal_joins()
        if not (joins | others)._lock_portal_joins(user):
            return "busy"
        obstacles = {join: join._find_portal_owner() for join in joins}
        for join, (owner, reason) in obstacles.items():
            if reason or owner != user:
                join._set_portal_join_state("refused", reason=reason or "other_address")
                return "refused"
        try:
            with self.env.cr.savepoint():
                for join in joins:
                    join._join_portal_contact(user, proof)
                others.unlink()
        except psycopg2.Error:  # Odoo answers the request anew where a parallel one was in the way
            raise
        except Exception as error:  # whoever has signed in is not to be sent away by an error of another addon
            _logger.warning("Guest orders %s could not join", joins.order_id.mapped("name"), exc_info=error)
            joins._set_portal_join_state("refused", reason="error")
            return "refused"
        return None

    def _get_other_portal_joins(self):
        """Return what else there is of these contacts: of an order that was refused, and confirmed again, e.g.

        :rtype: sale.portal.join recordset
        """
        domain = [("partner_id", "in", self.partner_id.ids), ("join_state", "in", STATES_BY_PRIORITY)]
        return self.search([*domain, ("id", "not in", self.ids)])

    def _lock_portal_joins(self, user):
        """Keep others from changing what is joined, without waiting for anybody.

        :param user: the owner
        :return: whether all of it is locked
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
        """Forget what waits for contacts that are merged into another one: nobody is to be asked any more.

        :param contacts: the contacts that go
        :param into: the contact that stays
        """
        joins = self.search([("partner_id", "in", contacts.ids)])
        joined = joins.filtered(lambda join: join.join_state == "joined")
        # A contact has joined once.
        kept = joined[:1] if not into.portal_join_id else joined.browse()
        (joins - kept).unlink()
