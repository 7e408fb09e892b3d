"""Mail about a waiting guest order: recipients, frequency and link."""

from datetime import timedelta

from lxml import etree, html

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import format_date, safe_eval

from ..models import portal_join_offers
from ..models.portal_join_mail import SAMPLE_PATH
from .join_common import GuestOrderCommon, JoinMailCommon

TEMPLATE = "sale_auto_portal_user.mail_template_portal_join"


@tagged("post_install", "-at_install", "once")
class TestJoinMail(JoinMailCommon):
    def test_the_mail_goes_to_the_address_and_links_to_the_order(self):
        order = self.guest_order()
        [mail] = self.send()
        self.assertEqual(mail["email_to"], ["nora@example.com"])
        self.assertIn(order.name, mail["subject"])
        self.assertIn("placed without signing in", mail["subject"])
        self.assertIn(order.website_id.get_base_url(), mail["body"])
        join = self.env["sale.portal.join"]._find_portal_join_by_token(self.link_in(mail))
        self.assertEqual(join.order_id, order)
        self.assertEqual(join.state, "sent")

    def test_an_order_cancelled_and_confirmed_again_does_not_delay_other_mails(self):
        order = self.guest_order()
        self.send()
        order._action_cancel()
        order.action_draft()
        order.action_confirm()
        self.portal_user(self.customer(name="Otto", email="otto@example.com"))
        self.guest_order(self.guest(email="otto@example.com"))
        self.assertEqual([mail["email_to"] for mail in self.send()], [["otto@example.com"]])

    def test_it_is_sent_once(self):
        self.guest_order()
        self.assertEqual(len(self.send()), 1)
        self.assertFalse(self.send())

    def test_a_stranger_who_orders_ten_times_with_an_address_causes_one_mail_a_day(self):
        orders = [self.guest_order() for _number in range(5)]
        for number, order in enumerate(orders):
            order.date_order += timedelta(seconds=number - 10)
        [mail] = self.send()
        self.assertIn(orders[-1].name, mail["subject"], "the latest: its link offers the others")
        join = self.env["sale.portal.join"]._find_portal_join_by_token(self.link_in(mail))
        offered = self.env["sale.portal.join"]._get_portal_join_offers(self.owner, join)
        self.assertEqual(set(offered), {order.partner_id for order in orders})
        self.assertIn("later order", orders[0].portal_join_note)
        for number in range(5):
            orders.append(self.guest_order())
            orders[-1].date_order += timedelta(seconds=number)
        self.assertFalse(self.send())
        self.assertEqual({order.portal_join_state for order in orders}, {"waiting"})
        self.assertIn("The message will be sent on", orders[-1].portal_join_note)
        self.later(hours=23)
        self.assertFalse(self.send())
        self.later(hours=1)
        [mail] = self.send()
        self.assertIn(orders[-1].name, mail["subject"])
        self.later(hours=24)
        self.assertFalse(self.send())

    def test_the_owners_order_is_in_a_mail_though_a_stranger_orders_every_day(self):
        self.guest_order()
        self.send()
        own, strange = self.guest_order(), self.guest_order()
        strange.date_order += timedelta(seconds=5)
        self.assertFalse(self.send())
        self.later(hours=24)
        [mail] = self.send()
        self.assertIn(strange.name, mail["subject"])
        listed = [" ".join(item.text_content().split()) for item in html.fromstring(mail["body"]).iter("li")]
        date = format_date(self.env(context={"lang": self.owner.lang}), own.date_order)
        self.assertIn(f"{own.name} ({date})", listed)
        self.assertFalse([line for line in listed if strange.name in line])
        join = self.env["sale.portal.join"]._find_portal_join_by_token(self.link_in(mail))
        self.assertEqual(join._join_by_mailbox(own.partner_id, self.owner, join), "joined")
        self.assert_joined(own, "mailbox")
        self.assert_not_joined(strange)

    def test_a_mail_about_the_only_order_lists_no_others(self):
        self.guest_order()
        self.guest_order(self.guest(email="other@example.com"))
        self.guest_order(self.owner.partner_id)
        [mail] = [mail for mail in self.send() if mail["email_to"] == ["nora@example.com"]]
        self.assertNotIn("<li", mail["body"])
        self.assertNotIn("Earlier orders", mail["body"])

    def test_orders_beyond_the_limit_of_offers_get_their_own_mail(self):
        self.patch(portal_join_offers, "MAX_OFFERS", 2)
        orders = [self.guest_order() for _number in range(4)]
        for number, order in enumerate(orders):
            order.date_order += timedelta(seconds=number - 10)
        [mail] = self.send()
        self.assertIn(orders[0].name, mail["subject"], "the one that has waited longest")
        bodies = mail["body"]
        for _day in range(3):
            self.later(hours=24)
            bodies += "".join(mail["body"] for mail in self.send())
        for order in orders:
            self.assertIn(order.name, bodies)

    def test_rendering_the_mail_reveals_no_inaccessible_orders(self):
        other = self.env["res.company"].create({"name": "Other"})
        website = self.env["website"].create({"name": "Other", "company_id": other.id})
        self.owner.company_ids += other
        foreign = self.guest_order(self.guest(website=website), website_id=website.id, company_id=other.id)
        join = self.waiting()
        manager = new_test_user(self.env, login="manager", groups="sales_team.group_sale_manager")
        self.assertEqual(join._get_portal_join_other_orders(), foreign)
        self.assertFalse(join.with_user(manager)._get_portal_join_other_orders())

    def test_an_order_after_one_that_has_joined_does_not_wait(self):
        self.guest_order()
        [mail] = self.send()
        join = self.env["sale.portal.join"]._find_portal_join_by_token(self.link_in(mail))
        self.assertEqual(join._join_by_mailbox(join.partner_id, self.owner, join), "joined")
        order = self.guest_order()
        [mail] = self.send()
        self.assertIn(order.name, mail["subject"])

    def test_an_address_of_another_account_does_not_wait(self):
        self.guest_order()
        self.send()
        self.portal_user(self.customer(name="Otto", email="otto@example.com"))
        self.guest_order(self.guest(email="otto@example.com"))
        [mail] = self.send()
        self.assertEqual(mail["email_to"], ["otto@example.com"])

    def test_a_mail_requested_by_an_employee_does_not_wait(self):
        self.guest_order()
        self.send()
        order = self.guest_order()
        self.assertFalse(self.send())
        self.env.invalidate_all()
        self.assertTrue(order.can_send_portal_join)
        order.action_send_portal_join_mail()
        self.env.invalidate_all()
        self.assertFalse(order.can_send_portal_join)
        [mail] = self.send()
        self.assertIn(order.name, mail["subject"])

    def test_the_owner_who_asks_for_the_message_is_sent_one_about_the_latest_order(self):
        first, second = self.guest_order(), self.guest_order()
        second.date_order += timedelta(seconds=5)
        self.send()
        self.later(hours=48)
        self.env["sale.portal.join"]._send_portal_join_links(self.owner)
        self.env["sale.portal.join"]._send_portal_join_links(self.owner)
        [mail] = self.send()
        self.assertIn(second.name, mail["subject"])
        self.assertNotIn(first.name, mail["subject"])

    def test_no_mail_is_sent_for_an_order_that_can_not_join(self):
        self.guest_order(self.guest(vat="BE0477472701"))
        self.guest_order()._action_cancel()
        self.guest_order(self.customer(name="Nora Fair"))
        self.assertFalse(self.send())

    def test_the_mail_is_in_the_owners_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        template = self.env.ref(TEMPLATE)
        template.with_context(lang="fr_FR").subject = "Commande {{ object.order_id.name }}"
        self.owner.lang = "fr_FR"
        order = self.guest_order()
        [mail] = self.send()
        self.assertEqual(mail["subject"], f"Commande {order.name}")

    def test_an_address_that_changed_before_the_mail_left_gets_none(self):
        order = self.guest_order()
        order.partner_id.email = "someone@example.com"
        self.assertFalse(self.send())

    def test_whoever_renders_the_template_gets_a_sample_and_not_the_link(self):
        join = self.waiting()
        manager = new_test_user(self.env, login="manager", groups="base.group_system,sales_team.group_sale_manager")
        for record in (join, join.sudo(), join.with_user(manager)):
            body = self.env.ref(TEMPLATE)._render_field("body_html", record.ids)[record.id]
            self.assertEqual(self.link_in({"body": body}), SAMPLE_PATH.rsplit("/", 1)[1])
        self.assertFalse(self.env["sale.portal.join"]._find_portal_join_by_token("sample"))

    def test_employees_can_send_the_mail_again_after_a_delay(self):
        order = self.guest_order()
        self.send()
        self.env.invalidate_all()
        self.assertFalse(order.can_send_portal_join)
        order.user_id = self.salesman
        with self.assertRaises(UserError):
            order.with_user(self.salesman).action_send_portal_join_mail()
        self.joins_of(order).last_sent_date -= timedelta(days=1)
        self.env.invalidate_all()
        order.with_user(self.salesman).action_send_portal_join_mail()
        [mail] = self.send()
        self.assertEqual(mail["email_to"], ["nora@example.com"])

    def test_employees_can_not_send_the_mail_for_inaccessible_orders(self):
        order = self.guest_order(user_id=self.env.uid)
        with self.assertRaises(AccessError):
            order.with_user(self.salesman).action_send_portal_join_mail()

    def test_a_mail_that_could_not_be_delivered_is_noted_on_the_order(self):
        order = self.guest_order()
        self.check()
        self.joins_of(order)._fail("mailbox full")
        self.assertIn("mailbox full", order.message_ids[:1].preview)

    def test_a_missing_template_is_noted_and_the_order_still_waits(self):
        self.env.ref(TEMPLATE).unlink()
        order = self.guest_order()
        self.check()
        join = self.joins_of(order)
        self.assertEqual((join.state, join.join_state), ("failed", "waiting"))
        self.assertIn("The email template was deleted. Upgrade the module", order.message_ids[:1].preview)
        self.assertNotIn("mail.template", order.message_ids[:1].preview)
        self.assertTrue(order.can_send_portal_join, "it can be sent again")

    def test_a_mail_in_the_queue_is_withdrawn_when_the_order_joins(self):
        order = self.guest_order()
        self.check()
        mail = self.joins_of(order).mail_id
        self.assertTrue(mail)
        self.env["sale.portal.join"]._join_by_session(order, self.owner)
        self.assertFalse(mail.exists())


