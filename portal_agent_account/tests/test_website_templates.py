import hashlib
from pathlib import Path

from lxml import etree

from odoo.modules.migration import load_script
from odoo.tests import BaseCase, tagged
from odoo.tools.misc import file_path

# Fingerprints of the templates of 19.0.1.0.0, computed with ``get_fingerprint``.
FINGERPRINTS = {
    "portal_agent_badge": "2ec419804097",
    "portal_agent_breadcrumbs": "ac7480b5363e",
    "portal_agent_chart": "2c7aa7b787e4",
    "portal_agent_customer": "9c65085bf523",
    "portal_agent_customer_card": "89a87dece885",
    "portal_agent_customer_contacts": "5936e44fc41c",
    "portal_agent_customers": "74e05ba5cf2f",
    "portal_agent_dashboard": "7fdea1c1adb5",
    "portal_agent_document_sidebar": "f40f9c84b472",
    "portal_agent_due_tile": "40dea21bc66d",
    "portal_agent_empty": "dd63470cdc33",
    "portal_agent_invoice": "0ebbe23cec25",
    "portal_agent_invoice_table": "42a29c77cf23",
    "portal_agent_invoices": "bd5f1a18455a",
    "portal_agent_latest": "e1c3f3de889b",
    "portal_agent_layout": "f49c2beb7c5f",
    "portal_agent_list": "7f8724135f51",
    "portal_agent_navigation": "f417f2b5b7f3",
    "portal_agent_no_customers": "92060d43f45c",
    "portal_agent_order": "df562ef9f427",
    "portal_agent_order_table": "f3fa81e626ba",
    "portal_agent_orders": "0ccb469144ef",
    "portal_agent_periods": "42e5fd5ad4c5",
    "portal_agent_searchbar": "027a83104556",
    "portal_agent_selector": "388b9b03f690",
    "portal_agent_tile": "720e7f592304",
    "portal_agent_tiles": "6b152ea80ccf",
    "portal_agent_top_customers": "59049ef4d5d4",
    "portal_my_home_agent": "04cc22c1bced",
    "report_statement": "76c653c8bf2c",
    "report_statement_ages": "0a5fee6384d1",
    "report_statement_document": "da9d1dd5db26",
    "report_statement_lines": "713ff14cc3bb",
    "user_dropdown_agent": "fe702b0bfb38",
}


def get_fingerprint(template):
    """Return a fingerprint of a template that ignores comments and indentation.

    :param etree.Element template: element of the template
    :rtype: str
    """
    parts = [
        (" ".join((template.text or "").split()), template.get("inherit_id"))
        if element is template
        else (
            element.tag,
            sorted(element.attrib.items()),
            *(" ".join((text or "").split()) for text in (element.text, element.tail)),
        )
        for element in template.iter(etree.Element)
    ]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


@tagged("post_install", "-at_install", "once")
class TestWebsiteTemplates(BaseCase):
    """An upgrade archives websites' own copies of exactly those templates that have changed."""

    def test_list_of_changed_templates_is_complete(self):
        parser = etree.XMLParser(remove_comments=True)
        folder = Path(file_path("portal_agent_account/__manifest__.py")).parent
        templates = {
            template.get("id"): get_fingerprint(template)
            for path in (*folder.glob("views/*.xml"), *folder.glob("report/*.xml"))
            for template in etree.parse(path, parser).iter("template")
        }
        changed = {name for name, fingerprint in FINGERPRINTS.items() if templates.get(name) != fingerprint}
        path = file_path("portal_agent_account/migrations/19.0.2.0.0/post-website-templates.py")
        listed = load_script(path, "post_website_templates").CHANGED
        self.assertEqual(sorted(listed), sorted(changed))
        self.assertLess(changed, FINGERPRINTS.keys(), "some are what they were: the comparison sees that")
