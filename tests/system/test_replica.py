"""A real streaming replica serves an agent's pages; while it is down, the primary does.

PostgreSQL's statistics show which server executed the queries.
"""

import ast
import functools

import pytest
from werkzeug.routing import Map, Rule

from devtools import paths
from devtools.databases import Databases
from devtools.logcheck import Expected
from devtools.postgres import REPLICATED_SETTINGS, EmbeddedCluster, Replica
from devtools.pytest_plugin import server_factory
from tests.system.agent import LOGIN, PAGES, log_in
from tests.system.conftest import open_shop, wait_until

CONTROLLERS = paths.REPOSITORY / "portal_agent_account" / "controllers"
# Count statements immediately, without commits and similar commands. A commit waits for the replica as soon as the
# primary has a synchronous standby.
SETTINGS = {
    **REPLICATED_SETTINGS,
    "synchronous_commit": "remote_apply",
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track_utility": "off",
}
# wkhtmltopdf may load no stylesheets: generating them writes to the database, and is not part of the agent's request.
NO_STYLES = Expected(r"odoo\.addons\.base\.models\.ir_actions_report", "wkhtmltopdf: ", "the test blocks them")
AWAY = Expected("odoo.registry", "Failed to open a readonly cursor", "the test stops the replica")
PRINTED = (
    "/my/agent/customers/{customer}/statement",
    "/my/agent/orders/{order}?report_type=pdf",
    "/my/agent/invoices/{invoice}?report_type=pdf",
)
# Every route of an agent, with every kind of response.
ADDRESSES = (
    *PAGES,
    "/my/agent?customer={customer}",
    *(f"{page}/page/1" for page in PAGES[1:]),
    "/my/agent/customers/{customer}",
    "/my/agent/customers/{customer}/products",
    "/my/agent/customers/{customer}/products/page/1",
    "/my/agent/orders/{order}",
    "/my/agent/invoices/{invoice}",
    "/my/agent/invoices/{invoice}?report_type=html",
    "/my/agent/orders/export?format=csv",
    "/my/agent/invoices/export?format=xlsx",
    "/my/agent/selector",
    *PRINTED,
)


class Servers:
    """The two PostgreSQL servers.

    :param EmbeddedCluster primary: the primary
    :param Replica replica: the replica of the primary
    :param str database: name of the shop's database
    """

    def __init__(self, primary, replica, database):
        self.primary = primary
        self.replica = replica
        self.database = database

    def count(self, action):
        """Count the statements that each server executes during an action.

        :param action: the function to call
        :return: the function's result, the statements on the primary, the number of statements on the replica
        :rtype: tuple[object, list[str], int]
        """
        running = [server for server in (self.primary, self.replica) if server.answers()]
        for server in running:
            server.query("postgres", "SELECT pg_stat_statements_reset()")
        result = action()
        statements = {server: self._read_statements(server) for server in running}
        return result, statements[self.primary], len(statements.get(self.replica, ()))

    def _read_statements(self, server):
        return [
            query
            for (query,) in server.query(
                "postgres",
                "SELECT query FROM pg_stat_statements JOIN pg_database ON oid = dbid WHERE datname = %s",
                [self.database],
            )
        ]


@pytest.fixture(scope="module")
def servers(cluster, dev_session, make_database):
    """A primary with a copy of the demo shop, and its replica."""
    primary = EmbeddedCluster("test-primary", durable=False, settings=SETTINGS)
    replica = Replica("test-replica", primary)
    for server in (primary, replica):
        server.remove()
    database = make_database()
    with primary:
        Databases(primary, dev_session.data_dir).copy_from(cluster, database)
        primary.query("postgres", "CREATE EXTENSION pg_stat_statements")
        primary.query(
            database, "INSERT INTO ir_config_parameter (key, value) VALUES ('report.url', 'http://localhost:1')"
        )
        with replica:
            replica.catch_up()
            yield Servers(primary, replica, database)
    for server in (replica, primary):
        server.remove()


@pytest.fixture(scope="module")
def shop(servers, dev_session, odoo_source):
    """A running shop on both servers, without scheduled actions."""
    arguments = servers.replica.odoo_replica_arguments()
    with server_factory(dev_session, odoo_source, servers.primary, "replica") as make:
        options = {"cron_threads": 0, "extra_args": arguments, "check_log": [NO_STYLES, AWAY]}
        shop = open_shop(make, servers.primary, servers.database, **options)
        servers.replica.catch_up()
        yield shop


@pytest.fixture(scope="module")
def documents(shop):
    """The ids of a customer, an order and an invoice of the demo agent."""
    (user,) = shop.users(LOGIN)
    own = [["partner_id.commercial_partner_id.portal_agent_ids", "in", [user["id"]]]]
    first = {
        "customer": ("res.partner", [["portal_agent_ids", "in", [user["id"]]]]),
        "order": ("sale.order", [*own, ["state", "=", "sale"]]),
        "invoice": ("account.move", [*own, ["state", "=", "posted"], ["move_type", "=", "out_invoice"]]),
    }
    return {name: shop.admin.read(model, domain, "id")[0]["id"] for name, (model, domain) in first.items()}


