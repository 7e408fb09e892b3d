from functools import cached_property, partial

from odoo import fields
from odoo.fields import Domain
from odoo.tools.misc import format_date

from .context import HOME, get_url
from .listing import AgentList
from .page import AgentPage
from .selector import CUSTOMER_PLACEHOLDER
from .totals import Amount, Total


class CustomerList(AgentList):
    """The list of customers, with the amounts due."""

    name = "customers"
    path = f"{HOME}/customers"
    icon = "fa-users"
    template = "portal_agent_account.portal_agent_customers"
    model_name = "res.partner"

    def get_title(self):
        return self.env._("Customers")

    def sortings(self):
        return {
            "name": {"label": self.env._("Name"), "order": "complete_name"},
            "reference": {"label": self.env._("Reference"), "order": "ref"},
            "city": {"label": self.env._("City"), "order": "city"},
            "overdue": {"label": self.env._("Highest amount overdue"), "order": "portal_agent_overdue desc"},
            "due": {"label": self.env._("Highest amount due"), "order": "portal_agent_due desc"},
            "last_order": {"label": self.env._("Latest order first"), "order": "portal_agent_last_order desc"},
            "longest": {"label": self.env._("Oldest last order"), "order": "portal_agent_last_order"},
            "newest": {"label": self.env._("Newest first"), "order": "id desc"},
        }

    def filters(self):
        """Add filters that match the columns of the list."""
        return super().filters() | {
            "due": {
                "label": self.env._("Unpaid"),
                "domain": lambda: self.model._get_portal_agent_debtor_domain("due"),
            },
            "overdue": {
                "label": self.env._("Overdue"),
                "domain": lambda: self.model._get_portal_agent_debtor_domain("overdue"),
            },
            "call": {"label": self.env._("To call"), "domain": self.model._get_portal_agent_call_domain},
            **self._get_quiet_filters(),
        }

    def _get_quiet_filters(self):
        labels = {
            3: self.env._("No order for 3 months"),
            6: self.env._("No order for 6 months"),
            12: self.env._("No order for 12 months"),
            None: self.env._("Never ordered"),
        }
        get_domain = self.model._get_portal_agent_quiet_domain
        return {
            f"quiet_{months}" if months else "never": {"label": label, "domain": partial(get_domain, months)}
            for months, label in labels.items()
        }

    def inputs(self):
        return {"all": {"label": self.env._("Everything"), "domain": self.context.make("selector").get_domain}}

    def get_page_values(self, records):
        return {
            "agent_balances": self.balances,
            "agent_amount": self.env["portal.agent.dashboard"]._make_formatter(),
            "agent_last_orders": {
                customer_id: format_date(self.env, day)
                for customer_id, day in self._read_last_days(records).items()
                if day
            },
            "agent_reasons": records._get_portal_agent_call_reasons() if self.state.filterby == "call" else {},
        }

    def read_totals(self):
        currency = self.env["portal.agent.dashboard"]._get_currency()
        labels = {"overdue": self.env._("Overdue"), "due": self.env._("Unpaid")}
        return [
            Total(label, {currency: sum(row[name] for row in self.balances.values())}) for name, label in labels.items()
        ]

    @cached_property
    def balances(self):
        """Amounts due of all customers of the list, on every page. They are read once for rows and totals."""
        customers = self.model._search(self.get_domain())
        return self.model._read_portal_agent_balances(
            Domain("partner_id", "any!", Domain("commercial_partner_id", "in", customers))
        )

    def columns(self):
        get_balance = self._make_reader(lambda customers: customers._get_portal_agent_balances())
        get_last_order = self._make_reader(self._read_last_days)
        currency = self.env["portal.agent.dashboard"]._get_currency()
        return [
            (self.env._("Name"), lambda customer: customer.display_name),
            (self.env._("Reference"), lambda customer: customer.ref),
            (self.env._("Tax ID"), lambda customer: customer.vat),
            (self.env._("Email"), lambda customer: customer.email),
            (self.env._("Phone"), lambda customer: customer.phone),
            (self.env._("Street"), lambda customer: customer.street),
            (self.env._("ZIP"), lambda customer: customer.zip),
            (self.env._("City"), lambda customer: customer.city),
            (self.env._("Country"), lambda customer: customer.country_id.name),
            (self.env._("Overdue"), lambda customer: Amount(get_balance(customer)["overdue"], currency)),
            (self.env._("Unpaid"), lambda customer: Amount(get_balance(customer)["due"], currency)),
            (self.env._("Currency"), lambda customer: currency.name),
            (self.env._("Last order"), get_last_order),
        ]

    def _read_last_days(self, customers):
        """Return the day of the last order of customers, in the agent's time zone."""
        moments = customers._get_portal_agent_last_orders()
        return {
            customer.id: customer.id in moments
            and fields.Datetime.context_timestamp(customer, moments[customer.id]).date()
            for customer in customers
        }

    def _make_reader(self, read):
        """Return a function that returns a customer's figure and reads the figures in batches.

        :param callable read: function that returns the figures of customers by id
        :rtype: callable
        """
        figures = {}

        def get_figure(customer):
            if customer.id not in figures:
                batch = customer.browse(customer._prefetch_ids)
                read_figures = read(batch)
                figures.clear()
                figures.update((each, read_figures[each]) for each in batch.ids)
            return figures[customer.id]

        return get_figure


