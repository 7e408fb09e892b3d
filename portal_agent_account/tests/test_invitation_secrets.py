import base64
import csv
import io
from contextlib import contextmanager
from unittest.mock import patch

from reportlab.pdfgen.canvas import Canvas

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.base.models.ir_actions_report import IrActionsReport
from odoo.addons.mail.tests.common import MailCase

from .common import PortalAgentCommon, PortalAgentPagesCommon

TEMPLATE = "portal_agent_account.mail_template_portal_agent_invitation"


def make_pdf(text):
    """Return a PDF file in which a text can be found."""
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
    """The link in an invitation is for the agent alone."""

    def _get_messages_with_a_link(self, user):
        return self.env["mail.message"].with_user(user).search([("body", "like", "/web/signup")])

    def _get_invitation(self):
        mail = self.env["mail.mail"].search([("recipient_ids", "in", self.agent.partner_id.ids)])
        self.assertEqual(len(mail), 1)
        return mail

    @mute_logger("odoo.addons.mail.models.mail_render_mixin")
    def test_employee_who_renders_the_template_gets_nobodys_link(self):
        template = self.env.ref(TEMPLATE)
        for victim in (self.agent, self.administrator):
            victim.partner_id.signup_prepare()
            before = self.env["mail.mail"].search_count([])
            with self.subTest(victim=victim.login), self.assertRaises(UserError) as refusal:
                template.with_user(self.employee).send_mail(victim.id, email_values={"email_to": "me@evil.example.com"})
            self.assertIsInstance(refusal.exception.__cause__, AccessError)
            self.assertEqual(self.env["mail.mail"].search_count([]), before)

    def test_template_has_a_link_for_agents_only_whoever_renders_it(self):
        everybody = self.agent + self.portal_user + self.employee
        everybody.partner_id.signup_prepare()
        for user, has_link in zip(everybody, (True, False, False), strict=True):
            mail = self.env.ref(TEMPLATE).with_user(self.administrator).send_mail_batch(user.ids)
            self.assertEqual("token=" in mail.body_html, has_link, user.login)

    def test_invitation_in_a_language_that_runs_from_right_to_left_does(self):
        self.agent.partner_id.signup_prepare()
        mail = self.env.ref(TEMPLATE).with_user(self.administrator).send_mail_batch(self.agent.ids)
        self.assertRegex(mail.body_html, r'<div\b[^>]* dir="auto"')

    def test_own_invitation_still_has_the_link(self):
        self.agent.with_user(self.administrator).action_send_portal_agent_invitation()
        mail = self._get_invitation()
        self.assertIn("/web/signup?", mail.body_html)
        self.assertIn("token=", mail.body_html)

    def test_queued_invitation_is_no_message_that_an_employee_reads(self):
        self.agent.with_user(self.administrator).action_send_portal_agent_invitation()
        self.assertTrue(self._get_messages_with_a_link(self.env.user), "it is there")
        for user in (self.employee, self.contact_manager, self.portal_user, self.other_agent):
            self.assertFalse(self._get_messages_with_a_link(user), user.login)
        message = self._get_messages_with_a_link(self.env.user)
        with self.assertRaises(AccessError):
            message.with_user(self.employee).read(["body"])

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
        self.assertFalse(self._get_messages_with_a_link(self.employee))

    def test_nothing_of_an_invitation_is_kept_once_it_is_sent(self):
        self.agent.action_send_portal_agent_invitation()
        with self.mock_mail_gateway(mail_unlink_sent=True):
            self._get_invitation().send()
        self.assertEqual(len(self._mails), 1)
        self.assertFalse(self._get_messages_with_a_link(self.env.user))


