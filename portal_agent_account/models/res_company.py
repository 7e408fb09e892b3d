from odoo import api, fields, models
from odoo.exceptions import ValidationError


class ResCompany(models.Model):
    _inherit = "res.company"

    portal_agent_draft_quotation = fields.Boolean(
        string="Agents See Draft Quotations",
        default=True,
        help="Portal agents see a customer's quotations before these are sent.",
    )
    portal_agent_weekly_mail = fields.Boolean(
        string="Weekly Mail to Agents",
        help="Each portal agent gets a mail a week: new orders, what is newly overdue, quotations that expire soon, "
        "and customers who have gone quiet. An agent can unsubscribe.",
    )
    portal_agent_weekly_mail_weekday = fields.Selection(
        selection=[
            ("0", "Monday"),
            ("1", "Tuesday"),
            ("2", "Wednesday"),
            ("3", "Thursday"),
            ("4", "Friday"),
            ("5", "Saturday"),
            ("6", "Sunday"),
        ],
        string="Weekday of the Weekly Mail",
        default="0",
        required=True,
    )
    portal_agent_weekly_mail_hour = fields.Integer(
        string="Hour of the Weekly Mail",
        default=7,
        help="From 0 to 23, in the agent's time zone.",
    )
    portal_agent_shown_to_customer = fields.Boolean(
        string="Customers See Their Agents",
        help="A customer's account page names the portal agents who look after the customer, with email and phone.",
    )

    @api.constrains("portal_agent_weekly_mail")
    def _check_portal_agent_weekly_mail_template(self):
        """Check that the template exists if the weekly mail is enabled.

        :raise ValidationError: if the template was deleted
        """
        Users = self.env["res.users"]
        if any(self.mapped("portal_agent_weekly_mail")) and not Users._get_weekly_mail_template():
            raise ValidationError(Users._get_no_weekly_mail_template_message())

    @api.constrains("portal_agent_weekly_mail_hour")
    def _check_portal_agent_weekly_mail_hour(self):
        """Check the hour of the weekly mail.

        :raise ValidationError: if the hour is not between 0 and 23
        """
        if any(not 0 <= company.portal_agent_weekly_mail_hour <= 23 for company in self):
            raise ValidationError(self.env._("The hour of the weekly mail must be between 0 and 23."))
