from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain

from .portal_mail import SEARCH_LIMIT


class SalePortalInvitation(models.Model):
    """Daily jobs on invitations: accept, remind, expire, archive."""

    _inherit = "sale.portal.invitation"

    @api.model
    def _cron_upkeep(self):
        """Run the daily jobs in batches, each of which is committed."""
        self._do_in_portions(self._get_came_in_domain(), "_accept")
        self._do_in_portions(self._get_order_alive_again_domain(), "_invite_for_other_order")
        companies = self.env["res.company"]
        for company in companies.search([("auto_portal_user_reminder_days", ">", 0)]):
            self._do_in_portions(self._get_reminder_domain(company), "_remind")
        for company in companies.search([("auto_portal_user_archive_days", ">", 0)]):
            self._do_in_portions(self._get_never_used_domain(company), "_archive_never_used")
        self._do_in_portions(self._get_expired_domain(), "_expire")
        self.env["sale.portal.join"]._uncover_lost()

    @api.model
    def _do_in_portions(self, domain, method):
        """Call a method on the matching records, batch by batch.

        :param domain: domain of the records
        :type domain: odoo.fields.Domain or list
        :param str method: name of the method
        """
        last_id = 0
        while invitations := self.search(Domain(domain) & Domain("id", ">", last_id), order="id", limit=SEARCH_LIMIT):
            last_id = invitations[-1].id
            invitations._lock_free()._do_apart(method)
            self.env["ir.cron"]._commit_progress(len(invitations), remaining=0)

    # ------------------------------------------------------------
    # Accepted without the link
    # ------------------------------------------------------------

    @api.model
    def _get_came_in_domain(self):
        """Return the domain of the invitations whose owner has signed in without using the link."""
        return [
            ("state", "in", ["to_send", "sent", "failed", "expired", "cancelled"]),
            ("user_id.log_ids", "!=", False),
        ]

    # ------------------------------------------------------------
    # Held back, but the customer has a confirmed order again
    # ------------------------------------------------------------

    @api.model
    def _get_order_alive_again_domain(self):
        """Return the domain of the invitations that were not sent because their order was no longer confirmed."""
        return [("state", "=", "cancelled"), ("is_waiting_for_order", "=", True), ("user_active", "=", True)]

    def _invite_for_other_order(self):
        """Send the invitations that were held back, for another order or for the same order confirmed again.

        An invitation that a guest order releases is about the account alone: the order hasn't joined the account yet.
        """
        for invitation in self:
            if order := invitation._find_other_order():
                invitation._request(is_waiting_for_order=False, **invitation._prepare_order_values(order))
            elif invitation._has_guest_order():
                invitation._request(is_waiting_for_order=False, order_id=False)

    # ------------------------------------------------------------
    # Reminder
    # ------------------------------------------------------------

    @api.model
    def _get_reminder_domain(self, company):
        """Return the domain of a company's invitations for which a reminder is due.

        :param company: company of the invitations
        :rtype: list
        """
        days, now = company.auto_portal_user_reminder_days, fields.Datetime.now()
        return [
            ("company_id", "=", company.id),
            ("state", "=", "sent"),
            ("reminded_date", "=", False),
            ("last_sent_date", "<=", now - timedelta(days=days)),
            ("expiry_date", ">", now),
            ("order_id.state", "=", "sale"),
        ]

    def _remind(self):
        """Request a reminder with a new link."""
        waiting = self._filter_waiting_for_owner()
        for since, invitations in waiting.grouped("unused_since").items():
            # A reminder of a mail sent because of a guest order does not restart the delay to archive, either.
            invitations._request(is_reminder=True, unused_since=since)

    # ------------------------------------------------------------
    # Expired and never used
    # ------------------------------------------------------------

    @api.model
    def _get_expired_domain(self):
        """Return the domain of the invitations whose link has expired."""
        return [("state", "=", "sent"), ("expiry_date", "<=", fields.Datetime.now())]

    def _expire(self):
        """Mark the invitations as expired."""
        self.state = "expired"

    @api.model
    def _get_never_used_domain(self, company):
        """Return the domain of a company's invitations whose account has to be archived.

        :param company: company of the invitations
        :rtype: odoo.fields.Domain
        """
        limit = fields.Datetime.now() - timedelta(days=company.auto_portal_user_archive_days)
        return (
            Domain("company_id", "=", company.id)
            & Domain("state", "in", ["sent", "failed", "expired", "cancelled"])
            & Domain("user_active", "=", True)
            # Skip users who became internal users: employees may sign in by other means.
            & Domain("user_id.share", "=", True)
            # Skip users to whom an employee granted access.
            & Domain("user_id.portal_tokens_exposed", "=", True)
            & Domain("is_access_granted", "=", False)
            & self._get_unused_domain(limit)
        )

    @api.model
    def _get_unused_domain(self, limit):
        """Return the domain of the invitations whose delay to archive the account has ended.

        The delay starts at the last mail that the shop, an employee or the customer requested: a customer who got a new
        link has the full delay to use it, and a customer who was never invited has not ignored an invitation. A mail
        sent because of a guest order does not restart the delay, because a stranger could order every day. The link in
        such a mail still works until it expires; no further mail is sent, see :meth:`_is_archive_due`.

        :param datetime.datetime limit: latest start of the delay
        :rtype: odoo.fields.Domain
        """
        is_expired = Domain("unused_since", "<=", limit) & Domain("expiry_date", "<=", fields.Datetime.now())
        return is_expired | (Domain("unused_since", "=", False) & Domain("last_sent_date", "<=", limit))

    def _is_archive_due(self):
        """Return whether the account will be archived as soon as the link sent because of a guest order expires.

        :rtype: bool
        """
        self.ensure_one()
        user = self.user_id
        is_kept = self.is_access_granted or not user.portal_tokens_exposed or user._filter_with_other_groups()
        days = not is_kept and self.company_id.auto_portal_user_archive_days
        return bool(days and self.unused_since and self.unused_since <= fields.Datetime.now() - timedelta(days=days))

    def _archive_never_used(self):
        """Archive the accounts that were never used and log a note on their orders.

        Skip accounts that were given other rights in the meantime: their owner is more than a customer.
        """
        unused = self._filter_waiting_for_owner()
        kept = unused.user_id._filter_with_other_groups()
        unused = unused.filtered(lambda invitation: invitation.user_id not in kept)
        unused.user_id._archive_without_owner()
        unused.state = "expired"
        for invitations in unused.grouped("company_id").values():
            orders = invitations.order_id
            if orders:
                note = orders._portal_account_env()._("The portal account was never used. It was archived.")
                orders._log_portal_account_notes(dict.fromkeys(orders, note))
