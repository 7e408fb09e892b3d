"""The pages that the links in an invitation lead to, depending on the link and on who opens it."""

from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

from lxml import html

from odoo.exceptions import UserError
from odoo.http import root
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common import PortalAccountHttpCommon, PortalInvitationCommon

PASSWORD = "a long password"


class InvitationPagesCommon(PortalInvitationCommon, PortalAccountHttpCommon):
    def setUp(self):
        super().setUp()
        self.sale, self.invitation = self.invite()
        self.user = self.invitation.user_id
        self.link, self.decline_link = self.links_in(self.send()["nora@example.com"])
        self.authenticate(None, None)

    def get(self, path):
        self.response = self.url_open(path)
        self.assertEqual(self.response.status_code, 200)
        return self.parse()

    def parse(self):
        self.env.invalidate_all()
        return html.fromstring(self.response.content)

    def heading(self, page):
        (heading,) = page.xpath("//h1")
        return " ".join(heading.text_content().split())

    def text(self, page):
        return " ".join(page.xpath("//*[hasclass('o_portal_invitation')]")[0].text_content().split())

    def form(self, page):
        forms = [form for form in page.forms if "/my/invitation/" in (form.get("action") or "")]
        return forms[0] if forms else None

    def submit(self, page, follow=True, **values):
        form = self.form(page)
        self.assertEqual(form.method, "POST")
        self.response = self.url_open(form.get("action"), data={**dict(form.fields), **values}, allow_redirects=follow)
        return self.parse() if self.response.content else None

    def choose_password(self, page, password=PASSWORD, **values):
        return self.submit(page, password=password, confirm_password=password, **values)

    def post_password(self, password):
        """Submit the form although the page doesn't display it."""
        (token, *_others) = self.get("/web/login").xpath("//input[@name='csrf_token']/@value")
        self.url_open(
            f"/my/invitation/{self.invitation.id}",
            data={"csrf_token": token, "password": password, "confirm_password": password},
        )
        self.env.invalidate_all()

    def log_in_as(self, user):
        user.write({"password": user.login})
        self.authenticate(user.login, user.login)

    def signed_in_user(self):
        return self.env["res.users"].browse(root.session_store.get(self.opener.cookies["session_id"]).uid)


