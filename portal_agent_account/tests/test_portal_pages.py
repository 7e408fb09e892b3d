from unittest.mock import patch
from urllib.parse import quote

from lxml import html

from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.portal_agent_account.pages import CustomerPage, CustomerSelector

from .common import LISTS, PAGES, PortalAgentPagesCommon


@tagged("post_install", "-at_install")
class TestPortalPages(PortalAgentPagesCommon):
    """Access to the pages, and the content of lists."""

    # ---- access

    def test_stranger_logs_in_and_gets_the_page_that_was_asked_for(self):
        self.authenticate(None, None)
        for url in PAGES:
            response = self._get(url, customer=self.customer.id)
            self.assertEqual(response.status_code, 303)
            self.assertIn("/web/login?redirect=", response.headers["Location"])
            self.assertIn(quote(f"{url}?customer={self.customer.id}", safe=""), response.headers["Location"])

    def test_portal_user_who_is_not_an_agent_is_redirected(self):
        self.authenticate(self.portal_user.login, self.portal_user.login)
        for url in (*PAGES, f"/my/agent/orders/{self.order.id}", "/my/agent/orders/export"):
            response = self._get(url)
            self.assertEqual(response.status_code, 303)
            self.assertURLEqual(response.headers["Location"], "/my")

    def test_every_page_uses_a_read_only_cursor(self):
        self.order.sudo().access_token = False
        documents = [f"/my/agent/orders/{record.id}" for record in (self.order, self.quotation)]
        documents += [f"/my/agent/invoices/{self.invoice.id}", f"/my/agent/customers/{self.customer.id}"]
        documents += [f"/my/agent/invoices/{self.invoice.id}?report_type=html"]
        documents += [f"{url}/export?format={extension}" for url in LISTS for extension in ("csv", "xlsx")]
        for url in (*PAGES, *documents):
            with self.subTest(url=url), self.assertNoLogs("odoo.http", "WARNING"):
                self.assertEqual(self._get(url).status_code, 200)

    # ---- records

    def test_every_list_only_shows_the_agents_records(self):
        self.assertEqual(self._get_references("/my/agent/customers"), ["Quill Trading"])
        self.assertEqual(set(self._get_references("/my/agent/quotations")), {"QUILL-QUOTATION", "QUILL-DRAFT"})
        self.assertEqual(self._get_references("/my/agent/orders"), ["QUILL-ORDER"])
        self.assertEqual(set(self._get_references("/my/agent/invoices")), {self.invoice.name, self.credit_note.name})

    # ---- the selected customer

    def test_selected_customer_limits_every_list_and_stays_in_every_link(self):
        second = self._new_customer("Quack Feathers", portal_agent_ids=[Command.link(self.agent.id)])
        self._new_order(second, "QUACK-ORDER", confirm=True)
        self.assertEqual(self._get_references("/my/agent/orders", customer=second.id), ["QUACK-ORDER"])
        self.assertEqual(self._get_references("/my/agent/invoices", customer=second.id), [])
        page = html.fromstring(self._get("/my/agent/orders", customer=second.id, sortby="oldest").text)
        for url in page.xpath("//nav[contains(@class, 'o_portal_agent_navigation')]//a/@href"):
            self.assertIn(f"customer={second.id}", url)
        for url in page.xpath("//a[starts-with(@id, 'portal_agent_filter_')]/@href"):
            self.assertIn(f"customer={second.id}", url)
            self.assertIn("sortby=oldest", url)
        page = html.fromstring(self._get("/my/agent", customer=second.id).text)
        latest = page.xpath("//section[@aria-labelledby='portal_agent_latest']//a/@href")
        self.assertEqual(len(latest), 1)
        for url in latest:
            self.assertIn(f"?customer={second.id}", url)

    def test_pages_in_a_second_language_link_directly_to_pages_in_it(self):
        language = self.env["res.lang"]._activate_lang("de_DE")
        self.env["website"].search([]).language_ids |= language
        self.env.flush_all()
        for path in (*PAGES, f"/my/agent/customers/{self.customer.id}", f"/my/agent/orders/{self.order.id}"):
            [selector] = html.fromstring(self._get(f"/de{path}").text).xpath("//*[@data-url]")
            url = selector.get("data-url").replace(selector.get("data-placeholder"), str(self.customer.id))
            self.assertTrue(url.startswith("/de/my/agent"), url)
            self.assertEqual(self._get(url).status_code, 200, url)
        [frame] = html.fromstring(self._get(f"/de/my/agent/invoices/{self.invoice.id}").text).xpath("//iframe/@src")
        self.assertEqual(self._get(frame).status_code, 200, frame)

    def test_selector_without_javascript_is_a_form_that_lists_the_results(self):
        page = html.fromstring(self._get("/my/agent/orders", customer_search="quill", sortby="oldest").text)
        [found] = page.xpath("//*[contains(@class, 'o_portal_agent_selector_found')]//a")
        self.assertIn("Quill Trading", found.text_content())
        self.assertEqual(found.get("href"), f"/my/agent/orders?customer={self.customer.id}&sortby=oldest")
        self.assertIn("No customer found", self._get_content("/my/agent/orders", customer_search="rook"))

    def test_selector_without_javascript_limits_the_results(self):
        self._new_customer("Quill Second", portal_agent_ids=[Command.link(self.agent.id)])
        for limit, has_more in ((1, True), (2, False)):
            with patch.object(CustomerSelector, "limit", limit):
                page = html.fromstring(self._get("/my/agent", customer_search="quill").text)
            [found] = page.xpath("//*[contains(@class, 'o_portal_agent_selector_found')]")
            self.assertEqual(len(found.xpath("a")), limit)
            self.assertEqual("There are more" in found.text_content(), has_more)

    def test_page_of_a_customer_shows_contact_details_and_orders(self):
        self.customer.write({"phone": "+32 9 555 01", "street": "Feather Lane 1", "city": "Ghent"})
        self.customer.property_payment_term_id = self.env.ref("account.account_payment_term_30days")
        page = self._get(f"/my/agent/customers/{self.customer.id}").text
        for expected in (
            "tel:+32 9 555 01",
            "mailto:quill@quill.example.com",
            "Feather Lane 1",
            "Quincy Quill",
            "30 Days",
        ):
            self.assertIn(expected, page)
        for name in ("QUILL-ORDER", "QUILL-QUOTATION", self.invoice.name):
            self.assertIn(name, page)
        self.assertNotIn("pays late", page)

    def test_page_of_a_customer_shows_contacts_at_any_level_and_if_there_are_more(self):
        url = f"/my/agent/customers/{self.customer.id}"
        content = self._get_content(url)
        for contact in (self.buyer, self.warehouse, self.customer_user.partner_id):
            self.assertIn(contact.name, content)
        self.assertNotIn("There are more contacts", content)
        with patch.object(CustomerPage, "contacts_limit", 2):
            page = html.fromstring(self._get(url).text)
        [contacts] = page.xpath("//section[@aria-labelledby='portal_agent_contacts']")
        self.assertEqual(len(contacts.xpath(".//li")), 2)
        self.assertIn("There are more contacts", contacts.text_content())

    def test_customers_website_is_only_a_link_if_it_is_a_url(self):
        url = f"/my/agent/customers/{self.customer.id}"
        for website, is_link in (("https://quill.example.com", True), ("javascript:alert(1)", False)):
            self.env.cr.execute("UPDATE res_partner SET website = %s WHERE id = %s", [website, self.customer.id])
            self.env.invalidate_all()
            links = html.fromstring(self._get(url).text).xpath("//*[@id='portal_agent_content']//a/@href")
            self.assertEqual(website in links, is_link, website)
            self.assertIn(website.removeprefix("https://"), self._get_content(url))

    def test_long_email_address_wraps_after_punctuation(self):
        self.customer.email = "quill_trading@quill<b>.example.com"
        for url in ("/my/agent/customers", f"/my/agent/customers/{self.customer.id}"):
            found = html.fromstring(self._get(url).text).xpath("//bdi[wbr]")
            [email] = [each for each in found if each.text_content() == self.customer.email]
            self.assertEqual(email.text, "quill_")
            self.assertEqual([part.tail for part in email], ["trading@", "quill<b>.", "example.", "com"])

    def test_tab_on_the_page_of_a_customer_links_to_all_customers(self):
        page = html.fromstring(self._get(f"/my/agent/customers/{self.customer.id}").text)
        links = page.xpath("//nav[contains(@class, 'o_portal_agent_navigation')]//a/@href")
        self.assertIn("/my/agent/customers", links)
        self.assertIn(f"/my/agent/orders?customer={self.customer.id}", links)

    def _get_texts(self, url, name, /, **query):
        page = html.fromstring(self._get(url, **query).text)
        found = page.xpath(f"//*[contains(concat(' ', @class, ' '), ' {name} ')]")
        return [" ".join(each.text_content().split()) for each in found]

    def test_tiles_and_top_customers_show_the_period(self):
        for period, label in (("months", "Last 12 months"), ("all", "All time")):
            self.assertEqual(self._get_texts("/my/agent", "o_portal_agent_tile_period", period=period), [label] * 3)
            self.assertIn(f"By amount invoiced · {label}", self._get_content("/my/agent", period=period))
        url = f"/my/agent/customers/{self.customer.id}"
        self.assertEqual(self._get_texts(url, "o_portal_agent_tile_period"), ["All time"] * 3)

    def test_latest_documents_have_dates(self):
        (self.quotation + self.draft_quotation + self.order).write({"date_order": "2026-02-03 12:00:00"})
        dates = self._get_texts("/my/agent", "o_portal_agent_latest_date", period="all")
        self.assertEqual(sorted(dates), ["01/15/2026"] * 2 + ["02/03/2026"] * 3)

    def test_empty_chart_shows_a_sentence(self):
        empty = self._new_customer("Quiet Customer", portal_agent_ids=[Command.link(self.agent.id)])
        self.credit_note.button_draft()
        self.assertEqual(len(self._get_texts("/my/agent", "o_portal_agent_chart")), 2)
        self.assertFalse(self._get_texts("/my/agent", "o_portal_agent_chart", customer=empty.id))
        self.assertEqual(
            self._get_texts("/my/agent", "o_portal_agent_chart_empty", customer=empty.id),
            ["Nothing was ordered or invoiced in these months.", "Nothing is unpaid."],
        )

    # ---- nothing to show

    def test_agent_without_customers_is_told_so_on_every_page(self):
        nobody = self._new_agent("portal_agent_nobody")
        self.authenticate(nobody.login, nobody.login)
        for url in PAGES:
            self.assertIn("No customers yet", self._get_content(url))

    def test_customer_without_documents_is_told_so(self):
        empty = self._new_customer("Quiet Customer", portal_agent_ids=[Command.link(self.agent.id)])
        for url in LISTS[1:]:
            self.assertIn("Show those of all customers", self._get_content(url, customer=empty.id))
        self.assertIn("No documents in this period", self._get_content("/my/agent", customer=empty.id))
        self.assertIn("No documents yet", self._get_content("/my/agent", customer=empty.id, period="all"))
        self.assertIn("None yet", self._get_content(f"/my/agent/customers/{empty.id}"))

    def test_list_without_results_offers_to_clear_search_and_filter(self):
        self.assertIn("Clear the search", self._get_content("/my/agent/orders", search="zzz"))
        self.assertIn("Show all, not only “Invoiced”", self._get_content("/my/agent/orders", filterby="invoiced"))

    def test_pages_work_in_a_company_without_a_chart_of_accounts(self):
        company = self.env["res.company"].create({"name": "Quill Uncharted"})
        agent = self._new_agent("portal_agent_uncharted")
        agent.write({"company_ids": [Command.set(company.ids)], "company_id": company.id})
        customer = self._new_customer("Quill Uncharted Customer", portal_agent_ids=[Command.link(agent.id)])
        self._new_order(customer, "QUILL-UNCHARTED", company_id=company.id, state="sent")
        self.authenticate(agent.login, agent.login)
        for url in PAGES:
            self._get_content(url)
        self.assertEqual(self._get_references("/my/agent/quotations"), ["QUILL-UNCHARTED"])

    def test_amounts_are_in_the_documents_own_currency(self):
        yen = self.env.ref("base.JPY")
        yen.active = True
        pricelist = self.env["product.pricelist"].create({"name": "Yen", "currency_id": yen.id})
        order = self._new_order(self.customer, "QUILL-YEN", pricelist_id=pricelist.id)
        order.order_line.write({"price_unit": 12345, "product_uom_qty": 1, "tax_ids": [Command.clear()]})
        order.state = "sent"
        content = self._get_content("/my/agent/quotations", search="QUILL-YEN")
        self.assertRegex(content, r"¥.?12,345(?!\.)")
