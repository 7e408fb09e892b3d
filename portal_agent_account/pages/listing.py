from dataclasses import dataclass, fields
from datetime import date, time
from functools import cached_property

from odoo.fields import Domain
from odoo.tools.sql import escape_psql

from . import params
from .context import get_url


class AgentList:
    """A list of records: what it lists, what its searchbar offers and what a visitor chose of that.

    The page and its export are made of the same list. Another addon extends the methods of the first part.

    :cvar str name: its name among the classes, and the tab of the navigation
    :cvar str path: the address of its page
    :cvar str icon: the icon of its tab
    :cvar str template: the XML-id of the page's template
    :cvar str model_name: the model of its records
    :cvar str date_field: the field that the date range is about, if the list has one
    :cvar int page_size: how many records a page shows
    :cvar tuple fetched_links: many2one fields whose records the page shows, too
    """

    name = ""
    path = ""
    icon = "fa-list"
    template = ""
    model_name = ""
    date_field = ""
    page_size = 80
    fetched_links = ()

    def __init__(self, context, query=None, customer=None):
        """Make a list.

        :param PageContext context: what the page is made from
        :param dict query: what is chosen; the request's parameters by default
        :param customer: whose records are listed, a ``res.partner``; the selected customer by default
        """
        self.context = context
        self.env = context.env
        self.model = context.env[self.model_name]
        self.customer = context.customer if customer is None else customer
        self.query = context.params if query is None else query

    # What it lists, and what it offers

    def get_title(self):
        """Return the title of the list.

        :rtype: str
        """
        raise NotImplementedError()

    def get_base_domain(self):
        """Return what is listed before anything is chosen.

        :rtype: Domain
        """
        return self.model._get_portal_agent_domain()

    def sortings(self):
        """Return the orders that the list can be sorted in. The first one is the default.

        :return: ``{key: {"label", "order"}}``
        :rtype: dict
        """
        raise NotImplementedError()

    def filters(self):
        """Return the filters that the list offers. The first one is the default.

        :return: ``{key: {"label", "domain": a Domain or a function without parameters that returns one}}``
        :rtype: dict
        """
        return {"all": {"label": self.env._("All"), "domain": Domain.TRUE}}

    def inputs(self):
        """Return what can be searched. The first one is the default.

        :return: ``{key: {"label", "domain": function from a pattern to a Domain}}``
        :rtype: dict
        """
        raise NotImplementedError()

    def groupings(self):
        """Return what the list can be grouped by.

        :return: ``{key: {"label", "order", "key", "title", "groupby", "domain"}}``: ``key`` is a function from a record
            to what it has in common with its group, ``title`` one from that to the group's title. ``groupby`` is
            the same for ``_read_group``, and ``domain`` a function from keys to the condition for their records.
        :rtype: dict
        """
        return {}

    def columns(self):
        """Return the columns of the export.

        :return: titles, and functions from a record to a value: text, a day, a number or an ``Amount``
        :rtype: list[tuple[str, callable]]
        """
        raise NotImplementedError()

    def read_totals(self):
        """Sum up everything that the list shows, on whatever page.

        :rtype: list[Total]
        """
        return []

    def read_group_totals(self, keys):
        """Sum up groups.

        :param list keys: what the records of each group have in common
        :return: totals by key
        :rtype: dict[object, list[Total]]
        """
        return {}

    def fetch(self, records):
        """Read what the page shows of its records.

        :param records: what was found under the agent's record rules
        """
        records._fetch_for_portal_agent()
        for name in self.fetched_links:
            records[name]._fetch_for_portal_agent()

    def get_page_values(self, records):
        """Return what the list's template needs beside what every list has.

        :param records: the records that the page shows
        :rtype: dict
        """
        return {}

    # What a visitor chose

    @cached_property
    def options(self):
        """What the list offers, asked for once."""
        return ListOptions(self.sortings(), self.filters(), self.inputs(), self.groupings())

    @cached_property
    def state(self):
        """What a visitor chose, read from the query string."""
        return self._read_state(self.query, self.customer.id or 0)

    def _read_state(self, query, customer_id):
        offered = self.options
        days = [params.get_date(query.get(name)) if self.date_field else None for name in ("date_from", "date_to")]
        if all(days):
            days.sort()
        return ListState(
            customer=customer_id,
            search=params.get_text(query.get("search")),
            search_in=params.get_choice(query.get("search_in"), offered.inputs, next(iter(offered.inputs))),
            filterby=params.get_choice(query.get("filterby"), offered.filters, next(iter(offered.filters))),
            sortby=params.get_choice(query.get("sortby"), offered.sortings, next(iter(offered.sortings))),
            groupby=params.get_choice(query.get("groupby"), offered.groupings, ""),
            date_from=days[0],
            date_to=days[1],
        )

    @cached_property
    def url_args(self):
        """The query string's parameters that bring a visitor back to what they see: defaults are left out."""
        default = self._read_state({}, 0)
        args = {
            each.name: value
            for each in fields(self.state)
            if (value := getattr(self.state, each.name)) and value != getattr(default, each.name)
        }
        if "search" not in args:
            args.pop("search_in", None)
        return args

    def get_url(self, page=1):
        """Return the address of the list as it is seen.

        :param int page: which page of it
        :rtype: str
        """
        return get_url(f"{self.path}/page/{page}" if page > 1 else self.path, self.url_args)

    def get_url_with(self, **changes):
        """Return the address of the list with something else chosen, from its first page.

        :param changes: what to choose instead; ``None`` to choose nothing
        :rtype: str
        """
        return get_url(self.path, {key: value for key, value in (self.url_args | changes).items() if value})

    def get_export_url(self, extension):
        """Return the address of the list's export, as it is filtered.

        :rtype: str
        """
        return get_url(f"{self.path}/export", {"format": extension} | self.url_args)

    # How it is searched

    def get_domain(self):
        """Return the condition for everything that is listed, on whatever page.

        :rtype: Domain
        """
        return (
            self.get_base_domain()
            & self.model._get_portal_agent_customer_domain(self.customer)
            & self.filter_domain
            & self._get_search_domain()
            & self._get_date_domain()
        )

    @cached_property
    def filter_domain(self):
        """The condition of the chosen filter, asked for once: it may have read the figures of all customers."""
        domain = self.options.filters[self.state.filterby]["domain"]
        return domain() if callable(domain) else domain

    def _get_search_domain(self):
        """Search for what was typed; ``%`` and ``_`` are characters like others."""
        if not self.state.search:
            return Domain.TRUE
        return self.options.inputs[self.state.search_in]["domain"](escape_psql(self.state.search))

    def _get_date_domain(self):
        return self._get_days_domain(self.state.date_from, self.state.date_to)

    def _get_days_domain(self, first, last):
        """Take both ends of a date range in; days are those of the visitor's time zone."""
        domain = Domain.TRUE
        if first:
            domain &= Domain(self.date_field, ">=", self._get_moment(first, time.min))
        if last:
            domain &= Domain(self.date_field, "<=", self._get_moment(last, time.max))
        return domain

    def _get_moment(self, day, clock):
        """Return a day, or where the field has a time the moment in UTC when it begins or ends."""
        if self.model._fields[self.date_field].type == "date":
            return day
        return self.model._get_portal_agent_moment(day, clock)

    def get_order(self):
        """Return the order of the records: group, chosen sort, newest first as tie-break.

        :rtype: str
        """
        grouping = self.options.groupings.get(self.state.groupby, {})
        terms = (grouping.get("order"), self.options.sortings[self.state.sortby]["order"], "id desc")
        return ", ".join(filter(None, terms))

    def search_page(self, limit, offset=0):
        """Search one page of the list, and count all of it.

        :param int limit: how many records the page shows at most
        :param int offset: how many come before them
        :return: the page's records, and how many there are on all pages
        :rtype: tuple[recordset, int]
        """
        return self.model._search_portal_agent_page(self.get_domain(), self.get_order(), limit, offset)

    def search_all(self):
        """Search everything that the list shows, on whatever page."""
        found = self.model._search(self.get_domain(), order=self.get_order())
        return self.model.browse(found)

    def read_batches(self, records, size):
        """Go through many records without keeping what is read of them.

        :param records: what ``search_all`` has found
        :param int size: how many are read at once
        :rtype: Iterator
        """
        for start in range(0, len(records), size):
            yield records.browse(records._ids[start : start + size])
            self.env.invalidate_all(flush=False)

    # How it is grouped

    def get_groups(self, records):
        """Return the records of a page in their groups.

        :param records: what the page shows
        :return: ``[{"title", "rows", "totals"}]``: the title empty where nothing is grouped, the rows being numbered
            records, the totals those of the whole group, whatever page the rest of it is on
        :rtype: list[dict]
        """
        numbered = list(enumerate(records))
        if not self.state.groupby:
            return [{"title": "", "rows": numbered, "totals": []}]
        grouping = self.options.groupings[self.state.groupby]
        groups = {}
        for number, record in numbered:
            groups.setdefault(grouping["key"](record), []).append((number, record))
        totals = self.read_group_totals(list(groups))
        return [
            {"title": grouping["title"](key), "rows": rows, "totals": totals.get(key, [])}
            for key, rows in groups.items()
        ]


@dataclass(frozen=True)
class ListOptions:
    """What a list offers."""

    sortings: dict
    filters: dict
    inputs: dict
    groupings: dict


@dataclass(frozen=True)
class ListState:
    """What a visitor chose in a list. The URL of the page holds all of it."""

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
