"""Joining of guest contacts: a guest contact becomes a child address of the account owner's contact.

The alternative is Odoo's own merge of contacts. The comparison:

====================================  ==================================  ====================================
requirement                           child address                       Odoo's merge
====================================  ==================================  ====================================
portal shows orders, invoices, ...    yes: ``child_of`` the commercial    yes
                                      entity, in all of Odoo's rules
addresses as printed                  kept on the guest contact           lost: one address is left, and it is
                                                                          printed on posted invoices, too
journal items                         moved by ``write`` of ``account``,  moved by SQL, bypassing lock dates
                                      which also refuses a different tax  and hashes
                                      number
owner's own data                      unchanged                           filled with the guest's values
undo                                  possible                            not possible: contacts are deleted
====================================  ==================================  ====================================

Odoo derives the name of a child contact from its parent and lists it in the parent's address book. The overrides in
this file keep the name as printed and the owner's address book unchanged.
"""

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import email_normalize
from odoo.tools.mail import email_normalize_all


class ResPartner(models.Model):
    _inherit = "res.partner"

    portal_join_id = fields.Many2one(
        comodel_name="sale.portal.join",
        string="Joined Guest Order",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        groups="base.group_user",
        help="This contact was made by a guest's order, which joined the account of the contact above it.",
    )

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

    def _get_portal_guest_obstacle(self):
        """Return why a contact is not merely the contact of a guest.

        :return: value of ``sale.portal.join.reason``, ``False`` for a guest contact
        :rtype: str or bool
        """
        self.ensure_one()
        family = self._get_portal_guest_family()
        if family.with_context(active_test=False).user_ids:
            return "has_user"
        if self.portal_join_id or self.parent_id:
            return "has_parent"
        if any(contact.is_company for contact in family):
            return "company"
        if family.create_uid - self._get_portal_guest_creators():
            return "staff"
        if self.env["sale.portal.join"].search_count(
            [("partner_id", "=", self.id), ("join_state", "=", "separated")], limit=1
        ):
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
        companies = self.env["res.company"].search_count([("partner_id", "=", self.id)], limit=1)
        return bool(self.employee or has_employees or self.supplier_rank or self.bank_ids or companies)

    def _find_portal_owner(self, order):
        """Find the account that a guest contact belongs to and check whether the contact can join it.

        :param order: guest order
        :return: owner of the account, and a value of ``sale.portal.join.reason`` if the contact can't join, or else
            ``False``
        :rtype: tuple[res.users, str or bool]
        """
        self.ensure_one()
        user = self.env["res.users"]._search_portal_owner(self._get_portal_address(), order.website_id)
        if not order.company_id.auto_portal_user_join:
            return user, "off"
        if order.partner_id != self:
            return user, "other_contact"
        if not user:
            return user, self._get_portal_guest_obstacle() or "no_owner"
        # "cancelled" comes last: it implies that nothing else has changed.
        is_cancelled = order.state not in ("sent", "sale")
        return user, self._get_portal_join_obstacle(user) or (is_cancelled and "cancelled")

    def _is_portal_join_offered(self, user, until):
        """Return whether a guest contact is offered to the owner of its email address.

        :param user: owner of the account
        :param datetime.datetime until: latest order date covered by the proof
        :rtype: bool
        """
        self.ensure_one()
        order = self._get_portal_guest_orders().filtered("website_id")[-1:]
        return bool(order) and order.date_order <= until and self._find_portal_owner(order) == (user, False)

    # ---- obstacles to joining

    def _get_portal_join_obstacle(self, user):
        """Return why a guest contact can't become a child address of the owner's contact.

        :param user: owner of the account
        :return: value of ``sale.portal.join.reason``, ``False`` if there is no obstacle
        :rtype: str or bool
        """
        self.ensure_one()
        entity = user.partner_id.commercial_partner_id
        return (
            self._get_portal_guest_obstacle()
            or self._get_portal_company_obstacle(user)
            or self._get_portal_terms_obstacle(entity)
            or self._get_portal_ledger_obstacle()
        )

    def _get_portal_company_obstacle(self, user):
        """Return ``other_company`` if the owner has no access to the companies of the guest's documents.

        :param user: owner of the account
        :rtype: str or bool
        """
        orders = self._get_portal_guest_orders()
        companies = orders.company_id | self._get_portal_guest_moves().company_id
        limits = user.partner_id.company_id
        if companies - user.company_ids or (limits and (companies | self.company_id) - limits):
            return "other_company"
        return False

    def _get_portal_terms_obstacle(self, entity):
        """Return ``vat`` or ``terms`` if the contact has its own tax number or terms.

        Odoo would replace them by those of the owner. The tax number is printed on documents, so it has to be the same
        even if there are no invoices.

        :param entity: owner's commercial entity
        :rtype: str or bool
        """
        if any((contact.vat or "") != (entity.vat or "") for contact in self._get_portal_guest_family()):
            return "vat"
        for company in self._get_portal_guest_orders().company_id or self.env.company:
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

    def _get_portal_ledger_obstacle(self):
        """Return ``secured`` or ``locked`` if joining would modify journal items that must not be modified.

        ``write`` of ``account`` ignores the lock dates when a parent is set on a contact. Entries secured by a hash
        can't be modified at all.

        :rtype: str or bool
        """
        for move in self._get_portal_guest_moves().filtered(lambda move: move.state == "posted"):
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

    # ---- values needed to separate a contact again

    def _prepare_portal_join_undo(self):
        """Return the values of an address that are modified by joining.

        :rtype: dict
        """
        self.ensure_one()
        return {
            "type": self.type,
            "company_name": self.company_name,
            "lang": self.lang,
            "user_id": self.user_id.id,
        }

    def _read_portal_terms(self):
        """Return the values of a contact's commercial fields, which Odoo replaces by those of its commercial entity.

        :return: field values by company id
        :rtype: dict[str, dict]
        """
        self.ensure_one()
        companies = self.env["res.company"].search([("active", "=", True)])
        names = self._commercial_fields()
        return {str(company.id): self.with_company(company)._convert_fields_to_values(names) for company in companies}

    def _write_portal_terms(self, terms):
        """Restore the values read by :meth:`_read_portal_terms` that have changed.

        :param dict terms: field values by company id
        """
        self.ensure_one()
        for company_id, values in terms.items():
            contact = self.with_company(int(company_id))
            now = contact._convert_fields_to_values(list(values))
            contact.write({name: value for name, value in values.items() if value != now[name]})

    # ---- names and address books

    def _get_complete_name(self):
        """Keep the name of a joined contact, because it is printed on its documents."""
        if not self.sudo().portal_join_id or self.sudo().parent_id.portal_join_id:
            return super()._get_complete_name()
        name = self.name or ""
        return f"{self.company_name}, {name}".strip() if self.company_name else name.strip()

    def _refresh_portal_names(self):
        """Recompute the names that depend on whether the contact has joined.

        The fields don't declare a dependency on ``portal_join_id``: on uninstallation, Odoo would otherwise delete its
        own fields that inherit them along with ``portal_join_id``.
        """
        for name in ("commercial_company_name", "complete_name"):
            self.env.add_to_compute(self._fields[name], self)

    def _compute_commercial_company_name(self):
        """Keep the company name typed by the guest instead of the name of the owner's company."""
        joined = self.filtered(lambda partner: partner.sudo().portal_join_id)
        for partner in joined:
            partner.commercial_company_name = partner.company_name
        return super(ResPartner, self - joined)._compute_commercial_company_name()

    def _get_delivery_address_domain(self):
        """Exclude joined contacts from the owner's address book."""
        return super()._get_delivery_address_domain() & Domain("portal_join_id", "=", False)

    def _can_be_edited_by_current_customer(self, **kwargs):
        """Prevent changes to the addresses of joined orders, because they are printed on documents."""
        return not self.sudo().portal_join_id and super()._can_be_edited_by_current_customer(**kwargs)