@tagged("post_install", "-at_install", "once")
class TestTakingOver(SecretsCommon):
    """Nobody becomes an agent by way of the agent's contact."""

    def test_who_manages_contacts_can_not_change_an_agents_address(self):
        contact = self.agent.partner_id.with_user(self.contact_manager)
        with self.assertRaisesRegex(AccessError, "Ann Agent"):
            contact.email = "me@evil.example.com"
        with self.assertRaisesRegex(AccessError, "Ann Agent"):
            (contact + self.customer.with_user(self.contact_manager)).write({"email": False})
        self.assertEqual(self.agent.email, "ann@agents.example.com")

    def test_who_manages_contacts_changes_everything_else(self):
        contact = self.agent.partner_id.with_user(self.contact_manager)
        contact.write({"phone": "+32 1", "email": "ann@agents.example.com"})
        self.portal_user.partner_id.with_user(self.contact_manager).email = "plain@example.com"
        self.customer.with_user(self.contact_manager).email = "new@quill.example.com"
        self.assertEqual((contact.phone, self.customer.email), ("+32 1", "new@quill.example.com"))

    def test_who_may_change_users_changes_an_agents_address(self):
        self.agent.partner_id.with_user(self.administrator).email = "ann@new.example.com"
        self.assertEqual(self.agent.email, "ann@new.example.com")

    def test_agent_may_change_the_own_address(self):
        self.agent.partner_id.with_user(self.agent).sudo().email = "ann@new.example.com"
        self.agent.partner_id.with_user(self.agent)._check_may_take_over_portal_agents()
        self.assertEqual(self.agent.email, "ann@new.example.com")

    def test_who_manages_contacts_does_not_get_the_link_to_an_agents_password(self):
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

    def test_portal_wizard_neither_moves_nor_invites_an_agent_for_who_manages_contacts(self):
        line = self._open_portal_wizard(self.contact_manager)
        with self.assertRaisesRegex(AccessError, "change users"):
            line.action_invite_again()
        line.email = "me@evil.example.com"
        for action in (line.action_invite_again, line.action_revoke_access):
            with self.assertRaisesRegex(AccessError, "change users"):
                action()
        self.assertEqual(self.agent.email, "ann@agents.example.com")
        self.assertTrue(self.agent._is_portal_agent())

    def test_portal_wizard_invites_an_agent_for_who_may_change_users(self):
        self._open_portal_wizard(self.administrator).action_invite_again()

    def test_contacts_without_an_email_written_cost_no_query_and_others_one(self):
        contacts = (self.buyer + self.warehouse + self.customer).with_user(self.contact_manager)
        contacts._check_may_take_over_portal_agents()  # who may read what is looked up once, and cached
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
    """Who is no person is no agent."""

    def test_users_who_stand_for_everybody_can_not_be_agents(self):
        website = self.env["website"].search([], limit=1)
        website.user_id = new_test_user(self.env, login="pa_visitor", email="v@example.com", groups="base.group_public")
        template = self.env["res.users"]._get_portal_agent_template_user()
        for user in (self.env.ref("base.public_user"), website.user_id, template):
            with self.subTest(user=user.login), self.assertRaisesRegex(UserError, "visitors of a website"):
                user.partner_id.with_context(active_test=False).action_make_portal_agent()
            self.assertFalse(user._is_portal_agent())


@tagged("post_install", "-at_install")
class TestWhatWasNeverSent(PortalAgentCommon):
    """A quotation that the customer never got is none of the agent's business, cancelled or not."""

    def test_cancelled_draft_stays_unseen_where_drafts_are(self):
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

    def test_cancelled_web_cart_is_no_quotation(self):
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
    """What an agent looked at is left neither in the browser nor on the document."""

    @contextmanager
    def _prepare_pdfs(self):
        """Have reports printed as outside tests, files read and kept as ever, but for the printing itself."""
        prepare = IrActionsReport._pre_render_qweb_pdf

        def force(report, *args, **kwargs):
            return prepare(report.with_context(force_report_rendering=True), *args, **kwargs)

        with (
            patch.object(IrActionsReport, "_pre_render_qweb_pdf", force),
            patch.object(IrActionsReport, "get_wkhtmltopdf_state", lambda report: "ok"),
            patch.object(IrActionsReport, "_run_wkhtmltopdf", lambda report, *args, **kwargs: make_pdf("printed now")),
        ):
            yield

    def test_browser_keeps_no_page_and_no_file(self):
        order_pdf = f"/my/agent/orders/{self.order.id}?report_type=pdf"
        urls = ["/my/agent", "/my/agent/customers", order_pdf, "/my/agent/orders/export?format=csv"]
        with self._prepare_pdfs():
            for url in urls:
                response = self._get(url)
                self.assertEqual((response.status_code, response.headers.get("Cache-Control")), (200, "no-store"), url)
        answer = self.url_open("/my/agent/selector", json={"params": {"term": "quill"}})
        self.assertIn("Quill Trading", answer.text)
        self.assertEqual(answer.headers.get("Cache-Control"), "no-store")

    def test_pages_of_others_are_kept_as_odoo_says(self):
        self.assertNotEqual(self._get("/my").headers.get("Cache-Control"), "no-store")

    def _keep_prints(self, report, record):
        """Have a report keep what it prints, with a file that the customer got."""
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

    def test_printing_neither_gives_nor_keeps_a_stored_file(self):
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
                self.assertIn(b"printed now", response.content)
                self.assertNotIn(b"sent to the customer", response.content)
                self.env.invalidate_all()
                self.assertEqual(self._count_files(record), files)
                self.env["ir.attachment"].search([("res_id", "=", record.id), ("name", "=", "kept.pdf")]).unlink()
                self._get(url)
                self.assertEqual(self._count_files(record), files - 1, "nothing is kept of what an agent prints")

    def test_no_part_of_a_cell_is_taken_for_a_formula(self):
        for separator in (";", ",", "\t", "|", "\n", "\r\n", "; ", ";\"", ';""'):
            self.order.client_order_ref = f"Quill{separator}=cmd|' /C calc'!A0"
            content = self._get("/my/agent/orders/export", format="csv").content.decode("utf-8-sig")
            [row] = csv.DictReader(io.StringIO(content, newline=""))
            stored = self.order.client_order_ref
            self.assertEqual(len(row["Customer's reference"]), len(stored) + 1, separator)
            self.assertRegex(row["Customer's reference"], r"""^Quill(?:[;,\t|]|\r?\n)'[ "]*=cmd""")
        self.order.client_order_ref = "Müller; Söhne, 2-3 | a@b.example.com"
        [row] = csv.DictReader(io.StringIO(self._get("/my/agent/orders/export").content.decode("utf-8-sig")))
        self.assertEqual(row["Customer's reference"], self.order.client_order_ref)
