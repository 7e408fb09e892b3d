"""The visitors of `load.py`, for locust: shoppers who check out, and readers who open pages of the portal.

Each request goes to a random server, as with a balancer without sticky sessions.
"""

import json
import os
import random
import time

from locust import HttpUser, between, task

from devtools import shopper

JOB = json.loads(os.environ["LOAD_JOB"])


class Person(shopper.Visitor, HttpUser):
    """A visitor with a browser."""

    abstract = True
    host = JOB["servers"][0]
    wait_time = between(0.5 * JOB["think"], 1.5 * JOB["think"])

    def ask(self, step, method, path, **options):
        """Send a request to one of the servers.

        :param str step: name of the request in locust's statistics
        :param str method: GET or POST
        :param str path: path on the server
        :return: the response
        """
        answer = self.client.request(method, random.choice(JOB["servers"]) + path, name=step, **options)
        answer.raise_for_status()
        return answer


class Reader(Person):
    """A visitor who signs in once and opens pages."""

    abstract = not JOB["readers"]
    fixed_count = len(JOB["readers"])

    def on_start(self):
        """Sign in; the password equals the login."""
        login, self.pages = JOB["readers"].pop()
        token = shopper.CSRF_TOKEN.search(self.ask("sign in", "GET", "/web/login").text)[1]
        form = {"login": login, "password": login, "csrf_token": token}
        self.ask("sign in", "POST", "/web/login", data=form)

    @task
    def read(self):
        """Open one of the pages."""
        assert "/web/login" not in self.ask("page", "GET", random.choice(self.pages)).url, "signed out"


class Shopper(shopper.Shopper, Person):
    """A visitor who repeatedly buys something without an account."""

    fixed_count = JOB["shoppers"]
    number = 0

    def on_start(self):
        """Assign a number; two neighbours share every fourth email address."""
        Shopper.number += 1
        self.number, self.begun = Shopper.number, 0

    @task
    def buy(self):
        """Buy something with a new email address."""
        self.begun += 1
        self.client.cookies.clear()
        who = f"pair{self.number // 2}" if self.begun % 4 == 0 else f"shopper{self.number}"
        self.fill_cart()
        time.sleep(self.wait_time())  # `self.wait` would stop here when the time is over
        name = f"{who}.{self.begun}"
        self.type_address(f"{name}@{JOB['domain']}", name)
        time.sleep(self.wait_time())
        self.pay()
