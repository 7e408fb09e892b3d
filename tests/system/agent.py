"""Sign in, by default as the demo agent."""

import re

import requests

LOGIN = "agent"

PAGES = (
    "/my/agent",
    "/my/agent/customers",
    "/my/agent/quotations",
    "/my/agent/orders",
    "/my/agent/invoices",
)


def sign_in(page, login=LOGIN, password=LOGIN):
    """Sign in with the form of the open page.

    :param page: Playwright page
    :param str login: the user's login
    :param str password: the user's password
    """
    page.fill("form.oe_login_form input[name=login]", login)
    page.fill("form.oe_login_form input[name=password]", password)
    page.locator("form.oe_login_form button[type=submit]").click()


def log_in(url, login=LOGIN, password=LOGIN):
    """Sign in with the form, as a browser does.

    :param str url: the server's URL
    :param str login: the user's login
    :param str password: the user's password
    :return: a signed-in session
    :rtype: requests.Session
    """
    session = requests.Session()
    session.headers["Connection"] = "close"  # at shutdown, a server waits for open connections
    token = re.search(r'csrf_token: "([^"]+)"', session.get(f"{url}/web/login").text)[1]
    session.post(f"{url}/web/login", data={"login": login, "password": password, "csrf_token": token})
    return session
