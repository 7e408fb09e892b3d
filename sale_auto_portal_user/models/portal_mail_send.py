import logging
from datetime import timedelta

from markupsafe import Markup

from odoo import api, fields, models
from odoo.tools.mail import append_content_to_html, email_normalize, email_split_tuples

from ..tools import _portal_safe_text
from .mail_markup import has_link
from .portal_mail import LOCKED_MINUTES
from .portal_mail_link import insert_links

_logger = logging.getLogger(__name__)

# A mail that the server refuses (greylisting, full mailbox) is sent again after 5, 15, 45, 135 and 405 minutes. An
# unreachable server is tried every 5 minutes until it is back.
RETRY_MINUTES = 5
RETRY_FACTOR = 3
MAX_REFUSALS = 5

SUBJECT_LENGTH = 200


class SalePortalMail(models.AbstractModel):
    """Rendering and sending of mails about portal accounts."""

    _inherit = "sale.portal.mail"

    # ------------------------------------------------------------
    # Rendering
    # ------------------------------------------------------------

    def _queue(self):
        """Render the mails into Odoo's mail queue. A record that fails doesn't affect the others."""
        self._do_apart("_queue_together", on_error="_handle_queue_error")

    def _queue_together(self):
        """Render the mails in one batch per template."""
        # If each record is queued by itself, one that was queued before may have taken the place of this one.
        waiting = self.exists().filtered(lambda record: record.state == "to_send")
        for template, records in waiting._filter_sendable().grouped(lambda record: record._get_template()).items():
            if template:
                records._render(template)
            else:
                records._fail_without_template()

    def _handle_queue_error(self, error):
        """Mark a mail that can't be queued as failed, or try again later if another transaction was in the way.

        :param Exception error: exception raised, after which the savepoint was rolled back
        """
        _logger.warning("The mail of %s could not be queued", self, exc_info=error)
        if self.env["sale.order"]._is_portal_account_concurrency(error):
            self._schedule(minutes=LOCKED_MINUTES)
            return
        try:
            with self.env.cr.savepoint():
                self._fail(str(error))
        except Exception as next_error:  # most likely for the same reason
            self._raise_if_closed(next_error)
            self.write({"state": "failed", "failure_reason": str(error)})

    def _do_apart(self, method, *args, on_error="_log_job_error"):
        """Call a method on these records. One for which it fails, e.g. in another addon, doesn't affect the others.

        :param str method: name of the method
        :param args: arguments of the method
        :param str on_error: name of the method that handles the error of a single record
        """
        try:
            with self.env.cr.savepoint():
                getattr(self, method)(*args)
        except Exception as error:
            self._raise_if_closed(error)
            if len(self) <= 1:
                getattr(self, on_error)(error)
                return
            for record in self:
                record._do_apart(method, *args, on_error=on_error)

    def _log_job_error(self, error):
        """Leave a record for which a daily job failed to the next day.

        :param Exception error: exception raised
        """
        _logger.warning("A daily job failed for %s", self, exc_info=error)

    @api.model
    def _raise_if_closed(self, error):
        """Raise an error after which nothing can be written, because the database connection is lost.

        :param Exception error: exception raised
        :raise Exception: given error
        """
        if self.env.cr.closed:
            raise error

    def _fail_without_template(self):
        """Mark the mails as failed because the template was deleted. They can be sent again once it is restored."""
        for record in self:
            env = record.order_id._portal_account_env()
            record._fail(record.with_env(env)._get_missing_template_reason())

    def _get_missing_template_reason(self):
        """Return the failure reason for a deleted template, with instructions.

        :return: reason in the language of the environment
        :rtype: str
        """
        return self.env._(
            "The email template was deleted. Upgrade the module \"Portal Account on Sales Order Confirmation\", which "
            "restores it, then send the message again."
        )

    def _filter_sendable(self):
        """Keep the records whose mail still has to be sent, and update the state of the others.

        :rtype: sale.portal.mail recordset
        """
        return self

    def _get_template(self):
        """Return the template of the mail.

        :return: template, empty if it was deleted
        :rtype: mail.template record
        """
        raise NotImplementedError

    def _render(self, template):
        """Render the mails of one template. A record that can't be rendered doesn't affect the others.

        :param template: template on the model
        """
        self._do_apart("_render_together", template, on_error="_handle_queue_error")

    def _render_together(self, template):
        """Render the mails of one template in a single batch.

        :param template: template on the model
        """
        mails_sudo = template.send_mail_batch(self.ids, email_values=self._prepare_mail_values())
        for record, mail_sudo in zip(self, mails_sudo, strict=True):
            values = record._prepare_recipient_mail_values(mail_sudo)
            mail_sudo.write({**values, "body_html": insert_links(record.sudo(), values["body_html"])})
            record.write(record._prepare_queued_values(mail_sudo, template))

    @api.model
    def _prepare_mail_values(self):
        """Prepare the values that all mails have, regardless of their template.

        :return: values of ``mail.mail``
        :rtype: dict
        """
        return {
            # The mail may contain a secret link: it is deleted once its outcome is known.
            "auto_delete": False,
            # For the same reason, it appears in no chatter and has no other recipients.
            "message_type": "user_notification",
            "model": False,
            "res_id": False,
            "email_cc": False,
            "recipient_ids": [],
            "partner_ids": [],
            "scheduled_date": False,
        }

    def _prepare_recipient_mail_values(self, mail_sudo):
        """Prepare the values of one mail that override its template: the recipient and sanitized headers.

        :param mail_sudo: rendered mail.mail record
        :return: values of ``mail.mail``
        :rtype: dict
        """
        self.ensure_one()
        return {
            # The bare address, without the name typed by the customer.
            "email_to": self.email,
            "subject": _portal_safe_text(mail_sudo.subject, SUBJECT_LENGTH, keep_links=True),
            "email_from": self._clean_address(mail_sudo.email_from),
            "reply_to": self._clean_address(mail_sudo.reply_to),
            # The body still has sample links, which insert_links() replaces last.
            "body_html": self._add_missing_links(mail_sudo.body_html or ""),
        }

    def _get_portal_mail_links(self):
        """Return the sample links that the mail must have.

        :return: labels of the links by URL, in the language of the environment
        :rtype: dict[str, str]
        """
        return {}

    def _add_missing_links(self, body):
        """Append the sample links that the template lacks, or doesn't use as the target of a link.

        :param str body: rendered HTML body
        :rtype: str
        """
        self.ensure_one()
        record = self.with_context(lang=self.partner_id.lang or self.env.lang)
        for url, label in record._get_portal_mail_links().items():
            if not has_link(body, url):
                link = Markup('<p><a href="%s">%s</a></p>') % (url, label)
                body = append_content_to_html(body, link, plaintext=False)
        return body

    def _prepare_queued_values(self, mail_sudo, template):
        """Prepare the values to write once the mail is in Odoo's mail queue.

        :param mail_sudo: mail.mail record
        :param template: template of the mail
        :rtype: dict
        """
        return {"state": "queued", "mail_id": mail_sudo.id, "template_id": template.id}

    def _clean_address(self, value):
        """Reduce the value of a header to a single address, and prevent header injection.

        A template can insert text typed by a customer into the sender's name. Text that looks like an address must not
        change the sender of the mail.

        :param value: value of the header, rendered by the template
        :type value: str or bool
        :return: formatted address; the shop's address if the value contains several or none
        :rtype: str or bool
        """
        self.ensure_one()
        addresses = email_split_tuples(value)
        if len(addresses) == 1:
            return self._format_address(*addresses[0])
        return self._get_portal_sender() or self.env.user.email_formatted

    def _get_partner_address(self):
        """Return the customer's email address.

        :return: normalized address, ``False`` if there is none or more than one
        :rtype: str or bool
        """
        self.ensure_one()
        return email_normalize(self.partner_id.email)

    # ------------------------------------------------------------
    # Sending
    # ------------------------------------------------------------

    def _send_queued(self):
        """Hand over the rendered mails to the mail server.

        :return: same as :meth:`_settle`
        :rtype: sale.portal.mail recordset
        """
        self = self.exists()  # queueing may have deleted records
        mails_sudo = self.sudo().mail_id
        if mails_sudo:  # without ids, Odoo would send its whole queue
            mails_sudo.with_context(lock_portal_mail=True).process_email_queue(mails_sudo.ids)
        # Delete the mails of records that were deleted in the meantime.
        (mails_sudo - self.exists().sudo().mail_id).exists().unlink()
        return self._settle()

    def _settle(self):
        """Read the outcome of the mails from Odoo's mail queue.

        :return: records whose mail could not be sent because no mail server was reachable
        :rtype: sale.portal.mail recordset
        """
        unreachable = waiting = self.browse()
        records = self._lock_free()
        records.invalidate_recordset(["state"])  # it may have changed while the mail was being sent
        queued = records.filtered(lambda record: record.state == "queued")
        (records - queued)._unlink_mails()
        for record in queued:
            mail_sudo = record.sudo().mail_id
            if mail_sudo.state == "outgoing":  # still to be sent by Odoo's queue
                waiting += record
                continue
            state, reason, type_ = mail_sudo.state, mail_sudo.failure_reason, mail_sudo.failure_type
            record._unlink_mails()
            if state == "sent":
                record._sent()
            elif state != "exception":  # cancelled by an administrator, or deleted
                record._cancel()
            elif not type_:
                # Odoo sets a failure type in all cases, except when it can't connect to the server.
                unreachable += record
            else:
                record._refused(reason)
        if unreachable:
            unreachable._schedule(minutes=RETRY_MINUTES)
        if waiting:
            self._trigger_mail_queue()
        return unreachable

    @api.model
    def _trigger_mail_queue(self):
        """Trigger Odoo's mail queue instead of waiting up to an hour for it.

        Mails stay in the queue if the mail server hangs up or this process is killed between two mails.
        """
        at = fields.Datetime.now() + timedelta(minutes=RETRY_MINUTES)
        cron = self.env.ref("mail.ir_cron_mail_scheduler_action", raise_if_not_found=False)
        if cron:
            cron.sudo()._trigger(at=at)
        self._trigger_cron(at + timedelta(minutes=1))

    # ------------------------------------------------------------
    # Outcome
    # ------------------------------------------------------------

    def _sent(self):
        """Mark the mail as sent."""
        self.ensure_one()
        self.write(self._prepare_sent_values())

    def _prepare_sent_values(self):
        """Prepare the values to write once a mail server has accepted the mail.

        :rtype: dict
        """
        self.ensure_one()
        now = fields.Datetime.now()
        return {
            "state": "sent",
            "sent_date": self.sent_date or now,
            "last_sent_date": now,
            "sent_count": self.sent_count + 1,
            "attempts": 0,
            "next_attempt": False,
            "failure_reason": False,
        }

    def _refused(self, reason):
        """Schedule another attempt for a refused mail, or mark it as failed after the last attempt.

        :param reason: answer of the mail server
        :type reason: str or False
        """
        self.ensure_one()
        if self.attempts >= MAX_REFUSALS:
            self._fail(reason)
            return
        self._schedule(
            minutes=RETRY_MINUTES * RETRY_FACTOR**self.attempts,
            attempts=self.attempts + 1,
            failure_reason=reason,
        )

    def _fail(self, reason):
        """Mark a mail as failed, and log a note on its order.

        :param reason: failure reason
        :type reason: str or False
        """
        self.ensure_one()
        self.write({"state": "failed", "failure_reason": reason})
        order = self.order_id
        if not order:
            return
        order = order.with_env(order._portal_account_env())
        try:
            with self.env.cr.savepoint():
                order._log_portal_account_notes({order: self.with_env(order.env)._get_failure_note(reason or "")})
        except Exception as error:
            self._raise_if_closed(error)
            _logger.warning("The failure of %s could not be noted on its order", self, exc_info=error)

    def _get_failure_note(self, reason):
        """Return the note that is logged on the order if the mail could not be delivered.

        :param str reason: failure reason
        :return: note in the language of the environment
        :rtype: str
        """
        self.ensure_one()
        return self.env._(
            "The email to %(email)s could not be delivered: %(reason)s", email=self.email or "", reason=reason
        )