@tagged("post_install", "-at_install", "once")
class TestFreshLink(InvitationPagesCommon):
    def test_the_page_asks_for_a_password_and_nothing_else(self):
        page = self.get(self.link)
        self.assertEqual(self.heading(page), "Choose your password")
        self.assertIn("nora@example.com", self.text(page))
        self.assertIn(self.company.name, self.text(page))
        form = self.form(page)
        visible = [field.get("name") for field in form.xpath(".//input[@type != 'hidden'][not(hasclass('d-none'))]")]
        self.assertEqual(visible, ["password", "confirm_password"])
        (button,) = form.xpath(".//button[@type='submit']")
        self.assertIn(self.sale.name, button.text_content())
        for stranger in ("Already have an account", "Sign up", "passkey"):
            self.assertNotIn(stranger, page.xpath("//main")[0].text_content())

    def test_password_managers_and_screen_readers_find_what_they_need(self):
        form = self.form(self.get(self.link))
        (username,) = form.xpath(".//input[@autocomplete='username']")
        self.assertEqual(username.get("value"), "nora@example.com")
        for name in ("password", "confirm_password"):
            self.assertEqual(form.xpath(f".//input[@name='{name}']/@autocomplete"), ["new-password"])
            self.assertTrue(form.xpath(f".//label[@for='{name}']"))
        for button in form.xpath(".//button[@type='button']"):
            self.assertTrue(button.get("aria-label"))

    def test_choosing_a_password_signs_in_and_leads_to_the_order(self):
        self.choose_password(self.get(self.link))
        self.assertEqual(urlsplit(self.response.url).path, f"/my/orders/{self.sale.id}")
        self.assertIn(self.sale.name, self.response.text)
        self.assertEqual(self.signed_in_user(), self.user)
        self.assertEqual((self.invitation.state, self.sale.portal_account_state), ("accepted", "active"))
        self.assertTrue(self.invitation.accepted_date)

    def test_the_url_of_the_page_contains_no_secret(self):
        self.get(self.link)
        self.assertEqual(urlsplit(self.response.url).path, f"/my/invitation/{self.invitation.id}")
        self.assertEqual(self.response.headers["Referrer-Policy"], "no-referrer")
        self.assertEqual(self.response.headers["Cache-Control"], "no-store")
        self.authenticate(None, None)
        self.assertEqual(self.heading(self.get(self.response.url)), "This link is not valid")

    def count_queries(self, path):
        """Count the queries of a page with warm caches."""
        for _time in range(2):
            self.get(path)
        before = self.env.cr.sql_log_count
        self.get(path)
        return self.env.cr.sql_log_count - before

    def test_the_page_takes_no_more_queries_than_odoo_s_sign_up(self):
        self.get(self.link)
        partner = self.sale.partner_id
        partner.signup_prepare()
        signup = self.count_queries(f"/web/signup?token={partner._generate_signup_token()}")
        page = self.count_queries(f"/my/invitation/{self.invitation.id}")
        self.assertLessEqual(page, signup)

    def test_opening_the_link_changes_nothing(self):
        for path in (self.link, self.decline_link):
            self.get(path)
        self.assertEqual((self.invitation.state, self.user.login_date, self.user.active), ("sent", False, True))
        self.choose_password(self.get(self.link))
        self.assertEqual(self.invitation.state, "accepted")

    def test_it_works_with_and_without_free_sign_up(self):
        for number, policy in enumerate(("b2c", "b2b")):
            with self.subTest(policy=policy):
                self.website.auth_signup_uninvited = policy
                sale, _invitation = self.invite(email=f"nora{number}@example.com")
                self.authenticate(None, None)
                self.choose_password(self.get(self.send_link(f"nora{number}@example.com")))
                self.assertEqual(urlsplit(self.response.url).path, f"/my/orders/{sale.id}")

    def test_a_refused_password_says_why_and_leaves_the_link_working(self):
        reason = "Your password must contain a digit."

        def refuse(users):
            raise UserError(reason)

        page = self.get(self.link)
        with patch.object(self.registry["res.users"], "_set_password", refuse):
            page = self.choose_password(page)
        (alert,) = page.xpath("//main//*[@role='alert']")
        self.assertIn("must contain a digit", alert.text_content())
        # Addons like password_security (OCA) set a minimum length, which the page displays.
        rules = page.xpath("//*[@id='portal_invitation_rules']/@id")
        [described_by] = page.xpath("//input[@name='password']/@aria-describedby")
        self.assertEqual(described_by.split(), [*rules, alert.get("id")])
        self.assertEqual(page.xpath("//input[@name='password']/@aria-invalid"), ["true"])
        self.assertEqual(self.invitation.state, "sent")
        self.choose_password(page)
        self.assertEqual(self.invitation.state, "accepted")

    def test_a_mistyped_or_empty_password_says_why_and_leaves_the_link_working(self):
        page = self.get(self.link)
        for password, confirmation, reason in (
            (PASSWORD, "another", "do not match"),
            ("   ", "   ", "Enter a password"),
            ("", "", "Enter a password"),
        ):
            page = self.submit(page, password=password, confirm_password=confirmation)
            self.assertIn(reason, page.xpath("//main//*[@role='alert']")[0].text_content())
        self.choose_password(page)
        self.assertEqual(self.invitation.state, "accepted")

    def test_the_first_password_sends_no_alert_and_a_later_one_does(self):
        page = self.get(self.link)
        with self.mock_mail_gateway():
            self.choose_password(page)
        self.assertEqual(self.invitation.state, "accepted")
        self.assertFalse(self._mails)
        with self.mock_mail_gateway():
            self.user.with_user(self.user).change_password(PASSWORD, "another password")
        self.assertIn("Password Changed", self._mails[0]["subject"])

    def test_clients_can_not_disable_the_alert(self):
        self.choose_password(self.get(self.link))
        for value in (True, 1, "NO_ALERT", "<object object>", {}):
            with self.mock_mail_gateway():
                self.user.with_user(self.user).with_context(portal_account_alert=str(value)).change_password(
                    PASSWORD, PASSWORD
                )
            self.assertEqual(len(self._mails), 1)

    @mute_logger("odoo.http")
    def test_a_request_without_the_csrf_token_changes_nothing(self):
        self.get(self.link)
        response = self.url_open(
            f"/my/invitation/{self.invitation.id}", data={"password": PASSWORD, "confirm_password": PASSWORD}
        )
        self.assertEqual(response.status_code, 400)
        self.env.invalidate_all()
        self.assertEqual(self.invitation.state, "sent")

    def test_another_signed_in_user_is_told_so_before_choosing(self):
        self.log_in_as(new_test_user(self.env, login="other", groups="base.group_portal", name="Otto Other"))
        page = self.get(self.link)
        self.assertIn("You are signed in as Otto Other", self.text(page))
        self.choose_password(page)
        self.assertEqual(self.signed_in_user(), self.user)

    def test_an_order_that_was_deleted_leads_to_my_account(self):
        self.sale._action_cancel()
        self.sale.unlink()
        page = self.get(self.link)
        self.assertIn("see my account", self.text(page))
        self.choose_password(page)
        self.assertEqual(urlsplit(self.response.url).path, "/my")


