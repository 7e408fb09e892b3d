from functools import cached_property
from urllib.parse import urlencode

from werkzeug.exceptions import NotFound

from . import params

HOME = "/my/agent"


class PageContext:
    """What a page is made from: who asks, what for, and the classes of all pages.

    :ivar env: the environment of the request; on an agent's route the agent's record rules count in it. Those who
        design the website find no record with it: see ``models/ir_rule.py``.
    :ivar dict params: the parameters of the request, as the visitor sent them
    :ivar dict classes: the classes of lists and pages by name, those of other addons included
    :ivar customer: the customer that the query string selects, a ``res.partner`` of one record or none
    :raise NotFound: for a customer that is not the agent's, or does not exist
    """

    def __init__(self, env, query, classes):
        self.env = env
        self.params = query
        self.classes = classes
        self.customer = self._get_customer()

    def _get_customer(self):
        value = self.params.get("customer")
        if value is None or value == "":
            return self.env["res.partner"]
        return self.find("res.partner", params.get_id(value))

    def make(self, name, *args, **kwargs):
        """Make a list or a page.

        :param str name: its name among the classes
        :param args: what its constructor takes beside the context
        """
        return self.classes[name](self, *args, **kwargs)

    def find(self, model_name, record_id, *domain):
        """Return a record that the agent's pages may show.

        :param str model_name: its model
        :param int record_id: the id that the visitor asked for
        :param Domain domain: what else it has to be
        :raise NotFound: for one that is not the agent's, or does not exist
        """
        record = self.env[model_name]._find_for_portal_agent(record_id, *domain)
        if not record:
            raise NotFound()
        return record

    def has_customers(self):
        """Return whether any customer is assigned to the agent.

        :rtype: bool
        """
        Partner = self.env["res.partner"]
        return bool(Partner.search_count(Partner._get_portal_agent_domain(), limit=1))

    def get_record_url(self, record, args=None, position=None):
        """Return the address of a record's page.

        :param record: the document or customer
        :param dict args: what is chosen in the list that leads there
        :param int position: its position in that list, which previous and next are counted from
        :rtype: str
        :raise NotImplementedError: for a record of a model that has no page
        """
        path = self._record_paths.get(record._name)
        if not path:
            raise NotImplementedError(f"No page under {HOME} shows {record._name}: add one to _get_portal_agent_pages.")
        return get_url(f"{path}/{record.id}", (args or {}) | ({} if position is None else {"position": position}))

    @cached_property
    def _record_paths(self):
        pages = (page for page in self.classes.values() if getattr(page, "record_model", None))
        return {page.record_model: page.path for page in pages}


def get_url(path, args):
    """Return an address.

    :param str path: the address without a query string
    :param dict args: the query string's parameters
    :rtype: str
    """
    return f"{path}?{urlencode(args)}" if args else path
