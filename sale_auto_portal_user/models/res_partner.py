import uuid
from collections import defaultdict

from odoo import api, models

from ..tools import _portal_safe_text

SAFE_NAME_LENGTH = 60


class ResPartner(models.Model):
    _inherit = "res.partner"

    def _get_portal_safe_name(self):
        """Return the contact's name as the shop's mails print it.

        The shop sends these mails to an address that anybody can type at the checkout: the name
        must not be a message of its own.

        :return: one line without control characters and links, at most 60 characters; empty where
            nothing of the name is left
        :rtype: str
        """
        self.ensure_one()
        return _portal_safe_text(self.name, SAFE_NAME_LENGTH)

    def _filter_with_company_documents(self):
        """Keep the contacts of companies that have documents of others than the contact.

        A portal user sees the documents of the whole company.

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

        :return: an empty recordset a model, which finds archived records too
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
        """Tell whether an order created an account for this contact, even if that was deleted since.

        :rtype: bool
        """
        self.ensure_one()
        domain = [("partner_id", "=", self.id), ("is_user_created", "=", True)]
        return bool(self.env["sale.order"].sudo().search_count(domain, limit=1))

    def _has_owned_account(self):
        """Tell whether this contact's account is somebody's: it has been used, or no order created it.

        :rtype: bool
        """
        self.ensure_one()
        return any(user.login_date or not user.sudo().portal_tokens_exposed for user in self.user_ids)

    def _withdraw_portal_links(self):
        """Void the links that show these contacts' documents to whoever has them, and the invitations to sign up."""
        for documents in self._get_exposed_portal_documents():
            self._rotate_portal_tokens(documents)
        self.signup_cancel()

    @api.model
    def _rotate_portal_tokens(self, documents):
        """Give documents other tokens: some pages of Odoo fail where a link has one and the document has none.

        :param documents: records of one model of ``portal.mixin``
        """
        for document in documents:
            document.access_token = str(uuid.uuid4())

    def _get_exposed_portal_documents(self):
        """Return what a link with a token shows of these contacts: their documents and the invoices of their orders.

        :return: a recordset a model
        :rtype: list
        """
        addresses = self.with_context(active_test=False).child_ids.filtered(lambda child: child.type != "contact")
        domain = [("partner_id", "in", (self | addresses).ids)]
        documents = {model._name: model.search(domain) for model in self._get_portal_document_models()}
        documents["account.move"] |= documents["sale.order"].invoice_ids
        return [records.filtered("access_token") for records in documents.values()]
