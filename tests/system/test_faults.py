"""Faults while orders are confirmed and invitations are sent: no order is lost, nobody is invited twice or forgotten.

An order counts as lost if the shop has answered its confirmation. A confirmation without an answer is repeated, as a
payment provider repeats its notification.
"""

import contextlib
import os
import queue
import random
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import psutil
import psycopg2
import pytest
import requests

from devtools.databases import Databases
from devtools.errors import DevError
from devtools.logcheck import Expected
from devtools.mail import MailCatcher
from devtools.postgres import EmbeddedCluster
from devtools.pytest_plugin import server_factory
from tests.system.conftest import PENDING_ACCOUNTS, SEND_INVITATIONS, open_shop, wait_until
from tests.system.odoo_rpc import OdooError, OdooRpc

pytestmark = pytest.mark.long

# How many times Odoo is killed. Ten take half a minute; use a hundred before a release.
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "10"))
# In every so many rounds all processes are killed, in the others one.
WHOLE = 5
ORDERS_PER_ROUND = 10
# More than Odoo sends in one batch.
FEW = 25
RESTARTS = ("fast", "immediate")
# The memory limit of a process, in bytes.
LIMIT = 2**30
# The columns in which a confirmation and an invitation write dates.
WRITTEN = ["sale_order", "res_partner", "res_users", "sale_portal_invitation", "ir_cron_trigger", "mail_mail"]
CLERKS = 2
PATIENCE = 120
# Seconds in which an idle server ends.
SHORT = 3
# A slow mail server, so that faults also happen while a mail is sent.
MAIL_DELAY = 0.02
KILLED = Expected(r"odoo\.service\.server", r"Worker .* (unregistered|failed)", "the test kills it")
STANDSTILL = Expected(
    r"odoo\.addons\.base\.models\.ir_cron",
    "Job .* timed out",
    "Odoo postpones an action that was killed three times before it had done anything, by at most an hour",
)
OUT_OF_MEMORY = Expected(r"odoo\.\S+", r"(?s).*\bMemoryError\b", "the test asks for too much")
# The test runs the action while Odoo's own process may be running it. Odoo runs the one that comes too late again.
OVERTAKEN = [
    Expected(r"odoo\.sql_db", r"(?s)bad query: .* SKIP LOCKED.*could not serialize access", "a run was overtaken"),
    Expected(
        r"odoo\.addons\.base\.models\.ir_cron",
        r"(?s)Job .*send invitations.* failed .*could not serialize access",
        "a run was overtaken",
    ),
]
REFUSED = Expected(r"odoo\.addons\.mail\.models\.mail_mail", "failed sending mail", "this mail server refuses")


