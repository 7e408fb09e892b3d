import contextlib
import re
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.fields import Command
from odoo.sql_db import db_connect
from odoo.tests import HttpCase, new_test_user

from odoo.addons.mail.tests.common import MailCase

from .kept_caches import KeptCaches

CRON = "sale_auto_portal_user.ir_cron_send_portal_invitations"
UPKEEP_CRON = "sale_auto_portal_user.ir_cron_portal_invitation_upkeep"


class PortalAccountCommon(KeptCaches):
    """Shop with a product, and helpers shared by the tests."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env["base"].with_context(tracking_disable=True).env
        cls._accept_any_email()
        cls.company = cls.env.company
        cls.website = cls.env["website"].search([("company_id", "=", cls.company.id)], limit=1)
        cls.product = cls.env["product.product"].create(
            {
                "name": "Chair",
                "list_price": 100.0,
                "type": "service",
                "taxes_id": [Command.clear()],
            }
        )
        cls.salesman = new_test_user(
            cls.env,
            login="sally",
            email="sally@example.com",
            groups="sales_team.group_sale_salesman",
        )

    @classmethod
    def _accept_any_email(cls, accept=True):
        """Let partner_email_check (OCA) accept every address, as tests about addresses of older contacts need it.

        Without that addon, every address is accepted.

        :param bool accept: False to let the addon check addresses again, as it does by default
        """
        if "partner_email_check_syntax" in cls.env["res.company"]:
            cls.env["res.company"].search([]).partner_email_check_syntax = not accept

    @classmethod
    def customer(cls, name="Nora", email="nora@example.com", **values):
        return cls.env["res.partner"].create({"name": name, "email": email, **values})

    @classmethod
    def order(cls, partner, **values):
        return cls.env["sale.order"].create(cls._prepare_order(partner, **values))

    @classmethod
    def _prepare_order(cls, partner, **values):
        return {
            "partner_id": partner.id,
            "order_line": [Command.create({"product_id": cls.product.id})],
            **values,
        }

    @classmethod
    def portal_user(cls, partner, login=None, **values):
        users = cls.env["res.users"].with_context(no_reset_password=True)
        return users.create(cls._prepare_portal_user(partner, login, **values))

    @classmethod
    def _prepare_portal_user(cls, partner, login=None, **values):
        return {
            "partner_id": partner.id,
            "login": login or partner.email,
            "group_ids": [Command.set(cls.env.ref("base.group_portal").ids)],
            **values,
        }

    @contextlib.contextmanager
    def being_worked_on(self, *emails):
        """Let another transaction reserve these addresses during the block."""
        with db_connect(self.env.cr.dbname).cursor() as cr:
            self.assertTrue(self.env(cr=cr)["res.users"]._lock_portal_logins(set(emails)))
            yield

    def users_of(self, partner):
        return self.env["res.users"].with_context(active_test=False).search([("partner_id", "in", partner.ids)])

    def users_with_login(self, login):
        return self.env["res.users"].with_context(active_test=False).search([("login", "=ilike", login)])

    def log_in(self, user):
        """Create the record of a first login."""
        self.env["res.users.log"].with_user(user).sudo().create({})
        self.env.invalidate_all()

    def invitation_of(self, order):
        return self.env["sale.portal.invitation"].search([("user_id", "=", self.users_of(order.partner_id).id)])

    def notes_of(self, order):
        """Return the notes in the order's chatter, the latest first."""
        return order.message_ids.mapped("preview")

    def keep_house(self):
        """Run the daily scheduled action."""
        with contextlib.nullcontext() if isinstance(self, HttpCase) else self.enter_registry_test_mode():
            self.assertIs(self.env.ref(UPKEEP_CRON).method_direct_trigger(), True, "the action did not fail")
        self.env.invalidate_all()

    def assert_account(self, order):
        """Check that the order created the account of its contact."""
        user = self.users_of(order.partner_id)
        self.assertEqual(len(user), 1)
        self.assertTrue(user._is_portal())
        self.assertEqual(user.auto_portal_order_id, order)
        self.assertTrue(order.is_user_created)
        self.assertFalse(order.portal_account_issue)
        return user

    def assert_no_account(self, order, issue):
        """Check that the order is confirmed and displays why its contact has no account."""
        self.assertEqual(order.state, "sale")
        self.assertFalse(self.users_of(order.partner_id))
        self.assertFalse(order.is_user_created)
        self.assertEqual(order.portal_account_issue, issue)


