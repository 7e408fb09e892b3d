"""The table of users is altered or locked while orders are confirmed: no sale waits for the lock."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest

from tests.system.conftest import PENDING_ACCOUNTS, wait_until

# The limit of every wait in these tests: long enough for a busy machine, so that only a hanging sale exceeds it.
PATIENCE = 60
WAITING = """
    SELECT 1 FROM pg_stat_activity
     WHERE datname = %s AND wait_event_type = 'Lock' AND query LIKE %s AND pid != pg_backend_pid()
"""


@pytest.fixture(scope="module")
def shop(make_module_shop):
    """A shop that sells while its database is changed."""
    return make_module_shop("locked_users")


@contextmanager
def transaction(shop):
    """Open a transaction on a new connection, and roll it back at the end."""
    with closing(shop.cluster.connect(shop.database)) as connection:
        connection.autocommit = False
        with connection.cursor() as cursor:
            yield cursor
        connection.rollback()


def wait_for_waiting(shop, statement):
    """Wait until a statement on some connection waits for a lock."""
    wait_until(
        lambda: shop.cluster.query(shop.database, WAITING, [shop.database, f"%{statement}%"]),
        timeout=PATIENCE,
        what=f"a connection that waits to {statement}",
    )


def settle(shop, order_id):
    """Run the scheduled action for pending accounts, and read the order."""
    shop.run_cron(PENDING_ACCOUNTS)
    return shop.order(order_id)


def test_an_order_is_confirmed_while_somebody_waits_to_alter_the_table_of_users(shop):
    order_id = shop.quotation("altered@example.com")
    with ThreadPoolExecutor(2) as pool, transaction(shop) as editor, transaction(shop) as installer:
        # A lock stops the confirmation after it has read the users and before it creates one.
        editor.execute("SELECT 1 FROM sale_order WHERE id = %s FOR UPDATE", [order_id])
        confirmation = pool.submit(shop.admin.call, "sale.order", "action_confirm", [order_id])
        wait_for_waiting(shop, 'UPDATE "sale_order"')
        # The installation of an addon waits for the end of the confirmation to add its column.
        alteration = pool.submit(installer.execute, "ALTER TABLE res_users ADD COLUMN of_an_addon integer")
        wait_for_waiting(shop, "ALTER TABLE res_users")
        editor.connection.rollback()
        confirmation.result(timeout=PATIENCE)
        alteration.result(timeout=PATIENCE)
    order = shop.order(order_id)
    assert (order["state"], order["portal_account_issue"]) == ("sale", "pending")
    assert not shop.users("altered@example.com")
    order = settle(shop, order_id)
    assert (order["is_user_created"], order["portal_account_issue"]) == (True, False)
    assert len(shop.users("altered@example.com")) == 1


def test_orders_are_confirmed_while_the_table_of_users_is_locked(shop):
    order_ids = [shop.quotation(f"locked{number}@example.com") for number in range(20)]
    with ThreadPoolExecutor(1) as pool, transaction(shop) as indexer:
        indexer.execute("LOCK TABLE res_users IN SHARE MODE")  # as CREATE INDEX does
        pool.submit(shop.admin.call, "sale.order", "action_confirm", order_ids).result(timeout=PATIENCE)
        orders = [shop.order(order_id) for order_id in order_ids]
        assert {(order["state"], order["portal_account_issue"]) for order in orders} == {("sale", "pending")}
    shop.run_cron(PENDING_ACCOUNTS)
    assert all(shop.order(order_id)["is_user_created"] for order_id in order_ids)


def test_an_order_is_confirmed_while_somebody_saves_its_customer(shop):
    order_id = shop.quotation("saved@example.com")
    partner_id = shop.order(order_id)["partner_id"][0]
    with ThreadPoolExecutor(1) as pool, transaction(shop) as editor:
        editor.execute("UPDATE res_partner SET comment = 'A good customer' WHERE id = %s", [partner_id])
        pool.submit(shop.admin.call, "sale.order", "action_confirm", [order_id]).result(timeout=PATIENCE)
        order = shop.order(order_id)
        assert (order["state"], order["portal_account_issue"]) == ("sale", "pending")
    assert settle(shop, order_id)["is_user_created"]
