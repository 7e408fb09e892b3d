import functools
from urllib.parse import urlencode

from werkzeug.exceptions import NotFound

from odoo.fields import Domain
from odoo.http import request
from odoo.tools.misc import format_date
from odoo.tools.sql import escape_psql

from odoo.addons.portal.controllers.portal import CustomerPortal
from odoo.addons.portal.controllers.portal import pager as portal_pager

from ..models.portal_agent_preview import is_preview
from . import params

# Every page of an agent only reads, and reads under the agent's record rules.
AGENT_PAGE = {
    "type": "http",
    "auth": "user",
    "methods": ["GET"],
    "website": True,
    "readonly": True,
    "portal_agent": True,
    "sitemap": False,
}

# A report that keeps what it prints would give an agent the file that was sent to the customer, with links
# to sign and to pay, and would give the customer what was printed for an agent.
PRINTED_AFRESH = {"report_pdf_no_attachment": True}

HOME = "/my/agent"
CUSTOMER_PLACEHOLDER = "__customer__"


class PortalAgent(CustomerPortal):
    """What the agent's pages have in common: the layout, the selected customer, lists and their pager."""

    _portal_agent_selector_limit = 20

    # ---- the selected customer

    def _get_portal_agent_customer(self, values):
        """Return the customer that the query string selects.

        :param dict values: the parameters of the request
        :return: a ``res.partner`` of one record, or of none where no customer is selected
        :raise NotFound: for a customer that is not the agent's, or does not exist
        """
        value = values.get("customer")
        if value is None or value == "":
            return request.env["res.partner"]
        return self._find_portal_agent_record("res.partner", params.get_id(value))

    def _find_portal_agent_record(self, model_name, record_id, domain=None):
        """Return a record that the agent's pages may show.

        :param str model_name: its model
        :param int record_id: the id that the visitor asked for
        :param Domain domain: what else it has to be
        :raise NotFound: for one that is not the agent's, or does not exist
        """
        args = [] if domain is None else [domain]
        record = request.env[model_name]._find_for_portal_agent(record_id, *args)
        if not record:
            raise NotFound()
        return record

    def _search_portal_agent_customers(self, term):
        """Search the agent's customers: first those whose name begins with the term, then all others.

        :param str term: what was typed
        :return: ``res.partner``, one more than the selector shows where there are more
        """
        Partner = request.env["res.partner"]
        limit = self._portal_agent_selector_limit + 1
        domain, order = Partner._get_portal_agent_domain(), "complete_name, id"
        if not term:
            return Partner.search(domain, order=order, limit=limit)
        pattern = escape_psql(term)
        first = Partner.search(domain & Domain("complete_name", "=ilike", pattern + "%"), order=order, limit=limit)
        if len(first) == limit:
            return first
        domain &= self._get_portal_agent_customer_search_domain(pattern)
        return (first | Partner.search(domain, order=order, limit=limit))[:limit]

    def _get_portal_agent_customer_search_domain(self, pattern):
        """Return the condition that a customer is the one whom somebody looks for.

        :param str pattern: what was typed, escaped for ``ilike``
        :rtype: Domain
        """
        names = ("complete_name", "ref", "email", "phone", "city", "vat")
        return Domain.OR(Domain(name, "ilike", pattern) for name in names)

    def _get_portal_agent_partner_search_domain(self, pattern):
        """Return the condition that a document is for the customer or contact whom somebody looks for.

        :param str pattern: what was typed, escaped for ``ilike``
        :rtype: Domain
        """
        names = Domain("complete_name", "ilike", pattern) | Domain("ref", "ilike", pattern)
        return Domain("partner_id", "any!", names)

    # ---- the layout

    def _prepare_portal_agent_values(
        self, page, title, values, customer, breadcrumbs=(), selector_url=None, is_empty=True
    ):
        """Prepare what the layout of every page needs.

        :param str page: name of the page, one of the keys of ``_get_portal_agent_pages``
        :param str title: title of the page
        :param dict values: the parameters of the request
        :param customer: the selected customer, a ``res.partner`` of one record or none
        :param breadcrumbs: pairs of label and address of the pages above, below the home page
        :param str selector_url: where selecting a customer leads to, with a placeholder for the id
        :param bool is_empty: whether the page shows nothing that proves that the agent has customers
        :rtype: dict
        """
        selector_url = selector_url or self._get_portal_agent_selector_url(HOME, {})
        customer_args = {"customer": customer.id} if customer else {}
        search = params.get_text(values.get("customer_search"))
        found = self._search_portal_agent_customers(search) if search else None
        return self._prepare_portal_layout_values() | {
            "page_name": "portal_agent",
            "additional_title": title,
            "agent_page": page,
            "agent_title": title,
            "agent_is_preview": is_preview(),
            "agent_pages": self._get_portal_agent_pages(customer_args),
            "agent_breadcrumbs": self._get_portal_agent_breadcrumbs(page, title, breadcrumbs, customer_args),
            "agent_customer": customer,
            "agent_customer_args": customer_args,
            "agent_query": "?" + urlencode(customer_args) if customer_args else "",
            "agent_selector_url": selector_url,
            "agent_selector_clear_url": self._get_portal_agent_clear_url(selector_url),
            "agent_selector_placeholder": CUSTOMER_PLACEHOLDER,
            "agent_selector_search": search,
            "agent_selector_customers": found and found[: self._portal_agent_selector_limit],
            "agent_selector_has_more": len(found or ()) > self._portal_agent_selector_limit,
            "agent_has_customers": bool(customer) or not is_empty or self._has_portal_agent_customers(),
            "agent_document_url": self._get_portal_agent_document_url,
            "agent_badge": functools.cache(self._render_portal_agent_badge),
            "agent_args": None,
        }

    def _render_portal_agent_badge(self, label, color, icon):
        """Draw a document's status: once for all rows of a list that have it.

        :return: HTML
        :rtype: Markup
        """
        return request.env["ir.ui.view"]._render_template(
            "portal_agent_account.portal_agent_badge", {"status": {"label": label, "color": color, "icon": icon}}
        )

    def _get_portal_agent_pages(self, args):
        """Return the pages that the navigation leads to.

        :param dict args: query string parameters that the links keep
        :return: ``{name: {"label", "icon", "url"}}``
        :rtype: dict
        """
        query = "?" + urlencode(args) if args else ""
        return {
            "dashboard": {"label": request.env._("Overview"), "icon": "fa-dashboard", "url": HOME + query},
            "customers": {"label": request.env._("Customers"), "icon": "fa-users", "url": f"{HOME}/customers{query}"},
            "quotations": {
                "label": request.env._("Quotations"),
                "icon": "fa-pencil-square-o",
                "url": f"{HOME}/quotations{query}",
            },
            "orders": {
                "label": request.env._("Sales Orders"),
                "icon": "fa-shopping-bag",
                "url": f"{HOME}/orders{query}",
            },
            "invoices": {
                "label": request.env._("Invoices"),
                "icon": "fa-file-text-o",
                "url": f"{HOME}/invoices{query}",
            },
        }

    def _get_portal_agent_breadcrumbs(self, page, title, breadcrumbs, customer_args):
        """Return the trail of pages above, the current one last and without an address.

        :rtype: list[tuple[str, str | None]]
        """
        home = request.env._("Agent My Account")
        if page == "dashboard":
            return [(home, None)]
        return [(home, self._get_portal_agent_pages(customer_args)["dashboard"]["url"]), *breadcrumbs, (title, None)]

    def _get_portal_agent_selector_url(self, path, args):
        """Return where selecting a customer leads to, with a placeholder in place of the id.

        :param str path: address of the page
        :param dict args: query string parameters that stay, beside the customer
        :rtype: str
        """
        return f"{path}?{urlencode({'customer': CUSTOMER_PLACEHOLDER} | args)}"

    def _get_portal_agent_clear_url(self, selector_url):
        """Return where selecting no customer leads to: the same page without one, or above it.

        :param str selector_url: where selecting a customer leads to
        :rtype: str
        """
        head, _placeholder, tail = selector_url.partition(CUSTOMER_PLACEHOLDER)
        path = head.partition("?")[0].rstrip("/")
        return f"{path}?{tail.lstrip('&')}" if tail else path

    def _has_portal_agent_customers(self):
        """Return whether any customer is assigned to the agent.

        :rtype: bool
        """
        Partner = request.env["res.partner"]
        return bool(Partner.search_count(Partner._get_portal_agent_domain(), limit=1))

    # ---- lists

    def _render_portal_agent_list(self, template, agent_list, values):
        """Render a page that lists records.

        :param str template: the page's template
        :param AgentList agent_list: what it lists
        :param dict values: the parameters of the request
        """
        return request.render(template, self._prepare_portal_agent_list_values(agent_list, values))

    def _prepare_portal_agent_list_values(self, agent_list, values):
        """Prepare a list: the records of one page of it, its searchbar and its pager.

        :param AgentList agent_list: what is listed
        :param dict values: the parameters of the request
        :rtype: dict
        """
        customer = self._get_portal_agent_customer(values)
        state = agent_list.read_state(values, customer)
        args = agent_list.get_url_args(state)
        records, total, pager = self._search_portal_agent_list(
            agent_list, state, customer, args, params.get_number(values.get("page"), 1)
        )
        return self._prepare_portal_agent_values(
            agent_list.name,
            agent_list.title,
            values,
            customer,
            selector_url=self._get_portal_agent_selector_url(
                agent_list.url, {key: value for key, value in args.items() if key != "customer"}
            ),
            is_empty=not total,
        ) | {
            "agent_list": agent_list,
            "agent_state": state,
            "agent_first_day": params.FIRST_DAY,
            "agent_last_day": params.LAST_DAY,
            "agent_args": args,
            "agent_total": total,
            "agent_groups": agent_list.get_groups(state, records),
            "agent_records": records,
            "agent_offset": pager["offset"],
            "agent_show_all": request.env._(
                "Show all, not only “%(filter)s”", filter=agent_list.filters[state.filterby]["label"]
            ),
            "agent_url_with": lambda **changes: self._get_portal_agent_url_with(agent_list, args, changes),
            "agent_export_url": lambda extension: self._get_portal_agent_export_url(agent_list, args, extension),
            "pager": pager,
        }

    def _search_portal_agent_list(self, agent_list, state, customer, args, page):
        """Search one page of a list; where it has fewer pages, its last one.

        :param AgentList agent_list: what is listed
        :param ListState state: what is chosen in it
        :param customer: the selected customer
        :param dict args: what is chosen, as query string parameters
        :param int page: the number of the page that the visitor asked for
        :return: the records, how many there are on all pages, and the portal's pager
        :rtype: tuple[recordset, int, dict]
        """
        step = self._items_per_page
        search = functools.partial(agent_list.search_page, state, customer, step)
        offset = step * max(page - 1, 0)
        records, total = search(offset)
        if offset and not records:
            total = search()[1]
        pager = portal_pager(url=agent_list.url, total=total, page=page, step=step, url_args=args)
        if offset and not records and total:
            records, total = search(pager["offset"])
        self._fetch_portal_agent_records(records)
        return records, total, pager

    def _fetch_portal_agent_records(self, records):
        """Read what a list shows of its records, and of the contacts that documents are for.

        :param records: what was found under the agent's record rules
        """
        records._fetch_for_portal_agent()
        if "partner_id" in records._fields:
            records.partner_id._fetch_for_portal_agent()

    def _get_portal_agent_customer_grouping(self):
        """Return the grouping of documents by customer: two customers of one name are two groups.

        :rtype: dict
        """
        return {
            "label": request.env._("By customer"),
            "order": "partner_id",
            "key": lambda record: record.partner_id.commercial_partner_id,
            "title": lambda customer: customer.display_name,
        }

    def _get_portal_agent_month_grouping(self, get_day):
        """Return the grouping of documents by month, the latest first.

        :param callable get_day: function from a document to its day
        :rtype: dict
        """
        return {
            "label": request.env._("By month"),
            "sortby": "date",
            "key": lambda record: get_day(record).replace(day=1),
            "title": lambda month: format_date(request.env, month, date_format="LLLL yyyy"),
        }

    def _get_portal_agent_url_with(self, agent_list, args, changes):
        """Return the address of a list with something else chosen, from its first page.

        :param AgentList agent_list: what is listed
        :param dict args: what is chosen now, as query string parameters
        :param dict changes: what to choose instead; ``None`` to choose nothing
        :rtype: str
        """
        query = urlencode({key: value for key, value in (args | changes).items() if value})
        return f"{agent_list.url}?{query}" if query else agent_list.url

    def _get_portal_agent_export_url(self, agent_list, args, extension):
        """Return the address of a list's export, as it is filtered.

        :rtype: str
        """
        return f"{agent_list.url}/export?{urlencode({'format': extension} | args)}"

    def _get_portal_agent_document_url(self, record, args=None, position=None):
        """Return the address of a record's page.

        :param record: the document or customer
        :param dict args: what is chosen in the list that leads there
        :param int position: its position in that list, which previous and next are counted from
        :rtype: str
        """
        path = f"{HOME}/{self._get_portal_agent_path(record)}/{record.id}"
        query = urlencode((args or {}) | ({} if position is None else {"position": position}))
        return f"{path}?{query}" if query else path

    def _get_portal_agent_path(self, record):
        """Return the part of the address that says what a record is. Who adds a page extends it.

        :rtype: str
        :raise NotImplementedError: for a record of a model that has no page
        """
        paths = {"sale.order": "orders", "account.move": "invoices", "res.partner": "customers"}
        if record._name not in paths:
            raise NotImplementedError(f"No page under {HOME} shows {record._name}: extend _get_portal_agent_path.")
        return paths[record._name]

    def _get_portal_agent_record_pager(self, agent_list, state, customer, record, values):
        """Return the addresses of the documents before and after one, in the list that led to it.

        The list stands in the address, so that two tabs don't disturb each other. A document that
        has moved in it since has no neighbours.

        :param AgentList agent_list: the list
        :param ListState state: what is chosen in it
        :param customer: the selected customer
        :param record: the document
        :param dict values: the parameters of the request
        :return: ``prev_record`` and ``next_record``, for the portal's pager
        :rtype: dict
        """
        position = params.get_number(values.get("position"), -1)
        if position < 0:
            return {}
        start = max(position - 1, 0)
        neighbours, _total = agent_list.search_page(state, customer, limit=3, offset=start)
        if neighbours[position - start : position - start + 1] != record:
            return {}
        args = agent_list.get_url_args(state)
        before, after = neighbours[: position - start], neighbours[position - start + 1 :][:1]
        return {
            "prev_record": before and self._get_portal_agent_document_url(before, args, position - 1),
            "next_record": after and self._get_portal_agent_document_url(after, args, position + 1),
        }

    def _get_portal_agent_list_page(self, values):
        """Return the number of the list's page that a document is on.

        :param dict values: the parameters of the request
        :rtype: int
        """
        return params.get_number(values.get("position"), 0) // self._items_per_page + 1
