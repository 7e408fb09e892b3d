from odoo.fields import Command
from odoo.tests import tagged

from .common import LISTS, PortalAgentPagesCommon


@tagged("post_install", "-at_install", "once")
class TestPortalQueries(PortalAgentPagesCommon):
    """The number of queries of a page doesn't depend on the number of records."""

    def _add_customers(self, count):
        customers = self.env["res.partner"].create(
            [
                {
                    "name": f"Quill {number}",
                    "is_company": True,
                    "city": "Ghent",
                    "portal_agent_ids": [Command.link(self.agent.id)],
                }
                for number in range(count)
            ]
        )
        contacts = self.env["res.partner"].create(
            [{"name": f"Contact of {customer.name}", "parent_id": customer.id} for customer in customers]
        )
        orders, quotations = (
            self.env["sale.order"].create([self._prepare_order(contact, f"QUILL-{name}") for contact in contacts])
            for name in ("SALE", "SENT")
        )
        orders.action_confirm()
        quotations.write({"state": "sent", "validity_date": "2020-01-01"})
        self.env["account.move"].create(
            [self._prepare_invoice(contact, "QUILL-INVOICE") for contact in contacts]
        ).action_post()
        self.env.flush_all()

    def _count_queries(self, url):
        for _time in range(2):
            self._get(url)  # warm up caches of templates, assets etc.
        self.env.cr.flush()
        before = self.env.cr.sql_log_count
        self.assertEqual(self._get(url).status_code, 200)
        return self.env.cr.sql_log_count - before

    def test_query_count_does_not_grow_with_the_number_of_customers(self):
        urls = ["/my/agent", *LISTS, "/my/agent/orders?groupby=customer", "/my/agent/invoices?search=quill"]
        urls += [f"/my/agent/customers/{self.customer.id}", f"/my/agent/orders/{self.order.id}?position=0"]
        urls += ["/my/agent/customers?filterby=overdue", "/my/agent/orders/export?format=xlsx"]
        urls += ["/my/agent/invoices?filterby=overdue&groupby=customer"]
        self._add_customers(3)
        few = {url: self._count_queries(url) for url in urls}
        self._add_customers(9)
        many = {url: self._count_queries(url) for url in urls}
        self.assertEqual(few, many)
        self.assertLess(max(many.values()), 60, many)
