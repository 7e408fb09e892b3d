from odoo import api, fields, models


class PortalAgentAccess(models.TransientModel):
    _name = "portal.agent.access"
    _description = "Make or Dismiss Portal Agents"

    mode = fields.Selection(
        selection=[("make", "Make portal agents"), ("dismiss", "Dismiss portal agents")],
        required=True,
        default="make",
    )
    partner_ids = fields.Many2many(comodel_name="res.partner", string="Selected Contacts")
    able_ids = fields.Many2many(comodel_name="res.partner", string="Contacts", compute="_compute_able_ids")
    problems = fields.Text(string="Left Out", compute="_compute_able_ids")
    customer_count = fields.Integer(string="Customers to Release", compute="_compute_customer_count")

    @api.depends("mode", "partner_ids")
    def _compute_able_ids(self):
        for wizard in self:
            reasons = wizard._get_reasons()
            wizard.able_ids = wizard.partner_ids._origin.filtered_domain([("id", "not in", list(reasons))])
            wizard.problems = "\n".join(reasons.values())

    def _get_reasons(self):
        """Return the contacts that are left out, with the reasons.

        :return: translated sentence by contact id
        :rtype: dict[int, str]
        """
        contacts = self.partner_ids._origin
        if self.mode == "dismiss":
            return {
                contact.id: self.env._("%(name)s is not a portal agent.", name=contact.display_name)
                for contact in contacts
                if not contact.is_portal_agent
            }
        agents = contacts.filtered("is_portal_agent")
        return (contacts - agents)._get_reasons_against_portal_agents() | {
            contact.id: self.env._("%(name)s is a portal agent already.", name=contact.display_name)
            for contact in agents
        }

    @api.depends("able_ids")
    def _compute_customer_count(self):
        for wizard in self:
            wizard.customer_count = sum(wizard.able_ids.mapped("portal_agent_customer_count"))

    def action_apply(self):
        """Make the selected contacts portal agents, or dismiss them, as far as possible.

        :return: client action that lists what was done and who was left out
        :rtype: dict
        """
        self.ensure_one()
        Partner = self.env["res.partner"]
        contacts, left_out = self.able_ids, self._get_reasons().values()
        if self.mode == "dismiss":
            return Partner._notify_portal_agents_dismissed(contacts._dismiss_portal_agents().mapped("name"), left_out)
        return Partner._notify_portal_agents_made(contacts._make_portal_agents().mapped("name"), left_out)
