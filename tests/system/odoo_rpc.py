"""A client of Odoo's JSON-RPC, as an integration would write one."""

import itertools

import requests


class OdooError(Exception):
    """What Odoo answered instead of a result."""


class OdooRpc:
    """A logged-in session on a server.

    :param str url: the server's address
    :param str database: the database
    :param str login: the user's login
    :param str password: the user's password
    """

    _ids = itertools.count(1)

    def __init__(self, url, database, login="admin", password="admin"):
        self.url = url
        self.session = requests.Session()
        self.session.headers["Connection"] = "close"  # a server that is stopped waits for connections that stay open
        self.uid = self.post("/web/session/authenticate", {"db": database, "login": login, "password": password})["uid"]

    def post(self, path, params, timeout=180):
        """Call a JSON-RPC route.

        :param str path: the route
        :param dict params: its parameters
        :param float timeout: seconds to wait for the answer
        :return: the result
        :raise OdooError: Odoo answered with an error
        """
        answer = self.session.post(
            self.url + path,
            json={"jsonrpc": "2.0", "method": "call", "id": next(self._ids), "params": params},
            timeout=timeout,
        ).json()
        if "error" in answer:
            raise OdooError(answer["error"]["data"]["message"])
        return answer["result"]

    def call(self, model, method, *args, **kwargs):
        """Call a public method of a model.

        :param str model: the model
        :param str method: the method
        :return: what it returned
        :raise OdooError: Odoo answered with an error
        """
        return self.post(
            "/web/dataset/call_kw", {"model": model, "method": method, "args": list(args), "kwargs": kwargs}
        )

    def create(self, model, **values):
        """Create a record.

        :param str model: the model
        :return: its id
        :rtype: int
        """
        return self.call(model, "create", [values])[0]

    def read(self, model, domain, *fields):
        """Search and read records.

        :param str model: the model
        :param list domain: which records
        :param str fields: which fields
        :rtype: list[dict]
        """
        return self.call(model, "search_read", domain, list(fields), order="id", context={"active_test": False})
