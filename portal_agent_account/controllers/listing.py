"""What a list of the agent's pages is made of, and what a visitor asked of it."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import date, time
from urllib.parse import urlencode

from odoo.fields import Domain
from odoo.tools.sql import escape_psql

from . import params


@dataclass
class AgentList:
    """One list: its records and the options that its searchbar offers.

    Controllers make it in ``_get_portal_agent_…_list`` out of hooks, one for each option, so that
    another addon extends the hook. The page and its export read the same list.

    :param model: empty recordset of what is listed, in the environment of the request
    :param url: address of the page
    :param domain: what the page lists before anything is chosen
    :param sortings: ``{key: {"label", "order"}}``; the first one is the default
    :param filters: ``{key: {"label", "domain"}}``; the first one is the default
    :param inputs: ``{key: {"label", "domain": function from a pattern to a domain}}``
    :param groupings: ``{key: {"label", "order", "key", "title"}}``: ``key`` is a function from a record to what
        it has in common with its group, ``title`` one from that to the group's title. One whose groups
        come in an order of their own has ``"sortby"``, the sorting that it comes with, for ``"order"``.
    :param date_field: field that the date range is about, if the list has one
    :param columns: the export's ``[(title, function from a record to a value)]``
    """

    name: str
    title: str
    url: str
    model: object
    domain: Domain
    sortings: dict
    filters: dict
    inputs: dict
    groupings: dict = field(default_factory=dict)
    date_field: str = ""
    columns: Callable = list

    def read_state(self, values, customer):
        """Make sense of a query string.

        :param dict values: the parameters of the request
        :param customer: the selected customer, a ``res.partner`` of one record or none
        :rtype: ListState
        """
        groupby = params.get_choice(values.get("groupby"), self.groupings, "")
        sortby = params.get_choice(values.get("sortby"), self.sortings, next(iter(self.sortings)))
        return ListState(
            customer=customer.id or 0,
            search=params.get_text(values.get("search")),
            search_in=params.get_choice(values.get("search_in"), self.inputs, next(iter(self.inputs))),
            filterby=params.get_choice(values.get("filterby"), self.filters, next(iter(self.filters))),
            sortby=self._get_grouping(groupby).get("sortby", sortby),
            groupby=groupby,
            date_from=params.get_date(values.get("date_from")) if self.date_field else None,
            date_to=params.get_date(values.get("date_to")) if self.date_field else None,
        )

    def get_url_args(self, state):
        """Return the query string's parameters that bring a visitor back to what they see.

        :param ListState state: what is chosen; defaults are left out
        :rtype: dict
        """
        default = self.read_state({}, self.model.env["res.partner"])
        args = {
            each.name: value
            for each in fields(state)
            if (value := getattr(state, each.name)) and value != getattr(default, each.name)
        }
        if "search" not in args:
            args.pop("search_in", None)
        return args

    def get_url(self, state, page=1):
        """Return the address of the list as it is seen.

        :param ListState state: what is chosen
        :param int page: which page of it
        :rtype: str
        """
        path = f"{self.url}/page/{page}" if page > 1 else self.url
        args = urlencode(self.get_url_args(state))
        return f"{path}?{args}" if args else path

    def get_domain(self, state, customer):
        """Return the condition for everything that is listed, on whatever page.

        :param ListState state: what is chosen
        :param customer: the selected customer, a ``res.partner`` of one record or none
        :rtype: Domain
        """
        return (
            self.domain
            & self.model._get_portal_agent_customer_domain(customer)
            & self._get_filter_domain(state)
            & self._get_search_domain(state)
            & self._get_date_domain(state)
        )

    def _get_filter_domain(self, state):
        domain = self.filters[state.filterby]["domain"]
        return domain() if callable(domain) else domain

    def _get_search_domain(self, state):
        """Search for what was typed; ``%`` and ``_`` are characters like others."""
        if not state.search:
            return Domain.TRUE
        return self.inputs[state.search_in]["domain"](escape_psql(state.search))

    def _get_date_domain(self, state):
        """Take both ends of the date range in; days are those of the visitor's time zone."""
        domain = Domain.TRUE
        if state.date_from:
            domain &= Domain(self.date_field, ">=", self._get_moment(state.date_from, time.min))
        if state.date_to:
            domain &= Domain(self.date_field, "<=", self._get_moment(state.date_to, time.max))
        return domain

    def _get_moment(self, day, clock):
        """Return a day, or where the field has a time the moment in UTC when it begins or ends."""
        if self.model._fields[self.date_field].type == "date":
            return day
        return self.model._get_portal_agent_moment(day, clock)

    def search_page(self, state, customer, limit, offset=0):
        """Search one page of the list, and count all of it.

        :param ListState state: what is chosen
        :param customer: the selected customer, a ``res.partner`` of one record or none
        :param int limit: how many records the page shows at most
        :param int offset: how many come before them
        :return: the page's records, and how many there are on all pages
        :rtype: tuple[recordset, int]
        """
        return self.model._search_portal_agent_page(
            self.get_domain(state, customer), self.get_order(state), limit, offset, customer
        )

    def get_order(self, state):
        """Return the order of the records: groups first, then what was chosen, the newest last word.

        :param ListState state: what is chosen
        :rtype: str
        """
        terms = (self._get_grouping(state.groupby).get("order"), self.sortings[state.sortby]["order"], "id desc")
        return ", ".join(filter(None, terms))

    def is_order_given(self, state):
        """Return whether the groups come in an order of their own, and no other can be chosen.

        :param ListState state: what is chosen
        :rtype: bool
        """
        return "sortby" in self._get_grouping(state.groupby)

    def get_groups(self, state, records):
        """Return the records of a page in their groups.

        :param ListState state: what is chosen
        :param records: what the page shows
        :return: pairs of a title, empty where nothing is grouped, and the numbered records
        :rtype: list[tuple[str, list[tuple[int, record]]]]
        """
        numbered = list(enumerate(records))
        if not state.groupby:
            return [("", numbered)]
        grouping = self.groupings[state.groupby]
        groups = {}
        for number, record in numbered:
            groups.setdefault(grouping["key"](record), []).append((number, record))
        return [(grouping["title"](key), members) for key, members in groups.items()]

    def _get_grouping(self, groupby):
        return self.groupings[groupby] if groupby else {}


@dataclass(frozen=True)
class ListState:
    """What a visitor asked of a list: all of it stands in the address of the page."""

    customer: int
    search: str
    search_in: str
    filterby: str
    sortby: str
    groupby: str
    date_from: date | None
    date_to: date | None

    @property
    def is_narrowed(self):
        """Whether there may be more to see with less chosen."""
        return bool(self.search or self.date_from or self.date_to)
