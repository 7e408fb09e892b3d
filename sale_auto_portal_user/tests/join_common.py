import re
from datetime import timedelta

from odoo.addons.mail.tests.common import MailCase

from .common import PortalAccountCommon


class GuestOrderCommon(PortalAccountCommon):
    """Shop with the owner of an account, and guests who order with the owner's address."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner = cls.portal_user(cls.customer(name="Nora Owner", street="1 Owner Street", city="Ghent"))
        cls.owner._prove_portal_mailbox()
        # The proof has to be older than the orders of the tests: it covers earlier orders, to the second.
        cls.owner.portal_mailbox_date -= timedelta(minutes=1)

    @classmethod
    def guest(cls, name="Nora Guest", email="NORA@example.com", website=None, **values):
        """Create a contact as the shop does for a visitor who is not signed in."""
        visitor = (website or cls.website).user_id
        return (
            cls.env["res.partner"]
            .with_user(visitor)
            .sudo()
            .create({"name": name, "email": email, "street": "2 Guest Street", "city": "Bruges", **values})
            .with_env(cls.env)
        )

    @classmethod
    def guest_order(cls, guest=None, confirm=True, **values):
        """Create the order of a guest and confirm it by default."""
        values = {"website_id": cls.website.id, **values}
        order = cls.order(guest or cls.guest(), **values)
        if confirm:
            order.action_confirm()
        return order

    def joins_of(self, order):
        return self.env["sale.portal.join"].search([("partner_id", "=", order.partner_id.id)])

    def check(self):
        """Process the records that are due, like the scheduled action."""
        self.env["sale.portal.join"]._search_due(100)._queue()

    def waiting(self, order=None):
        """Return the record of a guest order that waits for the owner."""
        order = order or self.guest_order()
        self.check()
        join = self.joins_of(order)
        self.assertEqual(join.join_state, "waiting", join.reason)
        return join

    def join(self, order=None):
        """Return the record of a guest order that joined the owner's account by the link in the mail."""
        join = self.waiting(order)
        result = self.env["sale.portal.join"]._join_by_mailbox(join.partner_id, self.owner, join)
        self.assertEqual(result, "joined")
        self.env.invalidate_all()
        return join

    def merge(self, into, contacts):
        """Merge contacts with Odoo's own wizard."""
        wizard = self.env["base.partner.merge.automatic.wizard"].create(
            {"partner_ids": (into | contacts).ids, "dst_partner_id": into.id, "state": "selection"}
        )
        wizard.action_merge()
        self.env.invalidate_all()

    def assert_not_joined(self, order):
        self.env.invalidate_all()
        self.assertFalse(order.partner_id.portal_join_id)
        self.assertFalse(order.partner_id.parent_id)
        self.assertFalse(
            order.partner_id in self.env["res.partner"].search([("id", "child_of", self.owner.partner_id.id)])
        )

    def assert_joined(self, order, proof=None):
        self.env.invalidate_all()
        join = order.partner_id.portal_join_id
        self.assertEqual(join.join_state, "joined")
        self.assertEqual(join.user_id, self.owner)
        self.assertEqual(order.with_user(self.owner).partner_id, order.partner_id, "the owner may read the order")
        if proof:
            self.assertEqual(join.proof, proof)
        return join


class JoinMailCommon(MailCase, GuestOrderCommon):
    """Mails about guest orders, and the scheduled action that sends them."""

    def send(self):
        """Send the mails that are due, like the scheduled action, and return them."""
        with self.mock_mail_gateway():
            joins = self.env["sale.portal.join"]._search_due(100)
            joins._queue()
            joins._send_queued()
        return self._mails

    def link_in(self, mail):
        [path] = set(re.findall(r"/my/guest-orders/link/([\w-]+)", mail["body"]))
        return path

    def later(self, hours):
        """Simulate that some hours pass: move the dates of sent and waiting mails into the past."""
        for join in self.env["sale.portal.join"].search([]):
            join.last_sent_date = join.last_sent_date and join.last_sent_date - timedelta(hours=hours)
            join.next_attempt = join.next_attempt and join.next_attempt - timedelta(hours=hours)