@tagged("post_install", "-at_install", "once")
class TestUsedLink(InvitationPagesCommon):
    def setUp(self):
        super().setUp()
        self.choose_password(self.get(self.link))
        self.assertEqual(self.invitation.state, "accepted")

    def test_the_owner_who_is_logged_in_sees_the_order(self):
        self.get(self.link)
        self.assertEqual(urlsplit(self.response.url).path, f"/my/orders/{self.sale.id}")

    def test_visitors_get_the_sign_in_page_with_address_and_destination(self):
        self.authenticate(None, None)
        page = self.get(self.link)
        self.assertEqual(urlsplit(self.response.url).path, "/web/login")
        self.assertEqual(page.xpath("//input[@name='login']/@value"), ["nora@example.com"])
        self.assertEqual(page.xpath("//input[@name='redirect']/@value"), [f"/my/orders/{self.sale.id}"])
        self.assertIn("chosen a password already", page.xpath("//*[@role='status']")[0].text_content())

    def test_another_signed_in_user_is_told_so_and_can_switch_accounts(self):
        self.log_in_as(new_test_user(self.env, login="other", groups="base.group_portal", name="Otto Other"))
        page = self.get(self.link)
        self.assertIn("You are signed in as Otto Other", self.text(page))
        (way_out,) = page.xpath("//main//a[contains(@href, '/web/session/logout')]/@href")
        page = self.get(way_out)
        self.assertEqual(urlsplit(self.response.url).path, "/web/login")
        self.assertEqual(parse_qs(urlsplit(self.response.url).query)["redirect"], [f"/my/orders/{self.sale.id}"])
        self.assertEqual(page.xpath("//input[@name='login']/@value"), ["nora@example.com"])

    def test_the_password_can_not_be_chosen_a_second_time(self):
        self.authenticate(None, None)
        self.get(self.link)
        self.post_password("another")
        self.authenticate("nora@example.com", PASSWORD)

    def test_a_password_set_in_another_way_also_uses_up_the_link(self):
        sale, invitation = self.invite(email="otto@example.com")
        link = self.send_link("otto@example.com")
        invitation.user_id.password = "by the administrator"
        self.authenticate(None, None)
        self.get(link)
        self.assertEqual(urlsplit(self.response.url).path, "/web/login")


