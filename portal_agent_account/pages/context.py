from functools import cached_property
from urllib.parse import urlencode

from werkzeug.exceptions import NotFound

from . import params

HOME = "/my/agent"


class PageContext:
    """The context of a page: environment, request parameters and the classes of all pages.

    :ivar env: environment of the request. On an agent's route, the agent's record rules apply to it. Website designers
        find no record with it; see ``models/ir_rule.py``.
    :ivar dict params: request parameters as sent by the visitor
    :ivar dict classes: classes of lists and pages by name, including those of other addons
    :ivar customer: customer selected in the query string, a single ``res.partner`` or an empty recordset
    :raise NotFound: if the selected customer doesn't exist or isn't the agent's
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
        """Create a list or a page.

        :param str name: name of the class
        :param args: arguments of its constructor after the context
        """
        return self.classes[name](self, *args, **kwargs)

    def find(self, model_name, record_id, *domain):
        """Return a record that the agent's pages may show.

        :param str model_name: name of the model
        :param int record_id: id requested by the visitor
        :param Domain domain: additional condition
        :raise NotFound: if the record doesn't exist or isn't the agent's
        """
        record = self.env[model_name]._find_for_portal_agent(record_id, *domain)
        if not record:
            raise NotFound()
        return record

    def has_customers(self):
        """Return whether the agent has any customer.

        :rtype: bool
        """
        Partner = self.env["res.partner"]
        return bool(Partner.search_count(Partner._get_portal_agent_domain(), limit=1))

    def get_record_url(self, record, args=None, position=None):
        """Return the URL of a record's page.

        :param record: document or customer
        :param dict args: URL parameters of the list that links to the record
        :param int position: position of the record in that list, used for the previous and next links
        :rtype: str
        :raise NotImplementedError: if the model of the record has no page
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
    """Return a URL with a query string.

    :param str path: URL without a query string
    :param dict args: parameters of the query string
    :rtype: str
    """
    return f"{path}?{urlencode(args)}" if args else path
