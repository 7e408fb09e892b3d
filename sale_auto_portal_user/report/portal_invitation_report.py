from odoo import fields, models
from odoo.tools import SQL


class SalePortalInvitationReport(models.Model):
    """Statistics of invitations.

    The acceptance rate only includes sent invitations, the time until acceptance only accepted ones.
    """

    _name = "sale.portal.invitation.report"
    _description = "Portal Invitation Analysis"
    _auto = False
    _rec_name = "date"
    _order = "date desc"

    date = fields.Datetime(string="Invited On", readonly=True)
    state = fields.Selection(
        selection=lambda self: self.env["sale.portal.invitation"]._fields["state"]._description_selection(self.env),
        string="Status",
        readonly=True,
    )
    partner_id = fields.Many2one(comodel_name="res.partner", string="Customer", readonly=True)
    order_id = fields.Many2one(comodel_name="sale.order", readonly=True)
    company_id = fields.Many2one(comodel_name="res.company", readonly=True)
    website_id = fields.Many2one(comodel_name="website", readonly=True)
    sent = fields.Integer(readonly=True)
    reminded = fields.Integer(readonly=True)
    accepted = fields.Integer(readonly=True)
    declined = fields.Integer(readonly=True)
    never_used = fields.Integer(readonly=True, help="Sent, and not accepted.")
    acceptance_rate = fields.Float(string="Accepted (%)", readonly=True, aggregator="avg")
    acceptance_days = fields.Float(string="Days until Accepted", readonly=True, aggregator="avg")

    @property
    def _table_query(self):
        return SQL(
            """
            SELECT id,
                   create_date AS date,
                   state,
                   partner_id,
                   order_id,
                   company_id,
                   website_id,
                   (sent_date IS NOT NULL)::int AS sent,
                   (reminded_date IS NOT NULL)::int AS reminded,
                   (state = 'accepted')::int AS accepted,
                   (state = 'declined')::int AS declined,
                   (sent_date IS NOT NULL AND state != 'accepted')::int AS never_used,
                   CASE WHEN sent_date IS NOT NULL THEN (state = 'accepted')::int END AS acceptance_rate,
                   CASE
                       WHEN state = 'accepted' AND sent_date IS NOT NULL
                       THEN greatest(extract(EPOCH FROM accepted_date - sent_date), 0) / 86400
                   END AS acceptance_days
              FROM sale_portal_invitation
            """
        )
