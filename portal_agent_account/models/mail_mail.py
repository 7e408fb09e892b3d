from odoo import fields, models
from odoo.fields import Domain


class MailMail(models.Model):
    _inherit = "mail.mail"

    portal_agent_id = fields.Many2one(
        comodel_name="res.users",
        string="Agent",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
    )
    portal_agent_period_start = fields.Datetime(string="Last Weekly Mail", readonly=True)

    def _prepare_outgoing_list(self, *args, **kwargs):
        """Lock an agent's mail before Odoo hands it to the mail server.

        At this point Odoo has changed the state of the mail, but not written it to the database. Without the lock,
        another transaction could cancel the mail, and Odoo would fail to write the outcome.
        """
        if self._is_portal_agent_mail():
            self.flush_recordset(["state"])
        return super()._prepare_outgoing_list(*args, **kwargs)

    def _is_portal_agent_mail(self):
        """Return whether this mail is a weekly mail or the invitation of an agent.

        :rtype: bool
        """
        self.ensure_one()
        mail_sudo = self.sudo()
        is_invitation = Domain("mail_id", "=", self.id)
        return bool(mail_sudo.portal_agent_id or mail_sudo.env["portal.agent.invitation"].search_count(is_invitation))

    def _cancel_portal_agent_mails(self):
        """Cancel these mails, except those that are being sent right now, which can't be stopped any more.

        :return: cancelled mails
        :rtype: mail.mail
        """
        mails = self.try_lock_for_update()
        mails.cancel()
        return mails

    def _postprocess_sent_message(self, success_pids, success_emails, failure_reason=False, failure_type=None):
        """Record the result of an agent's invitation before the mail is deleted."""
        self.env["portal.agent.invitation"].sudo()._record_result(self, failure_type, failure_reason)
        return super()._postprocess_sent_message(
            success_pids, success_emails, failure_reason=failure_reason, failure_type=failure_type
        )
