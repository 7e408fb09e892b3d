import base64
from unittest.mock import patch

from lxml import html

from odoo.fields import Command
from odoo.tests import BaseCase, tagged

from odoo.addons.base.models.ir_actions_report import IrActionsReport
from odoo.addons.portal_agent_account.pages.inert import make_inert

from .common import PortalAgentPagesCommon


@tagged("post_install", "-at_install", "once")
class TestPortalDocuments(PortalAgentPagesCommon):
    """Agents can read and print documents, and nothing else."""

    def setUp(self):
        super().setUp()
        self.quotation.sudo().write({"require_signature": True, "require_payment": True, "prepayment_percent": 1.0})
        self.order.order_line.qty_delivered = 2
        self.order_invoice = self.order._create_invoices()
        self.order_invoice.action_post()
        self.env.flush_all()

    def _get_documents(self):
        orders = [f"/my/agent/orders/{order.id}" for order in (self.order, self.quotation, self.draft_quotation)]
        invoices = (self.invoice, self.credit_note, self.order_invoice)
        return orders + [
            f"/my/agent/invoices/{invoice.id}{query}" for invoice in invoices for query in ("", "?report_type=html")
        ]

    def test_documents_contain_no_token_and_no_action_for_the_customer(self):
        tokens = (self.order + self.quotation).mapped("access_token") + (self.invoice + self.credit_note).mapped(
            "access_token"
        )
        for url in self._get_documents():
            page = self._get(url).text
            with self.subTest(url=url):
                for secret in ("access_token", *tokens):
                    self.assertNotIn(secret, page)
                main = html.fromstring(page).xpath("//main | //body")[0]
                for link in main.xpath("//main//a/@href | //div[@id='wrapwrap' and not(.//main)]//a/@href"):
                    self.assertNotRegex(link, r"/my/(orders|quotes|invoices)/|/payment/|/pay\b")
                for name in (
                    "modalaccept",
                    "modaldecline",
                    "o_portal_chatter",
                    "o_sale_portal_paynow",
                    "signature_form",
                ):
                    self.assertNotIn(name, page)
                self.assertFalse(main.xpath("//main//form[@method='post' or @method='POST']"))

    def test_viewing_a_document_creates_no_token(self):
        documents = [self.order, self.quotation, self.order_invoice, self.invoice]
        for document in documents:
            document.sudo().access_token = False
        self.env.flush_all()
        for url in self._get_documents():
            self._get(url)
        self.env.invalidate_all()
        self.assertFalse(any(document.access_token for document in documents))

    def test_viewing_a_document_does_not_change_it(self):
        documents = [self.order, self.quotation, self.order_invoice, self.invoice]
        self.env.cr.execute("UPDATE account_move SET write_date = '2020-01-01', is_manually_modified = FALSE")
        self.env.cr.execute("UPDATE sale_order SET write_date = '2020-01-01'")
        self.env.invalidate_all()
        for url in self._get_documents():
            self._get(url)
        self.env.invalidate_all()
        self.assertEqual({document.write_date.year for document in documents}, {2020})
        self.assertFalse(self.invoice.is_manually_modified)

    def test_order_shows_what_the_customer_sees(self):
        page = self._get_content(f"/my/agent/orders/{self.order.id}")
        for expected in ("QUILL-ORDER", "Quill Depot", "Confirmed", "2.00", self.order_invoice.name):
            self.assertIn(expected, page)

    def test_invoice_and_order_link_to_each_other(self):
        order_url, invoice_url = f"/my/agent/orders/{self.order.id}", f"/my/agent/invoices/{self.order_invoice.id}"
        self.assertIn(f'href="{order_url}"', self._get(invoice_url).text)
        self.assertIn(f'href="{invoice_url}"', self._get(order_url).text)

    def _get_texts(self, url, name):
        [found] = html.fromstring(self._get(url).text).xpath(f"//*[contains(@class, '{name}')]")
        return [" ".join(row.text_content().replace("\xa0", " ").split()) for row in found.xpath("li")]

    def test_order_shows_the_amount_due_of_each_invoice(self):
        url = f"/my/agent/orders/{self.order.id}"
        amount = f"{self.order_invoice.amount_residual:.2f}"
        self.assertIn(f"Amount due $ {amount}", self._get_content(url).replace("\xa0", " "))
        self._pay(self.order_invoice)
        self.assertNotIn("Amount due", self._get_content(url))

    def _pay(self, invoice, **values):
        register = self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=invoice.ids
        )
        register.create(values)._create_payments()

    def test_invoice_shows_dates_and_amounts_of_payments(self):
        self._pay(self.invoice, amount=40, payment_date="2026-02-20")
        [payment] = self._get_texts(f"/my/agent/invoices/{self.invoice.id}", "o_portal_agent_payments")
        self.assertIn("02/20/2026", payment)
        self.assertIn("$ 40.00", payment)
        self.assertNotIn("o_portal_agent_payments", self._get(f"/my/agent/invoices/{self.credit_note.id}").text)

    def test_invoice_shows_due_dates_of_instalments(self):
        term = self.env["account.payment.term"].create(
            {
                "name": "Half and half",
                "line_ids": [
                    Command.create({"value": "percent", "value_amount": 50, "nb_days": days}) for days in (10, 40)
                ],
            }
        )
        invoice = self._new_invoice(
            self.customer, "QUILL-TWICE", invoice_date="2026-01-01", invoice_payment_term_id=term.id
        )
        self._pay(invoice, amount=60, payment_date="2026-01-02")
        first, second = self._get_texts(f"/my/agent/invoices/{invoice.id}", "o_portal_agent_instalments")
        self.assertEqual(first, "01/11/2026 Paid $ 50.00")
        self.assertRegex(second, r"^02/10/2026 \d+ days overdue \$ 50.00 Amount due \$ 40.00$")
        self.assertNotIn("o_portal_agent_instalments", self._get(f"/my/agent/invoices/{self.invoice.id}").text)

    def test_links_between_documents_keep_the_selected_customer(self):
        query = f"?customer={self.customer.id}"
        order_url, invoice_url = f"/my/agent/orders/{self.order.id}", f"/my/agent/invoices/{self.order_invoice.id}"
        self.assertIn(f'href="{order_url}{query}"', self._get(invoice_url + query).text)
        self.assertIn(f'href="{invoice_url}{query}"', self._get(order_url + query).text)

    def test_invoice_to_another_agents_customer_is_not_shown_with_the_order(self):
        self.env.cr.execute(
            "UPDATE account_move SET partner_id = %s WHERE id = %s", [self.other_customer.id, self.order_invoice.id]
        )
        self.env.invalidate_all()
        page = self._get(f"/my/agent/orders/{self.order.id}").text
        self.assertNotIn(self.order_invoice.name, page)

    def test_printed_invoice_has_no_payment_qr_code(self):
        self.company.link_qr_code = True
        self.env.flush_all()
        page = self._get(f"/my/agent/invoices/{self.invoice.id}", report_type="html").text
        self.assertIn(self.invoice.name, page)
        self.assertNotIn("payment_link_qrcode", page)
        with self.on_an_agents_page():
            self.assertFalse(self.invoice.sudo().display_link_qr_code)
        with self.on_any_other_page():
            self.assertTrue(self.invoice.sudo().display_link_qr_code)

    def test_invoice_is_a_pro_forma_until_it_is_sent_as_for_the_customer(self):
        url = f"/my/agent/invoices/{self.invoice.id}"
        self.assertIn("Proforma Invoice", self._get(url, report_type="html").text)
        self.invoice.sudo().invoice_pdf_report_file = base64.b64encode(b"%PDF-1.4 quill")
        self.env.flush_all()
        page = self._get(url, report_type="html").text
        self.assertNotIn("Proforma", page)
        self.assertIn(self.invoice.name, page)

    def test_invoice_page_has_the_text_direction_of_the_customers_language(self):
        url = f"/my/agent/invoices/{self.invoice.id}"
        self.env["res.lang"]._activate_lang("ar_001")
        self.assertEqual(html.fromstring(self._get(url, report_type="html").text).body.get("dir"), "ltr")
        self.invoice.partner_id.lang = "ar_001"
        shown = html.fromstring(self._get(url, report_type="html").text)
        self.assertEqual(shown.body.get("dir"), "rtl")
        self.assertTrue(shown.xpath("//link[contains(@href, '.rtl.')]"))
        self.assertEqual(self.agent.lang, "en_US")

    def test_invoice_page_fills_its_frame(self):
        shown = html.fromstring(self._get(f"/my/agent/invoices/{self.invoice.id}", report_type="html").text)
        self.assertIn("container-fluid", shown.body.classes)
        self.assertNotIn("container", shown.body.classes)

    def test_pdf_is_printed_from_a_document_that_the_agent_may_see(self):
        rendered = []

        def render(report, report_ref, res_ids, data=None):
            rendered.append((report_ref, res_ids))
            return b"%PDF-1.4 quill", "pdf"

        with patch.object(IrActionsReport, "_render_qweb_pdf", render):
            for url, record in (
                (f"/my/agent/orders/{self.order.id}", self.order),
                (f"/my/agent/invoices/{self.invoice.id}", self.invoice),
            ):
                response = self._get(url, report_type="pdf", download="true")
                self.assertEqual(response.headers["Content-Type"], "application/pdf")
                self.assertTrue(response.headers["Content-Disposition"].startswith("attachment"))
                self.assertEqual(response.content, b"%PDF-1.4 quill")
                self.assertEqual(rendered.pop()[1], record.ids)
                shown = self._get(url, report_type="pdf")
                self.assertTrue(shown.headers["Content-Disposition"].startswith("inline"))

    def test_previous_and_next_follow_the_list_that_led_there(self):
        names = ["QUILL-1", "QUILL-2", "QUILL-3"]
        for name in names:
            self._new_order(self.customer, name, confirm=True)
        page = html.fromstring(
            self._get("/my/agent/orders", sortby="reference", search="QUILL-", customer=self.customer.id).text
        )
        links = page.xpath("//td[contains(@class, 'o_portal_agent_title')]/a")
        self.assertEqual([link.text for link in links], [*names, "QUILL-ORDER"])
        middle = html.fromstring(self._get(links[1].get("href")).text)
        [before, after] = middle.xpath("//*[contains(@class, 'record_pager')]/a/@href")
        self.assertEqual([before, after], [links[0].get("href"), links[2].get("href")])
        [first, _next] = html.fromstring(self._get(links[0].get("href")).text).xpath(
            "//*[contains(@class, 'record_pager')]/a"
        )
        self.assertIn("disabled", first.get("class"))

    def test_document_that_left_its_list_has_no_neighbours(self):
        page = self._get(f"/my/agent/orders/{self.order.id}", position=7).text
        self.assertNotIn("record_pager", page)

    def test_quotation_that_became_an_order_is_found_at_the_same_address(self):
        self.quotation.state = "sale"
        self.assertIn(
            "Confirmed", self._get_content(f"/my/agent/orders/{self.quotation.id}", filterby="sent", position=0)
        )


