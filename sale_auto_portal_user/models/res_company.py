from odoo import fields, models


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
    auto_portal_user_template_id = fields.Many2one(
        comodel_name="mail.template",
        string="Portal Account Invitation",
        domain=[("model", "=", "res.users")],
        ondelete="set null",
        help="The email that invites the customer. Empty: the template that comes with this feature.",
    )

    def _get_auto_portal_user_template(self):
        """Return the template of the invitation.

        :return: the company's choice, else the template that comes with this addon
        :rtype: mail.template record, empty where both were deleted
        """
        self.ensure_one()
        return (
            self.auto_portal_user_template_id
            or self.env.ref("sale_auto_portal_user.mail_template_portal_invitation", raise_if_not_found=False)
            or self.env["mail.template"]
        )
