"""The common parts of quotations, sales orders and invoices: their lists and their pages."""

from datetime import datetime

from dateutil.relativedelta import relativedelta

from odoo.fields import Domain
from odoo.tools.misc import format_date

from . import params
from .listing import AgentList
from .page import AgentPage
from .totals import Sum, read_totals


class DocumentList(AgentList):
    """A list of documents, each of which belongs to a contact of a customer."""

    fetched_links = ("partner_id",)

    def inputs(self):
        domains = self.get_search_domains()
        everything = lambda pattern: Domain.OR(each["domain"](pattern) for each in domains.values())  # noqa: E731
        return {"all": {"label": self.env._("Everything"), "domain": everything}} | domains

    def get_search_domains(self):
        """Return the search options, without the one that searches everything.

        :return: see :meth:`inputs`
        :rtype: dict
        """
        return {"customer": {"label": self.env._("Customer"), "domain": self.get_contact_domain}}

    def get_contact_domain(self, pattern):
        """Return the condition for documents whose contact matches the search.

        :param str pattern: search text, escaped for ``ilike``
        :rtype: Domain
        """
        names = Domain("complete_name", "ilike", pattern) | Domain("ref", "ilike", pattern)
        return Domain("partner_id", "any!", names)

    def groupings(self):
        return {
            # The key is the record, because two customers with the same name are two groups.
            "customer": {
                "label": self.env._("By customer"),
                "order": "portal_agent_customer",
                "key": lambda record: record.partner_id.commercial_partner_id,
                "title": lambda customer: customer.display_name,
                "groupby": "partner_id.commercial_partner_id",
                "domain": self._get_customers_domain,
            },
            "month": {
                "label": self.env._("By month"),
                "order": f"portal_agent_month.{self.date_field} desc",
                "key": lambda record: self.get_day(record).replace(day=1),
                "title": lambda month: format_date(self.env, month, date_format="LLLL yyyy"),
                "groupby": f"{self.date_field}:month",
                "domain": self._get_months_domain,
            },
        }

    def _get_customers_domain(self, customers):
        ids = [customer.id for customer in customers]
        return Domain("partner_id", "any!", Domain("commercial_partner_id", "in", ids))

    def _get_months_domain(self, months):
        return self._get_days_domain(min(months), max(months) + relativedelta(months=1, days=-1))

    def get_sums(self):
        """Return the columns to sum up.

        :rtype: list[Sum]
        """
        return [Sum(self.env._("Total"), "amount_total")]

    def read_totals(self):
        return list(read_totals(self.model, self.get_domain(), self.get_sums()).values())[0]

    def read_group_totals(self, keys):
        grouping = self.options.groupings[self.state.groupby]
        domain = self.get_domain() & grouping["domain"](keys)
        totals = read_totals(self.model, domain, self.get_sums(), grouping["groupby"])
        # _read_group returns a datetime for the month of a datetime field.
        return {key.date() if isinstance(key, datetime) else key: value for key, value in totals.items()}

    def get_day(self, record):
        """Return the date of a document.

        :rtype: date
        """
        return record[self.date_field]


class DocumentPage(AgentPage):
    """The page of a document. Its URL holds the list that led to it, so that two tabs don't affect each other.

    :cvar str record_model: model of the records with this page
    :cvar str path: URL of the page without the id
    """

    record_model = ""
    path = ""

    def __init__(self, context, record):
        super().__init__(context)
        self.record = record
        self.list = context.make(self.get_list_name())
        self.name = self.list.name
        self.is_empty = False

    def get_list_name(self):
        """Return the name of the list that contains the document.

        :rtype: str
        """
        raise NotImplementedError()

    def get_title(self):
        return self.record.display_name

    def get_parents(self):
        page = params.get_number(self.context.params.get("position"), 0) // self.list.page_size + 1
        return [(self.list.get_title(), self.list.get_url(page))]

    def get_selector_url(self):
        return self.context.make("selector").get_url(self.list.path)

    def get_content(self):
        return self._get_neighbours()

    def _get_neighbours(self):
        """Return the URLs of the previous and the next document of the list.

        They are omitted if the document's position in the list has changed since.

        :return: ``prev_record`` and ``next_record`` for the portal's pager
        :rtype: dict
        """
        position = params.get_number(self.context.params.get("position"), -1)
        if position < 0:
            return {}
        start = max(position - 1, 0)
        found, _total = self.list.search_page(limit=3, offset=start)
        if found[position - start : position - start + 1] != self.record:
            return {}
        before, after = found[: position - start], found[position - start + 1 :][:1]
        get_url, args = self.context.get_record_url, self.list.url_args
        return {
            "prev_record": before and get_url(before, args, position - 1),
            "next_record": after and get_url(after, args, position + 1),
        }
