"""Guest contacts, their documents and their journal items when they join an account and when they are separated."""

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from ..models.portal_join_mail import get_link_token
from .join_common import GuestOrderCommon


class GuestLedgerCommon(GuestOrderCommon):
    """Shop with a chart of accounts, and guests whose orders are invoiced."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not cls.company.chart_template:
            cls.env["account.chart.template"].try_loading("generic_coa", company=cls.company, install_demo=False)
        cls.product.invoice_policy = "order"
        cls.manager = new_test_user(cls.env, login="manager", groups="sales_team.group_sale_manager")

    def invoice(self, order, post=True):
        invoice = order._create_invoices()
        invoice.invoice_date = fields.Date.today()
        if post:
            invoice.action_post()
        return invoice

    def pay(self, invoice):
        wizard = self.env["account.payment.register"].with_context(active_model="account.move", active_ids=invoice.ids)
        return wizard.create({})._create_payments()

    def separate(self, order):
        self.env.invalidate_all()
        order.with_user(self.manager).action_separate_portal_join()
        self.env.invalidate_all()


@tagged("post_install", "-at_install", "once")
class TestJoinedDocuments(GuestLedgerCommon):
    def visible(self, model):
        return self.env[model].with_user(self.owner).search([])

    def printed(self, order, invoice):
        """Return the order and its invoice as currently printed."""
        report = self.env["ir.actions.report"]
        return [
            report._render_qweb_html(name, record.ids)[0]
            for name, record in (("sale.report_saleorder", order), ("account.report_invoice", invoice))
        ]

    def test_the_owner_sees_orders_quotations_invoices_and_down_payments(self):
        order = self.guest_order()
        quotation = self.guest_order(order.partner_id, confirm=False)
        quotation.state = "sent"
        wizard = self.env["sale.advance.payment.inv"].create(
            {"sale_order_ids": order.ids, "advance_payment_method": "percentage", "amount": 30}
        )
        down_payment = wizard._create_invoices(order)
        down_payment.action_post()
        self.assertFalse(self.visible("sale.order"))
        self.assertFalse(self.visible("account.move"))
        self.join(order)
        self.assertEqual(self.visible("sale.order"), order | quotation)
        self.assertEqual(self.visible("account.move"), down_payment)

    def test_what_is_printed_stays_as_it_was_typed(self):
        company = self.customer(name="Owner's Firm", email=False, is_company=True, street="3 Firm Street")
        for typed in (False, "Guest & Daughter"):
            for place in ("a private owner", "an owner in a company"):
                self.owner.partner_id.parent_id = company if "company" in place else False
                with self.subTest(place, company_name=typed):
                    self.assert_printed_as_before(typed)

    def assert_printed_as_before(self, company_name):
        guest = self.guest(company_name=company_name)
        delivery = self.guest(name="Reception", email=False, type="delivery", parent_id=guest.id, city="Lier")
        billing = self.guest(name="Books", email=False, type="invoice", parent_id=guest.id, city="Mol")
        order = self.guest_order(guest, partner_shipping_id=delivery.id, partner_invoice_id=billing.id)
        invoice = self.invoice(order)
        before = self.printed(order, invoice)
        for text in (b"2 Guest Street", b"Nora Guest", b"Lier"):
            self.assertIn(text, before[0])
        self.assertIn(b"Mol", before[1])
        self.join(order)
        self.assertEqual(self.printed(order, invoice), before)

    def test_a_document_is_still_printed_in_the_guests_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        order = self.guest_order(self.guest(lang="fr_FR"))
        self.owner.lang = "en_US"
        self.join(order)
        self.assertEqual(order.partner_id.lang, "fr_FR")

    def test_the_owners_own_data_are_as_before(self):
        owner = self.owner.partner_id
        names = [
            name
            for name, field in owner._fields.items()
            if field.store and field.type not in ("one2many", "many2many") and name not in ("write_date", "write_uid")
        ]
        before = owner.read(names)
        self.join(self.guest_order(self.guest(phone="+32 1", function="Boss", company_name="Guest & Co")))
        self.assertEqual(owner.read(names), before)

    def test_the_owners_next_order_goes_to_the_owners_addresses(self):
        owner = self.owner.partner_id
        guest = self.guest()
        self.guest(name="Reception", type="delivery", parent_id=guest.id)
        self.guest(name="Books", type="invoice", parent_id=guest.id)
        before = owner.address_get(["delivery", "invoice"])
        self.join(self.guest_order(guest))
        self.assertEqual(owner.address_get(["delivery", "invoice"]), before)
        order = self.order(owner)
        self.assertEqual(order.partner_invoice_id | order.partner_shipping_id, owner)

    def test_joined_addresses_are_not_in_the_owners_address_book_and_nobody_edits_them(self):
        guest = self.guest()
        delivery = self.guest(name="Reception", type="delivery", parent_id=guest.id)
        self.join(self.guest_order(guest))
        owner = self.owner.partner_id
        book = self.env["res.partner"].search(owner._get_delivery_address_domain())
        self.assertEqual(book, owner)
        for contact in guest | delivery:
            self.assertFalse(contact.with_user(self.owner).sudo()._can_be_edited_by_current_customer())

    def test_joining_voids_the_links_of_whoever_placed_the_order(self):
        order = self.guest_order()
        invoice = self.invoice(order)
        tokens = order._portal_ensure_token(), invoice._portal_ensure_token()
        order.partner_id.signup_prepare()
        signup = order.partner_id._generate_signup_token()
        self.join(order)
        self.assertNotIn(order.access_token, tokens)
        self.assertNotIn(invoice.access_token, tokens)
        self.assertFalse(self.env["res.partner"]._get_partner_from_token(signup))

    def tokens_of(self, order):
        """Return documents of an order's contact with their tokens: cancelled, draft and without an order, too."""
        others = [self.order(order.partner_id, website_id=self.website.id) for _number in range(2)]
        others[0]._action_cancel()
        free = self.env["account.move"].create({"move_type": "out_invoice", "partner_id": order.partner_id.id})
        documents = [order, *others, self.invoice(order), free]
        return [(document, document._portal_ensure_token()) for document in documents]

    def test_a_link_to_any_document_of_the_guest_is_void_once_it_has_joined(self):
        order = self.guest_order()
        tokens = self.tokens_of(order)
        self.join(order)
        for document, token in tokens:
            self.assertNotEqual(document.access_token, token, document)

    def test_a_link_to_any_document_of_the_guest_is_void_once_staff_merged_it_with_an_account(self):
        for into_owner in (True, False):
            with self.subTest(into_owner=into_owner):
                owner = self.portal_user(self.customer(name="Olga", email=f"olga{into_owner}@example.com"))
                own = self.order(owner.partner_id)
                own_token = own._portal_ensure_token()
                order = self.guest_order(self.guest(email=owner.login))
                tokens = self.tokens_of(order)
                order.partner_id.signup_prepare()
                signup = order.partner_id._generate_signup_token()
                contacts = (owner.partner_id, order.partner_id) if into_owner else (order.partner_id, owner.partner_id)
                self.merge(*contacts)
                for document, token in tokens:
                    self.assertEqual(document.partner_id, owner.partner_id)
                    self.assertNotEqual(document.access_token, token, document)
                self.assertEqual(own.access_token, own_token, "the owner's own mails go on working")
                if not into_owner:  # otherwise the contact is deleted
                    self.assertFalse(self.env["res.partner"]._get_partner_from_token(signup))

    def test_a_merge_voids_the_links_of_a_contact_whose_account_was_never_used(self):
        known = self.customer(name="Vera", email="vera@example.com", street="9 Secret Street")
        order = self.guest_order(self.guest(name="Vera", email="vera@example.com"))
        self.assert_account(order)
        token = order._portal_ensure_token()
        self.merge(known, order.partner_id)
        self.assertEqual(order.partner_id.street, "9 Secret Street")
        self.assertNotEqual(order.access_token, token)

    def test_a_link_is_void_after_a_merge_with_a_contact_that_belongs_to_an_account(self):
        joined = self.join(self.guest_order(self.guest(name="Nora", street="7 Private Street")))
        below = self.customer(name="Office", email="nora@example.com", parent_id=self.owner.partner_id.id)
        far_below = self.customer(name="Desk", email="nora@example.com", parent_id=below.id)
        for contact in (far_below, below, joined.partner_id):
            for into_guest in (False, True):
                with self.subTest(contact=contact.name, into_guest=into_guest):
                    own = self.order(contact)
                    own_token = own._portal_ensure_token()
                    order = self.guest_order(self.guest(street="1 Strange Street"))
                    tokens = self.tokens_of(order)
                    guest = order.partner_id
                    self.merge(*((guest, contact) if into_guest else (contact, guest)))
                    for document, token in tokens:
                        self.assertNotEqual(document.access_token, token, document)
                    self.assertEqual(own.access_token, own_token, "the owner's own mails keep working")
                    self.assertEqual(order.partner_id, own.partner_id)
                    if not into_guest:
                        self.assertTrue(order._is_portal_account_in_use(), "the confirmation page is closed, too")

    def test_a_link_is_void_after_a_merge_with_a_contact_whose_account_was_deleted(self):
        made = self.guest_order(self.guest(email="gone@example.com"))
        self.env["res.users"].search([("partner_id", "=", made.partner_id.id)]).unlink()
        order = self.guest_order(self.guest(email="gone@example.com"), confirm=False)
        token = order._portal_ensure_token()
        self.merge(made.partner_id, order.partner_id)
        self.assertNotEqual(order.access_token, token)

    def test_a_merge_of_contacts_without_accounts_leaves_their_links_working(self):
        order = self.guest_order(self.guest(email="a@example.com"), confirm=False)
        token = order._portal_ensure_token()
        self.merge(self.customer(name="Fair", email="a@example.com"), order.partner_id)
        self.assertEqual(order.access_token, token)

    def test_orders_and_contacts_note_what_joined_and_by_which_proof(self):
        order = self.join().order_id
        for record in (order, order.partner_id, self.owner.partner_id):
            note = record.message_ids[:1].preview
            self.assertIn(order.name, note)
            self.assertIn("mailed to the address", note)
        self.assertIn("Nora Owner", order.portal_join_note)

    def test_a_later_order_of_a_joined_contact_belongs_to_the_account_and_makes_no_other(self):
        guest = self.join().partner_id
        order = self.guest_order(guest)
        self.assertFalse(order.portal_account_issue)
        self.assertEqual(order.portal_user_id, self.owner)
        self.assertIn(order, self.env["sale.order"].search([("portal_user_id", "=", self.owner.id)]))
        self.assertNotIn(order, self.env["sale.order"].search([("portal_user_id", "=", False)]))

    def test_other_records_of_a_contact_are_moved_and_moved_back(self):
        found = False
        for name, values in self.prepare_followers():
            if name not in self.env:
                continue
            found = True
            with self.subTest(name):
                order = self.guest_order()
                record = self.env[name].create({"partner_id": order.partner_id.id, **values()})
                self.join(order)
                self.assertEqual(record.partner_id, self.owner.partner_id)
                self.separate(order)
                self.assertEqual(record.partner_id, order.partner_id)
        if not found:
            self.skipTest("no such addon is installed")

    def prepare_followers(self):
        def loyalty():
            program = self.env["loyalty.program"].create({"name": "Points", "program_type": "loyalty"})
            return {"program_id": program.id, "points": 5}

        def course():
            return {"channel_id": self.env["slide.channel"].create({"name": "Sitting"}).id}

        def registration():
            day = fields.Datetime.now()
            event = self.env["event.event"].create({"name": "Fair", "date_begin": day, "date_end": day})
            return {"event_id": event.id}

        def wish():
            return {"product_id": self.product.id, "website_id": self.website.id}

        yield "loyalty.card", loyalty
        yield "slide.channel.partner", course
        yield "event.registration", registration
        yield "product.wishlist", wish