@tagged("post_install", "-at_install")
class TestInertDocuments(BaseCase):
    """Cleaning a rendered template to which other addons may have added active elements."""

    def test_active_elements_are_removed_and_printed_content_is_kept(self):
        body = make_inert(
            """<div onclick="steal()" data-token="abc">Total <b>5</b>
            <a href="/my/orders/1?access_token=abc">Order 1</a> <a href="mailto:a@b.c">mail</a>
            <a href="javascript:alert(1)">script</a> <a href="//evil.example">evil</a>
            <form action="/pay"><input name="x"/>Pay</form><button>Accept</button><script>1</script>
            <iframe src="/x"></iframe><div class="modal fade">Sign here</div>
            <img src="/report/barcode?value=access_token"/> tail</div>"""
        )
        for kept in ("Total", "<b>5</b>", "Order 1", 'href="mailto:a@b.c"', "script", "evil", "tail"):
            self.assertIn(kept, body)
        for gone in (
            "onclick",
            "token",
            "/my/orders",
            "javascript:",
            "evil.example",
            "<form",
            "Pay",
            "Accept",
            "<script",
            "<iframe",
            "Sign here",
        ):
            self.assertNotIn(gone, body)

    def test_text_that_looks_like_markup_stays_text(self):
        self.assertIn("&lt;script&gt;", make_inert("<p>&lt;script&gt;alert(1)&lt;/script&gt; ünïcode 😀</p>"))

    def test_empty_body_is_accepted(self):
        self.assertEqual(make_inert(""), "<div></div>")
