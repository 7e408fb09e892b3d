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

from odoo import fields, models
from odoo.fields import Domain


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

    def _get_portal_account_users(self):
        """Include the account that the contact has joined."""
        return super()._get_portal_account_users() | self.sudo().portal_join_id.user_id.with_env(self.env)

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
