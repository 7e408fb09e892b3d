import uuid
from collections import defaultdict

from odoo import api, models
from odoo.tools.mail import email_normalize_all

from ..tools import _portal_safe_text

SAFE_NAME_LENGTH = 60


class ResPartner(models.Model):
    _inherit = "res.partner"

    def write(self, vals):
        """Void the links that were sent to the previous address of customers who have never used their account."""
        if "email" not in vals:
            return super().write(vals)
        addresses = email_normalize_all(vals["email"])
        changed_sudo = self.sudo().filtered(lambda contact: email_normalize_all(contact.email) != addresses)
        result = super().write(vals)
        changed_sudo._get_exposed_portal_users()._withdraw_unused_portal_links()
        return result

    def _get_exposed_portal_users(self):
        """Return these contacts' accounts whose owner has never signed in.

        :return: users, including archived ones
        :rtype: res.users recordset
        """
        domain = [("partner_id", "in", self.ids), ("portal_tokens_exposed", "=", True)]
        users = self.env["res.users"].with_context(active_test=False)
        return users.search(domain) if self else users

    def _get_portal_safe_name(self):
        """Return the contact's name as printed in the shop's mails.

        Anyone can have these mails sent to any address by typing it at the checkout, so the name must not be usable to
        convey a message.

        :return: single line of at most 60 characters, without control characters and links; can be empty
        :rtype: str
        """
        self.ensure_one()
        return _portal_safe_text(self.name, SAFE_NAME_LENGTH)

    def _filter_with_company_documents(self):
        """Keep the contacts whose company has documents of other contacts.

        Portal users see all documents of their company.

        :rtype: res.partner recordset
        """
        contacts = self.filtered(lambda contact: contact.commercial_partner_id != contact)
        if not contacts:
            return contacts
        domain = [("partner_id.commercial_partner_id", "in", contacts.commercial_partner_id.ids)]
        customers_by_company = defaultdict(set)
        for documents_sudo in self._get_portal_document_models():
            for [customer_sudo] in documents_sudo._read_group(domain, ["partner_id"]):
                customers_by_company[customer_sudo.commercial_partner_id].add(customer_sudo)
        return contacts.filtered(lambda contact: customers_by_company[contact.commercial_partner_id] - {contact})

    @api.model
    def _get_portal_document_models(self):
        """Return the models of the documents that a customer sees in the portal, e.g. orders and invoices.

        :return: empty recordset of each model, in sudo mode and including archived records in searches
        :rtype: list
        """
        mixin = self.env.registry["portal.mixin"]
        return [
            self.env[name].sudo().with_context(active_test=False)
            for name, model in self.env.registry.items()
            if issubclass(model, mixin)
            and not model._abstract
            and (field := model._fields.get("partner_id"))
            and field.store
            and field.comodel_name == "res.partner"
        ]

    def _had_portal_account(self):
        """Return whether an order created an account for this contact, even if the account was deleted later.

        :rtype: bool
        """
        self.ensure_one()
        domain = [("partner_id", "=", self.id), ("is_user_created", "=", True)]
        return bool(self.env["sale.order"].sudo().search_count(domain, limit=1))

    def _get_portal_account_users(self):
        """Return the users who own this contact's documents: its own users and those of the contacts above it.

        :return: users, including archived ones
        :rtype: res.users recordset
        """
        return self._get_portal_contacts_above().with_context(active_test=False).user_ids

    def _get_portal_contacts_above(self):
        """Return this contact and the contacts above it.

        :rtype: res.partner recordset
        """
        self.ensure_one()
        contacts = contact = self
        while contact := contact.parent_id:
            contacts |= contact
        return contacts

    def _has_owned_account(self):
        """Return whether the contact belongs to an account that has been used or was not created by an order.

        :rtype: bool
        """
        self.ensure_one()
        users_sudo = self.sudo()._get_portal_account_users()
        return any(user.login_date or not user.portal_tokens_exposed for user in users_sudo)

    def _withdraw_portal_links(self):
        """Void the links to these contacts' documents that work without signing in, and their signup tokens."""
        for documents in self._get_exposed_portal_documents():
            self._rotate_portal_tokens(documents)
        self.signup_cancel()

    @api.model
    def _rotate_portal_tokens(self, documents):
        """Replace the access tokens of documents.

        The tokens are not cleared, because some pages of Odoo fail if a link has a token and the document has none.

        :param documents: records of a model that inherits ``portal.mixin``
        """
        for document in documents:
            document.access_token = str(uuid.uuid4())

    def _get_exposed_portal_documents(self):
        """Return the documents of these contacts that a link with a token gives access to.

        :return: recordset of each model
        :rtype: list
        """
        addresses = self.with_context(active_test=False).child_ids.filtered(lambda child: child.type != "contact")
        domain = [("partner_id", "in", (self | addresses).ids)]
        documents = {model._name: model.search(domain) for model in self._get_portal_document_models()}
        documents["account.move"] |= documents["sale.order"].invoice_ids
        return [records.filtered("access_token") for records in documents.values()]
