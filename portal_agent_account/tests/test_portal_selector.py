import json

from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import PortalAgentPagesCommon


@tagged("post_install", "-at_install", "once")
class TestPortalSelector(PortalAgentPagesCommon):
    """The server side of the customer selector's search."""

    def _ask(self, **params):
        response = self.url_open(
            "/my/agent/selector", data=json.dumps({"params": params}), headers={"Content-Type": "application/json"}
        )
        return response.json()

    def _search(self, term="", **params):
        return [customer["name"] for customer in self._ask(term=term, **params)["result"]["customers"]]

    def test_customer_is_found_by_name_reference_and_contact_details(self):
        self.customer.write({"city": "Ghent", "phone": "+32 9 555 01", "vat": "BE0477472701"})
        for term in ("Quill", "trad", "QUILL TRADING", "quill@quill", "ghent", "9 555", "0477472701"):
            self.assertEqual(self._search(term), ["Quill Trading"], term)

    def test_customers_of_others_and_contacts_are_not_found(self):
        for term in ("Rook", "Swift", "Quincy", "Ann"):
            self.assertEqual(self._search(term), [], term)

    def test_names_that_begin_with_the_term_come_first(self):
        for name in ("Antique Zebra", "Zebra Antiques", "Mini Zebra"):
            self._new_customer(name, portal_agent_ids=[Command.link(self.agent.id)])
        self.assertEqual(self._search("zebra"), ["Zebra Antiques", "Antique Zebra", "Mini Zebra"])

    def test_percent_and_underscore_are_plain_characters(self):
        self.assertEqual(self._search("%"), [])
        self.assertEqual(self._search("Q_ill"), [])
        self._new_customer("100% Cotton_Shop", portal_agent_ids=[Command.link(self.agent.id)])
        for term in ("%", "100%", "n_s"):
            self.assertEqual(self._search(term), ["100% Cotton_Shop"], term)

    def test_recent_customers_come_first_and_only_the_agents_own(self):
        names = [f"Customer {number}" for number in range(30)]
        customers = [self._new_customer(name, portal_agent_ids=[Command.link(self.agent.id)]) for name in names]
        recent = [self.other_customer.id, customers[25].id, 2**31 - 1, customers[7].id, self.buyer.id]
        found = self._ask(recent=recent)["result"]
        self.assertEqual([each["name"] for each in found["customers"]][:3], ["Customer 25", "Customer 7", "Customer 0"])
        self.assertEqual([each["is_recent"] for each in found["customers"]][:3], [True, True, False])
        self.assertEqual(len(found["customers"]), 20)
        self.assertTrue(found["has_more"])

    def test_details_of_a_customer_are_a_list(self):
        self.customer.write({"ref": "Q-7", "city": False, "email": "quill@example.com"})
        [found] = self._ask(term="Q-7")["result"]["customers"]
        self.assertEqual(found["details"], ["Q-7", "quill@example.com"])

    def test_names_are_returned_as_plain_data(self):
        self.customer.name = "<img src=x onerror=alert(1)> 😀"
        self.assertEqual(self._search("<img"), ["<img src=x onerror=alert(1)> 😀"])

    @mute_logger("odoo.http")
    def test_any_input_is_answered_without_an_error(self):
        nasty = (None, 1, [], {}, "\x00", "\ud800", "x" * 100_000, ["a"], {"a": [1]}, True, 2**80, "\\", "'\"")
        for value in nasty:
            for params in ({"term": value}, {"recent": value}, {"recent": [value]}, {"term": "q", "other": value}):
                with self.subTest(params=str(params)[:40]):
                    self.assertIn("result", self._ask(**params))

    @mute_logger("odoo.http")
    def test_only_agents_get_an_answer(self):
        for login in (self.portal_user.login, None):
            self.authenticate(login, login)
            answer = self._ask(term="Quill")
            self.assertIn("error", answer)
            self.assertNotIn("Quill", json.dumps(answer))
