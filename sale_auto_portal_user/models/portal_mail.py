from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import split_every

# Number of mails that are rendered, committed and sent at a time.
PORTION_SIZE = 20
# Number of records that are loaded at a time.
SEARCH_LIMIT = 200
# Delay before a record that was locked by another transaction is processed again.
LOCKED_MINUTES = 1
# Delay before a mail may be sent again. It triples with each further mail to the same address, up to one day, so that
# nobody's mailbox can be flooded.
RESEND_MINUTES = 5
RESEND_FACTOR = 3
MAX_RESEND_MINUTES = 24 * 60


class SalePortalMail(models.AbstractModel):
    """Mail about a portal account, sent once, after the commit.

    Models that inherit this one have a record for each mail. :meth:`_schedule` requests the mail; the scheduled action
    ``_cron_xml_id`` calls :meth:`_cron_send`, which renders the mail into Odoo's mail queue, commits, and only then
    connects to a mail server. The outcome is read from the queue. The sending itself is in ``portal_mail_send.py``.
    """

    _name = "sale.portal.mail"
    _description = "Mail about a Portal Account"
    _rec_name = "email"
    _order = "id desc"

    # External id of the scheduled action that calls _cron_send() of the model.
    _cron_xml_id = None

    partner_id = fields.Many2one(
        comodel_name="res.partner",
        string="Customer",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    email = fields.Char(
        string="Sent To",
        readonly=True,
        help="The address that the mail goes to. It is the login of the account.",
    )
    order_id = fields.Many2one(
        comodel_name="sale.order",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        help="The sales order that the mail is about.",
    )
    company_id = fields.Many2one(
        comodel_name="res.company",
        required=True,
        readonly=True,
        ondelete="cascade",
    )
    website_id = fields.Many2one(
        comodel_name="website",
        readonly=True,
        ondelete="set null",
    )
    template_id = fields.Many2one(
        comodel_name="mail.template",
        readonly=True,
        ondelete="set null",
        help="The email template that the mail was written with.",
    )
    state = fields.Selection(
        selection=[
            ("to_send", "To Send"),
            ("queued", "In the Mail Queue"),
            ("sent", "Sent"),
            ("failed", "Not Delivered"),
            ("cancelled", "Cancelled"),
        ],
        string="Status",
        default="to_send",
        required=True,
        readonly=True,
    )
    next_attempt = fields.Datetime(
        readonly=True,
        help="When the mail is sent, or tried again after a mail server has refused it.",
    )
    attempts = fields.Integer(
        string="Refused Attempts",
        readonly=True,
        help="How many times a mail server has refused the mail.",
    )
    failure_reason = fields.Char(readonly=True)
    sent_date = fields.Datetime(
        string="Sent On",
        readonly=True,
        help="When a mail server first took the mail.",
    )
    last_sent_date = fields.Datetime(
        string="Last Sent On",
        readonly=True,
    )
    sent_count = fields.Integer(
        string="Mails Sent",
        readonly=True,
        help="How many mails were sent to this address.",
    )
    mail_id = fields.Many2one(
        comodel_name="mail.mail",
        string="Mail in the Queue",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        groups="base.group_system",
    )

    _pending_idx = models.Index("(next_attempt, id) WHERE state IN ('to_send', 'queued')")

    def unlink(self):
        """Delete the mails in Odoo's queue along with the records."""
        self._unlink_mails()
        return super().unlink()

    # ------------------------------------------------------------
    # Requesting the mail
    # ------------------------------------------------------------

    def _request(self, **values):
        """Request the mail once this transaction is committed, and reset previous failures.

        The mail is sent by a scheduled action and not in the transaction that confirms the sale. The action only sees
        committed records: a transaction that is retried doesn't send the mail twice.

        :param values: other values to write
        """
        self._schedule(attempts=0, failure_reason=False, **values)

    def _request_again(self, **values):
        """Request another mail, which replaces a mail that waits in Odoo's queue.

        Do nothing if the queued mail is being sent right now.

        :param values: other values to write
        :return: whether another mail was requested
        :rtype: bool
        :raise LockError: if another transaction is writing on the record
        """
        self.ensure_one()
        # Lock the record before the mail, in the same order as the scheduled action.
        self.lock_for_update(allow_referencing=True)
        mail_sudo = self.sudo().mail_id
        if mail_sudo.try_lock_for_update() != mail_sudo:
            return False
        self._unlink_mails()
        self._request(**values)
        return True

    def _schedule(self, minutes=0, **values):
        """Schedule the mail for the scheduled action.

        :param int minutes: delay in minutes, 0 to send the mail as soon as this transaction is committed
        :param values: other values to write in the same query
        """
        next_attempt = fields.Datetime.now() + timedelta(minutes=minutes)
        self.write({"state": "to_send", "next_attempt": next_attempt, **values})
        self._trigger_cron(next_attempt)

    def _cancel(self):
        """Cancel the mails, which nothing replaces."""
        self._cancel_mails()

    def _cancel_mails(self):
        """Mark the mails as cancelled and delete them from Odoo's queue."""
        self._unlink_mails()
        for record in self:
            record.write(record._prepare_cancel_values())

    def _prepare_cancel_values(self):
        """Prepare the values to write when a mail is cancelled.

        :rtype: dict
        """
        self.ensure_one()
        return {"state": "cancelled", "next_attempt": False}

    def _unlink_mails(self):
        """Delete the mails from Odoo's queue, because they may contain secret links.

        Don't wait for a mail that is being sent: :meth:`_send_queued` deletes it afterwards.
        """
        self.sudo().mail_id.try_lock_for_update().unlink()

    def _get_next_resend_date(self):
        """Return when the mail may be sent to the same address again.

        :return: date of the next allowed mail, the current time if none was sent yet
        :rtype: datetime.datetime
        """
        self.ensure_one()
        if not self.last_sent_date:
            return fields.Datetime.now()
        # Limit the exponent to keep the number small.
        minutes = RESEND_MINUTES * RESEND_FACTOR ** min(max(self.sent_count - 1, 0), 10)
        return self.last_sent_date + timedelta(minutes=min(minutes, MAX_RESEND_MINUTES))

    def _is_resend_decent(self):
        """Return whether the mail may be sent to the same address again now.

        :rtype: bool
        """
        self.ensure_one()
        return self._get_next_resend_date() <= fields.Datetime.now()

    # ------------------------------------------------------------
    # The scheduled action
    # ------------------------------------------------------------

    @api.model
    def _trigger_cron(self, at):
        """Trigger the scheduled action.

        :param datetime.datetime at: time of the trigger
        """
        cron_id = self.env["ir.model.data"]._xmlid_to_res_id(self._cron_xml_id)
        if cron_id:
            self.env["ir.cron"].sudo().browse(cron_id)._trigger(at=at)

    @api.model
    def _cron_send(self):
        """Send the mails that are due, and settle those that an interrupted run left behind.

        Each batch is committed, which also clears the cache. The number of remaining records is reported to Odoo, which
        then runs the action again without waiting for its next interval.
        """
        cron = self.env["ir.cron"]
        for ids in split_every(SEARCH_LIMIT, self.search(self._get_unsettled_domain()).ids):
            self.browse(ids)._settle()
            cron._commit_progress(remaining=0)
        while records := self._search_due(SEARCH_LIMIT)._lock_free(PORTION_SIZE):
            records._queue()
            # Commit before sending: a run that is killed here leaves mails in Odoo's queue, but no mail is ever sent
            # for an account that is rolled back.
            remaining_time = cron._commit_progress(len(records), remaining=self._count_due())
            unreachable = records._send_queued()
            # If no mail server is reachable, the other records wait for the trigger of those that were tried.
            cron._commit_progress(remaining=0 if unreachable else None)
            if unreachable or not remaining_time:
                break

    @api.model
    def _get_unsettled_domain(self):
        """Return the domain of the records with a mail in Odoo's queue, even if the mail is obsolete.

        :rtype: list
        """
        return ["|", ("state", "=", "queued"), ("mail_id", "!=", False)]

    @api.model
    def _get_due_domain(self):
        """Return the domain of the records whose mail is due.

        :rtype: list
        """
        return [("state", "=", "to_send"), ("next_attempt", "<=", fields.Datetime.now())]

    @api.model
    def _search_due(self, limit):
        """Search the records whose mail is due.

        :param int limit: maximum number of records
        :return: records, the longest waiting first
        :rtype: sale.portal.mail recordset
        """
        return self.search(self._get_due_domain(), order="next_attempt, id", limit=limit)

    @api.model
    def _count_due(self):
        """Count the records whose mail is due.

        :rtype: int
        """
        return self.search_count(self._get_due_domain())

    def _lock_free(self, limit=None):
        """Lock the records that no other transaction is writing on: a conflict would roll back the whole run.

        :param limit: maximum number of records
        :type limit: int or None
        :return: locked records; the others are processed by a later run
        :rtype: sale.portal.mail recordset
        """
        locked = self.try_lock_for_update(allow_referencing=True, limit=limit)
        if len(locked) < min(len(self), limit or len(self)):
            self._trigger_cron(fields.Datetime.now() + timedelta(minutes=LOCKED_MINUTES))
        return locked
