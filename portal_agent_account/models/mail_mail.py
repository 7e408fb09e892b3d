from odoo import fields, models


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

    def _postprocess_sent_message(self, success_pids, success_emails, failure_reason=False, failure_type=None):
        """Record the result of an agent's invitation before the mail is deleted."""
        self.env["portal.agent.invitation"].sudo()._record_result(self, failure_type, failure_reason)
        return super()._postprocess_sent_message(
            success_pids, success_emails, failure_reason=failure_reason, failure_type=failure_type
        )
