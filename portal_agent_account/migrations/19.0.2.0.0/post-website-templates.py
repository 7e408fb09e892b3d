"""Archive websites' own copies of templates that need other values now.

A text edited in the website builder is stored as a copy of the whole template. Copies of these templates would fail or
lack new content. Building blocks dropped on a page are separate views and are kept.
"""

import logging

from odoo import SUPERUSER_ID, api

_logger = logging.getLogger(__name__)

# All templates that have changed since 19.0.1.0.0; tests/test_website_templates.py checks the list.
CHANGED = (
    "portal_agent_badge",
    "portal_agent_chart",
    "portal_agent_customer",
    "portal_agent_customer_card",
    "portal_agent_customer_contacts",
    "portal_agent_customers",
    "portal_agent_dashboard",
    "portal_agent_document_sidebar",
    "portal_agent_invoice",
    "portal_agent_invoice_table",
    "portal_agent_invoices",
    "portal_agent_latest",
    "portal_agent_layout",
    "portal_agent_list",
    "portal_agent_order",
    "portal_agent_order_table",
    "portal_agent_orders",
    "portal_agent_searchbar",
    "portal_agent_selector",
    "portal_agent_tile",
    "portal_agent_tiles",
    "portal_agent_top_customers",
    "report_statement",
    "report_statement_document",
    "report_statement_lines",
)


def migrate(cr, version):
    env = api.Environment(cr, SUPERUSER_ID, {"active_test": False})
    for name in CHANGED:
        key = f"portal_agent_account.{name}"
        for copy in env["ir.ui.view"].search([("key", "=", key), ("website_id", "!=", False)]):
            copy.inherit_children_ids.inherit_id = env.ref(key)
            copy.write({"key": f"{key}_before_19_0_2", "active": False})
            _logger.warning(
                "The template %s of the website %s was set aside: its changes have to be made again.",
                key,
                copy.website_id.name,
            )
