from odoo.addons.portal.controllers.portal import pager as portal_pager

from . import params
from .page import AgentPage


class ListPage(AgentPage):
    """The page of a list, with its records, searchbar and pager."""

    def __init__(self, context, agent_list):
        super().__init__(context)
        self.list = agent_list
        self.name = agent_list.name
        self.template = agent_list.template

    def get_title(self):
        return self.list.get_title()

    def get_selector_url(self):
        args = {key: value for key, value in self.list.url_args.items() if key != "customer"}
        return self.context.make("selector").get_url(self.list.path, args)

    def get_content(self):
        records, total, pager = self._search()
        self.is_empty = not total
        state, offered = self.list.state, self.list.options
        return self.list.get_page_values(records) | {
            "agent_list": self.list,
            "agent_options": offered,
            "agent_state": state,
            "agent_first_day": params.FIRST_DAY,
            "agent_last_day": params.LAST_DAY,
            "agent_args": self.list.url_args,
            "agent_total": total,
            "agent_totals": self.list.read_totals() if total else [],
            "agent_groups": self.list.get_groups(records),
            "agent_records": records,
            "agent_offset": pager["offset"],
            "agent_show_all": self.env._(
                "Show all, not only “%(filter)s”", filter=offered.filters[state.filterby]["label"]
            ),
            "pager": pager,
        }

    def _search(self):
        """Search one page of the list, or its last page if it has fewer pages.

        :return: records, total number of records, and the portal's pager
        :rtype: tuple[recordset, int, dict]
        """
        page, step = params.get_number(self.context.params.get("page"), 1), self.list.page_size
        offset = step * max(page - 1, 0)
        records, total = self.list.search_page(step, offset)
        if offset and not records:
            total = self.list.search_page(step)[1]
        pager = portal_pager(url=self.list.path, total=total, page=page, step=step, url_args=self.list.url_args)
        if offset and not records and total:
            records, total = self.list.search_page(step, pager["offset"])
        self.list.fetch(records)
        return records, total, pager
