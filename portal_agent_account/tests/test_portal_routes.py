import json
from unittest.mock import patch
from urllib.parse import parse_qsl, urlsplit

from lxml import html

from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.portal_agent_account.pages import PageContext

from .common import PAGES, PortalAgentPagesCommon

EXPORTS = ("customers", "quotations", "orders", "invoices")
# Search texts, which are never names. The page shows them again.
TEXTS = {"search", "customer_search"}
# Parameters read outside of the pages' classes, and likely names of parameters that contain a field name.
OTHERS = {"report_type", "format", "order", "domain", "field", "fields", "group_by", "orderby", "aggregates", "columns"}
OTHERS |= {"sort", "sortby", "groupby", "filterby", "search_in"}
FIELDS = (
    "access_token",
    "partner_id.credit",
    "partner_id.comment",
    "amount_total desc",
    "tax_country_id",
    "portal_agent_ids",
    "write_date",
    "create_uid.login",
    "id",
)


class RecordedParameters(dict):
    """Request parameters that record which of them are read."""

    asked = set()

    def get(self, name, *default):
        self.asked.add(name)
        return super().get(name, *default)


# The routes for the weekly mail only change the agent's own choice and read nothing of a customer. test_weekly_mail.py
# tests them.
OWN_CHOICE = "/my/agent/weekly-mail"


@tagged("post_install", "-at_install", "once")
class TestPortalRoutes(PortalAgentPagesCommon):
    """All routes under /my/agent, including future ones.

    No page accepts a field name from a visitor, because the ORM doesn't check access to all sorted fields.
    """

    def _get_rules(self):
        """Return the agent's routes by type of response, with ids and names filled in."""
        ids = {"order_id": self.order.id, "invoice_id": self.invoice.id, "customer_id": self.customer.id, "page": 1}
        rules = {"http": {}, "jsonrpc": {}}
        for rule in self.env["ir.http"].routing_map().iter_rules():
            if rule.rule.startswith("/my/agent") and not rule.rule.startswith(OWN_CHOICE):
                for name in EXPORTS if "/export" in rule.rule else EXPORTS[:1]:
                    arguments = {each: ids.get(each, name) for each in rule.arguments}
                    _domain, url = rule.build(arguments) or self.fail(f"{rule.rule}: name an id for it in this test")
                    rules[rule.endpoint.routing["type"]][url] = rule
        return rules

    def test_routes_are_found(self):
        routes = self._get_rules()["http"]
        for url in ("/my/agent", "/my/agent/orders", f"/my/agent/invoices/{self.invoice.id}"):
            self.assertIn(url, routes)
        for name in EXPORTS:
            self.assertIn(f"/my/agent/{name}/export", routes)

    def test_every_route_is_an_agents_route_and_read_only(self):
        for rules in self._get_rules().values():
            self.assertTrue(rules)
            for url, rule in rules.items():
                with self.subTest(url=url):
                    routing = rule.endpoint.routing
                    self.assertEqual(
                        (routing["auth"], routing["readonly"], routing["portal_agent"]), ("user", True, True)
                    )

    def _get_names(self, url):
        """Return the parameters that the page's own forms and links use."""
        page = html.fromstring(self._get(url).text)
        names = {element.get("name") for element in page.xpath("//form//*[@name]")}
        for link in page.xpath("//a/@href"):
            names |= {name for name, _value in parse_qsl(urlsplit(link).query)}
        return names - {"csrf_token"}

    def _get_answer(self, url, **query):
        response = self._get(url, **query)
        if response.headers["Content-Type"].startswith("text/html") and "portal_agent_content" in response.text:
            [content] = html.fromstring(response.text).xpath("//*[@id='portal_agent_content']")
            return response.status_code, html.tostring(content)
        kind = response.headers["Content-Type"]
        # Other files contain the time.
        return response.status_code, kind, response.text if "csv" in kind else len(response.content) // 2000

    @mute_logger("odoo.http")
    def test_no_route_takes_the_name_of_a_field_from_the_visitor(self):
        make = PageContext.__init__
        RecordedParameters.asked = set()

        def spy(context, env, query, classes):
            make(context, env, RecordedParameters(query), classes)

        urls = list(self._get_rules()["http"])
        with patch.object(PageContext, "__init__", spy):
            plain = {url: self._get_answer(url) for url in urls}
        self.assertIn("sortby", RecordedParameters.asked)
        names = RecordedParameters.asked.union(OTHERS, *map(self._get_names, PAGES))
        names = sorted(names - TEXTS - {"customer", "format"})
        for number, url in enumerate(urls):
            self.assertEqual(plain[url][0], 200, url)
            for name in FIELDS:
                with self.subTest(url=url, name=name):
                    self.assertEqual(self._get_answer(url, **dict.fromkeys(names, name)), plain[url])
            self.assertEqual(self._get_answer(url, customer=FIELDS[number % len(FIELDS)])[0], 404)
        for name in FIELDS:
            self.assertEqual(self._get_answer("/my/agent/orders/export", format=name)[0], 404)
            self.assertEqual(self._get_answer(f"/my/agent/{name}/export")[0], 404)

    def test_selector_does_not_accept_a_field_name_either(self):
        def ask(url, **parameters):
            data = json.dumps({"params": parameters})
            return self.url_open(url, data=data, headers={"Content-Type": "application/json"}).json()["result"]

        for url in self._get_rules()["jsonrpc"]:
            for name in FIELDS:
                self.assertEqual(ask(url, recent=[name], **dict.fromkeys(OTHERS, name)), ask(url))