@pytest.fixture(scope="module")
def agent(shop):
    """A signed-in session of the demo agent."""
    session = log_in(shop.url)
    session.get(shop.url + PAGES[0])
    return session


def ask(session, url, address):
    """Open a page of an agent, or call the JSON route.

    :return: the response
    :rtype: requests.Response
    """
    if address.endswith("/selector"):
        return session.post(url + address, json={"jsonrpc": "2.0", "method": "call", "params": {"term": "a"}})
    return session.get(url + address)


def is_agents_page(decorator):
    """Check whether a decorator defines an agent's read-only page. The weekly mail's routes need no agent.

    :param ast.AST decorator: decorator of a controller's method
    :rtype: bool
    """
    if getattr(getattr(decorator, "func", None), "id", "") != "route":
        return False
    names = {each.arg or each.value.id for each in decorator.keywords}
    return bool(names & {"AGENT_PAGE", "portal_agent"})


def read_routes():
    """List the agents' routes in the addon's controllers.

    :rtype: list[str]
    """
    found = []
    for path in CONTROLLERS.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            for decorator in getattr(node, "decorator_list", ()):
                if is_agents_page(decorator):
                    routes = ast.literal_eval(decorator.args[0])
                    found += [routes] if isinstance(routes, str) else routes
    return found


def test_these_tests_visit_every_route_of_an_agent():
    routes = read_routes()
    assert set(PAGES) <= set(routes)
    adapter = Map([Rule(route, endpoint=route) for route in routes]).bind("localhost")
    some = {"customer": 1, "order": 1, "invoice": 1}
    visited = {adapter.match(address.format(**some).partition("?")[0])[0] for address in ADDRESSES}
    assert visited == set(routes), "add the missing route to ADDRESSES"


@pytest.mark.parametrize("address", ADDRESSES)
def test_what_an_agent_reads_is_read_from_the_replica(servers, shop, documents, agent, address):
    answer, on_primary, on_replica = servers.count(lambda: ask(agent, shop.url, address.format(**documents)))
    assert answer.ok and "/web/login" not in answer.url
    assert "error" not in answer.json() if address.endswith("/selector") else answer.content
    assert on_replica > 2
    assert not on_primary


def test_what_writes_is_done_by_the_primary(servers, shop):
    quotation = shop.quotation("replica@example.com")
    _nothing, on_primary, _on_replica = servers.count(
        lambda: shop.admin.call("sale.order", "action_confirm", [quotation])
    )
    assert any(statement.startswith("UPDATE") and '"sale_order"' in statement for statement in on_primary)
    servers.replica.catch_up()
    order = shop.order(quotation)
    assert (order["state"], order["is_user_created"]) == ("sale", True)
    assert len(shop.users("replica@example.com")) == 1


@pytest.fixture
def slow_replica(servers):
    """A replica with a delay of half a second, and a primary whose commits wait for it."""
    settings = (
        (servers.replica, "recovery_min_apply_delay", "500ms"),
        (servers.primary, "synchronous_standby_names", "*"),
    )
    for server, name, value in settings:
        server.query("postgres", f"ALTER SYSTEM SET {name} = '{value}'")
        server.query("postgres", "SELECT pg_reload_conf()")
    state = "SELECT sync_state FROM pg_stat_replication"
    wait_until(lambda: servers.primary.query("postgres", state) == [("sync",)], what="the replica")
    yield servers.replica
    for server, name, _value in reversed(settings):
        server.query("postgres", f"ALTER SYSTEM RESET {name}")
        server.query("postgres", "SELECT pg_reload_conf()")
    servers.replica.catch_up()


@pytest.mark.usefixtures("slow_replica")
def test_what_is_taken_back_is_gone_with_the_next_request(servers, shop, documents, agent):
    (user,) = shop.users(LOGIN)
    page = shop.url + "/my/agent/customers/{customer}".format(**documents)
    assert agent.get(page).status_code == 200
    unassign, assign = [[3, user["id"]]], [[4, user["id"]]]
    try:
        shop.admin.call("res.partner", "write", [documents["customer"]], {"portal_agent_ids": unassign})
        answer, on_primary, on_replica = servers.count(lambda: agent.get(page))
        assert answer.status_code == 404
        assert on_replica and not on_primary
    finally:
        shop.admin.call("res.partner", "write", [documents["customer"]], {"portal_agent_ids": assign})


def test_while_the_replica_is_away_the_primary_gives_the_pages(servers, shop, documents, agent):
    """Stop the replica; this must be the last test, because Odoo then doesn't use the replica for twenty minutes."""
    servers.replica.stop()
    for address in (address for address in ADDRESSES if address not in PRINTED):
        url = address.format(**documents)
        answer, on_primary, _on_replica = servers.count(functools.partial(ask, agent, shop.url, url))
        assert answer.ok and "/web/login" not in answer.url, url
        assert on_primary, url