@tagged("post_install", "-at_install", "once")
class TestJoinedLedger(GuestLedgerCommon):
    def receivable(self, *partners):
        lines = self.env["account.move.line"].search(
            [("account_id.account_type", "=", "asset_receivable"), ("partner_id", "in", [p.id for p in partners])]
        )
        return sum(lines.mapped("balance")), sum(lines.mapped("amount_residual"))

    def test_receivables_payments_and_the_partner_ledger_agree_before_and_after(self):
        paid, unpaid = self.guest_order(), self.guest_order()
        invoice, due = self.invoice(paid), self.invoice(unpaid)
        payment = self.pay(invoice)
        owner = self.owner.partner_id
        before = self.receivable(paid.partner_id, unpaid.partner_id, owner)
        states = invoice.payment_state, due.payment_state, due.amount_residual
        for order in (paid, unpaid):
            self.join(order)
        self.assertEqual(self.receivable(owner), before)
        self.assertEqual(self.receivable(paid.partner_id, unpaid.partner_id), (0, 0))
        self.assertEqual((invoice.payment_state, due.payment_state, due.amount_residual), states)
        self.assertEqual((invoice | due | payment.move_id).line_ids.partner_id, owner)
        self.assertEqual((invoice | due).commercial_partner_id, owner)
        self.assertEqual(owner.credit, before[1])
        self.pay(due)
        self.assertIn(due.payment_state, ("paid", "in_payment"))
        self.assertEqual(self.receivable(owner)[1], 0)

    def test_an_invoice_to_an_address_below_the_guest_follows_too(self):
        guest = self.guest()
        billing = self.guest(name="Books", email=False, type="invoice", parent_id=guest.id)
        order = self.guest_order(guest, partner_invoice_id=billing.id)
        invoice = self.invoice(order)
        self.join(order)
        self.assertEqual(invoice.commercial_partner_id, self.owner.partner_id)
        self.assertEqual(invoice.line_ids.partner_id, self.owner.partner_id)
        self.assertEqual(invoice.partner_id, billing)

    def test_a_draft_invoice_follows_too(self):
        order = self.guest_order()
        invoice = self.invoice(order, post=False)
        self.join(order)
        self.assertEqual(invoice.commercial_partner_id, self.owner.partner_id)
        invoice.action_post()
        self.assertEqual(invoice.line_ids.partner_id, self.owner.partner_id)

    def test_a_locked_period_is_not_touched(self):
        order = self.guest_order()
        invoice = self.invoice(order)
        self.company.fiscalyear_lock_date = invoice.date
        self.check()
        self.assertEqual(self.joins_of(order).reason, "locked")
        self.assertEqual(self.env["sale.portal.join"]._join_by_session(order, self.owner), "refused")
        self.assertEqual(invoice.line_ids.partner_id, order.partner_id)
        self.company.fiscalyear_lock_date = False
        self.assertEqual(self.env["sale.portal.join"]._join_by_session(order, self.owner), "joined")

    def test_a_secured_entry_is_not_touched(self):
        order = self.guest_order()
        invoice = self.invoice(order)
        invoice.journal_id.restrict_mode_hash_table = True
        invoice.button_hash()
        self.assertTrue(invoice.inalterable_hash)
        self.check()
        self.assertEqual(self.joins_of(order).reason, "secured")
        self.assertEqual(invoice.line_ids.partner_id, order.partner_id)

    def test_an_error_of_another_addon_leaves_everything_as_it_was(self):
        order = self.guest_order()
        self.invoice(order)
        joins = self.registry["sale.portal.join"]

        def refuse(*args):
            raise UserError(self.env._("Not today"))

        self.patch(joins, "_take_along_records", refuse)
        with self.assertLogs("odoo.addons.sale_auto_portal_user.models.portal_join", "WARNING"):
            self.assertEqual(self.env["sale.portal.join"]._join_by_session(order, self.owner), "refused")
        self.assert_not_joined(order)
        self.assertEqual(self.joins_of(order).reason, "error")
        self.assertEqual(order.invoice_ids.line_ids.partner_id, order.partner_id)


