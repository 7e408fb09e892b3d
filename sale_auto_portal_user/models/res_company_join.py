from odoo import fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    auto_portal_user_join = fields.Boolean(
        string="Join Guest Orders",
        default=True,
        help="A guest's order joins the portal account that its email address belongs to, once the owner has "
        "signed in where the order was placed, or with the link in a message that is sent to the address.",
    )
