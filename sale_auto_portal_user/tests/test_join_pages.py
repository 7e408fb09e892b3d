"""The pages on which guest orders join an account, over real HTTP: their content and their protection."""

from datetime import timedelta
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

from lxml import html

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.http import root
from odoo.tests import tagged

from ..models.portal_join_mail import get_link_token
from .common import PortalAccountHttpCommon
from .join_common import GuestOrderCommon

PASSWORD = "correct horse battery"


class GuestPagesCommon(GuestOrderCommon, PortalAccountHttpCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner.password = PASSWORD
        cls.stranger = cls.portal_user(cls.customer(name="Stranger", email="stranger@example.com"), password=PASSWORD)
        cls.stranger._prove_portal_mailbox()

    def browse_as(self, user=None, order=None):
        """Start a browser session in which a guest order was placed or a user has signed in."""
        session = self.authenticate(user and user.login, user and user.login) if not user else None
        if user:
            session = self.authenticate(user.login, PASSWORD)
        if order:
            session["sale_last_order_id"] = order.id
            root.session_store.save(session)
        return session

    def page(self, path, **data):
        response = self.url_open(path, data=data or None)
        self.assertEqual(response.status_code, 200)
        self.last_response = response
        return html.fromstring(response.content)

    def text(self, page, element_id):
        found = page.xpath(f"//*[@id='{element_id}']")
        return " ".join(found[0].text_content().split()) if found else None

    def csrf(self, page):
        return page.xpath("//form//input[@name='csrf_token']")[0].get("value")

    def sign_in(self, user, redirect, password=PASSWORD):
        """Sign in on the page that a link leads to."""
        page = self.page(f"/web/login?redirect={redirect}")
        form = next(form for form in page.forms if "oe_login_form" in form.get("class", ""))
        return self.page("/web/login", **dict(form.fields, login=user.login, password=password))

    def submit(self, guests, **data):
        """Submit the current form of the page with these contacts selected."""
        page = self.page("/my/guest-orders")
        shown = page.xpath("//input[@name='shown']/@value")
        values = {"csrf_token": self.csrf(page), "guest": [str(guest.id) for guest in guests], "shown": shown, **data}
        response = self.url_open("/my/guest-orders", data=values)
        self.env.invalidate_all()
        return response

    def link(self, join):
        return f"/my/guest-orders/link/{get_link_token(join)}"


@tagged("post_install", "-at_install", "once")
class TestConfirmationPageOfGuests(GuestPagesCommon):
    def confirmation(self, order):
        self.browse_as(order=order)
        return self.page("/shop/confirmation")

    def test_every_guest_without_a_new_account_sees_the_same_text(self):
        self.salesman.login = "sally@example.com"
        orders = {
            "an address with an account": self.guest_order(),
            "an address with an account of staff": self.guest_order(self.guest(email="sally@example.com")),
            "an address of an archived account": self.guest_order(self.guest(email="gone@example.com"), confirm=False),
            "no valid address": self.guest_order(self.guest(email="not an address")),
            "a company": self.guest_order(self.guest(is_company=True)),
        }
        self.portal_user(self.customer(email="gone@example.com")).active = False
        orders["an address of an archived account"].action_confirm()
        messages, links = set(), set()
        for name, order in orders.items():
            with self.subTest(name):
                order.is_user_created = False
                page = self.confirmation(order)
                messages.add(self.text(page, "portal_join"))
                links.add(page.xpath("//*[@id='portal_join']//a")[0].get("href"))
                self.assertIsNone(self.text(page, "portal_account_created"))
        self.assertEqual(len(messages), 1, messages)
        self.assertEqual(len(links), 1, links)
        self.assertIn("Sign in to add this order to it", messages.pop())

    def test_pages_for_an_address_with_and_without_an_account_do_not_differ(self):
        """Compare the pages byte by byte, except for the order's own number, links and address."""
        bodies = []
        for email in ("nora@example.com", "oona@example.com"):
            order = self.guest_order(self.guest(email=email), confirm=False)
            order.state = "sent"
            self.confirmation(order)
            body = self.last_response.text
            for own in (order.name, email, f'"{order.id}"', f"={order.id}", order.access_token or "-"):
                body = body.replace(own, "X")
            bodies.append([line for line in body.splitlines() if "csrf" not in line and "token" not in line])
        self.assertEqual(len(bodies[0]), len(bodies[1]))
        differences = [pair for pair in zip(*bodies, strict=True) if pair[0] != pair[1]]
        for first, second in differences:
            for word in ("portal_join", "account", "Sign"):
                self.assertEqual(first.count(word), second.count(word))

    def test_an_order_that_created_an_account_says_so_instead(self):
        page = self.confirmation(self.guest_order(self.guest(email="new@example.com")))
        self.assertIsNone(self.text(page, "portal_join"))
        self.assertIsNotNone(self.text(page, "portal_account_created"))

    def test_signed_in_users_see_no_offer(self):
        self.browse_as(self.owner, self.guest_order(self.owner.partner_id))
        self.assertIsNone(self.text(self.page("/shop/confirmation"), "portal_join"))

    def test_the_page_does_not_reveal_accounts_if_the_feature_is_disabled(self):
        self.company.auto_portal_user = False
        self.website.auth_signup_uninvited = "b2c"
        pages = []
        for email in ("nora@example.com", "oona@example.com"):
            order = self.guest_order(self.guest(email=email))
            self.env["sale.portal.join"]._search_due(100)._queue()
            page = self.confirmation(order)
            links = page.xpath("//*[@id='wrap']//a[contains(@href, '/web/signup') or contains(@href, 'token=')]")
            pages.append((self.text(page, "portal_join"), len(links)))
        self.assertEqual(pages[0], pages[1])
        self.assertIsNotNone(pages[0][0])

    def test_there_is_no_offer_if_joining_is_disabled(self):
        self.company.auto_portal_user_join = False
        self.assertIsNone(self.text(self.confirmation(self.guest_order()), "portal_join"))

    def test_signing_in_from_there_joins_the_order_and_leads_to_it(self):
        order = self.guest_order()
        page = self.confirmation(order)
        link = page.xpath("//*[@id='portal_join']//a")[0].get("href")
        page = self.sign_in(self.owner, parse_qs(urlsplit(link).query)["redirect"][0])
        self.assertTrue(self.last_response.url.endswith(f"/my/orders/{order.id}"), self.last_response.url)
        self.assertIn("added to your account", self.text(page, "portal_joined"))
        self.assert_joined(order, "session")

    def test_another_account_reads_that_the_order_has_another_address(self):
        order = self.guest_order()
        self.confirmation(order)
        page = self.sign_in(self.stranger, "/my/guest-orders/session")
        self.assertIn("The order was not added", self.text(page, "portal_join_outcome"))
        self.assertNotIn("nora", page.text_content().lower())
        self.assert_not_joined(order)

    def test_an_account_whose_mailbox_was_never_proved_is_asked_to_open_the_link(self):
        self.owner.portal_mailbox = False
        order = self.guest_order()
        self.confirmation(order)
        page = self.sign_in(self.owner, "/my/guest-orders/session")
        self.assertIn("open the link in the message", self.text(page, "portal_join_outcome"))
        self.assert_not_joined(order)
        join = self.joins_of(order)
        self.assertEqual(join.state, "to_send")
        page = self.page("/my/guest-orders/send", csrf_token=self.csrf(page))
        self.assertIn("a message is on its way", self.text(page, "portal_join_outcome"))

    def test_an_owner_in_a_company_is_informed_before_joining(self):
        self.owner.partner_id.parent_id = self.customer(name="Owner's Firm", email=False, is_company=True)
        order = self.guest_order()
        self.confirmation(order)
        page = self.sign_in(self.owner, "/my/guest-orders/session")
        self.assert_not_joined(order)
        self.assertIn("Owner's Firm", self.text(page, "portal_join_company"))
        response = self.submit(order.partner_id)
        self.assertTrue(response.url.endswith(f"/my/orders/{order.id}"), response.url)
        self.assert_joined(order, "session")

    def test_another_session_joins_nothing_by_signing_in(self):
        order = self.guest_order()
        self.browse_as()
        page = self.sign_in(self.owner, "/my/guest-orders/session")
        self.assertNotIn(order.name, page.text_content())
        self.assert_not_joined(order)

    def test_signing_in_for_something_else_joins_nothing_and_offers_it(self):
        order = self.guest_order()
        self.confirmation(order)
        self.sign_in(self.owner, "/my")
        self.assert_not_joined(order)
        self.assertIn(order.name, self.page("/my/guest-orders").text_content())

    def test_opening_the_destination_alone_joins_nothing(self):
        order = self.guest_order()
        self.browse_as(self.owner, order)
        self.page("/my/guest-orders/session")
        self.assert_not_joined(order)

    def test_guests_see_nothing_of_the_owner_after_a_merge(self):
        for case in ("active", "never signed in", "archived"):
            with self.subTest(case):
                email = f"{case.replace(' ', '-')}@example.com"
                owner = self.portal_user(self.customer(name="Olga Own", email=email, street="3 Secret Road"))
                if case == "active":
                    self.log_in(owner)
                owner.active = case != "archived"
                order = self.guest_order(self.guest(email=email))
                url = order.get_portal_url()
                self.merge(owner.partner_id, order.partner_id)
                self.assertEqual(order.partner_id, owner.partner_id)
                for path in (url, "/shop/confirmation", "/shop/print"):
                    self.browse_as(order=order)
                    response = self.url_open(path)
                    self.assertNotIn("Secret Road", response.text, path)
                    self.assertNotIn("Olga Own", response.text, path)

    def test_guests_are_redirected_to_sign_in_once_the_order_has_joined(self):
        order = self.join().order_id
        for path in ("/shop/confirmation", "/shop/print"):
            self.browse_as(order=order)
            self.assertIn("/web/login", self.url_open(path).url)


@tagged("post_install", "-at_install", "once")
class TestGuestOrdersPage(GuestPagesCommon):
    def test_the_link_alone_leads_to_the_log_in_and_then_to_the_page(self):
        join = self.waiting()
        self.browse_as()
        page = self.page(self.link(join))
        self.assertIn("/web/login", self.last_response.url)
        self.assertNotIn(get_link_token(join), self.last_response.url)
        self.assertEqual(page.xpath("//input[@name='login']")[0].get("value"), "nora@example.com")
        self.assert_not_joined(join.order_id)
        page = self.sign_in(self.owner, "/my/guest-orders")
        self.assertIn(join.order_id.name, page.text_content())
        self.assert_not_joined(join.order_id)

    def test_the_page_lists_number_date_and_amount_and_a_post_joins_what_is_ticked(self):
        earlier, unticked = self.guest_order(), self.guest_order()
        join = self.waiting()
        self.browse_as(self.owner)
        page = self.page(self.link(join))
        for order in (earlier, join.order_id):
            self.assertIn(order.name, page.text_content())
        self.assertIn("100.00", page.text_content())
        self.assertEqual(len(page.xpath("//input[@name='guest'][@checked]")), 3)
        response = self.submit(join.partner_id | earlier.partner_id)
        self.assertTrue(response.url.endswith(f"/my/orders/{join.order_id.id}"), response.url)
        self.assert_joined(join.order_id, "mailbox")
        self.assert_joined(earlier, "mailbox")
        self.assert_not_joined(unticked)

    def test_opening_links_and_pages_changes_nothing(self):
        join = self.waiting()
        self.browse_as(self.owner)
        before = join.read(), self.owner.read(["portal_mailbox_date"])
        for path in (self.link(join), "/my/guest-orders", "/my/guest-orders/session", "/my/guest-orders?decline=1"):
            self.url_open(path)
        self.url_open(self.link(join), method="HEAD")
        self.env.invalidate_all()
        self.assertEqual((join.read(), self.owner.read(["portal_mailbox_date"])), before)
        self.assert_not_joined(join.order_id)

    def test_a_request_without_the_csrf_token_joins_nothing(self):
        join = self.waiting()
        self.browse_as(self.owner)
        self.page(self.link(join))
        with self.assertLogs("odoo.http", "WARNING"):
            response = self.url_open("/my/guest-orders", data={"guest": join.partner_id.id})
        self.assertEqual(response.status_code, 400)
        self.assert_not_joined(join.order_id)

    def test_a_forwarded_link_is_useless_to_another_account(self):
        join = self.waiting()
        self.browse_as(self.stranger)
        token = self.csrf(self.page("/my/guest-orders?outcome=void"))
        page = self.page(self.link(join))
        self.assertIn("sent to somebody else", self.text(page, "portal_join_outcome"))
        self.assertNotIn(join.order_id.name, page.text_content())
        self.url_open("/my/guest-orders", data={"csrf_token": token, "guest": join.partner_id.id})
        self.assert_not_joined(join.order_id)

    def test_switching_accounts_leads_back_to_the_link(self):
        join = self.waiting()
        self.browse_as(self.stranger)
        page = self.page(self.link(join))
        page = self.page(page.xpath("//*[@id='portal_join_outcome']//a")[0].get("href"))
        self.assertEqual(page.xpath("//input[@name='login']/@value"), ["nora@example.com"])
        page = self.sign_in(self.owner, page.xpath("//input[@name='redirect']/@value")[0])
        self.assertIn(join.order_id.name, page.text_content())

    def test_a_parameter_named_like_an_argument_is_ignored(self):
        self.browse_as(self.owner)
        for path in ("/my/guest-orders", "/my/guest-orders/invitation"):
            self.page(f"{path}?self=1")

    def test_a_link_that_was_used_leads_its_owner_to_the_order(self):
        join = self.join()
        self.browse_as(self.owner)
        self.page(self.link(join))
        self.assertTrue(self.last_response.url.endswith(f"/my/orders/{join.order_id.id}"), self.last_response.url)
        self.browse_as(self.stranger)
        page = self.page(self.link(join))
        self.assertIn("sent to somebody else", self.text(page, "portal_join_outcome"))

    def test_a_link_that_was_used_shows_what_else_can_be_added(self):
        earlier = self.guest_order()
        join = self.join()
        self.browse_as(self.owner)
        page = self.page(self.link(join))
        self.assertIn(earlier.name, page.text_content())
        self.assertNotIn(join.order_id.name, page.text_content())

    def test_offers_are_searched_once_per_proof_and_once_more_when_joining(self):
        join = self.waiting()
        self.browse_as(self.owner)
        token = self.csrf(self.page(self.link(join)))
        calls = []
        search = self.registry["sale.portal.join"]._get_portal_join_offers

        def count(joins, user, join=None):
            calls.append(bool(join))
            return search(joins, user, join)

        with patch.object(self.registry["sale.portal.join"], "_get_portal_join_offers", count):
            data = {"csrf_token": token, "guest": join.partner_id.id}
            self.url_open("/my/guest-orders", data=data, allow_redirects=False)
        self.assert_joined(join.order_id)
        self.assertEqual(calls, [False, True, True])

    def test_an_expired_link_says_so_and_offers_a_new_message(self):
        self.waiting()
        self.browse_as(self.owner)
        page = self.page("/my/guest-orders/link/AAAA")
        self.assertIn("no longer works", self.text(page, "portal_join_outcome"))
        self.assertTrue(page.xpath("//form[@action='/my/guest-orders/send']"))

    def test_asking_for_the_message_says_the_same_whether_there_is_one_or_not(self):
        answers = set()
        self.waiting()
        for user in (self.owner, self.stranger):
            self.browse_as(user)
            token = self.csrf(self.page("/my/guest-orders?outcome=void"))
            page = self.page("/my/guest-orders/send", csrf_token=token)
            answers.add(self.text(page, "portal_join_outcome").replace(user.login, ""))
        self.assertEqual(len(answers), 1)

    def test_posted_ids_that_were_not_offered_do_not_join(self):
        self.portal_user(self.customer(email="other@example.com"))
        foreign = self.guest_order(self.guest(email="other@example.com"))
        join = self.waiting()
        self.browse_as(self.owner)
        self.page(self.link(join))
        for ticked in (foreign.partner_id.id, self.stranger.partner_id.id, "x", "-1", "9" * 12, "²"):
            self.submit([], guest=ticked)
        self.assert_not_joined(foreign)
        self.assert_not_joined(join.order_id)

    def test_two_tabs_join_once_and_both_end_on_the_order(self):
        join = self.waiting()
        self.browse_as(self.owner)
        token = self.csrf(self.page(self.link(join)))
        for _tab in range(2):
            response = self.url_open("/my/guest-orders", data={"csrf_token": token, "guest": join.partner_id.id})
            self.assertTrue(response.url.endswith(f"/my/orders/{join.order_id.id}"), response.url)
        self.env.invalidate_all()
        self.assertEqual(self.joins_of(join.order_id).mapped("join_state"), ["joined"])

    def test_my_account_offers_guest_orders_until_it_is_done_or_declined(self):
        first, second = self.guest_order(), self.guest_order()
        self.owner._prove_portal_mailbox()
        self.browse_as(self.owner)
        self.assertIn("without signing in", self.text(self.page("/my"), "portal_join_offer"))
        self.submit(first.partner_id)
        self.assert_joined(first)
        self.assertIsNotNone(self.text(self.page("/my"), "portal_join_offer"))
        self.assertIsNotNone(self.text(self.page(f"/my/orders/{first.id}"), "portal_join_offer"))
        self.submit([], decline="1")
        self.assertIsNone(self.text(self.page("/my"), "portal_join_offer"))
        self.assert_not_joined(second)

    def test_declining_declines_all_that_the_page_shows(self):
        linked = self.waiting().order_id
        proved, placed = self.guest_order(), self.guest_order()
        proved.date_order = linked.date_order + timedelta(minutes=1)
        self.owner.portal_mailbox_date = proved.date_order
        placed.date_order = linked.date_order + timedelta(minutes=2)
        self.browse_as(self.owner, placed)
        text = self.page(self.link(self.joins_of(linked))).text_content()
        for order in (linked, proved, placed):
            self.assertIn(order.name, text)
        self.submit([], decline="1")
        text = self.page("/my/guest-orders").text_content()
        for order in (linked, proved, placed):
            self.assertNotIn(order.name, text)
            self.assertEqual(order.portal_join_state, "declined")

    def test_what_the_page_did_not_show_is_not_declined(self):
        shown = self.guest_order()
        self.owner._prove_portal_mailbox()
        self.browse_as(self.owner)
        token = self.csrf(self.page("/my/guest-orders"))
        later = self.guest_order()
        self.owner.portal_mailbox_date = later.date_order
        data = {"csrf_token": token, "shown": shown.partner_id.id, "decline": "1"}
        self.url_open("/my/guest-orders", data=data)
        self.env.invalidate_all()
        self.assertEqual(shown.portal_join_state, "declined")
        self.assertIn(later.name, self.page("/my/guest-orders").text_content())

    def test_nothing_joins_that_changed_between_the_page_and_the_click(self):
        """Submit an outdated form after each change."""
        other = self.customer(name="Other", email="other@example.com")
        changes = {
            "the order is cancelled": lambda order: order._action_cancel(),
            "the order is another customer's": lambda order: order.write({"partner_id": other.id}),
            "the contact is merged": lambda order: self.merge(other, order.partner_id),
            "the contact has a user": lambda order: self.portal_user(order.partner_id, login="own@example.com"),
            "the contact has another address": lambda order: order.partner_id.write({"email": "x@example.com"}),
            "the contact belongs to a company": lambda order: order.partner_id.write({"parent_id": other.id}),
            "the contact is a company": lambda order: order.partner_id.write({"is_company": True}),
            "the contact is an employee": lambda order: order.partner_id.write({"employee": True}),
            "the contact is archived": lambda order: order.partner_id.write({"active": False}),
            "staff added an address": lambda order: self.customer(email=False, parent_id=order.partner_id.id),
            "the tax number is another": lambda order: order.partner_id.write({"vat": "BE0477472701"}),
            "the order is deleted": lambda order: (order._action_cancel(), order.unlink()),
            "the contact is deleted": lambda order: (order._action_cancel(), order.unlink(), guest.unlink()),
            "the company switched it off": lambda order: self.company.write({"auto_portal_user_join": False}),
        }
        self.browse_as(self.owner)
        for name, change in changes.items():
            with self.subTest(name):
                join = self.waiting()
                order, guest = join.order_id, join.partner_id
                page = self.page(self.link(join))
                self.assertIn(order.name, page.text_content())
                data = {"csrf_token": self.csrf(page), "guest": guest.id, "shown": guest.id}
                change(order)
                response = self.url_open("/my/guest-orders", data=data)
                self.assertEqual(response.status_code, 200)
                self.env.invalidate_all()
                self.assertFalse((guest | other).exists().portal_join_id)
                self.assertFalse(self.env["sale.portal.join"].search([("join_state", "=", "joined")]))

    def test_an_owner_who_was_changed_between_the_page_and_the_click_gets_nothing(self):
        changes = {
            "another login": {"login": "someone@example.com"},
            "another contact": {"partner_id": self.customer(name="B", email="nora@example.com").id},
            "an employee": {"group_ids": [Command.set(self.env.ref("base.group_user").ids)]},
            "archived": {"active": False},
        }
        before = {
            "login": self.owner.login,
            "partner_id": self.owner.partner_id.id,
            "group_ids": [Command.set(self.owner.group_ids.ids)],
        }
        for name, values in changes.items():
            with self.subTest(name):
                self.owner.write({**before, "password": PASSWORD, "portal_mailbox": False})
                self.browse_as(self.owner)
                join = self.waiting()
                data = {"csrf_token": self.csrf(self.page(self.link(join))), "guest": join.partner_id.id}
                self.owner.write(values)
                self.url_open("/my/guest-orders", data=data, allow_redirects=False)
                self.assert_not_joined(join.order_id)
                self.assertFalse(join.exists().filtered(lambda join: join.join_state == "joined"))

    def test_the_page_says_so_if_some_orders_can_not_join(self):
        linked = self.waiting().order_id
        proved = self.guest_order()
        proved.date_order = linked.date_order + timedelta(minutes=1)
        self.owner.portal_mailbox_date = proved.date_order
        self.browse_as(self.owner)
        self.page(self.link(self.joins_of(linked)))
        joins = self.registry["sale.portal.join"]
        take_along = joins._take_along_records

        def refuse(join, guest, owner):
            if guest == linked.partner_id:
                raise UserError(join.env._("Not today"))
            return take_along(join, guest, owner)

        with patch.object(joins, "_take_along_records", refuse), self.assertLogs(level="WARNING"):
            response = self.submit(linked.partner_id | proved.partner_id)
        self.assertIn("outcome=refused", response.url)
        self.assert_joined(proved)
        self.assert_not_joined(linked)

    def test_orders_that_are_not_offered_can_not_be_declined(self):
        foreign = self.waiting().order_id
        self.browse_as(self.stranger)
        token = self.csrf(self.page("/my/guest-orders?outcome=void"))
        data = {"csrf_token": token, "shown": foreign.partner_id.id, "decline": "1"}
        self.url_open("/my/guest-orders", data=data)
        self.env.invalidate_all()
        self.assertEqual(foreign.portal_join_state, "waiting")

    def test_my_account_offers_nothing_without_a_proof_of_the_mailbox(self):
        order = self.guest_order()
        self.owner.portal_mailbox = False
        self.browse_as(self.owner)
        self.assertIsNone(self.text(self.page("/my"), "portal_join_offer"))
        page = self.page("/my/guest-orders")
        self.assertNotIn(order.name, page.text_content())
        self.assertIn("no orders to add", page.text_content())

    def test_my_account_does_not_offer_orders_placed_after_the_proof(self):
        order = self.guest_order()
        order.date_order += timedelta(minutes=5)
        self.browse_as(self.owner)
        self.assertNotIn(order.name, self.page("/my/guest-orders").text_content())

    def test_the_joined_order_and_its_invoice_show_under_my(self):
        order = self.join().order_id
        self.browse_as(self.owner)
        self.assertIn(order.name, self.page("/my/orders").text_content())
        self.assertIn(order.name, self.page(f"/my/orders/{order.id}").text_content())

    def test_an_old_link_only_shows_the_order_to_the_owner(self):
        order = self.guest_order()
        url = order.get_portal_url()
        self.browse_as()
        self.assertIn(order.name, self.page(url).text_content())
        self.join(order)
        page = self.page(url)
        self.assertNotIn(order.name, page.text_content())
        self.browse_as(self.owner)
        self.assertIn(order.name, self.page(url).text_content())

    def test_the_address_book_is_as_before(self):
        self.browse_as(self.owner)
        before = self.page("/my/addresses").xpath("//*[@id='wrap']")[0].text_content().split()
        self.join()
        after = self.page("/my/addresses").xpath("//*[@id='wrap']")[0].text_content().split()
        self.assertEqual(after, before)
