"""Only the owner of the address gets the link in an invitation."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

from lxml import html
from markupsafe import Markup

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.sale_auto_portal_user.models.portal_invitation_link import CHOOSE_PASSWORD, DECLINE, sign_link

from .common import PortalInvitationCommon

TEMPLATE = "sale_auto_portal_user.mail_template_portal_invitation"


@tagged("post_install", "-at_install", "once")
class TestInvitationSecrets(PortalInvitationCommon):
    def test_a_corrected_address_is_the_login_from_then_on(self):
        order, invitation = self.invite(email="nora@exmaple.com")
        with self.mock_mail_gateway():
            self.run_cron()
        order.partner_id.email = "Nora <Nora@Example.com>"
        order.action_resend_portal_invitation()
        with self.mock_mail_gateway():
            self.run_cron()
        self.assertEqual((invitation.user_id.login, invitation.email), ("nora@example.com", "nora@example.com"))
        self.assertEqual([mail["email_to"] for mail in self._mails], [["nora@example.com"]])
        self.assertIn("nora@example.com", self._mails[0]["body"])

    def test_two_contacts_corrected_to_one_address_do_not_share_the_login(self):
        (first, one), (second, two) = self.invite(email="a@exmaple.com"), self.invite(email="b@exmaple.com")
        (first + second).partner_id.email = "nora@example.com"
        with self.mock_mail_gateway():
            self.run_cron()
        self.assertEqual((one.user_id.login, two.user_id.login), ("nora@example.com", "b@exmaple.com"))
        self.assertEqual((one.state, two.state), ("sent", "failed"))
        self.assertEqual(len(self._mails), 1)

    def test_a_link_is_never_sent_to_the_address_of_somebody_else(self):
        new_test_user(self.env, login="taken@example.com", groups="base.group_portal")
        for email, reason in (
            ("taken@example.com", "Another user signs in"),
            ("a@y.com, b@y.com", "several addresses"),
            ("nonsense", "not valid"),
            (False, "no email address"),
        ):
            order, invitation = self.invite(email="nora@example.com")
            order.partner_id.email = email
            with self.subTest(email=email), self.mock_mail_gateway():
                self.run_cron()
                self.assertFalse(self._mails)
                self.assertEqual((invitation.user_id.login, invitation.state), ("nora@example.com", "failed"))
                self.assertIn(reason, self.notes_of(order)[0])
            invitation.user_id.unlink()

    def test_an_address_reserved_for_another_order_has_to_wait(self):
        order, invitation = self.invite(email="nora@exmaple.com")
        order.partner_id.email = "nora@example.com"
        with self.being_worked_on("nora@example.com"), self.mock_mail_gateway():
            self.run_cron()
        self.assertFalse(self._mails)
        self.assertEqual((invitation.user_id.login, invitation.state), ("nora@exmaple.com", "to_send"))

    def signatures(self, invitation):
        """Return the valid signatures of the mails that were sent and of the next ones."""
        return [
            sign_link(invitation.sudo(), invitation.sudo().user_id.login, purpose, number)
            for purpose in (CHOOSE_PASSWORD, DECLINE)
            for number in range(invitation.link_number + 3)
        ]

    def assert_secret(self, invitation, *texts):
        """Check that no link is in the given texts, nor in any mail, message or attachment."""
        self.env.flush_all()
        texts = [str(text) for text in texts]
        for model, field in (("mail.mail", "body_html"), ("mail.message", "body"), ("mail.scheduled.message", "body")):
            texts += self.env[model].sudo().search([(field, "like", "/my/invitation/")]).mapped(field)
        for signature in self.signatures(invitation):
            self.assertFalse([text for text in texts if signature in text])

    def compose(self, user, invitation, template):
        """Send a template with the mass mail composer, which renders it with sudo."""
        composer = (
            self.env["mail.compose.message"]
            .with_user(user)
            .create(
                {
                    "model": invitation._name,
                    "res_ids": str(invitation.ids),
                    "composition_mode": "mass_mail",
                    "template_id": template.id,
                    "partner_ids": [Command.link(user.partner_id.id)],
                }
            )
        )
        composer.action_send_mail()

    @mute_logger("odoo.addons.base.models.ir_model", "odoo.addons.base.models.ir_rule")
    def test_nobody_gets_a_link_by_the_mass_mail_composer(self):
        _order, invitation = self.invite()
        self.send()
        template = self.env.ref(TEMPLATE)
        for groups in (
            "base.group_user",
            "sales_team.group_sale_salesman",
            "sales_team.group_sale_manager",
            "base.group_system,sales_team.group_sale_manager",
        ):
            user = new_test_user(self.env, login=groups, email="me@evil.example.com", groups=groups)
            with self.subTest(groups=groups), self.mock_mail_gateway():
                try:
                    self.compose(user, invitation, template)
                except AccessError:
                    self.assertNotIn("manager", groups)
                self.assert_secret(invitation, *(mail["body"] for mail in self._mails))

    @mute_logger("odoo.addons.base.models.ir_model")
    def test_nobody_gets_a_link_by_sending_or_rendering_the_template(self):
        _order, invitation = self.invite()
        self.send()
        template = self.env.ref(TEMPLATE)
        manager = new_test_user(self.env, login="boss", groups="sales_team.group_sale_manager")
        administrator = new_test_user(self.env, login="late", groups="base.group_system,sales_team.group_sale_manager")
        with self.assertRaises(AccessError):
            template.with_user(self.salesman).send_mail(invitation.id, email_values={"email_to": "me@evil.example"})
        for user in (manager, administrator):
            with self.subTest(user=user.login), self.mock_mail_gateway():
                template.with_user(user).send_mail(
                    invitation.id, force_send=True, email_values={"email_to": "me@evil.example"}
                )
                self.assertIn("/my/invitation/sample", self._mails[0]["body"])
                self.assert_secret(invitation, self._mails[0]["body"])
        for user in (self.salesman, manager, administrator, self.env.ref("base.user_root")):
            with self.subTest(user=user.login, sudo=True):
                rendered = template.with_user(user).sudo()._render_field("body_html", invitation.ids)
                self.assertIn("/my/invitation/sample", rendered[invitation.id])
                self.assert_secret(invitation, *rendered.values())

    def test_previewing_the_template_shows_a_sample_link(self):
        _order, invitation = self.invite()
        self.send()
        preview = self.env["mail.template.preview"].create(
            {"mail_template_id": self.env.ref(TEMPLATE).id, "resource_ref": f"{invitation._name},{invitation.id}"}
        )
        self.assertIn("/my/invitation/sample", preview.body_html)
        self.assert_secret(invitation, preview.body_html)

    def test_a_server_action_that_sends_the_template_sends_a_sample_link(self):
        _order, invitation = self.invite()
        self.send()
        action = self.env["ir.actions.server"].create(
            {
                "name": "Send",
                "model_id": self.env["ir.model"]._get_id(invitation._name),
                "state": "mail_post",
                "mail_post_method": "email",
                "template_id": self.env.ref(TEMPLATE).id,
            }
        )
        with self.mock_mail_gateway():
            action.with_context(active_model=invitation._name, active_id=invitation.id, active_ids=invitation.ids).run()
            self.env["mail.mail"].search([("state", "=", "outgoing")]).send()
        self.assertTrue(self._mails)
        self.assert_secret(invitation, *(mail["body"] for mail in self._mails))

    def test_a_message_composed_with_the_template_contains_a_sample_link(self):
        order, invitation = self.invite()
        self.send()
        bodies = self.env.ref(TEMPLATE)._render_template(
            self.env.ref(TEMPLATE).body_html, invitation._name, invitation.ids, engine="qweb"
        )
        message = order.message_post(body=Markup(bodies[invitation.id]))
        self.assert_secret(invitation, message.body)

    def test_users_who_see_invitations_see_no_links_in_them(self):
        _order, invitation = self.invite()
        self.send()
        invitation._request_again()
        invitation._queue()
        signatures = self.signatures(invitation)
        self.assertTrue(any(signature in invitation.mail_id.body_html for signature in signatures))
        self.assertFalse(any(signature in invitation.mail_id.mail_message_id.body for signature in signatures))
        for groups in ("sales_team.group_sale_manager", "base.group_user,base.group_erp_manager"):
            user = new_test_user(self.env, login=groups, groups=groups)
            (values,) = invitation.with_user(user).read()
            self.assertNotIn("mail_id", values)
            self.assertFalse([value for value in values.values() if str(value) in signatures])
            with self.assertRaises(AccessError):
                invitation.sudo().mail_id.with_user(user).read(["body_html"])

    def test_a_template_that_names_other_recipients_sends_to_the_owner_alone(self):
        template = self.env.ref(TEMPLATE)
        template.write(
            {
                "email_to": "me@evil.example.com",
                "email_cc": "also@evil.example.com",
                "partner_to": str(self.salesman.partner_id.id),
                "scheduled_date": "2099-01-01",
            }
        )
        self.invite()
        with self.mock_mail_gateway():
            self.run_cron()
        self.assertEqual([(mail["email_to"], mail["email_cc"]) for mail in self._mails], [(["nora@example.com"], [])])

    def test_customer_input_does_not_change_a_header(self):
        hostile = "Shop\r\nSubject: Your refund\r\nContent-Type: text/html\r\n\r\n<h1>Pay here</h1>"
        template = self.env.ref(TEMPLATE)
        template.write(
            {
                "subject": "{{ object.partner_id.name }} {{ object.order_id.name }}",
                "email_from": "{{ object.partner_id.name }} <shop@example.com>",
                "reply_to": "{{ object.partner_id.name }} <shop@example.com>",
                "body_html": "<p t-out='object.partner_id.name'/>",
            }
        )
        order, _invitation = self.invite(name=hostile)
        order.name = hostile
        with self.mock_mail_gateway():
            self.run_cron()
        (mail,) = self._mails
        for header in ("subject", "email_from", "reply_to", "email_to"):
            self.assertNotRegex(str(mail[header]), r"[\r\n]|\\r|\\n")
        self.assertNotIn("<h1>", mail["body"])

    def test_a_name_before_the_shop_s_address_is_not_parsed_as_another_address(self):
        """Check the header as written by Python and as parsed by mail clients."""
        invitations = self.env["sale.portal.invitation"]
        for name in (
            "Chairs & Co., Ghent",
            "Chairs for everybody who sits all day long and sits well, victim@example.com, " + "more " * 9,
            "Schnäppchen, victim@example.com",
            'Schnäppchen" <victim@example.com>; x (',
            "椅子, victim@example.com, " * 9,
        ):
            for address in ("shop@example.com", f"{'long.' * 9}address@{'long.' * 9}example.com"):
                message = EmailMessage(policy=SMTP)
                message["From"] = invitations._format_address(name, address)
                written = message_from_bytes(message.as_bytes(), policy=SMTP)
                with self.subTest(name=name, address=address):
                    self.assertEqual([found.addr_spec for found in written["From"].addresses], [address])

    def test_a_name_that_conveys_a_message_is_truncated(self):
        self.invite(name="You have won! Collect it at https://evil.example.com/prize " + "now " * 50)
        body = self.send()["nora@example.com"]
        self.assertNotIn("evil.example.com", body)
        self.assertNotIn("now now now now now now now now now now now now now", body)

    def test_the_shop_s_sender_subject_and_footer_agree(self):
        self.company.email = "info@example.com"
        self.website.name = "Chairs & More"
        with_website = self.order(self.customer(), website_id=self.website.id)
        by_hand = self.order(self.customer(email="otto@example.com"))
        (with_website + by_hand).action_confirm()
        with self.mock_mail_gateway():
            self.run_cron()
        for shop, email in (("Chairs & More", "nora@example.com"), (self.company.name, "otto@example.com")):
            (mail,) = [mail for mail in self._mails if mail["email_to"] == [email]]
            self.assertEqual(mail["email_from"], f'"{shop}" <info@example.com>')
            self.assertTrue(mail["subject"].startswith(f"{shop}: "))
            other = {"Chairs & More", self.company.name} - {shop}
            self.assertNotIn(other.pop(), html.fromstring(mail["body"]).text_content())