class CustomerPage(AgentPage):
    """The page of a customer: contact details, orders and amounts due.

    :cvar int latest_limit: maximum number of latest documents of each kind
    :cvar int contacts_limit: maximum number of contacts
    """

    name = "customers"
    record_model = "res.partner"
    path = f"{HOME}/customers"
    template = "portal_agent_account.portal_agent_customer"
    latest_limit = 5
    contacts_limit = 80

    def __init__(self, context, customer):
        super().__init__(context)
        self.customer = customer

    def get_title(self):
        return self.customer.display_name

    def get_parents(self):
        customers = self.context.make("customers")
        return [(customers.get_title(), customers.path)]

    def get_selector_url(self):
        return f"{self.path}/{CUSTOMER_PLACEHOLDER}"

    def get_tabs(self, args):
        """Link the tab of this page to the list of all customers."""
        tabs = super().get_tabs(args)
        tabs[self.name]["url"] = get_url(self.context.make(self.name).path, {})
        return tabs

    def get_content(self):
        Dashboard = self.env["portal.agent.dashboard"]
        figures = Dashboard._get_figures(self.customer)
        contacts, products = self.search_contacts(), self.context.make("products", query={}, customer=self.customer)
        return {
            "agent_customer_sudo": self.customer.sudo(),
            "agent_contacts": contacts[: self.contacts_limit],
            "agent_has_more_contacts": len(contacts) > self.contacts_limit,
            "agent_since": None,
            "agent_period_label": self.env._("All time"),
            "agent_figures": figures,
            "agent_currency": Dashboard._get_currency(),
            "agent_unmatched": self.env["portal.agent.ledger"]._get_unmatched(self.customer, figures["due"]["amount"]),
            **products.get_page_values(products.rows),
            "agent_products": products.rows,
            "agent_products_limit": self.latest_limit,
            "agent_latest": {name: self.search_latest(name) for name in ("quotations", "orders", "invoices")},
        }

    def search_contacts(self):
        """Return the customer's contacts and addresses at any level.

        :return: ``res.partner``, up to one more than the page shows, to detect further ones
        """
        domain = Domain("commercial_partner_id", "=", self.customer.id) & Domain("id", "!=", self.customer.id)
        return self.env["res.partner"].search_fetch(domain, limit=self.contacts_limit + 1)

    def search_latest(self, name):
        """Return the customer's latest documents of a kind.

        :param str name: name of the list with these documents
        """
        documents = self.context.make(name, query={}, customer=self.customer).search_page(self.latest_limit)[0]
        documents._fetch_for_portal_agent()
        return documents
