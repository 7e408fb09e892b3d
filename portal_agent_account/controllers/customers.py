from odoo.fields import Domain
from odoo.http import content_disposition, request, route

from .base import AGENT_PAGE, CUSTOMER_PLACEHOLDER, HOME, PRINTED_AFRESH
from .invoices import PortalAgentInvoices
from .listing import AgentList
from .orders import PortalAgentOrders


class PortalAgentCustomers(PortalAgentOrders, PortalAgentInvoices):
    """The list of customers, and the page of one."""

    _portal_agent_latest_limit = 5
    _portal_agent_contacts_limit = 80

    @route(["/my/agent/customers", "/my/agent/customers/page/<int:page>"], **AGENT_PAGE)
    def portal_agent_customers(self, **values):
        """List customers, with what they have not paid."""
        page_values = self._prepare_portal_agent_list_values(self._get_portal_agent_customer_list(), values)
        Dashboard = request.env["portal.agent.dashboard"]
        page_values["agent_balances"] = Dashboard._get_balances(page_values["agent_records"])
        page_values["agent_currency"] = Dashboard._get_currency()
        return request.render("portal_agent_account.portal_agent_customers", page_values)

    @route("/my/agent/customers/<int:customer_id>", **AGENT_PAGE)
    def portal_agent_customer(self, customer_id, **values):
        """Show a customer: how to reach it, what it ordered and what it owes."""
        self._get_portal_agent_customer(values)
        customer = self._find_portal_agent_record("res.partner", customer_id)
        return request.render(
            "portal_agent_account.portal_agent_customer", self._prepare_portal_agent_customer_values(customer, values)
        )

    @route("/my/agent/customers/<int:customer_id>/statement", **AGENT_PAGE)
    def portal_agent_statement(self, customer_id, **values):
        """Give a customer's statement of open invoices as PDF."""
        self._get_portal_agent_customer(values)
        customer = self._find_portal_agent_record("res.partner", customer_id)
        return self._show_portal_agent_statement(customer, bool(values.get("download")))

    # ---- the list

    def _get_portal_agent_customer_list(self):
        """Return the list of customers.

        :rtype: AgentList
        """
        Partner = request.env["res.partner"]
        return AgentList(
            name="customers",
            title=request.env._("Customers"),
            url=f"{HOME}/customers",
            model=Partner,
            domain=Partner._get_portal_agent_domain(),
            sortings=self._get_portal_agent_customer_searchbar_sortings(),
            filters=self._get_portal_agent_customer_searchbar_filters(),
            inputs=self._get_portal_agent_customer_searchbar_inputs(),
            columns=self._get_portal_agent_customer_columns,
        )

    def _get_portal_agent_customer_searchbar_sortings(self):
        return {
            "name": {"label": request.env._("Name"), "order": "complete_name"},
            "reference": {"label": request.env._("Reference"), "order": "ref"},
            "city": {"label": request.env._("City"), "order": "city"},
            "newest": {"label": request.env._("Newest first"), "order": "id desc"},
        }

    def _get_portal_agent_customer_searchbar_filters(self):
        """Filter by what the columns of the list say."""
        Dashboard, Move = request.env["portal.agent.dashboard"], request.env["account.move"]
        return {
            "all": {"label": request.env._("All"), "domain": Domain.TRUE},
            "due": {
                "label": request.env._("To be paid"),
                "domain": lambda: Dashboard._get_debtor_domain(Move._get_portal_agent_due_domain()),
            },
            "overdue": {
                "label": request.env._("Overdue"),
                "domain": lambda: Dashboard._get_debtor_domain(Move._get_portal_agent_overdue_domain()),
            },
        }

    def _get_portal_agent_customer_searchbar_inputs(self):
        return {
            "all": {
                "label": request.env._("Everything"),
                "domain": self._get_portal_agent_customer_search_domain,
            },
        }

    def _get_portal_agent_customer_columns(self):
        """Return the columns of the export.

        :rtype: list[tuple[str, callable]]
        """
        get_balance = self._make_portal_agent_balance_reader()
        currency = request.env["portal.agent.dashboard"]._get_currency().name
        return [
            (request.env._("Name"), lambda customer: customer.display_name),
            (request.env._("Reference"), lambda customer: customer.ref),
            (request.env._("Tax ID"), lambda customer: customer.vat),
            (request.env._("Email"), lambda customer: customer.email),
            (request.env._("Phone"), lambda customer: customer.phone),
            (request.env._("Street"), lambda customer: customer.street),
            (request.env._("ZIP"), lambda customer: customer.zip),
            (request.env._("City"), lambda customer: customer.city),
            (request.env._("Country"), lambda customer: customer.country_id.name),
            (request.env._("Overdue"), lambda customer: get_balance(customer)["overdue"]),
            (request.env._("To be paid"), lambda customer: get_balance(customer)["due"]),
            (request.env._("Currency"), lambda customer: currency),
        ]

    def _make_portal_agent_balance_reader(self):
        """Return a function from a customer to what it has not paid, which reads a batch at a time.

        :rtype: callable
        """
        balances = {}

        def get_balance(customer):
            if customer not in balances:
                batch = customer.browse(customer._prefetch_ids)
                read = request.env["portal.agent.dashboard"]._get_balances(batch)
                balances.clear()
                balances.update((each, read[each]) for each in batch)
            return balances[customer]

        return get_balance

    # ---- one of them

    def _show_portal_agent_statement(self, customer, download):
        """Print what a customer has not paid, in the customer's language.

        The layout is drawn with more rights than an agent has; what the statement says is read under
        the agent's own.

        :param customer: a ``res.partner`` of one record
        :param bool download: whether the browser saves the file instead of showing it
        :return: the response
        """
        request.update_context(**PRINTED_AFRESH)
        report_sudo = request.env.ref("portal_agent_account.action_report_statement").sudo()
        content = report_sudo._render_qweb_pdf(report_sudo.report_name, customer.ids)[0]
        return request.make_response(
            content,
            headers=[
                ("Content-Type", "application/pdf"),
                ("Content-Length", len(content)),
                (
                    "Content-Disposition",
                    content_disposition(
                        f"{report_sudo.name} - {customer.display_name}.pdf", "attachment" if download else "inline"
                    ),
                ),
            ],
        )

    def _prepare_portal_agent_customer_values(self, customer, values):
        """Prepare the page of a customer.

        :param customer: a ``res.partner`` of one record
        :param dict values: the parameters of the request
        :rtype: dict
        """
        Dashboard = request.env["portal.agent.dashboard"]
        summary = Dashboard._get_summary(customer)
        pages = self._get_portal_agent_pages({})
        contacts = self._search_portal_agent_contacts(customer)
        return self._prepare_portal_agent_values(
            "customers",
            customer.display_name,
            values,
            customer,
            breadcrumbs=[(pages["customers"]["label"], pages["customers"]["url"])],
            selector_url=f"{HOME}/customers/{CUSTOMER_PLACEHOLDER}",
        ) | {
            "agent_customer_sudo": customer.sudo(),
            "agent_contacts": contacts[: self._portal_agent_contacts_limit],
            "agent_has_more_contacts": len(contacts) > self._portal_agent_contacts_limit,
            "agent_since": None,
            "agent_figures": summary["figures"],
            "agent_currency": Dashboard._get_currency(),
            "agent_latest": self._get_portal_agent_latest(customer),
        }

    def _search_portal_agent_contacts(self, customer):
        """Return a customer's contacts and addresses, those below others included.

        :param customer: a ``res.partner`` of one record
        :return: ``res.partner``, one more than the page shows where there are more
        """
        domain = Domain("commercial_partner_id", "=", customer.id) & Domain("id", "!=", customer.id)
        return request.env["res.partner"].search(domain, limit=self._portal_agent_contacts_limit + 1)

    def _get_portal_agent_latest(self, customer):
        """Return a customer's latest documents.

        :return: ``{page: records}``
        :rtype: dict
        """
        lists = (
            self._get_portal_agent_quotation_list(),
            self._get_portal_agent_order_list(),
            self._get_portal_agent_invoice_list(),
        )
        latest = {}
        for agent_list in lists:
            state = agent_list.read_state({}, customer)
            records, _total = agent_list.search_page(state, customer, self._portal_agent_latest_limit)
            self._fetch_portal_agent_records(records)
            latest[agent_list.name] = records
        return latest
