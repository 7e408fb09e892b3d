"""How a guest contact joins an account: it becomes an address of the owner's contact.

The alternative is Odoo's own merge of contacts. What decided:

====================================  ==================================  ====================================
wanted                                an address of the owner's contact   Odoo's merge
====================================  ==================================  ====================================
portal shows orders, invoices, ...    yes: ``child_of`` the commercial    yes
                                      entity, in all of Odoo's rules
addresses as printed                  stay: they are the guest contact's  lost: one address is left, and it is
                                                                          printed on posted invoices, too
ledger                                journal items follow in ``write``   moved by SQL, past locks and hashes
                                      of ``account``, which also refuses
                                      another tax number
owner's own data                      not written                         filled with the guest's values
undo                                  possible                            not possible: contacts are deleted
====================================  ==================================  ====================================

A contact below another one is named, listed and synchronized as Odoo does with addresses. The overrides in
this file keep what was typed: the name as printed, and the owner's address book as it was.
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

    # What looks for the guest contacts of an address.
    _portal_guest_address_idx = models.Index("(email_normalized) WHERE parent_id IS NULL")

    # ---- who is a guest

    @api.model
    def _get_portal_guest_creators(self):
        """Return the users in whose name the shop makes the contacts of visitors who are not signed in.

        :return: the public users, those that a website had before included
        :rtype: res.users recordset
        """
        users_sudo = self.env["res.users"].sudo().with_context(active_test=False)
        return users_sudo.search([("group_ids", "in", self.env.ref("base.group_public").ids)])

    @api.model
    def _get_portal_guest_domain(self, address):
        """Return the domain of the contacts that may be guests with an email address.

        :param str address: a normalized email address
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
        """Return the one email address of a contact.

        :return: the address in small letters, ``False`` where there is none or where there are several
        :rtype: str or bool
        """
        self.ensure_one()
        address = email_normalize(self.email or "")
        return bool(address) and email_normalize_all(self.email) == [address] and address.lower()

    def _get_portal_guest_obstacle(self):
        """Say why a contact is not one that the shop made for a visitor, and for nothing else.

        :return: a value of ``sale.portal.join.reason``, ``False`` for a guest contact
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
        """Return a guest contact with the addresses below it: those that the guest typed for deliveries and invoices.

        :rtype: res.partner recordset
        """
        return self.with_context(active_test=False).search([("id", "child_of", self.ids)])

    def _has_portal_other_role(self):
        """Tell whether a contact is more than somebody who bought something: an employee, a vendor, a company's own.

        Other addons extend this for the roles that they bring.

        :rtype: bool
        """
        self.ensure_one()
        has_employees = "employee_ids" in self._fields and self.with_context(active_test=False).employee_ids
        companies = self.env["res.company"].search_count([("partner_id", "=", self.id)], limit=1)
        return bool(self.employee or has_employees or self.supplier_rank or self.bank_ids or companies)

    def _find_portal_owner(self, order):
        """Find the account that a guest contact belongs to, and whether it can join it.

        :param order: the guest's order
        :return: the owner's user, and a value of ``sale.portal.join.reason`` where the contact can't join
        :rtype: tuple[res.users, str or bool]
        """
        self.ensure_one()
        user = self.env["res.users"]._search_portal_owner(self._get_portal_address(), order.website_id)
        if not order.company_id.auto_portal_user_join:
            return user, "off"
        if order.state not in ("sent", "sale"):
            return user, "cancelled"
        if order.partner_id != self:
            return user, "other_contact"
        if not user:
            return user, self._get_portal_guest_obstacle() or "no_owner"
        return user, self._get_portal_join_obstacle(user)

    def _is_portal_join_offered(self, user, until):
        """Tell whether a guest contact is offered to the owner of its address.

        :param user: the owner's user
        :param datetime.datetime until: what was ordered later needs another proof
        :rtype: bool
        """
        self.ensure_one()
        order = self._get_portal_guest_orders().filtered("website_id")[-1:]
        return bool(order) and order.date_order <= until and self._find_portal_owner(order) == (user, False)

    # ---- whether a guest can become an address of an owner

    def _get_portal_join_obstacle(self, user):
        """Say why a guest contact can't become an address of an account's owner.

        :param user: the owner's user
        :return: a value of ``sale.portal.join.reason``, ``False`` where it can
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
        """Say whether the owner could not see what joins: documents of a company that the account has no access to.

        :param user: the owner's user
        :rtype: str or bool
        """
        orders = self._get_portal_guest_orders()
        companies = orders.company_id | self._get_portal_guest_moves().company_id
        limits = user.partner_id.company_id
        if companies - user.company_ids or (limits and (companies | self.company_id) - limits):
            return "other_company"
        return False

    def _get_portal_terms_obstacle(self, entity):
        """Say whether the contact has a tax number or terms of its own: Odoo would replace them by the owner's.

        A tax number is printed on documents, so that it has to be the same where neither has invoices, too.

        :param entity: the owner's commercial entity
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
        """Tell whether somebody gave this contact a value that is neither the default nor the owner's.

        :param str name: a commercial field
        :param owner: the owner's commercial entity
        :rtype: bool
        """
        field, value = self._fields[name], self[name]
        default = field.get_company_dependent_fallback(self) if field.company_dependent else False
        return bool(value) and value != default and value != owner[name]

    def _get_portal_ledger_obstacle(self):
        """Say whether journal items would be changed that nobody may change any more.

        ``write`` of ``account`` passes over the lock dates when a contact gets a parent; an entry that is secured by
        a hash can't be changed in any way.

        :rtype: str or bool
        """
        for move in self._get_portal_guest_moves().filtered(lambda move: move.state == "posted"):
            if move.inalterable_hash:
                return "secured"
            if move.company_id._get_violated_lock_dates(move.date, move._affect_tax_report(), move.journal_id):
                return "locked"
        return False

    def _get_portal_guest_moves(self):
        """Return the journal entries in which a guest contact, or an address below it, is the partner.

        :rtype: account.move recordset
        """
        family = self._get_portal_guest_family()
        lines = self.env["account.move.line"].search([("partner_id", "in", family.ids)])
        return lines.move_id | self.env["account.move"].search([("partner_id", "in", family.ids)])

    def _get_portal_guest_orders(self):
        """Return the orders of a guest contact: sent and confirmed ones, as Odoo's portal shows them.

        :return: the latest first
        :rtype: sale.order recordset
        """
        return self.env["sale.order"].search(
            [("partner_id", "child_of", self.ids), ("state", "in", ("sent", "sale"))], order="date_order desc, id desc"
        )

    # ---- what has to be known to separate it again

    def _prepare_portal_join_undo(self):
        """Return the values of an address that joining changes.

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
        """Return a contact's commercial fields: Odoo gives an address those of its commercial entity.

        :return: per company
        :rtype: dict[str, dict]
        """
        self.ensure_one()
        companies = self.env["res.company"].search([("active", "=", True)])
        names = self._commercial_fields()
        return {str(company.id): self.with_company(company)._convert_fields_to_values(names) for company in companies}

    def _write_portal_terms(self, terms):
        """Write back what :meth:`_read_portal_terms` has read, where it is another now.

        :param dict terms: per company
        """
        self.ensure_one()
        for company_id, values in terms.items():
            contact = self.with_company(int(company_id))
            now = contact._convert_fields_to_values(list(values))
            contact.write({name: value for name, value in values.items() if value != now[name]})

    # ---- what was typed stays as it was

    def _get_complete_name(self):
        """Name a joined contact as before: the name is printed on its documents."""
        if not self.sudo().portal_join_id or self.sudo().parent_id.portal_join_id:
            return super()._get_complete_name()
        name = self.name or ""
        return f"{self.company_name}, {name}".strip() if self.company_name else name.strip()

    def _refresh_portal_names(self):
        """Have the names computed again that joining changes.

        They don't depend on ``portal_join_id`` by declaration: Odoo would delete fields of its own that inherit them
        together with that field, when this addon is uninstalled.
        """
        for name in ("commercial_company_name", "complete_name"):
            self.env.add_to_compute(self._fields[name], self)

    def _compute_commercial_company_name(self):
        """Print the company that the guest typed, and not the one that the owner belongs to."""
        joined = self.filtered(lambda partner: partner.sudo().portal_join_id)
        for partner in joined:
            partner.commercial_company_name = partner.company_name
        return super(ResPartner, self - joined)._compute_commercial_company_name()

    def _get_delivery_address_domain(self):
        """Keep joined contacts out of the owner's address book."""
        return super()._get_delivery_address_domain() & Domain("portal_join_id", "=", False)

    def _can_be_edited_by_current_customer(self, **kwargs):
        """Leave addresses of joined orders as they were typed: they are printed on documents."""
        return not self.sudo().portal_join_id and super()._can_be_edited_by_current_customer(**kwargs)
