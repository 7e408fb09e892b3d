"""The fields of the customers' records that a portal agent may read.

The record rules in ``security/portal_agent_rules.xml`` define *which records* an agent may read; this list defines
*which fields*. Both are closed: an agent can't read a model or a field that another addon adds until it is listed, with
a reason, either here or by that addon in the model's ``_get_portal_agent_readable_fields``.
``tests/test_boundary_list.py`` compares the lists with what an agent can actually read, over all models and fields of
the database.

Deliberately excluded: ``access_token`` and all URLs that contain it, internal notes (``comment``), profitability of
sales (costs, margins), bank accounts, credit limits and risk figures, signup data, messages, followers, activities and
attachments, journal items other than the lines of the document, and the customer's other agents.

The pages also show values of models that agents can't read at all. The following methods read them with sudo, for
documents and customers found under the agent's rules, and return plain values only: open instalments and payments
(``account_move_instalment.py``), a customer's ledger for the statement (``portal_agent_ledger.py``), deliveries
(``sale_order.py``), and product units, with internal references where the order prints them
(``sale_order_line_products.py``).
"""

_TECHNICAL = "identifies the record and names it in links, lists and error messages"
_DOCUMENT = "printed on the document, which the customer has"
_STATUS = "status shown as a badge, filter or due date"
_TOTALS = "figures of lists, tiles and charts"
_ORDER = "needed by the model's default order"
_LINK = "leads from one listed record to another; the other's own rules decide on it"
_OPTIONAL = "shown where the addon that brings the field is installed"

READABLE_FIELDS = {
    "res.partner": {
        "id": _TECHNICAL,
        "display_name": _TECHNICAL,
        "name": _TECHNICAL,
        "complete_name": _TECHNICAL,
        "active": "tells archived contacts from active ones: lists leave them out",
        "is_company": "tells the customer from its contacts",
        "company_type": "tells the customer from its contacts",
        "type": "tells a contact from an invoice or delivery address",
        "parent_id": _LINK,
        "parent_name": "part of the display name of a contact",
        "child_ids": _LINK,
        "commercial_partner_id": _LINK,
        "commercial_company_name": "part of the display name of a contact",
        "company_name": "part of the display name of a contact",
        "company_id": "a customer may belong to one company",
        "company_registry": "searched together with the display name",
        "ref": "the customer's number: searched and shown",
        "vat": "searched, and printed on documents",
        "function": "a contact's job position",
        "email": "how to reach the customer",
        "phone": "how to reach the customer",
        "website": "how to reach the customer",
        "street": "address",
        "street2": "address",
        "zip": "address",
        "city": "address: searched and shown",
        "state_id": "address",
        "country_id": "address",
        "country_code": "address",
        "contact_address": "address, written as in its country",
        "contact_address_inline": "address, written as in its country",
        "lang": "in which language to address the customer",
        "user_id": "the customer's salesperson",
        "property_payment_term_id": "the payment terms that the customer was granted",
    },
    "sale.order": {
        "id": _TECHNICAL,
        "display_name": _TECHNICAL,
        "name": _TECHNICAL,
        "partner_id": _LINK,
        "partner_invoice_id": _LINK,
        "partner_shipping_id": _LINK,
        "state": _STATUS,
        "type_name": "quotation or sales order, in words",
        "is_expired": _STATUS,
        "invoice_status": _STATUS,
        "delivery_status": _OPTIONAL,
        "date_order": _DOCUMENT,
        "validity_date": _DOCUMENT,
        "commitment_date": _DOCUMENT,
        "create_date": "date of a quotation that was not sent yet",
        "client_order_ref": _DOCUMENT,
        "origin": _DOCUMENT,
        "company_id": _DOCUMENT,
        "currency_id": _DOCUMENT,
        "currency_rate": "converts totals to the company's currency",
        "amount_untaxed": _TOTALS,
        "amount_tax": _TOTALS,
        "amount_total": _TOTALS,
        "user_id": "the salesperson, printed on the document",
        "payment_term_id": _DOCUMENT,
        "order_line": _LINK,
        "website_id": "tells web carts from quotations; brought by the shop",
    },
    "sale.order.line": {
        "id": _TECHNICAL,
        "name": _DOCUMENT,
        "order_id": _LINK,
        "order_partner_id": _LINK,
        "state": _STATUS,
        "sequence": _ORDER,
        "display_type": "tells products from sections and notes",
        "product_id": "searched by product",
        "product_uom_qty": _DOCUMENT,
        "product_uom_id": _DOCUMENT,
        "qty_delivered": _STATUS,
        "qty_invoiced": _STATUS,
        "price_unit": _DOCUMENT,
        "discount": _DOCUMENT,
        "price_subtotal": _DOCUMENT,
        "price_tax": _DOCUMENT,
        "price_total": _DOCUMENT,
        "company_id": _DOCUMENT,
        "currency_id": _DOCUMENT,
    },
    "account.move": {
        "id": _TECHNICAL,
        "display_name": _TECHNICAL,
        "name": _TECHNICAL,
        "partner_id": _LINK,
        "commercial_partner_id": _LINK,
        "partner_shipping_id": _LINK,
        "move_type": "tells invoices from credit notes",
        "state": _STATUS,
        "payment_state": _STATUS,
        "date": _ORDER,
        "invoice_date": _DOCUMENT,
        "invoice_date_due": _DOCUMENT,
        "portal_agent_date_due": _STATUS,
        "portal_agent_date_overdue": _STATUS,
        "portal_agent_amount_overdue": _STATUS,
        "ref": _DOCUMENT,
        "payment_reference": _DOCUMENT,
        "invoice_origin": _DOCUMENT,
        "company_id": _DOCUMENT,
        "company_currency_id": _TOTALS,
        "currency_id": _DOCUMENT,
        "amount_untaxed": _TOTALS,
        "amount_tax": _TOTALS,
        "amount_total": _TOTALS,
        "amount_residual": _TOTALS,
        "amount_untaxed_signed": _TOTALS,
        "amount_tax_signed": _TOTALS,
        "amount_total_signed": _TOTALS,
        "amount_residual_signed": _TOTALS,
        "amount_total_in_currency_signed": _TOTALS,
        "invoice_user_id": "the salesperson, printed on the document",
        "invoice_payment_term_id": _DOCUMENT,
        "invoice_line_ids": _LINK,
    },
    "account.move.line": {
        "id": _TECHNICAL,
        "name": _DOCUMENT,
        "move_id": _LINK,
        "move_name": _ORDER,
        "date": _ORDER,
        "sequence": _ORDER,
        "display_type": "tells products from sections and notes",
        "parent_state": _STATUS,
        "product_id": "searched by product",
        "quantity": _DOCUMENT,
        "product_uom_id": _DOCUMENT,
        "price_unit": _DOCUMENT,
        "discount": _DOCUMENT,
        "price_subtotal": _DOCUMENT,
        "price_total": _DOCUMENT,
        "company_id": _DOCUMENT,
        "company_currency_id": _TOTALS,
        "currency_id": _DOCUMENT,
    },
}