@tagged("post_install", "-at_install")
class TestStaff(GuestOrderCommon):
    """Display and actions of guest orders in the backend."""

    def search(self, domain):
        return self.env["sale.order"].search([("partner_id.name", "=", "Nora Guest"), *domain])

    def test_the_filter_finds_what_waits_for_the_customer(self):
        waiting, joined = self.waiting().order_id, self.join().order_id
        refused = self.guest_order(self.guest(vat="BE0477472701"))
        self.check()
        self.assertEqual(self.search([("portal_join_state", "=", "waiting")]), waiting)
        self.assertEqual(self.search([("portal_join_state", "=", "joined")]), joined)
        self.assertEqual(self.search([("portal_join_state", "in", ["refused", "joined"])]), joined | refused)
        self.assertNotIn(waiting, self.search([("portal_join_state", "!=", "waiting")]))

    def own_filters(self, user):
        """Return the domains of filters and the fields of groupings that the addon adds to a user's list of orders."""
        arch = etree.fromstring(self.env["sale.order"].with_user(user).get_view(view_type="search")["arch"])
        filters = arch.xpath("//filter[contains(@name, 'portal') or contains(@name, 'user_created')]")
        self.assertGreaterEqual(len(filters), 6)
        domains = [safe_eval.safe_eval(item.get("domain")) for item in filters if item.get("domain")]
        contexts = [safe_eval.safe_eval(item.get("context")) for item in filters if item.get("context")]
        return domains, [context["group_by"] for context in contexts]

    def test_a_salesperson_filters_and_groups_the_list_of_orders(self):
        waiting, joined = self.waiting().order_id, self.join().order_id
        manager = new_test_user(self.env, login="manager", groups="sales_team.group_sale_manager")
        (waiting | joined).user_id = self.salesman
        names = ["portal_account_state", "portal_join_state", "portal_user_id", "is_user_created"]
        for user in (self.salesman, manager):
            self.env.invalidate_all()
            orders = self.env["sale.order"].with_user(user)
            domains, groupings = self.own_filters(user)
            for domain in domains:
                for grouping in groupings:
                    with self.subTest(user=user.login, domain=domain, grouping=grouping):
                        found = orders.web_search_read(domain, {name: {} for name in names})["records"]
                        groups = orders.formatted_read_group(domain, [grouping], ["__count"])
                        self.assertEqual(sum(group["__count"] for group in groups), len(found))

    def test_a_salesperson_reads_all_fields_of_an_order_as_integrations_do(self):
        orders = self.waiting().order_id | self.join().order_id
        orders.user_id = self.salesman
        self.env.invalidate_all()
        states = [values["portal_join_state"] for values in orders.with_user(self.salesman).read()]
        self.assertEqual(set(states), {"waiting", "joined"})

    def test_a_salesperson_finds_orders_by_their_account(self):
        waiting, joined = self.waiting().order_id, self.join().order_id
        own = self.order(self.owner.partner_id)
        created = self.guest_order(self.guest(email="new@example.com"))
        mine = waiting | joined | own | created
        mine.user_id = self.salesman
        self.env.invalidate_all()
        expected = {
            ("=", self.owner.id): joined | own,
            ("in", tuple(self.owner.ids)): joined | own,
            ("!=", self.owner.id): waiting | created,
            ("not in", tuple(self.owner.ids)): waiting | created,
            ("=", False): waiting,
            ("!=", False): joined | own | created,
            ("in", (self.owner.id, False)): joined | own | waiting,
            ("ilike", "Nora Owner"): joined | own,
            ("not ilike", "Nora Owner"): waiting | created,
        }
        for (operator, value), orders in expected.items():
            with self.subTest(operator=operator, value=value):
                value = list(value) if isinstance(value, tuple) else value
                domain = [("portal_user_id", operator, value), ("id", "in", mine.ids)]
                self.assertEqual(mine.with_user(self.salesman).search(domain), orders)

    def test_an_order_whose_account_was_deleted_is_found_without_one(self):
        order = self.join().order_id
        self.owner.unlink()
        self.env.invalidate_all()
        self.assertFalse(order.portal_user_id)
        self.assertIn(order, self.env["sale.order"].search([("portal_user_id", "=", False)]))

    def test_a_contact_that_was_given_a_user_no_longer_waits(self):
        order = self.waiting().order_id
        self.portal_user(order.partner_id, login="own@example.com")
        self.env.invalidate_all()
        self.assertFalse(order.portal_join_state)
        self.assertFalse(self.search([("portal_join_state", "=", "waiting")]))

    def test_the_order_says_why_it_can_not_join(self):
        order = self.guest_order(self.guest(vat="BE0477472701"))
        self.check()
        self.assertIn("tax number", order.portal_join_note)
        self.assertEqual(order.portal_join_user_id, self.owner)

    def test_an_order_that_could_not_join_waits_once_the_obstacle_is_gone(self):
        order = self.guest_order(self.guest(vat="BE0477472701"))
        self.check()
        self.assertEqual(order.portal_join_state, "refused")
        answer = order.action_send_portal_join_mail()
        self.assertEqual(answer["params"]["type"], "warning")
        self.assertIn("tax number", answer["params"]["message"])
        order.partner_id.vat = False
        answer = order.action_send_portal_join_mail()
        self.assertEqual(answer["params"]["type"], "success")
        self.env.invalidate_all()
        self.assertEqual(order.portal_join_state, "waiting")
        self.assertEqual(self.joins_of(order).state, "to_send")
        self.check()
        self.assertEqual(self.joins_of(order).state, "queued")

    def test_the_form_offers_to_check_again_what_could_not_join(self):
        arch = etree.fromstring(self.env["sale.order"].get_view(view_type="form")["arch"])
        [again] = arch.xpath("//button[@name='action_send_portal_join_mail'][@string='Check Again']")
        self.assertIn("portal_join_state != 'refused'", again.get("invisible"))

    def test_the_button_of_a_waiting_order_says_so_and_opens_the_account(self):
        order = self.waiting().order_id
        self.assertEqual(order.portal_account_state, "waiting")
        administrator = new_test_user(self.env, login="boss", groups="base.group_system,sales_team.group_sale_manager")
        action = order.with_user(administrator).action_view_portal_user()
        self.assertEqual((action["res_model"], action["res_id"]), ("res.users", self.owner.id))
        order.user_id = self.salesman
        action = order.with_user(self.salesman).action_view_portal_user()
        self.assertEqual((action["res_model"], action["res_id"]), ("res.partner", self.owner.partner_id.id))
        refused = self.guest_order(self.guest(vat="BE0477472701"))
        self.check()
        self.assertEqual(refused.portal_account_state, "none")

    def test_users_who_may_not_see_users_open_the_accounts_contact(self):
        order = self.waiting().order_id
        order.user_id = self.salesman
        action = order.with_user(self.salesman).action_view_portal_join_user()
        self.assertEqual((action["res_model"], action["res_id"]), ("res.partner", self.owner.partner_id.id))
        admin = new_test_user(self.env, login="boss", groups="base.group_system,sales_team.group_sale_manager")
        action = order.with_user(admin).action_view_portal_join_user()
        self.assertEqual((action["res_model"], action["res_id"]), ("res.users", self.owner.id))

    def test_odoos_merge_opens_with_both_contacts_where_it_would_work(self):
        groups = "sales_team.group_sale_manager,base.group_partner_manager"
        merger = new_test_user(self.env, login="merger", groups=f"{groups},website.group_website_designer")
        same = self.waiting(self.guest_order(self.guest(email="nora@example.com"))).order_id.with_user(merger)
        other = self.waiting(self.guest_order(self.guest(email="NORA@example.com"))).order_id.with_user(merger)
        self.assertTrue(same.can_merge_portal_contact)
        self.assertFalse(other.can_merge_portal_contact, "Odoo merges other spellings for administrators only")
        with self.assertRaises(UserError):
            other.action_merge_portal_contact()
        action = same.action_merge_portal_contact()
        wizard = self.env[action["res_model"]].with_user(merger).browse(action["res_id"])
        self.assertEqual(wizard.partner_ids, same.partner_id | self.owner.partner_id)
        guest = same.partner_id
        wizard.action_merge()
        self.assertFalse(guest.exists())
        self.env.invalidate_all()
        self.assertEqual(same.partner_id, self.owner.partner_id)
        self.assertFalse(same.portal_join_state)

    def test_users_who_may_not_merge_contacts_are_offered_no_merge(self):
        order = self.waiting(self.guest_order(self.guest(email="nora@example.com"))).order_id
        groups = "sales_team.group_sale_manager,base.group_partner_manager"
        manager = new_test_user(self.env, login="merger", groups=groups)
        self.assertFalse(self.odoo_merges(order, self.salesman), "without the right to use Odoo's wizard")
        # A sales manager may not read the website's visitors, unless another module, e.g. website_crm, grants it.
        for user in (self.salesman, manager):
            merges = self.odoo_merges(order, user)
            self.assertEqual(order.with_user(user).can_merge_portal_contact, merges, user.login)

    def odoo_merges(self, order, user):
        """Return whether Odoo lets the user merge the order's contact with the owner's; undo the merge."""
        partners = order.partner_id | self.owner.partner_id
        values = {"partner_ids": partners.ids, "dst_partner_id": self.owner.partner_id.id, "state": "selection"}
        try:
            with self.env.cr.savepoint() as savepoint:
                self.env["base.partner.merge.automatic.wizard"].with_user(user).create(values).action_merge()
                self.assertFalse((partners - self.owner.partner_id).exists())
                savepoint.rollback()
        except AccessError:
            return False
        return True

    def test_the_settings_page_switches_it_off(self):
        self.assertTrue(self.env["res.company"].create({"name": "New"}).auto_portal_user_join)
        with Form(self.env["res.config.settings"]) as form:
            form.auto_portal_user_join = False
        form.record.execute()
        self.assertFalse(self.company.auto_portal_user_join)

    def test_the_setting_is_there_where_accounts_are_switched_off(self):
        arch = etree.fromstring(self.env["res.config.settings"].get_view(view_type="form")["arch"])
        found = arch.xpath("//field[@name='auto_portal_user_join']")
        self.assertTrue(found)
        for field in found:
            above = " ".join(element.get("invisible", "") for element in field.iterancestors())
            self.assertNotIn("not auto_portal_user", above)

    def test_the_form_offers_no_button_that_can_only_fail(self):
        order = self.waiting().order_id
        arch = etree.fromstring(self.env["sale.order"].get_view(view_type="form")["arch"])
        [button] = arch.xpath("//button[@name='action_create_portal_account']")
        self.assertIn("portal_join_user_id", button.get("invisible"))
        self.assertTrue(order.portal_join_user_id)

    def test_portal_users_learn_nothing_by_rpc(self):
        join = self.join()
        order = join.order_id.with_user(self.owner)
        for name in ("portal_join_state", "portal_join_note", "portal_join_user_id", "portal_join_ids"):
            with self.subTest(name), self.assertRaises(AccessError):
                order.read([name])
        with self.assertRaises(AccessError):
            order.action_separate_portal_join()
        with self.assertRaises(AccessError):
            self.env["sale.portal.join"].with_user(self.owner).search([])
        with self.assertRaises(AccessError):
            self.owner.with_user(self.owner).read(["portal_mailbox_date"])
        with self.assertRaises(AccessError):
            self.owner.with_user(self.owner).write({"portal_mailbox_date": fields.Datetime.now()})
