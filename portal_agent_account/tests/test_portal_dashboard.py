import re

from dateutil.relativedelta import relativedelta
from lxml import html

from odoo import fields
from odoo.fields import Command
from odoo.tests import tagged

from .common import PortalAgentCommon, PortalAgentPagesCommon


@tagged("post_install", "-at_install")
class TestPortalDashboard(PortalAgentCommon):
    """The tests compute each figure independently, document by document in Python."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.today = fields.Date.context_today(cls.agent)
        cls.currency = cls.company.currency_id
        cls.foreign = cls._new_foreign_currency()
        cls.second = cls._new_customer("Quack Feathers", portal_agent_ids=[Command.link(cls.agent.id)])
        cls.customers = cls.customer + cls.second
        cls._fill()
        cls.env.flush_all()

    @classmethod
    def _new_foreign_currency(cls):
        currency = cls.env["res.currency"].create({"name": "QUL", "symbol": "Q", "rounding": 0.01})
        cls.env["res.currency.rate"].create(
            [
                {"currency_id": currency.id, "company_id": cls.company.id, "name": "2020-01-01", "rate": 2.0},
                {"currency_id": currency.id, "company_id": cls.company.id, "name": cls.today, "rate": 4.0},
            ]
        )
        return currency

    @classmethod
    def _fill(cls):
        """Create documents of every kind, age, currency and customer."""
        pricelist = cls.env["product.pricelist"].create({"name": "Foreign", "currency_id": cls.foreign.id})
        for number, age in enumerate((0, 20, 45, 100, 250, 340, 380, 800)):
            partner = (cls.buyer, cls.second)[number % 2]
            moment = fields.Datetime.now() - relativedelta(days=age)
            order = cls._new_order(partner, f"QUILL-{age}", pricelist_id=pricelist.id if number % 3 == 0 else False)
            order.date_order = moment
            order.currency_rate = order.currency_id._get_conversion_rate(
                cls.currency, order.currency_id, cls.company, moment
            )
            order.state = ("sale", "sent", "draft", "sale", "cancel", "sale", "sale", "sale")[number]
            for move_type in ("out_invoice", "out_refund") if number % 4 == 1 else ("out_invoice",):
                invoice = cls._new_invoice(
                    partner,
                    f"QUILL-{move_type}-{age}",
                    move_type=move_type,
                    post=False,
                    invoice_date=cls.today - relativedelta(days=age),
                    currency_id=(cls.foreign if number % 3 == 0 else cls.currency).id,
                )
                invoice.write(
                    {
                        "invoice_payment_term_id": False,
                        "invoice_date_due": cls.today - relativedelta(days=age - 15),
                        "invoice_line_ids": [Command.update(invoice.invoice_line_ids.id, {"price_unit": 100 + age})],
                    }
                )
                invoice.action_post()
                if number == 2:
                    invoice.action_toggle_block_payment()
                if number % 3 == 1 and move_type == "out_invoice":
                    cls._pay(invoice, invoice.amount_total / 2)

    @classmethod
    def _pay(cls, invoice, amount):
        register = cls.env["account.payment.register"].with_context(active_model="account.move", active_ids=invoice.ids)
        register.create({"amount": amount})._create_payments()

    def _get_documents(self, model, customer, since=None):
        """Return the documents of customers without using the record rules."""
        customers = customer or self.customers
        documents = self.env[model].search([("company_id", "=", self.company.id)])
        return documents.filtered(
            lambda document: (
                document.partner_id.commercial_partner_id in customers
                and (not since or self._get_day(document) >= since)
            )
        )

    def _get_day(self, document):
        if document._name == "account.move":
            return document.invoice_date or document.date
        return document.date_order.date()

    def _get_invoices(self, customer, since=None):
        return self._get_documents("account.move", customer, since).filtered(
            lambda move: move.state == "posted" and move.move_type in ("out_invoice", "out_refund")
        )

    def _in_company_currency(self, order):
        return order.amount_total / order.currency_rate

    def _assert_amount(self, amount, expected, message):
        self.assertAlmostEqual(amount, expected, 2, message)

    def _for_all_and_each(self):
        for customer in (self.env["res.partner"], *self.customers):
            with self.subTest(customer=customer.name), self.on_an_agents_page() as env:
                yield customer, env["portal.agent.dashboard"], customer.with_env(env)

    def _for_all_and_each_of_both_periods(self):
        for customer, dashboard, seen in self._for_all_and_each():
            for since in (None, self.today.replace(day=1) - relativedelta(months=11)):
                with self.subTest(since=since):
                    yield customer, dashboard._get_summary(seen, since), since

    def test_tiles_count_and_sum_up_orders(self):
        for customer, summary, since in self._for_all_and_each_of_both_periods():
            figures = summary["figures"]
            orders = self._get_documents("sale.order", customer, since)
            for name, states in (("quotations", ("draft", "sent")), ("orders", ("sale",))):
                expected = orders.filtered(lambda order, states=states: order.state in states)
                self.assertEqual(figures[name]["count"], len(expected), name)
                self._assert_amount(figures[name]["amount"], sum(map(self._in_company_currency, expected)), name)
            self.assertEqual(figures["customers"]["count"], len(customer) or 2)

    def test_tiles_sum_up_invoices_less_credit_notes_and_payments(self):
        for customer, summary, since in self._for_all_and_each_of_both_periods():
            figures = summary["figures"]
            invoices = self._get_invoices(customer, since)
            due = self._get_invoices(customer).filtered(lambda move: not move.currency_id.is_zero(move.amount_residual))
            overdue = self._get_overdue(due)
            self.assertEqual(figures["invoices"]["count"], len(invoices))
            self._assert_amount(
                figures["invoices"]["amount"], sum(self._get_booked(move)[0] for move in invoices), "all"
            )
            for name, moves in (("due", due), ("overdue", overdue)):
                self.assertEqual(figures[name]["count"], len(moves), name)
                self._assert_amount(figures[name]["amount"], sum(self._get_booked(move)[1] for move in moves), name)
        self.assertTrue(overdue)

    def _get_overdue(self, moves):
        """Filter the open documents that were due yesterday or earlier."""
        return moves.filtered(
            lambda move: (
                move.move_type == "out_invoice"
                and move.payment_state in ("not_paid", "partial")
                and move.invoice_date_due < self.today
            )
        )

    def test_open_credit_does_not_reduce_the_overdue_amount_of_another_customer(self):
        figures = {}
        for moment in ("before", "after"):
            with self.on_an_agents_page() as env:
                figures[moment] = env["portal.agent.dashboard"]._get_summary(env["res.partner"])["figures"]
            if moment == "before":
                self._give_credit(self.second, 9_999)
        self.assertEqual(figures["after"]["overdue"], figures["before"]["overdue"])
        self._assert_amount(figures["after"]["due"]["amount"], figures["before"]["due"]["amount"] - 9_999, "due")

    def test_minus_sign_in_a_chart_comes_first_in_right_to_left_languages_too(self):
        with self.on_an_agents_page() as env:
            datasets = [{"label": "Due", "colors": ["primary"], "amounts": [-5, 5]}]
            [dataset] = env["portal.agent.dashboard"]._get_chart([], datasets)["datasets"]
        credit, debit = dataset["formatted"]
        self.assertIn("\N{LEFT-TO-RIGHT MARK}-", credit)
        self.assertNotIn("\N{LEFT-TO-RIGHT MARK}", debit)

    def _give_credit(self, customer, amount):
        """Post a credit note whose due date has passed."""
        lines = [Command.create({"name": "Back", "price_unit": amount, "tax_ids": [Command.clear()]})]
        credit_note = self._new_invoice(
            customer, "QUACK-BACK", move_type="out_refund", post=False, invoice_line_ids=lines
        )
        credit_note.write({"invoice_payment_term_id": False, "invoice_date_due": self.today - relativedelta(days=9)})
        credit_note.action_post()
        self.env.flush_all()

    def _get_booked(self, move):
        """Return the total and the residual of an invoice in company currency, from its receivable items."""
        items = move.line_ids.filtered(lambda line: line.account_id.account_type == "asset_receivable")
        return sum(items.mapped("balance")), sum(items.mapped("amount_residual"))

    def test_months_show_orders_and_invoices_of_the_last_twelve(self):
        for customer, dashboard, seen in self._for_all_and_each():
            months = dashboard._get_summary(seen)["months"]
            self.assertEqual(len(months), 12)
            orders = self._get_documents("sale.order", customer).filtered(lambda order: order.state == "sale")
            invoices = self._get_invoices(customer)
            for number, month in enumerate(months):
                day = self.today.replace(day=1) - relativedelta(months=11 - number)
                ordered = orders.filtered(lambda order, day=day: order.date_order.date().replace(day=1) == day)
                invoiced = invoices.filtered(lambda move, day=day: move.invoice_date.replace(day=1) == day)
                self._assert_amount(month["orders"], sum(map(self._in_company_currency, ordered)), month["label"])
                self._assert_amount(
                    month["invoices"], sum(self._get_booked(move)[0] for move in invoiced), month["label"]
                )

    def test_future_documents_are_not_counted_in_the_current_month(self):
        later = self.today.replace(day=1) + relativedelta(months=1)
        with self.on_an_agents_page() as env:
            before = env["portal.agent.dashboard"]._get_summary(env["res.partner"])["months"]
        self._new_order(self.second, "QUACK-LATER", confirm=True).date_order = f"{later} 12:00:00"
        self._new_invoice(self.second, "QUACK-LATER", invoice_date=later)
        self.env.flush_all()
        with self.on_an_agents_page() as env:
            self.assertEqual(env["portal.agent.dashboard"]._get_summary(env["res.partner"])["months"], before)

    def test_ages_show_amounts_due_by_days_overdue(self):
        limits = ((-10_000, 0), (1, 30), (31, 60), (61, 90), (91, 10_000))
        for customer, dashboard, seen in self._for_all_and_each():
            ages = dashboard._get_summary(seen)["ages"]
            for age, (first, last) in zip(ages, limits, strict=True):
                moves = self._get_invoices(customer).filtered(
                    lambda move, first=first, last=last: move.amount_residual and first <= self._get_days(move) <= last
                )
                self.assertEqual(age["count"], len(moves), age["label"])
                self._assert_amount(age["amount"], sum(self._get_booked(move)[1] for move in moves), age["label"])
            figures = dashboard._get_summary(seen)["figures"]
            self._assert_amount(sum(age["amount"] for age in ages), figures["due"]["amount"], "all ages")
            self._assert_amount(sum(age["amount"] for age in ages[1:]), figures["overdue"]["amount"], "overdue")

    def _get_days(self, move):
        return (self.today - move.invoice_date_due).days if self._get_overdue(move) else 0

    def test_top_customers_are_sorted_by_invoiced_amount(self):
        for selected, summary, since in self._for_all_and_each_of_both_periods():
            top = summary["top_customers"]
            if selected:
                self.assertFalse(top, "one customer has no rank")
                continue
            amounts = {
                customer: sum(self._get_booked(move)[0] for move in self._get_invoices(customer, since))
                for customer in self.customers
            }
            self.assertEqual([each["customer"] for each in top], sorted(amounts, key=amounts.get, reverse=True))
            for each in top:
                self._assert_amount(each["amount"], amounts[each["customer"].with_env(self.env)], each["customer"].name)

    def test_another_agents_customer_on_a_moved_invoice_is_not_a_top_customer(self):
        """Odoo moves the invoices of a contact along with it, but other code that moves contacts may not."""
        invoice = self._get_invoices(self.customer)[0]
        self.env.cr.execute(
            "UPDATE account_move SET commercial_partner_id = %s, amount_total_signed = 1000000 WHERE id = %s",
            [self.other_customer.id, invoice.id],
        )
        self.env.invalidate_all()
        with self.on_an_agents_page() as env:
            top_customers = env["portal.agent.dashboard"]._get_summary(env["res.partner"])["top_customers"]
            names = [top["customer"].display_name for top in top_customers]
        self.assertEqual(sorted(names), ["Quack Feathers", "Quill Trading"])

    def test_figures_move_with_a_contact_to_another_agents_customer(self):
        with self.on_an_agents_page() as env:
            before = env["portal.agent.dashboard"]._get_summary(env["res.partner"])["figures"]["invoices"]["count"]
        moved = len(self._get_invoices(self.customers).filtered(lambda move: move.partner_id == self.buyer))
        self.buyer.parent_id = self.other_customer
        with self.on_an_agents_page() as env:
            summary = env["portal.agent.dashboard"]._get_summary(env["res.partner"])
            self.assertEqual(summary["figures"]["invoices"]["count"], before - moved)
            self.assertTrue(summary["top_customers"])
            for top in summary["top_customers"]:
                self.assertIn(top["customer"].display_name, ("Quill Trading", "Quack Feathers"))

    def test_balances_are_the_amounts_due_of_each_customer(self):
        with self.on_an_agents_page() as env:
            balances = self.customers.with_env(env)._get_portal_agent_balances()
            for customer in self.customers:
                moves = self._get_invoices(customer)
                overdue = self._get_overdue(moves)
                balance = balances[customer.id]
                self._assert_amount(balance["due"], sum(self._get_booked(move)[1] for move in moves), customer.name)
                self._assert_amount(
                    balance["overdue"], sum(self._get_booked(move)[1] for move in overdue), customer.name
                )

    def test_latest_documents_come_newest_first_and_without_cancelled_ones(self):
        with self.on_an_agents_page() as env:
            latest = env["portal.agent.dashboard"]._get_summary(env["res.partner"])["latest"]
            days = list(map(self._get_day, latest))
            self.assertNotIn("cancel", [document.state for document in latest])
        self.assertEqual(days, sorted(days, reverse=True))
        self.assertEqual(len(latest), 6)

    def test_latest_documents_are_those_of_the_period(self):
        since = self.today - relativedelta(days=30)
        with self.on_an_agents_page() as env:
            latest = env["portal.agent.dashboard"]._get_summary(self.second.with_env(env), since)["latest"]
            names = sorted(document.name for document in latest)
        documents = (self._get_documents("sale.order", self.second, since), self._get_invoices(self.second, since))
        self.assertEqual(names, sorted(document.name for model in documents for document in model))
        self.assertTrue(names)


@tagged("post_install", "-at_install")
class TestPortalDashboardPeriods(PortalAgentPagesCommon):
    """The dashboard shows the last twelve months or all time."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order.date_order = fields.Datetime.now() - relativedelta(years=3)
        cls.invoice.write({"invoice_date_due": fields.Date.today() - relativedelta(years=3)})

    def _get_tiles(self, **query):
        """Return the count and the URL of each tile."""
        page = html.fromstring(self._get("/my/agent", **query).text)
        tiles = page.xpath("//a[contains(@class, 'o_portal_agent_tile_')]")
        return {
            re.search(r"o_portal_agent_tile_(\w+)", tile.get("class"))[1]: (
                int(tile.xpath(".//*[contains(@class, 'o_portal_agent_tile_count')]")[0].text),
                tile.get("href"),
            )
            for tile in tiles
        }

    def test_tiles_link_to_lists_with_the_same_number_of_documents_in_both_periods(self):
        counts = {}
        for period in ("months", "all"):
            tiles = self._get_tiles(period=period)
            for name in ("quotations", "orders", "invoices"):
                count, url = tiles[name]
                self.assertEqual(len(self._get_references(url)), count, (period, name))
                counts[period, name] = count
        self.assertEqual(counts["months", "orders"] + 1, counts["all", "orders"])

    def test_amounts_due_ignore_the_period(self):
        tiles = [self._get_tiles(period=period) for period in ("months", "all")]
        self.assertEqual(tiles[0]["overdue"], tiles[1]["overdue"])
        self.assertTrue(tiles[0]["overdue"][0])

    def test_invalid_period_falls_back_to_the_last_months(self):
        default = self._get_tiles()
        self.assertNotEqual(default, self._get_tiles(period="all"))
        for nonsense in ("months", "", "ALL", "0", "all\x00", "a" * 1000):
            self.assertEqual(self._get_tiles(period=nonsense), default, nonsense)

    def test_links_keep_both_customer_and_period(self):
        page = html.fromstring(self._get("/my/agent", customer=self.customer.id, period="all").text)
        [months, everything] = page.xpath("//div[contains(@class, 'o_portal_agent_periods')]/a")
        self.assertEqual(months.get("href"), f"/my/agent?customer={self.customer.id}")
        self.assertEqual(everything.get("href"), f"/my/agent?customer={self.customer.id}&period=all")
        self.assertEqual((months.get("aria-current"), everything.get("aria-current")), (None, "true"))
        [selector] = page.xpath("//div[contains(@class, 'o_portal_agent_selector ')]")
        self.assertIn("period=all", selector.get("data-url"))
        [clear] = selector.xpath(".//a[contains(@class, 'o_portal_agent_selector_clear')]")
        self.assertEqual(clear.get("href"), "/my/agent?period=all")
        self.assertEqual(dict(selector.xpath(".//form")[0].fields)["period"], "all")