@dataclass
class Sales:
    """Orders of new customers, one each, confirmed by clerks who retry if they get no answer.

    :param Shop shop: the shop
    :param dict orders: the customers' email addresses by order
    :param set promised: the orders whose confirmation was answered
    """

    shop: object
    orders: dict
    promised: set = field(default_factory=set)
    stopped: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def write(cls, shop, name, number):
        """Create a number of quotations, each for a new customer."""
        emails = [f"{name}{each}@example.com" for each in range(number)]
        partners = shop.admin.call("res.partner", "create", [{"name": email, "email": email} for email in emails])
        line = [[0, 0, {"product_id": shop.product()}]]
        values = [{"partner_id": partner, "order_line": line} for partner in partners]
        return cls(shop, dict(zip(shop.admin.call("sale.order", "create", values), emails, strict=True)))

    @contextlib.contextmanager
    def confirming(self):
        """Confirm the orders one after another in the background; at the end, complete the order in progress."""
        waiting = queue.SimpleQueue()
        for order_id in self.orders:
            waiting.put(order_id)
        sessions = [OdooRpc(self.shop.url, self.shop.database) for _clerk in range(CLERKS)]
        with ThreadPoolExecutor(CLERKS) as pool:
            clerks = [pool.submit(self._confirm_all, session, waiting) for session in sessions]
            try:
                yield
            finally:
                self.stopped.set()
            for clerk in clerks:
                clerk.result()

    def confirm_at_once(self):
        """Confirm all orders together, as from a list."""
        self.shop.admin.call("sale.order", "action_confirm", list(self.orders))
        self.promised.update(self.orders)

    def _confirm_all(self, session, waiting):
        with contextlib.suppress(queue.Empty):
            while not self.stopped.is_set():
                self.confirm(session, waiting.get_nowait())

    def confirm(self, session, order_id):
        """Confirm an order; repeat this until the server answers."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(requests.RequestException, OdooError):
                if session.read("sale.order", [["id", "=", order_id]], "state")[0]["state"] != "sale":
                    session.call("sale.order", "action_confirm", [order_id])
                self.promised.add(order_id)
                return
            time.sleep(0.1)
        raise TimeoutError(f"order {order_id} can't be confirmed")

    def wait_for_another(self):
        """Wait until one more order is confirmed, if any is left."""
        done = len(self.promised)
        wait_until(lambda: done < len(self.promised) or done == len(self.orders), PATIENCE, "an order")

    def confirmed(self):
        """:return: the orders that are confirmed in the database"""
        return set(self._query("SELECT id FROM sale_order WHERE state = 'sale' AND id = ANY(%s)", list(self.orders)))

    def invited(self):
        """:return: the logins of the accounts created for the orders, each with a sent invitation"""
        statement = """
            SELECT res_users.login
              FROM sale_order JOIN res_users ON res_users.partner_id = sale_order.partner_id
              JOIN sale_portal_invitation AS invitation ON invitation.user_id = res_users.id
             WHERE sale_order.id = ANY(%s) AND is_user_created AND invitation.state = 'sent'
        """
        return sorted(self._query(statement, list(self.orders)))

    def let_time_pass(self):
        """Run the scheduled actions.

        :return: whether no customer waits for an account or an invitation
        """
        self._query("""
            UPDATE sale_portal_invitation SET next_attempt = now() AT TIME ZONE 'UTC' - interval '1 second'
             WHERE state = 'to_send'
        """)
        if self._query("SELECT id FROM sale_order WHERE portal_account_issue = 'pending'"):
            self.shop.run_cron(PENDING_ACCOUNTS)
        if self._query("SELECT id FROM mail_mail WHERE state = 'outgoing'"):
            self.shop.run_cron("mail.ir_cron_mail_scheduler_action")
        self.shop.run_cron(SEND_INVITATIONS)
        return len(self.invited()) == len(self.confirmed())

    def _query(self, statement, *parameters):
        return [row[0] for row in self.shop.cluster.query(self.shop.database, statement, parameters) or ()]

    def expect_all_well(self, faults):
        """Check that no order is lost and that each customer has one account and one invitation.

        :param int faults: number of mails that the mail server may have accepted without Odoo noting it
        """
        wait_until(self.let_time_pass, PATIENCE, "the last invitation")
        assert self.promised <= self.confirmed(), "a confirmed order is lost"
        assert self.invited() == sorted(self.orders[order_id] for order_id in self.confirmed()), "one account each"
        ours = set(self.orders.values())
        mails = Counter(mail.recipients[0] for mail in self.shop.mail.messages if mail.recipients[0] in ours)
        assert set(mails) == set(self.invited()), "one invitation each"
        # Odoo can't know whether the mail server accepted a mail during the fault. It sends the same message again,
        # which mailboxes show once.
        again = {address for address, number in mails.items() if number > 1}
        assert len(again) <= faults, f"{again} were written to twice"
        for address in again:
            assert len({str(mail.message["Message-Id"]) for mail in self.shop.mail.to(address)}) == 1, address


@pytest.fixture
def slow_mail(tmp_path):
    """A mail server that delays each answer a little."""
    with MailCatcher(tmp_path / "mails", delay=MAIL_DELAY) as mail:
        yield mail


@pytest.fixture(scope="module")
def small_shop(make_module_shop):
    """A shop whose processes have a low memory limit."""
    limit = f"--limit-memory-hard={LIMIT}"
    return make_module_shop("faults", workers=2, extra_args=[limit], check_log=[REFUSED, OUT_OF_MEMORY, *OVERTAKEN])


def kill(shop, chance, everything):
    """Kill Odoo, or one of its processes, which Odoo then replaces."""
    children = psutil.Process(shop.server.process.pid).children()
    if not everything:
        chance.choice(children).kill()
        return
    os.killpg(shop.server.process.pid, signal.SIGKILL)
    shop.server.stop()
    shop.server.start()


def test_odoo_is_killed_again_and_again_while_orders_are_confirmed_and_invitations_leave(make_shop, slow_mail):
    shop = make_shop(slow_mail, workers=2, check_log=[KILLED, STANDSTILL, *OVERTAKEN])
    sales = Sales.write(shop, "killed", ROUNDS * ORDERS_PER_ROUND)
    chance = random.Random(ROUNDS)
    with sales.confirming():
        for number in range(1, ROUNDS + 1):
            sales.wait_for_another()
            time.sleep(chance.uniform(0, 0.5))
            kill(shop, chance, everything=number % WHOLE == 0)
    assert len(sales.promised) >= ROUNDS
    sales.expect_all_well(faults=ROUNDS)
    shop.server.stop(SHORT)


@pytest.fixture
def own_cluster(cluster, dev_session, make_database):
    """A PostgreSQL server for a single test, with a copy of the demo shop; its commits survive a crash."""
    own = EmbeddedCluster("test-faults", durable=False, settings={"synchronous_commit": "on"})
    own.remove()
    database = make_database()
    with own:
        Databases(own, dev_session.data_dir).copy_from(cluster, database)
        yield own, database
    own.remove()


@contextlib.contextmanager
def supervised(server):
    """Restart Odoo whenever it ends, as Docker or systemd does.

    Its main process ends if PostgreSQL is not available at the moment it replaces a worker.
    """
    finished = threading.Event()

    def supervise():
        while not finished.wait(0.5):
            if not server.is_running():
                with contextlib.suppress(DevError, psycopg2.OperationalError):
                    server.stop(SHORT)
                    server.start()

    with ThreadPoolExecutor(1) as pool:
        supervisor = pool.submit(supervise)
        try:
            yield
        finally:
            finished.set()
        supervisor.result()


def test_postgresql_is_restarted_under_load(own_cluster, dev_session, odoo_source, slow_mail):
    cluster, database = own_cluster
    with server_factory(dev_session, odoo_source, cluster, "restarted-postgresql") as make_server:
        # Without its database, Odoo logs an error for everything it does.
        shop = open_shop(make_server, cluster, database, slow_mail, workers=2, check_log=None)
        sales = Sales.write(shop, "restarted", len(RESTARTS) * ORDERS_PER_ROUND)
        with supervised(shop.server):
            with sales.confirming():
                for mode in RESTARTS:
                    sales.wait_for_another()
                    cluster.restart(mode)
            sales.expect_all_well(faults=len(RESTARTS))
        shop.server.stop(SHORT)


def test_a_sale_whose_connection_is_lost_amid_the_account_is_not_answered_as_confirmed(
    make_database, cluster, dev_session, odoo_source, slow_mail
):
    database = make_database()
    with server_factory(dev_session, odoo_source, cluster, "lost-connection") as make_server:
        shop = open_shop(make_server, cluster, database, slow_mail, check_log=None)
        sales = Sales.write(shop, "lost", 1)
        (order_id,) = sales.orders
        # PostgreSQL closes the connection that executes this.
        for table in ("mail_tracking_value", "res_users", "sale_portal_invitation"):
            cluster.query(
                database,
                f"""
                CREATE FUNCTION hang_up() RETURNS trigger LANGUAGE plpgsql AS
                       'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END';
                CREATE TRIGGER hang_up BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION hang_up()
                """,
            )
            with pytest.raises((OdooError, requests.RequestException)):
                shop.admin.call("sale.order", "action_confirm", [order_id])
            assert not sales.confirmed()
            cluster.query(database, "DROP FUNCTION hang_up CASCADE")
        with sales.confirming():
            sales.wait_for_another()
        sales.expect_all_well(faults=0)
        shop.server.stop(SHORT)


def count_refused(shop):
    """:return: the number of invitations that the mail server has refused once"""
    statement = "SELECT count(*) FROM sale_portal_invitation WHERE attempts = 1 AND state = 'to_send'"
    return shop.cluster.query(shop.database, statement)[0][0]


def test_the_mail_servers_disk_is_full_for_a_while(small_shop):
    shop, mail = small_shop, small_shop.mail
    sales = Sales.write(shop, "full", FEW)

    def fill_up(_mail):
        mail.refuse = "452 4.3.1 Insufficient system storage"

    mail.on_mail = fill_up
    sales.confirm_at_once()
    wait_until(lambda: count_refused(shop) == FEW - 1, PATIENCE, "refusals")
    mail.on_mail = mail.refuse = None
    sales.expect_all_well(faults=0)


def put_clock_right(shop):
    """Move all dates that were written one hour ahead, as if the clock had been an hour ahead."""
    columns = """
        SELECT table_name, column_name FROM information_schema.columns
         WHERE data_type LIKE 'timestamp%%' AND table_schema = 'public' AND table_name = ANY(%s)
    """
    for table, column in shop.cluster.query(shop.database, columns, [WRITTEN]):
        shop.cluster.query(shop.database, f"UPDATE {table} SET {column} = {column} + interval '1 hour'")


def test_the_clock_was_an_hour_ahead_and_is_put_right(small_shop):
    shop, mail = small_shop, small_shop.mail
    invited, waiting = Sales.write(shop, "invited", FEW), Sales.write(shop, "waiting", FEW)
    invited.confirm_at_once()
    invited.expect_all_well(faults=0)
    mail.refuse = "451 4.3.0 Try again later"
    waiting.confirm_at_once()
    wait_until(lambda: count_refused(shop) == FEW, PATIENCE, "refusals")
    shop.server.stop(SHORT)
    put_clock_right(shop)
    mail.refuse = None

    shop.server.start()
    shop.run_cron(SEND_INVITATIONS)
    assert not waiting.invited(), "they are due in an hour"
    waiting.expect_all_well(faults=0)
    invited.expect_all_well(faults=0)
    for sales in (invited, waiting):
        (found,) = mail.to(min(sales.orders.values()))
        link = next(link for link in found.links if "/my/invitation/" in link)
        assert 'name="password"' in requests.get(link, headers={"Connection": "close"}, timeout=PATIENCE).text


def test_a_worker_runs_out_of_memory_amid_a_confirmation(small_shop):
    shop = small_shop
    sales = Sales.write(shop, "memory", FEW)
    (model,) = shop.admin.call("ir.model", "search", [["model", "=", "sale.order"]])
    code = f"records.action_confirm()\nbytes({LIMIT})"
    action = shop.admin.create("ir.actions.server", name="Ask for much", model_id=model, state="code", code=code)
    context = {"active_model": "sale.order", "active_ids": list(sales.orders)}
    with pytest.raises(OdooError, match="MemoryError"):
        shop.admin.call("ir.actions.server", "run", [action], context=context)
    assert not sales.confirmed()
    sales.confirm_at_once()
    sales.expect_all_well(faults=0)
    shop.server.stop(SHORT)