@tagged("post_install", "-at_install", "once")
class TestExpiredLink(InvitationPagesCommon):
    def setUp(self):
        super().setUp()
        self.expire(self.invitation)
        self.invitation.last_sent_date = self.invitation.expiry_date

    def test_an_expired_link_offers_a_new_one_with_one_click(self):
        self.invitation.last_sent_date = self.invitation.last_sent_date.replace(year=2020)
        page = self.get(self.link)
        self.assertEqual(self.heading(page), "This link has expired")
        page = self.submit(page)
        self.assertEqual(self.heading(page), "A new link is on its way")
        self.assertIn("nora@example.com", self.text(page))
        new_link = self.send_link()
        self.assertNotEqual(new_link, self.link)
        self.choose_password(self.get(new_link))
        self.assertEqual(self.invitation.state, "accepted")

    def test_an_expired_link_offers_a_new_one_even_if_the_order_was_cancelled(self):
        self.invitation.last_sent_date = self.invitation.last_sent_date.replace(year=2020)
        self.sale._action_cancel()
        self.assertEqual(self.heading(self.submit(self.get(self.link))), "A new link is on its way")
        body = self.send()["nora@example.com"]
        self.assertNotIn(self.sale.name, body)
        self.assertNotIn("Thank you for your order", body)
        self.choose_password(self.get(self.links_in(body)[0]))
        self.assertEqual(self.invitation.state, "accepted")
        self.assertEqual(urlsplit(self.response.url).path, "/my")

    def request_new_link(self):
        """Request a new link, and have its mail put into Odoo's queue."""
        self.invitation.last_sent_date = self.invitation.last_sent_date.replace(year=2020)
        self.submit(self.get(self.link))
        self.env["sale.portal.invitation"]._search_due(10)._queue()
        self.env.flush_all()
        self.assertEqual(self.invitation.state, "queued")
        return self.links_in(self.invitation.mail_id.body_html)[0]

    def assert_expired(self):
        self.assertEqual(self.heading(self.get(self.link)), "This link has expired")
        self.post_password(PASSWORD)
        self.assertFalse(self.invitation._is_account_in_use())

    def test_a_new_link_that_is_on_its_way_does_not_open_the_expired_one_again(self):
        new_link = self.request_new_link()
        self.assert_expired()
        self.assertFalse(self.invitation._get_link_state() == "open")
        # The mail server may have accepted the mail already.
        self.choose_password(self.get(new_link))
        self.assertEqual(self.invitation.state, "accepted")

    def test_a_new_link_that_could_not_be_sent_does_not_open_the_expired_one_again(self):
        self.request_new_link()
        expiry_date = self.invitation.expiry_date
        for reason, state in (("450 try later", "to_send"), ("550 no such mailbox", "failed")):
            with self.subTest(reason):
                if state == "failed":
                    self.invitation._queue()
                    self.invitation.attempts = 5
                refused = {"state": "exception", "failure_reason": reason, "failure_type": "mail_smtp"}
                self.invitation.mail_id.write(refused)
                self.invitation._settle()
                self.assertEqual(self.invitation.state, state)
                self.assert_expired()
                self.assertEqual(self.invitation.expiry_date, expiry_date)

    def test_the_first_link_works_before_the_outcome_of_its_mail_is_known(self):
        sale, invitation = self.invite(email="otto@example.com")
        invitation._queue()
        self.assertFalse(invitation.expiry_date)
        self.env.flush_all()
        self.authenticate(None, None)
        self.choose_password(self.get(self.links_in(invitation.mail_id.body_html)[0]))
        self.assertEqual(invitation.state, "accepted")
        self.assertEqual(urlsplit(self.response.url).path, f"/my/orders/{sale.id}")

    def test_a_password_can_not_be_chosen_with_an_expired_link(self):
        self.get(self.link)
        self.post_password(PASSWORD)
        self.assertEqual(self.invitation.state, "sent")

    def test_new_links_can_not_be_requested_too_often(self):
        page = self.get(self.link)
        self.assertIsNone(self.form(page))
        self.assertIn("a short time ago", self.text(page))
        self.invitation.last_sent_date = self.invitation.last_sent_date.replace(year=2020)
        page = self.get(self.link)
        self.invitation.last_sent_date = self.invitation.expiry_date
        page = self.submit(page)
        self.assertEqual(self.invitation.state, "sent", "nothing was requested")
        self.assertEqual(self.heading(page), "This link has expired")
        self.assertIn("a short time ago", self.text(page))

    def test_the_page_offers_the_button_again_while_another_transaction_works_on_the_invitation(self):
        self.invitation.last_sent_date = self.invitation.last_sent_date.replace(year=2020)
        page = self.get(self.link)
        locked = self.registry["sale.portal.invitation"]
        self.patch(locked, "try_lock_for_update", lambda records, **kwargs: records.browse())
        page = self.submit(page)
        self.assertEqual(self.heading(page), "This link has expired")
        self.assertIsNotNone(self.form(page))

    def test_the_validity_of_password_resets_does_not_shorten_the_link_s(self):
        self.invitation.expiry_date = self.invitation.expiry_date.replace(year=2100)
        with self.mock_mail_gateway():
            self.env["res.users"].reset_password("nora@example.com")
        self.assertEqual(self.heading(self.get(self.link)), "Choose your password")


