"""Measure the time and the queries of an action, and the rows that PostgreSQL reads for them."""

import gc
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass

from werkzeug.test import Client

from odoo.http import get_default_session, root
from odoo.service import security
from odoo.tools import config

from benchmarks.pairs import Taken, median

DOCUMENTS = ("sale_order", "account_move", "res_partner")
COLD_REPEATS = 3


@dataclass
class Work:
    """The work of PostgreSQL for some queries.

    :param int rows: number of contacts, orders and invoices read, including those filtered out
    :param tuple scans: tables of :data:`DOCUMENTS` with a sequential scan
    """

    rows: int = 0
    scans: tuple = ()

    def __add__(self, other):
        return Work(self.rows + other.rows, self.scans + other.scans)


def take(action, env):
    """Run an action with an empty cache of records, and measure it.

    :param action: function to call
    :param env: environment whose queries are counted
    :rtype: Taken
    """
    env.flush_all()
    env.cr.commit()
    env.invalidate_all()
    gc.collect()  # don't measure the garbage collection of the run before
    queries, start = env.cr.sql_log_count, time.perf_counter()
    action()
    env.flush_all()
    taken = Taken((time.perf_counter() - start) * 1000, env.cr.sql_log_count - queries)
    env.cr.commit()
    return taken


class Visitor:
    """A signed-in user who opens pages, with real requests to Odoo's WSGI application but without a socket.

    :param env: environment of the database
    :param str login: login of the user
    """

    def __init__(self, env, login):
        self.env = env
        self.user = env["res.users"].search([("login", "=", login)])
        session = root.session_store.new()
        session.update(get_default_session(), db=env.cr.dbname, _trace_disable=True)
        session.uid, session.login = self.user.id, login
        session.session_token = security.compute_session_token(session, env(user=self.user))
        session.context = dict(env(user=self.user)["res.users"].context_get())
        root.session_store.save(session)
        self._headers = {"Cookie": f"session_id={session.sid}"}
        self._client = Client(root, use_cookies=False)
        env.cr.commit()

    def get(self, path):
        """Open a page.

        :return: the time and the queries
        :rtype: Taken
        """
        return self._open("GET", path)

    def call(self, path, **params):
        """Call a JSON route, as a page's script does."""
        return self._open("POST", path, json={"jsonrpc": "2.0", "method": "call", "params": params})

    def _open(self, method, path, **options):
        start = time.perf_counter()
        response = self._client.open(path, method=method, headers=self._headers, **options)
        self.text = response.get_data(as_text=True)
        taken = Taken((time.perf_counter() - start) * 1000, threading.current_thread().query_count)
        if response.status_code != 200 or '"error"' in self.text[:200]:
            raise RuntimeError(f"{path}: {response.status_code} {self.text[:500]}")
        return taken

    def get_cold(self, path):
        """Open a page a few times with empty caches, and return the medians."""

        def once():
            self.env.registry.clear_all_caches()
            return self.get(path)

        return median([once() for _repeat in range(COLD_REPEATS)])


@contextmanager
def serve(*databases):
    """Let this process serve the databases."""
    before = config["db_name"]
    config["db_name"] = list(databases)
    try:
        yield
    finally:
        config["db_name"] = before


def read_work(env, action):
    """Run an action, then repeat each of its queries with ``EXPLAIN ANALYZE``.

    :param env: environment of the database
    :param action: function to call; it must only read
    :rtype: Work
    """
    queries = []
    thread = threading.current_thread()
    thread.query_hooks = [lambda cr, query, params, start, delay: queries.append(cr._obj.query.decode())]
    try:
        action()
    finally:
        thread.query_hooks = []
    reading = [query for query in queries if query.lstrip().startswith(("SELECT", "WITH"))]
    return sum((_explain(env.cr, query) for query in reading), Work())


def _explain(cr, query):
    cr.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + query.replace("%", "%%"), [])
    plan = cr.fetchone()[0]
    cr.rollback()
    plan = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    return _read_plan(plan)


def _read_plan(plan):
    work = Work()
    table = plan.get("Relation Name")
    if table in DOCUMENTS:
        removed = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
        work = Work(
            rows=round((plan["Actual Rows"] + removed) * plan.get("Actual Loops", 1)),
            scans=(table,) if "Seq Scan" in plan["Node Type"] else (),
        )
    return sum(map(_read_plan, plan.get("Plans", ())), work)
