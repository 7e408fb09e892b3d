from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import split_every

# So many mails are rendered, committed and handed over at a time.
PORTION_SIZE = 20
# So many records are looked at, or settled, with what they need in memory.
SEARCH_LIMIT = 200
# In how many minutes a record that another transaction was writing on is looked at again.
LOCKED_MINUTES = 1
# After how many minutes a mail may be sent again. Each further mail to the same address waits three
# times as long, a day at most: nobody's mailbox is filled by a button.
RESEND_MINUTES = 5
RESEND_FACTOR = 3
MAX_RESEND_MINUTES = 24 * 60


class SalePortalMail(models.AbstractModel):
    """A mail about a portal account, which leaves once, after the commit.

    A model that inherits this one has a record for each mail. :meth:`_schedule` asks for the mail; the
    scheduled action named by ``_cron_xml_id`` calls :meth:`_cron_send`, which renders the mail into
    Odoo's mail queue, commits, and only then talks to a mail server. What became of it is read from
    the queue. The sending itself is in ``portal_mail_send.py``.
    """

    _name = "sale.portal.mail"
    _description = "Mail about a Portal Account"
    _rec_name = "email"
    _order = "id desc"

    # The scheduled action that calls _cron_send() of the model.
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
        """Delete the mails that wait in Odoo's queue, too."""
        self._unlink_mails()
        return super().unlink()

    # ------------------------------------------------------------
    # Asking for the mail
    # ------------------------------------------------------------

    def _request(self, **values):
        """Have the mail sent once this transaction is committed, as if it had never been tried.

        The transaction that confirms a sale talks to no mail server: a scheduled action does, and
        it sees only what was committed, once, however often the transaction was retried.

        :param values: what else is to be written
        """
        self._schedule(attempts=0, failure_reason=False, **values)

    def _request_again(self, **values):
        """Have another mail sent, in place of one that waits in Odoo's mail queue.

        A mail that is being handed to the mail server at this moment is on its way: nothing is to be done.

        :param values: what else is to be written
        :return: whether another mail was requested
        :rtype: bool
        :raise LockError: somebody else is writing on the record
        """
        self.ensure_one()
        # The record first and then the mail, as the scheduled action does.
        self.lock_for_update(allow_referencing=True)
        mail_sudo = self.sudo().mail_id
        if mail_sudo.try_lock_for_update() != mail_sudo:
            return False
        self._unlink_mails()
        self._request(**values)
        return True

    def _schedule(self, minutes=0, **values):
        """Have the scheduled action send the mail.

        :param int minutes: in how many minutes; 0: as soon as this transaction is committed
        :param values: what else is to be written, in the same query
        """
        next_attempt = fields.Datetime.now() + timedelta(minutes=minutes)
        self.write({"state": "to_send", "next_attempt": next_attempt, **values})
        self._trigger_cron(next_attempt)

    def _cancel(self):
        """Send nothing, or nothing more: mails in Odoo's queue are deleted."""
        self._unlink_mails()
        for record in self:
            record.write(record._prepare_cancel_values())

    def _prepare_cancel_values(self):
        """Prepare what is to be written when nothing more is sent.

        :rtype: dict
        """
        self.ensure_one()
        return {"state": "cancelled", "next_attempt": False}

    def _unlink_mails(self):
        """Delete the mails from Odoo's queue: they may carry a secret."""
        self.sudo().mail_id.unlink()

    def _get_next_resend_date(self):
        """Return when the mail may be sent to the same address again.

        :return: a moment in the past where nothing was sent yet
        :rtype: datetime.datetime
        """
        self.ensure_one()
        if not self.last_sent_date:
            return fields.Datetime.now()
        # The exponent is limited only so that the power stays a small number.
        minutes = RESEND_MINUTES * RESEND_FACTOR ** min(max(self.sent_count - 1, 0), 10)
        return self.last_sent_date + timedelta(minutes=min(minutes, MAX_RESEND_MINUTES))

    def _is_resend_decent(self):
        """Tell whether the mail may be sent to the same address again now.

        :rtype: bool
        """
        self.ensure_one()
        return self._get_next_resend_date() <= fields.Datetime.now()

    # ------------------------------------------------------------
    # The scheduled action
    # ------------------------------------------------------------

    @api.model
    def _trigger_cron(self, at):
        """Wake the scheduled action.

        :param datetime.datetime at: when
        """
        cron_id = self.env["ir.model.data"]._xmlid_to_res_id(self._cron_xml_id)
        if cron_id:
            self.env["ir.cron"].sudo().browse(cron_id)._trigger(at=at)

    @api.model
    def _cron_send(self):
        """Send the mails that are due; settle those that an interrupted run left behind.

        Whatever is left when the time is over is told to Odoo, which then runs the action again
        before it waits for its next hour. Each portion is committed, which empties the memory, too.
        """
        cron = self.env["ir.cron"]
        for ids in split_every(SEARCH_LIMIT, self.search([("state", "=", "queued")]).ids):
            self.browse(ids)._settle()
            cron._commit_progress(remaining=0)
        while records := self._search_due(SEARCH_LIMIT)._lock_free(PORTION_SIZE):
            records._queue()
            # Committed before it is sent: a run that is killed here leaves mails in Odoo's queue,
            # never a mail that was sent for an account that was rolled back.
            remaining_time = cron._commit_progress(len(records), remaining=self._count_due())
            unreachable = records._send_queued()
            # Where no server is reached the others wait like those that were tried, with one trigger.
            cron._commit_progress(remaining=0 if unreachable else None)
            if unreachable or not remaining_time:
                break

    @api.model
    def _get_due_domain(self):
        """Return the domain of the records whose mail is to be sent now.

        :rtype: list
        """
        return [("state", "=", "to_send"), ("next_attempt", "<=", fields.Datetime.now())]

    @api.model
    def _search_due(self, limit):
        """Search the records whose mail is to be sent now.

        :param int limit: at most so many
        :return: the longest waiting first
        :rtype: sale.portal.mail recordset
        """
        return self.search(self._get_due_domain(), order="next_attempt, id", limit=limit)

    @api.model
    def _count_due(self):
        """Count the records whose mail is to be sent now.

        :rtype: int
        """
        return self.search_count(self._get_due_domain())

    def _lock_free(self, limit=None):
        """Lock the records that nobody else is writing on: one of them would undo the whole run.

        :param limit: at most so many
        :type limit: int or None
        :return: the locked ones; the others are looked at again a little later
        :rtype: sale.portal.mail recordset
        """
        locked = self.try_lock_for_update(allow_referencing=True, limit=limit)
        if len(locked) < min(len(self), limit or len(self)):
            self._trigger_cron(fields.Datetime.now() + timedelta(minutes=LOCKED_MINUTES))
        return locked