@tagged("post_install", "-at_install", "once")
class TestSeparation(GuestLedgerCommon):
    def snapshot(self, order):
        self.env.invalidate_all()
        family = order.partner_id._get_portal_guest_family()
        names = [
            "parent_id",
            "type",
            "company_name",
            "complete_name",
            "commercial_partner_id",
            "lang",
            "vat",
            "user_id",
        ]
        moves = order.invoice_ids
        return family.read(names), moves.line_ids.read(["partner_id"]), moves.read(["commercial_partner_id"])

    def test_an_administrator_separates_a_contact_and_all_is_as_before(self):
        guest = self.guest(company_name="Guest & Daughter")
        self.guest(name="Reception", email=False, type="delivery", parent_id=guest.id)
        billing = self.guest(name="Books", email=False, type="invoice", parent_id=guest.id)
        order = self.guest_order(guest, partner_invoice_id=billing.id)
        self.pay(self.invoice(order))
        terms = self.env["account.payment.term"].create({"name": "45 days"})
        self.owner.partner_id.property_payment_term_id = terms
        before = self.snapshot(order)
        self.join(order)
        self.assertNotEqual(self.snapshot(order), before)
        self.assertEqual(guest.property_payment_term_id, terms)
        self.separate(order)
        self.assertEqual(self.snapshot(order), before)
        self.assertFalse(guest.property_payment_term_id)
        self.assert_not_joined(order)
        self.assertEqual(self.joins_of(order).join_state, "separated")
        self.assertIn("no longer belong", order.message_ids[:1].preview)

    def test_a_separated_contact_does_not_join_again(self):
        join = self.join()
        self.separate(join.order_id)
        self.assertFalse(self.env["sale.portal.join"]._find_portal_join_by_token(get_link_token(join)))
        self.assertFalse(self.env["sale.portal.join"]._get_portal_join_offers(self.owner))
        self.assertEqual(self.env["sale.portal.join"]._join_by_session(join.order_id, self.owner), "refused")
        self.assert_not_joined(join.order_id)

    def test_links_that_the_owner_was_sent_are_void_once_it_is_separated(self):
        order = self.guest_order()
        invoice = self.invoice(order)
        join = self.join(order)
        tokens = {document: document._portal_ensure_token() for document in (order, invoice)}
        link = get_link_token(join)
        self.separate(order)
        for document, token in tokens.items():
            self.assertTrue(document.access_token)
            self.assertNotEqual(document.access_token, token, document)
        self.assertFalse(self.env["sale.portal.join"]._find_portal_join_by_token(link))

    def test_other_users_can_not_separate(self):
        order = self.join().order_id
        for user in (self.salesman, self.owner):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                order.with_user(user).action_separate_portal_join()

    def assert_not_separated(self, order, reason):
        with self.assertRaisesRegex(UserError, reason):
            self.separate(order)
        self.env.invalidate_all()
        self.assertTrue(order.partner_id.parent_id)

    def test_a_later_invoice_prevents_the_separation(self):
        order = self.join().order_id
        self.invoice(order)
        self.assert_not_separated(order, "posted since")

    def test_a_later_payment_prevents_the_separation(self):
        order = self.guest_order()
        invoice = self.invoice(order)
        self.join(order)
        self.pay(invoice)
        self.assert_not_separated(order, "posted since")

    def test_an_order_to_the_address_prevents_the_separation(self):
        order = self.join().order_id
        self.order(self.owner.partner_id, partner_shipping_id=order.partner_id.id)
        self.assert_not_separated(order, "uses one of the addresses")

    def test_a_period_locked_later_prevents_the_separation(self):
        order = self.guest_order()
        invoice = self.invoice(order)
        self.join(order)
        self.company.fiscalyear_lock_date = invoice.date
        self.assert_not_separated(order, "locked period")

    def test_a_contact_moved_later_prevents_the_separation(self):
        order = self.join().order_id
        order.partner_id.parent_id = self.customer(name="Firm", email=False, is_company=True)
        self.assert_not_separated(order, "changed since")

    def test_an_order_that_did_not_join_is_not_separated(self):
        with self.assertRaisesRegex(UserError, "not joined"):
            self.separate(self.guest_order())


@tagged("post_install", "-at_install", "once")
class TestAgents(GuestOrderCommon):
    """Visibility of joined orders to agents, if the agents' addon is installed."""

    def test_agents_of_the_owner_see_what_joined_and_agents_of_the_guest_no_longer_do(self):
        if "portal_agent_ids" not in self.env["res.partner"]._fields:
            self.skipTest("portal_agent_account is not installed")
        agents = [
            self.portal_user(self.customer(name=name, email=f"{name}@example.com")) for name in ("agatha", "anton")
        ]
        for agent in agents:
            agent.group_ids = [Command.link(self.env.ref("portal_agent_account.group_portal_agent").id)]
        order = self.guest_order()
        self.owner.partner_id.portal_agent_ids = agents[0]
        order.partner_id.portal_agent_ids = agents[1]
        self.join(order)
        self.assertEqual(order.partner_id.commercial_partner_id.portal_agent_ids, agents[0])
        self.assertFalse(order.partner_id.portal_agent_ids)
