from odoo import api, fields, models
from odoo.fields import Domain

# Only code of this addon marks a mail; see :meth:`MailMail.create`.
MARKS = ("portal_agent_id", "portal_agent_scope", "portal_agent_period_start")


class MailMail(models.Model):
    _inherit = "mail.mail"

    portal_agent_id = fields.Many2one(
        comodel_name="res.users",
        string="Agent",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
    )
    # What an invitation or a weekly mail was written for: it is only sent if this is still the same. Odoo fetches it
    # together with the mail's other fields, so that recognizing all other mails costs no query.
    portal_agent_scope = fields.Char(string="Scope of the Agent's Mail", readonly=True)
    # Only weekly mails have a period.
    portal_agent_period_start = fields.Datetime(string="Start of the Weekly Mail's Period", readonly=True)

    @api.model_create_multi
    def create(self, vals_list):
        """Create mails without marks, which :meth:`_mark_for_portal_agent` sets.

        Employees can choose the values of mails that they create, for example with ``mail.template.send_mail``.
        """
        return super().create([vals | dict.fromkeys(MARKS, False) for vals in vals_list])

    def _mark_for_portal_agent(self, agent, scope, period_start=False):
        """Mark this mail as an invitation or a weekly mail, so that it is checked before it is sent.

        :param agent: ``res.users`` record of the agent
        :param str scope: what the mail was written for
        :param period_start: start of the period that a weekly mail covers, in UTC
        """
        self.write(
            {"portal_agent_id": agent.id, "portal_agent_scope": scope, "portal_agent_period_start": period_start}
        )

    def _prepare_outgoing_list(self, *args, **kwargs):
        """Check an agent's mail right before it is sent, because it may have been in the mail queue for some time.

        A mail that must not be sent any more is cancelled; it gets no recipients, and Odoo deletes it.
        """
        if self.portal_agent_scope:
            # Odoo has changed the state of the mail, but not written it to the database. Lock the mail, so that no
            # other transaction deletes it before Odoo has written the result.
            self.flush_recordset(["state"])
            if not self.sudo()._is_portal_agent_mail_current():
                self._cancel_portal_agent_mail()
                return []
        return super()._prepare_outgoing_list(*args, **kwargs)

    def _is_portal_agent_mail_current(self):
        """Return whether an agent's mail can still be sent as it was written.

        :rtype: bool
        """
        self.ensure_one()
        if self.portal_agent_period_start:
            return self.portal_agent_id._is_weekly_mail_current(self.portal_agent_scope)
        invitation = self.env["portal.agent.invitation"].search(Domain("mail_id", "=", self.id))
        return bool(invitation) and invitation._is_current()

    def _cancel_portal_agent_mail(self):
        """Cancel this mail. If it is the agent's last weekly mail, the next run writes another one for the same period.

        A mail that could not be sent is older: later mails may have covered what followed it.
        """
        self.cancel()
        agent_sudo = self.sudo().portal_agent_id
        last = agent_sudo.portal_agent_weekly_mail_date
        if self.portal_agent_period_start and last and last <= self.date:
            # A user that another transaction has locked would make Odoo end this run of the mail queue.
            agent_sudo = agent_sudo.try_lock_for_update(allow_referencing=True)
            agent_sudo.portal_agent_weekly_mail_date = self.portal_agent_period_start

    def _postprocess_sent_message(self, success_pids, success_emails, failure_reason=False, failure_type=None):
        """Record the result of agents' invitations before the mails are deleted."""
        agents_mails = self.filtered("portal_agent_scope")
        if agents_mails and (success_pids or success_emails or failure_type):
            self.env["portal.agent.invitation"].sudo()._record_result(agents_mails, failure_type, failure_reason)
        return super()._postprocess_sent_message(
            success_pids, success_emails, failure_reason=failure_reason, failure_type=failure_type
        )