class PortalInvitationCommon(MailCase, PortalAccountCommon):
    """Helpers for invitations and their scheduled actions."""

    @classmethod
    def setUpClass(cls):
        """Remove waiting mails, e.g. those of demo data."""
        super().setUpClass()
        cls.env["sale.portal.invitation"].search([]).unlink()
        cls.env["mail.mail"].search([("state", "=", "outgoing")]).state = "cancel"

    def invite(self, **partner_values):
        order = self.order(self.customer(**partner_values))
        order.action_confirm()
        self.assert_account(order)
        return order, self.invitation_of(order)

    def invite_many(self, count):
        invitations = self.env["sale.portal.invitation"]
        for number in range(count):
            invitations += self.invite(email=f"nora{number}@example.com")[1]
        return invitations

    def run_cron(self):
        """Run the scheduled action like Odoo's scheduler. In tests, its commits are savepoints."""
        # HTTP tests are always in registry test mode.
        with contextlib.nullcontext() if isinstance(self, HttpCase) else self.enter_registry_test_mode():
            self.assertIs(self.env.ref(CRON).method_direct_trigger(), True, "the action did not fail")

    def server_away(self):
        error = ConnectionRefusedError("away")
        return patch.object(self.registry["ir.mail_server"], "_connect__", side_effect=error)

    def minutes_to_next_trigger(self):
        """Return the minutes until the next future trigger of the scheduled action."""
        now = fields.Datetime.now()
        return min((trigger.call_at - now).total_seconds() / 60 for trigger in self.triggers() if trigger.call_at > now)

    def later(self, invitation, minutes):
        invitation.next_attempt -= timedelta(minutes=minutes)

    def triggers(self):
        return self.env["ir.cron.trigger"].search([("cron_id", "=", self.env.ref(CRON).id)])

    def days_pass(self, invitation, days):
        """Move all dates of an invitation some days into the past."""
        self.env.flush_all()
        self.env.cr.execute(
            """
            UPDATE sale_portal_invitation
               SET create_date = create_date - %(time)s,
                   sent_date = sent_date - %(time)s,
                   last_sent_date = last_sent_date - %(time)s,
                   unused_since = unused_since - %(time)s,
                   expiry_date = expiry_date - %(time)s
             WHERE id IN %(ids)s
            """,
            {"time": timedelta(days=days), "ids": tuple(invitation.ids)},
        )
        self.env.invalidate_all()

    def send(self):
        """Send the invitations that are due and return the mail bodies by address."""
        with self.mock_mail_gateway(mail_unlink_sent=True):
            self.run_cron()
        return {mail["email_to"][0]: mail["body"] for mail in self._mails}

    def links_in(self, body):
        """Return the paths of the links to choose a password and to decline."""
        paths = re.findall(r'href="https?://[^/"]+(/my/invitation/[^"]+)"', body)
        decline = [path for path in paths if path.endswith("/decline")]
        (choose,) = set(paths) - set(decline)
        return choose, decline[0] if decline else None

    def send_link(self, email="nora@example.com"):
        """Send the invitations that are due and return the link in the mail to an address."""
        return self.links_in(self.send()[email])[0]

    def expire(self, invitation):
        invitation.expiry_date = fields.Datetime.now() - timedelta(minutes=1)


class PortalAccountHttpCommon(PortalAccountCommon, HttpCase):
    """HTTP tests."""
