from odoo import api, fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    auto_portal_user = fields.Boolean(
        string="Portal Account on Confirmation",
        default=True,
        help="Give the customer of a confirmed order a portal account and an invitation.",
    )
    auto_portal_user_scope = fields.Selection(
        selection=[("all", "All orders"), ("website", "Web orders only")],
        string="Portal Accounts For",
        default="all",
        required=True,
    )
    auto_portal_user_free_orders = fields.Selection(
        selection=[
            ("signup", "If sign-up is free"),
            ("always", "Create accounts"),
            ("never", "Create no accounts"),
        ],
        string="Portal Accounts for Free Web Orders",
        default="signup",
        required=True,
        help="Anybody can place an order that costs nothing, with any email address.",
    )
    auto_portal_user_company_contacts = fields.Boolean(
        string="Portal Accounts for Contacts of Companies",
        help="Create the account of a contact whose company has other documents, too, whoever confirms the order. "
        "The contact sees all documents of the company. Otherwise only users who may grant portal access do so.",
    )
    auto_portal_user_template_id = fields.Many2one(
        comodel_name="mail.template",
        string="Portal Account Invitation",
        domain=[("model", "=", "sale.portal.invitation")],
        ondelete="set null",
        help="The email that invites the customer. Empty: the template that comes with this feature.",
    )
    auto_portal_user_reminder_days = fields.Integer(
        string="Remind After (Days)",
        default=lambda self: self._default_auto_portal_user_reminder_days(),
        help="Send one reminder, with a new link, to customers who have not used the invitation after this many days. "
        "0: never.",
    )
    auto_portal_user_archive_days = fields.Integer(
        string="Archive Unused Accounts After (Days)",
        help="Archive portal accounts that have not been used this many days after the last invitation. 0: never.",
    )

    _check_auto_portal_user_days = models.Constraint(
        "CHECK (auto_portal_user_reminder_days >= 0 AND auto_portal_user_archive_days >= 0)",
        "Enter a number of days, or 0 for never.",
    )

    @api.model
    def _default_auto_portal_user_reminder_days(self):
        """Return half of the validity of an invitation's link.

        :return: number of whole days
        :rtype: int
        """
        return self.env["sale.portal.invitation"]._get_validity_hours() // 48

    def _get_auto_portal_user_template(self):
        """Return the template of the invitation.

        :return: template set on the company, or else the addon's own; empty if it was deleted
        :rtype: mail.template record
        """
        self.ensure_one()
        return (
            self.auto_portal_user_template_id
            or self.env.ref("sale_auto_portal_user.mail_template_portal_invitation", raise_if_not_found=False)
            or self.env["mail.template"]
        )
