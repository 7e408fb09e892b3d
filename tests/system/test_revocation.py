"""An agent loses access to a removed customer with the next request, in every server process."""

import pytest

from tests.system.agent import log_in

PASSWORD = "a long password"


@pytest.fixture(scope="module")
def two_servers(make_shared_shop, make_database):
    """Two server processes on one database: the agents use the first, the administrator the second."""
    database = make_database()
    return make_shared_shop(database), make_shared_shop(database)


class Agent:
    """An agent with one customer, who has one order.

    :param Shop office: the administrator's server
    :param str name: unique name of the agent
    """

    def __init__(self, office, name):
        self.login = f"{name}@example.com"
        self.admin = office.admin
        self.group = xml_id(office, "portal_agent_account", "group_portal_agent")
        self.portal = xml_id(office, "base", "group_portal")
        self.user = self.admin.create(
            "res.users",
            name="Agnes",
            login=self.login,
            email=self.login,
            password=PASSWORD,
            group_ids=[[6, 0, [self.portal, self.group]]],
        )
        self.customer = self.admin.create(
            "res.partner", name="Customer of Agnes", is_company=True, portal_agent_ids=[[6, 0, [self.user]]]
        )
        self.contact = self.admin.create("res.partner", name="Buyer", parent_id=self.customer)
        self.order = self.admin.create(
            "sale.order", partner_id=self.contact, order_line=[[0, 0, {"product_id": office.product()}]]
        )
        self.admin.call("sale.order", "action_confirm", [self.order])

    def unassign(self):
        self.admin.call("res.partner", "write", [self.customer], {"portal_agent_ids": [[5]]})

    def take_group(self):
        self.admin.call("res.users", "write", [self.user], {"group_ids": [[3, self.group]]})

    def archive_user(self):
        self.admin.call("res.users", "write", [self.user], {"active": False})

    def archive_customer(self):
        self.admin.call("res.partner", "write", [self.customer], {"active": False})

    def move_contact(self):
        elsewhere = self.admin.create("res.partner", name="Another Company", is_company=True)
        self.admin.call("res.partner", "write", [self.contact], {"parent_id": elsewhere})


def xml_id(shop, module, name):
    return shop.admin.read("ir.model.data", [["module", "=", module], ["name", "=", name]], "res_id")[0]["res_id"]


@pytest.mark.parametrize("revoke", ["unassign", "take_group", "archive_user", "archive_customer", "move_contact"])
def test_what_is_taken_back_is_gone_with_the_next_request(two_servers, revoke):
    field, office = two_servers
    agent = Agent(office, revoke)
    session = log_in(field.url, agent.login, PASSWORD)
    order_page = f"{field.url}/my/agent/orders/{agent.order}"
    # Further pages and files about the customer. A contact that moves to another company takes its orders along; the
    # former company stays.
    customer_page = f"{field.url}/my/agent/customers/{agent.customer}"
    pages = [f"{customer_page}{path}" for path in ("", "/products", "/statement?report_type=xlsx")]
    pages.append(f"{field.url}/my/agent/products/export?customer={agent.customer}")
    (order,) = office.admin.read("sale.order", [["id", "=", agent.order]], "name")

    # Twice, to fill this process's caches.
    for _warm in range(2):
        assert order["name"] in session.get(f"{field.url}/my/agent/orders").text
        assert session.get(order_page).status_code == 200
        assert {session.get(page).status_code for page in pages} == {200}

    getattr(agent, revoke)()

    assert order["name"] not in session.get(f"{field.url}/my/agent/orders").text
    after = session.get(order_page, allow_redirects=False)
    assert after.status_code in (303, 404)
    assert order["name"] not in after.text
    for page in pages:
        after = session.get(page, allow_redirects=False)
        if revoke == "move_contact":
            assert "Buyer" not in after.text
            assert order["name"] not in after.text
        else:
            assert after.status_code in (303, 404)
