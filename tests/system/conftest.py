"""Fixtures for a shop with a real server, browser and mail server."""

import contextlib
import time
from dataclasses import dataclass, field

import pytest

from devtools import server
from devtools.logcheck import Expected
from devtools.mail import MailCatcher
from devtools.pytest_plugin import server_factory
from tests.system.odoo_rpc import OdooRpc

# The scheduled actions of the shop's addon.
SEND_INVITATIONS = "sale_auto_portal_user.ir_cron_send_portal_invitations"
PENDING_ACCOUNTS = "sale_auto_portal_user.ir_cron_pending_portal_accounts"
# A sign-in that joins an order may meet the scheduled action that sends the order's mail.
RETRIED = Expected(
    r"odoo\.sql_db",
    r'(?s)bad query: .*"sale_portal_join".* FOR UPDATE SKIP LOCKED.*could not serialize access',
    "Odoo logs it and repeats the request",
)


@dataclass
class Shop:
    """A running shop.

    :param OdooServer server: the server
    :param str database: name of the database
    :param OdooRpc admin: session of the administrator
    :param Cluster cluster: PostgreSQL server
    :param MailCatcher mail: mail server of the shop, if the test needs one
    :param list[OdooRpc] sessions: further sessions of the administrator, if the test needs them
    """

    server: object
    database: str
    admin: OdooRpc
    cluster: object
    mail: object = None
    sessions: list = field(default_factory=list)

    @property
    def url(self):
        """:return: the shop's URL"""
        return self.server.url

    def product(self):
        """:return: the id of a product to sell"""
        found = self.admin.call("product.product", "search", [["sale_ok", "=", True]], limit=1)
        return found[0] if found else self.admin.create("product.product", name="Chair", list_price=10)

    def quotation(self, email, name="Customer"):
        """Create a quotation for a new customer.

        :param str email: the customer's email address
        :param str name: the customer's name
        :return: the quotation's id
        :rtype: int
        """
        partner = self.admin.create("res.partner", name=name, email=email)
        return self.admin.create("sale.order", partner_id=partner, order_line=[[0, 0, {"product_id": self.product()}]])

    def order(self, order_id):
        """:return: the fields of an order that the tests check"""
        return self.admin.read(
            "sale.order",
            [["id", "=", order_id]],
            "name",
            "state",
            "partner_id",
            "is_user_created",
            "portal_account_issue",
            "portal_account_state",
        )[0]

    def users(self, login):
        """:return: the users with a login, including archived ones"""
        return self.admin.read("res.users", [["login", "=ilike", login]], "login", "partner_id", "share")

    def invitation(self, email):
        """:return: the invitation to an address"""
        return self.admin.read("sale.portal.invitation", [["email", "=", email]], "state", "attempts", "order_id")[0]

    def run_cron(self, xml_id):
        """Wake the server's cron thread to run a scheduled action, and wait until it has run.

        :param str xml_id: XML id of the action
        """
        module, name = xml_id.split(".")
        statement = "SELECT res_id FROM ir_model_data WHERE module = %s AND name = %s"
        [[cron]] = self.cluster.query(self.database, statement, [module, name])
        self.cluster.query(
            self.database,
            "INSERT INTO ir_cron_trigger (cron_id, call_at) VALUES (%s, now() AT TIME ZONE 'UTC')",
            [cron],
        )
        due = "SELECT 1 FROM ir_cron_trigger WHERE cron_id = %s AND call_at <= now() AT TIME ZONE 'UTC'"

        def has_run():
            # Notify repeatedly: a thread that is busy with another action misses the notification and sleeps a minute.
            self.cluster.query("postgres", "SELECT pg_notify('cron_trigger', %s)", [self.database])
            return not self.cluster.query(self.database, due, [cron])

        wait_until(has_run, what=f"the end of {xml_id}")


def wait_until(condition, timeout=300, what="the expected state"):
    """Wait until another process has done something.

    :param condition: function to call until it returns a true value
    :param float timeout: seconds to wait
    :param str what: description of the condition for the error message
    :return: the value of the condition
    :raise TimeoutError: if the condition stays false
    """
    deadline, pause = time.monotonic() + timeout, 0.1
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {timeout} s")
        time.sleep(pause)
        pause = min(2 * pause, 0.5)
    return result


def open_shop(make_server, cluster, database, mail=None, **options):
    """Start a shop.

    :param make_server: the fixture of that name, or `make_shared_server`
    :param Cluster cluster: PostgreSQL server
    :param str database: name of the shop's database
    :param MailCatcher mail: mail server of the shop
    :param options: further options of `make_server`
    :rtype: Shop
    """
    # Postpone the daily actions of a new database: stopping a server while one runs logs errors. Triggered actions
    # still run.
    cluster.query(database, "UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC' + interval '1 day'")
    cluster.query(
        database,
        "DELETE FROM ir_cron_trigger USING ir_cron WHERE ir_cron.id = cron_id AND cron_name LIKE 'Base: Auto-vacuum%'",
    )
    server = make_server(database, smtp_port=mail.port if mail else None, **options)
    return Shop(server, database, OdooRpc(server.url, database), cluster, mail)


@pytest.fixture
def make_shop(make_database, make_server, cluster):
    """A function that starts a shop: `make_shop(mail=None, database=None, **options of make_server)`."""

    def make(mail=None, database=None, **options):
        return open_shop(make_server, cluster, database or make_database(), mail, **options)

    return make


@pytest.fixture(scope="module")
def make_module_shop(make_database, cluster, dev_session, odoo_source, tmp_path_factory):
    """A function that starts a shop with a mail server for the tests of a module.

    `make_module_shop(name, template=None, database=None, **options)`: `name` is the name of the log, `template` the
    argument of `make_database`, which creates the database unless `database` is given; `options` are those of
    `make_server`.
    """
    with contextlib.ExitStack() as stack:

        def make(name, template=None, database=None, **options):
            mail = stack.enter_context(MailCatcher(tmp_path_factory.mktemp("mails")))
            make_server = stack.enter_context(server_factory(dev_session, odoo_source, cluster, name))
            return open_shop(make_server, cluster, database or make_database(template), mail, **options)

        yield make


@pytest.fixture(scope="session")
def make_shared_shop(make_database, make_shared_server, cluster):
    """A function that starts a shop that several tests share: `make_shared_shop(database=None)`."""

    def make(database=None):
        return open_shop(make_shared_server, cluster, database or make_database())

    return make


@pytest.fixture(scope="session")
def shared_shop(make_shared_shop):
    """A running shop for the tests that only read."""
    return make_shared_shop()


@pytest.fixture(scope="session")
def foreign_names(shared_shop):
    """The names of customers who are not assigned to the demo agent."""
    (user,) = shared_shop.users("agent")
    rows = shared_shop.admin.read(
        "res.partner",
        [["is_company", "=", True], ["portal_agent_ids", "not in", [user["id"]]], ["portal_agent_ids", "!=", False]],
        "name",
    )
    assert rows, "the demo data have customers of another agent"
    return [row["name"] for row in rows]


@pytest.fixture(scope="session")
def run_in_shell(dev_session, odoo_source, cluster):
    """A function that runs Python in `odoo shell`: `run_in_shell(database, script, *options)` returns the output.

    It is for tests that need control over their transactions.
    """

    def run(database, script, *options):
        return server.run_script(odoo_source, cluster, dev_session.data_dir, database, script, options)

    return run