@tagged("post_install", "-at_install", "once")
class TestVoidLink(InvitationPagesCommon):
    def assert_void(self, link):
        self.authenticate(None, None)
        page = self.get(link)
        self.assertEqual(self.heading(page), "This link is not valid")
        self.assertIsNone(self.form(page))
        for secret in ("nora", self.sale.name, self.invitation.user_id.login):
            self.assertNotIn(secret, self.text(page))

    def test_a_corrected_address_voids_the_link(self):
        self.sale.partner_id.email = "correct@example.com"
        self.assert_void(self.link)
        self.assert_void(self.decline_link)
        self.sale.action_resend_portal_invitation()
        new_link = self.send_link("correct@example.com")
        self.assert_void(self.link)
        self.assert_void(self.decline_link)
        self.assertEqual(self.heading(self.get(new_link)), "Choose your password")

    def test_a_changed_login_voids_the_link(self):
        self.user.login = "other@example.com"
        self.assert_void(self.link)

    def test_an_archived_account_voids_the_link_permanently(self):
        self.user.action_archive()
        self.assert_void(self.link)
        self.user.action_unarchive()
        self.assert_void(self.link)

    def test_a_deleted_account_voids_the_link(self):
        self.user.unlink()
        page = self.get(self.link)
        self.assertEqual(self.heading(page), "This link is not valid")

    def test_another_invitation_voids_the_link_once_it_is_sent(self):
        self.invitation._request_again()
        self.assertEqual(self.heading(self.get(self.link)), "Choose your password", "until then it works")
        new_link = self.send_link()
        self.assert_void(self.link)
        self.assertEqual(self.heading(self.get(new_link)), "Choose your password")

    def test_the_link_works_as_soon_as_it_is_sent(self):
        self.invitation._request_again()
        with self.mock_mail_gateway(mail_unlink_sent=False):
            self.invitation._queue()
            self.invitation.mail_id.send()  # by Odoo's queue, without settling the invitation
        link = self.links_in(self._mails[-1]["body"])[0]
        self.assertEqual(self.invitation.state, "queued")
        self.assertEqual(self.heading(self.get(link)), "Choose your password")

    def test_several_addresses_void_the_link_even_if_the_former_one_is_among_them(self):
        for email in ("nora@example.com, new@example.com", "new@example.com, nora@example.com"):
            self.sale.partner_id.email = email
            self.assert_void(self.link)
            self.assert_void(self.decline_link)

    def test_a_link_from_before_the_customer_declined_stays_void_if_another_one_is_sent(self):
        self.invitation._decline()
        self.days_pass(self.invitation, 2)
        self.sale.action_resend_portal_invitation()
        self.assert_void(self.link)
        new_link = self.send_link()
        self.assert_void(self.link)
        self.assertEqual(self.heading(self.get(new_link)), "Choose your password")

    def test_malformed_links_are_void(self):
        path = self.link.rsplit("/", 1)[0]
        for signature in ("x", "0" * 64, "é", "a" * 5000):
            self.assert_void(f"{path}/{signature}")
        self.assert_void(f"{self.link[:-1]}?self=1")
        self.assert_void(f"/my/invitation/{self.invitation.id}?self=1")
        self.assert_void(f"/my/invitation/999999999/{self.link.rsplit('/', 1)[1]}")
        self.assert_void("/my/invitation/999999999999999999999/x")

    def test_the_link_of_one_does_not_open_the_account_of_another(self):
        _order, other = self.invite(email="otto@example.com")
        self.send()
        self.assert_void(f"/my/invitation/{other.id}/{self.link.rsplit('/', 1)[1]}")
        self.get(self.link)
        page = self.get(f"/my/invitation/{other.id}")
        self.assertEqual(self.heading(page), "This link is not valid")

    def test_the_link_to_decline_can_not_choose_a_password(self):
        signature = self.decline_link.split("/")[-2]
        self.assert_void(f"/my/invitation/{self.invitation.id}/{signature}")


