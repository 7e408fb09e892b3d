from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain

from .portal_mail import SEARCH_LIMIT


class SalePortalInvitation(models.Model):
    """What time does to invitations: reminded, accepted by another way, expired, archived."""

    _inherit = "sale.portal.invitation"

    @api.model
    def _cron_upkeep(self):
        """Do what is due every day, in portions that are committed."""
        self._do_in_portions(self._get_came_in_domain(), "_accept")
        self._do_in_portions(self._get_order_alive_again_domain(), "_invite_for_other_order")
        companies = self.env["res.company"]
        for company in companies.search([("auto_portal_user_reminder_days", ">", 0)]):
            self._do_in_portions(self._get_reminder_domain(company), "_remind")
        for company in companies.search([("auto_portal_user_archive_days", ">", 0)]):
            self._do_in_portions(self._get_never_used_domain(company), "_archive_never_used")
        self._do_in_portions(self._get_expired_domain(), "_expire")

    @api.model
    def _do_in_portions(self, domain, method):
        """Call a method for portions of the records that a domain finds.

        :param domain: the domain
        :type domain: odoo.fields.Domain or list
        :param str method: the method's name
        """
        last_id = 0
        while invitations := self.search(Domain(domain) & Domain("id", ">", last_id), order="id", limit=SEARCH_LIMIT):
            last_id = invitations[-1].id
            getattr(invitations._lock_free(), method)()
            self.env["ir.cron"]._commit_progress(len(invitations), remaining=0)

    # ------------------------------------------------------------
    # Accepted, by whatever way
    # ------------------------------------------------------------

    @api.model
    def _get_came_in_domain(self):
        """Return the domain of invitations whose owner has signed in by another way than the link."""
        return [
            ("state", "in", ["to_send", "sent", "failed", "expired", "cancelled"]),
            ("user_id.log_ids", "!=", False),
        ]

    # ------------------------------------------------------------
    # Not thanked for an order that is not confirmed any more, but there is another one, or the same one again
    # ------------------------------------------------------------

    @api.model
    def _get_order_alive_again_domain(self):
        """Return the domain of invitations that were not sent because their order was not confirmed any more."""
        return [("state", "=", "cancelled"), ("is_waiting_for_order", "=", True), ("user_active", "=", True)]

    def _invite_for_other_order(self):
        """Invite customers whose first order was cancelled for the next one, or for that one once it is confirmed."""
        for invitation in self:
            order = invitation._find_other_order()
            if order:
                invitation._request(is_waiting_for_order=False, **invitation._prepare_order_values(order))

    # ------------------------------------------------------------
    # Reminder
    # ------------------------------------------------------------

    @api.model
    def _get_reminder_domain(self, company):
        """Return the domain of a company's invitations whose owner is to be reminded.

        :param company: res.company record
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
        """Send one more mail, with a new link."""
        waiting = self._filter_waiting_for_owner()
        if waiting:
            waiting._request(is_reminder=True)

    # ------------------------------------------------------------
    # Expired, archived
    # ------------------------------------------------------------

    @api.model
    def _get_expired_domain(self):
        """Return the domain of invitations whose link has run out."""
        return [("state", "=", "sent"), ("expiry_date", "<=", fields.Datetime.now())]

    def _expire(self):
        """Note that the link has run out."""
        self.state = "expired"

    @api.model
    def _get_never_used_domain(self, company):
        """Return the domain of a company's invitations whose account is to be archived.

        :param company: res.company record
        :rtype: odoo.fields.Domain
        """
        # From the last mail on: who was sent a new link has as long to use it as with the first one.
        limit = fields.Datetime.now() - timedelta(days=company.auto_portal_user_archive_days)
        never_sent = Domain("last_sent_date", "=", False) & Domain("create_date", "<=", limit)
        return (
            Domain("company_id", "=", company.id)
            & Domain("state", "in", ["sent", "failed", "expired", "cancelled"])
            & Domain("user_active", "=", True)
            # Whoever was made an internal user since is an employee, who may sign in by other means.
            & Domain("user_id.share", "=", True)
            & (never_sent | Domain("last_sent_date", "<=", limit))
        )

    def _archive_never_used(self):
        """Archive the accounts that nobody has ever used, and say so on their orders."""
        unused = self._filter_waiting_for_owner()
        unused.user_id.action_archive()
        unused.state = "expired"
        for invitations in unused.grouped("company_id").values():
            orders = invitations.order_id
            if orders:
                note = orders._portal_account_env()._("The portal account was never used. It was archived.")
                orders._log_portal_account_notes(dict.fromkeys(orders, note))
