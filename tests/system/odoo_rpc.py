"""A client of Odoo's JSON-RPC interface, as an integration would use it."""

import itertools

import requests


class OdooError(Exception):
    """An error response of Odoo."""


class OdooRpc:
    """A signed-in session on a server.

    :param str url: the server's URL
    :param str database: name of the database
    :param str login: the user's login
    :param str password: the user's password
    """

    _ids = itertools.count(1)

    def __init__(self, url, database, login="admin", password="admin"):
        self.url = url
        self.session = requests.Session()
        self.session.headers["Connection"] = "close"  # at shutdown, a server waits for open connections
        self.uid = self.post("/web/session/authenticate", {"db": database, "login": login, "password": password})["uid"]

    def post(self, path, params, timeout=180):
        """Call a JSON-RPC route.

        :param str path: path of the route
        :param dict params: parameters of the route
        :param float timeout: seconds to wait for the answer
        :return: the result
        :raise OdooError: if Odoo answers with an error
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

        :param str model: name of the model
        :param str method: name of the method
        :param args: positional arguments of the method
        :param kwargs: keyword arguments of the method
        :return: the result of the method
        :raise OdooError: if Odoo answers with an error
        """
        return self.post(
            "/web/dataset/call_kw", {"model": model, "method": method, "args": list(args), "kwargs": kwargs}
        )

    def create(self, model, **values):
        """Create a record.

        :param str model: name of the model
        :param values: values of the fields
        :return: the record's id
        :rtype: int
        """
        return self.call(model, "create", [values])[0]

    def read(self, model, domain, *fields):
        """Search and read records.

        :param str model: name of the model
        :param list domain: search domain
        :param str fields: names of the fields
        :rtype: list[dict]
        """
        return self.call(model, "search_read", domain, list(fields), order="id", context={"active_test": False})
