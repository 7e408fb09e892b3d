import logging
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools.mail import email_normalize, email_split_tuples

from ..tools import _portal_safe_text
from .portal_mail_link import insert_links

_logger = logging.getLogger(__name__)

# A server that answers but refuses (greylisting, a full mailbox) is asked again after 5, 15, 45,
# 135 and 405 minutes. One that can't be reached is tried every 5 minutes until it is back.
RETRY_MINUTES = 5
RETRY_FACTOR = 3
MAX_REFUSALS = 5

SUBJECT_LENGTH = 200


class SalePortalMail(models.AbstractModel):
    """How a mail about a portal account gets from its template to a mail server."""

    _inherit = "sale.portal.mail"

    # ------------------------------------------------------------
    # Rendering
    # ------------------------------------------------------------

    def _queue(self):
        """Render the mails into Odoo's mail queue."""
        for template, records in self._filter_sendable().grouped(lambda record: record._get_template()).items():
            if template:
                records._render(template)
            else:
                records._fail_without_template()

    def _fail_without_template(self):
        """Say that the template was deleted. Once there is one again, the mail can be sent again."""
        for record in self:
            env = record.order_id._portal_account_env()
            record._fail(record.with_env(env)._get_missing_template_reason())

    def _get_missing_template_reason(self):
        """Say what to do where the template was deleted.

        :return: the reason of the failure, in the language of the environment
        :rtype: str
        """
        return self.env._(
            "The email template was deleted. Upgrade the module \"Portal Account on Sales Order Confirmation\", which "
            "restores it, then send the message again."
        )

    def _filter_sendable(self):
        """Keep the records whose mail is still wanted; say on the others what became of them.

        :rtype: sale.portal.mail recordset
        """
        return self

    def _get_template(self):
        """Return the template that the mail is written with.

        :rtype: mail.template record, empty where it was deleted
        """
        raise NotImplementedError

    def _render(self, template):
        """Render the mails of one template; a record that can't be rendered doesn't stop the others.

        :param template: mail.template record on the model
        """
        try:
            with self.env.cr.savepoint():
                mails_sudo = template.send_mail_batch(self.ids, email_values=self._prepare_mail_values())
                for record, mail_sudo in zip(self, mails_sudo, strict=True):
                    values = record._prepare_recipient_mail_values(mail_sudo)
                    mail_sudo.write({**values, "body_html": insert_links(record.sudo(), values["body_html"])})
                    record.write(record._prepare_queued_values(mail_sudo, template))
        except Exception as error:
            if len(self) == 1:
                _logger.warning("The mail of %s could not be rendered", self, exc_info=error)
                self._fail(str(error))
                return
            for record in self:
                record._render(template)

    @api.model
    def _prepare_mail_values(self):
        """Prepare what all mails have whatever their template says.

        :return: values of ``mail.mail``
        :rtype: dict
        """
        return {
            # Kept until its outcome is known, then deleted: it may carry a secret.
            "auto_delete": False,
            # For the same reason in nobody's chatter, and to nobody else.
            "message_type": "user_notification",
            "model": False,
            "res_id": False,
            "email_cc": False,
            "recipient_ids": [],
            "partner_ids": [],
            "scheduled_date": False,
        }

    def _prepare_recipient_mail_values(self, mail_sudo):
        """Prepare what one mail has whatever its template says: its recipient, and harmless headers.

        :param mail_sudo: the rendered mail.mail record
        :return: values of ``mail.mail``
        :rtype: dict
        """
        self.ensure_one()
        return {
            # The bare address: the customer's name has no place in a header.
            "email_to": self.email,
            "subject": _portal_safe_text(mail_sudo.subject, SUBJECT_LENGTH, keep_links=True),
            "email_from": self._clean_address(mail_sudo.email_from),
            "reply_to": self._clean_address(mail_sudo.reply_to),
            # With sample links: the mail's own are put in last, by a function that no template can call.
            "body_html": mail_sudo.body_html or "",
        }

    def _prepare_queued_values(self, mail_sudo, template):
        """Prepare what is to be written once the mail is in Odoo's mail queue.

        :param mail_sudo: the mail.mail record
        :param template: the mail.template record that it was written with
        :rtype: dict
        """
        return {"state": "queued", "mail_id": mail_sudo.id, "template_id": template.id}

    def _clean_address(self, value):
        """Make sure that a header names one address, and that nothing in it begins another header.

        A text that a customer typed may look like an address: a template that puts one into the name
        must not change who the mail comes from.

        :param value: the header's text, as the template says
        :type value: str or bool
        :return: one formatted address, the shop's own where the text holds several
        :rtype: str or bool
        """
        self.ensure_one()
        addresses = email_split_tuples(value)
        if len(addresses) == 1:
            return self._format_address(*addresses[0])
        return self._get_portal_sender() or self.env.user.email_formatted

    def _get_partner_address(self):
        """Return the customer's one email address.

        :return: the normalized address, ``False`` where there is none or more than one
        :rtype: str or bool
        """
        self.ensure_one()
        return email_normalize(self.partner_id.email)

    # ------------------------------------------------------------
    # Sending
    # ------------------------------------------------------------

    def _send_queued(self):
        """Hand the rendered mails to the mail server.

        :return: as :meth:`_settle`
        :rtype: sale.portal.mail recordset
        """
        self = self.exists()  # what was looked at while they were queued may have been deleted
        mails_sudo = self.sudo().mail_id
        if mails_sudo:  # without any id Odoo would send its whole queue
            mails_sudo.process_email_queue(mails_sudo.ids)
        return self._settle()

    def _settle(self):
        """Read from Odoo's mail queue what became of the mails.

        :return: records whose mail could not be handed over because no server was reached
        :rtype: sale.portal.mail recordset
        """
        unreachable = waiting = self.browse()
        for record in self._lock_free().filtered(lambda record: record.state == "queued"):
            mail_sudo = record.sudo().mail_id
            if mail_sudo.state == "outgoing":  # Odoo's own queue has it in hand
                waiting += record
                continue
            state, reason, type_ = mail_sudo.state, mail_sudo.failure_reason, mail_sudo.failure_type
            record._unlink_mails()
            if state == "sent":
                record._sent()
            elif state != "exception":  # cancelled by an administrator, or deleted
                record._cancel()
            elif not type_:
                # Odoo gives a reason of failure a type, but where it could not connect at all.
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
        """Have Odoo's queue sent and settled sooner than in an hour.

        That is where mails stay when a mail server hangs up, or this one is killed, between two of them.
        """
        at = fields.Datetime.now() + timedelta(minutes=RETRY_MINUTES)
        cron = self.env.ref("mail.ir_cron_mail_scheduler_action", raise_if_not_found=False)
        if cron:
            cron.sudo()._trigger(at=at)
        self._trigger_cron(at + timedelta(minutes=1))

    # ------------------------------------------------------------
    # What became of it
    # ------------------------------------------------------------

    def _sent(self):
        """Note that a mail server took the mail."""
        self.ensure_one()
        self.write(self._prepare_sent_values())

    def _prepare_sent_values(self):
        """Prepare what is to be written once a mail server took the mail.

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
        """Try a refused mail again later, or give it up after the last attempt.

        :param reason: what the mail server said
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
        """Give a mail up, and say so on the order that it is about.

        :param reason: what went wrong
        :type reason: str or False
        """
        self.ensure_one()
        self.write({"state": "failed", "failure_reason": reason})
        order = self.order_id
        if order:
            order = order.with_env(order._portal_account_env())
            order._log_portal_account_notes({order: self.with_env(order.env)._get_failure_note(reason or "")})

    def _get_failure_note(self, reason):
        """Say on the order that the mail could not be delivered.

        :param str reason: what went wrong
        :return: the note, in the language of the environment
        :rtype: str
        """
        self.ensure_one()
        return self.env._(
            "The email to %(email)s could not be delivered: %(reason)s", email=self.email or "", reason=reason
        )
