from typing import NamedTuple

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import email_normalize
from odoo.tools.mail import email_normalize_all


class PortalGuest(NamedTuple):
    """Records that decide whether a guest contact can join an account.

    :param family: guest contact and its child addresses
    :param orders: sent and confirmed orders, the latest first
    :param moves: journal entries
    :param is_separated: whether staff has separated the contact from an account
    :param creators: users with which the shop creates the contacts of visitors
    """

    family: models.BaseModel
    orders: models.BaseModel
    moves: models.BaseModel
    is_separated: bool
    creators: models.BaseModel


class ResPartner(models.Model):
    """Guest contacts, the accounts that they belong to and the obstacles to joining them."""

    _inherit = "res.partner"

    # For searches of the guest contacts of an email address.
    _portal_guest_address_idx = models.Index("(email_normalized) WHERE parent_id IS NULL")

    # ---- guest contacts

    @api.model
    def _get_portal_guest_creators(self):
        """Return the users with which the shop creates the contacts of visitors who are not signed in.

        :return: public users, including former public users of websites
        :rtype: res.users recordset
        """
        users_sudo = self.env["res.users"].sudo().with_context(active_test=False)
        return users_sudo.search([("group_ids", "in", self.env.ref("base.group_public").ids)])

    @api.model
    def _get_portal_guest_domain(self, address):
        """Return the domain of possible guest contacts with the given email address.

        :param str address: normalized email address
        :rtype: odoo.fields.Domain
        """
        return Domain(
            [
                ("email_normalized", "=", address),
                ("parent_id", "=", False),
                ("is_company", "=", False),
                ("create_uid", "in", self._get_portal_guest_creators().ids),
            ]
        )

    def _get_portal_address(self):
        """Return the email address of a contact.

        :return: address in lower case, ``False`` if there is none or more than one
        :rtype: str or bool
        """
        self.ensure_one()
        address = email_normalize(self.email or "")
        return bool(address) and email_normalize_all(self.email) == [address] and address.lower()

    def _get_portal_guest_obstacle(self, data):
        """Return why a contact is not merely the contact of a guest.

        :param PortalGuest data: see :meth:`_read_portal_guests`
        :return: value of ``sale.portal.join.reason``, ``False`` for a guest contact
        :rtype: str or bool
        """
        self.ensure_one()
        family = data.family
        if family.with_context(active_test=False).user_ids:
            return "has_user"
        if self.portal_join_id or self.parent_id:
            return "has_parent"
        if any(contact.is_company for contact in family):
            return "company"
        if family.create_uid - data.creators:
            return "staff"
        if data.is_separated:
            return "separated"
        if not self.active or any(contact._has_portal_other_role() for contact in family):
            return "other_role"
        return False

    def _get_portal_guest_family(self):
        """Return a guest contact with its child addresses, which the guest typed for deliveries and invoices.

        :rtype: res.partner recordset
        """
        return self.with_context(active_test=False).search([("id", "child_of", self.ids)])

    def _has_portal_other_role(self):
        """Return whether a contact has another role than customer: employee, vendor or contact of a company record.

        Other addons can extend this method for the roles that they add.

        :rtype: bool
        """
        self.ensure_one()
        has_employees = "employee_ids" in self._fields and self.with_context(active_test=False).employee_ids
        return bool(self.employee or has_employees or self.supplier_rank or self.bank_ids or self.ref_company_ids)

    @api.model
    def _find_portal_owners(self, orders, data=None):
        """Find the accounts that guest contacts belong to and check whether the contacts can join them.

        :param orders: guest contacts with one of their orders each
        :type orders: list[tuple[res.partner, sale.order]]
        :param data: see :meth:`_read_portal_guests`, read if it is not given
        :type data: dict[res.partner, PortalGuest] or None
        :return: for each contact the owner of the account, and a value of ``sale.portal.join.reason`` if the contact
            can't join, or else ``False``
        :rtype: list[tuple[res.users, str or bool]]
        """
        guests = self.browse().union(*(guest for guest, _order in orders))
        data = data or guests._read_portal_guests()
        owners, found = {}, []
        for guest, order in orders:
            address, website = guest._get_portal_address(), order.website_id
            if (address, website) not in owners:
                owners[address, website] = self.env["res.users"]._search_portal_owner(address, website)
            user = owners[address, website]
            obstacle = guest.with_prefetch(guests.ids)._get_portal_owner_obstacle(order, user, data[guest])
            found.append((user, obstacle))
        return found

    def _get_portal_owner_obstacle(self, order, user, data):
        """Return why a guest contact can't join the account that its order belongs to.

        :param order: guest order
        :param user: owner of the account, empty if there is none
        :param PortalGuest data: see :meth:`_read_portal_guests`
        :return: value of ``sale.portal.join.reason``, ``False`` if there is no obstacle
        :rtype: str or bool
        """
        self.ensure_one()
        if not order.company_id.auto_portal_user_join:
            return "off"
        if order.partner_id != self:
            return "other_contact"
        if not user:
            return self._get_portal_guest_obstacle(data) or "no_owner"
        # "cancelled" comes last: it implies that there is no other obstacle.
        is_cancelled = order.state not in ("sent", "sale")
        return self._get_portal_join_obstacle(user, data) or (is_cancelled and "cancelled")

    def _filter_portal_join_offered(self, user, until):
        """Keep the guest contacts that are offered to the owner of their email address.

        :param user: owner of the account
        :param datetime.datetime until: latest order date covered by the proof
        :rtype: res.partner recordset
        """
        if not self:
            return self
        data = self._read_portal_guests()
        orders = [(guest, data[guest].orders.filtered("website_id")[-1:]) for guest in self]
        orders = [(guest, order) for guest, order in orders if order and order.date_order <= until]
        found = zip(orders, self._find_portal_owners(orders, data), strict=True)
        return self.browse().union(*(guest for (guest, _order), owner in found if owner == (user, False)))

    # ---- obstacles to joining

    def _get_portal_join_obstacle(self, user, data):
        """Return why a guest contact can't become a child address of the owner's contact.

        :param user: owner of the account
        :param PortalGuest data: see :meth:`_read_portal_guests`
        :return: value of ``sale.portal.join.reason``, ``False`` if there is no obstacle
        :rtype: str or bool
        """
        self.ensure_one()
        entity = user.partner_id.commercial_partner_id
        return (
            self._get_portal_guest_obstacle(data)
            or self._get_portal_company_obstacle(user, data)
            or self._get_portal_terms_obstacle(entity, data)
            or self._get_portal_ledger_obstacle(data.moves)
        )

    def _get_portal_company_obstacle(self, user, data):
        """Return ``other_company`` if the owner has no access to the companies of the guest's documents.

        :param user: owner of the account
        :param PortalGuest data: see :meth:`_read_portal_guests`
        :rtype: str or bool
        """
        companies = data.orders.company_id | data.moves.company_id
        limits = user.partner_id.company_id
        if companies - user.company_ids or (limits and (companies | self.company_id) - limits):
            return "other_company"
        return False

    def _get_portal_terms_obstacle(self, entity, data):
        """Return ``vat`` or ``terms`` if the contact has its own tax number or terms.

        Odoo would replace them by those of the owner. The tax number is printed on documents, so it has to be the same
        even if there are no invoices.

        :param entity: owner's commercial entity
        :param PortalGuest data: see :meth:`_read_portal_guests`
        :rtype: str or bool
        """
        if any((contact.vat or "") != (entity.vat or "") for contact in data.family):
            return "vat"
        for company in data.orders.company_id or self.env.company:
            guest, owner = self.with_company(company), entity.with_company(company)
            if any(guest._has_portal_own_terms(name, owner) for name in self._commercial_fields() if name != "vat"):
                return "terms"
        return False

    def _has_portal_own_terms(self, name, owner):
        """Return whether a commercial field has a value other than the default and the owner's value.

        :param str name: name of the commercial field
        :param owner: owner's commercial entity
        :rtype: bool
        """
        field, value = self._fields[name], self[name]
        default = field.get_company_dependent_fallback(self) if field.company_dependent else False
        return bool(value) and value != default and value != owner[name]

    @api.model
    def _get_portal_ledger_obstacle(self, moves):
        """Return ``secured`` or ``locked`` if joining would modify journal items that must not be modified.

        ``write`` of ``account`` ignores the lock dates when a parent is set on a contact. Entries secured by a hash
        can't be modified at all.

        :param moves: journal entries of a guest contact
        :rtype: str or bool
        """
        for move in moves.filtered(lambda move: move.state == "posted"):
            if move.inalterable_hash:
                return "secured"
            if move.company_id._get_violated_lock_dates(move.date, move._affect_tax_report(), move.journal_id):
                return "locked"
        return False

    def _get_portal_guest_moves(self):
        """Return the journal entries of a guest contact and its child addresses.

        :rtype: account.move recordset
        """
        family = self._get_portal_guest_family()
        lines = self.env["account.move.line"].search([("partner_id", "in", family.ids)])
        return lines.move_id | self.env["account.move"].search([("partner_id", "in", family.ids)])

    def _get_portal_guest_orders(self):
        """Return the sent and confirmed orders of a guest contact, which are those shown in Odoo's portal.

        :return: orders, the latest first
        :rtype: sale.order recordset
        """
        return self.env["sale.order"].search(
            [("partner_id", "child_of", self.ids), ("state", "in", ("sent", "sale"))], order="date_order desc, id desc"
        )

    def _get_portal_guest_orders_by_contact(self):
        """Return the sent and confirmed orders of each guest contact.

        :return: orders by guest contact, the latest first
        :rtype: dict[res.partner, sale.order]
        """
        found = dict.fromkeys(self, self.env["sale.order"])
        for order in self._get_portal_guest_orders() if self else ():
            for guest in order.partner_id._get_portal_contacts_above() & self:
                found[guest] += order
        return found

    def _read_portal_guests(self):
        """Read the records that decide whether guest contacts can join. The number of contacts adds no queries.

        :return: records by guest contact
        :rtype: dict[res.partner, PortalGuest]
        """
        family = self._get_portal_guest_family()
        orders, moves = self._get_portal_guest_orders(), self._get_portal_guest_moves()
        separated = [("partner_id", "in", self.ids), ("join_state", "=", "separated")]
        separated = self.env["sale.portal.join"].search(separated).partner_id
        creators = self._get_portal_guest_creators()
        above = {contact.id: contact._get_portal_contacts_above().ids for contact in family}

        def keep(records, guest, get_contacts):
            kept = records.filtered(
                lambda record: any(guest.id in above.get(contact.id, ()) for contact in get_contacts(record))
            )
            return kept.with_prefetch(records.ids)

        return {
            guest: PortalGuest(
                family=keep(family, guest, lambda contact: contact),
                orders=keep(orders, guest, lambda order: order.partner_id),
                moves=keep(moves, guest, lambda move: move.partner_id | move.line_ids.partner_id),
                is_separated=guest in separated,
                creators=creators,
            )
            for guest in self
        }
