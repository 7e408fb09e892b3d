import functools
import re

from markupsafe import Markup, escape

from .context import HOME, get_url

# Break after these signs. "&" and ";" are excluded, because they delimit an escaped character.
_SIGN_RE = re.compile(r"[/@._](?=\w)")


class AgentPage:
    """A page of an agent: common layout, with hooks for title, content and navigation.

    :cvar str name: name of the tab to which the page belongs
    :cvar str template: XML id of its template
    :ivar is_empty: whether the content shows no record, so that the page has to check whether the agent has customers
    """

    name = ""
    template = ""

    def __init__(self, context):
        self.context = context
        self.env = context.env
        self.customer = context.customer
        self.is_empty = True

    # Hooks

    def get_title(self):
        """Return the title of the page.

        :rtype: str
        """
        raise NotImplementedError()

    def get_content(self):
        """Prepare the content of the page.

        :return: values of its template
        :rtype: dict
        """
        return {}

    def get_parents(self):
        """Return the pages between the home page and this one, for the breadcrumbs.

        :return: pairs of label and URL
        :rtype: list[tuple[str, str]]
        """
        return []

    def get_selector_url(self):
        """Return the URL for selecting a customer, with a placeholder for the id.

        :rtype: str
        """
        return self.context.make("selector").get_url(HOME)

    def get_tabs(self, args):
        """Return the tabs of the navigation.

        :param dict args: query string parameters that the links keep
        :return: ``{name: {"label", "icon", "url"}}``
        :rtype: dict
        """
        home = {"label": self.env._("Overview"), "icon": "fa-dashboard", "url": get_url(HOME, args)}
        lists = [self.context.make(name) for name in self.get_tab_names()]
        return {"dashboard": home} | {
            each.name: {"label": each.get_title(), "icon": each.icon, "url": get_url(each.path, args)} for each in lists
        }

    def get_tab_names(self):
        """Return the names of the lists in the navigation, in display order.

        :rtype: list[str]
        """
        return ["customers", "quotations", "orders", "invoices"]

    # Common to all pages

    def get_values(self):
        """Prepare the values of the page. Website designers get those of an agent without customers.

        :return: values of its template
        :rtype: dict
        """
        content = self.get_content()
        has_customers = bool(self.customer) or not self.is_empty or self.context.has_customers()
        return self.get_layout() | content | {"agent_has_customers": has_customers}

    def get_layout(self):
        """Prepare the common layout of the page.

        :return: values of the layout's template
        :rtype: dict
        """
        title = self.get_title()
        customer_args = {"customer": self.customer.id} if self.customer else {}
        tabs = self.get_tabs(self.get_tab_args(customer_args))
        selector = self.context.make("selector")
        return selector.get_values(self.get_selector_url()) | {
            "page_name": "portal_agent",
            "additional_title": title,
            "agent_page": self.name,
            "agent_title": title,
            "agent_pages": tabs,
            "agent_breadcrumbs": self._get_breadcrumbs(title, get_url(HOME, customer_args)),
            "agent_customer": self.customer,
            "agent_customer_args": customer_args,
            "agent_query": get_url("", customer_args),
            "agent_document_url": self.context.get_record_url,
            "agent_breakable": self.break_up,
            "agent_badge": functools.cache(self._render_badge),
            "agent_args": None,
        }

    def get_tab_args(self, customer_args):
        """Return the query string parameters that the links of the navigation keep.

        :param dict customer_args: parameters that select the customer
        :rtype: dict
        """
        return customer_args

    def _get_breadcrumbs(self, title, home_url):
        """Return the breadcrumbs. The last one is the current page, which has no URL."""
        home = self.env._("Agent My Account")
        if self.name == "dashboard":
            return [(home, None)]
        return [(home, home_url), *self.get_parents(), (title, None)]

    def break_up(self, text):
        """Allow line breaks after the punctuation of an email address or URL, instead of inside a word.

        :param text: text, ``None`` or ``False``
        :rtype: Markup
        """
        return Markup(_SIGN_RE.sub(r"\g<0><wbr/>", str(escape(text or ""))))

    def _render_badge(self, label, color, icon):
        """Render the status of a document, once for all rows with the same status."""
        return self.env["ir.ui.view"]._render_template(
            "portal_agent_account.portal_agent_badge", {"status": {"label": label, "color": color, "icon": icon}}
        )