@tagged("post_install", "-at_install", "once")
class TestDecline(InvitationPagesCommon):
    def test_declining_takes_one_button(self):
        page = self.submit(self.get(self.decline_link))
        self.assertEqual(self.heading(page), "Account declined")
        self.assertEqual((self.invitation.state, self.user.active), ("declined", False))
        self.assertTrue(self.invitation.declined_date)
        self.assertEqual(self.sale.portal_account_state, "declined")
        self.assertIn("does not want a portal account", self.notes_of(self.sale)[0])

    def test_both_links_display_that_the_account_was_declined(self):
        self.submit(self.get(self.decline_link))
        for link in (self.link, self.decline_link):
            self.assertEqual(self.heading(self.get(link)), "Account declined")

    def test_an_account_in_use_is_not_archived_by_the_link(self):
        self.choose_password(self.get(self.link))
        self.authenticate(None, None)
        page = self.get(self.decline_link)
        self.assertEqual(self.heading(page), "This account is in use")
        self.assertIsNone(self.form(page))

    def test_the_first_mail_s_link_works_after_the_reminder(self):
        self.invitation._request_again(is_reminder=True)
        self.send()
        self.submit(self.get(self.decline_link))
        self.assertEqual(self.invitation.state, "declined")

    def test_a_later_order_of_the_address_invites_nobody_and_says_so_to_staff(self):
        self.submit(self.get(self.decline_link))
        same_contact = self.order(self.sale.partner_id)
        other_contact = self.order(self.customer(name="Nora", email="NORA@example.com"))
        (same_contact + other_contact).action_confirm()
        self.assertFalse(self.send())
        self.assertEqual(same_contact.portal_account_state, "declined")
        self.assert_no_account(other_contact, "declined")
        self.assertIn("does not want an account", self.notes_of(other_contact)[0])

    def test_employees_can_manually_invite_a_customer_who_declined(self):
        self.submit(self.get(self.decline_link))
        order = self.order(self.customer(name="Nora", email="nora@example.com"), user_id=self.salesman.id)
        order.action_confirm()
        order.with_user(self.salesman).action_create_portal_account()
        self.assertEqual(self.assert_account(order).login, "nora@example.com")
        self.choose_password(self.get(self.send_link()))
        self.assertEqual(self.signed_in_user(), self.users_of(order.partner_id))
        again = self.order(self.customer(name="Nora", email="nora@example.com"))
        again.action_confirm()
        self.assert_no_account(again, "login_taken")

    def decline_on_another_website(self):
        """Return the orders of one address on two websites with specific accounts, the first of which was declined."""
        websites = self.website | self.env["website"].create({"name": "Other", "company_id": self.company.id})
        websites.specific_user_account = True
        here, there = (
            self.order(self.customer(email="otto@example.com"), website_id=website.id) for website in websites
        )
        here.action_confirm()
        self.invitation_of(here)._decline()
        return here, there

    def test_a_customer_who_declined_on_one_website_is_invited_on_another(self):
        _here, there = self.decline_on_another_website()
        again = self.order(self.customer(email="otto@example.com"), website_id=self.website.id)
        (there + again).action_confirm()
        self.assert_account(there)
        self.assert_no_account(again, "declined")

    def test_the_account_of_another_website_keeps_the_login_that_its_owner_declined(self):
        here, there = self.decline_on_another_website()
        with patch.object(self.registry["sale.order"], "_create_portal_accounts_on_confirmation"):
            there.action_confirm()
        there.action_create_portal_account()
        self.assert_account(there)
        self.assertEqual(self.users_of(here.partner_id).login, "otto@example.com")

    def test_a_declined_login_that_another_user_has_as_well_is_taken(self):
        self.submit(self.get(self.decline_link))
        self.user.login = "__old"
        new_test_user(self.env, login="nora@example.com", groups="base.group_user")
        self.env.cr.execute("UPDATE res_users SET login = 'nora@example.com' WHERE id = %s", [self.user.id])
        self.env.invalidate_all()
        order = self.order(self.customer(name="Nora"))
        order.action_confirm()
        self.assert_no_account(order, "login_taken")

    def test_a_declined_login_is_only_released_for_another_account(self):
        self.submit(self.get(self.decline_link))
        firm = self.customer(name="Firm", email=False, is_company=True)
        colleague = self.customer(name="Colleague", email="colleague@example.com", parent_id=firm.id)
        self.order(colleague).action_confirm()
        order = self.order(self.customer(name="Nora", parent_id=firm.id), user_id=self.salesman.id)
        order.action_confirm()
        order.with_user(self.salesman).action_create_portal_account()
        self.assert_no_account(order, "company_documents")
        self.assertEqual(self.user.login, "nora@example.com")
        later = self.order(self.customer(name="Nora"))
        later.action_confirm()
        self.assert_no_account(later, "declined")

    def test_the_sample_links_of_a_preview_lead_to_an_explanation(self):
        for path in ("/my/invitation/sample", "/my/invitation/sample/decline"):
            self.assertEqual(self.heading(self.get(path)), "This is a sample link")
