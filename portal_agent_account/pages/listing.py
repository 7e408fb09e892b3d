from dataclasses import dataclass, fields
from datetime import date, time
from functools import cached_property

from odoo.fields import Domain
from odoo.tools.sql import escape_psql

from . import params
from .context import get_url


class AgentList:
    """A list of records with its search options and the visitor's choices.

    The page and its export use the same class. Other addons extend the methods of the first section.

    :cvar str name: name of the class in the context, and of the tab in the navigation
    :cvar str path: URL of its page
    :cvar str icon: icon of its tab
    :cvar str template: XML id of the page's template
    :cvar str model_name: model of its records
    :cvar str date_field: field of the date range, if the list has one
    :cvar int page_size: number of records per page
    :cvar tuple fetched_links: many2one fields whose records the page also shows
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
        """Create a list.

        :param PageContext context: context of the page
        :param dict query: choices of the visitor; the request's parameters by default
        :param customer: ``res.partner`` whose records are listed; the selected customer by default
        """
        self.context = context
        self.env = context.env
        self.model = context.env[self.model_name]
        self.customer = context.customer if customer is None else customer
        self.query = context.params if query is None else query

    # Content and options

    def get_title(self):
        """Return the title of the list.

        :rtype: str
        """
        raise NotImplementedError()

    def get_base_domain(self):
        """Return the condition for the records of the list, before filtering and searching.

        :rtype: Domain
        """
        return self.model._get_portal_agent_domain()

    def sortings(self):
        """Return the sort options. The first one is the default.

        :return: ``{key: {"label", "order"}}``
        :rtype: dict
        """
        raise NotImplementedError()

    def filters(self):
        """Return the filters. The first one is the default.

        :return: ``{key: {"label", "domain"}}``, where ``domain`` is a Domain or a function without arguments
        :rtype: dict
        """
        return {"all": {"label": self.env._("All"), "domain": Domain.TRUE}}

    def inputs(self):
        """Return the search options. The first one is the default.

        :return: ``{key: {"label", "domain"}}``, where ``domain`` is a function from a pattern to a Domain
        :rtype: dict
        """
        raise NotImplementedError()

    def groupings(self):
        """Return the grouping options.

        :return: ``{key: {"label", "order", "key", "title", "groupby", "domain"}}``: ``key`` is a function from a record
            to the key of its group, ``title`` a function from that key to the group's title, ``groupby`` the
            corresponding ``_read_group`` specification, and ``domain`` a function from keys to the condition for their
            records
        :rtype: dict
        """
        return {}

    def columns(self):
        """Return the columns of the export.

        :return: titles, and functions from a record to a value: text, date, number or ``Amount``
        :rtype: list[tuple[str, callable]]
        """
        raise NotImplementedError()

    def read_totals(self):
        """Return the totals of the whole list, across all pages.

        :rtype: list[Total]
        """
        return []

    def read_group_totals(self, keys):
        """Return the totals of groups.

        :param list keys: keys of the groups
        :return: totals by key
        :rtype: dict[object, list[Total]]
        """
        return {}

    def fetch(self, records):
        """Fetch the fields of the records that the page shows.

        :param records: records found under the agent's record rules
        """
        records._fetch_for_portal_agent()
        for name in self.fetched_links:
            records[name]._fetch_for_portal_agent()

    def get_page_values(self, records):
        """Return additional values for the list's template.

        :param records: records on the page
        :rtype: dict
        """
        return {}

    # Choices of the visitor

    @cached_property
    def options(self):
        """Options of the list, computed once."""
        return ListOptions(self.sortings(), self.filters(), self.inputs(), self.groupings())

    @cached_property
    def state(self):
        """Choices of the visitor, read from the query string."""
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
        """Query string parameters for the current choices, without default values."""
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
        """Return the URL of the list with the current choices.

        :param int page: number of the page
        :rtype: str
        """
        return get_url(f"{self.path}/page/{page}" if page > 1 else self.path, self.url_args)

    def get_url_with(self, **changes):
        """Return the URL of the first page of the list with other choices.

        :param changes: new values; ``None`` removes a choice
        :rtype: str
        """
        return get_url(self.path, {key: value for key, value in (self.url_args | changes).items() if value})

    def get_export_url(self, extension):
        """Return the URL of the export with the current choices.

        :rtype: str
        """
        return get_url(f"{self.path}/export", {"format": extension} | self.url_args)

    # Search

    def get_domain(self):
        """Return the condition for all records of the list, across all pages.

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
        """Condition of the chosen filter, computed once because it may read the figures of all customers."""
        domain = self.options.filters[self.state.filterby]["domain"]
        return domain() if callable(domain) else domain

    def _get_search_domain(self):
        """Return the condition for the search text, in which ``%`` and ``_`` are ordinary characters."""
        if not self.state.search:
            return Domain.TRUE
        return self.options.inputs[self.state.search_in]["domain"](escape_psql(self.state.search))

    def _get_date_domain(self):
        return self._get_days_domain(self.state.date_from, self.state.date_to)

    def _get_days_domain(self, first, last):
        """Return the condition for a date range, both days included, in the visitor's time zone."""
        domain = Domain.TRUE
        if first:
            domain &= Domain(self.date_field, ">=", self._get_moment(first, time.min))
        if last:
            domain &= Domain(self.date_field, "<=", self._get_moment(last, time.max))
        return domain

    def _get_moment(self, day, clock):
        """Return the day for a date field, or the time of the day in UTC for a datetime field."""
        if self.model._fields[self.date_field].type == "date":
            return day
        return self.model._get_portal_agent_moment(day, clock)

    def get_order(self):
        """Return the sort order: group, chosen sort, newest first as tie-break.

        :rtype: str
        """
        grouping = self.options.groupings.get(self.state.groupby, {})
        terms = (grouping.get("order"), self.options.sortings[self.state.sortby]["order"], "id desc")
        return ", ".join(filter(None, terms))

    def search_page(self, limit, offset=0):
        """Search one page of the list and count the whole list.

        :param int limit: maximum number of records on the page
        :param int offset: number of records before the page
        :return: records of the page, and number of records across all pages
        :rtype: tuple[recordset, int]
        """
        return self.model._search_portal_agent_page(self.get_domain(), self.get_order(), limit, offset)

    def search_all(self):
        """Search all records of the list, across all pages."""
        found = self.model._search(self.get_domain(), order=self.get_order())
        return self.model.browse(found)

    def read_batches(self, records, size):
        """Iterate over many records without keeping their values in the cache.

        :param records: records from :meth:`search_all`
        :param int size: number of records to read at once
        :rtype: Iterator
        """
        for start in range(0, len(records), size):
            yield records.browse(records._ids[start : start + size])
            self.env.invalidate_all(flush=False)

    # Groups

    def get_groups(self, records):
        """Return the records of a page by group.

        :param records: records on the page
        :return: ``[{"title", "rows", "totals"}]``, where ``title`` is empty without grouping or records, ``rows`` are
            numbered records, and ``totals`` cover the whole group across all pages
        :rtype: list[dict]
        """
        numbered = list(enumerate(records))
        if not self.state.groupby or not records:
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
    """The options of a list."""

    sortings: dict
    filters: dict
    inputs: dict
    groupings: dict


@dataclass(frozen=True)
class ListState:
    """The visitor's choices in a list. The URL holds the page's whole state."""

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
        """Whether a search text or a date range may hide records."""
        return bool(self.search or self.date_from or self.date_to)
