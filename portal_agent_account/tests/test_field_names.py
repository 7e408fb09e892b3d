import re
from urllib.parse import parse_qsl, urlsplit

from lxml import html

from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import PortalAgentPagesCommon

# Values that a visitor might send wherever a page could read a field name from the URL.
FIELD_NAMES = ("access_token", "partner_id.comment", "tax_country_id", "access_token desc", "portal_agent_ids")

GUESSES = (
    "order",
    "orderby",
    "sort",
    "sortby",
    "groupby",
    "filterby",
    "search_in",
    "domain",
    "field",
    "fields",
    "columns",
)

# Search texts, which the page shows again in the search field.
FREE_TEXT = {"search", "customer_search"}


@tagged("post_install", "-at_install", "once")
class TestFieldNames(PortalAgentPagesCommon):
    """No page accepts a field name from a visitor, because the ORM doesn't check access to all sorted fields."""

    def _get_routes(self):
        """Return the URLs of all agent pages, with the ids of existing documents."""
        ids = {"order_id": self.order.id, "invoice_id": self.invoice.id, "customer_id": self.customer.id}
        urls = set()
        for rule in self.env["ir.http"].routing_map().iter_rules():
            if not rule.endpoint.routing.get("portal_agent") or rule.endpoint.routing["type"] != "http":
                continue
            if "<string:name>" in rule.rule:
                urls |= {
                    rule.rule.replace("<string:name>", name)
                    for name in ("customers", "quotations", "orders", "invoices")
                }
                continue
            url = re.sub(r"<(?:\w+:)?(\w+)>", lambda match: str(ids.get(match[1], 1)), rule.rule)
            if "/page/" not in url:
                urls.add(url)
        return sorted(urls)

    def _get_parameters(self, page):
        """Return the parameters that the page itself uses, and others that a visitor might try."""
        tree = html.fromstring(page)
        names = {element.get("name") for element in tree.xpath("//form//*[@name]")}
        for link in tree.xpath("//a/@href"):
            names |= {name for name, _value in parse_qsl(urlsplit(link).query)}
        return (names | set(GUESSES)) - FREE_TEXT - {"customer", "csrf_token", None}

    def _normalize(self, response):
        """Return the text of the page without URLs and values that change with every request."""
        if "html" not in response.headers["Content-Type"]:
            return response.text if "csv" in response.headers["Content-Type"] else len(response.content) // 2000
        [content] = html.fromstring(response.text).xpath("//*[@id='portal_agent_content']") or [None]
        return " ".join(content.text_content().split())

    def test_routes_are_found(self):
        routes = self._get_routes()
        for url in (
            "/my/agent",
            "/my/agent/orders",
            f"/my/agent/invoices/{self.invoice.id}",
            "/my/agent/orders/export",
        ):
            self.assertIn(url, routes)

    @mute_logger("odoo.http")
    def test_no_page_accepts_a_field_name(self):
        for url in self._get_routes():
            plain = self._get(url)
            self.assertEqual(plain.status_code, 200, url)
            names = self._get_parameters(plain.text) if "html" in plain.headers["Content-Type"] else set(GUESSES)
            for field_name in FIELD_NAMES:
                with self.subTest(url=url, field=field_name):
                    response = self._get(url, **dict.fromkeys(names - {"format"}, field_name))
                    self.assertIn(response.status_code, (200, 404))
                    if response.status_code == 200:
                        self.assertEqual(self._normalize(response), self._normalize(plain))
