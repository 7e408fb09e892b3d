from odoo import api, fields, models
from odoo.exceptions import UserError


class PortalAgentAssign(models.TransientModel):
    _name = "portal.agent.assign"
    _description = "Assign Portal Agents"

    mode = fields.Selection(
        selection=[
            ("add", "Add to the agents they have"),
            ("replace", "Replace the agents they have"),
            ("remove", "Take away"),
        ],
        string="What to do",
        default="add",
        required=True,
    )
    agent_ids = fields.Many2many(
        comodel_name="res.users",
        string="Agents",
        domain="[('is_portal_agent', '=', True)]",
    )
    partner_ids = fields.Many2many(
        comodel_name="res.partner",
        string="Customers",
    )
    partner_count = fields.Integer(string="Number of Customers", compute="_compute_partner_count")

    @api.depends("partner_ids")
    def _compute_partner_count(self):
        for wizard in self:
            wizard.partner_count = len(wizard.partner_ids.commercial_partner_id)

    def action_apply(self):
        """Change the agents of the chosen customers.

        :return: a client action that refreshes the view behind the wizard
        :rtype: dict
        :raise UserError: if nobody is chosen and something else than removing all was meant
        """
        self.ensure_one()
        if not self.agent_ids and self.mode != "replace":
            raise UserError(self.env._("Choose at least one agent."))
        if self.mode == "remove":
            self.partner_ids._change_portal_agents(remove=self.agent_ids)
        else:
            self.partner_ids._change_portal_agents(add=self.agent_ids, replace=self.mode == "replace")
        return {"type": "ir.actions.client", "tag": "soft_reload"}
